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
//! The laws that the simulation holds it to: no pod is lost, none is bound twice, none waits behind our gate alone for
//! good, no node is overfilled, and no room is kept for a pod that is gone.

mod action;
mod ask;
mod carry;
mod deeds;
mod gangs;
mod levels;
mod mend;
mod open;
mod plan;
#[cfg(test)]
mod simulation;
mod sized;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use action::{Action, Patch, Target};
use deeds::Deeds;
pub use plan::{Bill, PackingPlanner, Plan, Planner, Question};
use sized::Gangs;

use crate::{
    cluster::{Cluster, Millis, Placing, Pod},
    metrics::Waiting,
};

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
    /// Since when our gate alone holds pods while another's holds one of their gang.
    apart: BTreeMap<String, Millis>,
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
        self.hold_on(&mut look);
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

    fn look<'a>(&mut self, cluster: &'a mut Cluster, settings: &'a Settings, now: Millis) -> Look<'a> {
        cluster.refresh();
        self.forget(cluster, now, settings);
        let mut look = Look { cluster, settings, now, actions: Vec::new(), next: now + settings.again };
        if let Some(at) = self.deeds.next() {
            look.wake(at);
        }
        look
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
