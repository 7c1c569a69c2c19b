//! From bytes to rows: header first, then each row cell by cell.

use std::collections::BTreeMap;

use csv::ByteRecord;

use super::{COLUMNS, CatalogFile, FileError, FileErrors, FileOffer, REQUIRED, cell};

/// What other catalogues call our columns.
const OTHER_NAMES: [(&str, &str); 14] = [
    ("price", "hourly"),
    ("usd", "hourly"),
    ("hourlyusd", "hourly"),
    ("priceperhour", "hourly"),
    ("provider", "cloud"),
    ("vcpu", "cpu"),
    ("vcpus", "cpu"),
    ("mem", "memory"),
    ("memgib", "memory"),
    ("gpu", "accelerator"),
    ("gpus", "accelerators"),
    ("gpucount", "accelerators"),
    ("gpumemory", "acceleratorMemory"),
    ("date", "asOf"),
];

pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<CatalogFile, FileErrors> {
    let mut sink = Sink { file, errors: Vec::new(), more: 0 };
    let offers = read(bytes, &mut sink);
    match offers {
        Some(offers) if sink.errors.is_empty() => Ok(CatalogFile { offers }),
        _ => Err(FileErrors { errors: sink.errors, more: sink.more }),
    }
}

/// Collects errors, of which only the first are kept.
struct Sink<'a> {
    file: &'a str,
    errors: Vec<FileError>,
    more: usize,
}

impl Sink<'_> {
    fn wrong(&mut self, line: u64, column: Option<&str>, message: String) {
        if self.errors.len() == FileErrors::SHOWN {
            self.more += 1;
            return;
        }
        self.errors.push(FileError {
            file: self.file.to_owned(),
            line,
            column: column.map(str::to_owned),
            message,
        });
    }
}

fn read(bytes: &[u8], sink: &mut Sink<'_>) -> Option<Vec<FileOffer>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).comment(Some(b'#')).from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut columns: Option<Vec<&'static str>> = None;
    let mut offers = Vec::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                sink.wrong(lines.line, None, format!("{error}; write plain CSV in UTF-8"));
                return None;
            }
        }
        // A comment that ends the file without a newline comes as a record of one empty field.
        if record.len() == 1 && record[0].is_empty() {
            continue;
        }
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        match &columns {
            None => columns = Some(header(&record, line, sink)?),
            Some(columns) => offers.extend(row(&record, columns, line, sink)),
        }
    }
    if columns.is_none() {
        sink.wrong(
            1,
            None,
            format!("the file has no header; begin it with a line such as {}", REQUIRED.join(",")),
        );
        return None;
    }
    Some(offers)
}

/// Line numbers. The CSV reader says where it began to look for a record, which is before comments and blank lines.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        if byte > self.at {
            self.line += self.bytes[self.at..byte].split(|byte| *byte == b'\n').count() as u64 - 1;
            self.at = byte;
        }
        let mut line = self.line;
        let mut rest = &self.bytes[self.at..];
        while let [first, behind @ ..] = rest {
            match first {
                b'\n' => (rest, line) = (behind, line + 1),
                b'\r' => rest = behind,
                b'#' => {
                    let end = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len());
                    rest = &behind[end..];
                }
                _ => break,
            }
        }
        line
    }
}

