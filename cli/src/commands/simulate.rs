//! `plimsoll simulate`: a scenario's trace through policies and markets.

mod files;
mod log;
mod pool;

use std::path::PathBuf;

use clap::Args;
use plimsoll_model::{Simulation, read::ScenarioFile, simulation::ScenarioDigest, yaml};
use plimsoll_simulator::{compare::comparisons, experiment::Experiment};
use plimsoll_traces::Tolerance;

use crate::{
    args::{Common, Format},
    examples,
    exit::Exit,
    failure::Failure,
    output, render,
};

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
    output: Format,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let simulation = simulate(args)?;
    let text = match args.output {
        Format::Table => render::simulation(&simulation),
        Format::Json => serde_json::to_string_pretty(&simulation)? + "\n",
        Format::Yaml => yaml::to_string(&simulation)?,
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}

fn simulate(args: &SimulateArgs) -> Result<Simulation, Failure> {
    let files = files::OnDisk::beside(&args.scenario);
    let bytes = files::scenario(&args.scenario)?;
    let name = args.scenario.display().to_string();
    let file = ScenarioFile::new(&name, &bytes, &args.set).map_err(Failure::problems)?;
    let points = file.points().map_err(Failure::problems)?;
    let tolerance = if args.tolerate { Tolerance::Count } else { Tolerance::Strict };
    let mut experiments = Vec::new();
    for point in &points {
        let made = Experiment::prepare(point, &files, tolerance);
        experiments.push(made.map_err(|problems| {
            Failure::problems(problems.into_iter().map(|problem| file.shown(problem)).collect())
        })?);
    }
    let first = &points[0].scenario.value;
    if let Some(html) = &first.report.html {
        return Err(Failure::usage(format!(
            "report.html: {html} cannot be written: there is no such page yet"
        ))
        .with_help("remove the key"));
    }
    let threads = args.threads.or(first.run.cores).map_or_else(pool::cores, |threads| threads as usize);
    let log = first.report.events.as_deref().map(|name| files.path(name));
    let (runs, lines) = pool::all(&experiments, threads.max(1), log.is_some())?;
    if let Some(path) = log {
        log::write(&path, &runs, lines, args.tolerate)?;
    }
    if let Some(name) = &first.report.runs {
        let path = files.path(name);
        output::file(&path, &log::table(&path, &runs)?)?;
    }
    let mut assumptions: Vec<String> = Vec::new();
    for note in experiments.iter().flat_map(Experiment::notes) {
        if !assumptions.contains(note) {
            assumptions.push(note.clone());
        }
    }
    Ok(Simulation {
        api_version: plimsoll_model::document::ApiVersion::default(),
        kind: plimsoll_model::simulation::SimulationKind::default(),
        scenario: ScenarioDigest { digest: files.digest(&bytes, &args.set) },
        assumptions,
        comparisons: comparisons(&runs),
        runs,
    })
}
