//! The way of large components, on small ones where exhaustion tells the truth.

use ndarray::Array2;
use plimsoll_solver::{
    Params, Problem,
    construct::topological,
    exact,
    outcome::DEFAULT_EFFORT,
    problem::{Choice, Dataset, Demand, HOUR, Nanos, Network, NodeGroup, Series, Task},
    score::{EQUAL, Ranks},
    site,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;
/// Effort from which on there is a first stage after the first plan.
const STAGE: u64 = DEFAULT_EFFORT / 32;

/// Tasks that read datasets in regions of two zones, under quotas, counts, budgets and on own machines.
fn drawn(seed: u64, tasks: usize, choices: usize) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let (places, datasets, quotas) = (6, 1 + tasks / 4, 3);
    let scale = [1e-6, 1.0, 1.0, 1.0, 1e6][dice.random_range(0..5)];
    let flat = dice.random_range(0..8) == 0;
    let free = dice.random_range(0..16) == 0;
    let usd = move |dollars: u32| if free { 0.0 } else { scale * f64::from(if flat { 7 } else { dollars }) };
    let mut problem = Problem {
        now: NOW,
        counts: (0..tasks * choices).map(|_| dice.random_bool(0.1).then_some(1)).collect(),
        quotas: (0..quotas).map(|_| [4, 8, 16][dice.random_range(0..3)]).collect(),
        quota_units: vec![1; quotas],
        groups: vec![NodeGroup { nodes: 1, devices: 4, cpu: Some(8_000), memory: None }],
        budgets: vec![usd(40) * tasks as f64 / dice.random_range(1.0..6.0), f64::INFINITY],
        network: Network { region: (0..places).map(|p| p / 2).collect(), ..Network::default() },
        ..Problem::default()
    };
    for _ in 0..datasets {
        let home = dice.random_range(0..places as usize / 2);
        let levels = dice.random_range(1..3);
        let at: Vec<f64> = (0..places).map(|_| usd(dice.random_range(1..30))).collect();
        let of = |(level, place): (usize, usize)| {
            if place / 2 == home { 0.0 } else { at[place] * (1 + level) as f64 }
        };
        let sizes = (1..=levels as u64).collect();
        let usd = Array2::from_shape_fn((levels, places as usize), of);
        problem.datasets.push(Dataset { sizes, usd });
    }
    for number in 0..tasks {
        let choice = |dice: &mut ChaCha8Rng, index: usize| {
            let place = dice.random_range(0..places);
            let own = dice.random_bool(0.15);
            let amount = [1, 2, 4, 8][dice.random_range(0..4)];
            Choice {
                offer: (number * choices + index) as u32,
                place,
                instances: 1.0,
                hourly: usd(dice.random_range(1..40)),
                run: H * dice.random_range(1..4),
                ready: NOW + H / 4 * dice.random_range(0..4),
                units: 1,
                quotas: if dice.random_bool(0.7) {
                    vec![(place % quotas as u32, amount)]
                } else {
                    Vec::new()
                },
                group: own.then_some(0),
                demand: Demand { accelerators: 1000 * dice.random_range(1..3), cpu: 2_000, memory: 0 },
                ..Choice::default()
            }
        };
        let mut reads: Vec<(u32, u32)> = (0..dice.random_range(0..3_usize))
            .map(|_| {
                let dataset = dice.random_range(0..datasets);
                let level = dice.random_range(0..problem.datasets[dataset].sizes.len());
                (dataset as u32, level as u32)
            })
            .collect();
        reads.sort_unstable();
        reads.dedup_by_key(|r| r.0);
        problem.tasks.push(Task {
            class: number as u32,
            required: dice.random_bool(0.8),
            value: usd(dice.random_range(5..60)),
            earliest: NOW,
            grid: NOW,
            slots: H,
            deadline: dice.random_bool(0.4).then_some(NOW + 4 * H),
            max_cost: dice.random_bool(0.1).then(|| usd(60)),
            budgets: vec![u32::from(dice.random::<bool>())],
            replicas: 1,
            reads,
            choices: (0..choices).map(|index| choice(&mut dice, index)).collect(),
            ..Task::default()
        });
    }
    with_carbon_and_priorities(&mut problem, &mut ChaCha8Rng::seed_from_u64(!seed));
    problem
}

