//! What kube-scheduler does out of the box, as far as resources decide: `NodeResourcesFit` with `LeastAllocated` and
//! `NodeResourcesBalancedAllocation`, both of weight 1 over CPU and memory, as of Kubernetes 1.33
//! (`least_allocated.go`, `balanced_allocation.go`). Devices do not count, and it spreads rather than packs.

use super::{Score, View};
use crate::fleet::Request;

/// The sum of the two scores, 0 to 200.
#[derive(Debug, Clone, Copy, Default)]
pub struct KubeDefault;

impl Score for KubeDefault {
    fn name(&self) -> &'static str {
        "kube-default"
    }

    fn sees_memory(&self) -> bool {
        true
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        let resources = [
            (on.node.cpu_milli, on.state.cpu_milli, request.cpu_milli),
            (on.node.memory_mib, on.state.memory_mib, request.memory_mib),
        ];
        let mut least = 0;
        let mut used = [0.0; 2];
        for ((capacity, free, asked), used) in resources.into_iter().zip(&mut used) {
            let after = free.saturating_sub(asked);
            least += (after * 100).checked_div(capacity).unwrap_or(0) as i64;
            *used =
                if capacity == 0 { 1.0 } else { (capacity - after.min(capacity)) as f64 / capacity as f64 };
        }
        // Of two fractions the standard deviation is half their difference.
        let apart = (used[0] - used[1]).abs() / 2.0;
        least / 2 + ((1.0 - apart) * 100.0) as i64
    }
}
