//! The node whose power rises least: PWR, "Power- and Fragmentation-aware Online Scheduling for GPU Datacenters"
//! (`CCGrid` 2025), `pwr_score.go` and `resource.go` of PWR-plugin-kubernetes.
//!
//! A device with any work draws its full power. CPUs are whole sockets: cores in use round up to sockets in use.

use super::{Scale, Score, View};
use crate::fleet::{Ask, Hold, Node, Request, State};

/// What a part draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Watts {
    /// With no work.
    pub idle: u32,
    /// With any.
    pub busy: u32,
}

/// The sockets of every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sockets {
    /// Cores of one socket.
    pub cores: u32,
    /// CPUs (threads) of a core.
    pub threads: u32,
    /// What a socket draws.
    pub watts: Watts,
}

impl Default for Sockets {
    /// The Xeon E5-2682 v4 of the paper: 16 cores of two threads, 15 W idle and 120 W busy.
    fn default() -> Self {
        Self { cores: 16, threads: 2, watts: Watts { idle: 15, busy: 120 } }
    }
}

/// Least rise of power.
#[derive(Debug, Clone, Default)]
pub struct Power {
    /// What a device of each model draws, by [`Model`](crate::fleet::Model); models beyond the list draw nothing.
    pub devices: Vec<Watts>,
    /// The sockets.
    pub sockets: Sockets,
}

impl Power {
    /// What a node draws, in watts.
    pub fn watts(&self, node: &Node, state: &State) -> u64 {
        let busy = state.devices.iter().filter(|device| !device.is_whole()).count();
        self.watts_with(node, state.cpu_milli, busy)
    }

    fn watts_with(&self, node: &Node, cpu_milli: u64, busy: usize) -> u64 {
        let device =
            node.model.and_then(|model| self.devices.get(usize::from(model.0)).copied()).unwrap_or_default();
        let idle = usize::from(node.devices).saturating_sub(busy);
        let per_core = u64::from(self.sockets.threads) * 1000;
        let cores = node.cpu_milli.div_ceil(per_core);
        let used = cores.saturating_sub(cpu_milli / per_core);
        let sockets = cores.div_ceil(u64::from(self.sockets.cores));
        let active = used.div_ceil(u64::from(self.sockets.cores));
        idle as u64 * u64::from(device.idle)
            + busy as u64 * u64::from(device.busy)
            + (sockets - active) * u64::from(self.sockets.watts.idle)
            + active * u64::from(self.sockets.watts.busy)
    }

    /// By how much the power rises when so many more devices are busy.
    fn rise(&self, request: &Request, on: View<'_>, fresh: usize) -> i64 {
        let busy = on.state.devices.iter().filter(|device| !device.is_whole()).count();
        let before = self.watts_with(on.node, on.state.cpu_milli, busy);
        let cpu = on.state.cpu_milli.saturating_sub(request.cpu_milli);
        self.watts_with(on.node, cpu, busy + fresh) as i64 - before as i64
    }

    /// The device for a share: the first in use that has room, else the first that has.
    fn device(on: View<'_>, asked: u16) -> Option<(u16, bool)> {
        let fitting = || (0_u16..).zip(&on.state.devices).filter(|(_, device)| device.free >= asked);
        fitting()
            .find(|(_, device)| !device.is_whole())
            .or_else(|| fitting().next())
            .map(|(index, device)| (index, device.is_whole()))
    }
}

impl Score for Power {
    fn name(&self) -> &'static str {
        "pwr"
    }

    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        let fresh = match request.devices {
            Ask::Share(asked) => usize::from(Self::device(on, asked).is_none_or(|(_, fresh)| fresh)),
            _ => on.state.choose(request).map_or(0, |holds| {
                holds.iter().filter(|hold| on.state.devices[usize::from(hold.index)].is_whole()).count()
            }),
        };
        -self.rise(request, on, fresh)
    }

    fn devices(&self, request: &Request, on: View<'_>) -> Option<Vec<Hold>> {
        match request.devices {
            Ask::Share(milli) => {
                Self::device(on, milli).map(|(index, _)| vec![Hold { index, milli, parts: 0 }])
            }
            _ => on.state.choose(request),
        }
    }

    fn scale(&self) -> Scale {
        Scale::Spread { when_equal: 100 }
    }
}
