//! Many equal tasks: as one with a count they have the same best plan as each by itself, and a proof.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use plimsoll_solver::{
    Outcome, Params, Problem,
    column::columns,
    construct::greedy,
    exact,
    formulation::{Fineness, Formulation},
    linear::{Limits, Status, highs},
    problem::{Choice, HOUR, Nanos, Task},
    score::Ranks,
    solve,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;

/// `classes` kinds of task, `copies` of each, on a few offers that hold too few of them, under a quota;
/// some may be left out, and some may wait.
fn crowd(seed: u64, classes: u32, copies: u32) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let offers = 4_u32;
    let mut problem = Problem {
        now: NOW,
        counts: (0..offers).map(|o| (o > 0).then(|| i64::from(dice.random_range(1..=copies)))).collect(),
        quotas: vec![i64::from(dice.random_range(2..=3 * copies))],
        budgets: vec![f64::from(dice.random_range(10..90_u32 * copies)) / 3.0],
        ..Problem::default()
    };
    for class in 0..classes {
        let required = dice.random_range(0..4) > 0;
        let waits = dice.random_range(0..2) > 0;
        let run = H * Nanos::from(dice.random_range(1..4_u32));
        let weight = dice.random_range(1..4_i64);
        let choices: Vec<Choice> = (0..offers)
            .map(|offer| Choice {
                offer,
                instances: 1.0,
                // The first offer has room for all and is dear.
                hourly: f64::from(if offer == 0 { 90 } else { dice.random_range(5..60_u32) }) / 10.0,
                run,
                ready: NOW,
                units: 1,
                quotas: if offer % 2 == 1 { vec![(0, weight)] } else { Vec::new() },
                ..Choice::default()
            })
            .collect();
        let task = Task {
            class,
            required,
            value: if required { 0.0 } else { f64::from(dice.random_range(1..200_u32)) / 10.0 },
            earliest: NOW,
            deadline: waits.then_some(NOW + run + 3 * H),
            grid: NOW,
            slots: H,
            budgets: if class == 0 && !required { vec![0] } else { Vec::new() },
            replicas: 1,
            choices: choices.into(),
            ..Task::default()
        };
        problem.tasks.extend((0..copies).map(|_| task.clone()));
    }
    problem
}

fn solved(problem: &Problem) -> Outcome {
    solve(problem, &Params::default(), &mut |_| {})
}

/// The same with a class for each task.
fn apart(problem: &Problem) -> Problem {
    let mut different = problem.clone();
    for (class, task) in (0..).zip(&mut different.tasks) {
        task.class = class;
    }
    different
}

/// The optimum of the program alone, in which equal tasks are one or not.
fn by_program(problem: &Problem, merged: bool) -> f64 {
    let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let coarse = Fineness { items: 1, keep: None };
    let mut form = Formulation::new(problem, &members, false, merged, usize::MAX, coarse).unwrap();
    assert_eq!(form.is_merged(), merged);
    loop {
        let limits = Limits { gap: 0.0, nodes: 100_000, time_left: None, seed: 0 };
        let solution = highs::solve(&form.program, None, limits);
        assert_eq!(solution.status, Status::Optimal);
        if form.separate(&solution.values.unwrap()).is_empty() {
            return solution.bound;
        }
    }
}

#[test]
fn a_program_of_counts_says_what_one_of_single_tasks_and_exhaustion_say() {
    let mut hard = 0;
    for seed in 0..60 {
        let problem = crowd(seed, 2 + (seed % 2) as u32, 2 + (seed % 3) as u32);
        let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
        let ranks = Ranks::new(&problem);
        let exact = exact::search(&problem, &ranks, &members, None, 5_000_000, None);
        assert!(exact.proven, "small enough to exhaust");
        let best = exact.best.unwrap().score.total;
        for merged in [true, false] {
            let total = by_program(&problem, merged);
            assert!((total - best).abs() < 1e-6, "seed {seed}, merged {merged}: {total} against {best}");
        }
        hard += u32::from(greedy(&problem, &ranks, &members).score.total > best + 1e-6);
    }
    assert!(hard > 20, "only {hard} first plans are not best");
}

/// More tasks than branch and bound closes, so that programs decide.
#[test]
fn equal_tasks_are_planned_as_if_they_were_different() {
    for seed in 0..12 {
        let equal = crowd(seed, 3, 9);
        let (together, apart) = (solved(&equal), solved(&apart(&equal)));
        for outcome in [&together, &apart] {
            assert!(outcome.complete, "seed {seed}");
            assert!((outcome.total - apart.total).abs() < 1e-6, "seed {seed}: {together:?} {apart:?}");
            let bound = outcome.bound.map_or(f64::NEG_INFINITY, |bound| bound);
            assert!((outcome.total - bound).abs() < 1e-6, "seed {seed}: {outcome:?}");
        }
    }
}

#[test]
fn hundreds_of_equal_tasks_are_proven() {
    for seed in 0..5 {
        let outcome = solved(&crowd(seed, 4, 60));
        let bound = outcome.bound.map_or(f64::NEG_INFINITY, |bound| bound);
        assert!(outcome.total - bound < 1e-6 * outcome.total, "seed {seed}: {outcome:?}");
        assert!(outcome.effort < 5_000, "seed {seed}: {} units", outcome.effort);
    }
}

#[test]
fn nobody_waits_for_nothing() {
    for seed in 0..60 {
        let problem = crowd(seed, 3, 4);
        let outcome = solved(&problem);
        let place = |skipped: usize| {
            let mut state = State::new(&problem);
            for (task, column) in outcome.columns.iter().enumerate().filter(|(task, _)| *task != skipped) {
                if let Some(column) = column {
                    state.place(task, column.clone());
                }
            }
            state
        };
        for (task, column) in outcome.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let state = place(task);
            let mut list = Vec::new();
            columns(&problem, &problem.tasks[task], column.choice as usize, NOW, &mut list);
            for earlier in list.iter().filter(|other| other.start() < column.start()) {
                let dearer = earlier.own > column.own + 1e-7;
                assert!(dearer || state.obstacle(task, earlier).is_some(), "seed {seed}: task {task} waits");
            }
        }
    }
}

#[test]
fn whoever_watches_sees_plans_get_better_and_bounds_rise() {
    for seed in 0..20 {
        let problem = crowd(seed, 4, 3);
        let (mut total, mut bound, mut told) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        let outcome = solve(&problem, &Params::default(), &mut |phase| {
            if let Some(now) = phase.total {
                assert!(now <= total + 1e-6, "{seed}: {now} after {total} in {}", phase.name);
                total = now;
                told += 1;
            }
            if let Some(now) = phase.bound {
                assert!(now >= bound - 1e-6, "{seed}: {now} after {bound} in {}", phase.name);
                assert!(now <= total + 1e-6, "{seed}: a bound of {now} above a plan of {total}");
                bound = now;
            }
        });
        if outcome.complete {
            assert!(told > 0 && (total - outcome.total).abs() < 1e-6, "{seed}: told {total}");
        }
    }
}

#[test]
fn without_time_there_is_a_plan_with_a_bound_that_holds() {
    for seed in 0..20 {
        let problem = crowd(seed, 4, 3);
        let best = solved(&problem);
        let none = solve(&problem, &Params { time_left: Some(|| 0.0), ..Params::default() }, &mut |_| {});
        assert!(none.cut_short && !best.cut_short);
        if let (true, Some(bound)) = (best.complete, none.bound) {
            assert!(bound <= best.total + 1e-6, "{seed}: {bound} above {}", best.total);
        }
    }
}
