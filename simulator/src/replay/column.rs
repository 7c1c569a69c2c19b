//! One class's scores over the nodes, kept from one arrival of the class to the next.
//!
//! A score depends on the class and on the node alone, and a placement changes one node. So an arrival rates again
//! only the nodes that have changed since the last arrival of its class: some hundreds of millions of scores in a
//! published experiment become a few hundred thousand.

use plimsoll_packing::{
    fleet::{Node, Request, State},
    scores::{Kinds, View, blend},
};

use super::Weighted;

/// Cannot take the pod.
const NEVER: i64 = i64::MIN;

/// The nodes in the order in which ties are broken, and which of them changed when.
pub(super) struct Fleet<'a> {
    pub(super) nodes: Vec<&'a Node>,
    pub(super) states: Vec<State>,
    pub(super) kinds: Vec<Kinds>,
    /// The nodes that changed, in order of change.
    log: Vec<u32>,
    /// Of each node, the end of the log after its last change.
    latest: Vec<usize>,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(nodes: Vec<&'a Node>) -> Self {
        Self {
            states: nodes.iter().map(|node| State::empty(node)).collect(),
            kinds: vec![Kinds::default(); nodes.len()],
            log: Vec::new(),
            latest: vec![0; nodes.len()],
            nodes,
        }
    }

    pub(super) fn view(&self, at: usize) -> View<'_> {
        View { node: self.nodes[at], state: &self.states[at], kinds: self.kinds[at], kept: false }
    }

    pub(super) fn changed(&mut self, at: usize) {
        self.log.push(at as u32);
        self.latest[at] = self.log.len();
    }
}

/// A class's scores.
pub(super) struct Column {
    /// By scorer, then by node; [`NEVER`] where the pod does not fit.
    scores: Vec<Vec<i64>>,
    /// How much of the log these scores have seen; nothing before the first arrival.
    seen: Option<usize>,
}

impl Column {
    pub(super) fn new(scorers: usize, nodes: usize) -> Self {
        Self { scores: vec![vec![NEVER; nodes]; scorers.max(1)], seen: None }
    }

    /// Rates what changed. Without scorers every node that can take the pod rates 0.
    pub(super) fn refresh(&mut self, request: &Request, fleet: &Fleet<'_>, scorers: &[Weighted]) {
        let rate = |at: usize, scores: &mut [Vec<i64>]| {
            if fleet.states[at].fits(request) {
                scores[0][at] = 0;
                for ((_, scorer), scores) in scorers.iter().zip(scores) {
                    scores[at] = scorer.score(request, fleet.view(at));
                }
            } else {
                for scores in scores {
                    scores[at] = NEVER;
                }
            }
        };
        match self.seen {
            None => {
                for at in 0..fleet.nodes.len() {
                    if request.allows(fleet.nodes[at]) {
                        rate(at, &mut self.scores);
                    }
                }
            }
            Some(seen) => {
                for (end, at) in (seen + 1..).zip(&fleet.log[seen..]) {
                    let at = *at as usize;
                    // Of several changes of a node the last one counts; a node that cannot take the class, by its
                    // model or because it is full, never will, since pods do not leave.
                    if fleet.latest[at] == end && self.scores[0][at] != NEVER {
                        rate(at, &mut self.scores);
                    }
                }
            }
        }
        self.seen = Some(fleet.log.len());
    }

    /// The nodes that can take the pod.
    pub(super) fn feasible(&self) -> Vec<usize> {
        (0..self.scores[0].len()).filter(|at| self.scores[0][*at] != NEVER).collect()
    }

    /// The first node of the highest score.
    pub(super) fn best(&self, scorers: &[Weighted]) -> Option<usize> {
        if let [only] = self.scores.as_slice() {
            let best = only.iter().copied().max().filter(|best| *best != NEVER)?;
            return only.iter().position(|score| *score == best);
        }
        let feasible = self.feasible();
        let parts: Vec<(i64, _, Vec<i64>)> = scorers
            .iter()
            .zip(&self.scores)
            .map(|((weight, scorer), scores)| {
                (*weight, scorer.scale(), feasible.iter().map(|at| scores[*at]).collect())
            })
            .collect();
        let parts: Vec<_> =
            parts.iter().map(|(weight, scale, scores)| (*weight, *scale, scores.as_slice())).collect();
        let sums = blend(&parts);
        let best = sums.iter().copied().max()?;
        sums.iter().position(|sum| *sum == best).map(|at| feasible[at])
    }
}
