//! Keeps out of an answer what would break a rule: a last look at gangs and spreads before it is given.
//!
//! The packing honours both; where it does not, fewer pods run, and the bound holds all the same.

use std::collections::BTreeMap;

use plimsoll_packing::{
    Packing,
    check::{Violation, check},
    fleet::{Cluster, Node},
};

/// Takes pods from their nodes until every gang and every spread holds.
pub(super) fn mend(cluster: &Cluster, packed: &mut Packing) {
    loop {
        let mut out: Vec<usize> = Vec::new();
        for violation in check(cluster, &packed.placements) {
            match violation {
                Violation::Gang { gang } => out.extend(came(cluster, packed, |pod| pod.gang == Some(gang))),
                Violation::Spread { spread } => out.extend(excess(cluster, packed, spread)),
                _ => {}
            }
        }
        out.sort_unstable();
        out.dedup();
        if out.is_empty() {
            return;
        }
        for pod in out {
            let it = &cluster.pods[pod];
            if let Some(place) = packed.placements[pod].take() {
                packed.states[place.node].release(&it.request, &place.devices);
                packed.worth -= it.worth;
            }
        }
    }
}

/// The placed pods that did not run before, by a property.
fn came(
    cluster: &Cluster,
    packed: &Packing,
    is_one: impl Fn(&plimsoll_packing::fleet::Pod) -> bool,
) -> Vec<usize> {
    let pods = cluster.pods.iter().zip(&packed.placements).enumerate();
    pods.filter(|(_, (pod, place))| place.is_some() && pod.running.is_none() && is_one(pod))
        .map(|(at, _)| at)
        .collect()
}

/// Of a spread, those in crowded zones beyond what the emptiest allows, the last ones first.
fn excess(cluster: &Cluster, packed: &Packing, spread: u32) -> Vec<usize> {
    let zone_of =
        |pod: usize| packed.placements[pod].as_ref().and_then(|place| cluster.nodes[place.node].zone);
    let members = || cluster.pods.iter().filter(|pod| pod.spread == Some(spread));
    let lets_in = |node: &&Node| members().any(|pod| pod.request.allows(node));
    let mut zones: BTreeMap<u32, u32> =
        cluster.nodes.iter().filter(lets_in).filter_map(|node| node.zone).map(|zone| (zone, 0)).collect();
    for (pod, _) in cluster.pods.iter().enumerate().filter(|(_, pod)| pod.spread == Some(spread)) {
        if let Some(zone) = zone_of(pod) {
            *zones.entry(zone).or_default() += 1;
        }
    }
    let most = zones.values().min().copied().unwrap_or(0) + cluster.spreads[spread as usize].skew;
    let mut out = Vec::new();
    for pod in came(cluster, packed, |pod| pod.spread == Some(spread)).into_iter().rev() {
        match zone_of(pod).and_then(|zone| zones.get_mut(&zone)) {
            Some(count) if *count > most => {
                *count -= 1;
                out.push(pod);
            }
            Some(_) => {}
            None => out.push(pod),
        }
    }
    out
}
