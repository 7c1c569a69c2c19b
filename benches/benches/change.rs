//! What happens after a change: `cargo bench --bench change`.
//!
//! A plan of a company-sized estate is in force; then prices change, a pool is lost, both are undone. For each:
//! the repaired plan (CPU milliseconds until it is within every limit, and until the short search ends), what
//! comes of planning on from it and from scratch, and the cheapest offer that fits, workload by workload. Gaps are
//! against the best bound that is proven so far.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use plimsoll_benches::{
    company::{Shape, company},
    meter::{cpu_seconds, peak_mib},
};
use plimsoll_planner::{
    Settings,
    build::{Build, Rules},
    world::World,
};
use plimsoll_solver::{
    Column, Delta, Params, Previous, Problem, Session, construct::greedy, repair, repair::MOVES,
    score::Ranks, solve,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

fn main() {
    let smoke = std::env::args().any(|a| a == "--test");
    let sizes: &[(usize, usize)] = if smoke { &[(30, 200)] } else { &[(300, 1500), (1000, 5000)] };
    println!(
        "{:<44} {:>10} {:>8} {:>7} {:>9} {:>6}",
        "change / method", "total $", "gap %", "moved", "cpu ms", "MiB"
    );
    for &(workloads, offers) in sizes {
        follow(workloads, offers);
    }
}

fn follow(workloads: usize, offers: usize) {
    let name = format!("{workloads} x {offers}");
    if std::env::args().skip(1).any(|wanted| !wanted.starts_with('-') && !name.contains(&wanted)) {
        return;
    }
    let inputs = company(1, workloads, offers, Shape::Company);
    let settings = Settings::of(&inputs);
    let world = World::new(&inputs, settings.now).expect("the instance is sound");
    let rules = Rules::of(&world);
    let problem = Build::new(&world, &settings, &rules).expect("the instance is sound").problem;
    let params = Params::default();
    let before = cpu_seconds();
    let mut session = Session::new(problem, params);
    let outcome = session.refresh(&mut |_| {});
    row(&format!("{name}: first plan"), outcome.total, outcome.bound, 0, cpu_seconds() - before);
    session.adopt();
    let spike = prices(session.problem(), 7);
    let usual = usual(session.problem(), &spike);
    let pool = busiest(session.problem(), session.columns());
    let limit = session.problem().quotas.get(pool as usize).copied().unwrap_or(0);
    let changes = [
        ("5 % of prices ±20 %", Delta::Prices(spike)),
        ("prices as before", Delta::Prices(usual)),
        ("busiest pool lost", Delta::Quota { quota: pool, limit: 0 }),
        ("pool back", Delta::Quota { quota: pool, limit }),
    ];
    for (what, delta) in changes {
        change(&format!("{name}, {what}"), &mut session, delta);
    }
}

/// One change, by every method.
fn change(name: &str, session: &mut Session, delta: Delta) {
    let before = cpu_seconds();
    session.apply(delta).expect("the change fits");
    let applied = cpu_seconds() - before;
    let problem = session.problem().clone();
    let in_force = session.columns().to_vec();
    let moved = |plan: &[Option<Column>]| {
        let choice = |column: &Option<Column>| column.as_ref().map(|c| c.choice);
        in_force.iter().zip(plan).filter(|(a, b)| choice(a) != choice(b)).count()
    };
    let params = Params::default();
    let before = cpu_seconds();
    let mut first = (0.0, 0.0, 0);
    let previous = Previous { columns: in_force.clone(), prices: session.prices().to_vec() };
    let repaired = repair(&problem, &previous, params.moves(MOVES), &mut |plan| {
        first = (plan.score.total, cpu_seconds() - before, moved(&plan.columns));
    });
    let repair_time = cpu_seconds() - before;
    let before = cpu_seconds();
    let refreshed = session.refresh(&mut |_| {});
    let refresh_time = cpu_seconds() - before;
    let refreshed_moves = moved(session.columns());
    let total = repaired.plan.score.total;
    let bound = refreshed.bound;
    println!(
        "  {name}: applied in {:.1} ms, {} freed, {} made room",
        applied * 1e3,
        repaired.freed,
        repaired.ejected
    );
    row("    repaired, within every limit", first.0, bound, first.2, first.1);
    row("    repaired", total, bound, moved(&repaired.plan.columns), repair_time);
    row("    refreshed", refreshed.total, bound, refreshed_moves, refresh_time);
    let before = cpu_seconds();
    let scratch = solve(&problem, &params, &mut |_| {});
    let scratch_time = cpu_seconds() - before;
    let bound = bound.into_iter().chain(scratch.bound).reduce(f64::max);
    row("    from scratch", scratch.total, bound, moved(&scratch.columns), scratch_time);
    let ranks = Ranks::new(&problem);
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let before = cpu_seconds();
    let cheapest = greedy(&problem, &ranks, &all);
    row(
        "    cheapest that fits",
        cheapest.score.total,
        bound,
        moved(&cheapest.columns),
        cpu_seconds() - before,
    );
    for (method, left) in
        [("repaired", &repaired.plan.score.left), ("cheapest that fits", &cheapest.score.left)]
    {
        if left.iter().any(|left| *left > 0) {
            println!("    {method} leaves {left:?} required workloads out");
        }
    }
    session.adopt();
}

/// Other prices of one offer in twenty, up to a fifth up or down.
fn prices(problem: &Problem, seed: u64) -> Vec<(u32, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let usual: Vec<Option<f64>> = by_offer(problem);
    let mut changed = Vec::new();
    for (offer, hourly) in (0..).zip(usual) {
        if let Some(hourly) = hourly.filter(|_| rng.random_range(0..20) == 0) {
            changed.push((offer, hourly * rng.random_range(0.8..1.2)));
        }
    }
    changed
}

fn usual(problem: &Problem, changed: &[(u32, f64)]) -> Vec<(u32, f64)> {
    let usual = by_offer(problem);
    changed.iter().filter_map(|(offer, _)| Some((*offer, usual[*offer as usize]?))).collect()
}

fn by_offer(problem: &Problem) -> Vec<Option<f64>> {
    let mut prices = vec![None; problem.counts.len()];
    for choice in problem.tasks.iter().flat_map(|task| &task.choices) {
        prices[choice.offer as usize] = Some(choice.hourly);
    }
    prices
}

/// The quota of which a plan takes most.
fn busiest(problem: &Problem, plan: &[Option<Column>]) -> u32 {
    let mut used = vec![0; problem.quotas.len()];
    for (task, column) in problem.tasks.iter().zip(plan) {
        let Some(column) = column else { continue };
        for (quota, amount) in &task.choices[column.choice as usize].quotas {
            used[*quota as usize] += amount;
        }
    }
    (0..).zip(&used).max_by_key(|(quota, used)| (**used, std::cmp::Reverse(*quota))).map_or(0, |most| most.0)
}

fn row(name: &str, total: f64, bound: Option<f64>, moved: usize, cpu: f64) {
    let gap = bound.map_or(f64::NAN, |bound| 100.0 * (total - bound) / bound);
    println!("{name:<44} {total:>10.2} {gap:>8.3} {moved:>7} {:>9.1} {:>6.0}", cpu * 1e3, peak_mib());
}
