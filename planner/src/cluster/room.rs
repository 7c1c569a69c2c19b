//! How many more pods of a kind fit in what is left, each kind by itself.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::Fleet;
use plimsoll_packing::fleet::{Ask, Cluster, Model, Node, Placement, Pod, Request, Spread, State};

/// A node takes no more than so many of what asks for nothing at all.
const PODS: u64 = 110;

/// Resources that some pod needs and that the packing does not count, since they cannot run out in it.
pub(super) struct Rest {
    pub(super) names: Vec<String>,
    /// What is left of each on each node.
    pub(super) left: Vec<Vec<u64>>,
}

/// Nodes that are alike in what is free and whom they let in.
pub(super) struct Alike<'a> {
    pub(super) node: &'a Node,
    pub(super) state: &'a State,
    /// What is left of [`Rest`].
    left: &'a [u64],
    /// Places in the cluster's nodes.
    pub(super) members: Vec<usize>,
}

/// What nodes are alike in.
type Kind<'a> = (Option<Model>, u32, Option<u32>, &'a [u32], &'a State, &'a [u64]);

/// The nodes in these states by what they are alike in.
pub(super) fn alike<'a>(cluster: &'a Cluster, states: &'a [State], rest: &'a Rest) -> Vec<Alike<'a>> {
    let mut found: BTreeMap<Kind<'_>, Vec<usize>> = BTreeMap::new();
    for (at, (node, state)) in cluster.nodes.iter().zip(states).enumerate() {
        let kind = (node.model, node.pool, node.zone, &node.domains[..], state, &rest.left[at][..]);
        found.entry(kind).or_default().push(at);
    }
    let mut all = Vec::with_capacity(found.len());
    for ((.., state, left), members) in found {
        all.push(Alike { node: &cluster.nodes[members[0]], state, left, members });
    }
    all
}

