//! The cheapest nodes on offer for pods that wait.
//!
//! The nodes are stated as the cluster would have them ([`Ground`]), the pods as they are, and the packing
//! covers them at the offers' prices. Nodes are new and empty: what is free on those that are there is left to
//! whoever comes next.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_formats::{Ground, NewNode, places};
use plimsoll_model::{
    Capacity, Fleet, Inputs, OfferSpec, Usd,
    fleet::{Node, Pod, Requirement, Taint, Test, Toleration, ZONE},
    packing::{self, Adding, Addition, Assignment},
    plan::Assumption,
};
use plimsoll_packing::{
    Params,
    cover::{Cover, Offer, cover},
    instance::Limit,
};

use super::{report::holds, state};
use crate::{
    build::Rules,
    error::PlanError,
    flags::Settings,
    world::{self, OfferIx, World},
};

/// What keeps pods off spot nodes that do not say that they may be interrupted.
const SPOT: &str = "plimsoll.dev/spot";

/// Offers of which nodes may be added.
#[derive(Debug, Clone, Default)]
pub struct Market {
    /// Cheapest first.
    offers: Vec<OfferSpec>,
    /// How many can be had of them, and the quotas that they draw on.
    limits: Vec<Limited>,
    /// Quotas that they draw on and that are not held.
    not_held: BTreeSet<String>,
    /// Those of which the estate has reservations that are paid.
    reserved: BTreeSet<String>,
    /// The classes of capacity that were asked for.
    classes: Vec<Capacity>,
    /// Where the cluster is, as far as its labels say.
    among: Vec<String>,
    /// Of the estate, where one was given.
    digest: Option<String>,
}

/// A limit on what is taken of some offers together.
#[derive(Debug, Clone)]
struct Limited {
    name: String,
    most: u64,
    /// What a node of each takes, by the offer's place.
    takes: BTreeMap<usize, u64>,
}

impl Market {
    /// The offers of some classes of capacity where a cluster is: of the embedded catalogue and of an estate.
    /// Own machines of the estate have no place.
    ///
    /// # Errors
    /// When the estate's offers contradict each other.
    pub fn of(fleet: &Fleet, inputs: &Inputs, classes: &[Capacity]) -> Result<Self, PlanError> {
        let places = places(fleet);
        let world = World::new(inputs, Settings::of(inputs).now)?;
        let rules = Rules::of(&world);
        let is_here = |offer: &world::Offer| {
            let is_in = |(cloud, region): &(Option<String>, String)| {
                *region == *offer.region && (cloud.is_none() || cloud.as_deref() == offer.cloud.as_deref())
            };
            offer.cloud.is_none() || places.is_empty() || places.iter().any(is_in)
        };
        let quotas = |ix| rules.all_quotas_of(ix).filter(|(_, quota)| quota.counts_nodes());
        let mut offers: Vec<(OfferIx, &world::Offer)> = (0..).map(OfferIx).zip(&world.offers).collect();
        offers.retain(|(ix, offer)| {
            let is_asked = classes.contains(&offer.capacity) && rules.is_offered(*ix) && is_here(offer);
            // What does not state how much it takes of a quota may take any amount.
            is_asked && quotas(*ix).all(|(_, quota)| quota.of_node(offer).is_some())
        });
        offers.sort_by(|(_, a), (_, b)| a.hourly.cmp(&b.hourly).then_with(|| a.cmp_name(b)));
        if places.is_empty() && !Ground::of(fleet).asks_for_places() {
            // Where a machine is does not matter: where it is cheapest.
            let mut seen = BTreeSet::new();
            offers.retain(|(ix, offer)| {
                offer.instance_type.is_none()
                    || offer.count.is_some()
                    || quotas(*ix).next().is_some()
                    || seen.insert((&offer.cloud, &offer.instance_type, offer.capacity))
            });
        }
        let among = places.iter().map(|(cloud, region)| match cloud {
            Some(cloud) => format!("{cloud}/{region}"),
            None => region.clone(),
        });
        let mut of_quota: BTreeMap<u32, Limited> = BTreeMap::new();
        let mut limits = Vec::new();
        for (at, (ix, offer)) in offers.iter().enumerate() {
            if let Some(count) = offer.count {
                let takes = BTreeMap::from([(at, 1)]);
                limits.push(Limited { name: offer.name(), most: count.into(), takes });
            }
            for (index, quota) in quotas(*ix) {
                let most = quota.limit.unsigned_abs();
                let new = || Limited { name: quota.name.clone(), most, takes: BTreeMap::new() };
                let takes = quota.of_node(offer).map_or(0, i64::unsigned_abs);
                of_quota.entry(index).or_insert_with(new).takes.insert(at, takes);
            }
        }
        limits.extend(of_quota.into_values());
        let not_held = offers.iter().flat_map(|(ix, _)| rules.all_quotas_of(*ix));
        let not_held = not_held.filter(|(_, quota)| !quota.counts_nodes());
        let paid = inputs.estate.reservations.iter().filter(|one| one.count > 0 && one.sunk.unwrap_or(true));
        let paid: BTreeSet<&str> = paid.map(|one| &*one.offer).collect();
        let names = offers.iter().map(|(_, offer)| offer.name());
        Ok(Self {
            limits,
            reserved: names.filter(|name| paid.contains(&**name)).collect(),
            not_held: not_held.map(|(_, quota)| quota.name.clone()).collect(),
            offers: offers.iter().map(|(_, offer)| offer.to_spec()).collect(),
            classes: classes.to_vec(),
            among: among.collect(),
            digest: inputs.places.estate.is_some().then(|| inputs.digest.clone()),
        })
    }

