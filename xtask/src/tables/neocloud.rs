//! Three providers of accelerators only: Nebius, Lambda and `RunPod` (its secure cloud).

use super::Sources;
use super::accelerators::Names;
use super::input::{Row, Table};
use super::money::{NANO, scaled};
use super::prices::{Capacity, Price, PriceBook, Size};
use crate::error::Result;

pub(super) fn read(sources: &Sources<'_>, names: &Names, book: &mut PriceBook) -> Result<()> {
    for row in Table::read(sources.data, "catalog/neocloud_2025.csv")?.rows() {
        if row.get("cloud")? == "nebius" {
            take(row, "nebius", "nebius-2025", names, book)?;
        }
    }
    for row in Table::read(sources.data, "catalog/accelerator_offers_2024-06-13.csv.gz")?.rows() {
        match row.get("cloud")? {
            "lambda" => take(row, "lambda", "lambda-2024", names, book)?,
            "runpod" => take(row, "runpod", "runpod-2024", names, book)?,
            _ => {}
        }
    }
    Ok(())
}

fn take(
    row: Row<'_>,
    cloud: &'static str,
    list: &'static str,
    names: &Names,
    book: &mut PriceBook,
) -> Result<()> {
    let (instance_type, region) = (row.get("instance_type")?, row.get("region")?);
    book.size(cloud, instance_type, || {
        Ok(Size {
            accelerator: names.expect(row.get("accelerator")?)?,
            accelerators: row.get("accel_count")?.to_owned(),
            cpu: row.get("vcpus")?.to_owned(),
            memory_gib: row.get("mem_gib")?.to_owned(),
            arch: "amd64",
            origin: "",
        })
    })?;
    for (column, capacity) in [("price", Capacity::OnDemand), ("spot_price", Capacity::Spot)] {
        if let Some(price) = row.maybe(column)? {
            book.price(
                cloud,
                instance_type,
                capacity,
                list,
                region,
                Price { nano: scaled(price, NANO)?, band: None },
            );
        }
    }
    Ok(())
}
