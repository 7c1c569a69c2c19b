//! Why a trace cannot be read.

use std::fmt;

/// A file that is not the trace it should be, with the place and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TraceError {
    /// The file as the caller named it.
    pub file: String,
    /// The line of the file, counted from 1 with the header as line 1, when the fault lies in one.
    pub row: Option<u64>,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}, row {row}: {}", self.file, self.fault),
            None => write!(f, "{}: {}", self.file, self.fault),
        }
    }
}

/// What is wrong with a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(String),
    /// The compressed data ends early or is damaged.
    #[error("the gzip data is cut off or damaged ({0}); fetch the file again")]
    Gzip(String),
    /// More bytes than a trace can have.
    #[error("holds more than {limit_gib} GiB; split it")]
    TooLarge {
        /// The limit, in GiB.
        limit_gib: u64,
    },
    /// No header, or nothing at all.
    #[error("is empty: the columns {expected} are expected")]
    Empty {
        /// The columns that were expected.
        expected: String,
    },
    /// The header is another one.
    #[error("has the columns {found}; {expected} are expected")]
    Columns {
        /// The header as found.
        found: String,
        /// The columns that were expected.
        expected: String,
    },
    /// A row with too few or too many cells.
    #[error("has {found} cells where {expected} are expected")]
    Cells {
        /// Cells in the row.
        found: usize,
        /// Cells in the header, or in every line.
        expected: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("is not UTF-8; convert the file")]
    Encoding,
    /// A cell that is not what its column says.
    #[error("{column} is `{found}`: {wanted}")]
    Cell {
        /// The column.
        column: &'static str,
        /// The cell, shortened.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// Two rows with one name.
    #[error("the name `{name}` was given in row {first} already; names must differ")]
    Duplicate {
        /// The name.
        name: String,
        /// The row that has it first.
        first: u64,
    },
    /// Cells, or rows, that cannot be true together.
    #[error("{what}")]
    Contradiction {
        /// Under which rows with this fault are counted together.
        reason: &'static str,
        /// What it is here.
        what: String,
    },
    /// Something that is not what the file should hold.
    #[error("{0}")]
    Content(String),
}

impl Fault {
    /// A few words under which rows with this fault are counted together.
    pub fn reason(&self) -> String {
        match self {
            Self::Cell { column, wanted, .. } => format!("{column}: {wanted}"),
            Self::Cells { expected, .. } => format!("not {expected} cells"),
            Self::Duplicate { .. } => "a name given twice".to_owned(),
            Self::Contradiction { reason, .. } => (*reason).to_owned(),
            other => other.to_string(),
        }
    }
}
