//! What the controller does, as a function of what is known and of the time.
//!
//! The API server is the only store. What was decided for a pod stands in the pod (its gate, its annotations, its
//! affinity, `nominatedNodeName`), so that a controller that is killed at any moment, or another replica, goes on from
//! what it reads. [`Controller::decide`] says what is to be done next; whoever runs it does that, and a failure needs no
//! answer but the next look: an [`Action`] is made against the version of the pod that was looked at, and the API server
//! refuses it where the pod has changed since.
//!
//! No look waits for a plan. A look asks for one by a [`Question`], and [`Controller::answered`] carries the answer into
//! the pods, whenever it comes; a planner that fails, panics or never ends leaves gates to their deadlines.
//!
//! The laws that the simulation holds it to: no pod is lost, none is bound twice, none waits behind our gate for good,
//! no node is overfilled, and no room is kept for a pod that is gone.

mod action;
mod deeds;
mod gangs;
mod levels;
mod plan;
#[cfg(test)]
mod simulation;
mod sized;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

pub use action::{Action, Patch, Target};
use deeds::Deeds;
use gangs::{is_queued, queued};
pub use plan::{Bill, PackingPlanner, Plan, Planner, Question};
use sized::Gangs;

use crate::{
    cluster::{Cluster, Millis, Placing, Pod},
    metrics::Waiting,
};

/// kube-scheduler backs off from a pod that it has refused for so long at most.
const BACKOFF: Millis = 10_000;

/// And looks again at one that waits for a change after so long.
const LOOKS_AGAIN: Millis = 300_000;
/// What is in the way of a pod is said again, where it is something else, after so long.
const SAY_AGAIN: Millis = 60_000;
/// The reason of events about pods that have no place.
const NOT_PLANNED: &str = "NotPlanned";
/// The reason of events about pods that are let go without a place.
const OPENED: &str = "GateOpened";
/// The reason of events about pods whose claims are not understood.
const LEFT: &str = "LeftToScheduler";
/// What a pod claims may be seen so much later than the pod.
const CLAIMS_COME: Millis = 1_000;

/// The delays and bounds of the controller, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A gate opens so long after the pod was made, plan or no plan.
    pub deadline: Millis,
    /// A plan is made when no new pod has come for so long…
    pub settle: Millis,
    /// …or when the first has waited for so long.
    pub settle_most: Millis,
    /// Pods that no plan has a place for are planned again so often, and whenever the cluster changes, so often at most.
    pub again: Millis,
    /// A plan counts so long.
    pub bound: Millis,
    /// A pod that the scheduler has refused its planned node for so long gets another.
    pub stuck: Millis,
    /// A plan that takes longer is none.
    pub patience: Millis,
    /// What was done and is not seen is done again after so long.
    pub unseen: Millis,
    /// How plans bind the scheduler, where pods do not say; without it hard for pods that a ReplicaSet or a StatefulSet made.
    pub placing: Option<Placing>,
}

impl Settings {
    /// How long a plan is searched for: what is stated before, and filled in after, takes its time too.
    pub fn search(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.patience).unwrap_or(0) / 2)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: 30_000,
            settle: 50,
            settle_most: 300,
            again: 2_000,
            bound: 300_000,
            stuck: 10_000,
            patience: 20_000,
            unseen: 5_000,
            placing: None,
        }
    }
}

/// What a look at the cluster comes to.
#[derive(Debug)]
pub struct Decision {
    /// What is to be done now.
    pub actions: Vec<Action>,
    /// When to look again at the latest.
    pub next: Millis,
    /// What a plan is to be made of, where it is time for one. The answer goes to [`Controller::answered`].
    pub question: Option<Question>,
}

/// A plan that is being made.
#[derive(Debug)]
struct Asked {
    at: Millis,
    /// The gang of each pod that it is for and that has one.
    gangs: BTreeMap<String, String>,
    /// It has taken too long: nobody waits for it any more.
    is_late: bool,
}

