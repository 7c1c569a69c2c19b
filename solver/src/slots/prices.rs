//! Rows of limits, made where they are broken, their prices, and the bound these prove.
//!
//! At any prices what is left falls into kinds, each on its cheapest column of all, so that their sum less
//! what the limits are worth is a bound (Lagrange). Without a linear program prices climb by the volume
//! algorithm (Barahona & Anbil 2000, "The volume algorithm", Mathematical Programming 87).

use super::{
    charges::{Charges, Steps},
    model::{Model, Placing},
};
use crate::{outcome::Params, problem::Nanos};

/// Steps between looks for moments at which the mean breaks a limit.
const LOOK: u64 = 5;
/// Moments of a limit that are made rows of at a time.
const WORST: usize = 8;
/// Steps that prove no more after which the stride shortens.
const PATIENCE: u32 = 4;
/// The greatest share of a solution in the mean, at first and in the end.
const SHARE: (f64, f64) = (0.1, 0.05);
/// How far ahead of the bound the goal lies at most, as a share of it.
const AHEAD: f64 = 0.03;
/// Weights of the mean below this are dropped.
const DUST: f64 = 1e-3;
/// What sums may be off by, as a share of what was added up: see [`crate::linear::Program::proof`].
const ROUNDING: f64 = 1e-11;
/// Dollars by which the rounding of a task's parts may lower what a budget counts.
const MICRO: f64 = 2e-6;

/// What a row limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A limit over time at a moment.
    Over(u32, Nanos),
    Money(u32),
    Carbon(u32),
}

/// A row, scaled so that its limit is about 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub what: What,
    pub scale: f64,
    pub most: f64,
}

/// The cheapest columns at some prices.
#[derive(Debug, Clone)]
pub(super) struct Priced {
    /// No plan costs less.
    pub bound: f64,
    /// By kind, cheapest first, each with its reduced cost.
    pub best: Vec<Vec<(f64, Placing)>>,
}

/// Rows, prices, and the mean of what the prices suggest.
#[derive(Debug)]
pub(super) struct Prices<'m> {
    pub model: &'m Model<'m>,
    pub rows: Vec<Row>,
    /// By limit the rows at its moments, ascending.
    at: Vec<Vec<(Nanos, u32)>>,
    /// By row: the best prices so far.
    pub centre: Vec<f64>,
    /// By row what the mean takes.
    level: Vec<f64>,
    /// By kind its mean: weights that add up to 1, what is left out apart.
    pub mean: Vec<Vec<(Placing, f64)>>,
    /// The best bound so far.
    pub bound: f64,
    stride: f64,
    reds: u32,
    share: f64,
    pub steps: u64,
    /// Starts looked at.
    pub looked: u64,
    costs: Vec<f64>,
}

impl<'m> Prices<'m> {
    /// No prices yet.
    pub(super) fn new(model: &'m Model<'m>) -> Self {
        let mut this = Self {
            model,
            rows: Vec::new(),
            at: vec![Vec::new(); model.limits.len()],
            centre: Vec::new(),
            level: Vec::new(),
            mean: vec![Vec::new(); model.kinds.len()],
            bound: f64::NEG_INFINITY,
            stride: 1.0,
            reds: 0,
            share: SHARE.0,
            steps: 0,
            looked: 0,
            costs: Vec::new(),
        };
        for sum in 0..model.money.len() {
            this.add_row(What::Money(sum as u32));
        }
        for sum in 0..model.carbon.len() {
            this.add_row(What::Carbon(sum as u32));
        }
        this
    }

    fn add_row(&mut self, what: What) {
        let most = match what {
            What::Over(limit, _) => self.model.limits[limit as usize].most as f64,
            What::Money(sum) => self.model.money[sum as usize].most,
            What::Carbon(sum) => self.model.carbon[sum as usize].most,
        };
        let scale = 1.0 / most.max(1e-6);
        let tasks: usize = self.model.kinds.iter().map(|kind| kind.tasks.len()).sum();
        let slack = match what {
            What::Over(..) => 0.0,
            What::Money(_) => MICRO * tasks as f64,
            What::Carbon(_) => 1e-9 * most,
        };
        let number = self.rows.len() as u32;
        if let What::Over(limit, moment) = what {
            let list = &mut self.at[limit as usize];
            list.insert(list.partition_point(|of| of.0 < moment), (moment, number));
        }
        self.rows.push(Row { what, scale, most: (most + slack) * scale });
        self.centre.push(0.0);
        self.level.push(0.0);
    }

    /// Whether a row limits something at a moment, not a sum.
    pub(super) fn is_over_time(&self, row: usize) -> bool {
        matches!(self.rows[row].what, What::Over(..))
    }

