//! The ways to place a workload that is left out, each with everything in its way and what it costs.

use std::collections::BTreeMap;

use plimsoll_catalog as catalog;
use plimsoll_model::{Usd, plan::Constraint};
use plimsoll_solver::{
    Column, Outcome,
    column::{columns, static_cost},
    problem::{Choice, Task, ceil_second},
    state::State,
};
use serde_json::json;

use crate::{
    build::{Build, between},
    prospect::Obstacle,
    report::beside::{is_judged_beside, limits_broken, too_late},
    terms::Terms,
    world::{Assumptions, LocationIx, OfferIx},
};

/// An offer, at a time.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The offer.
    pub(super) offer: OfferIx,
    /// Everything in the way, beside the others as placed.
    pub(super) obstacles: Vec<Obstacle>,
    /// Dollars that the plan would cost more; infinite where no instance holds a replica.
    pub(super) usd: f64,
}

/// Whether no instance holds a replica.
fn is_too_large(obstacles: &[Obstacle]) -> bool {
    obstacles.iter().any(|obstacle| obstacle.constraint == Constraint::Size && obstacle.relax.is_some())
}

impl Way {
    /// Whether a workload of that value would be placed so, if everything in the way gave.
    pub(super) fn is_worth_it(&self, value: Option<Usd>) -> bool {
        /// Less than a plan's figures show.
        const HALF_MICRO: f64 = 5e-7;
        value.is_none_or(|value| self.usd < value.to_f64() - HALF_MICRO)
    }
}

/// The ways to place a task: all with at most one obstacle, and of those that are worth it all that may
/// have the fewest. Accelerators of another make are none unless there is no other way.
pub(super) fn all(build: &mut Build<'_>, outcome: &Outcome, task: usize) -> Vec<Way> {
    let world = build.world();
    let mut fixed: Vec<(OfferIx, Vec<Obstacle>, Option<Terms>)> = Vec::new();
    let mut alien = Vec::new();
    for ix in 0..world.offers.len() as u32 {
        let (mut obstacles, terms) =
            build.prospects[task].obstacles(OfferIx(ix), &mut Assumptions::ignored());
        // Counts, quotas and the deadline are judged again beside the others.
        if terms.is_some() {
            obstacles.retain(|obstacle| !is_judged_beside(obstacle));
        }
        let list = if is_alien(build, task, OfferIx(ix)) { &mut alien } else { &mut fixed };
        list.push((OfferIx(ix), obstacles, terms));
    }
    if fixed.is_empty() {
        fixed = alien;
    }
    // What stands in the way on its own comes before what does beside the others: the rest of an offer's
    // obstacles only add to it.
    fixed.sort_by_key(|f| f.1.len());
    let mut fixed = fixed.into_iter().peekable();
    let worth = build.prospects[task].spec().value;
    let (value, unreserved) = (worth.map(Usd::to_f64), world.inputs.estate.reservations.is_empty());
    let task_numbers = build.problem.tasks[task].clone();
    let (mut ways, mut fewest) = (Vec::new(), usize::MAX);
    while let Some(level) = fixed.peek().map(|f| f.1.len()).filter(|level| *level <= 1 || *level < fewest) {
        let mut trial: Vec<(OfferIx, Vec<Obstacle>, Choice)> = Vec::new();
        while let Some((ix, obstacles, terms)) = fixed.next_if(|f| f.1.len() == level) {
            match terms.and_then(|terms| build.choice(task, &task_numbers, ix, &terms)) {
                // Where nothing is paid for already it costs at least this; what is not worth it is not tried.
                Some(choice)
                    if level > 1 && unreserved && value.is_some_and(|v| static_cost(&choice) >= v) => {}
                Some(choice) => trial.push((ix, obstacles, choice)),
                None if !obstacles.is_empty() => {
                    let obstacles = obstacles.into_iter().chain(away(build, outcome, task, ix)).collect();
                    ways.push(Way { offer: ix, obstacles, usd: f64::INFINITY });
                }
                None => {}
            }
        }
        ways.extend(beside_the_others(build, outcome, task, trial));
        let matters = |way: &&Way| way.obstacles.is_empty() || way.is_worth_it(worth);
        fewest = ways.iter().filter(matters).map(|way| way.obstacles.len()).min().unwrap_or(fewest);
    }
    ways
}

