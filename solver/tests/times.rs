//! Pausable runs with more patterns than are listed, and workflows whose times matter, against exhaustion.

#![expect(clippy::unwrap_used, reason = "a test fails")]

use ndarray::Array2;
use plimsoll_solver::{
    Column, Outcome, Params, Problem,
    column::{columns, own_cost},
    problem::{Choice, Demand, Edge, HOUR, Nanos, Network, NodeGroup, Series, Task},
    solve,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;

/// Some places, the first with own machines; carbon over time in each.
fn places(dice: &mut ChaCha8Rng, count: usize) -> Problem {
    let series = |dice: &mut ChaCha8Rng| {
        let times = (0..24).map(|i| NOW + i * H).collect();
        Series::new(times, (0..24).map(|_| f64::from(dice.random_range(1..40_u32)) / 10.0).collect())
    };
    let between = |from: usize, to: usize| if from == to { 0 } else { 1 + (from * 5 + to * 3) % 7 };
    Problem {
        now: NOW,
        counts: vec![None; count],
        groups: vec![NodeGroup { nodes: 1, devices: dice.random_range(1..3), cpu: None, memory: None }],
        series: (0..count).map(|_| series(dice)).collect(),
        usd_per_kg: 1.0,
        usd_per_delay_hour: if dice.random() { 0.0 } else { 0.3 },
        network: Network {
            usd_per_byte: Array2::from_shape_fn((count, count), |(a, b)| between(a, b) as f64 * 1e-10),
            // A gigabyte takes so many twelfths of an hour.
            pico_gbps: Array2::from_shape_fn((count, count), |(a, b)| match between(a, b) {
                0 => 0,
                twelfths => 12 * 8_000_000_000_000 / (3_600 * twelfths as i128),
            }),
            ..Network::default()
        },
        ..Problem::default()
    }
}

fn task(dice: &mut ChaCha8Rng, places: usize, run: Nanos) -> Task {
    let choice = |dice: &mut ChaCha8Rng, place: usize| Choice {
        offer: place as u32,
        place: place as u32,
        instances: 1.0,
        hourly: if place == 0 { 0.0 } else { f64::from(dice.random_range(0..12_u32)) / 10.0 },
        run: run + place as Nanos * H / 6,
        ready: NOW,
        kilowatts: 1.0,
        series: Some(place as u32),
        demand: Demand { accelerators: 1_000, cpu: 0, memory: 0 },
        group: (place == 0).then_some(0),
        ..Choice::default()
    };
    Task {
        required: true,
        earliest: NOW,
        grid: NOW,
        slots: H,
        replicas: 1,
        choices: (0..places).map(|place| choice(dice, place)).collect(),
        ..Task::default()
    }
}

/// All runs of a pausable task on a choice, by their own cost; its slots are whole hours from now.
fn patterns(problem: &Problem, t: &Task, index: usize) -> Vec<Column> {
    let choice = &t.choices[index];
    let slots = ((t.deadline.unwrap() - NOW) / H) as u32;
    let mut list = Vec::new();
    for set in 1_u32..1 << slots {
        let mut left = choice.run;
        let mut runs: Vec<(Nanos, Nanos)> = Vec::new();
        for slot in (0..slots).filter(|slot| set & (1 << slot) != 0) {
            let start = NOW + Nanos::from(slot) * H;
            let end = start + left.min(H);
            if left <= 0 {
                left = -1;
                break;
            }
            left -= end - start;
            match runs.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => runs.push((start, end)),
            }
        }
        if left == 0 {
            let own = own_cost(problem, t, choice, &runs);
            list.push(Column { choice: index as u32, runs, own });
        }
    }
    list.sort_by(|a, b| a.own.total_cmp(&b.own));
    list
}

