//! Whether a packing holds, from the pods and nodes alone.
//!
//! Shares no code with what packs: it knows the fields of nodes, pods and placements, and adds up loads by
//! itself. Every test of packing goes through it.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::{Ask, Cluster, Node, Placement, Request};

/// Something that a packing breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// There are not as many placements as pods, or one is on a node that is not there.
    Shape {
        /// The pod.
        pod: usize,
    },
    /// A running pod is not where it runs, though it may not move.
    Moved {
        /// The pod.
        pod: usize,
    },
    /// The pod may not run on its node (model or pool).
    NotAllowed {
        /// The pod.
        pod: usize,
    },
    /// What the pod holds of devices is not what it asks for.
    Holds {
        /// The pod.
        pod: usize,
    },
    /// Pods ask for more CPU, memory or another resource than a node has.
    Overfull {
        /// The node.
        node: usize,
        /// `cpu`, `memory`, or the name of the resource.
        resource: String,
        /// What they ask for.
        asked: u128,
        /// What it has.
        has: u64,
    },
    /// Pods hold more of a device than there is, or the same part of it, or share it in two ways.
    Device {
        /// The node.
        node: usize,
        /// The device.
        index: u16,
    },
    /// Two pods of a group that stays apart are on one node.
    Together {
        /// The node.
        node: usize,
        /// The group.
        group: u32,
    },
    /// Of the pods of a gang that did not run before some are placed, and some are not.
    Gang {
        /// The gang.
        gang: u32,
    },
    /// Of the pods of a confine that did not run before some are in another domain than others, or in none.
    Confine {
        /// The confine.
        confine: u32,
    },
    /// A zone that a pod came to has more of its spread than the skew allows, or it came to no zone.
    Spread {
        /// The spread.
        spread: u32,
    },
}

/// Everything that a packing breaks: where each pod is, or that it waits.
pub fn check(cluster: &Cluster, placements: &[Option<Placement>]) -> Vec<Violation> {
    let mut broken = Vec::new();
    if placements.len() != cluster.pods.len() {
        return vec![Violation::Shape { pod: placements.len().min(cluster.pods.len()) }];
    }
    let mut on_node: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (pod, placement) in placements.iter().enumerate() {
        let Some(placement) = placement else { continue };
        if placement.node >= cluster.nodes.len() {
            broken.push(Violation::Shape { pod });
            continue;
        }
        on_node.entry(placement.node).or_default().push(pod);
        one(cluster, pod, placement, &mut broken);
    }
    for (node, pods) in &on_node {
        resources(cluster, *node, pods, &mut broken);
        devices(cluster, *node, pods, placements, &mut broken);
        let mut groups = BTreeSet::new();
        for group in pods.iter().filter_map(|pod| cluster.pods[*pod].request.apart) {
            if !groups.insert(group) {
                broken.push(Violation::Together { node: *node, group });
            }
        }
    }
    gangs(cluster, placements, &mut broken);
    confines(cluster, placements, &mut broken);
    spreads(cluster, placements, &mut broken);
    broken
}

/// The running pods that a packing has elsewhere, or nowhere.
pub fn moved(cluster: &Cluster, placements: &[Option<Placement>]) -> Vec<Violation> {
    let moved = |(pod, (it, placement)): (usize, (&crate::fleet::Pod, &Option<Placement>))| {
        (it.running.is_some() && it.running != *placement).then_some(Violation::Moved { pod })
    };
    cluster.pods.iter().zip(placements).enumerate().filter_map(moved).collect()
}

/// One pod by itself: the node lets it in, and it holds what it asks for.
fn one(cluster: &Cluster, pod: usize, placement: &Placement, broken: &mut Vec<Violation>) {
    let request = &cluster.pods[pod].request;
    let node = &cluster.nodes[placement.node];
    // Where a pod runs it may stay, whatever has changed of the node since.
    let stays = cluster.pods[pod].running.as_ref().is_some_and(|running| running.node == placement.node);
    if !stays && !allowed(request, node) {
        broken.push(Violation::NotAllowed { pod });
    }
    let holds = &placement.devices;
    let distinct: BTreeSet<u16> = holds.iter().map(|hold| hold.index).collect();
    let right = distinct.len() == holds.len()
        && distinct.iter().all(|index| *index < node.devices)
        && match request.devices {
            Ask::None => holds.is_empty(),
            Ask::Share(milli) => holds.len() == 1 && holds[0].milli == milli && holds[0].parts == 0,
            Ask::Whole(count) => {
                let group = |hold: &crate::fleet::Hold| hold.index / node.group.max(1);
                let joined = !stays && node.group > 0 && (request.joined || node.strict);
                holds.len() == usize::from(count)
                    && holds.iter().all(|h| h.milli == 1000 && h.parts == 0)
                    && (!joined || holds.iter().all(|hold| group(hold) == group(&holds[0])))
            }
            Ask::Slice(slice) => {
                let parts = u32::from(holds.first().map_or(0, |hold| hold.parts));
                let start = parts.trailing_zeros();
                holds.len() == 1
                    && holds[0].milli == 0
                    && start < 8
                    && parts == ((1 << slice.length) - 1) << start
                    && (u32::from(slice.starts) >> start) & 1 == 1
            }
        };
    if !right {
        broken.push(Violation::Holds { pod });
    }
}

