//! `plimsoll plan --cluster`: which pod goes to which node and device.

use std::path::Path;

use clap::ValueEnum;
use plimsoll_model::{Capacity, plan::Status, yaml};
use plimsoll_planner::cluster::{Market, Progress as Step, Settings};

use super::{Form, PlanArgs};
use crate::{clock, exit::Exit, failure::Failure, input, output, progress::Progress, render, screen};

/// Flags that say nothing about a packing.
pub(super) const NOT_ITS: [&str; 15] = [
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
    "points",
    "scenarios",
    "exit_code",
];

/// A class of capacity that nodes may be added of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Add {
    Spot,
    OnDemand,
    Reserved,
    OnPrem,
    None,
}

impl Add {
    const fn class(self) -> Option<Capacity> {
        match self {
            Self::Spot => Some(Capacity::Spot),
            Self::OnDemand => Some(Capacity::OnDemand),
            Self::Reserved => Some(Capacity::Reserved),
            Self::OnPrem => Some(Capacity::OnPrem),
            Self::None => None,
        }
    }
}

/// The classes in the order of tables; none at all where `none` is among them.
fn classes(add: &[Add]) -> Result<Vec<Capacity>, Failure> {
    if add.contains(&Add::None) && add.len() > 1 {
        return Err(Failure::usage("--add none stands alone").with_help("leave out the classes, or none"));
    }
    let mut classes: Vec<Capacity> = add.iter().filter_map(|add| add.class()).collect();
    classes.sort_unstable();
    classes.dedup();
    Ok(classes)
}

pub(super) fn run(args: &PlanArgs, nodes: &Path) -> Result<Exit, Failure> {
    if matches!(args.output, Form::Html | Form::Manifests) {
        let problem = Failure::usage("a packing is written as a table, as JSON or as YAML");
        return Err(problem.with_help("-o table, -o json or -o yaml"));
    }
    let classes = classes(&args.packing.add)?;
    let fleet = input::fleet(nodes, &args.files)?;
    let market = if classes.is_empty() {
        None
    } else {
        let inputs = input::market(&args.files)?;
        Some(Market::of(&fleet, &inputs, &classes)?)
    };
    let settings = Settings {
        moves: args.packing.moves,
        gap: args.search.gap.unwrap_or_default(),
        time_limit: args.search.time_limit,
    };
    let mut progress = Progress::new(&args.common);
    let time_left = Some(clock::search_until(settings.time_limit));
    let observer = &mut |step: &Step| progress.packing(step);
    let packing = plimsoll_planner::cluster::plan(&fleet, &settings, market.as_ref(), time_left, observer)?;
    drop(progress);
    let text = match args.output {
        Form::Json => serde_json::to_string_pretty(&packing)? + "\n",
        Form::Yaml => yaml::to_string(&packing)?,
        _ => render::packing(&packing, screen::width()),
    };
    output::text(&args.common, &text)?;
    Ok(if packing.status == Status::Infeasible { Exit::Refused } else { Exit::Done })
}
