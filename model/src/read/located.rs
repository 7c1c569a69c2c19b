//! A value that remembers where each of its fields was written.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::{
    diagnostic::{Diagnostic, Source, Span},
    yaml::{self, Tree, Value},
};

/// A document's value with its text, so that what is found wrong later still points at a line.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// What the document says.
    pub value: T,
    pub(super) source: Arc<Source>,
    pub(super) tree: Arc<Tree>,
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

/// Where the documents of a plan are written, so that what is found wrong of them later still points at a
/// line. Empty for what was not read from files. Any two are equal: inputs are when they say the same,
/// wherever they say it.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The estate's.
    pub estate: Option<Located<()>>,
    /// The workloads', in their order.
    pub workloads: Vec<Located<()>>,
}

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A document that is not ours and has no type yet.
impl Located<()> {
    /// Reads the document as `T`; unknown fields are as `T` has it.
    ///
    /// # Errors
    /// Every field that is not what `T` expects.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Vec<Diagnostic>> {
        yaml::read(&self.source, &self.tree)
    }

    /// The text of the field at the top of the document.
    pub fn text(&self, field: &str) -> Option<&str> {
        let node = self.tree.node(self.tree.entry(self.tree.root(), field)?.value);
        matches!(node.value, Value::Text).then_some(&*node.text)
    }

    /// Whether the document has this field at its top.
    pub fn has(&self, field: &str) -> bool {
        self.tree.entry(self.tree.root(), field).is_some()
    }

    /// The fields at the top of the document, in order.
    pub fn fields(&self) -> Vec<&str> {
        match &self.tree.node(self.tree.root()).value {
            Value::Map(entries) => entries.iter().map(|entry| &*entry.key).collect(),
            _ => Vec::new(),
        }
    }

    /// The same place, with a value.
    pub fn with<T>(&self, value: T) -> Located<T> {
        Located { value, source: Arc::clone(&self.source), tree: Arc::clone(&self.tree) }
    }
}
