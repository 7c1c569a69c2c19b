//! Packing again after pods and nodes have come and gone.
//!
//! A session keeps the patterns that its last packing knew, and where it put each pod. Classes that are there again
//! find their patterns, so that the linear program and its proof take a round or two. Pods stay where they were put
//! as far as that holds; then the nodes that lose most at the new prices are emptied, as many as the limit on moves
//! lets, and packed anew with what waits, when that is worth more.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::{
    assign::assign,
    classes::{Classes, Invalid, states, validate},
    confine::{blocks, reach},
    dive::dive,
    fill::Filler,
    fleet::{ACCELERATOR, Cluster, Model, Placement, Pod, Request, State},
    generate::{Generated, Memory, Prices, Stop, generate},
    instance::{Instance, Pattern},
    joint::{Zones, shapes},
    marginal,
    master::{Form, Master},
    pack::{Found, Packing, Params, Stats, classes, packed, worth},
    proof::proven,
    relax::Lambda,
};

/// Patterns kept from one packing to the next, at most.
const KEPT: usize = 4_000;

/// What makes a class of pods the same as one before: request, worth, spread, and the zone or the domain of the item.
type PodKey = (Request, u64, Option<u32>, Option<u32>, Option<u32>);

/// What makes a class of nodes the same as one before.
type NodeKey = (Option<Model>, u32, Option<u32>, Vec<u32>, (Vec<u16>, bool), State);

/// What a packing knew.
#[derive(Debug)]
struct Known {
    items: Vec<PodKey>,
    bins: Vec<NodeKey>,
    lambdas: Vec<Lambda>,
    patterns: Vec<(u32, Pattern)>,
}

/// Packings of one cluster one after the other.
///
/// From one to the next pods and nodes are the same when they have the same name, and models, zones, resources, pools
/// and groups when they have the same place in the cluster's lists.
#[derive(Debug)]
pub struct Session {
    params: Params,
    /// Of the pods placed before, how many may be placed elsewhere to make room, in thousandths.
    moved: u32,
    known: Option<Known>,
    /// Where each pod was put, by name: the name of the node, and the request it had.
    plan: FxHashMap<String, (String, Placement, Request)>,
}

/// A packing, and what it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Repacked {
    /// The packing.
    pub packing: Packing,
    /// The pods that were placed before on nodes that are still there, and now wait or are elsewhere.
    pub moved: Vec<usize>,
}

impl Session {
    /// A session that has packed nothing yet; `moved` thousandths of the pods placed before may be placed elsewhere.
    pub fn new(params: Params, moved: u32) -> Self {
        Self { params, moved, known: None, plan: FxHashMap::default() }
    }

    /// Packs the cluster as it is now. Pods that run stay where they run.
    pub fn pack(&mut self, cluster: &Cluster) -> Result<Repacked, Invalid> {
        let before = self.before(cluster);
        let found = match self.known.take() {
            Some(known) => self.again(cluster, &known, &before)?,
            None => packed(cluster, &Params { moves: 0, ..self.params.clone() }, &mut |_| {})?,
        };
        self.known = known(&found);
        let packing = found.packing;
        self.plan = FxHashMap::default();
        for (pod, placement) in cluster.pods.iter().zip(&packing.placements) {
            if let Some(at) = placement.as_ref().filter(|_| pod.running.is_none()) {
                let node = cluster.nodes[at.node].name.clone();
                self.plan.insert(pod.name.clone(), (node, at.clone(), pod.request.clone()));
            }
        }
        let moved = |pod: &usize| before[*pod].is_some() && before[*pod] != packing.placements[*pod];
        let moved = (0..cluster.pods.len()).filter(moved).collect();
        Ok(Repacked { packing, moved })
    }

    fn again(
        &self,
        cluster: &Cluster,
        known: &Known,
        before: &[Option<Placement>],
    ) -> Result<Found, Invalid> {
        validate(cluster)?;
        let start = states(cluster)?;
        let classes = classes(cluster, &start, self.params.time_left)?;
        let instance = Instance::of(&classes);
        let mut master = Master::new(&instance, Form::Admit);
        let mut memory = Memory::default();
        recall(known, &classes, &instance, &mut master, &mut memory);
        let stop = Stop { gap: self.params.gap, rounds: self.params.rounds, hardest: 3, capped: false };
        let generated = generate(&instance, &mut master, &mut memory, stop);
        let bound = proven(cluster, &classes, &instance, &master, &memory, generated.as_ref(), &self.params);
        let again = Again { cluster, classes: &classes, instance: &instance, start: &start, before };
        let mut draft = again.kept();
        if let Some(generated) = &generated {
            let most = before.iter().flatten().count() * self.moved as usize / 1000;
            let enough = (bound as f64 * (1.0 - self.params.gap)) as u64;
            again.improve(&mut draft, generated, &master, &mut memory, most, enough);
        }
        let (states, placements) = draft;
        let prices = generated.as_ref().map_or_else(|| Prices::none(&instance), |g| g.prices.clone());
        let packing = Packing {
            worth: worth(cluster, &placements),
            bound,
            moves: Vec::new(),
            prices: marginal::of_pods(cluster, &classes, &placements, &prices.of_classes(&instance)),
            one_more: marginal::of_nodes(cluster, &classes, &instance, &prices.items),
            stats: Stats {
                pod_classes: classes.pods.len(),
                node_classes: classes.nodes.len(),
                patterns: master.patterns.len(),
                rounds: generated.as_ref().map_or(0, |g| g.rounds),
            },
            states,
            placements,
        };
        Ok(Found { packing, classes, instance, master, memory, generated })
    }

