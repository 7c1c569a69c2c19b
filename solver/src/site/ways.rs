//! Whole ways through blocks: what becomes of a dataset's readers, or of a task that reads nothing.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    plan::OUT,
    prices::{Prices, Suggestion},
};
use crate::problem::Nanos;

/// Ways known, all blocks together, at most.
const KNOWN: usize = 200_000;

/// A way through a block.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub block: u32,
    /// By member of the block its pair, or [`OUT`].
    pub pairs: Vec<u32>,
    /// What it costs at no prices, data at the price of its cheapest place in the region.
    pub cost: f64,
}

/// The ways seen so far.
#[derive(Debug, Default)]
pub(super) struct Ways {
    is_kept: bool,
    pub list: Vec<Way>,
    /// By block and pairs its number.
    known: BTreeMap<(u32, Vec<u32>), u32>,
}

impl Ways {
    /// Whether ways are kept.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Keeps them from here on.
    pub(super) const fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Takes in the ways of a solution of the blocks; which ways they are, those that were known too.
    pub(super) fn learn(&mut self, prices: &Prices<'_>, pairs: &[u32]) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(prices.blocks() as usize);
        for block in 0..prices.blocks() {
            let pairs: Vec<u32> = prices.members_of(block).iter().map(|m| pairs[*m as usize]).collect();
            let next = self.list.len();
            match self.known.entry((block, pairs)) {
                Entry::Occupied(known) => numbers.push(*known.get()),
                Entry::Vacant(_) if next >= KNOWN => {}
                Entry::Vacant(new) => {
                    let pairs = new.key().1.clone();
                    new.insert(next as u32);
                    numbers.push(next as u32);
                    let cost = prices.cost_of(block, &pairs);
                    self.list.push(Way { block, pairs, cost });
                }
            }
        }
        numbers
    }

    /// By block its ways with what they cost more at some prices than its cheapest one, from the least on.
    pub(super) fn reduced(&self, prices: &Prices<'_>, at: &[f64]) -> Vec<Vec<(f64, u32)>> {
        let mut by_block: Vec<Vec<(f64, u32)>> = vec![Vec::new(); prices.blocks() as usize];
        for (number, way) in (0_u32..).zip(&self.list) {
            let mut cost = way.cost;
            for (_, amount) in terms(prices, way, |row| -at[row]) {
                cost += amount;
            }
            by_block[way.block as usize].push((cost, number));
        }
        for list in &mut by_block {
            list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let least = list.first().map_or(0.0, |first| first.0);
            for of in list.iter_mut() {
                of.0 -= least;
            }
        }
        by_block
    }
}

/// What a way takes of the rows, times a factor.
pub(super) fn terms(prices: &Prices<'_>, way: &Way, factor: impl Fn(usize) -> f64) -> BTreeMap<u32, f64> {
    let mut terms: BTreeMap<u32, f64> = BTreeMap::new();
    for (m, pair) in prices.members_of(way.block).iter().zip(&way.pairs).filter(|of| *of.1 != OUT) {
        prices.for_rows(*m, *pair, |row, amount| {
            let amount = amount * factor(row);
            if amount.abs() > 0.0 {
                *terms.entry(row as u32).or_default() += amount;
            }
        });
    }
    terms
}

