//! A fleet in the numbers of the packing: pools, models, resources, and where running pods are.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_formats::listed;
use plimsoll_model::{
    Fleet,
    fleet::{Amount, Ask as Asked, Node, Pod, Rule, Stays},
    plan::Assumption,
};
use plimsoll_packing::fleet::{self, Ask, Cluster, Confine, Domain, Model, Request, Slice, Spread};

use super::{
    rules::{Pools, is_counted},
    running,
};
use crate::PlanError;

/// The resources that a node class of the packing counts beside cores and memory.
const COUNTED: usize = 4;
/// A model that no node has.
const NONE: Model = Model(u16::MAX);

/// A cluster in numbers.
#[derive(Debug)]
pub(super) struct State {
    pub(super) cluster: Cluster,
    /// Bytes in a unit of the cluster's memory.
    pub(super) memory_unit: u64,
    /// What was assumed on the way.
    pub(super) assumptions: Vec<Assumption>,
}

/// States a fleet in numbers. `moves`: whether running pods may move.
pub(super) fn of(fleet: &Fleet, moves: bool) -> Result<State, PlanError> {
    let memory_unit = memory_unit(&fleet.pods);
    let may_move = |pod: &&Pod| pod.on.is_none() || moves && pod.stays.is_none();
    let pools = Pools::of(&fleet.nodes, fleet.pods.iter().filter(may_move).map(|pod| &pod.rule));
    let models: BTreeSet<(&str, &str)> = fleet
        .nodes
        .iter()
        .filter_map(|node| node.devices.as_ref())
        .map(|devices| (&*devices.resource, &*devices.model))
        .collect();
    let models: Vec<(&str, &str)> = models.into_iter().collect();
    let resources = counted(fleet)?;
    let zones: BTreeSet<&str> = fleet.nodes.iter().filter_map(Node::zone).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let keys: BTreeSet<&str> = fleet.confines.iter().map(|confine| &*confine.key).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let kind = |key: &str| keys.binary_search(&key).map_or(u32::MAX, |at| at as u32);
    let domains = fleet.nodes.iter().flat_map(|node| domains_of(node, &keys));
    let domains: Vec<(u32, &str)> = domains.collect::<BTreeSet<_>>().into_iter().collect();
    let stated = Stated {
        models: &models,
        resources: &resources,
        zones: &zones,
        keys: &keys,
        domains: &domains,
        by_group: fleet.pods.iter().any(|pod| pod.joined)
            || fleet.nodes.iter().any(|node| node.groups.strict),
        memory_unit,
        pools: &pools,
    };
    let spreads: Vec<(Spread, Vec<bool>)> = (0..).map_while(|at| spread(fleet, at, &zones)).collect();
    let mut cluster = Cluster {
        models: models.iter().map(|(_, model)| (*model).to_owned()).collect(),
        zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
        resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
        nodes: fleet.nodes.iter().zip(&pools.of_node).map(|(node, pool)| stated.node(node, *pool)).collect(),
        pods: fleet.pods.iter().map(|pod| stated.pod(pod)).collect(),
        gangs: fleet.gangs.clone(),
        spreads: spreads.iter().map(|(spread, _)| spread.clone()).collect(),
        domains: domains
            .iter()
            .map(|(kind, name)| Domain { name: (*name).to_owned(), kind: *kind })
            .collect(),
        confines: fleet
            .confines
            .iter()
            .map(|one| Confine { name: one.name.clone(), kind: kind(&one.key) })
            .collect(),
    };
    let mut assumptions = running::place(fleet, &mut cluster)?;
    // Whoever runs on a node that does not count is not counted.
    for pod in &mut cluster.pods {
        if let (Some(spread), Some(running)) = (pod.spread, &pod.running) {
            pod.spread = Some(spread).filter(|at| spreads[*at as usize].1[running.node]);
        }
    }
    if moves {
        assumptions.extend(staying(fleet));
    }
    Ok(State { cluster, memory_unit, assumptions })
}

