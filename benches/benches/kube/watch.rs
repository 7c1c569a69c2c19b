//! The memory of watching.

use k8s_openapi::api::{
    core::v1::PersistentVolumeClaim, policy::v1::PodDisruptionBudget, resource::v1::ResourceSlice,
};
use kube::Api;
use plimsoll_control_plane::{Binaries, Error};
use serde_json::json;

use crate::{
    cluster::{self, Kind, pod},
    server::Server,
};

/// One pod of so many mounts a volume, and is in a disruption budget of its own.
const WITH_VOLUME: u32 = 10;

/// Pods that run, spread over the nodes, four GPUs on each, and what is watched beside them: devices that a driver lists
/// for every node, claims of volumes and disruption budgets. Plimsoll starts when they are all there.
#[expect(clippy::print_stdout, reason = "the bench prints what it measured")]
pub(crate) async fn measure(binaries: &Binaries, nodes: u32, pods: u32) -> Result<(), Error> {
    let (plane, client) = cluster::start(binaries, nodes).await?;
    let running = |index: u32| {
        let mut pod = pod(index, Kind::Plain);
        let spec = pod.spec.as_mut()?;
        spec.node_name = Some(format!("h100-{}", index % nodes));
        let limits = if index / nodes < 4 { json!({"nvidia.com/gpu": "1"}) } else { json!({"cpu": "2"}) };
        spec.containers[0].resources = serde_json::from_value(json!({"limits": limits})).ok();
        if index.is_multiple_of(WITH_VOLUME) {
            let claim =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("data-{index}")}}]);
            spec.volumes = serde_json::from_value(claim).ok();
            pod.metadata.labels = Some([("app".to_owned(), format!("app-{index}"))].into());
        }
        Some(pod)
    };
    let slices = (0..nodes).map(|index| {
        let node = format!("h100-{index}");
        let device =
            |device: u32| json!({"name": format!("dev-{device}"), "attributes": {"type": {"string": "gpu"}}});
        json!({"metadata": {"name": format!("{node}-slice")}, "spec": {
            "driver": "gpu.example.com", "nodeName": node, "devices": (0..8).map(device).collect::<Vec<_>>(),
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
        }})
    });
    cluster::create_all::<ResourceSlice>(&Api::all(client.clone()), slices).await?;
    let volumes = || (0..pods).step_by(WITH_VOLUME as usize);
    let claims = volumes().map(|index| {
        json!({"metadata": {"name": format!("data-{index}")}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }})
    });
    cluster::create_all::<PersistentVolumeClaim>(&Api::namespaced(client.clone(), "default"), claims).await?;
    let budgets = volumes().map(|index| {
        let selector = json!({"matchLabels": {"app": format!("app-{index}")}});
        json!({"metadata": {"name": format!("app-{index}")}, "spec": {"minAvailable": 1, "selector": selector}})
    });
    cluster::create_all::<PodDisruptionBudget>(&Api::namespaced(client.clone(), "default"), budgets).await?;
    cluster::create(&client, (0..pods).filter_map(running)).await?;
    let server = Server::plimsoll(&plane);
    println!(
        "{nodes} nodes with as many slices, {pods} pods with {} claims of volumes and budgets watched: {:.0} MiB, {:.1} CPU s until the cluster was seen whole",
        pods.div_ceil(WITH_VOLUME),
        server.mebibytes(),
        server.cpu()
    );
    Ok(())
}
