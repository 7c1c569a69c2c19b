//! Where running pods are: on their nodes, on devices that documents do not name.
//!
//! Which devices a pod holds is known to its node alone; largest first, each is given those on which it
//! leaves least, and where that ends badly every way is tried. A node whose pods ask for more than it has (its
//! allocatable shrank, devices of it failed) counts as full, and nobody else gets a device of it.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Fleet, plan::Assumption};
use plimsoll_packing::fleet::{Ask, Cluster, Device, Hold, Model, Node, Placement, Request, State};

use crate::PlanError;

/// The model of devices that are all taken to be held: no pod asks for it.
pub(super) const HELD: Model = Model(u16::MAX - 1);

/// Ways to seat the pods of one node that are tried, at most.
const TRIES: u32 = 20_000;

/// Places the running pods of a cluster; nodes that are too small for theirs grow to be full, and keep them.
pub(super) fn place(fleet: &Fleet, cluster: &mut Cluster) -> Result<Vec<Assumption>, PlanError> {
    let at: BTreeMap<&str, usize> =
        fleet.nodes.iter().enumerate().map(|(at, node)| (&*node.name, at)).collect();
    let mut on: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (pod, it) in fleet.pods.iter().enumerate() {
        if let Some(node) = it.on.as_deref().and_then(|name| at.get(name)) {
            on.entry(*node).or_default().push(pod);
        }
    }
    let mut notes = Vec::new();
    let mut has_devices = false;
    for (node, mut pods) in on {
        let by_size = |pod: &usize| {
            let it = &cluster.pods[*pod];
            let rank = match it.request.devices {
                Ask::Whole(_) => 2,
                Ask::Slice(_) | Ask::Share(_) => 1,
                Ask::None => 0,
            };
            (std::cmp::Reverse((rank, it.request.milli())), it.name.clone())
        };
        pods.sort_by_key(by_size);
        has_devices |= pods.iter().any(|pod| cluster.pods[*pod].request.devices != Ask::None);
        keep_apart(cluster, node, &pods);
        let has_room = grow(cluster, node, &pods);
        if !(seat(cluster, node, &pods)? && has_room) {
            let what = format!("room on node {}", cluster.nodes[node].name);
            notes.push(note(what, FULL));
            for pod in &pods {
                cluster.pods[*pod].fixed = true;
            }
        }
    }
    if has_devices {
        notes.push(note(
            "devices of running pods".to_owned(),
            "each is taken to hold those on which it leaves least",
        ));
    }
    Ok(notes)
}

/// What is said of a node that has less than runs there.
const FULL: &str = "its pods ask for more than is allocatable: it counts as full, and they stay";

pub(super) fn note(what: String, value: &str) -> Assumption {
    Assumption { what, value: value.to_owned(), source: "the cluster's documents".to_owned(), as_of: None }
}

/// Lets pods run where they do, whatever has come since to keep them off or apart.
fn keep_apart(cluster: &mut Cluster, node: usize, pods: &[usize]) {
    let zone = cluster.nodes[node].zone;
    let mut groups = BTreeSet::new();
    for pod in pods {
        let it = &mut cluster.pods[*pod];
        it.request.apart = it.request.apart.filter(|group| groups.insert(*group));
        it.spread = it.spread.filter(|_| zone.is_some());
    }
}

/// Makes a node as large as what runs there, but for its devices; whether it was large enough.
fn grow(cluster: &mut Cluster, node: usize, pods: &[usize]) -> bool {
    let requests = || pods.iter().map(|pod| &cluster.pods[*pod].request);
    let sum = |of: &dyn Fn(&Request) -> u64| requests().map(of).fold(0, u64::saturating_add);
    let (cpu, memory) = (sum(&|request| request.cpu_milli), sum(&|request| request.memory_mib));
    let extras: Vec<u64> = (0..cluster.resources.len())
        .map(|at| sum(&|request| request.extras.get(at).copied().unwrap_or(0)))
        .collect();
    let it = &mut cluster.nodes[node];
    let before = it.clone();
    it.cpu_milli = it.cpu_milli.max(cpu);
    it.memory_mib = it.memory_mib.max(memory);
    for (has, used) in it.extras.iter_mut().zip(extras) {
        *has = (*has).max(used);
    }
    *it == before
}

/// Gives each pod its devices; whether there were enough. Where there were not, the node gets as many as are
/// needed, and they count as held.
fn seat(cluster: &mut Cluster, node: usize, pods: &[usize]) -> Result<bool, PlanError> {
    let requests: Vec<&Request> = pods.iter().map(|pod| &cluster.pods[*pod].request).collect();
    let devices = cluster.nodes[node].devices;
    let it = &cluster.nodes[node];
    let (group, strict) = (it.group, it.strict);
    let exact = best_fit(&requests, devices, (group, strict))
        .or_else(|| Search::new(&requests, devices)?.run().filter(|seats| are_joined(&requests, seats, it)));
    let (exact, is_torn) = match exact {
        Some(seats) => (Some(seats), false),
        // They run: whatever has come since that wants their devices of one group.
        None if group > 0 => {
            let any = best_fit(&requests, devices, (0, false));
            (any.or_else(|| Search::new(&requests, devices)?.run()), true)
        }
        None => (None, false),
    };
    let was_enough = exact.is_some();
    let seats = exact.map_or_else(|| beyond(&requests, &mut cluster.nodes[node]), Ok)?;
    for (pod, devices) in pods.iter().zip(seats) {
        let it = &mut cluster.pods[*pod];
        it.running = Some(Placement { node, devices });
        if is_torn {
            (it.fixed, it.request.joined) = (true, false);
        }
    }
    Ok(was_enough)
}

