//! From a fleet to a packing that explains itself.

use std::collections::BTreeMap;

use plimsoll_model::{
    Duration, Fleet, Ratio,
    document::ApiVersion,
    fleet::{Node, Pod},
    packing::{
        Amounts, Assignment, Cause, Flags, Hold, Inputs, Move, Objective, Obstacle, Packing, PackingKind,
        Solver, Unplaced,
    },
    plan::{Assumption, Status},
};
use plimsoll_packing::{
    Params, Seen,
    fleet::{Cluster, Placement, State as Free},
};

use super::{
    add::{self, Added, Market},
    kinds::{self, Hardware},
    obstacle, required,
    room::{Part, Rest, alike, gangs_would_fit, in_one, would_fit},
    rules::Looks,
    running,
    state::{self, State},
};
use crate::PlanError;

/// What the command line decides about a packing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Running pods that may move.
    pub moves: u32,
    /// The gap at which the search may stop.
    pub gap: Ratio,
    /// Wall-clock limit.
    pub time_limit: Option<Duration>,
}

/// What is known while a packing is searched for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// What is being done, or is done.
    pub name: &'static str,
    /// The worth of the best packing so far, in accelerators.
    pub worth: Option<f64>,
    /// No packing is worth more.
    pub bound: Option<f64>,
    /// Figures of what is done.
    pub counts: Vec<(&'static str, u64)>,
}

/// Packs the pods that wait, and says which nodes of the market would hold the rest. `time_left` says how many seconds
/// are left, throughout: when none are, the best packing so far is the answer.
///
/// # Errors
/// When the packing cannot hold what the documents say.
pub fn plan(
    fleet: &Fleet,
    settings: &Settings,
    market: Option<&Market>,
    time_left: Option<fn() -> f64>,
    observe: &mut dyn FnMut(&Progress),
) -> Result<Packing, PlanError> {
    let mut phase = |name, counts: &[(&'static str, usize)]| {
        let counts = counts.iter().map(|(name, count)| (*name, *count as u64)).collect();
        observe(&Progress { name, counts, ..Progress::default() });
    };
    phase("read", &[("nodes", fleet.nodes.len()), ("pods", fleet.pods.len())]);
    let State { cluster, memory_unit, assumptions } = state::of(fleet, settings.moves > 0)?;
    phase("stated", &[("models", cluster.models.len()), ("resources", cluster.resources.len())]);
    let params = Params { time_left, ..params(settings) };
    let mut seen = |seen: Seen| {
        let accelerators = |worth: u64| worth as f64 / 1e6;
        let (worth, bound) = (seen.worth.map(accelerators), Some(accelerators(seen.bound)));
        observe(&Progress { name: "packing", worth, bound, counts: Vec::new() });
    };
    let packed = required::packed(fleet, &cluster, &params, &mut seen)
        .map_err(|invalid| PlanError::input(invalid.to_string(), "see the nodes and pods that it names"))?;
    let stats = &packed.stats;
    let counts = vec![("patterns", stats.patterns as u64), ("rounds", stats.rounds as u64)];
    observe(&Progress { name: "packed", counts, ..Progress::default() });
    let answer = Answer { fleet, cluster: &cluster, memory_unit, packed: &packed, settings };
    let added = market.map_or_else(Added::default, |market| answer.added(market, &params));
    let nodes = added.add.iter().map(|one| one.count).sum();
    observe(&Progress { name: "added", counts: vec![("nodes", nodes)], ..Progress::default() });
    let cut_short = time_left.is_some_and(|left| left() <= 0.0);
    let packing = answer.document(assumptions, market, added);
    Ok(Packing { reproducible: packing.reproducible && !cut_short, ..packing })
}

fn params(settings: &Settings) -> Params {
    let gap = settings.gap.to_f64();
    let default = Params::default();
    let moves = settings.moves as usize;
    Params { gap: if gap > 0.0 { gap } else { default.gap }, moves, ..default }
}

struct Answer<'a> {
    fleet: &'a Fleet,
    cluster: &'a Cluster,
    memory_unit: u64,
    packed: &'a plimsoll_packing::Packing,
    settings: &'a Settings,
}