/// The columns of the header. With a wrong header every row would be wrong too, so it is the end.
fn header(record: &ByteRecord, line: u64, sink: &mut Sink<'_>) -> Option<Vec<&'static str>> {
    let mut columns = Vec::new();
    let before = sink.errors.len();
    for field in record {
        let name = String::from_utf8_lossy(field);
        let name = name.trim();
        match COLUMNS.iter().find(|column| **column == name) {
            Some(column) if columns.contains(column) => {
                sink.wrong(line, Some(name), "it is there twice; keep one".into());
            }
            Some(column) => columns.push(*column),
            None => {
                let known = nearest(name).map_or_else(
                    || format!("the columns are {}", COLUMNS.join(", ")),
                    |nearest| format!("did you mean {nearest}?"),
                );
                sink.wrong(line, None, format!("there is no column {}; {known}", cell::quoted(name)));
            }
        }
    }
    for required in REQUIRED {
        if !columns.contains(&required) && sink.errors.len() == before {
            sink.wrong(line, None, format!("the column {required} is missing; every offer needs it"));
        }
    }
    (sink.errors.len() == before).then_some(columns)
}

fn nearest(name: &str) -> Option<&'static str> {
    let plain = |name: &str| {
        name.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    // A name of any length reaches this, and the distance takes time by its square.
    let wanted: String = plain(name).chars().take(40).collect();
    if let Some((_, ours)) = OTHER_NAMES.iter().find(|(other, _)| *other == wanted) {
        return Some(ours);
    }
    let distance = |column: &&'static str| strsim::osa_distance(&wanted, &plain(column));
    let best = COLUMNS.iter().copied().min_by_key(|column| distance(column))?;
    (distance(&best) <= 2.max(wanted.len() / 4)).then_some(best)
}

fn row(record: &ByteRecord, columns: &[&'static str], line: u64, sink: &mut Sink<'_>) -> Option<FileOffer> {
    if record.len() != columns.len() {
        let message = format!(
            "the row has {} fields where the header has {}; quote a field that holds a comma",
            record.len(),
            columns.len()
        );
        sink.wrong(line, None, message);
        return None;
    }
    let mut cells = BTreeMap::new();
    let mut text_ok = true;
    for (column, field) in columns.iter().zip(record) {
        match std::str::from_utf8(field) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => {
                cells.insert(*column, text.trim());
            }
            Err(_) => {
                text_ok = false;
                sink.wrong(line, Some(column), "it is not UTF-8; save the file in UTF-8".into());
            }
        }
    }
    let mut row = Row { cells, line, sink };
    let offer = row.offer();
    offer.filter(|_| text_ok)
}

/// A row whose cells are taken one after the other; each that is wrong is told, so no `?` before all are parsed.
struct Row<'a, 'b, 'c> {
    cells: BTreeMap<&'static str, &'a str>,
    line: u64,
    sink: &'b mut Sink<'c>,
}

impl Row<'_, '_, '_> {
    fn offer(&mut self) -> Option<FileOffer> {
        let text = |text: &str| Ok(text.to_owned());
        let name = self.maybe("name", text);
        let cloud = self.must("cloud", text);
        let region = self.must("region", text);
        let zone = self.maybe("zone", text);
        let instance_type = self.must("instanceType", text);
        let accelerator = self.maybe("accelerator", text);
        let accelerator_kind = self.maybe("acceleratorKind", cell::kind);
        let accelerators_milli = self.maybe("accelerators", cell::milli);
        let accelerator_memory_bytes = self.maybe("acceleratorMemory", cell::bytes);
        let cpu_milli = self.maybe("cpu", cell::milli);
        let memory_bytes = self.maybe("memory", cell::bytes);
        let arch = self.maybe("arch", cell::arch);
        let capacity = self.must("capacity", cell::capacity);
        let hourly_nano_usd = self.must("hourly", cell::money);
        let count = self.maybe("count", cell::whole);
        let watts = self.maybe("watts", |text| cell::float(text, 0.0));
        let pue = self.maybe("pue", |text| cell::float(text, 1.0));
        let interruptions_per_hour = self.maybe("interruptionsPerHour", |text| cell::float(text, 0.0));
        let source = self.maybe("source", text);
        let as_of = self.maybe("asOf", cell::date);
        Some(FileOffer {
            line: self.line,
            name: name?,
            cloud: cloud?,
            region: region?,
            zone: zone?,
            instance_type: instance_type?,
            accelerator: accelerator?,
            accelerator_kind: accelerator_kind?,
            accelerators_milli: accelerators_milli?,
            accelerator_memory_bytes: accelerator_memory_bytes?,
            cpu_milli: cpu_milli?,
            memory_bytes: memory_bytes?,
            arch: arch?,
            capacity: capacity?,
            hourly_nano_usd: hourly_nano_usd?,
            count: count?,
            watts: watts?,
            pue: pue?,
            interruptions_per_hour: interruptions_per_hour?,
            source: source?,
            as_of: as_of?,
        })
    }

    /// `None`: wrong, and told. `Some(None)`: not given.
    #[expect(clippy::option_option, reason = "wrong and absent are two things, and both are frequent here")]
    fn maybe<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(text) = self.cells.get(column) else { return Some(None) };
        match parse(text) {
            Ok(value) => Some(Some(value)),
            Err(message) => {
                self.sink.wrong(self.line, Some(column), message);
                None
            }
        }
    }

    fn must<T>(&mut self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.maybe(column, parse)?;
        if value.is_none() {
            self.sink.wrong(self.line, Some(column), "it is empty; every offer needs it".into());
        }
        value
    }
}
