//! Plans that follow a changing problem: always within every limit, never far from what comes of planning anew,
//! and no move for nothing.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails")]

use ndarray::Array2;
use plimsoll_solver::{
    Column, Delta, Outcome, Params, Previous, Problem, Session,
    column::columns,
    construct::complete,
    outcome::{Moves, Price, Priced},
    problem::{Choice, Dataset, Demand, Edge, HOUR, Nanos, Network, NodeGroup, Reservation, Series, Task},
    repair,
    score::Ranks,
    solve,
    state::State,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const H: Nanos = HOUR as Nanos;
const NOW: Nanos = 1_000 * H;
/// Places; the first offer of each is plentiful, the second counted.
const PLACES: usize = 4;

fn cents(dice: &mut ChaCha8Rng, from: u32, to: u32) -> f64 {
    f64::from(dice.random_range(from..to)) / 100.0
}

/// A small estate with something of everything that is shared or limited.
fn estate(seed: u64, tasks: usize) -> Problem {
    let dice = &mut ChaCha8Rng::seed_from_u64(seed);
    let between = |from: usize, to: usize| if from == to { 0 } else { 1 + (from * 5 + to * 3) % 7 };
    let series = |dice: &mut ChaCha8Rng| {
        let times = (0..24).map(|i| NOW + i * H).collect();
        Series::new(times, (0..24).map(|_| cents(dice, 10, 90)).collect())
    };
    let mut problem =
        Problem {
            now: NOW,
            counts: (0..2 * PLACES).map(|offer| (offer % 2 == 1).then(|| dice.random_range(2..5))).collect(),
            reservations: vec![Reservation { offer: 2, count: 1.0, until: NOW + 6 * H }],
            quotas: (0..PLACES).map(|_| dice.random_range(3..8)).collect(),
            quota_units: vec![1; PLACES],
            groups: vec![NodeGroup { nodes: 2, devices: 2, cpu: None, memory: None }],
            budgets: vec![60.0],
            carbon_budgets: vec![200.0],
            datasets: (0..2)
                .map(|_| Dataset {
                    sizes: vec![1 << 30],
                    usd: Array2::from_shape_fn((1, PLACES), |(_, place)| {
                        if place == 0 { 0.0 } else { cents(dice, 50, 300) }
                    }),
                })
                .collect(),
            series: (0..PLACES).map(|_| series(dice)).collect(),
            usd_per_kg: 0.1,
            network: Network {
                usd_per_byte: Array2::from_shape_fn((PLACES, PLACES), |(a, b)| between(a, b) as f64 * 1e-10),
                pico_gbps: Array2::from_shape_fn(
                    (PLACES, PLACES),
                    |(a, b)| if a == b { 0 } else { 10_i128.pow(13) },
                ),
                ..Network::default()
            },
            ..Problem::default()
        };
    for id in 0..tasks {
        let mut t = task(dice, &problem);
        t.class = id as u32;
        if id % 5 == 4 {
            t.inputs = vec![Edge { producer: id as u32 - 1, bytes: 1 << 30 }];
        }
        problem.tasks.push(t);
    }
    problem
}

fn task(dice: &mut ChaCha8Rng, problem: &Problem) -> Task {
    let run = dice.random_range(1..5) * H;
    let units = dice.random_range(1..3);
    let moving = if dice.random() { cents(dice, 0, 200) } else { 0.0 };
    let mut choices: Vec<Choice> = (0..2 * PLACES as u32)
        .map(|offer| Choice {
            offer,
            place: offer / 2,
            instances: units as f64,
            hourly: cents(dice, 50, 400),
            run: run + Nanos::from(offer / 2) * H / 6,
            ready: problem.now,
            kilowatts: 1.0,
            series: Some(offer / 2),
            units,
            quotas: vec![(offer / 2, units)],
            moving,
            ..Choice::default()
        })
        .collect();
    choices.retain(|_| dice.random_range(0..5) > 0);
    if dice.random_range(0..3) == 0 || choices.is_empty() {
        let demand = Demand { accelerators: 1000, cpu: 0, memory: 0 };
        let own =
            Choice { demand, group: Some(0), run, ready: problem.now, instances: 0.5, ..Choice::default() };
        choices.push(Choice { kilowatts: 1.0, series: Some(0), moving, ..own });
    }
    let required = dice.random_range(0..4) > 0;
    Task {
        required,
        priority: dice.random_range(0..3),
        value: if required { 0.0 } else { cents(dice, 100, 2000) },
        earliest: problem.now,
        deadline: (dice.random_range(0..4) == 0).then(|| problem.now + 12 * H),
        grid: problem.now,
        slots: 3 * H,
        replicas: 1,
        budgets: if dice.random() { vec![0] } else { Vec::new() },
        carbon_budgets: if dice.random() { vec![0] } else { Vec::new() },
        reads: if dice.random() { vec![(dice.random_range(0..2), 0)] } else { Vec::new() },
        choices: choices.into(),
        ..Task::default()
    }
}

/// What may change, on the problem as it is.
fn delta(dice: &mut ChaCha8Rng, problem: &Problem) -> Delta {
    let offer = dice.random_range(0..problem.counts.len() as u32);
    match dice.random_range(0..14) {
        0..4 => Delta::Prices(vec![(offer, cents(dice, 30, 500))]),
        4 => Delta::Count { offer, count: Some(dice.random_range(0..5)) },
        5 => Delta::Count { offer, count: None },
        6 => Delta::Nodes { group: 0, nodes: dice.random_range(0..4) },
        7 => Delta::Quota { quota: dice.random_range(0..PLACES as u32), limit: dice.random_range(0..9) },
        8 => Delta::Budget { budget: 0, usd: cents(dice, 1_000, 10_000) },
        9 => Delta::CarbonBudget { budget: 0, kg: cents(dice, 1_000, 20_000) },
        10 => Delta::Arrive(Box::new(task(dice, problem))),
        11 if problem.tasks.len() > 4 => {
            let readers = problem.readers();
            let leaves = (0..readers.len()).filter(|task| readers[*task].is_empty()).collect::<Vec<_>>();
            Delta::Leave(leaves[dice.random_range(0..leaves.len())] as u32)
        }
        12 => Delta::Now(problem.now + dice.random_range(0..40) * 60_000_000_000),
        _ => Delta::CarbonPrice(cents(dice, 0, 100)),
    }
}

/// What a plan costs by rules stated here once more; panics where it breaks one.
fn judge(problem: &Problem, plan: &[Option<Column>]) {
    let runs_at = |column: &Column, when: Nanos| column.runs.iter().any(|run| run.0 <= when && when < run.1);
    let placed: Vec<(usize, &Column, &Choice)> = plan
        .iter()
        .enumerate()
        .filter_map(|(t, c)| c.as_ref().map(|c| (t, c, &problem.tasks[t].choices[c.choice as usize])))
        .collect();
    for (t, column, choice) in &placed {
        let task = &problem.tasks[*t];
        let mut first = choice.ready;
        for edge in &task.inputs {
            let made = plan[edge.producer as usize].as_ref().expect("its producer is placed");
            let from = problem.tasks[edge.producer as usize].choices[made.choice as usize].place;
            first = first.max(made.end() + problem.network.time(from, choice.place, edge.bytes));
        }
        let mut allowed = Vec::new();
        columns(problem, task, column.choice as usize, first, &mut allowed);
        assert!(allowed.iter().any(|a| a.runs == column.runs), "task {t} runs at {:?}", column.runs);
        assert!(task.deadline.is_none_or(|deadline| column.end() <= deadline) && !choice.spare);
        // Limits are broken first where something starts.
        let when = column.start();
        let there = || placed.iter().filter(|other| runs_at(other.1, when));
        for (offer, count) in problem.counts.iter().enumerate() {
            let used: i64 = there().filter(|o| o.2.offer as usize == offer).map(|o| o.2.units).sum();
            assert!(count.is_none_or(|count| used <= count), "{used} of offer {offer}");
        }
        for (quota, limit) in problem.quotas.iter().enumerate() {
            let of = |choice: &Choice| {
                choice.quotas.iter().filter(|q| q.0 as usize == quota).map(|q| q.1).sum::<i64>()
            };
            assert!(there().map(|o| of(o.2)).sum::<i64>() <= *limit, "quota {quota}");
        }
        for (group, nodes) in problem.groups.iter().enumerate() {
            let used = there().filter(|o| o.2.group == Some(group as u32)).count();
            assert!(used <= (nodes.nodes * nodes.devices) as usize, "own machines");
        }
    }
    let mut state = State::new(problem);
    for (t, column, _) in &placed {
        state.place(*t, (*column).clone());
    }
    assert!(state.over_budget().is_none(), "{:?}", state.over_budget());
}

fn effort(effort: u64) -> Params {
    Params { effort, ..Params::default() }
}

fn anew(problem: &Problem, params: &Params) -> Outcome {
    solve(problem, params, &mut |_| {})
}

/// Repairs a plan of one estate in another; the result is judged and held against completing it greedily.
fn mend(problem: &Problem, previous: &Previous) -> plimsoll_solver::Repaired {
    let mut first = None;
    let moves = Moves { count: 1_500, seed: 0, time_left: None };
    let found = repair(problem, previous, moves, &mut |plan| first = Some(plan.clone()));
    let first = first.unwrap();
    judge(problem, &first.columns);
    judge(problem, &found.plan.columns);
    assert!(!first.score.better_than(&found.plan.score));
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let mut known = previous.columns.clone();
    known.resize(problem.tasks.len(), None);
    // What may stay of the plan is what a greedy completion may keep.
    for (column, task) in known.iter_mut().zip(&problem.tasks) {
        let Some(before) = column.take() else { continue };
        let choice = task.choices.get(before.choice as usize);
        let first =
            choice.filter(|choice| !choice.spare && task.inputs.is_empty()).map(|choice| choice.ready);
        let mut allowed = Vec::new();
        first.map(|first| columns(problem, task, before.choice as usize, first, &mut allowed));
        *column = allowed.into_iter().find(|allowed| allowed.runs == before.runs);
    }
    let greedy = complete(problem, &Ranks::new(problem), &all, &known);
    assert!(!greedy.score.better_than(&found.plan.score), "{:?} {:?}", greedy.score, found.plan.score);
    found
}

#[test]
fn a_thousand_changes_in_a_row() {
    let dice = &mut ChaCha8Rng::seed_from_u64(1);
    let params = effort(100);
    let mut session = Session::new(estate(7, 7), params);
    session.refresh(&mut |_| {});
    let (mut worst, mut changes) = (0.0_f64, 0);
    for step in 0..1_000 {
        let delta = delta(dice, session.problem());
        session.apply(delta).unwrap();
        changes += 1;
        let repaired = session.repair();
        judge(session.problem(), session.columns());
        assert_eq!(repaired.plan.columns, session.columns());
        // Some plans are improved, compared and become what runs.
        if step % 25 == 24 {
            let outcome = session.refresh(&mut |_| {});
            judge(session.problem(), session.columns());
            let anew = anew(session.problem(), &params);
            assert_eq!(outcome.complete, anew.complete, "step {step}");
            if let (Some(bound), true) = (anew.bound, outcome.complete) {
                let more = (outcome.total - anew.total) / anew.total.max(1.0);
                assert!(more <= 0.01, "step {step}: {} after changes, {} anew", outcome.total, anew.total);
                assert!(outcome.total >= bound - 1e-6 * bound.abs(), "step {step}");
                assert!(outcome.bound.unwrap() <= anew.total + 1e-6 * anew.total.abs(), "step {step}");
                worst = worst.max(more);
            }
            session.adopt();
        }
    }
    assert_eq!(changes, 1_000);
    assert!(worst <= 0.01);
}

#[test]
fn a_bound_that_is_kept_is_one() {
    let dice = &mut ChaCha8Rng::seed_from_u64(2);
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..15 {
        let mut session = Session::new(estate(seed, 5), effort(100));
        session.refresh(&mut |_| {});
        for _ in 0..4 {
            let delta = delta(dice, session.problem());
            session.apply(delta).unwrap();
            match session.bound() {
                Some(bound) => {
                    kept += 1;
                    let anew = anew(session.problem(), &effort(200));
                    assert!(!anew.complete || bound <= anew.total + 1e-6 * anew.total.abs(), "seed {seed}");
                }
                None => lost += 1,
            }
        }
    }
    assert!(kept > 10 && lost > 10, "{kept} {lost}");
}

#[test]
fn a_spike_that_reverts_leaves_the_plan_as_it_was() {
    let mut moved = 0;
    for seed in 0..8 {
        let mut session = Session::new(estate(seed, 6), effort(200));
        session.refresh(&mut |_| {});
        session.adopt();
        session.refresh(&mut |_| {});
        session.adopt();
        let before = session.columns().to_vec();
        let Some(column) = before.iter().flatten().next() else { continue };
        let task = before.iter().position(|c| c.as_ref() == Some(column)).unwrap();
        let choice = &session.problem().tasks[task].choices[column.choice as usize];
        let (offer, usual) = (choice.offer, choice.hourly);
        // Prices are one for all tasks from here on, so that the spike can revert.
        session.apply(Delta::Prices(vec![(offer, usual)])).unwrap();
        session.refresh(&mut |_| {});
        session.adopt();
        let usual_plan = session.columns().to_vec();
        session.apply(Delta::Prices(vec![(offer, usual * 20.0 + 10.0)])).unwrap();
        session.refresh(&mut |_| {});
        moved += session.moves();
        session.apply(Delta::Prices(vec![(offer, usual)])).unwrap();
        session.repair();
        let choices =
            |plan: &[Option<Column>]| plan.iter().map(|c| c.as_ref().map(|c| c.choice)).collect::<Vec<_>>();
        assert_eq!(session.moves(), 0, "seed {seed}");
        session.refresh(&mut |_| {});
        assert_eq!(choices(session.columns()), choices(&usual_plan), "seed {seed}");
    }
    assert!(moved > 6, "spikes moved {moved}");
}

#[test]
fn what_is_no_change_moves_nobody() {
    for seed in 0..10 {
        let problem = estate(seed, 6);
        let outcome = anew(&problem, &effort(200));
        let previous = Previous { columns: outcome.columns.clone(), prices: outcome.prices.clone() };
        let repaired = mend(&problem, &previous);
        assert_eq!((repaired.freed, repaired.ejected), (0, 0), "seed {seed}");
        assert!(repaired.plan.score.total <= outcome.total + 1e-6, "seed {seed}");
        if outcome.bound.is_some_and(|bound| outcome.total - bound <= 1e-6) {
            assert_eq!(repaired.moved, 0, "seed {seed}");
        }
    }
}

#[test]
fn any_plan_of_another_estate_becomes_a_valid_one() {
    for seed in 0..30 {
        let other = estate(seed + 1_000, 1 + seed as usize % 12);
        let outcome = anew(&other, &effort(10));
        let problem = estate(seed, 1 + (seed as usize * 7) % 11);
        let bogus = Price { limit: Priced::Quota(99), usd: f64::NAN, low: 0.0, high: 0.0 };
        let prices = outcome.prices.iter().copied().chain([bogus]).collect();
        mend(&problem, &Previous { columns: outcome.columns, prices });
    }
}

#[test]
fn a_lost_pool_is_left_and_others_make_room() {
    // Two small offers and a large one; the large one is lost, and its gang fits only where small ones are.
    let choice = |offer: u32, units: i64, hourly: f64| Choice {
        offer,
        instances: 1.0,
        hourly,
        run: H,
        ready: NOW,
        units,
        quotas: vec![(offer, units)],
        ..Choice::default()
    };
    let task = |class: u32, choices: Vec<Choice>| Task {
        class,
        required: true,
        earliest: NOW,
        grid: NOW,
        slots: H,
        replicas: 1,
        choices: choices.into(),
        ..Task::default()
    };
    let problem = Problem {
        now: NOW,
        counts: vec![None; 3],
        quotas: vec![0, 4, 4],
        quota_units: vec![1; 3],
        tasks: vec![
            task(0, vec![choice(0, 4, 1.0), choice(1, 4, 2.0)]),
            task(1, vec![choice(1, 2, 1.0), choice(2, 2, 1.5)]),
            task(2, vec![choice(1, 2, 1.0), choice(2, 2, 1.5)]),
        ],
        ..Problem::default()
    };
    let on = |choice: u32, own: f64| Some(Column { choice, runs: vec![(NOW, NOW + H)], own });
    let previous = Previous { columns: vec![on(0, 1.0), on(0, 1.0), on(0, 1.0)], prices: Vec::new() };
    let repaired = repair(&problem, &previous, Moves { count: 0, seed: 0, time_left: None }, &mut |_| {});
    assert!(repaired.plan.score.complete());
    assert_eq!((repaired.freed, repaired.ejected, repaired.moved, repaired.kept), (1, 2, 3, 0));
    assert!((repaired.plan.score.total - 5.0).abs() < 1e-9);
}

#[test]
fn changes_that_do_not_fit_are_refused() {
    let mut session = Session::new(estate(3, 6), effort(100));
    session.refresh(&mut |_| {});
    let before = session.columns().to_vec();
    let stranger = Task { budgets: vec![7], ..Task::default() };
    let refused = [
        Delta::Prices(vec![(0, 1.0), (99, 1.0)]),
        Delta::Prices(vec![(0, f64::NAN)]),
        Delta::Prices(vec![(0, -1.0)]),
        Delta::Quota { quota: 99, limit: 1 },
        Delta::Leave(99),
        Delta::Leave(3),
        Delta::Now(NOW - 1),
        Delta::Arrive(Box::new(stranger)),
        Delta::Intensity { series: 0, values: Series::new(Vec::new(), Vec::new()) },
    ];
    for delta in refused {
        let shown = format!("{delta:?}");
        assert!(session.apply(delta).is_err(), "{shown}");
    }
    assert!(session.spoiled().is_none());
    assert_eq!(session.columns(), before);
}
