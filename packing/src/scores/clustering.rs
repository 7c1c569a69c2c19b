//! Pods of one size together: `GpuClustering`, after Gandiva (Xiao et al., OSDI 2018), `gpu_clustering_score.go` of
//! kubernetes-scheduler-simulator.

use super::{Kinds, LARGEST_MILLI, Score, View, left_in_all};
use crate::fleet::{Ask, Request};

/// Nodes with only pods of the same number of devices, then with some, then empty ones, then the rest; fuller first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clustering;

impl Score for Clustering {
    fn name(&self) -> &'static str {
        "clustering"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        if request.devices == Ask::None {
            return 0;
        }
        let band = if on.kinds.contains(Kinds::of(request)) {
            if on.kinds.count() == 1 { 75 } else { 50 }
        } else if on.kinds.count() == 0 {
            25
        } else {
            0
        };
        let largest = LARGEST_MILLI as i64;
        25 * (largest - left_in_all(on.state) as i64) / largest + band
    }
}
