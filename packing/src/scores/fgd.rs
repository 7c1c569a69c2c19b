//! Steepest descent of fragmentation: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
//! Fragmentation Gradient Descent", ATC 2023, algorithm 1; `fgd_score.go` of kubernetes-scheduler-simulator.

use super::{Fragmentation, Mix, Score, View, WHOLE, left};
use crate::fleet::{Ask, Hold, Request};

/// 100 × sigmoid of the devices by which fragmentation falls, rounded down; on the device where it falls most.
#[derive(Debug, Clone)]
pub struct Fgd {
    fragmentation: Fragmentation,
}

impl Fgd {
    /// Against these typical pods.
    pub fn new(mix: &Mix) -> Self {
        Self { fragmentation: Fragmentation::new(mix) }
    }

    /// The best score, and the device that gives it to a share.
    fn best(&self, request: &Request, on: View<'_>) -> (i64, Option<u16>) {
        let mut free: Vec<u64> = on.state.devices.iter().copied().map(left).collect();
        let before = self.fragmentation.of_free(on.node, on.state.cpu_milli, &free);
        let cpu = on.state.cpu_milli.saturating_sub(request.cpu_milli);
        let rated = |free: &[u64]| {
            let after = self.fragmentation.of_free(on.node, cpu, free);
            (sigmoid((before - after) / WHOLE as f64) * 100.0) as i64
        };
        let Ask::Share(asked) = request.devices else {
            for hold in on.state.choose(request).unwrap_or_default() {
                let held = if hold.parts == 0 { u64::from(hold.milli) } else { request.milli() };
                free[usize::from(hold.index)] -= held;
            }
            return (rated(&free), None);
        };
        let mut best: Option<(i64, u16)> = None;
        for (index, device) in (0_u16..).zip(&on.state.devices) {
            let at = usize::from(index);
            // Devices with as much left as an earlier one score the same, and the first counts.
            if device.free < asked || on.state.devices[..at].iter().any(|earlier| earlier.free == device.free)
            {
                continue;
            }
            free[at] -= u64::from(asked);
            let score = rated(&free);
            free[at] += u64::from(asked);
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, index));
            }
        }
        best.map_or((0, None), |(score, index)| (score, Some(index)))
    }
}

impl Score for Fgd {
    fn name(&self) -> &'static str {
        "fgd"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        self.best(request, on).0
    }

    fn devices(&self, request: &Request, on: View<'_>) -> Option<Vec<Hold>> {
        match request.devices {
            Ask::Share(milli) => self.best(request, on).1.map(|index| vec![Hold { index, milli, parts: 0 }]),
            _ => on.state.choose(request),
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
