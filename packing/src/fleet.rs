//! Nodes, pods, and what is free on a node.
//!
//! Everything is a whole number: CPU in thousandths of a core, memory in MiB, a device in thousandths of
//! itself ([`DEVICE`]), worth in millionths of an accelerator. A device is held whole, in shares, or in
//! slices of fixed geometry, never in two of these ways at once. An FPGA is a device whose model is its
//! shell; a model is any name of a kind of device.

use std::{collections::BTreeMap, fmt};

/// A whole device, in milli.
pub const DEVICE: u16 = 1000;
/// The worth of a whole accelerator, in millionths: see [`Request::worth`].
pub const ACCELERATOR: u64 = 1_000_000;
/// The worth of a thousandth of a core: 0.02 accelerators a core.
pub const MILLI_CORE: u64 = 20;

/// A kind of device (a GPU model, a TPU kind, an FPGA shell), by its place in [`Cluster::models`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(pub u16);

/// What a pod asks of the devices of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Ask {
    /// No device.
    #[default]
    None,
    /// A share of one device, in milli: 1 to 999.
    Share(u16),
    /// A slice of one device with fixed geometry (a MIG profile).
    Slice(Slice),
    /// So many whole devices, at least one.
    Whole(u16),
}

/// A slice of a device: so many of its eight parts in a row, at certain places only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice {
    /// How many of the eight parts it takes.
    pub length: u8,
    /// Where it may start: bit i for part i.
    pub starts: u8,
}

impl Slice {
    /// The parts that it takes when it starts at a part.
    pub const fn mask(self, start: u32) -> u8 {
        ((((1_u16 << self.length) - 1) << start) & 0xff) as u8
    }

    /// Where it can go on a device with these parts taken: the masks, from the first start.
    pub fn masks(self, taken: u8) -> impl Iterator<Item = u8> {
        (0..8)
            .filter(move |start| self.starts & (1 << start) != 0 && start + u32::from(self.length) <= 8)
            .map(move |start| self.mask(start))
            .filter(move |mask| mask & taken == 0)
    }
}

/// What a pod needs of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Request {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// Devices.
    pub devices: Ask,
    /// The models it may run on, sorted; empty for any. Of no effect without a device.
    pub models: Vec<Model>,
    /// The node pools it may run on, sorted; empty for any: see [`Node::pool`].
    pub pools: Vec<u32>,
    /// Of each of [`Cluster::resources`]; a shorter list asks none of the rest.
    pub extras: Vec<u64>,
    /// At most one pod of such a group runs on a node (anti-affinity by host name).
    pub apart: Option<u32>,
    /// Whether whole devices must be of one group: see [`Node::group`].
    pub joined: bool,
}

impl Request {
    /// How much of devices it takes, in milli; a slice by its eighths.
    pub fn milli(&self) -> u64 {
        match self.devices {
            Ask::None => 0,
            Ask::Share(milli) => u64::from(milli),
            Ask::Slice(slice) => u64::from(slice.length) * u64::from(DEVICE) / 8,
            Ask::Whole(count) => u64::from(count) * u64::from(DEVICE),
        }
    }

    /// The usual worth, in millionths of an accelerator: its devices and 0.02 a core.
    pub fn worth(&self) -> u64 {
        let devices = self.milli() * (ACCELERATOR / u64::from(DEVICE));
        devices.saturating_add(self.cpu_milli.saturating_mul(MILLI_CORE))
    }

    /// Whether its models and pools allow a node, whatever is free there.
    pub fn allows(&self, node: &Node) -> bool {
        let pool = self.pools.is_empty() || self.pools.binary_search(&node.pool).is_ok();
        let model = self.devices == Ask::None
            || self.models.is_empty()
            || node.model.is_some_and(|model| self.models.binary_search(&model).is_ok());
        pool && model
    }
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Unique within the cluster.
    pub name: String,
    /// What it needs.
    pub request: Request,
    /// What placing it is worth, in millionths of an accelerator.
    pub worth: u64,
    /// Where it runs already.
    pub running: Option<Placement>,
    /// The gang it belongs to, by its place in [`Cluster::gangs`]: of those that wait all are placed, or none.
    pub gang: Option<u32>,
    /// The spread it belongs to, by its place in [`Cluster::spreads`].
    pub spread: Option<u32>,
    /// The confine it belongs to, by its place in [`Cluster::confines`]; only of pods of a gang and of no spread.
    pub confine: Option<u32>,
    /// Whether it may not move from where it runs.
    pub fixed: bool,
}