/// The least total of all plans, `None` when there is none. `last` are the runs of the last task.
fn exhaust(problem: &Problem, state: &mut State<'_>, task: usize, last: &[Column]) -> Option<f64> {
    let t = problem.tasks.get(task)?;
    if task + 1 == problem.tasks.len() && !last.is_empty() {
        let cheapest = last.iter().find(|column| state.obstacle(task, column).is_none())?;
        return Some(state.total() + cheapest.own);
    }
    let mut list = Vec::new();
    for (index, choice) in t.choices.iter().enumerate() {
        let first = state.first_start(task, choice).unwrap();
        assert!(columns(problem, t, index, first, &mut list), "all columns are listed");
    }
    let mut best: Option<f64> = None;
    for column in list {
        if state.obstacle(task, &column).is_none() {
            state.place(task, column);
            let total = if task + 1 == problem.tasks.len() {
                Some(state.total())
            } else {
                exhaust(problem, state, task + 1, last)
            };
            state.remove(task);
            best = best.into_iter().chain(total).reduce(f64::min);
        }
    }
    best
}

fn solved(problem: &Problem, effort: u64) -> Outcome {
    solve(problem, &Params { effort, ..Params::default() }, &mut |_| {})
}

fn assert_best(problem: &Problem, last: &[Column], what: &str) {
    let best = exhaust(problem, &mut State::new(problem), 0, last);
    for effort in [40, 2_000] {
        let outcome = solved(problem, effort);
        let Some(best) = best else {
            assert!(!outcome.complete, "{what}: a plan where there is none");
            continue;
        };
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
        assert!(outcome.complete && near(outcome.total, best), "{what}: {} instead of {best}", outcome.total);
        let bound = outcome.bound.unwrap();
        assert!(bound <= best + 1e-6, "{what}: the bound {bound} exceeds the best {best}");
        assert!(near(bound, best), "{what}: {best} is not proven, the bound is {bound}");
    }
}

/// A run in pieces beside a workflow on the same machine.
#[test]
fn more_patterns_than_are_listed_beside_a_workflow() {
    for seed in 0..24 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut problem = places(&mut dice, 2);
        for task_index in 0..2_u32 {
            let hours = dice.random_range(1..4);
            let mut t = task(&mut dice, 2, hours * H);
            if dice.random() {
                t.deadline = Some(NOW + 9 * H);
                t.consumers_timed = dice.random();
            }
            if task_index == 1 {
                t.inputs.push(Edge { producer: 0, bytes: 1_000_000_000 });
            }
            let class = problem.tasks.len() as u32;
            problem.tasks.push(Task { class, ..t });
        }
        let run = 5 * H + dice.random_range(0..3) * H / 4;
        let mut paused = task(&mut dice, 2, run);
        paused.choices.truncate(dice.random_range(1..3));
        paused.pausable = true;
        paused.deadline = Some(NOW + 11 * H);
        let mut all: Vec<Column> =
            (0..paused.choices.len()).flat_map(|index| patterns(&problem, &paused, index)).collect();
        all.sort_by(|a, b| a.own.total_cmp(&b.own));
        assert!(all.len() > 400);
        let class = problem.tasks.len() as u32;
        problem.tasks.push(Task { class, ..paused });
        assert_best(&problem, &all, &format!("seed {seed}"));
    }
}

/// Chains and joins without deadlines, whose starts follow from where they run; carbon changes by the
/// hour, and there is one small site.
#[test]
fn workflows_that_may_not_wait() {
    for seed in 0..24 {
        let mut dice = ChaCha8Rng::seed_from_u64(1_000 + seed);
        let count = dice.random_range(3..6);
        let mut problem = places(&mut dice, count);
        for index in 0..4_u32 {
            let run = dice.random_range(2..9) * H / 3;
            let mut t = task(&mut dice, count, run);
            let gigabyte = 1_000_000_000;
            if index == 3 && dice.random() {
                t.inputs.extend([1, 2].map(|producer| Edge { producer, bytes: gigabyte }));
            } else if index > 0 {
                t.inputs.push(Edge { producer: dice.random_range(0..index), bytes: gigabyte });
            }
            let class = problem.tasks.len() as u32;
            problem.tasks.push(Task { class, ..t });
        }
        assert_best(&problem, &[], &format!("seed {seed}"));
    }
}
