//! Google Cloud: machine types on-demand and spot, N1 machines with attached cards, and TPU slices.

use std::collections::BTreeMap;

use super::Sources;
use super::accelerators::Names;
use super::input::{Row, Table};
use super::money::{NANO, scaled};
use super::prices::{Capacity, Price, PriceBook, Size};
use crate::error::{Error, Result};

const CLOUD: &str = "gcp";

pub(super) fn read(sources: &Sources<'_>, names: &Names, book: &mut PriceBook) -> Result<()> {
    for row in Table::read(sources.data, "catalog/gcp_ondemand_spot_2026-08.csv.gz")?.rows() {
        let (instance_type, region) = (row.get("instance_type")?, row.get("region")?);
        book.size(CLOUD, instance_type, || size(row, names))?;
        for (column, capacity) in
            [("ondemand_usd_per_hour", Capacity::OnDemand), ("spot_usd_per_hour", Capacity::Spot)]
        {
            if let Some(price) = row.maybe(column)? {
                book.price(
                    CLOUD,
                    instance_type,
                    capacity,
                    "gcp-2026",
                    region,
                    Price { nano: scaled(price, NANO)?, band: None },
                );
            }
        }
    }
    attached_cards(sources, names, book)?;
    tpu_slices(sources, book)
}

fn size(row: Row<'_>, names: &Names) -> Result<Size> {
    let instance_type = row.get("instance_type")?;
    let mut size = Size {
        accelerator: row
            .maybe("accelerator")?
            .map(|name| names.expect(name))
            .transpose()?
            .unwrap_or_default(),
        accelerators: row.get("accel_count")?.to_owned(),
        cpu: row.get("vcpus")?.to_owned(),
        memory_gib: row.get("mem_gib")?.to_owned(),
        arch: if is_arm(instance_type) { "arm64" } else { "amd64" },
        origin: "",
    };
    size.fill(by_family(instance_type));
    Ok(size)
}

fn is_arm(instance_type: &str) -> bool {
    ["t2a-", "c4a-", "n4a-"].iter().any(|family| instance_type.starts_with(family))
}

/// vCPUs and GiB where Google's page gives the family one ratio. Shared-core types, C4D, C4N and M4 have none, and bare
/// metal has its own sizes: they stay empty.
fn by_family(instance_type: &str) -> Option<(u32, u32)> {
    let mut parts = instance_type.split('-');
    let (family, class, cpu) = (parts.next()?, parts.next()?, parts.next()?.parse::<u32>().ok()?);
    let metal = instance_type.ends_with("-metal");
    let quarters = match (family, class) {
        ("c3d" | "c4a" | "n4" | "n4a" | "n4d", "highcpu") => 8,
        ("c2" | "c3" | "c3d" | "c4a" | "n4" | "n4a" | "n4d" | "t2a" | "h3", "standard") => 16,
        ("c3" | "c3d" | "c4a" | "n4" | "n4a" | "n4d" | "z3", "highmem") => 32,
        ("c4", "highcpu") if !metal => 8,
        ("c4", "standard") if !metal => 15,
        ("c4", "highmem") if !metal => 31,
        ("m1", "ultramem") => return Some((cpu, *MEMORY_M1.get(&cpu)?)),
        ("m2", "ultramem") => return Some((cpu, if cpu == 208 { 5888 } else { 11776 })),
        ("m2", "megamem") => return Some((cpu, 5888)),
        ("m2", "hypermem") => return Some((cpu, 8832)),
        ("m3", "ultramem") => return Some((cpu, cpu * 61 / 2)),
        ("m3", "megamem") => return Some((cpu, cpu * 61 / 4)),
        _ => return None,
    };
    Some((cpu, cpu * quarters / 4))
}

/// m1-ultramem, the one family of no fixed ratio.
static MEMORY_M1: std::sync::LazyLock<BTreeMap<u32, u32>> =
    std::sync::LazyLock::new(|| BTreeMap::from([(40, 961), (80, 1922), (160, 3844)]));

/// T4, P4, P100 and V100 are attached to N1 machines; the list of 2024 joins card and host within a zone.
fn attached_cards(sources: &Sources<'_>, names: &Names, book: &mut PriceBook) -> Result<()> {
    for row in Table::read(sources.data, "catalog/accelerator_offers_2024-06-13.csv.gz")?.rows() {
        let machine = row.get("instance_type")?;
        if row.get("cloud")? != CLOUD || !machine.starts_with("n1-") {
            continue;
        }
        let (card, count) = (names.expect(row.get("accelerator")?)?, row.get("accel_count")?);
        let instance_type = format!("{machine}+{count}x{card}");
        book.size(CLOUD, &instance_type, || {
            Ok(Size {
                accelerator: card.clone(),
                accelerators: count.to_owned(),
                cpu: row.get("vcpus")?.to_owned(),
                memory_gib: row.get("mem_gib")?.to_owned(),
                arch: "amd64",
                origin: "",
            })
        })?;
        for (column, capacity) in [("price", Capacity::OnDemand), ("spot_price", Capacity::Spot)] {
            if let Some(price) = row.maybe(column)? {
                let price = Price { nano: scaled(price, NANO)?, band: None };
                book.price(CLOUD, &instance_type, capacity, "gcp-2024", row.get("region")?, price);
            }
        }
    }
    Ok(())
}