/// A spread with the zones that count for the pods that ask for it, and which nodes do.
fn spread(fleet: &Fleet, at: u32, names: &[&str]) -> Option<(Spread, Vec<bool>)> {
    let it = fleet.spreads.get(at as usize)?;
    let rules: BTreeSet<&Rule> =
        fleet.pods.iter().filter(|pod| pod.spread == Some(at)).map(|pod| &pod.rule).collect();
    let mut zones: BTreeMap<u32, u32> = BTreeMap::new();
    let counts = |node: &Node| {
        let zone = names.binary_search(&node.zone()?).ok()?;
        rules.iter().any(|rule| is_counted(it, rule, node)).then_some(zone as u32)
    };
    let mut counted = Vec::with_capacity(fleet.nodes.len());
    for node in &fleet.nodes {
        let zone = counts(node);
        if let Some(zone) = zone {
            *zones.entry(zone).or_default() += it.others.get(&node.name).copied().unwrap_or(0);
        }
        counted.push(zone.is_some());
    }
    Some((Spread { name: it.name.clone(), skew: it.skew, zones, fewest: it.fewest }, counted))
}

/// Which running pods stay that nothing asks to stay.
fn staying(fleet: &Fleet) -> Vec<Assumption> {
    let mut all: BTreeMap<Stays, Vec<String>> = BTreeMap::new();
    for pod in &fleet.pods {
        if let Some(why) = pod.stays.filter(|_| pod.on.is_some()) {
            all.entry(why).or_default().push(pod.name.clone());
        }
    }
    let words = |why: Stays| match why {
        Stays::OfNode | Stays::Asked => None,
        Stays::Within => Some("where others of their gang run"),
        Stays::Scheduler => Some("what keeps them off other nodes is known to their scheduler alone"),
        Stays::Alone => Some("nothing would make them anew: they have no ownerReferences"),
        Stays::Data => Some("their data are on their nodes (hostPath)"),
    };
    let note = |(why, names): (Stays, Vec<String>)| {
        Some(running::note(format!("running pods that stay: {}", listed(&names)), words(why)?))
    };
    all.into_iter().filter_map(note).collect()
}

/// The largest amount of which every pod's memory is a multiple, so that rounding loses nothing: a MiB where
/// that is one.
fn memory_unit(pods: &[Pod]) -> u64 {
    const MIB: u64 = 1 << 20;
    let unit = pods.iter().fold(0, |unit, pod| gcd(unit, pod.need("memory")));
    if unit.is_multiple_of(MIB) { MIB } else { unit }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Further resources that somebody asks for and that may run out before cores and memory do.
fn counted(fleet: &Fleet) -> Result<Vec<&str>, PlanError> {
    let asked = fleet.pods.iter().flat_map(|pod| &pod.needs).filter(|(_, amount)| **amount > 0);
    let asked: BTreeSet<&str> = asked.map(|(resource, _)| &**resource).collect();
    let used = used(fleet);
    let further = asked.into_iter().filter(|resource| !matches!(*resource, "cpu" | "memory"));
    let counted: Vec<&str> = further.filter(|resource| may_run_out(fleet, &used, resource)).collect();
    if counted.len() <= COUNTED {
        return Ok(counted);
    }
    Err(PlanError::input(
        format!(
            "pods ask for {} resources beside cores, memory and devices that may run out: {}",
            counted.len(),
            counted.join(", ")
        ),
        format!("at most {COUNTED} are counted: leave out of the manifests those that do not matter"),
    ))
}

/// What running pods use of each node.
fn used(fleet: &Fleet) -> BTreeMap<&str, BTreeMap<&str, u64>> {
    let mut used: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for pod in &fleet.pods {
        let Some(node) = &pod.on else { continue };
        let here = used.entry(node).or_default();
        for (resource, amount) in &pod.needs {
            let sum = here.entry(resource).or_default();
            *sum = sum.saturating_add(*amount);
        }
    }
    used
}

/// Whether as many pods as have room by cores and memory could ask for more of a resource than some node has.
fn may_run_out(fleet: &Fleet, used: &BTreeMap<&str, BTreeMap<&str, u64>>, resource: &str) -> bool {
    let waiting = || fleet.pods.iter().filter(|pod| pod.on.is_none());
    let all: u64 = waiting().fold(0, |sum, pod| sum.saturating_add(pod.need(resource)));
    let most = waiting().map(|pod| pod.need(resource)).max().unwrap_or(0);
    let least = |of: &str| waiting().map(|pod| pod.need(of)).min().unwrap_or(0);
    let least = [("cpu", least("cpu")), ("memory", least("memory"))];
    fleet.nodes.iter().any(|node| {
        let free = |of: &str| {
            let taken = used.get(&*node.name).and_then(|used| used.get(of)).copied().unwrap_or(0);
            node.room.get(of).copied().unwrap_or(0).saturating_sub(taken)
        };
        // A node that does not say how many pods it takes takes any number.
        if resource == "pods" && !node.room.contains_key("pods") {
            return false;
        }
        let fit = least.iter().filter(|(_, need)| *need > 0).map(|(of, need)| free(of) / need).min();
        let by_pods = fit.map_or(all, |fit| most.saturating_mul(fit));
        all.min(by_pods) > free(resource)
    })
}

/// The domains that a node is in: of each label that has a value there.
fn domains_of<'n>(node: &'n Node, keys: &[&str]) -> impl Iterator<Item = (u32, &'n str)> {
    (0_u32..).zip(keys).filter_map(|(kind, key)| Some((kind, node.labels.get(*key)?.as_str())))
}

