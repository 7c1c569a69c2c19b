//! Placement policies replayed on openb beside the published table: `cargo bench --bench replay [-- LIST …]`.
//!
//! `PLIMSOLL_DATA` names the folder that has `traces/openb`. Every list and policy runs with the ten seeds that were
//! published (42 to 51) and Go's generator, so that arrivals and orders of nodes are the published ones.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use plimsoll_benches::{meter, published};
use plimsoll_packing::scores::{BestFit, Clustering, DotProduct, Fgd, GpuPacking};
use plimsoll_simulator::{
    draws::Draws,
    openb,
    replay::{Arrivals, Input, Outcome, Policy, run},
};
use plimsoll_traces::{Tolerance, openb::read_nodes, openb::read_pods};

const LISTS: [&str; 7] =
    ["default", "cpu050", "cpu200", "gpushare40", "gpushare100", "gpuspec33", "multigpu20"];
const SEEDS: std::ops::Range<u64> = 42..52;

#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let data = std::env::var("PLIMSOLL_DATA").map(PathBuf::from);
    let Ok(folder) = data.map(|data| data.join("traces/openb")) else {
        println!("skipped: PLIMSOLL_DATA does not say where the traces are");
        return;
    };
    println!(
        "GPUs allocated, per cent of all, when pods for so many per cent have arrived; mean of ten seeds"
    );
    println!(
        "{:<12} {:<12} {:>7} {:>7} {:>7} {:>10} {:>7} {:>7}",
        "list", "policy", "95", "100", "130", "published", "apart", "s a run"
    );
    for list in LISTS.iter().filter(|list| wanted.is_empty() || wanted.iter().any(|name| name == *list)) {
        let input = input(&folder, list);
        for (name, policy) in policies(&input) {
            let before = meter::cpu_seconds();
            let outcomes = replay(&input, &policy);
            let each = (meter::cpu_seconds() - before) / outcomes.len() as f64;
            let mean = |level: f64| {
                outcomes.iter().map(|outcome| outcome.at(level).allocation).sum::<f64>()
                    / outcomes.len() as f64
            };
            let rows: Vec<f64> =
                outcomes.iter().filter_map(|outcome| outcome.published_allocation(130)).collect();
            let ours = rows.iter().sum::<f64>() / rows.len() as f64;
            let theirs = published::allocation(list, name);
            println!(
                "{list:<12} {name:<12} {:>7.2} {:>7.2} {:>7.2} {:>10} {:>7} {each:>7.3}",
                mean(95.0),
                mean(100.0),
                mean(130.0),
                theirs.map_or("-".to_owned(), |theirs| format!("{theirs:.2}")),
                theirs.map_or("-".to_owned(), |theirs| format!("{:+.2}", ours - theirs)),
            );
            if *list == "default" {
                fragmentation(name, &outcomes);
            }
        }
    }
}

/// Prints what was published of fragmentation, and ours.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn fragmentation(policy: &str, outcomes: &[Outcome]) {
    let Some((_, theirs)) = published::FRAGMENTATION.iter().find(|(known, _)| *known == policy) else {
        return;
    };
    print!("  fragments, per cent of idle, ours/published at");
    for (level, theirs) in published::LEVELS.iter().zip(theirs) {
        let ours = outcomes.iter().map(|outcome| outcome.at(*level).fragmentation).sum::<f64>()
            / outcomes.len() as f64;
        print!("  {level:.0}: {ours:.1}/{theirs:.1}");
    }
    println!();
}

fn input(folder: &Path, list: &str) -> Input {
    let nodes = read_nodes(&folder.join("openb_node_list_gpu_node.csv.gz"), Tolerance::Strict)
        .expect("the nodes can be read");
    let pods = read_pods(&folder.join(format!("openb_pod_list_{list}.csv.gz")), Tolerance::Strict)
        .expect("the pods can be read");
    openb::input(&nodes.rows, &pods.rows)
}

fn policies(input: &Input) -> Vec<(&'static str, Policy)> {
    vec![
        ("random", Policy::Random),
        ("dot-product", Policy::of(DotProduct)),
        ("clustering", Policy::of(Clustering)),
        ("packing", Policy::of(GpuPacking)),
        ("best-fit", Policy::of(BestFit)),
        ("fgd", Policy::of(Fgd::new(&input.typical))),
    ]
}

/// All seeds, on two threads; a run depends on its own seed alone.
fn replay(input: &Input, policy: &Policy) -> Vec<Outcome> {
    let seeds = Mutex::new(SEEDS);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = seeds.lock().expect("no run panics").next() {
                    let outcome = run(input, Arrivals::PUBLISHED, policy, Draws::go(seed));
                    outcomes.lock().expect("no run panics").push((seed, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().expect("no run panics");
    outcomes.sort_by_key(|(seed, _)| *seed);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
