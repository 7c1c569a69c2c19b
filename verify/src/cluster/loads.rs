//! What nodes and devices carry.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    fleet::{Amount, Node, Pod},
    packing::Assignment,
};

use super::{View, seats};
use crate::{Violation, violation::Kind};

/// Pods on a node.
type Here<'a> = Vec<(&'a Pod, &'a Assignment)>;

pub(super) fn check(view: &View<'_>, found: &mut Vec<Violation>) {
    let mut on: BTreeMap<&str, (&Node, Here<'_>)> = BTreeMap::new();
    for (pod, node, place) in view.placed() {
        on.entry(&node.name).or_insert_with(|| (node, Vec::new())).1.push((pod, place));
    }
    for (name, (node, pods)) in on {
        let stay = pods.iter().map(|(pod, _)| *pod).filter(|pod| pod.on.as_deref() == Some(name));
        let stay: Vec<&Pod> = stay.collect();
        amounts(node, &pods, &stay, found);
        devices(node, &pods, &stay, found);
        apart(node, &pods, found);
    }
}

/// What some pods need of a resource.
pub(super) fn sum<'a>(pods: impl Iterator<Item = &'a Pod>, resource: &str) -> u128 {
    pods.map(|pod| u128::from(pod.need(resource))).sum()
}

/// What a node has of a resource; more where what runs there and stays has more.
pub(super) fn room(node: &Node, stay: &[&Pod], resource: &str) -> u128 {
    let stated = match node.room.get(resource) {
        None if resource == "pods" => u128::MAX,
        stated => stated.copied().unwrap_or(0).into(),
    };
    stated.max(sum(stay.iter().copied(), resource))
}

fn amounts(node: &Node, pods: &[(&Pod, &Assignment)], stay: &[&Pod], found: &mut Vec<Violation>) {
    let resources: BTreeSet<&str> =
        pods.iter().flat_map(|(pod, _)| pod.needs.keys()).map(String::as_str).collect();
    for resource in resources {
        let (asked, has) = (sum(pods.iter().map(|(pod, _)| *pod), resource), room(node, stay, resource));
        if asked > has {
            let message = format!("{resource} is overfull: {asked} asked, {has} there{}", unit(resource));
            found.push(Violation::new(Kind::Packing, &node.name, message));
        }
    }
}

fn unit(resource: &str) -> &'static str {
    match resource {
        "cpu" => " (thousandths of a core)",
        "memory" => " (bytes)",
        _ => "",
    }
}

/// How many devices a node has.
pub(super) fn count(node: &Node) -> u16 {
    node.devices.as_ref().map_or(0, |devices| devices.count)
}

/// Whether what runs on a node and stays has devices there in some way; nothing where that takes too long to find out.
pub(super) fn are_seated(node: &Node, stay: &[&Pod]) -> Option<bool> {
    let asks: Vec<Amount> = stay.iter().filter_map(|pod| pod.ask.as_ref()).map(|ask| ask.amount).collect();
    seats::are_enough(count(node), &asks)
}

fn devices(node: &Node, pods: &[(&Pod, &Assignment)], stay: &[&Pod], found: &mut Vec<Violation>) {
    let mut milli: BTreeMap<u16, u64> = BTreeMap::new();
    let mut parts: BTreeMap<u16, u8> = BTreeMap::new();
    let mut wrong = |message: String| found.push(Violation::new(Kind::Packing, &node.name, message));
    for hold in pods.iter().flat_map(|(_, place)| &place.devices) {
        *milli.entry(hold.index).or_default() += u64::from(hold.milli);
        let taken = parts.entry(hold.index).or_default();
        let own = hold.parts.unwrap_or(0);
        if *taken & own != 0 {
            wrong(format!("two slices of device {} overlap", hold.index));
        }
        *taken |= own;
    }
    // What the packing says that they hold is looked at below. Where more run than there are devices, all of them count
    // as held.
    let mut holds = pods.iter().filter(|(_, place)| place.running).flat_map(|(_, place)| &place.devices);
    let has_all = holds.all(|hold| hold.index < count(node)) || are_seated(node, stay) == Some(true);
    let all = has_all.then_some(u64::from(count(node)));
    let is_new = |pod: &Pod| pod.ask.is_some() && pod.on.as_ref() != Some(&node.name);
    if let (None, Some((pod, _))) = (all, pods.iter().find(|(pod, _)| is_new(pod))) {
        wrong(format!("has fewer devices than run there, and {} comes to one", pod.name));
    }
    for (index, held) in milli {
        if let Some(all) = all.filter(|all| u64::from(index) >= *all) {
            wrong(format!("has {all} devices, and a pod holds number {index} (from 0)"));
        }
        if held > 1000 {
            wrong(format!("device {index} is overfull: {held} thousandths held"));
        }
        if held > 0 && parts.get(&index).is_some_and(|parts| *parts != 0) {
            wrong(format!("device {index} is both cut into slices and shared"));
        }
    }
}

fn apart(node: &Node, pods: &[(&Pod, &Assignment)], found: &mut Vec<Violation>) {
    let mut groups: BTreeMap<u32, Here<'_>> = BTreeMap::new();
    for (pod, place) in pods {
        if let Some(group) = pod.apart {
            groups.entry(group).or_default().push((pod, place));
        }
    }
    for members in groups.into_values() {
        // Those that run together already may stay so.
        if members.len() > 1 && members.iter().any(|(_, place)| !place.running) {
            let names: Vec<&str> = members.iter().map(|(pod, _)| &*pod.name).collect();
            let message = format!("{} keep apart, and are both here", names.join(" and "));
            found.push(Violation::new(Kind::Packing, &node.name, message));
        }
    }
}
