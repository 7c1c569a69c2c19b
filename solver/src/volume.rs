//! The volume algorithm: prices by steps along what solutions break, without a linear solver.
//!
//! Barahona & Anbil 2000, "The volume algorithm: producing primal solutions with a subgradient method",
//! Mathematical Programming 87: the running mean of the solutions at trial prices gives the direction, and is
//! itself close to a solution of the relaxation. What is priced, and what a solution is, is the caller's:
//! [blocks of a program](crate::climb), or flat arrays ([`crate::site`], [`crate::slots`]).
//!
//! Prices have the signs of a program's duals: at most 0 where a row has no least, at least 0 where it has no
//! most. Rows should be scaled to about 1.

/// How far ahead of the bound the goal lies at most, as a share of it.
const AHEAD: f64 = 0.03;
/// What a bound gains at least, as a share of it, for the steps without progress to be forgotten.
const SLIGHT: f64 = 1e-6;
/// Weights of a mean below this are dropped.
const DUST: f64 = 1e-3;

/// What sums over arrays may be off by, as a share of what was added up: see [`crate::linear::Program::proof`].
pub(crate) const ROUNDING: f64 = 1e-11;

/// How patient it is, and how much a solution counts.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Steps in a row that prove no more after which the stride shortens.
    pub patience: u32,
    /// The share of a solution in the mean, at most: at first and in the end.
    pub share: (f64, f64),
}

/// A price with the sign that a row allows which adds up to no less and no more than this.
pub(crate) fn signed(price: f64, (low, high): (f64, f64)) -> f64 {
    let price = if low == f64::NEG_INFINITY { price.min(0.0) } else { price };
    if high == f64::INFINITY { price.max(0.0) } else { price }
}

/// Prices of rows, and what is known of them.
#[derive(Debug)]
pub struct Volume {
    pace: Pace,
    /// By row the least and the most it may add up to.
    rows: Vec<(f64, f64)>,
    /// By row: the prices that prove most so far, and what they prove.
    pub centre: Vec<f64>,
    /// No solution costs less.
    pub bound: f64,
    /// By row what the mean adds up to.
    level: Vec<f64>,
    share: f64,
    stride: f64,
    /// Steps in a row that proved no more.
    reds: u32,
}

impl Volume {
    /// No rows yet.
    pub const fn new(pace: Pace) -> Self {
        Self {
            pace,
            rows: Vec::new(),
            centre: Vec::new(),
            bound: f64::NEG_INFINITY,
            level: Vec::new(),
            share: pace.share.0,
            stride: 1.0,
            reds: 0,
        }
    }

    /// Takes in a row of which the mean holds `level`.
    pub fn row(&mut self, low: f64, high: f64, level: f64) {
        self.rows.push((low, high));
        self.centre.push(0.0);
        self.level.push(level);
    }

    /// Trial prices: from the best so far along what the mean breaks. `target`: the cost of a plan, infinite when
    /// none is known.
    pub fn aim(&self, target: f64) -> Vec<f64> {
        let mut trial = self.centre.clone();
        if self.bound.is_infinite() {
            return trial;
        }
        let ahead = self.bound + AHEAD * self.bound.abs().max(1.0);
        let goal = if target > self.bound { target.min(ahead) } else { ahead };
        let miss: Vec<f64> = (0..trial.len()).map(|row| self.miss(row, self.level[row])).collect();
        let norm: f64 = miss.iter().map(|m| m * m).sum();
        if norm > 1e-18 {
            let step = self.stride * (goal - self.bound) / norm;
            for ((price, miss), sides) in trial.iter_mut().zip(miss).zip(&self.rows) {
                *price = signed(*price + step * miss, *sides);
            }
        }
        trial
    }