/// The controller between two looks.
#[derive(Debug, Default)]
pub struct Controller {
    /// What was done to pods.
    deeds: Deeds,
    /// Which pods wait for a plan, since when.
    since: BTreeMap<String, Millis>,
    newest: Millis,
    /// What gave room when the cluster was planned last ([`Cluster::room`]), and when.
    planned: Option<(u64, Millis)>,
    /// When the last plan was made, and how long that took.
    made: Option<(Millis, Millis)>,
    /// What events have said of a pod, by their reasons, and when: not said again.
    said: BTreeMap<String, BTreeMap<&'static str, (String, Millis)>>,
    /// When the newest plan said so of the gangs of which not all pods fit, by their names.
    held: BTreeMap<String, Millis>,
    /// Gangs that lost a planned node before any of their pods ran: all of their pods are planned anew, together.
    lost: BTreeSet<String>,
    /// How gangs of a stated size stood when it looked last.
    gangs: Gangs,
    /// When gates of others last held pods that ours holds too.
    blocked: BTreeMap<String, Millis>,
    /// When pods that are not placed were last brought to the scheduler's attention, and how often.
    kicked: BTreeMap<String, (Millis, u32)>,
    /// The plan that is being made.
    asked: Option<Asked>,
    /// The newest plan, and when it was carried out.
    last: Option<(Plan, Millis)>,
}

impl Controller {
    /// What is to be done now. `may_ask`: whether somebody is free to make a plan.
    pub fn decide(
        &mut self,
        cluster: &mut Cluster,
        settings: &Settings,
        now: Millis,
        may_ask: bool,
    ) -> Decision {
        let mut look = self.look(cluster, settings, now);
        self.lose_patience(&mut look);
        self.mend(&mut look);
        let wanted = self.wanted(&mut look);
        for (uid, reason, text) in self.gangs.said(&mut look) {
            self.say(&mut look, &uid, reason, text);
        }
        let mut wanted = self.again(&mut look, wanted);
        self.open(&mut look);
        self.settle(&look, &mut wanted);
        let is_due = self.is_due(&mut look, &wanted, may_ask);
        let question = is_due.then(|| self.ask(&look, wanted));
        Decision { actions: look.actions, next: look.next, question }
    }

    /// What the answer to the last [`Question`] comes to. One that comes too late is none.
    pub fn answered(
        &mut self,
        cluster: &mut Cluster,
        settings: &Settings,
        now: Millis,
        answer: Result<Plan, String>,
    ) -> Vec<Action> {
        let Some(asked) = self.asked.take() else { return Vec::new() };
        self.made = Some((now, (now - asked.at).max(0)));
        if asked.is_late {
            return Vec::new();
        }
        let mut look = self.look(cluster, settings, now);
        match answer {
            Ok(plan) => self.carry(&mut look, &asked, plan),
            Err(why) => look.actions.push(Action::Failed { why }),
        }
        look.actions
    }

    /// Opens the gates that are past their deadline, whatever else is known: for when looking fails.
    pub fn overdue(cluster: &Cluster, settings: &Settings, now: Millis) -> Vec<Action> {
        let queued = queued(cluster);
        let overdue = cluster.pods().values().filter(|pod| {
            pod.facts.is_gated()
                && !pod.facts.is_leaving
                && !is_queued(pod, &queued)
                && pod.facts.created.saturating_add(settings.deadline) <= now
        });
        overdue.map(|pod| Action::open(pod, None)).collect()
    }

    fn look<'a>(&mut self, cluster: &'a mut Cluster, settings: &'a Settings, now: Millis) -> Look<'a> {
        cluster.refresh();
        self.forget(cluster, now, settings);
        let mut look = Look { cluster, settings, now, actions: Vec::new(), next: now + settings.again };
        if let Some(at) = self.deeds.next() {
            look.wake(at);
        }
        look
    }

