//! Packings: which pod runs on which node and devices of a cluster, what waits, and what proves that no
//! packing is much better.
//!
//! Worth is counted in accelerators, to the millionth: a pod's accelerators and 0.02 a core, or what
//! `plimsoll.dev/worth` says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Capacity, Duration, Usd,
    document::ApiVersion,
    plan::{Assumption, Status, document},
};

/// `kind: Packing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum PackingKind {
    /// The only value.
    #[default]
    Packing,
}

document! {
    /// The answer of `plimsoll plan --cluster`.
    pub struct Packing {
        /// The version of the format.
        pub api_version: ApiVersion,
        /// The kind of document.
        pub kind: PackingKind,
        /// How good the packing is: infeasible when a pod that is required waits.
        pub status: Status,
        /// Whether the same inputs and flags give the same bytes again.
        pub reproducible: bool,
        /// What was maximised, and the proof.
        pub objective: Objective,
        /// All pods, those that run already included.
        pub asked: Amounts,
        /// The pods that have a node, those that run already included.
        pub placed: Amounts,
        /// The pods that run already, of both.
        pub running: Amounts,
        /// Where each pod with a node is, in document order.
        pub assignments: Vec<Assignment>,
        /// The pods that wait, in document order.
        pub unplaced: Vec<Unplaced>,
        /// Pods that are alike, of those that did not run already.
        pub classes: Vec<Class>,
        /// Nodes that are alike.
        pub node_kinds: Vec<NodeKind>,
        /// The cheapest nodes on offer on which the pods that wait would run.
        pub add: Vec<Addition>,
        /// What they cost, and what of the rest; null where no pod waits, or no offers were looked at.
        pub adding: Option<Adding>,
        /// Running pods to move, in an order in which no node is overfilled on the way.
        pub moves: Vec<Move>,
        /// What the documents do not say, and what was passed over.
        pub assumptions: Vec<Assumption>,
        /// How it was made.
        pub solver: Solver,
        /// What it was made from.
        pub inputs: Inputs,
    }
}

document! {
    /// What was maximised.
    #[derive(Copy)]
    pub struct Objective {
        /// The worth of the pods that have a node.
        pub worth: f64,
        /// No packing is worth more.
        pub bound_worth: f64,
        /// (bound − worth) / bound; 0 when equal.
        pub gap: f64,
    }
}

document! {
    /// Some pods, and what they ask for together.
    #[derive(Copy, Default)]
    pub struct Amounts {
        /// How many.
        pub pods: u64,
        /// Accelerators.
        pub accelerators: f64,
        /// Cores.
        pub cpu: f64,
    }
}

document! {
    /// A pod on a node.
    #[derive(Eq)]
    pub struct Assignment {
        /// The pod.
        pub pod: String,
        /// The node.
        pub node: String,
        /// What it holds of the node's devices, by rising index.
        pub devices: Vec<Hold>,
        /// Whether it ran there already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub running: bool,
    }
}

document! {
    /// What a pod holds of one device.
    #[derive(Copy, Eq)]
    pub struct Hold {
        /// The device of its node, from 0.
        pub index: u16,
        /// Thousandths of it.
        pub milli: u16,
        /// For a slice, which of the eight parts: bit i for part i.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub parts: Option<u8>,
    }
}

document! {
    /// A pod that waits.
    pub struct Unplaced {
        /// The pod.
        pub pod: String,
        /// What stands in the way on the nodes as they are packed, most nodes first.
        pub causes: Vec<Cause>,
        /// What proves that it cannot simply be placed.
        pub proof: String,
    }
}

/// What of a node can stand in the way of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Obstacle {
    /// Its selectors or affinities.
    Selector,
    /// A taint that it does not bear.
    Taint,
    /// The model, or the absence, of accelerators.
    Accelerator,
    /// Accelerators that are free.
    Devices,
    /// Cores.
    Cpu,
    /// Memory.
    Memory,
    /// Another resource, by `name`.
    Resource,
    /// A pod there that it keeps apart from.
    Apart,
    /// Its spread over zones.
    Spread,
    /// The rest of its gang.
    Gang,
    /// That it and others must be within one domain: of the label `name`.
    Domain,
    /// That its accelerators must be of one group of the node.
    Group,
}

impl Obstacle {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Selector => "selector",
            Self::Taint => "taint",
            Self::Accelerator => "accelerator",
            Self::Devices => "devices",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Resource => "resource",
            Self::Apart => "apart",
            Self::Spread => "spread",
            Self::Gang => "gang",
            Self::Domain => "domain",
            Self::Group => "group",
        }
    }
}

