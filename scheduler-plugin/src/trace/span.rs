//! Spans: what was done to a pod, from when to when.

use std::borrow::Cow;

use super::Context;
use crate::cluster::Facts;

/// Nanoseconds since 1970, UTC.
pub(crate) type Nanos = u64;

/// Whose span it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) context: Context,
    /// Empty for a pod that the API server has not named yet.
    pub(crate) uid: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Who {
    pub(crate) fn of(facts: &Facts) -> Self {
        Self {
            context: facts.trace(),
            uid: facts.uid.clone(),
            namespace: facts.namespace.clone(),
            name: facts.name.clone(),
        }
    }
}

/// Who waits for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody for anybody else.
    Internal,
    /// Somebody for us.
    Server,
    /// We for somebody.
    Client,
}

/// What is said of a span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Number(i64),
    Real(f64),
    Flag(bool),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// Something that was done to a pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) who: Who,
    /// Its own name; zeros until it is given one.
    pub(crate) id: [u8; 8],
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
    pub(crate) said: Vec<(&'static str, Value)>,
    /// Why it came to nothing.
    pub(crate) error: Option<String>,
}

impl Span {
    pub(crate) fn new(who: Who, name: &'static str, start: Nanos, end: Nanos) -> Self {
        // A clock that went back makes no span of negative length.
        let end = end.max(start);
        Self { who, id: [0; 8], name, kind: Kind::Internal, start, end, said: Vec::new(), error: None }
    }

    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.said.push((key, value.into()));
        self
    }

    pub(crate) fn failed(mut self, why: impl Into<String>) -> Self {
        self.error = Some(why.into());
        self
    }

    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}