    /// Opens every gate as it is, for a shutdown.
    pub fn open_all(cluster: &Cluster) -> Vec<Action> {
        let gated = cluster.pods().values().filter(|pod| pod.facts.is_gated());
        gated.map(|pod| Action::open(pod, None)).collect()
    }

    /// The newest plan, and when it was carried out.
    pub fn last(&self) -> Option<(&Plan, Millis)> {
        self.last.as_ref().map(|(plan, at)| (plan, *at))
    }

    /// How many pods wait for what.
    pub fn waiting(cluster: &Cluster, now: Millis, bound: Millis) -> Waiting {
        let mut waiting = Waiting::default();
        for pod in cluster.pods().values().filter(|pod| pod.facts.is_waiting() && cluster.is_planned(pod)) {
            if pod.facts.is_gated() {
                waiting.gated += 1;
            } else if cluster.kept_plan(pod, now, bound).is_some() {
                waiting.planned += 1;
            } else {
                waiting.unplanned += 1;
            }
        }
        waiting
    }

    /// Drops what is about pods that are gone.
    fn forget(&mut self, cluster: &Cluster, now: Millis, settings: &Settings) {
        let pods = cluster.pods();
        self.deeds.forget(cluster, now, settings.unseen);
        self.since.retain(|uid, at| *at <= now && pods.get(uid).is_some_and(|pod| pod.facts.is_waiting()));
        self.blocked.retain(|uid, at| *at <= now && pods.contains_key(uid));
        self.said.retain(|uid, _| pods.contains_key(uid));
        self.made = self.made.filter(|(at, _)| *at <= now);
        self.kicked.retain(|uid, (at, _)| *at <= now && pods.contains_key(uid));
        self.newest = self.newest.min(now);
        self.planned = self.planned.filter(|(_, at)| *at <= now);
        if let Some(asked) = &mut self.asked {
            asked.at = asked.at.min(now);
        }
    }

    /// The last action on a pod came to nothing: it is tried again, later each time.
    pub fn failed(&mut self, uid: &str, now: Millis) {
        self.deeds.failed(uid, now);
    }

    fn act(&mut self, look: &mut Look<'_>, action: Action, node: Option<&str>) {
        self.deeds.begin(&action, node, look.now, look.settings.unseen);
        look.wake(look.now + look.settings.unseen);
        look.actions.push(action);
    }

    /// The node that a pod is to be placed on, where it is still there.
    fn sent(&self, look: &Look<'_>, uid: &str) -> Option<String> {
        self.deeds.node(uid).filter(|node| look.cluster.has_node(node)).map(str::to_owned)
    }

    /// Says something of a pod, once. Why it has no place changes with every pod that comes and goes: that is said again
    /// where more than numbers have changed, and now and then at most.
    fn say(&mut self, look: &mut Look<'_>, uid: &str, reason: &'static str, text: String) {
        let Some(pod) = look.cluster.pods().get(uid) else { return };
        let plain = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
        let said = self.said.entry(uid.to_owned()).or_default().get(reason);
        let is_known = said.is_some_and(|(known, at)| match reason {
            NOT_PLANNED => *at + SAY_AGAIN > look.now || plain(known) == plain(&text),
            _ => *known == text,
        });
        if is_known {
            return;
        }
        let action = Action::Event { pod: Target::of(&pod.facts), reason, text: text.clone() };
        self.said.entry(uid.to_owned()).or_default().insert(reason, (text, look.now));
        look.actions.push(action);
    }

