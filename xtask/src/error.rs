//! One error: a sentence with the file and line it is about. This is a tool for people who edit the repository, so
//! nobody matches on its kinds.

use std::fmt;

/// What went wrong, for a person.
#[derive(Debug)]
pub(crate) struct Error(String);

/// The result of every step here.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: says which file or stream the system could not serve.
    pub(crate) fn io(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
