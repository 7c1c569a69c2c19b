//! How good plans are, how far from proven, at what cost in CPU: `cargo bench --bench siting`.
//!
//! Baselines in the same run, on the same numbers: the cheapest offer that still fits, workload by
//! workload (SkyPilot's and dstack's way, with region-aware data), and HiGHS on the plain program
//! without start, stopped after as many CPU seconds as we took, at least ten.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_benches::{
    instance::{equal, independent, shared_data_and_quotas},
    meter::{cpu_seconds, peak_mib},
};
use plimsoll_model::Inputs;
use plimsoll_planner::{
    Settings,
    build::{Build, Rules},
    shortfall,
    world::World,
};
use plimsoll_solver::{
    Params,
    construct::greedy,
    formulation::{Fineness, Formulation},
    linear::{Limits, TimeLeft, highs},
    score::Ranks,
};

fn main() {
    let smoke = std::env::args().any(|a| a == "--test");
    println!(
        "{:<34} {:>12} {:>12} {:>8} {:>8} {:>8}",
        "instance / method", "total $", "bound $", "gap %", "cpu s", "MiB"
    );
    let sizes: &[(usize, usize)] = if smoke { &[(20, 200)] } else { &[(50, 500), (100, 1000), (300, 3000)] };
    for &(workloads, offers) in sizes {
        let inputs = shared_data_and_quotas(1, workloads, offers);
        compare(&format!("{workloads} x {offers}, data + quotas"), &inputs, !smoke);
    }
    let count = if smoke { 20 } else { 1000 };
    compare(&format!("{count} independent x catalogue"), &independent(1, count), false);
    let each = if smoke { 4 } else { 40 };
    compare(&format!("3 x {each} equal x catalogue, quotas"), &equal(each), !smoke);
    let (workloads, offers) = if smoke { (20, 200) } else { (300, 1500) };
    lacking(&format!("{workloads} x {offers}, half the quotas"), workloads, offers);
}

/// What is lacking where everything is required and the quotas are halved.
fn lacking(name: &str, workloads: usize, offers: usize) {
    if !is_wanted(name) {
        return;
    }
    let mut inputs = shared_data_and_quotas(1, workloads, offers);
    for quota in &mut inputs.estate.quotas {
        quota.accelerators = quota.accelerators.map(|most| most / 2);
    }
    let settings = Settings::of(&inputs);
    let world = World::new(&inputs, settings.now).expect("the instance is sound");
    let rules = Rules::of(&world);
    let mut build = Build::new(&world, &settings, &rules).expect("the instance is sound");
    let before = cpu_seconds();
    let found = shortfall(&mut build, None);
    let cpu = cpu_seconds() - before;
    let Some(found) = found else { return println!("{name}: nothing is lacking, {cpu:.2} s") };
    println!("{name}: told in {cpu:.2} s; beyond all limits {}", found.beyond.len());
    for short in found.limits {
        let (constraint, conflicts) =
            (short.constraint.as_str(), if short.conflicts { ", conflicts" } else { "" });
        println!("    {constraint} {}: {} {} more{conflicts}", short.name, short.by, short.unit);
    }
}

/// Whether the arguments name an instance, or none.
fn is_wanted(name: &str) -> bool {
    let mut wanted = std::env::args().skip(1).filter(|a| !a.starts_with('-')).peekable();
    wanted.peek().is_none() || wanted.any(|w| name.contains(&w))
}

/// One instance by every method; skipped when an argument names others.
fn compare(name: &str, inputs: &Inputs, plain: bool) {
    if !is_wanted(name) {
        return;
    }
    let settings = Settings::of(inputs);
    let before = cpu_seconds();
    let world = World::new(inputs, settings.now).expect("the instance is sound");
    let rules = Rules::of(&world);
    let build = Build::new(&world, &settings, &rules).expect("the instance is sound");
    let built = cpu_seconds() - before;
    let outcome = plimsoll_solver::solve(&build.problem, &Params::default(), &mut |_| {});
    let ours = cpu_seconds() - before;
    row(name, "plimsoll", outcome.total, outcome.bound, ours);
    println!(
        "    of which stating the problem {built:.2} s; choices {}",
        build.problem.tasks.iter().map(|t| t.choices.len()).sum::<usize>()
    );
    for phase in &outcome.phases {
        println!("    {:<26} {:?}", phase.name, phase.counts);
    }
    let before = cpu_seconds();
    let without = Params { highs: false, ..Params::default() };
    let outcome = plimsoll_solver::solve(&build.problem, &without, &mut |_| {});
    row(name, "plimsoll --no-lp", outcome.total, outcome.bound, built + cpu_seconds() - before);
    let ranks = Ranks::new(&build.problem);
    let members: Vec<u32> = (0..build.problem.tasks.len() as u32).collect();
    let before = cpu_seconds();
    let first = greedy(&build.problem, &ranks, &members);
    row(name, "cheapest that fits", first.score.total, None, cpu_seconds() - before);
    if !first.score.complete() {
        println!("    leaves {:?} required workloads out", first.score.left);
    }
    if plain {
        let all = Fineness { items: usize::MAX, keep: None };
        let Some(mut form) = Formulation::new(&build.problem, &members, false, false, usize::MAX, all) else {
            return;
        };
        form.capacity_rows(usize::MAX);
        let before = cpu_seconds();
        STOP.store((before + ours.max(10.0)).to_bits(), Ordering::Relaxed);
        let time_left = Some(cpu_left as TimeLeft);
        let limits = Limits { gap: 1e-6, nodes: u64::MAX >> 1, time_left, seed: 0 };
        let solution = highs::solve(&form.program, None, limits);
        let total =
            solution.values.map_or(f64::NAN, |v| form.program.cost.iter().zip(v).map(|(c, x)| c * x).sum());
        row(name, "HiGHS, plain program", total, Some(solution.bound), cpu_seconds() - before);
    }
}

/// The CPU seconds at which HiGHS on the plain program is to end, as bits of a float.
static STOP: AtomicU64 = AtomicU64::new(0);

fn cpu_left() -> f64 {
    f64::from_bits(STOP.load(Ordering::Relaxed)) - cpu_seconds()
}

fn row(name: &str, method: &str, total: f64, bound: Option<f64>, cpu: f64) {
    let gap = bound.map_or(f64::NAN, |b| 100.0 * (total - b) / b);
    let bound = bound.unwrap_or(f64::NAN);
    println!(
        "{:<34} {total:>12.2} {bound:>12.2} {gap:>8.3} {cpu:>8.2} {:>8.0}",
        format!("{name}: {method}"),
        peak_mib()
    );
}
