//! What a policy sees of the carbon to come: the series with an error that is drawn once a seed for each slot. The
//! slot in progress is known.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::timed::series::Series;

/// The true series and the one that is believed.
#[derive(Debug, Clone)]
pub struct Forecast {
    pair: Option<(Series, Series)>,
}

impl Forecast {
    /// Of a series, with an error whose standard deviation is so large a part of its mean.
    pub fn new(carbon: Option<&Series>, error: f64, seed: u64) -> Self {
        let pair = carbon.and_then(|truth| {
            if error <= 0.0 {
                return Some((truth.clone(), truth.clone()));
            }
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(8);
            let deviation = error * truth.mean();
            let values = truth.values().iter().map(|value| {
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                let normal = radius * (rng.random::<f64>() * std::f64::consts::TAU).cos();
                (*value as f64 + deviation * normal).max(0.0).round() as i64
            });
            let believed = truth.with_values(values.collect())?;
            Some((truth.clone(), believed))
        });
        Self { pair }
    }

    /// The sum over [from, to) as believed at `now`.
    pub fn integral(&self, now: u64, from: u64, to: u64) -> i128 {
        let Some((truth, believed)) = &self.pair else { return 0 };
        let slot_end = truth.begin(truth.slot(now) + 1).map_or(u64::MAX, |end| end.max(0) as u64);
        let known = to.min(slot_end);
        if from >= known {
            return believed.integral(from, to);
        }
        truth.integral(from, known) + believed.integral(known, to)
    }

    /// The value at a time as believed at `now`.
    pub fn at(&self, now: u64, at: u64) -> i64 {
        let Some((truth, believed)) = &self.pair else { return 0 };
        if truth.slot(at) == truth.slot(now) { truth.at(at) } else { believed.at(at) }
    }

    /// The moments in (from, to] at which the value may change.
    pub fn changes(&self, from: u64, to: u64) -> Vec<u64> {
        let Some((truth, _)) = &self.pair else { return Vec::new() };
        let first = truth.slot(from) + 1;
        (first..)
            .map_while(|slot| truth.begin(slot))
            .map(|begin| begin.max(0) as u64)
            .take_while(|begin| *begin <= to)
            .filter(|begin| *begin > from)
            .collect()
    }

    /// The value below which so many per cent of the time of [from, to) lie, as believed at `now`: the quantile of
    /// equal steps, by linear interpolation, as for steps that are infinitely short.
    pub fn quantile(&self, now: u64, from: u64, to: u64, part: f64) -> f64 {
        let mut edges = vec![from];
        edges.extend(self.changes(from, to.saturating_sub(1)));
        edges.push(to);
        let mut pieces: Vec<(i64, u64)> =
            edges.windows(2).map(|pair| (self.at(now, pair[0]), pair[1] - pair[0])).collect();
        pieces.sort_unstable();
        let wanted = part * (to - from) as f64;
        let mut passed = 0.0;
        for (value, length) in &pieces {
            passed += *length as f64;
            if passed >= wanted {
                return *value as f64;
            }
        }
        pieces.last().map_or(0.0, |(value, _)| *value as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_in_progress_is_known_and_the_rest_is_drawn() {
        let truth = Series::new((0..100).map(|slot| (slot * 10, 1000))).unwrap();
        let believed = Forecast::new(Some(&truth), 0.05, 7);
        assert_eq!(believed.at(5, 9), 1000);
        assert_eq!(believed.integral(5, 5, 10), 5000);
        let off: Vec<f64> = (1..100).map(|slot| believed.at(5, slot * 10) as f64 - 1000.0).collect();
        let spread = (off.iter().map(|x| x * x).sum::<f64>() / 99.0).sqrt();
        assert!((spread - 50.0).abs() < 12.0, "{spread}");
        assert_eq!(Forecast::new(Some(&truth), 0.0, 7).integral(5, 20, 30), 10_000);
        let again = Forecast::new(Some(&truth), 0.05, 7);
        assert_eq!(again.integral(0, 0, 900), believed.integral(0, 0, 900));
    }

    #[test]
    fn quantiles_are_of_time() {
        let truth = Series::new([(0, 5), (10, 1), (20, 9), (30, 3)]).unwrap();
        let forecast = Forecast::new(Some(&truth), 0.0, 0);
        assert!((forecast.quantile(0, 0, 40, 0.3) - 3.0).abs() < 1e-9);
        assert!((forecast.quantile(0, 0, 40, 0.2) - 1.0).abs() < 1e-9);
    }
}
