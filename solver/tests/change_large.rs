//! What changes at large components: prices that are carried over, and moves that are not made for next to nothing.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails")]

use ndarray::Array2;
use plimsoll_solver::{
    Column, Delta, Outcome, Params, Problem, Session,
    problem::{Choice, Dataset, HOUR, Nanos, Network, Task},
    repair::THRESHOLD,
    site, solve,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;
const REGIONS: usize = 10;
/// Offers in each region.
const OFFERS: usize = 17;

/// Tasks that read a dataset with four others and may run on every offer, from $1 an hour to `dearest`; each region
/// has a quota of 15 units.
fn company(seed: u64, tasks: usize, dearest: f64) -> Problem {
    let dice = &mut ChaCha8Rng::seed_from_u64(seed);
    let usd = |dice: &mut ChaCha8Rng, from: f64, to: f64| (dice.random_range(from..to) * 1e4).round() / 1e4;
    let dataset = |dice: &mut ChaCha8Rng| Dataset {
        sizes: vec![1 << 30],
        usd: Array2::from_shape_fn((1, REGIONS), |_| usd(dice, 0.5, 4.0)),
    };
    let hourly: Vec<f64> = (0..REGIONS * OFFERS).map(|_| usd(dice, 1.0, dearest)).collect();
    let mut problem = Problem {
        now: NOW,
        counts: vec![None; REGIONS * OFFERS],
        quotas: vec![15; REGIONS],
        quota_units: vec![1; REGIONS],
        budgets: vec![1e6],
        datasets: (0..tasks.div_ceil(5)).map(|_| dataset(dice)).collect(),
        network: Network { provider: vec![0; REGIONS], ..Network::default() },
        ..Problem::default()
    };
    problem.tasks = (0..tasks as u32).map(|class| task(class, &hourly, dice)).collect();
    problem
}

fn task(class: u32, hourly: &[f64], dice: &mut ChaCha8Rng) -> Task {
    let units: u32 = dice.random_range(1..4);
    let hours: i64 = dice.random_range(1..6);
    let choice = |(offer, hourly): (u32, &f64)| Choice {
        offer,
        place: offer / OFFERS as u32,
        instances: f64::from(units),
        hourly: *hourly,
        run: hours * H + Nanos::from(offer % 7) * H / 10,
        ready: NOW,
        units: i64::from(units),
        quotas: vec![(offer / OFFERS as u32, i64::from(units))],
        ..Choice::default()
    };
    Task {
        class,
        required: true,
        earliest: NOW,
        grid: NOW,
        slots: H,
        replicas: 1,
        budgets: vec![0],
        reads: vec![(class / 5, 0)],
        choices: (0_u32..).zip(hourly).map(choice).collect(),
        ..Task::default()
    }
}

fn usual(problem: &Problem) -> Vec<(u32, f64)> {
    problem.tasks[0].choices.iter().map(|choice| (choice.offer, choice.hourly)).collect()
}

/// Other prices of one offer in ten.
fn others(problem: &Problem, dice: &mut ChaCha8Rng) -> Vec<(u32, f64)> {
    let mut prices = usual(problem);
    prices.retain(|_| dice.random_range(0..10) == 0);
    for (_, usd) in &mut prices {
        *usd = (*usd * dice.random_range(0.8..1.2) * 1e4).round() / 1e4;
    }
    prices
}

/// Panics where a plan breaks a rule.
fn judge(problem: &Problem, plan: &[Option<Column>]) {
    let mut state = State::new(problem);
    for (task, column) in plan.iter().enumerate() {
        let column = column.as_ref().expect("everything is placed");
        assert_eq!(state.obstacle(task, column), None, "task {task}");
        state.place(task, column.clone());
    }
    assert!(state.over_budget().is_none());
}

/// What a plan costs as things are.
fn total_of(problem: &Problem, plan: &[Option<Column>]) -> f64 {
    let mut state = State::new(problem);
    for (task, column) in plan.iter().enumerate() {
        state.place(task, column.clone().unwrap());
    }
    state.recount();
    state.total()
}

#[test]
fn a_spike_that_reverts_moves_no_more_back_than_away() {
    let params = Params { effort: 5_000, ..Params::default() };
    let (mut away, mut back) = (0, 0);
    for seed in 0..3 {
        let problem = company(seed, 60, 4.0);
        assert!(site::is_large(&problem, &(0..60).collect::<Vec<u32>>()));
        let mut session = Session::new(problem, params);
        session.refresh(&mut |_| {});
        session.adopt();
        let usual = usual(session.problem());
        let spike = others(session.problem(), &mut ChaCha8Rng::seed_from_u64(seed));
        for (prices, moved) in [(spike, &mut away), (usual, &mut back)] {
            session.apply(Delta::Prices(prices)).unwrap();
            let outcome = session.refresh(&mut |_| {});
            judge(session.problem(), session.columns());
            assert!(outcome.bound.unwrap() <= outcome.total);
            *moved += session.moves();
            session.adopt();
        }
    }
    assert!(back <= away + 3, "{away} moved away, {back} back");
}

#[test]
fn prices_that_wobble_move_only_who_saves_what_moving_counts() {
    let params = Params { effort: 5_000, ..Params::default() };
    let mut moved = 0;
    for seed in 0..2 {
        let dice = &mut ChaCha8Rng::seed_from_u64(seed);
        // Offers that cost nearly the same: very many plans do.
        let mut session = Session::new(company(seed, 60, 1.02), params);
        session.refresh(&mut |_| {});
        session.adopt();
        for _ in 0..3 {
            let mut prices = usual(session.problem());
            for (_, usd) in &mut prices {
                *usd *= dice.random_range(0.999..1.001);
            }
            session.apply(Delta::Prices(prices)).unwrap();
            let before = total_of(session.problem(), session.columns());
            let outcome = session.refresh(&mut |_| {});
            let fares = session.moves() as f64 * THRESHOLD * outcome.total / 60.0;
            assert!(before - outcome.total >= 0.99 * fares, "seed {seed}: {} moved", session.moves());
            moved += session.moves();
            session.adopt();
        }
    }
    assert!(moved <= 40, "{moved} of 360");
}

#[test]
fn carried_prices_prove_with_a_quarter_of_the_effort_what_new_ones_do() {
    let params = Params { effort: 5_000, ..Params::default() };
    for seed in 3..5 {
        let mut session = Session::new(company(seed, 60, 4.0), params);
        session.refresh(&mut |_| {});
        session.adopt();
        let dice = &mut ChaCha8Rng::seed_from_u64(seed);
        session.apply(Delta::Prices(others(session.problem(), dice))).unwrap();
        session.apply(Delta::Quota { quota: dice.random_range(0..REGIONS as u32), limit: 6 }).unwrap();
        let carried = session.refresh(&mut |_| {});
        judge(session.problem(), session.columns());
        let anew = solve(session.problem(), &params, &mut |_| {});
        let (few, many) = (moves(&carried), moves(&anew));
        assert!(few > 0 && few <= many / 3, "{few} moves of {many}");
        let (bound, all) = (carried.bound.unwrap(), anew.bound.unwrap());
        assert!(bound >= 0.998 * all, "seed {seed}: {bound} of {all}");
        assert!(bound <= anew.total && all <= carried.total);
        assert!(carried.total <= 1.01 * anew.total, "seed {seed}: {} of {}", carried.total, anew.total);
    }
}

/// The moves that annealing made.
fn moves(outcome: &Outcome) -> u64 {
    let phase = outcome.phases.iter().find(|phase| phase.name == "annealing").unwrap();
    phase.counts.iter().find(|count| count.0 == "moves").unwrap().1
}

/// So many changes in a row, each repaired; every so often refreshed, held against planning anew, and adopted.
fn follow(seed: u64, changes: usize, every: usize) {
    let dice = &mut ChaCha8Rng::seed_from_u64(seed);
    let params = Params { effort: 2_000, ..Params::default() };
    let mut session = Session::new(company(seed, 60, 4.0), params);
    session.refresh(&mut |_| {});
    session.adopt();
    for change in 1..=changes {
        let problem = session.problem();
        let hourly: Vec<f64> = usual(problem).into_iter().map(|of| of.1).collect();
        let delta = match dice.random_range(0..8) {
            0..4 => Delta::Prices(others(problem, dice)),
            4 => {
                Delta::Quota { quota: dice.random_range(0..REGIONS as u32), limit: dice.random_range(14..18) }
            }
            5 if problem.tasks.len() < 64 => {
                Delta::Arrive(Box::new(task(dice.random_range(0..60), &hourly, dice)))
            }
            5 | 6 if problem.tasks.len() > 60 => {
                Delta::Leave(dice.random_range(0..problem.tasks.len() as u32))
            }
            _ => Delta::Now(problem.now + dice.random_range(1..60) * H / 60),
        };
        session.apply(delta).unwrap();
        session.repair();
        judge(session.problem(), session.columns());
        if change.is_multiple_of(every) {
            let outcome = session.refresh(&mut |_| {});
            judge(session.problem(), session.columns());
            let anew = solve(session.problem(), &params, &mut |_| {});
            assert!(
                outcome.total <= 1.01 * anew.total,
                "change {change}: {} of {}",
                outcome.total,
                anew.total
            );
            assert!(outcome.bound.unwrap() <= anew.total * (1.0 + 1e-9), "change {change}");
            assert!(anew.bound.unwrap() <= outcome.total * (1.0 + 1e-9), "change {change}");
            session.adopt();
        }
    }
}

#[test]
fn changes_in_a_row_are_never_more_than_one_per_cent_worse_than_planning_anew() {
    follow(10, 24, 6);
}

#[test]
#[ignore = "half an hour; the same law over a thousand changes, each held against planning anew"]
fn a_thousand_changes_in_a_row_are_never_more_than_one_per_cent_worse() {
    follow(11, 1_000, 1);
}

#[test]
fn what_equal_tasks_hold_together_they_hold_together_after_changes() {
    let mut problem = company(20, 3, 4.0);
    problem.tasks[1].choices = problem.tasks[0].choices.clone();
    problem.tasks[1].class = problem.tasks[0].class;
    let mut session = Session::new(problem, Params { effort: 10, ..Params::default() });
    let share = |session: &Session, a: usize, b: usize| {
        session.problem().tasks[a].choices.is_shared_with(&session.problem().tasks[b].choices)
    };
    session.apply(Delta::Prices(vec![(0, 9.0)])).unwrap();
    session.apply(Delta::Now(NOW + H)).unwrap();
    assert!(share(&session, 0, 1) && !share(&session, 0, 2));
    let choices = &session.problem().tasks[1].choices;
    assert!((choices[0].hourly - 9.0).abs() < 1e-12 && choices[0].ready == NOW + H);
    session.refresh(&mut |_| {});
    session.adopt();
    let choice = |task: usize| session.columns()[task].as_ref().map(|column| column.choice);
    assert_eq!(share(&session, 0, 1), choice(0) == choice(1));
}