/// How many more pods like this one would fit.
pub(super) fn would_fit(
    cluster: &Cluster,
    free: &[Alike<'_>],
    here: &BTreeMap<u32, u64>,
    pod: &Pod,
    rest: &[u64],
) -> u64 {
    let mut zones: BTreeMap<u32, u64> = BTreeMap::new();
    let mut all = 0_u64;
    for alike in free.iter().filter(|alike| pod.request.allows(alike.node)) {
        let fit = copies(alike, &pod.request, rest).saturating_mul(alike.members.len() as u64);
        all = all.saturating_add(fit);
        if let Some(zone) = alike.node.zone {
            let in_zone = zones.entry(zone).or_default();
            *in_zone = in_zone.saturating_add(fit);
        }
    }
    match pod.spread {
        Some(spread) => spread_over(&cluster.spreads[spread as usize], &zones, here),
        None => all,
    }
}

/// How many more pods like this one would fit in one domain of a kind, at most.
pub(super) fn in_one(cluster: &Cluster, free: &[Alike<'_>], kind: u32, pod: &Pod, rest: &[u64]) -> u64 {
    let mut domains: BTreeMap<u32, u64> = BTreeMap::new();
    for alike in free.iter().filter(|alike| pod.request.allows(alike.node)) {
        let fit = copies(alike, &pod.request, rest).saturating_mul(alike.members.len() as u64);
        let of_kind = |domain: &&u32| cluster.domains[**domain as usize].kind == kind;
        if let Some(domain) = alike.node.domains.iter().find(of_kind) {
            let here = domains.entry(*domain).or_default();
            *here = here.saturating_add(fit);
        }
    }
    domains.into_values().max().unwrap_or(0)
}

/// Pods of a gang that are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part<'a> {
    pub(super) request: &'a Request,
    /// What each needs of [`Rest`].
    pub(super) needs: Vec<u64>,
    pub(super) count: u64,
}

/// How many more whole gangs of such parts would fit, each in one domain of a kind where one is stated; where the
/// pods are not all alike, as many as first fit finds.
pub(super) fn gangs_would_fit(
    cluster: &Cluster,
    free: &[Alike<'_>],
    parts: &[Part<'_>],
    kind: Option<u32>,
) -> u64 {
    let mut domains: BTreeMap<Option<u32>, Vec<&Alike<'_>>> = BTreeMap::new();
    for alike in free {
        let of_kind = |domain: &&u32| Some(cluster.domains[**domain as usize].kind) == kind;
        let domain = alike.node.domains.iter().find(of_kind).copied();
        if domain.is_some() || kind.is_none() {
            domains.entry(domain).or_default().push(alike);
        }
    }
    let within = |free: &Vec<&Alike<'_>>| match parts {
        [part] => {
            let free = free.iter().filter(|alike| part.request.allows(alike.node));
            let fit = free.map(|alike| {
                copies(alike, part.request, &part.needs).saturating_mul(alike.members.len() as u64)
            });
            fit.fold(0, u64::saturating_add) / part.count.max(1)
        }
        _ => first_fit(free, parts),
    };
    domains.values().map(within).fold(0, u64::saturating_add)
}

/// How many whole gangs fit where each pod takes the first node that holds it.
fn first_fit(free: &[&Alike<'_>], parts: &[Part<'_>]) -> u64 {
    let each = free.iter().flat_map(|alike| alike.members.iter().map(move |_| alike));
    let mut nodes: Vec<(&Node, State, Vec<u64>)> =
        each.map(|alike| (alike.node, alike.state.clone(), alike.left.to_vec())).collect();
    // Nodes only fill up: what does not hold one of a part holds none later.
    let mut first = vec![0; parts.len()];
    let most = PODS.saturating_mul(nodes.len() as u64);
    for gangs in 0..most {
        for (part, first) in parts.iter().zip(&mut first) {
            for _ in 0..part.count {
                while nodes.get_mut(*first).is_some_and(|node| !takes(node, part)) {
                    *first += 1;
                }
                if *first >= nodes.len() {
                    return gangs;
                }
            }
        }
    }
    most
}

/// Puts one of a part on a node that holds it.
fn takes((node, state, left): &mut (&Node, State, Vec<u64>), part: &Part<'_>) -> bool {
    let enough = left.iter().zip(&part.needs).all(|(left, need)| left >= need);
    if !enough || !part.request.allows(node) || !state.fits(part.request) {
        return false;
    }
    let is_placed = state.place(part.request).is_ok();
    for (left, need) in left.iter_mut().zip(&part.needs).filter(|_| is_placed) {
        *left -= need;
    }
    is_placed
}

/// How many more may come to the zones that have room for so many, beside those that are there.
fn spread_over(spread: &Spread, room: &BTreeMap<u32, u64>, here: &BTreeMap<u32, u64>) -> u64 {
    let zones = here.keys().copied();
    let of = |map: &BTreeMap<u32, u64>, zone: u32| map.get(&zone).copied().unwrap_or(0);
    let full = |zone: u32| of(here, zone).saturating_add(of(room, zone));
    let least = zones.clone().map(full).min().filter(|_| !spread.is_short()).unwrap_or(0);
    let most = least.saturating_add(spread.skew.into());
    zones.map(|zone| full(zone).min(most).saturating_sub(of(here, zone))).sum()
}

/// How many pods of a request fit in what is free on a node.
fn copies(alike: &Alike<'_>, request: &Request, rest: &[u64]) -> u64 {
    let state = alike.state;
    let times = |free: u64, asked: u64| free.checked_div(asked).unwrap_or(u64::MAX);
    let mut fit = times(state.cpu_milli, request.cpu_milli).min(times(state.memory_mib, request.memory_mib));
    for (at, asked) in request.extras.iter().enumerate() {
        fit = fit.min(times(state.extras.get(at).copied().unwrap_or(0), *asked));
    }
    for (left, asked) in alike.left.iter().zip(rest) {
        fit = fit.min(times(*left, *asked));
    }
    if let Some(group) = request.apart {
        fit = fit.min(u64::from(state.apart.binary_search(&group).is_err()));
    }
    let by_devices = match request.devices {
        // What asks for nothing at all fits as often as one likes; a node runs no more than this.
        Ask::None => u64::MAX,
        Ask::Share(milli) => state.devices.iter().map(|device| u64::from(device.free / milli.max(1))).sum(),
        Ask::Whole(count) if state.joins(request) => {
            state.groups().iter().map(|group| times(group.len() as u64, u64::from(count))).sum()
        }
        Ask::Whole(count) => times(state.whole() as u64, u64::from(count)),
        Ask::Slice(slice) => {
            let on = |device: &plimsoll_packing::fleet::Device| {
                let (mut taken, mut count) = (device.taken, 0);
                if !device.is_whole() && device.taken == 0 {
                    return 0;
                }
                while let Some(mask) = slice.masks(taken).next() {
                    taken |= mask;
                    count += 1;
                }
                count
            };
            state.devices.iter().map(on).sum()
        }
    };
    match fit.min(by_devices) {
        u64::MAX => PODS,
        fit => fit,
    }
}

impl Rest {
    /// What is left beside the pods that are placed, of what pods need and the packing does not count.
    pub(super) fn of(fleet: &Fleet, cluster: &Cluster, placements: &[Option<Placement>]) -> Self {
        let counts = |name: &String| matches!(&**name, "cpu" | "memory") || cluster.resources.contains(name);
        let needed: BTreeSet<&String> =
            fleet.pods.iter().flat_map(|pod| pod.needs.keys()).filter(|name| !counts(name)).collect();
        let names: Vec<String> = needed.into_iter().cloned().collect();
        let room = |node: &plimsoll_model::fleet::Node, name: &String| match node.room.get(name) {
            None if name == "pods" => u64::MAX,
            room => room.copied().unwrap_or(0),
        };
        let mut left: Vec<Vec<u64>> =
            fleet.nodes.iter().map(|node| names.iter().map(|name| room(node, name)).collect()).collect();
        for (pod, place) in fleet.pods.iter().zip(placements) {
            let Some(place) = place else { continue };
            for (left, need) in left[place.node].iter_mut().zip(Self::needs(&names, pod)) {
                *left = left.saturating_sub(need);
            }
        }
        Self { names, left }
    }

    /// What a pod needs of them.
    pub(super) fn needs(names: &[String], pod: &plimsoll_model::fleet::Pod) -> Vec<u64> {
        names.iter().map(|name| pod.need(name)).collect()
    }
}
