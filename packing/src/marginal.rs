//! What one more would bring: room for a pod, and a node, at the prices of the proof.

use std::collections::BTreeMap;

use crate::{
    classes::{Classes, grouped},
    fleet::{ACCELERATOR, Cluster, Node, Placement, Request, State},
    generate::look,
    instance::Instance,
    relax::Lambda,
};

/// What room for one more of each pod is worth, in accelerators: no more than the pod, 0 where all of its class
/// are placed or it ran already.
pub fn of_pods(
    cluster: &Cluster,
    classes: &Classes,
    placements: &[Option<Placement>],
    prices: &[f64],
) -> Vec<f64> {
    let mut of_pods = vec![0.0; cluster.pods.len()];
    for (class, price) in classes.pods.iter().zip(prices) {
        if class.pods.iter().all(|pod| placements[*pod].is_some()) {
            continue;
        }
        let worth = class.worth as f64 / ACCELERATOR as f64;
        for pod in &class.pods {
            of_pods[*pod] = price.clamp(0.0, worth);
        }
    }
    of_pods
}

/// What one more of each node, empty, would bring, in accelerators, to the first approximation of the prices.
pub fn of_nodes(cluster: &Cluster, classes: &Classes, instance: &Instance, prices: &[f64]) -> Vec<f64> {
    let mut kinds = BTreeMap::new();
    let by_zone = instance.items.iter().any(|item| item.zone.is_some());
    let by_domain = instance.items.iter().any(|item| item.domain.is_some());
    let of_node = |node: &Node| {
        let mut state = State::empty(node);
        let groups = grouped(&mut state, true);
        let allowed = instance.allowed(classes, node);
        let bin = instance.bin(classes.room(&state), &state, groups, &allowed);
        look(instance, &bin, prices, &Lambda::default())
    };
    let nodes = cluster.nodes.iter().map(|node| {
        let zone = node.zone.filter(|_| by_zone);
        let domains = Some(&node.domains).filter(|_| by_domain);
        let size = (node.devices, node.group, node.strict, node.cpu_milli, node.memory_mib, &node.extras);
        let kind = (node.model, size, node.pool, zone, domains);
        *kinds.entry(kind).or_insert_with(|| of_node(node))
    });
    nodes.collect()
}

/// The most that any number of further nodes of these kinds can bring, in accelerators: the pods that wait and
/// that one of them could hold.
pub fn of_all(cluster: &Cluster, placements: &[Option<Placement>]) -> f64 {
    let kinds = cluster.nodes.iter().map(|node| {
        let size = (node.devices, node.group, node.strict, node.cpu_milli, node.memory_mib, &node.extras);
        ((node.model, size, node.pool), node)
    });
    let kinds: BTreeMap<_, &Node> = kinds.collect();
    let kinds: Vec<(&Node, State)> = kinds.into_values().map(|node| (node, State::empty(node))).collect();
    let mut held: BTreeMap<&Request, bool> = BTreeMap::new();
    let waiting = cluster.pods.iter().zip(placements).filter(|(_, place)| place.is_none());
    let all = waiting.fold(0_u64, |sum, (pod, _)| {
        let holds = |(node, state): &(&Node, State)| pod.request.allows(node) && state.fits(&pod.request);
        let held = *held.entry(&pod.request).or_insert_with(|| kinds.iter().any(holds));
        sum.saturating_add(if held { pod.worth } else { 0 })
    });
    all as f64 / ACCELERATOR as f64
}
