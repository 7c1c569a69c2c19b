//! A plan of a [model](super::model) with what it holds of each limit, for moves by the million.
//!
//! It knows every rule of the model, but own machines only by their sums. What it makes is rebuilt under the
//! full rules before it counts.

use std::cell::Cell;

use super::model::Model;
use crate::over_time::Profile;

/// No pair: left out.
pub(super) const OUT: u32 = u32::MAX;
/// Pairs for which room is made, for each member, and how many leave for one at most.
const TRIES: usize = 40;
const LEAVING: usize = 6;

/// A plan.
#[derive(Debug, Clone)]
pub(super) struct Plan<'m> {
    model: &'m Model<'m>,
    /// By member its pair, or [`OUT`].
    at: Vec<u32>,
    /// By limit the sum of all that is held.
    load: Vec<f64>,
    /// By limit over time who holds it, and how much of it at which time.
    held: Vec<Vec<u32>>,
    profiles: Vec<Profile>,
    /// By how much sums stay below their limits, so that rounding does not matter.
    margin: f64,
    /// How often pairs have been held against limits.
    looked: Cell<u64>,
    /// By dataset and region the readers there, ascending.
    readers: Vec<Vec<u32>>,
    regions: usize,
    /// Sums that are over their limits.
    over: u32,
    cost: f64,
    /// What a required task costs that is left out.
    penalty: f64,
}

impl<'m> Plan<'m> {
    /// Everything left out.
    pub(super) fn new(model: &'m Model<'m>) -> Self {
        let regions = model.pairs().iter().map(|p| p.region as usize + 1).max().unwrap_or(0);
        // More than any task costs that is placed, so that leaving out is the last resort.
        let dearest = model.pairs().iter().map(|p| p.own).fold(0.0, f64::max);
        let data = model.problem.datasets.iter().flat_map(|d| d.usd.iter().copied());
        let data = data.filter(|usd| usd.is_finite()).fold(0.0, f64::max);
        let mut plan = Self {
            model,
            at: vec![OUT; model.members.len()],
            load: vec![0.0; model.limits.len()],
            held: vec![Vec::new(); model.limits.len()],
            profiles: vec![Profile::default(); model.limits.len()],
            margin: model.margin(),
            looked: Cell::new(0),
            readers: vec![Vec::new(); regions * model.problem.datasets.len()],
            regions,
            over: 0,
            cost: 0.0,
            penalty: 10.0 * (dearest + data) + 1.0,
        };
        plan.cost = (0..model.members.len()).map(|m| plan.forgone(m)).sum();
        plan
    }

    /// Dollars, with what is forgone; a required task that is left out costs more than any placed one.
    pub(super) const fn cost(&self) -> f64 {
        self.cost
    }

    /// Sums may reach their limits from here on, as far as that may be right: the full rules decide.
    pub(super) fn loosen(&mut self) {
        self.margin = -self.model.margin();
    }

    /// How often pairs have been held against limits.
    pub(super) const fn looked(&self) -> u64 {
        self.looked.get()
    }

    /// Whether every sum is within its limit.
    pub(super) const fn is_within(&self) -> bool {
        self.over == 0
    }

    /// Where a member is.
    pub(super) fn at(&self, member: usize) -> u32 {
        self.at[member]
    }

    /// Where everyone is.
    pub(super) fn pairs(&self) -> &[u32] {
        &self.at
    }

    fn forgone(&self, member: usize) -> f64 {
        let value = self.model.members[member].value;
        if value.is_finite() { value } else { self.penalty }
    }

    /// Places a member that is out; the caller has asked [`Plan::fits`].
    pub(super) fn place(&mut self, member: usize, pair: u32) {
        let (model, of) = (self.model, self.model.pair(pair));
        self.cost += model.weighed(member, pair) - self.forgone(member);
        self.at[member] = pair;
        for &(limit, amount) in model.takes(pair) {
            self.shift(limit, amount);
            if !model.limits[limit as usize].sum {
                self.held[limit as usize].push(member as u32);
                self.profiles[limit as usize].add(of.start, of.end, amount as i64);
            }
        }
        for &(dataset, _) in self.reads(member) {
            let slot = dataset as usize * self.regions + of.region as usize;
            self.charge(dataset, slot, -1.0);
            if let Err(spot) = self.readers[slot].binary_search(&(member as u32)) {
                self.readers[slot].insert(spot, member as u32);
            }
            self.charge(dataset, slot, 1.0);
        }
    }

