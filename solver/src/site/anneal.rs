//! Simulated annealing over pairs of low reduced cost (Kirkpatrick, Gelatt & Vecchi 1983, "Optimization by
//! simulated annealing").
//!
//! Three moves: a task takes another of its pairs; it takes the place of whoever holds what it lacks, who
//! goes elsewhere; all readers of a dataset go to another region together, since paying for the data once
//! makes single moves lose.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    model::Model,
    plan::{OUT, Plan},
};
use crate::outcome::Moves;

/// The heat in the end, as a share of what a task costs on average.
const COLD: f64 = 2e-4;
/// Readers that move together, at most.
const TOGETHER: usize = 64;

/// Improves a plan by a number of moves among `candidates` (by member, best first); never returns a worse one. `heat`: at
/// the beginning, as a share of what a task costs on average.
pub(super) fn improve<'m>(
    model: &'m Model<'m>,
    start: &Plan<'m>,
    candidates: &[Vec<u32>],
    moves: Moves,
    heat: f64,
) -> Plan<'m> {
    let free: Vec<u32> = (0..candidates.len() as u32).filter(|m| candidates[*m as usize].len() > 1).collect();
    if free.is_empty() || moves.count == 0 {
        return start.clone();
    }
    let mut readers: Vec<Vec<u32>> = vec![Vec::new(); model.problem.datasets.len()];
    for m in &free {
        if let Some((dataset, _)) = model.members[*m as usize].home {
            readers[dataset as usize].push(*m);
        }
    }
    readers.retain(|r| r.len() > 1);
    let mut run =
        Run { model, candidates, plan: start.clone(), rng: ChaCha8Rng::seed_from_u64(moves.seed), heat: 0.0 };
    let mut best = start.clone();
    let mean = start.cost().abs() / model.members.len() as f64;
    let (hot, cold) = (heat * mean, COLD * mean);
    // The best is copied only now and then: a copy costs as much as a thousand moves.
    let (mut least, mut since) = (best.cost(), 0_u64);
    for step in 0..moves.count {
        if step % 64 == 0 {
            run.heat = hot * (cold / hot).powf(step as f64 / moves.count as f64);
        }
        if moves.is_over(step) {
            break;
        }
        let dice: u32 = run.rng.random_range(0..16);
        if dice == 0 && !readers.is_empty() {
            let group = run.rng.random_range(0..readers.len());
            run.together(&readers[group]);
        } else {
            let m = free[run.rng.random_range(0..free.len())] as usize;
            run.single(m, dice < 5);
        }
        since += 1;
        if since > moves.count / 50 && run.plan.cost() < least - 1e-9 * least.abs() {
            best.clone_from(&run.plan);
            (least, since) = (best.cost(), 0);
        }
    }
    run.descend(&free);
    if run.plan.cost() < best.cost() { run.plan } else { best }
}

struct Run<'a, 'm> {
    model: &'m Model<'m>,
    candidates: &'a [Vec<u32>],
    plan: Plan<'m>,
    rng: ChaCha8Rng,
    heat: f64,
}

impl Run<'_, '_> {
    /// What a change may cost at most, drawn as Metropolis has it: known before anything is moved.
    fn allowance(&mut self) -> f64 {
        -self.heat * self.rng.random::<f64>().max(1e-300).ln()
    }

    fn accepts(&self, delta: f64, allowance: f64) -> bool {
        self.plan.is_within() && delta <= allowance
    }

    fn may(&self, member: usize, pair: u32) -> bool {
        let most = self.model.members[member].max_cost;
        most.is_infinite() || {
            let of = self.model.pair(pair);
            let reads = &self.model.problem.tasks[self.model.members[member].task as usize].reads;
            let data: f64 = reads.iter().map(|(d, l)| self.model.data_usd(*d, *l, of.place)).sum();
            crate::column::own_money(self.model.choice(member, pair)) + data <= most - 1e-6
        }
    }

