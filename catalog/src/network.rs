//! What lies between regions: the price of moving data, the time of a round trip, the rate of a transfer.
//!
//! Each answer is a measurement or a list price for that very pair, or else a stated default, flagged as an estimate;
//! `None` where there is nothing to stand on. Places are (cloud, region).

mod egress;
mod matrix;

use std::sync::OnceLock;

pub use egress::{egress, egress_to};
use matrix::Matrix;

use crate::region::region;
use crate::source::Fact;

static RTT: &str = include_str!("../tables/rtt.csv");
static THROUGHPUT_OLD: &str = include_str!("../tables/throughput_2022-01.csv");
static THROUGHPUT_NEW: &str = include_str!("../tables/throughput_2022-11.csv");

/// A region as the network tables know it: cloud and region.
pub type Place<'a> = (&'a str, &'a str);

/// Round trip in ms, the same both ways. Measured for 69 regions; for two others with known coordinates a fit to those
/// measurements, whose error is 22 ms at the median; 0 within a region.
pub fn rtt_ms(a: Place<'_>, b: Place<'_>) -> Option<Fact<f64>> {
    static PARSED: OnceLock<Matrix> = OnceLock::new();
    if a == b {
        return Some(Fact::of("within-region", 0.0, false));
    }
    let measured = PARSED.get_or_init(|| Matrix::parse(RTT));
    if let Some(ms) = measured.get(a, b).or_else(|| measured.get(b, a)) {
        return Some(Fact::of("rtt-2022", ms, false));
    }
    Some(rtt_estimate_ms(region(a.0, a.1)?.lat_lon?, region(b.0, b.1)?.lat_lon?))
}

/// The fit alone, between two (latitude, longitude) in degrees: for places that the catalogue does not have.
pub fn rtt_estimate_ms(a: (f64, f64), b: (f64, f64)) -> Fact<f64> {
    Fact::of("rtt-fit", 22.0 + 1.58 * distance_km(a, b) / 100.0, true)
}

/// Gbit/s from one machine in one region to one machine in another, where it was measured. Transfers within a region
/// take no time, so there is nothing to ask here.
pub fn throughput_gbps(from: Place<'_>, to: Place<'_>) -> Option<Fact<f64>> {
    static PARSED: OnceLock<[(&str, Matrix); 2]> = OnceLock::new();
    let tables = PARSED.get_or_init(|| {
        [
            ("throughput-2022-11", Matrix::parse(THROUGHPUT_NEW)),
            ("throughput-2022-01", Matrix::parse(THROUGHPUT_OLD)),
        ]
    });
    tables.iter().find_map(|(source, table)| Some(Fact::of(source, table.get(from, to)?, false)))
}

/// Great-circle distance in kilometres between two (latitude, longitude) in degrees; the same both ways to the last bit.
pub fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    /// Mean radius of the earth.
    const RADIUS: f64 = 6371.0;
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half(lat_b - lat_a) + lat_a.cos() * lat_b.cos() * half((b.1 - a.1).to_radians());
    2.0 * RADIUS * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests;
