//! The plan whose largest regret is least.
//!
//! Regret is what a plan costs in a scenario more than the scenario's best plan (Savage 1951; Kouvelis and Yu
//! 1997, "Robust Discrete Optimization and Its Applications", chapter 1). Its maximum over scenarios is not
//! linear, but no mean of regrets exceeds it: for any weights, the least mean cost less the mean of the best
//! costs is a bound. The best weights are found by cutting planes (Kelley 1960): those at which the plans known
//! so far do worst ask for the next plan, until none is better. A mixture of the plans found then has the
//! bound as its regret. With many workloads one plan comes close to it, as each may follow another plan of the
//! mixture; the [`search`](super::search) looks for that one, exhaustively where there are few.

use plimsoll_solver::linear::{Program, highs::Highs, microlp};

use super::{
    pool::Pool,
    search::{self, Measure},
    unit,
};

/// Plans that are searched for beyond those of the scenarios, at most.
const ROUNDS: usize = 24;
/// A gap that is not worth another search, as a share of what the plans cost.
const CLOSE: f64 = 1e-7;

pub(super) fn search(pool: &mut Pool<'_, '_>) {
    let count = pool.problems.len();
    let mut tried: Vec<Vec<f64>> = (0..count).map(|at| unit(at, count)).collect();
    tried.push(pool.weights());
    for _ in 0..ROUNDS {
        if pool.params.is_over() {
            break;
        }
        let Some((weights, most)) = worst_weights(pool) else { break };
        let proven = pool.regret_bound().unwrap_or(f64::NEG_INFINITY);
        let scale = pool.best_costs().iter().fold(1.0, |most: f64, cost| most.max(cost.abs()));
        let again = |known: &Vec<f64>| known.iter().zip(&weights).all(|(a, b)| (a - b).abs() < 1e-9);
        if most - proven <= CLOSE * scale || tried.iter().any(again) {
            break;
        }
        pool.solve(&weights);
        tried.push(weights);
    }
    let best = pool.best_costs();
    if let Some(least) = search::improve(pool, Measure::Regret(&best)) {
        pool.least_regret = Some((least, best));
    }
}

/// The weights at which the best of the plans known has the largest mean regret, and that regret.
fn worst_weights(pool: &Pool<'_, '_>) -> Option<(Vec<f64>, f64)> {
    let best = pool.best_costs();
    let mut program = Program::default();
    let weights: Vec<u32> = best.iter().map(|_| program.column(0.0, 0.0, 1.0, false)).collect();
    let most = pool.plans.iter().map(|plan| plan.regret(&best)).fold(0.0, f64::max);
    // In shares of the largest regret, so that tolerances mean the same whatever the money.
    let unit = most.max(f64::MIN_POSITIVE);
    let least = program.column(-1.0, 0.0, 1.0, false);
    program.row(1.0, 1.0, weights.iter().map(|weight| (*weight, 1.0)).collect());
    for plan in &pool.plans {
        let regrets = plan.costs.iter().zip(&best).map(|(cost, best)| (cost - best) / unit);
        let mut terms: Vec<(u32, f64)> = weights.iter().copied().zip(regrets).collect();
        terms.push((least, -1.0));
        program.row(0.0, f64::INFINITY, terms);
    }
    let solution = if pool.params.highs {
        Highs::new(&program, false, pool.params.time_left).run()
    } else {
        microlp::solve(&program)
    };
    let values = solution.values?;
    let raw: Vec<f64> = weights.iter().map(|weight| values[*weight as usize].max(0.0)).collect();
    let sum: f64 = raw.iter().sum();
    if sum <= 0.0 {
        return None;
    }
    // On a grid, so that noise of the solver's does not reach the plan.
    let weights: Vec<f64> = raw.iter().map(|weight| (weight / sum * 1e6).round() / 1e6).collect();
    let sum: f64 = weights.iter().sum();
    Some((weights.iter().map(|weight| weight / sum).collect(), values[least as usize] * unit))
}
