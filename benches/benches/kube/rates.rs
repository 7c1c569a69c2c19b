//! Pods a second, with and without.

use std::sync::Arc;

use kube::Client;
use plimsoll_control_plane::{
    Binaries, ControlPlane, Error,
    scheduler::configuration,
    stub::{Answer, Stub},
};
use serde_json::{Value, json};

use crate::{
    cluster::{self, Kind},
    server::Server,
};

const ROUNDS: usize = 3;

/// In each round the same pods (one GPU each) wait before the scheduler starts; the rate is that of the API server's own
/// record of the bindings, from the first to the last.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
pub(crate) async fn measure(binaries: &Binaries, nodes: u32, pods: u32, is_trial: bool) -> Result<(), Error> {
    let (mut plane, client) = cluster::start(binaries, nodes).await?;
    let stub = Stub::start(Arc::new(pass)).await.expect("a port can be had");
    let server = Server::plimsoll(&plane);
    let variants = [
        ("no extender", None, Kind::Plain),
        ("a stub", Some(stub.url()), Kind::Plain),
        ("plimsoll, not planned", Some(server.url()), Kind::Plain),
        ("plimsoll, nominated", Some(server.url()), Kind::Nominated),
        ("plimsoll, pinned", Some(server.url()), Kind::Pinned),
    ];
    let mut rates = vec![Vec::new(); variants.len()];
    for _ in 0..if is_trial { 1 } else { ROUNDS } {
        for ((_, url, kind), rates) in variants.iter().zip(&mut rates) {
            let extenders: Vec<_> = url.iter().map(|url| cluster::extender(url)).collect();
            rates.push(rate(&mut plane, &client, pods, *kind, &configuration(&extenders)).await?);
        }
    }
    println!("{pods} pods on {nodes} nodes, pods a second; ratio of the medians to no extender");
    let base = median(&rates[0]);
    for ((name, ..), rates) in variants.iter().zip(&rates) {
        let all: Vec<String> = rates.iter().map(|rate| format!("{rate:6.1}")).collect();
        let median = median(rates);
        println!("{name:<22} {}   median {median:6.1}   ratio {:.3}", all.join(" "), median / base);
    }
    Ok(())
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Every node passes, none is preferred.
fn pass(verb: &str, body: &[u8]) -> Answer {
    if verb != "filter" {
        return Answer::json(&json!([]));
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    Answer::json(&json!({"NodeNames": request["NodeNames"]}))
}

async fn rate(
    plane: &mut ControlPlane,
    client: &Client,
    count: u32,
    kind: Kind,
    config: &Value,
) -> Result<f64, Error> {
    cluster::create(client, (0..count).map(|index| cluster::pod(index, kind))).await?;
    cluster::planned(client).await?;
    let before = plane.bindings()?.len();
    plane.start_scheduler("kube-scheduler", config.clone()).await?;
    let bindings = loop {
        let bindings = plane.bindings()?.split_off(before);
        if bindings.len() >= count as usize {
            break bindings;
        }
        cluster::pause().await;
    };
    plane.processes().kill("kube-scheduler");
    cluster::clear(client).await?;
    let (first, last) = (bindings.iter().map(|b| b.at).min(), bindings.iter().map(|b| b.at).max());
    let span = last.zip(first).map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
    Ok((bindings.len() - 1) as f64 / span)
}
