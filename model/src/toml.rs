//! TOML 1.1 as the same trees that YAML becomes, so that one reader serves both.
//!
//! A date without quotes is the text that it is written as. What is refused is what TOML refuses; depth is bounded by
//! the parser.

use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    diagnostic::{Diagnostic, Source, Span},
    yaml::{Entry, Node, NodeId, Tree, Value},
};

/// Reads a TOML document.
///
/// # Errors
/// Where the text is not TOML.
pub(crate) fn parse(source: &Source) -> Result<Tree, Vec<Diagnostic>> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        return Ok(Builder::new(source.text()).document(document.get_ref()));
    }
    let places = Places::new(source.text());
    let problem = |error: ::toml::de::Error| {
        let span = error.span().map_or(Span::START, |span| places.span(&span));
        source.problem(span, "", format!("not TOML: {}", error.message()))
    };
    Err(errors.into_iter().take(20).map(problem).collect())
}

/// Reads one value, written as on the right of `=`; nothing when it is none.
pub(crate) fn parse_value(text: &str, span: Span) -> Option<Tree> {
    let value = DeValue::parse(text).ok()?;
    let mut builder = Builder { places: None, fixed: span, nodes: Vec::new() };
    let root = builder.value(&value);
    Some(Tree { nodes: builder.nodes, root })
}

/// A text as a value.
pub(crate) fn text_value(text: &str, span: Span) -> Tree {
    Tree { nodes: vec![Node { value: Value::Text, text: text.into(), span }], root: NodeId(0) }
}

/// Byte offsets as lines and columns.
struct Places<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn span(&self, bytes: &std::ops::Range<usize>) -> Span {
        let line = self.starts.partition_point(|start| *start <= bytes.start).max(1);
        let start = self.starts[line - 1];
        let column = self.text.get(start..bytes.start).map_or(1, |before| before.chars().count() + 1);
        let inside = self.text.get(bytes.clone()).unwrap_or("");
        let length = inside.lines().next().map_or(1, |first| first.chars().count().max(1));
        Span { length: u32::try_from(length).unwrap_or(u32::MAX), ..Span::point(line, column) }
    }
}

struct Builder<'a> {
    places: Option<Places<'a>>,
    /// The place of everything where there is no text to point into.
    fixed: Span,
    nodes: Vec<Node>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self { places: Some(Places::new(text)), fixed: Span::START, nodes: Vec::new() }
    }

    fn document(mut self, table: &DeTable<'_>) -> Tree {
        let value = self.table(table);
        let root = self.add(value, "", Span::START);
        Tree { nodes: self.nodes, root }
    }

    fn span(&self, bytes: &std::ops::Range<usize>) -> Span {
        self.places.as_ref().map_or(self.fixed, |places| places.span(bytes))
    }

    fn add(&mut self, value: Value, text: &str, span: Span) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { value, text: text.into(), span });
        id
    }

    fn table(&mut self, table: &DeTable<'_>) -> Value {
        let mut fields: Vec<_> = table.iter().collect();
        // In the order of the text, which is the order that people expect problems in.
        fields.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
            key: key.get_ref().as_ref().into(),
            key_span: self.span(&key.span()),
            value: self.value(value),
        };
        Value::Map(fields.into_iter().map(entry).collect())
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> NodeId {
        let span = self.span(&value.span());
        match value.get_ref() {
            DeValue::String(text) => self.add(Value::Text, text, span),
            DeValue::Integer(number) => {
                let value = i128::from_str_radix(number.as_str(), number.radix());
                let value = value.map_or(Value::Float(f64::INFINITY), Value::Int);
                self.add(value, &number.to_string(), span)
            }
            DeValue::Float(number) => {
                let value = number.as_str().parse().unwrap_or(f64::NAN);
                self.add(Value::Float(value), number.as_str(), span)
            }
            DeValue::Boolean(truth) => self.add(Value::Bool(*truth), &truth.to_string(), span),
            DeValue::Datetime(moment) => self.add(Value::Text, &moment.to_string(), span),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                self.add(Value::Seq(items), "", span)
            }
            DeValue::Table(table) => {
                let value = self.table(table);
                self.add(value, "", span)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_places() {
        let text = "a = 1\n[b]\nc = [\"x\", 2.5]\nd.e = 2022-10-19T16:00:00Z\n[[f]]\ng = true\n";
        let tree = parse(&Source::new("s.toml", text)).unwrap();
        for (path, line, column) in [
            ("a", 1, 5),
            ("b", 2, 2),
            ("b.c[1]", 3, 11),
            ("b.d.e", 4, 7),
            ("f[0].g", 6, 5),
            ("b.nothing", 2, 2),
        ] {
            let span = tree.position_of(path);
            assert_eq!((span.line, span.column), (line, column), "{path}");
        }
    }

    #[test]
    fn what_is_no_toml_points_at_the_place() {
        let problems = parse(&Source::new("s.toml", "a = 1\na = 2\n[b\n")).unwrap_err();
        let places: Vec<u32> = problems.iter().filter_map(|problem| Some(problem.span?.line)).collect();
        assert!(places.contains(&2) && places.contains(&3), "{problems:?}");
    }
}
