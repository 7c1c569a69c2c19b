//! A document of ours put together from another program's, each field with its place there.
//!
//! What is found wrong with it later, by its type or by the checks between documents, then points at
//! the line that the field came from.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Located, View};
use crate::{
    diagnostic::{Diagnostic, Source, Span},
    yaml::{self, Entry, Node, NodeId, Tree, Value},
};

/// The document so far.
#[derive(Debug)]
pub struct Draft {
    source: Arc<Source>,
    tree: Tree,
}

impl Draft {
    /// An empty document that stands for this part of another.
    pub fn new(place: &Located<()>, part: &View<'_>) -> Self {
        let root = Node { value: Value::Map(Vec::new()), text: Box::default(), span: part.span() };
        Self { source: Arc::clone(&place.source), tree: Tree { nodes: vec![root], root: NodeId(0) } }
    }

    /// States a text, in place of what was stated before.
    pub fn text(&mut self, path: &[&str], text: impl Into<String>, at: &View<'_>) {
        self.put(path, Value::Text, text.into().into(), at.span());
    }

    /// States a whole number.
    pub fn integer(&mut self, path: &[&str], value: i64, at: &View<'_>) {
        self.put(path, Value::Int(value.into()), value.to_string().into(), at.span());
    }

    /// States true or false.
    pub fn boolean(&mut self, path: &[&str], value: bool, at: &View<'_>) {
        self.put(path, Value::Bool(value), value.to_string().into(), at.span());
    }

    /// States a list of texts.
    pub fn list(&mut self, path: &[&str], texts: impl IntoIterator<Item = String>, at: &View<'_>) {
        let items = texts.into_iter().map(|text| self.add(Value::Text, text.into(), at.span())).collect();
        self.put(path, Value::Seq(items), Box::default(), at.span());
    }

    /// States what a text says in YAML. Mappings are merged with what was stated before, field by field.
    ///
    /// # Errors
    /// What is wrong with the text, at the place where it stands.
    pub fn yaml(&mut self, path: &[&str], text: &str, at: &View<'_>) -> Result<(), Vec<Diagnostic>> {
        let parsed = yaml::parse(&Source::new(self.source.name(), text));
        if !parsed.problems.is_empty() {
            let here = |problem: &Diagnostic| at.problem(format!("not YAML: {}", problem.message));
            return Err(parsed.problems.iter().map(here).collect());
        }
        match &parsed.documents[..] {
            [tree] => {
                let id = self.copy(tree, tree.root(), at.span());
                let parent = self.parent(path, at.span());
                self.merge(parent, path[path.len() - 1], id, at.span());
                Ok(())
            }
            [] => Err(vec![at.problem("says nothing").with_help("give it a value, or remove it")]),
            _ => Err(vec![at.problem("holds several documents").with_help("write one value")]),
        }
    }

    /// Reads what was stated.
    ///
    /// # Errors
    /// Every field that is not what `T` expects.
    pub fn finish<T: DeserializeOwned>(self) -> Result<Located<T>, Vec<Diagnostic>> {
        let value = yaml::read(&self.source, &self.tree)?;
        Ok(Located { value, source: self.source, tree: Arc::new(self.tree) })
    }

    fn add(&mut self, value: Value, text: Box<str>, span: Span) -> NodeId {
        let id = NodeId(u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX));
        self.tree.nodes.push(Node { value, text, span });
        id
    }

    fn put(&mut self, path: &[&str], value: Value, text: Box<str>, span: Span) {
        let id = self.add(value, text, span);
        let parent = self.parent(path, span);
        self.set(parent, path[path.len() - 1], id, span);
    }

    /// The mapping that holds the last field of a path; those on the way there are made.
    fn parent(&mut self, path: &[&str], span: Span) -> NodeId {
        let mut at = self.tree.root;
        for field in &path[..path.len() - 1] {
            let found = self.tree.entry(at, field).map(|entry| entry.value);
            at = if let Some(id) = found.filter(|id| matches!(self.tree.node(*id).value, Value::Map(_))) {
                id
            } else {
                let id = self.add(Value::Map(Vec::new()), Box::default(), span);
                self.set(at, field, id, span);
                id
            };
        }
        at
    }

    fn set(&mut self, parent: NodeId, field: &str, value: NodeId, key_span: Span) {
        let Value::Map(entries) = &mut self.tree.nodes[parent.0 as usize].value else { return };
        let entry = Entry { key: field.into(), key_span, value };
        match entries.iter_mut().find(|known| &*known.key == field) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    fn merge(&mut self, parent: NodeId, field: &str, value: NodeId, span: Span) {
        let is_map = |id: NodeId| matches!(self.tree.node(id).value, Value::Map(_));
        let known = self.tree.entry(parent, field).map(|entry| entry.value);
        match known.filter(|known| is_map(*known) && is_map(value)) {
            Some(known) => {
                let Value::Map(entries) = self.tree.node(value).value.clone() else { return };
                for entry in entries {
                    self.merge(known, &entry.key, entry.value, span);
                }
            }
            None => self.set(parent, field, value, span),
        }
    }

    /// Copies a node of another tree. Reading has bounded the depth, and what aliases blow up to.
    fn copy(&mut self, from: &Tree, id: NodeId, span: Span) -> NodeId {
        let node = from.node(id);
        let value = match &node.value {
            Value::Seq(items) => Value::Seq(items.iter().map(|item| self.copy(from, *item, span)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        key_span: span,
                        value: self.copy(from, entry.value, span),
                    })
                    .collect(),
            ),
            scalar => scalar.clone(),
        };
        self.add(value, node.text.clone(), span)
    }
}
