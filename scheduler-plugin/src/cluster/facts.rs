//! A watched object without what nobody looks at.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use serde_json::{Map, Value, json};

use super::Millis;
use crate::{names, trace::Context};

/// How a plan binds the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Required node affinity: there or nowhere. If the node goes, the pod is deleted for its maker to make anew.
    Hard,
    /// `nominatedNodeName`: there first, elsewhere if that fails.
    Soft,
}

/// Who makes a pod anew once it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// A ReplicaSet or a StatefulSet: as if nothing had been.
    Set,
    /// A Job, which counts it as a failure.
    Job,
    /// Nobody, or somebody of whom that is not known.
    Unknown,
}

impl Maker {
    fn of(pod: &v1::Pod) -> Self {
        let owner = pod.metadata.owner_references.iter().flatten().find(|one| one.controller == Some(true));
        let group = owner.and_then(|owner| owner.api_version.split_once('/')).map_or("", |(group, _)| group);
        match (group, owner.map_or("", |owner| &*owner.kind)) {
            ("apps", "ReplicaSet" | "StatefulSet") => Self::Set,
            ("batch", "Job") => Self::Job,
            _ => Self::Unknown,
        }
    }
}

/// Where and when a pod was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The node.
    pub node: String,
    /// When.
    pub at: Millis,
}

/// What a pod waits for before the scheduler looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hold {
    /// Our gate.
    pub ours: bool,
    /// Gates of others.
    pub others: Vec<String>,
}

/// What decisions about a pod hang on, beside what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `metadata.uid`.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The version that a patch is made against.
    pub resource_version: String,
    /// When it was made.
    pub created: Millis,
    /// Succeeded or failed.
    pub is_over: bool,
    /// Being deleted.
    pub is_leaving: bool,
    /// Bound to this node.
    pub node: Option<String>,
    /// `status.nominatedNodeName`.
    pub nominated: Option<String>,
    /// The gates.
    pub hold: Hold,
    /// Whether it or one of its annotations asks to be planned.
    pub wants_place: Option<bool>,
    /// Where it was planned.
    pub planned: Option<Planned>,
    /// When a plan said that its gang does not fit whole.
    pub held: Option<Millis>,
    /// Whether its affinity pins it to the node of `planned`.
    pub is_pinned: bool,
    /// Since when the scheduler says that it fits nowhere.
    pub unschedulable: Option<Millis>,
    /// Who would make it anew.
    pub maker: Maker,
    /// `plimsoll.dev/placement`, where it says something that is known.
    pub placing: Option<Placing>,
    /// Why it is not what it says, in words, where it says nothing that is known.
    pub odd_placing: Option<String>,
    /// The gang whose pods wait for each other, with its namespace: as [`Cluster`](super::Cluster) reads it.
    pub gang: Option<String>,
    /// How many pods its gang has, where it says so itself (Kueue's pod groups).
    pub gang_size: Option<u32>,
    /// `spec.priority`.
    pub priority: i32,
    /// The trace that the webhook began for it.
    pub traced: Option<Box<Context>>,
}

