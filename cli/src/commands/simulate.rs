//! `plimsoll simulate`: a scenario's trace through policies and markets.

mod columns;
mod files;
mod log;
pub(crate) mod pool;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_model::{Simulation, read::ScenarioFile, simulation::ScenarioDigest, yaml};
use plimsoll_simulator::{compare::comparisons, experiment::Experiment};
use plimsoll_traces::Tolerance;

use crate::{args::Common, examples, exit::Exit, failure::Failure, output, render};

/// Replay or generate a trace through policies and markets, and compare the policies
///
/// A scenario names what arrives, where it can run, what that costs and which policies decide; see
/// `plimsoll schema scenario`. All policies see the same arrivals for a seed, so their differences are compared pair
/// by pair. The same scenario gives the same bytes, however many runs are made at a time.
#[derive(Debug, Args)]
#[command(after_help = examples::SIMULATE)]
pub(crate) struct SimulateArgs {
    /// The scenario, as TOML
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// Set a key of the scenario: `run.seeds=42..51`; a value that is not TOML is text
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How many runs are made at a time [default: the scenario's `run.cores`, else as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Leave out rows of a trace that cannot be read, count them, and go on
    #[arg(long)]
    tolerate: bool,
    /// The form of the result
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    output: Form,
    #[command(flatten)]
    common: Common,
}

/// The form of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The same as JSON, as YAML
    Yaml,
    /// One page, with charts
    Html,
}

pub(crate) fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let (simulation, title) = simulate(args)?;
    let text = match args.output {
        Form::Table => render::simulation(&simulation),
        Form::Json => serde_json::to_string_pretty(&simulation)? + "\n",
        Form::Yaml => yaml::to_string(&simulation)?,
        Form::Html => render::simulation_page(&simulation, &title),
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}

/// The simulation, and what the scenario is called. What the scenario wants written beside is written.
fn simulate(args: &SimulateArgs) -> Result<(Simulation, String), Failure> {
    let files = files::OnDisk::beside(&args.scenario);
    let bytes = files::scenario(&args.scenario)?;
    let name = args.scenario.display().to_string();
    let file = ScenarioFile::new(&name, &bytes, &args.set).map_err(Failure::problems)?;
    let points = file.points().map_err(Failure::problems)?;
    log::check(&points[0].scenario.value.report)?;
    let tolerance = if args.tolerate { Tolerance::Count } else { Tolerance::Strict };
    let mut experiments = Vec::new();
    for point in &points {
        let made = Experiment::prepare(point, &files, tolerance);
        experiments.push(made.map_err(|problems| {
            Failure::problems(problems.into_iter().map(|problem| file.shown(problem)).collect())
        })?);
    }
    let first = &points[0].scenario.value;
    let threads = args.threads.or(first.run.cores).map_or_else(pool::cores, |threads| threads as usize);
    let log = first.report.events.as_deref().map(|name| files.path(name));
    let (runs, lines) = pool::all(&experiments, threads.max(1), log.is_some())?;
    let mut later = Vec::new();
    for experiment in &experiments {
        let notes = experiment.afterwards();
        later.extend(notes.map_err(|problems| {
            Failure::problems(problems.into_iter().map(|problem| file.shown(problem)).collect())
        })?);
    }
    if let Some(path) = log {
        log::write(&path, &runs, lines, args.tolerate)?;
    }
    if let Some(name) = &first.report.runs {
        log::table(&files.path(name), &runs)?;
    }
    let mut assumptions: Vec<String> = Vec::new();
    for note in experiments.iter().flat_map(Experiment::notes).chain(&later) {
        if !assumptions.contains(note) {
            assumptions.push(note.clone());
        }
    }
    let simulation = Simulation {
        api_version: plimsoll_model::document::ApiVersion::default(),
        kind: plimsoll_model::simulation::SimulationKind::default(),
        scenario: ScenarioDigest { digest: files.digest(&bytes, &args.set) },
        assumptions,
        comparisons: comparisons(&runs),
        runs,
    };
    let title = first.name.clone().unwrap_or(name);
    if let Some(html) = &first.report.html {
        output::file(&files.path(html), &render::simulation_page(&simulation, &title))?;
    }
    Ok((simulation, title))
}
