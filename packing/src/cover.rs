//! Which nodes to add, at least cost, so that pods that wait can run.
//!
//! Cover: min Σ cost x, Σ a x ≥ d over patterns of the nodes on offer. It is the same program as that of a
//! packing, with a cost on bins and a worth of each pod that is above what a node for it alone costs; so
//! the same bound holds. Whole patterns come from the same dive; what they leave out gets the cheapest
//! node that holds it, and nodes whose pods fit elsewhere are dropped again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    classes::{Classes, Invalid, NodeClass, grouped, validate},
    dive::{Rounded, dive},
    fleet::{Cluster, Hold, Node, Placement, Request, State},
    generate::{Generated, Memory, Stop, generate},
    instance::{Instance, Limit, Sizes},
    master::{Form, Master},
    pack::Params,
    whole::whole,
};

/// A kind of node that can be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it has; its name is that of the offer, its model and pool are those of the cluster's lists.
    pub node: Node,
    /// What one costs, in any unit that all offers share (micro-dollars an hour).
    pub cost: u64,
}

/// Nodes to add.
#[derive(Debug, Clone, PartialEq)]
pub struct Cover {
    /// How many of each offer, those with none left out: (offer, count).
    pub add: Vec<(usize, u32)>,
    /// What they cost together.
    pub cost: u64,
    /// Nothing that holds all these pods costs less; 0 when some can be held by nothing, or when
    /// they are so different that only their like was packed.
    pub bound: u64,
    /// The pods that the nodes on offer do not hold.
    pub left: Vec<usize>,
    /// The new nodes, each with its offer and the pods on it with what they hold of its devices.
    pub nodes: Vec<(usize, Held)>,
}

/// More pods than this, and one rounding is near enough to the bound.
const SMALL: usize = 200;

/// Rounds for the proof where classes are of what is only nearly alike, at least.
const BUCKETED_ROUNDS: usize = 40;

/// Pods, each with what it holds of its node's devices.
pub type Held = Vec<(usize, Vec<Hold>)>;

/// The cheapest nodes on offer that hold pods of a cluster, within limits on what the offers take together (how
/// many can be had, quotas). Gangs and spreads are not looked at.
///
/// Pods that no offer can hold together with others are covered by themselves: that is less work, and a
/// proof of whole nodes where few kinds are on offer.
pub fn cover(
    cluster: &Cluster,
    pods: &[usize],
    offers: &[Offer],
    limits: &[Limit],
    params: &Params,
) -> Result<Cover, Invalid> {
    // No more nodes than pods are taken: what so many may take whatever they are limits nothing.
    let binds = |limit: &&Limit| {
        let most = limit.takes.iter().map(|(_, each)| *each).max().unwrap_or(0);
        most.saturating_mul(pods.len() as u64) > limit.most
    };
    let limits: Vec<&Limit> = limits.iter().filter(binds).collect();
    let parts = parts(cluster, pods, offers, &limits);
    let mut all = Cover { add: Vec::new(), cost: 0, bound: 0, left: Vec::new(), nodes: Vec::new() };
    for Part { pods, offers: own } in parts {
        let on_offer: Vec<Offer> = own.iter().map(|offer| offers[*offer].clone()).collect();
        let one = together(cluster, &pods, &on_offer, &within(&limits, &own), params)?;
        let held = one.nodes.iter().flat_map(|(_, pods)| pods).map(|(pod, _)| *pod);
        all.bound += at_least(cluster, held, &on_offer).max(one.bound).min(one.cost);
        all.cost += one.cost;
        all.left.extend(one.left);
        all.add.extend(one.add.into_iter().map(|(offer, count)| (own[offer], count)));
        all.nodes.extend(one.nodes.into_iter().map(|(offer, pods)| (own[offer], pods)));
    }
    all.left.sort_unstable();
    all.add.sort_unstable();
    all.nodes.sort_by_key(|(offer, _)| *offer);
    Ok(all)
}

/// Pods, and all offers that can hold some of them.
struct Part {
    pods: Vec<usize>,
    offers: Vec<usize>,
}