    /// Another pair; whoever is in its way goes elsewhere when it may `push`.
    fn single(&mut self, member: usize, push: bool) {
        let list = &self.candidates[member];
        // The better ones more often: the square of a uniform number.
        let dice: f64 = self.rng.random();
        let pair = list[((dice * dice * list.len() as f64) as usize).min(list.len() - 1)];
        let old = self.plan.at(member);
        if pair == old || !self.may(member, pair) {
            return;
        }
        let allowance = self.allowance();
        if old != OUT {
            // Most moves are refused for what they cost on their own, whatever becomes of data.
            let (to, from) = (self.model.pair(pair), self.model.pair(old));
            let saved = self.plan.data_less(member);
            let more = self.model.weighed(member, pair) - self.model.weighed(member, old);
            if more - saved > allowance {
                return;
            }
            // In another region what becomes of data is known too: nothing has to be moved to see it.
            if to.region != from.region
                && more - saved + self.plan.data_more(member, to.region, to.place) > allowance
            {
                return;
            }
        }
        let before = self.plan.cost();
        self.plan.remove(member);
        let Some(limit) = self.plan.obstacle(pair) else {
            self.plan.place(member, pair);
            let delta = self.plan.cost() - before;
            if !self.accepts(delta, allowance) {
                self.plan.remove(member);
                self.back(member, old);
            }
            return;
        };
        if push {
            let holders = self.plan.holders(limit);
            if !holders.is_empty() {
                let victim = holders[self.rng.random_range(0..holders.len())] as usize;
                let was = self.plan.remove(victim);
                if self.plan.fits(pair) {
                    self.plan.place(member, pair);
                    if self.elsewhere(victim, before, allowance) {
                        return;
                    }
                    self.plan.remove(member);
                }
                self.back(victim, was);
            }
        }
        self.back(member, old);
    }

    /// Puts a task that was pushed out on the first of its best pairs that fits; whether that is accepted.
    fn elsewhere(&mut self, member: usize, before: f64, allowance: f64) -> bool {
        let list = &self.candidates[member];
        let mut best: Option<(f64, u32)> = None;
        for &pair in list.iter().take(16) {
            let of = self.model.pair(pair);
            let own = self.model.weighed(member, pair);
            if best.is_some_and(|b| own >= b.0) || !self.may(member, pair) || !self.plan.fits(pair) {
                continue;
            }
            let cost = own + self.plan.data_more(member, of.region, of.place);
            if best.is_none_or(|b| cost < b.0) {
                best = Some((cost, pair));
            }
        }
        let Some((_, pair)) = best else { return false };
        self.plan.place(member, pair);
        let delta = self.plan.cost() - before;
        if self.accepts(delta, allowance) {
            return true;
        }
        self.plan.remove(member);
        false
    }

    fn back(&mut self, member: usize, pair: u32) {
        if pair != OUT {
            self.plan.place(member, pair);
        }
    }

    /// Moves the readers of a dataset to the region of a random candidate of one of them.
    fn together(&mut self, readers: &[u32]) {
        let guide = readers[self.rng.random_range(0..readers.len())] as usize;
        let list = &self.candidates[guide];
        let region = self.model.pair(list[self.rng.random_range(0..list.len())]).region;
        let from = self.rng.random_range(0..readers.len());
        let allowance = self.allowance();
        let before = self.plan.cost();
        let mut moved: Vec<(usize, u32)> = Vec::new();
        for &m in readers.iter().cycle().skip(from).take(readers.len().min(TOGETHER)) {
            let m = m as usize;
            let old = self.plan.at(m);
            if old != OUT && self.model.pair(old).region == region {
                continue;
            }
            let there = self.candidates[m].iter().copied().filter(|p| self.model.pair(*p).region == region);
            let there: Vec<u32> = there.collect();
            if there.is_empty() {
                continue;
            }
            self.plan.remove(m);
            match there.into_iter().find(|p| self.may(m, *p) && self.plan.fits(*p)) {
                Some(pair) => {
                    self.plan.place(m, pair);
                    moved.push((m, old));
                }
                None => self.back(m, old),
            }
        }
        let delta = self.plan.cost() - before;
        if moved.is_empty() || self.accepts(delta, allowance) {
            return;
        }
        for (m, _) in &moved {
            self.plan.remove(*m);
        }
        for (m, old) in moved {
            self.back(m, old);
        }
    }

    /// Moves single tasks to better candidates until none gains.
    fn descend(&mut self, free: &[u32]) {
        for _ in 0..8 {
            let mut moved = false;
            for &m in free {
                let m = m as usize;
                let before = self.plan.cost();
                let old = self.plan.remove(m);
                let out = self.plan.cost();
                let mut best = (before - 1e-9 * before.abs(), old);
                for &pair in &self.candidates[m] {
                    let of = self.model.pair(pair);
                    if out + of.own >= best.0 + f64::EPSILON && self.model.members[m].value.is_finite() {
                        continue;
                    }
                    if !self.may(m, pair) || !self.plan.fits(pair) {
                        continue;
                    }
                    self.plan.place(m, pair);
                    if self.plan.is_within() && self.plan.cost() < best.0 {
                        best = (self.plan.cost(), pair);
                    }
                    self.plan.remove(m);
                }
                moved |= best.1 != old;
                self.back(m, best.1);
            }
            if !moved {
                break;
            }
        }
    }
}
