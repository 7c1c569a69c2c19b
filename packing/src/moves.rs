//! Which running pods to move, at most so many, and in which order.
//!
//! A pod that waits is let in where few running pods stand in its way, if each of them finds another place. Pods that were
//! placed beside those that stay may be in the way too: without those that are worth less ([`make_way`]) more can be let in,
//! and what then has room is placed again.
//! Every move goes to room that is free at that moment, so the moves in their order overfill nothing on the
//! way, and what was let in starts after them. Moves that need nothing of each other are one step.

use std::{cmp::Reverse, collections::BTreeSet};

use plimsoll_solver::linear::TimeLeft;

use crate::{
    fill::Filler,
    fleet::{Cluster, Placement, State},
};

/// Nodes tried for a pod: where the fewest and smallest are in the way, it either works soon or hardly ever.
const TRIES: usize = 40;

/// A running pod moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// When, from 1: moves of one step find room on their new nodes before any of them has left its old one.
    pub step: u32,
    /// The pod.
    pub pod: usize,
    /// Where it runs.
    pub from: Placement,
    /// Where it goes.
    pub to: Placement,
}

/// Puts moves, which can be carried out in their order from these states, into as few steps as they need.
pub fn steps(cluster: &Cluster, mut states: Vec<State>, moves: &mut [Move]) {
    let (mut step, mut first) = (1, 0);
    for at in 0..moves.len() {
        let request = &cluster.pods[moves[at].pod].request;
        let to = moves[at].to.clone();
        if states[to.node].take(request, &to.devices).is_err() {
            for gone in &moves[first..at] {
                states[gone.from.node].release(&cluster.pods[gone.pod].request, &gone.from.devices);
            }
            (step, first) = (step + 1, at);
            let taken = states[to.node].take(request, &to.devices);
            debug_assert!(taken.is_ok(), "all moves before it are done: {taken:?}");
        }
        moves[at].step = step;
    }
}

/// Lets waiting pods in by moving running ones, the worthiest first, while time is left.
pub fn moves(
    cluster: &Cluster,
    filler: &mut Filler<'_>,
    most: usize,
    time_left: Option<TimeLeft>,
) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut waiting: Vec<usize> =
        (0..cluster.pods.len()).filter(|pod| filler.placements[*pod].is_none()).collect();
    waiting.sort_by_key(|pod| (Reverse(cluster.pods[*pod].worth), &cluster.pods[*pod].name));
    // What was found to have no way in has none for its like.
    let mut hopeless = BTreeSet::new();
    for pod in waiting {
        let it = &cluster.pods[pod];
        let like = (&it.request, it.spread);
        // A gang would need all its pods let in at once.
        if time_left.is_some_and(|left| left() <= 0.0) {
            break;
        }
        if it.gang.is_some() || filler.put_first(pod) {
            continue;
        }
        if moves.len() >= most || hopeless.contains(&like) {
            continue;
        }
        let moved: BTreeSet<usize> = moves.iter().map(|step: &Move| step.pod).collect();
        match let_in(cluster, filler, pod, most - moves.len(), &moved) {
            Some(steps) => moves.extend(steps),
            None => {
                hopeless.insert(like);
            }
        }
    }
    moves
}

/// Takes off what does not run and is worth less than some pod that waits alone.
pub fn make_way(cluster: &Cluster, filler: &mut Filler<'_>) {
    let alone = |pod: &usize| {
        let it = &cluster.pods[*pod];
        it.running.is_none() && it.gang.is_none() && it.confine.is_none()
    };
    let waits = |filler: &Filler<'_>, pod: &usize| filler.placements[*pod].is_none();
    let waiting = (0..cluster.pods.len()).filter(|pod| alone(pod) && waits(filler, pod));
    let most = waiting.map(|pod| cluster.pods[pod].worth).max().unwrap_or(0);
    let less = |pod: &usize| alone(pod) && cluster.pods[*pod].worth < most;
    for pod in (0..cluster.pods.len()).filter(less) {
        filler.take_back(pod);
    }
}

