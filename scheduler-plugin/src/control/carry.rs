//! A plan, into the pods that it is of.

use std::collections::BTreeSet;

use super::{Action, Asked, Controller, Look, NOT_PLANNED, Plan};
use crate::cluster::Millis;

/// And looks again at one that waits for a change after so long.
const LOOKS_AGAIN: Millis = 300_000;

impl Controller {
    /// Carries a plan into the pods that still wait for one.
    pub(super) fn carry(&mut self, look: &mut Look<'_>, asked: &Asked, plan: Plan) {
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
}
