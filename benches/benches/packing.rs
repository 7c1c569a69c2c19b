//! Whole clusters packed and proven: `cargo bench --bench packing [-- LIST …]`.
//!
//! `PLIMSOLL_DATA` names the folder that has `traces/openb`. Every list is packed as traced and inflated to 130 %
//! of the GPUs (pods drawn again from the list), beside greedy plans: pods by falling worth, each where it leaves least;
//! the same on the first node that fits; and as they come, each where it leaves least. Memory is the most of each cluster
//! alone. The default list also twelve times over. Then a sample of 105 pods and 12 nodes goes to HiGHS as the plain
//! program over pods, nodes and devices, and to us. The default list is also packed again after a change of one per
//! cent of its pods and nodes. `different` is 100,000 pods of the default list, no two alike, on
//! 10,000 nodes of which most are filled in part.

use std::{cmp::Reverse, collections::BTreeMap, path::PathBuf};

use plimsoll_benches::{
    fleets::{changed, different, inflated},
    meter,
};
use plimsoll_packing::{
    Packing, Params,
    check::check,
    classes::{Classes, states},
    fill::Filler,
    fleet::{Ask, Cluster, DEVICE, Pod, Request},
    order::Order,
    pack,
    session::Session,
};
use plimsoll_simulator::{draws::Draws, openb, replay::Input};
use plimsoll_solver::linear::{Limits, Program, highs};
use plimsoll_traces::{Tolerance, openb::read_nodes, openb::read_pods};

const LISTS: [&str; 7] =
    ["default", "cpu050", "cpu200", "gpushare40", "gpushare100", "gpuspec33", "multigpu20"];

#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let data = std::env::var("PLIMSOLL_DATA").map(PathBuf::from);
    let Ok(folder) = data.map(|data| data.join("traces/openb")) else {
        println!("skipped: PLIMSOLL_DATA does not say where the traces are");
        return;
    };
    let read = |list: &str| {
        let nodes = read_nodes(&folder.join("openb_node_list_gpu_node.csv.gz"), Tolerance::Strict);
        let pods = read_pods(&folder.join(format!("openb_pod_list_{list}.csv.gz")), Tolerance::Strict);
        let (nodes, pods) = (nodes.expect("the lists are there"), pods.expect("the lists are there"));
        openb::input(&nodes.rows, &pods.rows)
    };
    println!(
        "gap: to the proven bound, per cent of it; greedy: the same for pods by falling worth, ffd: on the first node, best: as they come."
    );
    println!(
        "{:<12} {:>5} {:>7} {:>6} {:>7} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>6}",
        "list", "load", "pods", "nodes", "classes", "gap", "greedy", "ffd", "best", "gpus", "cpu s", "MiB"
    );
    if std::env::args().any(|arg| arg == "--test") {
        row("default", 1.0, &inflated(&read("default"), 1.0, 1));
        return;
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "different") {
        let input = read("default");
        for (name, off) in [("sizes", 0), ("and shares", 10)] {
            row(name, 1.0, &different(&input, 10_000, 100_000, off));
        }
    }
    for list in LISTS.iter().filter(|list| wanted.is_empty() || wanted.iter().any(|name| name == *list)) {
        let input = read(list);
        for load in [1.0, 1.3] {
            row(list, load, &inflated(&input, load, 1));
        }
        if *list == "default" {
            row(list, 1.0, &inflated(&input, 1.0, 12));
            change(&input);
            naive(&input);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn row(list: &str, load: f64, cluster: &Cluster) {
    meter::forget_peak();
    let before = meter::cpu_seconds();
    let packing = pack(cluster, &Params::default()).expect("openb is valid");
    let seconds = meter::cpu_seconds() - before;
    let peak = meter::peak_mib();
    assert!(check(cluster, &packing.placements).is_empty(), "the packing holds");
    let pods = cluster.pods.iter().zip(&packing.placements);
    let placed: u64 = pods.filter(|(_, at)| at.is_some()).map(|(pod, _)| pod.request.milli()).sum();
    let devices: u64 = cluster.nodes.iter().map(|node| u64::from(node.devices)).sum();
    println!(
        "{list:<12} {load:>5} {:>7} {:>6} {:>7} {:>8.4} {:>8.4} {:>8.4} {:>8.4} {:>7.2} {seconds:>6.2} {peak:>6.0}",
        cluster.pods.len(),
        cluster.nodes.len(),
        packing.stats.pod_classes,
        100.0 * packing.gap(),
        100.0 * greedy_gap(cluster, &packing),
        100.0 * fit_gap(cluster, &packing, Fit::First),
        100.0 * fit_gap(cluster, &packing, Fit::Best),
        placed as f64 / (10 * devices) as f64,
    );
}

/// One per cent of pods and nodes go and as many come, three times; beside packing from scratch.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn change(input: &Input) {
    let mut cluster = inflated(input, 1.0, 1);
    let mut session = Session::new(Params::default(), 30);
    session.pack(&cluster).expect("openb is valid");
    for turn in 0..3 {
        changed(&mut cluster, input, turn);
        let before = meter::cpu_seconds();
        let again = session.pack(&cluster).expect("openb is valid");
        let ours = meter::cpu_seconds() - before;
        assert!(check(&cluster, &again.packing.placements).is_empty(), "the packing holds");
        let before = meter::cpu_seconds();
        let scratch = pack(&cluster, &Params::default()).expect("openb is valid");
        println!(
            "1 % of pods and nodes change: gap {:.4}, {} of {} pods moved, {ours:.2} cpu s; from scratch {:.4}, {:.2} cpu s",
            100.0 * again.packing.gap(),
            again.moved.len(),
            cluster.pods.len(),
            100.0 * scratch.gap(),
            meter::cpu_seconds() - before,
        );
    }
}

/// How far a greedy plan is from the bound.
fn greedy_gap(cluster: &Cluster, packing: &Packing) -> f64 {
    let states = states(cluster).expect("nothing runs");
    let classes = Classes::of(cluster, &states).expect("openb is valid");
    let (_, placements) = Filler::new(cluster, &classes, states, vec![None; cluster.pods.len()]).finish();
    let placed = cluster.pods.iter().zip(&placements).filter(|(_, placement)| placement.is_some());
    let worth: u64 = placed.map(|(pod, _)| pod.worth).sum();
    (packing.bound - worth) as f64 / packing.bound as f64
}

/// How pods are placed one by one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// By falling worth, on the first node that fits.
    First,
    /// As they come, on the node that fits where least is left.
    Best,
}

