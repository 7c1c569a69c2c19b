//! No start later than it must be.
//!
//! A run may wait only where that lowers the total or a limit forces it, so every run that nobody reads from is
//! moved to the earliest time that costs no more. Whoever is read from keeps its time: others' starts follow
//! from its end.

use super::{NONE, Plan};
use crate::{
    column::{Column, columns as columns_of},
    problem::Nanos,
    state::Drawn,
};

/// Times that all are looked at.
const ROUNDS: u32 = 8;

/// Moves runs to earlier times that cost no more.
pub(super) fn start_promptly(plan: &mut Plan<'_>) {
    let problem = plan.problem;
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    // Only who has a deadline may wait at all.
    let waits = |task: &&u32| problem.tasks[**task as usize].deadline.is_some();
    let waiting: Vec<u32> =
        all.iter().filter(waits).copied().filter(|task| plan.readers[*task as usize].is_empty()).collect();
    if waiting.is_empty() {
        return;
    }
    let mut drawn = plan.state.drawn(&all);
    // What one gives up another may take: again until nobody moves, which few rounds reach.
    for _ in 0..ROUNDS {
        let mut moved = false;
        for &task in &waiting {
            if plan.params.is_over() {
                return;
            }
            moved |= earlier(plan, task, &mut drawn);
        }
        if !moved {
            return;
        }
    }
}

/// Moves a task to its earliest column on its choice that costs no more, if there is one. `drawn`: what all
/// tasks draw on limits of sums.
fn earlier(plan: &mut Plan<'_>, task: u32, drawn: &mut Drawn) -> bool {
    let (problem, index) = (plan.problem, task as usize);
    let t = &problem.tasks[index];
    let Some(now) = plan.state.column(index).cloned() else { return false };
    let choice = &t.choices[now.choice as usize];
    let Some(first) = plan.state.first_start(index, choice) else { return false };
    let mut list = Vec::new();
    columns_of(problem, t, now.choice as usize, first, &mut list);
    let when = |column: &Column| -> (Nanos, Nanos) { (column.start(), column.end()) };
    // What a reservation saves depends on the others there.
    let reserved = problem.reservations.iter().any(|reservation| reservation.offer == choice.offer);
    list.retain(|column| when(column) < when(&now) && (reserved || column.own <= now.own + NONE));
    if list.is_empty() {
        return false;
    }
    list.sort_by_key(when);
    let beside = plan.state.beside(task);
    let (before, total) = (plan.state.drawn(&beside), plan.state.total());
    plan.state.remove(index);
    for column in list {
        if plan.state.obstacle(index, &column).is_some() {
            continue;
        }
        plan.state.place(index, column);
        let change = plan.state.total() - total;
        if plan.affords(change) {
            let then = drawn.with(&plan.state.drawn(&beside), &before);
            if then.overrun(problem).is_none() {
                *drawn = then;
                plan.note(change);
                return true;
            }
        }
        plan.state.remove(index);
    }
    plan.state.place(index, now);
    false
}
