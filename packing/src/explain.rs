//! What a packing says of itself: why pods wait, what would fit, what one more of each would bring.

use std::collections::BTreeMap;

use crate::{
    classes::Classes,
    fill::Spreads,
    fleet::{ACCELERATOR, Ask, Cluster, Node, Overfull, Placement, Request, State},
    generate::look,
    instance::Instance,
    relax::Lambda,
};

/// Sums over pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many.
    pub pods: u64,
    /// Of devices, in milli.
    pub milli: u64,
    /// Thousandths of a core.
    pub cpu_milli: u64,
}

/// A pod that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// The pod.
    pub pod: usize,
    /// What keeps it from how many nodes, the most nodes first.
    pub causes: Vec<(Why, u32)>,
    /// What proves that not all pods can be placed, if anything does.
    pub proof: Proof,
}

/// What keeps a pod from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The node has no device of a model that it allows.
    Model,
    /// Its selectors, affinities or tolerations keep it out.
    Pool,
    /// It would not fit there even if the node were empty.
    TooLarge(Overfull),
    /// It would fit there if the node were empty.
    Full(Overfull),
    /// As much is free there, but not on one device (or not on untouched ones).
    Fragment,
    /// It would fit, but the zone has as many of its spread as the skew allows.
    Spread,
    /// It would fit, but not all of its gang fit together.
    Gang,
}

/// What proves that not all pods can be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// No node could hold this pod even if it were empty.
    NoNode,
    /// All pods together are worth more than any packing can be: so many millionths of an accelerator more.
    Worth(u64),
    /// Nothing: a better packing may place it.
    None,
}

/// A class of waiting pods, as packed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassReport {
    /// What each of them asks for.
    pub request: Request,
    /// The pods, placed or not.
    pub pods: Vec<usize>,
    /// How many are placed.
    pub placed: u64,
    /// How many more would fit beside everything placed.
    pub would_fit: u64,
    /// What room for one more is worth, in accelerators: no more than the pod, 0 where all are placed.
    pub price: f64,
}

/// Nodes that would be alike if they were empty.
#[derive(Debug, Clone, PartialEq)]
pub struct KindReport {
    /// One of them; its name and zone mean nothing.
    pub node: Node,
    /// How many there are.
    pub nodes: u64,
    /// What one more would bring, in accelerators, to the first approximation of the prices.
    pub one_more: f64,
}

/// Sums over the pods that are chosen.
pub fn totals(cluster: &Cluster, chosen: impl Fn(usize) -> bool) -> Totals {
    let mut totals = Totals::default();
    for (_, pod) in cluster.pods.iter().enumerate().filter(|(index, _)| chosen(*index)) {
        totals.pods += 1;
        totals.milli += pod.request.milli();
        totals.cpu_milli = totals.cpu_milli.saturating_add(pod.request.cpu_milli);
    }
    totals
}

/// Why each pod waits that does.
pub fn unplaced(
    cluster: &Cluster,
    classes: &Classes,
    states: &[State],
    placements: &[Option<Placement>],
    bound: u64,
) -> Vec<Unplaced> {
    let all = cluster.pods.iter().fold(0_u64, |sum, pod| sum.saturating_add(pod.worth));
    let missing = all.saturating_sub(bound);
    let empty: Vec<State> = cluster.nodes.iter().map(State::empty).collect();
    let spreads = Spreads::of(cluster, placements);
    let mut answers = Vec::new();
    for class in &classes.pods {
        let mut waiting = class.pods.iter().filter(|pod| placements[**pod].is_none()).peekable();
        let Some(first) = waiting.peek().copied() else { continue };
        let request = &cluster.pods[*first].request;
        let why = |node: usize| why(cluster, request, node, &empty[node], &states[node]);
        let mut counts: BTreeMap<Option<Why>, u32> = BTreeMap::new();
        for node in 0..cluster.nodes.len() {
            let why = why(node).or_else(|| (!spreads.allow(cluster, *first, node)).then_some(Why::Spread));
            *counts.entry(why).or_default() += 1;
        }
        let hopeless =
            counts.keys().all(|why| matches!(why, Some(Why::Model | Why::Pool | Why::TooLarge(_))));
        for pod in waiting {
            let mut causes: Vec<(Why, u32)> = counts
                .iter()
                .filter_map(|(why, nodes)| {
                    let why = why.or_else(|| cluster.pods[*pod].gang.map(|_| Why::Gang));
                    why.map(|why| (why, *nodes))
                })
                .collect();
            causes.sort_by_key(|(why, nodes)| (std::cmp::Reverse(*nodes), *why));
            let proof = match (hopeless, missing) {
                (true, _) => Proof::NoNode,
                (false, 0) => Proof::None,
                (false, missing) => Proof::Worth(missing),
            };
            answers.push(Unplaced { pod: *pod, causes, proof });
        }
    }
    answers.sort_by_key(|answer| answer.pod);
    answers
}

