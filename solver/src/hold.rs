//! Where everything runs, so that a plan after a change moves little.

use crate::{column::Column, construct::Assignment, repair::THRESHOLD};

/// Where tasks run, and what leaving there counts beside its cost. It is no cost: plans are told without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold<'a> {
    /// By task the choice it runs on; empty where nothing runs.
    home: &'a [Option<u32>],
    /// Dollars that leaving counts.
    fare: f64,
}

impl<'a> Hold<'a> {
    /// Of a plan in force that costs so much, in tasks.
    pub(crate) fn new(home: &'a [Option<u32>], total: f64, tasks: usize) -> Self {
        let fare = THRESHOLD * total.abs() / tasks.max(1) as f64;
        Self { home, fare: if home.iter().any(Option::is_some) { fare } else { 0.0 } }
    }

    /// The choice a task runs on.
    pub(crate) fn home(&self, task: u32) -> Option<u32> {
        self.home.get(task as usize).copied().flatten()
    }

    /// Dollars that leaving counts; 0 where nobody is at home.
    pub(crate) const fn fare(&self) -> f64 {
        self.fare
    }

    /// Whether a plan is better than another, who leaves home counted.
    pub(crate) fn prefers(&self, plan: &Assignment, other: &Assignment) -> bool {
        let weighed = |plan: &Assignment| {
            let leaves = |(task, column): &(u32, &Option<Column>)| {
                column
                    .as_ref()
                    .is_some_and(|column| self.home(*task).is_some_and(|home| home != column.choice))
            };
            let left = (0_u32..).zip(&plan.columns).filter(leaves).count();
            let mut score = plan.score.clone();
            score.total += self.fare * left as f64;
            score
        };
        weighed(plan).better_than(&weighed(other))
    }
}