    /// The classes that were asked for.
    pub fn classes(&self) -> Vec<Capacity> {
        self.classes.clone()
    }

    /// The limits on nodes of some of the offers.
    fn limits_of(&self, candidates: &[Candidate]) -> Vec<Limit> {
        let of = |limit: &Limited| Limit {
            most: limit.most,
            takes: (0_u32..)
                .zip(candidates)
                .filter_map(|(place, one)| {
                    Some((place, *limit.takes.get(&one.at).filter(|each| **each > 0)?))
                })
                .collect(),
        };
        self.limits.iter().map(of).collect()
    }

    /// The digest of the estate.
    pub fn digest(&self) -> Option<String> {
        self.digest.clone()
    }
}

/// The nodes to add.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub(super) add: Vec<Addition>,
    pub(super) adding: Option<Adding>,
    pub(super) assumptions: Vec<Assumption>,
}

/// The cheapest nodes for the pods that wait. `zones` says of each spread how many of its pods are in each zone.
pub(super) fn add(
    fleet: &Fleet,
    market: &Market,
    waiting: &[usize],
    mut zones: BTreeMap<u32, BTreeMap<String, u64>>,
    params: &Params,
) -> Added {
    let among = if market.among.is_empty() { vec!["anywhere".to_owned()] } else { market.among.clone() };
    let nothing = |left: Vec<String>, assumptions| Added {
        add: Vec::new(),
        adding: Some(Adding { usd: Usd::ZERO, bound_usd: None, among: among.clone(), left }),
        assumptions,
    };
    let before = zones.clone();
    let (pods, pins): (Vec<Pod>, Vec<Option<Pin>>) =
        waiting.iter().map(|at| pinned(fleet, &fleet.pods[*at], &mut zones)).unzip();
    let candidates = candidates(fleet, market, &pods);
    let nodes: Vec<Node> = candidates
        .iter()
        .enumerate()
        .map(|(at, new)| Node { name: format!("{at} {}", new.node.name), ..new.node.clone() })
        .collect();
    let named =
        |pods: &[usize]| -> Vec<String> { pods.iter().map(|at| waiting_name(fleet, waiting, *at)).collect() };
    let all: Vec<usize> = (0..pods.len()).collect();
    // What a node on offer would be in a domain with is not known.
    let is_confined = |at: &usize| fleet.pods[waiting[*at]].confine.is_some();
    let mut left: BTreeSet<usize> = all.iter().copied().filter(is_confined).collect();
    let new_fleet = Fleet { nodes, pods, ..Fleet::default() };
    let stated = match state::of(&new_fleet, false) {
        Ok(stated) => stated,
        Err(error) => {
            let note = note("nodes to add".to_owned(), format!("not looked for: {error}"));
            return nothing(named(&all), vec![note]);
        }
    };
    let cluster = &stated.cluster;
    let offers: Vec<Offer> = candidates
        .iter()
        .zip(&cluster.nodes)
        .map(|(new, node)| Offer { node: node.clone(), cost: new.cost })
        .collect();
    let limits = market.limits_of(&candidates);
    let gang = |at: usize| fleet.pods[waiting[at]].gang;
    let covered = loop {
        // A gang of which one is left out is left out whole.
        let torn: BTreeSet<u32> = left.iter().filter_map(|at| gang(*at)).collect();
        left.extend(all.iter().copied().filter(|at| gang(*at).is_some_and(|gang| torn.contains(&gang))));
        let wanted: Vec<usize> = all.iter().copied().filter(|at| !left.contains(at)).collect();
        match cover(cluster, &wanted, &offers, &limits, params) {
            Ok(covered) if covered.left.iter().any(|at| gang(*at).is_some()) => {
                left.extend(covered.left.into_iter().filter(|at| gang(*at).is_some()));
            }
            Ok(covered) => {
                left.extend(&covered.left);
                let ahead = ahead(fleet, &before, &pins, &left);
                if ahead.is_empty() {
                    break covered;
                }
                left.extend(ahead);
            }
            Err(invalid) => {
                let note = note("nodes to add".to_owned(), format!("not looked for: {invalid}"));
                return nothing(named(&all), vec![note]);
            }
        }
    };
    let name = |at: usize| waiting_name(fleet, waiting, at);
    let add = additions(&candidates, &covered, &name);
    let left: Vec<usize> = left.into_iter().collect();
    let mut assumptions = assumptions(fleet, market, &candidates, &covered, &add);
    if left.iter().any(is_confined) {
        let value =
            "not looked for pods that must be within one domain: which new nodes would be is not known";
        assumptions.push(note("nodes to add".to_owned(), value.to_owned()));
    }
    let bound = Some(covered.bound).filter(|bound| *bound > 0 || covered.cost == 0);
    let usd = |micro: u64| Usd::from_micro(i128::from(micro));
    Added {
        adding: Some(Adding { usd: usd(covered.cost), bound_usd: bound.map(usd), among, left: named(&left) }),
        assumptions,
        add,
    }
}

