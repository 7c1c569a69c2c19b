//! SkyPilot's own catalogue: a CSV file for each cloud (`aws/vms.csv`), one row a machine type and zone.
//!
//! What its rows leave to the program that reads them:
//! - A zone has a row of its own, mostly at the same price. Where all zones of a region agree there is
//!   one offer, else one a zone.
//! - On Google's cloud a card's price does not hold its host, whose row is apart. The two are added zone
//!   by zone, with the hosts that SkyPilot takes. TPU slices have their hosts with them.
//! - A blank price means not to be had that way; prices of nothing are passed over. All that is passed
//!   over is counted.

use std::collections::BTreeMap;

use csv::ByteRecord;

use super::{FileError, FileErrors, FileOffer, cell};
use crate::{
    decimal::{self, Rounding},
    offer::{Arch, Capacity},
};

mod google;
#[cfg(test)]
mod tests;

/// A file of SkyPilot's catalogue that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SkyPilotFile {
    /// The offers, in the order of their first rows.
    pub offers: Vec<FileOffer>,
    /// How many rows are no offers, by the reason.
    pub passed_over: BTreeMap<&'static str, u64>,
}

/// Columns without which a file is not of this kind.
const REQUIRED: [&str; 3] = ["InstanceType", "Region", "Price"];

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    line: u64,
    instance_type: String,
    accelerator: String,
    accelerators: u64,
    card_bytes: Option<u64>,
    cpu_milli: Option<u64>,
    memory_bytes: Option<u64>,
    arch: Option<Arch>,
    region: String,
    zone: String,
    on_demand: Option<i64>,
    spot: Option<i64>,
}

impl SkyPilotFile {
    /// Whether bytes begin with the header of such a file.
    pub fn is_one(bytes: &[u8]) -> bool {
        let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = String::from_utf8_lossy(header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header));
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        REQUIRED[..2].iter().all(|name| names.contains(name))
    }

    /// Reads a cloud's file; `file` is the name that errors show.
    ///
    /// # Errors
    /// Every cell that is not what its column holds; a header without a column that is needed.
    pub fn parse(file: &str, cloud: &str, bytes: &[u8]) -> Result<Self, FileErrors> {
        let mut reading = Reading { file, errors: Vec::new(), more: 0 };
        let rows = reading.rows(bytes);
        if !reading.errors.is_empty() {
            return Err(FileErrors { errors: reading.errors, more: reading.more });
        }
        let mut this = Self::default();
        let rows = if cloud == "gcp" { google::with_hosts(rows, &mut this.passed_over) } else { rows };
        this.take(cloud, &rows);
        Ok(this)
    }

    /// Makes offers of rows.
    fn take(&mut self, cloud: &str, rows: &[Row]) {
        // The rows of a machine in a region, in the order of the file.
        let mut machines: Vec<Vec<&Row>> = Vec::new();
        let mut known: BTreeMap<(&str, &str, u64, &str), usize> = BTreeMap::new();
        for row in rows {
            if row.instance_type.is_empty() {
                self.pass_over("name no machine type", 1);
                continue;
            }
            let key = (&*row.instance_type, &*row.accelerator, row.accelerators, &*row.region);
            let at = *known.entry(key).or_insert_with(|| {
                machines.push(Vec::new());
                machines.len() - 1
            });
            machines[at].push(row);
        }
        for rows in machines {
            for (capacity, price) in [
                (Capacity::OnDemand, (|row| row.on_demand) as fn(&Row) -> Option<i64>),
                (Capacity::Spot, |row| row.spot),
            ] {
                self.sell(cloud, capacity, &rows, price);
            }
        }
    }

    /// The offers of a machine in a region in one class: one, or one a zone where prices differ.
    fn sell(&mut self, cloud: &str, capacity: Capacity, rows: &[&Row], price: fn(&Row) -> Option<i64>) {
        // The last of two rows of one zone stands.
        let mut zones: BTreeMap<&str, (&Row, i64)> = BTreeMap::new();
        let (mut twice, mut free) = (0, 0);
        for row in rows {
            match price(row) {
                Some(0) => free += 1,
                Some(price) => twice += u64::from(zones.insert(&row.zone, (row, price)).is_some()),
                None => {}
            }
        }
        self.pass_over("come twice", twice);
        self.pass_over("have a price of 0", free);
        let Some((first, price)) = zones.values().next().copied() else { return };
        if zones.values().all(|(_, other)| *other == price) {
            self.offers.push(offer(cloud, capacity, first, price, None));
            return;
        }
        for (zone, (row, price)) in zones {
            self.offers.push(offer(cloud, capacity, row, price, Some(zone).filter(|zone| !zone.is_empty())));
        }
    }

    fn pass_over(&mut self, reason: &'static str, rows: u64) {
        if rows > 0 {
            *self.passed_over.entry(reason).or_default() += rows;
        }
    }
}

