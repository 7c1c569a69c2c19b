//! No start later than it must be.
//!
//! Among plans of one cost the phases keep whichever they meet first. A run may wait only where that lowers
//! the total or a limit forces it, so in the end every run that nobody reads from is moved to the earliest
//! time that costs no more. Whoever is read from keeps its time: others' starts follow from its end.

use crate::{
    column::{Column, columns as columns_of},
    construct::topological,
    problem::{Nanos, Problem},
    state::State,
};

/// Times that all are looked at.
const ROUNDS: u32 = 8;
/// Dollars that are none: parts of a cost are whole micro-dollars.
const NONE: f64 = 1e-7;

/// Moves runs to earlier times that cost no more; returns by how much the total changes, at most 0.
pub(crate) fn start_promptly(problem: &Problem, columns: &mut [Option<Column>]) -> f64 {
    let mut read_from = vec![false; problem.tasks.len()];
    for edge in problem.tasks.iter().flat_map(|task| &task.inputs) {
        read_from[edge.producer as usize] = true;
    }
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let mut state = State::new(problem);
    for task in topological(problem, &all) {
        if let Some(column) = &columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    let before = state.total();
    // Only who has a deadline may wait at all.
    let waits = |task: &usize| !read_from[*task] && problem.tasks[*task].deadline.is_some();
    // What one gives up another may take: again until nobody moves, which few rounds reach.
    for _ in 0..ROUNDS {
        let mut moved = false;
        for task in (0..problem.tasks.len()).filter(waits) {
            if let Some(column) = columns[task].clone()
                && let Some(earlier) = earlier(problem, &mut state, task, &column)
            {
                columns[task] = Some(earlier);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    (state.total() - before).min(0.0)
}

/// The earliest column of a task on its choice that costs no more, which it is then placed on.
fn earlier(problem: &Problem, state: &mut State<'_>, task: usize, now: &Column) -> Option<Column> {
    let t = &problem.tasks[task];
    let choice = &t.choices[now.choice as usize];
    let first = state.first_start(task, choice)?;
    let mut list = Vec::new();
    columns_of(problem, t, now.choice as usize, first, &mut list);
    let when = |column: &Column| -> (Nanos, Nanos) { (column.start(), column.end()) };
    // What a reservation saves depends on the others there.
    let reserved = problem.reservations.iter().any(|reservation| reservation.offer == choice.offer);
    list.retain(|column| when(column) < when(now) && (reserved || column.own <= now.own + NONE));
    list.sort_by_key(when);
    let total = state.total();
    state.remove(task)?;
    for column in list {
        if state.obstacle(task, &column).is_some() {
            continue;
        }
        state.place(task, column.clone());
        if state.total() <= total + NONE && state.over_budget().is_none() {
            return Some(column);
        }
        state.remove(task);
    }
    state.place(task, now.clone());
    None
}
