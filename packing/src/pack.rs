//! From a cluster to a packing with its proof.

use crate::{
    assign,
    classes::{Classes, Invalid, states},
    dive::{Use, dive},
    fleet::{ACCELERATOR, Cluster, Placement, State},
    generate::{Generated, Memory, Stop, generate, vary},
    instance::{Instance, Sizes},
    master::{Form, Master},
    whole::whole,
};

/// How to pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Stop making patterns at this relative distance of plan and bound.
    pub gap: f64,
    /// Rounds of column generation at most.
    pub rounds: usize,
    /// Roundings tried at most while the gap is not met, on clusters of some hundred nodes at most; others
    /// get one.
    pub turns: u64,
}

/// More nodes than this, and one rounding is near enough to the bound.
const SMALL: usize = 200;

impl Default for Params {
    fn default() -> Self {
        Self { gap: 1e-4, rounds: 400, turns: 12 }
    }
}

/// Which pod goes where, and what proves that it cannot be much better.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    /// Where each pod is, running ones included, or that it waits.
    pub placements: Vec<Option<Placement>>,
    /// What is free on each node then.
    pub states: Vec<State>,
    /// The worth of the pods that are placed, in millionths of an accelerator.
    pub worth: u64,
    /// No packing is worth more.
    pub bound: u64,
    /// What was done.
    pub stats: Stats,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Classes of waiting pods.
    pub pod_classes: usize,
    /// Classes of nodes.
    pub node_classes: usize,
    /// Patterns made.
    pub patterns: usize,
    /// Solutions of the linear program for the proof.
    pub rounds: usize,
}

impl Packing {
    /// How far the worth is from the bound, relative to the bound.
    pub fn gap(&self) -> f64 {
        if self.bound == 0 { 0.0 } else { (self.bound.saturating_sub(self.worth)) as f64 / self.bound as f64 }
    }
}

/// Packs the waiting pods of a cluster beside the running ones.
pub fn pack(cluster: &Cluster, params: &Params) -> Result<Packing, Invalid> {
    let states = states(cluster)?;
    let classes = Classes::of(cluster, &states)?;
    let instance = Instance::new(&classes, Sizes::Most);
    let mut master = Master::new(&instance, Form::Admit);
    let mut memory = Memory::default();
    let stop = Stop { gap: params.gap, rounds: params.rounds, hardest: 3, capped: false };
    let generated = generate(&instance, &mut master, &mut memory, stop);
    let bound = proven(cluster, generated.as_ref());
    let base = Draft::running(cluster, states);
    let gap = |draft: &Draft| bound.saturating_sub(draft.worth) as f64 / bound.max(1) as f64;
    let mut best: Option<Draft> = None;
    let mut offer = |uses: &[Use]| {
        let draft = base.clone().with(cluster, &classes, uses);
        if best.as_ref().is_none_or(|best| draft.worth > best.worth) {
            best = Some(draft);
        }
        best.as_ref().is_some_and(|best| gap(best) <= params.gap)
    };
    let turns = if cluster.nodes.len() <= SMALL { params.turns.max(1) } else { 1 };
    for turn in 0..turns {
        let Some(generated) = &generated else { break };
        if turn > 0 {
            master.resize(&instance);
            vary(&instance, &mut master, &memory, &generated.prices, turn);
        }
        let uses = dive(&instance, &mut master, &mut memory, &generated.fractional, turn);
        if offer(&uses) {
            break;
        }
        // The patterns of all roundings so far, put together anew.
        if turn % 4 == 0
            && let Some(uses) = whole(&instance, &master, params.gap / 2.0)
            && offer(&uses)
        {
            break;
        }
    }
    offer(&[]);
    let best = best.unwrap_or(base);
    let stats = Stats {
        pod_classes: classes.pods.len(),
        node_classes: classes.nodes.len(),
        patterns: master.patterns.len(),
        rounds: generated.map_or(0, |g| g.rounds),
    };
    let Draft { placements, states, worth } = best;
    Ok(Packing { placements, states, worth, bound: bound.max(worth), stats })
}

/// A packing on its way.
#[derive(Debug, Clone)]
struct Draft {
    placements: Vec<Option<Placement>>,
    states: Vec<State>,
    worth: u64,
}

impl Draft {
    /// The running pods alone.
    fn running(cluster: &Cluster, states: Vec<State>) -> Self {
        let placements = cluster.pods.iter().map(|pod| pod.running.clone()).collect();
        Self { placements, states, worth: 0 }
    }

    /// With what patterns hold, and whatever else fits.
    fn with(mut self, cluster: &Cluster, classes: &Classes, uses: &[Use]) -> Self {
        assign::assign(cluster, classes, uses, &mut self.states, &mut self.placements);
        assign::fill(cluster, classes, &mut self.states, &mut self.placements);
        self.worth = worth(cluster, &self.placements);
        self
    }
}

/// The worth of what is placed.
fn worth(cluster: &Cluster, placements: &[Option<Placement>]) -> u64 {
    cluster
        .pods
        .iter()
        .zip(placements)
        .filter(|(_, placement)| placement.is_some())
        .map(|(pod, _)| pod.worth)
        .sum()
}

/// What column generation proves, with the running pods, rounded up by more than its sums can be off.
fn proven(cluster: &Cluster, generated: Option<&Generated>) -> u64 {
    let all: u64 = cluster.pods.iter().map(|pod| pod.worth).sum();
    let running: u64 = cluster.pods.iter().filter(|pod| pod.running.is_some()).map(|pod| pod.worth).sum();
    let Some(generated) = generated else { return all };
    let waiting = (generated.bound * ACCELERATOR as f64 * (1.0 + 1e-9)).ceil();
    all.min(running.saturating_add(waiting.max(0.0) as u64))
}
