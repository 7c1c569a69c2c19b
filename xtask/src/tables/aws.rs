//! AWS: three price lists and Spot Advisor.
//!
//! One region and type takes its on-demand price from the newest list that has it. Spot is derived: on-demand less the
//! savings that Spot Advisor states, which is what AWS itself means by savings.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::accelerators::Names;
use super::input::{Row, Table};
use super::money::{NANO, scaled};
use super::prices::{Capacity, Price, PriceBook, Size};
use crate::error::Result;

const CLOUD: &str = "aws";

/// Plain CPU families taken from the list of 2024 for regions other than us-east-1, and the FPGA and Gaudi families that
/// the list of 2025 lacks.
const FAMILIES_2024: &[&str] = &[
    "t3", "t3a", "t4g", "m5", "m5a", "m6i", "m6a", "m6g", "m7i", "m7a", "m7g", "c5", "c5a", "c6i", "c6a",
    "c6g", "c7i", "c7a", "c7g", "r5", "r5a", "r6i", "r6a", "r6g", "r7i", "r7a", "r7g", "f1", "dl1",
];

/// Families that hold an accelerator that the table of accelerators lacks: offering them as CPU would mislead.
const LEFT_OUT: &[&str] = &["g2", "g7", "vt1"];

pub(super) fn read(sources: &Sources<'_>, names: &Names, book: &mut PriceBook) -> Result<()> {
    let newest = Table::read(sources.data, "catalog/aws_ondemand_us-east-1_2026-07-20.csv.gz")?;
    let cards = Table::read(sources.data, "catalog/aws_accel_ondemand_reserved_2025-11-30.csv.gz")?;
    let wide = Table::read(sources.data, "catalog/skypilot_v5_2024-06-13.csv.gz")?;
    let advisor = Table::read(sources.data, "catalog/aws_spot_advisor_2025-06-28.csv.gz")?;

    let mut kinds = Kinds::default();
    for row in newest.rows().chain(cards.rows()) {
        kinds.learn(row, names)?;
    }

    let mut on_demand = BTreeMap::new();
    for row in newest.rows() {
        let key = (row.get("region")?.to_owned(), row.get("instance_type")?.to_owned());
        on_demand.insert(key, (scaled(row.get("price_usd_per_hour")?, NANO)?, "aws-2026"));
    }
    for row in cards.rows() {
        let key = (row.get("region")?.to_owned(), row.get("instance_type")?.to_owned());
        let price = scaled(row.get("ondemand_usd_per_hour")?, NANO)?;
        on_demand.entry(key).or_insert((price, "aws-2025"));
        if let Some(reserved) = row.maybe("reserved_usd_per_hour")? {
            let (instance_type, region) = (row.get("instance_type")?, row.get("region")?);
            if !left_out(instance_type) {
                let price = Price { nano: scaled(reserved, NANO)?, band: None };
                book.price(CLOUD, instance_type, Capacity::Reserved, "aws-2025", region, price);
                book.size(CLOUD, instance_type, || Ok(kinds.size(instance_type)))?;
            }
        }
    }
    for row in wide.rows() {
        let instance_type = row.get("instance_type")?;
        if row.get("cloud")? != CLOUD
            || !FAMILIES_2024.contains(&family(instance_type))
            || row.get("price")?.is_empty()
        {
            continue;
        }
        kinds.learn(row, names)?;
        let key = (row.get("region")?.to_owned(), instance_type.to_owned());
        on_demand.entry(key).or_insert((scaled(row.get("price")?, NANO)?, "aws-2024"));
    }

    for ((region, instance_type), (nano, list)) in &on_demand {
        if left_out(instance_type) {
            continue;
        }
        book.size(CLOUD, instance_type, || Ok(kinds.size(instance_type)))?;
        book.price(CLOUD, instance_type, Capacity::OnDemand, list, region, Price { nano: *nano, band: None });
    }

    for row in advisor.rows() {
        let (region, instance_type) = (row.get("region")?, row.get("instance_type")?);
        let Some((nano, list)) = on_demand.get(&(region.to_owned(), instance_type.to_owned())) else {
            continue;
        };
        if left_out(instance_type) {
            continue;
        }
        let savings = row.get("savings_over_ondemand_pct")?;
        if savings.starts_with('-') {
            // A stale on-demand price on AWS' side: nobody pays more for spot than for on-demand.
            continue;
        }
        let savings = scaled(savings, 0)?;
        let band = scaled(row.get("interruption_band")?, 0)?;
        let spot = nano * (100 - savings) / 100;
        if spot <= 0 || !(0..5).contains(&band) {
            return Err(row.wrong("the savings are not between 0 and 99 %, or the band is not 0 to 4"));
        }
        // The price is as old as the older of its two factors.
        let list = if *list == "aws-2024" { "aws-spot-2024" } else { "aws-spot-2025" };
        book.price(
            CLOUD,
            instance_type,
            Capacity::Spot,
            list,
            region,
            Price { nano: spot, band: Some(band as u8) },
        );
    }
    Ok(())
}

