//! An API server, a scheduler, controllers of replicas, kubelets and users, as far as a controller can tell.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::{
    clock,
    cluster::{
        Cluster, Millis,
        tests::{node, object, pod},
    },
    control::Action,
    names,
    snapshot::{Snapshot, filter},
    wire::Args,
};

const GPUS: u32 = 4;
/// The gate of another program.
const QUEUE: &str = "example.com/queue";
const GANG: &str = "/metadata/labels/scheduling.x-k8s.io~1pod-group";

/// What happened to an object: its name, and what it is now; nothing once it is gone.
#[derive(Debug, Clone, PartialEq)]
enum Change {
    Node(String, bool),
    Pod(String, Option<Value>),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Millis,
    nodes: BTreeSet<String>,
    pods: BTreeMap<String, Value>,
    /// Every change, for watches.
    log: Vec<Change>,
    /// Sets of replicas and Jobs: how many there are to be, of how many GPUs.
    sets: BTreeMap<String, (usize, u32)>,
    /// The bare pods that nobody has deleted.
    bare: BTreeSet<String>,
    made: u64,
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn gpus(pod: &Value) -> u32 {
    text(pod, "/spec/containers/0/resources/limits/nvidia.com~1gpu").parse().unwrap_or(0)
}

fn is_over(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Succeeded"
}

fn is_job(set: &str) -> bool {
    set == "set1"
}

fn gates(pod: &Value) -> Vec<&str> {
    let gates = pod.pointer("/spec/schedulingGates").and_then(Value::as_array).into_iter().flatten();
    gates.map(|gate| text(gate, "/name")).collect()
}

impl World {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut world = Self {
            now: 1_800_000_000_000,
            nodes: BTreeSet::new(),
            pods: BTreeMap::new(),
            log: Vec::new(),
            sets: BTreeMap::new(),
            bare: BTreeSet::new(),
            made: 0,
        };
        for at in 0..rng.random_range(2..5) {
            world.add_node(format!("n{at}"));
        }
        for set in 0..rng.random_range(1..3) {
            let shape = (rng.random_range(1..3), rng.random_range(1..=GPUS));
            world.sets.insert(format!("set{set}"), shape);
        }
        world
    }

    pub(super) fn version(&self) -> u64 {
        self.log.len() as u64
    }

    pub(super) fn history(&self) -> String {
        format!("{:?}", self.log)
    }

    fn add_node(&mut self, name: String) {
        self.nodes.insert(name.clone());
        self.log.push(Change::Node(name, true));
    }

    fn set(&mut self, uid: &str, mut pod: Value) {
        pod["metadata"]["resourceVersion"] = (self.log.len() + 1).to_string().into();
        self.pods.insert(uid.to_owned(), pod.clone());
        self.log.push(Change::Pod(uid.to_owned(), Some(pod)));
    }

    fn remove(&mut self, uid: &str) {
        if self.pods.remove(uid).is_some() {
            self.log.push(Change::Pod(uid.to_owned(), None));
        }
    }