    /// Plans that came to nothing: the node went, or the scheduler cannot follow. And what annotations cannot mean.
    fn mend(&mut self, look: &mut Look<'_>) {
        let (mut faults, mut void) = (Vec::new(), Vec::new());
        for (uid, pod) in look.cluster.pods() {
            let facts = &pod.facts;
            if !facts.is_waiting() {
                continue;
            }
            if let Some(fault) = pod.fault() {
                faults.push((
                    uid.clone(),
                    "BadAnnotation",
                    format!("{fault}; scheduled as if it were not there"),
                ));
            }
            if let Some(why) = pod.left().filter(|_| !facts.is_gated() && look.cluster.asks_for_us(pod)) {
                match claims_come(pod, look) {
                    Some(at) => look.next = look.next.min(at),
                    None => faults.push((uid.clone(), LEFT, left(why))),
                }
            }
            let waits = look.cluster.waits_for(pod).filter(|_| look.cluster.is_planned(pod));
            if let Some(why) = waits.filter(|_| facts.created + look.settings.again <= look.now) {
                faults.push((uid.clone(), NOT_PLANNED, format!("no place yet: {why}")));
            }
            if self.deeds.node(uid).is_some_and(|node| !look.cluster.has_node(node)) {
                self.lost.extend(facts.gang.clone());
            }
            // A pod that we do not plan may say what it likes.
            let is_ours = !facts.is_gated() && look.cluster.is_planned(pod);
            let planned = facts.planned.as_ref().filter(|_| is_ours);
            let Some(planned) = planned.filter(|_| !self.deeds.hold(pod, look.now)) else {
                continue;
            };
            let stuck = facts.unschedulable.map(|since| stuck(since, planned.at, look));
            let node = &planned.node;
            if !look.cluster.has_node(node) {
                void.push((uid.clone(), format!("its planned node {node} is gone")));
                self.lost.extend(facts.gang.clone());
            } else if stuck.is_some_and(|until| until <= look.now) {
                void.push((uid.clone(), format!("its planned node {node} has no room for it any more")));
            } else if let Some(until) = stuck {
                look.next = look.next.min(until.max(look.now + 1));
            }
        }
        for (uid, reason, fault) in faults {
            self.say(look, &uid, reason, fault);
        }
        let torn = self.torn(look);
        void.extend(torn.into_iter().map(|uid| (uid, "its gang has lost a planned node".to_owned())));
        for (uid, why) in void {
            let Some(pod) = look.cluster.pods().get(&uid) else { continue };
            let facts = &pod.facts;
            if facts.is_pinned && !facts.may_be_deleted() {
                // Its affinity cannot be changed, and whoever made it would count a failure.
                self.say(
                    look,
                    &uid,
                    "PlanLost",
                    format!("{why}; it is pinned there: delete it to have it elsewhere"),
                );
                continue;
            }
            let action = if facts.is_pinned {
                Action::Recreate { pod: Target::of(facts), why: why.clone() }
            } else {
                // What has lost its place goes nowhere before all of its gang has one again.
                let gang = facts.gang.as_ref().filter(|gang| self.lost.contains(*gang));
                self.held.extend(gang.map(|gang| (gang.clone(), look.now)));
                Action::forget(pod, gang.map(|_| look.now))
            };
            self.say(look, &uid, "PlanLost", why);
            self.act(look, action, None);
        }
    }

