//! When spot capacity that is interrupted at a rate is taken back: the hazard is constant, so that the time to the first
//! interruption of n instances is exponential with n times the rate.
//!
//! The draws of a job are its own, by the number of its start: whatever a policy does with others, a job that starts
//! for the third time is interrupted after as long, so that policies are compared on the same luck.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The streams of jobs lie above those of everything else that is drawn.
const STREAMS: u64 = 1 << 32;
/// Words of a stream for one start: a draw takes two.
const WORDS: u128 = 2;

/// The hazard of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hazard {
    /// The seed of the run.
    pub seed: u64,
    /// The grid of microseconds that times lie on; 0: exact.
    pub tick: u64,
}

impl Hazard {
    /// When a job is interrupted that starts now, by its place among all arrivals and the number of its start, at so
    /// many interruptions an hour; after now, on the grid.
    pub fn after(self, now: u64, order: u64, start: u64, per_hour: f64) -> u64 {
        const HOUR: f64 = 3.6e9;
        let mut draws = ChaCha8Rng::seed_from_u64(self.seed);
        draws.set_stream(STREAMS + order);
        draws.set_word_pos(u128::from(start) * WORDS);
        let hours = -(1.0 - draws.random::<f64>()).ln() / per_hour;
        // What is beyond the range is never.
        let at = now.saturating_add((hours * HOUR).ceil() as u64).max(now + 1);
        if self.tick > 0 { at.checked_next_multiple_of(self.tick).unwrap_or(u64::MAX) } else { at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exponential_and_each_starts_own() {
        let hazard = Hazard { seed: 7, tick: 0 };
        let times: Vec<f64> =
            (0..20_000).map(|order| hazard.after(0, order, 0, 2.0) as f64 / 3.6e9).collect();
        let mean = times.iter().sum::<f64>() / 20_000.0;
        let squares = times.iter().map(|time| time * time).sum::<f64>() / 20_000.0;
        // Four deviations of the means of an exponential with mean 1/2 and second moment 1/2.
        assert!((mean - 0.5).abs() < 4.0 * 0.5 / 141.0, "{mean}");
        assert!((squares - 0.5).abs() < 4.0 * (20.0_f64 / 16.0).sqrt() / 141.0, "{squares}");
        let at = |seed, order, start| Hazard { seed, tick: 0 }.after(0, order, start, 2.0);
        assert_eq!(at(7, 1, 1), at(7, 1, 1));
        assert!(at(7, 1, 1) != at(7, 1, 0) && at(7, 1, 1) != at(7, 0, 1) && at(7, 1, 1) != at(8, 1, 1));
        assert_eq!(at(7, 3, 0), 2 * Hazard { seed: 7, tick: 0 }.after(0, 3, 0, 4.0) - at(7, 3, 0) % 2);
    }

    #[test]
    fn times_lie_on_the_grid_and_after_now() {
        let hazard = Hazard { seed: 1, tick: 5_000_000 };
        for order in 0..100 {
            let at = hazard.after(10_000_000, order, 0, 1e12);
            assert_eq!(at, 15_000_000);
            assert!(hazard.after(10_000_000, order, 0, 1.0).is_multiple_of(5_000_000));
        }
        assert_eq!(Hazard { seed: 1, tick: 0 }.after(5, 0, 0, f64::MIN_POSITIVE), u64::MAX);
    }
}