/// One generation of TPU, from `catalog/facts/tpu.csv`.
pub(super) struct Tpu {
    pub(super) chip: String,
    price_name: String,
    device_price_name: String,
    cores_per_chip: u32,
    chips_per_host: u32,
    host: Option<(u32, u32)>,
    small: BTreeMap<u32, Option<(u32, u32)>>,
    sizes: Vec<u32>,
}

/// One slice.
pub(super) struct Slice {
    pub(super) name: String,
    /// The N of the name.
    pub(super) number: u32,
    pub(super) chips: u32,
    /// vCPUs and GiB of all its hosts.
    host: Option<(u32, u32)>,
}

impl Tpu {
    pub(super) fn read_all(sources: &Sources<'_>) -> Result<Vec<Self>> {
        let table = Table::read(sources.facts, "tpu.csv")?;
        table.rows().map(Self::read).collect()
    }

    fn read(row: Row<'_>) -> Result<Self> {
        let whole = |text: &str| {
            text.parse::<u32>().map_err(|_| row.wrong(&format!("{text:?} is not a whole number")))
        };
        let pair = |cpu: &str, memory: &str| -> Result<Option<(u32, u32)>> {
            if cpu.is_empty() { Ok(None) } else { Ok(Some((whole(cpu)?, whole(memory)?))) }
        };
        let mut small = BTreeMap::new();
        for one in row.get("small")?.split_whitespace() {
            let parts: Vec<&str> = one.split(':').collect();
            let [chips, cpu, memory] = parts[..] else { return Err(row.wrong("small is chips:cpu:memory")) };
            small.insert(whole(chips)?, pair(cpu, memory)?);
        }
        Ok(Self {
            chip: row.get("chip")?.to_owned(),
            price_name: row.get("price_name")?.to_owned(),
            device_price_name: row.get("device_price_name")?.to_owned(),
            cores_per_chip: whole(row.get("cores_per_chip")?)?,
            chips_per_host: whole(row.get("chips_per_host")?)?,
            host: pair(row.get("host_cpu")?, row.get("host_memory_gib")?)?,
            small,
            sizes: row.get("sizes")?.split_whitespace().map(whole).collect::<Result<_>>()?,
        })
    }

    pub(super) fn slices(&self) -> impl Iterator<Item = Slice> {
        self.sizes.iter().map(|number| {
            let chips = number / self.cores_per_chip;
            let host = self.small.get(&chips).copied().unwrap_or_else(|| {
                let hosts = chips / self.chips_per_host;
                self.host.map(|(cpu, memory)| (cpu * hosts, memory * hosts))
            });
            Slice { name: format!("{}-{number}", self.chip), number: *number, chips, host }
        })
    }
}

/// A slice is one offer and holds one accelerator, itself: chips cannot be rented apart.
fn tpu_slices(sources: &Sources<'_>, book: &mut PriceBook) -> Result<()> {
    let prices = Table::read(sources.data, "catalog/gcp_tpu_2026.csv")?;
    for tpu in Tpu::read_all(sources)? {
        let smallest = tpu.sizes.first().copied();
        let mut priced = false;
        for slice in tpu.slices() {
            // v2-8 and v3-8 are a device of their own price; a pod slice is larger.
            let device = !tpu.device_price_name.is_empty() && Some(slice.number) == smallest;
            let wanted = if device { &tpu.device_price_name } else { &tpu.price_name };
            for row in prices.rows() {
                if row.get("tpu")? != wanted {
                    continue;
                }
                priced = true;
                book.size(CLOUD, &slice.name, || {
                    let (cpu, memory_gib) = slice
                        .host
                        .map_or_else(Default::default, |(cpu, memory)| (cpu.to_string(), memory.to_string()));
                    let origin = if slice.host.is_some() { "tpu" } else { "" };
                    let accelerator = slice.name.clone();
                    Ok(Size { accelerator, accelerators: "1".into(), cpu, memory_gib, arch: "amd64", origin })
                })?;
                for (column, capacity) in [
                    ("ondemand_usd_per_chip_hour", Capacity::OnDemand),
                    ("spot_usd_per_chip_hour", Capacity::Spot),
                ] {
                    if let Some(price) = row.maybe(column)? {
                        let nano = scaled(price, NANO)? * i64::from(slice.chips);
                        book.price(
                            CLOUD,
                            &slice.name,
                            capacity,
                            "gcp-tpu-2026",
                            row.get("region")?,
                            Price { nano, band: None },
                        );
                    }
                }
            }
        }
        if !priced {
            return Err(Error::new(format!("catalog/facts/tpu.csv: no price is named {:?}", tpu.price_name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_family() {
        for (instance_type, cpu, memory) in [
            ("c2-standard-60", 60, 240),
            ("c4-standard-2", 2, 7),
            ("c4-highmem-4-lssd", 4, 31),
            ("c4-highmem-8", 8, 62),
            ("n4-highcpu-80", 80, 160),
            ("z3-highmem-88-standardlssd", 88, 704),
            ("m3-megamem-64", 64, 976),
            ("m1-ultramem-40", 40, 961),
            ("c3-standard-192-metal", 192, 768),
        ] {
            assert_eq!(by_family(instance_type), Some((cpu, memory)), "{instance_type}");
        }
        for instance_type in
            ["e2-micro", "c4d-standard-8", "c3-highcpu-192-metal", "m4-ultramem-56", "g1-small"]
        {
            assert_eq!(by_family(instance_type), None, "{instance_type}");
        }
    }
}