    /// Learns from the solution at trial prices, which adds up to `level`: what they prove is kept if it is more.
    /// Returns the share of the solution that goes into the mean.
    pub fn learn(&mut self, trial: &[f64], bound: f64, level: &[f64]) -> f64 {
        let share = if self.bound.is_finite() { self.share_of(level) } else { 1.0 };
        for (mean, new) in self.level.iter_mut().zip(level) {
            *mean += share * (new - *mean);
        }
        let before = self.bound;
        if self.keep(trial, bound) {
            if before.is_finite() {
                let onward: f64 = (0..level.len())
                    .map(|row| self.miss(row, level[row]) * self.miss(row, self.level[row]))
                    .sum();
                self.stride = (self.stride * if onward > 0.0 { 1.2 } else { 1.1 }).min(2.0);
                if bound > before + SLIGHT * before.abs().max(1.0) {
                    self.reds = 0;
                }
            }
        } else {
            self.reds += 1;
            if self.reds >= self.pace.patience {
                self.reds = 0;
                self.stride = (self.stride * 0.66).max(1e-4);
                self.share = (self.share * 0.95).max(self.pace.share.1);
            }
        }
        share
    }

    /// Keeps prices that prove more than those before; whether they do.
    pub fn keep(&mut self, prices: &[f64], bound: f64) -> bool {
        let better = bound > self.bound;
        if better {
            self.bound = bound;
            self.centre = prices.to_vec();
        }
        better
    }

    /// Takes another mean, by row what it adds up to.
    pub fn hold(&mut self, level: Vec<f64>) {
        self.level = level;
    }

    /// How far a level is from the side of a row that its price asks for; 0 where the price would stay 0.
    fn miss(&self, row: usize, level: f64) -> f64 {
        let ((low, high), price) = (self.rows[row], self.centre[row]);
        if level > high || price < 0.0 {
            high - level
        } else if level < low || price > 0.0 {
            low - level
        } else {
            0.0
        }
    }

    /// How much of a solution brings the mean closest to keeping the rows.
    fn share_of(&self, level: &[f64]) -> f64 {
        let (mut along, mut across) = (0.0, 0.0);
        for (row, new) in level.iter().enumerate() {
            let change = new - self.level[row];
            along += self.miss(row, self.level[row]) * change;
            across += change * change;
        }
        let best = if across > 0.0 { along / across } else { 1.0 };
        if best <= 0.0 { self.share / 10.0 } else { best.min(self.share) }
    }
}

/// Takes a share of a solution into a mean of weights.
pub(crate) fn mix<T: PartialEq>(mean: &mut Vec<(T, f64)>, new: Option<T>, share: f64) {
    for entry in mean.iter_mut() {
        entry.1 *= 1.0 - share;
    }
    mean.retain(|entry| entry.1 > DUST);
    let Some(new) = new else { return };
    match mean.iter_mut().find(|entry| entry.0 == new) {
        Some(entry) => entry.1 += share,
        None => mean.push((new, share)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whoever takes most for what it costs waits for room: one row, things of 1 each that cost differently
        /// in it and out of it. The best bound is that of the linear program, known in closed form.
        #[test]
        fn prices_of_one_row_reach_the_best_bound(
            gains in prop::collection::vec(1_u32..40, 2..9), room in 1_usize..5, mirrored in any::<bool>(),
        ) {
            let sign = if mirrored { -1.0 } else { 1.0 };
            let most = room as f64 * sign;
            let mut volume = Volume::new(Pace { patience: 3, share: (1.0, 0.1) });
            let side = if mirrored { (most, f64::INFINITY) } else { (f64::NEG_INFINITY, most) };
            volume.row(side.0, side.1, 0.0);
            for _ in 0..300 {
                let trial = volume.aim(f64::INFINITY);
                prop_assert!(trial[0] * sign <= 0.0);
                // In costs 0 less the price of a unit, out costs the gain.
                let (mut bound, mut level) = (trial[0] * most, 0.0);
                for gain in &gains {
                    let inside = -trial[0] * sign;
                    bound += inside.min(f64::from(*gain));
                    level += if inside < f64::from(*gain) { sign } else { 0.0 };
                }
                volume.learn(&trial, bound, &[level]);
            }
            let mut sorted = gains.clone();
            sorted.sort_unstable();
            let best: u32 = sorted.iter().take(gains.len().saturating_sub(room)).sum();
            prop_assert!(volume.bound <= f64::from(best) + 1e-9);
            prop_assert!(volume.bound >= f64::from(best) * 0.98, "{} of {best}", volume.bound);
        }
    }
}
