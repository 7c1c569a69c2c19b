//! Pods that wait, by class: what is in the way, and the proof.

use std::collections::BTreeMap;

use plimsoll_model::{
    Packing,
    packing::{Cause, Obstacle, Unplaced},
};

use crate::render::{
    format::{bytes, decimals, few, thousands},
    style::bad,
    table::{shorten, wrap, wrap_painted},
};

/// So many kinds of pod are shown.
const MOST: usize = 12;

pub(super) fn lines(packing: &Packing, width: usize) -> Vec<String> {
    // Those with the same causes and the same proof are in the same straits.
    let mut groups: Vec<(&Unplaced, Vec<&str>)> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for one in &packing.unplaced {
        let key = format!("{:?}{}", one.causes, one.proof);
        let index = *at.entry(key).or_insert_with(|| {
            groups.push((one, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(&one.pod);
    }
    groups.sort_by_key(|(_, pods)| std::cmp::Reverse(pods.len()));
    // A proof that is about the packing as a whole is said once.
    let shared = groups
        .first()
        .map(|(one, _)| one.proof.clone())
        .filter(|proof| groups.len() > 1 && groups.iter().filter(|(one, _)| one.proof == *proof).count() > 1);
    let mut lines = Vec::new();
    for (one, pods) in groups.iter().take(MOST) {
        lines.extend(group(one, pods, shared.as_deref(), width));
    }
    if groups.len() > MOST {
        let rest: usize = groups[MOST..].iter().map(|(_, pods)| pods.len()).sum();
        lines.push(format!("  and {} more pods: -o json", thousands(rest as u128)));
    }
    if let Some(proof) = shared {
        lines.extend(wrap("  ", &format!("For all where nothing else is said: {proof}."), width));
    }
    lines
}

fn group(one: &Unplaced, pods: &[&str], shared: Option<&str>, width: usize) -> Vec<String> {
    let short: Vec<String> = pods.iter().take(9).map(|pod| shorten(pod, 40)).collect();
    let short: Vec<&str> = short.iter().map(String::as_str).collect();
    let names = if pods.len() > 8 {
        format!("{} and {} more", short[..3].join(", "), thousands((pods.len() - 3) as u128))
    } else {
        few(&short)
    };
    let mut lines = wrap_painted("  ", &bad(&names), width);
    for cause in &one.causes {
        lines.extend(wrap("    - ", &sentence(cause), width));
    }
    if shared != Some(&*one.proof) {
        lines.extend(wrap("    ", &one.proof, width));
    }
    lines
}

/// Whether Kubernetes counts a resource in bytes.
fn is_in_bytes(resource: &str) -> bool {
    matches!(resource, "ephemeral-storage" | "storage") || resource.starts_with("hugepages-")
}

/// On how many nodes something is in the way, and how much of it is there.
fn sentence(cause: &Cause) -> String {
    let nodes = match cause.nodes {
        1 => "1 node".to_owned(),
        count => format!("{} nodes", thousands(count.into())),
    };
    let amount = |value: Option<f64>| match (value, cause.constraint) {
        (None, _) => "none".to_owned(),
        (Some(value), Obstacle::Memory) => bytes(value as u64),
        (Some(value), Obstacle::Resource) if is_in_bytes(&cause.name) => bytes(value as u64),
        (Some(value), _) => decimals(value, 3),
    };
    let (needs, has) = (amount(cause.needs), amount(cause.has));
    let name = &cause.name;
    match cause.constraint {
        Obstacle::Selector => format!("{nodes}: not what it selects ({name})"),
        Obstacle::Taint => format!("{nodes}: taint {name} not tolerated"),
        Obstacle::Accelerator => format!("{nodes}: no {name}"),
        // Parts of a card, and not next to each other or not where its profile may be.
        Obstacle::Devices if cause.has >= cause.needs => {
            format!(
                "{nodes}: {needs} of a card needed ({name}), and the {has} of one that is free is not where it may be"
            )
        }
        Obstacle::Devices => {
            format!("{nodes}: too few devices free ({name}): {needs} needed, at most {has} free")
        }
        Obstacle::Cpu => format!("{nodes}: too few cores free: {needs} needed, at most {has} free"),
        Obstacle::Memory => format!("{nodes}: too little memory free: {needs} needed, at most {has} free"),
        Obstacle::Resource => format!("{nodes}: too little {name} free: {needs} needed, at most {has} free"),
        Obstacle::Apart => format!("{nodes}: a pod that it keeps apart from"),
        Obstacle::Spread => {
            format!("{nodes}: its spread over zones ({name}), at most {needs} above the least")
        }
        Obstacle::Group => {
            format!("{nodes}: too few devices of one group free ({name}): {needs} needed, at most {has} free")
        }
        Obstacle::Domain => {
            format!("{nodes}: its {needs} pods must be within one {name}, and one holds at most {has}")
        }
        Obstacle::Gang => {
            format!("{nodes} have room for one, but its gang {name} runs whole or not at all: {needs} pods")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_what_is_free_in_units_that_people_read() {
        let cause = |constraint, name: &str, needs, has| {
            sentence(&Cause { constraint, name: name.into(), nodes: 1, needs: Some(needs), has: Some(has) })
        };
        let gib = |gib: u64| (gib << 30) as f64;
        assert_eq!(
            cause(Obstacle::Resource, "ephemeral-storage", gib(8), gib(4)),
            "1 node: too little ephemeral-storage free: 8 GiB needed, at most 4 GiB free"
        );
        assert_eq!(
            cause(Obstacle::Resource, "vpc.amazonaws.com/efa", 4.0, 1.0),
            "1 node: too little vpc.amazonaws.com/efa free: 4 needed, at most 1 free"
        );
        assert_eq!(
            cause(Obstacle::Devices, "nvidia.com/mig", 0.5, 0.5),
            "1 node: 0.5 of a card needed (nvidia.com/mig), and the 0.5 of one that is free is not where it may be"
        );
    }
}
