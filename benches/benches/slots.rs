//! Work that may wait, at the size of a company: `cargo bench --bench slots`.
//!
//! Baselines in the same run, on the same numbers: workload by workload where and when it is cheapest and
//! fits (greedy with foresight), the same at the first possible moment (greedy at once), and HiGHS on the
//! plain program of all starts without start, stopped after as many CPU seconds as we took, at least ten.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_benches::{
    meter::{cpu_seconds, peak_mib},
    slots::{Size, settings, slots},
};
use plimsoll_planner::{
    build::{Build, Rules},
    world::World,
};
use plimsoll_solver::{
    Params, Problem,
    column::columns,
    construct::{candidates, finish, greedy},
    formulation::{Fineness, Formulation},
    linear::{Limits, TimeLeft, highs},
    score::Ranks,
    state::State,
};

const SIZES: [Size; 5] = [
    Size { workloads: 60, offers: 20, slots: 48, pausable: 0 },
    Size { workloads: 100, offers: 50, slots: 48, pausable: 5 },
    Size { workloads: 300, offers: 100, slots: 96, pausable: 0 },
    Size { workloads: 1000, offers: 200, slots: 168, pausable: 0 },
    Size { workloads: 1000, offers: 200, slots: 168, pausable: 5 },
];

fn main() {
    let smoke = std::env::args().any(|a| a == "--test");
    println!(
        "{:<52} {:>12} {:>12} {:>8} {:>8} {:>8}",
        "instance / method", "total $", "bound $", "gap %", "cpu s", "MiB"
    );
    let few = if smoke { 1 } else { SIZES.len() };
    for size in SIZES.into_iter().take(few) {
        compare(size, smoke);
    }
}

/// One instance by every method; skipped when an argument names others.
fn compare(size: Size, smoke: bool) {
    let pausing = if size.pausable > 0 { ", some pausable" } else { "" };
    let name = format!("{} x {} x {}{pausing}", size.workloads, size.offers, size.slots);
    let mut wanted = std::env::args().skip(1).filter(|a| !a.starts_with('-')).peekable();
    if wanted.peek().is_some() && !wanted.any(|w| w == name) {
        return;
    }
    let only_ours = std::env::args().any(|a| a == "--ours");
    let inputs = slots(1, size);
    let settings = settings(&inputs);
    let before = cpu_seconds();
    let world = World::new(&inputs, settings.now).expect("the instance is sound");
    let rules = Rules::of(&world);
    let build = Build::new(&world, &settings, &rules).expect("the instance is sound");
    let problem = &build.problem;
    let built = cpu_seconds() - before;
    let effort = if smoke { 200 } else { Params::default().effort };
    let params = Params { effort, ..Params::default() };
    let outcome = plimsoll_solver::solve(problem, &params, &mut |phase| {
        if std::env::args().any(|a| a == "--trace") {
            println!(
                "      {:>7.2} s {} {:?} {:?}",
                cpu_seconds() - before,
                phase.name,
                phase.total,
                phase.bound
            );
        }
    });
    let ours = cpu_seconds() - before;
    row(&name, "plimsoll", outcome.total, outcome.bound, ours);
    let choices: usize = problem.tasks.iter().map(|t| t.choices.len()).sum();
    println!("    of which stating the problem {built:.2} s; choices {choices}");
    for phase in &outcome.phases {
        println!("    {:<26} {:?}", phase.name, phase.counts);
    }
    if only_ours {
        return;
    }
    let before = cpu_seconds();
    let outcome = plimsoll_solver::solve(problem, &Params { highs: false, ..params }, &mut |_| {});
    row(&name, "plimsoll --no-lp", outcome.total, outcome.bound, built + cpu_seconds() - before);
    let ranks = Ranks::new(problem);
    let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let before = cpu_seconds();
    let first = greedy(problem, &ranks, &members);
    row(&name, "greedy with foresight", first.score.total, None, cpu_seconds() - before);
    lost(first.score.left.iter().sum());
    let before = cpu_seconds();
    let (total, left) = at_once(problem, &ranks, &members);
    row(&name, "greedy at once", total, None, cpu_seconds() - before);
    lost(left);
    let before = cpu_seconds();
    let all = Fineness { items: usize::MAX, keep: None };
    let Some(mut form) = Formulation::new(problem, &members, false, false, usize::MAX, all) else {
        return;
    };
    form.capacity_rows(usize::MAX);
    println!("    plain program: {} columns, {} rows", form.program.cost.len(), form.program.rows.len());
    STOP.store((before + ours.max(10.0)).to_bits(), Ordering::Relaxed);
    let time_left = Some(cpu_left as TimeLeft);
    let solution =
        highs::solve(&form.program, None, Limits { gap: 1e-6, nodes: u64::MAX >> 1, time_left, seed: 0 });
    let total =
        solution.values.map_or(f64::NAN, |v| form.program.cost.iter().zip(v).map(|(c, x)| c * x).sum());
    row(&name, "HiGHS, plain program", total, Some(solution.bound), cpu_seconds() - before);
}

/// Each workload at its first possible moment, on the cheapest offer that is free then; later only where it
/// fits nowhere at once.
fn at_once(problem: &Problem, ranks: &Ranks, members: &[u32]) -> (f64, u32) {
    let mut state = State::new(problem);
    for &task in members {
        let t = &problem.tasks[task as usize];
        let mut list = Vec::new();
        for (index, choice) in t.choices.iter().enumerate() {
            let mut all = Vec::new();
            columns(problem, t, index, choice.ready, &mut all);
            list.extend(all.into_iter().filter(|c| c.start() <= t.earliest.max(choice.ready)));
        }
        list.sort_by(|a, b| a.own.total_cmp(&b.own));
        let mut fits = list.into_iter().find(|column| state.obstacle(task as usize, column).is_none());
        if fits.is_none() {
            let mut later = Vec::new();
            candidates(problem, &state, task as usize, &mut later);
            later.sort_by_key(plimsoll_solver::Column::start);
            fits = later.into_iter().find(|column| state.obstacle(task as usize, column).is_none());
        }
        if let Some(column) = fits {
            state.place(task as usize, column);
        }
    }
    let found = finish(problem, ranks, &mut state, members);
    (found.score.total, found.score.left.iter().sum())
}

/// The CPU seconds at which HiGHS on the plain program is to end, as bits of a float.
static STOP: AtomicU64 = AtomicU64::new(0);

fn cpu_left() -> f64 {
    f64::from_bits(STOP.load(Ordering::Relaxed)) - cpu_seconds()
}

fn lost(left: u32) {
    if left > 0 {
        println!("    leaves {left} required workloads out");
    }
}

fn row(name: &str, method: &str, total: f64, bound: Option<f64>, cpu: f64) {
    let gap = bound.map_or(f64::NAN, |b| 100.0 * (total - b) / b);
    let bound = bound.unwrap_or(f64::NAN);
    println!(
        "{:<52} {total:>12.2} {bound:>12.2} {gap:>8.3} {cpu:>8.2} {:>8.0}",
        format!("{name}: {method}"),
        peak_mib()
    );
}
