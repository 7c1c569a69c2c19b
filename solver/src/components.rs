//! Splitting a problem into parts that share nothing: each is solved alone.
//!
//! Limits that cannot bind do not join anything: a quota joins its users only when all of them together
//! could exceed it, at any time.

use crate::problem::Problem;

/// The parts, each ascending, in the order of their first tasks. `budgets`: also join tasks that draw on
/// the same budget.
pub fn components(problem: &Problem, budgets: bool) -> Vec<Vec<u32>> {
    let count = problem.tasks.len();
    let mut sets = Sets((0..count as u32).collect());
    for (task, t) in problem.tasks.iter().enumerate() {
        for edge in &t.inputs {
            sets.join(task as u32, edge.producer);
        }
    }
    let mut shared: std::collections::BTreeMap<(u8, u32), Vec<(u32, i64)>> =
        std::collections::BTreeMap::new();
    let reserved: std::collections::BTreeSet<u32> = problem.reservations.iter().map(|r| r.offer).collect();
    for (task, t) in problem.tasks.iter().enumerate() {
        let mut note = |kind: u8, index: u32, amount: i64| {
            let users = shared.entry((kind, index)).or_default();
            match users.last_mut() {
                Some(last) if last.0 == task as u32 => last.1 = last.1.max(amount),
                _ => users.push((task as u32, amount)),
            }
        };
        for (dataset, _) in &t.reads {
            note(0, *dataset, 0);
        }
        if let Some(bond) = t.bond {
            note(7, bond, 0);
        }
        for choice in t.choices.iter().filter(|c| !c.spare) {
            if problem.counts[choice.offer as usize].is_some() {
                note(1, choice.offer, choice.units);
            }
            if reserved.contains(&choice.offer) {
                note(2, choice.offer, 0);
            }
            for (quota, amount) in &choice.quotas {
                note(3, *quota, *amount);
            }
            if let Some(group) = choice.group {
                note(4, group, 0);
            }
        }
        if budgets {
            for budget in &t.budgets {
                note(5, *budget, 0);
            }
            for budget in &t.carbon_budgets {
                note(6, *budget, 0);
            }
        }
    }
    for ((kind, index), users) in shared {
        let most = users.iter().fold(0_i64, |sum, user| sum.saturating_add(user.1));
        let slack = match kind {
            1 => problem.counts[index as usize].is_none_or(|limit| most <= limit),
            3 => most <= problem.quotas[index as usize],
            _ => false,
        };
        if !slack {
            for pair in users.windows(2) {
                sets.join(pair[0].0, pair[1].0);
            }
        }
    }
    let mut parts: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
    for task in 0..count as u32 {
        parts.entry(sets.root(task)).or_default().push(task);
    }
    let mut parts: Vec<Vec<u32>> = parts.into_values().collect();
    parts.sort_by_key(|p| p[0]);
    parts
}

/// Disjoint sets of tasks.
struct Sets(Vec<u32>);

impl Sets {
    fn root(&mut self, task: u32) -> u32 {
        let mut at = task;
        while self.0[at as usize] != at {
            let above = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = above;
            at = above;
        }
        at
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.0[high as usize] = low;
    }
}
