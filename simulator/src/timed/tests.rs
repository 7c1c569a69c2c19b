//! Tiny traces by hand, queueing theory, conservation, and published figures where the traces are at hand.

mod books;
mod by_hand;
mod conservation;
mod estate;
mod granted;
mod hazards;
mod keys;
mod places;
mod published;
mod records;
mod shares;
mod theory;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use plimsoll_model::{
    read::ScenarioFile,
    simulation::{Metric, SimulationRun},
};
use plimsoll_traces::Tolerance;

use crate::experiment::{Experiment, Files};

/// Files in memory, else of the traces at hand.
pub(super) struct InMemory(BTreeMap<String, String>);

impl Files for InMemory {
    fn bytes(&self, name: &str) -> Result<Arc<Vec<u8>>, String> {
        if let Some(text) = self.0.get(name) {
            return Ok(Arc::new(text.clone().into_bytes()));
        }
        let folder = traces().ok_or("the traces are not at hand")?;
        std::fs::read(folder.join(name)).map(Arc::new).map_err(|error| error.to_string())
    }
}

/// Where the public traces are, if they are.
pub(super) fn traces() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let folder = std::env::var("PLIMSOLL_DATA").ok()?;
    Some(PathBuf::from(folder).join("traces"))
}

/// The experiment of a scenario, with native jobs as `jobs.csv`.
pub(super) fn experiment(scenario: &str, jobs: &str) -> Result<Experiment, String> {
    experiment_with(scenario, jobs, Tolerance::Strict)
}

pub(super) fn experiment_with(
    scenario: &str,
    jobs: &str,
    tolerance: Tolerance,
) -> Result<Experiment, String> {
    experiment_beside(scenario, &[("jobs.csv", jobs)], tolerance)
}

/// The experiment of a scenario with these files.
pub(super) fn experiment_beside(
    scenario: &str,
    files: &[(&str, &str)],
    tolerance: Tolerance,
) -> Result<Experiment, String> {
    let words = |problems: Vec<plimsoll_model::Diagnostic>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let file = ScenarioFile::new("s.toml", scenario.as_bytes(), &[]).map_err(words)?;
    let points = file.points().map_err(words)?;
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let files = InMemory(files.collect());
    Experiment::prepare(&points[0], &files, tolerance).map_err(words)
}

/// All runs of a scenario, with their logs.
pub(super) fn runs(scenario: &str, jobs: &str) -> Vec<(SimulationRun, String)> {
    let experiment = experiment(scenario, jobs).unwrap_or_else(|problems| panic!("{problems}"));
    runs_of(&experiment)
}

/// The same beside these files.
pub(super) fn runs_beside(scenario: &str, files: &[(&str, &str)]) -> Vec<(SimulationRun, String)> {
    let experiment = experiment_beside(scenario, files, Tolerance::Strict);
    runs_of(&experiment.unwrap_or_else(|problems| panic!("{problems}")))
}

pub(super) fn runs_of(experiment: &Experiment) -> Vec<(SimulationRun, String)> {
    let one = |(policy, seed)| {
        let mut log = String::new();
        let run = experiment.run(policy, seed, &mut log);
        (run, log)
    };
    experiment.runs().into_iter().map(one).collect()
}

pub(super) fn metric(run: &SimulationRun, name: &str) -> f64 {
    match run.metrics.get(name) {
        Some(Metric::Number(value)) => *value,
        other => panic!("{name} is {other:?} of {:?}", run.metrics.keys()),
    }
}

/// Event, time in seconds and job of each row.
pub(super) fn brief(log: &str) -> Vec<String> {
    log.lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let seconds = cells[1].parse::<f64>().unwrap() / 1e6;
            format!("{seconds} {} {}", cells[2], cells[3])
        })
        .filter(|row| !row.contains("node-up"))
        .collect()
}
