//! Random components whose times matter.

use plimsoll_solver::{
    Problem,
    problem::{Choice, Demand, HOUR, Nanos, NodeGroup, Series, Task},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub(super) const H: Nanos = HOUR as Nanos;
pub(super) const NOW: Nanos = 1_000 * H;

/// What an instance has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) tasks: usize,
    pub(super) offers: usize,
    pub(super) hours: i64,
    /// One task of so many may pause.
    pub(super) pausable: usize,
    /// Instances of an offer, at most.
    pub(super) count: i64,
    /// The length of a slot.
    pub(super) slot: Nanos,
    /// Whether budgets, optional tasks, equal tasks, a price of delay and own machines are among it.
    pub(super) mixed: bool,
}

/// An instance of a shape.
pub(super) fn timed(seed: u64, shape: Shape) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let series = |dice: &mut ChaCha8Rng| {
        let dirt = dice.random_range(0.2..0.8);
        let hours = 0..=shape.hours;
        let values = hours.clone().map(|_| dirt * dice.random_range(0.5..1.5)).collect();
        Series::new(hours.map(|i| NOW + i * H).collect(), values)
    };
    let regions = (shape.offers / 4).max(1);
    let pick = |dice: &mut ChaCha8Rng, of: &[i64]| of[dice.random_range(0..of.len())];
    let mut problem = Problem {
        now: NOW,
        series: (0..regions).map(|_| series(&mut dice)).collect(),
        counts: (0..shape.offers)
            .map(|offer| match offer % 4 {
                0 => Some(shape.count),
                _ => Some(dice.random_range(shape.count.min(2)..=shape.count)),
            })
            .collect(),
        quotas: vec![shape.count * shape.offers as i64 * 2 / 3],
        quota_units: vec![1],
        usd_per_kg: 1.0,
        usd_per_delay_hour: if shape.mixed && dice.random() { 0.05 } else { 0.0 },
        ..Problem::default()
    };
    let hourly: Vec<f64> = (0..shape.offers).map(|_| dice.random_range(0.2..0.8)).collect();
    if shape.mixed {
        problem.groups = vec![NodeGroup { nodes: 1, devices: 2, cpu: None, memory: None }];
        problem.counts[0] = None;
    }
    for id in 0..shape.tasks {
        if shape.mixed && id > 0 && dice.random_range(0..4) == 0 {
            let mut same = problem.tasks[id - 1].clone();
            same.class = problem.tasks[id - 1].class;
            problem.tasks.push(same);
            continue;
        }
        let wanted = pick(&mut dice, &[1, 2, 4, 8, 16]).min(shape.count);
        let slots = shape.hours * H / shape.slot;
        let hours = dice.random_range(1..=(slots / 6).clamp(1, 20));
        let release = dice.random_range(0..=(slots - hours).max(0) / 2);
        let patience = dice.random_range(hours..=slots - release);
        let pausable = shape.pausable > 0 && id % shape.pausable == 0;
        let late = if dice.random_range(0..4) == 0 { shape.slot / 3 } else { 0 };
        let mut choices = Vec::new();
        for (offer, hourly) in hourly.iter().enumerate() {
            // Everyone has an offer that is large enough.
            if offer % 4 != 0 && dice.random_range(0..3) > 0 {
                continue;
            }
            let own = shape.mixed && offer == 0;
            choices.push(Choice {
                offer: offer as u32,
                instances: wanted as f64,
                hourly: *hourly,
                run: hours * shape.slot + pick(&mut dice, &[0, 0, shape.slot / 2]),
                ready: NOW + release * shape.slot + late,
                kilowatts: wanted as f64 * 0.6,
                series: Some((offer / 4 % regions) as u32),
                units: if own { 0 } else { wanted },
                quotas: if own { Vec::new() } else { vec![(0, wanted)] },
                group: own.then_some(0),
                demand: Demand { accelerators: if own { 1_000 } else { 0 }, cpu: 0, memory: 0 },
                ..Choice::default()
            });
        }
        problem.tasks.push(Task {
            class: id as u32,
            required: !shape.mixed || dice.random_range(0..5) > 0,
            value: 3.0,
            earliest: NOW + release * shape.slot,
            deadline: Some(NOW + (release + patience) * shape.slot),
            grid: NOW + release * shape.slot,
            slots: shape.slot,
            pausable,
            replicas: 1,
            choices: choices.into(),
            ..Task::default()
        });
    }
    if shape.mixed && dice.random() {
        let least: f64 = problem.tasks.iter().map(|t| t.choices[0].compute()).sum();
        problem.budgets = vec![least * 1.2];
        // Equal tasks draw on equal budgets.
        problem.tasks.iter_mut().filter(|t| t.class.is_multiple_of(2)).for_each(|t| t.budgets = vec![0]);
    }
    if shape.mixed {
        with_carbon_and_priorities(&mut problem, &mut ChaCha8Rng::seed_from_u64(!seed));
    }
    problem
}

/// Priorities, and often a carbon budget of a third of the tasks that is little above the least they can emit.
fn with_carbon_and_priorities(problem: &mut Problem, dice: &mut ChaCha8Rng) {
    let priorities: Vec<i64> = problem.tasks.iter().map(|_| dice.random_range(0..3)).collect();
    for t in &mut problem.tasks {
        t.priority = priorities[t.class as usize];
    }
    if dice.random_range(0..3) == 0 {
        return;
    }
    let least = |t: &Task| {
        let of = |choice: &Choice| {
            let latest = t.deadline.unwrap_or(choice.ready) - choice.run;
            let series = choice.series.map(|series| &problem.series[series as usize]);
            let kg = |series: &Series| series.least_integral(choice.ready, latest, choice.run);
            choice.kilowatts * series.map_or(0.0, kg)
        };
        t.choices.iter().map(of).fold(f64::INFINITY, f64::min)
    };
    let third = |t: &Task| t.class.is_multiple_of(3);
    let all: f64 = problem.tasks.iter().filter(|t| third(t)).map(least).sum();
    problem.carbon_budgets = vec![all * dice.random_range(1.1..1.6)];
    for t in problem.tasks.iter_mut().filter(|t| third(t)) {
        t.carbon_budgets = vec![0];
    }
}
