//! The extender on a real control plane, measured: `cargo bench --bench kube [-- PART NUMBERS]`.
//!
//! - `rates [NODES PODS]`: pods a second of an unmodified kube-scheduler without an extender, with a stub that looks at
//!   nothing, with Plimsoll, and with pods that Plimsoll has planned. Without numbers at 1,000 and at 5,000 nodes.
//! - `arrivals [NODES PODS]`: pods that come at once, from created over planned to bound.
//! - `calls [CALLS]`: calls a CPU second and the server's own times, beside a stub in Go that decodes and echoes; at
//!   1,000 and at 5,000 nodes.
//! - `memory [CALLS NAMES]`: the memory that calls leave behind, a million of few names where no numbers are given.
//! - `watch [NODES PODS]`: memory with so many nodes and pods watched. Not among the parts that run by themselves: the
//!   API server takes minutes and gigabytes to hold 15,000 and 150,000.
//!
//! Only ratios mean something: the API server, etcd and the scheduler share the machine with the extender.

mod arrivals;
mod calls;
mod cluster;
mod rates;
mod server;
mod watch;

use std::{path::PathBuf, process::Command};

use plimsoll_control_plane::{Binaries, Error};

#[expect(clippy::print_stdout, reason = "the bench says why it did nothing")]
fn main() {
    let is_trial = std::env::args().any(|arg| arg == "--test");
    let words: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    if let [word, file] = &words[..]
        && word == server::SERVE
    {
        return runtime.block_on(server::serve(file));
    }
    let Some(binaries) = binaries() else {
        println!("skipped: tools/kube/build has not been run");
        return;
    };
    let part = words.first().filter(|word| word.parse::<u32>().is_err()).map(String::as_str);
    let numbers: Vec<u32> = words.iter().filter_map(|word| word.parse().ok()).collect();
    if part.is_none() && !numbers.is_empty() {
        println!("numbers mean something to a part alone: name one before them");
        return;
    }
    runtime.block_on(run(&binaries, part, &numbers, is_trial)).expect("the control plane works");
}

async fn run(binaries: &Binaries, part: Option<&str>, numbers: &[u32], is_trial: bool) -> Result<(), Error> {
    let at = |index: usize, trial: u32, usual: u32| {
        numbers.get(index).copied().unwrap_or(if is_trial { trial } else { usual })
    };
    let is_due = |name: &str| part.is_none_or(|part| part == name);
    if is_due("rates") {
        rates::measure(binaries, at(0, 10, 1_000), at(1, 10, 1_000), is_trial).await?;
        if numbers.is_empty() && !is_trial {
            rates::measure(binaries, 5_000, 1_000, is_trial).await?;
        }
    }
    if is_due("arrivals") {
        arrivals::measure(binaries, at(0, 10, 1_000), at(1, 10, 1_000)).await?;
    }
    if is_due("calls") {
        calls::measure(binaries, at(0, 500, 4_000), is_trial).await?;
    }
    if is_due("memory") {
        calls::remember(binaries, at(0, 500, 1_000_000), at(1, 10, 20)).await?;
    }
    if part == Some("watch") || is_trial {
        watch::measure(binaries, at(0, 20, 15_000), at(1, 40, 150_000)).await?;
    }
    Ok(())
}

fn binaries() -> Option<Binaries> {
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/kube/build");
    let output = Command::new(build).arg("--check").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Binaries::in_folder(PathBuf::from(folder.trim())).ok()
}