    /// Takes a member out; returns where it was.
    pub(super) fn remove(&mut self, member: usize) -> u32 {
        let pair = self.at[member];
        if pair == OUT {
            return pair;
        }
        let (model, of) = (self.model, self.model.pair(pair));
        for &(dataset, _) in self.reads(member) {
            let slot = dataset as usize * self.regions + of.region as usize;
            self.charge(dataset, slot, -1.0);
            if let Ok(spot) = self.readers[slot].binary_search(&(member as u32)) {
                self.readers[slot].remove(spot);
            }
            self.charge(dataset, slot, 1.0);
        }
        for &(limit, amount) in model.takes(pair) {
            self.shift(limit, -amount);
            let held = &mut self.held[limit as usize];
            if let Some(spot) = held.iter().position(|other| *other == member as u32) {
                held.swap_remove(spot);
                self.profiles[limit as usize].add(of.start, of.end, -(amount as i64));
            }
        }
        self.at[member] = OUT;
        self.cost += self.forgone(member) - model.weighed(member, pair);
        pair
    }

    fn reads(&self, member: usize) -> &'m [(u32, u32)] {
        &self.model.problem.tasks[self.model.members[member].task as usize].reads
    }

    fn shift(&mut self, limit: u32, by: f64) {
        let of = self.model.limits[limit as usize];
        let load = &mut self.load[limit as usize];
        if of.sum {
            let most = of.most - self.margin;
            self.over -= u32::from(*load > most);
            *load += by;
            self.over += u32::from(*load > most);
        } else {
            *load += by;
        }
    }

    /// Adds what a dataset costs in a region, `sign` times, to the total and to its payer's budgets.
    fn charge(&mut self, dataset: u32, slot: usize, sign: f64) {
        let Some(&payer) = self.readers[slot].first() else { return };
        let usd = sign * self.data(dataset, slot, None);
        if usd.abs() > 0.0 {
            self.cost += usd;
            for &budget in &self.model.members[payer as usize].budgets {
                self.shift(budget, usd);
            }
        }
    }

    /// What a dataset costs in a region with those who read it there, and perhaps one more.
    fn data(&self, dataset: u32, slot: usize, more: Option<(u32, u32)>) -> f64 {
        let model = self.model;
        let level_of = |m: u32| {
            let reads = self.reads(m as usize).iter().filter(|r| r.0 == dataset).map(|r| r.1);
            reads.max().unwrap_or(0)
        };
        let readers = &self.readers[slot];
        let single = model.problem.datasets[dataset as usize].sizes.len() == 1;
        let there = readers.iter().copied().chain(more.map(|m| m.0));
        let level = if single { Some(0) } else { there.map(level_of).max() };
        let payer = match (readers.first(), more) {
            (Some(first), Some((new, place))) if new < *first => Some(place),
            (Some(first), _) => Some(model.pair(self.at[*first as usize]).place),
            (None, more) => more.map(|m| m.1),
        };
        level.zip(payer).map_or(0.0, |(level, place)| model.data_usd(dataset, level, place))
    }

    /// What data costs more when a member reads it where a pair lies.
    pub(super) fn data_more(&self, member: usize, region: u32, place: u32) -> f64 {
        let more = |dataset: u32| {
            let slot = dataset as usize * self.regions + region as usize;
            self.data(dataset, slot, Some((member as u32, place))) - self.data(dataset, slot, None)
        };
        let reads = self.reads(member);
        let first = |at: &usize| reads[..*at].iter().all(|r| r.0 != reads[*at].0);
        (0..reads.len()).filter(first).map(|at| more(reads[at].0)).sum()
    }

    /// What data costs less at most when a member that is placed leaves.
    pub(super) fn data_less(&self, member: usize) -> f64 {
        let region = self.model.pair(self.at[member]).region as usize;
        let less = |dataset: u32| {
            let slot = dataset as usize * self.regions + region;
            let several = self.model.problem.datasets[dataset as usize].sizes.len() > 1;
            if several || self.readers[slot].len() == 1 { self.data(dataset, slot, None) } else { 0.0 }
        };
        self.reads(member).iter().map(|(dataset, _)| less(*dataset)).sum()
    }

    /// Whether a pair keeps every limit beside what is placed (data may still exceed a sum).
    pub(super) fn fits(&self, pair: u32) -> bool {
        self.obstacle(pair).is_none()
    }

    /// The first limit that a pair would break.
    pub(super) fn obstacle(&self, pair: u32) -> Option<u32> {
        let model = self.model;
        let of = model.pair(pair);
        self.looked.set(self.looked.get() + 1);
        let breaks = |(limit, amount): &&(u32, f64)| {
            let bound = model.limits[*limit as usize];
            let all = self.load[*limit as usize] + amount;
            if bound.sum {
                return all > bound.most - self.margin;
            }
            let fits = |profile: &Profile| profile.fits(of.start, of.end, *amount as i64, bound.most as i64);
            all > bound.most && !fits(&self.profiles[*limit as usize])
        };
        model.takes(pair).iter().find(breaks).map(|(limit, _)| *limit)
    }

    /// Who holds something of a limit over time.
    pub(super) fn holders(&self, limit: u32) -> &[u32] {
        &self.held[limit as usize]
    }

    /// The pair on which a member adds least, with what it adds, `charge` by pair included.
    pub(super) fn cheapest(&self, member: usize, charge: impl Fn(u32) -> f64) -> Option<(u32, f64)> {
        let model = self.model;
        let mut best: Option<(u32, f64)> = None;
        let mut here = (u32::MAX, u32::MAX, 0.0);
        for pair in model.range(member) {
            let of = model.pair(pair);
            if (here.0, here.1) != (of.region, of.place) {
                here = (of.region, of.place, self.data_more(member, of.region, of.place));
            }
            let least = model.weighed(member, pair) + here.2;
            if best.is_some_and(|b| least >= b.1) {
                continue;
            }
            let cost = least + charge(pair);
            if best.is_none_or(|b| cost < b.1) && self.affords(member, pair, here.2) {
                best = Some((pair, cost));
            }
        }
        best
    }

    /// Whether a pair keeps every limit, and its data what the member may cost.
    pub(super) fn affords(&self, member: usize, pair: u32, data: f64) -> bool {
        let of = &self.model.members[member];
        if of.max_cost.is_finite() || !of.budgets.is_empty() {
            let money = crate::column::own_money(self.model.choice(member, pair)) + data.max(0.0);
            if money > of.max_cost - self.margin {
                return false;
            }
            let left = |budget: &u32| {
                let limit = self.model.limits[*budget as usize].most - self.margin;
                self.load[*budget as usize] + money <= limit
            };
            if !of.budgets.iter().all(left) {
                return false;
            }
        }
        self.fits(pair)
    }

    /// Places a member where it adds least, or leaves it out when that is cheaper.
    pub(super) fn insert(&mut self, member: usize, charge: impl Fn(u32) -> f64) -> bool {
        let Some((pair, cost)) = self.cheapest(member, charge) else { return false };
        if cost < self.forgone(member) {
            self.place(member, pair);
            if !self.is_within() {
                // Whoever pays for its data cannot.
                self.remove(member);
            }
        }
        self.at[member] != OUT
    }

    /// Makes room for a member that fits nowhere: others go elsewhere, at the least cost. Whether it is
    /// placed then; else nothing has changed. Ends when pairs have been looked at so often in all.
    pub(super) fn eject(&mut self, member: usize, most: u64) -> bool {
        let model = self.model;
        let mut order: Vec<u32> = model.range(member).collect();
        order.sort_by(|a, b| model.pair(*a).own.total_cmp(&model.pair(*b).own).then(a.cmp(b)));
        for pair in order.into_iter().take(TRIES) {
            if self.looked() >= most {
                break;
            }
            let mut moved: Vec<(usize, u32)> = Vec::new();
            while let Some(limit) = self.obstacle(pair)
                && moved.len() < LEAVING
            {
                let amount = |h: &u32| {
                    model.takes(self.at[*h as usize]).iter().find(|t| t.0 == limit).map_or(0.0, |t| t.1)
                };
                // The largest goes: it makes most room.
                let holders = self.holders(limit).iter().copied();
                let Some(victim) = holders.max_by(|a, b| amount(a).total_cmp(&amount(b)).then(b.cmp(a)))
                else {
                    break;
                };
                let pair = self.remove(victim as usize);
                moved.push((victim as usize, pair));
            }
            if self.obstacle(pair).is_none() {
                self.place(member, pair);
                if self.is_within() && moved.iter().all(|(other, _)| self.insert(*other, |_| 0.0)) {
                    return true;
                }
                self.remove(member);
            }
            for (other, _) in &moved {
                self.remove(*other);
            }
            for (other, pair) in moved {
                self.place(other, pair);
            }
        }
        false
    }
}
