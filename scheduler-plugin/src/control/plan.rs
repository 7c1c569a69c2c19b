//! Plans for waiting pods, by the packing that `plimsoll plan --cluster` makes.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use plimsoll_model::{
    Fleet, Grams, Ratio, Usd,
    fleet::Rule,
    packing::{Cause, Obstacle},
};
use plimsoll_planner::cluster::{self as packing, Rates, Settings};

use super::levels::levels;
use crate::{
    clock,
    cluster::{Cluster, Millis, Pod},
};

/// What a planner decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The node of each pod that has one, by UID.
    pub assignments: BTreeMap<String, String>,
    /// Why each other pod waits, in words.
    pub waiting: BTreeMap<String, String>,
    /// The worth of all placed pods, those that run among them, in accelerators.
    pub worth: f64,
    /// No plan is worth more that places the pods of higher priority first.
    pub bound: f64,
    /// How far the worth is from the bound, a part of the bound.
    pub gap: f64,
}

impl Plan {
    /// What is said of a placement.
    pub(super) fn words(&self, node: &str) -> String {
        let (worth, bound) = (self.worth, self.bound);
        format!(
            "planned on {node}; the plan is worth {worth:.3} accelerators, and none is worth more than {bound:.3}"
        )
    }

    /// The gangs of which no pod runs and not all pods have a place. `gangs`: those of the pods that were to be placed.
    pub(super) fn held(&self, cluster: &Cluster, gangs: &BTreeMap<String, String>) -> BTreeSet<String> {
        let mut held: BTreeSet<String> =
            self.waiting.keys().filter_map(|uid| gangs.get(uid).cloned()).collect();
        for pod in cluster.pods().values().filter(|pod| pod.facts.node.is_some()) {
            if let Some(gang) = &pod.facts.gang {
                held.remove(gang);
            }
        }
        held
    }
}

/// What the nodes cost and emit in an hour that pods with accelerators run on, are on their way to, or are planned on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill {
    /// Dollars.
    pub usd: Usd,
    /// Grams of CO2 equivalent under load, of nodes of which that is known.
    pub grams: Grams,
    /// Nodes whose price is not known,
    pub unpriced: usize,
    /// and whose emissions are not.
    pub unmeasured: usize,
}

impl Plan {
    /// What it comes to, beside what runs.
    pub fn bill(&self, cluster: &Cluster, rates: &Rates, now: Millis, bound: Millis) -> Bill {
        let ours = cluster.pods().values().filter(|pod| pod.is_ours());
        let there =
            ours.filter_map(|pod| pod.facts.node.as_deref().or_else(|| cluster.kept_plan(pod, now, bound)));
        let used: BTreeSet<&str> = there.chain(self.assignments.values().map(|node| &**node)).collect();
        let mut bill = Bill::default();
        for node in cluster.hardware().nodes.iter().filter(|node| used.contains(&*node.name)) {
            let rate = rates.of_node(node);
            match rate {
                Some(rate) => bill.usd += rate.usd,
                None => bill.unpriced += 1,
            }
            match rate.and_then(|rate| rate.grams) {
                Some(grams) => bill.grams += grams,
                None => bill.unmeasured += 1,
            }
        }
        bill
    }
}

/// What a plan is to be made of, as it was when it was asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// The nodes, and the pods that run or are on their way.
    pub cluster: Cluster,
    /// The pods that want a place, by UID, sorted.
    pub wanted: Vec<String>,
    /// Those of them that wait for themselves, though they name a gang.
    pub extra: BTreeSet<String>,
    /// Pods on their way to nodes that the cluster does not show yet.
    pub sent: BTreeMap<String, String>,
    /// When it was asked.
    pub now: Millis,
    /// How long a plan counts.
    pub bound: Millis,
}