/// How far a plan is from the bound that places pods one by one.
fn fit_gap(cluster: &Cluster, packing: &Packing, fit: Fit) -> f64 {
    let mut states = states(cluster).expect("nothing runs where it does not fit");
    let waits = |pod: &usize| cluster.pods[*pod].running.is_none();
    let mut pods: Vec<usize> = (0..cluster.pods.len()).filter(waits).collect();
    if fit == Fit::First {
        pods.sort_by_key(|pod| Reverse(cluster.pods[*pod].worth));
    }
    let mut worth: u64 = cluster.pods.iter().filter(|pod| pod.running.is_some()).map(|pod| pod.worth).sum();
    let mut order = Order::new(cluster, &states);
    // Nodes only fill: what an equal pod did not fit on is no place for this one.
    let mut from: BTreeMap<&Request, usize> = BTreeMap::new();
    for pod in pods {
        let request = &cluster.pods[pod].request;
        let fits = |node: &usize| states[*node].fits(request) && request.allows(&cluster.nodes[*node]);
        let node = match fit {
            Fit::First => {
                let from = from.entry(request).or_default();
                let node = (*from..states.len()).find(fits);
                *from = node.unwrap_or(states.len());
                node
            }
            Fit::Best => order.after(request, None).map(|(_, node)| node).find(fits),
        };
        if let Some(node) = node {
            states[node].place(request).expect("it fits");
            order.set(node, &states[node]);
            worth += cluster.pods[pod].worth;
        }
    }
    (packing.bound - worth) as f64 / packing.bound as f64
}