/// The limits of some of the offers, by their places among those.
fn within(limits: &[&Limit], offers: &[usize]) -> Vec<Limit> {
    let of = |limit: &&Limit| Limit {
        most: limit.most,
        takes: (0_u32..)
            .zip(offers)
            .filter_map(|(at, offer)| {
                let own = limit.takes.iter().find(|(of, _)| *of as usize == *offer)?;
                Some((at, own.1))
            })
            .collect(),
    };
    limits.iter().map(of).filter(|limit| !limit.takes.is_empty()).collect()
}

/// Pods that are held by the same offers, or by offers that hold the same pods or share a limit; those that none
/// holds together.
fn parts(cluster: &Cluster, pods: &[usize], offers: &[Offer], limits: &[&Limit]) -> Vec<Part> {
    let empty: Vec<State> = offers.iter().map(|offer| State::empty(&offer.node)).collect();
    let mut held_by: BTreeMap<&Request, Vec<usize>> = BTreeMap::new();
    for pod in pods {
        let request = &cluster.pods[*pod].request;
        let holds = |at: &usize| request.allows(&offers[*at].node) && empty[*at].fits(request);
        held_by.entry(request).or_insert_with(|| (0..offers.len()).filter(holds).collect());
    }
    // Each offer's part, by its first offer.
    let mut part: Vec<usize> = (0..offers.len()).collect();
    let limited = limits.iter().map(|limit| limit.takes.iter().map(|(offer, _)| *offer as usize).collect());
    let limited: Vec<Vec<usize>> = limited.collect();
    for together in held_by.values().chain(&limited).filter(|together| together.len() > 1) {
        let known: BTreeSet<usize> = together.iter().map(|offer| part[*offer]).collect();
        let first = known.iter().next().copied().unwrap_or(0);
        for of in part.iter_mut().filter(|of| known.contains(of)) {
            *of = first;
        }
    }
    let mut parts: BTreeMap<Option<usize>, Part> = BTreeMap::new();
    for pod in pods {
        let first = held_by[&cluster.pods[*pod].request].first().map(|offer| part[*offer]);
        let new = || Part {
            pods: Vec::new(),
            offers: (0..offers.len()).filter(|offer| Some(part[*offer]) == first).collect(),
        };
        parts.entry(first).or_insert_with(new).pods.push(*pod);
    }
    parts.into_values().collect()
}

/// What pods cost at least: the dearest one's cheapest node.
fn at_least(cluster: &Cluster, pods: impl Iterator<Item = usize>, offers: &[Offer]) -> u64 {
    let requests: BTreeSet<&Request> = pods.map(|pod| &cluster.pods[pod].request).collect();
    let cheapest = |request: &&Request| {
        let holds = |offer: &&Offer| request.allows(&offer.node) && State::empty(&offer.node).fits(request);
        offers.iter().filter(holds).map(|offer| offer.cost).min()
    };
    requests.iter().filter_map(cheapest).max().unwrap_or(0)
}

/// The same for pods that offers may hold together.
fn together(
    cluster: &Cluster,
    pods: &[usize],
    offers: &[Offer],
    limits: &[Limit],
    params: &Params,
) -> Result<Cover, Invalid> {
    let needed = needed(cluster, pods);
    validate(&needed)?;
    validate(&Cluster {
        nodes: offers.iter().map(|offer| offer.node.clone()).collect(),
        ..Cluster::default()
    })?;
    let mut classes = Classes::of(&needed, &[])?;
    // One class of nodes an offer, in their order, with as many nodes as could be wanted.
    let mut first = 0;
    for offer in offers {
        let mut state = State::empty(&offer.node);
        let (groups, strict) = grouped(&mut state, true);
        let nodes = (first..first + pods.len()).collect();
        first += pods.len();
        let (model, pool) = (offer.node.model, offer.node.pool);
        classes.nodes.push(NodeClass {
            most: state.clone(),
            state,
            model,
            pool,
            zone: None,
            domains: Vec::new(),
            groups,
            strict,
            nodes,
        });
    }
    let found = covered(&needed, &classes, pods, offers, limits, params, Worth::Own);
    if found.left.is_empty() || limits.is_empty() {
        return Ok(found);
    }
    // Who competes for a limit gets it by worth, and a pod that has no other place may be worth less than one that has.
    let all = covered(&needed, &classes, pods, offers, limits, params, Worth::Alike);
    let rank = |one: &Cover| (one.left.len(), one.cost);
    Ok(if rank(&all) < rank(&found) { all } else { found })
}

