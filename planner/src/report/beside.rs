//! What stands in the way of a placement beside the others as placed: limits over time, sums of money and
//! carbon.

use plimsoll_model::{Time, plan::Constraint};
use plimsoll_solver::{
    Column, Problem,
    problem::{HOUR, Nanos},
    state::{Limit, State},
};
use serde_json::json;

use crate::{
    build::Build,
    prospect::Obstacle,
    world::{LocationIx, OfferIx},
};

/// Whether an obstacle of an offer by itself is judged again beside the others, over time.
pub(crate) fn is_judged_beside(obstacle: &Obstacle) -> bool {
    match obstacle.constraint {
        Constraint::Count | Constraint::Deadline => true,
        // What states no size takes no amount of a quota of sizes, and is out whatever the others do.
        Constraint::Quota => obstacle.relax.is_some(),
        _ => false,
    }
}

/// Every limit that a column would break. `problem` is the build's own or a copy with more choices, whose
/// offers are `offers`; the task is not placed in `state`.
pub(crate) fn limits_broken(
    build: &Build<'_>,
    problem: &Problem,
    offers: &[OfferIx],
    state: &mut State<'_>,
    task: usize,
    column: &Column,
) -> Vec<Obstacle> {
    let offer = problem.tasks[task].choices[column.choice as usize].offer;
    let own = build.world().offer(offers[offer as usize]).name();
    let over_time = state.excess(task, column);
    let mut all: Vec<Obstacle> = over_time
        .into_iter()
        .map(|(limit, by)| match limit {
            Limit::Bond(bond) => apart(build, problem, state, bond, task, column),
            _ => over_limit(build, problem, &own, limit, by),
        })
        .collect();
    state.place(task, column.clone());
    let over = state.over_budget();
    state.remove(task);
    for (list, carbon) in [(&over.budgets, false), (&over.carbon, true)] {
        for (budget, by) in list {
            let (limits, names) = if carbon {
                (&problem.carbon_budgets, &build.carbon_budgets)
            } else {
                (&problem.budgets, &build.budgets)
            };
            let limit = limits[*budget as usize];
            all.push(Obstacle {
                constraint: Build::budget_constraint(carbon),
                name: names[*budget as usize].name.clone(),
                needs: json!(round(limit + by)),
                has: json!(limit),
                relax: Some((*by, if carbon { "kg" } else { "usd" })),
            });
        }
    }
    for (other, by) in &over.tasks {
        let limit = problem.tasks[*other as usize].max_cost.unwrap_or(0.0);
        all.push(Obstacle {
            constraint: Constraint::MaxCost,
            name: build.world().inputs.workloads[*other as usize].metadata.name.clone(),
            needs: json!(round(limit + by)),
            has: json!(limit),
            relax: Some((*by, "usd")),
        });
    }
    all
}

/// A column away from the others of a group that is kept together.
fn apart(
    build: &Build<'_>,
    problem: &Problem,
    state: &State<'_>,
    bond: u32,
    task: usize,
    column: &Column,
) -> Obstacle {
    let group = build.groups_together[bond as usize];
    let area = |task: usize, column: &Column| {
        let place = problem.tasks[task].choices[column.choice as usize].place;
        json!(build.world().places.area(LocationIx(place), group.area))
    };
    let other = state.users(Limit::Bond(bond)).first().map(|other| *other as usize);
    let there = other.and_then(|other| Some(area(other, state.column(other)?)));
    Obstacle {
        constraint: Constraint::Together,
        name: group.name.clone(),
        needs: area(task, column),
        has: there.unwrap_or_default(),
        relax: None,
    }
}

/// A limit over time; `own` is the offer that the column takes.
fn over_limit(build: &Build<'_>, problem: &Problem, own: &str, limit: Limit, by: i64) -> Obstacle {
    let instances = |has: i64| Obstacle {
        constraint: Constraint::Count,
        name: own.to_owned(),
        needs: json!(has + by),
        has: json!(has),
        relax: Some((by as f64, "instances")),
    };
    match limit {
        Limit::Count(offer) => instances(problem.counts[offer as usize].unwrap_or(0)),
        Limit::Group(group) => instances(i64::from(problem.groups[group as usize].nodes)),
        // Told by `apart`.
        Limit::Bond(_) => instances(0),
        Limit::Quota(quota) => {
            let quota = &build.rules().quotas[quota as usize];
            Obstacle {
                constraint: Constraint::Quota,
                name: quota.name.clone(),
                needs: json!(quota.amount(quota.limit + by)),
                has: json!(quota.amount(quota.limit)),
                relax: Some((quota.amount(by), quota.unit_name())),
            }
        }
    }
}

/// To six decimals, away from zero, so that relaxing by the stated amount is enough.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e6 - 1e-3).ceil() / 1e6
}

/// What ends or arrives at a moment that is too late.
pub(crate) fn too_late(at: Nanos, limit: Nanos) -> Obstacle {
    let moment = |nanos| json!(Time::from_nanos(nanos).to_string());
    Obstacle {
        constraint: Constraint::Deadline,
        name: "deadline".into(),
        needs: moment(at),
        has: moment(limit),
        relax: Some(((at - limit) as f64 / HOUR, "h")),
    }
}
