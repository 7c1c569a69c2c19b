//! Runs side by side. One run is made by one thread; which thread makes which makes no difference to it.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use plimsoll_model::simulation::SimulationRun;
use plimsoll_simulator::{events::Sink, experiment::Experiment};

use crate::failure::Failure;

/// How many cores there are.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The lines of a run, on disk.
pub(crate) type Lines = File;

/// Makes every run of every experiment; with `keep`, their logs too.
pub(crate) fn all(
    experiments: &[Experiment],
    threads: usize,
    keep: bool,
) -> Result<(Vec<SimulationRun>, Vec<Lines>), Failure> {
    let tasks: Vec<(&Experiment, usize, u64)> = experiments
        .iter()
        .flat_map(|experiment| {
            experiment.runs().into_iter().map(move |(policy, seed)| (experiment, policy, seed))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Made)>> = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some((experiment, policy, seed)) = tasks.get(index) else { break };
                let made = one(experiment, *policy, *seed, keep);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((index, made));
            }
        };
        for _ in 1..threads.min(tasks.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    let (mut runs, mut logs) = (Vec::with_capacity(done.len()), Vec::new());
    for (_, made) in done {
        let (run, lines) = made?;
        runs.push(run);
        logs.extend(lines);
    }
    Ok((runs, logs))
}

type Made = Result<(SimulationRun, Option<Lines>), Failure>;

fn one(experiment: &Experiment, policy: usize, seed: u64, keep: bool) -> Made {
    if !keep {
        return Ok((experiment.run(policy, seed, &mut ()), None));
    }
    let unwritable = |error: std::io::Error| Failure::usage(format!("cannot keep the log of a run: {error}"));
    let mut sink = ToFile { out: BufWriter::new(tempfile::tempfile().map_err(unwritable)?), failed: None };
    let run = experiment.run(policy, seed, &mut sink);
    if let Some(error) = sink.failed {
        return Err(unwritable(error));
    }
    let file = sink.out.into_inner().map_err(|error| unwritable(error.into_error()))?;
    Ok((run, Some(file)))
}

struct ToFile {
    out: BufWriter<File>,
    /// A run is not told that its log cannot be kept.
    failed: Option<std::io::Error>,
}

impl Sink for ToFile {
    fn line(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(line.as_bytes()).err();
        }
    }
}