/// Priorities; in every other instance carbon that changes with the hour, of which half of the tasks have a budget.
fn with_carbon_and_priorities(problem: &mut Problem, dice: &mut ChaCha8Rng) {
    for task in &mut problem.tasks {
        task.priority = dice.random_range(0..3);
    }
    if dice.random() {
        return;
    }
    let hours = |dice: &mut ChaCha8Rng| (0..8).map(|_| dice.random_range(0.1..1.0)).collect();
    let times: Vec<Nanos> = (0..8).map(|hour| NOW + hour * H).collect();
    problem.series = (0..2).map(|_| Series::new(times.clone(), hours(dice))).collect();
    problem.usd_per_kg = [0.0, 1.0][dice.random_range(0..2)] * problem.budgets[0] / 50.0;
    for task in &mut problem.tasks {
        task.carbon_budgets = vec![u32::from(dice.random::<bool>())];
        for choice in &mut task.choices {
            (choice.series, choice.kilowatts) = (Some(choice.place % 2), dice.random_range(0.0..2.0));
        }
    }
    problem.carbon_budgets = vec![problem.tasks.len() as f64 * dice.random_range(0.3..1.0), f64::INFINITY];
}

fn members(problem: &Problem) -> Vec<u32> {
    (0..problem.tasks.len() as u32).collect()
}

fn found(problem: &Problem, effort: u64, seed: u64) -> site::Found {
    let params = Params { effort, seed, ..Params::default() };
    site::solve(problem, &Ranks::new(problem), &members(problem), &params, &mut |_| {})
        .expect("nothing that the flat model does not know")
}

/// A plan keeps every rule and costs what it says.
fn holds(problem: &Problem, found: &site::Found, seed: u64) {
    let mut state = State::new(problem);
    let mut forgone = 0.0;
    for (task, column) in found.best.columns.iter().enumerate() {
        match column {
            Some(column) => {
                assert_eq!(state.obstacle(task, column), None, "seed {seed}: task {task}");
                state.place(task, column.clone());
            }
            None if !problem.tasks[task].required => forgone += problem.tasks[task].value,
            None => {}
        }
    }
    assert!(state.over_budget().is_none(), "seed {seed}");
    let total = state.total() + forgone;
    let says = found.best.score.total;
    assert!((total - says).abs() <= 1e-9 * total.abs().max(1.0), "seed {seed}: {total} but says {says}");
}

#[test]
fn no_plan_costs_less_than_the_bound_and_every_plan_holds() {
    let (mut complete, mut gaps, mut optima) = (0, 0.0, 0);
    for seed in 0..160 {
        let tasks = 2 + seed as usize % 5;
        let problem = drawn(seed, tasks, 2 + seed as usize % 4);
        let found = found(&problem, [0, STAGE, 4 * STAGE][seed as usize % 3], seed);
        holds(&problem, &found, seed);
        let order = topological(&problem, &members(&problem));
        let best = exact::search(&problem, &Ranks::new(&problem), &order, None, 2_000_000, None);
        assert!(best.proven, "small enough to exhaust");
        let Some(best) = best.best.filter(|best| best.score.complete()) else { continue };
        let (total, slack) = (best.score.total, 1e-9 * best.score.total.abs());
        assert!(found.bound <= total + slack, "seed {seed}: bound {} of {total}", found.bound);
        if found.best.score.complete() {
            complete += 1;
            let of = found.best.score.total;
            assert!(of >= total - slack, "seed {seed}: {of} is less than the least, {total}");
            gaps += (of - found.bound) / of.max(f64::MIN_POSITIVE);
            optima += u32::from(of <= total + slack);
        }
    }
    // What it is for: on most it finds the best plan, with a bound near it.
    assert!(complete >= 90, "{complete} complete");
    assert!(optima * 10 >= complete * 8, "{optima} of {complete} are best");
    assert!(gaps / f64::from(complete) <= 0.1, "gaps of {} on average", gaps / f64::from(complete));
}