/// What ways are made of and measured by.
impl Prices<'_> {
    /// How many blocks there are: datasets with their readers, then tasks that read nothing.
    pub(super) const fn blocks(&self) -> u32 {
        (self.blocks.len() + self.single.len()) as u32
    }

    /// The members of a block, ascending.
    pub(super) fn members_of(&self, block: u32) -> &[u32] {
        let block = block as usize;
        match self.blocks.get(block) {
            Some(of) => &of.members,
            None => std::slice::from_ref(&self.single[block - self.blocks.len()]),
        }
    }

    /// By region of a way: the largest level of data that is read, the first member there and its place.
    fn regions(&self, block: u32, pairs: &[u32]) -> BTreeMap<u32, (u32, u32, u32)> {
        let mut regions: BTreeMap<u32, (u32, u32, u32)> = BTreeMap::new();
        for (m, pair) in self.members_of(block).iter().zip(pairs).filter(|of| *of.1 != OUT) {
            let (of, home) = (self.model.pair(*pair), self.model.members[*m as usize].home);
            if let Some((_, level)) = home {
                let there = regions.entry(of.region).or_insert((level, *m, of.place));
                there.0 = there.0.max(level);
            }
        }
        regions
    }

    /// What a way costs without data.
    fn own(&self, block: u32, pairs: &[u32]) -> f64 {
        let of = |(m, pair): (&u32, &u32)| {
            let value = self.model.members[*m as usize].value;
            if *pair != OUT {
                self.model.pair(*pair).own
            } else if value.is_finite() {
                value
            } else {
                0.0
            }
        };
        self.members_of(block).iter().zip(pairs).map(of).sum()
    }

    /// What a way costs at least: data at the price of its cheapest place.
    fn cost_of(&self, block: u32, pairs: &[u32]) -> f64 {
        let Some(of) = self.blocks.get(block as usize) else { return self.own(block, pairs) };
        let opening = |(region, (level, ..)): (&u32, &(u32, u32, u32))| {
            of.sites.binary_search(&(*region, *level)).map_or(0.0, |site| of.opening[site])
        };
        self.own(block, pairs) + self.regions(block, pairs).iter().map(opening).sum::<f64>()
    }

    /// What data costs a way, each part with who pays it.
    fn data<'s>(&'s self, block: u32, pairs: &[u32]) -> impl Iterator<Item = (u32, f64)> + use<'s> {
        let dataset = self.members_of(block).first().and_then(|m| self.model.members[*m as usize].home);
        let regions = self.regions(block, pairs);
        regions.into_values().filter_map(move |(level, payer, place)| {
            Some((payer, self.model.data_usd(dataset?.0, level, place)))
        })
    }

    /// What a way costs when whoever is first in a region pays for the data.
    pub(super) fn paid(&self, block: u32, pairs: &[u32]) -> f64 {
        self.own(block, pairs) + self.data(block, pairs).map(|of| of.1).sum::<f64>()
    }

    /// What a way counts for those who leave home with it.
    pub(super) fn fares(&self, block: u32, pairs: &[u32]) -> f64 {
        let placed = self.members_of(block).iter().zip(pairs).filter(|of| *of.1 != OUT);
        placed.map(|(m, pair)| self.model.fare(*m as usize, *pair)).sum()
    }

    /// What a way takes of limits, from when to when.
    pub(super) fn takes_of(&self, block: u32, pairs: &[u32], mut each: impl FnMut(u32, f64, Nanos, Nanos)) {
        let model = self.model;
        let mut take = |limit: u32, amount: f64, from: Nanos, to: Nanos| {
            let sum = model.limits[limit as usize].sum;
            let (from, to) = if sum { (Nanos::MIN, Nanos::MAX) } else { (from, to) };
            each(limit, amount, from, to);
        };
        for pair in pairs.iter().filter(|pair| **pair != OUT) {
            let of = model.pair(*pair);
            for (limit, amount) in model.takes(*pair) {
                take(*limit, *amount, of.start, of.end);
            }
        }
        for (payer, usd) in self.data(block, pairs) {
            for budget in &model.members[payer as usize].budgets {
                take(*budget, usd, 0, 0);
            }
        }
    }

    /// How much there is of each limit, rounding allowed for.
    pub(super) fn room(&self, limit: u32) -> f64 {
        let of = self.model.limits[limit as usize];
        if of.sum { of.most - self.model.margin() } else { of.most }
    }

    /// Takes in the ways of a solution of the blocks, by member a pair; which ways they are.
    pub(super) fn learn_ways(&mut self, pairs: &[u32]) -> Vec<u32> {
        let mut ways = std::mem::take(&mut self.ways);
        let numbers = ways.learn(self, pairs);
        self.ways = ways;
        numbers
    }

    /// The blocks solved at some prices, exactly where that is little work; what they prove is kept. Which ways
    /// they take.
    pub(super) fn try_prices(&mut self, at: &[f64]) -> Vec<u32> {
        let Suggestion { bound, pairs } = self.suggest(at, true);
        self.volume.keep(at, bound);
        self.bound = self.bound.max(bound);
        self.learn_ways(&pairs)
    }
}
