//! The embedded offers: every instance type at every price in every region.
//!
//! An offer is five words: what the instance is, where, the capacity class, the price, and the list it is from. What is
//! shared stays shared, which is what makes 90,000 of them load in milliseconds.

use std::sync::OnceLock;

use crate::accelerator::{Accelerator, Kind, accelerator};
use crate::decimal::{self, Rounding};
use crate::region::{Region, region};
use crate::risk;
use crate::source::{Source, source, sources};
use crate::table::{fields, head_and_rows, maybe, rows};

static INSTANCE_TYPES: &str = include_str!("../tables/instance_types.csv");

/// A matrix of prices a cloud, in the order of offers.
static PRICES: [(&str, &str); 6] = [
    ("aws", include_str!("../tables/prices_aws.csv")),
    ("azure", include_str!("../tables/prices_azure.csv")),
    ("gcp", include_str!("../tables/prices_gcp.csv")),
    ("lambda", include_str!("../tables/prices_lambda.csv")),
    ("nebius", include_str!("../tables/prices_nebius.csv")),
    ("runpod", include_str!("../tables/prices_runpod.csv")),
];

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capacity {
    /// Cheap, and may be taken back.
    Spot,
    /// By the hour.
    OnDemand,
    /// Committed for a year, the price of an hour of it.
    Reserved,
    /// Owned.
    OnPrem,
}

impl Capacity {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Spot, Self::OnDemand, Self::Reserved, Self::OnPrem];

    /// As documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
            Self::Reserved => "reserved",
            Self::OnPrem => "on-prem",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

/// The instruction set of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// By its name, whatever the case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arch| arch.name().eq_ignore_ascii_case(name))
    }

    /// As Kubernetes labels it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// What one instance holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceType {
    /// The cloud that has it.
    pub cloud: &'static str,
    /// The cloud's own name of it.
    pub name: &'static str,
    /// Its accelerator.
    pub accelerator: Option<&'static Accelerator>,
    /// Thousandths of accelerators: 8000 for eight, 167 for the sixth of a card; 0 without.
    pub accelerators_milli: u32,
    /// Thousandths of vCPUs; `None` where the list does not say.
    pub cpu_milli: Option<u64>,
    /// Memory of the host; `None` where the list does not say.
    pub memory_bytes: Option<u64>,
    /// The host's instruction set.
    pub arch: Arch,
    /// Where cpu and memory are from when not from a list: `family`, `twin` or `tpu`, as the table's comment says.
    pub size_from: Option<&'static str>,
}

/// Something that can be rented.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CatalogOffer {
    /// What one instance holds.
    pub instance: &'static InstanceType,
    /// Where it is.
    pub region: &'static Region,
    /// How it is bought.
    pub capacity: Capacity,
    /// Price of one instance for an hour, in billionths of a dollar.
    pub hourly_nano_usd: i64,
    /// Spot on AWS: how often an instance is taken back in an hour. Elsewhere
    /// [`default_interruptions_per_hour`](crate::default_interruptions_per_hour) is what there is.
    pub interruptions_per_hour: Option<f64>,
    /// The price list.
    pub list: &'static Source,
}

impl CatalogOffer {
    /// The cloud.
    pub fn cloud(&self) -> &'static str {
        self.instance.cloud
    }

    /// The region's name.
    pub fn region_name(&self) -> &'static str {
        self.region.name
    }

    /// The instance type's name.
    pub fn instance_type(&self) -> &'static str {
        self.instance.name
    }

    /// The accelerator's name.
    pub fn accelerator(&self) -> Option<&'static str> {
        self.instance.accelerator.map(|accelerator| accelerator.name)
    }

    /// The accelerator's kind.
    pub fn kind(&self) -> Option<Kind> {
        self.instance.accelerator.map(|accelerator| accelerator.kind)
    }

    /// Memory of one whole accelerator; of the slice for a TPU.
    pub fn accelerator_memory_bytes(&self) -> Option<u64> {
        self.instance.accelerator.map(|accelerator| accelerator.memory_bytes)
    }

    /// Who says what it costs.
    pub fn source(&self) -> &'static str {
        self.list.name
    }

    /// The day of the price, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &'static str {
        self.list.as_of
    }

    /// `cloud/region/instanceType/capacity`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.cloud(), self.region.name, self.instance.name, self.capacity.name())
    }
}

