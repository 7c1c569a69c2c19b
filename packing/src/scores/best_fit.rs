//! The node with least left: Protean (Hadary et al., OSDI 2020) as Weng et al. (ATC 2023, section 6.1) compare it,
//! `best_fit_score.go` of kubernetes-scheduler-simulator.

use super::{LARGEST_CPU_MILLI, LARGEST_MILLI, Scale, Score, View, left_in_all};
use crate::fleet::Request;

/// Half of the CPU left and half of the devices left, each as a part of the largest machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct BestFit;

impl Score for BestFit {
    fn name(&self) -> &'static str {
        "best-fit"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        let cpu = on.state.cpu_milli as f64 - request.cpu_milli as f64;
        let devices = left_in_all(on.state) as f64 - request.milli() as f64;
        let left = cpu / LARGEST_CPU_MILLI * 0.5 + devices / LARGEST_MILLI as f64 * 0.5;
        ((1.0 - left) * 100.0) as i64
    }

    fn scale(&self) -> Scale {
        Scale::Spread { when_equal: 0 }
    }
}
