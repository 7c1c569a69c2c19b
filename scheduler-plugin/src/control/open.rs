//! Gates that hold nothing that is planned, or that have held for too long.

use super::{
    Action, Controller, LEFT, Look, OPENED, Settings, claims_come,
    gangs::{is_queued, queued},
    left,
};
use crate::cluster::{Cluster, Millis};

impl Controller {
    /// Opens the gates that are past their deadline, whatever else is known: for when looking fails.
    pub fn overdue(cluster: &Cluster, settings: &Settings, now: Millis) -> Vec<Action> {
        let queued = queued(cluster);
        let gated = cluster.pods().values().filter(|pod| pod.facts.is_gated() && !pod.facts.is_leaving);
        let overdue = gated.filter_map(|pod| {
            let until = pod.facts.created.saturating_add(settings.deadline);
            let (until, held) = match is_queued(pod, &queued) {
                false => (until, None),
                true if pod.facts.hold.others.is_empty() => (until.saturating_add(settings.bound), Some(now)),
                true => return None,
            };
            (until <= now).then(|| Action::open(pod, held))
        });
        overdue.collect()
    }

    /// Opens every gate as it is, for a shutdown.
    pub fn open_all(cluster: &Cluster) -> Vec<Action> {
        let gated = cluster.pods().values().filter(|pod| pod.facts.is_gated());
        gated.map(|pod| Action::open(pod, None)).collect()
    }

    /// Gates that hold nothing that is planned, or that have held for too long.
    pub(super) fn open(&mut self, look: &mut Look<'_>) {
        let mut opened: Vec<(String, &'static str, String)> = Vec::new();
        let apart = self.apart(look);
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
                if apart.contains(uid) {
                    let seconds = look.settings.bound / 1000;
                    let why = format!(
                        "for {seconds} s a gate of another program has held a pod of its gang: it goes nowhere before that opens"
                    );
                    opened.push((uid.clone(), OPENED, why));
                }
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
            // Nor is a part of a gang to run while the rest is not there, or waits for others.
            let is_part = self.gangs.is_short(pod) || apart.contains(&uid);
            let short = || is_part.then_some(look.now);
            let action = Action::open(pod, self.held_since(pod, look).or_else(short));
            self.say(look, &uid, reason, why);
            self.act(look, action, None);
        }
    }
}
