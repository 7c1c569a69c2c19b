//! The state of a partial plan: who runs where, what is still free, what it costs so far.
//!
//! Placing checks every limit that only tightens as more is placed (counts, quotas, own nodes) and
//! returns the change of the total; taking back restores it. Limits on sums of money and carbon can
//! depend on who pays for something shared, so they are judged on whole plans
//! ([`State::over_budget`]).

mod sums;

pub use sums::{Drawn, Overrun};
pub(crate) use sums::{most_dollars, most_kilograms};

use std::{cell::Cell, rc::Rc};

use rustc_hash::FxHashMap;

use crate::{
    column::{Column, columns, own_cost},
    pack::{Packing, Tenant, pack},
    problem::{Choice, HOUR, Nanos, Problem},
};

/// What stands in the way of a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The instances of an offer.
    Count(u32),
    /// A quota.
    Quota(u32),
    /// Own machines.
    Group(u32),
    /// The area of a bond.
    Bond(u32),
}

/// A partial plan.
#[derive(Debug, Clone)]
pub struct State<'a> {
    problem: &'a Problem,
    placed: Vec<Option<Column>>,
    /// Tasks by counted or reserved offer, ascending.
    by_offer: FxHashMap<u32, Vec<u32>>,
    by_quota: Vec<Vec<u32>>,
    by_group: Vec<Vec<u32>>,
    /// Tasks by bond, ascending: all in one area.
    by_bond: Vec<Vec<u32>>,
    /// Tasks by (dataset, region), ascending.
    readers: FxHashMap<(u32, u32), Vec<u32>>,
    reserved: Vec<bool>,
    total: f64,
    /// Whether a packing stayed unsettled, here or in a copy.
    unsettled: Rc<Cell<bool>>,
}

impl<'a> State<'a> {
    /// Nothing placed.
    pub fn new(problem: &'a Problem) -> Self {
        let mut reserved = vec![false; problem.counts.len()];
        for reservation in &problem.reservations {
            reserved[reservation.offer as usize] = true;
        }
        Self {
            problem,
            placed: vec![None; problem.tasks.len()],
            by_offer: FxHashMap::default(),
            by_quota: vec![Vec::new(); problem.quotas.len()],
            by_group: vec![Vec::new(); problem.groups.len()],
            by_bond: vec![Vec::new(); problem.bonds.len()],
            readers: FxHashMap::default(),
            reserved,
            total: 0.0,
            unsettled: Rc::default(),
        }
    }