    /// The rows that one task of a kind takes of when it is placed so, with how much.
    pub(super) fn for_rows(&self, kind: usize, placing: &Placing, mut each: impl FnMut(u32, f64)) {
        let pair = self.model.pair_at(placing.pair);
        for (limit, amount) in self.model.takes(pair) {
            let list = &self.at[*limit as usize];
            for (start, end) in placing.runs() {
                let from = list.partition_point(|of| of.0 < start);
                for (_, row) in list[from..].iter().take_while(|of| of.0 < end) {
                    each(*row, *amount as f64 * self.rows[*row as usize].scale);
                }
            }
        }
        let (kind, sums) = (&self.model.kinds[kind], self.model.money.len() as u32);
        for sum in &kind.money {
            each(*sum, pair.money * self.rows[*sum as usize].scale);
        }
        for sum in &kind.carbon {
            each(sums + sum, placing.kilograms * self.rows[(sums + sum) as usize].scale);
        }
    }

    /// What columns are charged at some prices of the rows.
    pub(super) fn charges(&self, prices: &[f64]) -> Charges {
        let usd = |row: u32| prices[row as usize] * self.rows[row as usize].scale;
        let money = self.model.money.len() as u32;
        Charges {
            over: self
                .at
                .iter()
                .map(|list| Steps::new(list.iter().map(|(moment, row)| (*moment, usd(*row)))))
                .collect(),
            money: (0..money).map(usd).collect(),
            carbon: (money..money + self.model.carbon.len() as u32).map(usd).collect(),
        }
    }

    /// Prices out all columns: by kind the cheapest `most`, each of another pair; and what the prices prove.
    pub(super) fn price(&mut self, prices: &[f64], most: usize) -> Priced {
        let charges = self.charges(prices);
        let (mut bound, mut size) = (0.0_f64, 0.0_f64);
        let mut best = Vec::with_capacity(self.model.kinds.len());
        for kind in &self.model.kinds {
            let below = if most == 1 { kind.value } else { f64::INFINITY };
            let list = charges.cheapest(self.model, kind, most, below, &mut self.costs);
            let least = list.first().map_or(kind.value, |first| first.0.min(kind.value));
            // What fits nowhere is left out by every plan.
            let least = if least.is_finite() { least } else { 0.0 };
            bound += least * kind.tasks.len() as f64;
            size += least.abs() * kind.tasks.len() as f64;
            best.push(list);
        }
        for (row, price) in self.rows.iter().zip(prices) {
            bound -= price * row.most;
            size += price * row.most;
        }
        self.looked += self.model.starts;
        Priced { bound: bound - ROUNDING * size, best }
    }

    /// Keeps prices that prove more than those before.
    pub(super) fn keep(&mut self, prices: &[f64], bound: f64) -> bool {
        let better = bound > self.bound;
        if better {
            self.bound = bound;
            self.centre = prices.to_vec();
        }
        better
    }

    /// Makes rows at the moments at which a solution breaks limits most; how many.
    pub(super) fn separate<'p>(
        &mut self,
        solution: impl Iterator<Item = (&'p Placing, f64)>,
        slack: f64,
    ) -> usize {
        let mut events: Vec<Vec<(Nanos, f64)>> = vec![Vec::new(); self.model.limits.len()];
        for (placing, weight) in solution.filter(|of| of.1 > 1e-7) {
            for (limit, amount) in self.model.takes(self.model.pair_at(placing.pair)) {
                let of = &mut events[*limit as usize];
                for run in placing.runs() {
                    of.push((run.0, *amount as f64 * weight));
                    of.push((run.1, -(*amount as f64) * weight));
                }
            }
        }
        let mut new = Vec::new();
        for (limit, list) in (0_u32..).zip(&mut events) {
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let most = self.model.limits[limit as usize].most as f64 * (1.0 + slack);
            let (mut level, mut i) = (0.0, 0);
            let mut broken: Vec<(f64, Nanos)> = Vec::new();
            while i < list.len() {
                let moment = list[i].0;
                while i < list.len() && list[i].0 == moment {
                    level += list[i].1;
                    i += 1;
                }
                let made = &self.at[limit as usize];
                if level > most && made.binary_search_by_key(&moment, |of| of.0).is_err() {
                    broken.push((level - most, moment));
                }
            }
            broken.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            new.extend(broken.into_iter().take(WORST).map(|of| What::Over(limit, of.1)));
        }
        for what in &new {
            self.add_row(*what);
        }
        new.len()
    }

