//! One fake kubelet for all fake nodes.
//!
//! It does for a pod that was bound to a node what a scheduler and the
//! controllers wait for: it reports it running, reports its end after the time
//! in [`DURATION`], removes it once deleted. A node that [`Kubelet::fail`]s does
//! none of it and sends no heartbeat until it [`Kubelet::recover`]s, so that the
//! cluster finds out as it would in life. Requests that fail are tried again:
//! the fake must outlive the faults that a test injects elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::nodes;

/// How long the pod runs, as `2s`; without it, until it is deleted.
pub const DURATION: &str = "fake.plimsoll.dev/duration";
/// With what the pod's containers exit at that end; 0 without it.
pub const EXIT_CODE: &str = "fake.plimsoll.dev/exit-code";

/// Requests under way at once.
const AT_ONCE: usize = 50;
const RETRY_AFTER: Duration = Duration::from_millis(200);
const LEASES: &str = "kube-node-lease";

/// The running fake; dropping it stops it.
#[derive(Debug)]
pub struct Kubelet {
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

struct State {
    client: Client,
    requests: Semaphore,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Inner {
    failed: BTreeSet<String>,
    /// How far each pod is, by its unique id.
    stages: BTreeMap<String, Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Started,
    Deleting,
}

impl Kubelet {
    /// Serves every node of the cluster. With `heartbeat` it renews each
    /// node's Lease that often, as
    /// [`WorkloadsAndNodes`](crate::Controllers::WorkloadsAndNodes) needs.
    pub fn start(client: Client, heartbeat: Option<Duration>) -> Self {
        let state = Arc::new(State { client, requests: Semaphore::new(AT_ONCE), inner: Mutex::default() });
        let mut tasks = vec![tokio::spawn(serve(Arc::clone(&state)))];
        if let Some(every) = heartbeat {
            tasks.push(tokio::spawn(heartbeats(Arc::clone(&state), every)));
        }
        Self { state, tasks }
    }

    /// The node falls silent: nothing starts, ends or goes on it.
    pub fn fail(&self, node: &str) {
        self.state.lock().failed.insert(node.to_owned());
    }

    /// The node comes back, and catches up with what was asked of it.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn recover(&self, node: &str) -> Result<(), crate::Error> {
        self.state.lock().failed.remove(node);
        let status = json!({"status": {"conditions": [nodes::ready()]}});
        let api: Api<Node> = Api::all(self.state.client.clone());
        api.patch_status(node, &PatchParams::default(), &Patch::Strategic(status)).await?;
        let pods: Api<Pod> = Api::all(self.state.client.clone());
        let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
        for pod in pods.list(&here).await? {
            if let Some(uid) = pod.uid() {
                self.state.lock().stages.remove(&uid);
            }
            tokio::spawn(follow(Arc::clone(&self.state), pod));
        }
        Ok(())
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, node: &str) -> bool {
        self.lock().failed.contains(node)
    }

    /// Whether the pod has just reached this stage for the first time.
    fn enters(&self, uid: &str, stage: Stage) -> bool {
        let mut inner = self.lock();
        let before = inner.stages.get(uid).copied();
        if before >= Some(stage) {
            return false;
        }
        inner.stages.insert(uid.to_owned(), stage);
        true
    }

    fn pods(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.client.clone(), pod.namespace().as_deref().unwrap_or("default"))
    }
}

/// Watches all pods that have a node.
async fn serve(state: Arc<State>) {
    let config = watcher::Config::default().fields("spec.nodeName!=").any_semantic();
    let mut events = watcher(Api::<Pod>::all(state.client.clone()), config).boxed();
    let mut following = JoinSet::new();
    while let Some(event) = events.next().await {
        while following.try_join_next().is_some() {}
        match event {
            Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                following.spawn(follow(Arc::clone(&state), pod));
            }
            Ok(Event::Delete(pod)) => {
                if let Some(uid) = pod.uid() {
                    state.lock().stages.remove(&uid);
                }
            }
            Ok(Event::Init | Event::InitDone) => {}
            // The watcher itself lists again.
            Err(_) => tokio::time::sleep(RETRY_AFTER).await,
        }
    }
}

