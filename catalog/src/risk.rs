//! How often spot capacity is taken back. `tables/interruptions.csv` has the reasoning.

use std::sync::OnceLock;

use crate::source::Fact;
use crate::table::{fields, number, rows};

static INTERRUPTIONS: &str = include_str!("../tables/interruptions.csv");

struct Rates {
    /// By Spot Advisor's band.
    bands: [f64; 5],
    default: Fact<f64>,
}

fn rates() -> &'static Rates {
    static PARSED: OnceLock<Rates> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut rates = Rates { bands: [0.0; 5], default: Fact::of("risk-default", 0.0, true) };
        for line in rows(INTERRUPTIONS) {
            let [scope, band, _label, _share, per_hour, source] = fields(line);
            match (scope, band.parse::<usize>()) {
                ("aws", Ok(band)) => rates.bands[band] = number(per_hour),
                _ => rates.default = Fact::of(source, number(per_hour), true),
            }
        }
        rates
    })
}

/// Interruptions an hour of an instance in a band of AWS Spot Advisor.
pub(crate) fn of_band(band: usize) -> f64 {
    rates().bands[band]
}

/// What to assume of a spot offer whose provider publishes no rate (all but AWS): the mean over AWS' offers.
pub fn default_interruptions_per_hour() -> Fact<f64> {
    rates().default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_at_the_rate_of_a_band_loses_the_share_of_the_band() {
        for (band, share) in [0.025, 0.075, 0.125, 0.175, 0.25].into_iter().enumerate() {
            let lost = 1.0 - (-of_band(band) * 730.0).exp();
            assert!((lost - share).abs() < 1e-4, "band {band}: {lost}");
        }
        let default = default_interruptions_per_hour();
        assert!(default.estimate && default.value > of_band(0) && default.value < of_band(4));
    }
}
