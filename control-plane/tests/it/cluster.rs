//! One control plane that many tests share, with a scheduler for each way to
//! configure an extender. Tests keep apart by their pods' names; what the
//! extender answers about a pod is what the test registered for it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_control_plane::kubelet::Kubelet;
use plimsoll_control_plane::nodes::{self, H100, Profile};
use plimsoll_control_plane::scheduler::{Extender, configuration};
use plimsoll_control_plane::stub::{Answer, Stub};
use plimsoll_control_plane::{ControlPlane, Controllers, Options};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support;

/// How an extender is configured; each has a scheduler of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names, filter, prioritize and preempt; its failures are failures.
    Strict,
    /// The same, but pods are scheduled without it when it fails.
    Ignorable,
    /// Whole nodes instead of names; filter only.
    WholeNodes,
    /// Binds, and nothing else.
    Binder,
    /// Binds, but the scheduler may bind instead.
    IgnorableBinder,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Strict, Self::Ignorable, Self::WholeNodes, Self::Binder, Self::IgnorableBinder];

    pub(crate) fn scheduler(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Ignorable => "ignorable",
            Self::WholeNodes => "whole-nodes",
            Self::Binder => "binder",
            Self::IgnorableBinder => "ignorable-binder",
        }
    }

    fn config(self, url: &str) -> Value {
        let verb = |verb: &str| Some(verb.to_owned());
        let mut extender = Extender {
            url_prefix: url.to_owned(),
            weight: 1,
            node_cache_capable: self != Self::WholeNodes,
            ignorable: matches!(self, Self::Ignorable | Self::IgnorableBinder),
            http_timeout: verb("1s"),
            ..Extender::default()
        };
        match self {
            Self::Strict | Self::Ignorable => {
                extender.filter_verb = verb("filter");
                extender.prioritize_verb = verb("prioritize");
                extender.preempt_verb = verb("preempt");
            }
            Self::WholeNodes => extender.filter_verb = verb("filter"),
            Self::Binder | Self::IgnorableBinder => extender.bind_verb = verb("bind"),
        }
        let mut config = configuration(&[extender]);
        config["profiles"] = json!([{"schedulerName": self.scheduler()}]);
        config
    }
}

/// What is answered about one pod: the verb and the request's body go in. None
/// is what an extender answers that has no opinion.
type Opinion = Box<dyn Fn(&str, &Value) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct Script {
    opinions: BTreeMap<String, Opinion>,
    calls: Vec<Call>,
}

/// A call that the extender got.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) pod: String,
    pub(crate) verb: String,
    pub(crate) body: Value,
}

pub(crate) struct Cluster {
    plane: Mutex<ControlPlane>,
    script: Arc<Mutex<Script>>,
    _kubelet: Kubelet,
    _stub: Stub,
    /// Outlives each test's own.
    _runtime: Runtime,
}

/// None where the programs have not been built.
static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| {
    // Not within a test's runtime, which may not block.
    std::thread::spawn(start).join().unwrap()
});

/// The shared cluster, for the time of a test.
pub(crate) fn shared() -> Option<&'static Cluster> {
    CLUSTER.as_ref()
}

fn start() -> Option<Cluster> {
    let runtime = Runtime::new().unwrap();
    let script = Arc::new(Mutex::new(Script::default()));
    let (plane, kubelet, stub) = runtime.block_on(async {
        let mut plane =
            support::plane(Options { controllers: Controllers::None, ..Options::default() }).await?;
        let client = plane.client();
        // `four`: most tests; `full`: those about victims, each with nodes of its own.
        let mut fleet = vec![Profile::on_prem("four", 4, Some(H100))];
        fleet.extend(
            ["evict-a", "evict-b", "evict-c", "evict-d", "evict-e", "evict-f", "ghost"]
                .map(|name| Profile::on_prem(name, 2, Some(H100))),
        );
        nodes::create(&client, &fleet).await.unwrap();
        let kubelet = Kubelet::start(client, None);
        let scripted = Arc::clone(&script);
        let stub = Stub::start(Arc::new(move |verb: &str, body: &[u8]| answer(&scripted, verb, body)));
        let stub = stub.await.unwrap();
        for kind in Kind::ALL {
            plane.start_scheduler(kind.scheduler(), kind.config(&stub.url())).await.unwrap();
        }
        Some((plane, kubelet, stub))
    })?;
    let plane = Mutex::new(plane);
    Some(Cluster { plane, script, _kubelet: kubelet, _stub: stub, _runtime: runtime })
}

