//! What a scenario asks to be written beside the result: the events of all runs, and a row for each run.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Seek as _, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder};
use plimsoll_model::{
    scenario::Report,
    simulation::{Metric, SimulationRun},
};
use plimsoll_simulator::events::COLUMNS;

use super::pool::Lines;
use crate::{failure::Failure, output};

/// So many rows are written without being asked twice.
const MOST_ROWS: u64 = 10_000_000;

/// Refuses names of files that are of no form that is written, before anything runs.
pub(super) fn check(report: &Report) -> Result<(), Failure> {
    let wrong = |field: &str, name: &str, help: &str| {
        Failure::usage(format!("report.{field}: {name} is of no form that is written")).with_help(help)
    };
    match &report.events {
        Some(name) if is_zipped(name).is_none() => {
            return Err(wrong("events", name, "name it .csv or .csv.gz"));
        }
        _ => {}
    }
    match &report.runs {
        Some(name) if !ends_in(name, "csv") => Err(wrong("runs", name, "name it .csv")),
        _ => Ok(()),
    }
}

/// Whether a log is written as gzip; nothing for a name that is neither plain nor that.
fn is_zipped(name: &str) -> Option<bool> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    ends_in(plain, "csv").then_some(plain.len() < name.len())
}

fn ends_in(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Writes the events of all runs to one file, plain or gzip by its name.
pub(super) fn write(
    path: &Path,
    runs: &[SimulationRun],
    logs: Vec<Lines>,
    tolerate: bool,
) -> Result<(), Failure> {
    let rows: u64 = runs.iter().map(|run| run.events).sum();
    if rows > MOST_ROWS && !tolerate {
        return Err(Failure::usage(format!("report.events: the log has {rows} rows, more than {MOST_ROWS}"))
            .with_help("run fewer seeds or policies, or say --tolerate"));
    }
    let zipped = is_zipped(&path.to_string_lossy()).unwrap_or(false);
    let mut logs = logs;
    output::bytes(path, &mut |out| {
        if zipped {
            // Without name and time, so that the same run gives the same bytes.
            let mut out = GzBuilder::new().mtime(0).write(out, Compression::default());
            lines(&mut out, &mut logs)?;
            out.finish().map(drop)
        } else {
            lines(out, &mut logs)
        }
    })
}

fn lines(out: &mut dyn Write, logs: &mut [Lines]) -> std::io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    for (run, file) in logs.iter_mut().enumerate() {
        file.rewind()?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            write!(out, "{run},")?;
            out.write_all(&line)?;
            line.clear();
        }
    }
    Ok(())
}

/// A row for each run as CSV: its index, point, policy, seed, counts, and every metric.
pub(super) fn table(runs: &[SimulationRun]) -> Result<String, Failure> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.point.keys()).collect();
    let metrics: indexmap::IndexSet<String> =
        runs.iter().flat_map(|run| flat(run).into_iter().map(|(name, _)| name)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fixed = ["run", "policy", "seed", "jobs", "events", "events_digest"];
    let head = fixed.iter().map(ToString::to_string).chain(keys.iter().map(|key| (*key).clone()));
    let record: Vec<String> = head.chain(metrics.iter().cloned()).collect();
    let failed = |error: csv::Error| Failure::internal(format!("cannot write a row: {error}"));
    writer.write_record(&record).map_err(failed)?;
    for (index, run) in runs.iter().enumerate() {
        let of = flat(run);
        let fixed = [
            index.to_string(),
            run.policy.clone(),
            run.seed.to_string(),
            run.jobs.to_string(),
            run.events.to_string(),
            run.events_digest.clone(),
        ];
        let keys = keys.iter().map(|key| run.point.get(*key).map_or(String::new(), ToString::to_string));
        let values = metrics.iter().map(|name| {
            of.iter().find(|(known, _)| known == name).map_or(String::new(), |(_, value)| value.to_string())
        });
        let record: Vec<String> = fixed.into_iter().chain(keys).chain(values).collect();
        writer.write_record(&record).map_err(failed)?;
    }
    let bytes =
        writer.into_inner().map_err(|error| Failure::internal(format!("cannot write a row: {error}")))?;
    String::from_utf8(bytes).map_err(|error| Failure::internal(error.to_string()))
}

/// Metrics by name, those by level as `NAME@LEVEL`.
fn flat(run: &SimulationRun) -> Vec<(String, f64)> {
    run.metrics
        .iter()
        .flat_map(|(name, metric)| match metric {
            Metric::Number(value) => vec![(name.clone(), *value)],
            Metric::ByLevel(levels) => {
                levels.iter().map(|(level, value)| (format!("{name}@{level}"), *value)).collect()
            }
        })
        .collect()
}
