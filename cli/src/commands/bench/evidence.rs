//! `plimsoll bench evidence`: published tables, each simulated from the same traces, ours beside theirs.
//!
//! A table is a scenario and the figures that were published of it, with the tolerance within which ours must lie.
//! Traces are looked for where `PLIMSOLL_DATA` says; without it nothing can be compared, which is said.

mod tables;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_model::{read::ScenarioFile, simulation::SimulationRun};
use plimsoll_simulator::{
    compare::figure,
    experiment::{Experiment, Files},
};
use plimsoll_traces::Tolerance;
use serde::Serialize;

use crate::commands::simulate::pool;

/// A published table, simulated.
struct Table {
    /// What it is of, and who published it.
    name: &'static str,
    source: &'static str,
    scenario: &'static str,
    /// `(KEY=VALUE)` set before the scenario is read.
    sets: Vec<String>,
    figures: Vec<Published>,
}

/// A figure of a table.
struct Published {
    policy: &'static str,
    metric: &'static str,
    level: Option<&'static str>,
    /// How ours is made of the runs.
    of: Of,
    value: f64,
    tolerance: Within,
}

/// How a figure is made of runs.
#[derive(Clone, Copy)]
enum Of {
    /// The mean over the seeds.
    Mean,
    /// The mean, as a part of another policy's.
    Part(&'static str),
    /// By how many per cent it is under another policy's.
    Saving(&'static str),
}

/// How far ours may be from what was published.
#[derive(Clone, Copy)]
enum Within {
    /// In the figure's unit.
    Points(f64),
    /// Per cent of what was published.
    Percent(f64),
}

/// A figure, ours beside theirs.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) table: &'static str,
    pub(crate) source: &'static str,
    pub(crate) figure: String,
    pub(crate) published: f64,
    /// Nothing where it could not be simulated.
    pub(crate) ours: Option<f64>,
    pub(crate) tolerance: f64,
    pub(crate) within: bool,
    /// Why there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
}

/// What is not reproduced, and why.
pub(super) const NOT_REPRODUCED: [(&str, &str); 5] = [
    ("Gandiva", "pairs of jobs on one accelerator are not simulated yet"),
    (
        "Shockwave, and AlloX on its list",
        "its own policy is not there, and AlloX is for jobs of one accelerator; mean completion under makespan is 29 % over",
    ),
    (
        "Let's Wait Awhile",
        "its jobs come from another program's generator; with them as a native trace its rules run",
    ),
    ("Can't Be Late", "its traces have no licence; with `market.spot.availability` they are read"),
    ("Philly and Helios, recorded load", "the recorded series are not compared yet"),
];

/// Simulates every table.
pub(super) fn rows(say: &mut dyn FnMut(&str)) -> Vec<Row> {
    let folder = env::var_os("PLIMSOLL_DATA").map(|data| PathBuf::from(data).join("traces"));
    let mut rows = Vec::new();
    for table in tables::all() {
        say(table.name);
        let runs = match &folder {
            Some(folder) => simulate(&table, folder),
            None => Err("PLIMSOLL_DATA does not say where the traces are".to_owned()),
        };
        for published in &table.figures {
            let level = published.level.map_or(String::new(), |level| format!(" at {level}%"));
            let saving = match published.of {
                Of::Mean => String::new(),
                Of::Part(other) => format!(", part of {other}'s"),
                Of::Saving(other) => format!(", % under {other}'s"),
            };
            let ours = runs.as_ref().ok().and_then(|runs| ours(published, runs));
            let tolerance = match published.tolerance {
                Within::Points(points) => points,
                Within::Percent(percent) => (published.value * percent / 100.0).abs(),
            };
            rows.push(Row {
                table: table.name,
                source: table.source,
                figure: format!("{} {}{level}{saving}", published.policy, published.metric),
                published: published.value,
                ours,
                tolerance,
                within: ours.is_some_and(|ours| (ours - published.value).abs() <= tolerance + 1e-9),
                skipped: runs.as_ref().err().cloned(),
            });
        }
    }
    rows
}

fn ours(published: &Published, runs: &[SimulationRun]) -> Option<f64> {
    let mean = |policy: &str| {
        let values: Vec<f64> = runs
            .iter()
            .filter(|run| run.policy == policy)
            .filter_map(|run| figure(run, published.metric, published.level))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let own = mean(published.policy)?;
    match published.of {
        Of::Mean => Some(own),
        Of::Part(other) => Some(own / mean(other)?),
        Of::Saving(other) => Some(100.0 * (1.0 - own / mean(other)?)),
    }
}

fn simulate(table: &Table, folder: &Path) -> Result<Vec<SimulationRun>, String> {
    let words = |problems: Vec<plimsoll_model::Diagnostic>| {
        problems.first().map_or(String::new(), |problem| format!("{}: {}", problem.file, problem.message))
    };
    let file = ScenarioFile::new(table.name, table.scenario.as_bytes(), &table.sets).map_err(words)?;
    let points = file.points().map_err(words)?;
    let files = InFolder(folder.to_path_buf());
    let experiments = points
        .iter()
        .map(|point| Experiment::prepare(point, &files, Tolerance::Strict))
        .collect::<Result<Vec<_>, _>>()
        .map_err(words)?;
    let (runs, _) = pool::all(&experiments, pool::cores(), false).map_err(|failure| failure.render())?;
    for experiment in &experiments {
        experiment.afterwards().map_err(words)?;
    }
    Ok(runs)
}

/// Files of the public traces.
struct InFolder(PathBuf);

impl Files for InFolder {
    fn bytes(&self, name: &str) -> Result<Arc<Vec<u8>>, String> {
        fs::read(self.0.join(name)).map(Arc::new).map_err(|error| error.to_string())
    }
}
