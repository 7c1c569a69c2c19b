//! A small working day of a cluster: what is submitted, and what became of it.
//!
//! Jobs, Deployments and a gang that together ask for more than the cheapest
//! nodes hold, one pod that nothing can hold, and one that needs no
//! accelerator. [`settle`] waits for each pod to have its answer, and
//! [`stories`] reads it back as `kubectl describe pod` would show it.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::Error;
use crate::kubelet::DURATION;

/// Where the workloads are: a namespace whose pods are planned.
pub const NAMESPACE: &str = "demo";
/// Long enough to be seen, short enough to be waited for.
const RUN: &str = "4s";
const POLL: Duration = Duration::from_millis(200);

/// What became of one pod.
#[derive(Clone, Debug)]
pub struct PodStory {
    /// The pod's name.
    pub name: String,
    /// What it asks for, as `8 x nvidia.com/gpu`.
    pub asks: String,
    /// The node it was bound to.
    pub node: Option<String>,
    /// What that node is, as `p5.48xlarge in us-east-1, reserved`.
    pub place: Option<String>,
    /// Its phase: Pending, Running, Succeeded, Failed.
    pub phase: String,
    /// Its annotations of ours.
    pub notes: BTreeMap<String, String>,
    /// Its events, oldest first.
    pub events: Vec<Happening>,
}

/// One event, as `kubectl describe pod` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Normal or Warning.
    pub kind: String,
    /// The reason, one word.
    pub reason: String,
    /// How long ago it last happened.
    pub age: SignedDuration,
    /// Who reported it.
    pub from: String,
    /// What happened.
    pub message: String,
}

/// Makes the namespace and asks the API server to send its new pods to a
/// webhook at a URL, whose certificate an authority (PEM) signed. Where the
/// webhook does not answer, pods are created as they are.
///
/// # Errors
/// When the API server refuses either.
pub async fn prepare(client: &Client, webhook: Option<(&str, &str)>) -> Result<(), Error> {
    let namespace = json!({"metadata": {"name": NAMESPACE, "labels": {"plimsoll.dev/place": "true"}}});
    post::<Namespace>(&Api::all(client.clone()), namespace).await?;
    let Some((url, authority)) = webhook else { return Ok(()) };
    let configuration = json!({
        "metadata": {"name": "plimsoll"},
        "webhooks": [{
            "name": "place.plimsoll.dev",
            "clientConfig": {"url": url, "caBundle": BASE64_STANDARD.encode(authority)},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "namespaceSelector": {"matchLabels": {"plimsoll.dev/place": "true"}},
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "timeoutSeconds": 2,
            "admissionReviewVersions": ["v1"],
        }],
    });
    post::<MutatingWebhookConfiguration>(&Api::all(client.clone()), configuration).await
}

/// Submits the workloads, and returns how many pods they will have.
///
/// # Errors
/// When the API server refuses one.
pub async fn submit(client: &Client) -> Result<usize, Error> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let mut pods = 0;
    for (name, count, limits, labels) in [
        ("fine-tune", 3, json!({"nvidia.com/gpu": "4"}), json!({})),
        ("pretrain", 4, json!({"nvidia.com/gpu": "8"}), json!({"scheduling.x-k8s.io/pod-group": "pretrain"})),
        ("render", 2, json!({"amd.com/gpu": "2"}), json!({})),
        ("tpu-eval", 1, json!({"google.com/tpu": "4"}), json!({})),
        ("too-large", 1, json!({"nvidia.com/gpu": "16"}), json!({})),
        ("report", 2, json!({"cpu": "2"}), json!({})),
    ] {
        post(&jobs, job(name, count, &limits, &labels)).await?;
        pods += count;
    }
    post(&deployments, deployment("chat", 3, &json!({"nvidia.com/gpu": "1"}))).await?;
    Ok(pods + 3)
}

fn job(name: &str, count: usize, limits: &Value, labels: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "completions": count,
            "parallelism": count,
            "completionMode": "Indexed",
            "template": {
                "metadata": {"labels": labels, "annotations": {DURATION: RUN}},
                "spec": {"restartPolicy": "Never", "containers": containers(limits)},
            },
        },
    })
}

fn deployment(name: &str, count: usize, limits: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": containers(limits)},
            },
        },
    })
}

