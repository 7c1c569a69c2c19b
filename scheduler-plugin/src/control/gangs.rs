//! What is done to gangs: all of their pods are placed, or none.

use std::{collections::BTreeSet, sync::Arc};

use super::{Action, Controller, Look};
use crate::cluster::{Cluster, Millis, Pod};

impl Controller {
    /// Places pods again whose placing came to nothing; the rest of the wanted ones. Where a pod of a gang has lost its node
    /// meanwhile, all of the gang is planned anew.
    pub(super) fn again(&mut self, look: &mut Look<'_>, wanted: Vec<String>) -> Vec<String> {
        let gang = |uid: &String| look.pod(uid)?.facts.gang.clone();
        let lost = wanted.iter().filter(|uid| self.sent(look, uid).is_none());
        let torn: BTreeSet<String> = lost.filter_map(gang).collect();
        for (uid, pod) in look.cluster.pods() {
            if pod.facts.gang.as_ref().is_some_and(|gang| torn.contains(gang)) {
                self.deeds.unplace(uid);
            }
        }
        let (mut rest, mut again) = (Vec::new(), Vec::new());
        for uid in wanted {
            match self.sent(look, &uid) {
                Some(node) => again.push((uid, node)),
                None => rest.push(uid),
            }
        }
        for (uid, node) in again {
            let Some(pod) = look.cluster.pods().get(&uid) else { continue };
            let action = Action::place(pod, &node, pod.facts.placing(look.settings.placing), look.now);
            self.act(look, action, Some(&node));
        }
        rest
    }

    /// The pods of gangs that have lost a node which are on their way to nodes that are there: none that runs already is
    /// taken back, and beside one that runs the rest is planned.
    pub(super) fn torn(&mut self, look: &Look<'_>) -> Vec<String> {
        if self.lost.is_empty() {
            return Vec::new();
        }
        let pods = || look.cluster.pods().values();
        for pod in pods().filter(|pod| pod.facts.node.is_some()) {
            if let Some(gang) = &pod.facts.gang {
                self.lost.remove(gang);
            }
        }
        let torn = pods().filter(|pod| self.is_torn(look, pod) && !self.deeds.hold(pod, look.now));
        torn.map(|pod| pod.facts.uid.clone()).collect()
    }

    /// Whether a pod is on its way while its gang has lost a node, and can be called back.
    pub(super) fn is_torn(&self, look: &Look<'_>, pod: &Pod) -> bool {
        let facts = &pod.facts;
        let is_sent = || self.deeds.hold(pod, look.now) && self.sent(look, &facts.uid).is_some();
        facts.gang.as_ref().is_some_and(|gang| self.lost.contains(gang))
            && facts.is_waiting()
            && (!facts.is_pinned || facts.may_be_deleted())
            && (look.cluster.kept_plan(pod, look.now, look.settings.bound).is_some() || is_sent())
    }

    /// The pods that our gate alone holds, and has for as long as a plan counts, while another's holds a pod of their gang.
    /// kube-scheduler does not look at that one, and would run the others alone: they are let go as a gang that does not
    /// fit is, and refused all nodes for as long as the other's gate stays.
    pub(super) fn apart(&mut self, look: &mut Look<'_>) -> BTreeSet<String> {
        let mut apart = BTreeSet::new();
        let mut since = std::mem::take(&mut self.apart);
        let queued = queued(look.cluster);
        if queued.is_empty() {
            return apart;
        }
        for (uid, pod) in look.cluster.pods() {
            let facts = &pod.facts;
            let is_apart = facts.is_gated() && facts.is_waiting() && facts.hold.others.is_empty();
            if !is_apart || !look.cluster.is_planned(pod) || !is_queued(pod, &queued) {
                continue;
            }
            let from = since.remove(uid).filter(|from| *from <= look.now).unwrap_or(look.now);
            self.apart.insert(uid.clone(), from);
            let until = from.saturating_add(look.settings.bound);
            if until <= look.now {
                apart.insert(uid.clone());
            } else {
                look.next = look.next.min(until);
            }
        }
        apart
    }

    /// Goes on holding pods that are past the gate while a gate of another holds a pod of their gang: what a plan has said
    /// of a gang counts no longer than the plan.
    pub(super) fn hold_on(&mut self, look: &mut Look<'_>) {
        let queued = queued(look.cluster);
        if queued.is_empty() {
            return;
        }
        let mut fading = Vec::new();
        for (uid, pod) in look.cluster.pods() {
            let facts = &pod.facts;
            let Some(held) = facts.held.filter(|_| facts.is_waiting() && !facts.is_gated()) else { continue };
            let is_theirs = facts.hold.others.is_empty() && is_queued(pod, &queued);
            let is_open = look.cluster.kept_plan(pod, look.now, look.settings.bound).is_none();
            if !is_theirs || !is_open || !look.cluster.is_planned(pod) || self.deeds.hold(pod, look.now) {
                continue;
            }
            let until = held.saturating_add(look.settings.bound / 2);
            if until <= look.now || held > look.now {
                fading.push(uid.clone());
            } else {
                look.next = look.next.min(until);
            }
        }
        for uid in fading {
            let Some(pod) = look.cluster.pods().get(&uid) else { continue };
            let action = Action::hold(pod, Some(look.now));
            self.act(look, action, None);
        }
    }

    /// When a plan that still counts said that the gang of a pod does not fit.
    pub(super) fn held_since(&self, pod: &Pod, look: &Look<'_>) -> Option<Millis> {
        let at = *self.held.get(pod.facts.gang.as_deref()?)?;
        (at.saturating_add(look.settings.bound) > look.now).then_some(at)
    }

    /// Carries into pods that are past the gate whether their gang is held, so that every replica knows, and goes on
    /// knowing; what counts for long yet is not written anew. `gangs`: those that the plan was asked about.
    pub(super) fn hold(&mut self, look: &mut Look<'_>, gangs: &BTreeSet<&str>) {
        let mut changed = Vec::new();
        for (uid, pod) in look.cluster.pods() {
            let facts = &pod.facts;
            let is_asked = facts.gang.as_ref().is_some_and(|gang| gangs.contains(&**gang));
            if !is_asked || !facts.is_waiting() || facts.is_gated() || self.deeds.hold(pod, look.now) {
                continue;
            }
            let held = self.held_since(pod, look).filter(|_| look.cluster.is_planned(pod));
            let is_said = match (facts.held, held) {
                (None, None) => true,
                (Some(said), Some(at)) => (0..look.settings.bound / 2).contains(&(at - said)),
                _ => false,
            };
            if !is_said {
                changed.push((uid.clone(), held));
            }
        }
        for (uid, held) in changed {
            let Some(pod) = look.cluster.pods().get(&uid) else { continue };
            let action = Action::hold(pod, held);
            self.act(look, action, None);
        }
    }
}

/// The gangs of which a pod that we plan waits behind the gate of another: until that opens none of their pods is planned,
/// and what is let go alone would run alone.
pub(super) fn queued(cluster: &Cluster) -> BTreeSet<&str> {
    let is_queued = |pod: &&Arc<Pod>| {
        pod.facts.is_waiting() && !pod.facts.hold.others.is_empty() && cluster.is_planned(pod)
    };
    cluster.pods().values().filter(is_queued).filter_map(|pod| pod.facts.gang.as_deref()).collect()
}

/// Whether another's gate holds a pod up, be it before another pod of its gang.
pub(super) fn is_queued(pod: &Pod, queued: &BTreeSet<&str>) -> bool {
    !pod.facts.hold.others.is_empty() || pod.facts.gang.as_deref().is_some_and(|gang| queued.contains(gang))
}
