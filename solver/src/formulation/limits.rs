//! Limits over time: what columns take of them, and the rows that are made for them.

use std::collections::{BTreeMap, BTreeSet};

use super::Formulation;
use crate::{linear::Row, outcome::Priced, over_time, problem::Nanos};

/// Terms of a row of a limit over time, where rows are made at once, on average and at most.
const TERMS: usize = 200;

/// A limit over time that rows are made for when it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The instances of an offer.
    Count(u32),
    /// A quota.
    Quota(u32),
    /// Devices of own machines (thousandths), their cores, their memory.
    Devices(u32),
    /// Cores of own machines (thousandths).
    Cores(u32),
    /// Memory of own machines (MiB).
    Memory(u32),
}

impl Formulation<'_> {
    /// What a task on a choice takes of the limits over time.
    pub(super) fn takes(&self, task: u32, choice: u32) -> Vec<(Shared, f64)> {
        let t = &self.problem.tasks[task as usize];
        let choice = &t.choices[choice as usize];
        let mut takes = Vec::new();
        if self.problem.counts[choice.offer as usize].is_some() {
            takes.push((Shared::Count(choice.offer), choice.units as f64));
        }
        for &(quota, amount) in &choice.quotas {
            takes.push((Shared::Quota(quota), amount as f64));
        }
        if let Some(group) = choice.group {
            let replicas = f64::from(t.replicas);
            takes.push((Shared::Devices(group), choice.demand.accelerators as f64 * replicas));
            takes.push((Shared::Cores(group), choice.demand.cpu as f64 * replicas));
            takes.push((Shared::Memory(group), mib(choice.demand.memory) * replicas));
        }
        takes.retain(|t| t.1 > 0.0);
        takes
    }

    pub(super) fn limit(&self, shared: Shared) -> f64 {
        let group = |g: u32| self.problem.groups[g as usize];
        match shared {
            Shared::Count(offer) => self.problem.counts[offer as usize].map_or(f64::INFINITY, |c| c as f64),
            Shared::Quota(quota) => self.problem.quotas[quota as usize] as f64,
            Shared::Devices(g) => 1000.0 * f64::from(group(g).nodes) * f64::from(group(g).devices),
            Shared::Cores(g) => group(g).cpu.map_or(f64::INFINITY, |c| c as f64 * f64::from(group(g).nodes)),
            Shared::Memory(g) => {
                group(g).memory.map_or(f64::INFINITY, |m| mib(m) * f64::from(group(g).nodes))
            }
        }
    }

    /// Makes the rows of limits over time, and of starts that wait for producers, that `values` break;
    /// returns them for a running solver.
    pub fn separate(&mut self, values: &[f64]) -> Vec<Row> {
        let mut events: BTreeMap<Shared, Vec<(Nanos, f64)>> = BTreeMap::new();
        for used in &self.uses {
            let value = values[used.variable as usize];
            if value <= 1e-7 {
                continue;
            }
            for (shared, amount) in self.takes(used.task, used.choice) {
                let list = events.entry(shared).or_default();
                for run in &used.runs {
                    list.push((run.0, amount * value));
                    list.push((run.1, -amount * value));
                }
            }
        }
        let mut broken: Vec<(Shared, Nanos)> = Vec::new();
        for (shared, mut list) in events {
            let limit = self.limit(shared);
            let moments = over_time::broken(&mut list, limit + 1e-6 * limit.max(1.0));
            // A few of the worst moments at a time: neighbours are often mended with them.
            let new = moments.into_iter().filter(|moment| !self.made.contains(&(shared, *moment)));
            broken.extend(new.take(8).map(|moment| (shared, moment)));
        }
        let before = self.program.rows.len();
        for (shared, moment) in broken {
            self.capacity_row(shared, moment);
        }
        self.link(values);
        self.program.rows[before..].to_vec()
    }

    /// Makes every row of every limit over time that could bind, when they are at most `most` and not too
    /// long.
    pub fn capacity_rows(&mut self, most: usize) {
        // By limit and task the most that it may take: a limit that all together keep needs no rows.
        let mut demand: BTreeMap<Shared, BTreeMap<u32, f64>> = BTreeMap::new();
        let mut moments: BTreeSet<(Shared, Nanos)> = BTreeSet::new();
        let mut users: BTreeMap<Shared, usize> = BTreeMap::new();
        for used in &self.uses {
            for (shared, amount) in self.takes(used.task, used.choice) {
                let of_task = demand.entry(shared).or_default().entry(used.task).or_default();
                *of_task = of_task.max(amount * self.equal_to(used.task).len() as f64);
                *users.entry(shared).or_default() += 1;
                moments.extend(used.runs.iter().map(|run| (shared, run.0)));
            }
        }
        let binding: BTreeSet<Shared> = demand
            .iter()
            .filter(|(shared, tasks)| tasks.values().sum::<f64>() > self.limit(**shared))
            .map(|(shared, _)| *shared)
            .collect();
        moments.retain(|m| binding.contains(&m.0));
        let terms: usize = moments.iter().filter_map(|m| users.get(&m.0)).sum();
        if moments.len() <= most && terms <= most.saturating_mul(TERMS) {
            for (shared, moment) in moments {
                self.capacity_row(shared, moment);
            }
        }
    }

    fn capacity_row(&mut self, shared: Shared, moment: Nanos) {
        let mut terms = Vec::new();
        for used in &self.uses {
            if used.runs.iter().any(|r| r.0 <= moment && moment < r.1) {
                let takes = self.takes(used.task, used.choice);
                terms.extend(takes.into_iter().filter(|t| t.0 == shared).map(|t| (used.variable, t.1)));
            }
        }
        let limit = self.limit(shared);
        // Scaled to about 1, so that thousandths and mebibytes do not unbalance the matrix.
        let scale = 1.0 / limit.max(1.0);
        for term in &mut terms {
            term.1 *= scale;
        }
        self.made.insert((shared, moment));
        match shared {
            Shared::Count(o) => self.priced.push((self.program.rows.len(), Priced::Count(o))),
            Shared::Quota(q) => self.priced.push((self.program.rows.len(), Priced::Quota(q))),
            _ => {}
        }
        self.program.row(f64::NEG_INFINITY, limit * scale, terms);
    }

    /// The row scale of a priced limit over time: a unit of the limit is so much of the row.
    pub fn scale(&self, priced: Priced) -> f64 {
        match priced {
            Priced::Count(o) => 1.0 / self.limit(Shared::Count(o)).max(1.0),
            Priced::Quota(q) => 1.0 / self.limit(Shared::Quota(q)).max(1.0),
            Priced::Budget(_) | Priced::Carbon(_) => 1.0,
        }
    }

    /// How many units of a limit one instance, accelerator, dollar or kilogram is.
    pub fn units(&self, priced: Priced) -> f64 {
        match priced {
            Priced::Quota(q) => self.problem.quota_units.get(q as usize).map_or(1.0, |unit| *unit as f64),
            Priced::Count(_) | Priced::Budget(_) | Priced::Carbon(_) => 1.0,
        }
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
