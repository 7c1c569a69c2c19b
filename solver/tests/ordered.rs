//! Ways in order of preference, against exhaustion.

use plimsoll_solver::{
    Column, Params, Problem,
    problem::{Choice, HOUR, Nanos, Task},
    score::{Ranks, Score},
    solve,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Tasks whose first ways do not all have room, with later ways far down their lists: tolls are many thousand
/// times what anything costs.
fn drawn(seed: u64) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let tasks = dice.random_range(2..5);
    let offers = 5;
    let choice = |dice: &mut ChaCha8Rng, offer: u32, way: u32| Choice {
        offer,
        instances: 1.0,
        hourly: 1.0 + f64::from(dice.random_range(0..2_000)) * 1e-6,
        run: HOUR as Nanos,
        units: dice.random_range(1..3),
        way,
        ..Choice::default()
    };
    let task = |class: u32, dice: &mut ChaCha8Rng| {
        let far = [1, 100, 20_000][dice.random_range(0..3)];
        let ways = [0, 0, far, far, 2 * far];
        Task {
            class,
            required: true,
            slots: HOUR as Nanos,
            replicas: 1,
            choices: (0_u32..).zip(ways).map(|(offer, way)| choice(dice, offer, way)).collect(),
            ..Task::default()
        }
    };
    Problem {
        counts: (0..offers).map(|offer| Some(if offer < 2 { 1 } else { 3 })).collect(),
        tasks: (0..tasks).map(|class| task(class, &mut dice)).collect(),
        ..Problem::default()
    }
}

/// The best of all plans: who is left out, then later ways, then dollars.
fn best(problem: &Problem, state: &mut State<'_>, task: usize, found: &mut Option<Score>) {
    let Some(t) = problem.tasks.get(task) else {
        let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
        let score = plimsoll_solver::construct::score(problem, &Ranks::new(problem), state, &all);
        if found.as_ref().is_none_or(|found| score.better_than(found)) {
            *found = Some(score);
        }
        return;
    };
    for (index, choice) in (0..).zip(&t.choices) {
        let column = Column { choice: index, runs: vec![(0, choice.run)], own: choice.compute() };
        if state.obstacle(task, &column).is_none() {
            state.place(task, column);
            best(problem, state, task + 1, found);
            state.remove(task);
        }
    }
    best(problem, state, task + 1, found);
}

#[test]
fn no_plan_of_as_few_later_ways_costs_less_than_the_bound() {
    let (mut with_later, mut dollars) = (0, 0.0);
    for seed in 0..300 {
        let problem = drawn(seed);
        let mut found = None;
        best(&problem, &mut State::new(&problem), 0, &mut found);
        let best = found.expect("nobody placed is a plan");
        let outcome = solve(&problem, &Params { effort: 2_000, ..Params::default() }, &mut |_| {});
        let way = |(task, column): (&Task, &Option<Column>)| {
            column.as_ref().map_or(0, |column| u64::from(task.choices[column.choice as usize].way))
        };
        let ways: u64 = problem.tasks.iter().zip(&outcome.columns).map(way).sum();
        assert_eq!(outcome.complete, best.complete(), "seed {seed}");
        let Some(bound) = outcome.bound else { continue };
        assert_eq!(ways, best.ways, "seed {seed}");
        assert!(outcome.total >= best.total - 1e-7, "seed {seed}: {} of {}", outcome.total, best.total);
        assert!(bound <= best.total + 1e-7, "seed {seed}: bound {bound} of {}", best.total);
        with_later += u32::from(ways > 0);
        dollars += outcome.total - bound;
    }
    assert!(with_later >= 100, "{with_later} have somebody on a later way");
    assert!(dollars <= 0.01 * f64::from(with_later), "gaps of {dollars}");
}
