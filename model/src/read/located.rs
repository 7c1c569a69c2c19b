//! A value that remembers where each of its fields was written.

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, Source, Span},
    yaml::Tree,
};

/// A document's value with its text, so that what is found wrong later still points at a line.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// What the document says.
    pub value: T,
    source: Arc<Source>,
    tree: Arc<Tree>,
}

impl<T> Located<T> {
    pub(super) fn new(value: T, source: &Arc<Source>, tree: &Arc<Tree>) -> Self {
        Self { value, source: Arc::clone(source), tree: Arc::clone(tree) }
    }

    /// The same place, another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), source: self.source, tree: self.tree }
    }

    /// The value, and its place alone.
    pub fn split(self) -> (T, Located<()>) {
        (self.value, Located { value: (), source: self.source, tree: self.tree })
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Where the field at this path (`spec.inputs[0].dataset`) is written; for what the document does
    /// not state, its nearest ancestor.
    pub fn position_of(&self, field: &str) -> Span {
        self.tree.position_of(field)
    }

    /// `file:line` of a field.
    pub fn place_of(&self, field: &str) -> String {
        format!("{}:{}", self.file(), self.position_of(field).line)
    }

    /// A problem of the field at this path.
    pub fn problem(&self, field: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let field = field.into();
        self.source.problem(self.position_of(&field), field, message)
    }
}
