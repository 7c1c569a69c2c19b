//! Pods that come all at once: from created over planned to bound.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt as _;
use plimsoll_control_plane::{
    Binaries, ControlPlane, Controllers, Error, Options,
    nodes::{self, H100, Profile},
    scheduler::configuration,
};
use plimsoll_scheduler_plugin::names;

use crate::{
    cluster::{self, Kind},
    server::Server,
};

/// The scheduler, with its defaults, runs from the start; without an extender first, which is what the machine can do.
#[expect(clippy::print_stdout, reason = "the bench prints what it measured")]
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub(crate) async fn measure(binaries: &Binaries, nodes: u32, pods: u32) -> Result<(), Error> {
    let options = Options { controllers: Controllers::None, ..Options::default() };
    let mut plane = ControlPlane::start(binaries, options).await?;
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", nodes, Some(H100))]).await?;
    let server = Server::plimsoll(&plane);
    let extender = cluster::extender(&server.url());
    for (name, extenders, kind) in [
        ("no extender", vec![], Kind::Plain),
        ("nominated", vec![extender.clone()], Kind::Nominated),
        ("pinned", vec![extender], Kind::Pinned),
    ] {
        plane.start_scheduler("kube-scheduler", configuration(&extenders)).await?;
        let before = plane.bindings()?.len();
        let begun = Timestamp::now();
        cluster::create(&client, (0..pods).map(|index| cluster::pod(index, kind))).await?;
        let created = Timestamp::now().duration_since(begun).as_secs_f64();
        let bindings = loop {
            let bindings = plane.bindings()?.split_off(before);
            if bindings.iter().filter(|binding| binding.accepted()).count() >= pods as usize {
                break bindings;
            }
            cluster::pause().await;
        };
        let all = cluster::pods(&client).await?;
        let at: BTreeMap<&str, Timestamp> =
            bindings.iter().filter(|binding| binding.accepted()).map(|b| (&*b.pod, b.at)).collect();
        // The API server states the second in which a pod was created: what is shown is up to a second too long.
        let mut waits: Vec<f64> = all
            .iter()
            .filter_map(|pod| {
                let from = pod.metadata.creation_timestamp.as_ref()?.0;
                let from = Timestamp::from_second(from.as_second()).ok()?;
                Some(at.get(&*pod.name_any())?.duration_since(from).as_secs_f64())
            })
            .collect();
        waits.sort_by(f64::total_cmp);
        let on_plan = all.iter().filter(|pod| {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
            node.is_some() && pod.annotations().get(names::NODE) == node
        });
        let last = at.values().max().map_or(0.0, |last| last.duration_since(begun).as_secs_f64());
        println!(
            "{pods} pods at once on {nodes} nodes, {name}: created within {created:.2} s, all bound after {last:.2} s; from \
             created to bound p50 {:.2} s, p95 {:.2} s (up to 1 s too long); {} on their planned node",
            waits[waits.len() / 2],
            waits[waits.len() * 95 / 100],
            on_plan.count(),
        );
        plane.processes().kill("kube-scheduler");
        cluster::clear(&client).await?;
    }
    Ok(())
}
