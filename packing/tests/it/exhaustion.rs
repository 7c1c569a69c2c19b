//! Packings beside all there are, on clusters small enough to try every place.

use plimsoll_packing::{
    Packing, Params,
    check::check,
    classes::states,
    fleet::{Cluster, Hold, Placement, Pod, Request, State},
    pack,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseResult, TestRunner},
};

/// A packing in which the checker finds nothing wrong.
pub(crate) fn packed(cluster: &Cluster) -> Packing {
    let packing = pack(cluster, &Params::default()).unwrap();
    assert_eq!(check(cluster, &packing.placements), []);
    packing
}

/// Lets a pod run on the first node that holds it, where one does.
pub(crate) fn run(pod: &mut Pod, states: &mut [State]) {
    pod.running = (0..states.len()).find_map(|node| {
        let devices = states[node].place(&pod.request).ok()?;
        Some(Placement { node, devices })
    });
}

/// The ways in which a request can hold devices of a state.
type Ways = fn(&Request, &State) -> Vec<Vec<Hold>>;

/// The most that pods can be worth where each goes where it likes: every place of every pod is tried.
pub(crate) fn most(cluster: &Cluster, ways: Ways) -> u64 {
    fn from(cluster: &Cluster, states: &mut [State], pod: usize, ways: Ways) -> u64 {
        let Some(it) = cluster.pods.get(pod) else { return 0 };
        if it.running.is_some() {
            return it.worth + from(cluster, states, pod + 1, ways);
        }
        let mut best = from(cluster, states, pod + 1, ways);
        for node in 0..states.len() {
            if !it.request.allows(&cluster.nodes[node]) || !states[node].fits(&it.request) {
                continue;
            }
            for holds in ways(&it.request, &states[node]) {
                let before = states[node].clone();
                if states[node].take(&it.request, &holds).is_ok() {
                    best = best.max(it.worth + from(cluster, states, pod + 1, ways));
                }
                states[node] = before;
            }
        }
        best
    }
    from(cluster, &mut states(cluster).unwrap(), 0, ways)
}

/// The most that pods can be worth where every rule of the checker holds: every node of every pod is tried.
pub(crate) fn most_by_rules(cluster: &Cluster) -> u64 {
    fn from(cluster: &Cluster, states: &mut [State], placements: &mut Vec<Option<Placement>>) -> u64 {
        let Some(it) = cluster.pods.get(placements.len()) else {
            let worth = cluster.pods.iter().zip(placements.iter()).filter(|(_, at)| at.is_some());
            let worth = worth.map(|(pod, _)| pod.worth).sum();
            return if check(cluster, placements).is_empty() { worth } else { 0 };
        };
        if it.running.is_some() {
            placements.push(it.running.clone());
            let best = from(cluster, states, placements);
            placements.pop();
            return best;
        }
        placements.push(None);
        let mut best = from(cluster, states, placements);
        placements.pop();
        for node in 0..states.len() {
            let before = states[node].clone();
            if !it.request.allows(&cluster.nodes[node]) {
                continue;
            }
            if let Ok(devices) = states[node].place(&it.request) {
                placements.push(Some(Placement { node, devices }));
                best = best.max(from(cluster, states, placements));
                placements.pop();
            }
            states[node] = before;
        }
        best
    }
    from(cluster, &mut states(cluster).unwrap(), &mut Vec::new())
}

/// The packing holds, its worth is at most the best, its bound at least.
pub(crate) fn lies_between(cluster: &Cluster, best: u64) -> TestCaseResult {
    let packing = packed(cluster);
    prop_assert!(packing.worth <= best, "worth {} of at most {best}", packing.worth);
    prop_assert!(packing.bound >= best, "bound {} under {best}", packing.bound);
    Ok(())
}

/// Where running pods may move, nothing that could be reached is above the bound.
pub(crate) fn no_moves_reach_above(cluster: &Cluster, best: u64) -> TestCaseResult {
    let packing = pack(cluster, &Params { moves: 9, ..Params::default() }).unwrap();
    prop_assert_eq!(check(cluster, &packing.placements), []);
    prop_assert!(packing.bound >= best.max(packing.worth));
    Ok(())
}

/// What is asked of 200 packings together.
pub(crate) struct Least {
    /// So many are the best.
    pub found: usize,
    /// So many are proven to be.
    pub proven: usize,
    /// All are worth so many thousandths of the best.
    pub worth: u64,
    /// All bounds are so many hundredths of the best at most.
    pub bound: u64,
}

/// All together the plans are the best, or nearly, and the proofs near.
pub(crate) fn mostly(clusters: &impl Strategy<Value = Cluster>, best: fn(&Cluster) -> u64, least: &Least) {
    let mut runner = TestRunner::deterministic();
    let (mut worth, mut bound, mut best_of, mut found, mut proven) = (0, 0, 0, 0, 0);
    for _ in 0..200 {
        let cluster = clusters.new_tree(&mut runner).unwrap().current();
        let packing = packed(&cluster);
        let best = best(&cluster);
        (worth, bound, best_of) = (worth + packing.worth, bound + packing.bound, best_of + best);
        found += usize::from(packing.worth == best);
        proven += usize::from(packing.bound == packing.worth);
    }
    assert!(found >= least.found && proven >= least.proven, "{found} found, {proven} proven of 200");
    assert!(worth * 1000 >= best_of * least.worth, "{worth} of {best_of}");
    assert!(bound * 100 <= best_of * least.bound, "{bound} for {best_of}");
}
