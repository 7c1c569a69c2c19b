//! The node whose free resources are least alike what is asked: the packing rule of Tetris (Grandl et al., SIGCOMM
//! 2014) turned round, as Weng et al. (ATC 2023) compare it, `dot_product_score.go` of kubernetes-scheduler-simulator
//! with its settings `-dimext merge -norm max -gpusel best`.

use super::{LARGEST_CPU_MILLI, LARGEST_MILLI, Score, View, left_in_all};
use crate::fleet::Request;

/// One minus the mean product of what is free and what is asked, as parts of the largest machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct DotProduct;

impl Score for DotProduct {
    fn name(&self) -> &'static str {
        "dot-product"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        let largest = LARGEST_MILLI as f64;
        let cpu =
            (on.state.cpu_milli as f64 / LARGEST_CPU_MILLI) * (request.cpu_milli as f64 / LARGEST_CPU_MILLI);
        let devices = (left_in_all(on.state) as f64 / largest) * (request.milli() as f64 / largest);
        ((1.0 - f64::midpoint(cpu, devices)) * 100.0) as i64
    }
}
