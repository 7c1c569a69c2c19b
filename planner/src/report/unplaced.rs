//! Why a workload is left out, and the least that would have to change.
//!
//! Every offer is asked what stands in the way of the workload there, beside the others as placed. A
//! limit that alone excludes some offer is a cause: relaxing it by the stated amount places the
//! workload. When no limit alone does, the smallest set that together does is given.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use plimsoll_model::plan::{Cause, Constraint, Unplaced};
use plimsoll_solver::{
    Column, Outcome,
    column::columns,
    problem::{Choice, Task, ceil_second},
    state::State,
};
use serde_json::json;

use crate::{
    build::{Build, between},
    price::Decision,
    prospect::Obstacle,
    report::beside::{limits_broken, round},
    terms::Terms,
    world::{Assumptions, OfferIx, dollars},
};

/// Explains every workload that is not placed, in document order.
pub(super) fn explain(
    build: &mut Build<'_>,
    outcome: &Outcome,
    decisions: &[Option<Decision>],
) -> Vec<Unplaced> {
    (0..decisions.len()).filter(|t| decisions[*t].is_none()).map(|task| one(build, outcome, task)).collect()
}

fn one(build: &mut Build<'_>, outcome: &Outcome, task: usize) -> Unplaced {
    let world = build.world();
    let workload = world.inputs.workloads[task].metadata.name.clone();
    let filtered: IndexMap<Constraint, u64> = build.prospects[task].filtered().into_iter().collect();
    let producer = build.problem.tasks[task]
        .inputs
        .iter()
        .map(|e| e.producer as usize)
        .find(|p| outcome.columns[*p].is_none());
    if let Some(producer) = producer {
        let name = world.inputs.workloads[producer].metadata.name.clone();
        let cause = Cause {
            constraint: Constraint::Producer,
            name: name.clone(),
            needs: json!("placed"),
            has: json!("left out"),
            relax_by: None,
            unit: None,
        };
        let reason = format!("its producer {name} is left out");
        return Unplaced { workload, reason, causes: vec![cause], filtered, nearest: None };
    }
    let sets = obstacles_by_offer(build, outcome, task);
    let (causes, nearest) = causes(&sets);
    let spec = build.prospects[task].spec();
    let reason = match (&causes[..], spec.is_required()) {
        ([], false) => format!(
            "placing it adds more than its value of {}",
            dollars(spec.value.unwrap_or(plimsoll_model::Usd::ZERO))
        ),
        ([], true) => "it fits alone, but not beside the others within what was searched".into(),
        (causes, _) => sentence(causes, sets.iter().any(|s| s.1.len() == 1)),
    };
    Unplaced { workload, reason, causes, filtered, nearest: nearest.map(|ix| world.offer(ix).name()) }
}

type Sets = Vec<(OfferIx, Vec<Obstacle>, f64)>;

/// By offer (and time): everything in the way, with what it would cost.
fn obstacles_by_offer(build: &mut Build<'_>, outcome: &Outcome, task: usize) -> Sets {
    let world = build.world();
    let mut fixed: Vec<(OfferIx, Vec<Obstacle>, Option<Terms>)> = Vec::new();
    for ix in 0..world.offers.len() as u32 {
        let (mut obstacles, terms) =
            build.prospects[task].obstacles(OfferIx(ix), &mut Assumptions::ignored());
        // Counts, quotas and the deadline are judged again beside the others.
        if terms.is_some() {
            obstacles.retain(|o| {
                !matches!(o.constraint, Constraint::Count | Constraint::Quota | Constraint::Deadline)
            });
        }
        fixed.push((OfferIx(ix), obstacles, terms));
    }
    let fewest = fixed.iter().map(|f| f.1.len()).min().unwrap_or(0).max(1);
    fixed.retain(|f| f.1.len() <= fewest);
    let task_numbers = build.problem.tasks[task].clone();
    let mut trial: Vec<(OfferIx, Vec<Obstacle>, Choice)> = Vec::new();
    let mut sets: Sets = Vec::new();
    for (ix, obstacles, terms) in fixed {
        match terms.and_then(|terms| build.choice(task, &task_numbers, ix, &terms)) {
            Some(choice) => trial.push((ix, obstacles, choice)),
            None if !obstacles.is_empty() => sets.push((ix, obstacles, f64::INFINITY)),
            None => {}
        }
    }
    sets.extend(beside_the_others(build, outcome, task, trial));
    sets
}

