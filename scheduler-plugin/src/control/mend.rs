//! Plans that came to nothing, and what annotations cannot mean.

use super::{Action, Controller, LEFT, Look, NOT_PLANNED, Target, claims_come, left};
use crate::cluster::Millis;

/// kube-scheduler backs off from a pod that it has refused for so long at most.
const BACKOFF: Millis = 10_000;

impl Controller {
    /// Plans that came to nothing: the node went, or the scheduler cannot follow. And what annotations cannot mean.
    pub(super) fn mend(&mut self, look: &mut Look<'_>) {
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
