//! How good a node is for a pod that arrives: one number each, larger is better.
//!
//! A scorer ([`Score`]) sees a request and what is free on a node that can take it, nothing else, so that its
//! answer can be kept for as long as the node does not change. What it knows of the pods to come is given when
//! it is made: the typical pods ([`Mix`]) or the prices. The same scorers answer in a live scheduler and in the
//! simulator; each is one short file that names where its formula was published.
//!
//! Scores are whole numbers because the published policies round to whole numbers, and the ties that rounding
//! makes, broken towards one fixed order of the nodes, are part of how they pack: without them gradient descent
//! on fragmentation loses five points of allocation (measured on openb).

mod best_fit;
mod bids;
mod blend;
mod board;
mod clustering;
mod dot_product;
mod fgd;
mod fragmentation;
mod gpu_packing;
mod kube_default;
mod mix;
mod power;
pub mod random;
mod regret;
mod reserve;

#[cfg(test)]
mod tests;

pub use best_fit::BestFit;
pub use bids::{Sampling, bids};
pub use blend::{Scale, blend};
pub use board::Board;
pub use clustering::Clustering;
pub use dot_product::DotProduct;
pub use fgd::Fgd;
pub use fragmentation::Fragmentation;
pub use gpu_packing::GpuPacking;
pub use kube_default::KubeDefault;
pub use mix::{Mix, Shape};
pub use power::{Power, Sockets, Watts};
pub use regret::{Params as RegretParams, Regret};
pub use reserve::{Gangs, Reserve};

use crate::fleet::{Ask, DEVICE, Device, Hold, Node, Request, State};

/// A node as a scorer sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The machine.
    pub node: &'a Node,
    /// What is free on it.
    pub state: &'a State,
    /// What sorts of pods run on it.
    pub kinds: Kinds,
    /// Whether it is kept back for others than the pod: see [`Reserve`].
    pub kept: bool,
}

/// A way to score nodes for pods.
pub trait Score: Send + Sync {
    /// What it is called where policies are named.
    fn name(&self) -> &'static str;

    /// How good the node is for the request, which fits there: larger is better.
    fn score(&self, request: &Request, on: View<'_>) -> i64;

    /// The devices that the request would hold there; nothing when it does not fit.
    fn devices(&self, request: &Request, on: View<'_>) -> Option<Vec<Hold>> {
        on.state.choose(request)
    }

    /// Whether its scores hang on the memory of a node, beyond whether the pod fits.
    fn sees_memory(&self) -> bool {
        false
    }

    /// Whole free nodes that it keeps back for gangs; whoever holds the nodes says which they are ([`View::kept`]).
    fn reserve(&self) -> Option<&Reserve> {
        None
    }

    /// How its scores are made comparable over nodes before several scorers are added up.
    fn scale(&self) -> Scale {
        Scale::AsIs
    }
}

/// Which sorts of pods with devices run on a node: shares, or so many whole devices each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Kinds(u64);

impl Kinds {
    /// The sort of one request; none for a request without devices.
    pub fn of(request: &Request) -> Self {
        match request.devices {
            Ask::None => Self(0),
            Ask::Share(_) | Ask::Slice(_) => Self(1),
            Ask::Whole(count) => Self(1 << count.min(63)),
        }
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the other's sorts are among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// How many sorts.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// The published policies divide by the largest machine of the trace they were made for: 128 cores.
const LARGEST_CPU_MILLI: f64 = 128_000.0;
/// And eight devices.
const LARGEST_MILLI: u64 = 8 * WHOLE;
/// A whole device, in milli.
const WHOLE: u64 = DEVICE as u64;

/// What is left of a device, in milli; of one that is cut into slices, its free parts.
fn left(device: Device) -> u64 {
    match device.taken {
        0 => u64::from(device.free),
        taken => u64::from(taken.count_zeros()) * WHOLE / 8,
    }
}

/// What is left of all devices of a node, in milli.
fn left_in_all(state: &State) -> u64 {
    state.devices.iter().copied().map(left).sum()
}
