//! A user's own catalogue: a CSV file with one offer a row.
//!
//! The columns are the fields of an offer, in camelCase as everywhere else; `cloud`, `region`, `instanceType`, `capacity`
//! and `hourly` are required, the rest may be missing or empty, in any order. Lines that begin with `#` are comments.
//! Every byte is taken for wrong until shown right: nothing here panics, and each error names the file, line and column
//! and says what to write instead. All of them are told, not only the first.

use std::fmt;

use crate::accelerator::Kind;
use crate::offer::{Arch, Capacity};

mod cell;
mod read;
mod skypilot;

pub use skypilot::SkyPilotFile;

/// Columns of a catalogue file, in the order in which we would write them.
pub const COLUMNS: [&str; 20] = [
    "name",
    "cloud",
    "region",
    "zone",
    "instanceType",
    "accelerator",
    "acceleratorKind",
    "accelerators",
    "acceleratorMemory",
    "cpu",
    "memory",
    "arch",
    "capacity",
    "hourly",
    "count",
    "watts",
    "pue",
    "interruptionsPerHour",
    "source",
    "asOf",
];

/// The columns that every file has and every row fills.
const REQUIRED: [&str; 5] = ["cloud", "region", "instanceType", "capacity", "hourly"];

/// A catalogue file that was read without an error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogFile {
    /// The offers in the order of the file.
    pub offers: Vec<FileOffer>,
}

impl CatalogFile {
    /// Reads a file's bytes; `file` is the name that errors show.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, FileErrors> {
        read::parse(file, bytes)
    }
}

/// One row of a catalogue file. Text is as written, trimmed; numbers are checked and exact.
#[derive(Clone, Debug, PartialEq)]
pub struct FileOffer {
    /// The line of the file, from 1.
    pub line: u64,
    /// Its name, if not the default `cloud/region/instanceType/capacity`.
    pub name: Option<String>,
    /// The cloud.
    pub cloud: String,
    /// The region.
    pub region: String,
    /// The zone.
    pub zone: Option<String>,
    /// The instance type.
    pub instance_type: String,
    /// The accelerator, by any name: see [`accelerator`](crate::accelerator).
    pub accelerator: Option<String>,
    /// What the accelerator is.
    pub accelerator_kind: Option<Kind>,
    /// Thousandths of accelerators.
    pub accelerators_milli: Option<u64>,
    /// Memory of one accelerator.
    pub accelerator_memory_bytes: Option<u64>,
    /// Thousandths of vCPUs.
    pub cpu_milli: Option<u64>,
    /// Memory of the host.
    pub memory_bytes: Option<u64>,
    /// The host's instruction set.
    pub arch: Option<Arch>,
    /// How it is bought.
    pub capacity: Capacity,
    /// Price of one instance for an hour, in billionths of a dollar.
    pub hourly_nano_usd: i64,
    /// How many instances can be had; `None` is without limit.
    pub count: Option<u64>,
    /// Power of one instance under load.
    pub watts: Option<f64>,
    /// Power usage effectiveness of its building, at least 1.
    pub pue: Option<f64>,
    /// Spot: how often an instance is taken back in an hour.
    pub interruptions_per_hour: Option<f64>,
    /// Who says so.
    pub source: Option<String>,
    /// The day of the price, `YYYY-MM-DD`.
    pub as_of: Option<String>,
}

/// One thing that is wrong with a catalogue file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, by its name in the header, when the error is about one.
    pub column: Option<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message } = self;
        match column {
            Some(column) => write!(formatter, "{file}, line {line}, column {column}: {message}"),
            None => write!(formatter, "{file}, line {line}: {message}"),
        }
    }
}

/// Everything that is wrong with a catalogue file, in the order of its lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileErrors {
    /// The first [`FileErrors::SHOWN`] errors.
    pub errors: Vec<FileError>,
    /// How many there are beyond those.
    pub more: usize,
}

impl FileErrors {
    /// How many errors are kept: a file of the wrong kind has one on every line.
    pub const SHOWN: usize = 20;
}

impl fmt::Display for FileErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.errors.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(formatter, "{newline}{error}")?;
        }
        if self.more > 0 {
            write!(formatter, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
