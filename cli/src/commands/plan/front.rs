//! `plimsoll plan --pareto`: a front instead of one plan.

use plimsoll_model::{Inputs, plan::Status, yaml};
use plimsoll_planner::Settings;
use plimsoll_solver::Phase;

use super::PlanArgs;
use crate::{
    args::{Axes, Format},
    exit::Exit,
    failure::Failure,
    output,
    progress::Progress,
    render, screen,
};

pub(super) fn run(
    args: &PlanArgs,
    inputs: &Inputs,
    settings: &Settings,
    axes: &Axes,
    time_left: Option<fn() -> f64>,
    mut progress: Progress,
) -> Result<Exit, Failure> {
    let most = usize::from(args.aims.points);
    let observer = &mut |phase: &Phase| progress.phase(phase);
    let front = plimsoll_planner::front(inputs, settings, &axes.0, most, time_left, observer)?;
    drop(progress);
    let text = match args.output {
        Format::Table => render::front(&front, screen::width()),
        Format::Json => serde_json::to_string_pretty(&front)? + "\n",
        Format::Yaml => yaml::to_string(&front)?,
    };
    output::text(&args.common, &text)?;
    Ok(if front.status == Status::Infeasible { Exit::Refused } else { Exit::Done })
}
