//! What was assumed and passed over, alike ones together.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::plan::Assumption;

use crate::listed;

/// Remarks by what they say, each with the names it is about.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    said: BTreeMap<(String, String), Vec<String>>,
    /// Pods of which something is left to the scheduler, by their places among the drafts.
    left: BTreeSet<usize>,
}

impl Remarks {
    /// Says something of a pod, a node or an object.
    pub(super) fn say(&mut self, what: &str, value: impl Into<String>, about: impl Into<String>) {
        let about = about.into();
        let names = self.said.entry((what.to_owned(), value.into())).or_default();
        // The copies of a template are neighbours.
        if names.last() != Some(&about) {
            names.push(about);
        }
    }

    /// Says what of a pod is not looked at, and remembers that it is not.
    pub(super) fn leave(&mut self, index: usize, what: impl Into<String>, about: &str) {
        self.say("not looked at", what, about);
        self.left.insert(index);
    }

    /// Remembers that something of a pod is not looked at, of one that runs where it runs.
    pub(super) fn leave_silently(&mut self, index: usize) {
        self.left.insert(index);
    }

    /// Whether something of a pod is not looked at.
    pub(super) fn leaves(&self, index: usize) -> bool {
        self.left.contains(&index)
    }

    pub(super) fn into_assumptions(self) -> impl Iterator<Item = Assumption> {
        self.said.into_iter().map(|((what, value), names)| Assumption {
            what: format!("{what}: {}", listed(&names)),
            value,
            source: "the cluster's documents".to_owned(),
            as_of: None,
        })
    }
}
