//! kube-scheduler's configuration, as far as an extender is concerned.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;

/// One entry of `extenders`, with the field names of
/// `kubescheduler.config.k8s.io/v1`. A verb that is absent is never called.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extender {
    /// Scheme, host, port and path before the verb.
    pub url_prefix: String,
    /// The path of the filter call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_verb: Option<String>,
    /// The path of the scoring call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prioritize_verb: Option<String>,
    /// The path of the call about victims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preempt_verb: Option<String>,
    /// The path of the binding call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_verb: Option<String>,
    /// What one point of the extender's scores is worth.
    pub weight: i64,
    /// Names of nodes instead of whole nodes.
    pub node_cache_capable: bool,
    /// Whether pods are scheduled without the extender when it fails.
    pub ignorable: bool,
    /// How long a call may take, as `3s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_timeout: Option<String>,
    /// Which pods the extender is asked about: those that request one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_resources: Vec<ManagedResource>,
    /// Certificates (PEM) for an `https` address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<Value>,
}

/// A resource whose pods are the extender's business.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedResource {
    /// The resource's name, as `nvidia.com/gpu`.
    pub name: String,
    /// Whether kube-scheduler leaves counting it to the extender.
    pub ignored_by_scheduler: bool,
}

/// `tlsConfig` with the authority (PEM) that signed the extender's certificate.
pub fn trust(authority: &str) -> Value {
    json!({"caData": BASE64_STANDARD.encode(authority)})
}

/// A configuration with these extenders, and the scheduler's defaults
/// otherwise.
pub fn configuration(extenders: &[Extender]) -> Value {
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "extenders": extenders,
    })
}

/// Fills in what only the control plane knows: see
/// [`crate::ControlPlane::start_scheduler`].
pub(crate) fn complete(config: &mut Value, kubeconfig: &Path) -> Result<(), Error> {
    let reason = "not an object".to_owned();
    let root =
        config.as_object_mut().ok_or(Error::Document { what: "KubeSchedulerConfiguration", reason })?;
    root.entry("leaderElection").or_insert_with(|| json!({"leaderElect": false}));
    let connection = root.entry("clientConnection").or_insert_with(|| json!({}));
    let reason = "clientConnection is not an object".to_owned();
    let connection =
        connection.as_object_mut().ok_or(Error::Document { what: "KubeSchedulerConfiguration", reason })?;
    connection.insert("kubeconfig".into(), json!(kubeconfig));
    connection.entry("qps").or_insert_with(|| json!(1000));
    connection.entry("burst").or_insert_with(|| json!(2000));
    Ok(())
}
