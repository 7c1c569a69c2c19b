//! What nodes and devices carry.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    fleet::{Amount, Node, Pod},
    packing::Assignment,
};

use super::View;
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

/// How many devices a node has; nothing where what runs there and stays has more than there are, largest first on
/// those on which it leaves least: then all of them count as held.
pub(super) fn count(node: &Node, stay: &[&Pod]) -> Option<u64> {
    let count = node.devices.as_ref().map_or(0, |devices| devices.count);
    let mut asks: Vec<Amount> =
        stay.iter().filter_map(|pod| pod.ask.as_ref()).map(|ask| ask.amount).collect();
    let wholes = |ask: &Amount| match ask {
        Amount::Whole(count) => u64::from(*count),
        Amount::Share(_) | Amount::Slice { .. } => 0,
    };
    let left = u64::from(count).checked_sub(asks.iter().map(wholes).sum())?;
    let milli = |ask: &Amount| match ask {
        Amount::Whole(_) => 0,
        Amount::Share(milli) => u32::from(*milli),
        Amount::Slice { length, .. } => u32::from(*length) * 125,
    };
    asks.retain(|ask| milli(ask) > 0);
    asks.sort_by_key(|ask| std::cmp::Reverse(milli(ask)));
    // Of each device that is in use: what is free for shares, and the parts that slices have.
    let mut used: Vec<(u16, u8)> = Vec::new();
    for ask in asks {
        let with = |(free, parts): (u16, u8)| match ask {
            Amount::Share(milli) if parts == 0 => free.checked_sub(milli).map(|free| (free, 0)),
            Amount::Slice { length, starts } if parts != 0 || free == 1000 => {
                let masks = (0..8_u32).filter(|start| starts >> start & 1 == 1);
                let masks = masks.map(|start| ((1_u32 << length) - 1) << start).filter(|mask| *mask <= 0xff);
                masks.map(|mask| mask as u8).find(|mask| parts & mask == 0).map(|mask| (0, parts | mask))
            }
            _ => None,
        };
        let fitting = used.iter().enumerate().filter_map(|(at, device)| Some((at, with(*device)?)));
        match fitting.min_by_key(|(_, (free, parts))| (*free, parts.count_zeros())) {
            Some((at, device)) => used[at] = device,
            None => used.push(with((1000, 0))?),
        }
    }
    (used.len() as u64 <= left).then_some(count.into())
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
    let all = count(node, stay);
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