/// What pods are worth beside nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// Each a little more than a node of its own.
    Own,
    /// Each more than nodes for everyone, and so all alike.
    Alike,
}

fn covered(
    needed: &Cluster,
    classes: &Classes,
    pods: &[usize],
    offers: &[Offer],
    limits: &[Limit],
    params: &Params,
    worth: Worth,
) -> Cover {
    let dearest = offers.iter().map(|offer| offer.cost).max().unwrap_or(0).max(1) as f64;
    let instance = priced(classes, Sizes::Most, offers, limits, dearest, worth);
    let mut master = Master::within(&instance, Form::Admit, params.time_left);
    let mut memory = Memory::default();
    // Few pods may be of a kind: patterns of more than there are would prove little.
    let stop = Stop { gap: params.gap, rounds: params.rounds, hardest: 2, capped: true };
    let generated = generate(&instance, &mut master, &mut memory, stop);
    let rounded = generated.as_ref().map_or_else(Rounded::default, |generated| {
        dive(&instance, &mut master, &mut memory, &generated.fractional, 0)
    });
    let mut ways = vec![rounded];
    if pods.len() <= SMALL {
        master.resize(&instance);
        ways.extend(whole(&instance, &master, params.gap));
    }
    let nodes_of = |rounded: &Rounded| {
        let mut nodes = place(needed, classes, &instance, offers, limits, rounded);
        drop_needless(needed, &mut nodes);
        nodes
    };
    // As many pods as can be, then the least cost.
    let worse = |nodes: &Vec<New>| {
        let held: usize = nodes.iter().map(|node| node.pods.len()).sum();
        (pods.len() - held, nodes.iter().map(|node| offers[node.offer].cost).sum::<u64>())
    };
    let mut nodes = ways.iter().map(nodes_of).min_by_key(worse).unwrap_or_default();
    let placed: Vec<bool> = {
        let mut placed = vec![false; pods.len()];
        nodes.iter().flat_map(|node| &node.pods).for_each(|(pod, _)| placed[*pod] = true);
        placed
    };
    let left: Vec<usize> = (0..pods.len()).filter(|pod| !placed[*pod]).map(|pod| pods[pod]).collect();
    let cost = nodes.iter().map(|node| offers[node.offer].cost).sum();
    let bound = match generated.filter(|_| left.is_empty()) {
        Some(generated) if classes.bucketed() => {
            // The least that any pod of a class asks for.
            let instance = priced(classes, Sizes::Least, offers, limits, dearest, worth);
            let mut roomy = Master::within(&instance, Form::Admit, params.time_left);
            for (bin, pattern) in &master.patterns {
                roomy.add(&instance, *bin, pattern.clone());
            }
            let stop = Stop { rounds: generated.rounds.max(BUCKETED_ROUNDS), ..stop };
            let least = generate(&instance, &mut roomy, &mut Memory::default(), stop);
            least.map_or(0, |least| costs_at_least(&instance, &least, offers, dearest))
        }
        Some(generated) => costs_at_least(&instance, &generated, offers, dearest),
        None => 0,
    };
    let mut add: Vec<(usize, u32)> = Vec::new();
    nodes.sort_by_key(|node| node.offer);
    for node in &nodes {
        match add.last_mut() {
            Some(last) if last.0 == node.offer => last.1 += 1,
            _ => add.push((node.offer, 1)),
        }
    }
    let nodes = nodes
        .into_iter()
        .map(|node| (node.offer, node.pods.into_iter().map(|(pod, holds)| (pods[pod], holds)).collect()))
        .collect();
    Cover { add, cost, bound: bound.min(cost), left, nodes }
}