fn waiting_name(fleet: &Fleet, waiting: &[usize], at: usize) -> String {
    fleet.pods[waiting[at]].name.clone()
}

/// A spread, and the zone that a pod of it goes to.
type Pin = (u32, String);

/// Pods in zones that got ahead of others, since pods that were to go there are left out.
fn ahead(
    fleet: &Fleet,
    before: &BTreeMap<u32, BTreeMap<String, u64>>,
    pins: &[Option<Pin>],
    left: &BTreeSet<usize>,
) -> Vec<usize> {
    let mut zones = before.clone();
    let held = || pins.iter().enumerate().filter(|(at, _)| !left.contains(at));
    let held = || held().filter_map(|(at, pin)| Some((at, pin.as_ref()?)));
    for (_, (spread, zone)) in held() {
        if let Some(count) = zones.get_mut(spread).and_then(|zones| zones.get_mut(zone)) {
            *count += 1;
        }
    }
    let mut out = Vec::new();
    for (at, (spread, zone)) in held() {
        let (Some(it), Some(zones)) = (fleet.spreads.get(*spread as usize), zones.get_mut(spread)) else {
            continue;
        };
        let is_short = zones.len() < it.fewest as usize;
        let least = zones.values().min().copied().filter(|_| !is_short).unwrap_or(0);
        if let Some(count) = zones.get_mut(zone).filter(|count| **count > least + u64::from(it.skew)) {
            *count -= 1;
            out.push(at);
        }
    }
    out
}

