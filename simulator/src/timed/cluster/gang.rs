//! Jobs that are larger than any node.

use std::cmp::Reverse;

use plimsoll_packing::{
    fleet::{Ask, Node, Request, State},
    scores::{Gangs, Kinds, Reserve, Score},
};

use super::{Part, give_back, on_node, take};

/// A job larger than any node on several: those that hold most of it first, and what is left over on the best node for
/// it. Nothing where that takes more than `most` nodes, or more than is free.
pub(super) fn gang(
    nodes: &[Node],
    states: &mut [State],
    sorts: &mut [Vec<Kinds>],
    ask: &Request,
    all: u16,
    most: usize,
    scorer: Option<&dyn Score>,
) -> Option<Vec<Part>> {
    let mut rooms: Vec<(u16, usize)> = (0..nodes.len())
        .filter(|at| ask.allows(&nodes[*at]))
        .map(|at| (room(&states[at], ask, all), at))
        .filter(|(room, _)| *room > 0)
        .collect();
    rooms.sort_unstable_by_key(|(room, at)| (Reverse(*room), *at));
    let mut parts: Vec<Part> = Vec::new();
    let mut left = all;
    for (room, at) in rooms {
        let piece = piece(ask, all, left.min(room));
        let part = if left > room {
            states[at].choose(&piece).and_then(|devices| take(states, sorts, at, &piece, devices))
        } else {
            on_node(nodes, states, sorts, &piece, scorer, &[])
        };
        parts.push(part.expect("a node with room for the piece was found"));
        left -= left.min(room);
        if left == 0 {
            break;
        }
    }
    if left == 0 && parts.len() <= most {
        return Some(parts);
    }
    for part in &parts {
        give_back(states, sorts, part);
    }
    None
}

/// The fewest nodes that hold a gang when nobody else is there.
pub(super) fn fewest(nodes: &[Node], ask: &Request, all: u16) -> Option<usize> {
    let allowed = nodes.iter().filter(|node| ask.allows(node));
    let mut rooms: Vec<u16> = allowed.map(|node| room(&State::empty(node), ask, all)).collect();
    rooms.sort_unstable_by_key(|room| Reverse(*room));
    let mut left = all;
    rooms
        .iter()
        .position(|room| {
            left -= left.min(*room);
            left == 0
        })
        .map(|at| at + 1)
}

/// The whole nodes that a mix of requests, each so many times, makes one expect to be needed: see [`Gangs::expected`].
pub(in crate::timed) fn kept_for_gangs(nodes: &[Node], asks: &[Request], counts: &[u64]) -> Reserve {
    let mut seen = Vec::new();
    for (ask, count) in asks.iter().zip(counts) {
        let largest = nodes.iter().filter(|node| ask.allows(node)).map(|node| node.devices).max();
        if let (Ask::Whole(all), Some(largest)) = (ask.devices, largest.filter(|largest| *largest > 0))
            && all > largest
        {
            let pods = vec![(piece(ask, all, largest), u32::from(all / largest))];
            seen.push(Gangs { pods, count: *count });
        }
    }
    let asked = asks.iter().zip(counts).map(|(ask, count)| ask.milli() * count).sum();
    Reserve::of(nodes, &Gangs::expected(&seen, asked, nodes))
}

/// How many devices of a gang of so many a node has room for, with their part of its CPUs and memory.
fn room(state: &State, ask: &Request, all: u16) -> u16 {
    let by = |free: u64, asked: u64| match asked {
        0 => u128::MAX,
        asked => u128::from(free) * u128::from(all) / u128::from(asked),
    };
    let most = by(state.cpu_milli, ask.cpu_milli).min(by(state.memory_mib, ask.memory_mib));
    most.min(state.whole() as u128).min(all.into()) as u16
}

/// So many devices of a gang, with their part of its CPUs and memory, rounded up.
fn piece(ask: &Request, all: u16, devices: u16) -> Request {
    let part = |amount: u64| (u128::from(amount) * u128::from(devices)).div_ceil(all.into()) as u64;
    Request {
        cpu_milli: part(ask.cpu_milli),
        memory_mib: part(ask.memory_mib),
        devices: Ask::Whole(devices),
        ..ask.clone()
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_packing::{
        fleet::Model,
        scores::{Regret, RegretParams},
    };

    use super::*;
    use crate::timed::cluster::Cluster;

    #[test]
    fn whole_nodes_are_kept_for_the_gangs_of_the_mix() {
        let machine = |name: &str| Node {
            name: name.to_owned(),
            cpu_milli: 64_000,
            memory_mib: 1000,
            model: Some(Model(0)),
            devices: 8,
            ..Node::default()
        };
        let nodes: Vec<Node> = ["a", "b", "c"].map(machine).into();
        let ask =
            |cpu_milli, devices| Request { cpu_milli, devices: Ask::Whole(devices), ..Request::default() };
        let classes = [ask(30_000, 1), ask(1_000, 1), ask(16_000, 16)];
        let regret = Regret::new(&nodes, &classes, &[vec![1.0, 1.0, 0.0]], RegretParams::default());
        let runs_last = |scorer: &dyn Score| {
            let mut cluster = Cluster::nodes(nodes.clone()).consolidated();
            for _ in 0..2 {
                cluster.place(&classes[0], Some(scorer)).unwrap();
            }
            cluster.place(&classes[2], Some(scorer)).is_some()
        };
        assert!(!runs_last(&regret));
        assert!(!runs_last(&regret.clone().keeping(kept_for_gangs(&nodes, &classes[..2], &[5, 5]))));
        assert!(runs_last(&regret.keeping(kept_for_gangs(&nodes, &classes, &[5, 3, 1]))));
    }
}
