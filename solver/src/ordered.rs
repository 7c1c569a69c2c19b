//! Ways in order of preference: after who is left out, and before dollars, as few tasks as can be take a
//! later way than their first.
//!
//! What is minimised in the middle is the sum of [`Choice::way`](crate::problem::Choice::way) over the tasks.
//! First everyone keeps to their first way: a plan that then places all has the least sum there is, and its
//! bound holds. Only components in which somebody required is left out are opened: in them a later way costs
//! a toll beside its dollars, first one above all that a plan can cost, so that no saving is worth a later
//! way, then one just above the dollars that are open, which leaves the dollars their digits. A bound on
//! dollars and tolls, less the tolls of the plan, is one on the dollars of the best plan: that pays no fewer
//! dollars and tolls together, and no more tolls.

use std::collections::BTreeMap;

use crate::{
    column::{Column, own_cost, static_cost},
    components::components,
    construct::{Assignment, candidates, finish, topological},
    exact,
    outcome::{Outcome, Params, Phase},
    problem::{Choice, HOUR, Problem, Task},
    score::Ranks,
    solve::Observer,
    state::State,
};

/// Solves a problem without regard to ways.
type Plain = fn(&Problem, &Params, &[Vec<Option<Column>>], Observer<'_>) -> Outcome;

/// Whether some task may take a later way.
pub(crate) fn applies(problem: &Problem) -> bool {
    problem.tasks.iter().any(|task| contenders(task).any(|choice| choice.way > 0))
}

fn contenders(task: &Task) -> impl Iterator<Item = &Choice> {
    task.choices.iter().filter(|choice| !choice.spare)
}

/// By task its first way.
pub(crate) fn first_ways(problem: &Problem) -> Vec<u32> {
    let first = |task: &Task| contenders(task).map(|choice| choice.way).min().unwrap_or(0);
    problem.tasks.iter().map(first).collect()
}

/// The problem in which each task has no later way than this.
pub(crate) fn barred(problem: &Problem, latest: &[u32]) -> Problem {
    let keep_to = |task: usize, choices: &[Choice]| {
        let is_later = |choice: &Choice| choice.way > latest[task];
        choices.iter().any(is_later).then(|| {
            let mut choices = choices.to_vec();
            for choice in choices.iter_mut().filter(|choice| is_later(choice)) {
                (choice.spare, choice.current) = (true, false);
            }
            choices
        })
    };
    let mut barred = problem.with_choices(|task| latest[task], keep_to);
    let mut classes: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (task, latest) in barred.tasks.iter_mut().zip(latest) {
        // Equal tasks with unequal ways are equal no more.
        let next = classes.len() as u32;
        task.class = *classes.entry((task.class, *latest)).or_insert(next);
    }
    barred
}

/// What of a known plan is still among the choices.
pub(crate) fn within(problem: &Problem, known: &[Option<Column>]) -> Vec<Option<Column>> {
    let kept = |(task, column): (&Task, &Option<Column>)| {
        let column = column.as_ref()?;
        let choice = &task.choices[column.choice as usize];
        (!choice.spare).then(|| {
            let own = own_cost(problem, task, choice, &column.runs);
            Column { own, ..column.clone() }
        })
    };
    problem.tasks.iter().zip(known).map(kept).collect()
}

/// By task the latest way it may take, when those left out of a plan of first ways open their components; none
/// where the plan can have no fewer later ways.
pub(crate) fn opened(problem: &Problem, columns: &[Option<Column>]) -> Option<Vec<u32>> {
    let first = first_ways(problem);
    let mut latest = first.clone();
    let budgets = !problem.budgets.is_empty() || !problem.carbon_budgets.is_empty();
    for part in components(problem, budgets) {
        let out = |task: &u32| problem.tasks[*task as usize].required && columns[*task as usize].is_none();
        if part.iter().any(out) {
            for task in part {
                let ways = contenders(&problem.tasks[task as usize]).map(|choice| choice.way);
                latest[task as usize] = ways.max().unwrap_or(0);
            }
        }
    }
    let later = |(task, column): (&Task, &Option<Column>)| {
        column.as_ref().is_some_and(|column| task.choices[column.choice as usize].way > 0)
    };
    let out = problem.tasks.iter().zip(columns).any(|(task, column)| task.required && column.is_none());
    // With somebody left out another may be placed whose first way comes earlier.
    let may_improve = latest != first || problem.tasks.iter().zip(columns).any(later);
    (out && may_improve).then_some(latest)
}

/// The problem in which a later way costs a toll.
pub(crate) fn with_toll(problem: &Problem, toll: f64) -> Problem {
    let charge = |choice: &Choice| {
        let moving = choice.moving + toll * f64::from(choice.way);
        Choice { moving, ..choice.clone() }
    };
    let charged = |_, choices: &[Choice]| {
        choices.iter().any(|choice| choice.way > 0).then(|| choices.iter().map(charge).collect())
    };
    problem.with_choices(|_| (), charged)
}

/// More dollars than a plan can cost.
pub(crate) fn above_all(problem: &Problem) -> f64 {
    let network = &problem.network;
    let dearest = match &network.tiers {
        None => network.usd_per_byte.iter().copied().fold(0.0, f64::max),
        Some(tiers) => tiers.iter().flatten().map(|tier| tier.1).fold(0.0, f64::max),
    };
    let slowest = network.pico_gbps.iter().copied().filter(|rate| *rate > 0).min().unwrap_or(0);
    let mut usd = 1.0;
    // Without a deadline nobody waits but for producers, so one run after the other is the longest.
    let mut hours = 0.0;
    for task in &problem.tasks {
        let most = |figure: &dyn Fn(&Choice) -> f64| contenders(task).map(figure).fold(0.0, f64::max);
        let read = |choice: &Choice| {
            let of = |(dataset, level): &(u32, u32)| {
                problem.datasets[*dataset as usize].usd[(*level as usize, choice.place as usize)]
            };
            task.reads.iter().map(of).sum::<f64>()
        };
        let carbon = |choice: &Choice| {
            let values = choice.series.map(|series| &problem.series[series as usize].values);
            let highest = values.into_iter().flatten().copied().fold(0.0, f64::max);
            choice.kilowatts * choice.hours() * highest * problem.usd_per_kg
        };
        usd += task.value + most(&|choice| static_cost(choice) + carbon(choice) + read(choice));
        hours += most(&Choice::hours);
        hours += most(&|choice| (choice.ready - problem.now).max(0) as f64 / HOUR);
        hours += task.deadline.map_or(0.0, |deadline| (deadline - problem.now).max(0) as f64 / HOUR);
        for edge in &task.inputs {
            usd += edge.bytes as f64 * dearest;
            hours += crate::problem::transfer_time(edge.bytes, slowest) as f64 / HOUR;
        }
    }
    usd + problem.usd_per_delay_hour * hours * problem.tasks.len() as f64
}

/// Decides with ways in order; `plain` decides without.
pub(crate) fn solve(
    problem: &Problem,
    params: &Params,
    known: &[Vec<Option<Column>>],
    observer: Observer<'_>,
    plain: Plain,
) -> Outcome {
    let strict = barred(problem, &first_ways(problem));
    let theirs: Vec<_> = known.iter().map(|known| within(&strict, known)).collect();
    let outcome = plain(&strict, params, &theirs, observer);
    let Some(latest) = opened(problem, &outcome.columns) else {
        return outcome;
    };
    let open = barred(problem, &latest);
    let least: f64 = (0..open.tasks.len()).map(|task| exact::least(&open, task)).sum();
    let mut known: Vec<Vec<Option<Column>>> = known.to_vec();
    known.push(outcome.columns.clone());
    let (mut phases, mut effort) = (outcome.phases, outcome.effort);
    let mut toll = above_all(&open);
    let mut found = tolled(&open, params, &known, toll, plain);
    effort += found.outcome.effort;
    let tight = (found.best.score.total - least).max(0.0) * 1.01 + 1.0;
    if tight < toll / 2.0 && !params.is_over() {
        known = vec![found.best.columns.clone()];
        toll = tight;
        let again = tolled(&open, params, &known, toll, plain);
        effort += again.outcome.effort;
        if !found.best.score.better_than(&again.best.score) {
            found = again;
        }
    }
    let Found { outcome, mut best } = found;
    let paid = toll * best.score.ways as f64;
    let bound = outcome.bound.map(|bound| (bound - paid).max(least).min(best.score.total));
    best = settled(problem, best);
    let note = Phase {
        name: "later ways",
        total: Some(best.score.total),
        bound,
        counts: vec![("sum", best.score.ways)],
    };
    observer(&note);
    phases.extend(outcome.phases.into_iter().map(|phase| Phase { total: None, bound: None, ..phase }));
    phases.push(note);
    let complete = best.score.complete();
    Outcome {
        columns: best.columns,
        total: best.score.total,
        bound: bound.filter(|_| complete).map(|bound| bound.min(best.score.total)),
        complete,
        // Those of a program with tolls are no dollars.
        prices: Vec::new(),
        phases,
        effort,
        cut_short: outcome.cut_short,
    }
}

struct Found {
    /// With tolls.
    outcome: Outcome,
    /// The same plan without.
    best: Assignment,
}

fn tolled(open: &Problem, params: &Params, known: &[Vec<Option<Column>>], toll: f64, plain: Plain) -> Found {
    let dearer = with_toll(open, toll);
    let known: Vec<_> = known.iter().map(|known| within(&dearer, known)).collect();
    // A gap of dollars and tolls would be one of tolls.
    let outcome = plain(&dearer, &Params { gap: 0.0, ..*params }, &known, &mut |_| {});
    let best = assignment(open, &within(open, &outcome.columns));
    Found { outcome, best }
}

/// A plan for all tasks from their columns.
pub(crate) fn assignment(problem: &Problem, columns: &[Option<Column>]) -> Assignment {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let mut state = State::new(problem);
    for task in topological(problem, &all) {
        if let Some(column) = &columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    finish(problem, &Ranks::new(problem), &mut state, &all)
}

/// The plan once nobody can take an earlier way beside the others as they are. What the search proves is that
/// already; one that was cut short need not be.
pub(crate) fn settled(problem: &Problem, plan: Assignment) -> Assignment {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let readers = problem.readers();
    let mut state = State::new(problem);
    for task in topological(problem, &all) {
        if let Some(column) = &plan.columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    let mut moved = false;
    while all.iter().any(|task| is_moved(problem, &mut state, *task, &readers[*task as usize])) {
        moved = true;
    }
    if moved { finish(problem, &Ranks::new(problem), &mut state, &all) } else { plan }
}

/// Moves a task to an earlier way, at the cheapest place and time that is free for it; whether it moved.
fn is_moved(problem: &Problem, state: &mut State<'_>, task: u32, readers: &[u32]) -> bool {
    let way = |column: &Column| problem.tasks[task as usize].choices[column.choice as usize].way;
    let first = contenders(&problem.tasks[task as usize]).map(|choice| choice.way).min();
    let Some(before) = state.column(task as usize).filter(|column| Some(way(column)) > first).cloned() else {
        return false;
    };
    state.remove(task as usize);
    let mut list = Vec::new();
    candidates(problem, state, task as usize, &mut list);
    list.sort_by_key(way);
    for column in list.into_iter().take_while(|column| way(column) < way(&before)) {
        if state.obstacle(task as usize, &column).is_some() {
            continue;
        }
        state.place(task as usize, column);
        let in_time = |reader: &u32| {
            let theirs = state.column(*reader as usize);
            theirs.is_none_or(|theirs| state.may_start(*reader as usize, theirs))
        };
        if readers.iter().all(in_time) && state.over_budget().is_none() {
            return true;
        }
        state.remove(task as usize);
    }
    state.place(task as usize, before);
    false
}