impl Facts {
    /// From an object; none without a name or a UID.
    pub fn of(pod: &v1::Pod) -> Option<Self> {
        let meta = &pod.metadata;
        let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
        let annotation =
            |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let label = |key: &str| meta.labels.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let gates = spec.and_then(|spec| spec.scheduling_gates.as_deref()).unwrap_or_default();
        let time = |key: &str| annotation(key)?.parse().ok().map(jiff::Timestamp::as_millisecond);
        let planned = annotation(names::NODE).filter(|node| !node.is_empty()).map(|node| Planned {
            node: node.to_owned(),
            // A time that nobody can read is long ago.
            at: time(names::PLANNED_AT).unwrap_or(0),
        });
        let phase = status.and_then(|status| status.phase.as_deref());
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let unscheduled = conditions.iter().find(|condition| {
            condition.type_ == "PodScheduled"
                && condition.status == "False"
                && condition.reason.as_deref() == Some("Unschedulable")
        });
        let millis = |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time| time.0.as_millisecond();
        let text = annotation(names::PLACEMENT);
        let placing = match text {
            Some("hard") => Some(Placing::Hard),
            Some("soft") => Some(Placing::Soft),
            _ => None,
        };
        let wants = annotation(names::PLACE).or_else(|| label(names::PLACE));
        Some(Self {
            uid: meta.uid.clone().filter(|uid| !uid.is_empty())?,
            namespace: meta.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            name: meta.name.clone()?,
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            created: meta.creation_timestamp.as_ref().map_or(0, millis),
            is_over: matches!(phase, Some("Succeeded" | "Failed")),
            is_leaving: meta.deletion_timestamp.is_some(),
            node: spec.and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty()),
            nominated: status
                .and_then(|status| status.nominated_node_name.clone())
                .filter(|node| !node.is_empty()),
            hold: Hold {
                ours: gates.iter().any(|gate| gate.name == names::GATE),
                others: gates
                    .iter()
                    .filter(|gate| gate.name != names::GATE)
                    .map(|gate| gate.name.clone())
                    .collect(),
            },
            wants_place: match wants {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            is_pinned: planned
                .as_ref()
                .is_some_and(|planned| spec.is_some_and(|spec| pins(spec, &planned.node))),
            planned,
            held: time(names::HELD_AT),
            unschedulable: unscheduled
                .map(|condition| condition.last_transition_time.as_ref().map_or(0, millis)),
            maker: Maker::of(pod),
            placing,
            odd_placing: text.filter(|_| placing.is_none()).map(|text| {
                format!(
                    "`{}`: expected `hard` or `soft`, found `{}`",
                    names::PLACEMENT,
                    plimsoll_model::shown(text)
                )
            }),
            gang: None,
            gang_size: annotation("kueue.x-k8s.io/pod-group-total-count")
                .and_then(|count| count.parse().ok()),
            priority: spec.and_then(|spec| spec.priority).unwrap_or(0),
            traced: annotation(names::TRACEPARENT).and_then(Context::read).map(Box::new),
        })
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Its trace; where the webhook has begun none, that of its UID.
    pub fn trace(&self) -> Context {
        self.traced.as_deref().copied().unwrap_or_else(|| Context::of_uid(&self.uid))
    }

    /// Whether our gate holds it.
    pub fn is_gated(&self) -> bool {
        self.hold.ours
    }

    /// Whether it waits for a node.
    pub fn is_waiting(&self) -> bool {
        self.node.is_none() && !self.is_leaving
    }

    /// Whether the other says the same, but for its version.
    pub(super) fn like(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.resource_version.clone_from(&self.resource_version);
        *self == other
    }

    /// Whether the change to another state of it may give room, or a place to itself: it leaves, or goes elsewhere than was
    /// kept for it.
    pub(super) fn gives_room(&self, next: &Self) -> bool {
        let kept = |facts: &Self| facts.node.clone().or_else(|| Some(facts.planned.as_ref()?.node.clone()));
        let before = kept(self);
        next.is_leaving != self.is_leaving
            || next.hold.others != self.hold.others
            || before.is_some() && before != kept(next)
    }

    /// How the plan binds the scheduler for this pod, where the pod does not say.
    pub fn placing(&self, default: Option<Placing>) -> Placing {
        match (self.maker, self.placing) {
            (Maker::Set, own) => own.or(default).unwrap_or(Placing::Hard),
            // A Job that says so itself has failures to spare.
            (Maker::Job, Some(own)) => own,
            _ => Placing::Soft,
        }
    }

    /// Whether it may be deleted where its affinity names a node that will not do.
    pub fn may_be_deleted(&self) -> bool {
        match self.maker {
            Maker::Set => true,
            Maker::Job => self.placing == Some(Placing::Hard),
            Maker::Unknown => false,
        }
    }
}

/// Whether required affinity allows a node by this name alone.
fn pins(spec: &v1::PodSpec, node: &str) -> bool {
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required.is_some_and(|required| {
        !required.node_selector_terms.is_empty()
            && required.node_selector_terms.iter().all(|term| {
                term.match_fields.iter().flatten().any(|field| {
                    field.key == names::NODE_FIELD
                        && field.operator == "In"
                        && field.values.as_deref().unwrap_or_default() == [node]
                })
            })
    })
}

/// The annotations that say what a pod needs or whether it may be disturbed.
fn is_read(annotation: &str) -> bool {
    const OTHERS: [&str; 6] = [
        "gpu-fraction",
        "karpenter.sh/do-not-disrupt",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "kubernetes.io/config.mirror",
        "scheduling.k8s.io/group-name",
        "scheduling.volcano.sh/group-name",
    ];
    const OWN: [&str; 7] = [
        names::NODE,
        names::PLANNED_AT,
        names::HELD_AT,
        names::RETRY,
        names::PLACEMENT,
        names::PLACE,
        names::TRACEPARENT,
    ];
    (annotation.starts_with(names::PREFIX) && !OWN.contains(&annotation)) || OTHERS.contains(&annotation)
}

/// The fields of an object that are read, as they are.
pub(super) fn pick(object: &Value, fields: &[&str]) -> Map<String, Value> {
    let value = |field: &&str| Some(((*field).to_owned(), object.get(*field)?.clone()));
    fields.iter().filter_map(value).collect()
}

/// The claim of a volume of a pod: one that it names, or one that is made for it.
pub(super) fn claim_of(pod: &v1::Pod, volume: &v1::Volume) -> Option<String> {
    let named = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.clone());
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    named.or_else(|| volume.ephemeral.as_ref().map(|_| format!("{name}-{}", volume.name)))
}

