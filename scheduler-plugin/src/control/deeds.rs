//! What was done to pods: not done again before it is seen, or was long ago; and what failed, later each time.

use std::collections::BTreeMap;

use super::Action;
use crate::cluster::{Cluster, Millis, Pod};

/// What failed once is tried again after so long, twice as long after each further time,
const SOON: Millis = 100;
/// and no longer than that.
const LATE: Millis = 30_000;

/// Something that was done to a pod.
#[derive(Debug)]
struct Deed {
    what: &'static str,
    /// The version of the pod that it was done to.
    version: String,
    /// The node that it was placed on: its room is kept, and what failed is tried with the same node, or a gang would
    /// be torn by one conflict.
    node: Option<String>,
    /// When it was decided.
    decided: Millis,
    /// Not again before.
    until: Millis,
    /// How often it has failed, one time after another.
    failures: u32,
    has_failed: bool,
}

/// What was done to each pod last.
#[derive(Debug, Default)]
pub(super) struct Deeds(BTreeMap<String, Deed>);

impl Deeds {
    /// Something is done to a pod.
    pub(super) fn begin(&mut self, action: &Action, node: Option<&str>, now: Millis, unseen: Millis) {
        let Some(target) = action.changes() else { return };
        let before = self.0.get(&target.uid);
        let decided = before.filter(|deed| deed.node.as_deref() == node).map_or(now, |deed| deed.decided);
        let failures = before.filter(|deed| deed.what == action.name()).map_or(0, |deed| deed.failures);
        let deed = Deed {
            what: action.name(),
            version: target.resource_version.clone(),
            node: node.map(str::to_owned),
            decided,
            until: now.saturating_add(unseen),
            failures,
            has_failed: false,
        };
        self.0.insert(target.uid.clone(), deed);
    }

    /// The last that was done to a pod came to nothing.
    pub(super) fn failed(&mut self, uid: &str, now: Millis) {
        if let Some(deed) = self.0.get_mut(uid) {
            deed.until = now.saturating_add(LATE.min(SOON << deed.failures.min(16)));
            deed.failures += 1;
            deed.has_failed = true;
        }
    }

    /// Whether nothing is to be done to a pod yet.
    pub(super) fn hold(&self, pod: &Pod, now: Millis) -> bool {
        self.0.get(&pod.facts.uid).is_some_and(|deed| {
            deed.until > now && (deed.has_failed || deed.version == pod.facts.resource_version)
        })
    }

    /// The node that a pod is to be placed on.
    pub(super) fn node(&self, uid: &str) -> Option<&str> {
        self.0.get(uid)?.node.as_deref()
    }

    /// A pod that could not be placed is to be placed elsewhere.
    pub(super) fn unplace(&mut self, uid: &str) {
        if let Some(deed) = self.0.get_mut(uid).filter(|deed| deed.has_failed) {
            deed.node = None;
        }
    }

    /// The pods that are to be placed, and where.
    pub(super) fn sent(&self) -> BTreeMap<String, String> {
        self.0.iter().filter_map(|(uid, deed)| Some((uid.clone(), deed.node.clone()?))).collect()
    }

    /// When the next of what failed may be tried again.
    pub(super) fn next(&self) -> Option<Millis> {
        self.0.values().filter(|deed| deed.has_failed).map(|deed| deed.until).min()
    }

    /// Drops what is about pods that are gone, or was long ago. A node is kept for twice as long as an effect may not
    /// be seen.
    pub(super) fn forget(&mut self, cluster: &Cluster, now: Millis, unseen: Millis) {
        self.0.retain(|uid, deed| {
            if deed.decided.saturating_add(2 * unseen) <= now {
                deed.node = None;
            }
            let is_recent = deed.node.is_some() || deed.until.saturating_add(LATE) > now;
            // A clock that went back must not hold a pod up.
            let is_past = deed.decided <= now && deed.until <= now.saturating_add(LATE.max(unseen));
            is_recent && is_past && cluster.pods().get(uid).is_some_and(|pod| pod.facts.is_waiting())
        });
    }
}
