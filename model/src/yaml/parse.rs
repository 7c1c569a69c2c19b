//! Text to trees: the parser's events, with the rules that the parser leaves open.

use std::{collections::BTreeMap, fmt::Write as _};

use granit_parser::{Event, Parser, ScalarStyle, Span as RawSpan, Tag};

use super::{
    limits::{DEPTH, FILE_BYTES, FILE_PROBLEMS, NODE_COST, PROBLEMS, budget},
    path::write_field,
    scalar::{Scalar, resolve},
    tree::{Entry, Node, NodeId, Tree, Value},
};
use crate::diagnostic::{Diagnostic, Source, Span, shown};

/// Bytes to text: UTF-8, of a bearable size, with or without a byte-order mark.
pub(crate) fn text_of(name: &str, bytes: &[u8]) -> Result<Source, Vec<Diagnostic>> {
    if bytes.len() > FILE_BYTES {
        let problem = format!("the file is too large: {} MiB", bytes.len() >> 20);
        let help = format!("files of up to {} MiB are read; split it", FILE_BYTES >> 20);
        return Err(vec![Diagnostic::of_file(name, problem).with_help(help)]);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(vec![Diagnostic::of_file(name, "the file is UTF-16").with_help("save it as UTF-8")]);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text))),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = 1 + good.matches('\n').count();
            let column = 1 + good.rsplit('\n').next().map_or(0, |last| last.chars().count());
            let byte = bytes.get(good.len()).copied().unwrap_or_default();
            let mut problem = Diagnostic::of_file(
                name,
                format!("the file is not UTF-8 text: byte 0x{byte:02x} at offset {}", good.len()),
            );
            problem.span = Some(Span::point(line, column));
            Err(vec![problem.with_help("save it as UTF-8")])
        }
    }
}

/// What a text holds.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The documents that have a tree; empty ones are skipped.
    pub(crate) documents: Vec<Tree>,
    /// What is wrong. A document may have both a tree and problems, so that all of them are found.
    pub(crate) problems: Vec<Diagnostic>,
}

/// Parses every document of a text. After a problem it goes on with the next document.
pub(crate) fn parse(source: &Source) -> Parsed {
    let mut parsed = Parsed::default();
    let mut offset = Offset { line: 0, column: 0, byte: 0 };
    while let Some(next) = parse_from(source, offset, &mut parsed) {
        offset = next;
    }
    parsed
}

/// Where in the text a parser was started.
#[derive(Debug, Clone, Copy)]
struct Offset {
    line: usize,
    column: usize,
    byte: usize,
}

impl Offset {
    fn span(self, raw: RawSpan) -> Span {
        let one_line = raw.start.line() == raw.end.line();
        let length = if one_line { raw.end.col().saturating_sub(raw.start.col()) } else { 1 };
        let mut span = self.point(raw.start.line(), raw.start.col());
        span.length = u32::try_from(length).unwrap_or(u32::MAX).max(1);
        span
    }

    /// `line` from 1 and `column` from 0, as the parser counts.
    fn point(self, line: usize, column: usize) -> Span {
        let column = if line == 1 { column + self.column } else { column };
        Span::point(line + self.line, column + 1)
    }
}

/// Parses from an offset. JSON documents that follow each other without `---` end the parser's stream
/// with an error; then the offset of the next one is returned.
fn parse_from(source: &Source, offset: Offset, parsed: &mut Parsed) -> Option<Offset> {
    let text = &source.text()[offset.byte..];
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::new(source, offset);
    let mut end = None;
    loop {
        match parser.next_event()? {
            Ok((Event::StreamEnd, _)) => return None,
            Ok((Event::DocumentEnd, span)) => {
                end = Some((span.start.line(), span.start.col(), span.start.byte_offset()));
                builder.end_document(parsed);
            }
            Ok((Event::DocumentStart(..), _)) => end = None,
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                if let Some(next) = end.and_then(|end| next_json(text, offset, end)) {
                    return Some(next);
                }
                let mark = error.marker();
                let message = error.kind().to_string();
                let problem = source.problem(offset.point(mark.line(), mark.col()), "", message.clone());
                let is_cut = || is_cut(text, &message, mark.line()).then_some(CUT);
                builder.fail(match advice(&message).or_else(is_cut) {
                    Some(advice) => problem.with_help(advice),
                    None => problem,
                });
                builder.end_document(parsed);
                if parsed.problems.len() >= FILE_PROBLEMS
                    || !matches!(parser.proceed_next_document(), Ok(true))
                {
                    return None;
                }
            }
        }
        if parsed.problems.len() >= FILE_PROBLEMS {
            return None;
        }
    }
}