impl Pod {
    /// A pod that waits, by itself, with the usual worth.
    pub fn new(name: impl Into<String>, request: Request) -> Self {
        let worth = request.worth();
        Self {
            name: name.into(),
            request,
            worth,
            running: None,
            gang: None,
            spread: None,
            confine: None,
            fixed: false,
        }
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Unique within the cluster.
    pub name: String,
    /// Thousandths of a core that pods can have.
    pub cpu_milli: u64,
    /// MiB that pods can have.
    pub memory_mib: u64,
    /// The model of its devices; none without devices.
    pub model: Option<Model>,
    /// How many devices, each of [`DEVICE`] milli.
    pub devices: u16,
    /// Devices in a row that are a group, of [`crate::groups::MOST`] at most; 0 for no groups.
    pub group: u16,
    /// Whether every pod's whole devices must be of one group.
    pub strict: bool,
    /// Nodes that the same selectors, affinities and tolerations let in are one pool.
    pub pool: u32,
    /// The zone, by its place in [`Cluster::zones`].
    pub zone: Option<u32>,
    /// The domains that it is in, by their places in [`Cluster::domains`], sorted; at most one of each kind.
    pub domains: Vec<u32>,
    /// Of each of [`Cluster::resources`]; a shorter list has none of the rest.
    pub extras: Vec<u64>,
}

/// Where a pod is, with what it holds there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement {
    /// The node, by its place in [`Cluster::nodes`].
    pub node: usize,
    /// The devices, by rising index; as many as the request asks for.
    pub devices: Vec<Hold>,
}

/// What a pod holds of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hold {
    /// The device of the node.
    pub index: u16,
    /// Its milli; 0 for a slice.
    pub milli: u16,
    /// The parts of a slice; 0 otherwise.
    pub parts: u8,
}

/// Nodes, pods, and the names that indices stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// Kinds of devices.
    pub models: Vec<String>,
    /// Zones.
    pub zones: Vec<String>,
    /// Further countable resources of nodes (pods a node, storage, …).
    pub resources: Vec<String>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The pods, running and waiting.
    pub pods: Vec<Pod>,
    /// Names of gangs.
    pub gangs: Vec<String>,
    /// Spreads over zones.
    pub spreads: Vec<Spread>,
    /// Nodes that something joins: a slice of TPUs, a domain of `NVLink`, a rack.
    pub domains: Vec<Domain>,
    /// Pods that run within one domain.
    pub confines: Vec<Confine>,
}

/// Nodes that something joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// What it is called.
    pub name: String,
    /// Domains of one kind have no node in common.
    pub kind: u32,
}

/// Pods of one gang that run within one domain, whichever of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confine {
    /// What it is called.
    pub name: String,
    /// The kind of domain.
    pub kind: u32,
}

impl Cluster {
    /// Whether a node is in a zone that counts for a pod, if it is of a spread.
    pub(crate) fn counts(&self, pod: &Pod, node: &Node) -> bool {
        let Some(spread) = pod.spread else { return true };
        let zones = self.spreads.get(spread as usize).map(|spread| &spread.zones);
        node.zone.zip(zones).is_some_and(|(zone, zones)| zones.contains_key(&zone))
    }
}

/// Pods spread over zones: none comes to a zone that has then more than `skew` above the one that has fewest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    /// What it is called.
    pub name: String,
    /// At least 1.
    pub skew: u32,
    /// The zones that count, whether a pod has room there or not, with how many pods are there that count and are not of
    /// the spread. Its pods come to no others.
    pub zones: BTreeMap<u32, u32>,
    /// Where fewer zones count, the one that has fewest is taken to have none.
    pub fewest: u32,
}