    /// Makes a pod as the webhook lets it in: mostly gated, for the webhook fails open.
    fn make(&mut self, rng: &mut ChaCha8Rng, gpus: u32, owner: Option<&str>, gang: Option<&str>) {
        self.made += 1;
        let mut it = pod(&format!("p{}", self.made), gpus);
        it["metadata"]["annotations"][names::PLACE] = "true".into();
        it["metadata"]["creationTimestamp"] = clock::text(self.now / 1000 * 1000).into();
        let uid = text(&it, "/metadata/uid").to_owned();
        if let Some(owner) = owner {
            let (group, kind) = if is_job(owner) { ("batch/v1", "Job") } else { ("apps/v1", "ReplicaSet") };
            let owner =
                json!({"apiVersion": group, "kind": kind, "name": owner, "uid": owner, "controller": true});
            it["metadata"]["ownerReferences"] = json!([owner]);
        } else {
            self.bare.insert(uid.clone());
        }
        if let Some(gang) = gang {
            it["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = gang.into();
        }
        let gates = match rng.random_range(0..20) {
            0..2 => json!([]),
            2..4 => json!([{"name": QUEUE}, {"name": names::GATE}]),
            _ => json!([{"name": names::GATE}]),
        };
        it["spec"]["schedulingGates"] = gates;
        self.set(&uid, it);
    }

    /// What users and machines do.
    pub(super) fn disturb(&mut self, rng: &mut ChaCha8Rng) {
        let waiting = self.pods.values().filter(|pod| text(pod, "/spec/nodeName").is_empty()).count();
        match rng.random_range(0..40) {
            0..5 if waiting < 8 => {
                let size = rng.random_range(0..=GPUS);
                self.make(rng, size, None, None);
            }
            5 if waiting < 8 => {
                let (name, size) = (format!("gang{}", self.made), rng.random_range(1..=GPUS));
                for _ in 0..rng.random_range(2..4) {
                    self.make(rng, size, None, Some(&name));
                }
            }
            6 if self.nodes.len() > 1 => {
                let name = self.nodes.iter().nth(rng.random_range(0..self.nodes.len())).cloned();
                if let Some(name) = name {
                    self.lose_node(&name);
                }
            }
            7 if self.nodes.len() < 5 => {
                let name = format!("m{}", self.log.len());
                self.add_node(name);
            }
            8..10 => {
                let uid = self.pods.keys().nth(rng.random_range(0..self.pods.len().max(1))).cloned();
                if let Some(uid) = uid {
                    self.bare.remove(&uid);
                    self.remove(&uid);
                }
            }
            10..14 => {
                let running = self
                    .pods
                    .iter()
                    .filter(|(_, pod)| !text(pod, "/spec/nodeName").is_empty() && !is_over(pod));
                let running: Vec<(String, Value)> =
                    running.map(|(uid, pod)| (uid.clone(), pod.clone())).collect();
                if let Some((uid, mut pod)) = running.get(rng.random_range(0..running.len().max(1))).cloned()
                {
                    pod["status"]["phase"] = "Succeeded".into();
                    self.set(&uid, pod);
                }
            }
            // Somebody changes a pod in a way that is no business of ours.
            14..18 => {
                let uid = self.pods.keys().nth(rng.random_range(0..self.pods.len().max(1))).cloned();
                if let Some(uid) = uid {
                    let mut pod = self.pods[&uid].clone();
                    pod["metadata"]["annotations"]["example.com/x"] = self.log.len().to_string().into();
                    self.set(&uid, pod);
                }
            }
            // A pod that we do not plan takes what room there is.
            18 => {
                let size = rng.random_range(1..=GPUS);
                self.made += 1;
                let it = pod(&format!("u{}", self.made), size);
                let uid = text(&it, "/metadata/uid").to_owned();
                self.bare.insert(uid.clone());
                self.set(&uid, it);
            }
            19..24 => {
                let queued = self.pods.iter().filter(|(_, pod)| gates(pod).contains(&QUEUE));
                let uid = queued.map(|(uid, _)| uid.clone()).next();
                if let Some(uid) = uid {
                    self.admit(&uid);
                }
            }
            _ => {}
        }
    }

    /// Another's gate before a pod opens.
    fn admit(&mut self, uid: &str) {
        let mut pod = self.pods[uid].clone();
        if let Some(gates) = pod["spec"]["schedulingGates"].as_array_mut() {
            gates.retain(|gate| gate["name"] != QUEUE);
        }
        self.set(uid, pod);
    }

    /// Every gate of others opens.
    pub(super) fn admit_all(&mut self) {
        let queued = self.pods.iter().filter(|(_, pod)| gates(pod).contains(&QUEUE));
        let queued: Vec<String> = queued.map(|(uid, _)| uid.clone()).collect();
        for uid in queued {
            self.admit(&uid);
        }
    }

    /// A node and the pods on it go.
    fn lose_node(&mut self, name: &str) {
        self.nodes.remove(name);
        self.log.push(Change::Node(name.to_owned(), false));
        let there: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| text(pod, "/spec/nodeName") == name)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in there {
            self.bare.remove(&uid);
            self.remove(&uid);
        }
    }

    /// Makes the pods that sets of replicas lack; pods of a set that are over count no more.
    pub(super) fn controllers(&mut self) {
        let mut rng = <ChaCha8Rng as rand::SeedableRng>::seed_from_u64(self.log.len() as u64);
        for (set, (count, size)) in self.sets.clone() {
            let there = self
                .pods
                .values()
                .filter(|pod| text(pod, "/metadata/ownerReferences/0/name") == set && !is_over(pod));
            for _ in there.count()..count {
                self.make(&mut rng, size, Some(&set), None);
            }
        }
    }

    fn free(&self, node: &str) -> u32 {
        let there = self.pods.values().filter(|pod| text(pod, "/spec/nodeName") == node && !is_over(pod));
        GPUS.checked_sub(there.map(gpus).sum()).expect("no node is overfilled")
    }

    /// Whether affinity lets a pod onto a node.
    fn lets_in(pod: &Value, node: &str) -> bool {
        const TERMS: &str =
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let Some(terms) = pod.pointer(TERMS).and_then(Value::as_array) else { return true };
        terms.iter().any(|term| {
            let fields = term["matchFields"].as_array().into_iter().flatten();
            fields.clone().count() > 0 && fields.clone().all(|field| field["values"] == json!([node]))
        })
    }

