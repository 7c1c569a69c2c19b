//! The runner-up of a placement: the best other offer with all else as it is; of a workload whose ways are in
//! order one of the same way, else of the next that has any.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use plimsoll_model::{Usd, plan::RunnerUp};
use plimsoll_solver::{
    Column, Problem,
    column::own_cost,
    problem::{Choice, Demand, Nanos, ceil_second},
    state::State,
};

use crate::{
    build::Build,
    price::{Bill, Decision, Parts, bills},
    report::nodes::{self, Nodes},
    world::Assumptions,
};

/// The best other allowed offer of a task, started at its first possible moment; consumers keep their
/// times, and an offer that would break them is none.
pub(super) fn find(
    build: &Build<'_>,
    state: &mut State<'_>,
    decisions: &[Option<Decision>],
    nodes: &Nodes,
    task: usize,
) -> Option<RunnerUp> {
    let chosen = state.remove(task)?;
    // Everyone else keeps their nodes.
    let room =
        |group, demand, runs: &[(i64, i64)]| nodes::room(build, decisions, nodes, task, group, demand, runs);
    let best = best_other(build, state, task, &chosen, &room);
    state.place(task, chosen);
    let (choice, column) = best?;
    let (extra_usd, because) = difference(build, decisions, task, Decision { choice, runs: column.runs });
    let offer = build.problem.tasks[task].choices[choice].offer;
    Some(RunnerUp { offer: build.world().offer(build.offers[offer as usize]).name(), extra_usd, because })
}

/// What a plan would cost more with a task elsewhere and all else as it is: in all, and by the parts that
/// differ. A task that is not placed costs nothing before.
pub(crate) fn difference(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    task: usize,
    new: Decision,
) -> (Usd, IndexMap<String, Usd>) {
    let (extra, because, _) = difference_and_bill(build, decisions, task, new);
    (extra, because)
}

/// As [`difference`], with what the task would cost there.
pub(crate) fn difference_and_bill(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    task: usize,
    new: Decision,
) -> (Usd, IndexMap<String, Usd>, Option<Bill>) {
    let subset = touched(build, decisions, task, new.choice);
    let mut changed = decisions.to_vec();
    changed[task] = Some(new);
    let bills =
        |decisions: &[Option<Decision>]| bills(build, decisions, &subset, &mut Assumptions::ignored());
    let total = |bills: &BTreeMap<usize, Bill>| {
        let mut sum = Parts::default();
        for bill in bills.values() {
            sum.compute += bill.parts.compute;
            sum.egress += bill.parts.egress;
            sum.carbon += bill.parts.carbon;
            sum.risk += bill.parts.risk;
            sum.delay += bill.parts.delay;
            sum.latency += bill.parts.latency;
            sum.moving += bill.parts.moving;
        }
        sum
    };
    let mut there = bills(&changed);
    let (before, after) = (total(&bills(decisions)), total(&there));
    let because = before
        .named()
        .into_iter()
        .zip(after.named())
        .filter(|(b, a)| b.1 != a.1)
        .map(|(b, a)| (b.0.to_owned(), Usd::from_micro(a.1 - b.1)))
        .collect();
    (Usd::from_micro(after.total() - before.total()), because, there.remove(&task))
}

/// Whether a task would fit on a group of own machines beside the others on their nodes.
pub(crate) type Room<'a> = &'a dyn Fn(u32, Demand, &[(i64, i64)]) -> bool;

fn best_other(
    build: &Build<'_>,
    state: &mut State<'_>,
    task: usize,
    chosen: &Column,
    room: Room<'_>,
) -> Option<(usize, Column)> {
    let others = others(build, state, task, chosen, room).into_iter();
    let way = |choice: usize| build.problem.tasks[task].choices[choice].way;
    // What is preferred comes before what is cheap; of equals the first.
    let best = others.reduce(|best, other| {
        let better = way(other.1).cmp(&way(best.1)).then((other.0 + 1e-9).total_cmp(&best.0));
        if better.is_lt() { other } else { best }
    })?;
    Some((best.1, best.2))
}

