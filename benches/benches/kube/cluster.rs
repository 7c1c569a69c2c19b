//! What the parts do to the cluster.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use plimsoll_control_plane::{
    Binaries, ControlPlane, Controllers, Error, Options,
    nodes::{self, H100, Profile},
    scheduler::Extender,
};
use plimsoll_scheduler_plugin::names;
use serde_json::{Value, json};

/// Requests under way at once.
const AT_ONCE: usize = 30;

/// What a pod of the bench is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Open from the start.
    Plain,
    /// Gated until it is planned; nobody would make it anew, so that it is only nominated.
    Nominated,
    /// Gated until it is planned; as a replica set's it is pinned to its node.
    Pinned,
}

/// A control plane without controllers, of so many nodes with H100s.
pub(crate) async fn start(binaries: &Binaries, nodes: u32) -> Result<(ControlPlane, Client), Error> {
    let options = Options { controllers: Controllers::None, ..Options::default() };
    let plane = ControlPlane::start(binaries, options).await?;
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", nodes, Some(H100))]).await?;
    Ok((plane, client))
}

/// A pod that asks for one GPU.
pub(crate) fn pod(index: u32, kind: Kind) -> Pod {
    let mut pod = json!({
        "metadata": {"name": format!("pod-{index}")},
        "spec": {"containers": [{
            "name": "main",
            "image": "none",
            "resources": {"limits": {"nvidia.com/gpu": "1"}},
        }]},
    });
    if kind != Kind::Plain {
        pod["metadata"]["annotations"] = json!({names::PLACE: "true"});
        pod["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
    }
    if kind == Kind::Pinned {
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bench", "uid": "bench", "controller": true,
        }]);
    }
    serde_json::from_value(pod).expect("a pod")
}

/// Creates pods, many at a time.
pub(crate) async fn create(client: &Client, pods: impl Iterator<Item = Pod>) -> Result<(), Error> {
    all(&Api::namespaced(client.clone(), "default"), pods).await
}

/// Creates objects that are stated as JSON, many at a time.
pub(crate) async fn create_all<K>(api: &Api<K>, objects: impl Iterator<Item = Value>) -> Result<(), Error>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    all(api, objects.map(|object| serde_json::from_value(object).expect("an object of its kind"))).await
}

async fn all<K>(api: &Api<K>, objects: impl Iterator<Item = K>) -> Result<(), Error>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    let params = PostParams::default();
    futures::stream::iter(objects)
        .map(|object| {
            let params = &params;
            async move { api.create(params, &object).await.map(drop) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// Deletes all pods, and waits until they are gone.
pub(crate) async fn clear(client: &Client) -> Result<(), Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    api.delete_collection(&DeleteParams::default().grace_period(0), &ListParams::default()).await?;
    while !api.list(&ListParams::default().limit(1)).await?.items.is_empty() {
        pause().await;
    }
    Ok(())
}

/// All pods.
pub(crate) async fn pods(client: &Client) -> Result<Vec<Pod>, Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    Ok(api.list(&ListParams::default()).await?.items)
}

/// Waits until every pod is planned and its gate open.
pub(crate) async fn planned(client: &Client) -> Result<(), Error> {
    let is_open = |pod: &Pod| {
        let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
        gates.is_none_or(Vec::is_empty)
    };
    while !pods(client).await?.iter().all(is_open) {
        pause().await;
    }
    Ok(())
}

/// Between two looks.
pub(crate) async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

/// An extender as `deploy/scheduler.yaml` has it.
pub(crate) fn extender(url: &str) -> Extender {
    let verb = |verb: &str| Some(verb.to_owned());
    Extender {
        url_prefix: url.to_owned(),
        filter_verb: verb("filter"),
        prioritize_verb: verb("prioritize"),
        weight: 5,
        node_cache_capable: true,
        ignorable: true,
        http_timeout: verb("1s"),
        ..Extender::default()
    }
}

/// The body of filter and prioritize for so many names.
pub(crate) fn arguments(pod: &Pod, names: impl Iterator<Item = String>) -> Value {
    json!({"Pod": pod, "Nodes": null, "NodeNames": names.collect::<Vec<_>>()})
}