    /// Whether the scheduler has anything to do.
    pub(super) fn is_waiting(&self) -> bool {
        self.pods.values().any(|pod| text(pod, "/spec/nodeName").is_empty() && gates(pod).is_empty())
    }

    /// One round of the scheduler over the pods that wait, in random order.
    pub(super) fn schedule(&mut self, rng: &mut ChaCha8Rng, extender: Option<&Snapshot>, now: Millis) {
        let mut waiting: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| text(pod, "/spec/nodeName").is_empty() && gates(pod).is_empty())
            .map(|(uid, _)| uid.clone())
            .collect();
        while !waiting.is_empty() {
            let uid = waiting.swap_remove(rng.random_range(0..waiting.len()));
            let pod = self.pods[&uid].clone();
            let fits =
                self.nodes.iter().filter(|node| Self::lets_in(&pod, node) && self.free(node) >= gpus(&pod));
            let mut fits: Vec<String> = fits.cloned().collect();
            if let (Some(snapshot), false) = (extender, fits.is_empty()) {
                let body = json!({"Pod": pod, "Nodes": null, "NodeNames": fits}).to_string();
                let args = Args::read(body.as_bytes()).expect("a request");
                let (reply, _) = filter(snapshot, &args, now);
                if !reply.error.is_empty() {
                    continue;
                }
                let passed: BTreeSet<&str> = reply.names.iter().flatten().copied().collect();
                assert_eq!(passed.len() + reply.failed.len() + reply.unresolvable.len(), fits.len());
                fits = passed.into_iter().map(str::to_owned).collect();
            }
            let mut next = pod.clone();
            if fits.is_empty() {
                if text(&pod, "/status/conditions/0/reason") != "Unschedulable" {
                    next["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False",
                        "reason": "Unschedulable", "lastTransitionTime": clock::text(self.now / 1000 * 1000)}]);
                    self.set(&uid, next);
                }
                continue;
            }
            let nominated = text(&pod, "/status/nominatedNodeName").to_owned();
            let chosen = fits.iter().find(|node| **node == nominated);
            let node = chosen.unwrap_or(&fits[rng.random_range(0..fits.len())]).clone();
            assert!(text(&pod, "/spec/nodeName").is_empty(), "a pod is bound once");
            next["spec"]["nodeName"] = node.into();
            next["status"] = json!({"phase": "Running"});
            self.set(&uid, next);
        }
    }

    /// Brings a watch up to date, by so many changes at most; how far it came.
    pub(super) fn watch(&self, cluster: &mut Cluster, seen: u64, most: usize) -> u64 {
        let changes = self.log.iter().skip(seen as usize).take(most);
        let count = changes.clone().count();
        for change in changes {
            match change {
                Change::Node(name, true) => _ = cluster.apply_node(&node(name, GPUS, "H100")),
                Change::Node(name, false) => _ = cluster.delete_node(name),
                Change::Pod(_, Some(pod)) => _ = cluster.apply_pod(&object(pod.clone())),
                Change::Pod(uid, None) => _ = cluster.delete_pod(uid),
            }
        }
        seen + count as u64
    }

    pub(super) fn list(&self, cluster: &mut Cluster) {
        cluster.keep_nodes(|name| self.nodes.contains(name));
        cluster.keep_pods(|uid| self.pods.contains_key(uid));
        for name in &self.nodes {
            cluster.apply_node(&node(name, GPUS, "H100"));
        }
        for pod in self.pods.values() {
            cluster.apply_pod(&object(pod.clone()));
        }
    }

    /// What the API server does with an action, or refuses.
    pub(super) fn apply(&mut self, action: &Action) -> Result<(), ()> {
        match action {
            Action::Patch(patch) => {
                let before = self.pods.get(&patch.pod.uid).ok_or(())?.clone();
                let meta = &patch.body["metadata"];
                assert_eq!(meta["uid"], before["metadata"]["uid"], "a patch names its pod");
                if meta["resourceVersion"] != before["metadata"]["resourceVersion"] {
                    return Err(());
                }
                let mut after = before.clone();
                merge(&mut after, &patch.body);
                if let Some(node) = &patch.nominate {
                    after["status"]["nominatedNodeName"] = node.as_str().into();
                }
                refuse_what_is_immutable(&before, &after);
                self.set(&patch.pod.uid, after);
                Ok(())
            }
            Action::Recreate { pod, .. } => {
                let before = self.pods.get(&pod.uid).ok_or(())?;
                if text(before, "/metadata/resourceVersion") != pod.resource_version {
                    return Err(());
                }
                assert!(!self.bare.contains(&pod.uid), "a pod that nobody makes anew is not deleted");
                let owner = text(before, "/metadata/ownerReferences/0/name");
                assert!(!is_job(owner), "a pod of a Job is not deleted: the Job would count it as failed");
                self.remove(&pod.uid);
                Ok(())
            }
            Action::Event { .. } | Action::Failed { .. } => Ok(()),
        }
    }

    /// The laws of every moment.
    pub(super) fn check(&self) {
        for node in &self.nodes {
            self.free(node);
        }
        for uid in &self.bare {
            assert!(self.pods.contains_key(uid), "{uid} is lost");
        }
    }

    /// The laws once faults have ceased for long enough.
    pub(super) fn settled(&self) {
        for (set, (count, _)) in &self.sets {
            let there =
                self.pods.values().filter(|pod| text(pod, "/metadata/ownerReferences/0/name") == *set);
            assert!(there.filter(|pod| !is_over(pod)).count() >= *count, "{set} lacks pods");
        }
        for (uid, pod) in &self.pods {
            assert!(gates(pod).is_empty(), "{uid} waits behind the gate for good: {pod}");
            if text(pod, "/spec/nodeName").is_empty() && text(pod, GANG).is_empty() {
                let roomy = self.nodes.iter().find(|node| self.free(node) >= gpus(pod));
                assert!(roomy.is_none(), "{uid} waits, and {roomy:?} has room: {pod}");
            }
        }
    }

    /// The gangs of which every pod waits behind the gate, and not for long yet.
    pub(super) fn gangs_behind_the_gate(&self) -> BTreeSet<String> {
        let gang = |pod: &Value| text(pod, GANG).to_owned();
        let is_early = |pod: &Value| {
            let made = text(pod, "/metadata/creationTimestamp").parse::<jiff::Timestamp>();
            !gates(pod).is_empty() && made.is_ok_and(|made| made.as_millisecond() + 15_000 > self.now)
        };
        let late: BTreeSet<String> = self.pods.values().filter(|pod| !is_early(pod)).map(gang).collect();
        let all = self.pods.values().map(gang).filter(|gang| !gang.is_empty());
        all.filter(|gang| !late.contains(gang)).collect()
    }

    /// Of these gangs all pods run, or none.
    pub(super) fn are_whole(&self, gangs: &BTreeSet<String>) {
        for gang in gangs {
            let pods = || self.pods.values().filter(|pod| text(pod, GANG) == gang);
            let running = pods().filter(|pod| !text(pod, "/spec/nodeName").is_empty()).count();
            assert!(
                running == 0 || running == pods().count(),
                "{running} pods of {gang} run without the rest"
            );
        }
    }

    /// What is free can be had: no room is kept for what is not coming.
    pub(super) fn no_ghosts(&self, snapshot: &Snapshot, now: Millis) {
        let waits = |pod: &&Value| text(pod, "/spec/nodeName").is_empty();
        let coming: BTreeSet<&str> = self
            .pods
            .values()
            .filter(waits)
            .map(|pod| pod["metadata"]["annotations"][names::NODE].as_str().unwrap_or_default())
            .collect();
        for node in self.nodes.iter().filter(|node| !coming.contains(&***node)) {
            let free = self.free(node);
            if free == 0 {
                continue;
            }
            let it = pod("ghost-hunter", free);
            let body = json!({"Pod": it, "NodeNames": [node]}).to_string();
            let args = Args::read(body.as_bytes()).expect("a request");
            let (reply, _) = filter(snapshot, &args, now);
            assert_eq!(reply.names.as_deref(), Some(&[&**node][..]), "{free} of {node} are kept for a ghost");
        }
    }
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            into.as_object_mut().and_then(|object| object.remove(key));
        } else {
            merge(&mut into[key.as_str()], value);
        }
    }
}

/// Gates may go and not come; the affinity of a pod that is not gated does not change.
fn refuse_what_is_immutable(before: &Value, after: &Value) {
    let (old, new) = (gates(before), gates(after));
    assert!(new.iter().all(|gate| old.contains(gate)), "gates may not be added");
    let is_opened = old.contains(&names::GATE) && !new.contains(&names::GATE);
    assert!(!is_opened || new.is_empty() || gpus(after) == 0, "our gate opens though another holds the pod");
    if old.is_empty() {
        assert_eq!(
            before.pointer("/spec/affinity"),
            after.pointer("/spec/affinity"),
            "affinity is immutable"
        );
    }
}