/// The pod by itself. Of a spread, it goes to the zone that has fewest, so that no zone gets ahead; nowhere where too few
/// zones count and each has what the skew allows.
fn pinned(fleet: &Fleet, pod: &Pod, zones: &mut BTreeMap<u32, BTreeMap<String, u64>>) -> (Pod, Option<Pin>) {
    let mut alone = Pod { gang: None, spread: None, confine: None, ..pod.clone() };
    if pod.interruptible {
        alone.rule.tolerations.push(Toleration { key: Some(SPOT.to_owned()), value: None, effect: None });
    }
    let of_spread =
        pod.spread.and_then(|at| Some((at, fleet.spreads.get(at as usize)?, zones.get_mut(&at)?)));
    let Some((at, spread, zones)) = of_spread.filter(|(.., zones)| !zones.is_empty()) else {
        return (alone, None);
    };
    let is_short = zones.len() < spread.fewest as usize;
    let least = zones.iter_mut().min_by_key(|(_, count)| **count);
    let open = least.filter(|(_, count)| !is_short || **count < u64::from(spread.skew));
    let zone = open.map(|(zone, count)| {
        *count += 1;
        zone.clone()
    });
    let test = Test::In(zone.iter().cloned().collect());
    alone.rule.and(Requirement { key: ZONE.to_owned(), test });
    (alone, zone.map(|zone| (at, zone)))
}

/// A node that could be added, at a price.
struct Candidate {
    /// Its place in the market.
    at: usize,
    offer: String,
    capacity: Capacity,
    node: Node,
    like: Option<String>,
    /// Micro-dollars an hour.
    cost: u64,
}

/// The nodes on offer, those left out beside which a cheaper one has at least as much.
fn candidates(fleet: &Fleet, market: &Market, pods: &[Pod]) -> Vec<Candidate> {
    let ground = Ground::of(fleet);
    let zones = if ground.asks_for_zones() { plimsoll_formats::zones(fleet) } else { BTreeSet::new() };
    let asked: BTreeSet<&str> =
        pods.iter().filter_map(|pod| pod.ask.as_ref()).map(|ask| &*ask.resource).collect();
    let limited: BTreeSet<usize> =
        market.limits.iter().flat_map(|limit| limit.takes.keys().copied()).collect();
    let mut kept: Vec<Candidate> = Vec::new();
    for (at, offer) in market.offers.iter().enumerate() {
        let Ok(cost) = u64::try_from(offer.hourly.to_micro()) else { continue };
        let nodes = zones_of(offer, &zones).into_iter().flat_map(|zone| ground.nodes(offer, zone));
        for NewNode { mut node, like } in nodes {
            // Accelerators that nobody asks for are none.
            node.devices = node.devices.filter(|devices| asked.contains(&*devices.resource));
            if offer.capacity == Capacity::Spot {
                let effect = "NoSchedule".to_owned();
                node.taints.push(Taint { key: SPOT.to_owned(), value: String::new(), effect });
            }
            let one = Candidate { at, offer: offer.full_name(), capacity: offer.capacity, node, like, cost };
            if !kept.iter().any(|other| !limited.contains(&other.at) && has_all(&other.node, &one.node)) {
                kept.push(one);
            }
        }
    }
    kept
}

/// The zones of a cluster in which a node of an offer may be: its own, else those of its region; the machines of
/// a site may be in any.
fn zones_of<'z>(offer: &OfferSpec, zones: &BTreeSet<(String, &'z str)>) -> Vec<Option<&'z str>> {
    let is_there = |region: &str| offer.cloud.is_none() || *region == *offer.region;
    let own = zones.iter().filter(|(region, _)| offer.zone.is_none() && is_there(region));
    let own: BTreeSet<&str> = own.map(|(_, zone)| *zone).collect();
    if own.is_empty() { vec![None] } else { own.into_iter().map(Some).collect() }
}

/// Whether a node lets in and holds whatever another does.
fn has_all(node: &Node, other: &Node) -> bool {
    let devices = match (&node.devices, &other.devices) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(own), Some(other)) => {
            (&own.resource, &own.model) == (&other.resource, &other.model) && own.count >= other.count
        }
    };
    let holds =
        |(resource, amount): (&String, &u64)| node.room.get(resource).is_some_and(|own| own >= amount);
    devices
        && node.labels == other.labels
        && node.taints.iter().all(|taint| other.taints.contains(taint))
        && other.room.iter().all(holds)
}