/// Adds what stands in the way beside the others: limits over time, deadline, budgets.
fn beside_the_others(
    build: &Build<'_>,
    outcome: &Outcome,
    task: usize,
    trial: Vec<(OfferIx, Vec<Obstacle>, Choice)>,
) -> Sets {
    // A copy of the problem in which the task may try each of these offers.
    let mut problem = build.problem.clone();
    let mut local: BTreeMap<OfferIx, u32> =
        (0..).zip(&build.offers).map(|(local, ix)| (*ix, local)).collect();
    let (mut offers, mut fixed) = (build.offers.clone(), Vec::new());
    problem.tasks[task].choices.clear();
    for (ix, obstacles, mut choice) in trial {
        choice.offer = *local.entry(ix).or_insert_with(|| {
            let offer = build.world().offer(ix);
            offers.push(ix);
            problem.counts.push(if offer.nodes.is_some() { None } else { offer.count.map(i64::from) });
            let local = offers.len() as u32 - 1;
            problem.reservations.extend(build.reservations_of(ix, local));
            local
        });
        for edge in &build.problem.tasks[task].inputs {
            // The problem knows only the places of its own choices.
            if let Some(column) = &outcome.columns[edge.producer as usize] {
                let from = &build.problem.tasks[edge.producer as usize].choices[column.choice as usize];
                between(build.world(), &mut problem.network, from.place, choice.place);
            }
        }
        problem.tasks[task].choices.push(choice);
        fixed.push((ix, obstacles));
    }
    let mut state = State::new(&problem);
    for (other, column) in outcome.columns.iter().enumerate() {
        if let Some(column) = column {
            state.place(other, column.clone());
        }
    }
    let mut sets = Sets::new();
    let t = &problem.tasks[task];
    let mut later = t.clone();
    let over = t.deadline.map(|deadline| after_all(&state, t, deadline));
    for (index, (ix, obstacles)) in fixed.into_iter().enumerate() {
        let choice = &t.choices[index];
        let Some(first) = state.first_start(task, choice).map(ceil_second) else { continue };
        let mut list = Vec::new();
        columns(&problem, t, index, first, &mut list);
        if let Some(deadline) = t.deadline {
            // The first time after the deadline at which nothing else is in the way, else the first of all.
            let mut late = Vec::new();
            later.deadline = over.map(|over| over.max(first + choice.run + t.slots));
            columns(&problem, &later, index, first, &mut late);
            late.retain(|column| column.end() > deadline);
            late.sort_by_key(Column::end);
            let free = late.iter().position(|column| {
                state.excess(task, column).is_empty() && {
                    state.place(task, column.clone());
                    let within = state.over_budget().is_none();
                    state.remove(task);
                    within
                }
            });
            if let Some(at) = free.or((list.is_empty() && !late.is_empty()).then_some(0)) {
                list.push(late.swap_remove(at));
            }
        }
        for column in list {
            let mut all = obstacles.clone();
            if let Some(deadline) = t.deadline.filter(|deadline| column.end() > *deadline) {
                let by = (column.end() - deadline) as f64 / plimsoll_solver::problem::HOUR;
                all.push(Obstacle {
                    constraint: Constraint::Deadline,
                    name: "deadline".into(),
                    needs: json!(plimsoll_model::Time::from_nanos(column.end()).to_string()),
                    has: json!(plimsoll_model::Time::from_nanos(deadline).to_string()),
                    relax: Some((by, "h")),
                });
            }
            let own = column.own;
            all.extend(limits_broken(build, &problem, &offers, &mut state, task, &column));
            sets.push((ix, all, own));
        }
    }
    sets
}

