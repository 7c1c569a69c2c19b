//! Nodes to add: that they hold the pods that wait, and cost what their offers cost.
//!
//! Loads and rules are those of any packing, on the new nodes alone. What a node of an offer would be in the
//! cluster is the packing's word, but for what can be held against something: no more room than the machine has,
//! its accelerators, and what the node has that it is said to be like.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Capacity, Duration, Fleet, Inputs, Time, Usd,
    fleet::{Devices, Node, Pod, Taint},
    packing::{Addition, Assignment, Packing},
    plan::Flags,
};

use super::{View, loads, rules};
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
        let own: BTreeSet<String> = (next..next + one.count).map(|number| format!("new-{number}")).collect();
        let used: BTreeSet<String> = one.assignments.iter().map(|place| place.node.clone()).collect();
        next += one.count;
        if used != own {
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
        let least = zones.values().min().copied().unwrap_or(0);
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
        fleet.nodes.extend(names.into_iter().map(|name| node(name, one)));
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

fn node(name: &str, one: &Addition) -> Node {
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
        let (stated, own) = (one.usd.to_micro(), hourly * i128::from(one.count));
        if (stated - own).abs() > i128::from(one.count) {
            wrong(Kind::Arithmetic, format!("usd is {}, and its price makes {own} micro-dollars", one.usd));
        }
        if let Some(most) =
            offer.spec.count.filter(|_| offer.own.is_none()).filter(|most| one.count > u64::from(*most))
        {
            wrong(Kind::Packing, format!("{} are added, and {most} can be had", one.count));
        }
        let place = offer.spec.cloud.as_ref().map(|cloud| format!("{cloud}/{}", offer.spec.region));
        let is_here = |place: &String| {
            among.iter().any(|here| here == place || *here == offer.spec.region || here == "anywhere")
        };
        if !place.as_ref().is_none_or(is_here) {
            wrong(Kind::Document, format!("is not in {}", among.join(" or ")));
        }
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
