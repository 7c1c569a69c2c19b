//! What was assumed and passed over, alike ones together.

use std::collections::BTreeMap;

use plimsoll_model::plan::Assumption;

use crate::listed;

/// Remarks by what they say, each with the names it is about.
#[derive(Debug, Default)]
pub(super) struct Remarks(BTreeMap<(String, String), Vec<String>>);

impl Remarks {
    /// Says something of a pod, a node or an object.
    pub(super) fn say(&mut self, what: &str, value: impl Into<String>, about: impl Into<String>) {
        let about = about.into();
        let names = self.0.entry((what.to_owned(), value.into())).or_default();
        // The copies of a template are neighbours.
        if names.last() != Some(&about) {
            names.push(about);
        }
    }

    pub(super) fn into_assumptions(self) -> impl Iterator<Item = Assumption> {
        self.0.into_iter().map(|((what, value), names)| Assumption {
            what: format!("{what}: {}", listed(&names)),
            value,
            source: "the cluster's documents".to_owned(),
            as_of: None,
        })
    }
}
