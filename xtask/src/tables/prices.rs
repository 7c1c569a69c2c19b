//! All instance types and prices, gathered from the providers' lists, and the tables made of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::accelerators::Names;
use super::money::{NANO, decimal};
use super::output::Text;
use super::regions::Regions;
use crate::error::{Error, Result};

/// What an instance is, as text of the table. Empty: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) accelerator: String,
    /// Whole accelerators, or a decimal part of one.
    pub(super) accelerators: String,
    pub(super) cpu: String,
    pub(super) memory_gib: String,
    pub(super) arch: &'static str,
    /// Where cpu and memory come from when not from the price list itself.
    pub(super) origin: &'static str,
}

impl Size {
    /// Takes vCPUs and GiB from the rule of the family where a list lacks either.
    pub(super) fn fill(&mut self, by_family: Option<(u32, u32)>) {
        if let Some((cpu, memory)) = by_family.filter(|_| self.cpu.is_empty() || self.memory_gib.is_empty()) {
            self.cpu = cpu.to_string();
            self.memory_gib = memory.to_string();
            self.origin = "family";
        }
    }
}

/// A price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    pub(super) nano: i64,
    /// AWS spot: the interruption band 0..4.
    pub(super) band: Option<u8>,
}

/// Capacity classes in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Capacity {
    OnDemand,
    Reserved,
    Spot,
}

impl Capacity {
    fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Reserved => "reserved",
            Self::Spot => "spot",
        }
    }
}