#[test]
fn the_same_seed_is_the_same_plan_and_more_effort_is_no_worse() {
    for seed in 0..6 {
        let problem = drawn(seed * 7 + 1, 60, 12);
        let runs = [0, DEFAULT_EFFORT / 20, DEFAULT_EFFORT / 20, DEFAULT_EFFORT / 2];
        let runs = runs.map(|effort| found(&problem, effort, seed));
        for run in &runs {
            holds(&problem, run, seed);
        }
        assert_eq!(runs[1].best, runs[2].best);
        assert_eq!(runs[1].bound.to_bits(), runs[2].bound.to_bits());
        assert!(!runs[0].best.score.better_than(&runs[1].best.score), "seed {seed}: effort 0 is better");
        assert!(!runs[1].best.score.better_than(&runs[3].best.score), "seed {seed}: more effort is worse");
        assert!(runs[0].bound <= runs[3].bound + 1e-9 * runs[3].bound.abs());
    }
}

#[test]
fn doubled_prices_double_the_plan() {
    for seed in 0..6 {
        let problem = drawn(seed * 5 + 2, 40, 10);
        let mut doubled = problem.clone();
        for usd in &mut doubled.budgets {
            *usd *= 2.0;
        }
        doubled.usd_per_kg *= 2.0;
        for dataset in &mut doubled.datasets {
            dataset.usd *= 2.0;
        }
        for task in &mut doubled.tasks {
            task.value *= 2.0;
            task.max_cost = task.max_cost.map(|usd| usd * 2.0);
            for choice in &mut task.choices {
                choice.hourly *= 2.0;
            }
        }
        let (one, two) = (found(&problem, 1_000, seed), found(&doubled, 1_000, seed));
        let close = |a: f64, b: f64, by: f64| (2.0 * a - b).abs() <= by * b.abs().max(1.0);
        assert!(close(one.bound, two.bound, 1e-2), "seed {seed}: {} {}", one.bound, two.bound);
        assert!(one.best.score.left == two.best.score.left, "seed {seed}");
    }
}

#[test]
fn nothing_and_nowhere() {
    let empty = Problem::default();
    let none = found(&empty, 2 * STAGE, 0);
    assert!(none.best.columns.is_empty() && none.bound.abs() < 1e-12);
    // Required, but without any choice: the rest is planned around it.
    let mut problem = drawn(3, 12, 6);
    problem.tasks[4].choices.clear();
    problem.tasks[4].required = true;
    let found = found(&problem, 2 * STAGE, 0);
    holds(&problem, &found, 3);
    assert!(found.best.columns[4].is_none() && found.best.columns.iter().flatten().count() >= 6);
}

#[test]
fn what_the_flat_model_does_not_know_is_left_to_others() {
    let mut problem = drawn(5, 6, 4);
    problem.tasks[1].inputs = vec![plimsoll_solver::problem::Edge { producer: 0, bytes: 0 }];
    let params = Params::default();
    let none = site::solve(&problem, &Ranks::new(&problem), &members(&problem), &params, &mut |_| {});
    assert!(none.is_none());
}

/// The same with other numbers for tasks, and tasks in another order.
fn permuted(problem: &Problem, order: &[usize]) -> Problem {
    let mut permuted = problem.clone();
    permuted.tasks = order.iter().map(|task| problem.tasks[*task].clone()).collect();
    permuted
}