/// Classes as items and bins that cost something, and pods that are worth more than a node.
fn priced(
    classes: &Classes,
    sizes: Sizes,
    offers: &[Offer],
    limits: &[Limit],
    dearest: f64,
    worth: Worth,
) -> Instance {
    let mut instance = Instance::new(classes, sizes);
    for (bin, offer) in instance.bins.iter_mut().zip(offers) {
        bin.cost = offer.cost as f64 / dearest;
    }
    instance.limits = limits.to_vec();
    instance.within_limits();
    let is_limited =
        |bin: usize| limits.iter().flat_map(|limit| &limit.takes).any(|(of, _)| *of as usize == bin);
    let is_limited: Vec<bool> = (0..offers.len()).map(is_limited).collect();
    for item in 0..instance.items.len() as u32 {
        let bins = || instance.bins.iter().zip(&is_limited);
        let holds = || bins().filter(|(bin, _)| bin.count > 0 && bin.fitting.binary_search(&item).is_ok());
        // More than a node for it alone, so that none is left out for its cost: the cheapest that can surely be
        // had, else any.
        let cheapest =
            holds().filter(|(_, is_limited)| !**is_limited).map(|(bin, _)| bin.cost).reduce(f64::min);
        let own = cheapest.or_else(|| holds().map(|(bin, _)| bin.cost).reduce(f64::max));
        // No node costs more than 1, and no more nodes than pods are taken.
        let alike = classes.pods.iter().map(|class| class.pods.len()).sum::<usize>() as f64 + 1.0;
        instance.items[item as usize].worth = own.map_or(0.0, |cost| match worth {
            Worth::Own => 1.5 * cost + 1e-3,
            Worth::Alike => alike,
        });
    }
    instance
}