document! {
    /// What stands in the way on some nodes.
    pub struct Cause {
        /// What.
        pub constraint: Obstacle,
        /// The label, taint, accelerator or resource.
        pub name: String,
        /// On how many nodes it is the first thing in the way.
        pub nodes: u64,
        /// How much the pod needs: cores, bytes, accelerators, or as the resource is counted.
        pub needs: Option<f64>,
        /// The most that is free on any of those nodes, in the same unit.
        pub has: Option<f64>,
    }
}

document! {
    /// Pods that ask for the same.
    pub struct Class {
        /// What each asks for.
        pub request: Request,
        /// How many there are.
        pub pods: u64,
        /// How many of them have a node.
        pub placed: u64,
        /// How many more of this class alone would fit in what is left; of a gang, how many whole ones.
        pub would_fit: u64,
        /// The worth that one more of them would take from others; null when not computed.
        pub price: Option<f64>,
    }
}

document! {
    /// What a pod asks for.
    pub struct Request {
        /// Cores.
        pub cpu: f64,
        /// Bytes.
        pub memory: u64,
        /// Accelerators.
        pub accelerators: f64,
        /// The resource that counts them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub resource: Option<String>,
        /// The models that will do, where not any will.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub models: Vec<String>,
        /// Other resources.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub others: BTreeMap<String, u64>,
        /// Nodes that its selectors, affinities and tolerations let it run on.
        pub nodes: u64,
        /// Its gang.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub gang: Option<String>,
        /// What one is worth.
        pub worth: f64,
        /// A pod of the class, the first by document order.
        pub example: String,
    }
}

document! {
    /// Nodes that have the same and let the same pods in.
    pub struct NodeKind {
        /// What they are: `8 × H100, 192 cores, 2 TiB`.
        pub kind: String,
        /// How many.
        pub nodes: u64,
        /// What one more of them, empty, would add to the worth; null when not computed.
        pub worth_of_one_more: Option<f64>,
    }
}

document! {
    /// Nodes to add, of one offer.
    pub struct Addition {
        /// The offer.
        pub offer: String,
        /// How its capacity is had.
        pub capacity: Capacity,
        /// How many.
        pub count: u64,
        /// What they cost an hour, together.
        pub usd: Usd,
        /// What each is taken to be.
        pub node: NewNode,
        /// Which of the pods that wait would be on them. The nodes are named `new-1`, `new-2` and so on, over
        /// all offers.
        pub assignments: Vec<Assignment>,
    }
}

document! {
    /// What a node to add is taken to be.
    #[derive(Eq)]
    pub struct NewNode {
        /// The node of the cluster that it is like, where one is of its type.
        pub like: Option<String>,
        /// Of its labels those that pods ask for.
        pub labels: BTreeMap<String, String>,
        /// Its taints: `key=value:effect`.
        pub taints: Vec<String>,
        /// What pods can have of it, beside the pods that each node has: thousandths of cores, bytes of memory,
        /// else as counted.
        pub room: BTreeMap<String, u64>,
        /// The resource that counts its accelerators.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub resource: Option<String>,
        /// Their model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        /// How many.
        pub accelerators: u16,
    }
}

document! {
    /// What nodes to add cost.
    #[derive(Eq)]
    pub struct Adding {
        /// An hour, all of them.
        pub usd: Usd,
        /// Nodes on offer that hold the same pods cost no less; null when that was not proven.
        pub bound_usd: Option<Usd>,
        /// Where the offers are: clouds and regions, or `anywhere`.
        pub among: Vec<String>,
        /// The pods that no node on offer would hold.
        pub left: Vec<String>,
    }
}

document! {
    /// A running pod that moves.
    #[derive(Eq)]
    pub struct Move {
        /// When, from 1: moves of one step may go side by side.
        pub step: u64,
        /// The pod.
        pub pod: String,
        /// Its node.
        pub from: String,
        /// The other node.
        pub to: String,
    }
}

document! {
    /// How the packing was made.
    #[derive(Eq, Default)]
    pub struct Solver {
        /// Classes of pods that wait.
        pub pod_classes: u64,
        /// Classes of nodes.
        pub node_classes: u64,
        /// Ways to fill a node that were looked at.
        pub patterns: u64,
        /// Solutions of the linear program.
        pub rounds: u64,
    }
}

document! {
    /// What the packing was made from.
    pub struct Inputs {
        /// SHA-256 over the files read.
        pub digest: String,
        /// The same of the estate whose offers were looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub estate: Option<String>,
        /// Every flag with its value in force.
        pub flags: Flags,
    }
}

document! {
    /// The flags of `plan --cluster` that bear on the result.
    pub struct Flags {
        /// Running pods that may move.
        pub moves: u32,
        /// Classes of capacity that nodes may be added of.
        pub add: Vec<Capacity>,
        /// The gap at which the search may stop.
        pub gap: f64,
        /// Wall-clock limit.
        pub time_limit: Option<Duration>,
    }
}
