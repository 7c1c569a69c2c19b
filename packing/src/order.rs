//! Nodes in the order in which pods are tried on them, and what fits on none.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::fleet::{Ask, Cluster, Model, Request, State};

/// What is left of a node: milli of devices, CPU, then its place by name.
pub type Left = (u64, u64, u32);

/// The nodes by what is left of them, the least first.
#[derive(Debug)]
pub struct Order {
    left: BTreeSet<Left>,
    /// The entry of each node.
    of: Vec<Left>,
    /// The nodes by name.
    names: Vec<usize>,
}

impl Order {
    /// The nodes of a cluster in these states.
    pub fn new(cluster: &Cluster, states: &[State]) -> Self {
        let mut names: Vec<usize> = (0..states.len()).collect();
        names.sort_by_key(|node| &cluster.nodes[*node].name);
        let mut of = vec![(0, 0, 0); states.len()];
        for (rank, node) in (0..).zip(&names) {
            of[*node] = (states[*node].milli(), states[*node].cpu_milli, rank);
        }
        Self { left: of.iter().copied().collect(), of, names }
    }

    /// A node's state has changed.
    pub fn set(&mut self, node: usize, state: &State) {
        let now = (state.milli(), state.cpu_milli, self.of[node].2);
        if now != self.of[node] {
            self.left.remove(&self.of[node]);
            self.left.insert(now);
            self.of[node] = now;
        }
    }

    /// The nodes on which a request may fit, after one that is left so much.
    pub fn after(&self, request: &Request, left: Option<Left>) -> impl Iterator<Item = (Left, usize)> {
        // A slice may go into a device of which nothing is left for shares.
        let milli = if matches!(request.devices, Ask::Slice(_)) { 0 } else { request.milli() };
        let least = (milli, 0, 0);
        let from = left.map_or(least, |(milli, cpu, rank)| least.max((milli, cpu, rank + 1)));
        self.left.range(from..).map(|left| (*left, self.names[left.2 as usize]))
    }
}

/// What some request asks for that decides only whether, not how much.
type Kind<'a> = (Ask, bool, &'a [Model], &'a [u32], Option<u32>);

/// Requests that fit nowhere, as long as nothing is released: what asks for as much or more fits nowhere either.
#[derive(Debug, Default)]
pub struct Refused<'a> {
    kinds: FxHashMap<Kind<'a>, Vec<&'a Request>>,
}

impl<'a> Refused<'a> {
    fn kind(request: &'a Request) -> Kind<'a> {
        let ask = match request.devices {
            Ask::Share(_) => Ask::Share(0),
            Ask::Whole(_) => Ask::Whole(0),
            ask => ask,
        };
        (ask, request.joined, &request.models, &request.pools, request.apart)
    }

    /// Whether a request is known to fit nowhere.
    pub fn covers(&self, request: &'a Request) -> bool {
        let less = |known: &&Request| {
            known.cpu_milli <= request.cpu_milli
                && known.memory_mib <= request.memory_mib
                && known.milli() <= request.milli()
                && known
                    .extras
                    .iter()
                    .enumerate()
                    .all(|(resource, asked)| *asked <= request.extras.get(resource).copied().unwrap_or(0))
        };
        self.kinds.get(&Self::kind(request)).is_some_and(|known| known.iter().any(less))
    }

    /// A request fits nowhere.
    pub fn add(&mut self, request: &'a Request) {
        let known = self.kinds.entry(Self::kind(request)).or_default();
        known.push(request);
        // Those that ask for least cover most.
        if known.len().is_power_of_two() {
            known.sort_by_key(|known| (known.milli(), known.cpu_milli, known.memory_mib));
        }
    }
}
