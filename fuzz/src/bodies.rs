//! What each fuzz target does with its bytes: it panics when a law is broken.
//!
//! The file is a module of every target and of the test that replays the corpora on a stable compiler.
//!
//! Laws: no bytes make a reader panic; a problem has a message and a place within the text; what reads
//! is written and read again to the same text; an edited text says what was meant, and keeps every byte
//! that the change is not about.

#![allow(dead_code, reason = "each fuzz target calls one of these")]

use std::fmt::{Debug, Display};

use plimsoll_catalog::{CatalogFile, SkyPilotFile};
use plimsoll_formats::{Foreign, translate};
use plimsoll_model::{
    Bytes, Cpu, Diagnostic, Document, Duration, Plan, Time, When,
    quantity::decimal::{parse_pico, pico_to_text},
    read,
    yaml::{self, Change},
};
use plimsoll_scheduler_plugin::wire::{Args, BindArgs, Candidates, PreemptArgs, PreemptReply};
use plimsoll_traces::{Listing, Tolerance, TraceError, jobs::swf, openb};
use serde_json::Value;

/// A name and what it does.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 9] = [
    ("documents", documents),
    ("edit", edit),
    ("foreign", foreign),
    ("plan", plan),
    ("series", series),
    ("catalog", catalog),
    ("quantities", quantities),
    ("traces", traces),
    ("extender", extender),
];

const NAME: &str = "fuzz.yaml";

/// Traces: what is read strictly is read the same tolerantly, and what is not is left out and counted, or refused.
pub(crate) fn traces(bytes: &[u8]) {
    fn law<T: PartialEq + Debug>(read: impl Fn(Tolerance) -> Result<Listing<T>, TraceError>) {
        match (read(Tolerance::Strict), read(Tolerance::Count)) {
            (Ok(strict), tolerant) => assert_eq!(Ok(strict), tolerant),
            (Err(error), Ok(tolerant)) => {
                assert!(!error.to_string().is_empty());
                assert!(tolerant.dropped.iter().any(|dropped| dropped.rows > 0 && dropped.first == error));
            }
            (Err(strict), Err(tolerant)) => assert_eq!(strict, tolerant),
        }
    }
    law(|tolerance| openb::nodes(NAME, bytes, tolerance));
    law(|tolerance| openb::pods(NAME, bytes, tolerance));
    // What never ran is left out of these strictly too.
    if let Ok(strict) = swf(NAME, bytes, Tolerance::Strict) {
        assert_eq!(Ok(strict), swf(NAME, bytes, Tolerance::Count));
    }
}

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

/// Edits in place: a line `[DOCUMENT, "put" | "more" | "gone", [STEP, …], VALUE]`, then the text.
pub(crate) fn edit(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let Some((head, text)) = input.split_once('\n') else { return };
    let Ok((document, act, path, value)) = serde_json::from_str::<(usize, String, Vec<Value>, Value)>(head)
    else {
        return;
    };
    let (Some(end), Some(before)) = (act_of(&act, &value), values(text)) else { return };
    let Some(root) = before.get(document) else { return };
    let Some(wanted) = edited(Some(root), &path, &act, &value) else { return };
    let made = |act: Change, text: &str| {
        let change = path.iter().rev().fold(act, |inner, step| match step {
            Value::String(name) => Change::Fields([(name.clone(), inner)].into()),
            step => Change::Items([(index(step), inner)].into(), Vec::new()),
        });
        yaml::edit(text, &[(document, change)].into())
    };
    let Ok(after) = made(end, text) else { return };
    let mut all = before.clone();
    all[document] = wanted;
    // What has become a document of another kind is read by other rules.
    let kind = ["apiVersion", "kind", "metadata", "spec"].map(Value::from);
    if path.first().is_some_and(|step| !kind.contains(step) || root.get("kind").is_some()) {
        assert_eq!(values(&after), Some(all), "{after}");
    }

    // One stretch of bytes is another, and all around it is as it was.
    let same = |(a, b): &(u8, u8)| a == b;
    let start = text.bytes().zip(after.bytes()).take_while(same).count();
    let room = text.len().min(after.len()) - start;
    let end = text.bytes().rev().zip(after.bytes().rev()).take(room).take_while(same).count();
    let (old, new) = (&text.as_bytes()[start..text.len() - end], &after.as_bytes()[start..after.len() - end]);
    let was = at(root, &path);
    match (&*act, was) {
        ("gone", Some(_)) => assert!(new.is_empty(), "{old:?} became {new:?}"),
        ("more", Some(Value::Array(_))) => assert!(old.is_empty(), "{old:?} became {new:?}"),
        ("put", None) => {
            assert!(old.is_empty() || is_null(old), "{old:?} became {new:?}");
            // Taken away again, the text is the old one.
            let parent = path.split_last().and_then(|(_, parent)| at(root, parent));
            if parent.and_then(Value::as_object).is_some() && text.ends_with('\n') {
                assert_eq!(made(Change::Gone, &after).as_deref(), Ok(text), "from {after}");
            }
        }
        _ => {}
    }
}

