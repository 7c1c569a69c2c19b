//! Pods that wait for placed ones of their kind that are worth less, where classes are of what is only nearly alike.
//!
//! Classes know their members by the mean, so nodes end with a little left of everything: too little for one more
//! pod, enough for a larger one in the place of another. Each placed pod gives way to the one that waits, asks for the
//! same kind of devices, fits in its place and what is left beside it, and is worth most; again while that changes
//! anything, a few times over.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    classes::Classes,
    fleet::{Ask, Cluster, Hold, Model, Placement, Pod, Request, State},
};

/// Times that all nodes are looked at.
const PASSES: usize = 6;

/// Pods looked at for one place, at most, of each share.
const LOOKS: usize = 12;

/// What decides whether one pod may hold the devices of another: not how large a share.
type Kind<'a> = (Ask, bool, &'a [Model], &'a [u32]);

fn kind(request: &Request) -> Kind<'_> {
    let ask = match request.devices {
        Ask::Share(_) => Ask::Share(0),
        ask => ask,
    };
    (ask, request.joined, &request.models, &request.pools)
}

/// The pods that wait: of each kind and share by what they need of one resource, then by name.
struct Waiting<'a> {
    /// The pods by name, and the place of each.
    names: Vec<usize>,
    places: Vec<usize>,
    of: BTreeMap<Kind<'a>, BTreeMap<u64, BTreeSet<(u64, usize)>>>,
}

/// Whether a pod may give way, or take a place: it stands alone.
fn alone(pod: &Pod) -> bool {
    pod.running.is_none() && pod.gang.is_none() && pod.spread.is_none() && pod.request.apart.is_none()
}

/// Swaps placed pods for ones that wait and are worth more, by what they need of a resource; whether any was.
pub fn swap(
    cluster: &Cluster,
    classes: &Classes,
    resource: usize,
    states: &mut [State],
    placements: &mut [Option<Placement>],
) -> bool {
    let size = |pod: usize| classes.amounts(&cluster.pods[pod].request)[resource];
    let mut waiting = Waiting::new(cluster);
    let mut nodes: Vec<usize> = (0..cluster.nodes.len()).collect();
    nodes.sort_by_key(|node| &cluster.nodes[*node].name);
    let mut residents = vec![Vec::new(); states.len()];
    for pod in waiting.names.clone().into_iter().filter(|pod| alone(&cluster.pods[*pod])) {
        match &placements[pod] {
            Some(at) => residents[at.node].push(pod),
            None => waiting.add(cluster, pod, size(pod)),
        }
    }
    let mut any = false;
    for _ in 0..PASSES {
        let mut changed = false;
        for node in nodes.iter().copied() {
            for pod in &mut residents[node] {
                let Some(at) = placements[*pod].clone() else { continue };
                let left = classes.room(&states[node])[resource];
                let Some(other) = waiting.better(cluster, *pod, &at, size(*pod) + left, &states[node]) else {
                    continue;
                };
                let devices = devices(&at, &cluster.pods[other].request);
                states[node].release(&cluster.pods[*pod].request, &at.devices);
                if states[node].take(&cluster.pods[other].request, &devices).is_err() {
                    let back = states[node].take(&cluster.pods[*pod].request, &at.devices);
                    debug_assert!(back.is_ok(), "it was there before");
                    continue;
                }
                waiting.remove(cluster, other, size(other));
                waiting.add(cluster, *pod, size(*pod));
                placements[*pod] = None;
                placements[other] = Some(Placement { node, devices });
                *pod = other;
                changed = true;
            }
        }
        any |= changed;
        if !changed {
            break;
        }
    }
    any
}

/// The devices of a placement, held by another pod of the kind.
fn devices(at: &Placement, request: &Request) -> Vec<Hold> {
    match request.devices {
        Ask::Share(milli) => at.devices.iter().map(|hold| Hold { milli, ..*hold }).collect(),
        _ => at.devices.clone(),
    }
}

impl<'a> Waiting<'a> {
    fn new(cluster: &Cluster) -> Self {
        let mut names: Vec<usize> = (0..cluster.pods.len()).collect();
        names.sort_by_key(|pod| &cluster.pods[*pod].name);
        let mut places = vec![0; names.len()];
        for (place, pod) in names.iter().enumerate() {
            places[*pod] = place;
        }
        Self { names, places, of: BTreeMap::new() }
    }

    fn add(&mut self, cluster: &'a Cluster, pod: usize, size: u64) {
        let request = &cluster.pods[pod].request;
        let of = self.of.entry(kind(request)).or_default().entry(request.milli()).or_default();
        of.insert((size, self.places[pod]));
    }

    fn remove(&mut self, cluster: &'a Cluster, pod: usize, size: u64) {
        let request = &cluster.pods[pod].request;
        let of = self.of.get_mut(&kind(request)).and_then(|of| of.get_mut(&request.milli()));
        if let Some(of) = of {
            of.remove(&(size, self.places[pod]));
        }
    }

    /// The pod worth most, and more than the one placed, that fits in its place and beside it.
    fn better(
        &self,
        cluster: &Cluster,
        pod: usize,
        at: &Placement,
        size: u64,
        state: &State,
    ) -> Option<usize> {
        let it = &cluster.pods[pod];
        let of = self.of.get(&kind(&it.request))?;
        let free = match (it.request.devices, at.devices.first()) {
            (Ask::Share(_), Some(hold)) => u64::from(state.devices[usize::from(hold.index)].free),
            _ => 0,
        };
        let mut best = (it.worth, None);
        for (_, of) in of.range(..=it.request.milli() + free).rev().take(LOOKS) {
            for (_, place) in of.range(..=(size, usize::MAX)).rev().take(LOOKS) {
                let other = self.names[*place];
                let request = &cluster.pods[other].request;
                if cluster.pods[other].worth > best.0 && fits(request, &it.request, state) {
                    best = (cluster.pods[other].worth, Some(other));
                }
            }
        }
        best.1
    }
}

/// Whether a request fits in the place of another and what is left, but for devices.
fn fits(request: &Request, instead: &Request, state: &State) -> bool {
    let extra = |of: &[u64], index: usize| of.get(index).copied().unwrap_or(0);
    request.cpu_milli <= instead.cpu_milli + state.cpu_milli
        && request.memory_mib <= instead.memory_mib + state.memory_mib
        && request
            .extras
            .iter()
            .enumerate()
            .all(|(index, asked)| *asked <= extra(&instead.extras, index) + extra(&state.extras, index))
}
