//! Components whose times matter, planned the way of large ones: against exhaustion, the plain program, and
//! laws that hold at any size.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod timed;

use plimsoll_solver::{
    Params, Problem,
    column::columns,
    construct::{Assignment, greedy},
    formulation::{Fineness, Formulation},
    linear::{Status, highs},
    problem::{Choice, Task},
    score::Ranks,
    slots::{self, Found},
    solve,
    state::State,
};
use timed::{H, NOW, Shape, timed};

const SMALL: Shape = Shape { tasks: 4, offers: 3, hours: 8, pausable: 3, count: 4, slot: H, mixed: false };

/// A component planned so, however small it is.
fn forced(problem: &Problem, params: &Params) -> Found {
    let ranks = Ranks::new(problem);
    let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let first = greedy(problem, &ranks, &members);
    slots::solve(problem, &ranks, &members, &first, params, &mut |_, _, _| {}).unwrap()
}

/// The least total of all plans that place all that is required.
fn exhaust(problem: &Problem, state: &mut State<'_>, task: usize, left: f64) -> Option<f64> {
    let Some(t) = problem.tasks.get(task) else {
        return state.over_budget().is_none().then(|| state.total() + left);
    };
    let mut list = Vec::new();
    for (index, choice) in t.choices.iter().enumerate() {
        assert!(columns(problem, t, index, choice.ready, &mut list), "all columns are listed");
    }
    let mut best: Option<f64> = None;
    let mut take = |found: Option<f64>| {
        if let Some(found) = found {
            best = Some(best.map_or(found, |best| best.min(found)));
        }
    };
    for column in list {
        if state.obstacle(task, &column).is_none() {
            state.place(task, column);
            take(exhaust(problem, state, task + 1, left));
            state.remove(task);
        }
    }
    if !t.required {
        take(exhaust(problem, state, task + 1, left + t.value));
    }
    best
}

