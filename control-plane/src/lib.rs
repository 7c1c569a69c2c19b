//! A real Kubernetes control plane, started and stopped by a test or a demo.
//!
//! etcd, kube-apiserver, kube-scheduler and kube-controller-manager are the
//! unmodified programs that `tools/kube/build` compiles once into the cache;
//! they run on free loopback ports with certificates made for the occasion, in
//! a temporary folder. Only the machines are fake: [`nodes`] describes them as
//! the clouds label them, and [`kubelet`] does for their pods what matters to a
//! scheduler: they run, they end, they go when deleted, their nodes fail.
//!
//! Whatever happens to the process that started it, the control plane goes with
//! it: see [`processes`]. What the API server accepted is read back from its
//! own audit log ([`audit`]), which is how tests count bindings.

pub mod audit;
mod binaries;
pub mod certificates;
pub mod demo;
mod error;
pub mod kubelet;
pub mod nodes;
mod plane;
pub mod processes;
pub mod proxy;
pub mod scheduler;
pub mod stub;

pub use binaries::Binaries;
pub use error::Error;
pub use plane::{ControlPlane, Controllers, Options, User};