fn answer(script: &Mutex<Script>, verb: &str, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap();
    let pod = body.pointer("/Pod/metadata/name").or(body.get("PodName"));
    let pod = pod.and_then(Value::as_str).unwrap().to_owned();
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    let opinion = script.opinions.get(&pod).and_then(|opinion| opinion(verb, &body));
    let answer = opinion.unwrap_or_else(|| Answer::json(&no_opinion(verb, &body)));
    script.calls.push(Call { pod, verb: verb.to_owned(), body });
    answer
}

/// Every node, no score, every victim.
fn no_opinion(verb: &str, body: &Value) -> Value {
    match verb {
        "filter" => json!({"NodeNames": body["NodeNames"], "Nodes": body["Nodes"]}),
        "preempt" => json!({"NodeNameToMetaVictims": body["NodeNameToMetaVictims"]}),
        "bind" => json!({"Error": "the test has not said how to bind"}),
        _ => json!([]),
    }
}

impl Cluster {
    pub(crate) fn client(&self) -> Client {
        self.plane.lock().unwrap_or_else(PoisonError::into_inner).client()
    }

    /// Creates a pod about which the extender has an opinion.
    pub(crate) async fn submit(
        &self,
        kind: Kind,
        mut pod: Pod,
        opinion: impl Fn(&str, &Value) -> Option<Answer> + Send + Sync + 'static,
    ) {
        let name = pod.metadata.name.clone().unwrap();
        self.script.lock().unwrap().opinions.insert(name, Box::new(opinion));
        pod.spec.as_mut().unwrap().scheduler_name = Some(kind.scheduler().into());
        support::create(&self.client(), &pod).await;
    }

    /// The calls about a pod, so far.
    pub(crate) fn calls(&self, pod: &str, verb: &str) -> Vec<Call> {
        let calls = self.script.lock().unwrap().calls.clone();
        calls.into_iter().filter(|call| call.pod == pod && call.verb == verb).collect()
    }

    /// Waits until a pod has a node, and returns it.
    pub(crate) async fn bound(&self, pod: &str) -> String {
        let client = self.client();
        let what = format!("{pod} is bound");
        support::until(&what, || async { support::node_of(&client, pod).await.is_some() }).await;
        support::node_of(&client, pod).await.unwrap()
    }

    /// Waits for an event of a pod with this reason, and returns its message.
    pub(crate) async fn event(&self, pod: &str, reason: &str) -> String {
        let client = self.client();
        let what = format!("{pod} has an event {reason}");
        support::until(&what, || async { !messages(&client, pod, reason).await.is_empty() }).await;
        messages(&client, pod, reason).await.remove(0)
    }

    /// The pod's condition `PodScheduled`: reason and message, once it is there.
    pub(crate) async fn refused(&self, pod: &str) -> (String, String) {
        let client = self.client();
        let what = format!("{pod} is refused");
        support::until(&what, || async { refusal(&client, pod).await.is_some() }).await;
        refusal(&client, pod).await.unwrap()
    }
}

async fn messages(client: &Client, pod: &str, reason: &str) -> Vec<String> {
    let events: Api<Event> = Api::namespaced(client.clone(), "default");
    let fields = format!("involvedObject.name={pod},reason={reason}");
    let list = events.list(&ListParams::default().fields(&fields)).await.unwrap();
    list.items.into_iter().filter_map(|event| event.message).collect()
}

async fn refusal(client: &Client, pod: &str) -> Option<(String, String)> {
    let conditions = support::pods(client).get_opt(pod).await.unwrap()?.status?.conditions?;
    let scheduled = conditions.into_iter().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    Some((scheduled.reason?, scheduled.message.unwrap_or_default()))
}

/// A pause in which what must not happen would happen.
pub(crate) async fn for_a_while() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}
