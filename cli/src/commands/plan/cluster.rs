//! `plimsoll plan --cluster`: which pod goes to which node and device.

use std::path::Path;

use plimsoll_model::{plan::Status, yaml};
use plimsoll_planner::cluster::Settings;
use plimsoll_solver::Phase;

use super::{Form, PlanArgs};
use crate::{exit::Exit, failure::Failure, input, output, progress::Progress, render, screen};

/// Flags that say nothing about a packing.
pub(super) const NOT_ITS: [&str; 16] = [
    "estate",
    "tolerate",
    "carbon_price",
    "delay_price",
    "objective",
    "pareto",
    "budget",
    "horizon",
    "now",
    "previous",
    "effort",
    "no_lp",
    "seed",
    "time_limit",
    "points",
    "exit_code",
];

pub(super) fn run(args: &PlanArgs, nodes: &Path) -> Result<Exit, Failure> {
    if matches!(args.output, Form::Html | Form::Manifests) {
        let problem = Failure::usage("a packing is written as a table, as JSON or as YAML");
        return Err(problem.with_help("-o table, -o json or -o yaml"));
    }
    let fleet = input::fleet(nodes, &args.files)?;
    let settings = Settings {
        moves: args.packing.moves,
        gap: args.search.gap.unwrap_or_default(),
        time_limit: args.search.time_limit,
    };
    let mut progress = Progress::new(&args.common);
    let packing =
        plimsoll_planner::cluster::plan(&fleet, &settings, &mut |phase: &Phase| progress.phase(phase))?;
    drop(progress);
    let text = match args.output {
        Form::Json => serde_json::to_string_pretty(&packing)? + "\n",
        Form::Yaml => yaml::to_string(&packing)?,
        _ => render::packing(&packing, screen::width()),
    };
    output::text(&args.common, &text)?;
    Ok(if packing.status == Status::Infeasible { Exit::Refused } else { Exit::Done })
}
