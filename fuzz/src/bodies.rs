//! What each fuzz target does with its bytes: it panics when a law is broken.
//!
//! The file is a module of every target and of the test that replays the corpora on a stable compiler.
//!
//! Laws: no bytes make a reader panic; a problem has a message and a place within the text; what reads
//! is written and read again to the same text.

#![allow(dead_code, reason = "each fuzz target calls one of these")]

use std::fmt::{Debug, Display};

use plimsoll_catalog::{CatalogFile, SkyPilotFile};
use plimsoll_formats::{Foreign, translate};
use plimsoll_model::{
    Bytes, Cpu, Diagnostic, Document, Duration, Plan, Time, When,
    quantity::decimal::{parse_pico, pico_to_text},
    read, yaml,
};

/// A name and what it does.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 6] = [
    ("documents", documents),
    ("foreign", foreign),
    ("plan", plan),
    ("series", series),
    ("catalog", catalog),
    ("quantities", quantities),
];

const NAME: &str = "fuzz.yaml";

/// Workloads and estates.
pub(crate) fn documents(bytes: &[u8]) {
    match read::documents(NAME, bytes) {
        Ok(documents) => {
            // What other programs wrote is not written again.
            for document in documents.into_iter().filter(|d| d.value != Document::Foreign) {
                let text = write(&document.value);
                let again = reads(read::documents(NAME, text.as_bytes()));
                assert_eq!(again.iter().map(|d| write(&d.value)).collect::<Vec<_>>(), [text]);
            }
        }
        Err(problems) => check(&problems, bytes),
    }
}

/// Documents of other programs: what they become can be written and read again.
pub(crate) fn foreign(bytes: &[u8]) {
    let Ok(documents) = read::documents(NAME, bytes) else { return };
    let foreign = documents.into_iter().map(plimsoll_model::read::Located::split);
    let foreign: Vec<Foreign> =
        foreign.filter(|(value, _)| *value == Document::Foreign).map(|(_, place)| place).collect();
    let translation = translate(&foreign, None);
    if !translation.problems.is_empty() {
        check(&translation.problems, bytes);
    }
    for (index, workload) in translation.workloads {
        assert!(index < foreign.len());
        let document = Document::Workload(Box::new(workload.value));
        let again = reads(read::documents(NAME, write(&document).as_bytes()));
        assert!(again.into_iter().map(|read| read.value).eq([document]));
    }
}

fn write(document: &Document) -> String {
    match document {
        Document::Workload(workload) => yaml::to_string(workload),
        Document::Estate(estate) => yaml::to_string(estate),
        Document::Foreign => Ok(String::new()),
    }
    .expect("a document that was read can be written")
}

/// Plans.
pub(crate) fn plan(bytes: &[u8]) {
    let text = |plan: &Plan| yaml::to_string(plan).expect("a plan that was read can be written");
    match read::plan(NAME, bytes) {
        Ok(plan) => {
            let written = text(&plan);
            let again = reads(read::plan(NAME, written.as_bytes()));
            assert_eq!(text(&again), written);
        }
        Err(problems) => check(&problems, bytes),
    }
}

/// Carbon series.
pub(crate) fn series(bytes: &[u8]) {
    match read::series(NAME, bytes) {
        Ok(rows) => {
            assert!(!rows.is_empty());
            assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert!(rows.iter().all(|(_, value)| value.pico() >= 0));
        }
        Err(problems) => check(&problems, bytes),
    }
}

/// Catalogue files, as a table and as a document.
pub(crate) fn catalog(bytes: &[u8]) {
    match CatalogFile::parse("fuzz.csv", bytes) {
        Ok(file) => assert!(file.offers.iter().all(|offer| offer.hourly_nano_usd >= 0)),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
    match SkyPilotFile::parse("fuzz.csv", "gcp", bytes) {
        Ok(file) => assert!(file.offers.iter().all(|offer| offer.hourly_nano_usd > 0)),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
    if let Err(problems) = read::catalog(NAME, bytes) {
        check(&problems, bytes);
    }
}

/// Durations, times, sizes, cores and decimals.
pub(crate) fn quantities(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // What is shown reads back as the same.
    same::<Duration>(&text);
    same::<Bytes>(&text);
    same::<Cpu>(&text);
    if let Ok(pico) = parse_pico(&text) {
        assert_eq!(parse_pico(&pico_to_text(pico)), Ok(pico));
    }
    // Times are shown to the millisecond.
    if let Ok(time) = text.parse::<Time>() {
        let shown = time.to_string();
        if let Ok(again) = shown.parse::<Time>() {
            assert_eq!(again.to_string(), shown);
        }
    }
    let _ = text.parse::<When>();
}

fn same<T>(text: &str)
where
    T: std::str::FromStr<Err = String> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(&value), "{text:?}"),
        Err(problem) => assert!(!problem.is_empty()),
    }
}

/// What was written reads.
fn reads<T>(read: Result<T, Vec<Diagnostic>>) -> T {
    read.map_err(|problems| problems[0].to_string()).expect("what was written reads")
}

/// Problems are there, and point into the text.
fn check(problems: &[Diagnostic], bytes: &[u8]) {
    assert!(!problems.is_empty());
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    for problem in problems {
        assert!(!problem.message.is_empty());
        let shown = problem.to_string();
        assert!(shown.starts_with("error: ") && shown.lines().count() <= 5, "{shown}");
        let line = problem.line().unwrap_or(1) as usize;
        // A problem at the end of the text may point at the line after its last one.
        assert!(line <= lines + 1, "{shown}");
    }
}
