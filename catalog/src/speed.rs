//! Published speeds of training jobs by accelerator: a start for a workload's `speed` map.

use std::sync::OnceLock;

use crate::source::{Source, source};
use crate::table::{fields, number, rows};

static SPEEDS: &str = include_str!("../tables/speeds.csv");

/// How fast a job runs on an accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// The job: a model with its batch size.
    pub workload: &'static str,
    /// The accelerator.
    pub accelerator: &'static str,
    /// Steps a second over those on a V100.
    pub relative_to_v100: f64,
    /// Who measured it.
    pub source: &'static Source,
}

/// All published speeds, sorted by job and accelerator.
pub fn speeds() -> &'static [Speed] {
    static PARSED: OnceLock<Vec<Speed>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let parse = |line| {
            let [workload, accelerator, speed] = fields(line);
            Speed { workload, accelerator, relative_to_v100: number(speed), source: source("speed-gavel") }
        };
        rows(SPEEDS).map(parse).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accelerator::accelerator;

    #[test]
    fn speeds_are_of_known_accelerators_and_v100_is_one() {
        assert!(speeds().len() > 60);
        for speed in speeds() {
            assert!(accelerator(speed.accelerator).is_some(), "{speed:?}");
            assert!((0.01..2.5).contains(&speed.relative_to_v100), "{speed:?}");
            assert!(speed.accelerator != "V100" || (speed.relative_to_v100 - 1.0).abs() < 1e-9, "{speed:?}");
        }
    }
}
