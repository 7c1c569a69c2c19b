//! Arrivals only: pods are offered one by one, never leave, and one that finds no place is lost.
//!
//! This is the experiment of Weng et al. (ATC 2023), with which placement policies are compared: the recorded pods
//! in random order, then more drawn from them until they ask for 130 % of the devices ([`Arrivals`]). Of equal
//! scores the first in one random order of the nodes, drawn once a run, is taken; the policies' scores are whole
//! numbers and tie often, so this order packs. (A random choice among the tied loses five points of allocation.)

mod arrivals;
mod choose;
mod column;
mod outcome;
mod run;

use std::sync::Arc;

pub use arrivals::{Arrivals, Rule};
pub use choose::{Choice, Trial, choose};
pub use outcome::{Level, Lost, Outcome, Point};
use plimsoll_packing::{
    fleet::{Node, Request},
    scores::{Mix, Power, Score},
};
pub use run::{Watch, run, watched};
use rustc_hash::FxHashMap;

/// A cluster and the pods that are to arrive.
#[derive(Debug, Clone)]
pub struct Input {
    /// Names of the kinds of devices.
    pub models: Vec<String>,
    /// The machines, all free.
    pub nodes: Vec<Node>,
    /// The distinct requests, in order of first appearance.
    pub classes: Vec<Request>,
    /// The pods, each by its place in `classes`.
    pub pods: Vec<u32>,
    /// The typical pods: the most frequent shapes that make up 95 % of the pods.
    pub typical: Mix,
    /// What the machines draw; nothing when that is not known.
    pub power: Option<Power>,
    /// The pods' names; empty where nobody asks for them.
    pub names: Vec<String>,
}

impl Input {
    /// From nodes and requests in the order in which a run is to draw them.
    pub fn new(models: Vec<String>, nodes: Vec<Node>, requests: impl IntoIterator<Item = Request>) -> Self {
        let mut known: FxHashMap<Request, u32> = FxHashMap::default();
        let mut classes = Vec::new();
        let mut pods = Vec::new();
        for request in requests {
            let next = classes.len() as u32;
            let class = *known.entry(request).or_insert_with_key(|request| {
                classes.push(request.clone());
                next
            });
            pods.push(class);
        }
        let typical = Mix::typical(pods.iter().map(|class| &classes[*class as usize]), 95);
        Self { models, nodes, classes, pods, typical, power: None, names: Vec::new() }
    }

    /// How many pods each class has.
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.classes.len()];
        for class in &self.pods {
            counts[*class as usize] += 1;
        }
        counts
    }

    /// Milli of all devices.
    pub fn milli(&self) -> u64 {
        self.nodes.iter().map(|node| u64::from(node.devices) * 1000).sum()
    }
}

/// Who chooses the node.
#[derive(Clone)]
pub enum Policy {
    /// Any node that can take the pod, any device with room.
    Random,
    /// The node with the highest weighted sum of scores. The first of the heaviest scorers chooses the devices.
    Scored(Vec<Weighted>),
}

/// A scorer and its weight.
pub type Weighted = (i64, Arc<dyn Score>);

impl Policy {
    /// One scorer alone.
    pub fn of(score: impl Score + 'static) -> Self {
        Self::Scored(vec![(1, Arc::new(score))])
    }
}

#[cfg(test)]
mod tests;
