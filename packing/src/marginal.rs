//! What one more would bring: room for a pod, and a node, at the prices of the proof.

use std::collections::BTreeMap;

use crate::{
    classes::Classes,
    fleet::{ACCELERATOR, Cluster, Node, Placement, State},
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
            of_pods[*pod] = price.min(worth);
        }
    }
    of_pods
}

/// What one more of each node, empty, would bring, in accelerators, to the first approximation of the prices.
pub fn of_nodes(cluster: &Cluster, classes: &Classes, instance: &Instance, prices: &[f64]) -> Vec<f64> {
    let mut kinds = BTreeMap::new();
    let of_node = |node: &Node| {
        let state = State::empty(node);
        let allowed: Vec<u32> = (0..classes.pods.len() as u32)
            .filter(|item| classes.pods[*item as usize].request.allows(node))
            .collect();
        let bin = instance.bin(classes.room(&state), &state, &allowed);
        look(instance, &bin, prices, &Lambda::default())
    };
    let nodes = cluster.nodes.iter().map(|node| {
        let kind = (node.model, node.devices, node.cpu_milli, node.memory_mib, node.pool, &node.extras);
        *kinds.entry(kind).or_insert_with(|| of_node(node))
    });
    nodes.collect()
}
