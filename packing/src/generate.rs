//! Column generation: patterns that the prices ask for, until none is left or the proof is good enough.
//!
//! The bound holds at any prices π ≥ 0: Σ (w − π)⁺ d + Σ N max(0, V(π) − cost), V the most that any
//! pattern of the bin brings (for a share: Σ N V(π) / Σ π d). Rows that join items have prices too: an item that
//! counts in them costs so much less, and what the rows and their columns bring is added. A bin that takes of a
//! limit costs so much more, and what the limit brings is added. Prices are smoothed towards those of the best
//! bound (Wentges 1997), and a bin is looked at harder only once easier looks find nothing more there.

use crate::{
    dive::chance,
    inside::Effort,
    instance::{Bin, Instance, Item},
    master::{Form, Fractional, Master, charges, part},
    price::price,
    relax::Lambda,
};

/// How much of the prices of the best bound goes into the next.
const SMOOTHING: f64 = 0.6;

/// From quick looks to exhaustive ones.
const EFFORTS: [(usize, usize); 4] = [(8, 4), (40, 12), (300, 40), (3000, 300)];

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// At this distance of value and bound, relative to the bound.
    pub gap: f64,
    /// After so many rounds.
    pub rounds: usize,
    /// How hard to look at most: an index of the efforts, 0 to 3.
    pub hardest: usize,
    /// Whether patterns hold no more of an item than there are.
    pub capped: bool,
}

/// Prices of the rows of a program.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// What one more of each item brings.
    pub items: Vec<f64>,
    /// What one more in each row that joins items brings.
    pub rows: Vec<f64>,
    /// What one more part of each limit on bins brings.
    pub limits: Vec<f64>,
}

impl Prices {
    /// Nothing brings anything.
    pub fn none(instance: &Instance) -> Self {
        Self {
            items: vec![0.0; instance.items.len()],
            rows: vec![0.0; instance.joint.rows.len()],
            limits: vec![0.0; instance.limits.len()],
        }
    }

    fn of(instance: &Instance, fractional: &Fractional) -> Self {
        Self {
            items: fractional.prices.clone(),
            rows: instance.joint.proper(&fractional.rows),
            limits: fractional.limits.clone(),
        }
    }

    /// So much of other prices, the rest of these.
    fn towards(&self, other: &Self, part: f64) -> Self {
        let mixed = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| part * b + (1.0 - part) * a).collect::<Vec<f64>>()
        };
        Self {
            items: mixed(&self.items, &other.items),
            rows: mixed(&self.rows, &other.rows),
            limits: mixed(&self.limits, &other.limits),
        }
    }

    /// What a pod of each class must be worth more than: the least price of its items, less what they bring in rows.
    pub fn of_classes(&self, instance: &Instance) -> Vec<f64> {
        let mut least = vec![f64::INFINITY; instance.classes];
        for (item, price) in instance.items.iter().zip(&self.items) {
            let joint: f64 = item.joint.iter().map(|(row, factor)| factor * self.rows[*row as usize]).sum();
            let least = &mut least[item.class as usize];
            *least = least.min(price - joint);
        }
        least
    }
}

/// What column generation ended with.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The last solution of the linear program.
    pub fractional: Fractional,
    /// No packing is worth more.
    pub bound: f64,
    /// The prices that prove it.
    pub prices: Prices,
    /// The most that a pattern of each bin can bring at those prices.
    pub bins: Vec<f64>,
    /// Solutions of the linear program.
    pub rounds: usize,
    /// Times that a bin was priced.
    pub priced: u64,
}

/// Where column generation stands in each bin.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The prices of resources at which each bin's bound was least.
    lambdas: Vec<Lambda>,
    /// How hard each bin is looked at.
    efforts: Vec<usize>,
}

impl Memory {
    /// The prices of resources at which the bound of each bin was least.
    pub fn lambdas(&self) -> &[Lambda] {
        &self.lambdas
    }

