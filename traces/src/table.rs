//! From bytes to cells: decompression, header, rows with their numbers.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use csv::StringRecord;
use flate2::read::MultiGzDecoder;

use crate::{Fault, TraceError};

/// A trace decompresses to less than this; what holds more is no trace but an accident or an attack.
const LIMIT_GIB: u64 = 4;

/// What to do with a row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// Stop with the error.
    #[default]
    Strict,
    /// Leave the row out and count it. A file that is no such trace at all is an error all the same.
    Count,
}

/// The rows of a file, and those left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows, in file order.
    pub rows: Vec<T>,
    /// Rows left out, by reason in alphabetical order; empty unless [`Tolerance::Count`] was asked for.
    pub dropped: Vec<Dropped>,
}

/// Rows left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: String,
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub first: TraceError,
}

/// The bytes of a file.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, TraceError> {
    let file = path.display().to_string();
    let fault = |fault| TraceError { file: file.clone(), row: None, fault };
    let mut bytes = Vec::new();
    let limit = LIMIT_GIB << 30;
    File::open(path)
        .and_then(|source| source.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(Fault::Io(error.to_string())))?;
    if bytes.len() as u64 > limit {
        return Err(fault(Fault::TooLarge { limit_gib: LIMIT_GIB }));
    }
    Ok(bytes)
}

/// One row of a table.
pub(crate) struct Row<'a> {
    record: &'a StringRecord,
    /// How many rows are above it, the header apart.
    ordinal: u64,
    /// Its line in the file, from 1.
    line: u64,
}

impl<'a> Row<'a> {
    pub(crate) fn cell(&self, index: usize) -> &'a str {
        self.record.get(index).map_or("", str::trim)
    }

    /// Its line in the file, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// A name for a row of a table that has none.
    pub(crate) fn ordinal(&self) -> String {
        format!("job-{}", self.ordinal)
    }

    /// A whole number from 0 to `most`.
    pub(crate) fn number(&self, index: usize, column: &'static str, most: u64) -> Result<u64, Fault> {
        let cell = self.cell(index);
        match cell.parse::<u64>() {
            Ok(value) if value <= most => Ok(value),
            _ => Err(wrong(column, cell, &format!("a whole number from 0 to {most} is expected"))),
        }
    }

    pub(crate) fn name(&self, index: usize, column: &'static str) -> Result<&'a str, Fault> {
        match self.cell(index) {
            "" => Err(wrong(column, "", "a name is expected")),
            name => Ok(name),
        }
    }
}

/// A cell as CSV has it: in quotes where it must be.
pub fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) {
        return Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")));
    }
    Cow::Borrowed(cell)
}

