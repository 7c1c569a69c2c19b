//! What can be done to a pod, and the patch that does it.

use serde_json::{Value, json};

use crate::{
    clock,
    cluster::{Facts, Millis, Placing, Pod},
    names,
    trace::Context,
};

/// A pod at a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which pod of that name.
    pub uid: String,
    /// The version that was looked at.
    pub resource_version: String,
    /// Its trace.
    pub trace: Context,
}

impl Target {
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            namespace: facts.namespace.clone(),
            name: facts.name.clone(),
            uid: facts.uid.clone(),
            resource_version: facts.resource_version.clone(),
            trace: facts.trace(),
        }
    }
}

/// A JSON merge patch of a pod, which the API server refuses where the pod is another or has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The pod.
    pub pod: Target,
    /// The patch, with UID and version.
    pub body: Value,
    /// What `status.nominatedNodeName` is set to before.
    pub nominate: Option<String>,
    /// What it is for, as metrics name it.
    pub what: &'static str,
}

impl Patch {
    /// The node that it places the pod on.
    pub fn node(&self) -> Option<&str> {
        self.body.pointer("/metadata/annotations")?.get(names::NODE)?.as_str()
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Changes a pod.
    Patch(Patch),
    /// Deletes a pod that a controller makes anew: its affinity names a node that will not do, and cannot be changed.
    Recreate {
        /// The pod.
        pod: Target,
        /// Why.
        why: String,
    },
    /// Tells people.
    Event {
        /// The pod.
        pod: Target,
        /// One word.
        reason: &'static str,
        /// In words.
        text: String,
    },
    /// There is no plan: said in the log and the metrics.
    Failed {
        /// Why.
        why: String,
    },
}

impl Action {
    /// The pod that it changes.
    pub fn changes(&self) -> Option<&Target> {
        match self {
            Self::Patch(patch) => Some(&patch.pod),
            Self::Recreate { pod, .. } => Some(pod),
            Self::Event { .. } | Self::Failed { .. } => None,
        }
    }

    /// As metrics name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Patch(patch) => patch.what,
            Self::Recreate { .. } => "recreate",
            Self::Event { .. } => "event",
            Self::Failed { .. } => "plan",
        }
    }

    fn patch(pod: &Pod, what: &'static str, annotations: &Value, spec: Option<Value>) -> Patch {
        let target = Target::of(&pod.facts);
        let mut body = json!({
            "metadata": {
                "uid": target.uid,
                "resourceVersion": target.resource_version,
                "annotations": annotations,
            },
        });
        if let Some(spec) = spec {
            body["spec"] = spec;
        }
        Patch { pod: target, body, nominate: None, what }
    }

    /// Opens the gate without a placement. `held`: when a plan said that its gang does not fit.
    pub(super) fn open(pod: &Pod, held: Option<Millis>) -> Self {
        let spec = json!({"schedulingGates": gates(pod)});
        let mut annotations = no_plan();
        annotations[names::HELD_AT] = held.map(clock::text).into();
        Self::Patch(Self::patch(pod, "open", &annotations, Some(spec)))
    }

    /// Notes when a plan said that its gang does not fit, or that none says so any more.
    pub(super) fn hold(pod: &Pod, held: Option<Millis>) -> Self {
        let what = if held.is_some() { "hold" } else { "release" };
        Self::Patch(Self::patch(pod, what, &json!({names::HELD_AT: held.map(clock::text)}), None))
    }

    /// Places a pod: opens its gate and adds the placement in one patch. Where the gate is open already the affinity
    /// cannot be changed, and the change makes the scheduler look at the pod at once.
    pub(super) fn place(pod: &Pod, node: &str, placing: Placing, now: Millis) -> Self {
        let annotations =
            json!({names::NODE: node, names::PLANNED_AT: clock::text(now), names::HELD_AT: null});
        if !pod.facts.is_gated() {
            let patch = Self::patch(pod, "replan", &annotations, None);
            return Self::Patch(Patch { nominate: Some(node.to_owned()), ..patch });
        }
        let mut spec = json!({"schedulingGates": gates(pod)});
        if placing == Placing::Hard {
            spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": pinned(pod, node)}}});
        }
        let nominate = (placing == Placing::Soft).then(|| node.to_owned());
        Self::Patch(Patch { nominate, ..Self::patch(pod, "place", &annotations, Some(spec)) })
    }

    /// Takes the plan from a pod. `held`: since when it goes nowhere without the rest of its gang.
    pub(super) fn forget(pod: &Pod, held: Option<Millis>) -> Self {
        let mut annotations = no_plan();
        if let Some(held) = held {
            annotations[names::HELD_AT] = clock::text(held).into();
        }
        Self::Patch(Self::patch(pod, "forget", &annotations, None))
    }

    /// Makes the scheduler look at a rejected pod at once.
    pub(super) fn retry(pod: &Pod, now: Millis) -> Self {
        Self::Patch(Self::patch(pod, "retry", &json!({names::RETRY: clock::text(now)}), None))
    }
}

fn no_plan() -> Value {
    json!({names::NODE: null, names::PLANNED_AT: null})
}

/// The gates that stay.
fn gates(pod: &Pod) -> Value {
    pod.facts.hold.others.iter().map(|name| json!({"name": name})).collect()
}

/// The terms of required node affinity with the node added to each: a gated pod's affinity may only grow narrower.
fn pinned(pod: &Pod, node: &str) -> Vec<Value> {
    let field = json!({"key": names::NODE_FIELD, "operator": "In", "values": [node]});
    let mut terms = pod.node_terms();
    if terms.is_empty() {
        return vec![json!({"matchFields": [field]})];
    }
    for term in &mut terms {
        match term.get_mut("matchFields").and_then(Value::as_array_mut) {
            Some(fields) => fields.push(field.clone()),
            None => term["matchFields"] = json!([field]),
        }
    }
    terms
}
