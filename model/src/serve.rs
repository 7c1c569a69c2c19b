//! The configuration of `plimsoll serve`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bytes, Duration, Metadata, Ratio, document::ApiVersion};

/// `kind: Serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ServeKind {
    /// The only value.
    #[default]
    Serve,
}

/// How the cluster side runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Serve {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: ServeKind,
    /// Its name; nothing refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// How it runs.
    #[serde(default)]
    pub spec: ServeSpec,
}

/// How the cluster side runs. Paths are relative to the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeSpec {
    /// Where it listens: address and port; port 0 is any free one.
    pub listen: String,
    /// TLS; without it, plain HTTP, for a scheduler on the same machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServeTls>,
    /// The kubeconfig; without it the pod's own account, else what `kubectl` would use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<String>,
    /// The context in the kubeconfig; without it the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// A file with an Estate: what own machines cost and emit, and other prices than the catalogue's. Read again when it
    /// changes; one that is broken changes nothing, and is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estate: Option<String>,
    /// What clients may ask of the server.
    pub limits: ServeLimits,
    /// How plans are made.
    pub plan: ServePlan,
    /// The gate before pods that wait for a plan.
    pub gate: ServeGate,
    /// Binding pods in place of the scheduler.
    pub bind: ServeBind,
    /// Which replica plans.
    pub lease: ServeLease,
    /// Traces of decisions, for OpenTelemetry; without it none are sent, unless `OTEL_EXPORTER_OTLP_ENDPOINT` says where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<ServeTraces>,
}

impl Default for ServeSpec {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8888".to_owned(),
            tls: None,
            kubeconfig: None,
            context: None,
            estate: None,
            limits: ServeLimits::default(),
            plan: ServePlan::default(),
            gate: ServeGate::default(),
            bind: ServeBind::default(),
            lease: ServeLease::default(),
            traces: None,
        }
    }
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServeTraces {
    /// The collector that takes OTLP over HTTP: `http://` or `https://`, host and port. Traces are posted to `/v1/traces`
    /// there.
    pub endpoint: String,
}

/// Certificates, as PEM files; read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServeTls {
    /// The server's certificate and the chain to its authority.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The authority of clients; with it, calls are for clients alone that show a certificate of its. Whoever shows none gets
    /// `/healthz` and `/readyz`, for probes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<String>,
}

/// What clients may ask of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeLimits {
    /// Of one body.
    pub body: Bytes,
    /// Of all bodies at one time.
    pub bodies: Bytes,
    /// Connections at one time.
    pub connections: u32,
    /// For a head, for a body, for a TLS handshake.
    pub patience: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            body: Bytes(64 << 20),
            bodies: Bytes(256 << 20),
            connections: 2_048,
            patience: Duration::from_secs(10),
        }
    }
}

/// How a plan binds the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ServePlacement {
    /// Hard for pods that a ReplicaSet or a StatefulSet made, soft for others.
    #[default]
    Auto,
    /// Required node affinity; soft all the same for pods of Jobs, which have to ask for it themselves, and for pods that
    /// nobody would make anew.
    Hard,
    /// `nominatedNodeName`: there first, elsewhere if that fails.
    Soft,
}

/// How plans are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServePlan {
    /// How plans bind the scheduler, where `plimsoll.dev/placement` on a pod does not say.
    pub placement: ServePlacement,
    /// Where the search may stop, a part of the bound.
    pub gap: Ratio,
    /// A plan, and the view of the cluster, count so long; after that every pod passes.
    pub bound: Duration,
    /// A pod whose planned node has no room for it any more gets another one after so long.
    pub stuck: Duration,
}

impl Default for ServePlan {
    fn default() -> Self {
        Self {
            placement: ServePlacement::Auto,
            gap: Ratio::from_pico(5_000_000_000),
            bound: Duration::from_secs(300),
            stuck: Duration::from_secs(10),
        }
    }
}

/// The gate before pods that wait for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeGate {
    /// Whether the webhook adds it.
    pub enabled: bool,
    /// It opens so long after the pod was made, plan or no plan.
    pub deadline: Duration,
    /// Whether the last replica opens every gate when it ends.
    pub open_on_shutdown: bool,
}

impl Default for ServeGate {
    fn default() -> Self {
        Self { enabled: true, deadline: Duration::from_secs(30), open_on_shutdown: true }
    }
}

/// Binding pods in place of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeBind {
    /// Whether it does. On other addresses than loopback that takes `tls.clients`.
    pub enabled: bool,
    /// The scheduler's `httpTimeout`: a binding ends within half of it.
    pub timeout: Duration,
}

impl Default for ServeBind {
    fn default() -> Self {
        Self { enabled: false, timeout: Duration::from_secs(5) }
    }
}

/// Which replica plans: the one that holds a Lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeLease {
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// A holder that has not renewed it for so long is replaced.
    pub duration: Duration,
}

impl Default for ServeLease {
    fn default() -> Self {
        Self {
            namespace: "kube-system".to_owned(),
            name: "plimsoll".to_owned(),
            duration: Duration::from_secs(15),
        }
    }
}