/// `A10|T4` as two that will do.
pub(crate) fn alternatives(cell: &str) -> Vec<String> {
    cell.split('|').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// The fault of a cell.
pub(crate) fn wrong(column: &'static str, found: &str, wanted: &str) -> Fault {
    Fault::Cell { column, found: shortened(found), wanted: wanted.to_owned() }
}

/// What a message shows of a cell or a header: not so much that a binary file floods the terminal.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(200).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Reads a table whose header is one of `headers`; `read` sees which of them it is. Names (what `name` says of a
/// row) must differ.
pub(crate) fn read<T>(
    file: &str,
    bytes: &[u8],
    headers: &[&[&'static str]],
    tolerance: Tolerance,
    name: impl Fn(&T) -> &str,
    read: impl Fn(&Row<'_>, usize) -> Result<T, Fault>,
) -> Result<Listing<T>, TraceError> {
    let recognise = |header: &[&str]| match headers.iter().position(|known| *known == header) {
        Some(kind) => Ok((kind, headers[kind].len())),
        None => Err(Fault::Columns {
            found: header.join(","),
            expected: headers.iter().map(|header| header.join(",")).collect::<Vec<_>>().join(" or "),
        }),
    };
    read_by(file, bytes, recognise, tolerance, name, |row, kind| read(row, *kind))
}

/// Reads a table whose header `recognise` knows: what it is, and how many cells a row has.
pub(crate) fn read_by<K, T>(
    file: &str,
    bytes: &[u8],
    recognise: impl Fn(&[&str]) -> Result<(K, usize), Fault>,
    tolerance: Tolerance,
    name: impl Fn(&T) -> &str,
    read: impl FnMut(&Row<'_>, &K) -> Result<T, Fault>,
) -> Result<Listing<T>, TraceError> {
    named(file, tolerance, name, read, |visit| each(file, bytes, recognise, visit))
}

/// Reads lines of so many fields between spaces, without a header; lines that begin with `;` are comments. Names must
/// differ.
pub(crate) fn read_fields<T>(
    file: &str,
    bytes: &[u8],
    fields: usize,
    tolerance: Tolerance,
    name: impl Fn(&T) -> &str,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Listing<T>, TraceError> {
    named(file, tolerance, name, |row, (): &()| read(row), |visit| each_of_fields(file, bytes, fields, visit))
}

/// What is done with each row.
type Visit<'v, K> = dyn FnMut(Option<u64>, Found<'_, K>) -> Result<(), Fault> + 'v;

/// The rows that `go` goes through; what is wrong with one ends it, or is counted.
fn named<K, T>(
    file: &str,
    tolerance: Tolerance,
    name: impl Fn(&T) -> &str,
    mut read: impl FnMut(&Row<'_>, &K) -> Result<T, Fault>,
    go: impl FnOnce(&mut Visit<'_, K>) -> Result<(), TraceError>,
) -> Result<Listing<T>, TraceError> {
    let mut rows = Vec::new();
    let mut left_out = LeftOut::new(file, tolerance);
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    go(&mut |line, row| {
        let row = row.and_then(|(row, kind)| read(&row, kind)).and_then(|row| {
            if let Some(&first) = names.get(name(&row)) {
                return Err(Fault::Duplicate { name: name(&row).to_owned(), first });
            }
            names.insert(name(&row).to_owned(), line.unwrap_or(0));
            Ok(row)
        });
        match row {
            Ok(row) => rows.push(row),
            Err(fault) => left_out.take(line, fault)?,
        }
        Ok(())
    })?;
    Ok(Listing { rows, dropped: left_out.by_reason() })
}

/// Reads a table of rows that have no names.
pub(crate) fn read_plain<K, T>(
    file: &str,
    bytes: &[u8],
    recognise: impl Fn(&[&str]) -> Result<K, Fault>,
    tolerance: Tolerance,
    mut read: impl FnMut(&Row<'_>, &K) -> Result<T, Fault>,
) -> Result<Listing<T>, TraceError> {
    let mut rows = Vec::new();
    let mut left_out = LeftOut::new(file, tolerance);
    each(
        file,
        bytes,
        |header| Ok((recognise(header)?, header.len())),
        |line, row| match row.and_then(|(row, kind)| read(&row, kind)) {
            Ok(row) => {
                rows.push(row);
                Ok(())
            }
            Err(fault) => left_out.take(line, fault),
        },
    )?;
    Ok(Listing { rows, dropped: left_out.by_reason() })
}

/// What is left out of a file, or ends its reading.
struct LeftOut<'a> {
    file: &'a str,
    tolerance: Tolerance,
    dropped: BTreeMap<String, Dropped>,
}

impl<'a> LeftOut<'a> {
    fn new(file: &'a str, tolerance: Tolerance) -> Self {
        Self { file, tolerance, dropped: BTreeMap::new() }
    }

    /// Counts a row under its fault; without tolerance the fault ends the reading.
    fn take(&mut self, line: Option<u64>, fault: Fault) -> Result<(), Fault> {
        if self.tolerance == Tolerance::Strict {
            return Err(fault);
        }
        let reason = fault.reason();
        let first = || TraceError { file: self.file.to_owned(), row: line, fault };
        let known = self.dropped.entry(reason.clone());
        known.or_insert_with(|| Dropped { reason, rows: 0, first: first() }).rows += 1;
        Ok(())
    }

    fn by_reason(self) -> Vec<Dropped> {
        self.dropped.into_values().collect()
    }
}

/// The bytes of a file, plain whatever they were.
///
/// # Errors
/// Bytes of gzip that are damaged or end early, or hold more than can be read.
pub fn plain<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, TraceError> {
    let plain =
        decompressed(bytes).map_err(|fault| TraceError { file: file.to_owned(), row: None, fault })?;
    Ok(plain.map_or(Cow::Borrowed(bytes), Cow::Owned))
}

/// A row with its line, or what is wrong with it.
type Found<'r, K> = Result<(Row<'r>, &'r K), Fault>;

/// Goes through the rows of a table; what the visitor refuses ends it.
fn each<K>(
    file: &str,
    bytes: &[u8],
    recognise: impl Fn(&[&str]) -> Result<(K, usize), Fault>,
    mut visit: impl FnMut(Option<u64>, Found<'_, K>) -> Result<(), Fault>,
) -> Result<(), TraceError> {
    let at = |row: Option<u64>, fault: Fault| TraceError { file: file.to_owned(), row, fault };
    let plain = plain(file, bytes)?;
    let plain = plain.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&plain);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(plain);
    let mut record = StringRecord::new();
    if !step(&mut reader, &mut record).map_err(|(row, fault)| at(row, fault))? {
        // What no header at all lacks is what the file should have.
        let expected = match recognise(&[]) {
            Err(Fault::Columns { expected, .. }) => expected,
            _ => "of a table".to_owned(),
        };
        return Err(at(None, Fault::Empty { expected }));
    }
    let found: Vec<&str> = record.iter().map(str::trim).collect();
    let (kind, width) = recognise(&found).map_err(|fault| match fault {
        Fault::Columns { found, expected } => {
            at(Some(1), Fault::Columns { found: shortened(&found), expected })
        }
        fault => at(Some(1), fault),
    })?;
    let mut ordinal = 0;
    loop {
        let mut line = None;
        let row = match step(&mut reader, &mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                line = record.position().map(csv::Position::line);
                if record.len() == width {
                    Ok((Row { record: &record, ordinal, line: line.unwrap_or(0) }, &kind))
                } else {
                    Err(Fault::Cells { found: record.len(), expected: width })
                }
            }
            Err((at_line, fault)) => {
                line = at_line.or(line);
                Err(fault)
            }
        };
        visit(line, row).map_err(|fault| at(line, fault))?;
        ordinal += 1;
    }
}

/// Goes through lines of fields between spaces. The first one tells whether the file is of that kind at all.
fn each_of_fields(
    file: &str,
    bytes: &[u8],
    fields: usize,
    visit: &mut Visit<'_, ()>,
) -> Result<(), TraceError> {
    let at = |row: Option<u64>, fault: Fault| TraceError { file: file.to_owned(), row, fault };
    let expected = || format!("of {fields} numbers a line");
    let plain = plain(file, bytes)?;
    let plain = plain.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&plain);
    let lines =
        (1..).zip(plain.split(|byte| *byte == b'\n')).map(|(number, line)| (number, line.trim_ascii()));
    let mut ordinal = 0;
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b";")) {
        let line = std::str::from_utf8(line).map_err(|_| Fault::Encoding);
        let record = line.map(|line| line.split_ascii_whitespace().collect::<StringRecord>());
        if ordinal == 0 {
            let is_number = |cell: &str| cell.parse::<f64>().is_ok();
            match &record {
                Ok(first) if first.len() == fields && first.iter().all(is_number) => {}
                Ok(first) => {
                    let found = shortened(&first.iter().collect::<Vec<_>>().join(" "));
                    return Err(at(Some(number), Fault::Columns { found, expected: expected() }));
                }
                Err(fault) => return Err(at(Some(number), fault.clone())),
            }
        }
        let row = match &record {
            Ok(record) if record.len() == fields => Ok((Row { record, ordinal, line: number }, &())),
            Ok(record) => Err(Fault::Cells { found: record.len(), expected: fields }),
            Err(fault) => Err(fault.clone()),
        };
        visit(Some(number), row).map_err(|fault| at(Some(number), fault))?;
        ordinal += 1;
    }
    if ordinal == 0 { Err(at(None, Fault::Empty { expected: expected() })) } else { Ok(()) }
}

/// Reads the next record; whether there was one.
fn step(reader: &mut csv::Reader<&[u8]>, record: &mut StringRecord) -> Result<bool, (Option<u64>, Fault)> {
    reader.read_record(record).map_err(|error| {
        let row = error.position().map(csv::Position::line);
        match error.kind() {
            csv::ErrorKind::Utf8 { .. } => (row, Fault::Encoding),
            _ => (row, Fault::Io(error.to_string())),
        }
    })
}

/// The plain bytes of gzip; nothing for what is plain already.
fn decompressed(bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(None);
    }
    let limit = LIMIT_GIB << 30;
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut plain).map_err(|error| {
        Fault::Gzip(match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
            _ => error.to_string(),
        })
    })?;
    if plain.len() as u64 > limit {
        return Err(Fault::TooLarge { limit_gib: LIMIT_GIB });
    }
    Ok(Some(plain))
}
