//! A whole plan with what is used at every moment, made to be changed a little very often.

use super::{
    charges::Charges,
    model::{Kind, Model, Pair, Placing},
};
use crate::problem::Nanos;

/// What is used of a limit: (from, how much), ascending, from the beginning of time on.
#[derive(Debug, Clone)]
struct Profile(Vec<(Nanos, i64)>);

impl Profile {
    /// The most that is used in a window.
    fn peak(&self, start: Nanos, end: Nanos) -> i64 {
        let from = self.0.partition_point(|step| step.0 <= start) - 1;
        self.0[from..].iter().take_while(|step| step.0 < end).map(|step| step.1).max().unwrap_or(0)
    }

    /// Uses more, or less, in a window.
    fn add(&mut self, start: Nanos, end: Nanos, amount: i64) {
        if start >= end {
            return;
        }
        let (from, to) = (self.cut(start), self.cut(end));
        for step in &mut self.0[from..to] {
            step.1 += amount;
        }
        self.mend(to);
        self.mend(from);
    }

    /// The step that begins at a moment, made if there is none.
    fn cut(&mut self, moment: Nanos) -> usize {
        let at = self.0.partition_point(|step| step.0 < moment);
        if self.0.get(at).is_none_or(|step| step.0 != moment) {
            let level = self.0[at - 1].1;
            self.0.insert(at, (moment, level));
        }
        at
    }

    /// Joins a step with the one before when they are equal.
    fn mend(&mut self, at: usize) {
        if self.0[at].1 == self.0[at - 1].1 {
            self.0.remove(at);
        }
    }
}

/// A plan of a component.
#[derive(Debug, Clone)]
pub(super) struct Plan<'m> {
    pub model: &'m Model<'m>,
    /// By member its kind.
    pub kind_of: Vec<u32>,
    pub placed: Vec<Option<Placing>>,
    profiles: Vec<Profile>,
    /// By limit who is placed under it.
    pub there: Vec<Vec<u32>>,
    money: Vec<f64>,
    carbon: Vec<f64>,
    /// Looks at limits so far.
    pub looked: u64,
}

impl<'m> Plan<'m> {
    /// Nothing is placed. Members are the tasks of the kinds, kind by kind.
    pub(super) fn new(model: &'m Model<'m>) -> Self {
        let kinds = (0_u32..).zip(&model.kinds);
        let kind_of: Vec<u32> =
            kinds.flat_map(|(k, kind)| std::iter::repeat_n(k, kind.tasks.len())).collect();
        Self {
            model,
            placed: vec![None; kind_of.len()],
            kind_of,
            profiles: vec![Profile(vec![(Nanos::MIN, 0)]); model.limits.len()],
            there: vec![Vec::new(); model.limits.len()],
            money: vec![0.0; model.money.len()],
            carbon: vec![0.0; model.carbon.len()],
            looked: 0,
        }
    }

