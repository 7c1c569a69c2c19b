//! The check of a packing (`plan --cluster`): from the nodes and pods alone, what the packing says of them.
//!
//! Rules are held against every pod by itself, loads are added up for every node and device, moves are carried out
//! one after the other, nodes to add are filled and priced. That the bound is truly a bound cannot be checked without
//! the search that proves it; that nothing contradicts it can: the packing itself, the worth of all pods, and a plain
//! first fit, none of which may be above.

mod add;
mod figures;
mod loads;
mod moves;
mod rules;
mod seats;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Fleet, Inputs,
    fleet::{Node, Pod, Rule, Spread},
    packing::{Assignment, Packing},
};

use crate::{Violation, violation::Kind};

/// Everything that is wrong with a packing of a fleet, with the offers of an estate for nodes to add.
pub fn verify_packing(packing: &Packing, fleet: &Fleet, inputs: &Inputs) -> Vec<Violation> {
    let mut found = Vec::new();
    if packing.inputs.digest != fleet.digest {
        let message = "was made from other files, or from these in another order";
        found.push(Violation::new(Kind::Document, "the packing", message));
    }
    let view = View::of(packing, fleet, &mut found);
    view.once(&mut found);
    view.running(&mut found);
    for (pod, node, assignment) in view.placed() {
        rules::check(pod, node, assignment, &mut found);
    }
    loads::check(&view, &mut found);
    view.gangs(&mut found);
    view.confines(&mut found);
    view.spreads(&mut found);
    moves::check(&view, &mut found);
    figures::check(&view, &mut found);
    add::check(&view, inputs, &mut found);
    found
}

/// The packing with its names looked up.
struct View<'a> {
    packing: &'a Packing,
    fleet: &'a Fleet,
    /// By name.
    nodes: BTreeMap<&'a str, &'a Node>,
    /// Of each pod of the fleet.
    places: Vec<Option<&'a Assignment>>,
}

impl<'a> View<'a> {
    fn of(packing: &'a Packing, fleet: &'a Fleet, found: &mut Vec<Violation>) -> Self {
        let nodes: BTreeMap<&str, &Node> = fleet.nodes.iter().map(|node| (&*node.name, node)).collect();
        let pods: BTreeMap<&str, usize> =
            fleet.pods.iter().enumerate().map(|(at, pod)| (&*pod.name, at)).collect();
        let mut places = vec![None; fleet.pods.len()];
        for assignment in &packing.assignments {
            let Some(at) = pods.get(&*assignment.pod) else {
                found.push(Violation::new(Kind::Document, &assignment.pod, "is no pod of these files"));
                continue;
            };
            if !nodes.contains_key(&*assignment.node) {
                let message = format!("is on `{}`, which is no node of these files", assignment.node);
                found.push(Violation::new(Kind::Document, &assignment.pod, message));
                continue;
            }
            if places[*at].is_some() {
                found.push(Violation::new(Kind::Packing, &assignment.pod, "is assigned twice"));
            }
            places[*at] = Some(assignment);
        }
        Self { packing, fleet, nodes, places }
    }

    /// The pods that have a node.
    fn placed(&self) -> impl Iterator<Item = (&'a Pod, &'a Node, &'a Assignment)> {
        let pods = self.fleet.pods.iter().zip(&self.places);
        pods.filter_map(|(pod, place)| {
            let place = (*place)?;
            Some((pod, *self.nodes.get(&*place.node)?, place))
        })
    }

    /// Every pod is assigned or unplaced, and not both.
    fn once(&self, found: &mut Vec<Violation>) {
        let unplaced: BTreeSet<&str> = self.packing.unplaced.iter().map(|one| &*one.pod).collect();
        for (pod, place) in self.fleet.pods.iter().zip(&self.places) {
            let message = match (place.is_some(), unplaced.contains(&*pod.name)) {
                (true, true) => "is both assigned and unplaced",
                (false, false) => "is neither assigned nor unplaced",
                _ => continue,
            };
            found.push(Violation::new(Kind::Packing, &pod.name, message));
        }
        let known: BTreeSet<&str> = self.fleet.pods.iter().map(|pod| &*pod.name).collect();
        for name in unplaced.difference(&known) {
            found.push(Violation::new(Kind::Document, *name, "is no pod of these files"));
        }
    }

    /// Running pods stay, but for those that move.
    fn running(&self, found: &mut Vec<Violation>) {
        let moved: BTreeSet<&str> = self.packing.moves.iter().map(|one| &*one.pod).collect();
        let most = self.packing.inputs.flags.moves as usize;
        if moved.len() > most {
            let message = format!("{} pods move, and at most {most} may", moved.len());
            found.push(Violation::new(Kind::Packing, "moves", message));
        }
        for (pod, place) in self.fleet.pods.iter().zip(&self.places) {
            let stays = place.is_some_and(|place| pod.on.as_deref() == Some(&*place.node));
            if place.is_some_and(|place| place.running != stays) {
                let message = format!("`running` is {}, and it is {stays}", !stays);
                found.push(Violation::new(Kind::Arithmetic, &pod.name, message));
            }
            let Some(node) = &pod.on else { continue };
            let message = match (stays, moved.contains(&*pod.name)) {
                (true, false) | (false, true) if pod.stays.is_none() || stays => continue,
                (true, _) => format!("stays on {node}, and `moves` lists it"),
                (false, true) => format!("runs on {node} and may not be moved"),
                (false, false) => format!("runs on {node}, is not there, and `moves` does not list it"),
            };
            found.push(Violation::new(Kind::Packing, &pod.name, message));
        }
    }

