//! Nodes to add: that they hold the pods that wait, and cost what their offers cost.
//!
//! Loads and rules are those of any packing, on the new nodes alone. What a node of an offer would be in the
//! cluster is the packing's word, but for what can be held against something: no more room than the machine has,
//! its accelerators, and what the node has that it is said to be like.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Capacity, Duration, Fleet, Inputs, Time, Usd,
    estate::Counts,
    fleet::{Devices, Groups, Node, Pod, Taint},
    packing::{Addition, Assignment, Packing},
    plan::Flags,
};

use super::{View, least, loads, rules};
use crate::{Checker, Violation, offer, violation::Kind};

pub(super) fn check(view: &View<'_>, inputs: &Inputs, found: &mut Vec<Violation>) {
    let packing = view.packing;
    let none_asked = packing.inputs.flags.add.is_empty() || packing.unplaced.is_empty();
    let Some(adding) = &packing.adding else {
        if !none_asked || !packing.add.is_empty() {
            found.push(Violation::new(Kind::Document, "adding", "is missing"));
        }
        return;
    };
    if none_asked {
        found.push(Violation::new(Kind::Document, "adding", "no pod waits, or nothing was to be added"));
    }
    let sum: Usd = packing.add.iter().map(|one| one.usd).sum();
    if sum != adding.usd {
        let message = format!("usd is {}, and the nodes make {sum}", adding.usd);
        found.push(Violation::new(Kind::Arithmetic, "adding", message));
    }
    if adding.bound_usd.is_some_and(|bound| bound > adding.usd) {
        found.push(Violation::new(Kind::Bound, "adding", "boundUsd is above usd"));
    }
    numbers(&packing.add, found);
    once(view, &adding.left, found);
    together(view, found);
    on_new_nodes(view, found);
    prices(view, &adding.among, inputs, found);
}

/// Nodes are `new-1` and so on over all offers, as many as each counts.
fn numbers(add: &[Addition], found: &mut Vec<Violation>) {
    let mut next = 1;
    for one in add {
        let used: BTreeSet<&str> = one.assignments.iter().map(|place| &*place.node).collect();
        // The count is the packing's word: names are built only once as many are used.
        let is_as_many = used.len() as u64 == one.count;
        let mut own = (0..one.count).map(|number| format!("new-{}", next + number));
        let is_own = is_as_many && own.all(|name| used.contains(&*name));
        next += used.len() as u64;
        if !is_own {
            let message = format!("counts {} nodes, and its pods are on {}", one.count, used.len());
            found.push(Violation::new(Kind::Arithmetic, &one.offer, message));
        }
    }
}

/// Every pod that waits is on one new node, or left.
fn once(view: &View<'_>, left: &[String], found: &mut Vec<Violation>) {
    let waiting: BTreeSet<&str> = view.packing.unplaced.iter().map(|one| &*one.pod).collect();
    let mut counts: BTreeMap<&str, u32> = waiting.iter().map(|pod| (*pod, 0)).collect();
    let placed = view.packing.add.iter().flat_map(|one| &one.assignments).map(|place| &*place.pod);
    for pod in placed.chain(left.iter().map(String::as_str)) {
        match counts.get_mut(pod) {
            Some(count) => *count += 1,
            None => found.push(Violation::new(Kind::Document, pod, "does not wait, and is on a new node")),
        }
    }
    for (pod, count) in counts.into_iter().filter(|(_, count)| *count != 1) {
        let message = format!("waits, and is on new nodes or left {count} times");
        found.push(Violation::new(Kind::Packing, pod, message));
    }
}