/// What names stand for.
struct Stated<'a> {
    /// Whether it matters which devices are a group.
    by_group: bool,
    /// The labels that domains are of, and the domains.
    keys: &'a [&'a str],
    domains: &'a [(u32, &'a str)],
    models: &'a [(&'a str, &'a str)],
    resources: &'a [&'a str],
    zones: &'a [&'a str],
    memory_unit: u64,
    pools: &'a Pools,
}

impl Stated<'_> {
    fn node(&self, node: &Node, pool: u32) -> fleet::Node {
        let room = |resource: &str| match node.room.get(resource) {
            Some(amount) => *amount,
            // No limit is stated.
            None if resource == "pods" => u64::from(u32::MAX),
            None => 0,
        };
        let key = node.devices.as_ref().map(|devices| (&*devices.resource, &*devices.model));
        fleet::Node {
            name: node.name.clone(),
            cpu_milli: room("cpu"),
            memory_mib: room("memory") / self.memory_unit.max(1),
            model: key.and_then(|key| self.models.binary_search(&key).ok()).map(|at| Model(at as u16)),
            devices: node.devices.as_ref().map_or(0, |devices| devices.count),
            pool,
            zone: node.zone().and_then(|zone| self.zones.binary_search(&zone).ok()).map(|at| at as u32),
            group: if self.by_group { node.groups.size } else { 0 },
            strict: node.groups.strict,
            domains: domains_of(node, self.keys)
                .filter_map(|domain| self.domains.binary_search(&domain).ok())
                .map(|at| at as u32)
                .collect(),
            extras: self.resources.iter().map(|resource| room(resource)).collect(),
        }
    }

    fn pod(&self, pod: &Pod) -> fleet::Pod {
        let request = Request {
            cpu_milli: pod.need("cpu"),
            memory_mib: pod.need("memory") / self.memory_unit.max(1),
            devices: pod.ask.as_ref().map_or(Ask::None, |ask| match ask.amount {
                Amount::Whole(count) => Ask::Whole(count),
                Amount::Share(milli) => Ask::Share(milli),
                Amount::Slice { length, starts } => Ask::Slice(Slice { length, starts }),
            }),
            models: pod.ask.as_ref().map_or_else(Vec::new, |ask| self.models_of(ask)),
            pools: self.pools.open(&pod.rule),
            extras: self.resources.iter().map(|resource| pod.need(resource)).collect(),
            apart: pod.apart,
            joined: pod.joined,
        };
        fleet::Pod {
            name: pod.name.clone(),
            request,
            worth: pod.worth,
            running: None,
            gang: pod.gang,
            spread: pod.spread,
            confine: pod.confine,
            fixed: pod.stays.is_some(),
        }
    }

    /// The models whose devices a pod may have.
    fn models_of(&self, ask: &Asked) -> Vec<Model> {
        let will_do = |(resource, model): &(&str, &str)| {
            *resource == ask.resource && (ask.models.is_empty() || ask.models.iter().any(|one| one == model))
        };
        let found = (0_u16..).zip(self.models).filter(|(_, known)| will_do(known));
        let found: Vec<Model> = found.map(|(at, _)| Model(at)).collect();
        if found.is_empty() { vec![NONE] } else { found }
    }
}