    /// Of a gang all run, or none.
    fn gangs(&self, found: &mut Vec<Violation>) {
        let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (pod, place) in self.fleet.pods.iter().zip(&self.places) {
            let Some(gang) = pod.gang else { continue };
            let entry = counts.entry(gang).or_default();
            entry.0 += u64::from(place.is_some());
            entry.1 += 1;
        }
        for (gang, (placed, all)) in counts {
            if placed != 0 && placed != all {
                let name = self.fleet.gangs.get(gang as usize).map_or("?", String::as_str);
                let message = format!("{placed} of its {all} pods are placed: all run, or none");
                found.push(Violation::new(Kind::Packing, format!("gang {name}"), message));
            }
        }
    }

    /// The nodes that pods of a confine come to, newly or from another node, have one value of its label.
    fn confines(&self, found: &mut Vec<Violation>) {
        let mut values: BTreeMap<u32, BTreeSet<Option<&str>>> = BTreeMap::new();
        // Whoever stays is where it is.
        for (pod, node, _) in self.placed().filter(|(pod, node, _)| pod.on.as_ref() != Some(&node.name)) {
            let Some(confine) = pod.confine else { continue };
            let key = self.fleet.confines.get(confine as usize).map(|it| &it.key);
            let value = key.and_then(|key| node.labels.get(key)).map(String::as_str);
            values.entry(confine).or_default().insert(value);
        }
        for (confine, values) in values {
            let Some(it) = self.fleet.confines.get(confine as usize) else { continue };
            if values.len() > 1 || values.contains(&None) {
                let values: Vec<&str> = values.iter().map(|value| value.unwrap_or("none")).collect();
                let message =
                    format!("its pods are in {} of {}: they must be in one", values.join(" and "), it.key);
                found.push(Violation::new(Kind::Packing, format!("pods of {}", it.name), message));
            }
        }
    }

    /// How many pods that a spread counts are in each zone that counts: those on nodes that do.
    fn zones(&self, spread: u32) -> BTreeMap<&'a str, u64> {
        let Some(it) = self.fleet.spreads.get(spread as usize) else { return BTreeMap::new() };
        let rules: BTreeSet<&Rule> =
            self.fleet.pods.iter().filter(|pod| pod.spread == Some(spread)).map(|pod| &pod.rule).collect();
        let mut zones: BTreeMap<&str, u64> = BTreeMap::new();
        let counts = |node: &'a Node| {
            node.zone().filter(|_| rules.iter().any(|rule| rules::is_counted(it, rule, node)))
        };
        for node in &self.fleet.nodes {
            if let Some(zone) = counts(node) {
                *zones.entry(zone).or_default() += u64::from(it.others.get(&node.name).copied().unwrap_or(0));
            }
        }
        for (_, node, _) in self.placed().filter(|(pod, ..)| pod.spread == Some(spread)) {
            if let Some(count) = counts(node).and_then(|zone| zones.get_mut(zone)) {
                *count += 1;
            }
        }
        zones
    }

    /// No zone that a pod comes to has more of its spread than the skew allows over the zone with fewest.
    fn spreads(&self, found: &mut Vec<Violation>) {
        for (spread, it) in (0_u32..).zip(&self.fleet.spreads) {
            let zones = self.zones(spread);
            // What runs askew already may stay so.
            let mut came: BTreeSet<&str> = BTreeSet::new();
            let of_it = self.placed().filter(|(pod, ..)| pod.spread == Some(spread));
            for (pod, node, _) in of_it.filter(|(.., place)| !place.running) {
                came.extend(node.zone());
                if node.zone().is_none_or(|zone| !zones.contains_key(zone)) {
                    let message = format!("is spread over zones, and {} is in none that counts", node.name);
                    found.push(Violation::new(Kind::Packing, &pod.name, message));
                }
            }
            let least = least(it, &zones);
            let crowded =
                |(zone, count): &(&&str, &u64)| came.contains(**zone) && **count > least + u64::from(it.skew);
            if let Some((zone, count)) = zones.iter().find(crowded) {
                let message =
                    format!("{count} pods in {zone}, {least} in another zone: at most {} more", it.skew);
                found.push(Violation::new(Kind::Packing, format!("spread of {}", it.name), message));
            }
        }
    }
}

/// How many pods the emptiest zone of a spread counts as having.
fn least(spread: &Spread, zones: &BTreeMap<&str, u64>) -> u64 {
    let is_short = zones.len() < spread.fewest as usize;
    zones.values().min().copied().filter(|_| !is_short).unwrap_or(0)
}