/// Gangs are added for whole or not at all, and no zone gets ahead of its spread.
fn together(view: &View<'_>, found: &mut Vec<Violation>) {
    let pods: BTreeMap<&str, &Pod> = view.fleet.pods.iter().map(|pod| (&*pod.name, pod)).collect();
    let added = || {
        let all =
            view.packing.add.iter().flat_map(|one| one.assignments.iter().map(move |place| (one, place)));
        all.filter_map(|(one, place)| Some((one, *pods.get(&*place.pod)?)))
    };
    let mut gangs: BTreeMap<u32, u64> = BTreeMap::new();
    for gang in added().filter_map(|(_, pod)| pod.gang) {
        *gangs.entry(gang).or_default() += 1;
    }
    for (gang, count) in gangs {
        let waiting = view.fleet.pods.iter().zip(&view.places);
        let waiting = waiting.filter(|(pod, place)| pod.gang == Some(gang) && place.is_none()).count() as u64;
        if count != waiting {
            let name = view.fleet.gangs.get(gang as usize).map_or("?", String::as_str);
            let message = format!("{count} of its {waiting} pods that wait are on new nodes");
            found.push(Violation::new(Kind::Packing, format!("gang {name}"), message));
        }
    }
    for (spread, it) in (0_u32..).zip(&view.fleet.spreads) {
        let mut came: BTreeSet<&str> = BTreeSet::new();
        let mut zones = view.zones(spread);
        for (one, pod) in added().filter(|(_, pod)| pod.spread == Some(spread)) {
            if let Some(zone) = one.node.labels.get(plimsoll_model::fleet::ZONE) {
                *zones.entry(zone).or_default() += 1;
                came.insert(zone);
            } else {
                let message = "is spread over zones, and its new node is in none";
                found.push(Violation::new(Kind::Packing, &pod.name, message));
            }
        }
        let least = least(it, &zones);
        let crowded =
            zones.iter().find(|(zone, count)| came.contains(**zone) && **count > least + u64::from(it.skew));
        if let Some((zone, count)) = crowded {
            let message = format!("with the new nodes {count} pods in {zone}, {least} in another zone");
            found.push(Violation::new(Kind::Packing, format!("spread of {}", it.name), message));
        }
    }
}

/// The new nodes hold their pods.
fn on_new_nodes(view: &View<'_>, found: &mut Vec<Violation>) {
    let mut fleet = Fleet { digest: view.fleet.digest.clone(), ..Fleet::default() };
    let mut assignments: Vec<Assignment> = Vec::new();
    for one in &view.packing.add {
        let names: BTreeSet<&str> = one.assignments.iter().map(|place| &*place.node).collect();
        fleet.nodes.extend(names.into_iter().map(|name| node(view, name, one)));
        assignments.extend(one.assignments.iter().cloned());
    }
    let on: BTreeSet<&str> = assignments.iter().map(|place| &*place.pod).collect();
    fleet.pods = view.fleet.pods.iter().filter(|pod| on.contains(&*pod.name)).cloned().collect();
    let packing = Packing { assignments, ..view.packing.clone() };
    let new = View::of(&packing, &fleet, found);
    for (pod, node, place) in new.placed() {
        rules::check(pod, node, place, found);
        let is_spot = |one: &&Addition| one.assignments.iter().any(|other| other.pod == pod.name);
        let offer = view.packing.add.iter().filter(|one| one.capacity == Capacity::Spot).find(is_spot);
        if let Some(offer) = offer.filter(|_| !pod.interruptible) {
            let message = format!("may not be interrupted, and is on {}", offer.offer);
            found.push(Violation::new(Kind::Packing, &pod.name, message));
        }
    }
    loads::check(&new, found);
}

fn node(view: &View<'_>, name: &str, one: &Addition) -> Node {
    let taint = |text: &String| {
        let (pair, effect) = text.rsplit_once(':').unwrap_or((text, ""));
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() }
    };
    let of = &one.node;
    let devices = of.resource.as_ref().zip(of.model.as_ref()).map(|(resource, model)| Devices {
        resource: resource.clone(),
        model: model.clone(),
        count: of.accelerators,
    });
    Node {
        name: name.to_owned(),
        labels: of.labels.clone(),
        taints: of.taints.iter().map(taint).collect(),
        room: of.room.clone(),
        devices,
        groups: of
            .like
            .as_ref()
            .and_then(|like| view.nodes.get(&**like))
            .map_or_else(Groups::default, |like| like.groups),
        site: None,
    }
}

