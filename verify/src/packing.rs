//! Own nodes, device by device, at every instant.
//!
//! A whole-accelerator replica takes whole free devices of one node, a fraction lies on one device; cpu
//! and memory of a node are shared. A placement on own nodes names its nodes; `devices` has one entry
//! for each device of each replica, so a device that holds two fractions of one workload stands twice.

use std::collections::BTreeMap;

use plimsoll_model::{Time, plan::NodeUse, workload::WorkloadSpec};

use crate::{
    Checker,
    offer::Offer,
    state::{Placed, State},
    violation::{Kind, Violation},
};

pub(crate) mod search;

/// What one replica takes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Thousandths of accelerators: of one device below 1000, else of whole ones.
    pub(crate) accelerators: u64,
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
}

impl Need {
    pub(crate) fn of(spec: &WorkloadSpec) -> Self {
        Self {
            accelerators: spec.request.accelerators.as_ref().map_or(0, |asked| asked.count().milli()),
            cpu: spec.request.cpu.map_or(0, |cpu| cpu.0),
            memory: spec.request.memory.map_or(0, |memory| memory.0),
        }
    }

    /// Devices of one replica.
    pub(crate) fn devices(self) -> u64 {
        self.accelerators.div_ceil(1000)
    }

    /// What a replica takes of each of its devices.
    pub(crate) fn of_device(self) -> u64 {
        self.accelerators.min(1000)
    }
}

/// What is taken of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
    /// Thousandths of each device that is used at all.
    pub(crate) devices: BTreeMap<u32, u64>,
}

impl Load {
    fn add(&mut self, need: Need, used: &NodeUse) {
        let of = |need: u64| need.saturating_mul(u64::from(used.replicas));
        self.cpu = self.cpu.saturating_add(of(need.cpu));
        self.memory = self.memory.saturating_add(of(need.memory));
        // A replica that asks for none takes none, whatever the plan names.
        for device in used.devices.iter().flatten().filter(|_| need.accelerators > 0) {
            *self.devices.entry(*device).or_default() += need.of_device();
        }
    }
}

/// A use of one node over time.
struct Use<'a> {
    workload: usize,
    need: Need,
    runs: &'a [(Time, Time)],
    of: &'a NodeUse,
}

impl Checker<'_> {
    /// What is wrong with the nodes that the workloads on an offer of own nodes name.
    pub(crate) fn check_nodes(&self, state: &State, offer: &Offer) -> Vec<Violation> {
        let mut found = Vec::new();
        for (index, placed) in state.on(&offer.name) {
            if let Some(nodes) = &placed.nodes {
                self.check_shape(index, offer, nodes, &mut found);
            }
        }
        for (node, uses) in self.uses(state, offer) {
            found.extend(self.check_node(offer, node, &uses));
        }
        found
    }

    /// The nodes of an offer with who uses them.
    fn uses<'s>(&self, state: &'s State, offer: &Offer) -> BTreeMap<&'s str, Vec<Use<'s>>> {
        let mut nodes = BTreeMap::<_, Vec<Use<'_>>>::new();
        for (workload, placed) in state.on(&offer.name) {
            let need = Need::of(&self.way(&self.inputs.workloads[workload].spec, offer));
            for of in placed.nodes.iter().flatten() {
                nodes.entry(&*of.node).or_default().push(Use { workload, need, runs: &placed.runs, of });
            }
        }
        nodes
    }

    /// Whether the nodes and devices exist and hold just the replicas that there are.
    fn check_shape(&self, workload: usize, offer: &Offer, nodes: &[NodeUse], found: &mut Vec<Violation>) {
        let document = &self.inputs.workloads[workload];
        let need = Need::of(&self.way(&document.spec, offer));
        let mut wrong =
            |message| found.push(Violation::new(Kind::Packing, &*document.metadata.name, message));
        let Some(own) = &offer.own else {
            wrong(format!("names nodes of {}, which is no offer of own nodes", offer.name));
            return;
        };
        let replicas: u64 = nodes.iter().map(|used| u64::from(used.replicas)).sum();
        if replicas != u64::from(document.spec.replicas) {
            wrong(format!("has {} replicas, its nodes hold {replicas}", document.spec.replicas));
        }
        for used in nodes {
            if node_index(offer, &used.node).is_none() {
                wrong(format!("{} is none of the {} nodes of {}", used.node, own.count, offer.name));
            }
            let devices = used.devices.as_deref().unwrap_or_default();
            let needed = need.devices() * u64::from(used.replicas);
            if devices.len() as u64 != needed {
                wrong(format!("needs {needed} devices on {}, names {}", used.node, devices.len()));
            }
            if let Some(beyond) = devices.iter().find(|device| u64::from(**device) >= offer.devices()) {
                wrong(format!("{} has {} devices, none of index {beyond}", used.node, offer.devices()));
            }
        }
    }

    /// Whether one node is overfilled at any instant. Loads grow only where a run starts.
    fn check_node(&self, offer: &Offer, node: &str, uses: &[Use<'_>]) -> Option<Violation> {
        let mut starts: Vec<Time> =
            uses.iter().flat_map(|of| of.runs.iter().map(|(start, _)| *start)).collect();
        starts.sort_unstable();
        starts.dedup();
        for time in starts {
            let mut load = Load::default();
            let active =
                uses.iter().filter(|of| of.runs.iter().any(|(start, end)| *start <= time && time < *end));
            let mut names = Vec::new();
            for of in active {
                load.add(of.need, of.of);
                names.push(&*self.inputs.workloads[of.workload].metadata.name);
            }
            let (cpu, memory) = capacity(offer);
            let message = if let Some((device, used)) = load.devices.iter().find(|(_, used)| **used > 1000) {
                format!("device {device} has 1, holds {}", *used as f64 / 1000.0)
            } else if load.cpu > cpu {
                format!("has {} cores, holds {}", cpu as f64 / 1000.0, load.cpu as f64 / 1000.0)
            } else if load.memory > memory {
                format!("has {memory} bytes, holds {}", load.memory)
            } else {
                continue;
            };
            let subject = format!("{} {node}", offer.name);
            return Some(Violation::new(
                Kind::Packing,
                subject,
                format!("at {time} {message} ({})", names.join(", ")),
            ));
        }
        None
    }

    /// How many replicas of a workload the nodes hold throughout its runs, beside the others as they
    /// are. Exact: with the others fixed, nodes and devices are independent.
    pub(crate) fn room(&self, state: &State, workload: usize, placed: &Placed) -> u64 {
        let offer = &placed.offer;
        let Some(own) = &offer.own else { return 0 };
        let need = Need::of(&self.way(&self.inputs.workloads[workload].spec, offer));
        let uses = self.uses(state, offer);
        let wanted = u64::from(self.inputs.workloads[workload].spec.replicas);
        let mut room = 0;
        for index in 0..own.count {
            let name = format!("{}/{index}", own.group);
            let others: Vec<&Use<'_>> =
                uses.get(&*name).into_iter().flatten().filter(|of| of.workload != workload).collect();
            room += room_on(offer, need, &placed.runs, &others).min(wanted);
            if room >= wanted {
                break;
            }
        }
        room
    }
}