/// The clouds of the catalogue, in the order of the offers.
pub fn clouds() -> impl Iterator<Item = &'static str> {
    PRICES.iter().map(|(cloud, _)| *cloud)
}

/// Every instance type, sorted by cloud and name.
pub fn instance_types() -> &'static [InstanceType] {
    static PARSED: OnceLock<Vec<InstanceType>> = OnceLock::new();
    PARSED.get_or_init(|| rows(INSTANCE_TYPES).map(parse_type).collect())
}

fn parse_type(line: &'static str) -> InstanceType {
    let [cloud, name, card, cards, cpu, memory, arch, size_from] = fields(line);
    let size = |text, factor, places| {
        maybe(text)
            .map(|text| decimal::scaled(text, factor, places, Rounding::Up).expect("sizes are decimals"))
    };
    let accelerator =
        maybe(card).map(|card| accelerator(card).expect("an instance's accelerator is in the table"));
    InstanceType {
        cloud,
        name,
        accelerator,
        accelerators_milli: size(cards, 1, 3).map_or(0, |milli| milli as u32),
        cpu_milli: size(cpu, 1, 3),
        memory_bytes: size(memory, 1 << 30, 0),
        arch: if arch == "arm64" { Arch::Arm64 } else { Arch::Amd64 },
        size_from: maybe(size_from),
    }
}

/// Every offer, sorted by cloud, instance type and capacity class, then by region.
pub fn offers() -> &'static [CatalogOffer] {
    &loaded().offers
}

/// The offers of one cloud; empty for a cloud that the catalogue lacks.
pub fn offers_of(cloud: &str) -> &'static [CatalogOffer] {
    let loaded = loaded();
    match PRICES.iter().position(|(name, _)| *name == cloud) {
        Some(at) => &loaded.offers[loaded.ends[at]..loaded.ends[at + 1]],
        None => &[],
    }
}

struct Loaded {
    offers: Vec<CatalogOffer>,
    /// Where the offers of each cloud begin, and where the last end.
    ends: Vec<usize>,
}

fn loaded() -> &'static Loaded {
    static PARSED: OnceLock<Loaded> = OnceLock::new();
    PARSED.get_or_init(|| {
        // A tenth more than there were when this was written, so that the vector does not grow while it is filled.
        let mut offers = Vec::with_capacity(110_000);
        let mut ends = vec![0];
        let mut types = instance_types();
        for (cloud, text) in PRICES {
            let end = types.partition_point(|instance| instance.cloud <= cloud);
            read_matrix(cloud, text, &types[..end], &mut offers);
            types = &types[end..];
            ends.push(offers.len());
        }
        Loaded { offers, ends }
    })
}

fn read_matrix(
    cloud: &'static str,
    text: &'static str,
    types: &'static [InstanceType],
    offers: &mut Vec<CatalogOffer>,
) {
    let (head, lines) = head_and_rows(text);
    let columns = head.split(',').skip(3);
    let columns: Vec<&Region> =
        columns.map(|name| region(cloud, name).expect("a column of prices is a region")).collect();
    let mut types = types.iter();
    let mut instance = types.next().expect("a cloud with prices has instance types");
    for line in lines {
        let mut cells = line.split(',');
        let mut head = || cells.next().expect("a line of prices begins with type, capacity and list");
        let (name, capacity, list) = (head(), head(), head());
        while instance.name != name {
            instance = types.next().expect("types and prices are sorted alike");
        }
        let capacity = Capacity::from_name(capacity).expect("a line of prices names a capacity class");
        let list = source(list);
        for (region, cell) in columns.iter().zip(cells) {
            if cell.is_empty() {
                continue;
            }
            let (price, rate) = match cell.as_bytes() {
                [.., b'/', band] => (&cell[..cell.len() - 2], Some(risk::of_band(usize::from(band - b'0')))),
                _ => (cell, None),
            };
            let hourly_nano_usd = decimal::nano_cell(price);
            offers.push(CatalogOffer {
                instance,
                region,
                capacity,
                hourly_nano_usd,
                interruptions_per_hour: rate,
                list,
            });
        }
    }
}

/// The day of the newest price list, `YYYY-MM-DD`: what "now" is when nobody says.
pub fn newest_price_date() -> &'static str {
    let dates = sources().iter().filter(|source| source.kind == "price").map(|source| source.as_of);
    dates.max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
