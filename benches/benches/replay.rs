//! Placement policies replayed on openb beside the published table: `cargo bench --bench replay [-- LIST …]`.
//!
//! `PLIMSOLL_DATA` names the folder that has `traces/openb`. Every list and policy runs with the ten seeds that were
//! published (42 to 51) and Go's generator, so that arrivals and orders of nodes are the published ones. `regret` has
//! prices from the mix of the list; the choice is between it and `fgd`, by what allocates more on three other
//! sequences of arrivals drawn from the list.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use plimsoll_benches::{meter, published};
use plimsoll_packing::{
    fleet::{Node, State},
    scores::{
        BestFit, Board, Clustering, DotProduct, Fgd, GpuPacking, Kinds, Regret, RegretParams, Sampling,
        Score, bids,
    },
};
use plimsoll_simulator::{
    draws::Draws,
    openb,
    replay::{Arrivals, Input, Outcome, Policy, Trial, choose, run},
};
use plimsoll_traces::{Tolerance, openb::read_nodes, openb::read_pods};

const LISTS: [&str; 7] =
    ["default", "cpu050", "cpu200", "gpushare40", "gpushare100", "gpuspec33", "multigpu20"];
const SEEDS: std::ops::Range<u64> = 42..52;

#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if std::env::args().any(|arg| arg == "--test") {
        wanted = vec!["default".into()];
    }
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let data = std::env::var("PLIMSOLL_DATA").map(PathBuf::from);
    let Ok(folder) = data.map(|data| data.join("traces/openb")) else {
        println!("skipped: PLIMSOLL_DATA does not say where the traces are");
        return;
    };
    println!(
        "GPUs allocated, per cent of all, when pods for so many per cent have arrived; mean of ten seeds."
    );
    println!(
        "first: what was allocated when the first pod with GPUs was refused; large: pods of four GPUs lost."
    );
    println!(
        "{:<12} {:<12} {:>6} {:>6} {:>6} {:>9} {:>6} {:>6} {:>6} {:>7}",
        "list", "policy", "95", "100", "130", "published", "apart", "first", "large", "cpu s"
    );
    let (mut used, mut runs) = (0.0, 0.0);
    for list in LISTS.iter().filter(|list| wanted.is_empty() || wanted.iter().any(|name| name == *list)) {
        let input = input(&folder, list);
        let (prices, priced) = timed(|| {
            bids(&input.nodes, &input.classes, &input.counts(), Sampling::default())
                .expect("the trace asks for nothing that is not counted")
        });
        let regret = Regret::new(&input.nodes, &input.classes, &prices, RegretParams::default());
        let (fgd, regret) = (Policy::of(Fgd::new(&input.typical)), Policy::of(regret));
        let trial = Trial { arrivals: Arrivals::PUBLISHED, level: 130.0, seeds: 0..3 };
        let (choice, chosen) = timed(|| choose(&input, &[regret.clone(), fgd.clone()], &trial));
        let policies = [
            ("random", Policy::Random),
            ("dot-product", Policy::of(DotProduct)),
            ("clustering", Policy::of(Clustering)),
            ("packing", Policy::of(GpuPacking)),
            ("best-fit", Policy::of(BestFit)),
            ("fgd", fgd),
            ("regret", regret),
        ];
        if *list == "default" {
            power(&input);
            latency(&input, &prices);
        }
        let mut reached = Vec::new();
        for (name, policy) in policies {
            let (outcomes, seconds) = timed(|| replay(&input, &policy));
            if name != "regret" {
                used += seconds;
                runs += outcomes.len() as f64;
            }
            reached.push(row(list, name, &outcomes, seconds));
        }
        let (fgd, regret) = (reached[5], reached[6]);
        let best = choice.map_or(0, |choice| choice.best);
        println!(
            "  regret beside fgd at 130: {:+.2}; the choice is {}: {:+.2}; prices {priced:.1} cpu s, choice {chosen:.1}",
            regret - fgd,
            ["regret", "fgd"][best],
            [regret, fgd][best] - fgd,
        );
    }
    println!("the published grid of 1,020 runs at this pace: {:.0} cpu s", used / runs * 1_020.0);
}

/// What a piece of work gives, and the CPU seconds that it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = meter::cpu_seconds();
    let result = work();
    (result, meter::cpu_seconds() - before)
}

