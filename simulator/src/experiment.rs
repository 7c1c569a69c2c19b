//! A scenario at one point, made ready to run.
//!
//! Everything that several runs share is read and checked here once; a run needs only its policy and its seed, and
//! changes nothing, so that runs can be made at the same time.

mod estate;
mod meaningless;

use std::sync::Arc;

use plimsoll_model::{
    Diagnostic, Span,
    read::Point,
    scenario::{Mode, PolicySpec, Seeds},
    simulation::SimulationRun,
    yaml::nearest,
};
use plimsoll_traces::{Dropped, Tolerance, TraceError};

use crate::{events::Sink, sequence::Sequence, timed::Timed};

/// Where the files of a scenario come from.
pub trait Files {
    /// The bytes of a file, by the name that the scenario has for it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn bytes(&self, name: &str) -> Result<Arc<Vec<u8>>, String>;

    /// The name under which people know the file.
    fn shown(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// A scenario at one point.
pub struct Experiment {
    point: Point,
    seeds: Vec<u64>,
    world: World,
    notes: Vec<String>,
}

enum World {
    Sequence(Box<Sequence>),
    Timed(Box<Timed>),
}

/// What preparing needs beside the scenario.
pub struct Context<'a> {
    /// The scenario.
    pub point: &'a Point,
    /// Its files.
    pub files: &'a dyn Files,
    /// What to do with rows of a trace that cannot be read.
    pub tolerance: Tolerance,
    /// What the result will state as assumed or left out.
    pub notes: Vec<String>,
}

/// Everything that is wrong.
pub type Problems = Vec<Diagnostic>;

impl Context<'_> {
    /// A problem of a field of the scenario.
    pub fn problem(&self, field: &str, message: impl Into<String>) -> Diagnostic {
        self.point.scenario.problem(field, message)
    }

    /// The same, alone.
    pub fn refuse<T>(&self, field: &str, message: impl Into<String>, help: &str) -> Result<T, Problems> {
        let problem = self.problem(field, message);
        Err(vec![if help.is_empty() { problem } else { problem.with_help(help) }])
    }

    /// The bytes of the file that a field names, with the name that people know it by.
    pub fn file(&self, field: &str, name: Option<&str>) -> Result<(String, Arc<Vec<u8>>), Problems> {
        let Some(name) = name else {
            return self.refuse(field, format!("`{field}` is needed"), "name the file");
        };
        match self.files.bytes(name) {
            Ok(bytes) => Ok((self.files.shown(name), bytes)),
            Err(why) => self.refuse(field, format!("cannot read {}: {why}", self.files.shown(name)), ""),
        }
    }

    /// Notes what a reader left out.
    pub fn note_dropped(&mut self, dropped: &[Dropped]) {
        for reason in dropped {
            let first = &reason.first;
            let row = first.row.map_or(String::new(), |row| format!(", first in row {row}"));
            self.notes.push(format!("{}: {} rows left out: {}{row}", first.file, reason.rows, reason.reason));
        }
    }
}

/// A trace's error as a diagnostic.
pub fn of_trace(error: &TraceError) -> Problems {
    let mut problem = Diagnostic::of_file(&error.file, error.fault.to_string());
    problem.span = error.row.map(|row| Span::point(usize::try_from(row).unwrap_or(usize::MAX), 1));
    // A file that is no such trace at all stays an error whatever is tolerated.
    let of_row = error.row.is_some_and(|row| row > 1);
    vec![if of_row {
        problem.with_help("with --tolerate such rows are left out and counted")
    } else {
        problem
    }]
}

/// Says that a name is not known, with the nearest that is.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> (String, String) {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    (format!("there is no {what} `{name}`"), help)
}

