//! A cluster as its own documents describe it: nodes with what they have and keep off, pods with what
//! they need and where they may run.
//!
//! What packs a cluster and what checks a packing both start here and share nothing beyond it: names,
//! labels and rules stand as the documents state them, and who reads them evaluates them by itself.

use std::collections::BTreeMap;

use crate::plan::Assumption;

/// Nodes, and the pods that run on them or wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    /// The nodes, in document order.
    pub nodes: Vec<Node>,
    /// The pods, in document order.
    pub pods: Vec<Pod>,
    /// Names of gangs: of each gang all pods run, or none.
    pub gangs: Vec<String>,
    /// What keeps pods off each other's nodes: at most one pod of such a group runs on a node.
    pub aparts: Vec<String>,
    /// Spreads over zones.
    pub spreads: Vec<Spread>,
    /// Pods that run within one domain.
    pub confines: Vec<Confine>,
    /// What the documents do not say and was assumed, and what of them was passed over.
    pub assumptions: Vec<Assumption>,
    /// SHA-256 (hex) over everything read.
    pub digest: String,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Unique.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What keeps pods off that do not tolerate it.
    pub taints: Vec<Taint>,
    /// What pods can have of it: CPU in thousandths of a core (`cpu`), memory in bytes (`memory`), else as
    /// counted. What it does not name it has none of.
    pub room: BTreeMap<String, u64>,
    /// Its accelerators, which are not in `room`.
    pub devices: Option<Devices>,
    /// How its accelerators are grouped.
    pub groups: Groups,
    /// The site of an estate that it says it is at.
    pub site: Option<String>,
}

/// Accelerators in a row that are a group: a pair or a quad of `NVLink`, those of a NUMA node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Groups {
    /// How many are one; 0 where nothing says that there are groups: then all of a node are one.
    pub size: u16,
    /// Whether the node takes no pod whose whole accelerators are not of one group.
    pub strict: bool,
}

impl Node {
    /// The zone, by its label.
    pub fn zone(&self) -> Option<&str> {
        self.labels.get(ZONE).map(String::as_str)
    }
}

/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// What keeps pods off a node (`NoSchedule` and `NoExecute`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; empty for none.
    pub value: String,
    /// Its effect.
    pub effect: String,
}

/// Equal accelerators of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Devices {
    /// The name of the resource that counts them: `nvidia.com/gpu`.
    pub resource: String,
    /// The model: `H100`.
    pub model: String,
    /// How many.
    pub count: u16,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "documents state each by itself")]
pub struct Pod {
    /// Unique.
    pub name: String,
    /// What it needs, in the units of [`Node::room`].
    pub needs: BTreeMap<String, u64>,
    /// The accelerators it needs beside that.
    pub ask: Option<Ask>,
    /// Which nodes it may run on.
    pub rule: Rule,
    /// The node it is bound to.
    pub on: Option<String>,
    /// Why it may not be moved from there.
    pub stays: Option<Stays>,
    /// Whether it is of the node itself, of which each has one (of a `DaemonSet`, or static).
    pub daemon: bool,
    /// Whether it may be interrupted: runs on spot nodes too.
    pub interruptible: bool,
    /// The gang it waits with, by its place in [`Fleet::gangs`].
    pub gang: Option<u32>,
    /// Its group of [`Fleet::aparts`].
    pub apart: Option<u32>,
    /// Its spread, by its place in [`Fleet::spreads`].
    pub spread: Option<u32>,
    /// The confine that it waits with, by its place in [`Fleet::confines`].
    pub confine: Option<u32>,
    /// Whether its whole accelerators must be of one group.
    pub joined: bool,
    /// The accelerators it asks for, in thousandths.
    pub accelerators_milli: u64,
    /// What placing it is worth, in millionths of an accelerator.
    pub worth: u64,
    /// Whether a plan without it is none.
    pub required: bool,
    /// Why what it claims cannot be held against nodes, in words: who places it is the scheduler alone.
    pub left: Option<String>,
}

impl Pod {
    /// What it needs of a resource.
    pub fn need(&self, resource: &str) -> u64 {
        self.needs.get(resource).copied().unwrap_or(0)
    }
}