    /// The pods that wait for a plan.
    fn wanted(&mut self, look: &mut Look<'_>) -> Vec<String> {
        let mut wanted = Vec::new();
        let is_unplaced = |pod: &Pod| {
            pod.facts.is_waiting()
                && look.cluster.is_planned(pod)
                && look.cluster.kept_plan(pod, look.now, look.settings.bound).is_none()
                && !pod.facts.is_pinned
        };
        let is_free = |pod: &Pod| pod.facts.hold.others.is_empty() && look.cluster.waits_for(pod).is_none();
        // A gang would be placed without a pod that others' gates hold, or that is not to be touched yet.
        let is_held_up = |pod: &&Arc<Pod>| {
            let others = !is_free(pod);
            let is_off = || self.deeds.hold(pod, look.now) && self.sent(look, &pod.facts.uid).is_none();
            is_unplaced(pod) && (others || is_off())
        };
        let held_up = look.cluster.pods().values().filter(is_held_up);
        let mut held_up: BTreeSet<String> = held_up.filter_map(|pod| pod.facts.gang.clone()).collect();
        // Nor without one that is still to be called back.
        let torn = look.cluster.pods().values().filter(|pod| self.is_torn(look, pod));
        let torn: BTreeSet<String> = torn.filter_map(|pod| pod.facts.gang.clone()).collect();
        self.lost.retain(|gang| torn.contains(gang));
        held_up.extend(torn);
        for (uid, pod) in look.cluster.pods() {
            let facts = &pod.facts;
            let is_wanted = is_unplaced(pod)
                && is_free(pod)
                && facts.gang.as_ref().is_none_or(|gang| !held_up.contains(gang));
            if is_wanted && !self.deeds.hold(pod, look.now) {
                wanted.push(uid.clone());
            }
        }
        self.gangs = Gangs::of(look, &mut wanted, |uid| self.sent(look, uid).is_some());
        for uid in &wanted {
            if !self.since.contains_key(uid) {
                self.since.insert(uid.clone(), look.now);
                self.newest = look.now;
            }
        }
        wanted
    }

    /// Leaves out what this look has acted on, with the rest of its gangs: a gang is asked about whole.
    fn settle(&self, look: &Look<'_>, wanted: &mut Vec<String>) {
        let is_touched = |uid: &String| look.pod(uid).is_none_or(|pod| self.deeds.hold(pod, look.now));
        let gang = |uid: &String| look.pod(uid)?.facts.gang.clone();
        let touched: BTreeSet<String> =
            wanted.iter().filter(|uid| is_touched(uid)).filter_map(gang).collect();
        wanted.retain(|uid| !is_touched(uid) && gang(uid).is_none_or(|gang| !touched.contains(&gang)));
    }

    /// A plan that is not there after so long is none: pods pass as they come.
    fn lose_patience(&mut self, look: &mut Look<'_>) {
        let Some(asked) = self.asked.as_mut().filter(|asked| !asked.is_late) else { return };
        let until = asked.at.saturating_add(look.settings.patience);
        if until > look.now {
            look.wake(until);
            return;
        }
        asked.is_late = true;
        let why = format!("it has been in the making for {} ms", look.now - asked.at);
        look.actions.push(Action::Failed { why });
    }

    /// Whether it is time to plan.
    fn is_due(&mut self, look: &mut Look<'_>, wanted: &[String], may_ask: bool) -> bool {
        let settings = look.settings;
        let Some(first) = wanted.iter().filter_map(|uid| self.since.get(uid)).min().copied() else {
            return false;
        };
        if !may_ask || self.asked.is_some() {
            return false;
        }
        let is_new = |(_, at): &(u64, Millis)| wanted.iter().any(|uid| self.since.get(uid) > Some(at));
        let due = match &self.planned {
            // Nothing new: when there may be room, or after a while, for a clock may be all that changed. Plans that take
            // long are a quarter of the time at most.
            Some(planned) if !is_new(planned) => {
                let rest = if planned.0 == look.cluster.room() { 5 * settings.again } else { settings.again };
                (planned.1 + rest).max(self.made.map_or(Millis::MIN, |(at, took)| at + 3 * took))
            }
            // Half of it, where pods come all the time.
            _ => (self.newest + settings.settle)
                .min(first.max(self.newest - settings.settle_most) + settings.settle_most)
                .max(self.made.map_or(Millis::MIN, |(at, took)| at + took)),
        };
        if due > look.now {
            look.wake(due);
        }
        due <= look.now
    }