fn additions(candidates: &[Candidate], covered: &Cover, name: &dyn Fn(usize) -> String) -> Vec<Addition> {
    let mut number = 0;
    let mut add = Vec::with_capacity(covered.add.len());
    for (offer, count) in &covered.add {
        let Candidate { offer: offered, capacity, node, like, cost, .. } = &candidates[*offer];
        let mut assignments = Vec::new();
        for (_, pods) in covered.nodes.iter().filter(|(of, _)| of == offer) {
            number += 1;
            assignments.extend(pods.iter().map(|(pod, held)| Assignment {
                pod: name(*pod),
                node: format!("new-{number}"),
                devices: held.iter().copied().map(holds).collect(),
                running: false,
            }));
        }
        let taints = node.taints.iter().filter(|taint| taint.key != SPOT);
        add.push(Addition {
            offer: offered.clone(),
            capacity: *capacity,
            count: u64::from(*count),
            usd: Usd::from_micro(i128::from(*cost) * i128::from(*count)),
            node: packing::NewNode {
                like: like.clone(),
                labels: node.labels.clone(),
                taints: taints
                    .map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect))
                    .collect(),
                room: node.room.clone(),
                resource: node.devices.as_ref().map(|devices| devices.resource.clone()),
                model: node.devices.as_ref().map(|devices| devices.model.clone()),
                accelerators: node.devices.as_ref().map_or(0, |devices| devices.count),
            },
            assignments,
        });
    }
    add
}

fn note(what: String, value: String) -> Assumption {
    Assumption { what, value, source: "offers beside the cluster's documents".to_owned(), as_of: None }
}

/// What the nodes to add rest on.
fn assumptions(
    fleet: &Fleet,
    market: &Market,
    candidates: &[Candidate],
    covered: &Cover,
    add: &[Addition],
) -> Vec<Assumption> {
    let mut notes = Vec::new();
    // Of which no other node on offer can be had, for those that are added.
    let used_up = |limit: &&Limited| {
        let each = |at: usize| limit.takes.get(&candidates[at].at).copied().unwrap_or(0);
        let used = covered.add.iter().map(|(at, count)| each(*at).saturating_mul(u64::from(*count)));
        let used = used.fold(0, u64::saturating_add);
        let left = limit.most.saturating_sub(used);
        let mut takes =
            candidates.iter().filter_map(|one| limit.takes.get(&one.at)).filter(|each| **each > 0);
        used > 0 && takes.all(|each| *each > left)
    };
    let used_up: BTreeSet<&str> = market.limits.iter().filter(used_up).map(|limit| &*limit.name).collect();
    if market.limits.iter().any(|limit| limit.takes.values().any(|each| *each > 0)) {
        let names: Vec<&str> = used_up.into_iter().collect();
        let used_up =
            if names.is_empty() { String::new() } else { format!("; used up: {}", names.join(", ")) };
        let value = format!("held against the nodes to add alone, not those that are there{used_up}");
        notes.push(note("counts and quotas".to_owned(), value));
    }
    if !market.not_held.is_empty() {
        let names: Vec<&str> = market.not_held.iter().map(String::as_str).collect();
        let value = "not held: of teams, or on what is asked for";
        notes.push(note(format!("quota {}", names.join(", ")), value.to_owned()));
    }
    if !market.reserved.is_empty() {
        let names: Vec<&str> = market.reserved.iter().map(String::as_str).collect();
        let value = "make no node to add cheaper: which of them the nodes that are there use is not known";
        notes.push(note(format!("reservations of {}", names.join(", ")), value.to_owned()));
    }
    let unlike: BTreeSet<&str> =
        add.iter().filter(|one| one.node.like.is_none()).map(|one| &*one.offer).collect();
    if !unlike.is_empty() {
        let names: Vec<&str> = unlike.into_iter().collect();
        let value = "the machine less what GKE keeps for a node; labels as far as price lists and nodes with such devices say";
        notes.push(note(format!("room of {}", names.join(", ")), value.to_owned()));
    }
    if !add.is_empty() && fleet.pods.iter().any(|pod| pod.daemon) {
        let value = "take of each new node the most that they take of one that is like it, else of any";
        notes.push(note("pods that each node has".to_owned(), value.to_owned()));
    }
    notes
}