/// Prints how long it takes to score a pod on 5,000 nodes that fill up to 95 % of load, and to make the tables.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
#[expect(clippy::disallowed_methods, reason = "latency is what is measured")]
fn latency(input: &Input, prices: &[Vec<f64>]) {
    let nodes: Vec<Node> = input.nodes.iter().cycle().take(5_000).cloned().collect();
    let devices: u64 = nodes.iter().map(|node| u64::from(node.devices) * 1000).sum();
    let start = Instant::now();
    let regret = Regret::new(&nodes, &input.classes, prices, RegretParams::default());
    let tables = start.elapsed();
    let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
    let mut board = Board::new(nodes, states.clone(), vec![Kinds::default(); 5_000]);
    let mut draws = Draws::chacha(1);
    let (mut asked, mut times, mut fresh) = (0, Vec::new(), Vec::new());
    while asked < devices * 95 / 100 {
        let request = &input.classes[input.pods[draws.below(input.pods.len())] as usize];
        asked += request.milli();
        // The least of three, because on a shared machine others run in between.
        let timed = || {
            let start = Instant::now();
            let scores = board.scores(&regret, request);
            (start.elapsed(), scores)
        };
        let (times_of, scores): (Vec<Duration>, Vec<_>) = (0..3).map(|_| timed()).unzip();
        times.extend(times_of.into_iter().min());
        let scores = &scores[0];
        let best = scores.iter().flatten().max().copied();
        let Some(at) = scores.iter().position(|score| score.is_some() && *score == best) else { continue };
        let start = Instant::now();
        std::hint::black_box(regret.score(request, board.view(at)));
        fresh.push(start.elapsed());
        let holds = regret.devices(request, board.view(at)).expect("the pod fits there");
        states[at].take(request, &holds).expect("the devices are free");
        board.set(at, states[at].clone(), Kinds::default());
    }
    times.sort_unstable();
    fresh.sort_unstable();
    println!(
        "default: regret of a pod on 5,000 nodes, {} pods to 95 % of load: median {:.0} us, p99 {:.0} us; one score, \
         fresh: median {:.2} us; tables made in {:.1} ms",
        times.len(),
        times[times.len() / 2].as_secs_f64() * 1e6,
        times[times.len() * 99 / 100].as_secs_f64() * 1e6,
        fresh[fresh.len() / 2].as_secs_f64() * 1e6,
        tables.as_secs_f64() * 1e3,
    );
}

/// Prints a policy's row; its allocation at 130 %.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn row(list: &str, policy: &str, outcomes: &[Outcome], seconds: f64) -> f64 {
    let runs = outcomes.len() as f64;
    let mean = |figure: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(figure).sum::<f64>() / runs;
    let at = |level: f64| mean(&|outcome| outcome.at(level).allocation);
    let as_published = mean(&|outcome| outcome.published_allocation(130).unwrap_or(f64::NAN));
    let theirs = published::allocation(list, policy);
    println!(
        "{list:<12} {policy:<12} {:>6.2} {:>6.2} {:>6.2} {:>9} {:>6} {:>6.2} {:>6.1} {:>7.3}",
        at(95.0),
        at(100.0),
        at(130.0),
        theirs.map_or("-".to_owned(), |theirs| format!("{theirs:.2}")),
        theirs.map_or("-".to_owned(), |theirs| format!("{:+.2}", as_published - theirs)),
        mean(&|outcome| outcome.first_refusal.unwrap_or(100.0)),
        mean(&|outcome| outcome.lost.large as f64),
        seconds / runs,
    );
    if list == "default" {
        fragmentation(policy, outcomes);
    }
    at(130.0)
}

/// Prints what scoring by power saves beside descent on fragmentation, and what of the GPUs it allocates.
#[expect(clippy::print_stdout, reason = "the bench prints its table")]
fn power(input: &Input) {
    let fgd: Arc<dyn Score> = Arc::new(Fgd::new(&input.typical));
    let pwr: Arc<dyn Score> = Arc::new(openb::power(&input.models));
    let of = |by_power: i64, by_fragments: i64| {
        let parts = [(by_power, &pwr), (by_fragments, &fgd)];
        let parts = parts.into_iter().filter(|(weight, _)| *weight > 0);
        Policy::Scored(parts.map(|(weight, score)| (weight, Arc::clone(score))).collect())
    };
    let watts = |outcomes: &[Outcome], level: f64| -> f64 {
        outcomes.iter().map(|outcome| outcome.at(level).watts as f64).sum()
    };
    let base = replay(input, &of(0, 1));
    println!(
        "default: power saved beside fgd at 50, 80, 95, 130, per cent (published for 50 to 80: 13 to 16)"
    );
    for (name, by_power, by_fragments) in
        [("pwr", 1, 0), ("pwr 500 + fgd 500", 500, 500), ("pwr 100 + fgd 900", 100, 900)]
    {
        let outcomes = replay(input, &of(by_power, by_fragments));
        print!("  {name:<20}");
        for level in [50.0, 80.0, 95.0, 130.0] {
            print!(" {:>5.1}", 100.0 * (1.0 - watts(&outcomes, level) / watts(&base, level)));
        }
        let allocation = outcomes.iter().map(|outcome| outcome.at(130.0).allocation).sum::<f64>();
        println!("  allocated at 130: {:.2}", allocation / outcomes.len() as f64);
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