/// Offers are there, of a class that was asked for and where the cluster is, and cost what is said.
fn prices(view: &View<'_>, among: &[String], inputs: &Inputs, found: &mut Vec<Violation>) {
    if view.packing.inputs.estate != inputs.places.estate.is_some().then(|| inputs.digest.clone()) {
        let message = "the offers are of another estate: give the one with -e that the packing was made with";
        found.push(Violation::new(Kind::Document, "the packing", message));
        return;
    }
    let flags = flags();
    let checker = Checker::new(inputs, &flags);
    let mut taken = Taken::default();
    for one in &view.packing.add {
        let mut wrong = |kind: Kind, message: String| found.push(Violation::new(kind, &one.offer, message));
        let Some(offer) = checker.offer(&one.offer) else {
            wrong(Kind::Document, "there is no such offer".to_owned());
            continue;
        };
        if offer.spec.capacity != one.capacity || !view.packing.inputs.flags.add.contains(&one.capacity) {
            wrong(Kind::Document, format!("{} is not its class, or none that was asked for", one.capacity));
        }
        let hourly = offer::shown(&offer.hourly).to_micro();
        let (stated, own) = (one.usd.to_micro(), hourly.saturating_mul(i128::from(one.count)));
        if stated.saturating_sub(own).unsigned_abs() > u128::from(one.count) {
            wrong(Kind::Arithmetic, format!("usd is {}, and its price makes {own} micro-dollars", one.usd));
        }
        let place = offer.spec.cloud.as_ref().map(|cloud| format!("{cloud}/{}", offer.spec.region));
        let is_here = |place: &String| {
            among.iter().any(|here| here == place || *here == offer.spec.region || here == "anywhere")
        };
        if !place.as_ref().is_none_or(is_here) {
            wrong(Kind::Document, format!("is not in {}", among.join(" or ")));
        }
        let zones = one.node.labels.iter().filter(|(key, _)| ZONES.contains(&&***key));
        for (_, zone) in zones.filter(|(_, zone)| !is_in_zone(view, &offer, zone)) {
            wrong(Kind::Packing, format!("is not offered in {zone}, or the cluster is not there"));
        }
        taken.add(inputs, &offer, one);
        let like = one.node.like.as_ref().and_then(|name| view.nodes.get(&**name));
        if let Some(like) = like {
            let devices = like.devices.as_ref().map_or(0, |devices| devices.count);
            let larger =
                one.node.room.iter().any(|(name, amount)| like.room.get(name).is_none_or(|own| own < amount));
            if larger || one.node.accelerators > devices {
                wrong(Kind::Packing, format!("has more room than {}, which it is like", like.name));
            }
        } else {
            let more = |name: &str, own: Option<u64>| {
                one.node.room.get(name).copied().unwrap_or(0) > own.unwrap_or(0)
            };
            let devices = u64::from(one.node.accelerators) * 1000;
            if more("cpu", offer.spec.cpu.map(plimsoll_model::Cpu::milli))
                || more("memory", offer.spec.memory.map(|memory| memory.0))
                || (devices > 0 && devices != offer.accelerators_milli)
            {
                wrong(Kind::Packing, "has more room than the machine".to_owned());
            }
        }
    }
    taken.check(inputs, found);
}

/// Labels of a zone.
const ZONES: [&str; 4] = [
    plimsoll_model::fleet::ZONE,
    "failure-domain.beta.kubernetes.io/zone",
    "topology.gke.io/zone",
    "topology.ebs.csi.aws.com/zone",
];

/// Labels of a region.
const REGIONS: [&str; 2] = ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"];

/// Whether a node of an offer may be in a zone: the offer's own, else one of its region that the cluster has nodes
/// in; the machines of a site may be in any that it has nodes in.
fn is_in_zone(view: &View<'_>, offer: &offer::Offer, zone: &str) -> bool {
    if let Some(own) = &offer.spec.zone {
        return own == zone;
    }
    let is_there = |node: &&Node| node.zone() == Some(zone);
    let is_of_region = |node: &Node| {
        let stated = REGIONS.iter().find_map(|key| node.labels.get(*key));
        stated.map_or_else(|| is_named_after(zone, &offer.spec.region), |region| *region == offer.spec.region)
    };
    view.fleet.nodes.iter().filter(is_there).any(|node| offer.spec.cloud.is_none() || is_of_region(node))
}