fn holds(problem: &Problem, plan: &Assignment) {
    let mut state = State::new(problem);
    for (task, column) in plan.columns.iter().enumerate() {
        if let Some(column) = column {
            assert!(state.obstacle(task, column).is_none(), "task {task} breaks a limit");
            state.place(task, column.clone());
        }
    }
    assert!(state.over_budget().is_none());
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

#[test]
fn small_components_are_planned_as_by_exhaustion() {
    let (mut proven, mut complete) = (0, 0);
    for seed in 0..30 {
        let mixed = seed % 2 == 1;
        let slot = [H, H / 2, 2 * H][seed as usize % 3];
        let hours = 8 * slot / H;
        let shape = Shape { mixed, slot, hours: hours.max(4), tasks: 3, ..SMALL };
        let problem = timed(seed, shape);
        let best = exhaust(&problem, &mut State::new(&problem), 0, 0.0);
        for highs in [true, false] {
            let found = forced(&problem, &Params { effort: 12, highs, ..Params::default() });
            holds(&problem, &found.best);
            let total = found.best.score.total;
            assert_eq!(found.best.score.complete(), best.is_some(), "seed {seed}");
            let Some(best) = best else { continue };
            assert!(total >= best - 1e-6, "seed {seed}: {total} is less than the least, {best}");
            assert!(found.bound <= best + 1e-6, "seed {seed}: bound {} above {best}", found.bound);
            complete += 1;
            proven += usize::from(close(total, best));
            if highs && close(found.bound, total) {
                assert!(close(total, best), "seed {seed}: {total} is said to be best, {best} is");
            }
        }
    }
    assert!(complete >= 30, "{complete} have a plan");
    assert!(proven * 100 >= complete * 95, "{proven} of {complete} are best");
}

#[test]
fn the_linear_program_is_that_of_all_columns() {
    let mut solved = 0;
    for seed in 0..12 {
        let shape = Shape { tasks: 14, offers: 5, hours: 24, pausable: 0, ..SMALL };
        let mut problem = timed(seed, shape);
        // What can never fit is half of a column in the plain program, and none here.
        for t in &mut problem.tasks {
            t.choices.retain(|c| {
                let most = problem.counts[c.offer as usize].unwrap_or(i64::MAX).min(problem.quotas[0]);
                c.units <= most
            });
        }
        let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
        let all = Fineness { items: usize::MAX, keep: None };
        let mut form = Formulation::new(&problem, &members, false, false, usize::MAX, all).unwrap();
        form.capacity_rows(usize::MAX);
        let plain = highs::Highs::new(&form.program, false, None).run();
        let found = forced(&problem, &Params { effort: 20, ..Params::default() });
        // Where not all have room there is no bound.
        if let Some(linear) = found.linear.filter(|_| plain.status == Status::Optimal) {
            assert!(linear <= plain.bound + 1e-6, "seed {seed}: {linear} above {}", plain.bound);
            // As close as its rounds go on for.
            assert!(linear >= plain.bound * (1.0 - 2e-3), "seed {seed}: {linear}, not {}", plain.bound);
            solved += 1;
        }
        assert!(!found.best.score.complete() || found.bound <= found.best.score.total + 1e-6, "seed {seed}");
    }
    assert!(solved >= 4, "{solved} needed the program and solved it");
}

#[test]
fn more_instances_never_cost_more() {
    for seed in 0..10 {
        let problem = timed(seed, Shape { tasks: 8, offers: 4, hours: 16, pausable: 0, ..SMALL });
        let mut more = problem.clone();
        more.counts.iter_mut().flatten().for_each(|count| *count += 1);
        more.quotas[0] += 4;
        let params = Params { effort: 20, ..Params::default() };
        let (few, many) = (forced(&problem, &params), forced(&more, &params));
        if few.best.score.complete() {
            // What is proven of more never exceeds a plan with fewer.
            assert!(many.bound <= few.best.score.total + 1e-6, "seed {seed}");
            if close(few.bound, few.best.score.total) && close(many.bound, many.best.score.total) {
                assert!(many.best.score.total <= few.best.score.total + 1e-6, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_large_component_is_planned_so_and_the_same_every_time() {
    let shape = Shape { tasks: 120, offers: 24, hours: 72, pausable: 4, count: 16, slot: H, mixed: false };
    let problem = timed(3, shape);
    let params = Params { effort: 40, ..Params::default() };
    let (first, second) = (solve(&problem, &params, &mut |_| {}), solve(&problem, &params, &mut |_| {}));
    assert_eq!(first, second);
    assert!(first.phases.iter().any(|phase| phase.name == "slots"), "it is large and timed");
    let ranks = Ranks::new(&problem);
    let members: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let greedy = greedy(&problem, &ranks, &members);
    assert!(first.complete || !greedy.score.complete());
    if greedy.score.complete() {
        assert!(first.total < greedy.score.total, "better than greedy");
    }
    let without = solve(&problem, &Params { highs: false, ..params }, &mut |_| {});
    for outcome in [&first, &without] {
        if let Some(bound) = outcome.bound {
            assert!(first.bound.unwrap() <= outcome.total && bound <= first.total);
            assert!(outcome.total - bound <= 0.25 * bound, "{} against {bound}", outcome.total);
        }
    }
}

#[test]
fn slots_of_23_and_25_hours_are_kept_to() {
    for hours in [23, 24, 25] {
        let mut problem = timed(1, Shape { tasks: 2, offers: 1, hours: 72, pausable: 0, ..SMALL });
        for t in &mut problem.tasks {
            (t.slots, t.grid, t.earliest) = (hours * H, NOW, NOW);
            t.deadline = Some(NOW + 3 * hours * H);
            t.choices[0].run = hours * H;
            t.choices[0].ready = NOW;
            (t.choices[0].units, t.choices[0].instances) = (1, 1.0);
            t.choices[0].quotas.clear();
        }
        problem.counts[0] = Some(1);
        let found = forced(&problem, &Params { effort: 20, ..Params::default() });
        assert!(found.best.score.complete());
        let mut runs: Vec<_> = found.best.columns.iter().flatten().flat_map(|c| c.runs.clone()).collect();
        runs.sort_unstable();
        assert!(runs[0].1 <= runs[1].0, "they share an instance: {runs:?}");
        assert!(runs.iter().all(|run| run.1 - run.0 == hours * H && (run.0 - NOW) % (hours * H) == 0));
    }
}

/// Independent tasks of an hour, each with a choice for a dollar more than another that draws less on the budget.
fn under_a_budget(tasks: u32, money: f64, budget: f64) -> Problem {
    let choice = |offer, hourly, moving| Choice {
        offer,
        hourly,
        moving,
        instances: 1.0,
        run: H,
        ready: NOW,
        units: 1,
        ..Choice::default()
    };
    let task = |class| Task {
        class,
        required: true,
        earliest: NOW,
        deadline: Some(NOW + 4 * H),
        grid: NOW,
        slots: H,
        budgets: vec![0],
        replicas: 1,
        choices: vec![choice(0, money, 0.0), choice(1, money / 2.0, 1.0)].into(),
        ..Task::default()
    };
    Problem {
        now: NOW,
        counts: vec![Some(4), Some(4)],
        budgets: vec![budget],
        tasks: (0..tasks).map(task).collect(),
        ..Problem::default()
    }
}

#[test]
fn budgets_count_whole_micro_dollars_as_plans_do() {
    // Each counts a dollar: ten are beyond the budget, though they are within it before rounding.
    let below = under_a_budget(10, 0.999_999_6, 9.999_996);
    // Each counts a dollar: ten are within the budget, though they are beyond it before rounding.
    let above = under_a_budget(10, 1.000_000_4, 10.0);
    for (problem, least) in [(below, 10.5), (above, 10.0)] {
        for highs in [true, false] {
            let found = forced(&problem, &Params { effort: 20, highs, ..Params::default() });
            holds(&problem, &found.best);
            assert!(found.best.score.complete(), "all are placed");
            let total = found.best.score.total;
            assert!((total - least).abs() < 1e-4, "{total}, not {least}");
            assert!(found.bound <= total + 1e-9, "bound {} of {total}", found.bound);
        }
    }
}

#[test]
fn what_rounding_brings_within_its_largest_cost_may_be_placed() {
    for budget in [1.0, f64::INFINITY] {
        let mut problem = under_a_budget(1, 0.001_000_49, budget);
        let task = &mut problem.tasks[0];
        task.choices.truncate(1);
        // Compute and rework count $0.001 each.
        task.choices[0].risk = 1.0;
        (task.required, task.value, task.max_cost) = (false, 0.01, Some(0.001_999_6));
        let found = forced(&problem, &Params { effort: 20, ..Params::default() });
        assert!(found.best.columns[0].is_some());
        assert!((found.bound - 0.002_000_98).abs() < 1e-9, "{}", found.bound);
    }
}

#[test]
fn no_time_is_no_plan_beyond_the_first() {
    let shape = Shape { tasks: 60, offers: 12, hours: 48, pausable: 4, count: 8, slot: H, mixed: false };
    let problem = timed(5, shape);
    let first = greedy(&problem, &Ranks::new(&problem), &(0..60).collect::<Vec<u32>>());
    let found = forced(&problem, &Params { effort: 40, time_left: Some(|| 0.0), ..Params::default() });
    assert_eq!(found.best, first);
    assert!(
        forced(&problem, &Params { effort: 40, ..Params::default() }).best.score.better_than(&first.score)
    );
}
