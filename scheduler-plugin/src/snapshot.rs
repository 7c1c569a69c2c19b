//! What the extender answers from: nodes, waiting pods, plan and scores at one moment, immutable once published.
//!
//! filter, prioritize and preempt are functions of a snapshot, a request and the time, and change nothing: kube-scheduler
//! says neither when it gives up a choice nor which siblings of a gang it has assumed elsewhere. The scheduler's own
//! filters have run before a request comes, on a newer view than ours; whatever they check (cores, memory, numbers of
//! devices, affinity, taints) is theirs, and is not checked again. Ours is what they cannot know:
//!
//! - room that the plan keeps for pods that are on their way,
//! - which models of accelerators will do (`plimsoll.dev/request`),
//! - parts of a device, which are not counted as numbers,
//! - room that pods of lower priority have no better right to,
//! - gangs whose plan says that not all of their pods fit.
//!
//! A pod without accelerators passes at once, and so does every pod where the view or the plan is older than its bound.
//!
//! Scores are the packing's online scores, by groups of nodes that a scorer cannot tell apart: a table for each class of
//! pods, made when the snapshot is, so that an answer is one look-up a node. Whole free nodes that gangs will need by the mix
//! of pods are dear to all others ([`plimsoll_packing::scores::Reserve`]).

mod answer;
mod build;
mod judge;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_formats::Hardware;
use plimsoll_model::fleet::Ask;
use plimsoll_packing::fleet::{Model, Node, Request, State};
use rustc_hash::FxHashMap;

pub use answer::{Answer, filter, preempt, prioritize};
pub use build::{Builder, Prices, Unpriced};

use crate::{
    cluster::{Beside, Millis},
    trace::Context,
    wire::Reason,
};

/// How old things may be before they count no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A snapshot. An API server that is gone makes no new ones.
    pub view: Millis,
    /// A pod's planned node.
    pub plan: Millis,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { view: 60_000, plan: 300_000 }
    }
}

/// The published view.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Whether all of the cluster has been seen.
    pub is_synced: bool,
    /// When it was known to be true.
    pub at: Millis,
    /// Until when.
    pub until: Millis,
    /// Which one it is.
    pub number: u64,
    pub(crate) nodes: Vec<Seat>,
    pub(crate) by_name: FxHashMap<Box<str>, u32>,
    pub(crate) pods: FxHashMap<Box<str>, Known>,
    pub(crate) classes: Vec<Class>,
    /// Names of models, by [`Model`]: the resource and the model.
    pub(crate) models: Arc<Vec<(String, String)>>,
    pub(crate) hardware: Arc<Hardware>,
    pub(crate) beside: Beside,
    /// The disruption budgets that running pods are in.
    pub(crate) budgets: Budgets,
}

/// How many pods of which kind may go.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    /// How many may go now, by budget.
    pub(crate) allowed: Vec<i64>,
    /// The budgets of each pod that is in one.
    pub(crate) of: FxHashMap<Box<str>, Box<[u32]>>,
}

impl Budgets {
    /// How many of these pods break a budget, as kube-scheduler counts them: those that come when it is used up.
    pub(crate) fn broken<'u>(&self, uids: impl Iterator<Item = &'u str>) -> i64 {
        let mut used: BTreeMap<u32, i64> = BTreeMap::new();
        let mut broken = 0;
        for budgets in uids.filter_map(|uid| self.of.get(uid)) {
            let mut breaks = false;
            for at in budgets {
                let used = used.entry(*at).or_default();
                *used += 1;
                breaks |= *used > self.allowed[*at as usize];
            }
            broken += i64::from(breaks);
        }
        broken
    }
}

/// A node.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) name: Box<str>,
    pub(crate) node: Node,
    /// What is free beside the pods that run.
    pub(crate) free: State,
    /// What is free beside planned ones too, of so high a priority or higher, by falling priority.
    pub(crate) kept: Vec<(i32, State)>,
    /// What a scorer cannot tell apart.
    pub(crate) group: u32,
}

impl Seat {
    /// What is free beside planned pods that one of a priority has to leave their room.
    pub(crate) fn kept(&self, priority: i32) -> Option<&State> {
        self.kept.iter().rev().find(|(of, _)| *of >= priority).map(|(_, state)| state)
    }

    /// What pods of a priority that are not planned here may have.
    pub(crate) fn open(&self, priority: i32) -> &State {
        self.kept(priority).unwrap_or(&self.free)
    }
}

/// A pod.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its class; nothing for a pod that is no business of ours.
    pub(crate) class: Option<u32>,
    /// Where it is to go, and until when that counts.
    pub(crate) planned: Option<(u32, Millis)>,
    /// Where it runs.
    pub(crate) on: Option<u32>,
    /// Whether it may not be preempted.
    pub(crate) stays: bool,
    /// Its priority.
    pub(crate) priority: i32,
    /// Until when it may go nowhere, for its gang does not fit whole.
    pub(crate) held: Option<Millis>,
    /// Its trace, while it waits for us.
    pub(crate) trace: Option<Box<Context>>,
}

/// Pods that ask for the same.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) request: Request,
    pub(crate) ask: Option<Ask>,
    /// Whether they are of gangs of several nodes: nothing is kept back from these.
    pub(crate) of_gang: bool,
    /// The score by group of nodes.
    pub(crate) table: Arc<Vec<Option<i64>>>,
    /// What is said of nodes without the right accelerators.
    pub(crate) wrong: Reason,
}

impl Snapshot {
    /// A node by name.
    pub(crate) fn seat(&self, name: &str) -> Option<(u32, &Seat)> {
        let at = *self.by_name.get(name)?;
        Some((at, &self.nodes[at as usize]))
    }

    /// The trace of a pod that waits for us.
    pub(crate) fn trace(&self, uid: &str) -> Option<Context> {
        self.pods.get(uid)?.trace.as_deref().copied()
    }

    /// How many nodes.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The pods that are on their way to their planned nodes, and the nodes: for people.
    pub fn on_their_way(&self) -> usize {
        self.pods.values().filter(|pod| pod.planned.is_some()).count()
    }
}

/// What a pod asks for in the numbers of the packing, whatever nodes there are: no pools, no counted resources, which
/// are the scheduler's to check.
pub(crate) fn request(pod: &plimsoll_model::fleet::Pod, models: &[(String, String)]) -> Request {
    use plimsoll_model::fleet::Amount;
    use plimsoll_packing::fleet::{Ask, Slice};

    /// A model that no node has.
    const NONE: Model = Model(u16::MAX);
    let devices = pod.ask.as_ref().map_or(Ask::None, |ask| match ask.amount {
        Amount::Whole(count) => Ask::Whole(count),
        Amount::Share(milli) => Ask::Share(milli),
        Amount::Slice { length, starts } => Ask::Slice(Slice { length, starts }),
    });
    let models = pod.ask.as_ref().map_or_else(Vec::new, |ask| {
        let will_do = |(resource, model): &(String, String)| {
            *resource == ask.resource && (ask.models.is_empty() || ask.models.contains(model))
        };
        let found: Vec<Model> =
            (0_u16..).zip(models).filter(|(_, known)| will_do(known)).map(|(at, _)| Model(at)).collect();
        if found.is_empty() { vec![NONE] } else { found }
    });
    Request {
        cpu_milli: pod.need("cpu"),
        memory_mib: pod.need("memory").div_ceil(1 << 20),
        devices,
        models,
        ..Request::default()
    }
}
