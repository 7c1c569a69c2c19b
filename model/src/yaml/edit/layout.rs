//! Where the parts of a text lie, to the byte: what an edit needs and a reader does not.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

/// A node of a [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ix(usize);

/// How a node is written.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Scalar,
    /// No text at all, or `null`.
    Null,
    Alias(Ix),
    Seq {
        flow: bool,
        items: Vec<Ix>,
    },
    Map {
        flow: bool,
        entries: Vec<Entry>,
    },
}

/// A field of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The first byte of the key.
    pub(super) start: usize,
    pub(super) value: Ix,
}

/// A node and its bytes. A block collection ends with the last thing in it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
}

/// The documents of a text.
#[derive(Debug, Default)]
pub(super) struct Layout {
    nodes: Vec<Node>,
    /// The outermost node of each document.
    pub(super) roots: Vec<Ix>,
}

impl Layout {
    /// Of a text that reads without problems; `None` where bytes cannot be told.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut builder = Builder { layout: Self::default(), open: Vec::new(), anchors: BTreeMap::new() };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            let (start, end) = (span.start.byte_offset()?, span.end.byte_offset()?);
            builder.event(text, &event, start, end)?;
        }
        builder.open.is_empty().then_some(builder.layout)
    }

    pub(super) fn node(&self, ix: Ix) -> &Node {
        &self.nodes[ix.0]
    }

    /// The node itself, for an alias what it names.
    pub(super) fn resolved(&self, ix: Ix) -> Ix {
        match self.node(ix).shape {
            Shape::Alias(target) => target,
            _ => ix,
        }
    }
}

struct Open {
    ix: Ix,
    anchor: usize,
    key: Option<(String, usize, usize)>,
}

struct Builder {
    layout: Layout,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Ix>,
}

impl Builder {
    fn event(&mut self, text: &str, event: &Event<'_>, start: usize, end: usize) -> Option<()> {
        match event {
            Event::Scalar(value, style, anchor, _) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // A block scalar's end takes in the line ends after it.
                let end = if is_block { start + text.get(start..end)?.trim_end().len() } else { end };
                if self.is_key() {
                    self.open.last_mut()?.key = Some((value.to_string(), start, end));
                    return Some(());
                }
                let is_null = matches!(style, ScalarStyle::Plain)
                    && matches!(&**value, "" | "~" | "null" | "Null" | "NULL");
                let shape = if is_null { Shape::Null } else { Shape::Scalar };
                // An empty one lies where the next token begins; it belongs to its key.
                let (start, end) = match self.open.last().and_then(|open| open.key.as_ref()) {
                    Some((_, _, key_end)) if start == end => {
                        // In `{key}` there is no colon.
                        let colon = text.get(*key_end..start)?.find(':').map_or(0, |colon| colon + 1);
                        (key_end + colon, key_end + colon)
                    }
                    _ => (start, end),
                };
                let ix = self.add(Node { start, end, shape });
                self.finish(ix, *anchor);
            }
            Event::SequenceStart(style, anchor, _) => {
                let shape = Shape::Seq { flow: matches!(style, StructureStyle::Flow), items: Vec::new() };
                self.begin(shape, start, *anchor);
            }
            Event::MappingStart(style, anchor, _) => {
                let shape = Shape::Map { flow: matches!(style, StructureStyle::Flow), entries: Vec::new() };
                self.begin(shape, start, *anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { ix, anchor, .. } = self.open.pop()?;
                let last = match &self.layout.node(ix).shape {
                    Shape::Seq { flow: false, items } => items.last().copied(),
                    Shape::Map { flow: false, entries } => entries.last().map(|entry| entry.value),
                    _ => None,
                };
                self.layout.nodes[ix.0].end = last.map_or(end, |last| self.layout.node(last).end);
                self.finish(ix, anchor);
            }
            Event::Alias(anchor) => {
                if self.is_key() {
                    return None;
                }
                let target = *self.anchors.get(anchor)?;
                let ix = self.add(Node { start, end, shape: Shape::Alias(target) });
                self.finish(ix, 0);
            }
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
        Some(())
    }

    fn is_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.key.is_none() && matches!(self.layout.node(open.ix).shape, Shape::Map { .. })
        })
    }

    fn add(&mut self, node: Node) -> Ix {
        self.layout.nodes.push(node);
        Ix(self.layout.nodes.len() - 1)
    }

    fn begin(&mut self, shape: Shape, start: usize, anchor: usize) {
        let ix = self.add(Node { start, end: start, shape });
        self.open.push(Open { ix, anchor, key: None });
    }

    fn finish(&mut self, ix: Ix, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, ix);
        }
        let Some(open) = self.open.last_mut() else {
            self.layout.roots.push(ix);
            return;
        };
        let key = open.key.take();
        match (&mut self.layout.nodes[open.ix.0].shape, key) {
            (Shape::Seq { items, .. }, _) => items.push(ix),
            (Shape::Map { entries, .. }, Some((key, start, _))) => {
                entries.push(Entry { key, start, value: ix });
            }
            _ => {}
        }
    }
}
