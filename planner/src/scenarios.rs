//! Plans for several scenarios: the best on average, or the one with the least regret.
//!
//! What may be planned is the same whatever comes: every limit holds for what the estate states (the
//! forecast), those on money and carbon at its prices. What a plan costs in a scenario is linear in the
//! scenario's figures, so that the best on average is the best plan of a problem with mean figures
//! ([`crate::build::mean`]), exactly and with its bound (Birge and Louveaux 2011, "Introduction to Stochastic
//! Programming", section 1.1; nothing is decided after a scenario comes true).
//!
//! The plan of least regret is searched for in `regret`. All plans ever found are kept in a `pool::Pool`,
//! so that no answer is worse in what it aims at than any plan that is shown beside it.

mod pool;
mod regret;
mod report;
mod search;

use plimsoll_model::{Inputs, Plan, scenarios::Aim};
use plimsoll_solver::Outcome;

use crate::{
    build::{Build, Rules, beyond, choices::MOST_USD},
    error::PlanError,
    flags::Settings,
    world::World,
};
use pool::Pool;
use search::Measure;

/// Plans some inputs for the estate's scenarios.
///
/// # Errors
/// As [`crate::plan`]; also when the estate has no scenarios.
pub fn plan(
    inputs: &Inputs,
    settings: &Settings,
    aim: Aim,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&plimsoll_solver::Phase),
) -> Result<Plan, PlanError> {
    if inputs.estate.scenarios.is_empty() {
        return Err(PlanError::input(
            "the estate has no scenarios to plan for",
            "state what may come in `spec.scenarios`, or leave out --scenarios",
        ));
    }
    // A plan for many scenarios is put together of plans for one, among which an order has no dollars.
    if let Some(ordered) = inputs.workloads.iter().find(|workload| workload.spec.ordered) {
        return Err(PlanError::input(
            format!(
                "--scenarios does not know an order of preference, and {} has one",
                ordered.metadata.name
            ),
            "leave out `ordered` of the workload (or `ordered:` of the SkyPilot task), or --scenarios",
        ));
    }
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let outlooks = world.outlooks();
    let mut build = Build::for_outlooks(&world, settings, &rules, &outlooks)?;
    let (found, outcome) = {
        let mut pool = Pool::new(&build, time_left, observer);
        let outcome = pool.forecast();
        for scenario in 0..outlooks.len() {
            best_at(&mut pool, &unit(scenario, outlooks.len()));
        }
        let weights = pool.weights();
        let average = best_at(&mut pool, &weights);
        if aim == Aim::Regret {
            regret::search(&mut pool);
        }
        // What more room would save on average; a regret has no prices.
        let prices = if aim == Aim::Average { average.prices } else { Vec::new() };
        pool.finish(aim, outcome, prices)
    };
    let plan = report::plan(&mut build, aim, &found, &outcome);
    if plan.objective.total_usd.to_f64() >= MOST_USD { Err(beyond(None, "the plan")) } else { Ok(plan) }
}

/// Finds the best plan of the mean by some weights.
fn best_at(pool: &mut Pool<'_, '_>, weights: &[f64]) -> Outcome {
    let outcome = pool.solve(weights);
    // The solver of a mean does not know the limits on money and carbon as they are: look around.
    if pool.is_limited()
        && !pool.is_proven(weights)
        && let Some(least) = search::improve(pool, Measure::Mean(weights))
    {
        pool.prove(weights, Some(least));
    }
    outcome
}

/// All weight on one.
fn unit(at: usize, of: usize) -> Vec<f64> {
    (0..of).map(|other| if other == at { 1.0 } else { 0.0 }).collect()
}
