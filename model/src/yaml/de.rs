//! Trees to typed values, through serde, with every problem of a document in one go.
//!
//! serde stops at the first error. To find more, the value at fault is skipped and the document read
//! again: a field that is skipped is not reported as missing, and the mapping that cannot do without it
//! is skipped in turn, until the document reads or nothing is left. Unknown fields need no second
//! reading: every struct here refuses them, so they are collected on the way.

use std::{cell::RefCell, collections::BTreeSet};

use serde::de::{self, DeserializeSeed, Visitor, value::StrDeserializer};

use super::{
    error::{Error, Place, What, any_of, choice},
    limits::PROBLEMS,
    path::Path,
    scalar::{Scalar, resolve},
    tree::{Node, NodeId, Tree, Value},
};
use crate::diagnostic::{Diagnostic, Source, Span, shown};

/// Reads a document.
pub(crate) fn read<T: de::DeserializeOwned>(source: &Source, tree: &Tree) -> Result<T, Vec<Diagnostic>> {
    read_at(source, tree, tree.root(), "")
}

/// Reads the part of a document that lies at a path.
pub(crate) fn read_at<T: de::DeserializeOwned>(
    source: &Source,
    tree: &Tree,
    start: NodeId,
    path: &str,
) -> Result<T, Vec<Diagnostic>> {
    let reader =
        Reader { source, tree, problems: RefCell::new(Vec::new()), skipped: RefCell::new(BTreeSet::new()) };
    loop {
        let root = Cursor {
            reader: &reader,
            id: start,
            path: Path::Start(path),
            span: tree.position_of(path),
            free: false,
        };
        let error = match T::deserialize(root) {
            Ok(value) if reader.problems.borrow().is_empty() => return Ok(value),
            Ok(_) => return Err(reader.problems.take()),
            Err(error) => error.at(|| root.place()),
        };
        if reader.finds_no_more(&error, start) {
            return Err(reader.problems.take());
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    tree: &'a Tree,
    problems: RefCell<Vec<Diagnostic>>,
    skipped: RefCell<BTreeSet<NodeId>>,
}

impl Reader<'_> {
    fn report(&self, error: &Error) {
        let span = error.place().map_or(Span::START, |place| place.span);
        let field = error.place().map_or(String::new(), |place| place.field.clone());
        let problem = self.source.problem(span, field, error.to_string());
        self.problems.borrow_mut().push(match error.help() {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }

    fn is_skipped(&self, id: NodeId) -> bool {
        self.skipped.borrow().contains(&id)
    }

    /// Notes an error and skips its value; whether that ends the reading.
    fn finds_no_more(&self, error: &Error, start: NodeId) -> bool {
        let Some(place) = error.place() else { return true };
        let follows = error.missing().is_some_and(|name| {
            self.tree.entry(place.node, name).is_some_and(|entry| self.is_skipped(entry.value))
        });
        if !follows {
            self.report(error);
        }
        let new = self.skipped.borrow_mut().insert(place.node);
        !new || place.node == start || self.problems.borrow().len() >= PROBLEMS
    }
}

/// A node and how it was reached.
#[derive(Clone, Copy)]
struct Cursor<'a, 'p> {
    reader: &'p Reader<'a>,
    id: NodeId,
    path: Path<'p>,
    /// Where to point.
    span: Span,
    /// Within free labels, where any scalar counts as the text it is written with.
    free: bool,
}

impl<'a> Cursor<'a, '_> {
    fn node(&self) -> &'a Node {
        self.reader.tree.node(self.id)
    }

    fn place(&self) -> Place {
        Place { node: self.id, span: self.span, field: self.path.to_string() }
    }

    fn found(&self) -> String {
        let node = self.node();
        match node.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Int(_) | Value::Float(_) => format!("the number {}", shown(&node.text)),
            Value::Text => format!("the text `{}`", shown(&node.text)),
            Value::Seq(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    fn mismatch(&self, expected: &str) -> Error {
        Error::mismatch(expected, &self.found(), None)
    }

    /// A number was needed: quotes around one are the usual mistake.
    fn not_a_number(&self, expected: &str) -> Error {
        let node = self.node();
        let quoted = matches!(node.value, Value::Text)
            && matches!(resolve(&node.text), Scalar::Int(_) | Scalar::Float(_));
        let help = quoted.then(|| format!("remove the quotes: {}", shown(&node.text)));
        Error::mismatch(expected, &self.found(), help)
    }

    fn integer(&self, least: i128, most: i128) -> Result<i128, Error> {
        match self.node().value {
            Value::Int(value) if (least..=most).contains(&value) => Ok(value),
            Value::Int(_) => Err(self.mismatch(&format!("a whole number from {least} to {most}"))),
            _ => Err(self.not_a_number("a whole number")),
        }
    }

    fn text(&self, expected: impl FnOnce() -> String) -> Result<&'a str, Error> {
        let node = self.node();
        match node.value {
            Value::Text => return Ok(&node.text),
            Value::Null if self.free => return Ok(""),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if self.free => return Ok(&node.text),
            _ => {}
        }
        let expected = expected();
        let scalar = matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
        let help =
            (scalar && expected == "text").then(|| format!("write it in quotes: \"{}\"", shown(&node.text)));
        Err(Error::mismatch(&expected, &self.found(), help))
    }
}

/// What a visitor waits for; serde's own word for text is replaced by ours.
fn expecting<'de, V: Visitor<'de>>(visitor: &V) -> String {
    let words = (visitor as &dyn de::Expected).to_string();
    match &*words {
        "a string" | "a borrowed string" | "string" => "text".to_owned(),
        _ => words,
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
            let value = self.integer(i128::from(<$type>::MIN), i128::from(<$type>::MAX))?;
            visitor.$visit(<$type>::try_from(value).map_err(|_| self.mismatch("a whole number"))?)
        }
    )*};
}

