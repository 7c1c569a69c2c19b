//! What is done at the API server.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use k8s_openapi::{
    api::{
        core::v1::{ObjectReference, Pod},
        events::v1::Event,
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::{Shared, elect::Leading};
use crate::{
    clock,
    control::{Action, Target},
    metrics::Metrics,
    names,
    trace::{Kind, Span, Spans, Who},
    wire::{BindArgs, BindReply},
};

/// Calls under way at one time.
const CALLS: usize = 32;
/// Events that wait to be written; what comes beyond is dropped, for it says nothing that the pods do not.
const EVENTS: usize = 2_048;
/// Events give way to changes for so long.
const GIVES_WAY: Duration = Duration::from_secs(5);
/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hands of the controller.
#[derive(Clone)]
pub(crate) struct Hands {
    client: Client,
    calls: Arc<Semaphore>,
    events: mpsc::Sender<(Target, &'static str, String)>,
    metrics: Arc<Metrics>,
    leading: Arc<Leading>,
    spans: Option<Arc<Spans>>,
}

fn status(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

impl Hands {
    pub(super) fn new(shared: &Shared, me: &str) -> Self {
        let (client, metrics) = (shared.client.clone(), Arc::clone(&shared.metrics));
        let (events, queue) = mpsc::channel(EVENTS);
        let calls = Arc::new(Semaphore::new(CALLS));
        let way = Arc::clone(&calls);
        tokio::spawn(write_events(client.clone(), me.to_owned(), queue, Arc::clone(&metrics), way));
        let (leading, spans) = (Arc::clone(&shared.leading), shared.spans.clone());
        Self { client, calls, events, metrics, leading, spans }
    }

    /// Does something; the UIDs of pods to which it could not be done are sent.
    pub(crate) fn carry_out(&self, action: Action, failed: &mpsc::UnboundedSender<String>) {
        match action {
            Action::Event { pod, reason, text } => {
                if self.events.try_send((pod, reason, text)).is_err() {
                    self.metrics.failed("event");
                }
            }
            Action::Failed { why } => {
                self.metrics.failed("plan");
                tracing::warn!(why, "there is no plan: pods pass as they come");
            }
            action => {
                let (hands, failed) = (self.clone(), failed.clone());
                tokio::spawn(async move {
                    let Ok(_call) = hands.calls.acquire().await else { return };
                    // Whoever lost the Lease meanwhile does nothing more.
                    if !hands.leading.leads() {
                        return;
                    }
                    let (what, start) = (action.name(), clock::nanos());
                    let outcome = tokio::time::timeout(PATIENCE, hands.change(&action)).await;
                    hands.tell(&action, start, &outcome);
                    match outcome {
                        Ok(Ok(())) => hands.metrics.did(what),
                        outcome => {
                            hands.metrics.failed(what);
                            if let (Some(pod), Ok(Err(error))) = (action.changes(), &outcome) {
                                tracing::info!(pod = pod.name, namespace = pod.namespace, what, %error, "not done");
                            }
                            if let Some(pod) = action.changes() {
                                // Nobody listens any more at a shutdown.
                                _ = failed.send(pod.uid.clone());
                            }
                        }
                    }
                });
            }
        }
    }

    /// Tells of a change in the trace of its pod.
    fn tell<E>(&self, action: &Action, start: u64, outcome: &Result<Result<(), kube::Error>, E>) {
        let (Some(spans), Some(pod)) = (&self.spans, action.changes()) else { return };
        let who = Who {
            context: pod.trace,
            uid: pod.uid.clone(),
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        };
        let mut span = Span::new(who, "patch", start, clock::nanos()).of_kind(Kind::Client);
        span = span.with("plimsoll.action", action.name());
        if let Action::Patch(patch) = action
            && let Some(node) = patch.node()
        {
            span = span.with("k8s.node.name", node.to_owned());
        }
        spans.push(match outcome {
            Ok(Ok(())) => span,
            Ok(Err(error)) => span.failed(error.to_string()),
            Err(_) => span.failed(format!("no answer within {} s", PATIENCE.as_secs())),
        });
    }

    async fn change(&self, action: &Action) -> Result<(), kube::Error> {
        match action {
            Action::Patch(patch) => {
                let pods: Api<Pod> = Api::namespaced(self.client.clone(), &patch.pod.namespace);
                let mut body = patch.body.clone();
                if let Some(node) = &patch.nominate {
                    let nomination = json!({
                        "metadata": {"uid": patch.pod.uid, "resourceVersion": patch.pod.resource_version},
                        "status": {"nominatedNodeName": node},
                    });
                    let params = PatchParams::default();
                    let pod = pods.patch_status(&patch.pod.name, &params, &Patch::Merge(nomination)).await?;
                    body["metadata"]["resourceVersion"] = pod.resource_version().into();
                }
                pods.patch(&patch.pod.name, &PatchParams::default(), &Patch::Merge(body)).await.map(drop)
            }
            Action::Recreate { pod, .. } => {
                let pods: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace);
                let exactly = Preconditions {
                    uid: Some(pod.uid.clone()),
                    resource_version: Some(pod.resource_version.clone()),
                };
                let params = DeleteParams { preconditions: Some(exactly), ..DeleteParams::default() };
                pods.delete(&pod.name, &params).await.map(drop)
            }
            Action::Event { .. } | Action::Failed { .. } => Ok(()),
        }
    }
}

/// Writes events, each anew: what is said again says something else, so that a count on the old text would be untrue.
/// Pods wait for changes and not for events: these give way while changes wait for each other.
async fn write_events(
    client: Client,
    me: String,
    mut queue: mpsc::Receiver<(Target, &'static str, String)>,
    metrics: Arc<Metrics>,
    calls: Arc<Semaphore>,
) {
    while let Some((pod, reason, text)) = queue.recv().await {
        // A permit is free once no change waits for one; it is not kept.
        drop(tokio::time::timeout(GIVES_WAY, calls.acquire()).await);
        let events: Api<Event> = Api::namespaced(client.clone(), &pod.namespace);
        let event = event(pod, reason, &text, &me);
        match tokio::time::timeout(PATIENCE, events.create(&PostParams::default(), &event)).await {
            Ok(Ok(_)) => metrics.did("event"),
            _ => metrics.failed("event"),
        }
    }
}

fn event(pod: Target, reason: &'static str, text: &str, me: &str) -> Event {
    let now = k8s_openapi::jiff::Timestamp::from_millisecond(clock::now()).unwrap_or_default();
    let mut event = Event {
        action: Some("Planning".to_owned()),
        event_time: Some(MicroTime(now)),
        // The API server takes notes of a kilobyte.
        note: Some(text.chars().take(1_000).collect()),
        reason: Some(reason.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.clone()),
            namespace: Some(pod.namespace.clone()),
            uid: Some(pod.uid),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(names::COMPONENT.to_owned()),
        reporting_instance: Some(me.chars().take(128).collect()),
        type_: Some(if reason == "Planned" { "Normal" } else { "Warning" }.to_owned()),
        ..Event::default()
    };
    event.metadata.namespace = Some(pod.namespace);
    // A generated name may not end in a dot before what is added.
    event.metadata.generate_name = Some(format!("{}-", pod.name));
    event
}

/// Opens every gate of ours, until none is left; how many were opened.
///
/// # Errors
/// When the API server does not answer.
pub async fn open_gates(client: &Client) -> Result<usize, kube::Error> {
    let mut opened = 0;
    loop {
        let (mut left, mut page) = (0, ListParams::default().limit(500));
        loop {
            let list = Api::<Pod>::all(client.clone()).list(&page).await?;
            for pod in &list.items {
                match open(client, pod).await {
                    Ok(true) => opened += 1,
                    Ok(false) => {}
                    // It has changed or gone: the next round sees.
                    Err(error) if matches!(status(&error), 404 | 409) => left += 1,
                    Err(error) => return Err(error),
                }
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => break,
            }
        }
        if left == 0 {
            return Ok(opened);
        }
    }
}

async fn open(client: &Client, pod: &Pod) -> Result<bool, kube::Error> {
    let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_deref()).unwrap_or_default();
    if gates.iter().all(|gate| gate.name != names::GATE) {
        return Ok(false);
    }
    let left: Vec<Value> =
        gates.iter().filter(|gate| gate.name != names::GATE).map(|gate| json!({"name": gate.name})).collect();
    let patch = json!({
        "metadata": {"uid": pod.uid(), "resourceVersion": pod.resource_version()},
        "spec": {"schedulingGates": left},
    });
    let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map(|_| true)
}

/// Binds a pod within a time, and says so only once the API server has accepted it.
///
/// The UID is a precondition. What is bound to the same node already is bound: a call whose answer was lost is repeated.
pub(crate) fn bind(client: Client, args: BindArgs, within: Duration) -> BoxFuture<'static, BindReply> {
    Box::pin(async move {
        let error = match tokio::time::timeout(within, bind_now(&client, &args)).await {
            Ok(Ok(())) => String::new(),
            Ok(Err(why)) => why,
            Err(_) => format!("the API server did not answer within {} ms", within.as_millis()),
        };
        BindReply { error }
    })
}

async fn bind_now(client: &Client, args: &BindArgs) -> Result<(), String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &args.pod_namespace);
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": args.pod_name, "namespace": args.pod_namespace, "uid": args.pod_uid},
        "target": {"apiVersion": "v1", "kind": "Node", "name": args.node},
    });
    let posted: Result<Value, _> =
        pods.create_subresource("binding", &args.pod_name, &PostParams::default(), &binding).await;
    let Err(error) = posted else { return Ok(()) };
    if status(&error) != 409 {
        return Err(error.to_string());
    }
    let pod = pods.get(&args.pod_name).await.map_err(|error| error.to_string())?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let is_same = pod.uid().as_deref() == Some(&args.pod_uid) && node == Some(&args.node);
    if is_same { Ok(()) } else { Err(error.to_string()) }
}
