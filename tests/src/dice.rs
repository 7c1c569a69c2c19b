//! Seeded chance, in the few forms that the generator needs.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::features::Feature;

/// A seeded source of chance.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// From a seed and what is to be drawn, so that equal seeds of different features differ.
    pub fn new(seed: u64, features: &[Feature]) -> Self {
        let mixed = features.iter().fold(seed, |mixed, feature| {
            mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) ^ (*feature as u64 + 1)
        });
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// From `low` to `high`, both included.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.int(0, 99) < percent
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// An index below a length.
    pub fn below(&mut self, length: usize) -> usize {
        self.0.random_range(0..length)
    }

    /// An amount with so many decimals, sometimes a round one.
    pub fn amount(&mut self, low: f64, high: f64, decimals: i32) -> f64 {
        if self.chance(25) {
            return (low + (high - low) / 2.0).ceil();
        }
        let scale = 10_f64.powi(decimals);
        let steps = (low * scale) as i64..=(high * scale) as i64;
        self.0.random_range(steps) as f64 / scale
    }
}