impl Experiment {
    /// Reads what a point needs, and checks what its scenario says.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario or with its files.
    pub fn prepare(point: &Point, files: &dyn Files, tolerance: Tolerance) -> Result<Self, Problems> {
        let mut context = Context { point, files, tolerance, notes: Vec::new() };
        let scenario = &point.scenario.value;
        if scenario.trace.format.is_none() {
            let help = "name what arrives: format = \"generated\" needs no files";
            return context.refuse("trace.format", "the scenario has no `trace.format`", help);
        }
        if scenario.run.policies.is_empty() {
            let help = "policies = [\"fifo\"]";
            return context.refuse("run.policies", "the scenario names no policy", help);
        }
        check_labels(&context)?;
        meaningless::check(&context)?;
        let written_out = estate::written_out(&mut context)?;
        let point = written_out.as_ref().unwrap_or(point);
        let scenario = &point.scenario.value;
        let mut context = Context { point, ..context };
        let world = match scenario.arrivals.mode.unwrap_or_default() {
            Mode::Sequence => World::Sequence(Box::new(Sequence::prepare(&mut context)?)),
            Mode::Timed | Mode::AtOnce => World::Timed(Box::new(Timed::prepare(&mut context)?)),
        };
        let seeds = scenario.run.seeds.clone().unwrap_or(Seeds(vec![0])).0;
        Ok(Self { point: point.clone(), seeds, world, notes: context.notes })
    }

    /// What is assumed, and what was left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the runs that were made have shown: more notes.
    ///
    /// # Errors
    /// Where they went on after a series had ended.
    pub fn afterwards(&self) -> Result<Vec<String>, Problems> {
        match &self.world {
            World::Sequence(_) => Ok(Vec::new()),
            World::Timed(timed) => timed.afterwards(&self.point),
        }
    }

    /// The policies.
    pub fn policies(&self) -> &[PolicySpec] {
        &self.point.scenario.value.run.policies
    }

    /// The runs to make, by policy and seed, in the order of the result.
    pub fn runs(&self) -> Vec<(usize, u64)> {
        (0..self.policies().len())
            .flat_map(|policy| self.seeds.iter().map(move |seed| (policy, *seed)))
            .collect()
    }

    /// Makes a run.
    pub fn run(&self, policy: usize, seed: u64, sink: &mut dyn Sink) -> SimulationRun {
        let outcome = match &self.world {
            World::Sequence(sequence) => sequence.run(policy, seed, sink),
            World::Timed(timed) => timed.run(policy, seed, sink),
        };
        let wanted = &self.point.scenario.value.report.metrics;
        let mut metrics = outcome.metrics;
        if !wanted.is_empty() {
            metrics.retain(|name, _| wanted.iter().any(|wanted| wanted == name));
        }
        SimulationRun {
            point: self.point.keys.clone(),
            policy: self.policies()[policy].title().to_owned(),
            seed,
            jobs: outcome.jobs,
            events: outcome.events,
            metrics,
            events_digest: outcome.digest,
            bound: outcome.bound,
            series: outcome.series,
        }
    }
}

/// Two policies with one label could not be told apart in the result.
fn check_labels(context: &Context<'_>) -> Result<(), Problems> {
    let policies = &context.point.scenario.value.run.policies;
    for (at, policy) in policies.iter().enumerate() {
        let field = format!("run.policies[{at}]");
        if policy.name.is_empty() {
            return context.refuse(&field, "a policy needs a `name`", "");
        }
        if policies[..at].iter().any(|other| other.title() == policy.title()) {
            let message = format!("a second policy is called `{}`", policy.title());
            return context.refuse(&field, message, "give one of them a `label`");
        }
    }
    Ok(())
}

/// What a run gives, before it is put into words.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Jobs that arrived.
    pub jobs: u64,
    /// Rows of the log.
    pub events: u64,
    /// Their digest.
    pub digest: String,
    /// By name.
    pub metrics: indexmap::IndexMap<String, plimsoll_model::simulation::Metric>,
    /// Means over intervals.
    pub series: indexmap::IndexMap<String, Vec<f64>>,
    /// Whether it is a bound and no schedule.
    pub bound: bool,
}
