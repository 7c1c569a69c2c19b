//! All nodes of a cluster, ready to be scored for one pod.
//!
//! In a cluster of thousands of nodes most are alike to a scorer: empty ones of a kind, or with as much left of the
//! same devices. The board keeps nodes in groups that a scorer cannot tell apart, and a pod is scored once a group
//! that has a node for it. What only filters (memory, counted resources, pods that stay apart) is looked at node by
//! node. A change of one node moves that node and nothing else.

use rustc_hash::FxHashMap;

use super::{Kinds, Reserve, Score, View};
use crate::fleet::{Device, Model, Node, Request, State};

/// Nodes with what is free on them.
#[derive(Debug, Clone)]
pub struct Board {
    nodes: Vec<Node>,
    states: Vec<State>,
    kinds: Vec<Kinds>,
    /// Which nodes are kept back for gangs.
    kept: Vec<bool>,
    /// The group of each node.
    group: Vec<u32>,
    groups: FxHashMap<Key, u32>,
}

/// What a scorer sees of a node; where memory is not among it, see [`Score::sees_memory`].
type Key = (Option<Model>, u32, u64, u64, Vec<Device>, Kinds, bool);

impl Board {
    /// Nodes with these states and sorts of pods on them.
    pub fn new(nodes: Vec<Node>, states: Vec<State>, kinds: Vec<Kinds>) -> Self {
        let count = nodes.len();
        let mut board = Self {
            nodes,
            states,
            kinds,
            kept: vec![false; count],
            group: vec![0; count],
            groups: FxHashMap::default(),
        };
        for at in 0..count {
            board.regroup(at);
        }
        board
    }

    /// Takes a change of a node.
    pub fn set(&mut self, at: usize, state: State, kinds: Kinds) {
        self.states[at] = state;
        self.kinds[at] = kinds;
        self.regroup(at);
    }

    /// Keeps back as many of the nodes that are free now as a reserve says, beside those that have gangs.
    pub fn keep(&mut self, reserve: &Reserve, has_gang: impl Fn(usize) -> bool) {
        let kept = reserve.kept(self.nodes.iter().zip(&self.states), has_gang);
        for (at, kept) in kept.into_iter().enumerate() {
            if self.kept[at] != kept {
                self.kept[at] = kept;
                self.regroup(at);
            }
        }
    }

    /// How many groups there have been.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// A node, for a pod of no gang.
    pub fn view(&self, at: usize) -> View<'_> {
        View { node: &self.nodes[at], state: &self.states[at], kinds: self.kinds[at], kept: self.kept[at] }
    }

    /// The score of every node; nothing where the pod does not fit.
    pub fn scores(&self, scorer: &dyn Score, request: &Request) -> Vec<Option<i64>> {
        let mut known: Vec<Option<i64>> = vec![None; self.groups.len()];
        (0..self.nodes.len())
            .map(|at| {
                if !self.states[at].fits(request) || !request.allows(&self.nodes[at]) {
                    return None;
                }
                if scorer.sees_memory() {
                    return Some(scorer.score(request, self.view(at)));
                }
                let known = &mut known[self.group[at] as usize];
                Some(*known.get_or_insert_with(|| scorer.score(request, self.view(at))))
            })
            .collect()
    }

    /// The group of a node.
    pub fn group(&self, at: usize) -> u32 {
        self.group[at]
    }

    /// Completes a table of scores by group: of each group that a node is in, unless the pod does not fit there by
    /// devices and CPU. From a pod of a gang nothing is kept back. The scorer must not look at memory, which groups do not
    /// tell apart.
    pub fn complete(
        &self,
        table: &mut Vec<Option<i64>>,
        scorer: &dyn Score,
        request: &Request,
        of_gang: bool,
    ) {
        debug_assert!(!scorer.sees_memory(), "groups do not tell memory apart");
        table.resize(self.groups.len(), None);
        let bare = Request { memory_mib: 0, extras: Vec::new(), apart: None, ..request.clone() };
        for (at, group) in self.group.iter().enumerate() {
            let score = &mut table[*group as usize];
            if score.is_none() && self.states[at].fits(&bare) && bare.allows(&self.nodes[at]) {
                let view = self.view(at);
                let view = View { kept: view.kept && !of_gang, ..view };
                *score = Some(scorer.score(request, view));
            }
        }
    }

    fn regroup(&mut self, at: usize) {
        let (node, state) = (&self.nodes[at], &self.states[at]);
        // No score hangs on which of its devices has how much left.
        let mut devices = state.devices.clone();
        devices.sort_unstable();
        let key =
            (node.model, node.pool, node.cpu_milli, state.cpu_milli, devices, self.kinds[at], self.kept[at]);
        let next = self.groups.len() as u32;
        self.group[at] = *self.groups.entry(key).or_insert(next);
    }
}
