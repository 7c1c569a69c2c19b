//! The memory of watching.

use plimsoll_control_plane::{
    Binaries, ControlPlane, Controllers, Error, Options,
    nodes::{self, H100, Profile},
};
use serde_json::json;

use crate::{
    cluster::{self, Kind, pod},
    server::Server,
};

/// Pods that run, spread over the nodes, four GPUs on each; Plimsoll starts when they are all there.
#[expect(clippy::print_stdout, reason = "the bench prints what it measured")]
pub(crate) async fn measure(binaries: &Binaries, nodes: u32, pods: u32) -> Result<(), Error> {
    let options = Options { controllers: Controllers::None, ..Options::default() };
    let plane = ControlPlane::start(binaries, options).await?;
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", nodes, Some(H100))]).await?;
    let running = |index: u32| {
        let mut pod = pod(index, Kind::Plain);
        let spec = pod.spec.as_mut()?;
        spec.node_name = Some(format!("h100-{}", index % nodes));
        let limits = if index / nodes < 4 { json!({"nvidia.com/gpu": "1"}) } else { json!({"cpu": "2"}) };
        spec.containers[0].resources = serde_json::from_value(json!({"limits": limits})).ok();
        Some(pod)
    };
    cluster::create(&client, (0..pods).filter_map(running)).await?;
    let server = Server::plimsoll(&plane);
    println!(
        "{nodes} nodes and {pods} pods watched: {:.0} MiB, {:.1} CPU s until the cluster was seen whole",
        server.mebibytes(),
        server.cpu()
    );
    Ok(())
}
