//! Bounds by prices, cutting planes, reduced costs and compositions, against exhaustion.

use ndarray::Array2;
use plimsoll_solver::{
    Params, Problem,
    blocks::Blocks,
    climb::climb,
    compose::{Composition, candidates},
    construct::{Assignment, greedy, topological},
    exact,
    formulation::{Fineness, Formulation},
    linear::{Limits, Solution, highs},
    master::generate,
    problem::{Choice, Dataset, Edge, HOUR, Nanos, Task},
    score::Ranks,
    solve,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;

/// Tasks that read datasets in some regions, under quotas that lumpy amounts fill.
fn drawn(seed: u64, tasks: usize, choices: usize, regions: usize) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let datasets = 1 + tasks / 4;
    let quotas = 1 + regions / 2;
    let mut problem = Problem {
        now: NOW,
        counts: (0..tasks * choices).map(|_| dice.random_bool(0.1).then_some(1)).collect(),
        quotas: (0..quotas).map(|_| [4, 8, 16][dice.random_range(0..3)]).collect(),
        quota_units: vec![1; quotas],
        usd_per_delay_hour: if dice.random() { 0.0 } else { 0.1 },
        ..Problem::default()
    };
    for _ in 0..datasets {
        let home = dice.random_range(0..regions);
        let levels = dice.random_range(1..3);
        let at: Vec<f64> = (0..regions).map(|_| f64::from(dice.random_range(1..30_u32))).collect();
        let usd = |(level, region): (usize, usize)| {
            if region == home { 0.0 } else { at[region] * (1 + level) as f64 }
        };
        let sizes = (1..=levels as u64).collect();
        problem.datasets.push(Dataset { sizes, usd: Array2::from_shape_fn((levels, regions), usd) });
    }
    for number in 0..tasks {
        let choice = |dice: &mut ChaCha8Rng, index: usize| {
            let place = dice.random_range(0..regions) as u32;
            let amount = [1, 2, 4, 8][dice.random_range(0..4)];
            Choice {
                offer: (number * choices + index) as u32,
                place,
                instances: 1.0,
                hourly: f64::from(dice.random_range(1..40_u32)) / 2.0,
                run: H * dice.random_range(1..4),
                ready: NOW + H / 4 * dice.random_range(0..4),
                units: 1,
                quotas: if dice.random_bool(0.7) {
                    vec![(place % quotas as u32, amount)]
                } else {
                    Vec::new()
                },
                ..Choice::default()
            }
        };
        let reads = (0..dice.random_range(0..3_usize).min(datasets))
            .map(|_| {
                let dataset = dice.random_range(0..datasets);
                let level = dice.random_range(0..problem.datasets[dataset].sizes.len());
                (dataset as u32, level as u32)
            })
            .collect();
        problem.tasks.push(Task {
            class: number as u32,
            required: dice.random_bool(0.8),
            value: f64::from(dice.random_range(5..60_u32)),
            earliest: NOW,
            grid: NOW,
            slots: H,
            deadline: dice.random_bool(0.5).then_some(NOW + 4 * H),
            replicas: 1,
            reads,
            choices: (0..choices).map(|index| choice(&mut dice, index)).collect(),
            ..Task::default()
        });
    }
    problem
}

fn members(problem: &Problem) -> Vec<u32> {
    (0..problem.tasks.len() as u32).collect()
}

/// The best plan, by exhaustion, when it places everything required.
fn optimum(problem: &Problem) -> Option<Assignment> {
    let order = topological(problem, &members(problem));
    let found = exact::search(problem, &Ranks::new(problem), &order, None, 2_000_000, None);
    assert!(found.proven, "small enough to exhaust");
    found.best.filter(|best| best.score.complete())
}

fn stated(problem: &Problem) -> Formulation<'_> {
    let coarse = Fineness { items: 1_000, keep: None };
    Formulation::new(problem, &members(problem), false, false, usize::MAX, coarse)
        .expect("no limit on its columns")
}

fn relaxation(form: &mut Formulation<'_>) -> Solution {
    let mut lp = highs::Highs::new(&form.program, false, None);
    loop {
        let solution = lp.run();
        let rows = form.separate(solution.values.as_deref().expect("a plan exists"));
        if rows.is_empty() {
            return solution;
        }
        lp.add_rows(&rows);
    }
}

/// What every relaxation owes the best plan: its rows hold, and no column of it is ruled out.
fn keeps(form: &Formulation<'_>, blocks: &Blocks, cost: &[f64], bound: f64, best: &Assignment, seed: u64) {
    let total = best.score.total;
    assert!(bound <= total + 1e-6, "seed {seed}: bound {bound} of {total}");
    let values = form.values_of(&best.columns);
    for row in &form.program.rows {
        let level: f64 = row.terms.iter().map(|(x, a)| a * values[*x as usize]).sum();
        assert!(row.low - 1e-6 <= level && level <= row.high + 1e-6, "seed {seed}: {level} in {row:?}");
    }
    for found in blocks.list.iter().flat_map(|b| b.through_each(cost, &form.program.high, f64::INFINITY)) {
        let used = values[found.column as usize] > 0.5;
        assert!(
            !used || bound + found.reduced <= total + 1e-6,
            "seed {seed}: {found:?} from {bound} to {total}"
        );
        assert!(found.columns.contains(&found.column), "seed {seed}: {found:?}");
    }
}

