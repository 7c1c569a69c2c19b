//! The tables of the catalogue: facts from `PLIMSOLL_DATA` and `catalog/facts`, in our own schema.
//!
//! Prices go into one matrix a cloud: a row for each instance type, capacity class and price list, a column for each
//! region. That is a third of the size of one row a price, opens in a spreadsheet, and a price that moves is one changed
//! line in a diff. What an instance is stands once, in `instance_types.csv`.

use std::path::Path;

use crate::error::Result;
use crate::generate::{Context, File, Made};

mod accelerators;
mod aws;
mod azure;
mod carbon;
mod gcp;
mod input;
mod money;
mod neocloud;
mod network;
mod output;
mod power;
mod prices;
mod regions;
mod speeds;

use accelerators::Names;
use prices::PriceBook;

/// What every table reads from.
struct Sources<'a> {
    /// The fact files that are not in the repository.
    data: &'a Path,
    /// The hand-made facts that are.
    facts: &'a Path,
}

/// Makes every table.
pub(crate) fn make(context: &Context) -> Result<Made> {
    let Some(data) = &context.data else {
        return Ok(Made::Skipped { reason: "PLIMSOLL_DATA names no folder of fact files".into() });
    };
    let facts = context.root.join("catalog/facts");
    let sources = Sources { data, facts: &facts };

    let names = Names::read(&sources)?;
    let mut book = PriceBook::default();
    aws::read(&sources, &names, &mut book)?;
    azure::read(&sources, &names, &mut book)?;
    gcp::read(&sources, &names, &mut book)?;
    neocloud::read(&sources, &names, &mut book)?;

    let regions = regions::read(&sources)?;
    book.check(&names, &regions)?;

    let mut files = vec![accelerators::table(&names), names.alias_table(), regions::table(&regions)];
    files.extend(book.tables());
    files.push(power::interruptions(&book));
    files.push(power::host(&sources)?);
    files.extend(network::tables(&sources, &regions)?);
    files.extend(carbon::tables(&sources, &regions)?);
    files.push(speeds::table(&sources)?);
    let files =
        files.into_iter().map(|(name, text)| File { path: format!("catalog/tables/{name}"), text }).collect();
    Ok(Made::Files(files))
}
