//! Edits of a YAML or JSON text in place: fields are added, replaced and removed, and every other byte
//! stays (comments, order, quotes, line ends).
//!
//! A change says what a document is to hold; `layout` says where that is written; each change becomes a
//! splice of bytes. Nothing is trusted: the edited text is read again, and unless it says what was meant,
//! and nothing else, the edit is refused.

mod beside;
mod layout;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    path::{Step, steps},
    write,
};
use crate::{Source, yaml};
use layout::{Entry, Ix, Layout, Node, Shape};

pub use beside::{ONE_OBJECT, edit_beside, edit_readable, is_json_object};

/// What is to change in a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// These fields of a mapping.
    Fields(IndexMap<String, Change>),
    /// These items of a list, by index, and more behind the last.
    Items(BTreeMap<usize, Change>, Vec<Value>),
    /// The value, in place of any other.
    Put(Value),
    /// The field or the item is no more.
    Gone,
}

impl Change {
    /// A change of the node at this path (`spec.template.spec`).
    pub fn at(path: &str, change: Self) -> Self {
        steps(path).into_iter().rev().fold(change, |inner, step| match step {
            Step::Field(name) => Self::Fields(IndexMap::from([(name, inner)])),
            Step::Item(index) => Self::Items(BTreeMap::from([(index, inner)]), Vec::new()),
        })
    }

    /// Both changes; of two about the same node the later.
    pub fn and(&mut self, other: Self) {
        match (self, other) {
            (Self::Fields(fields), Self::Fields(more)) => {
                for (name, change) in more {
                    match fields.get_mut(&name) {
                        Some(known) => known.and(change),
                        None => _ = fields.insert(name, change),
                    }
                }
            }
            (Self::Items(items, new), Self::Items(more, newer)) => {
                new.extend(newer);
                for (index, change) in more {
                    match items.get_mut(&index) {
                        Some(known) => known.and(change),
                        None => _ = items.insert(index, change),
                    }
                }
            }
            (this, other) => *this = other,
        }
    }

    /// The value after the change; `None` when it is no more.
    pub fn applied(&self, value: Option<Value>) -> Option<Value> {
        match self {
            Self::Gone => None,
            Self::Put(new) => Some(new.clone()),
            Self::Fields(changes) => {
                let mut fields = match value {
                    Some(Value::Object(fields)) => fields,
                    _ => serde_json::Map::new(),
                };
                for (name, change) in changes {
                    match change.applied(fields.get(name).cloned()) {
                        Some(value) => _ = fields.insert(name.clone(), value),
                        None => _ = fields.shift_remove(name),
                    }
                }
                Some(Value::Object(fields))
            }
            Self::Items(changes, more) => {
                let items = match value {
                    Some(Value::Array(items)) => items,
                    Some(Value::Null) | None => Vec::new(),
                    other => return other,
                };
                let after = |(index, item)| match changes.get(&index) {
                    Some(change) => change.applied(Some(item)),
                    None => Some(item),
                };
                let kept = items.into_iter().enumerate().filter_map(after);
                Some(Value::Array(kept.chain(more.iter().cloned()).collect()))
            }
        }
    }
}

/// Edits documents of a text, each named by its index among those that hold something.
///
/// # Errors
/// Why the text cannot be edited so, as a fragment; then nothing of it may be used.
pub fn edit(text: &str, changes: &BTreeMap<usize, Change>) -> Result<String, &'static str> {
    let before = values(text).ok_or("it does not read")?;
    let layout = Layout::of(text).ok_or("its documents follow each other without ---")?;
    let null = |root: &&Ix| !matches!(layout.node(**root).shape, Shape::Null);
    let roots: Vec<Ix> = layout.roots.iter().filter(null).copied().collect();
    let mut editor = Editor::new(text, &layout);
    for (index, change) in changes {
        let root = *roots.get(*index).ok_or("it has fewer documents")?;
        editor.json =
            text[layout.node(root).start..].trim_start_matches(['{', ' ', '\n', '\r']).starts_with('"')
                && text[layout.node(root).start..].starts_with('{');
        editor.change(root, change)?;
    }
    let edited = editor.finish();
    let wanted = before.into_iter().enumerate().map(|(index, value)| match changes.get(&index) {
        Some(change) => change.applied(Some(value)),
        None => Some(value),
    });
    // An alias makes two places of one; then what is written can differ from what was meant.
    if values(&edited) != wanted.collect::<Option<Vec<Value>>>() {
        return Err("the edited text would not say what was meant");
    }
    Ok(edited)
}