/// What keeps a request from a node; nothing when it fits.
fn why(cluster: &Cluster, request: &Request, node: usize, empty: &State, now: &State) -> Option<Why> {
    let it = &cluster.nodes[node];
    if !request.pools.is_empty() && !request.pools.contains(&it.pool) {
        return Some(Why::Pool);
    }
    if !request.allows(it) {
        return Some(Why::Model);
    }
    if let Some(lack) = empty.lacks(request) {
        return Some(if lack == Overfull::Device && it.devices == 0 {
            Why::Model
        } else {
            Why::TooLarge(lack)
        });
    }
    now.lacks(request).map(|lack| match lack {
        Overfull::Device if now.milli() >= request.milli() && request.devices != Ask::None => Why::Fragment,
        lack => Why::Full(lack),
    })
}

/// What became of each class of waiting pods.
pub fn class_reports(
    cluster: &Cluster,
    classes: &Classes,
    states: &[State],
    placements: &[Option<Placement>],
    prices: &[f64],
) -> Vec<ClassReport> {
    let report = |(class, price): (&crate::classes::PodClass, &f64)| {
        let placed = class.pods.iter().filter(|pod| placements[**pod].is_some()).count() as u64;
        let all = placed == class.pods.len() as u64;
        let worth = class.worth as f64 / ACCELERATOR as f64;
        ClassReport {
            request: class.request.clone(),
            pods: class.pods.clone(),
            placed,
            would_fit: would_fit(cluster, states, &class.request),
            price: if all { 0.0 } else { price.min(worth) },
        }
    };
    classes.pods.iter().zip(prices).map(report).collect()
}

/// How many more of a request fit beside everything placed.
pub fn would_fit(cluster: &Cluster, states: &[State], request: &Request) -> u64 {
    // One that asks for nothing would fit without end.
    const MOST: u64 = 1_000_000;
    let mut count = 0;
    for (node, state) in cluster.nodes.iter().zip(states) {
        if !request.allows(node) || !state.fits(request) {
            continue;
        }
        let mut state = state.clone();
        while count < MOST && state.place(request).is_ok() {
            count += 1;
        }
    }
    count
}

/// What one more of each kind of node would bring.
pub fn kind_reports(
    cluster: &Cluster,
    classes: &Classes,
    instance: &Instance,
    prices: &[f64],
) -> Vec<KindReport> {
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    for node in &cluster.nodes {
        let key = (node.model, node.devices, node.cpu_milli, node.memory_mib, node.pool, &node.extras);
        *kinds.entry(key).or_default() += 1;
    }
    let report = |((model, devices, cpu_milli, memory_mib, pool, extras), nodes): (_, u64)| {
        let extras: &Vec<u64> = extras;
        let node =
            Node { model, devices, cpu_milli, memory_mib, pool, extras: extras.clone(), ..Node::default() };
        let state = State::empty(&node);
        let allowed: Vec<u32> = (0..classes.pods.len() as u32)
            .filter(|item| classes.pods[*item as usize].request.allows(&node))
            .collect();
        let bin = instance.bin(classes.room(&state), &state, &allowed);
        let one_more = look(instance, &bin, prices, &Lambda::default());
        KindReport { node, nodes, one_more }
    };
    kinds.into_iter().map(report).collect()
}