    /// What a plan is to be made of.
    fn ask(&mut self, look: &Look<'_>, wanted: Vec<String>) -> Question {
        self.planned = Some((look.cluster.room(), look.now));
        let gang = |uid: &String| Some((uid.clone(), look.pod(uid)?.facts.gang.clone()?));
        let (extra, members): (Vec<_>, Vec<_>) =
            wanted.iter().partition(|uid| self.gangs.extra.contains(*uid));
        let extra = extra.into_iter().cloned().collect();
        let gangs = members.into_iter().filter_map(gang).collect();
        self.asked = Some(Asked { at: look.now, gangs, is_late: false });
        Question {
            cluster: look.cluster.clone(),
            wanted,
            extra,
            sent: self.deeds.sent(),
            now: look.now,
            bound: look.settings.bound,
        }
    }

    /// Carries a plan into the pods that still wait for one.
    fn carry(&mut self, look: &mut Look<'_>, asked: &Asked, plan: Plan) {
        let wanted: BTreeSet<String> = self.wanted(look).into_iter().collect();
        let fits = |(uid, node): &(&String, &String)| wanted.contains(*uid) && look.cluster.has_node(node);
        let assigned = || plan.assignments.iter();
        // A gang that has changed since, or lost a node, is planned anew: all of it is placed or nothing.
        let mut torn: BTreeSet<&str> = assigned()
            .filter(|one| !fits(one))
            .filter_map(|(uid, _)| asked.gangs.get(uid))
            .map(|gang| &**gang)
            .collect();
        let whole: BTreeSet<&str> =
            assigned().filter_map(|(uid, _)| asked.gangs.get(uid)).map(|gang| &**gang).collect();
        let more = wanted.iter().filter(|uid| !plan.assignments.contains_key(*uid));
        let more: Vec<String> = more.filter_map(|uid| look.pod(uid)?.facts.gang.clone()).collect();
        torn.extend(more.iter().map(|gang| &**gang).filter(|gang| whole.contains(gang)));
        let is_whole = |uid: &String| asked.gangs.get(uid).is_none_or(|gang| !torn.contains(&**gang));
        let placed: Vec<(&String, &String)> =
            assigned().filter(fits).filter(|(uid, _)| is_whole(uid)).collect();
        // What is known of gangs that it was not asked about, or that have changed since, stays.
        let gangs: BTreeSet<&str> =
            asked.gangs.values().map(|gang| &**gang).filter(|gang| !torn.contains(gang)).collect();
        let (now, bound) = (look.now, look.settings.bound);
        self.held.retain(|gang, at| !gangs.contains(&**gang) && at.saturating_add(bound) > now);
        self.held.extend(plan.held(look.cluster, &asked.gangs).into_iter().map(|gang| (gang, now)));
        for (uid, node) in placed {
            let Some(pod) = look.cluster.pods().get(uid) else { continue };
            let action = Action::place(pod, node, pod.facts.placing(look.settings.placing), look.now);
            self.say(look, uid, "Planned", plan.words(node));
            self.act(look, action, Some(node));
        }
        // After those: what is placed is let go of by the same patch, and a second one would be a conflict.
        self.hold(look, &gangs);
        for (uid, why) in plan.waiting.iter().filter(|(uid, _)| wanted.contains(*uid)) {
            self.say(look, uid, NOT_PLANNED, format!("no place yet: {why}"));
            // Its reasons may have changed for the scheduler too.
            let is_refused =
                look.pod(uid).filter(|pod| !pod.facts.is_gated() && pod.facts.unschedulable.is_some());
            // Later each time, and no later than the scheduler would look by itself.
            let (at, times) = self.kicked.get(uid).copied().unwrap_or((Millis::MIN, 0));
            let pause = ((5 * look.settings.again) << times.min(16)).min(LOOKS_AGAIN);
            let is_rested = at.saturating_add(pause) <= look.now;
            if let Some(pod) = is_refused.filter(|pod| is_rested && !self.deeds.hold(pod, look.now)) {
                let action = Action::retry(pod, look.now);
                self.kicked.insert(uid.clone(), (look.now, times + 1));
                self.act(look, action, None);
            }
        }
        self.last = Some((plan, look.now));
    }

