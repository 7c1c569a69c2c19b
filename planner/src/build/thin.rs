//! Dominance: which choices can never be in a best plan, and which would only be a runner-up.

use std::collections::BTreeMap;

use plimsoll_solver::problem::Choice;

use crate::{
    terms::Terms,
    world::{OfferIx, World},
};

/// What couples a choice to the rest, and how it measures up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    /// The data place, where data is shared or handed on.
    pub place: Option<u32>,
    /// The offer itself, where its capacity is limited or paid for.
    pub offer: Option<OfferIx>,
    /// The carbon series, where the time of the run decides.
    pub series: Option<u32>,
    /// The first start, where a later one is not simply worse.
    pub start: Option<i64>,
    /// The run time, where a longer one is not simply worse.
    pub run: Option<i64>,
    /// The quotas it draws on.
    pub quotas: Vec<u32>,
    /// Which of the workload's ways it is, where they are in order.
    pub way: u32,
    /// Cost first, then whatever else can matter; less is better.
    pub measures: Vec<f64>,
}

type Signature = (Option<u32>, Option<OfferIx>, Option<u32>, Option<i64>, Option<i64>, Vec<u32>, u32);

struct Kept {
    measures: Vec<f64>,
    choice: Choice,
    terms: Terms,
    offer: OfferIx,
    dominators: u8,
}

impl Kept {
    /// Whether two others dominate it. What is current stays, as a spare: going on there may cost no more.
    const fn is_dropped(&self) -> bool {
        self.dominators >= 2 && !self.choice.current
    }
}

/// Collects choices and drops those that two others dominate.
pub(super) struct Thinner<'w> {
    world: &'w World<'w>,
    groups: BTreeMap<Signature, Vec<Kept>>,
}

/// Measures closer than this, relatively, are equal.
const EQUAL: f64 = 1e-12;

impl<'w> Thinner<'w> {
    /// Nothing collected.
    pub(super) const fn new(world: &'w World<'w>) -> Self {
        Self { world, groups: BTreeMap::new() }
    }

    /// What the second best of the uncoupled choices costs: one that costs more is dominated by both.
    pub(super) fn cutoff(&self) -> f64 {
        let uncoupled = self.groups.get(&(None, None, None, None, None, Vec::new(), 0));
        let mut costs: Vec<f64> = uncoupled.into_iter().flatten().map(|k| k.measures[0]).collect();
        costs.sort_by(f64::total_cmp);
        costs.get(1).map_or(f64::INFINITY, |second| second * (1.0 + EQUAL) + EQUAL)
    }

    /// Takes in a choice.
    pub(super) fn offer(&mut self, profile: Profile, choice: Choice, terms: Terms, offer: OfferIx) {
        let world = self.world;
        let Profile { place, offer: own, series, start, run, quotas, way, measures } = profile;
        let group = self.groups.entry((place, own, series, start, run, quotas, way)).or_default();
        // A choice that comes as a spare is none to plan with, and makes no other superfluous.
        let mut new = Kept { measures, choice, terms, offer, dominators: 0 };
        for old in group.iter().filter(|old| !old.choice.spare) {
            if dominates(world, old, &new) {
                new.dominators = new.dominators.saturating_add(1);
                if new.is_dropped() {
                    return;
                }
            }
        }
        for old in group.iter_mut().filter(|_| !new.choice.spare) {
            if dominates(world, &new, old) {
                old.dominators = old.dominators.saturating_add(1);
            }
        }
        group.retain(|old| !old.is_dropped());
        group.push(new);
    }

    /// What is left: contenders first, then spares, each by cost and name.
    pub(super) fn finish(self) -> Vec<(Choice, Terms, OfferIx)> {
        let world = self.world;
        let mut kept: Vec<Option<Kept>> = self.groups.into_values().flatten().map(Some).collect();
        // What is sorted is small: choices are not. Names are looked at only where all else is equal.
        let key = |(at, k): (usize, &Kept)| {
            let cost = (k.measures[0] * 1e7).round() as i128;
            (k.choice.spare || k.dominators > 0, cost, !k.choice.current, k.offer, at)
        };
        let mut order: Vec<(bool, i128, bool, OfferIx, usize)> =
            kept.iter().flatten().enumerate().map(key).collect();
        order.sort_by(|a, b| {
            let name = |offer: OfferIx| world.offer(offer);
            (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then_with(|| name(a.3).cmp_name(name(b.3)))
        });
        let in_order = order.into_iter().filter_map(|of| kept[of.4].take());
        in_order
            .map(|mut k| {
                k.choice.spare |= k.dominators > 0;
                (k.choice, k.terms, k.offer)
            })
            .collect()
    }
}

/// Whether `a` is at least as good as `b` in everything; of equals the current one, else the first by name.
fn dominates(world: &World<'_>, a: &Kept, b: &Kept) -> bool {
    let mut better = false;
    for (x, y) in a.measures.iter().zip(&b.measures) {
        let slack = EQUAL * x.abs().max(y.abs());
        if *x > y + slack {
            return false;
        }
        better |= *x < y - slack;
    }
    let name = |k: &Kept| world.offer(k.offer);
    let first = || a.choice.current.cmp(&b.choice.current).reverse().then_with(|| name(a).cmp_name(name(b)));
    better || first().is_lt()
}
