//! Pods a second of an unmodified kube-scheduler with and without the extender: `cargo bench --bench kube [-- NODES PODS]`.
//!
//! A real control plane on loopback. In each round the same pods (one GPU each) wait before the scheduler starts, once with no
//! extender, once with a stub that answers in one segment and looks at nothing, once with Plimsoll (names only, plain
//! HTTP), in turn; the rate is that of the API server's own record of the bindings, from the first to the last. Only the
//! ratios mean something: the API server, etcd and the scheduler share the machine with the extender.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use plimsoll_control_plane::{
    Binaries, ControlPlane, Controllers, Error, Options,
    nodes::{self, H100, Profile},
    scheduler::{Extender, configuration},
    stub::{Answer, Stub},
};
use plimsoll_scheduler_plugin::{Config, start};
use serde_json::{Value, json};

const ROUNDS: usize = 3;
const VARIANTS: [&str; 3] = ["none", "stub", "plimsoll"];

#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn main() {
    let is_trial = std::env::args().any(|arg| arg == "--test");
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u32>().ok());
    let nodes = numbers.next().unwrap_or(if is_trial { 10 } else { 1_000 });
    let pods = numbers.next().unwrap_or(if is_trial { 10 } else { 1_000 });
    let Some(binaries) = binaries() else {
        println!("skipped: tools/kube/build has not been run");
        return;
    };
    let rounds = if is_trial { 1 } else { ROUNDS };
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let rates = runtime.block_on(measure(&binaries, nodes, pods, rounds)).expect("the control plane works");
    println!("{pods} pods on {nodes} nodes, pods a second; ratio of the medians to no extender");
    let base = median(&rates[0]);
    for (variant, rates) in VARIANTS.iter().zip(&rates) {
        let all: Vec<String> = rates.iter().map(|rate| format!("{rate:6.1}")).collect();
        let median = median(rates);
        println!("{variant:<10} {}   median {median:6.1}   ratio {:.3}", all.join(" "), median / base);
    }
}

fn binaries() -> Option<Binaries> {
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/kube/build");
    let output = Command::new(build).arg("--check").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Binaries::in_folder(PathBuf::from(folder.trim())).ok()
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The rates of each variant.
async fn measure(binaries: &Binaries, nodes: u32, pods: u32, rounds: usize) -> Result<[Vec<f64>; 3], Error> {
    let options = Options { controllers: Controllers::None, ..Options::default() };
    let mut plane = ControlPlane::start(binaries, options).await?;
    let client = plane.client();
    nodes::create(&client, &[Profile::on_prem("h100", nodes, Some(H100))]).await?;
    let stub = Stub::start(Arc::new(pass)).await.expect("a port can be had");
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    let serving = start(config, Some(client.clone()), "bench").await.expect("a port can be had");
    serving.synced().await;
    let urls = [None, Some(stub.url()), Some(format!("http://{}/scheduler", serving.address()))];
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (url, rates) in urls.iter().zip(&mut rates) {
            let extenders: Vec<Extender> = url.iter().map(|url| extender(url)).collect();
            rates.push(rate(&mut plane, &client, pods, &configuration(&extenders)).await?);
        }
    }
    serving.shutdown().await;
    Ok(rates)
}

/// Every node passes, none is preferred.
fn pass(verb: &str, body: &[u8]) -> Answer {
    if verb != "filter" {
        return Answer::json(&json!([]));
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    Answer::json(&json!({"NodeNames": request["NodeNames"]}))
}

fn extender(url: &str) -> Extender {
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

async fn rate(plane: &mut ControlPlane, client: &Client, count: u32, config: &Value) -> Result<f64, Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    let params = PostParams::default();
    futures::stream::iter(0..count)
        .map(|index| {
            let (api, params) = (&api, &params);
            async move { api.create(params, &pod(index)).await.map(drop) }
        })
        .buffer_unordered(30)
        .try_collect::<()>()
        .await?;
    let before = plane.bindings()?.len();
    plane.start_scheduler("kube-scheduler", config.clone()).await?;
    let bindings = loop {
        let bindings = plane.bindings()?.split_off(before);
        if bindings.len() >= count as usize {
            break bindings;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    plane.processes().kill("kube-scheduler");
    let params = DeleteParams::default().grace_period(0);
    api.delete_collection(&params, &ListParams::default()).await?;
    let (first, last) = (bindings.iter().map(|b| b.at).min(), bindings.iter().map(|b| b.at).max());
    let span = last.zip(first).map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
    Ok((bindings.len() - 1) as f64 / span)
}

fn pod(index: u32) -> Pod {
    let pod = json!({
        "metadata": {"name": format!("pod-{index}")},
        "spec": {"containers": [{
            "name": "main",
            "image": "none",
            "resources": {"limits": {"nvidia.com/gpu": "1"}},
        }]},
    });
    serde_json::from_value(pod).expect("a pod")
}