/// The offset of a JSON document on a line after one that ended.
fn next_json(text: &str, offset: Offset, end: (usize, usize, Option<usize>)) -> Option<Offset> {
    let (mut line, mut column, byte) = (end.0, end.1, end.2?);
    let rest = text.get(byte..)?;
    let skipped = rest.find(|c: char| !c.is_whitespace())?;
    // On one line the parser looks far ahead for a `:` before it gives up, too far to do so often.
    if !rest[..skipped].contains('\n') || !rest[skipped..].starts_with('{') {
        return None;
    }
    for c in rest[..skipped].chars() {
        (line, column) = if c == '\n' { (line + 1, 0) } else { (line, column + 1) };
    }
    let column = if line == 1 { offset.column + column } else { column };
    Some(Offset { line: offset.line + line - 1, column, byte: offset.byte + byte + skipped })
}

/// What to do about the syntax errors that people make most.
fn advice(message: &str) -> Option<&'static str> {
    if message.contains("tabs disallowed") {
        Some("indent with spaces")
    } else if message.contains("mapping values are not allowed") {
        Some("put text that holds `: ` in quotes, or indent the field")
    } else {
        None
    }
}

/// What to do about a text that ends too early.
const CUT: &str = "the file ends before this does: if it was cut, make it anew";

/// Whether a text ends where more is needed: within brackets or quotes, or within a line that is then no field.
fn is_cut(text: &str, message: &str, line: usize) -> bool {
    let is_open = ["unclosed", "end of stream", "end of file"].iter().any(|end| message.contains(end));
    let is_last = || !text.ends_with('\n') && line == text.lines().count();
    is_open || message.contains("simple key expected") && is_last()
}

/// A collection that is still open.
struct Frame {
    id: NodeId,
    span: Span,
    anchor: usize,
    /// The cost and height of what it holds so far, aliases replaced.
    cost: u64,
    height: usize,
    kind: FrameKind,
}

enum FrameKind {
    Seq(Vec<NodeId>),
    Map { entries: Vec<Entry>, key: Option<(Box<str>, Span)> },
}

/// A finished node that an alias may name.
#[derive(Clone, Copy)]
struct Anchor {
    id: NodeId,
    cost: u64,
    height: usize,
}