/// Lets a pod in where fewest have to move; nothing changes when it cannot be.
fn let_in(
    cluster: &Cluster,
    filler: &mut Filler<'_>,
    pod: usize,
    most: usize,
    moved: &BTreeSet<usize>,
) -> Option<Vec<Move>> {
    let request = &cluster.pods[pod].request;
    let mut ways: Vec<(usize, u64, usize, Vec<usize>)> = Vec::new();
    let residents = filler.residents();
    for (node, it) in cluster.nodes.iter().enumerate() {
        if !request.allows(it) {
            continue;
        }
        let way = in_the_way(cluster, filler, pod, node, &residents[node], most, moved);
        if let Some((size, way)) = way {
            ways.push((way.len(), size, node, way));
        }
    }
    ways.sort_by(|a, b| (a.0, a.1, &cluster.nodes[a.2].name).cmp(&(b.0, b.1, &cluster.nodes[b.2].name)));
    ways.into_iter().take(TRIES).find_map(|(_, _, node, way)| relocate(cluster, filler, pod, node, &way))
}

/// The running pods to take off a node so that a pod fits there, few and small: (their size, they).
fn in_the_way(
    cluster: &Cluster,
    filler: &Filler<'_>,
    pod: usize,
    node: usize,
    residents: &[usize],
    most: usize,
    moved: &BTreeSet<usize>,
) -> Option<(u64, Vec<usize>)> {
    let request = &cluster.pods[pod].request;
    let size = |pod: &usize| {
        let request = &cluster.pods[*pod].request;
        (request.milli(), request.cpu_milli)
    };
    let movable = |pod: &&usize| {
        let it = &cluster.pods[**pod];
        it.running.is_some() && !it.fixed && it.confine.is_none() && !moved.contains(*pod)
    };
    let mut movable: Vec<usize> = residents.iter().filter(movable).copied().collect();
    movable.sort_by_key(|pod| (size(pod), &cluster.pods[*pod].name));
    // One alone, the smallest that does; else the smallest together, without those that turn out needless.
    let state = &filler.states[node];
    let fits = |off: &[usize]| {
        let mut state = state.clone();
        for pod in off {
            if let Some(placement) = &filler.placements[*pod] {
                state.release(&cluster.pods[*pod].request, &placement.devices);
            }
        }
        state.fits(request)
    };
    if let Some(one) = movable.iter().find(|pod| fits(&[**pod])).filter(|_| most > 0) {
        return Some((size(one).0, vec![*one]));
    }
    let mut off: Vec<usize> = Vec::new();
    for pod in movable.iter().take(16) {
        off.push(*pod);
        if fits(&off) {
            break;
        }
    }
    if !fits(&off) {
        return None;
    }
    for pod in off.clone().into_iter().rev() {
        let without: Vec<usize> = off.iter().copied().filter(|other| *other != pod).collect();
        if fits(&without) {
            off = without;
        }
    }
    (off.len() <= most).then(|| (off.iter().map(|pod| size(pod).0).sum(), off))
}

/// Moves pods off a node one by one, the largest first, and puts another there.
fn relocate(
    cluster: &Cluster,
    filler: &mut Filler<'_>,
    pod: usize,
    node: usize,
    way: &[usize],
) -> Option<Vec<Move>> {
    let mut order = way.to_vec();
    order.sort_by_key(|pod| (Reverse(cluster.pods[*pod].request.milli()), &cluster.pods[*pod].name));
    let mut steps: Vec<Move> = Vec::new();
    for moving in order {
        let from = filler.placements[moving].clone()?;
        if filler.elsewhere(moving, node) {
            let to = filler.placements[moving].clone()?;
            steps.push(Move { step: 0, pod: moving, from, to });
        } else {
            return undo(filler, steps);
        }
    }
    if filler.put(pod, node) { Some(steps) } else { undo(filler, steps) }
}

fn undo(filler: &mut Filler<'_>, steps: Vec<Move>) -> Option<Vec<Move>> {
    for step in steps.into_iter().rev() {
        filler.back(step.pod, step.from);
    }
    None
}
