//! Who reads a dataset first pays the price of their own place: an optional reader that comes first may make
//! the plan of all others cheaper.

use ndarray::array;
use plimsoll_solver::{
    Params, Problem,
    problem::{Choice, Dataset, Edge, HOUR, Nanos, Network, Task},
    solve,
};

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;
/// Places of one region: bringing the data there costs $100 from the first, $1 from the second.
const DEAR: u32 = 0;
const NEAR: u32 = 1;

/// Many readers in the dear place, on offers of which a quota holds 20, and before them in the document one
/// in the near place, worth $9.50, with a producer worth $5; each of the two runs for $10.
fn crowd(optional: bool) -> Problem {
    let edge = |producer| Edge { producer, bytes: 0 };
    let on = |offer: u32, place, hourly, hours: Nanos| Choice {
        offer,
        place,
        instances: 1.0,
        hourly,
        run: hours * H,
        ready: NOW,
        units: 1,
        quotas: if offer == 0 { vec![(0, 1)] } else { Vec::new() },
        ..Choice::default()
    };
    let task = |class, value, reads, inputs, choices: Vec<Choice>| Task {
        class,
        required: !optional || class >= 2,
        value: if optional { value } else { 0.0 },
        earliest: NOW,
        grid: NOW,
        slots: H,
        replicas: 1,
        reads,
        inputs,
        choices: choices.into(),
        ..Task::default()
    };
    let mut tasks = vec![
        task(0, 9.5, vec![(0, 0)], vec![edge(1)], vec![on(2, NEAR, 10.0, 1)]),
        task(1, 5.0, vec![], vec![], vec![on(2, NEAR, 10.0, 1)]),
    ];
    tasks.extend((0..31_u32).map(|i| {
        let hours = Nanos::from(1 + 7 * i % 31);
        task(2 + i, 0.0, vec![(0, 0)], vec![], vec![on(0, DEAR, 2.0, hours), on(1, DEAR, 252.0, hours)])
    }));
    Problem {
        now: NOW,
        tasks,
        counts: vec![None; 3],
        quotas: vec![20],
        quota_units: vec![1],
        datasets: vec![Dataset { sizes: vec![1], usd: array![[100.0, 1.0]] }],
        network: Network {
            usd_per_byte: array![[0.0, 0.0], [0.0, 0.0]],
            pico_gbps: array![[1, 1], [1, 1]],
            region: vec![0, 0],
            ..Network::default()
        },
        ..Problem::default()
    }
}

#[test]
fn a_dear_solution_is_cut_off_alone_and_not_with_one_task_more() {
    let hours: Vec<f64> = (0..31_u32).map(|i| f64::from(1 + 7 * i % 31)).collect();
    // The 20 longest run for $2 an hour.
    let mut longest = hours.clone();
    longest.sort_by(f64::total_cmp);
    let readers: f64 =
        longest.iter().rev().enumerate().map(|(i, hours)| hours * if i < 20 { 2.0 } else { 252.0 }).sum();
    let best = readers + 20.0 + 1.0;
    assert!(best < readers + 100.0 + 14.5, "leaving both out costs more");
    for optional in [false, true] {
        let outcome = solve(&crowd(optional), &Params::default(), &mut |_| {});
        assert!(outcome.complete);
        assert!((outcome.total - best).abs() < 1e-6, "optional {optional}: {} against {best}", outcome.total);
        assert!(outcome.bound.is_some_and(|bound| bound <= best + 1e-6));
    }
}
