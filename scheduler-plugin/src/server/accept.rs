//! Connections.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Identity, Shared,
    patient::{Calls, Patient},
    route::answer,
};

/// Calls under way at a shutdown have so long.
const LAST_CALLS: Duration = Duration::from_secs(5);
/// After a failure to accept, which is of the machine (no more files), not of a client.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop.
pub(super) async fn accept(
    listener: TcpListener,
    identity: Option<Arc<Identity>>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(shared.limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok(slot) = slot else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (shared, identity, watcher) = (Arc::clone(&shared), identity.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, identity, shared, watcher).await;
            drop(slot);
        });
    }
    drop(listener);
    _ = tokio::time::timeout(LAST_CALLS, graceful.shutdown()).await;
}

async fn connection(
    stream: TcpStream,
    identity: Option<Arc<Identity>>,
    shared: Arc<Shared>,
    watcher: Watcher,
) {
    // An answer is one segment, and waits for no acknowledgement.
    _ = stream.set_nodelay(true);
    let patience = shared.limits.patience;
    match identity {
        None => serve(stream, shared, watcher, true).await,
        Some(identity) => {
            let handshake = TlsAcceptor::from(identity.current()).accept(stream);
            match tokio::time::timeout(patience, handshake).await {
                Ok(Ok(stream)) => {
                    let has_shown = stream.get_ref().1.peer_certificates().is_some();
                    let is_known = has_shown || !identity.knows_clients();
                    serve(stream, shared, watcher, is_known).await;
                }
                Ok(Err(error)) => {
                    shared.metrics.refused("tls");
                    tracing::debug!(%error, "TLS handshake failed");
                }
                Err(_) => shared.metrics.refused("tls"),
            }
        }
    }
}

/// `is_known`: whether the client may call.
async fn serve<S>(stream: S, shared: Arc<Shared>, watcher: Watcher, is_known: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (patience, rest) = (shared.limits.patience, shared.limits.rest);
    let calls = Calls::default();
    let stream = Patient::new(stream, calls.clone(), patience, rest);
    let service = service_fn(move |request| {
        let (shared, call) = (Arc::clone(&shared), calls.begin());
        async move {
            let answer = answer(&shared, request, is_known).await;
            drop(call);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // `Patient` waits for heads.
    builder.http1().header_read_timeout(None).keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .keep_alive_interval(Some(patience * 3))
        .keep_alive_timeout(patience);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let connection = pin!(watcher.watch(connection));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended");
    }
}
