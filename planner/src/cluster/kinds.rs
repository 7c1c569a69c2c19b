//! Pods that ask for the same, and nodes that have the same.

use std::collections::BTreeMap;

use plimsoll_model::{
    Fleet,
    fleet::Node,
    packing::{Class, NodeKind, Request},
};
use plimsoll_packing::fleet::Cluster;

use super::rules::refusal;

/// Pods that ask for the same and are worth the same, by their places; running ones are not among them.
pub(super) fn classes(cluster: &Cluster) -> Vec<Vec<usize>> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, pod) in cluster.pods.iter().enumerate().filter(|(_, pod)| pod.running.is_none()) {
        alike.entry((&pod.request, pod.worth, pod.spread, pod.gang, pod.confine)).or_default().push(at);
    }
    let mut classes: Vec<Vec<usize>> = alike.into_values().collect();
    classes.sort_by_key(|pods| pods[0]);
    classes
}

/// What a class says of itself.
pub(super) fn class(fleet: &Fleet, pods: &[usize], placed: u64, would_fit: u64, price: Option<f64>) -> Class {
    let pod = &fleet.pods[pods[0]];
    let further = pod.needs.iter().filter(|(name, _)| !matches!(&***name, "cpu" | "memory" | "pods"));
    let nodes = fleet.nodes.iter().filter(|node| refusal(&pod.rule, node).is_none()).count();
    Class {
        request: Request {
            cpu: pod.need("cpu") as f64 / 1000.0,
            memory: pod.need("memory"),
            accelerators: pod.accelerators_milli as f64 / 1000.0,
            resource: pod.ask.as_ref().map(|ask| ask.resource.clone()),
            models: pod.ask.as_ref().map_or_else(Vec::new, |ask| ask.models.clone()),
            others: further.map(|(name, amount)| (name.clone(), *amount)).collect(),
            nodes: nodes as u64,
            gang: pod.gang.map(|gang| fleet.gangs[gang as usize].clone()),
            worth: pod.worth as f64 / 1e6,
            example: pod.name.clone(),
        },
        pods: pods.len() as u64,
        placed,
        would_fit,
        price,
    }
}

/// What a node is to people: what nodes keep for themselves varies a little, and makes no kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hardware {
    devices: Option<(String, u16)>,
    cores: u64,
    gibibytes: u64,
}

impl Hardware {
    pub(super) fn of(node: &Node) -> Self {
        let room = |resource: &str| node.room.get(resource).copied().unwrap_or(0);
        Self {
            devices: node.devices.as_ref().map(|devices| (devices.model.clone(), devices.count)),
            cores: room("cpu").div_ceil(1000),
            gibibytes: room("memory").div_ceil(1 << 30),
        }
    }

    fn words(&self) -> String {
        let devices =
            self.devices.as_ref().map_or(String::new(), |(model, count)| format!("{count} × {model}, "));
        format!("{devices}{} cores, {} GiB", self.cores, self.gibibytes)
    }
}

/// The kinds of nodes, most nodes first.
pub(super) fn nodes(fleet: &Fleet, worth: &BTreeMap<Hardware, f64>) -> Vec<NodeKind> {
    let mut kinds: BTreeMap<Hardware, u64> = BTreeMap::new();
    for node in &fleet.nodes {
        *kinds.entry(Hardware::of(node)).or_default() += 1;
    }
    let mut kinds: Vec<(Hardware, u64)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
    kinds
        .into_iter()
        .map(|(hardware, nodes)| NodeKind {
            kind: hardware.words(),
            nodes,
            worth_of_one_more: worth.get(&hardware).copied(),
        })
        .collect()
}