impl<'a> de::Deserializer<'a> for Cursor<'a, '_> {
    type Error = Error;

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let node = self.node();
        match &node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_f64(*value as f64),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text => visitor.visit_borrowed_str(&node.text),
            Value::Seq(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Value::Bool(value) = self.node().value {
            return visitor.visit_bool(value);
        }
        let help = match &*self.node().text.to_ascii_lowercase() {
            "yes" | "y" | "on" | "true" => Some("write `true`".to_owned()),
            "no" | "n" | "off" | "false" => Some("write `false`".to_owned()),
            _ => None,
        };
        Err(Error::mismatch("true or false", &self.found(), help))
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node().value {
            Value::Int(value) => visitor.visit_f64(value as f64),
            Value::Float(value) => visitor.visit_f64(value),
            _ => Err(self.not_a_number("a number")),
        }
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text(|| expecting(&visitor))?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node().value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node().value {
            Value::Null => visitor.visit_unit(),
            _ => Err(self.mismatch("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A list; nothing at all counts as an empty one, as for kubectl.
    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let items: &[NodeId] = match &self.node().value {
            Value::Seq(items) => items,
            Value::Null => &[],
            _ => return Err(self.mismatch("a list")),
        };
        visitor.visit_seq(Items { parent: self, ids: items, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.mapping("a mapping", None, |_| false, visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let expected = match fields {
            [] => "a mapping".to_owned(),
            [one] => format!("a mapping with `{one}`"),
            _ if fields.len() <= 5 => format!("a mapping with the fields {}", fields.join(", ")),
            _ => "a mapping".to_owned(),
        };
        let free = move |key: &str| name == "Metadata" && matches!(key, "labels" | "annotations");
        self.mapping(&expected, Some(fields), free, visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node().value {
            Value::Text => {
                let text: &str = &self.node().text;
                if !variants.contains(&text) {
                    let problem = format!("`{}` is not {}", shown(text), any_of(variants));
                    let help = choice(text, variants).filter(|help| help.starts_with("did you mean"));
                    return Err(Error::new(What::About(problem), help));
                }
                visitor.visit_enum(StrDeserializer::<Error>::new(text))
            }
            _ => Err(self.mismatch(&any_of(variants))),
        }
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

impl<'a> Cursor<'a, '_> {
    /// A mapping; nothing at all counts as an empty one. Fields not in `known` are reported and skipped.
    fn mapping<V: Visitor<'a>>(
        self,
        expected: &str,
        known: Option<&'static [&'static str]>,
        free: impl Fn(&str) -> bool,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries: &[super::tree::Entry] = match &self.node().value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => return Err(self.mismatch(expected)),
        };
        let mut kept = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if self.reader.is_skipped(entry.value) {
                continue;
            }
            match known {
                Some(names) if !names.contains(&&*entry.key) => {
                    let place = Place { node: self.id, span: entry.key_span, field: self.path.to_string() };
                    let error = Error::new(What::Unknown(entry.key.to_string()), choice(&entry.key, names));
                    self.reader.report(&error.at(|| place));
                    self.reader.skipped.borrow_mut().insert(entry.value);
                }
                _ => kept.push(index),
            }
        }
        visitor.visit_map(Fields { parent: self, entries, kept: kept.into_iter(), current: None, free })
    }
}

struct Items<'a, 'p> {
    parent: Cursor<'a, 'p>,
    ids: &'a [NodeId],
    next: usize,
}

impl<'a> de::SeqAccess<'a> for Items<'a, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        loop {
            let index = self.next;
            let Some(id) = self.ids.get(index).copied() else { return Ok(None) };
            self.next += 1;
            if self.parent.reader.is_skipped(id) {
                continue;
            }
            let cursor = Cursor {
                id,
                path: Path::Item(&self.parent.path, index),
                span: self.parent.reader.tree.node(id).span,
                ..self.parent
            };
            return seed.deserialize(cursor).map(Some).map_err(|error| error.at(|| cursor.place()));
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.ids.len().saturating_sub(self.next))
    }
}

struct Fields<'a, 'p, F> {
    parent: Cursor<'a, 'p>,
    entries: &'a [super::tree::Entry],
    kept: std::vec::IntoIter<usize>,
    current: Option<&'a super::tree::Entry>,
    free: F,
}

impl<'a, F: Fn(&str) -> bool> de::MapAccess<'a> for Fields<'a, '_, F> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.current = self.kept.next().and_then(|index| self.entries.get(index));
        let Some(entry) = self.current else { return Ok(None) };
        let place = || Place {
            node: entry.value,
            span: entry.key_span,
            field: Path::Field(&self.parent.path, &entry.key).to_string(),
        };
        let key = de::value::BorrowedStrDeserializer::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|error: Error| error.at(place))
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(entry) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for without its key"));
        };
        let cursor = Cursor {
            id: entry.value,
            path: Path::Field(&self.parent.path, &entry.key),
            span: self.parent.reader.tree.span_of_entry(entry),
            free: self.parent.free || (self.free)(&entry.key),
            ..self.parent
        };
        seed.deserialize(cursor).map_err(|error| error.at(|| cursor.place()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.kept.len())
    }
}