/// What nodes for everyone cost at least: what all of the worth exceeds the bound on worth less cost by, in whole
/// amounts.
fn costs_at_least(instance: &Instance, generated: &Generated, offers: &[Offer], dearest: f64) -> u64 {
    let all: f64 = instance.items.iter().map(|item| item.worth * f64::from(item.demand)).sum();
    let bound = ((all - generated.bound * (1.0 + 1e-9)) * dearest).max(0.0).ceil() as u64;
    // Whatever nodes are taken, their cost is a multiple of what all costs are.
    let unit = offers.iter().fold(0, |unit, offer| gcd(unit, offer.cost)).max(1);
    bound.div_ceil(unit).saturating_mul(unit)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The pods alone, none of them running, and no nodes.
fn needed(cluster: &Cluster, pods: &[usize]) -> Cluster {
    let alone = |pod: &usize| crate::fleet::Pod {
        running: None,
        gang: None,
        spread: None,
        confine: None,
        ..cluster.pods[*pod].clone()
    };
    Cluster {
        models: cluster.models.clone(),
        resources: cluster.resources.clone(),
        pods: pods.iter().map(alone).collect(),
        ..Cluster::default()
    }
}

/// A node to add.
#[derive(Debug, Clone)]
struct New {
    offer: usize,
    node: Node,
    state: State,
    pods: Held,
}

impl New {
    fn of(offer: usize, it: &Offer) -> Self {
        Self { offer, node: it.node.clone(), state: State::empty(&it.node), pods: Vec::new() }
    }
}

/// The nodes that patterns want, and the cheapest for what they leave out.
fn place(
    needed: &Cluster,
    classes: &Classes,
    instance: &Instance,
    offers: &[Offer],
    limits: &[Limit],
    rounded: &Rounded,
) -> Vec<New> {
    let mut with_nodes = needed.clone();
    let mut offer_of = Vec::new();
    let mut classes = classes.clone();
    for (index, (offer, class)) in offers.iter().zip(&mut classes.nodes).enumerate() {
        let own = rounded.uses.iter().filter(|it| it.bin as usize == index);
        let used = own.map(|it| it.copies as usize).sum();
        class.nodes = (with_nodes.nodes.len()..).take(class.nodes.len().min(used)).collect();
        for node in &class.nodes {
            with_nodes.nodes.push(Node { name: format!("{index}-{node}"), ..offer.node.clone() });
            offer_of.push(index);
        }
    }
    let mut states: Vec<State> = with_nodes.nodes.iter().map(State::empty).collect();
    let mut placements: Vec<Option<Placement>> = vec![None; needed.pods.len()];
    crate::assign::assign(&with_nodes, &classes, instance, rounded, &mut states, &mut placements);
    let mut nodes: Vec<New> = Vec::new();
    let mut at = vec![None; states.len()];
    for (pod, placement) in placements.iter().enumerate() {
        let Some(placement) = placement else { continue };
        let slot = *at[placement.node].get_or_insert_with(|| {
            let offer = offer_of[placement.node];
            let mut new = New::of(offer, &offers[offer]);
            new.state = states[placement.node].clone();
            nodes.push(new);
            nodes.len() - 1
        });
        nodes[slot].pods.push((pod, placement.devices.clone()));
    }
    let mut left: Vec<usize> = (0..placements.len()).filter(|pod| placements[*pod].is_none()).collect();
    left.sort_by_key(|pod| {
        let it = &needed.pods[*pod];
        (std::cmp::Reverse((it.request.milli(), it.request.cpu_milli)), &it.name)
    });
    let mut room = Room::of(limits, offers.len(), &nodes);
    for pod in left {
        let request = &needed.pods[pod].request;
        if nodes.iter_mut().any(|new| new.take(needed, pod)) {
            continue;
        }
        let can = |(index, offer): &(usize, &Offer)| {
            request.allows(&offer.node) && State::empty(&offer.node).fits(request) && room.holds(*index)
        };
        let cheapest =
            offers.iter().enumerate().filter(can).min_by_key(|(index, offer)| (offer.cost, *index));
        if let Some((index, offer)) = cheapest {
            let mut new = New::of(index, offer);
            new.take(needed, pod);
            nodes.push(new);
            room.take(index);
        }
    }
    nodes
}

/// What is left of limits.
struct Room {
    left: Vec<u64>,
    /// Of each limit, what each offer takes.
    each: Vec<Vec<u64>>,
}

impl Room {
    fn of(limits: &[Limit], offers: usize, nodes: &[New]) -> Self {
        let each = |limit: &Limit| {
            let mut each = vec![0; offers];
            for (offer, own) in &limit.takes {
                each[*offer as usize] = *own;
            }
            each
        };
        let mut room = Self {
            left: limits.iter().map(|limit| limit.most).collect(),
            each: limits.iter().map(each).collect(),
        };
        for node in nodes {
            room.take(node.offer);
        }
        room
    }

    fn holds(&self, offer: usize) -> bool {
        self.left.iter().zip(&self.each).all(|(left, each)| each[offer] <= *left)
    }

    fn take(&mut self, offer: usize) {
        for (left, each) in self.left.iter_mut().zip(&self.each) {
            *left = left.saturating_sub(each[offer]);
        }
    }
}

impl New {
    fn take(&mut self, needed: &Cluster, pod: usize) -> bool {
        let request = &needed.pods[pod].request;
        let holds = request.allows(&self.node).then(|| self.state.place(request).ok()).flatten();
        let taken = holds.is_some();
        self.pods.extend(holds.map(|holds| (pod, holds)));
        taken
    }
}

/// Drops nodes whose pods all fit on the others, those with the fewest first.
fn drop_needless(needed: &Cluster, nodes: &mut Vec<New>) {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|index| (nodes[*index].pods.len(), *index));
    let mut gone = vec![false; nodes.len()];
    for index in order.into_iter().take(200) {
        let before = nodes.clone();
        let pods = std::mem::take(&mut nodes[index].pods);
        gone[index] = true;
        let moved = pods.iter().all(|(pod, _)| {
            (0..nodes.len()).filter(|other| !gone[*other]).any(|other| nodes[other].take(needed, *pod))
        });
        if !moved {
            *nodes = before;
            gone[index] = false;
        }
    }
    let mut gone = gone.into_iter();
    nodes.retain(|_| !gone.next().unwrap_or(false));
}
