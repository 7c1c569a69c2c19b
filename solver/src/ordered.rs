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
    linear::TimeLeft,
    outcome::{Outcome, Params, Phase},
    problem::{Choice, HOUR, Problem, Task},
    score::{EQUAL, Ranks},
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
    let toll = above_all(&open);
    let mut found = tolled(&open, params, &known, toll, plain);
    effort += found.outcome.effort;
    let tight = (found.best.score.total - least).max(0.0) * 1.01 + 1.0;
    if tight < toll / 2.0 && !params.is_over() {
        known = vec![found.best.columns.clone()];
        let again = tolled(&open, params, &known, tight, plain);
        effort += again.outcome.effort;
        if !found.best.score.better_than(&again.best.score) {
            found = again;
        }
    }
    let bound = found.bound(least);
    let Found { outcome, best, .. } = found;
    let best = settled(problem, best, params.time_left);
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
        cut_short: outcome.cut_short || params.is_over(),
    }
}

struct Found {
    /// What a way later cost.
    toll: f64,
    /// With tolls.
    outcome: Outcome,
    /// The same plan without.
    best: Assignment,
}

impl Found {
    /// What no plan without more later ways costs less than, in dollars; `least`: what none does anyway.
    ///
    /// Totals within [`EQUAL`] of one another are equal to the solver, component by component, and tolls are in
    /// these totals: what is a hair there may be dollars here.
    fn bound(&self, least: f64) -> Option<f64> {
        let paid = self.toll * self.best.score.ways as f64;
        let hair = EQUAL * (self.outcome.total.abs() + self.best.columns.len() as f64);
        let total = self.best.score.total;
        self.outcome.bound.map(|bound| (bound - paid - hair).max(least).min(total))
    }
}

fn tolled(open: &Problem, params: &Params, known: &[Vec<Option<Column>>], toll: f64, plain: Plain) -> Found {
    let dearer = with_toll(open, toll);
    let known: Vec<_> = known.iter().map(|known| within(&dearer, known)).collect();
    // A gap of dollars and tolls would be one of tolls.
    let outcome = plain(&dearer, &Params { gap: 0.0, ..*params }, &known, &mut |_| {});
    let best = assignment(open, &within(open, &outcome.columns));
    Found { toll, outcome, best }
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
/// already; one that was cut short need not be. Stops where time is up.
pub(crate) fn settled(problem: &Problem, plan: Assignment, time_left: Option<TimeLeft>) -> Assignment {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let readers = problem.readers();
    let mut state = State::new(problem);
    for task in topological(problem, &all) {
        if let Some(column) = &plan.columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    let is_over = || time_left.is_some_and(|left| left() <= 0.0);
    let (mut moved, mut round) = (false, true);
    // Who moves makes room for others: again until nobody moves.
    while std::mem::take(&mut round) {
        for task in &all {
            if is_over() {
                break;
            }
            round |= is_moved(problem, &mut state, *task, &readers[*task as usize]);
        }
        moved |= round;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn task(choices: Vec<Choice>) -> Task {
        Task { required: true, replicas: 1, slots: 1, choices: choices.into(), ..Task::default() }
    }

    fn choice(offer: u32, hourly: f64, way: u32) -> Choice {
        Choice { offer, hourly, way, instances: 1.0, units: 1, run: HOUR as i64, ..Choice::default() }
    }

    /// The first way has no room; of the later one a place for $5 and one for $7.
    fn one() -> Problem {
        let choices = vec![choice(0, 1.0, 0), choice(1, 5.0, 1), choice(2, 7.0, 1)];
        Problem { counts: vec![Some(0), None, None], tasks: vec![task(choices)], ..Problem::default() }
    }

    fn on(problem: &Problem, task: usize, choice: u32) -> Column {
        let (t, runs) = (&problem.tasks[task], vec![(0, HOUR as i64)]);
        Column { choice, own: own_cost(problem, t, &t.choices[choice as usize], &runs), runs }
    }

    /// Takes the place for $5 at the first toll, proving a bound of $3, and that for $7 at the second.
    fn worse_the_second_time(
        problem: &Problem,
        _: &Params,
        _: &[Vec<Option<Column>>],
        _: Observer<'_>,
    ) -> Outcome {
        let toll = problem.tasks[0].choices[1].moving;
        let is_strict = problem.tasks[0].choices[1].spare;
        // The first toll is above all that a plan can cost: above 7.
        let column = on(problem, 0, if toll > 7.0 { 1 } else { 2 });
        Outcome {
            total: column.own,
            bound: Some(toll + 3.0),
            columns: vec![(!is_strict).then_some(column)],
            complete: !is_strict,
            prices: Vec::new(),
            phases: Vec::new(),
            effort: 0,
            cut_short: false,
        }
    }

    #[test]
    fn a_bound_is_freed_of_the_toll_it_was_proven_with() {
        let outcome = solve(&one(), &Params::default(), &[], &mut |_| {}, worse_the_second_time);
        assert_eq!(outcome.columns[0].as_ref().map(|column| column.choice), Some(1));
        let bound = outcome.bound.expect("all are placed");
        assert!((bound - 3.0).abs() < 1e-5, "{bound}");
    }

    #[test]
    fn what_equal_tasks_hold_together_they_hold_together_with_tolls_too() {
        let mut problem = one();
        problem.tasks =
            vec![problem.tasks[0].clone(), problem.tasks[0].clone(), task(vec![choice(1, 2.0, 0)])];
        problem.tasks[2].class = 1;
        let choices = |problem: &Problem, task: usize| problem.tasks[task].choices.clone();
        for changed in [barred(&problem, &[0, 0, 0]), with_toll(&problem, 10.0)] {
            assert!(choices(&changed, 0).is_shared_with(&choices(&changed, 1)));
            assert!(!choices(&changed, 0).is_shared_with(&choices(&problem, 0)));
            // Who has no later way has what it had.
            assert!(choices(&changed, 2).is_shared_with(&choices(&problem, 2)));
        }
        // Who is kept to another way has another list.
        let apart = barred(&problem, &[0, 1, 0]);
        assert!(!choices(&apart, 0).is_shared_with(&choices(&apart, 1)));
        assert!(apart.tasks[0].choices[1].spare && !apart.tasks[1].choices[1].spare);
        assert_ne!(apart.tasks[0].class, apart.tasks[1].class);
    }

    #[test]
    fn whoever_may_take_an_earlier_way_does_while_there_is_time() {
        let mut problem = one();
        problem.counts[0] = Some(2);
        problem.tasks = vec![problem.tasks[0].clone(); 3];
        let later = vec![Some(on(&problem, 0, 1)); 3];
        let plan = assignment(&problem, &later);
        assert_eq!(plan.score.ways, 3);
        assert_eq!(settled(&problem, plan.clone(), None).score.ways, 1);
        assert_eq!(settled(&problem, plan.clone(), Some(|| 0.0)), plan);
    }
}
