//! What every test needs: the control plane, pods, waiting.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::{Api, Client};
use plimsoll_control_plane::{Binaries, ControlPlane, Options};
use serde_json::json;

/// The compiled programs, or none with the reason printed.
pub(crate) fn binaries() -> Option<Binaries> {
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/kube/build");
    let output = Command::new(build).arg("--check").output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    let folder = String::from_utf8(output.stdout).unwrap();
    Some(Binaries::in_folder(PathBuf::from(folder.trim())).unwrap())
}

/// A control plane, unless there are no programs.
pub(crate) async fn plane(options: Options) -> Option<ControlPlane> {
    Some(ControlPlane::start(&binaries()?, options).await.unwrap())
}

/// Asks until the answer is yes, for a minute.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, ask: impl Fn() -> F) {
    for _ in 0..600 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not in a minute: {what}");
}

/// A pod that asks for some of a resource.
pub(crate) fn pod(name: &str, resource: &str, count: u32) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"containers": [{
            "name": "main",
            "image": "none",
            "resources": {"limits": {resource: count.to_string()}},
        }]},
    }))
    .unwrap()
}

pub(crate) async fn create(client: &Client, pod: &Pod) {
    pods(client).create(&PostParams::default(), pod).await.unwrap();
}

pub(crate) fn pods(client: &Client) -> Api<Pod> {
    Api::namespaced(client.clone(), "default")
}

/// The node of a pod, if it has one.
pub(crate) async fn node_of(client: &Client, pod: &str) -> Option<String> {
    pods(client).get(pod).await.unwrap().spec.unwrap().node_name
}

/// The phase of a pod.
pub(crate) async fn phase(client: &Client, pod: &str) -> Option<String> {
    pods(client).get_opt(pod).await.unwrap()?.status?.phase
}