#[test]
fn ways_through_blocks_prove_no_more_than_is_true() {
    let (mut complete, mut with, mut without) = (0, 0.0, 0.0);
    for seed in 0..24 {
        let problem = drawn(seed + 300, 5, 4);
        let order = topological(&problem, &members(&problem));
        let best = exact::search(&problem, &Ranks::new(&problem), &order, None, 2_000_000, None);
        assert!(best.proven, "small enough to exhaust");
        let Some(best) = best.best.filter(|best| best.score.complete()) else { continue };
        let (total, slack) = (best.score.total, 1e-9 * best.score.total.abs());
        let runs = [true, false].map(|highs| {
            let params = Params { effort: DEFAULT_EFFORT / 2, highs, ..Params::default() };
            let found =
                site::solve(&problem, &Ranks::new(&problem), &members(&problem), &params, &mut |_| {})
                    .expect("nothing that the flat model does not know");
            holds(&problem, &found, seed);
            assert!(found.bound <= total + slack, "seed {seed}: bound {} of {total}", found.bound);
            assert!(!found.best.score.complete() || found.best.score.total >= total - slack, "seed {seed}");
            found
        });
        complete += 1;
        with += (total - runs[0].bound) / total.max(f64::MIN_POSITIVE);
        without += (total - runs[1].bound) / total.max(f64::MIN_POSITIVE);
    }
    // What the linear program is for: it proves more than steps do.
    assert!(complete >= 6, "{complete} complete");
    assert!(with <= without + 1e-6 && with <= 0.1 * f64::from(complete), "{with} {without} of {complete}");
}

#[test]
fn plans_composed_of_ways_hold_and_cost_no_less_than_is_proven() {
    let (mut composed, mut optima) = (0, 0);
    for seed in 0..8 {
        let problem = drawn(seed + 500, 6, 4);
        let found = found(&problem, DEFAULT_EFFORT, seed);
        holds(&problem, &found, seed);
        let order = topological(&problem, &members(&problem));
        let best = exact::search(&problem, &Ranks::new(&problem), &order, None, 2_000_000, None);
        assert!(best.proven, "small enough to exhaust");
        let Some(best) = best.best.filter(|best| best.score.complete()) else { continue };
        let (total, slack) = (best.score.total, 1e-9 * best.score.total.abs());
        assert!(found.bound <= total + slack, "seed {seed}: bound {} of {total}", found.bound);
        // Exhaustion passes over what costs less by no more than counts as equal.
        let cost = found.best.score.total;
        assert!(
            !found.best.score.complete() || cost >= total - slack - EQUAL,
            "seed {seed}: {cost} of {total}"
        );
        optima += u32::from(found.best.score.complete() && cost <= total + slack);
        let ways = found.phases.iter().find(|phase| phase.0 == "linear program over ways");
        composed += ways.and_then(|phase| phase.1.iter().find(|of| of.0 == "plans")).map_or(0, |of| of.1);
    }
    assert!(composed > 0 && optima >= 4, "{composed} composed, {optima} best");
}

#[test]
fn the_order_of_tasks_hardly_matters() {
    for seed in 0..5 {
        let problem = drawn(seed * 3 + 40, 40, 8);
        let order: Vec<usize> = (0..40).map(|at| (at * 7 + seed as usize) % 40).collect();
        let (one, two) = (found(&problem, 2_000, seed), found(&permuted(&problem, &order), 2_000, seed));
        let close = |a: f64, b: f64| (a - b).abs() <= 0.02 * b.abs().max(1e-9);
        assert!(close(one.bound, two.bound), "seed {seed}: {} {}", one.bound, two.bound);
        if one.best.score.complete() && two.best.score.complete() {
            assert!(close(one.best.score.total, two.best.score.total), "seed {seed}");
        }
    }
}

#[test]
fn a_class_of_many_is_as_many_singles() {
    for seed in 0..6 {
        let mut problem = drawn(seed * 11 + 5, 12, 8);
        problem.tasks = problem.tasks.iter().flat_map(|task| vec![task.clone(); 5]).collect();
        assert!(problem.tasks[0].choices.is_shared_with(&problem.tasks[1].choices));
        let mut singles = problem.clone();
        for (class, task) in (0..).zip(&mut singles.tasks) {
            task.class = class;
            task.choices = task.choices.to_vec().into();
        }
        let (classes, singles) = (found(&problem, 2_000, seed), found(&singles, 2_000, seed));
        assert_eq!(classes.best, singles.best, "seed {seed}");
        assert_eq!(classes.bound.to_bits(), singles.bound.to_bits(), "seed {seed}");
        let pairs = |found: &site::Found| found.phases[0].1.iter().find(|of| of.0 == "pairs").map(|of| of.1);
        assert_eq!(pairs(&singles), pairs(&classes).map(|pairs| pairs * 5), "seed {seed}");
    }
}