/// Cpu and memory of one node; what is not stated cannot be asked for.
pub(crate) fn capacity(offer: &Offer) -> (u64, u64) {
    (offer.spec.cpu.map_or(0, |cpu| cpu.0), offer.spec.memory.map_or(0, |memory| memory.0))
}

/// The index of a node by its name.
fn node_index(offer: &Offer, node: &str) -> Option<u32> {
    let own = offer.own.as_ref()?;
    let index = node.strip_prefix(&*own.group)?.strip_prefix('/')?;
    let plain =
        index.bytes().all(|byte| byte.is_ascii_digit()) && (index.len() == 1 || !index.starts_with('0'));
    index.parse().ok().filter(|index| plain && *index < own.count)
}

/// How many replicas one node holds throughout some runs, beside the others.
fn room_on(offer: &Offer, need: Need, runs: &[(Time, Time)], others: &[&Use<'_>]) -> u64 {
    // The most that is taken of each thing at the moments when loads may grow within the runs.
    let starts = others.iter().flat_map(|of| of.runs.iter().map(|(start, _)| *start));
    let within = |time: &Time| runs.iter().any(|(start, end)| start <= time && time < end);
    let moments = runs.iter().map(|(start, _)| *start).chain(starts).filter(within);
    let mut most = Load::default();
    for time in moments {
        let mut load = Load::default();
        for of in others {
            if of.runs.iter().any(|(start, end)| *start <= time && time < *end) {
                load.add(of.need, of.of);
            }
        }
        most.cpu = most.cpu.max(load.cpu);
        most.memory = most.memory.max(load.memory);
        for (device, load) in load.devices {
            let most = most.devices.entry(device).or_default();
            *most = load.max(*most);
        }
    }
    let (cpu, memory) = capacity(offer);
    let by = |has: u64, used: u64, need: u64| has.saturating_sub(used).checked_div(need).unwrap_or(u64::MAX);
    let unused = offer.devices().saturating_sub(most.devices.len() as u64);
    let devices = match need.accelerators {
        0 => u64::MAX,
        part @ 1..1000 => {
            let beside = |used: &u64| 1000_u64.saturating_sub(*used) / part;
            most.devices.values().map(beside).sum::<u64>() + 1000 / part * unused
        }
        _ => unused / need.devices(),
    };
    devices.min(by(cpu, most.cpu, need.cpu)).min(by(memory, most.memory, need.memory))
}
