//! Moves, carried out in order: nothing is overfilled on the way.
//!
//! Within a step a pod takes room on its new node before any leaves its old one.

use std::collections::BTreeMap;

use plimsoll_model::{
    fleet::{Node, Pod},
    packing::Move,
};

use super::{
    View,
    loads::{are_seated, count, room, sum},
};
use crate::{Violation, violation::Kind};

pub(super) fn check(view: &View<'_>, found: &mut Vec<Violation>) {
    let pods: BTreeMap<&str, &Pod> = view.fleet.pods.iter().map(|pod| (&*pod.name, pod)).collect();
    let mut at: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in &view.fleet.pods {
        if let Some(node) = &pod.on {
            at.entry(node).or_default().push(pod);
        }
    }
    let moves = &view.packing.moves;
    if moves.windows(2).any(|pair| pair[0].step > pair[1].step) {
        found.push(Violation::new(Kind::Packing, "moves", "the steps are not in order"));
        return;
    }
    for step in moves.chunk_by(|a, b| a.step == b.step) {
        for one in step {
            let place = (pods.get(&*one.pod), view.nodes.get(&*one.to));
            let (Some(pod), Some(node)) = place else {
                let message = "its pod or node is not of these files";
                found.push(Violation::new(Kind::Document, format!("move of {}", one.pod), message));
                return;
            };
            let there = at.get(&*one.from).is_some_and(|pods| pods.iter().any(|other| other.name == one.pod));
            if !there {
                let message = format!("is not on {} in step {}", one.from, one.step);
                found.push(Violation::new(Kind::Packing, &one.pod, message));
            }
            let on = at.entry(&node.name).or_default();
            on.push(pod);
            overfull(one, node, on, found);
        }
        for one in step {
            if let Some(on) = at.get_mut(&*one.from) {
                on.retain(|pod| pod.name != one.pod);
            }
        }
    }
    for (pod, node, _) in view.placed().filter(|(pod, ..)| pod.on.is_some()) {
        if !at.get(&*node.name).is_some_and(|on| on.iter().any(|other| other.name == pod.name)) {
            let message = format!("the moves do not bring it to {}", node.name);
            found.push(Violation::new(Kind::Packing, &pod.name, message));
        }
    }
}

fn overfull(one: &Move, node: &Node, on: &[&Pod], found: &mut Vec<Violation>) {
    let ran: Vec<&Pod> = on.iter().copied().filter(|pod| pod.on.as_ref() == Some(&node.name)).collect();
    let mut wrong = |what: &str| {
        let message = format!("{what} is overfull when {} comes in step {}", one.pod, one.step);
        found.push(Violation::new(Kind::Packing, &node.name, message));
    };
    let resources: std::collections::BTreeSet<&str> =
        on.iter().flat_map(|pod| pod.needs.keys()).map(String::as_str).collect();
    for resource in resources {
        if sum(on.iter().copied(), resource) > room(node, &ran, resource) {
            wrong(resource);
        }
    }
    let asks = |name: &str| on.iter().any(|pod| pod.name == name && pod.ask.is_some());
    let held: u64 = on.iter().filter(|pod| pod.ask.is_some()).map(|pod| pod.accelerators_milli).sum();
    let is_over = match are_seated(node, &ran) {
        Some(false) => asks(&one.pod),
        Some(true) | None => held > u64::from(count(node)) * 1000,
    };
    if is_over {
        wrong("the sum of devices");
    }
}
