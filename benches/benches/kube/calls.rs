//! What a call costs.

use k8s_openapi::api::core::v1::Pod;
use plimsoll_control_plane::{Binaries, ControlPlane, Error};

use crate::{
    cluster::{self, Kind, arguments, pod},
    server::{Line, Server},
};

/// Nodes in a call.
const SIZES: [u32; 2] = [1_000, 5_000];
/// Memory is looked at so often.
const PARTS: u32 = 10;
const VERBS: [&str; 2] = ["/scheduler/filter", "/scheduler/prioritize"];

/// A control plane of so many nodes with a pod that waits.
async fn waiting(binaries: &Binaries, nodes: u32) -> Result<(ControlPlane, Pod), Error> {
    let (plane, client) = cluster::start(binaries, nodes).await?;
    cluster::create(&client, std::iter::once(pod(0, Kind::Plain))).await?;
    Ok((plane, cluster::pods(&client).await?.swap_remove(0)))
}

/// So many times filter and prioritize in turn over one kept connection, the pod one that waits.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
pub(crate) async fn measure(binaries: &Binaries, calls: u32, is_trial: bool) -> Result<(), Error> {
    let sizes = if is_trial { [20, 50] } else { SIZES };
    let (plane, waiting) = waiting(binaries, sizes[1]).await?;
    let ours = Server::plimsoll(&plane);
    let stub = Server::stub(plane.folder());
    if stub.is_none() {
        println!("no stub beside it: Go is missing");
    }
    let bodies = sizes.map(|count| {
        let names = (0..count).map(|index| format!("h100-{index}"));
        arguments(&waiting, names).to_string().into_bytes()
    });
    for (count, body) in sizes.iter().zip(&bodies) {
        let servers =
            std::iter::once(("plimsoll", &ours)).chain(stub.iter().map(|stub| ("a stub in Go", stub)));
        for (name, server) in servers {
            let mut line = server.connect();
            many(&mut line, body, calls / 10);
            let before = server.cpu();
            many(&mut line, body, calls);
            let cpu = server.cpu() - before;
            println!("{count} names, {name:<12}: {:6.0} calls a CPU second", f64::from(calls) / cpu);
        }
        let mut line = ours.connect();
        let before = Times::read(&mut line);
        many(&mut line, body, calls);
        let times = Times::read(&mut line).since(&before);
        for (verb, times) in times.0 {
            println!(
                "{count} names, {verb}, from body to answer: p50 {}, p99 {}",
                times.at(0.5),
                times.at(0.99)
            );
        }
    }
    Ok(())
}

/// What calls leave behind in memory: small ones, so that there can be many.
#[expect(clippy::print_stdout, reason = "the bench prints what it measured")]
pub(crate) async fn remember(binaries: &Binaries, calls: u32, names: u32) -> Result<(), Error> {
    let (plane, waiting) = waiting(binaries, names).await?;
    let ours = Server::plimsoll(&plane);
    let body = arguments(&waiting, (0..names).map(|index| format!("h100-{index}"))).to_string().into_bytes();
    let mut line = ours.connect();
    print!("{calls} calls of {names} names, MiB: {:.1}", ours.mebibytes());
    for _ in 0..PARTS {
        many(&mut line, &body, calls / PARTS);
        print!(" {:.1}", ours.mebibytes());
    }
    println!("; before, and after each tenth");
    Ok(())
}

fn many(line: &mut Line, body: &[u8], calls: u32) {
    for call in 0..calls {
        let verb = VERBS[call as usize % VERBS.len()];
        let answer = line.call("POST", verb, body);
        // Scores that decide nothing are an empty list.
        assert!(answer == b"[]" || answer.len() > 100, "{}", String::from_utf8_lossy(answer));
    }
}

/// The server's histograms: by verb, calls that took at most so many seconds.
struct Times(Vec<(String, Histogram)>);

struct Histogram(Vec<(f64, u64)>);

impl Times {
    fn read(line: &mut Line) -> Self {
        let text = String::from_utf8_lossy(line.call("GET", "/metrics", b"")).into_owned();
        let of = |verb: &str| {
            let start = "plimsoll_call_seconds_bucket{";
            let lines =
                text.lines().filter(|line| line.starts_with(start) && line.contains(&format!("\"{verb}\"")));
            let bucket = |line: &str| {
                let (_, bound) = line.split_once("le=\"")?;
                let (bound, rest) = bound.split_once('"')?;
                let (_, count) = rest.split_once("} ")?;
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
                Some((bound, count.split(' ').next()?.parse().ok()?))
            };
            Histogram(lines.filter_map(bucket).collect())
        };
        Self(["filter", "prioritize"].map(|verb| (verb.to_owned(), of(verb))).into())
    }

    fn since(mut self, before: &Self) -> Self {
        for ((_, now), (_, then)) in self.0.iter_mut().zip(&before.0) {
            for (now, then) in now.0.iter_mut().zip(&then.0) {
                now.1 -= then.1;
            }
        }
        self
    }
}

impl Histogram {
    /// The bound under which a part of the calls lies.
    fn at(&self, part: f64) -> String {
        let all = self.0.last().map_or(0, |(_, count)| *count);
        let reached = self.0.iter().find(|(_, count)| *count as f64 >= part * all as f64);
        reached.map_or("unknown".to_owned(), |(bound, _)| format!("under {:.2} ms", bound * 1e3))
    }
}
