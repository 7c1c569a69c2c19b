//! Gangs of a stated size: not planned before so many of their pods are there, and then so many at once; what comes beyond
//! is planned pod by pod.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, NOT_PLANNED};
use crate::cluster::{Millis, Pod};

/// How gangs of a stated size stand.
#[derive(Debug, Default)]
pub(super) struct Gangs {
    /// Pods beyond the size of their gang, which has its places: each waits for itself.
    pub(super) extra: BTreeSet<String>,
    /// Gangs that are not complete: how many pods there are, of how many.
    short: BTreeMap<String, (usize, usize)>,
}

#[derive(Debug, Default)]
struct Members {
    size: usize,
    /// Those that need no place any more, or none of us.
    placed: usize,
    /// The others, the oldest first.
    waiting: BTreeSet<(Millis, String)>,
}

impl Gangs {
    /// Looks at the gangs of pods that want a place, and leaves those that are to wait out. `is_sent`: whether a pod is on
    /// its way to a node.
    pub(super) fn of(look: &Look<'_>, wanted: &mut Vec<String>, is_sent: impl Fn(&str) -> bool) -> Self {
        let mut gangs: BTreeMap<&str, Members> = BTreeMap::new();
        for pod in wanted.iter().filter_map(|uid| look.pod(uid)) {
            let Some(gang) = pod.facts.gang.as_deref() else { continue };
            let Some(size) = look.cluster.gang_size(gang).or(pod.facts.gang_size) else { continue };
            let members = gangs.entry(gang).or_default();
            members.size = members.size.max(size as usize);
            if !is_sent(&pod.facts.uid) {
                members.waiting.insert((pod.facts.created, pod.facts.uid.clone()));
            }
        }
        let mut found = Self::default();
        if gangs.is_empty() {
            return found;
        }
        let has_place = |uid: &str, pod: &Pod| {
            let facts = &pod.facts;
            let is_kept = || look.cluster.kept_plan(pod, look.now, look.settings.bound).is_some();
            !facts.is_leaving
                && (facts.node.is_some()
                    || facts.is_pinned
                    || is_sent(uid)
                    || !look.cluster.is_planned(pod)
                    || is_kept())
        };
        for (uid, pod) in look.cluster.pods() {
            let members = pod.facts.gang.as_deref().and_then(|gang| gangs.get_mut(gang));
            if let Some(members) = members.filter(|_| has_place(uid, pod)) {
                members.placed += 1;
            }
        }
        let mut out: BTreeSet<String> = BTreeSet::new();
        for (gang, members) in gangs {
            let uids = members.waiting.iter().map(|(_, uid)| uid.clone());
            let (there, lacking) =
                (members.placed + members.waiting.len(), members.size.saturating_sub(members.placed));
            if lacking == 0 {
                found.extra.extend(uids);
            } else if there < members.size {
                found.short.insert(gang.to_owned(), (there, members.size));
                out.extend(uids);
            } else {
                out.extend(uids.skip(lacking));
            }
        }
        wanted.retain(|uid| !out.contains(uid));
        found
    }

    /// Whether the gang of a pod is not complete.
    pub(super) fn is_short(&self, pod: &Pod) -> bool {
        pod.facts.gang.as_ref().is_some_and(|gang| self.short.contains_key(gang))
    }

    /// What is said of the pods of gangs that are not complete, and still are not after a moment.
    pub(super) fn said(&self, look: &mut Look<'_>) -> Vec<(String, &'static str, String)> {
        let mut said = Vec::new();
        let mut soon = None;
        for (uid, pod) in look.cluster.pods().iter().filter(|(_, pod)| pod.facts.is_waiting()) {
            let Some((gang, (there, size))) =
                pod.facts.gang.as_ref().and_then(|gang| self.short.get_key_value(gang))
            else {
                continue;
            };
            // Its pods come one after the other.
            let at = pod.facts.created.saturating_add(look.settings.again);
            if at > look.now {
                soon = Some(soon.map_or(at, |soon: Millis| soon.min(at)));
                continue;
            }
            let name = gang.split_once('/').map_or(&**gang, |(_, name)| name);
            said.push((
                uid.clone(),
                NOT_PLANNED,
                format!("no place yet: its gang {name} has {there} of {size} pods"),
            ));
        }
        if let Some(at) = soon {
            look.wake(at);
        }
        said
    }
}