/// Why a running pod is not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stays {
    /// It is of its node.
    OfNode,
    /// It asks for that, or is being deleted.
    Asked,
    /// It is where others of its gang, or its slice, must be too.
    Within,
    /// What keeps it off other nodes is known to the scheduler alone.
    Scheduler,
    /// Nothing would make its copy.
    Alone,
    /// Its node has its data.
    Data,
}

/// Accelerators that a pod asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// The resource, as [`Devices::resource`].
    pub resource: String,
    /// The models that will do; empty for any that the resource counts.
    pub models: Vec<String>,
    /// How much.
    pub amount: Amount,
}

/// How much of a node's accelerators a pod asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// So many whole ones.
    Whole(u16),
    /// Thousandths of one, 1 to 999.
    Share(u16),
    /// A slice of one: so many of its eight parts in a row, from the parts whose bit is set.
    Slice {
        /// How many parts.
        length: u8,
        /// Where it may start: bit i for part i.
        starts: u8,
    },
}

/// Which nodes a pod may run on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rule {
    /// Labels that its node has.
    pub labels: BTreeMap<String, String>,
    /// Alternatives, each a list of requirements that all hold; `None` where nothing is required. An
    /// empty alternative is met by no node.
    pub terms: Option<Vec<Vec<Requirement>>>,
    /// The taints it bears.
    pub tolerations: Vec<Toleration>,
}

impl Rule {
    /// The same, and this too.
    pub fn and(&mut self, requirement: Requirement) {
        match &mut self.terms {
            None => self.terms = Some(vec![vec![requirement]]),
            // An alternative without requirements is met by no node, and stays so.
            Some(terms) => {
                terms
                    .iter_mut()
                    .filter(|term| !term.is_empty())
                    .for_each(|term| term.push(requirement.clone()));
            }
        }
    }

    /// The same, and one of these alternatives too.
    pub fn and_any(&mut self, alternatives: Vec<Vec<Requirement>>) {
        let known = self.terms.take();
        self.terms = Some(match known {
            None => alternatives,
            // An alternative without requirements is met by no node, and so is what it is joined with.
            Some(terms) => {
                let alternatives: Vec<_> = alternatives.into_iter().filter(|one| !one.is_empty()).collect();
                let both = |term: &Vec<Requirement>, more: &[Requirement]| {
                    let new = more.iter().filter(|one| !term.contains(one));
                    term.iter().chain(new).cloned().collect::<Vec<_>>()
                };
                let terms = terms.iter().filter(|term| !term.is_empty());
                terms.flat_map(|term| alternatives.iter().map(|one| both(term, one))).collect()
            }
        });
    }
}

/// A requirement on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The label, or [`NODE_NAME`].
    pub key: String,
    /// How it is held against the label's value.
    pub test: Test,
}

/// Stands for a node's name where a requirement has a label.
pub const NODE_NAME: &str = "metadata.name";

/// How the value of a label is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// One of these.
    In(Vec<String>),
    /// None of these; met without the label too.
    NotIn(Vec<String>),
    /// Any.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// A whole number above this.
    Above(i64),
    /// A whole number below this.
    Below(i64),
}

/// A toleration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// The taint's key; `None` for every key.
    pub key: Option<String>,
    /// The taint's value; `None` for every value.
    pub value: Option<String>,
    /// The taint's effect; `None` for every effect.
    pub effect: Option<String>,
}

/// Pods that are spread over zones, as the scheduler counts them (`topologySpreadConstraints`): a zone counts where some
/// node of it does, whether there is room on it or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    /// What it is called.
    pub name: String,
    /// At least 1.
    pub skew: u32,
    /// Where fewer zones count, the emptiest is taken to have no pod (`minDomains`).
    pub fewest: u32,
    /// Whether nodes count that its pods' labels and affinities keep them off (`nodeAffinityPolicy: Ignore`).
    pub ignores_affinity: bool,
    /// Whether nodes whose taints its pods do not tolerate do not count (`nodeTaintsPolicy: Honor`).
    pub honors_taints: bool,
    /// How many running pods are on each node that count and do not ask for the spread.
    pub others: BTreeMap<String, u32>,
}

/// Pods of one gang whose nodes have the same value of a label: the hosts of a slice of TPUs, a domain of `NVLink`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confine {
    /// What it is called.
    pub name: String,
    /// The label; a node without it is none for them.
    pub key: String,
}
