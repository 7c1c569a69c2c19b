//! Whether a pod may be on a node, and holds of its devices what it asks for.

use std::collections::BTreeSet;

use plimsoll_model::{
    fleet::{Amount, NODE_NAME, Node, Pod, Requirement, Rule, Spread, Test},
    packing::Assignment,
};

use crate::{Violation, violation::Kind};

pub(super) fn check(pod: &Pod, node: &Node, place: &Assignment, found: &mut Vec<Violation>) {
    let subject = format!("{} on {}", pod.name, node.name);
    let mut wrong = |message: String| found.push(Violation::new(Kind::Packing, &*subject, message));
    // Whatever changed of the node since, a pod that runs there may stay.
    if pod.on.as_ref() != Some(&node.name) {
        if let Some(why) = forbids(&pod.rule, node) {
            wrong(why);
        }
        if let Some(why) = lacks_devices(pod, node) {
            wrong(why);
        }
        let groups: BTreeSet<u16> =
            place.devices.iter().map(|hold| hold.index / node.groups.size.max(1)).collect();
        if is_joined(pod, node) && groups.len() > 1 {
            wrong(format!(
                "its devices are of {} groups of {}: they must be of one",
                groups.len(),
                node.groups.size
            ));
        }
    }
    if let Some(why) = misheld(pod, place) {
        wrong(why);
    }
}

/// Whether a pod's whole devices must be of one group of a node.
pub(super) fn is_joined(pod: &Pod, node: &Node) -> bool {
    let is_whole = pod.ask.as_ref().is_some_and(|ask| matches!(ask.amount, Amount::Whole(2..)));
    is_whole && node.groups.size > 0 && (pod.joined || node.groups.strict)
}

/// Whether a node lets a pod with this rule in.
pub(super) fn admits(rule: &Rule, node: &Node) -> bool {
    forbids(rule, node).is_none()
}

/// Whether a spread counts a node for its pods with this rule.
pub(super) fn is_counted(spread: &Spread, rule: &Rule, node: &Node) -> bool {
    let is_chosen = spread.ignores_affinity || misses(rule, node).is_none();
    is_chosen && (!spread.honors_taints || repels(rule, node).is_none())
}

fn forbids(rule: &Rule, node: &Node) -> Option<String> {
    misses(rule, node).or_else(|| repels(rule, node))
}

fn misses(rule: &Rule, node: &Node) -> Option<String> {
    for (key, value) in &rule.labels {
        match node.labels.get(key) {
            Some(has) if has == value => {}
            Some(has) => return Some(format!("nodeSelector {key}: {value}, the node has {has}")),
            None => return Some(format!("nodeSelector {key}: {value}, the node lacks the label")),
        }
    }
    let all = |term: &[Requirement]| !term.is_empty() && term.iter().all(|one| is_met(one, node));
    if rule.terms.as_ref().is_some_and(|terms| !terms.iter().any(|term| all(term))) {
        return Some("the node meets none of the terms of its node affinity".to_owned());
    }
    None
}

fn repels(rule: &Rule, node: &Node) -> Option<String> {
    for taint in &node.taints {
        let is_borne = rule.tolerations.iter().any(|one| {
            one.key.as_ref().is_none_or(|key| *key == taint.key)
                && one.value.as_ref().is_none_or(|value| *value == taint.value)
                && one.effect.as_ref().is_none_or(|effect| *effect == taint.effect)
        });
        if !is_borne {
            return Some(format!("the node's taint {} is not tolerated", taint.key));
        }
    }
    None
}

fn is_met(one: &Requirement, node: &Node) -> bool {
    let label = match &*one.key {
        NODE_NAME => Some(node.name.as_str()),
        key => node.labels.get(key).map(String::as_str),
    };
    match (&one.test, label) {
        (Test::In(values), Some(label)) => values.iter().any(|value| value == label),
        (Test::NotIn(values), Some(label)) => values.iter().all(|value| value != label),
        (Test::Exists, label) => label.is_some(),
        (Test::DoesNotExist, label) => label.is_none(),
        (Test::Above(bound), Some(label)) => label.parse::<i64>().is_ok_and(|value| value > *bound),
        (Test::Below(bound), Some(label)) => label.parse::<i64>().is_ok_and(|value| value < *bound),
        (Test::NotIn(_), None) => true,
        (Test::In(_) | Test::Above(_) | Test::Below(_), None) => false,
    }
}

/// Whether a node has accelerators that the pod may have.
pub(super) fn has_devices(pod: &Pod, node: &Node) -> bool {
    lacks_devices(pod, node).is_none()
}

fn lacks_devices(pod: &Pod, node: &Node) -> Option<String> {
    let ask = pod.ask.as_ref()?;
    let Some(devices) = &node.devices else { return Some(format!("the node has no {}", ask.resource)) };
    if devices.resource != ask.resource {
        return Some(format!("the node has {}, not {}", devices.resource, ask.resource));
    }
    let is_named = ask.models.is_empty() || ask.models.contains(&devices.model);
    (!is_named).then(|| format!("the node has {}, not {}", devices.model, ask.models.join(" or ")))
}

fn misheld(pod: &Pod, place: &Assignment) -> Option<String> {
    let holds = &place.devices;
    let distinct: BTreeSet<u16> = holds.iter().map(|hold| hold.index).collect();
    if distinct.len() != holds.len() || holds.windows(2).any(|pair| pair[0].index > pair[1].index) {
        return Some("its devices are not listed once each, by rising index".to_owned());
    }
    let amount = pod.ask.as_ref().map(|ask| ask.amount);
    let right = match amount {
        None => holds.is_empty(),
        Some(Amount::Whole(count)) => {
            holds.len() == usize::from(count)
                && holds.iter().all(|hold| hold.milli == 1000 && hold.parts.is_none())
        }
        Some(Amount::Share(milli)) => {
            matches!(&holds[..], [hold] if hold.milli == milli && hold.parts.is_none())
        }
        Some(Amount::Slice { length, starts }) => match &holds[..] {
            [hold] => hold.milli == 0 && hold.parts.is_some_and(|parts| is_slice(parts, length, starts)),
            _ => false,
        },
    };
    (!right).then(|| format!("holds {} devices, which is not what it asks for", holds.len()))
}

/// Whether some parts are a slice of a length that starts where it may.
fn is_slice(parts: u8, length: u8, starts: u8) -> bool {
    (0..8_u32).any(|start| {
        let bits = ((1_u32 << length) - 1) << start;
        starts >> start & 1 == 1 && bits <= 0xff && u32::from(parts) == bits
    })
}
