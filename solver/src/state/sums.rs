//! Sums that have limits: dollars of budgets and of `max_cost`, kilograms of carbon budgets.

use std::collections::{BTreeMap, BTreeSet};

use super::State;
use crate::{
    column::{counted_money, kilograms, micro},
    problem::Problem,
};

/// Slack for sums of kilograms when they are held against a limit, as a share of it.
const TOLERANCE: f64 = 5e-10;
/// Slack for sums of whole micro-dollars.
const HALF_MICRO: f64 = 5e-7;

/// What a sum of dollars, each part rounded as in a plan, may reach under a limit.
pub(crate) const fn most_dollars(limit: f64) -> f64 {
    limit + HALF_MICRO
}

/// What a sum of kilograms may reach under a limit.
pub(crate) const fn most_kilograms(limit: f64) -> f64 {
    limit * (1.0 + TOLERANCE)
}

/// What some tasks draw on the limits of sums.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawn {
    /// Dollars by budget.
    budgets: Vec<f64>,
    /// Kilograms by carbon budget.
    carbon: Vec<f64>,
    /// Tasks over their `max_cost`, with dollars.
    tasks: Vec<(u32, f64)>,
}

impl<'a> State<'a> {
    /// Dollars of compute, egress and risk of some tasks, as budgets count them: each part rounded to the
    /// micro-dollar as in a plan; who reads a shared dataset first pays for it, who comes first has the
    /// reserved instances.
    fn money(&self, tasks: &[u32]) -> Vec<f64> {
        let offers: BTreeSet<u32> = tasks
            .iter()
            .filter_map(|task| self.choice(*task))
            .map(|choice| choice.offer)
            .filter(|offer| self.reserved[*offer as usize])
            .collect();
        let covered: BTreeMap<u32, f64> = offers.into_iter().flat_map(|offer| self.covered(offer)).collect();
        let of = |task: &u32| self.money_of(*task, covered.get(task).copied().unwrap_or(0.0));
        tasks.iter().map(of).collect()
    }

    /// The money of a task for which reservations cover some instance-hours.
    fn money_of(&self, task: u32, covered: f64) -> f64 {
        let Some(choice) = self.choice(task) else { return 0.0 };
        let t = &self.problem.tasks[task as usize];
        let sent = t.inputs.iter().filter_map(|edge| {
            let from = self.choice(edge.producer)?.place;
            Some(micro(self.problem.network.usd(from, choice.place, edge.bytes)))
        });
        let mut money = counted_money(choice, covered) + sent.sum::<f64>();
        // A first reader finds itself first in the list of its dataset and place.
        for (i, &(dataset, _)) in t.reads.iter().enumerate() {
            let key = (dataset, self.problem.network.region_of(choice.place));
            // Who lists a dataset twice pays for it once.
            let again = t.reads[..i].iter().any(|before| before.0 == dataset);
            if !again && self.readers.get(&key).and_then(|r| r.first()) == Some(&task) {
                money += micro(self.dataset_usd(key));
            }
        }
        money
    }

    /// What some tasks draw on limits of sums.
    pub fn drawn(&self, tasks: &[u32]) -> Drawn {
        let problem = self.problem;
        let of = |task: &u32| &problem.tasks[*task as usize];
        let mut drawn = Drawn {
            budgets: vec![0.0; problem.budgets.len()],
            carbon: vec![0.0; problem.carbon_budgets.len()],
            tasks: Vec::new(),
        };
        if tasks.iter().map(of).any(|t| !t.budgets.is_empty() || t.max_cost.is_some()) {
            for (task, usd) in tasks.iter().zip(self.money(tasks)) {
                let t = of(task);
                for budget in &t.budgets {
                    drawn.budgets[*budget as usize] += usd;
                }
                if let Some(most) = t.max_cost
                    && usd > most_dollars(most)
                {
                    drawn.tasks.push((*task, usd - most));
                }
            }
        }
        for (task, t) in tasks.iter().map(|task| (task, of(task))) {
            let Some(column) = &self.placed[*task as usize] else { continue };
            if !t.carbon_budgets.is_empty() {
                let kg = kilograms(problem, &t.choices[column.choice as usize], &column.runs);
                for budget in &t.carbon_budgets {
                    drawn.carbon[*budget as usize] += kg;
                }
            }
        }
        drawn
    }