/// A sample as the plain program: x[pod, node], x[pod, node, device] for shares.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn naive(input: &Input) {
    const NODES: u64 = 50;
    let mut draws = Draws::chacha(7);
    let mut sample = Cluster { models: input.models.clone(), ..Cluster::default() };
    let order = draws.permutation(input.nodes.len());
    sample.nodes = order.iter().take(12).map(|node| input.nodes[*node].clone()).collect();
    let capacity: u64 = sample.nodes.iter().map(|node| u64::from(node.devices) * u64::from(DEVICE)).sum();
    let (mut asked, mut index) = (0, 0);
    while asked * 100 < capacity * 105 {
        let request = input.classes[input.pods[draws.below(input.pods.len())] as usize].clone();
        asked += request.milli();
        sample.pods.push(Pod::new(format!("pod-{index}"), request));
        index += 1;
    }
    let before = meter::cpu_seconds();
    let program = plain(&sample);
    let limits = Limits { gap: 1e-3, nodes: NODES, time_left: None, seed: 1 };
    let solution = highs::solve(&program, None, limits);
    let theirs = meter::cpu_seconds() - before;
    let worth =
        solution.values.map_or(0.0, |x| -x.iter().zip(&program.cost).map(|(x, c)| x * c).sum::<f64>());
    let before = meter::cpu_seconds();
    let packing = pack(&sample, &Params::default()).expect("openb is valid");
    let ours = meter::cpu_seconds() - before;
    println!(
        "{} pods on 12 nodes: plain program in HiGHS ({NODES} branch-and-bound nodes) {:.4} of at most {:.4}, {theirs:.1} cpu s; patterns {:.4} of at most {:.4}, {ours:.1} cpu s",
        sample.pods.len(),
        worth,
        -solution.bound,
        packing.worth as f64 / 1e6,
        packing.bound as f64 / 1e6,
    );
}

fn plain(cluster: &Cluster) -> Program {
    let mut program = Program::default();
    let nodes = cluster.nodes.len();
    let mut cpu = vec![Vec::new(); nodes];
    let mut memory = vec![Vec::new(); nodes];
    let mut devices: Vec<Vec<Vec<(u32, f64)>>> =
        cluster.nodes.iter().map(|node| vec![Vec::new(); usize::from(node.devices)]).collect();
    let mut whole = vec![Vec::new(); nodes];
    for pod in &cluster.pods {
        let mut once = Vec::new();
        let allowed = |index: &usize| pod.request.allows(&cluster.nodes[*index]);
        for index in (0..nodes).filter(allowed) {
            let mut places = Vec::new();
            match pod.request.devices {
                Ask::Share(milli) => {
                    for device in &mut devices[index] {
                        let column = program.column(-(pod.worth as f64) / 1e6, 0.0, 1.0, true);
                        device.push((column, f64::from(milli)));
                        places.push(column);
                    }
                }
                ask => {
                    let column = program.column(-(pod.worth as f64) / 1e6, 0.0, 1.0, true);
                    if let Ask::Whole(count) = ask {
                        whole[index].push((column, f64::from(count)));
                    }
                    places.push(column);
                }
            }
            for column in places {
                cpu[index].push((column, pod.request.cpu_milli as f64 / 1e3));
                memory[index].push((column, pod.request.memory_mib as f64 / 1024.0));
                once.push((column, 1.0));
            }
        }
        program.row(f64::NEG_INFINITY, 1.0, once);
    }
    for (index, node) in cluster.nodes.iter().enumerate() {
        program.row(f64::NEG_INFINITY, node.cpu_milli as f64 / 1e3, std::mem::take(&mut cpu[index]));
        program.row(f64::NEG_INFINITY, node.memory_mib as f64 / 1024.0, std::mem::take(&mut memory[index]));
        // w = 1: the device belongs to a pod of whole ones.
        let mut count = std::mem::take(&mut whole[index]);
        for device in &devices[index] {
            let owned = program.column(0.0, 0.0, 1.0, true);
            let mut shares = device.clone();
            shares.push((owned, f64::from(DEVICE)));
            program.row(f64::NEG_INFINITY, f64::from(DEVICE), shares);
            count.push((owned, -1.0));
        }
        program.row(f64::NEG_INFINITY, 0.0, count);
    }
    program
}