fn containers(limits: &Value) -> Value {
    json!([{"name": "main", "image": "none", "resources": {"limits": limits}}])
}

async fn post<K>(api: &Api<K>, document: Value) -> Result<(), Error>
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object = serde_json::from_value(document)
        .map_err(|error| Error::Document { what: "workload", reason: error.to_string() })?;
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

/// Waits until there are `count` pods of which each has a node, has ended, or
/// has been refused by the scheduler, or until the time is over.
///
/// # Errors
/// When the API server does not answer.
pub async fn settle(client: &Client, count: usize, within: Duration) -> Result<(), Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let settled = async {
        loop {
            let list = pods.list(&ListParams::default()).await?;
            if list.items.len() >= count && list.items.iter().all(is_answered) {
                return Ok::<(), Error>(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    // What is not settled by then is told as it is.
    tokio::time::timeout(within, settled).await.unwrap_or(Ok(()))
}

/// Whether a scheduler has said yes or no.
fn is_answered(pod: &Pod) -> bool {
    let bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut refused = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .filter(|condition| condition.reason.as_deref() != Some("SchedulingGated"));
    bound || refused.next().is_some()
}

/// What became of each pod, by name.
///
/// # Errors
/// When the API server does not answer.
pub async fn stories(client: &Client) -> Result<Vec<PodStory>, Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let events: Api<Event> = Api::namespaced(client.clone(), NAMESPACE);
    let nodes: Api<Node> = Api::all(client.clone());
    let nodes = nodes.list(&ListParams::default()).await?.items;
    let places: BTreeMap<String, String> = nodes.iter().map(|node| (node.name_any(), place(node))).collect();
    let mut happenings = BTreeMap::<String, Vec<Happening>>::new();
    for event in events.list(&ListParams::default()).await? {
        if let Some(pod) = event.involved_object.name.clone() {
            happenings.entry(pod).or_default().push(happening(&event));
        }
    }
    let mut stories: Vec<PodStory> = Vec::new();
    for pod in pods.list(&ListParams::default()).await? {
        let name = pod.name_any();
        let mut events = happenings.remove(&name).unwrap_or_default();
        events.sort_by_key(|event| std::cmp::Reverse(event.age));
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let ours = pod.annotations().iter().filter(|(key, _)| key.starts_with("plimsoll.dev/"));
        stories.push(PodStory {
            asks: asks(&pod),
            place: node.as_ref().and_then(|node| places.get(node).cloned()),
            node,
            phase: pod.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default(),
            notes: ours.map(|(key, value)| (key.clone(), value.clone())).collect(),
            events,
            name,
        });
    }
    stories.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(stories)
}

fn asks(pod: &Pod) -> String {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let limits = containers.filter_map(|container| container.resources.as_ref()?.limits.as_ref());
    let asks: Vec<String> =
        limits.flatten().map(|(name, quantity)| format!("{} x {name}", quantity.0)).collect();
    asks.join(", ")
}

/// What a node is, from the labels of whichever dialect it speaks.
fn place(node: &Node) -> String {
    let label = |key: &str| node.labels().get(key).cloned();
    let instance = label("node.kubernetes.io/instance-type").unwrap_or_default();
    let region = label("topology.kubernetes.io/region").unwrap_or_default();
    let capacity = [
        "karpenter.sh/capacity-type",
        "eks.amazonaws.com/capacityType",
        "cloud.google.com/gke-provisioning",
        "kubernetes.azure.com/scalesetpriority",
    ]
    .into_iter()
    .find_map(label)
    .map(|class| format!(", {}", class.to_lowercase().replace('_', "-")));
    format!("{instance} in {region}{}", capacity.unwrap_or_default())
}

fn happening(event: &Event) -> Happening {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let when = last.or_else(|| event.event_time.as_ref().map(|time| time.0));
    let source = event.source.as_ref().and_then(|source| source.component.clone());
    let from = source.filter(|name| !name.is_empty()).or_else(|| event.reporting_component.clone());
    Happening {
        kind: event.type_.clone().unwrap_or_default(),
        reason: event.reason.clone().unwrap_or_default(),
        age: when.map_or(SignedDuration::ZERO, |when| now().duration_since(when)),
        from: from.unwrap_or_default(),
        message: event.message.clone().unwrap_or_default(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the age of an event is counted from the time of day")]
fn now() -> Timestamp {
    Timestamp::now()
}