fn allowed(request: &Request, node: &Node) -> bool {
    let model = request.devices == Ask::None
        || request.models.is_empty()
        || request.models.iter().any(|model| Some(*model) == node.model);
    model && (request.pools.is_empty() || request.pools.contains(&node.pool))
}

fn resources(cluster: &Cluster, node: usize, pods: &[usize], broken: &mut Vec<Violation>) {
    let it = &cluster.nodes[node];
    let requests = || pods.iter().map(|pod| &cluster.pods[*pod].request);
    let mut rows = vec![
        ("cpu".to_owned(), requests().map(|r| u128::from(r.cpu_milli)).sum(), it.cpu_milli),
        ("memory".to_owned(), requests().map(|r| u128::from(r.memory_mib)).sum(), it.memory_mib),
    ];
    let most = requests().map(|r| r.extras.len()).max().unwrap_or(0);
    for index in 0..most {
        let asked = requests().map(|r| u128::from(r.extras.get(index).copied().unwrap_or(0))).sum();
        let name = cluster.resources.get(index).cloned().unwrap_or_else(|| format!("resource {index}"));
        rows.push((name, asked, it.extras.get(index).copied().unwrap_or(0)));
    }
    for (resource, asked, has) in rows {
        if asked > u128::from(has) {
            broken.push(Violation::Overfull { node, resource, asked, has });
        }
    }
}

fn devices(
    cluster: &Cluster,
    node: usize,
    pods: &[usize],
    placements: &[Option<Placement>],
    broken: &mut Vec<Violation>,
) {
    let holds = || pods.iter().filter_map(|pod| placements[*pod].as_ref()).flat_map(|p| &p.devices);
    for index in 0..cluster.nodes[node].devices {
        let milli: u32 = holds().filter(|hold| hold.index == index).map(|hold| u32::from(hold.milli)).sum();
        let mut parts = 0_u8;
        let mut twice = false;
        for hold in holds().filter(|hold| hold.index == index) {
            twice |= parts & hold.parts != 0;
            parts |= hold.parts;
        }
        if milli > 1000 || twice || (milli > 0 && parts != 0) {
            broken.push(Violation::Device { node, index });
        }
    }
}

fn gangs(cluster: &Cluster, placements: &[Option<Placement>], broken: &mut Vec<Violation>) {
    let mut seen: BTreeMap<u32, (bool, bool)> = BTreeMap::new();
    for (pod, placement) in cluster.pods.iter().zip(placements) {
        if let Some(gang) = pod.gang.filter(|_| pod.running.is_none()) {
            let entry = seen.entry(gang).or_default();
            match placement {
                Some(_) => entry.0 = true,
                None => entry.1 = true,
            }
        }
    }
    broken.extend(
        seen.iter().filter(|(_, (in_, out))| *in_ && *out).map(|(gang, _)| Violation::Gang { gang: *gang }),
    );
}

fn confines(cluster: &Cluster, placements: &[Option<Placement>], broken: &mut Vec<Violation>) {
    let mut within: BTreeMap<u32, BTreeSet<Option<u32>>> = BTreeMap::new();
    for (pod, placement) in cluster.pods.iter().zip(placements) {
        let came = placement.as_ref().filter(|_| pod.running.is_none());
        if let (Some(confine), Some(placement)) = (pod.confine, came) {
            let kind = cluster.confines[confine as usize].kind;
            let node = cluster.nodes.get(placement.node);
            let domain = node.and_then(|node| {
                node.domains.iter().find(|domain| cluster.domains[**domain as usize].kind == kind)
            });
            within.entry(confine).or_default().insert(domain.copied());
        }
    }
    let is_broken = |domains: &BTreeSet<Option<u32>>| domains.len() > 1 || domains.contains(&None);
    let broke = within.into_iter().filter(|(_, domains)| is_broken(domains));
    broken.extend(broke.map(|(confine, _)| Violation::Confine { confine }));
}

fn spreads(cluster: &Cluster, placements: &[Option<Placement>], broken: &mut Vec<Violation>) {
    for (spread, it) in (0_u32..).zip(&cluster.spreads) {
        let mut zones = it.zones.clone();
        // Running pods may be askew; where they are bounds only what comes.
        let mut came = BTreeSet::new();
        for (pod, placement) in cluster.pods.iter().zip(placements) {
            let Some(placement) = placement.as_ref().filter(|_| pod.spread == Some(spread)) else { continue };
            let stays = pod.running.as_ref().is_some_and(|running| running.node == placement.node);
            let zone = cluster.nodes.get(placement.node).and_then(|node| node.zone);
            match zone {
                Some(zone) if it.zones.contains_key(&zone) => *zones.entry(zone).or_default() += 1,
                _ if stays => {}
                // A node without a zone that counts is no place for a pod that is spread over zones.
                _ => broken.push(Violation::Spread { spread }),
            }
            came.extend(zone.filter(|_| !stays));
        }
        let is_short = zones.len() < it.fewest as usize;
        let least = zones.values().min().copied().filter(|_| !is_short).unwrap_or(0);
        if zones.iter().any(|(zone, count)| came.contains(zone) && *count > least + it.skew) {
            broken.push(Violation::Spread { spread });
        }
    }
}
