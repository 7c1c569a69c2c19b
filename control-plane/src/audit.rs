//! What the API server accepted, from its audit log.
//!
//! A scheduler, an extender and a fault between them may each believe what they
//! like; a pod was bound if and only if the API server answered 201 to its
//! binding.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;

/// The log's file name in the control plane's folder.
pub(crate) const LOG: &str = "audit.log";

/// One answer of the API server to a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's unique id, where the request named it.
    pub uid: Option<String>,
    /// The node that was asked for.
    pub node: String,
    /// Who asked.
    pub user: String,
    /// The HTTP status: 201 is bound.
    pub status: u16,
    /// When the API server answered.
    pub at: Timestamp,
}

impl Binding {
    /// Whether the pod was bound by this request.
    pub fn accepted(&self) -> bool {
        self.status == 201
    }
}

/// Only bindings are logged, with their bodies.
pub(crate) fn policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Request", "verbs": ["create"], "resources": [{"group": "", "resources": ["pods/binding"]}]},
            {"level": "None"},
        ],
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    user: User,
    object_ref: ObjectRef,
    stage_timestamp: Timestamp,
    #[serde(default)]
    response_status: Option<Status>,
    #[serde(default)]
    request_object: Value,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct ObjectRef {
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

/// The bindings in a log, in its order. A last line that is not complete yet is
/// left out.
pub(crate) fn bindings(log: &Path) -> Result<Vec<Binding>, Error> {
    let text = match std::fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file(log)(error)),
    };
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(binding).collect()
}

fn binding(line: &str) -> Result<Binding, Error> {
    let event: Event = serde_json::from_str(line)
        .map_err(|error| Error::Document { what: "audit log", reason: error.to_string() })?;
    let text = |pointer| event.request_object.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
    Ok(Binding {
        uid: text("/metadata/uid").filter(|uid| !uid.is_empty()),
        node: text("/target/name").unwrap_or_default(),
        namespace: event.object_ref.namespace,
        pod: event.object_ref.name,
        user: event.user.username,
        at: event.stage_timestamp,
        status: event.response_status.map_or(0, |status| status.code),
    })
}
