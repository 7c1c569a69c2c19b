//! Where a run's random choices come from: one stream a run, from its seed.

mod go;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random choices.
#[derive(Debug, Clone)]
pub enum Draws {
    /// `ChaCha8`.
    ChaCha(Box<ChaCha8Rng>),
    /// The generator of Go's `math/rand`, which the published runs drew from; with it their arrivals and orders of
    /// nodes come out again, seed by seed.
    Go(Box<go::GoRand>),
}

impl Draws {
    /// `ChaCha8` from a seed.
    pub fn chacha(seed: u64) -> Self {
        Self::ChaCha(Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Go's generator from a seed.
    pub fn go(seed: u64) -> Self {
        Self::Go(Box::new(go::GoRand::new(seed)))
    }

    /// A number under `n`, which is at least 1 and under 2³¹.
    pub fn below(&mut self, n: usize) -> usize {
        match self {
            Self::ChaCha(rng) => rng.random_range(0..n),
            Self::Go(rng) => rng.below(n as u32) as usize,
        }
    }

    /// Passes over numbers that Go's programs draw for other ends; `ChaCha8` serves nothing else.
    pub(crate) fn skip_in_go(&mut self, count: u32) {
        if let Self::Go(rng) = self {
            rng.skip(count);
        }
    }

    /// Puts a list into random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = match self {
                Self::ChaCha(rng) => rng.random_range(0..=last),
                Self::Go(rng) => rng.below_for_shuffle(last as u32 + 1) as usize,
            };
            list.swap(last, other);
        }
    }

    /// The numbers under `n` in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut numbers = vec![0; n];
        for at in 0..n {
            let other = self.below(at + 1);
            numbers[at] = numbers[other];
            numbers[other] = at;
        }
        numbers
    }
}