fn family(instance_type: &str) -> &str {
    instance_type.split_once('.').map_or(instance_type, |(family, _)| family)
}

fn left_out(instance_type: &str) -> bool {
    LEFT_OUT.contains(&family(instance_type))
}

/// What the lists say about each type, put together: one list knows the cards, another the architecture.
#[derive(Default)]
struct Kinds {
    known: BTreeMap<String, Size>,
    arm: BTreeSet<String>,
}

impl Kinds {
    fn learn(&mut self, row: Row<'_>, names: &Names) -> Result<()> {
        let instance_type = row.get("instance_type")?;
        let size = self.known.entry(instance_type.to_owned()).or_default();
        if let Some(accelerator) = row.maybe("accelerator")?.filter(|_| size.accelerator.is_empty()) {
            // A card that the table lacks is only in families that are left out.
            names.canonical(accelerator).unwrap_or_default().clone_into(&mut size.accelerator);
            size.accelerators = trimmed(row.get("accel_count")?);
        }
        for (field, column) in [(&mut size.cpu, "vcpus"), (&mut size.memory_gib, "mem_gib")] {
            if field.is_empty() {
                *field = trimmed(row.get(column)?);
            }
        }
        if row.get("arch").is_ok_and(|arch| arch == "arm64") {
            self.arm.insert(instance_type.to_owned());
        }
        Ok(())
    }

    fn size(&self, instance_type: &str) -> Size {
        let mut size = self.known.get(instance_type).cloned().unwrap_or_default();
        size.arch = if self.arm.contains(instance_type) || has_graviton(family(instance_type)) {
            "arm64"
        } else {
            "amd64"
        };
        size.fill(by_family(instance_type));
        size
    }
}

/// `4.0` as `4`.
fn trimmed(number: &str) -> String {
    number.strip_suffix(".0").unwrap_or(number).to_owned()
}

/// Families with a `g` behind the generation (`m7gd`, `t4g`, `im4gn`, `g5g`) run on Graviton.
fn has_graviton(family: &str) -> bool {
    let behind = family.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    family == "a1" || behind.trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with('g')
}

/// c, m and r of generation 5 on have 2, 4 and 8 GiB a vCPU; a size name is its vCPUs: large 2, Nxlarge 4N, metal-Nxl 4N.
fn by_family(instance_type: &str) -> Option<(u32, u32)> {
    let (family, size) = instance_type.split_once('.')?;
    let ratio = match family.get(..1)? {
        "c" => 2,
        "m" => 4,
        "r" => 8,
        _ => return None,
    };
    let generation: u32 = family.get(1..2)?.parse().ok()?;
    if generation < 5 {
        return None;
    }
    let cpu = match size {
        "medium" => 1,
        "large" => 2,
        "xlarge" => 4,
        _ => {
            let times =
                size.strip_suffix("xlarge").or_else(|| size.strip_prefix("metal-")?.strip_suffix("xl"))?;
            4 * times.parse::<u32>().ok()?
        }
    };
    Some((cpu, cpu * ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_family() {
        assert_eq!(by_family("c8ib.96xlarge"), Some((384, 768)));
        assert_eq!(by_family("m9g.medium"), Some((1, 4)));
        assert_eq!(by_family("r8idn.metal-48xl"), Some((192, 1536)));
        assert_eq!(by_family("m3.large"), None);
        assert_eq!(by_family("i8g.metal-48xl"), None);
        assert_eq!(by_family("m7g.metal"), None);
    }

    #[test]
    fn graviton_is_told_by_the_letter_behind_the_generation() {
        for family in ["a1", "m7gd", "t4g", "im4gn", "g5g", "c9g", "x2gd"] {
            assert!(has_graviton(family), "{family}");
        }
        for family in ["g5", "g6e", "m7i", "trn1", "u-6tb1", "gr6f"] {
            assert!(!has_graviton(family), "{family}");
        }
    }
}
