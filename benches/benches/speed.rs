//! Speed of the parts a user waits for, by criterion: `cargo bench --bench speed`.

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll_benches::instance::{empty, independent};
use plimsoll_planner::Settings;
use plimsoll_solver::{
    Params, Problem,
    problem::{Choice, Edge, Network, Task},
};

/// A workflow of 50 tasks over 500 offers in 40 places, with an egress price for every pair.
fn workflow(edges: impl Fn(u32) -> Vec<u32>) -> Problem {
    const PLACES: usize = 40;
    let noise = |a: u32, b: u32| f64::from((a * 7919 + b * 104_729) % 1000) / 1000.0;
    let mut problem = Problem { counts: vec![None; 500], ..Problem::default() };
    problem.network = Network {
        usd_per_byte: ndarray::Array2::from_shape_fn((PLACES, PLACES), |(a, b)| {
            if a == b { 0.0 } else { 1e-11 * (1.0 + noise(a as u32, b as u32)) }
        }),
        pico_gbps: ndarray::Array2::zeros((PLACES, PLACES)),
        tiers: None,
        provider: vec![0; PLACES],
        region: Vec::new(),
    };
    for task in 0..50_u32 {
        let choices = (0..500_u32)
            .map(|offer| Choice {
                offer,
                place: offer % PLACES as u32,
                instances: 1.0,
                hourly: 1.0 + 10.0 * noise(task, offer),
                run: 3_600_000_000_000,
                ..Choice::default()
            })
            .collect();
        let inputs = edges(task).into_iter().map(|producer| Edge { producer, bytes: 100 << 30 }).collect();
        problem.tasks.push(Task {
            required: true,
            replicas: 1,
            choices,
            inputs,
            class: task,
            ..Task::default()
        });
    }
    problem
}

/// The producers of each task.
type Producers = fn(u32) -> Vec<u32>;

fn benches(criterion: &mut Criterion) {
    let shapes: [(&str, Producers); 3] = [
        ("chain", |t| t.checked_sub(1).into_iter().collect()),
        ("tree", |t| t.checked_sub(1).map(|t| t / 2).into_iter().collect()),
        // Diamonds one after the other: 0 → 1, 2 → 3 → 4, 5 → 6 …
        ("series-parallel", |t| match t % 3 {
            _ if t == 0 => vec![],
            1 => vec![t - 1],
            2 => vec![t - 2],
            _ => vec![t - 2, t - 1],
        }),
    ];
    for (name, edges) in shapes {
        let problem = workflow(edges);
        let outcome = plimsoll_solver::solve(&problem, &Params::default(), &mut |_| {});
        let bound = outcome.bound.expect("a workflow of required tasks has a bound");
        assert!(
            outcome.total - bound <= 1e-6 * bound,
            "{name} is not solved: {} over {bound}",
            outcome.total
        );
        criterion.bench_function(&format!("workflow of 50 tasks, {name}"), |b| {
            b.iter(|| plimsoll_solver::solve(&problem, &Params::default(), &mut |_| {}));
        });
    }
    let inputs = independent(3, 1);
    let settings = Settings::of(&inputs);
    criterion.bench_function("one workload over the catalogue", |b| {
        b.iter(|| plimsoll_planner::plan(&inputs, &settings, None, &mut |_| {}));
    });
    let nothing = empty();
    let settings = Settings::of(&nothing);
    criterion.bench_function("an empty plan", |b| {
        b.iter(|| plimsoll_planner::plan(&nothing, &settings, None, &mut |_| {}));
    });
}

criterion_group! { name = group; config = Criterion::default().sample_size(10); targets = benches }
criterion_main!(group);
