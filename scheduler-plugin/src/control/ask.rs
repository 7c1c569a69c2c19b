//! Which pods wait for a plan, and when one is made.

use std::{collections::BTreeSet, sync::Arc};

use super::{Action, Asked, Controller, Gangs, Look, Question};
use crate::cluster::{Millis, Pod};

impl Controller {
    /// The pods that wait for a plan.
    pub(super) fn wanted(&mut self, look: &mut Look<'_>) -> Vec<String> {
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
    pub(super) fn settle(&self, look: &Look<'_>, wanted: &mut Vec<String>) {
        let is_touched = |uid: &String| look.pod(uid).is_none_or(|pod| self.deeds.hold(pod, look.now));
        let gang = |uid: &String| look.pod(uid)?.facts.gang.clone();
        let touched: BTreeSet<String> =
            wanted.iter().filter(|uid| is_touched(uid)).filter_map(gang).collect();
        wanted.retain(|uid| !is_touched(uid) && gang(uid).is_none_or(|gang| !touched.contains(&gang)));
    }

    /// A plan that is not there after so long is none: pods pass as they come.
    pub(super) fn lose_patience(&mut self, look: &mut Look<'_>) {
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
    pub(super) fn is_due(&mut self, look: &mut Look<'_>, wanted: &[String], may_ask: bool) -> bool {
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
    pub(super) fn ask(&mut self, look: &Look<'_>, wanted: Vec<String>) -> Question {
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
}