/// Whether whole devices are of one group where they must be.
fn are_joined(requests: &[&Request], seats: &[Vec<Hold>], node: &Node) -> bool {
    let state = State::empty(node);
    requests.iter().zip(seats).all(|(request, holds)| {
        let group = |hold: &Hold| hold.index / node.group.max(1);
        !state.joins(request) || holds.iter().all(|hold| group(hold) == group(&holds[0]))
    })
}

/// Devices for more requests than a node has devices for: it gets those that they need, all of them held.
fn beyond(requests: &[&Request], node: &mut Node) -> Result<Vec<Vec<Hold>>, PlanError> {
    let each = |request: &&Request| match request.devices {
        Ask::None => 0,
        Ask::Whole(count) => usize::from(count),
        Ask::Share(_) | Ask::Slice(_) => 1,
    };
    let needed = u16::try_from(requests.iter().map(each).sum::<usize>()).ok();
    let seats = needed.and_then(|needed| Some((needed, best_fit(requests, needed, (0, false))?)));
    let Some((needed, seats)) = seats else {
        let message = format!("the pods on node {} ask for more devices than a node can have", node.name);
        return Err(PlanError::input(message, "look at their requests, or leave them out"));
    };
    (node.devices, node.model, node.group, node.strict) = (needed, Some(HELD), 0, false);
    Ok(seats)
}

/// Devices for each request in turn, those on which it leaves least.
fn best_fit(requests: &[&Request], devices: u16, (group, strict): (u16, bool)) -> Option<Vec<Vec<Hold>>> {
    let mut state = State::empty(&Node { devices, group, strict, ..Node::default() });
    let bare = |request: &&Request| Request {
        devices: request.devices,
        joined: request.joined,
        ..Request::default()
    };
    requests.iter().map(|request| state.place(&bare(request)).ok()).collect()
}

/// The search for devices for all of some requests.
struct Search<'a> {
    requests: &'a [&'a Request],
    /// Those for a part of a device, largest first.
    parts: Vec<usize>,
    /// Those that wholes leave, which are the first.
    devices: Vec<Device>,
    holds: Vec<Hold>,
    tries: u32,
}

impl<'a> Search<'a> {
    /// Nothing where whole devices alone are too many.
    fn new(requests: &'a [&'a Request], devices: u16) -> Option<Self> {
        let whole = |request: &&Request| match request.devices {
            Ask::Whole(count) => usize::from(count),
            _ => 0,
        };
        let left = usize::from(devices).checked_sub(requests.iter().map(whole).sum())?;
        let is_part = |at: &usize| matches!(requests[*at].devices, Ask::Share(_) | Ask::Slice(_));
        let mut parts: Vec<usize> = (0..requests.len()).filter(is_part).collect();
        parts.sort_by_key(|at| std::cmp::Reverse(requests[*at].milli()));
        Some(Self { requests, parts, devices: vec![Device::WHOLE; left], holds: Vec::new(), tries: TRIES })
    }

    fn run(mut self) -> Option<Vec<Vec<Hold>>> {
        if !self.seat_from(0) {
            return None;
        }
        let mut seats = vec![Vec::new(); self.requests.len()];
        for (at, hold) in self.parts.iter().zip(&self.holds) {
            seats[*at].push(*hold);
        }
        let mut next = self.devices.len() as u16..;
        for (seat, request) in seats.iter_mut().zip(self.requests) {
            if let Ask::Whole(count) = request.devices {
                let whole = |index| Hold { index, milli: plimsoll_packing::fleet::DEVICE, parts: 0 };
                seat.extend(next.by_ref().take(usize::from(count)).map(whole));
            }
        }
        Some(seats)
    }

    /// Seats the parts from one on, if they can be.
    fn seat_from(&mut self, at: usize) -> bool {
        let Some(part) = self.parts.get(at) else { return true };
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let ask = self.requests[*part].devices;
        let mut seen: Vec<Device> = Vec::new();
        for index in 0..self.devices.len() {
            let before = self.devices[index];
            // Devices that are alike are one.
            if seen.contains(&before) {
                continue;
            }
            seen.push(before);
            for (after, milli, parts) in ways(before, ask) {
                self.devices[index] = after;
                self.holds.push(Hold { index: index as u16, milli, parts });
                if self.seat_from(at + 1) {
                    return true;
                }
                self.holds.pop();
            }
            self.devices[index] = before;
        }
        false
    }
}

/// What is left of a device beside an ask, in each way that it fits there, with what it holds.
fn ways(device: Device, ask: Ask) -> Vec<(Device, u16, u8)> {
    match ask {
        Ask::Share(milli) if device.free >= milli => {
            vec![(Device { free: device.free - milli, ..device }, milli, 0)]
        }
        Ask::Slice(slice) if device.is_whole() || device.taken != 0 => {
            let with = |mask: u8| (Device { free: 0, taken: device.taken | mask }, 0, mask);
            slice.masks(device.taken).map(with).collect()
        }
        _ => Vec::new(),
    }
}
