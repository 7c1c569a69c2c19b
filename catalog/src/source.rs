//! Where figures come from, and the wrapper that carries it to whoever shows them.

use std::sync::OnceLock;

use crate::table::{fields, rows};

static SOURCES: &str = include_str!("../facts/sources.csv");

/// A price list, a measurement, a data sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The short name that the tables use, such as `azure-2026`.
    pub key: &'static str,
    /// What it tells of: `price`, `network`, `carbon`, `power`, `place`, `risk` or `speed`.
    pub kind: &'static str,
    /// The day of the figures, `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// For people: what a plan shows beside a figure.
    pub name: &'static str,
    /// Where to look it up; empty for what we made ourselves.
    pub url: &'static str,
    /// The licence of the file, or `price facts`, `estimate`, `ours`.
    pub licence: &'static str,
}

/// A figure with its source and date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact<T> {
    /// The figure.
    pub value: T,
    /// Who says so, or how it was reckoned.
    pub source: &'static str,
    /// The day of the figure, `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// Whether it is a default or a fit and not a figure for this very case. To be shown as an assumption.
    pub estimate: bool,
}

impl<T> Fact<T> {
    pub(crate) fn of(key: &str, value: T, estimate: bool) -> Self {
        let source = source(key);
        Self { value, source: source.name, as_of: source.as_of, estimate }
    }
}

/// Every source of the catalogue, for warnings about age and for `NOTICE` pages.
pub fn sources() -> &'static [Source] {
    static PARSED: OnceLock<Vec<Source>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let parse = |line| {
            let [key, kind, as_of, name, url, licence] = fields(line);
            Source { key, kind, as_of, name, url, licence }
        };
        rows(SOURCES).map(parse).collect()
    })
}

/// The source of a key that one of our tables names.
pub(crate) fn source(key: &str) -> &'static Source {
    let found = sources().iter().find(|source| source.key == key);
    found.expect("facts/sources.csv has every key that a table names")
}