    /// Starts from prices of resources that are near for each bin.
    pub fn start(&mut self, lambdas: Vec<Lambda>) {
        self.lambdas = lambdas;
    }
}

/// Adds patterns to a program until they prove its value, or no time is left: then the best that is proven so far.
pub fn generate(
    instance: &Instance,
    master: &mut Master,
    memory: &mut Memory,
    stop: Stop,
) -> Option<Generated> {
    memory.lambdas.resize(instance.bins.len(), Lambda::default());
    memory.efforts = vec![0; instance.bins.len()];
    let mut best: Option<Best> = None;
    let (mut rounds, mut priced) = (0, 0);
    let mut smoothing = SMOOTHING;
    let mut last: Option<Fractional> = None;
    loop {
        let Some(fractional) = master.solve() else {
            return last.map(|last| finish(instance, last, best, rounds, priced));
        };
        rounds += 1;
        let done = best.as_ref().is_some_and(|b| b.0 - fractional.value <= stop.gap * b.0.abs());
        if done || rounds > stop.rounds || master.is_over() {
            return Some(finish(instance, fractional, best, rounds, priced));
        }
        let now = Prices::of(instance, &fractional);
        let prices = match &best {
            Some((_, center, _)) => now.towards(center, smoothing),
            None => now,
        };
        let (charged, charged_now) =
            (charges(instance, &prices.limits), charges(instance, &fractional.limits));
        let mut added = 0;
        let mut bins = vec![0.0; instance.bins.len()];
        for (index, bin) in instance.bins.iter().enumerate() {
            if bin.count == 0 {
                continue;
            }
            if master.is_over() {
                return Some(finish(instance, fractional, best, rounds, priced));
            }
            let (beam, level) = EFFORTS[memory.efforts[index]];
            let effort = Effort { beam, level, capped: stop.capped };
            let cost = bin.cost + charged[index];
            let found = price(instance, bin, &prices.items, &memory.lambdas[index], cost, Some(effort));
            priced += 1;
            memory.lambdas[index] = found.lambda;
            bins[index] = found.bound;
            let paid = fractional.bins[index] + bin.cost + charged_now[index];
            for (_, pattern) in found.patterns {
                if pattern.value(&fractional.prices) > paid + 1e-7 * paid.max(1e-3)
                    && master.add(instance, index as u32, pattern)
                {
                    added += 1;
                }
            }
        }
        let bound = bound(instance, master.form(), &prices, &bins);
        if best.as_ref().is_none_or(|b| bound < b.0) {
            best = Some((bound, prices, bins.clone()));
        }
        if added > 0 {
            smoothing = SMOOTHING;
        } else if smoothing > 0.0 {
            smoothing = 0.0;
        } else if !harder(instance, memory, &fractional, &bins, within(stop, best.as_ref(), &fractional)) {
            return Some(finish(instance, fractional, best, rounds, priced));
        }
        last = Some(fractional);
    }
}

/// The most that is found to fit a bin at prices of items.
pub fn look(instance: &Instance, bin: &Bin, prices: &[f64], start: &Lambda) -> f64 {
    let (beam, level) = EFFORTS[1];
    let found = price(instance, bin, prices, start, 0.0, Some(Effort { beam, level, capped: false }));
    found.patterns.first().map_or(0.0, |pattern| pattern.0)
}

/// Adds patterns that are best at prices a little beside those given, as different ones as chance makes
/// them: what rounding can be put together from.
pub fn vary(instance: &Instance, master: &mut Master, memory: &Memory, prices: &[f64], turn: u64) {
    const TRIES: u64 = 8;
    let (beam, level) = EFFORTS[1];
    let effort = Effort { beam, level, capped: true };
    for (index, bin) in instance.bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        for at in 0..TRIES {
            let beside = |(item, price): (usize, &f64)| {
                let worth = instance.items[item].worth;
                (price + 1e-3 * worth) * (0.9 + 0.2 * chance(turn * TRIES + at, item))
            };
            let values: Vec<f64> = prices.iter().enumerate().map(beside).collect();
            let start = memory.lambdas.get(index).copied().unwrap_or_default();
            for (_, pattern) in price(instance, bin, &values, &start, bin.cost, Some(effort)).patterns {
                master.add(instance, index as u32, pattern);
            }
        }
    }
}