/// Whether an offer has no accelerators of the vendor and the kind asked for: what runs on those would have to be
/// written anew for it, and a cluster counts it under another name. Of what nobody knows the make it may be.
pub(super) fn is_alien(build: &Build<'_>, task: usize, ix: OfferIx) -> bool {
    let offer = build.world().offer(ix);
    let make = |name: &str| catalog::accelerator(name).map(|known| (known.vendor, known.kind));
    let has = offer.accelerator_name.as_deref();
    let is_like = |name: &String| {
        has.is_some_and(|has| make(name).zip(make(has)).is_none_or(|(asked, has)| asked == has))
    };
    build.prospects[task].spec().ways().iter().all(|way| {
        way.request.accelerators.as_ref().is_some_and(|asked| {
            let is_named = asked.any_of.is_empty() || asked.any_of.iter().any(is_like);
            has.is_none() || !is_named || asked.kind.is_some_and(|kind| offer.kind != Some(kind))
        })
    })
}

/// An offer on which nothing at all stands in the way of a task.
pub(super) fn free(build: &mut Build<'_>, outcome: &Outcome, task: usize) -> Option<OfferIx> {
    let task_numbers = build.problem.tasks[task].clone();
    let (free, limited) = build.prospects[task].candidates();
    let mut trial = Vec::new();
    for ix in free.into_iter().chain(limited) {
        let Ok(terms) = build.prospects[task].judge(ix, &mut Assumptions::ignored()) else { continue };
        trial.extend(build.choice(task, &task_numbers, ix, &terms).map(|choice| (ix, Vec::new(), choice)));
    }
    let ways = beside_the_others(build, outcome, task, trial);
    ways.iter().find(|way| way.obstacles.is_empty()).map(|way| way.offer)
}

/// An offer away from the others of a task's group, as they are placed.
fn away(build: &Build<'_>, outcome: &Outcome, task: usize, ix: OfferIx) -> Option<Obstacle> {
    let tasks = &build.problem.tasks;
    let bond = tasks[task].bond?;
    let place = |other: usize| {
        let column = outcome.columns[other].as_ref().filter(|_| tasks[other].bond == Some(bond))?;
        Some(LocationIx(tasks[other].choices[column.choice as usize].place))
    };
    let there = (0..tasks.len()).find_map(place)?;
    let group = build.groups_together[bond as usize];
    let area = |at: LocationIx| build.world().places.area(at, group.area);
    let (needs, has) = (area(build.world().offer(ix).location), area(there));
    (needs != has).then(|| Obstacle {
        constraint: Constraint::Together,
        name: group.name.clone(),
        needs: json!(needs),
        has: json!(has),
        relax: None,
    })
}

/// Adds what stands in the way beside the others: limits over time, deadline, budgets.
fn beside_the_others(
    build: &Build<'_>,
    outcome: &Outcome,
    task: usize,
    trial: Vec<(OfferIx, Vec<Obstacle>, Choice)>,
) -> Vec<Way> {
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
    let mut ways = Vec::new();
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
                all.push(too_late(column.end(), deadline));
            }
            all.extend(limits_broken(build, &problem, &offers, &mut state, task, &column));
            let mut usd = state.place(task, column);
            state.remove(task);
            if is_too_large(&all) {
                usd = f64::INFINITY;
            }
            ways.push(Way { offer: ix, obstacles: all, usd });
        }
    }
    ways
}

/// A deadline that a task holds even when it waits until everything else is over.
fn after_all(state: &State<'_>, task: &Task, deadline: i64) -> i64 {
    let ready = task.choices.iter().map(|choice| choice.ready).max().unwrap_or(task.earliest);
    let ends = state.columns().iter().flatten().map(Column::end);
    let last = ends.chain([ready, task.earliest]).max().unwrap_or(deadline);
    let run = task.choices.iter().map(|choice| choice.run).max().unwrap_or(0);
    deadline.max(last.saturating_add(run).saturating_add(2 * task.slots))
}