/// Whether a zone has the name of a region and after it what tells zones apart: `us-east-1a`, `us-central1-b`,
/// `eastus-1`. `eastus2-1` is of another region than `eastus`.
fn is_named_after(zone: &str, region: &str) -> bool {
    let Some(rest) = zone.strip_prefix(region) else { return false };
    rest.starts_with('-') || (rest.len() == 1 && rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
}

/// What nodes to add take of the offers that they are of, and of quotas.
#[derive(Default)]
struct Taken {
    /// Of each offer: how many, and how many can be had.
    offers: BTreeMap<String, (u128, u64)>,
    /// Of each quota, in its own unit: a thousandth of an accelerator or a core, an instance, a byte.
    quotas: BTreeMap<usize, u128>,
    unstated: BTreeSet<(usize, String)>,
}

impl Taken {
    fn add(&mut self, inputs: &Inputs, offer: &offer::Offer, one: &Addition) {
        if let Some(most) = offer.spec.count {
            self.offers.entry(one.offer.clone()).or_insert((0, most.into())).0 += u128::from(one.count);
        }
        for index in &offer.quotas {
            let quota = &inputs.estate.quotas[*index];
            let each = if quota.instances.is_some() {
                Some(1)
            } else if quota.cpu.is_some() {
                offer.spec.cpu.map(plimsoll_model::Cpu::milli)
            } else if quota.memory.is_some() {
                offer.spec.memory.map(|memory| memory.0)
            } else {
                Some(offer.accelerators_milli)
            };
            match each {
                Some(each) => {
                    *self.quotas.entry(*index).or_default() += u128::from(each) * u128::from(one.count);
                }
                None => _ = self.unstated.insert((*index, one.offer.clone())),
            }
        }
    }

    /// The offers of which more are added than can be had, and the quotas that are exceeded. Those of teams and on
    /// what is asked for hold for workloads alone.
    fn check(self, inputs: &Inputs, found: &mut Vec<Violation>) {
        for (offer, (count, most)) in self.offers {
            if count > u128::from(most) {
                let message = format!("{count} are added, and {most} can be had");
                found.push(Violation::new(Kind::Packing, offer, message));
            }
        }
        let holds = |index: usize| {
            let quota = &inputs.estate.quotas[index];
            quota.team.is_none() && quota.counts.unwrap_or_default() == Counts::Held
        };
        for (index, taken) in self.quotas.into_iter().filter(|(index, _)| holds(*index)) {
            let quota = &inputs.estate.quotas[index];
            let most = match (quota.instances, quota.cpu, quota.memory) {
                (Some(instances), ..) => u128::from(instances),
                (_, Some(cpu), _) => cpu.milli().into(),
                (.., Some(memory)) => memory.0.into(),
                _ => u128::from(quota.accelerators.unwrap_or(0)) * 1000,
            };
            if taken > most {
                let name = quota.name.clone().unwrap_or_else(|| quota.matches.to_string());
                let message = format!("the nodes to add take {taken} of at most {most}");
                found.push(Violation::new(Kind::Packing, format!("quota {name}"), message));
            }
        }
        for (_, offer) in self.unstated.into_iter().filter(|(index, _)| holds(*index)) {
            let message = "does not state what a quota on it limits";
            found.push(Violation::new(Kind::Packing, offer, message));
        }
    }
}

/// Prices of offers depend on none of the flags.
fn flags() -> Flags {
    Flags {
        carbon_price: Usd::ZERO,
        delay_price: Usd::ZERO,
        objective: String::new(),
        budget: None,
        horizon: Duration::ZERO,
        gap: 0.0,
        effort: 0,
        time_limit: None,
        now: Time::from_nanos(0),
        seed: 0,
        no_lp: false,
        previous: std::iter::empty().collect(),
    }
}
