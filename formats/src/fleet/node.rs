//! Nodes: labels, taints, allocatable.

use std::collections::BTreeMap;

use plimsoll_model::{
    Diagnostic,
    fleet::{Groups, Node, Taint},
    read::View,
};

use super::remarks::Remarks;
use crate::kubernetes::{needs::quantity, object::Object};

/// A node, with what only reading needs.
#[derive(Debug, Clone)]
pub(super) struct Read<'a> {
    pub(super) node: Node,
    pub(super) object: Object<'a>,
    pub(super) is_gke: bool,
}

impl Read<'_> {
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.node.labels.get(key).map(String::as_str)
    }
}

/// How many devices in a row are a group; of a pod, that its devices must be of one.
pub(super) const GROUP: &str = "plimsoll.dev/device-group";
/// The site of an estate that a node is at.
const SITE: &str = "plimsoll.dev/site";
/// The most devices of a group.
const MOST: u16 = 15;
/// The taint that the scheduler sees on a cordoned node.
const CORDONED: &str = "node.kubernetes.io/unschedulable";
/// The taint of a node that is not ready.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Reads a node.
pub(super) fn read<'a>(object: &Object<'a>) -> Result<Read<'a>, Vec<Diagnostic>> {
    let at = object.at(&["metadata", "name"]).unwrap_or_else(|| object.view.clone());
    if object.name.is_empty() {
        return Err(vec![at.problem("a Node has no `metadata.name`")]);
    }
    let labels = object.at(&["metadata", "labels"]).map_or_else(Vec::new, |labels| labels.entries());
    let labels: BTreeMap<String, String> = labels
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned())))
        .collect();
    let is_gke = labels.keys().any(|key| key.starts_with("cloud.google.com/gke-"));
    let node = Node {
        name: object.name.to_owned(),
        labels,
        taints: taints(object),
        room: room(object)?,
        devices: None,
        groups: stated_groups(object)?,
        site: object.at(&["metadata", "annotations", SITE]).and_then(|site| site.text()).map(str::to_owned),
    };
    Ok(Read { node, object: object.clone(), is_gke })
}

/// The groups of its devices, as its annotation or label says.
fn stated_groups(object: &Object<'_>) -> Result<Groups, Vec<Diagnostic>> {
    let at = |of: &str| object.at(&["metadata", of, GROUP]);
    let Some(stated) = at("annotations").or_else(|| at("labels")) else { return Ok(Groups::default()) };
    let size = stated.text().and_then(|text| text.trim().parse::<u16>().ok());
    size.filter(|size| (1..=MOST).contains(size)).map(|size| Groups { size, strict: false }).ok_or_else(
        || {
            let problem =
                stated.problem(format!("`{GROUP}`: expected how many devices are a group, 1 to {MOST}"));
            vec![problem.with_help("\"2\" where devices 0 and 1, 2 and 3, … are pairs")]
        },
    )
}

/// What a `NodeResourceTopology` says of a node's devices: those of a NUMA node are a group, and where the kubelet's policy is
/// `single-numa-node` it takes no pod whose devices are of several.
pub(super) fn numa(objects: &[Object<'_>], nodes: &mut [Node], remarks: &mut Remarks) {
    let mut by_name: BTreeMap<String, &mut Node> =
        nodes.iter_mut().map(|node| (node.name.clone(), node)).collect();
    for object in objects.iter().filter(|object| object.kind == "NodeResourceTopology") {
        let Some(node) = by_name.get_mut(object.name) else { continue };
        let Some(devices) = node.devices.as_ref().filter(|_| node.groups.size == 0) else { continue };
        let list = |path: &[&str]| object.at(path).map_or_else(Vec::new, |list| list.items());
        let of_zone = |zone: &View<'_>| {
            let resources = zone.field("resources").map_or_else(Vec::new, |list| list.items());
            let own = resources.into_iter().find(|one| {
                one.field("name").and_then(|name| name.text().map(str::to_owned)).as_deref()
                    == Some(&*devices.resource)
            })?;
            let count = own.field("allocatable").or_else(|| own.field("capacity"))?;
            count.text().and_then(|text| text.trim().parse::<u16>().ok()).filter(|count| *count > 0)
        };
        let zones: Vec<u16> = list(&["zones"]).iter().filter_map(of_zone).collect();
        let Some(size) = zones.first().copied() else { continue };
        let is_equal = zones.iter().all(|count| *count == size) && size <= MOST;
        if !is_equal || zones.iter().map(|count| u32::from(*count)).sum::<u32>() != u32::from(devices.count) {
            let value = format!("its NUMA nodes do not have the {} devices in equal parts", devices.count);
            remarks.say("groups of devices", value, object.name);
            continue;
        }
        let policies = list(&["topologyPolicies"]);
        let is_single = |text: &str| text.to_ascii_lowercase().replace('-', "").starts_with("singlenumanode");
        let by_attribute = list(&["attributes"]).iter().any(|one| {
            let text = |field: &str| one.field(field).and_then(|view| view.text().map(str::to_owned));
            text("name").as_deref() == Some("topologyManagerPolicy")
                && text("value").is_some_and(|value| is_single(&value))
        });
        let by_list = policies.iter().any(|policy| policy.text().is_some_and(is_single));
        node.groups = Groups { size, strict: by_attribute || by_list };
        remarks.say(
            "groups of devices",
            "devices in a row are of one NUMA node, as many as it has",
            object.name,
        );
    }
}

