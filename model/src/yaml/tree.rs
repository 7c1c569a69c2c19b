//! The tree of one document: values with the places they stand at.
//!
//! Nodes lie in one vector and name each other by index, so an alias shares what it names instead of
//! copying it, and dropping or moving a deep tree needs no recursion.

use super::path::{Step, steps};
use crate::diagnostic::Span;

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text,
    Seq(Vec<NodeId>),
    Map(Vec<Entry>),
}

/// A field of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Box<str>,
    pub(crate) key_span: Span,
    pub(crate) value: NodeId,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// The text of a scalar as the document means it: without quotes, escapes replaced.
    pub(crate) text: Box<str>,
    pub(crate) span: Span,
}

/// One document.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

impl Tree {
    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The entry of a mapping with this key.
    pub(crate) fn entry(&self, id: NodeId, key: &str) -> Option<&Entry> {
        match &self.node(id).value {
            Value::Map(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// Where to point for a value that is the field with this key: at a scalar itself, at the key of
    /// what spans lines.
    pub(crate) fn span_of_entry(&self, entry: &Entry) -> Span {
        let node = self.node(entry.value);
        match node.value {
            Value::Seq(_) | Value::Map(_) | Value::Null => entry.key_span,
            _ => node.span,
        }
    }

    /// The place of the node at `path`, else of its nearest ancestor.
    pub(crate) fn position_of(&self, path: &str) -> Span {
        let mut span = self.node(self.root).span;
        let mut at = self.root;
        for step in steps(path) {
            match (&step, &self.node(at).value) {
                (Step::Field(name), Value::Map(_)) => {
                    let Some(entry) = self.entry(at, name) else { break };
                    span = self.span_of_entry(entry);
                    at = entry.value;
                }
                (Step::Item(index), Value::Seq(items)) => {
                    let Some(item) = items.get(*index) else { break };
                    span = self.node(*item).span;
                    at = *item;
                }
                // A list may be written as its only item.
                (Step::Item(0), _) => {}
                _ => break,
            }
        }
        span
    }
}
