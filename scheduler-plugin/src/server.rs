//! HTTP/1.1 and HTTP/2, plain or over TLS: bounded in connections, bytes and time.
//!
//! kube-scheduler's loop is serial, so what a call waits for here every pod behind it waits for. Hence `TCP_NODELAY` (a
//! head and a body in two segments cost 40 ms a call), kept connections, and no lock on the way: an answer is made of
//! one published [`Snapshot`].

mod accept;
mod patient;
mod reply;
mod route;
#[cfg(test)]
mod tests;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, watch};

pub use tls::{Identity, TlsError};

use crate::{metrics::Metrics, snapshot::Snapshot, trace::Spans};

/// What a client may ask of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one body.
    pub body: usize,
    /// Bytes of all bodies at one time.
    pub bodies: usize,
    /// Connections at one time; more wait.
    pub connections: usize,
    /// For a head, for a body, for a handshake.
    pub patience: Duration,
    /// Between two calls. Longer than clients keep connections, so that they are the ones that close them: kube-scheduler
    /// does after 90 s.
    pub rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            bodies: 256 << 20,
            connections: 2_048,
            patience: Duration::from_secs(10),
            rest: Duration::from_mins(3),
        }
    }
}

/// What is done for a request beyond reading the snapshot.
pub trait Hooks: Send + Sync + 'static {
    /// Where spans of traces go, if they go anywhere.
    fn spans(&self) -> Option<&Spans> {
        None
    }

    /// Answers an `AdmissionReview`; nothing where there is no webhook.
    fn admit(&self, body: &[u8]) -> Option<Result<Vec<u8>, String>>;

    /// Binds a pod; nothing where that is left to the scheduler.
    fn bind(
        &self,
        args: crate::wire::BindArgs,
    ) -> Option<futures::future::BoxFuture<'static, crate::wire::BindReply>>;

    /// Why the process had better be started anew.
    fn fault(&self) -> Option<String>;

    /// The page about the plan.
    fn page(&self) -> String;
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) hooks: Arc<dyn Hooks>,
    limits: Limits,
    /// KiB of bodies that may still come.
    room: Arc<Semaphore>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Listens and answers, on the runtime of the caller.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        identity: Option<Arc<Identity>>,
        limits: Limits,
        snapshot: Arc<ArcSwap<Snapshot>>,
        metrics: Arc<Metrics>,
        hooks: Arc<dyn Hooks>,
    ) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let room = Arc::new(Semaphore::new((limits.bodies >> 10).max(limits.body >> 10).max(1)));
        let shared = Arc::new(Shared { snapshot, metrics, hooks, limits, room });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept::accept(listener, identity, shared, stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and ends when the calls that are under way are answered.
    pub async fn shutdown(self) {
        _ = self.stop.send(true);
        _ = self.task.await;
    }
}
