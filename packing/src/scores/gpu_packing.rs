//! Devices in use first, then free devices of nodes in use, then free nodes: `GpuPacking` of "`MLaaS` in the Wild" (Weng
//! et al., NSDI 2022), `gpu_packing_score.go` of kubernetes-scheduler-simulator.

use super::{Score, View, WHOLE, left};
use crate::fleet::{Ask, Request};

/// Keeps whole nodes free.
#[derive(Debug, Clone, Copy, Default)]
pub struct GpuPacking;

impl Score for GpuPacking {
    fn name(&self) -> &'static str {
        "packing"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        if request.devices == Ask::None {
            return 0;
        }
        let whole = on.state.whole() as i64;
        if whole == i64::from(on.node.devices) {
            return (33 - whole).max(whole);
        }
        let holds = on.state.choose(request).unwrap_or_default();
        let held = || holds.iter().filter_map(|hold| on.state.devices.get(usize::from(hold.index)));
        let fresh = held().filter(|device| device.is_whole()).count() as i64;
        if fresh > 0 {
            return (50 - fresh).max(33);
        }
        let percent: u64 = held().map(|device| left(*device) * 100 / WHOLE).sum();
        (100 - percent as i64 / 10).max(50)
    }
}