/// Builds the tree of one document after the other.
struct Builder<'a> {
    source: &'a Source,
    offset: Offset,
    budget: u64,
    nodes: Vec<Node>,
    root: Option<NodeId>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchor>,
    spent: u64,
    problems: Vec<Diagnostic>,
    /// The document is beyond repair; the rest of its events is ignored.
    dead: bool,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Source, offset: Offset) -> Self {
        Self {
            source,
            offset,
            budget: budget(source.text().len()),
            nodes: Vec::new(),
            root: None,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            spent: 0,
            problems: Vec::new(),
            dead: false,
        }
    }

    /// Hands the document over if it is whole, and starts afresh.
    fn end_document(&mut self, parsed: &mut Parsed) {
        let nodes = std::mem::take(&mut self.nodes);
        let root = self.root.take();
        let whole = !std::mem::take(&mut self.dead);
        parsed.problems.append(&mut self.problems);
        self.frames.clear();
        self.anchors.clear();
        self.spent = 0;
        if let (true, Some(root)) = (whole, root) {
            let tree = Tree { nodes, root };
            if !matches!(tree.node(root).value, Value::Null) {
                parsed.documents.push(tree);
            }
        }
    }

    /// Notes a problem and goes on, up to a bearable number of them.
    fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
        self.dead |= self.problems.len() >= PROBLEMS;
    }

    /// The document ends here with this problem.
    fn fail(&mut self, problem: Diagnostic) {
        if !self.dead {
            self.problems.push(problem);
        }
        self.dead = true;
    }

    fn problem(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.source.problem(span, self.path(), message)
    }

    /// The path of the node that comes next.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match &frame.kind {
                // Writing to a string does not fail.
                FrameKind::Seq(items) => _ = write!(path, "[{}]", items.len()),
                FrameKind::Map { key: Some((key, _)), .. } => {
                    let first = path.is_empty();
                    _ = write_field(&mut path, first, key);
                }
                FrameKind::Map { key: None, .. } => {}
            }
        }
        path
    }

    fn event(&mut self, event: Event<'_>, raw: RawSpan) {
        if self.dead {
            return;
        }
        let span = self.offset.span(raw);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span);
                self.leaf(value, text.into(), span, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.open(FrameKind::Seq(Vec::new()), span, anchor);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                self.open(FrameKind::Map { entries: Vec::new(), key: None }, span, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Value {
        let plain = matches!(style, ScalarStyle::Plain);
        let value = |scalar| match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::Text => Value::Text,
        };
        let Some(tag) = tag else {
            return if plain { value(resolve(text)) } else { Value::Text };
        };
        // A lone `!` says "no type but text".
        if tag.original() == "!" {
            return Value::Text;
        }
        let resolved = resolve(text);
        match (tag.core_suffix(), resolved) {
            (Some("str"), _) => Value::Text,
            (Some("null"), Scalar::Null)
            | (Some("bool"), Scalar::Bool(_))
            | (Some("int"), Scalar::Int(_))
            | (Some("float"), Scalar::Float(_) | Scalar::Int(_)) => value(resolved),
            (Some(_), _) => {
                let problem = format!("`{}` does not fit the tag `{}`", shown(text), shown(&tag.original()));
                self.report(self.problem(span, problem));
                Value::Text
            }
            (None, _) => {
                self.unknown_tag(tag, span);
                Value::Text
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, kind: &str, span: Span) {
        match tag {
            Some(tag) if tag.core_suffix() != Some(kind) && tag.original() != "!" => {
                self.unknown_tag(tag, span);
            }
            _ => {}
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, span: Span) {
        let problem = self
            .problem(span, format!("unknown tag `{}`", shown(&tag.original())))
            .with_help("remove it: no document here needs a tag");
        self.report(problem);
    }

    fn add(&mut self, node: Node) -> NodeId {
        // A node needs at least a byte of text, and a text has at most `FILE_BYTES`.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        id
    }

    fn leaf(&mut self, value: Value, text: Box<str>, span: Span, anchor: usize) {
        let cost = NODE_COST + text.len() as u64;
        if self.take_key(&value, &text, span) {
            if anchor > 0 {
                let id = self.add(Node { value, text, span });
                self.anchors.insert(anchor, Anchor { id, cost, height: 0 });
            }
            return;
        }
        let id = self.add(Node { value, text, span });
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor { id, cost, height: 0 });
        }
        self.attach(id, cost, 0);
    }

    /// Whether the open mapping waits for a key; then this scalar is it.
    fn take_key(&mut self, value: &Value, text: &str, span: Span) -> bool {
        let Some(Frame { kind: FrameKind::Map { key: key @ None, .. }, cost, .. }) = self.frames.last_mut()
        else {
            return false;
        };
        *cost += text.len() as u64;
        *key = Some((text.into(), span));
        if matches!(value, Value::Null) {
            let problem = self.source.problem(span, "", "a field without a name").with_help("name it");
            self.fail(problem);
        }
        true
    }

    fn open(&mut self, kind: FrameKind, span: Span, anchor: usize) {
        if let Some(Frame { kind: FrameKind::Map { key: None, .. }, .. }) = self.frames.last() {
            let problem = self.problem(span, "the name of a field must be text, not a list or a mapping");
            return self.fail(problem.with_help("put text that begins with `{` or `[` in quotes"));
        }
        if self.frames.len() >= DEPTH {
            let problem = self
                .problem(span, format!("nested too deeply: more than {DEPTH} levels"))
                .with_help("no document here needs so many; is the file the right one?");
            return self.fail(problem);
        }
        let id = self.add(Node { value: Value::Null, text: Box::default(), span });
        self.frames.push(Frame { id, span, anchor, cost: NODE_COST, height: 0, kind });
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let value = match frame.kind {
            FrameKind::Seq(items) => Value::Seq(items),
            FrameKind::Map { entries, .. } => Value::Map(self.without_duplicates(entries)),
        };
        self.nodes[frame.id.0 as usize].value = value;
        self.nodes[frame.id.0 as usize].span = frame.span;
        let height = frame.height + 1;
        if frame.anchor > 0 {
            self.anchors.insert(frame.anchor, Anchor { id: frame.id, cost: frame.cost, height });
        }
        self.attach(frame.id, frame.cost, height);
    }

    /// Gives a finished node to the open collection.
    fn attach(&mut self, id: NodeId, node_cost: u64, node_height: usize) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(id);
            return;
        };
        frame.cost = frame.cost.saturating_add(node_cost);
        frame.height = frame.height.max(node_height);
        match &mut frame.kind {
            FrameKind::Seq(items) => items.push(id),
            FrameKind::Map { entries, key } => {
                if let Some((key, key_span)) = key.take() {
                    entries.push(Entry { key, key_span, value: id });
                }
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let Some(target) = self.anchors.get(&anchor).copied() else {
            let problem = self.problem(span, "an alias inside of what it names");
            return self.fail(problem.with_help("write out what is meant"));
        };
        if let Some(Frame { kind: FrameKind::Map { key: None, .. }, .. }) = self.frames.last() {
            let node = &self.nodes[target.id.0 as usize];
            let (value, text) = (node.value.clone(), node.text.clone());
            if matches!(value, Value::Seq(_) | Value::Map(_)) {
                let problem = self.problem(span, "the name of a field must be text, not a list or a mapping");
                return self.fail(problem.with_help("write the name itself in place of the alias"));
            }
            self.take_key(&value, &text, span);
            return;
        }
        if self.frames.len() + target.height > DEPTH {
            let problem = self
                .problem(span, format!("nested too deeply: more than {DEPTH} levels"))
                .with_help("no document here needs so many; is the file the right one?");
            return self.fail(problem);
        }
        self.spent = self.spent.saturating_add(target.cost);
        if self.spent > self.budget {
            let problem = self.problem(span, "aliases make the document too large");
            return self.fail(problem.with_help("write out what is meant, in as many files as it takes"));
        }
        self.attach(target.id, target.cost, target.height);
    }

    /// Reports each key that is given twice and keeps the first.
    fn without_duplicates(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|a, b| entries[*a].key.cmp(&entries[*b].key).then(a.cmp(b)));
        let twice: Vec<(usize, usize)> = order
            .windows(2)
            .filter(|pair| entries[pair[0]].key == entries[pair[1]].key)
            .map(|pair| (pair[0], pair[1]))
            .collect();
        if twice.is_empty() {
            return entries;
        }
        let parent = self.path();
        for (first, second) in twice.iter().take(PROBLEMS) {
            let (first, second) = (&entries[*first], &entries[*second]);
            let place = if parent.is_empty() { String::new() } else { format!(" in `{parent}`") };
            let problem = format!("field `{}` is given twice{place}", shown(&second.key));
            let problem = self.source.problem(second.key_span, parent.clone(), problem);
            self.report(problem.with_help(format!("first given on line {}", first.key_span.line)));
        }
        let mut later = vec![false; entries.len()];
        for (_, second) in twice {
            later[second] = true;
        }
        let mut later = later.into_iter();
        let mut kept = entries;
        kept.retain(|_| !later.next().unwrap_or_default());
        kept
    }
}

#[cfg(test)]
mod tests;
