//! What a scenario asks to be written beside the result: the events of all runs, and a row for each run.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Seek as _, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder};
use plimsoll_model::{
    scenario::Report,
    simulation::{Metric, SimulationRun},
};
use plimsoll_simulator::events::COLUMNS;

use super::{
    columns::{Columns, Kind},
    pool::Lines,
};
use crate::{failure::Failure, output};

/// So many rows are written without being asked twice.
const MOST_ROWS: u64 = 10_000_000;

/// The form of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    /// CSV as gzip.
    Zipped,
    Parquet,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        let ends_in = |name: &str, extension: &str| {
            Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
        };
        match name.strip_suffix(".gz") {
            Some(plain) => ends_in(plain, "csv").then_some(Self::Zipped),
            None if ends_in(name, "csv") => Some(Self::Csv),
            None => ends_in(name, "parquet").then_some(Self::Parquet),
        }
    }
}

/// Refuses names of files that are of no form that is written, before anything runs.
pub(super) fn check(report: &Report) -> Result<(), Failure> {
    for (field, name) in [("events", &report.events), ("runs", &report.runs)] {
        if let Some(name) = name.as_ref().filter(|name| Form::of(name).is_none()) {
            let wrong = Failure::usage(format!("report.{field}: {name} is of no form that is written"));
            return Err(wrong.with_help("name it .parquet, .csv or .csv.gz"));
        }
    }
    Ok(())
}

/// Writes the events of all runs to one file.
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
    let mut logs = logs;
    if Form::of(&path.to_string_lossy()) == Some(Form::Parquet) {
        let columns: Vec<(&str, Kind)> = COLUMNS.iter().map(|name| (*name, kind(name))).collect();
        return parquet(path, &columns, &mut |out| {
            for (run, file) in logs.iter_mut().enumerate() {
                let run = run.to_string();
                file.rewind()?;
                let lines = BufReader::with_capacity(1 << 16, file);
                for record in csv::ReaderBuilder::new().has_headers(false).from_reader(lines).records() {
                    out.add(std::iter::once(&*run).chain(record?.iter())).map_err(io::Error::other)?;
                }
            }
            Ok(())
        });
    }
    text(path, &mut |out| {
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
    })
}

/// What a column of the log holds.
fn kind(column: &str) -> Kind {
    match column {
        "run" | "seq" | "time_us" | "cpu_milli" | "memory_mib" => Kind::Whole,
        "work_s" | "lost_s" | "usd" | "carbon_g" => Kind::Number,
        _ => Kind::Text,
    }
}

/// Writes text, plain or as gzip by its name.
fn text(path: &Path, lines: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let zipped = Form::of(&path.to_string_lossy()) == Some(Form::Zipped);
    output::bytes(path, &mut |out| {
        if zipped {
            // Without name and time, so that the same run gives the same bytes.
            let mut out = GzBuilder::new().mtime(0).write(out, Compression::default());
            lines(&mut out)?;
            out.finish().map(drop)
        } else {
            lines(out)
        }
    })
}

/// Writes records as Parquet.
fn parquet(
    path: &Path,
    columns: &[(&str, Kind)],
    records: &mut dyn FnMut(&mut Columns<&File>) -> io::Result<()>,
) -> Result<(), Failure> {
    output::bytes(path, &mut |out| {
        let whole = tempfile::tempfile()?;
        let mut made = Columns::new(&whole, columns).map_err(io::Error::other)?;
        records(&mut made)?;
        made.finish().map_err(io::Error::other)?;
        (&whole).rewind()?;
        io::copy(&mut &whole, out).map(drop)
    })
}

/// Writes a row for each run: its index, point, policy, seed, counts, and every metric.
pub(super) fn table(path: &Path, runs: &[SimulationRun]) -> Result<(), Failure> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.point.keys()).collect();
    let metrics: indexmap::IndexSet<String> =
        runs.iter().flat_map(|run| flat(run).into_iter().map(|(name, _)| name)).collect();
    let mut columns = vec![
        ("run", Kind::Whole),
        ("policy", Kind::Text),
        ("seed", Kind::Unsigned),
        ("jobs", Kind::Whole),
        ("events", Kind::Whole),
        ("events_digest", Kind::Text),
    ];
    columns.extend(keys.iter().map(|key| (&***key, Kind::Text)));
    columns.extend(metrics.iter().map(|name| (&**name, Kind::Number)));
    let record = |(index, run): (usize, &SimulationRun)| -> Vec<String> {
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
        fixed.into_iter().chain(keys).chain(values).collect()
    };
    let records: Vec<Vec<String>> = runs.iter().enumerate().map(record).collect();
    if Form::of(&path.to_string_lossy()) == Some(Form::Parquet) {
        return parquet(path, &columns, &mut |out| {
            let mut all = records.iter();
            all.try_for_each(|record| out.add(record.iter().map(String::as_str))).map_err(io::Error::other)
        });
    }
    text(path, &mut |out| {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns.iter().map(|(name, _)| name))?;
        for record in &records {
            writer.write_record(record)?;
        }
        writer.flush()
    })
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
