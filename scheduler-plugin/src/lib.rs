//! The cluster side of Plimsoll: what it answers kube-scheduler, and how it carries a plan into pods.
//!
//! - [`start`]: all of it, from a [`Config`].
//! - [`wire`]: the extender protocol, to the letter. [`server`]: HTTP and TLS, with limits. [`metrics`]: what it counts.
//! - [`cluster`]: what is known of nodes and pods. [`snapshot`]: what the extender answers from, immutable.
//! - [`control`]: what the controller does to pods, as a function of the cluster and the time. [`admit`]: the webhook
//!   that adds the gate. [`lease`]: which replica plans. [`trace`]: what OpenTelemetry is told of all that.
//!
//! Only this crate knows Kubernetes' types and HTTP. No solver is ever on the path of a request.

pub mod admit;
mod clock;
pub mod cluster;
mod config;
pub mod control;
pub mod lease;
pub mod metrics;
pub mod names;
mod run;
pub mod server;
pub mod snapshot;
pub mod trace;
pub mod wire;

pub use config::{Config, Lease, Tls};
pub use run::{Serving, StartError, client, open_gates, start};
pub use trace::Traces;
