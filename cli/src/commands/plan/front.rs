//! `plimsoll plan --pareto`: a front instead of one plan.

use plimsoll_model::{Front, Inputs, plan::Status, yaml};
use plimsoll_planner::Settings;
use plimsoll_solver::Phase;

use super::{Form, PlanArgs};
use crate::{args::Axes, exit::Exit, failure::Failure, output, progress::Progress, render, screen};

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
        Form::Table => render::front(&front, screen::width()),
        Form::Json => serde_json::to_string_pretty(&front)? + "\n",
        Form::Yaml => yaml::to_string(&front)?,
        Form::Html => page(&front, inputs, settings)?,
        Form::Manifests => {
            let problem = Failure::usage("a front is several plans, and manifests hold one");
            return Err(problem.with_help("leave out --pareto, or choose a point and state its prices"));
        }
    };
    output::text(&args.common, &text)?;
    Ok(if front.status == Status::Infeasible { Exit::Refused } else { Exit::Done })
}

/// The page of a front: the rest of it is about the knee, else about the cheapest plan.
fn page(front: &Front, inputs: &Inputs, settings: &Settings) -> Result<String, Failure> {
    let shown = front.knee.and_then(|knee| usize::try_from(knee).ok()).unwrap_or(0);
    let plan = &front.points[shown].plan;
    let detail = plimsoll_planner::detail::detail(inputs, settings, plan)?;
    Ok(render::page(&render::Report { plan, detail: &detail, front: Some((front, shown)) }))
}