impl Spread {
    /// How many pods the emptiest zone has, of those that count with so many pods in each.
    pub fn least(&self, counts: impl Iterator<Item = u32>) -> u32 {
        if self.is_short() { 0 } else { counts.min().unwrap_or(0) }
    }

    /// Whether too few zones count.
    pub fn is_short(&self) -> bool {
        self.zones.len() < self.fewest as usize
    }
}

/// What is free of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Milli left for shares; 0 once it is cut into slices.
    pub free: u16,
    /// The parts that slices have taken.
    pub taken: u8,
}

impl Device {
    /// Nothing taken.
    pub const WHOLE: Self = Self { free: DEVICE, taken: 0 };

    /// Whether nothing is taken.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// Where a slice can go: the parts of its first place.
    fn place(self, slice: Slice) -> Option<u8> {
        (self.is_whole() || self.taken != 0).then(|| slice.masks(self.taken).next()).flatten()
    }
}

/// What is free on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// Each device.
    pub devices: Vec<Device>,
    /// See [`Node::group`].
    pub group: u16,
    /// See [`Node::strict`].
    pub strict: bool,
    /// Of each of [`Cluster::resources`].
    pub extras: Vec<u64>,
    /// The groups of [`Request::apart`] that are here, sorted.
    pub apart: Vec<u32>,
}

/// A pod was put where it does not fit, or taken from where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Overfull {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// A device, or their number.
    Device,
    /// One of [`Cluster::resources`].
    Resource(usize),
    /// A pod of the same group is there.
    Apart(u32),
}

impl fmt::Display for Overfull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "CPU is overfull"),
            Self::Memory => write!(f, "memory is overfull"),
            Self::Device => write!(f, "a device is overfull"),
            Self::Resource(index) => write!(f, "resource {index} is overfull"),
            Self::Apart(group) => write!(f, "a second pod of group {group}"),
        }
    }
}

impl State {
    /// All of a node free.
    pub fn empty(node: &Node) -> Self {
        Self {
            cpu_milli: node.cpu_milli,
            memory_mib: node.memory_mib,
            devices: vec![Device::WHOLE; usize::from(node.devices)],
            group: node.group,
            strict: node.strict,
            extras: node.extras.clone(),
            apart: Vec::new(),
        }
    }

    /// Milli left over all devices.
    pub fn milli(&self) -> u64 {
        self.devices.iter().map(|device| u64::from(device.free)).sum()
    }

    /// Devices of which nothing is taken.
    pub fn whole(&self) -> usize {
        self.devices.iter().filter(|device| device.is_whole()).count()
    }

    /// What of a request is not free here: nothing when it fits. Whether the node is allowed at all is
    /// for [`Request::allows`].
    pub fn lacks(&self, request: &Request) -> Option<Overfull> {
        if request.cpu_milli > self.cpu_milli {
            return Some(Overfull::Cpu);
        }
        if request.memory_mib > self.memory_mib {
            return Some(Overfull::Memory);
        }
        let devices = match request.devices {
            Ask::None => true,
            Ask::Share(milli) => self.devices.iter().any(|device| device.free >= milli),
            Ask::Slice(slice) => self.devices.iter().any(|device| device.place(slice).is_some()),
            Ask::Whole(count) if self.joins(request) => {
                self.groups().iter().any(|group| group.len() >= usize::from(count))
            }
            Ask::Whole(count) => self.whole() >= usize::from(count),
        };
        if !devices {
            return Some(Overfull::Device);
        }
        for (index, asked) in request.extras.iter().enumerate() {
            if *asked > self.extras.get(index).copied().unwrap_or(0) {
                return Some(Overfull::Resource(index));
            }
        }
        request.apart.filter(|group| self.apart.binary_search(group).is_ok()).map(Overfull::Apart)
    }