    /// Takes steps of the volume algorithm. `target`: what the best plan known costs.
    pub(super) fn climb(&mut self, steps: u64, target: f64, params: &Params) {
        for _ in 0..steps {
            if self.steps > 0 && params.is_over() {
                break;
            }
            self.steps += 1;
            let trial = self.aim(target);
            let found = self.price(&trial, 1);
            let level = self.learn(&found);
            self.judge(&trial, found.bound, &level);
            if self.steps == 1 || self.steps.is_multiple_of(LOOK) {
                let mean = std::mem::take(&mut self.mean);
                let tasks: Vec<f64> = self.model.kinds.iter().map(|kind| kind.tasks.len() as f64).collect();
                let solution = mean.iter().zip(&tasks).flat_map(|(mean, tasks)| {
                    mean.iter().map(move |(placing, weight)| (placing, weight * tasks))
                });
                let before = self.rows.len();
                self.separate(solution, 1e-3);
                self.mean = mean;
                self.measure(before);
            }
        }
    }

    /// What the mean takes of the rows from `from` on.
    fn measure(&mut self, from: usize) {
        let mut level = vec![0.0; self.rows.len()];
        for (k, mean) in self.mean.iter().enumerate() {
            let tasks = self.model.kinds[k].tasks.len() as f64;
            for (placing, weight) in mean {
                self.for_rows(k, placing, |row, amount| level[row as usize] += amount * weight * tasks);
            }
        }
        self.level.splice(from.., level.into_iter().skip(from));
    }

    /// Trial prices: from the best so far along what the mean breaks.
    fn aim(&self, target: f64) -> Vec<f64> {
        if !self.bound.is_finite() {
            return self.centre.clone();
        }
        let ahead = self.bound + AHEAD * self.bound.abs().max(1.0);
        let goal = if target > self.bound { target.min(ahead) } else { ahead };
        let miss: Vec<f64> = (0..self.rows.len()).map(|r| self.miss(r, self.level[r])).collect();
        let norm: f64 = miss.iter().map(|m| m * m).sum();
        let step = if norm > 1e-18 { self.stride * (goal - self.bound) / norm } else { 0.0 };
        self.centre.iter().zip(miss).map(|(centre, miss)| (centre + step * miss).max(0.0)).collect()
    }

    /// How far a level is above a row; below it only where a price is to fall back.
    fn miss(&self, row: usize, level: f64) -> f64 {
        let most = self.rows[row].most;
        if level > most || self.centre[row] > 0.0 { level - most } else { 0.0 }
    }

    /// Takes a solution into the mean; what it takes of the rows.
    fn learn(&mut self, found: &Priced) -> Vec<f64> {
        let mut level = vec![0.0; self.rows.len()];
        let placed: Vec<Option<&Placing>> =
            found.best.iter().map(|list| list.first().map(|first| &first.1)).collect();
        for (k, placing) in placed.iter().enumerate() {
            let tasks = self.model.kinds[k].tasks.len() as f64;
            if let Some(placing) = placing {
                self.for_rows(k, placing, |row, amount| level[row as usize] += amount * tasks);
            }
        }
        let share = if self.steps == 1 { 1.0 } else { self.share_of(&level) };
        for (mean, placing) in self.mean.iter_mut().zip(placed) {
            for entry in mean.iter_mut() {
                entry.1 *= 1.0 - share;
            }
            mean.retain(|entry| entry.1 > DUST);
            let Some(placing) = placing else { continue };
            match mean.iter_mut().find(|entry| entry.0 == *placing) {
                Some(entry) => entry.1 += share,
                None => mean.push((placing.clone(), share)),
            }
        }
        for (mean, new) in self.level.iter_mut().zip(&level) {
            *mean += share * (new - *mean);
        }
        level
    }

    /// How much of a solution brings the mean closest to keeping the rows.
    fn share_of(&self, level: &[f64]) -> f64 {
        let (mut along, mut across) = (0.0, 0.0);
        for (row, new) in level.iter().enumerate() {
            let change = new - self.level[row];
            along -= self.miss(row, self.level[row]) * change;
            across += change * change;
        }
        let best = if across > 0.0 { along / across } else { 1.0 };
        if best <= 0.0 { self.share / 5.0 } else { best.min(self.share) }
    }

    fn judge(&mut self, trial: &[f64], bound: f64, level: &[f64]) {
        let slight = 1e-5 * self.bound.abs().max(1.0);
        let before = self.bound;
        if self.keep(trial, bound) {
            let onward: f64 =
                (0..level.len()).map(|r| self.miss(r, level[r]) * self.miss(r, self.level[r])).sum();
            if before.is_finite() {
                self.stride = (self.stride * if onward > 0.0 { 1.3 } else { 1.0 }).min(2.0);
                self.reds = if bound > before + slight { 0 } else { self.reds };
            }
        } else {
            self.reds += 1;
            if self.reds >= PATIENCE {
                self.reds = 0;
                self.stride = (self.stride * 0.66).max(1e-4);
                self.share = (self.share * 0.95).max(SHARE.1);
            }
        }
    }
}
