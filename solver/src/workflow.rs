//! Workflows whose times do not matter: exact variable elimination over places.
//!
//! Offers collapse to places: of a task's choices in one place only the cheapest can be in a best plan.
//! What is left is min `Σ c_i(p_i) + Σ egress(p_u, p_v)`, a graphical model of pairwise costs, solved by
//! eliminating tasks of least degree while the tables stay small (Bertelè & Brioschi 1972, "Nonserial
//! Dynamic Programming"). Chains and trees have width 1, series-parallel graphs width 2.

use std::collections::BTreeMap;

use crate::{
    column::{Column, columns, own_cost, time_matters},
    construct::{Assignment, finish, topological},
    problem::Problem,
    score::Ranks,
    state::State,
};

/// Cells of the largest table.
const CELLS: usize = 1 << 22;

/// A factor: a cost by the places of its tasks (in ascending order of task), row-major.
struct Factor {
    tasks: Vec<u32>,
    costs: Vec<f64>,
}

/// How an eliminated task is recovered: its best place by the places of its neighbours.
struct Recovery {
    task: u32,
    neighbours: Vec<u32>,
    best: Vec<u32>,
}

/// The best plan of a workflow, when its times do not matter and it is narrow enough.
///
/// Times do not matter when nothing is charged for delay, nothing has a deadline, no choice's cost or
/// capacity depends on when it runs, and every task is required.
pub fn solve(problem: &Problem, ranks: &Ranks, members: &[u32]) -> Option<Assignment> {
    if !applies(problem, members) {
        return None;
    }
    // The cheapest choice of each place, by task.
    let mut places: BTreeMap<u32, Vec<(u32, u32, f64)>> = BTreeMap::new();
    for &task in members {
        let t = &problem.tasks[task as usize];
        let mut best: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
        for (i, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
            let cost = own_cost(problem, t, choice, &[(choice.ready, choice.ready + choice.run)])
                + t.reads
                    .iter()
                    .map(|(d, level)| {
                        problem.datasets[*d as usize].usd[(*level as usize, choice.place as usize)]
                    })
                    .sum::<f64>();
            let entry = best.entry(choice.place).or_insert((i as u32, cost));
            if cost < entry.1 - crate::score::EQUAL {
                *entry = (i as u32, cost);
            }
        }
        if best.is_empty() {
            return None;
        }
        places.insert(task, best.into_iter().map(|(place, (choice, cost))| (place, choice, cost)).collect());
    }
    let chosen = eliminate(problem, &places, factors(problem, &places))?;
    let mut state = State::new(problem);
    for task in topological(problem, members) {
        let choice = places[&task][chosen[&task] as usize].1;
        let t = &problem.tasks[task as usize];
        let first = state.first_start(task as usize, &t.choices[choice as usize])?;
        let mut out: Vec<Column> = Vec::new();
        columns(problem, t, choice as usize, first, &mut out);
        state.place(task as usize, out.into_iter().next()?);
    }
    Some(finish(problem, ranks, &mut state, members))
}

fn applies(problem: &Problem, members: &[u32]) -> bool {
    let mut readers: BTreeMap<u32, u32> = BTreeMap::new();
    for &task in members {
        for (dataset, _) in &problem.tasks[task as usize].reads {
            *readers.entry(*dataset).or_default() += 1;
        }
    }
    problem.usd_per_delay_hour <= 0.0
        && readers.values().all(|n| *n == 1)
        && members.iter().all(|task| {
            let t = &problem.tasks[*task as usize];
            t.required
                && t.bond.is_none()
                && t.deadline.is_none()
                && t.max_cost.is_none()
                && t.choices.iter().filter(|c| !c.spare).all(|c| !time_matters(problem, t, c))
        })
}

fn factors(problem: &Problem, places: &BTreeMap<u32, Vec<(u32, u32, f64)>>) -> Vec<Factor> {
    let mut factors: Vec<Factor> = places
        .iter()
        .map(|(task, options)| Factor { tasks: vec![*task], costs: options.iter().map(|o| o.2).collect() })
        .collect();
    for (&consumer, options) in places {
        for edge in &problem.tasks[consumer as usize].inputs {
            let Some(sources) = places.get(&edge.producer) else { continue };
            let (low, high) = (edge.producer.min(consumer), edge.producer.max(consumer));
            let rows = if low == edge.producer { sources } else { options };
            let cols = if low == edge.producer { options } else { sources };
            let mut costs = Vec::with_capacity(rows.len() * cols.len());
            for row in rows {
                for col in cols {
                    let (from, to) = if low == edge.producer { (row.0, col.0) } else { (col.0, row.0) };
                    costs.push(problem.network.usd(from, to, edge.bytes));
                }
            }
            factors.push(Factor { tasks: vec![low, high], costs });
        }
    }
    factors
}