/// The document of a pod that is read, under its UID as the name.
pub(super) fn pod_text(pod: &v1::Pod, uid: &str) -> Box<str> {
    let spec = serde_json::to_value(&pod.spec).unwrap_or_default();
    let mut kept = pick(
        &spec,
        &[
            "nodeName",
            "nodeSelector",
            "affinity",
            "tolerations",
            "topologySpreadConstraints",
            "overhead",
            "resources",
            "resourceClaims",
            "schedulingGroup",
            "workloadRef",
        ],
    );
    if kept.contains_key("nodeName") {
        // It is where it is; and each pod has at least the two that the API server adds.
        kept.remove("tolerations");
    } else {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let claims: Vec<Value> = volumes
            .filter_map(|volume| {
                let claim = claim_of(pod, volume)?;
                Some(json!({"name": volume.name, "persistentVolumeClaim": {"claimName": claim}}))
            })
            .collect();
        if !claims.is_empty() {
            kept.insert("volumes".to_owned(), claims.into());
        }
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.get(list).and_then(Value::as_array).into_iter().flatten();
        let containers: Vec<Value> =
            containers.map(|one| Value::Object(pick(one, &["name", "resources", "restartPolicy"]))).collect();
        if !containers.is_empty() {
            kept.insert(list.to_owned(), Value::Array(containers));
        }
    }
    let annotations: BTreeMap<&String, &String> =
        pod.metadata.annotations.iter().flatten().filter(|(key, _)| is_read(key)).collect();
    let owners: Vec<Value> = pod
        .metadata
        .owner_references
        .iter()
        .flatten()
        .map(|owner| json!({"kind": owner.kind, "name": owner.name}))
        .collect();
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": uid,
            "namespace": pod.metadata.namespace,
            "labels": pod.metadata.labels.clone().unwrap_or_default(),
            "annotations": annotations,
            "ownerReferences": owners,
        },
        "spec": kept,
        "status": {"phase": "Pending"},
    });
    // The claims that were made for it.
    let made = pod.status.iter().flat_map(|status| status.resource_claim_statuses.iter().flatten());
    let made: Vec<Value> =
        made.map(|one| json!({"name": one.name, "resourceClaimName": one.resource_claim_name})).collect();
    if !made.is_empty() {
        document["status"]["resourceClaimStatuses"] = made.into();
    }
    document.to_string().into()
}

/// The document of a node that is read; none for what is no JSON.
pub(super) fn node_text(node: &v1::Node) -> Option<Box<str>> {
    let spec = serde_json::to_value(&node.spec).ok()?;
    let status = serde_json::to_value(&node.status).ok()?;
    let mut kept = pick(&status, &["allocatable"]);
    if !kept.contains_key("allocatable") {
        kept = pick(&status, &["capacity"]);
    }
    let ready = status.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let ready: Vec<Value> = ready
        .filter(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))
        .map(|condition| Value::Object(pick(condition, &["type", "status"])))
        .collect();
    kept.insert("conditions".to_owned(), Value::Array(ready));
    let annotations: BTreeMap<&String, &String> = node
        .metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(names::PREFIX) || key.starts_with("hami.io/"))
        .collect();
    let document = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.metadata.name,
            "labels": node.metadata.labels.clone().unwrap_or_default(),
            "annotations": annotations,
        },
        "spec": pick(&spec, &["taints", "unschedulable", "providerID"]),
        "status": kept,
    });
    Some(document.to_string().into())
}