impl Answer<'_> {
    fn document(&self, more: Vec<Assumption>, market: Option<&Market>, added: Added) -> Packing {
        let settings = self.settings;
        let objective = self.objective();
        let waits = |(_, place): &(&Pod, &Option<Placement>)| place.is_none();
        let pods = || self.fleet.pods.iter().zip(&self.packed.placements);
        let refused = pods().filter(waits).any(|(pod, _)| pod.required);
        let status = match (refused, objective.gap <= 1e-6) {
            (true, _) => Status::Infeasible,
            (false, true) => Status::Optimal,
            (false, false) => Status::Feasible,
        };
        let (classes, unplaced) = self.classes(&objective);
        let mut assumptions = self.fleet.assumptions.clone();
        assumptions.extend(more);
        assumptions.extend(added.assumptions);
        let count = |count: usize| count as u64;
        let stats = &self.packed.stats;
        Packing {
            api_version: ApiVersion::default(),
            kind: PackingKind::Packing,
            status,
            reproducible: settings.time_limit.is_none(),
            objective,
            asked: amounts(pods().map(|(pod, _)| pod)),
            placed: amounts(pods().filter(|pair| !waits(pair)).map(|(pod, _)| pod)),
            running: amounts(pods().filter(|(pod, _)| pod.on.is_some()).map(|(pod, _)| pod)),
            assignments: self.assignments(),
            unplaced,
            classes,
            node_kinds: kinds::nodes(self.fleet, &self.one_more()),
            add: added.add,
            adding: added.adding,
            moves: self.moves(),
            assumptions,
            solver: Solver {
                pod_classes: count(stats.pod_classes),
                node_classes: count(stats.node_classes),
                patterns: count(stats.patterns),
                rounds: count(stats.rounds),
            },
            inputs: Inputs {
                digest: self.fleet.digest.clone(),
                estate: market.and_then(Market::digest),
                flags: Flags {
                    moves: settings.moves,
                    add: market.map_or_else(Vec::new, Market::classes),
                    gap: settings.gap.to_f64(),
                    time_limit: settings.time_limit,
                },
            },
        }
    }

    fn objective(&self) -> Objective {
        let (worth, bound) = (self.packed.worth as f64 / 1e6, self.packed.bound as f64 / 1e6);
        let gap = if self.packed.worth == self.packed.bound { 0.0 } else { (bound - worth) / bound };
        Objective { worth, bound_worth: bound, gap }
    }

    fn assignments(&self) -> Vec<Assignment> {
        let one = |(pod, place): (&Pod, &Option<Placement>)| {
            let place = place.as_ref()?;
            let node = &self.fleet.nodes[place.node].name;
            Some(Assignment {
                pod: pod.name.clone(),
                node: node.clone(),
                devices: place.devices.iter().copied().map(holds).collect(),
                running: pod.on.as_ref() == Some(node),
            })
        };
        self.fleet.pods.iter().zip(&self.packed.placements).filter_map(one).collect()
    }

    fn moves(&self) -> Vec<Move> {
        let node = |place: &Placement| self.fleet.nodes[place.node].name.clone();
        let one = |it: &plimsoll_packing::moves::Move| Move {
            step: u64::from(it.step),
            pod: self.fleet.pods[it.pod].name.clone(),
            from: node(&it.from),
            to: node(&it.to),
        };
        self.packed.moves.iter().map(one).collect()
    }

    /// The nodes to add for the pods that wait.
    fn added(&self, market: &Market, params: &Params) -> Added {
        let waits = |at: &usize| self.packed.placements[*at].is_none();
        let waiting: Vec<usize> = (0..self.fleet.pods.len()).filter(waits).collect();
        if waiting.is_empty() {
            return Added::default();
        }
        let named = |zones: BTreeMap<u32, u64>| -> BTreeMap<String, u64> {
            zones
                .into_iter()
                .map(|(zone, count)| (self.cluster.zones[zone as usize].clone(), count))
                .collect()
        };
        let spreads =
            (0..self.fleet.spreads.len() as u32).map(|spread| (spread, named(self.in_zones(Some(spread)))));
        add::add(self.fleet, market, &waiting, spreads.collect(), params)
    }

    /// The classes of the pods that did not run, and those of them that wait.
    fn classes(&self, objective: &Objective) -> (Vec<plimsoll_model::packing::Class>, Vec<Unplaced>) {
        let placements = &self.packed.placements;
        let rest = Rest::of(self.fleet, self.cluster, placements);
        let free = alike(self.cluster, &self.packed.states, &rest);
        let waits = |(_, place): &(&Pod, &Option<Placement>)| place.is_none();
        let waiting = self.fleet.pods.iter().zip(placements).filter(waits);
        let looks = Looks::of(&self.fleet.nodes, waiting.map(|(pod, _)| &pod.rule));
        let seen: Vec<obstacle::Seen<'_>> = free
            .iter()
            .map(|alike| {
                let mut seen: BTreeMap<usize, u64> = BTreeMap::new();
                for at in &alike.members {
                    *seen.entry(looks.of_node[*at]).or_default() += 1;
                }
                let is_held = alike.node.model == Some(running::HELD);
                obstacle::Seen { state: alike.state, is_held, looks: seen }
            })
            .collect();
        let empty: Vec<Free> = self.cluster.nodes.iter().map(Free::empty).collect();
        let whole = Rest::of(self.fleet, self.cluster, &[]);
        let empty: Vec<_> = alike(self.cluster, &empty, &whole)
            .iter()
            .map(|alike| {
                let node = &self.fleet.nodes[alike.members[0]];
                let mut state = alike.state.clone();
                // Those that only counted as there are not.
                state.devices.truncate(node.devices.as_ref().map_or(0, |devices| devices.count.into()));
                (node, state)
            })
            .collect();
        let (mut classes, mut unplaced) = (Vec::new(), Vec::new());
        let all = kinds::classes(self.cluster);
        let mut parts: BTreeMap<u32, Vec<Part<'_>>> = BTreeMap::new();
        for pods in &all {
            let pod = &self.cluster.pods[pods[0]];
            let needs = Rest::needs(&rest.names, &self.fleet.pods[pods[0]]);
            let part = Part { request: &pod.request, needs, count: pods.len() as u64 };
            if let Some(gang) = pod.gang {
                parts.entry(gang).or_default().push(part);
            }
        }
        // Many gangs are alike.
        let mut whole: BTreeMap<(&[Part<'_>], Option<u32>), u64> = BTreeMap::new();
        for pods in all {
            let pod = &self.cluster.pods[pods[0]];
            let waiting: Vec<usize> = pods.iter().copied().filter(|at| placements[*at].is_none()).collect();
            let needs = Rest::needs(&rest.names, &self.fleet.pods[pods[0]]);
            let fit = would_fit(self.cluster, &free, &self.in_zones(pod.spread), pod, &needs);
            let placed = (pods.len() - waiting.len()) as u64;
            let price = micro(self.packed.prices[pods[0]]);
            let more = pod.gang.map_or(fit, |gang| {
                let kind = pod.confine.map(|confine| self.cluster.confines[confine as usize].kind);
                let parts = parts.get(&gang).map_or(&[][..], |parts| parts);
                let whole = *whole
                    .entry((parts, kind))
                    .or_insert_with(|| gangs_would_fit(self.cluster, &free, parts, kind));
                whole.min(fit / pods.len() as u64)
            });
            classes.push(kinds::class(self.fleet, &pods, placed, more, Some(price)));
            for pods in self.alike_in_words(waiting) {
                let stated = &self.fleet.pods[pods[0]];
                let request = &pod.request;
                let mut causes =
                    obstacle::causes(self.cluster, self.memory_unit, stated, request, &looks, &seen);
                let held = causes.iter().map(|cause| cause.nodes).sum::<u64>();
                if held < self.fleet.nodes.len() as u64 {
                    let within = |kind| in_one(self.cluster, &free, kind, pod, &needs);
                    causes.extend(self.together(pods[0], fit, within, self.fleet.nodes.len() as u64 - held));
                }
                let proof = obstacle::never(self.memory_unit, stated, request, &empty)
                    .unwrap_or_else(|| self.bounded(objective));
                unplaced.extend(pods.into_iter().map(|at| (at, causes.clone(), proof.clone())));
            }
        }
        unplaced.sort_by_key(|(at, ..)| *at);
        let named = |(at, causes, proof): (usize, Vec<Cause>, String)| Unplaced {
            pod: self.fleet.pods[at].name.clone(),
            causes,
            proof,
        };
        (classes, unplaced.into_iter().map(named).collect())
    }

    /// Pods of one class by what they state: what is the same to the packing may be said in other words.
    fn alike_in_words(&self, pods: Vec<usize>) -> Vec<Vec<usize>> {
        let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for at in pods {
            let pod = &self.fleet.pods[at];
            alike.entry((&pod.rule, &pod.ask, &pod.needs)).or_default().push(at);
        }
        alike.into_values().collect()
    }

    /// What one more node of each kind would bring; of those that differ in whom they let in, the most. A node that is
    /// cordoned or not ready says nothing of one that is open.
    fn one_more(&self) -> BTreeMap<Hardware, f64> {
        let mut worth: BTreeMap<Hardware, f64> = BTreeMap::new();
        let is_shut =
            |node: &Node| node.taints.iter().any(|taint| taint.key.starts_with("node.kubernetes.io/"));
        let nodes = self.fleet.nodes.iter().zip(&self.packed.one_more);
        for (stated, one_more) in nodes.filter(|(node, _)| !is_shut(node)) {
            let most = worth.entry(Hardware::of(stated)).or_insert(0.0);
            *most = most.max(micro(*one_more));
        }
        worth
    }

    /// How many pods that a spread counts are in each zone that counts.
    fn in_zones(&self, spread: Option<u32>) -> BTreeMap<u32, u64> {
        let Some(it) = spread.map(|spread| &self.cluster.spreads[spread as usize]) else {
            return BTreeMap::new();
        };
        let mut zones: BTreeMap<u32, u64> =
            it.zones.iter().map(|(zone, others)| (*zone, u64::from(*others))).collect();
        for (pod, place) in self.cluster.pods.iter().zip(&self.packed.placements) {
            let zone = place.as_ref().and_then(|place| self.cluster.nodes[place.node].zone);
            if let Some(count) = zone.filter(|_| pod.spread == spread).and_then(|zone| zones.get_mut(&zone)) {
                *count += 1;
            }
        }
        zones
    }

    /// What is in the way where a node by itself would do: the others of its gang or its spread.
    fn together(&self, at: usize, fit: u64, within: impl Fn(u32) -> u64, nodes: u64) -> Option<Cause> {
        let pod = &self.fleet.pods[at];
        let cause = |constraint, name: &String, needs, has| Cause {
            constraint,
            name: name.clone(),
            nodes,
            needs: Some(needs),
            has: Some(has),
        };
        if let Some(confine) = pod.confine {
            let one = within(self.cluster.confines[confine as usize].kind);
            let alike = |other: &&plimsoll_packing::fleet::Pod| {
                other.confine == Some(confine) && other.request == self.cluster.pods[at].request
            };
            let needs = self.cluster.pods.iter().filter(alike).count() as u64;
            if one < needs {
                let key = &self.fleet.confines[confine as usize].key;
                return Some(cause(Obstacle::Domain, key, needs as f64, one as f64));
            }
        }
        if let Some(gang) = pod.gang {
            let size = self.fleet.pods.iter().filter(|other| other.gang == Some(gang)).count();
            return Some(cause(Obstacle::Gang, &self.fleet.gangs[gang as usize], size as f64, fit as f64));
        }
        let spread = &self.fleet.spreads[pod.spread? as usize];
        Some(cause(Obstacle::Spread, &spread.name, f64::from(spread.skew), fit as f64))
    }

    /// That no packing serves everybody, by the bound.
    fn bounded(&self, objective: &Objective) -> String {
        let all: u64 = self.fleet.pods.iter().map(|pod| pod.worth).sum();
        let all = all as f64 / 1e6;
        let Objective { worth, bound_worth, gap } = *objective;
        let short = all - bound_worth;
        let moved = if self.settings.moves > 0 { ", however many running pods move" } else { "" };
        let best = if gap <= 0.0 {
            format!("no packing is worth more than this one, {worth:.3}{moved}")
        } else {
            format!("no packing is worth more than {bound_worth:.3}{moved}, and this one is worth {worth:.3}")
        };
        if short > 0.0 {
            format!("{best}; all pods are worth {all:.3}, so pods worth {short:.3} wait in any packing")
        } else {
            format!("{best}: it is not proven that some must wait")
        }
    }
}

/// What a pod holds of a device, as documents say it.
pub(super) fn holds(hold: plimsoll_packing::fleet::Hold) -> Hold {
    Hold { index: hold.index, milli: hold.milli, parts: (hold.parts != 0).then_some(hold.parts) }
}

/// To the millionth, as worth is counted.
fn micro(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn amounts<'a>(pods: impl Iterator<Item = &'a Pod>) -> Amounts {
    let (mut count, mut accelerators, mut cpu) = (0, 0, 0);
    for pod in pods {
        count += 1;
        accelerators += pod.accelerators_milli;
        cpu += pod.need("cpu");
    }
    Amounts { pods: count, accelerators: accelerators as f64 / 1000.0, cpu: cpu as f64 / 1000.0 }
}
