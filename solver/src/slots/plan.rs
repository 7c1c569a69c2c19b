//! A whole plan with what is used at every moment, made to be changed a little very often.

use super::{
    charges::Charges,
    model::{Kind, Model, Pair, Placing},
};
use crate::{
    over_time::Profile,
    problem::Nanos,
    state::{most_dollars, most_kilograms},
};

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
            profiles: vec![Profile::default(); model.limits.len()],
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
            self.profiles[*limit as usize].fits(start, end, *amount, self.model.limits[*limit as usize].most)
        })
    }

    /// Whether the sums have room for a member of a kind.
    fn affords(&self, kind: &Kind, money: f64, kilograms: f64) -> bool {
        let (dollars, carbon) = (&self.model.money, &self.model.carbon);
        let has_dollars =
            |sum: &u32| self.money[*sum as usize] + money <= most_dollars(dollars[*sum as usize].most);
        let has_kilograms =
            |sum: &u32| self.carbon[*sum as usize] + kilograms <= most_kilograms(carbon[*sum as usize].most);
        kind.money.iter().all(has_dollars) && kind.carbon.iter().all(has_kilograms)
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
