//! Where a queue's workloads may run: on nodes of its flavors.
//!
//! Kueue assigns a pod a flavor in every resource group that covers something it asks for, and gives it the
//! node labels of all of them. All ask for cores and memory; who asks for devices is also held to the
//! flavors of the group of these.

use std::collections::BTreeSet;

use plimsoll_model::{
    Match, OneOf,
    estate::{Counts, Only, Quota},
    read::View,
};

use super::{
    super::{karpenter::devices, object::Object, overlay::both},
    flavors::Flavors,
};
use crate::Translation;

/// What may be used, each with the names of its flavors; `None` is everything.
type Allowed = Option<Vec<(String, Match)>>;

/// A queue's workloads run where its flavors are.
pub(super) fn confine(queue: &Object<'_>, flavors: &mut Flavors<'_, '_>, out: &mut Translation) {
    let groups = queue.items(&["spec", "resourceGroups"]);
    let groups: Vec<(Vec<&str>, Allowed)> =
        groups.iter().map(|group| (covered(group), nodes(group, flavors, out))).collect();
    let for_all = groups.iter().filter(|(covered, _)| covered.iter().any(|one| is_for_all(one)));
    let base = for_all.fold(None, |all: Allowed, (_, nodes)| meet(all, nodes.clone()));
    let with_devices = meet(base.clone(), of_devices(&groups));
    if with_devices == base {
        write(queue, base, None, out);
    } else {
        write(queue, with_devices, Some(true), out);
        write(queue, base, Some(false), out);
    }
}

/// Whether every pod asks for it.
fn is_for_all(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory" | "pods")
}

fn covered<'a>(group: &View<'a>) -> Vec<&'a str> {
    let list = group.field("coveredResources").map_or_else(Vec::new, |view| view.items());
    list.iter().filter_map(View::text).collect()
}

/// The nodes of a group's flavors, as far as something says which all of them are.
fn nodes(group: &View<'_>, flavors: &mut Flavors<'_, '_>, out: &mut Translation) -> Allowed {
    let list = group.field("flavors").map_or_else(Vec::new, |view| view.items());
    let names = list.iter().filter_map(|flavor| flavor.field("name")?.text());
    let matches: Vec<(String, Option<Match>)> =
        names.map(|name| (name.to_owned(), flavors.matches(name, out))).collect();
    let known =
        matches.into_iter().map(|(name, one)| Some((name, one.filter(|one| *one != Match::default())?)));
    known.collect()
}

/// Where devices may be used, whichever a pod asks for.
fn of_devices(groups: &[(Vec<&str>, Allowed)]) -> Allowed {
    let kinds: BTreeSet<&str> = groups
        .iter()
        .flat_map(|(covered, _)| covered)
        .copied()
        .filter(|one| devices(one).is_some())
        .collect();
    let mut all = Vec::new();
    for (covered, nodes) in groups {
        for (resource, names) in covered.iter().filter_map(|one| Some((*one, devices(one)?))) {
            // Those of a group for all are held to its nodes as all are.
            let nodes = nodes.clone().filter(|_| !covered.iter().any(|one| is_for_all(one)));
            // With one kind of devices, whoever asks for devices asks for these.
            let of_vendor =
                (kinds.len() > 1).then(|| Match { accelerator: Some(names.into()), ..Match::default() });
            all.extend(match (nodes, of_vendor) {
                (Some(nodes), Some(vendor)) => {
                    nodes.into_iter().filter_map(|(name, one)| Some((name, both(&one, &vendor)?))).collect()
                }
                (None, Some(vendor)) => vec![(resource.to_owned(), vendor)],
                (nodes, None) => nodes?,
            });
        }
    }
    (!kinds.is_empty()).then_some(all)
}

/// What both allow.
fn meet(one: Allowed, other: Allowed) -> Allowed {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let named = |a: &str, b: &str| if a == b { a.to_owned() } else { format!("{a} and {b}") };
    Some(pairs.filter_map(|(a, b)| Some((named(&a.0, &b.0), both(&a.1, &b.1)?))).collect())
}

fn write(queue: &Object<'_>, allowed: Allowed, accelerators: Option<bool>, out: &mut Translation) {
    let Some(allowed) = allowed else { return };
    let team = || Some(OneOf::from(queue.name));
    if allowed.is_empty() {
        // No entry of `only` would mean everything.
        let nothing = Quota {
            name: Some(format!("ClusterQueue {}, whose flavors have no nodes in common", queue.name)),
            team: team(),
            counts: Some(Counts::Asked),
            ..Quota::default()
        };
        if accelerators != Some(false) {
            out.estate.quotas.push(Quota { accelerators: Some(0), ..nothing.clone() });
        }
        if accelerators != Some(true) {
            out.estate.quotas.push(Quota { cpu: Some(plimsoll_model::Cpu(0)), ..nothing });
        }
    }
    for (flavor, matches) in allowed {
        let name = Some(format!("ClusterQueue {}, flavor {flavor}", queue.name));
        out.estate.only.push(Only { name, matches, team: team(), accelerators });
    }
}
