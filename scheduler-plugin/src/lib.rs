//! The cluster side of Plimsoll: what it answers kube-scheduler, and how it carries a plan into pods.
//!
//! - [`wire`]: the extender protocol, to the letter.
//! - [`server`]: HTTP and TLS, with limits. [`metrics`]: what it counts.
//! - [`cluster`]: what is known of nodes and pods. [`snapshot`]: what the extender answers from, immutable.
//!
//! Only this crate knows Kubernetes' types and HTTP. No solver is ever on the path of a request.

mod clock;
pub mod cluster;
pub mod metrics;
pub mod names;
pub mod server;
pub mod snapshot;
pub mod wire;