/// The best index into each task's places; `None` when a table would grow too large.
fn eliminate(
    problem: &Problem,
    places: &BTreeMap<u32, Vec<(u32, u32, f64)>>,
    mut factors: Vec<Factor>,
) -> Option<BTreeMap<u32, u32>> {
    let _ = problem;
    let mut open: Vec<u32> = places.keys().copied().collect();
    let mut recoveries: Vec<Recovery> = Vec::new();
    let size = |task: &u32| places[task].len();
    while !open.is_empty() {
        // Least degree first; ties by task.
        let (at, neighbours) = open
            .iter()
            .enumerate()
            .map(|(i, task)| {
                let mut near: Vec<u32> = factors
                    .iter()
                    .filter(|f| f.tasks.contains(task))
                    .flat_map(|f| f.tasks.iter().copied().filter(|t| t != task))
                    .collect();
                near.sort_unstable();
                near.dedup();
                (i, near)
            })
            .min_by_key(|(i, near)| (near.iter().map(size).product::<usize>(), *i))?;
        let task = open.remove(at);
        let cells: usize = neighbours.iter().map(size).product();
        if cells.saturating_mul(size(&task)) > CELLS {
            return None;
        }
        let (touching, rest): (Vec<Factor>, Vec<Factor>) =
            factors.into_iter().partition(|f| f.tasks.contains(&task));
        factors = rest;
        let (costs, best) = minimise(task, &neighbours, &touching, cells, &size);
        factors.push(Factor { tasks: neighbours.clone(), costs });
        recoveries.push(Recovery { task, neighbours, best });
    }
    let mut chosen: BTreeMap<u32, u32> = BTreeMap::new();
    for recovery in recoveries.iter().rev() {
        let cell = recovery.neighbours.iter().fold(0, |cell, t| cell * size(t) + chosen[t] as usize);
        chosen.insert(recovery.task, recovery.best[cell]);
    }
    Some(chosen)
}

/// Minimises a task away: by each combination of its neighbours the least cost and where it is.
fn minimise(
    task: u32,
    neighbours: &[u32],
    touching: &[Factor],
    cells: usize,
    size: &impl Fn(&u32) -> usize,
) -> (Vec<f64>, Vec<u32>) {
    let own = size(&task);
    // How far each factor's index moves when a neighbour or the task itself moves by one.
    let strides: Vec<(Vec<usize>, usize)> = touching
        .iter()
        .map(|factor| {
            let stride = |of: u32| {
                factor
                    .tasks
                    .iter()
                    .position(|t| *t == of)
                    .map_or(0, |at| factor.tasks[at + 1..].iter().map(size).product())
            };
            (neighbours.iter().map(|n| stride(*n)).collect(), stride(task))
        })
        .collect();
    let mut costs = Vec::with_capacity(cells);
    let mut best = Vec::with_capacity(cells);
    let mut at = vec![0usize; neighbours.len()];
    for _ in 0..cells {
        let bases: Vec<usize> =
            strides.iter().map(|(steps, _)| steps.iter().zip(&at).map(|(s, i)| s * i).sum()).collect();
        let mut least = (f64::INFINITY, 0);
        for place in 0..own {
            let cost: f64 = touching
                .iter()
                .zip(&strides)
                .zip(&bases)
                .map(|((factor, (_, step)), base)| factor.costs[base + step * place])
                .sum();
            if cost < least.0 - crate::score::EQUAL * 1e-3 {
                least = (cost, place as u32);
            }
        }
        costs.push(least.0);
        best.push(least.1);
        for i in (0..at.len()).rev() {
            at[i] += 1;
            if at[i] < size(&neighbours[i]) {
                break;
            }
            at[i] = 0;
        }
    }
    (costs, best)
}
