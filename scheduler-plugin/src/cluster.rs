//! What is known of the cluster: its nodes and pods, trimmed to what decisions hang on.
//!
//! Fed by watches or by tests ([`Cluster::apply_pod`] and the like), read by whoever builds a snapshot or a plan. An
//! object that changes in nothing that matters (a heartbeat, a managed field) is no change. No clock, no network.
//!
//! What a pod needs is read by `plimsoll_formats`, as `plimsoll plan --cluster` reads it, once for each change of the
//! pod; when the cluster's hardware changes so that pods read differently, all are read again; when an object changes
//! that a pod names (a claim), that pod is.

mod beside;
mod budget;
mod facts;
mod ground;
mod read;
mod source;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1;
use plimsoll_formats::{Foreign, Hardware};
use plimsoll_model::fleet;

pub(crate) use beside::{Beside, key};
use beside::{Effect, Ref, Unread};
pub use facts::{Facts, Hold, Maker, Placing, Planned};
pub(crate) use ground::Ground;
pub(crate) use read::asks;
pub use source::{Served, Source};

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// A pod.
#[derive(Debug, Clone)]
pub struct Pod {
    /// What its lifecycle says.
    pub facts: Facts,
    /// What it needs; nothing where that cannot be read, with the reason in `fault`.
    pub needs: Option<Arc<fleet::Pod>>,
    /// What is wrong with the annotations by which it says what it needs, in words.
    fault: Option<String>,
    /// The document that the planner reads, under the pod's UID as its name.
    text: Arc<str>,
    /// The objects that it names.
    refs: Box<[Ref]>,
    /// The disruption budgets that it is in.
    budgets: Box<[Box<str>]>,
}

impl Pod {
    /// What is wrong with its annotations, in words.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref().or(self.facts.odd_placing.as_deref())
    }

    /// Whether it asks for accelerators, so that it is any business of ours.
    pub fn is_ours(&self) -> bool {
        let asks = |needs: &fleet::Pod| needs.ask.is_some() || needs.accelerators_milli > 0;
        self.needs.as_deref().is_some_and(asks) && self.left().is_none()
    }

    /// Why one that waits is left to the scheduler, in words: what it claims cannot be held against nodes.
    pub fn left(&self) -> Option<&str> {
        self.needs.as_deref()?.left.as_deref().filter(|_| self.facts.node.is_none())
    }

    /// The document that the planner reads; as if it ran on a node, for one that is on its way there.
    pub(crate) fn document(&self, on: Option<&str>) -> Option<Foreign> {
        let Some(node) = on.filter(|_| self.facts.node.is_none()) else {
            return read::document(&self.facts.key(), &self.text);
        };
        let mut value: serde_json::Value = serde_json::from_str(&self.text).ok()?;
        value["spec"]["nodeName"] = node.into();
        read::document(&self.facts.key(), &value.to_string())
    }

    /// The alternatives of its required node affinity, as the API has them.
    pub(crate) fn node_terms(&self) -> Vec<serde_json::Value> {
        const PATH: &str =
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let value: serde_json::Value = serde_json::from_str(&self.text).unwrap_or_default();
        value.pointer(PATH).and_then(serde_json::Value::as_array).cloned().unwrap_or_default()
    }
}

/// A node as watched.
#[derive(Debug, Clone)]
struct Node {
    text: Arc<str>,
    is_there: bool,
}

/// Nodes and pods. A copy shares what it is a copy of, and costs little.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    nodes: BTreeMap<String, Node>,
    pods: BTreeMap<String, Arc<Pod>>,
    namespaces: BTreeMap<String, bool>,
    beside: Beside,
    hardware: Arc<Hardware>,
    /// Whether `hardware` is older than `nodes`.
    is_stale: bool,
    /// What pods name that has changed since they were read.
    unread: Unread,
    /// Counts the changes of nodes.
    of_nodes: u64,
    /// Counts the changes of what pods name.
    of_beside: u64,
    /// Counts how often pods were read again.
    readings: u64,
    /// Counts the changes.
    version: u64,
    /// Counts the changes that may give room.
    room: u64,
}

impl Cluster {
    /// A node came or changed; whether that matters.
    pub fn apply_node(&mut self, node: &v1::Node) -> bool {
        let (Some(name), Some(text)) = (node.metadata.name.clone(), facts::node_text(node)) else {
            return false;
        };
        let known = self.nodes.get(&name);
        if known.is_some_and(|known| *known.text == *text && known.is_there) {
            return false;
        }
        self.nodes
            .insert(name, Node { text: text.into(), is_there: node.metadata.deletion_timestamp.is_none() });
        self.other_nodes()
    }