    /// Where the pods that wait were put before, on nodes that are still there.
    fn before(&self, cluster: &Cluster) -> Vec<Option<Placement>> {
        let nodes: FxHashMap<&str, usize> =
            cluster.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
        let before = |pod: &Pod| {
            let (node, placement, request) = self.plan.get(&pod.name)?;
            let node = *nodes.get(node.as_str())?;
            (pod.running.is_none() && *request == pod.request)
                .then(|| Placement { node, devices: placement.devices.clone() })
        };
        cluster.pods.iter().map(before).collect()
    }
}

/// Adds the patterns of classes that were there before.
fn recall(known: &Known, classes: &Classes, instance: &Instance, master: &mut Master, memory: &mut Memory) {
    let (items, bins) = keys(classes, instance);
    let items: BTreeMap<&PodKey, u32> = items.iter().zip(0..).collect();
    let index: BTreeMap<&NodeKey, u32> = bins.iter().zip(0..).collect();
    let item: Vec<Option<u32>> = known.items.iter().map(|key| items.get(key).copied()).collect();
    let bin: Vec<Option<u32>> = known.bins.iter().map(|key| index.get(key).copied()).collect();
    for (at, pattern) in &known.patterns {
        let Some(at) = bin[*at as usize] else { continue };
        // What is not there any more leaves its room unused.
        let mut counts: Vec<(u32, u32)> =
            pattern.counts.iter().filter_map(|(of, count)| Some((item[*of as usize]?, *count))).collect();
        let mut holds: Vec<(u32, u16, u8)> = pattern
            .holds
            .iter()
            .filter_map(|(of, device, parts)| Some((item[*of as usize]?, *device, *parts)))
            .collect();
        counts.sort_unstable();
        holds.sort_unstable();
        master.add(instance, at, Pattern { counts, holds });
    }
    let mut lambdas = vec![Lambda::default(); instance.bins.len()];
    for (at, lambda) in bin.iter().zip(&known.lambdas) {
        if let Some(at) = at {
            lambdas[*at as usize] = *lambda;
        }
    }
    memory.start(lambdas);
}

/// What the next packing can begin from: the patterns that are worth most at the prices of the program.
fn known(found: &Found) -> Option<Known> {
    let Found { instance, master, .. } = found;
    let fractional = &found.generated.as_ref()?.fractional;
    let (items, bins) = keys(&found.classes, instance);
    let paid = |(index, (bin, pattern)): (usize, &(u32, Pattern))| {
        (pattern.value(&fractional.prices) - fractional.bins[*bin as usize], index)
    };
    let mut order: Vec<(f64, usize)> = master.patterns.iter().enumerate().map(paid).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.truncate(KEPT);
    let patterns = order.into_iter().map(|(_, index)| master.patterns[index].clone()).collect();
    Some(Known { items, bins, lambdas: found.memory.lambdas().to_vec(), patterns })
}

/// What makes items and bins the same as others.
fn keys(classes: &Classes, instance: &Instance) -> (Vec<PodKey>, Vec<NodeKey>) {
    let items = instance.items.iter().map(|item| {
        let class = &classes.pods[item.class as usize];
        (class.request.clone(), class.worth, class.spread, item.zone, item.domain)
    });
    let bins = classes.nodes.iter().map(|class| {
        let groups = (class.groups.clone(), class.strict);
        (class.model, class.pool, class.zone, class.domains.clone(), groups, class.state.clone())
    });
    (items.collect(), bins.collect())
}

/// What is free on each node, and where each pod is.
type Draft = (Vec<State>, Vec<Option<Placement>>);

/// A packing from one before.
struct Again<'a> {
    cluster: &'a Cluster,
    classes: &'a Classes,
    instance: &'a Instance,
    start: &'a [State],
    before: &'a [Option<Placement>],
}

