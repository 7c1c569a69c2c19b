//! Reads the fact files: CSV, gzipped or not, `#` comments skipped, columns by name, errors with file and line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// A CSV file in memory.
pub(super) struct Table {
    name: String,
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// One row of it.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Reads `folder/name`.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self> {
        let file = File::open(folder.join(name)).map_err(Error::io(name))?;
        let source: Box<dyn Read> = if name.rsplit('.').next() == Some("gz") {
            Box::new(flate2::read::GzDecoder::new(file))
        } else {
            Box::new(file)
        };
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(source);
        let wrong = |error: csv::Error| Error::new(format!("{name}: {error}"));
        let columns =
            reader.headers().map_err(wrong)?.iter().enumerate().map(|(at, column)| (column.to_owned(), at));
        let columns = columns.collect();
        let mut rows = Vec::new();
        for record in reader.into_records() {
            let record = record.map_err(wrong)?;
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        Ok(Self { name: name.to_owned(), columns, rows })
    }

    /// The rows in the order of the file.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { table: self, line: *line, record })
    }
}

impl<'a> Row<'a> {
    /// The text of a column, trimmed.
    pub(super) fn get(self, column: &str) -> Result<&'a str> {
        let at = self.table.columns.get(column);
        let text = at.and_then(|at| self.record.get(*at));
        text.map(str::trim).ok_or_else(|| self.wrong(&format!("has no column {column}")))
    }

    /// The text of a column, `None` when it is empty.
    pub(super) fn maybe(self, column: &str) -> Result<Option<&'a str>> {
        Ok(Some(self.get(column)?).filter(|text| !text.is_empty()))
    }

    /// A number.
    pub(super) fn number(self, column: &str) -> Result<f64> {
        let text = self.get(column)?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong(&format!("{column} is {text:?}, not a number")))
    }

    /// An error about this row.
    pub(super) fn wrong(self, what: &str) -> Error {
        Error::new(format!("{}, line {}: {what}", self.table.name, self.line))
    }
}
