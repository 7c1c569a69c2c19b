//! Azure: the retail price list, on-demand, every region.

use super::Sources;
use super::accelerators::Names;
use super::input::Table;
use super::money::{MILLI, NANO, decimal, milli_rounded, scaled};
use super::prices::{Capacity, Price, PriceBook, Size};
use crate::error::Result;

const CLOUD: &str = "azure";

/// Accelerator sizes that the size list lacks: (type, vCPUs, GiB). The same machine without or with another network as one
/// in the list, or Azure's own page (GB200).
const TWINS: &[(&str, &str, &str)] = &[
    ("Standard_ND128isr_NDR_GB200_v6", "128", "900"),
    ("Standard_ND128isrf_NDR_GB200_v6", "128", "900"),
    ("Standard_ND40s_v2", "40", "672"),
    ("Standard_ND96ams_A100_v4", "96", "1800"),
    ("Standard_ND96asr_A100_v4", "96", "900"),
    ("Standard_ND96is_H100_v5", "96", "1900"),
    ("Standard_ND96is_flex_H100_v5", "96", "1900"),
    ("Standard_ND96is_noIB_H100_v5", "96", "1900"),
    ("Standard_ND96isf_H100_v5", "96", "1900"),
    ("Standard_ND96isrf_H100_v5", "96", "1900"),
];

pub(super) fn read(sources: &Sources<'_>, names: &Names, book: &mut PriceBook) -> Result<()> {
    for row in Table::read(sources.data, "catalog/azure_ondemand_2026-06-18.csv.gz")?.rows() {
        let instance_type = row.get("instance_type")?;
        let accelerator = row.maybe("accelerator")?;
        let twin = TWINS.iter().find(|(name, ..)| *name == instance_type);
        let size = match (row.maybe("vcpus")?, row.maybe("mem_gib")?, twin) {
            (Some(cpu), Some(memory), _) => (cpu, memory, ""),
            (_, _, Some((_, cpu, memory))) => (*cpu, *memory, "twin"),
            _ => continue,
        };
        // Every N-series size holds an accelerator: one that is not named must not pass for a plain machine.
        if instance_type.starts_with("Standard_N") && accelerator.is_none() {
            continue;
        }
        let nano = scaled(row.get("price_usd_per_hour")?, NANO)?;
        if nano == 0 {
            continue;
        }
        book.size(CLOUD, instance_type, || {
            let (cpu, memory_gib, origin) = size;
            let arm = row.get("arch")? == "arm64" || instance_type.contains("GB200");
            Ok(Size {
                accelerator: accelerator.map(|name| names.expect(name)).transpose()?.unwrap_or_default(),
                accelerators: row
                    .maybe("accel_count")?
                    .map(|count| milli_rounded(count).map(|milli| decimal(milli, MILLI)))
                    .transpose()?
                    .unwrap_or_default(),
                cpu: cpu.to_owned(),
                memory_gib: memory_gib.to_owned(),
                arch: if arm { "arm64" } else { "amd64" },
                origin,
            })
        })?;
        book.price(
            CLOUD,
            instance_type,
            Capacity::OnDemand,
            "azure-2026",
            row.get("region")?,
            Price { nano, band: None },
        );
    }
    Ok(())
}