/// Every other choice that is allowed beside the others as placed, with the dollars that it adds. The task is
/// not placed in `state`.
pub(crate) fn others(
    build: &Build<'_>,
    state: &mut State<'_>,
    task: usize,
    chosen: &Column,
    room: Room<'_>,
) -> Vec<(f64, usize, Column)> {
    let problem = &build.problem;
    let t = &problem.tasks[task];
    let consumers = consumers(problem, task);
    let current = &t.choices[chosen.choice as usize];
    let mut others: Vec<(f64, usize, Column)> = Vec::new();
    for (index, choice) in t.choices.iter().enumerate() {
        if choice.offer == current.offer {
            continue;
        }
        let Some(first) = state.first_start(task, choice).map(ceil_second) else { continue };
        let runs = vec![(first, first + choice.run)];
        let own = own_cost(problem, t, choice, &runs);
        let column = Column { choice: index as u32, runs, own };
        if t.deadline.is_some_and(|d| column.end() > d)
            || state.obstacle(task, &column).is_some()
            || choice.group.is_some_and(|group| !room(group, choice.demand, &column.runs))
        {
            continue;
        }
        let (handed_on, late) = hand_over(problem, state, &consumers, choice, column.end());
        if !late.is_empty() {
            continue;
        }
        let delta = state.place(task, column.clone()) + handed_on;
        let allowed = state.over_budget().is_none();
        state.remove(task);
        if allowed {
            others.push((delta, index, column));
        }
    }
    others
}

/// Who reads what a task makes, and how much of it.
pub(crate) fn consumers(problem: &Problem, task: usize) -> Vec<(usize, u64)> {
    let readers = problem.tasks.iter().enumerate();
    readers
        .flat_map(|(reader, other)| {
            let edges = other.inputs.iter().filter(|edge| edge.producer as usize == task);
            edges.map(move |edge| (reader, edge.bytes))
        })
        .collect()
}

/// What handing results to placed consumers costs when the work ends on a choice at a moment; and those of
/// them who would get theirs too late, with the moment.
pub(crate) fn hand_over(
    problem: &Problem,
    state: &State<'_>,
    consumers: &[(usize, u64)],
    choice: &Choice,
    end: Nanos,
) -> (f64, Vec<(usize, Nanos)>) {
    let (mut usd, mut late) = (0.0, Vec::new());
    for (consumer, bytes) in consumers {
        let Some(theirs) = state.column(*consumer) else { continue };
        let place = problem.tasks[*consumer].choices[theirs.choice as usize].place;
        usd += problem.network.usd(choice.place, place, *bytes);
        let arrival = end + problem.network.time(choice.place, place, *bytes);
        if arrival > theirs.start() {
            late.push((*consumer, arrival));
        }
    }
    (usd, late)
}

/// The tasks whose bills may change when a task takes another choice.
fn touched(build: &Build<'_>, decisions: &[Option<Decision>], task: usize, choice: usize) -> Vec<usize> {
    let problem = &build.problem;
    let t = &problem.tasks[task];
    let old = decisions[task].as_ref().map(|d| t.choices[d.choice].offer);
    let reserved = |offer: u32| problem.reservations.iter().any(|r| r.offer == offer);
    let offers: Vec<u32> =
        [old, Some(t.choices[choice].offer)].into_iter().flatten().filter(|o| reserved(*o)).collect();
    (0..problem.tasks.len())
        .filter(|other| {
            let o = &problem.tasks[*other];
            *other == task
                || o.reads.iter().any(|r| t.reads.iter().any(|s| s.0 == r.0))
                || o.inputs.iter().any(|e| e.producer as usize == task)
                || decisions[*other].as_ref().is_some_and(|d| offers.contains(&o.choices[d.choice].offer))
        })
        .collect()
}
