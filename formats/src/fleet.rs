//! A cluster's nodes and pods, for packing: what `kubectl get nodes,pods` prints, and manifests.
//!
//! Nodes are read as they are (`node`): labels, taints, allocatable. Pods are those that run or wait, and
//! those that controllers would make (`expand`); what each needs is what the scheduler counts, where it may
//! run is its selectors, affinities and tolerations (`rule`). Which resource names are accelerators, and
//! what a name asks of one, is decided over the whole cluster (`device`), as are the groups that keep
//! apart, spread or run together (`group`). What packing cannot hold is said in the assumptions. What a node
//! on offer would be among those of the cluster is decided by `added`.

mod added;
mod device;
mod expand;
mod group;
mod node;
mod pod;
mod remarks;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, Fleet, read::View};

use crate::{
    Foreign,
    kubernetes::object::{self, Object},
};
use remarks::Remarks;

pub use added::{Ground, NewNode, places, zones};

/// Reads the objects of some documents. `given` is what other files hold (nodes and pods of a trace).
pub fn fleet(documents: &[Foreign], given: Fleet) -> (Fleet, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let numbered: Vec<(usize, &Foreign)> = documents.iter().enumerate().collect();
    let objects = object::objects(&numbered, &mut problems);
    let mut remarks = Remarks::default();
    let is_node = |object: &&Object<'_>| object.group.is_empty() && object.kind == "Node";
    let mut nodes = Vec::new();
    for object in objects.iter().filter(is_node) {
        match node::read(object) {
            Ok(node) => nodes.push(node),
            Err(more) => problems.extend(more),
        }
    }
    node::duplicates(&nodes, &given.nodes, &mut problems);
    let devices = device::resolve(&mut nodes, &given.nodes, &mut remarks);
    let drafts = expand::drafts(&objects, &mut remarks, &mut problems);
    let context = pod::Context {
        overheads: named(&objects, "RuntimeClass", &["overhead", "podFixed"]),
        devices: &devices,
        is_gke: nodes.iter().any(|node| node.is_gke),
    };
    let mut fleet = given;
    let labels: Vec<_> = drafts.iter().map(pod::labels).collect();
    let mut pods = Vec::with_capacity(drafts.len());
    for draft in &drafts {
        pods.push(context.read(draft, &mut remarks, &mut problems));
    }
    pod::name(&drafts, &mut pods, &fleet.pods, &mut problems);
    group::gangs(&drafts, &mut pods, &mut fleet, &mut remarks);
    group::aparts(&drafts, &labels, &mut pods, &mut fleet, &mut remarks);
    group::spreads(&drafts, &labels, &mut pods, &mut fleet, &mut remarks);
    fleet.nodes.extend(nodes.into_iter().map(|node| node.node));
    fleet.pods.extend(pods);
    unbind_unknown(&fleet, &drafts, &mut problems);
    fleet.assumptions.extend(remarks.into_assumptions());
    (fleet, problems)
}

/// A field of the objects of a kind, by name.
fn named<'a>(objects: &[Object<'a>], kind: &str, field: &[&str]) -> BTreeMap<&'a str, View<'a>> {
    let of_kind = objects.iter().filter(|object| object.kind == kind);
    of_kind.filter_map(|object| Some((object.name, object.at(field)?))).collect()
}

/// Pods that are bound to nodes which are not there.
fn unbind_unknown(fleet: &Fleet, drafts: &[expand::Draft<'_>], problems: &mut Vec<Diagnostic>) {
    let known: std::collections::BTreeSet<&str> = fleet.nodes.iter().map(|node| &*node.name).collect();
    let mut missing: BTreeMap<&str, Vec<(&str, &expand::Draft<'_>)>> = BTreeMap::new();
    let own = fleet.pods.len() - drafts.len();
    for (pod, draft) in fleet.pods[own..].iter().zip(drafts) {
        if let Some(node) = pod.on.as_deref().filter(|node| !known.contains(node)) {
            missing.entry(node).or_default().push((&pod.name, draft));
        }
    }
    for (node, pods) in missing {
        let (first, draft) = pods[0];
        let others = if pods.len() == 1 { String::new() } else { format!(" and {} more", pods.len() - 1) };
        let at = draft.spec.field("nodeName").unwrap_or_else(|| draft.spec.clone());
        let problem = at.problem(format!(
            "pod {first}{others} runs on node `{}`, which is not among the nodes",
            plimsoll_model::shown(node)
        ));
        problems.push(problem.with_help(
            "nodes and pods must be of one moment: kubectl get nodes,pods -A -o yaml; or leave the pod out",
        ));
    }
}