/// A deadline that a task holds even when it waits until everything else is over.
fn after_all(state: &State<'_>, task: &Task, deadline: i64) -> i64 {
    let ready = task.choices.iter().map(|choice| choice.ready).max().unwrap_or(task.earliest);
    let ends = state.columns().iter().flatten().map(Column::end);
    let last = ends.chain([ready, task.earliest]).max().unwrap_or(deadline);
    let run = task.choices.iter().map(|choice| choice.run).max().unwrap_or(0);
    deadline.max(last.saturating_add(run).saturating_add(2 * task.slots))
}

/// The causes and the nearest offer.
fn causes(sets: &Sets) -> (Vec<Cause>, Option<OfferIx>) {
    let Some(fewest) = sets.iter().map(|s| s.1.len()).min() else { return (Vec::new(), None) };
    let nearest = sets
        .iter()
        .filter(|s| s.1.len() == fewest)
        .min_by(|a, b| amount(&a.1).total_cmp(&amount(&b.1)).then(a.2.total_cmp(&b.2)))
        .map(|s| s.0);
    if fewest == 0 {
        return (Vec::new(), nearest);
    }
    if fewest > 1 {
        let set = sets
            .iter()
            .filter(|s| s.1.len() == fewest)
            .min_by(|a, b| amount(&a.1).total_cmp(&amount(&b.1)).then(a.2.total_cmp(&b.2)));
        return (set.map_or_else(Vec::new, |s| s.1.iter().map(cause).collect()), nearest);
    }
    let mut least: BTreeMap<(Constraint, String), &Obstacle> = BTreeMap::new();
    for set in sets.iter().filter(|s| s.1.len() == 1) {
        let obstacle = &set.1[0];
        let key = match obstacle.constraint {
            // These are not limits with an amount: one entry stands for all offers they exclude.
            Constraint::Accelerator
            | Constraint::Size
            | Constraint::Memory
            | Constraint::Speed
            | Constraint::Capacity
            | Constraint::Latency => (obstacle.constraint, String::new()),
            _ => (obstacle.constraint, obstacle.name.clone()),
        };
        let entry = least.entry(key).or_insert(obstacle);
        if let (Some(new), Some(old)) = (obstacle.relax, entry.relax)
            && new.0 < old.0
        {
            *entry = obstacle;
        }
    }
    (least.into_values().map(cause).collect(), nearest)
}

fn amount(set: &[Obstacle]) -> f64 {
    set.iter().map(|o| o.relax.map_or(1.0, |r| r.0)).sum()
}

fn cause(obstacle: &Obstacle) -> Cause {
    Cause {
        constraint: obstacle.constraint,
        name: obstacle.name.clone(),
        needs: obstacle.needs.clone(),
        has: obstacle.has.clone(),
        relax_by: obstacle.relax.map(|r| round(r.0)),
        unit: obstacle.relax.map(|r| r.1.to_owned()),
    }
}

fn sentence(causes: &[Cause], alone: bool) -> String {
    let words: Vec<String> = causes
        .iter()
        .map(|c| {
            let by = match (c.relax_by, c.unit.as_deref()) {
                (Some(by), Some("usd")) => format!(" by ${by:.2}"),
                (Some(by), Some(unit)) => format!(" by {by} {unit}"),
                _ => format!(" (needs {}, has {})", plain(&c.needs), plain(&c.has)),
            };
            format!("{} `{}`{by}", c.constraint, c.name)
        })
        .collect();
    match (words.len(), alone) {
        (0, _) => "no offer is left".into(),
        (1, _) => format!("it would fit if this gave: {}", words[0]),
        (_, true) => format!("it would fit if any one of these gave: {}", words.join("; ")),
        (_, false) => format!("it would fit if all of these gave: {}", words.join("; ")),
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(" or "),
        other => other.to_string(),
    }
}