/// A bound, the prices that prove it, and the most that a pattern of each bin brings at them.
type Best = (f64, Prices, Vec<f64>);

/// How hard to look is worth it: the nearer value and bound are, the less.
fn within(stop: Stop, best: Option<&Best>, fractional: &Fractional) -> Stop {
    let gap = best.map_or(1.0, |best| (best.0 - fractional.value) / best.0.abs().max(1e-9));
    let hardest = match gap / stop.gap.max(1e-9) {
        near if near <= 1.5 => 1,
        near if near <= 20.0 => 2,
        _ => 3,
    };
    Stop { hardest: stop.hardest.min(hardest), ..stop }
}

/// Looks harder at the bins whose bound is far above what they bring; false when there are none.
fn harder(
    instance: &Instance,
    memory: &mut Memory,
    fractional: &Fractional,
    bins: &[f64],
    stop: Stop,
) -> bool {
    let charged = charges(instance, &fractional.limits);
    let open = |index: usize| {
        let paid = instance.bins[index].cost + charged[index] + fractional.bins[index];
        f64::from(instance.bins[index].count) * (bins[index] - paid).max(0.0)
    };
    let total: f64 = (0..bins.len()).map(open).sum();
    let mut any = false;
    for index in 0..bins.len() {
        let worth_it = open(index) > 0.02 * total && total > 1e-3 * stop.gap * fractional.value.abs();
        if worth_it && memory.efforts[index] < stop.hardest {
            memory.efforts[index] += 1;
            any = true;
        }
    }
    any
}

/// The bound that prices of items prove, with the most that a pattern of each bin brings at them.
fn bound(instance: &Instance, form: Form, prices: &Prices, bins: &[f64]) -> f64 {
    match form {
        Form::Admit => {
            let above = |(item, least): (&Item, f64)| (item.worth - least).max(0.0) * f64::from(item.demand);
            // The items of a class have the same worth and demand.
            let of_classes = instance.items.chunk_by(|a, b| a.class == b.class).map(|items| &items[0]);
            let least = prices.of_classes(instance).into_iter().filter(|least| least.is_finite());
            of_classes.zip(least).map(above).sum::<f64>() + held(instance, prices, bins)
        }
        Form::Share => {
            let asked: f64 =
                instance.items.iter().zip(&prices.items).map(|(item, p)| p * f64::from(item.demand)).sum();
            let held: f64 = instance.bins.iter().zip(bins).map(|(bin, v)| v * f64::from(bin.count)).sum();
            if asked > 0.0 { held / asked } else { f64::INFINITY }
        }
    }
}

/// What bins hold at most at some prices, with the most that a pattern of each brings at them, and what the rows
/// that join items and the limits on bins bring.
pub fn held(instance: &Instance, prices: &Prices, bins: &[f64]) -> f64 {
    let charged = charges(instance, &prices.limits);
    let bins = instance.bins.iter().zip(bins).zip(&charged);
    let bins = bins.map(|((bin, v), charge)| (v - bin.cost - charge).max(0.0) * f64::from(bin.count));
    let limits = instance.limits.iter().zip(&prices.limits);
    let limits = limits.map(|(limit, price)| price * limit.most as f64 / part(limit));
    bins.sum::<f64>() + instance.joint.most(&prices.rows) + limits.sum::<f64>()
}

fn finish(
    instance: &Instance,
    fractional: Fractional,
    best: Option<Best>,
    rounds: usize,
    priced: u64,
) -> Generated {
    let (bound, prices, bins) = best.unwrap_or_else(|| {
        let all = instance.items.iter().map(|item| item.worth * f64::from(item.demand)).sum();
        (all, Prices::none(instance), vec![0.0; instance.bins.len()])
    });
    Generated { fractional, bound, prices, bins, rounds, priced }
}