fn is_null(text: &[u8]) -> bool {
    text.iter().all(|byte| b"~nulNUL ".contains(byte))
}

fn index(step: &Value) -> usize {
    step.as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX)
}

fn act_of(act: &str, value: &Value) -> Option<Change> {
    Some(match act {
        "put" => Change::Put(value.clone()),
        "more" => Change::Items([].into(), value.as_array()?.clone()),
        "gone" => Change::Gone,
        _ => return None,
    })
}

fn at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Value::String(name) => value.get(name),
        step => value.get(index(step)),
    })
}

/// The value that a change leaves; none where it goes.
fn edited(value: Option<&Value>, path: &[Value], act: &str, new: &Value) -> Option<Value> {
    let present = value.filter(|value| !value.is_null());
    match path.split_first() {
        None if act == "put" => Some(new.clone()),
        None if act == "more" => {
            let mut items = present.and_then(Value::as_array).cloned().unwrap_or_default();
            items.extend(new.as_array().cloned().unwrap_or_default());
            Some(items.into())
        }
        None => None,
        Some((Value::String(name), rest)) => {
            let mut fields = present.and_then(Value::as_object).cloned().unwrap_or_default();
            match edited(fields.get(name), rest, act, new) {
                Some(inner) => _ = fields.insert(name.clone(), inner),
                None => _ = fields.shift_remove(name),
            }
            Some(fields.into())
        }
        Some((step, rest)) => {
            let mut items = present.and_then(Value::as_array).cloned().unwrap_or_default();
            let at = index(step);
            if at < items.len() {
                match edited(items.get(at), rest, act, new) {
                    Some(inner) => items[at] = inner,
                    None => _ = items.remove(at),
                }
            }
            Some(items.into())
        }
    }
}

/// What the documents of a text say, where all are another program's.
fn values(text: &str) -> Option<Vec<Value>> {
    let documents = read::documents(NAME, text.as_bytes()).ok()?;
    let value = |document: read::Located<Document>| {
        let (value, place) = document.split();
        (value == Document::Foreign).then(|| place.root().read::<Value>().ok()).flatten()
    };
    documents.into_iter().map(value).collect()
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

/// Bodies of the scheduler extender: read, or refused with a reason; victims are read again as they were written.
pub(crate) fn extender(bytes: &[u8]) {
    match Args::read(bytes) {
        Ok(args) => {
            let whole: Value = serde_json::from_slice(bytes).unwrap_or_default();
            // Numbers beyond what a value holds, and depth beyond what it may have, are no matter of a request.
            if let (Some(given), Candidates::Names(names)) = (whole["NodeNames"].as_array(), &args.candidates)
            {
                assert!(given.iter().map(Value::as_str).eq(names.iter().map(|name| Some(&*name.0))));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(args) = PreemptArgs::read(bytes) {
        let text =
            serde_json::to_string(&PreemptReply { nodes: args.nodes.clone() }).expect("a reply is JSON");
        let again = format!(r#"{{"Pod":{{}},{}"#, &text[1..]);
        assert_eq!(
            PreemptArgs::read(again.as_bytes()).expect("a reply reads as a request").nodes,
            args.nodes
        );
    }
    if let Err(error) = BindArgs::read(bytes) {
        assert!(!error.to_string().is_empty());
    }
}
