//! The generator of Go's package `math/rand` (version 1), bit for bit: an additive lagged Fibonacci generator,
//! x(n) = x(n−607) + x(n−273) modulo 2⁶⁴, seeded from a linear congruential one and from its own state after
//! 7.8·10¹² steps.
//!
//! That state is a table of 607 numbers in Go's source, made by a program (`gen_cooked.go`) that takes all the
//! steps. Here it is computed: so many steps are the power of one, and the power of a step is a polynomial modulo
//! z⁶⁰⁷ = z³³⁴ + 1, which 43 squarings reach.

use std::sync::OnceLock;

const LENGTH: usize = 607;
const TAP: usize = 273;
const STEPS: u64 = 7_800_000_000_000;

/// A source seeded as `rand.Seed` does.
#[derive(Debug, Clone)]
pub struct GoRand {
    state: [u64; LENGTH],
    tap: usize,
    feed: usize,
}

impl GoRand {
    pub(super) fn new(seed: u64) -> Self {
        const MODULUS: u64 = (1 << 31) - 1;
        let cooked = cooked();
        let seed = match seed % MODULUS {
            0 => 89_482_311,
            seed => seed,
        };
        let mut state = seeded(seed, 40, 20);
        for (word, cooked) in state.iter_mut().zip(cooked) {
            *word ^= cooked;
        }
        Self { state, tap: 0, feed: LENGTH - TAP }
    }

    fn next(&mut self) -> u64 {
        let back = |at: usize| if at == 0 { LENGTH - 1 } else { at - 1 };
        self.tap = back(self.tap);
        self.feed = back(self.feed);
        let sum = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = sum;
        sum
    }

    pub(super) fn skip(&mut self, count: u32) {
        for _ in 0..count {
            self.next();
        }
    }

    /// `Int31`: 31 bits from the top of the low 63.
    fn int31(&mut self) -> u32 {
        ((self.next() << 1) >> 33) as u32
    }

    /// `Uint32`: 32 bits from the top of the low 63.
    fn uint32(&mut self) -> u32 {
        ((self.next() << 1) >> 32) as u32
    }

    /// `Intn`.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        if n.is_power_of_two() {
            return self.int31() & (n - 1);
        }
        let most = (1_u32 << 31) - 1 - (1_u32 << 31) % n;
        loop {
            let value = self.int31();
            if value <= most {
                return value % n;
            }
        }
    }

    /// The draw that `Shuffle` uses, by Lemire's multiplication.
    pub(super) fn below_for_shuffle(&mut self, n: u32) -> u32 {
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.uint32()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }
}

/// 607 words from the congruential generator, three of its numbers each.
fn seeded(seed: u64, first: u32, second: u32) -> [u64; LENGTH] {
    let mut x = seed;
    let mut draw = || {
        x = x * 48_271 % ((1 << 31) - 1);
        x
    };
    for _ in 0..20 {
        draw();
    }
    std::array::from_fn(|_| (draw() << first) ^ (draw() << second) ^ draw())
}

/// The state of the generator seeded with 1 after all the steps.
fn cooked() -> &'static [u64; LENGTH] {
    static COOKED: OnceLock<[u64; LENGTH]> = OnceLock::new();
    COOKED.get_or_init(|| {
        let start = seeded(1, 20, 10);
        // A word's place moves down by one a step, from 334; so the sequence, oldest word first, is this.
        let place = |n: u64| {
            let behind = (n % LENGTH as u64) as usize;
            (LENGTH - TAP + LENGTH - behind) % LENGTH
        };
        let mut sequence = [0; 2 * LENGTH];
        for (n, word) in (1_u64..).zip(&mut sequence[..LENGTH]) {
            *word = start[place(n)];
        }
        for n in LENGTH..2 * LENGTH {
            sequence[n] = sequence[n - LENGTH].wrapping_add(sequence[n - TAP]);
        }
        let power = power(STEPS);
        let mut state = [0; LENGTH];
        for n in 0..LENGTH {
            let word = power
                .iter()
                .zip(&sequence[n..])
                .fold(0_u64, |sum, (c, s)| sum.wrapping_add(c.wrapping_mul(*s)));
            state[place(STEPS + 1 + n as u64)] = word;
        }
        state
    })
}

/// z to the power of `exponent`, modulo z⁶⁰⁷ = z³³⁴ + 1.
fn power(exponent: u64) -> [u64; LENGTH] {
    let mut result = [0_u64; LENGTH];
    result[0] = 1;
    for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
        let mut square = [0_u64; 2 * LENGTH];
        for (i, a) in result.iter().enumerate() {
            for (slot, b) in square[i..].iter_mut().zip(&result) {
                *slot = slot.wrapping_add(a.wrapping_mul(*b));
            }
        }
        if exponent >> bit & 1 == 1 {
            square.copy_within(0..2 * LENGTH - 1, 1);
            square[0] = 0;
        }
        for n in (LENGTH..2 * LENGTH).rev() {
            let high = std::mem::take(&mut square[n]);
            square[n - LENGTH] = square[n - LENGTH].wrapping_add(high);
            square[n - TAP] = square[n - TAP].wrapping_add(high);
        }
        result.copy_from_slice(&square[..LENGTH]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_draws_from_seed_1_are_the_documented_ones() {
        // What `rand.Intn(100)` prints in every unseeded Go program before 1.20.
        let mut go = GoRand::new(1);
        let drawn: Vec<u32> = (0..10).map(|_| go.below(100)).collect();
        assert_eq!(drawn, [81, 87, 47, 59, 81, 18, 25, 40, 56, 0]);
    }

    #[test]
    fn the_power_of_few_steps_is_the_steps() {
        for steps in [0, 1, 606, 607, 1_000, 5_000] {
            let direct = {
                let mut state = [0_u64; LENGTH];
                state[0] = 1;
                for _ in 0..steps {
                    let high = state[LENGTH - 1];
                    state.copy_within(0..LENGTH - 1, 1);
                    state[0] = high;
                    state[LENGTH - TAP] = state[LENGTH - TAP].wrapping_add(high);
                }
                state
            };
            assert_eq!(power(steps), direct, "{steps} steps");
        }
    }
}