/// What the documents of a text say.
fn values(text: &str) -> Option<Vec<Value>> {
    let source = Source::new("text", text);
    let parsed = yaml::parse(&source);
    if !parsed.problems.is_empty() {
        return None;
    }
    parsed.documents.iter().map(|tree| yaml::read::<Value>(&source, tree).ok()).collect()
}

struct Editor<'a> {
    text: &'a str,
    layout: &'a Layout,
    line_end: &'static str,
    /// The document is JSON.
    json: bool,
    /// Bytes replaced by a text. Of lines that begin at one place the deeper sort first, as they must.
    splices: BTreeSet<(usize, usize, String)>,
}

impl<'a> Editor<'a> {
    fn new(text: &'a str, layout: &'a Layout) -> Self {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text, layout, line_end, json: false, splices: BTreeSet::new() }
    }

    fn finish(self) -> String {
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for (start, end, new) in &self.splices {
            // What overlaps is left out, and found by reading again.
            if *start >= at {
                out.push_str(&self.text[at..*start]);
                out.push_str(new);
                at = *end;
            } else if let (true, Some((line_end, lines))) = (start == end, first_line_end(new)) {
                // Lines behind a line that is no more: they begin where it began.
                out.push_str(lines);
                out.push_str(line_end);
            }
        }
        out.push_str(&self.text[at..]);
        out
    }

    fn splice(&mut self, start: usize, end: usize, new: impl Into<String>) {
        self.splices.insert((start, end, new.into()));
    }

    /// The first text in an empty collection.
    fn splice_inside(&mut self, node: &Node, bracket: char, new: String) {
        let text = &self.text[node.start..node.end];
        let at = node.start + text.find(bracket).map_or(0, |at| at + 1);
        self.splice(at, at, new);
    }

    /// Changes a node that is there.
    fn change(&mut self, ix: Ix, change: &Change) -> Result<(), &'static str> {
        let ix = self.layout.resolved(ix);
        let node = self.layout.node(ix).clone();
        match (change, &node.shape) {
            (Change::Fields(fields), Shape::Map { flow, entries }) => self.fields(ix, fields, *flow, entries),
            (Change::Items(changes, more), Shape::Seq { flow, items }) => {
                self.items(ix, changes, more, *flow, items)
            }
            (
                Change::Put(value),
                Shape::Map { flow: true, .. } | Shape::Seq { flow: true, .. } | Shape::Scalar,
            ) => {
                self.splice(node.start, node.end, self.flat(value));
                Ok(())
            }
            (Change::Put(value), Shape::Map { .. } | Shape::Seq { .. }) => {
                // What has lines of its own becomes a value behind its key.
                let before = self.text[..node.start].trim_end();
                let key = before.strip_suffix('-').unwrap_or(before).trim_end();
                if !key.ends_with(':') {
                    return Err("a comment stands before what is to be replaced");
                }
                self.splice(key.len(), node.end, format!(" {}", self.flat(value)));
                Ok(())
            }
            _ => Err("a value has another form than is wanted"),
        }
    }

    fn fields(
        &mut self,
        ix: Ix,
        changes: &IndexMap<String, Change>,
        flow: bool,
        entries: &[Entry],
    ) -> Result<(), &'static str> {
        let mut new = serde_json::Map::new();
        let mut gone = Vec::new();
        for (name, change) in changes {
            let at = entries.iter().position(|entry| entry.key == *name);
            match (at, change) {
                (None, Change::Gone) => {}
                (None, change) => {
                    if let Some(value) = change.applied(None) {
                        new.insert(name.clone(), value);
                    }
                }
                (Some(at), Change::Gone) => gone.push(at),
                (Some(at), change) if matches!(self.layout.node(entries[at].value).shape, Shape::Null) => {
                    self.fill(&entries[at], change, flow);
                }
                (Some(at), change) => self.change(entries[at].value, change)?,
            }
        }
        gone.sort_unstable();
        let bounds = |entry: &Entry| (entry.start, self.layout.node(entry.value).end);
        let all: Vec<(usize, usize)> = entries.iter().map(bounds).collect();
        self.remove(flow, "", &all, &gone)?;
        if !new.is_empty() {
            let last = (0..entries.len()).rev().find(|at| !gone.contains(at));
            self.insert(ix, flow, entries, last, &new);
        }
        Ok(())
    }

    fn items(
        &mut self,
        ix: Ix,
        changes: &BTreeMap<usize, Change>,
        more: &[Value],
        flow: bool,
        items: &[Ix],
    ) -> Result<(), &'static str> {
        let mut gone = Vec::new();
        for (index, change) in changes {
            match (items.get(*index), change) {
                (None, Change::Gone) => {}
                (None, _) => return Err("a list has fewer items"),
                (Some(_), Change::Gone) => gone.push(*index),
                (Some(item), change) => self.change(*item, change)?,
            }
        }
        let bounds = |ix: &Ix| (self.layout.node(*ix).start, self.layout.node(*ix).end);
        let all: Vec<(usize, usize)> = items.iter().map(bounds).collect();
        if flow && !more.is_empty() && !gone.is_empty() && gone.len() == all.len() {
            self.splice(all[0].0, all[all.len() - 1].1, self.in_a_row(more));
            return Ok(());
        }
        self.remove(flow, "-", &all, &gone)?;
        if !more.is_empty() {
            self.append(ix, flow, items, more);
        }
        Ok(())
    }

    /// A field that is there and says nothing.
    fn fill(&mut self, entry: &Entry, change: &Change, flow: bool) {
        let node = self.layout.node(entry.value).clone();
        let Some(value) = change.applied(None) else { return };
        let scalar = !value.is_object() && !value.is_array();
        if flow || scalar {
            let gap = if node.start == node.end { " " } else { "" };
            self.splice(node.start, node.end, format!("{gap}{}", self.flat(&value)));
            return;
        }
        // A null that is written out makes way; a comment behind it stays.
        let key = self.text[..node.start].trim_end_matches([' ', '\t']).len();
        if node.start != node.end && self.text[..key].ends_with(':') {
            self.splice(key, node.end, "");
        }
        let indent = self.column(entry.start);
        let deeper = if value.is_object() { indent + 2 } else { indent };
        let at = self.line_end_after(node.end);
        self.splice(at, at, Self::block(&value, deeper, self.line_end_at(at)));
    }

    /// Adds fields to a mapping, after the last of those that stay.
    fn insert(
        &mut self,
        ix: Ix,
        flow: bool,
        entries: &[Entry],
        last: Option<usize>,
        new: &serde_json::Map<String, Value>,
    ) {
        let node = self.layout.node(ix).clone();
        let pairs: Vec<String> =
            new.iter().map(|(key, value)| format!("{}: {}", self.name(key), self.flat(value))).collect();
        let Some(first) = entries.first() else {
            self.splice_inside(&node, '{', pairs.join(", "));
            return;
        };
        let indent = self.column(first.start);
        let Some(last) = last.map(|at| &entries[at]) else {
            // All that was there goes.
            let at = if flow { first.start } else { self.line_start(first.start) };
            let lines = Self::block(&Value::Object(new.clone()), indent, self.line_end);
            let lines = first_line_end(&lines).map_or(&*lines, |(_, lines)| lines);
            let text = if flow { pairs.join(", ") } else { format!("{lines}{}", self.line_end) };
            self.splice(at, at, text);
            return;
        };
        let end = self.layout.node(last.value).end;
        if flow {
            let spread = self.text[end..node.end].contains('\n');
            let gap = if spread { format!("{}{}", self.line_end, " ".repeat(indent)) } else { " ".into() };
            let pieces: Vec<String> = pairs.iter().map(|pair| format!(",{gap}{pair}")).collect();
            self.splice(end, end, pieces.concat());
        } else {
            let at = self.line_end_after(end);
            self.splice(at, at, Self::block(&Value::Object(new.clone()), indent, self.line_end_at(at)));
        }
    }

    fn append(&mut self, ix: Ix, flow: bool, items: &[Ix], more: &[Value]) {
        let node = self.layout.node(ix).clone();
        let Some(last) = items.last() else {
            self.splice_inside(&node, '[', self.in_a_row(more));
            return;
        };
        let end = self.layout.node(*last).end;
        if flow {
            let first = self.layout.node(items[0]).start;
            let spread = self.text[end..node.end].contains('\n');
            let indent = " ".repeat(self.column(first));
            let gap = if spread { format!("{}{indent}", self.line_end) } else { " ".into() };
            let pieces: Vec<String> = more.iter().map(|item| format!(",{gap}{}", self.flat(item))).collect();
            self.splice(end, end, pieces.concat());
        } else {
            let at = self.line_end_after(end);
            let first = self.layout.node(items[0]).start;
            let dash = self.text[..first].rfind('-').unwrap_or(first);
            let indent = self.column(dash);
            self.splice(at, at, Self::block(&Value::Array(more.to_vec()), indent, self.line_end_at(at)));
        }
    }

    /// Removes some of the parts of a collection. In block style each has lines of its own, after `dash`.
    fn remove(
        &mut self,
        flow: bool,
        dash: &str,
        all: &[(usize, usize)],
        gone: &[usize],
    ) -> Result<(), &'static str> {
        if !flow {
            for at in gone {
                let start = self.line_start(all[*at].0);
                if self.text[start..all[*at].0].trim() != dash {
                    return Err("what is to be removed does not begin its line");
                }
                self.remove_lines(start, all[*at].1);
            }
            return Ok(());
        }
        let mut rest = gone;
        while let Some(&first) = rest.first() {
            let run = rest.iter().zip(first..).take_while(|(at, next)| *at == next).count();
            let last = first + run - 1;
            match (first.checked_sub(1), all.get(last + 1)) {
                (_, Some(next)) => self.splice(all[first].0, next.0, ""),
                (Some(before), None) => self.splice(all[before].1, all[last].1, ""),
                (None, None) => self.splice(all[first].0, all[last].1, ""),
            }
            rest = &rest[run..];
        }
        Ok(())
    }

    fn remove_lines(&mut self, start: usize, end: usize) {
        let end = self.line_end_after(end);
        let rest = &self.text[end..];
        let line_end = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        self.splice(start, end + line_end, "");
    }

    /// Lines to be put at the end of a line.
    fn block(value: &Value, indent: usize, line_end: &str) -> String {
        let text = write::to_string(value).unwrap_or_default();
        let line = |line| format!("{line_end}{}{line}", " ".repeat(indent));
        text.lines().map(line).collect()
    }

    /// A value on one line.
    fn flat(&self, value: &Value) -> String {
        match value {
            Value::Array(items) => format!("[{}]", self.in_a_row(items)),
            Value::Object(fields) => {
                let pair =
                    |(key, value): (&String, &Value)| format!("{}: {}", self.name(key), self.flat(value));
                format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Value::String(text) => self.name(text),
            other => other.to_string(),
        }
    }

    fn in_a_row(&self, items: &[Value]) -> String {
        items.iter().map(|item| self.flat(item)).collect::<Vec<_>>().join(", ")
    }

    fn name(&self, text: &str) -> String {
        if self.json { Value::from(text).to_string() } else { write::in_flow(text) }
    }

    /// The line end at a byte that ends a line.
    fn line_end_at(&self, at: usize) -> &'static str {
        first_line_end(&self.text[at..]).map_or(self.line_end, |(line_end, _)| line_end)
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |line_end| line_end + 1)
    }

    /// The column of a byte, in characters.
    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// The end of the line that a byte is on.
    fn line_end_after(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let line = rest.find('\n').map_or(rest, |line_end| &rest[..line_end]);
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }
}

/// The line end that a text begins with, and the rest.
fn first_line_end(text: &str) -> Option<(&'static str, &str)> {
    ["\r\n", "\n"].into_iter().find_map(|line_end| Some((line_end, text.strip_prefix(line_end)?)))
}