#[test]
fn prices_of_steps_prove_bounds() {
    let (mut plans, mut closed) = (0, 0);
    for seed in 0..150 {
        let problem = drawn(seed, 4, 4, 3);
        let Some(best) = optimum(&problem) else { continue };
        let mut form = stated(&problem);
        let blocks = Blocks::new(&form);
        let prices = climb(&mut form, &blocks, Some(best.score.total * 1.1), 80, None);
        keeps(&form, &blocks, &prices.cost, prices.bound, &best, seed);
        plans += 1;
        closed += u32::from(prices.bound >= best.score.total * 0.98);
    }
    // Not only valid: within 2 % on most.
    assert!(plans > 50 && closed * 10 >= plans * 7, "{closed} of {plans}");
}

#[test]
fn columns_of_blocks_prove_bounds_above_the_relaxation_and_hold_good_plans() {
    let (mut cuts, mut best_composed, mut plans) = (0, 0, 0);
    for seed in 0..150 {
        let problem = drawn(seed, 4, 4, 3);
        let Some(best) = optimum(&problem) else { continue };
        let first = greedy(&problem, &Ranks::new(&problem), &members(&problem));
        if !first.score.complete() {
            continue;
        }
        let mut form = stated(&problem);
        let relaxed = relaxation(&mut form);
        let blocks = Blocks::new(&form);
        let plan = form.values_of(&first.columns);
        let made = generate(&mut form, &blocks, &relaxed, &plan, 60, None);
        let bound = made.prices.bound;
        assert!(bound >= relaxed.bound - 1e-6, "seed {seed}: {bound} below {}", relaxed.bound);
        keeps(&form, &blocks, &made.prices.cost, bound, &best, seed);
        cuts += made.prices.cuts;
        let through: Vec<_> = blocks
            .list
            .iter()
            .map(|b| b.through_each(&made.prices.cost, &form.program.high, f64::INFINITY))
            .collect();
        let composition = Composition::new(&form, &blocks, candidates(&made.ways, &through, usize::MAX));
        let start = composition.start(&plan);
        let limits = Limits { gap: 0.0, nodes: 10_000, time_left: None, seed: 0 };
        let composed = highs::solve(&composition.program, start.as_deref(), limits);
        let values = composed.values.expect("the first plan's ways are among them");
        let spread = composition.spread(&values, form.program.cost.len());
        let cost: f64 = form.program.cost.iter().zip(&spread).map(|(c, x)| c * x).sum();
        assert!(cost >= bound - 1e-6, "seed {seed}: {cost} below {bound}");
        assert!(form.separate(&spread).is_empty(), "seed {seed}: limits are kept");
        assert!(cost <= first.score.total + 1e-6, "seed {seed}: {cost} above {}", first.score.total);
        plans += 1;
        best_composed += u32::from(cost <= best.score.total * 1.001);
    }
    assert!(cuts > 10, "{cuts} cutting planes");
    assert!(plans > 50 && best_composed * 10 >= plans * 8, "{best_composed} of {plans}");
}

#[test]
fn delays_in_workflows_have_finite_prices() {
    for seed in 0..20 {
        let mut problem = drawn(seed, 6, 3, 3);
        problem.usd_per_delay_hour = 2.0;
        problem.network.usd_per_byte = Array2::zeros((3, 3));
        problem.network.pico_gbps = Array2::from_elem((3, 3), 1);
        for consumer in 1..6 {
            let producer = consumer as u32 - 1;
            problem.tasks[consumer].inputs = vec![Edge { producer, bytes: 0 }];
            problem.tasks[consumer].deadline = None;
        }
        let coarse = Fineness { items: 1, keep: None };
        let mut form = Formulation::new(&problem, &members(&problem), false, false, usize::MAX, coarse)
            .expect("no limit on its columns");
        assert!(form.program.high.iter().all(|high| high.is_finite()), "seed {seed}: a column without end");
        let blocks = Blocks::new(&form);
        let prices = climb(&mut form, &blocks, None, 60, None);
        assert!(prices.bound.is_finite(), "seed {seed}: {}", prices.bound);
        assert!(prices.mean.iter().all(|value| value.is_finite()), "seed {seed}: {:?}", prices.mean);
    }
}

#[test]
fn what_one_way_proves_no_other_way_beats() {
    for seed in 0..3 {
        let problem = drawn(seed, 40, 45, 12);
        let by = |highs: bool, effort: u64| {
            let params = Params { highs, effort, seed: 3, ..Params::default() };
            solve(&problem, &params, &mut |_| {})
        };
        let outcomes = [by(true, 400), by(true, 1_000), by(false, 1_000)];
        assert_eq!(outcomes[0], by(true, 400), "seed {seed}: the same again");
        for a in &outcomes {
            for b in outcomes.iter().filter(|b| b.complete) {
                let bound = a.bound.unwrap_or(f64::NEG_INFINITY);
                assert!(bound <= b.total + 1e-6, "seed {seed}: {bound} of {}", b.total);
            }
        }
        let best = outcomes.iter().filter(|o| o.complete).map(|o| o.total).fold(f64::INFINITY, f64::min);
        for (outcome, share) in outcomes.iter().zip([0.75, 0.75, 0.4]).filter(|o| o.0.complete) {
            let bound = outcome.bound;
            assert!(bound.is_some_and(|b| b > share * best), "seed {seed}: {bound:?} of {best}");
        }
    }
}
