//! Rows of limits, made where they are broken, their prices, and the bound these prove.
//!
//! At any prices what is left falls into kinds, each on its cheapest column of all, so that their sum less
//! what the limits are worth is a bound (Lagrange). Without a linear program prices climb by the
//! [volume algorithm](crate::volume).

use super::{
    charges::{Charges, Steps},
    model::{Model, Placing},
};
use crate::{
    outcome::Params,
    over_time,
    problem::Nanos,
    state::most_dollars,
    volume::{Pace, ROUNDING, Volume, mix},
};

/// Steps between looks for moments at which the mean breaks a limit.
const LOOK: u64 = 5;
/// Moments of a limit that are made rows of at a time.
const WORST: usize = 8;
/// How fast prices climb.
const PACE: Pace = Pace { patience: 4, share: (0.1, 0.05) };
/// By how much what is held of a sum may be off, as a share of its limit.
const FLOATS: f64 = 1e-9;

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
    /// By row the best prices so far, at most 0, and the best bound.
    pub volume: Volume,
    /// By kind its mean: weights that add up to 1, what is left out apart.
    pub mean: Vec<Vec<(Placing, f64)>>,
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
            volume: Volume::new(PACE),
            mean: vec![Vec::new(); model.kinds.len()],
            steps: 0,
            looked: 0,
            costs: Vec::new(),
        };
        let money = (0..model.money.len() as u32).map(What::Money);
        let sums: Vec<What> = money.chain((0..model.carbon.len() as u32).map(What::Carbon)).collect();
        this.make(&sums);
        this
    }

    /// Makes rows.
    pub(super) fn make(&mut self, new: &[What]) {
        let before = self.rows.len();
        for (number, what) in (before as u32..).zip(new) {
            let (most, slack) = match *what {
                What::Over(limit, moment) => {
                    let list = &mut self.at[limit as usize];
                    list.insert(list.partition_point(|of| of.0 < moment), (moment, number));
                    (self.model.limits[limit as usize].most as f64, 0.0)
                }
                What::Money(sum) => {
                    let most = self.model.money[sum as usize].most;
                    (most, most_dollars(most) - most + FLOATS * most)
                }
                What::Carbon(sum) => {
                    let most = self.model.carbon[sum as usize].most;
                    (most, FLOATS * most)
                }
            };
            let scale = 1.0 / most.max(1e-6);
            self.rows.push(Row { what: *what, scale, most: (most + slack) * scale });
        }
        let mut level = vec![0.0; self.rows.len()];
        for (k, placing, tasks) in self.solution() {
            self.for_rows(k, placing, |row, amount| level[row as usize] += amount * tasks);
        }
        for (row, level) in self.rows.iter().zip(level).skip(before) {
            self.volume.row(f64::NEG_INFINITY, row.most, level);
        }
    }

    /// The mean by kind: placings, each with how many tasks take it.
    fn solution(&self) -> impl Iterator<Item = (usize, &Placing, f64)> {
        self.mean.iter().enumerate().flat_map(|(k, mean)| {
            let tasks = self.model.kinds[k].tasks.len() as f64;
            mean.iter().map(move |(placing, weight)| (k, placing, weight * tasks))
        })
    }

    /// Makes a solution the mean, by kind how many tasks take a placing; one that places nobody says nothing.
    pub(super) fn take_mean(&mut self, solution: Vec<Vec<(Placing, f64)>>) {
        if solution.iter().all(Vec::is_empty) {
            return;
        }
        self.mean = solution;
        for (mean, kind) in self.mean.iter_mut().zip(&self.model.kinds) {
            for (_, weight) in mean {
                *weight /= kind.tasks.len() as f64;
            }
        }
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

    /// What columns are charged at some prices of the rows, which are at most 0.
    pub(super) fn charges(&self, prices: &[f64]) -> Charges {
        let usd = |row: u32| -prices[row as usize] * self.rows[row as usize].scale;
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
            bound += price * row.most;
            size -= price * row.most;
        }
        self.looked += self.model.starts;
        Priced { bound: bound - ROUNDING * size, best }
    }

    /// The rows that are lacking where a solution breaks limits over time most.
    pub(super) fn broken<'p>(
        &self,
        solution: impl Iterator<Item = (&'p Placing, f64)>,
        slack: f64,
    ) -> Vec<What> {
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
            let most = self.model.limits[limit as usize].most as f64 * (1.0 + slack);
            let made = &self.at[limit as usize];
            let moments = over_time::broken(list, most).into_iter();
            let lacking = moments.filter(|moment| made.binary_search_by_key(moment, |of| of.0).is_err());
            new.extend(lacking.take(WORST).map(|moment| What::Over(limit, moment)));
        }
        new
    }

    /// Takes steps of the volume algorithm. `target`: what the best plan known costs.
    pub(super) fn climb(&mut self, steps: u64, target: f64, params: &Params) {
        for _ in 0..steps {
            if self.steps > 0 && params.is_over() {
                break;
            }
            self.steps += 1;
            let trial = self.volume.aim(target);
            let found = self.price(&trial, 1);
            self.learn(&trial, &found);
            if self.steps == 1 || self.steps.is_multiple_of(LOOK) {
                let new = self.broken(self.solution().map(|(_, placing, tasks)| (placing, tasks)), 1e-3);
                self.make(&new);
            }
        }
    }

    /// Takes what the trial prices suggest into the mean, and keeps them when they prove more.
    fn learn(&mut self, trial: &[f64], found: &Priced) {
        let mut level = vec![0.0; self.rows.len()];
        for (k, list) in found.best.iter().enumerate() {
            let tasks = self.model.kinds[k].tasks.len() as f64;
            if let Some((_, placing)) = list.first() {
                self.for_rows(k, placing, |row, amount| level[row as usize] += amount * tasks);
            }
        }
        let share = self.volume.learn(trial, found.bound, &level);
        for (mean, list) in self.mean.iter_mut().zip(&found.best) {
            mix(mean, list.first().map(|first| first.1.clone()), share);
        }
    }
}