    /// Whether something counted as not fitting on own machines though no search has settled that, in
    /// this state or a copy of it: then nothing that was ruled out is a proof.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled.get()
    }

    /// Dollars of what is placed.
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// Where a task is.
    pub fn column(&self, task: usize) -> Option<&Column> {
        self.placed[task].as_ref()
    }

    /// Where everything is.
    pub fn columns(&self) -> &[Option<Column>] {
        &self.placed
    }

    fn choice(&self, task: u32) -> Option<&'a Choice> {
        let column = self.placed[task as usize].as_ref()?;
        Some(&self.problem.tasks[task as usize].choices[column.choice as usize])
    }

    /// The first moment at which a task could start on a choice, given its producers; `None` when one
    /// of them is not placed.
    pub fn first_start(&self, task: usize, choice: &Choice) -> Option<Nanos> {
        let mut first = choice.ready;
        for edge in &self.problem.tasks[task].inputs {
            let producer = self.placed[edge.producer as usize].as_ref()?;
            let from = self.choice(edge.producer)?.place;
            first = first.max(producer.end() + self.problem.network.time(from, choice.place, edge.bytes));
        }
        Some(first)
    }

    /// Whether a task may run at the times of one of its columns, given its producers.
    pub fn may_start(&self, task: usize, column: &Column) -> bool {
        let t = &self.problem.tasks[task];
        if t.inputs.is_empty() {
            return true;
        }
        let Some(first) = self.first_start(task, &t.choices[column.choice as usize]) else { return false };
        let mut list = Vec::new();
        columns(self.problem, t, column.choice as usize, first, &mut list);
        list.iter().any(|allowed| allowed.runs == column.runs)
    }

    /// Who is placed under a limit, ascending.
    pub fn users(&self, limit: Limit) -> &[u32] {
        match limit {
            Limit::Count(offer) => self.by_offer.get(&offer).map_or(&[][..], Vec::as_slice),
            Limit::Quota(quota) => &self.by_quota[quota as usize],
            Limit::Group(group) => &self.by_group[group as usize],
            Limit::Bond(bond) => &self.by_bond[bond as usize],
        }
    }

    /// The area that those who are placed give a bond, if any is.
    pub fn area(&self, bond: u32) -> Option<u32> {
        let first = *self.by_bond[bond as usize].first()?;
        let column = self.placed[first as usize].as_ref()?;
        Some(self.problem.area_of(first, column.choice)?.1)
    }

    /// The bond that keeps a task from a choice.
    fn bond_broken(&self, task: usize, column: &Column) -> Option<u32> {
        let (bond, area) = self.problem.area_of(task as u32, column.choice)?;
        self.area(bond).is_some_and(|of_others| of_others != area).then_some(bond)
    }

    /// The limit that a column would break, if any.
    pub fn obstacle(&self, task: usize, column: &Column) -> Option<Limit> {
        if let Some(bond) = self.bond_broken(task, column) {
            return Some(Limit::Bond(bond));
        }
        let choice = &self.problem.tasks[task].choices[column.choice as usize];
        if let Some(count) = self.problem.counts[choice.offer as usize] {
            let used = |t: u32| self.choice(t).map_or(0, |c| c.units);
            let there = self.by_offer.get(&choice.offer).map_or(&[][..], Vec::as_slice);
            if !self.fits(there, &column.runs, choice.units, count, used) {
                return Some(Limit::Count(choice.offer));
            }
        }
        for &(quota, amount) in &choice.quotas {
            let used = |t: u32| {
                self.choice(t)
                    .map_or(0, |c| c.quotas.iter().filter(|q| q.0 == quota).map(|q| q.1).sum::<i64>())
            };
            let there = &self.by_quota[quota as usize];
            if !self.fits(there, &column.runs, amount, self.problem.quotas[quota as usize], used) {
                return Some(Limit::Quota(quota));
            }
        }
        if let Some(group) = choice.group
            && !self.packs(group, task, column, 0)
        {
            return Some(Limit::Group(group));
        }
        None
    }

    /// Every limit that a column would break, with by how much; own machines with the machines that are
    /// lacking.
    pub fn excess(&self, task: usize, column: &Column) -> Vec<(Limit, i64)> {
        let choice = &self.problem.tasks[task].choices[column.choice as usize];
        let mut broken = Vec::new();
        if let Some(bond) = self.bond_broken(task, column) {
            broken.push((Limit::Bond(bond), self.by_bond[bond as usize].len() as i64));
        }
        if let Some(count) = self.problem.counts[choice.offer as usize] {
            let used = |t: u32| self.choice(t).map_or(0, |c| c.units);
            let there = self.by_offer.get(&choice.offer).map_or(&[][..], Vec::as_slice);
            let over = self.peak(there, &column.runs, used) + choice.units - count;
            if over > 0 {
                broken.push((Limit::Count(choice.offer), over));
            }
        }
        for &(quota, amount) in &choice.quotas {
            let used = |t: u32| {
                self.choice(t)
                    .map_or(0, |c| c.quotas.iter().filter(|q| q.0 == quota).map(|q| q.1).sum::<i64>())
            };
            let there = &self.by_quota[quota as usize];
            let over = self.peak(there, &column.runs, used) + amount - self.problem.quotas[quota as usize];
            if over > 0 {
                broken.push((Limit::Quota(quota), over));
            }
        }
        if let Some(group) = choice.group
            && !self.packs(group, task, column, 0)
        {
            let replicas = self.problem.tasks[task].replicas;
            let more = (1..=replicas.min(64)).find(|more| self.packs(group, task, column, *more));
            broken.push((Limit::Group(group), i64::from(more.unwrap_or(replicas))));
        }
        broken
    }

    /// Whether `amount` more fits under `limit` at every moment of `runs`.
    fn fits(
        &self,
        there: &[u32],
        runs: &[(Nanos, Nanos)],
        amount: i64,
        limit: i64,
        used: impl Fn(u32) -> i64,
    ) -> bool {
        amount <= limit && self.peak(there, runs, used) + amount <= limit
    }

    /// The most that is used at any moment of `runs`.
    fn peak(&self, there: &[u32], runs: &[(Nanos, Nanos)], used: impl Fn(u32) -> i64) -> i64 {
        // (moment, change); what ends goes before what begins.
        let mut events: Vec<(Nanos, i64)> = Vec::new();
        for &task in there {
            let Some(column) = &self.placed[task as usize] else { continue };
            let amount = used(task);
            for &(start, end) in &column.runs {
                if runs.iter().any(|r| start < r.1 && r.0 < end) {
                    events.push((start, amount));
                    events.push((end, -amount));
                }
            }
        }
        events.sort_unstable();
        let (mut level, mut peak) = (0, 0);
        let mut i = 0;
        while i < events.len() {
            let from = events[i].0;
            while i < events.len() && events[i].0 == from {
                level += events[i].1;
                i += 1;
            }
            let to = events.get(i).map_or(Nanos::MAX, |e| e.0);
            if level > peak && runs.iter().any(|r| from < r.1 && r.0 < to) {
                peak = level;
            }
        }
        peak
    }

    /// Whether a task fits on a group's machines beside those there, with some machines more.
    fn packs(&self, group: u32, task: usize, column: &Column, more: u32) -> bool {
        let mut there: Vec<(usize, &Column)> = std::iter::once((task, column))
            .chain(self.by_group[group as usize].iter().filter_map(|&other| {
                let other = other as usize;
                self.placed[other].as_ref().map(|column| (other, column))
            }))
            .collect();
        // In one order however they came here, so that the plan's packing is found again.
        there.sort_by_key(|(task, _)| *task);
        let tenants: Vec<Tenant<'_>> = there
            .into_iter()
            .map(|(task, column)| {
                let task = &self.problem.tasks[task];
                let demand = task.choices[column.choice as usize].demand;
                Tenant { demand, replicas: task.replicas, runs: &column.runs }
            })
            .collect();
        let mut group = self.problem.groups[group as usize];
        group.nodes = group.nodes.saturating_add(more);
        match pack(group, &tenants) {
            Packing::Spots(_) => true,
            Packing::Full => false,
            Packing::Unsettled => {
                self.unsettled.set(true);
                false
            }
        }
    }

    /// Places a task; the caller has checked [`State::obstacle`]. Returns the change of the total.
    pub fn place(&mut self, task: usize, column: Column) -> f64 {
        let before = self.total;
        let problem = self.problem;
        let choice = &problem.tasks[task].choices[column.choice as usize];
        let id = task as u32;
        self.total += column.own + self.edges(task, choice);
        self.placed[task] = Some(column);
        for &(dataset, _) in &problem.tasks[task].reads {
            let key = (dataset, problem.network.region_of(choice.place));
            self.total -= self.dataset_usd(key);
            insert(self.readers.entry(key).or_default(), id);
            self.total += self.dataset_usd(key);
        }
        for &(quota, _) in &choice.quotas {
            insert(&mut self.by_quota[quota as usize], id);
        }
        if let Some(group) = choice.group {
            insert(&mut self.by_group[group as usize], id);
        }
        if let Some(bond) = problem.tasks[task].bond {
            insert(&mut self.by_bond[bond as usize], id);
        }
        let offer = choice.offer;
        if self.reserved[offer as usize] {
            self.total += self.saving(offer);
        }
        if self.reserved[offer as usize] || problem.counts[offer as usize].is_some() {
            insert(self.by_offer.entry(offer).or_default(), id);
        }
        if self.reserved[offer as usize] {
            self.total -= self.saving(offer);
        }
        self.total - before
    }

    /// Takes a task back and returns where it was.
    pub fn remove(&mut self, task: usize) -> Option<Column> {
        let problem = self.problem;
        let choice = self.choice(task as u32)?;
        let id = task as u32;
        let offer = choice.offer;
        if self.reserved[offer as usize] {
            self.total += self.saving(offer);
        }
        if let Some(list) = self.by_offer.get_mut(&offer) {
            list.retain(|t| *t != id);
        }
        if self.reserved[offer as usize] {
            self.total -= self.saving(offer);
        }
        for &(quota, _) in &choice.quotas {
            self.by_quota[quota as usize].retain(|t| *t != id);
        }
        if let Some(group) = choice.group {
            self.by_group[group as usize].retain(|t| *t != id);
        }
        if let Some(bond) = problem.tasks[task].bond {
            self.by_bond[bond as usize].retain(|t| *t != id);
        }
        for &(dataset, _) in &problem.tasks[task].reads {
            let key = (dataset, problem.network.region_of(choice.place));
            self.total -= self.dataset_usd(key);
            if let Some(list) = self.readers.get_mut(&key) {
                list.retain(|t| *t != id);
            }
            self.total += self.dataset_usd(key);
        }
        let column = self.placed[task].take()?;
        self.total -= column.own + self.edges(task, choice);
        Some(column)
    }

    /// Egress on the workflow edges between a task on a choice and its placed neighbours upstream.
    fn edges(&self, task: usize, choice: &Choice) -> f64 {
        let inputs = &self.problem.tasks[task].inputs;
        inputs
            .iter()
            .filter_map(|edge| {
                let from = self.choice(edge.producer)?.place;
                Some(self.problem.network.usd(from, choice.place, edge.bytes))
            })
            .sum()
    }

    /// Dollars for bringing what a task reads to a place where nobody else reads it.
    pub fn data_usd(&self, task: u32, place: u32) -> f64 {
        let region = self.problem.network.region_of(place);
        let reads = self.problem.tasks[task as usize].reads.iter();
        reads
            .filter(|(dataset, _)| {
                let there = self.readers.get(&(*dataset, region));
                there.is_none_or(|readers| readers.iter().all(|reader| *reader == task))
            })
            .map(|(dataset, level)| {
                self.problem.datasets[*dataset as usize].usd[(*level as usize, place as usize)]
            })
            .sum()
    }

    /// What a dataset costs in a region: all that is read there, at the largest size, from where the
    /// first reader is.
    fn dataset_usd(&self, key: (u32, u32)) -> f64 {
        let Some(readers) = self.readers.get(&key) else { return 0.0 };
        let level = readers.iter().filter_map(|t| self.level(*t, key.0)).max();
        let payer = readers.first().and_then(|t| self.choice(*t));
        level.zip(payer).map_or(0.0, |(level, payer)| {
            self.problem.datasets[key.0 as usize].usd[(level as usize, payer.place as usize)]
        })
    }

    fn level(&self, task: u32, dataset: u32) -> Option<u32> {
        self.problem.tasks[task as usize].reads.iter().filter(|r| r.0 == dataset).map(|r| r.1).max()
    }

    /// Instance-hours that reservations cover, by task in document order.
    pub fn covered(&self, offer: u32) -> Vec<(u32, f64)> {
        let tasks = self.by_offer.get(&offer).map_or(&[][..], Vec::as_slice);
        let mut moments: Vec<Nanos> = Vec::new();
        for &task in tasks {
            if let Some(column) = &self.placed[task as usize] {
                moments.extend(column.runs.iter().flat_map(|r| [r.0, r.1]));
            }
        }
        let reservations = || self.problem.reservations.iter().filter(|r| r.offer == offer);
        moments.extend(reservations().map(|r| r.until));
        moments.sort_unstable();
        moments.dedup();
        let mut covered: Vec<(u32, f64)> = tasks.iter().map(|t| (*t, 0.0)).collect();
        for pair in moments.windows(2) {
            let mut left: f64 = reservations().filter(|r| r.until > pair[0]).map(|r| r.count).sum();
            if left <= 0.0 {
                continue;
            }
            let hours = (pair[1] - pair[0]) as f64 / HOUR;
            for (task, sum) in &mut covered {
                let Some(column) = &self.placed[*task as usize] else { continue };
                if column.runs.iter().any(|r| r.0 <= pair[0] && pair[0] < r.1) {
                    let n = self.choice(*task).map_or(0.0, |c| c.instances).min(left);
                    left -= n;
                    *sum += n * hours;
                }
            }
        }
        covered
    }

    /// Dollars that reservations of an offer save, risk included.
    fn saving(&self, offer: u32) -> f64 {
        self.covered(offer)
            .into_iter()
            .filter_map(|(task, hours)| self.choice(task).map(|c| hours * c.hourly * (1.0 + c.risk)))
            .sum()
    }

    /// The total summed afresh; the running total drifts by rounding.
    pub fn recount(&mut self) {
        let columns: Vec<Option<Column>> = self.placed.clone();
        let mut fresh = Self::new(self.problem);
        for (task, column) in columns.into_iter().enumerate() {
            if let Some(mut column) = column {
                let task_ref = &self.problem.tasks[task];
                column.own =
                    own_cost(self.problem, task_ref, &task_ref.choices[column.choice as usize], &column.runs);
                fresh.place(task, column);
            }
        }
        // Edges whose producer comes later in the document were not seen above.
        for (task, column) in self.problem.tasks.iter().zip(0..) {
            let Some(choice) = fresh.choice(column) else { continue };
            for edge in task.inputs.iter().filter(|e| e.producer > column) {
                if let Some(from) = fresh.choice(edge.producer) {
                    fresh.total += self.problem.network.usd(from.place, choice.place, edge.bytes);
                }
            }
        }
        *self = fresh;
    }
}

/// Keeps a list of tasks ascending.
fn insert(list: &mut Vec<u32>, task: u32) {
    if let Err(at) = list.binary_search(&task) {
        list.insert(at, task);
    }
}
