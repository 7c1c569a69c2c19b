//! Planning anew from a plan in force.
//!
//! The plan says where and when everything runs and what limits were worth; both are told to the solver in terms of
//! the problem as it is now. Whatever has changed since (prices, capacity, workloads, policies, the clock) shows in
//! the problem: a placement that is no choice any more is placed anew, one whose time has passed starts at another.

use std::collections::BTreeMap;

use plimsoll_model::{
    Inputs, Plan,
    plan::{Constraint, Placement},
};
use plimsoll_solver::{
    Column, Previous,
    column::own_cost,
    outcome::{Price, Priced},
    problem::Nanos,
    solve_again,
};

use crate::{
    build::{Build, Rules, beyond, choices::MOST_USD},
    error::PlanError,
    flags::Settings,
    report,
    world::World,
};

/// Plans some inputs from the plan in force: it is mended at once, of which the observer is told first, and what
/// comes after only improves it. Any plan will do, also one of other inputs.
///
/// # Errors
/// When the estate contradicts itself, or a price needs a figure that nothing states.
pub fn plan_again(
    inputs: &Inputs,
    settings: &Settings,
    previous: &Plan,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&plimsoll_solver::Phase),
) -> Result<Plan, PlanError> {
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let mut build = Build::new(&world, settings, &rules)?;
    let outcome =
        solve_again(&build.problem, &settings.params(time_left), &known(&build, previous), observer);
    let plan = report::report(&mut build, &outcome, time_left);
    if plan.objective.total_usd.to_f64() >= MOST_USD { Err(beyond(None, "the plan")) } else { Ok(plan) }
}

/// What a plan says of the workloads and limits of a problem; what it says of others is passed over.
fn known(build: &Build<'_>, plan: &Plan) -> Previous {
    let offers: BTreeMap<String, u32> =
        build.offers.iter().map(|ix| build.world().offer(*ix).name()).zip(0..).collect();
    let placements: BTreeMap<&str, &Placement> =
        plan.placements.iter().map(|placement| (&*placement.workload, placement)).collect();
    let column = |(task, prospect): (usize, &crate::prospect::Prospect<'_>)| {
        let placement = placements.get(&*prospect.workload.metadata.name)?;
        let offer = *offers.get(&placement.offer.full_name())?;
        let t = &build.problem.tasks[task];
        let index = t.choices.iter().position(|choice| choice.offer == offer && !choice.spare)?;
        let runs = runs(placement);
        let own = own_cost(&build.problem, t, &t.choices[index], &runs);
        Some(Column { choice: index as u32, runs, own })
    };
    let columns = build.prospects.iter().enumerate().map(column).collect();
    let price = |price: &plimsoll_model::plan::Price| {
        let limit = match price.constraint {
            Constraint::Count => Priced::Count(*offers.get(&price.name)?),
            Constraint::Quota => {
                let at = build.rules().quotas.iter().position(|quota| quota.name == price.name)?;
                Priced::Quota(at as u32)
            }
            Constraint::Budget => {
                Priced::Budget(build.budgets.iter().position(|budget| budget.name == price.name)? as u32)
            }
            Constraint::CarbonBudget => Priced::Carbon(
                build.carbon_budgets.iter().position(|budget| budget.name == price.name)? as u32,
            ),
            _ => return None,
        };
        Some(Price { limit, usd: price.usd_per_unit, low: price.low, high: price.high })
    };
    Previous { columns, prices: plan.prices.iter().filter_map(price).collect() }
}

/// The pieces of a placement's run.
fn runs(placement: &Placement) -> Vec<(Nanos, Nanos)> {
    match &placement.runs {
        Some(runs) => runs.iter().map(|run| (run.start.nanos(), run.end.nanos())).collect(),
        None => vec![(placement.start.nanos(), placement.end.nanos())],
    }
}
