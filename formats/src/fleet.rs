//! A cluster's nodes and pods, for packing: what `kubectl get nodes,pods` prints, and manifests.
//!
//! Nodes are read as they are (`node`): labels, taints, allocatable. Pods are those that run or wait, and those that
//! controllers would make (`expand`); what each needs is what the scheduler counts, where it may run is its
//! selectors, affinities and tolerations (`rule`), and where its volumes can be mounted (`volume`). Which resource
//! names are accelerators, and what a name asks of one, is decided over the whole cluster (`device`), as are the
//! groups that keep apart, spread or run together (`group`), and within one domain (`confine`), by whom selectors
//! find (`selector`). What packing cannot hold is said in the assumptions. What a node on offer would be among those
//! of the cluster is decided by `added`.

mod added;
mod annotations;
mod claim;
mod confine;
mod device;
mod expand;
mod gang;
mod group;
mod least;
mod listed;
mod node;
mod own;
mod owned;
mod pod;
mod remarks;
mod rule;
mod selector;
mod stated;
mod stays;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, Fleet, fleet::Node, read::View};

use crate::{
    Foreign,
    kubernetes::object::{self, Object},
};
pub use device::is_accelerator;
use remarks::Remarks;

pub use added::{Ground, NewNode, Rented, places, zones};
pub use own::Own;

/// Reads the objects of some documents. `given` is what other files hold (nodes and pods of a trace).
pub fn fleet(documents: &[Foreign], given: Fleet) -> (Fleet, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let numbered: Vec<(usize, &Foreign)> = documents.iter().enumerate().collect();
    let objects = object::objects(&numbered, &mut problems);
    let mut remarks = Remarks::default();
    let hardware = Hardware::of(&objects, &given, &mut remarks, &mut problems);
    let mut fleet = given;
    fleet.nodes.extend(hardware.nodes.iter().cloned());
    hardware.add(&objects, Extent::All, &mut fleet, remarks, &mut problems);
    (fleet, problems)
}

/// The gang that a pod names: its pod group, or what made it and has pods that work as one.
pub fn gang(pod: &Foreign) -> Option<String> {
    let objects = object::objects(&[(0, pod)], &mut Vec::new());
    gang::of_pod(objects.first()?)
}

/// How many of a cluster's pods are read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of them.
    All,
    /// Some, so that what they must be within one domain with is not known.
    Some,
}

/// The nodes of a cluster and what their accelerators are, by which pods are read: all at once, or as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// The nodes, without other files' ones.
    pub nodes: Vec<Node>,
    known: device::Known,
    is_gke: bool,
}

impl Hardware {
    /// Reads the nodes among some documents.
    ///
    /// A node that cannot be read is left out, with its problem.
    pub fn read(documents: &[&Foreign]) -> (Self, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let numbered: Vec<(usize, &Foreign)> = documents.iter().copied().enumerate().collect();
        let objects = object::objects(&numbered, &mut problems);
        let hardware = Self::of(&objects, &Fleet::default(), &mut Remarks::default(), &mut problems);
        (hardware, problems)
    }

    /// Reads the pods among some documents into a fleet that holds the nodes already, and other pods. Domains that
    /// gangs must be within are for whole clusters: see [`fleet`].
    pub fn pods(&self, documents: &[&Foreign], given: Fleet) -> (Fleet, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let numbered: Vec<(usize, &Foreign)> = documents.iter().copied().enumerate().collect();
        let objects = object::objects(&numbered, &mut problems);
        let mut fleet = given;
        self.add(&objects, Extent::Some, &mut fleet, Remarks::default(), &mut problems);
        (fleet, problems)
    }

    /// Whether pods are read in the same way beside the other's nodes.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.known == other.known && self.is_gke == other.is_gke
    }

    /// The resource by which the devices of a driver go that pods claim.
    pub fn claimed<'d>(&'d self, driver: &'d str) -> &'d str {
        self.known.claimed(driver)
    }

    fn of(
        objects: &[Object<'_>],
        given: &Fleet,
        remarks: &mut Remarks,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let is_node = |object: &&Object<'_>| object.group.is_empty() && object.kind == "Node";
        let mut nodes = Vec::new();
        for object in objects.iter().filter(is_node) {
            match node::read(object) {
                Ok(node) => nodes.push(node),
                Err(more) => problems.extend(more),
            }
        }
        node::duplicates(&nodes, &given.nodes, problems);
        let slices = listed::Slices::of(objects);
        let known = device::resolve(&mut nodes, &given.nodes, slices, remarks);
        let is_gke = nodes.iter().any(|node| node.is_gke);
        let mut nodes: Vec<Node> = nodes.into_iter().map(|node| node.node).collect();
        node::numa(objects, &mut nodes, remarks);
        Self { nodes, known, is_gke }
    }

    fn add(
        &self,
        objects: &[Object<'_>],
        extent: Extent,
        fleet: &mut Fleet,
        mut remarks: Remarks,
        problems: &mut Vec<Diagnostic>,
    ) {
        let drafts = expand::drafts(objects, &mut remarks, problems);
        let context = pod::Context {
            overheads: named(objects, "RuntimeClass", &["overhead", "podFixed"]),
            devices: &self.known,
            is_gke: self.is_gke,
            claims: claim::Claims::of(objects, &drafts),
            volumes: volume::Volumes::of(objects),
        };
        let labels: Vec<_> = drafts.iter().map(pod::labels).collect();
        let mut pods = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            pods.push(context.read(draft, index, &mut remarks, problems));
        }
        let crowd = selector::Crowd::of(&drafts, &labels);
        pod::name(&drafts, &mut pods, &fleet.pods, problems);
        let sizes = match extent {
            Extent::All => least::Sizes::of(objects),
            Extent::Some => least::Sizes::default(),
        };
        group::gangs(&drafts, &sizes, &mut pods, fleet, &mut remarks);
        group::aparts(&drafts, &crowd, &mut pods, fleet, &mut remarks);
        group::spreads(&drafts, &crowd, &mut pods, fleet, &mut remarks);
        if extent == Extent::All {
            confine::confines(&drafts, &crowd, &mut pods, fleet, &mut remarks);
            stays::keep(&drafts, &mut pods, &remarks);
        }
        fleet.pods.extend(pods);
        unbind_unknown(fleet, &drafts, problems);
        fleet.assumptions.extend(remarks.into_assumptions());
    }
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
