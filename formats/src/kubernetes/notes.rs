//! What was assumed and what was passed over, for the plan's list of assumptions.

use plimsoll_model::plan::Assumption;

/// The notes so far.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Assumption>);

impl Notes {
    /// A figure or a choice that the manifests do not state. `what` is the kind of figure with the
    /// annotation that would state it.
    pub(super) fn assume(
        &mut self,
        what: &str,
        about: &str,
        value: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.add(format!("{what} of {about}"), value.into(), why.into());
    }

    /// An object that is not planned.
    pub(super) fn pass_over(&mut self, object: &str, why: impl Into<String>) {
        self.add(format!("passed over: {object}"), why.into(), "its manifest".into());
    }

    fn add(&mut self, what: String, value: String, source: String) {
        self.0.push(Assumption { what, value, source, as_of: None });
    }

    pub(super) fn into_assumptions(self) -> Vec<Assumption> {
        self.0
    }
}
