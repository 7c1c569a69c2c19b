//! What the watches tell of pods that wait: how long the gate held each, and how long the scheduler took.

use std::collections::BTreeMap;

use super::{Nanos, Span, Who};
use crate::cluster::{Cluster, Facts};

/// A pod that is seen for the first time so long after it was made has waited since then; the API server names the
/// second alone, so that of others the moment in which they were seen is nearer.
const FRESH: Nanos = 1_500_000_000;

/// Where a pod that waits has got to.
#[derive(Debug)]
struct Chapter {
    who: Who,
    is_gated: bool,
    since: Nanos,
}

/// The pods that wait.
#[derive(Debug, Default)]
pub(super) struct Story(BTreeMap<String, Chapter>);

impl Story {
    /// A pod as it is now; what has ended with that.
    pub(super) fn saw(&mut self, facts: &Facts, is_planned: bool, now: Nanos) -> Vec<Span> {
        if facts.is_leaving {
            return self.lost(&facts.uid, now);
        }
        let mut done = Vec::new();
        if let Some(chapter) = self.0.get_mut(&facts.uid) {
            if chapter.is_gated && !facts.is_gated() {
                done.push(gated(chapter, facts, now));
                chapter.is_gated = false;
                chapter.since = now;
            }
            if let Some(node) = &facts.node {
                done.push(bound(chapter, facts, node, now));
                self.0.remove(&facts.uid);
            }
        } else if is_planned && facts.node.is_none() {
            let created = u64::try_from(facts.created).unwrap_or(0).saturating_mul(1_000_000);
            let since = if created.saturating_add(FRESH) < now { created } else { now };
            let chapter = Chapter { who: Who::of(facts), is_gated: facts.is_gated(), since };
            self.0.insert(facts.uid.clone(), chapter);
        }
        done
    }

    /// A pod went; what has ended with that.
    pub(super) fn lost(&mut self, uid: &str, now: Nanos) -> Vec<Span> {
        let gone = self.0.remove(uid).map(|chapter| {
            let name = if chapter.is_gated { "gated" } else { "bound" };
            Span::new(chapter.who, name, chapter.since, now).failed("deleted before it was bound")
        });
        gone.into_iter().collect()
    }

    /// Those that are not in the cluster any more.
    pub(super) fn without(&self, cluster: &Cluster) -> Vec<String> {
        self.0.keys().filter(|uid| !cluster.pods().contains_key(*uid)).cloned().collect()
    }
}

fn gated(chapter: &Chapter, facts: &Facts, now: Nanos) -> Span {
    let span = Span::new(chapter.who.clone(), "gated", chapter.since, now);
    match &facts.planned {
        Some(planned) => span.with("plimsoll.opened", "planned").with("k8s.node.name", planned.node.clone()),
        None => span.with("plimsoll.opened", "without a plan"),
    }
}

fn bound(chapter: &Chapter, facts: &Facts, node: &str, now: Nanos) -> Span {
    let span = Span::new(chapter.who.clone(), "bound", chapter.since, now);
    let span = span.with("k8s.node.name", node.to_owned());
    match &facts.planned {
        Some(planned) => span.with("plimsoll.on_plan", planned.node == node),
        None => span,
    }
}