type Cells = BTreeMap<String, Price>;
type Line = (String, Capacity, &'static str);

/// Everything that can be rented, by cloud.
#[derive(Default)]
pub(super) struct PriceBook {
    sizes: BTreeMap<(&'static str, String), Size>,
    prices: BTreeMap<&'static str, BTreeMap<Line, Cells>>,
}

impl PriceBook {
    /// States what an instance type is; the first statement stands.
    pub(super) fn size(
        &mut self,
        cloud: &'static str,
        instance_type: &str,
        size: impl FnOnce() -> Result<Size>,
    ) -> Result<()> {
        if let Entry::Vacant(place) = self.sizes.entry((cloud, instance_type.to_owned())) {
            place.insert(size()?);
        }
        Ok(())
    }

    /// Adds a price; of two for the same place on the same list the lower stands (zones of one region).
    pub(super) fn price(
        &mut self,
        cloud: &'static str,
        instance_type: &str,
        capacity: Capacity,
        list: &'static str,
        region: &str,
        price: Price,
    ) {
        let lines = self.prices.entry(cloud).or_default();
        let cells = lines.entry((instance_type.to_owned(), capacity, list)).or_default();
        let cell = cells.entry(region.to_owned()).or_insert(price);
        if price.nano < cell.nano {
            *cell = price;
        }
    }

    /// Every interruption band in the book, once for each offer that has it.
    pub(super) fn bands(&self) -> impl Iterator<Item = u8> {
        self.prices
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(BTreeMap::values)
            .filter_map(|price| price.band)
    }

    /// The laws of the book: every price positive, every type, accelerator and region known.
    pub(super) fn check(&self, names: &Names, regions: &Regions) -> Result<()> {
        for (cloud, lines) in &self.prices {
            for ((instance_type, capacity, _), cells) in lines {
                let what = format!("{cloud} {instance_type} {}", capacity.name());
                let Some(size) = self.sizes.get(&(*cloud, instance_type.clone())) else {
                    return Err(Error::new(format!("{what}: nothing says what the type is")));
                };
                if !size.accelerator.is_empty() && !names.knows(&size.accelerator) {
                    return Err(Error::new(format!(
                        "{what}: {} is not in the accelerator table",
                        size.accelerator
                    )));
                }
                for (region, price) in cells {
                    if price.nano <= 0 {
                        return Err(Error::new(format!("{what} in {region}: the price is {}", price.nano)));
                    }
                    if !regions.knows(cloud, region) {
                        return Err(Error::new(format!(
                            "{what}: {region} is not in catalog/facts/regions.csv"
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    /// `instance_types.csv` and one matrix of prices a cloud.
    pub(super) fn tables(&self) -> Vec<(String, String)> {
        let mut files = vec![self.types()];
        for (cloud, lines) in &self.prices {
            let regions: BTreeSet<&str> =
                lines.values().flat_map(|cells| cells.keys().map(String::as_str)).collect();
            let mut text = Text::new(
                comment(cloud),
                &format!(
                    "instance_type,capacity,list,{}",
                    regions.iter().copied().collect::<Vec<_>>().join(",")
                ),
            );
            for ((instance_type, capacity, list), cells) in lines {
                let head = [instance_type.clone(), capacity.name().to_owned(), (*list).to_owned()];
                text.row(
                    head.into_iter().chain(
                        regions.iter().map(|region| cells.get(*region).map_or_else(String::new, cell)),
                    ),
                );
            }
            files.push(text.into_file(format!("prices_{cloud}.csv")));
        }
        files
    }

    fn types(&self) -> (String, String) {
        let mut text = Text::new(
            "Instance types: what one instance holds.
             accelerators: a decimal is a part of one (Azure's and AWS's shared cards). memory_gib: of the host, 2^30 bytes.
             Empty: the source does not say. size_from: empty when the price list or the provider's size list says it;
             family: from the rule of the family (AWS c/m/r of generation 5 on: 2, 4, 8 GiB a vCPU; GCP's published ratios);
             twin: Azure's own page for that size, or the same machine under another name;
             tpu: hosts of the slice, from Google's page of TPU machine types.
             Left out: Azure sizes of unknown vCPUs or memory, Azure N-series whose card is not known (RTX PRO 6000, V620, V710,
             A10 v4, NV v2, MA35D), AWS vt1 (U30 media cards), g7 (card not known) and g2 (K520, of 2013).",
            "cloud,instance_type,accelerator,accelerators,cpu,memory_gib,arch,size_from",
        );
        for ((cloud, instance_type), size) in &self.sizes {
            let Size { accelerator, accelerators, cpu, memory_gib, arch, origin } = size;
            text.row([*cloud, instance_type, accelerator, accelerators, cpu, memory_gib, arch, origin]);
        }
        text.into_file("instance_types.csv")
    }
}

fn cell(price: &Price) -> String {
    let hourly = decimal(price.nano, NANO);
    price.band.map_or_else(|| hourly.clone(), |band| format!("{hourly}/{band}"))
}

fn comment(cloud: &str) -> &'static str {
    match cloud {
        "aws" => {
            "AWS: US dollars an hour for one instance. A column is a region, a row one type, capacity class and price list (sources.csv).
             aws-2026: on-demand, us-east-1, every type, 2026-07-20. It wins over the others there.
             aws-2025: on-demand and one-year reserved without upfront payment, accelerators, 28 regions, 2025-11-30.
             aws-2024: on-demand of 2024-06-13 for plain CPU families, F1 and DL1 in the other regions.
             aws-spot-*: on-demand x (1 - savings of Spot Advisor of 2025-06-28), as PRICE/BAND; bands in interruptions.csv.
             Local and wavelength zones, China and GovCloud left out. Price facts; the lists are AWS's own, public ones."
        },
        "azure" => {
            "Azure: US dollars an hour for one instance, Linux. A column is a region, a row one type and price list (sources.csv).
             On-demand only, 2026-06-18: no list of spot or reserved prices is at hand. Dedicated hosts, promotions, prices of zero
             and sizes of unknown vCPUs or memory left out. Price facts; the list is Azure's own, public one."
        },
        "gcp" => {
            "GCP: US dollars an hour for one instance, accelerators included. A column is a region, a row one type, capacity class and
             list (sources.csv). gcp-2026: on-demand and spot, 2026-08-03. gcp-tpu-2026: TPU slices, chips x the price of a chip-hour,
             2026-08-19; whether a region has the largest slices is not said. gcp-2024: N1 machines with T4, P4, P100 or V100 cards,
             named MACHINE+CARDSxCARD, 2024-06-13. Price facts; the lists are Google's own, public ones."
        },
        "lambda" => "Lambda: US dollars an hour for one instance, on-demand, 2024-06-13. Price facts; the list is Lambda's own, public one.",
        "nebius" => "Nebius: US dollars an hour for one instance, on-demand and preemptible (spot), 2025. Price facts; the list is Nebius' own, public one.",
        _ => "RunPod, secure cloud: US dollars an hour for one pod, on-demand and interruptible (spot), 2024-06-13. Regions are countries.\n\
              Price facts; the list is RunPod's own, public one.",
    }
}
