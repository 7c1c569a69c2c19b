//! What serde has to say about a value, in this program's words.
//!
//! An error is made without a place and gets the place of the innermost node on its way out.

use std::fmt;

use serde::de;

use super::{suggest::nearest, tree::NodeId};
use crate::diagnostic::{Span, shown};

/// Where a value lies.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) span: Span,
    pub(super) field: String,
}

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    what: What,
    help: Option<String>,
    place: Option<Place>,
}

#[derive(Debug)]
pub(super) enum What {
    /// A fragment that fits after "`field`: ".
    About(String),
    /// A field of this name is not known.
    Unknown(String),
    /// A field of this name is needed.
    Missing(String),
}

impl Error {
    pub(super) fn new(what: What, help: Option<String>) -> Self {
        Self(Box::new(Inner { what, help, place: None }))
    }

    /// The value is not of the kind that is needed.
    pub(super) fn mismatch(expected: &str, found: &str, help: Option<String>) -> Self {
        Self::new(What::About(format!("expected {expected}, found {found}")), help)
    }

    /// Gives the error a place if it has none yet.
    pub(super) fn at(mut self, place: impl FnOnce() -> Place) -> Self {
        if self.0.place.is_none() {
            self.0.place = Some(place());
        }
        self
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The name of the field that is needed, for such an error.
    pub(super) fn missing(&self) -> Option<&str> {
        match &self.0.what {
            What::Missing(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.0.place.as_ref().map_or("", |place| &place.field);
        match (&self.0.what, field) {
            (What::About(problem), "") => f.write_str(problem),
            (What::About(problem), field) => write!(f, "`{field}`: {problem}"),
            (What::Unknown(name), "") => write!(f, "unknown field `{}`", shown(name)),
            (What::Unknown(name), field) => write!(f, "unknown field `{}` in `{field}`", shown(name)),
            (What::Missing(name), "") => write!(f, "missing field `{}`", shown(name)),
            (What::Missing(name), field) => write!(f, "missing field `{}` in `{field}`", shown(name)),
        }
    }
}

impl std::error::Error for Error {}

/// "did you mean …" for a near miss, else the whole choice when it is short.
pub(super) fn choice(word: &str, names: &[&'static str]) -> Option<String> {
    if word == "<<" {
        return Some("merge keys are not part of YAML 1.2; write the fields out".to_owned());
    }
    if let Some(name) = nearest(word, names.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    match names {
        [] => None,
        [one] => Some(format!("only `{one}` is known here")),
        _ if names.len() <= 12 => Some(format!("known here: {}", names.join(", "))),
        _ => None,
    }
}

/// The choice as it stands in a sentence.
pub(super) fn any_of(names: &[&'static str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => format!("`{one}`"),
        _ => format!("one of {}", names.join(", ")),
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        // The fragment may quote a text of any length.
        const LONGEST: usize = 300;
        let problem = problem.to_string();
        let short = problem.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c });
        Self::new(What::About(short.collect()), None)
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::mismatch(&expected.to_string(), &unexpected(found), None)
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::mismatch(&expected.to_string(), &unexpected(found), None)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::mismatch(&expected.to_string(), &format!("a list of {length}"), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::About(format!("unknown value `{}`", shown(variant))), choice(variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::Unknown(field.to_owned()), choice(field, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field.to_owned()), None)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(What::About(format!("field `{field}` is given twice")), None)
    }
}

fn unexpected(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Bool(value) => format!("`{value}`"),
        de::Unexpected::Unsigned(value) => format!("the number {value}"),
        de::Unexpected::Signed(value) => format!("the number {value}"),
        de::Unexpected::Float(value) => format!("the number {value}"),
        de::Unexpected::Str(text) => format!("the text `{}`", shown(text)),
        de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}
