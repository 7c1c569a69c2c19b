//! What plans are held against: simple rules, and solvers on the plain program.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use plimsoll_solver::{
    Problem,
    column::kilograms,
    construct::{Assignment, candidates, finish, greedy as by_least_added},
    formulation::{Fineness, Formulation},
    linear::{Limits, highs as solver},
    problem::Task,
    score::Ranks,
    state::State,
};
use serde_json::{Value, json};

use super::{Asked, Method, metered};
use crate::meter;

/// Pairs beyond which the plain program is not stated: its rows of limits over time would take minutes.
const MOST_PAIRS: usize = 20_000;
/// The model for CP-SAT, in its own language.
const CP_SAT: &str = include_str!("cp_sat.py");

fn members(problem: &Problem) -> Vec<u32> {
    (0..problem.tasks.len() as u32).collect()
}

fn skipped(why: String) -> Method {
    Method { skipped: Some(why), ..Method::default() }
}

fn of(problem: &Problem, plan: &Assignment, spent: Method) -> Method {
    let lacks = |(task, column): &(&Task, &Option<_>)| task.required && column.is_none();
    let left_out = problem.tasks.iter().zip(&plan.columns).filter(lacks).count() as u64;
    Method { total_usd: Some(plan.score.total), left_out, ..spent }
}

/// Each workload in turn where it adds least, shared data included.
pub(super) fn greedy(_: &Asked, problem: &Problem) -> Method {
    let (plan, spent) = metered(|_| by_least_added(problem, &Ranks::new(problem), &members(problem)));
    of(problem, &plan, spent)
}

/// Each workload in turn on the offer that costs least for it alone; where there is no room, on the next.
pub(super) fn cheapest_first(_: &Asked, problem: &Problem) -> Method {
    let (plan, spent) = metered(|_| {
        let mut state = State::new(problem);
        let mut list = Vec::new();
        for task in 0..problem.tasks.len() {
            candidates(problem, &state, task, &mut list);
            for column in list.drain(..) {
                if state.obstacle(task, &column).is_some() {
                    continue;
                }
                state.place(task, column);
                if state.over_budget().is_none() {
                    break;
                }
                state.remove(task);
            }
        }
        finish(problem, &Ranks::new(problem), &mut state, &members(problem))
    });
    of(problem, &plan, spent)
}

/// HiGHS on the program of every column, without a start.
pub(super) fn highs(asked: &Asked, problem: &Problem) -> Method {
    let pairs: usize = problem.tasks.iter().map(|t| t.choices.len()).sum();
    if pairs > MOST_PAIRS {
        return skipped(format!(
            "{pairs} pairs: beyond {MOST_PAIRS} its rows of limits over time take minutes"
        ));
    }
    let (solved, spent) = metered(|_| {
        let all = Fineness { items: usize::MAX, keep: None };
        let mut form = Formulation::new(problem, &members(problem), false, false, usize::MAX, all)?;
        form.capacity_rows(usize::MAX);
        meter::limit(asked.seconds);
        let time_left = Some(meter::left as fn() -> f64);
        let limits = Limits { gap: 1e-6, nodes: u64::MAX >> 1, time_left, seed: asked.seed };
        let solution = solver::solve(&form.program, None, limits);
        let total = solution.values.as_ref().map(|values| {
            form.program.cost.iter().zip(values).map(|(cost, value)| cost * value).sum::<f64>()
        });
        Some((total, solution.bound))
    });
    let Some((total_usd, bound)) = solved else { return skipped("its columns cannot be listed".into()) };
    Method { total_usd, bound_usd: Some(bound).filter(|bound| bound.is_finite() && *bound > 0.0), ..spent }
}

/// CP-SAT of OR-Tools, in a Python that has it.
pub(super) fn cp_sat(asked: &Asked, problem: &Problem) -> Method {
    let python = &asked.python;
    let found = Command::new(python)
        .args(["-c", "import ortools; print(ortools.__version__)"])
        .stderr(Stdio::null())
        .output();
    match found {
        Ok(done) if done.status.success() => {}
        Ok(_) => return skipped(format!("`{python}` has no package ortools")),
        Err(error) => return skipped(format!("`{python}` cannot be run: {error}")),
    }
    let pairs: usize = problem.tasks.iter().map(|t| t.choices.len()).sum();
    if pairs > MOST_PAIRS {
        return skipped(format!("{pairs} pairs, more than {MOST_PAIRS}"));
    }
    ask(python, &stated(asked, problem)).unwrap_or_else(skipped)
}

fn ask(python: &str, model: &Value) -> Result<Method, String> {
    let failed = |what: &dyn std::fmt::Display| format!("`{python}` failed: {what}");
    let mut child = Command::new(python)
        .args(["-c", CP_SAT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    if let Some(stdin) = child.stdin.as_mut() {
        stdin.write_all(model.to_string().as_bytes()).map_err(|error| failed(&error))?;
    }
    let done = child.wait_with_output().map_err(|error| failed(&error))?;
    let answer: Value = serde_json::from_slice(&done.stdout).map_err(|error| failed(&error))?;
    let number = |key: &str| answer[key].as_f64();
    Ok(Method {
        total_usd: number("total"),
        bound_usd: number("bound").filter(|bound| *bound > 0.0),
        cpu_seconds: number("cpuSeconds").unwrap_or(0.0),
        peak_mib: number("peakMib").unwrap_or(0.0),
        ..Method::default()
    })
}

/// The model in numbers: micro-dollars, seconds, units of limits. Instances of a company have no workflows,
/// reservations or own nodes, so nothing is left out.
fn stated(asked: &Asked, problem: &Problem) -> Value {
    let state = State::new(problem);
    let mut list = Vec::new();
    let micro = |usd: f64| (usd * 1e6).round() as i64;
    let tasks: Vec<Value> = (0..problem.tasks.len())
        .map(|task| {
            let t = &problem.tasks[task];
            candidates(problem, &state, task, &mut list);
            let columns: Vec<Value> = list
                .iter()
                .map(|column| {
                    let choice = &t.choices[column.choice as usize];
                    let data: Vec<(u32, u32, i64)> = t
                        .reads
                        .iter()
                        .map(|(d, level)| {
                            let usd =
                                problem.datasets[*d as usize].usd[(*level as usize, choice.place as usize)];
                            (*d, problem.network.region_of(choice.place), micro(usd))
                        })
                        .collect();
                    let second = |nanos: i64| (nanos - problem.now) / 1_000_000_000;
                    json!({
                        "own": micro(column.own),
                        "money": micro(plimsoll_solver::column::own_money(choice)),
                        "kilograms": kilograms(problem, choice, &column.runs),
                        "start": second(column.start()),
                        // A second may hold the end of one run and the start of another.
                        "length": second(column.end()) - second(column.start()),
                        "quotas": choice.quotas,
                        "data": data,
                    })
                })
                .collect();
            json!({
                "required": t.required,
                "value": micro(t.value),
                "budgets": t.budgets,
                "columns": columns,
            })
        })
        .collect();
    json!({
        "tasks": tasks,
        "quotas": problem.quotas,
        "budgets": problem.budgets.iter().map(|usd| micro(*usd)).collect::<Vec<i64>>(),
        "seconds": asked.seconds,
        "seed": asked.seed % (1 << 31),
    })
}