/// Takes one pod as far as it goes for now.
async fn follow(state: Arc<State>, pod: Pod) {
    let (Some(uid), Some(node)) = (pod.uid(), node_of(&pod)) else { return };
    if state.failed(node) {
        return;
    }
    if pod.metadata.deletion_timestamp.is_some() {
        if state.enters(&uid, Stage::Deleting) {
            remove(&state, &pod, &uid).await;
        }
        return;
    }
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) || !state.enters(&uid, Stage::Started) {
        return;
    }
    report(&state, &pod, running(&pod)).await;
    let duration = pod.annotations().get(DURATION).and_then(|text| text.parse().ok());
    if let Some(duration) = duration.and_then(|d: SignedDuration| Duration::try_from(d).ok()) {
        tokio::time::sleep(duration).await;
        if !state.failed(node) {
            report(&state, &pod, ended(&pod)).await;
        }
    }
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// Patches the status until the API server takes it or the pod is gone.
async fn report(state: &State, pod: &Pod, status: serde_json::Value) {
    let api = state.pods(pod);
    // With the unique id: a namesake that came since is refused.
    let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": status});
    attempt(state, || async {
        let patch = Patch::Strategic(&patch);
        api.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await.map(|_| ())
    })
    .await;
}

async fn remove(state: &State, pod: &Pod, uid: &str) {
    let api = state.pods(pod);
    let uid = Some(uid.to_owned());
    let params = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(Preconditions { uid, resource_version: None }),
        ..Default::default()
    };
    attempt(state, || async { api.delete(&pod.name_any(), &params).await.map(|_| ()) }).await;
}

/// Asks until there is an answer that will not change.
async fn attempt<F: Future<Output = Result<(), kube::Error>>>(state: &State, ask: impl Fn() -> F) {
    loop {
        let answer = {
            let _permit = state.requests.acquire().await; // never closed
            ask().await
        };
        match answer {
            Ok(()) => return,
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => return,
            Err(_) => tokio::time::sleep(RETRY_AFTER).await,
        }
    }
}

fn running(pod: &Pod) -> serde_json::Value {
    let condition = |kind| json!({"type": kind, "status": "True", "lastTransitionTime": now()});
    json!({
        "phase": "Running",
        "startTime": now(),
        "conditions": [condition("Initialized"), condition("ContainersReady"), condition("Ready")],
        "containerStatuses": containers(pod, true, &json!({"running": {"startedAt": now()}})),
    })
}

fn ended(pod: &Pod) -> serde_json::Value {
    let code = pod.annotations().get(EXIT_CODE).and_then(|code| code.parse::<i32>().ok());
    let code = code.unwrap_or(0);
    let (phase, reason) = if code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
    let condition = |kind| json!({"type": kind, "status": "False", "reason": "PodCompleted", "lastTransitionTime": now()});
    let state = json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": now()}});
    json!({
        "phase": phase,
        "conditions": [condition("ContainersReady"), condition("Ready")],
        "containerStatuses": containers(pod, false, &state),
    })
}

fn containers(pod: &Pod, ready: bool, state: &serde_json::Value) -> serde_json::Value {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .map(|container| {
            json!({
                "name": container.name,
                "image": container.image,
                "imageID": "",
                "ready": ready,
                "restartCount": 0,
                "state": state,
            })
        })
        .collect()
}

/// Renews the Leases of all nodes that work.
async fn heartbeats(state: Arc<State>, every: Duration) {
    let nodes: Api<Node> = Api::all(state.client.clone());
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        let Ok(list) = nodes.list_metadata(&ListParams::default()).await else { continue };
        let working = list.items.iter().filter_map(|node| node.metadata.name.as_deref());
        let working = working.filter(|node| !state.failed(node));
        futures::stream::iter(working).for_each_concurrent(AT_ONCE, |node| renew(&state, node)).await;
    }
}

async fn renew(state: &State, node: &str) {
    let api: Api<Lease> = Api::namespaced(state.client.clone(), LEASES);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node},
        "spec": {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": format!("{:.6}", now())},
    });
    let params = PatchParams::apply("plimsoll-fake-kubelet").force();
    // One that fails is renewed at the next tick.
    let _ = api.patch(node, &params, &Patch::Apply(lease)).await;
}

/// The time of day, which the API server's objects carry.
#[expect(clippy::disallowed_methods, reason = "a kubelet reports when things happened")]
fn now() -> Timestamp {
    Timestamp::now()
}
