//! Pods and Jobs through the unmodified scheduler and the fake kubelet.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use plimsoll_control_plane::kubelet::{DURATION, Kubelet};
use plimsoll_control_plane::nodes::{self, H100, L4, Profile};
use plimsoll_control_plane::{Controllers, Options, scheduler};
use serde_json::json;

use crate::support::{create, node_of, phase, plane, pod, pods, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_unmodified_scheduler_places_pods_and_the_fake_kubelet_runs_them() {
    let Some(mut plane) = plane(Options::default()).await else { return };
    let client = plane.client();
    let fleet = [Profile::on_prem("h100", 1, Some(H100)), Profile::on_prem("l4", 1, Some(L4))];
    nodes::create(&client, &fleet).await.unwrap();
    plane.start_scheduler("kube-scheduler", scheduler::configuration(&[])).await.unwrap();
    let _kubelet = Kubelet::start(client.clone(), None);

    create(&client, &pod("large", "nvidia.com/gpu", 4)).await;
    create(&client, &pod("too-large", "nvidia.com/gpu", 9)).await;
    until("large runs", || async { phase(&client, "large").await.as_deref() == Some("Running") }).await;
    assert_eq!(node_of(&client, "large").await.as_deref(), Some("h100-0"));
    assert_eq!(node_of(&client, "too-large").await, None);

    let bindings = plane.bindings().unwrap();
    assert_eq!(bindings.len(), 1, "{bindings:?}");
    assert!(bindings[0].accepted());
    assert_eq!((bindings[0].pod.as_str(), bindings[0].node.as_str()), ("large", "h100-0"));
    assert_eq!(bindings[0].user, "system:kube-scheduler");
    let uid = pods(&client).get("large").await.unwrap().metadata.uid;
    assert_eq!(bindings[0].uid, uid);

    // A deleted pod goes, although it was bound, and its devices can be had again.
    create(&client, &pod("all", "nvidia.com/gpu", 8)).await;
    pods(&client).delete("large", &DeleteParams::default()).await.unwrap();
    until("all runs", || async { phase(&client, "all").await.as_deref() == Some("Running") }).await;
    assert_eq!(phase(&client, "large").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_succeeds() {
    let Some(mut plane) = plane(Options::default()).await else { return };
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", 2, Some(H100))]).await.unwrap();
    plane.start_scheduler("kube-scheduler", scheduler::configuration(&[])).await.unwrap();
    let _kubelet = Kubelet::start(client.clone(), None);

    let jobs: Api<Job> = Api::namespaced(client.clone(), "default");
    let job = serde_json::from_value(json!({
        "metadata": {"name": "train"},
        "spec": {"completions": 3, "parallelism": 3, "template": {
            "metadata": {"annotations": {DURATION: "300ms"}},
            "spec": {"restartPolicy": "Never", "containers": [{
                "name": "main",
                "image": "none",
                "resources": {"limits": {"nvidia.com/gpu": "4"}},
            }]},
        }},
    }));
    jobs.create(&PostParams::default(), &job.unwrap()).await.unwrap();
    until("the job is complete", || async {
        let status = jobs.get("train").await.unwrap().status.unwrap_or_default();
        status.succeeded == Some(3) && status.completion_time.is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_is_tainted_and_comes_back() {
    let options = Options { controllers: Controllers::WorkloadsAndNodes, ..Options::default() };
    let Some(plane) = plane(options).await else { return };
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", 2, Some(H100))]).await.unwrap();
    let kubelet = Kubelet::start(client.clone(), Some(Duration::from_secs(1)));

    let nodes: Api<Node> = Api::all(client.clone());
    let tainted = |name: &'static str| {
        let nodes = nodes.clone();
        async move {
            let taints = nodes.get(name).await.unwrap().spec.unwrap().taints.unwrap_or_default();
            taints.iter().any(|taint| taint.key == "node.kubernetes.io/unreachable")
        }
    };
    kubelet.fail("h100-0");
    until("the silent node is tainted", || tainted("h100-0")).await;
    assert!(!tainted("h100-1").await);
    kubelet.recover("h100-0").await.unwrap();
    until("the taint is gone", || async { !tainted("h100-0").await }).await;
}
