//! A document that has no type: looked into field by field, each with its place.

use super::Located;
use crate::{
    diagnostic::{Diagnostic, Source, Span},
    yaml::{NodeId, Tree, Value, join, read_at},
};

/// A node of a document, with its path.
#[derive(Debug, Clone)]
pub struct View<'a> {
    source: &'a Source,
    tree: &'a Tree,
    id: NodeId,
    path: String,
}

impl Located<()> {
    /// The document's outermost node.
    pub fn root(&self) -> View<'_> {
        View { source: &self.source, tree: &self.tree, id: self.tree.root(), path: String::new() }
    }
}

impl<'a> View<'a> {
    fn value(&self) -> &'a Value {
        &self.tree.node(self.id).value
    }

    /// The field of a mapping, if it is there and not null.
    pub fn field(&self, name: &str) -> Option<Self> {
        let id = self.tree.entry(self.id, name)?.value;
        let view = Self { id, path: join(&self.path, name), ..*self };
        (!matches!(view.value(), Value::Null)).then_some(view)
    }

    /// The node that these fields lead to.
    pub fn at(&self, fields: &[&str]) -> Option<Self> {
        fields.iter().try_fold(self.clone(), |view, field| view.field(field))
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> Vec<Self> {
        let Value::Seq(items) = self.value() else { return Vec::new() };
        let item = |(index, id): (usize, &NodeId)| Self {
            id: *id,
            path: format!("{}[{index}]", self.path),
            ..*self
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The fields of a mapping in order; none for anything else.
    pub fn entries(&self) -> Vec<(&'a str, Self)> {
        let Value::Map(entries) = self.value() else { return Vec::new() };
        let field = |entry: &'a crate::yaml::Entry| {
            (&*entry.key, Self { id: entry.value, path: join(&self.path, &entry.key), ..*self })
        };
        entries.iter().map(field).collect()
    }

    /// A scalar as it is written, without quotes: `1`, `true` and `"1"` alike, as for quantities and
    /// labels. Nothing for null.
    pub fn text(&self) -> Option<&'a str> {
        match self.value() {
            Value::Null | Value::Seq(_) | Value::Map(_) => None,
            _ => Some(&self.tree.node(self.id).text),
        }
    }

    /// A whole number, however it is written: `1e3` too.
    pub fn integer(&self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.value() {
            Value::Int(value) => i64::try_from(*value).ok(),
            Value::Float(value) if value.abs() < EXACT => {
                let whole = *value as i64;
                (whole as f64).total_cmp(value).is_eq().then_some(whole)
            }
            _ => None,
        }
    }

    /// True or false.
    pub fn boolean(&self) -> Option<bool> {
        match self.value() {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether this is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.value(), Value::Map(_))
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.value(), Value::Seq(_))
    }

    /// Its path in the document: `spec.template.spec.containers[0]`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where to point.
    pub fn span(&self) -> Span {
        self.tree.position_of(&self.path)
    }

    /// A problem of this node.
    pub fn problem(&self, message: impl Into<String>) -> Diagnostic {
        self.source.problem(self.span(), self.path.clone(), message)
    }

    /// A problem of a field of this mapping, pointing at its name.
    pub fn problem_of_field(&self, name: &str, message: impl Into<String>) -> Diagnostic {
        let span = self.tree.entry(self.id, name).map(|entry| entry.key_span);
        let span = span.unwrap_or_else(|| self.tree.position_of(&self.path));
        self.source.problem(span, join(&self.path, name), message)
    }

    /// Reads the node as `T`; unknown fields are as `T` has it.
    ///
    /// # Errors
    /// Every field that is not what `T` expects.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Vec<Diagnostic>> {
        read_at(self.source, self.tree, self.id, &self.path)
    }
}