    /// Gates that hold nothing that is planned, or that have held for too long.
    fn open(&mut self, look: &mut Look<'_>) {
        let mut opened: Vec<(String, &'static str, String)> = Vec::new();
        let queued = queued(look.cluster);
        for (uid, pod) in look.cluster.pods() {
            if !pod.facts.is_gated() || pod.facts.is_leaving || self.deeds.hold(pod, look.now) {
                continue;
            }
            let is_planned = look.cluster.is_planned(pod);
            if is_planned && is_queued(pod, &queued) {
                // It does not wait for us: what is planned when the others let it go is planned in time.
                self.blocked.insert(uid.clone(), look.now);
                self.since.remove(uid);
                continue;
            }
            let from = self.blocked.get(uid).copied().unwrap_or(pod.facts.created);
            let until = from.max(pod.facts.created).saturating_add(look.settings.deadline);
            // A pod from the future is one of another clock: it waits no longer than one of now.
            let seen = self.since.get(uid).map(|since| since.saturating_add(look.settings.deadline));
            let until = seen.map_or(until, |seen| seen.min(until));
            if let Some(at) = claims_come(pod, look).filter(|_| !is_planned) {
                look.next = look.next.min(at);
            } else if let Some(why) = pod.left() {
                opened.push((uid.clone(), LEFT, left(why)));
            } else if !is_planned {
                let why = "it asks for no accelerators: nothing to plan";
                opened.push((uid.clone(), OPENED, why.to_owned()));
            } else if until <= look.now || pod.facts.created > look.now + look.settings.deadline {
                let seconds = look.settings.deadline / 1000;
                let why = format!("no plan within {seconds} s: scheduled without");
                opened.push((uid.clone(), OPENED, why));
            } else {
                look.next = look.next.min(until.max(look.now + 1));
            }
        }
        for (uid, reason, why) in opened {
            let Some(pod) = look.cluster.pods().get(&uid) else { continue };
            // Nor is a part of a gang to run while the rest is not there.
            let short = || self.gangs.is_short(pod).then_some(look.now);
            let action = Action::open(pod, self.held_since(pod, look).or_else(short));
            self.say(look, &uid, reason, why);
            self.act(look, action, None);
        }
    }
}

/// One look at the cluster.
struct Look<'a> {
    cluster: &'a mut Cluster,
    settings: &'a Settings,
    now: Millis,
    actions: Vec<Action>,
    next: Millis,
}

impl Look<'_> {
    fn pod(&self, uid: &str) -> Option<&Pod> {
        self.cluster.pods().get(uid).map(|pod| &**pod)
    }

    fn wake(&mut self, at: Millis) {
        self.next = self.next.min(at.max(self.now + 1));
    }
}

/// What is said of a pod that is left to the scheduler.
fn left(why: &str) -> String {
    format!("left to the scheduler: {why}")
}

/// When what a pod claims is there at the latest, where it is not yet.
fn claims_come(pod: &Pod, look: &Look<'_>) -> Option<Millis> {
    let at = pod.facts.created.saturating_add(CLAIMS_COME);
    let is_new = (look.now..=look.now + CLAIMS_COME).contains(&(at - 1));
    (is_new && look.cluster.lacks_claims(pod)).then_some(at.max(look.now + 1))
}

/// Until when the scheduler may refuse a pod, since a time, before its plan is void.
///
/// A refusal that is older than the plan says nothing of the plan: the scheduler may first look at it when it has backed
/// off. A plan from further ahead than clocks are apart says nothing at all.
fn stuck(refused: Millis, planned: Millis, look: &Look<'_>) -> Millis {
    let is_newer = refused < planned && planned < look.now.saturating_add(look.settings.bound);
    let since = if is_newer { planned.saturating_add(BACKOFF) } else { refused };
    since.saturating_add(look.settings.stuck)
}