    /// The kind of a member.
    pub(super) fn kind(&self, member: usize) -> &'m Kind {
        &self.model.kinds[self.kind_of[member] as usize]
    }

    /// Whether a pair may run in a window beside what is placed.
    pub(super) fn is_open(&self, pair: &Pair, start: Nanos, end: Nanos) -> bool {
        self.model.takes(pair).iter().all(|(limit, amount)| {
            self.profiles[*limit as usize].peak(start, end).saturating_add(*amount)
                <= self.model.limits[*limit as usize].most
        })
    }

    /// Whether the sums have room for a member of a kind.
    fn affords(&self, kind: &Kind, money: f64, kilograms: f64) -> bool {
        let room = |sums: &[u32], used: &[f64], most: &[super::model::Sum], more: f64| {
            sums.iter().all(|sum| {
                let most = most[*sum as usize].most;
                used[*sum as usize] + more <= most + 1e-9 * most.abs()
            })
        };
        room(&kind.money, &self.money, &self.model.money, money)
            && room(&kind.carbon, &self.carbon, &self.model.carbon, kilograms)
    }

    /// Whether a placing keeps every limit beside what is placed.
    pub(super) fn fits(&mut self, member: usize, placing: &Placing) -> bool {
        self.looked += 1;
        let pair = self.model.pair_at(placing.pair);
        self.affords(self.kind(member), pair.money, placing.kilograms)
            && placing.runs().all(|run| self.is_open(pair, run.0, run.1))
    }

    /// Whether a start of a pair does.
    pub(super) fn fits_at(&mut self, member: usize, pair: &Pair, start: u32) -> bool {
        self.looked += 1;
        let moment = pair.start(start);
        if !self.is_open(pair, moment, moment + pair.run) {
            return false;
        }
        let kind = self.kind(member);
        let kilograms = if kind.carbon.is_empty() {
            0.0
        } else {
            pair.kilowatts * self.model.integrals(pair)[start as usize]
        };
        self.affords(kind, pair.money, kilograms)
    }

    /// Places a member.
    pub(super) fn place(&mut self, member: usize, placing: Placing) {
        self.account(member, &placing, 1);
        for (limit, _) in self.model.takes(self.model.pair_at(placing.pair)) {
            self.there[*limit as usize].push(member as u32);
        }
        self.placed[member] = Some(placing);
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, member: usize) -> Option<Placing> {
        let placing = self.placed[member].take()?;
        self.account(member, &placing, -1);
        for (limit, _) in self.model.takes(self.model.pair_at(placing.pair)) {
            let there = &mut self.there[*limit as usize];
            if let Some(at) = there.iter().position(|other| *other == member as u32) {
                there.swap_remove(at);
            }
        }
        Some(placing)
    }

    fn account(&mut self, member: usize, placing: &Placing, sign: i64) {
        let pair = self.model.pair_at(placing.pair);
        for (limit, amount) in self.model.takes(pair) {
            for run in placing.runs() {
                self.profiles[*limit as usize].add(run.0, run.1, sign * amount);
            }
        }
        let kind = &self.model.kinds[self.kind_of[member] as usize];
        for sum in &kind.money {
            self.money[*sum as usize] += sign as f64 * pair.money;
        }
        for sum in &kind.carbon {
            self.carbon[*sum as usize] += sign as f64 * placing.kilograms;
        }
    }

    /// The cheapest placing of a member that fits, of all its columns.
    pub(super) fn cheapest(
        &mut self,
        member: usize,
        none: &Charges,
        costs: &mut Vec<f64>,
    ) -> Option<Placing> {
        let (model, kind) = (self.model, self.kind(member));
        let mut best: Option<(f64, Placing)> = None;
        for (number, pair) in model.pairs_of(kind) {
            let below = best.as_ref().map_or(f64::INFINITY, |best| best.0);
            if pair.least >= below {
                break;
            }
            if pair.pieces {
                if let Some(placing) = self.in_pieces(member, (number, pair), none, below) {
                    best = Some((placing.own, placing));
                }
                continue;
            }
            none.by_start(model, kind, pair, costs);
            let mut first: Option<(f64, u32)> = None;
            for (start, cost) in (0..).zip(costs.iter()) {
                if *cost < first.map_or(below, |first| first.0) && self.fits_at(member, pair, start) {
                    first = Some((*cost, start));
                }
            }
            if let Some((cost, start)) = first {
                best = Some((cost, model.placing(number, start)));
            }
        }
        best.map(|best| best.1)
    }

    /// The run in pieces that is cheapest with what it is charged, of what is open, below some cost.
    pub(super) fn in_pieces(
        &mut self,
        member: usize,
        (number, pair): (u32, &Pair),
        charges: &Charges,
        below: f64,
    ) -> Option<Placing> {
        self.looked += u64::from(pair.count);
        let open = |start, end| self.is_open(pair, start, end);
        let found = charges.in_pieces(self.model, (self.kind(member), pair), below, open)?;
        let placing = self.model.in_pieces(number, &found.runs);
        self.affords(self.kind(member), pair.money, placing.kilograms).then_some(placing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_profile_is_the_sum_of_its_windows(
            windows in prop::collection::vec((0_i64..20, 1_i64..9, 1_i64..5, any::<bool>()), 1..12),
            start in 0_i64..20, length in 1_i64..9,
        ) {
            let mut profile = Profile(vec![(Nanos::MIN, 0)]);
            for (start, length, amount, _) in &windows {
                profile.add(*start, start + length, *amount);
            }
            for (start, length, amount, _) in windows.iter().filter(|w| w.3) {
                profile.add(*start, start + length, -amount);
            }
            let used = |at: i64| -> i64 {
                windows.iter().filter(|w| !w.3 && w.0 <= at && at < w.0 + w.1).map(|w| w.2).sum()
            };
            let peak = (start..start + length).map(used).max().unwrap_or(0);
            prop_assert_eq!(profile.peak(start, start + length), peak);
            prop_assert!(profile.0.windows(2).all(|w| w[0].1 != w[1].1));
        }
    }
}