    /// Whose draw on limits of sums may change when a placed task moves in time: its own, and of all who share
    /// reserved instances with it.
    pub fn beside(&self, task: u32) -> Vec<u32> {
        let shared = self.choice(task).filter(|choice| self.reserved[choice.offer as usize]);
        let there = shared.and_then(|choice| self.by_offer.get(&choice.offer));
        there.cloned().unwrap_or_else(|| vec![task])
    }

    /// The sums that exceed their limits: budgets, carbon budgets, `max_cost` of tasks.
    pub fn over_budget(&self) -> Overrun {
        let all: Vec<u32> = (0..self.problem.tasks.len() as u32).collect();
        self.drawn(&all).overrun(self.problem)
    }

    /// Whether a plan on its own is within every budget.
    pub fn within(problem: &'a Problem, assignment: &crate::construct::Assignment) -> bool {
        let mut state = Self::new(problem);
        for (task, column) in assignment.columns.iter().enumerate() {
            if let Some(column) = column {
                state.place(task, column.clone());
            }
        }
        state.over_budget().is_none()
    }
}

impl Drawn {
    /// Dollars of a budget.
    pub fn budget(&self, budget: u32) -> f64 {
        self.budgets[budget as usize]
    }

    /// The sums that exceed their limits.
    pub fn overrun(&self, problem: &Problem) -> Overrun {
        Overrun {
            budgets: overruns(&self.budgets, &problem.budgets, most_dollars),
            carbon: overruns(&self.carbon, &problem.carbon_budgets, most_kilograms),
            tasks: self.tasks.clone(),
        }
    }

    /// The same when some of its tasks draw `now` what they drew `before`.
    #[must_use]
    pub fn with(&self, now: &Self, before: &Self) -> Self {
        let sums = |all: &[f64], now: &[f64], before: &[f64]| -> Vec<f64> {
            all.iter().zip(now.iter().zip(before)).map(|(all, (now, before))| all + now - before).collect()
        };
        let gone = |task: u32| before.tasks.iter().any(|over| over.0 == task);
        let mut tasks: Vec<(u32, f64)> = self.tasks.iter().copied().filter(|over| !gone(over.0)).collect();
        tasks.extend(&now.tasks);
        Self {
            budgets: sums(&self.budgets, &now.budgets, &before.budgets),
            carbon: sums(&self.carbon, &now.carbon, &before.carbon),
            tasks,
        }
    }
}

/// Sums beyond their limits, each with the excess.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrun {
    /// Budgets, with dollars.
    pub budgets: Vec<(u32, f64)>,
    /// Carbon budgets, with kilograms.
    pub carbon: Vec<(u32, f64)>,
    /// Tasks over their `max_cost`, with dollars.
    pub tasks: Vec<(u32, f64)>,
}

impl Overrun {
    /// Whether everything is within its limits.
    pub fn is_none(&self) -> bool {
        self.budgets.is_empty() && self.carbon.is_empty() && self.tasks.is_empty()
    }

    /// All excess together, as a search's measure of distance (dollars and kilograms alike).
    pub fn amount(&self) -> f64 {
        [&self.budgets, &self.carbon, &self.tasks].into_iter().flatten().map(|o| o.1).sum()
    }
}

fn overruns(sums: &[f64], limits: &[f64], most: impl Fn(f64) -> f64) -> Vec<(u32, f64)> {
    sums.iter()
        .zip(limits)
        .enumerate()
        .filter(|(_, (sum, limit))| **sum > most(**limit))
        .map(|(i, (sum, limit))| (i as u32, sum - limit))
        .collect()
}