impl Again<'_> {
    /// Everything where it was as far as it still fits, and what else fits.
    fn kept(&self) -> Draft {
        let mut states = self.start.to_vec();
        let mut placements: Vec<Option<Placement>> =
            self.cluster.pods.iter().map(|pod| pod.running.clone()).collect();
        for (pod, was) in self.before.iter().enumerate() {
            let Some(was) = was else { continue };
            let it = &self.cluster.pods[pod];
            let node = &self.cluster.nodes[was.node];
            let zoned = self.cluster.counts(it, node);
            if zoned && it.request.allows(node) && states[was.node].take(&it.request, &was.devices).is_ok() {
                placements[pod] = Some(was.clone());
            }
        }
        Filler::new(self.cluster, self.classes, states, placements).finish()
    }

    /// Empties the nodes that lose most, of at most so many pods placed before, and packs them anew with what waits;
    /// twice at most, while that is worth more and not enough.
    fn improve(
        &self,
        draft: &mut Draft,
        generated: &Generated,
        master: &Master,
        memory: &mut Memory,
        most: usize,
        enough: u64,
    ) {
        let mut left = most;
        let mut tried = BTreeSet::new();
        for part in [2, 1] {
            if left == 0 || worth(self.cluster, &draft.1) >= enough {
                return;
            }
            let nodes = self.worst(draft, generated, left / part, &tried);
            tried.extend(nodes.iter().copied());
            let Some(better) = self.anew(draft, &nodes, master, memory) else { return };
            let moved = (0..self.before.len())
                .filter(|pod| draft.1[*pod].is_some() && draft.1[*pod] != better.1[*pod])
                .count();
            if worth(self.cluster, &better.1) > worth(self.cluster, &draft.1) && moved <= left {
                *draft = better;
                left -= moved;
            }
        }
    }

    /// The nodes whose pods bring least beside what their like can, of at most so many pods.
    fn worst(
        &self,
        draft: &Draft,
        generated: &Generated,
        most: usize,
        tried: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let of_classes = generated.prices.of_classes(self.instance);
        let mut brings = vec![0.0; self.cluster.nodes.len()];
        let mut pods = vec![0; self.cluster.nodes.len()];
        // Gangs stay together where they are.
        let mut ganged = BTreeSet::new();
        for (class, price) in self.classes.pods.iter().zip(of_classes) {
            for pod in &class.pods {
                let Some(at) = &draft.1[*pod] else { continue };
                brings[at.node] += price.clamp(0.0, class.worth as f64 / ACCELERATOR as f64);
                pods[at.node] += 1;
                if self.cluster.pods[*pod].gang.is_some() {
                    ganged.insert(at.node);
                }
            }
        }
        let mut order: Vec<(f64, usize)> = Vec::new();
        for (class, most) in self.classes.nodes.iter().zip(&generated.bins) {
            let free = class.nodes.iter().filter(|node| !ganged.contains(node) && !tried.contains(node));
            order.extend(free.map(|node| (most - brings[*node], *node)));
        }
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut left = most;
        let mut nodes = BTreeSet::new();
        for (lost, node) in order {
            if lost <= 1e-9 {
                break;
            }
            if pods[node] <= left {
                left -= pods[node];
                nodes.insert(node);
            }
        }
        nodes
    }

    /// Some nodes packed anew, without what waited for them before.
    fn anew(
        &self,
        draft: &Draft,
        nodes: &BTreeSet<usize>,
        master: &Master,
        memory: &mut Memory,
    ) -> Option<Draft> {
        let (mut states, mut placements) = draft.clone();
        for (pod, it) in self.cluster.pods.iter().enumerate() {
            let here = placements[pod].as_ref().is_some_and(|at| nodes.contains(&at.node));
            if here && it.running.is_none() {
                placements[pod] = None;
            }
        }
        for node in nodes {
            states[*node].clone_from(&self.start[*node]);
        }
        let mut sub = self.classes.clone();
        for class in &mut sub.nodes {
            class.nodes.retain(|node| nodes.contains(node));
        }
        for class in &mut sub.pods {
            class.pods.retain(|pod| placements[*pod].is_none());
        }
        // A gang whose pods all wait is not torn by what stays.
        sub.blocks = blocks(self.cluster, &sub.pods, &reach(self.cluster, &states));
        sub.shapes = shapes(self.cluster, &sub.pods, &sub.blocks);
        let at: Vec<Option<&Placement>> = placements.iter().map(Option::as_ref).collect();
        for zones in &mut sub.spreads {
            *zones = Zones::of(self.cluster, zones.spread, &at);
        }
        let instance = Instance::of(&sub);
        let mut patterns = Master::new(&instance, Form::Admit);
        for (bin, pattern) in &master.patterns {
            if instance.bins[*bin as usize].count > 0 {
                patterns.add(&instance, *bin, pattern.clone());
            }
        }
        patterns.resize(&instance);
        let stop = Stop { gap: 1e-4, rounds: 60, hardest: 1, capped: true };
        let generated = generate(&instance, &mut patterns, memory, stop)?;
        let rounded = dive(&instance, &mut patterns, memory, &generated.fractional, 0);
        assign(self.cluster, &sub, &instance, &rounded, &mut states, &mut placements);
        Some(Filler::new(self.cluster, self.classes, states, placements).finish())
    }
}