    /// A node went.
    pub fn delete_node(&mut self, name: &str) -> bool {
        self.nodes.remove(name).is_some() && self.other_nodes()
    }

    /// A pod came or changed; whether that matters.
    pub fn apply_pod(&mut self, pod: &v1::Pod) -> bool {
        let Some(mut facts) = Facts::of(pod) else { return false };
        if facts.is_over {
            return self.delete_pod(&facts.uid);
        }
        let text = facts::pod_text(pod, &facts.uid);
        if let Some(known) = self.pods.get_mut(&facts.uid)
            && *known.text == *text
        {
            facts.gang.clone_from(&known.facts.gang);
            let same = known.facts.like(&facts);
            self.room += u64::from(known.facts.gives_room(&facts));
            *known = Arc::new(Pod { facts, ..Pod::clone(known) });
            return !same && self.changed();
        }
        // A pod that is new takes room; one that asks for something else may fit now.
        self.room += u64::from(self.pods.contains_key(&facts.uid));
        facts.gang = read::gang(&facts, &text);
        let refs = Ref::of(pod);
        let known = self.pods.get(&facts.uid).cloned();
        self.share(&facts.uid, known.as_deref(), Some((facts.node.is_none(), &refs)));
        let (needs, fault) = self.ground().read(&facts, &text, &refs);
        let labels = pod.metadata.labels.as_ref();
        let budgets =
            labels.map(|labels| self.beside.budgets_of(&facts.namespace, labels)).unwrap_or_default();
        let pod = Pod { facts, needs, fault, text: text.into(), refs, budgets };
        self.pods.insert(pod.facts.uid.clone(), Arc::new(pod));
        self.changed()
    }

    /// Notes which claims a pod shares; who shares them is read again.
    fn share(&mut self, uid: &str, before: Option<&Pod>, now: Option<(bool, &[Ref])>) {
        let before = before.map(|pod| (pod.facts.node.is_none(), &*pod.refs));
        for key in self.beside.share(uid, before, now) {
            self.unread(Source::ResourceClaims, &key);
        }
    }

    fn unread(&mut self, source: Source, key: &str) {
        self.unread.add(source, key);
        self.of_beside += 1;
    }

    /// An object beside nodes and pods came or changed: its namespace, its name, and the whole of it.
    pub fn apply_object(
        &mut self,
        source: Source,
        (namespace, name): (Option<&str>, &str),
        object: &serde_json::Value,
    ) -> bool {
        let effect = self.beside.apply(source, (namespace, name), object);
        self.effected(effect, source, &key(namespace, name))
    }

    /// An object beside nodes and pods went: its `namespace/name`, or its name where it has no namespace.
    pub fn delete_object(&mut self, source: Source, key: &str) -> bool {
        let effect = self.beside.delete(source, key);
        self.effected(effect, source, key)
    }

    /// Forgets the objects of a kind that are not among these.
    pub fn keep_objects(&mut self, source: Source, is_there: impl Fn(&str) -> bool) {
        for key in self.beside.keys(source).into_iter().filter(|key| !is_there(key)) {
            self.delete_object(source, &key);
        }
    }

    fn effected(&mut self, effect: Effect, source: Source, key: &str) -> bool {
        match effect {
            Effect::None => return false,
            Effect::Known => return self.changed(),
            Effect::Nodes => {
                self.unread(source, key);
                return self.other_nodes();
            }
            Effect::Pods => {}
            Effect::Room => self.room += 1,
        }
        self.unread(source, key);
        self.changed()
    }

    /// Whether a pod that is not there yet asks for accelerators, by what it claims, or claims what is not known yet.
    pub fn claims(&self, pod: &v1::Pod) -> bool {
        self.ground().claims(pod)
    }

    /// How many pods of a gang must be there, where a PodGroup says so; the gang with its namespace.
    pub fn gang_size(&self, gang: &str) -> Option<u32> {
        self.beside.gang_size(gang)
    }

    /// All objects of a kind are known, or none can be.
    pub fn sees(&mut self, source: Source, is_seen: bool) {
        self.beside.sees(source, is_seen);
    }

    /// What a pod waits for that nobody can plan yet, in words.
    pub fn waits_for(&self, pod: &Pod) -> Option<String> {
        self.beside.waits_for(&pod.refs)
    }

    /// The priority of a gang, where a PodGroup says so.
    pub fn gang_priority(&self, gang: &str) -> Option<i32> {
        self.beside.gang_priority(gang)
    }