impl Question {
    /// The plan, or why there is none: a planner that panics has made none.
    ///
    /// # Errors
    /// Why there is none.
    pub fn answer(&self, planner: &mut dyn Planner) -> Result<Plan, String> {
        // Whoever panicked is not asked again: planners keep nothing between two plans.
        std::panic::catch_unwind(AssertUnwindSafe(|| planner.plan(self))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Err(format!("the planner panicked: {}", text.unwrap_or("without a word")))
        })
    }

    /// Where a pod runs, or will.
    fn seat<'q>(&'q self, pod: &'q Pod) -> Option<&'q str> {
        let facts = &pod.facts;
        let planned = || self.cluster.kept_plan(pod, self.now, self.bound).filter(|_| facts.is_waiting());
        let sent = || self.sent.get(&facts.uid).map(String::as_str).filter(|_| facts.is_waiting());
        facts.node.as_deref().or_else(planned).or_else(sent)
    }
}

/// Who decides. A simulation has a simpler one.
pub trait Planner {
    /// A plan for the wanted pods beside all that run or are on their way.
    ///
    /// # Errors
    /// Why there is none.
    fn plan(&mut self, question: &Question) -> Result<Plan, String>;
}

/// The packing.
#[derive(Debug, Clone)]
pub struct PackingPlanner {
    /// Where the search may stop.
    pub gap: Ratio,
    /// When it has to: the best packing that is known by then is the plan.
    pub within: Duration,
}

impl Default for PackingPlanner {
    fn default() -> Self {
        Self { gap: Ratio::from_pico(5_000_000_000), within: Duration::from_secs(10) }
    }
}

