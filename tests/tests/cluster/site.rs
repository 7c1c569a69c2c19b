//! A cluster with nodes, a scheduler that knows the extender, the webhook, and
//! pods to put there.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use plimsoll_control_plane::certificates::Validity;
use plimsoll_control_plane::kubelet::{DURATION, Kubelet};
use plimsoll_control_plane::nodes::{self, Profile};
use plimsoll_control_plane::scheduler::{self, Extender};
use plimsoll_control_plane::{Binaries, ControlPlane, Options, demo};
use serde_json::{Value, json};

use crate::ledger::Ledger;

pub(crate) const GPU: &str = "nvidia.com/gpu";

/// The cluster and the place where the cluster side will listen.
pub(crate) struct Site {
    pub(crate) plane: ControlPlane,
    pub(crate) client: Client,
    _kubelet: Kubelet,
    pub(crate) ledger: Ledger,
    pub(crate) port: u16,
}

impl Site {
    /// None where the programs have not been built.
    pub(crate) async fn start(fleet: Vec<Profile>, options: Options) -> Option<Self> {
        let plane = ControlPlane::start(&binaries()?, options).await.unwrap();
        let client = plane.client();
        nodes::create(&client, &fleet).await.unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let site = Self {
            _kubelet: Kubelet::start(client.clone(), None),
            ledger: Ledger::start(client.clone(), &fleet),
            plane,
            client,
            port,
        };
        site.certify(Validity::Long);
        let url = format!("https://127.0.0.1:{port}/admit");
        let authority = site.plane.authority().certificate();
        demo::prepare(&site.client, Some((&url, &authority))).await.unwrap();
        Some(site)
    }

    /// Writes a new certificate for the cluster side.
    pub(crate) fn certify(&self, validity: Validity) {
        let identity = self.plane.authority().server(&[], validity).unwrap();
        // The key first: a reader in between sees a pair that does not fit, and keeps the old.
        std::fs::write(self.plane.folder().join("serve.key"), identity.key).unwrap();
        std::fs::write(self.plane.folder().join("serve.crt"), identity.certificate).unwrap();
    }

    /// The extender as a scheduler is to be told of it.
    pub(crate) fn extender(&self) -> Extender {
        let verb = |verb: &str| Some(verb.to_owned());
        let authority = self.plane.authority().certificate();
        Extender {
            url_prefix: format!("https://127.0.0.1:{}/scheduler", self.port),
            filter_verb: verb("filter"),
            prioritize_verb: verb("prioritize"),
            preempt_verb: verb("preempt"),
            weight: 5,
            node_cache_capable: true,
            ignorable: true,
            http_timeout: verb("1s"),
            tls_config: Some(scheduler::trust(&authority)),
            ..Extender::default()
        }
    }

    pub(crate) async fn schedule(&mut self) {
        let config = scheduler::configuration(&[self.extender()]);
        self.plane.start_scheduler("kube-scheduler", config).await.unwrap();
    }

    /// The configuration of the cluster side, as a file. `spec` is added to it.
    pub(crate) fn config(&self, name: &str, kubeconfig: &std::path::Path, spec: &Value) -> PathBuf {
        let mut document = json!({
            "apiVersion": "plimsoll.dev/v1alpha1",
            "kind": "Serve",
            "spec": {
                "listen": format!("127.0.0.1:{}", self.port),
                "tls": {"certificate": "serve.crt", "key": "serve.key"},
                "kubeconfig": kubeconfig,
                "gate": {"deadline": "20s"},
                "lease": {"duration": "4s"},
            },
        });
        for (key, value) in spec.as_object().into_iter().flatten() {
            document["spec"][key] = value.clone();
        }
        let file = self.plane.folder().join(format!("{name}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        file
    }

    /// A kubeconfig for an API server, or a proxy, that asks for no certificate.
    pub(crate) fn open_kubeconfig(&self, name: &str, url: &str) -> PathBuf {
        let file = self.plane.folder().join(name);
        let document = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": url}}],
            "users": [{"name": "it", "user": {}}],
        });
        std::fs::write(&file, document.to_string()).unwrap();
        file
    }