    /// The keys of the disruption budgets of a pod of which it is one that counts.
    pub(crate) fn budgets<'p>(&'p self, pod: &'p Pod) -> impl Iterator<Item = &'p str> {
        let counts = |key: &&'p str| {
            let budget = self.beside.budget(key);
            budget.is_some_and(|budget| !budget.going.iter().any(|name| **name == *pod.facts.name))
        };
        pod.budgets.iter().map(|key| &**key).filter(counts)
    }

    /// Whether what a pod claims is not there, or not yet.
    pub fn lacks_claims(&self, pod: &Pod) -> bool {
        self.beside.lacks(&pod.refs)
    }

    fn ground(&self) -> Ground<'_> {
        Ground { hardware: &self.hardware, beside: &self.beside }
    }

    /// A pod went.
    pub fn delete_pod(&mut self, uid: &str) -> bool {
        let Some(pod) = self.pods.remove(uid) else { return false };
        self.share(uid, Some(&pod), None);
        self.room += u64::from(pod.facts.node.is_some() || pod.facts.planned.is_some());
        self.changed()
    }

    /// A namespace came or changed: whether its pods are planned.
    pub fn apply_namespace(&mut self, namespace: &v1::Namespace) -> bool {
        let Some(name) = namespace.metadata.name.clone() else { return false };
        let label = namespace.metadata.labels.as_ref().and_then(|labels| labels.get(crate::names::PLACE));
        let is_ours = label.is_some_and(|value| value == "true");
        self.namespaces.insert(name, is_ours) != Some(is_ours) && self.changed()
    }

    /// A namespace went.
    pub fn delete_namespace(&mut self, name: &str) -> bool {
        self.namespaces.remove(name).is_some() && self.changed()
    }

    /// Whether the pods of a namespace are planned, where they do not say.
    pub fn plans_namespace(&self, name: &str) -> bool {
        self.namespaces.get(name).copied().unwrap_or(false)
    }

    /// Forgets the nodes that are not among these: what a new list of all nodes says.
    pub fn keep_nodes(&mut self, is_there: impl Fn(&str) -> bool) {
        let before = self.nodes.len();
        self.nodes.retain(|name, _| is_there(name));
        if self.nodes.len() != before {
            self.other_nodes();
        }
    }

    /// Forgets the pods that are not among these.
    pub fn keep_pods(&mut self, is_there: impl Fn(&str) -> bool) {
        let gone: Vec<String> = self.pods.keys().filter(|uid| !is_there(uid)).cloned().collect();
        for uid in &gone {
            self.delete_pod(uid);
        }
        self.room += u64::from(!gone.is_empty());
    }

    fn other_nodes(&mut self) -> bool {
        self.room += 1;
        self.is_stale = true;
        self.of_nodes += 1;
        self.changed()
    }

    fn changed(&mut self) -> bool {
        self.version += 1;
        true
    }

    /// Counts the changes so far.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts the changes so far that may give room to a pod that had none: nodes, pods that went or are planned elsewhere.
    pub fn room(&self) -> u64 {
        self.room
    }

    /// Reads the nodes anew where they changed; pods too, where they read differently beside them or what they name has
    /// changed. Whether it did.
    pub fn refresh(&mut self) -> bool {
        if !self.is_stale && self.unread.is_empty() {
            return false;
        }
        let alike = !self.is_stale || self.read_nodes();
        self.is_stale = false;
        let unread = std::mem::take(&mut self.unread);
        self.readings += u64::from(!alike || !unread.is_empty());
        let ground = Ground { hardware: &self.hardware, beside: &self.beside };
        for pod in self.pods.values_mut().filter(|pod| !alike || unread.has(&pod.refs)) {
            *pod = ground.reread(pod);
        }
        for pod in self.pods.values_mut().filter(|pod| unread.has_budgets(&pod.facts.namespace)) {
            let budgets = self.beside.budgets_of(&pod.facts.namespace, &read::labels(&pod.text));
            if budgets != pod.budgets {
                *pod = Arc::new(Pod { budgets, ..Pod::clone(pod) });
            }
        }
        true
    }

    /// Reads the nodes; whether pods read beside them as before.
    fn read_nodes(&mut self) -> bool {
        let texts = self.nodes.iter().filter(|(_, node)| node.is_there);
        let nodes = texts.filter_map(|(name, node)| read::document(name, &node.text));
        let documents: Vec<Foreign> = nodes.chain(self.beside.of_nodes()).collect();
        let (hardware, problems) = Hardware::read(&documents.iter().collect::<Vec<_>>());
        for problem in problems {
            tracing::warn!(problem = problem.message, "a node cannot be read and takes no planned pods");
        }
        let alike = hardware.reads_like(&self.hardware);
        self.hardware = Arc::new(hardware);
        alike
    }

    /// Takes over what a copy of it has read, which takes long: where nodes have changed since, they are read next time,
    /// and so are pods of which something that they name has.
    pub fn adopt(&mut self, copy: &Self) {
        let is_stale = self.is_stale && self.of_nodes != copy.of_nodes;
        if is_stale || (!self.is_stale && self.unread.is_empty()) {
            return;
        }
        self.is_stale = false;
        self.hardware = Arc::clone(&copy.hardware);
        if self.of_beside == copy.of_beside {
            self.unread = Unread::default();
        }
        if self.readings == copy.readings {
            return;
        }
        self.readings = copy.readings;
        let ground = Ground { hardware: &self.hardware, beside: &self.beside };
        for (uid, pod) in &mut self.pods {
            let read = copy.pods.get(uid).filter(|read| read.text == pod.text && read.facts == pod.facts);
            *pod = read.map_or_else(|| ground.reread(pod), Arc::clone);
        }
    }

    /// The documents that these pods are read beside together.
    pub(crate) fn beside<'p>(&self, pods: impl Iterator<Item = &'p Pod>) -> Vec<Foreign> {
        self.beside.of_pods(pods.flat_map(|pod| &pod.refs))
    }

    /// What is known beside nodes and pods.
    pub(crate) fn what_is_beside(&self) -> &Beside {
        &self.beside
    }

    /// The devices of claims of which no pod runs, as pods that nobody can move.
    pub fn held_by_claims(&self) -> impl Iterator<Item = fleet::Pod> {
        let runs_on = |uid: &str, node: &str| {
            self.pods.get(uid).is_some_and(|pod| pod.facts.node.as_deref() == Some(node))
        };
        self.beside.held(&self.hardware, runs_on)
    }

    /// The nodes as they were at the last [`Cluster::refresh`].
    pub fn hardware(&self) -> &Arc<Hardware> {
        &self.hardware
    }

    /// The pods that are not over, by UID.
    pub fn pods(&self) -> &BTreeMap<String, Arc<Pod>> {
        &self.pods
    }

    /// The node of a pod's plan, where that is one to keep to: the pod is one that we plan and is past the gate, the node is
    /// there, and the plan is not older than its bound.
    pub fn kept_plan<'p>(&self, pod: &'p Pod, now: Millis, bound: Millis) -> Option<&'p str> {
        let facts = &pod.facts;
        let planned = facts.planned.as_ref().filter(|_| !facts.is_gated() && self.is_planned(pod))?;
        let is_kept = self.has_node(&planned.node) && counts(planned.at, now, bound);
        is_kept.then_some(planned.node.as_str())
    }

    /// Until when a gang is held, by its name: its pods wait, a plan that still counts has said that not all of them fit,
    /// and none of them runs.
    pub fn held_gangs(&self, now: Millis, bound: Millis) -> BTreeMap<&str, Millis> {
        let mut held: BTreeMap<&str, Millis> = BTreeMap::new();
        let mut running: BTreeSet<&str> = BTreeSet::new();
        for pod in self.pods.values() {
            let Some(gang) = pod.facts.gang.as_deref() else { continue };
            if pod.facts.node.is_some() {
                running.insert(gang);
            } else if let Some(at) = pod.facts.held.filter(|at| counts(*at, now, bound))
                && self.is_planned(pod)
            {
                let until = held.entry(gang).or_insert(at.saturating_add(bound));
                *until = (*until).max(at.saturating_add(bound));
            }
        }
        held.retain(|gang, _| !running.contains(gang));
        held
    }

    /// Whether a node is there.
    pub fn has_node(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(|node| node.is_there)
    }

    /// Whether a pod is one that we plan: it asks for accelerators, and it or its namespace asks for us.
    pub fn is_planned(&self, pod: &Pod) -> bool {
        pod.is_ours() && (pod.facts.is_gated() || self.asks_for_us(pod))
    }

    /// Whether a pod or its namespace asks for us.
    pub fn asks_for_us(&self, pod: &Pod) -> bool {
        pod.facts.wants_place.unwrap_or_else(|| self.plans_namespace(&pod.facts.namespace))
    }
}

/// Whether what was said at a time counts now. A time that is further ahead than clocks are apart is no time.
fn counts(at: Millis, now: Millis, bound: Millis) -> bool {
    at.saturating_add(bound) > now && at < now.saturating_add(bound)
}
