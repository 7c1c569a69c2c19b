//! Pods that come all at once: from created to patched, which is ours, and from there to bound, which is the scheduler's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use plimsoll_control_plane::{Binaries, Error, scheduler::configuration};
use plimsoll_scheduler_plugin::names;

use crate::{
    cluster::{self, Kind},
    server::Server,
};

/// When a pod was first seen, seen open (patched, where it was gated), and seen bound.
#[derive(Debug, Clone, Copy)]
struct Seen {
    created: Instant,
    open: Option<Instant>,
    bound: Option<Instant>,
}

/// What a watch sees of all pods.
type Diary = Arc<Mutex<BTreeMap<String, Seen>>>;

/// The scheduler, with its defaults, runs from the start; without an extender first, which is what the machine can do.
#[expect(clippy::print_stdout, reason = "the bench prints what it measured")]
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub(crate) async fn measure(binaries: &Binaries, nodes: u32, pods: u32) -> Result<(), Error> {
    let (mut plane, client) = cluster::start(binaries, nodes).await?;
    let server = Server::plimsoll(&plane);
    let extender = cluster::extender(&server.url());
    for (name, extenders, kind) in [
        ("no extender", vec![], Kind::Plain),
        ("nominated", vec![extender.clone()], Kind::Nominated),
        ("pinned", vec![extender], Kind::Pinned),
    ] {
        plane.start_scheduler("kube-scheduler", configuration(&extenders)).await?;
        let diary = Diary::default();
        let watch = tokio::spawn(watch(client.clone(), Arc::clone(&diary)));
        let begun = Instant::now();
        cluster::create(&client, (0..pods).map(|index| cluster::pod(index, kind))).await?;
        let created = begun.elapsed();
        while bound(&diary) < pods as usize {
            cluster::pause().await;
        }
        watch.abort();
        let all = cluster::pods(&client).await?;
        let on_plan = all.iter().filter(|pod| {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
            node.is_some() && pod.annotations().get(names::NODE) == node
        });
        let diary = diary.lock().expect("nobody panicked with it").clone();
        let times = |of: fn(&Seen) -> Option<Duration>| {
            let mut times: Vec<Duration> = diary.values().filter_map(of).collect();
            times.sort();
            format!("p50 {:.2} s, p95 {:.2} s", at(&times, 50), at(&times, 95))
        };
        let last = diary.values().filter_map(|seen| seen.bound).max().unwrap_or(begun);
        println!(
            "{pods} pods at once on {nodes} nodes, {name}: created within {:.2} s, all bound after {:.2} s; {} on their planned node",
            created.as_secs_f64(),
            (last - begun).as_secs_f64(),
            on_plan.count(),
        );
        println!("  created to patched, ours:          {}", times(|seen| Some(seen.open? - seen.created)));
        println!("  patched to bound, the scheduler's: {}", times(|seen| Some(seen.bound? - seen.open?)));
        println!("  created to bound:                  {}", times(|seen| Some(seen.bound? - seen.created)));
        let metrics = String::from_utf8_lossy(server.connect().call("GET", "/metrics", b"")).into_owned();
        let took = metrics.lines().find_map(|line| line.strip_prefix("plimsoll_plan_time_seconds "));
        println!("  the last plan took {} s", took.unwrap_or("no"));
        plane.processes().kill("kube-scheduler");
        cluster::clear(&client).await?;
    }
    Ok(())
}

/// Seconds under which a part of the sorted times lies.
fn at(times: &[Duration], percent: usize) -> f64 {
    times
        .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
        .map_or(0.0, Duration::as_secs_f64)
}

fn bound(diary: &Diary) -> usize {
    diary.lock().expect("nobody panicked with it").values().filter(|seen| seen.bound.is_some()).count()
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
async fn watch(client: Client, diary: Diary) {
    let pods = watcher(Api::<Pod>::namespaced(client, "default"), watcher::Config::default());
    let mut pods = std::pin::pin!(pods.default_backoff());
    while let Some(event) = pods.next().await {
        let Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) = event else { continue };
        let now = Instant::now();
        let spec = pod.spec.as_ref();
        let is_gated =
            spec.and_then(|spec| spec.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty());
        let is_bound = spec.is_some_and(|spec| spec.node_name.is_some());
        let mut diary = diary.lock().expect("nobody panicked with it");
        let seen = diary.entry(pod.name_any()).or_insert(Seen { created: now, open: None, bound: None });
        if !is_gated {
            seen.open.get_or_insert(now);
        }
        if is_bound {
            seen.bound.get_or_insert(now);
        }
    }
}