    /// Whether a request fits in what is free.
    pub fn fits(&self, request: &Request) -> bool {
        self.lacks(request).is_none()
    }

    /// How many devices of a device's group are free whole.
    fn beside(&self, index: u16) -> usize {
        let Some(group) = index.checked_div(self.group).map(usize::from) else { return 0 };
        let size = usize::from(self.group);
        let devices = self.devices.iter().skip(group * size).take(size);
        devices.filter(|device| device.is_whole()).count()
    }

    /// The devices that a request would hold here: of those that fit, the ones with least left, then the
    /// first. Nothing when none fit.
    pub fn choose(&self, request: &Request) -> Option<Vec<Hold>> {
        let devices = || (0_u16..).zip(&self.devices);
        match request.devices {
            Ask::None => Some(Vec::new()),
            Ask::Share(milli) => devices()
                .filter(|(_, device)| device.free >= milli)
                .min_by_key(|(index, device)| (device.free, self.beside(*index)))
                .map(|(index, _)| vec![Hold { index, milli, parts: 0 }]),
            Ask::Slice(slice) => devices()
                .filter_map(|(index, device)| device.place(slice).map(|parts| (index, parts, device)))
                .min_by_key(|(index, _, device)| (device.taken.count_zeros(), self.beside(*index)))
                .map(|(index, parts, _)| vec![Hold { index, milli: 0, parts }]),
            Ask::Whole(count) => {
                let devices = self.whole_devices(usize::from(count), self.joins(request))?;
                let hold = |index: usize| Hold { index: index as u16, milli: DEVICE, parts: 0 };
                Some(devices.into_iter().map(hold).collect())
            }
        }
    }

    /// Puts a request on devices chosen before; when it does not fit, says what is overfull and changes
    /// nothing.
    pub fn take(&mut self, request: &Request, holds: &[Hold]) -> Result<(), Overfull> {
        if let Some(lack) = self.lacks(request).filter(|lack| *lack != Overfull::Device) {
            return Err(lack);
        }
        let free = |hold: &Hold| {
            self.devices.get(usize::from(hold.index)).is_some_and(|device| match hold.parts {
                0 => device.free >= hold.milli,
                parts => (device.is_whole() || device.taken != 0) && device.taken & parts == 0,
            })
        };
        if !holds.iter().all(free) {
            return Err(Overfull::Device);
        }
        self.cpu_milli -= request.cpu_milli;
        self.memory_mib -= request.memory_mib;
        for (have, asked) in self.extras.iter_mut().zip(&request.extras) {
            *have -= asked;
        }
        for hold in holds {
            let device = &mut self.devices[usize::from(hold.index)];
            match hold.parts {
                0 => device.free -= hold.milli,
                parts => *device = Device { free: 0, taken: device.taken | parts },
            }
        }
        if let Some(group) = request.apart {
            let at = self.apart.partition_point(|g| *g < group);
            self.apart.insert(at, group);
        }
        Ok(())
    }

    /// Puts a request on the devices of [`State::choose`], and says which.
    pub fn place(&mut self, request: &Request) -> Result<Vec<Hold>, Overfull> {
        let holds = self.choose(request).ok_or(Overfull::Device)?;
        self.take(request, &holds).map(|()| holds)
    }

    /// Gives back what [`State::take`] took.
    pub fn release(&mut self, request: &Request, holds: &[Hold]) {
        self.cpu_milli += request.cpu_milli;
        self.memory_mib += request.memory_mib;
        for (have, asked) in self.extras.iter_mut().zip(&request.extras) {
            *have += asked;
        }
        for hold in holds {
            let device = &mut self.devices[usize::from(hold.index)];
            match hold.parts {
                0 => device.free += hold.milli,
                parts => {
                    device.taken &= !parts;
                    if device.taken == 0 {
                        *device = Device::WHOLE;
                    }
                }
            }
        }
        if let Some(at) = request.apart.and_then(|group| self.apart.binary_search(&group).ok()) {
            self.apart.remove(at);
        }
    }
}

#[cfg(test)]
mod tests;