fn offer(cloud: &str, capacity: Capacity, row: &Row, price: i64, zone: Option<&str>) -> FileOffer {
    let has_accelerator = !row.accelerator.is_empty();
    // A host of Google's cloud may carry different cards.
    let machine = match () {
        () if cloud == "gcp" && has_accelerator && row.instance_type.starts_with("n1-") => {
            format!("{}+{}x{}", row.instance_type, row.accelerators / 1000, row.accelerator)
        }
        () => row.instance_type.clone(),
    };
    let name = zone.map(|zone| format!("{cloud}/{}/{zone}/{machine}/{}", row.region, capacity.name()));
    FileOffer {
        line: row.line,
        name,
        cloud: cloud.to_owned(),
        region: row.region.clone(),
        zone: zone.map(str::to_owned),
        instance_type: machine,
        accelerator: has_accelerator.then(|| row.accelerator.clone()),
        accelerator_kind: None,
        accelerators_milli: has_accelerator.then_some(row.accelerators),
        accelerator_memory_bytes: row.card_bytes.filter(|_| has_accelerator),
        cpu_milli: row.cpu_milli,
        memory_bytes: row.memory_bytes,
        arch: row.arch,
        capacity,
        hourly_nano_usd: price,
        count: None,
        watts: None,
        pue: None,
        interruptions_per_hour: None,
        source: Some("SkyPilot's catalogue".to_owned()),
        as_of: None,
    }
}

struct Reading<'a> {
    file: &'a str,
    errors: Vec<FileError>,
    more: usize,
}

impl Reading<'_> {
    fn wrong(&mut self, line: u64, column: Option<&str>, message: String) {
        if self.errors.len() == FileErrors::SHOWN {
            self.more += 1;
            return;
        }
        let (file, column) = (self.file.to_owned(), column.map(str::to_owned));
        self.errors.push(FileError { file, line, column, message });
    }

    fn rows(&mut self, bytes: &[u8]) -> Vec<Row> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header: Vec<String> = match reader.byte_headers() {
            Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect(),
            Err(error) => {
                self.wrong(1, None, format!("{error}; write plain CSV in UTF-8"));
                return Vec::new();
            }
        };
        for column in REQUIRED {
            if !header.iter().any(|name| name == column) {
                self.wrong(1, None, format!("the column {column} is missing; SkyPilot's catalogues have it"));
            }
        }
        if !self.errors.is_empty() {
            return Vec::new();
        }
        let (mut rows, mut record) = (Vec::new(), ByteRecord::new());
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return rows,
                Err(error) => {
                    self.wrong(reader.position().line(), None, format!("{error}; write plain CSV in UTF-8"));
                    return rows;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != header.len() {
                let (has, wanted) = (record.len(), header.len());
                self.wrong(line, None, format!("the row has {has} fields where the header has {wanted}"));
                continue;
            }
            rows.push(self.row(&header, &record, line));
        }
    }

    fn row(&mut self, header: &[String], record: &ByteRecord, line: u64) -> Row {
        let mut row = Row { line, ..Row::default() };
        let mut cards = 0;
        for (column, cell) in header.iter().zip(record) {
            let Ok(text) = std::str::from_utf8(cell) else {
                self.wrong(line, Some(column), "it is not UTF-8; save the file in UTF-8".into());
                continue;
            };
            // What pandas writes for nothing.
            let text = Some(text.trim()).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("nan"));
            let Some(text) = text else { continue };
            let mut number =
                |factor: u64, places: i32| match decimal::scaled(text, factor, places, Rounding::Up) {
                    Ok(number) => Some(number),
                    Err(flaw) => {
                        let message = format!("{} {}; write a number", cell::quoted(text), flaw.says());
                        self.wrong(line, Some(column), message);
                        None
                    }
                };
            match &**column {
                "InstanceType" => text.clone_into(&mut row.instance_type),
                "AcceleratorName" => text.clone_into(&mut row.accelerator),
                "Region" => text.clone_into(&mut row.region),
                "AvailabilityZone" => text.clone_into(&mut row.zone),
                "vCPUs" => row.cpu_milli = number(1, 3),
                "MemoryGiB" => row.memory_bytes = number(1 << 30, 0),
                "AcceleratorCount" => cards = number(1, 3).unwrap_or(0),
                "Arch" => row.arch = arch(text),
                "GpuInfo" => row.card_bytes = card(text),
                "Price" => row.on_demand = self.price(line, column, text),
                "SpotPrice" => row.spot = self.price(line, column, text),
                _ => {}
            }
        }
        if !row.accelerator.is_empty() {
            row.accelerators = if cards == 0 { 1000 } else { cards };
        }
        if row.region.is_empty() {
            self.wrong(line, Some("Region"), "it is empty; every offer needs it".into());
        }
        row
    }

    fn price(&mut self, line: u64, column: &str, text: &str) -> Option<i64> {
        match cell::money(text) {
            Ok(price) => Some(price),
            Err(message) => {
                self.wrong(line, Some(column), message);
                None
            }
        }
    }
}

/// The processors of a machine, as the files of different clouds call them.
fn arch(text: &str) -> Option<Arch> {
    match &*text.to_ascii_lowercase() {
        "x86_64" | "x64" | "amd64" => Some(Arch::Amd64),
        "arm64" | "aarch64" => Some(Arch::Arm64),
        _ => None,
    }
}

/// The memory of one card, from SkyPilot's `GpuInfo`, a text in Python's notation. The whole file goes
/// without it where the notation is another.
fn card(text: &str) -> Option<u64> {
    let after = text.split_once("MemoryInfo")?.1.split_once("SizeInMiB")?.1;
    let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse::<u64>().ok().filter(|mib| (1..=1 << 30).contains(mib)).map(|mib| mib << 20)
}
