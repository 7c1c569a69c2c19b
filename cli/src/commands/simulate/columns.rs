//! Records as Apache Parquet, for those who read them with pandas, `DuckDB` or Spark.
//!
//! A file depends on its records alone: the same ones give the same bytes.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::{ParquetError, Result},
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};

/// Records of one row group: as many as are held in memory at a time.
const GROUP: usize = 1 << 17;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers: `INT64`.
    Whole,
    /// Whole numbers of 64 bits without a sign: `INT64`, annotated `UINT_64`.
    Unsigned,
    /// Numbers; nothing where a field is empty: optional `DOUBLE`.
    Number,
    /// Text: `BYTE_ARRAY`, annotated `STRING`.
    Text,
}

/// The values of a column that are not written yet.
#[derive(Debug)]
enum Values {
    Whole(Vec<i64>),
    /// Those that are there, and of each record whether it has one.
    Number(Vec<f64>, Vec<i16>),
    Text(Vec<ByteArray>),
}

/// Records on their way to a file.
pub(super) struct Columns<W: Write + Send> {
    file: SerializedFileWriter<W>,
    kinds: Vec<Kind>,
    values: Vec<Values>,
    held: usize,
}

impl<W: Write + Send> Columns<W> {
    /// A file of columns with these names.
    pub(super) fn new(out: W, columns: &[(&str, Kind)]) -> Result<Self> {
        let fields = columns.iter().map(|(name, kind)| kind.field(name).map(Arc::new));
        let schema = Type::group_type_builder("rows").with_fields(fields.collect::<Result<_>>()?).build()?;
        let by = concat!("plimsoll version ", env!("CARGO_PKG_VERSION"));
        let properties =
            WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(by.to_owned());
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()))?;
        let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
        Ok(Self { file, values: kinds.iter().map(|kind| kind.nothing()).collect(), kinds, held: 0 })
    }

    /// Adds a record, as its fields are written in CSV.
    pub(super) fn add<'r>(&mut self, record: impl Iterator<Item = &'r str>) -> Result<()> {
        for ((kind, values), field) in self.kinds.iter().zip(&mut self.values).zip(record) {
            let wrong = |error: &dyn std::fmt::Display| ParquetError::General(format!("`{field}`: {error}"));
            match values {
                Values::Whole(all) if *kind == Kind::Unsigned => {
                    all.push(field.parse::<u64>().map_err(|error| wrong(&error))?.cast_signed());
                }
                Values::Whole(all) => all.push(field.parse().map_err(|error| wrong(&error))?),
                Values::Number(_, there) if field.is_empty() => there.push(0),
                Values::Number(all, there) => {
                    all.push(field.parse().map_err(|error| wrong(&error))?);
                    there.push(1);
                }
                Values::Text(all) => all.push(field.into()),
            }
        }
        self.held += 1;
        if self.held == GROUP { self.settle() } else { Ok(()) }
    }

    /// Writes what is held as a row group.
    fn settle(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for values in &self.values {
            values.write(&mut group)?;
        }
        group.close()?;
        self.values = self.kinds.iter().map(|kind| kind.nothing()).collect();
        self.held = 0;
        Ok(())
    }

    /// Writes the rest, and what is where.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.held > 0 {
            self.settle()?;
        }
        self.file.close().map(drop)
    }
}

impl Kind {
    fn field(self, name: &str) -> Result<Type> {
        let (physical, logical) = match self {
            Self::Whole => (Physical::INT64, None),
            Self::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Self::Number => (Physical::DOUBLE, None),
            Self::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let repetition = if self == Self::Number { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
    }

    const fn nothing(self) -> Values {
        match self {
            Self::Whole | Self::Unsigned => Values::Whole(Vec::new()),
            Self::Number => Values::Number(Vec::new(), Vec::new()),
            Self::Text => Values::Text(Vec::new()),
        }
    }
}

impl Values {
    fn write<W: Write + Send>(&self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("more columns than the schema has".to_owned()));
        };
        match (self, column.untyped()) {
            (Self::Whole(all), ColumnWriter::Int64ColumnWriter(out)) => out.write_batch(all, None, None),
            (Self::Number(all, there), ColumnWriter::DoubleColumnWriter(out)) => {
                out.write_batch(all, Some(there), None)
            }
            (Self::Text(all), ColumnWriter::ByteArrayColumnWriter(out)) => out.write_batch(all, None, None),
            _ => Err(ParquetError::General("a column of another type than its schema".to_owned())),
        }?;
        column.close()
    }
}
