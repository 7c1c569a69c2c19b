//! How much of what is free cannot be used: Weng et al., ATC 2023, section 4.1; `NodeGpuShareFragAmount` in `frag.go`
//! of kubernetes-scheduler-simulator.
//!
//! For each typical pod: the free milli of devices too small for it, or all of it when the node cannot take the pod;
//! for a pod without devices all of it, always. The sum over typical pods is weighted by their shares. The original
//! adds up by cause and then over causes; so does this, because a last bit decides whether a score is 49 or 50.

use super::{Mix, WHOLE, left};
use crate::fleet::{Ask, Node, State};

/// Measures fragmentation against typical pods.
#[derive(Debug, Clone)]
pub struct Fragmentation {
    shapes: Vec<Typical>,
    /// The distinct device requests of the shapes, in milli, ascending.
    sizes: Vec<u64>,
}

#[derive(Debug, Clone)]
struct Typical {
    cpu_milli: u64,
    /// Its place in `sizes`; nothing for a pod without devices.
    size: Option<usize>,
    count: u32,
    /// By model: whether it may run there; index 0 for nodes without a model. Empty when any will do.
    models: Vec<bool>,
    share: f64,
}

/// Why a device's free milli are of no use; in the order in which the original adds.
#[derive(Clone, Copy)]
enum Cause {
    LackBoth,
    LackDevice,
    LackCpu,
    NoDeviceAsked,
    NoDeviceAskedLackCpu,
    NoAccess,
}

/// Causes.
const CAUSES: usize = 6;

impl Fragmentation {
    /// For a mix of typical pods.
    pub fn new(mix: &Mix) -> Self {
        let mut sizes: Vec<u64> =
            mix.shapes.iter().map(|shape| shape.request.each_milli()).filter(|milli| *milli > 0).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let shapes = mix
            .shapes
            .iter()
            .map(|shape| {
                let models = &shape.request.models;
                let most = models.last().map_or(0, |model| usize::from(model.0) + 2);
                let mut allowed = vec![false; most];
                for model in models {
                    allowed[usize::from(model.0) + 1] = true;
                }
                Typical {
                    cpu_milli: shape.request.cpu_milli,
                    size: sizes.binary_search(&shape.request.each_milli()).ok(),
                    count: shape.request.device_count(),
                    models: allowed,
                    share: shape.share,
                }
            })
            .collect();
        Self { shapes, sizes }
    }

    /// The milli that the typical pods cannot use on a node.
    pub fn of(&self, node: &Node, state: &State) -> f64 {
        let free: Vec<u64> = state.devices.iter().copied().map(left).collect();
        self.of_free(node, state.cpu_milli, &free)
    }

    /// The same, given what is left of each device.
    pub(super) fn of_free(&self, node: &Node, cpu_milli: u64, free: &[u64]) -> f64 {
        // Of each size: how much lies on devices too small for it, and how many are large enough.
        let mut too_small = [(0_u64, 0_u32); 64];
        let mut many = Vec::new();
        let by_size: &mut [(u64, u32)] = if self.sizes.len() <= too_small.len() {
            &mut too_small[..self.sizes.len()]
        } else {
            many.resize(self.sizes.len(), (0, 0));
            &mut many
        };
        let mut all = 0;
        for milli in free {
            all += milli;
            for (entry, size) in by_size.iter_mut().zip(&self.sizes) {
                if milli < size {
                    entry.0 += milli;
                } else {
                    entry.1 += 1;
                }
            }
        }
        let model = node.model.map_or(0, |model| usize::from(model.0) + 1);
        let mut lost = [0.0_f64; CAUSES];
        for shape in &self.shapes {
            let cpu = cpu_milli >= shape.cpu_milli;
            let (cause, milli) = match shape.size {
                None if cpu => (Cause::NoDeviceAsked, all),
                None => (Cause::NoDeviceAskedLackCpu, all),
                Some(_) if !shape.models.is_empty() && !shape.models.get(model).copied().unwrap_or(false) => {
                    (Cause::NoAccess, all)
                }
                Some(size) => match (by_size[size].1 >= shape.count, cpu) {
                    (true, true) => (Cause::LackDevice, by_size[size].0),
                    (true, false) => (Cause::LackCpu, all),
                    (false, true) => (Cause::LackDevice, all),
                    (false, false) => (Cause::LackBoth, all),
                },
            };
            lost[cause as usize] += shape.share * milli as f64;
        }
        lost.iter().fold(0.0, |sum, part| sum + part)
    }
}

impl crate::fleet::Request {
    /// What it asks of each of its devices, in milli.
    pub(super) fn each_milli(&self) -> u64 {
        match self.devices {
            Ask::None => 0,
            Ask::Share(milli) => u64::from(milli),
            Ask::Slice(_) => self.milli(),
            Ask::Whole(_) => WHOLE,
        }
    }

    /// How many devices it asks for.
    pub(super) fn device_count(&self) -> u32 {
        match self.devices {
            Ask::None => 0,
            Ask::Share(_) | Ask::Slice(_) => 1,
            Ask::Whole(count) => u32::from(count),
        }
    }
}
