//! The messages of the OpenTelemetry protocol that are sent, by their numbers in
//! `opentelemetry/proto/collector/trace/v1/trace_service.proto` and what that imports.

use prost::Message;

use super::{Kind, Value};

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(message, repeated, tag = "1")]
    pub(super) resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Scope {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3, 4")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Number(i64),
    #[prost(double, tag = "4")]
    Real(f64),
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(message, optional, tag = "1")]
    pub(super) partial: Option<Partial>,
}

/// Spans that were refused while others were taken.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Partial {
    #[prost(int64, tag = "1")]
    pub(super) refused: i64,
    #[prost(string, tag = "2")]
    pub(super) why: String,
}

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;
/// The span is to be recorded, and whether its parent was made elsewhere is known:
const FLAGS: u32 = 0x101;
/// it was.
const REMOTE: u32 = 0x200;

impl KeyValue {
    pub(super) fn new(key: &str, value: Value) -> Self {
        let value = match value {
            Value::Text(text) => Any::Text(text.into_owned()),
            Value::Number(number) => Any::Number(number),
            Value::Real(real) => Any::Real(real),
            Value::Flag(flag) => Any::Flag(flag),
        };
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }
}

impl From<super::Span> for Span {
    fn from(span: super::Span) -> Self {
        let super::Who { context, uid, namespace, name } = span.who;
        let who = [("k8s.namespace.name", namespace), ("k8s.pod.name", name), ("k8s.pod.uid", uid)];
        let who = who.into_iter().filter(|(_, text)| !text.is_empty());
        let who = who.map(|(key, text)| KeyValue::new(key, text.into()));
        let said = span.said.into_iter().map(|(key, value)| KeyValue::new(key, value));
        let parent = Some(context.parent).filter(|parent| *parent != [0; 8] && *parent != span.id);
        Self {
            trace: context.trace.to_vec(),
            id: span.id.to_vec(),
            // The span that the trace begins with is its own place.
            parent: parent.map(Vec::from).unwrap_or_default(),
            name: span.name.to_owned(),
            kind: match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start: span.start,
            end: span.end,
            attributes: who.chain(said).collect(),
            status: span.error.map(|message| Status { message, code: ERROR }),
            flags: if parent.is_some() { FLAGS | REMOTE } else { FLAGS },
        }
    }
}