thread_local! {
    /// Until when the plan that this thread makes may be searched for.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How many seconds are left of that.
fn left() -> f64 {
    UNTIL.get().map_or(f64::INFINITY, |until| until.saturating_duration_since(clock::instant()).as_secs_f64())
}

impl Planner for PackingPlanner {
    fn plan(&mut self, question: &Question) -> Result<Plan, String> {
        UNTIL.set(clock::instant().checked_add(self.within));
        let (mut plan, mut missed) = (Plan::default(), 0.0);
        let levels = levels(question);
        for wanted in &levels {
            let level = self.level(question, wanted, &plan.assignments)?;
            plan.assignments.extend(level.assignments);
            plan.waiting.extend(level.waiting);
            // What runs, and what was placed on the levels before, is part of the worth of each level.
            plan.worth = level.worth;
            missed += (level.bound - level.worth).max(0.0);
            plan.gap = level.gap;
        }
        plan.bound = plan.worth + missed;
        if levels.len() > 1 {
            plan.gap = if plan.bound > 0.0 { missed / plan.bound } else { 0.0 };
        }
        Ok(plan)
    }
}

impl PackingPlanner {
    /// Places pods of one level of priority beside what runs, what is on its way, and what was placed before them.
    fn level(
        &self,
        question: &Question,
        wanted: &[String],
        before: &BTreeMap<String, String>,
    ) -> Result<Plan, String> {
        let cluster = &question.cluster;
        let hardware = cluster.hardware();
        let mut given = Fleet { nodes: hardware.nodes.clone(), ..Fleet::default() };
        given.pods.extend(cluster.held_by_claims());
        let (mut documents, mut beside) = (Vec::new(), Vec::new());
        let nodes: BTreeSet<&str> = hardware.nodes.iter().map(|node| &*node.name).collect();
        for pod in cluster.pods().values() {
            let at = question.seat(pod).or_else(|| before.get(&pod.facts.uid).map(String::as_str));
            let Some(at) = at.filter(|node| nodes.contains(node)) else { continue };
            let Some(needs) = pod.needs.as_deref() else { continue };
            // What keeps others off counts by what all say together.
            if needs.apart.is_some() || needs.spread.is_some() {
                documents.extend(pod.document(Some(at)));
                beside.push(&**pod);
                continue;
            }
            let mut running = needs.clone();
            running.on = Some(at.to_owned());
            running.rule = Rule::default();
            running.gang = None;
            given.pods.push(running);
        }
        let waiting = wanted.iter().filter_map(|uid| cluster.pods().get(uid));
        documents.extend(waiting.clone().filter_map(|pod| pod.document(None)));
        documents.extend(cluster.beside(beside.into_iter().chain(waiting.map(|pod| &**pod))));
        let (mut fleet, problems) = hardware.pods(&documents.iter().collect::<Vec<_>>(), given);
        let extra = &question.extra;
        fleet.pods.iter_mut().filter(|pod| extra.contains(&pod.name)).for_each(|pod| pod.gang = None);
        // What a pod has that runs is known already: who shares its claim may not be among these.
        for pod in fleet.pods.iter_mut().filter(|pod| pod.on.is_some()) {
            if let Some(needs) = cluster.pods().get(&pod.name).and_then(|known| known.needs.as_deref()) {
                (pod.ask, pod.accelerators_milli) = (needs.ask.clone(), needs.accelerators_milli);
            }
        }
        if let Some(problem) = problems.first() {
            tracing::warn!(problem = problem.message, "a pod is planned without what is wrong with it");
        }
        let settings = Settings { gap: self.gap, ..Settings::default() };
        let packed = packing::plan(&fleet, &settings, None, Some(left), &mut |_| {})
            .map_err(|error| error.to_string())?;
        let is_wanted = |uid: &str| wanted.binary_search_by(|one| (**one).cmp(uid)).is_ok();
        let assigned = packed.assignments.iter().filter(|one| !one.running && is_wanted(&one.pod));
        let waiting = packed.unplaced.iter().filter(|one| is_wanted(&one.pod));
        Ok(Plan {
            assignments: assigned.map(|one| (one.pod.clone(), one.node.clone())).collect(),
            waiting: waiting.map(|one| (one.pod.clone(), words(&one.causes))).collect(),
            worth: packed.objective.worth,
            bound: packed.objective.bound_worth,
            gap: packed.objective.gap,
        })
    }
}

/// What is in the way, on how many nodes.
fn words(causes: &[Cause]) -> String {
    let said = causes.iter().map(|cause| {
        let name = &cause.name;
        let what = match cause.constraint {
            Obstacle::Selector => format!("another {name}"),
            Obstacle::Taint => format!("taint {name}"),
            Obstacle::Accelerator => format!("no {name}"),
            _ => match (cause.needs, cause.has) {
                (Some(needs), Some(has)) => format!("too little {name} free ({has} of {needs})"),
                _ => format!("too little {name} free"),
            },
        };
        format!("{} node{}: {what}", cause.nodes, if cause.nodes == 1 { "" } else { "s" })
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        "others are worth more or its gang does not fit".to_owned()
    } else {
        said.join("; ")
    }
}

/// First fit by UID, for tests.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct FirstFit;

#[cfg(test)]
impl Planner for FirstFit {
    fn plan(&mut self, question: &Question) -> Result<Plan, String> {
        let Question { cluster, wanted, .. } = question;
        let mut free: BTreeMap<&str, i64> = cluster
            .hardware()
            .nodes
            .iter()
            .map(|node| (&*node.name, node.devices.as_ref().map_or(0, |devices| i64::from(devices.count))))
            .collect();
        let size = |pod: &Pod| pod.needs.as_ref().map_or(0, |needs| needs.accelerators_milli as i64 / 1000);
        for pod in cluster.pods().values() {
            let at = question.seat(pod);
            if let Some(free) = at.and_then(|node| free.get_mut(node)) {
                *free -= size(pod);
            }
        }
        let mut plan = Plan::default();
        let mut gangs: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for uid in wanted {
            let gang = cluster.pods()[uid].facts.gang.clone();
            let gang = gang.filter(|_| !question.extra.contains(uid));
            gangs.entry(gang.unwrap_or_else(|| uid.clone())).or_default().push(uid);
        }
        for members in gangs.into_values() {
            let mut tried = free.clone();
            let mut places = Vec::new();
            for uid in &members {
                let size = size(&cluster.pods()[*uid]);
                if let Some((node, free)) = tried.iter_mut().find(|(_, free)| **free >= size) {
                    *free -= size;
                    places.push(((*uid).clone(), (*node).to_owned()));
                }
            }
            if places.len() == members.len() {
                free = tried;
                plan.assignments.extend(places);
            } else {
                plan.waiting.extend(members.into_iter().map(|uid| (uid.clone(), "no room".to_owned())));
            }
        }
        Ok(plan)
    }
}