/// What pods can have of it.
fn room(object: &Object<'_>) -> Result<BTreeMap<String, u64>, Vec<Diagnostic>> {
    let Some(stated) = object.at(&["status", "allocatable"]).or_else(|| object.at(&["status", "capacity"]))
    else {
        let problem = object.view.problem(format!("node {} has no `status.allocatable`", object.name));
        return Err(vec![problem.with_help("write the list with `kubectl get nodes -o yaml`")]);
    };
    let (mut room, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, amount) in stated.entries() {
        let text = amount.text().unwrap_or_default();
        match quantity(name, text.trim()) {
            Ok(value) => _ = room.insert(name.to_owned(), value),
            Err(why) => {
                let problem = amount.problem(format!("node {}, `{name}`: {why}", object.name));
                problems.push(problem.with_help("what a node can give pods is a quantity of 0 or more"));
            }
        }
    }
    for needed in ["cpu", "memory"] {
        if problems.is_empty() && !room.contains_key(needed) {
            let message = format!("node {} does not say how much {needed} it has", object.name);
            problems.push(stated.problem(message));
        }
    }
    if problems.is_empty() { Ok(room) } else { Err(problems) }
}

/// The taints that keep pods off, those included that stand for `unschedulable` and for not being ready.
fn taints(object: &Object<'_>) -> Vec<Taint> {
    let list = |path: &[&str]| object.at(path).map_or_else(Vec::new, |list| list.items());
    let text = |view: &View<'_>, field: &str| {
        view.field(field).and_then(|field| field.text()).unwrap_or_default().to_owned()
    };
    let mut taints: Vec<Taint> = list(&["spec", "taints"])
        .iter()
        .map(|taint| Taint {
            key: text(taint, "key"),
            value: text(taint, "value"),
            effect: text(taint, "effect"),
        })
        .filter(|taint| taint.effect != "PreferNoSchedule")
        .collect();
    let mut also = |key: &str| {
        if taints.iter().all(|taint| taint.key != key) {
            let effect = "NoSchedule".to_owned();
            taints.push(Taint { key: key.to_owned(), value: String::new(), effect });
        }
    };
    if object.at(&["spec", "unschedulable"]).and_then(|view| view.boolean()) == Some(true) {
        also(CORDONED);
    }
    let conditions = list(&["status", "conditions"]);
    let ready = conditions.iter().find(|condition| text(condition, "type") == "Ready");
    if ready.is_some_and(|ready| text(ready, "status") != "True") {
        also(NOT_READY);
    }
    taints.sort();
    taints
}

/// Names that two nodes have.
pub(super) fn duplicates(nodes: &[Read<'_>], given: &[Node], problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, Option<&Object<'_>>> =
        given.iter().map(|node| (&*node.name, None)).collect();
    for node in nodes {
        let Some(first) = seen.insert(&node.node.name, Some(&node.object)) else { continue };
        let at = node.object.at(&["metadata", "name"]).unwrap_or_else(|| node.object.view.clone());
        let problem = at.problem(format!("a second node `{}`", plimsoll_model::shown(&node.node.name)));
        problems.push(match first {
            Some(first) => problem.with_help(format!("the first is at {}", place(first))),
            None => problem.with_help("another file has it already"),
        });
    }
}

/// `file:line` of an object.
pub(super) fn place(object: &Object<'_>) -> String {
    format!("{}:{}", object.place.file(), object.view.span().line)
}