    /// What the cluster side shows there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let client = self.plane.client_at(&format!("https://127.0.0.1:{}", self.port));
        client.request_text(request).await.unwrap()
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), demo::NAMESPACE)
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), demo::NAMESPACE)
    }

    pub(crate) async fn submit(&self, pod: Pod) {
        self.ledger.expect(pod.metadata.name.as_deref().unwrap());
        self.pods().create(&PostParams::default(), &pod).await.unwrap();
    }

    pub(crate) async fn submit_job(&self, job: Value) {
        let job = serde_json::from_value(job).unwrap();
        self.jobs().create(&PostParams::default(), &job).await.unwrap();
    }

    /// A ReplicaSet of equal pods.
    pub(crate) async fn submit_replicas(&self, name: &str, replicas: u32, asks: &[(&str, &str)]) {
        let mut spec = pod_spec(asks);
        spec["restartPolicy"] = json!("Always");
        let set = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"set": name}}, "template": {
                "metadata": {"labels": {"set": name}},
                "spec": spec,
            }},
        }));
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), demo::NAMESPACE);
        sets.create(&PostParams::default(), &set.unwrap()).await.unwrap();
    }

    /// All pods in the planned namespace.
    pub(crate) async fn all(&self) -> Vec<Pod> {
        self.pods().list(&ListParams::default()).await.unwrap().items
    }

    /// Waits until no pod is without a node, and those that end have ended.
    pub(crate) async fn quiet(&self) {
        let is_done = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let ends = pod.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(DURATION));
            match phase {
                Some("Succeeded" | "Failed") => true,
                Some("Running") => !ends,
                _ => false,
            }
        };
        until("every pod has run", || async { self.all().await.iter().all(is_done) }).await;
        until("every Job is complete", || async {
            let jobs = self.jobs().list(&ListParams::default()).await.unwrap();
            jobs.iter().all(|job| {
                let wanted = job.spec.as_ref().unwrap().completions;
                job.status.as_ref().is_some_and(|status| status.succeeded == wanted)
            })
        })
        .await;
    }

    /// The laws, and that all of the capacity can be had by other pods: no
    /// reservation is left behind.
    pub(crate) async fn check(&self) {
        self.quiet().await;
        self.ledger.check(&self.all().await, &self.plane.bindings().unwrap());
        self.ledger.release();
        let params = DeleteParams::background().grace_period(0);
        self.jobs().delete_collection(&params, &ListParams::default()).await.unwrap();
        self.pods().delete_collection(&params, &ListParams::default()).await.unwrap();
        until("all pods are gone", || async { self.all().await.is_empty() }).await;
        let nodes = Api::<k8s_openapi::api::core::v1::Node>::all(self.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
        let mut fillers = 0;
        for node in &nodes {
            let allocatable = node.status.as_ref().unwrap().allocatable.as_ref().unwrap();
            if let Some(count) = allocatable.get(GPU) {
                let name = format!("filler-{fillers}");
                self.submit(pod(&name, &[(GPU, &count.0)], None)).await;
                fillers += 1;
            }
        }
        until("every device is used by others", || async {
            let pods = self.all().await;
            pods.len() == fillers && pods.iter().all(|pod| node_of(pod).is_some())
        })
        .await;
        self.ledger.check(&self.all().await, &self.plane.bindings().unwrap());
    }
}

fn binaries() -> Option<Binaries> {
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/kube/build");
    let output = Command::new(build).arg("--check").output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    let folder = String::from_utf8(output.stdout).unwrap();
    Some(Binaries::in_folder(PathBuf::from(folder.trim())).unwrap())
}

/// A pod that asks for this, and ends after a time if there is one.
pub(crate) fn pod(name: &str, asks: &[(&str, &str)], duration: Option<&str>) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "annotations": annotations(duration)},
        "spec": pod_spec(asks),
    }))
    .unwrap()
}

/// A Job of equal pods.
pub(crate) fn job(name: &str, pods: u32, asks: &[(&str, &str)], duration: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"completions": pods, "parallelism": pods, "template": {
            "metadata": {"annotations": annotations(Some(duration))},
            "spec": pod_spec(asks),
        }},
    })
}

fn annotations(duration: Option<&str>) -> Value {
    duration.map_or_else(|| json!({}), |duration| json!({DURATION: duration}))
}

fn pod_spec(asks: &[(&str, &str)]) -> Value {
    let limits: serde_json::Map<String, Value> =
        asks.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    json!({
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "none", "resources": {"limits": limits}}],
    })
}

pub(crate) fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

pub(crate) fn planned(pod: &Pod) -> Option<&str> {
    pod.metadata.annotations.as_ref()?.get("plimsoll.dev/node").map(String::as_str)
}

/// Whether its affinity names nodes.
pub(crate) fn is_pinned(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.affinity.is_some())
}

pub(crate) fn is_gated(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref()).is_some_and(|g| !g.is_empty())
}

/// Asks until the answer is yes, for two minutes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, ask: impl Fn() -> F) {
    for _ in 0..600 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("not in two minutes: {what}");
}
