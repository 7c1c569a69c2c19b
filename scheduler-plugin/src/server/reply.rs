//! Answers as bytes.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

pub(super) type Reply = Response<Full<Bytes>>;

/// A body of this type.
pub(super) fn body(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(bytes.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// A message with its status.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Reply {
    body(status, "text/plain; charset=utf-8", text.into() + "\n")
}

/// What a call is answered with.
pub(super) fn json(value: &impl Serialize) -> Reply {
    let mut bytes = Vec::with_capacity(16 << 10);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => body(StatusCode::OK, "application/json", bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write the answer: {error}")),
    }
}

/// The path is known, its method is another.
pub(super) fn not_allowed(allowed: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, format!("the method is {allowed}"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}
