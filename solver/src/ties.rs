//! Of plans that cost the same the one that changes least.
//!
//! The phases keep whichever they meet first. So in the end the plan is gone through: first whoever left its
//! current offer goes back where that costs no more ([`stay`]), then runs move to the earliest time that
//! costs no more ([`prompt`]). Every step holds under the full rules, and the total never rises.

mod prompt;
mod stay;

use crate::{column::Column, construct::topological, outcome::Params, problem::Problem, state::State};

/// Dollars that are none: parts of a cost are whole micro-dollars.
const NONE: f64 = 1e-7;

/// Goes through a plan; returns by how much its total changes, at most 0. Stops where time is up.
pub(crate) fn settle(problem: &Problem, params: &Params, columns: &mut [Option<Column>]) -> f64 {
    let mut plan = Plan::new(problem, params, columns);
    stay::go_back(&mut plan);
    prompt::start_promptly(&mut plan);
    columns.clone_from_slice(plan.state.columns());
    plan.change.min(0.0)
}

/// A whole plan in which a few runs move at a time.
struct Plan<'a> {
    problem: &'a Problem,
    params: &'a Params,
    state: State<'a>,
    /// By task who reads its results.
    readers: Vec<Vec<u32>>,
    /// By how much the total has changed, and what that was at the least.
    change: f64,
    least: f64,
}

impl<'a> Plan<'a> {
    fn new(problem: &'a Problem, params: &'a Params, columns: &[Option<Column>]) -> Self {
        let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
        let mut state = State::new(problem);
        for task in topological(problem, &all) {
            if let Some(column) = &columns[task as usize] {
                state.place(task as usize, column.clone());
            }
        }
        Self { problem, params, state, readers: problem.readers(), change: 0.0, least: 0.0 }
    }

    /// Whether the total may change by so much. Held against the least it was: what is forgiven each of many
    /// steps would add up.
    fn affords(&self, change: f64) -> bool {
        self.change + change <= self.least + NONE
    }

    /// Notes that the total has changed.
    fn note(&mut self, change: f64) {
        self.change += change;
        self.least = self.least.min(self.change);
    }
}
