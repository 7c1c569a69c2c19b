//! The whole of it: watches, snapshots, controller, lease and server, on the runtime of the caller.
//!
//! Two loops share what the watches know. One makes snapshots, as often as things change and a little less often than it
//! can; the other, in the replica that holds the Lease, looks at a copy and decides. Plans are made beside both: one that
//! takes long, or for ever, holds up neither snapshots nor watches nor gates, and an answer waits for none of them.

mod api;
mod decide;
mod elect;
mod life;
mod money;
mod page;
mod watch;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use kube::Client;
use plimsoll_model::Diagnostic;
use tokio::sync::watch as signal;

use api::Hands;
pub use api::open_gates;
use elect::{Held, Leading};
use life::Life;
use money::{Estate, Money};
use page::Page;
use watch::{Known, Seen};

use crate::{
    admit::{self, Answered, Begun},
    clock,
    config::Config,
    metrics::Metrics,
    server::{Hooks, Identity, Server, TlsError},
    snapshot::{Builder, Snapshot},
    trace::{ExportError, Kind, Sending, Span, Spans, Who},
    wire::{BindArgs, BindReply},
};

/// Changes that come within so long become one snapshot.
const BREATH: Duration = Duration::from_millis(15);
/// Without a change a snapshot is made so often: it says that the view is still true.
const PULSE: Duration = Duration::from_secs(2);
/// Certificates are looked at so often.
const CERTIFICATES: Duration = Duration::from_secs(5);
/// The API server must have answered within so long for a view to be true.
const HEARD: i64 = 10_000;

/// Why it cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster's address or account.
    #[error("cannot tell how to reach the cluster: {0}")]
    Cluster(String),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Where traces go.
    #[error(transparent)]
    Traces(#[from] ExportError),
    /// The Estate: all that is wrong with it.
    #[error("the Estate cannot be used: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Estate(Vec<Diagnostic>),
    /// The address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
}

/// What the parts share.
struct Shared {
    config: ArcSwap<Config>,
    client: Client,
    known: Arc<Known>,
    leading: Arc<Leading>,
    metrics: Arc<Metrics>,
    /// Where spans of traces go, if they go anywhere.
    spans: Option<Arc<Spans>>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    page: ArcSwap<Page>,
    life: Life,
    money: Money,
    is_ending: AtomicBool,
}

impl Shared {
    /// Whether this replica looks after gates, so that it may have the Lease.
    fn may_lead(&self) -> bool {
        self.known.is_synced() && self.life.is_looking(self.config.load().settings.deadline)
    }
}

/// The cluster side, running.
pub struct Serving {
    shared: Arc<Shared>,
    server: Server,
    lease: Arc<Held>,
    tasks: tokio::task::JoinSet<()>,
    stop: signal::Sender<bool>,
    sending: Option<Sending>,
}

/// The client for a configuration.
///
/// # Errors
/// When nothing says how the cluster is reached.
pub async fn client(config: &Config) -> Result<Client, StartError> {
    let said = |error: &dyn std::fmt::Display| StartError::Cluster(error.to_string());
    let how = match &config.kubeconfig {
        None if config.context.is_none() => kube::Config::infer().await.map_err(|error| said(&error))?,
        path => {
            let options =
                kube::config::KubeConfigOptions { context: config.context.clone(), ..Default::default() };
            match path {
                Some(path) => {
                    let file = kube::config::Kubeconfig::read_from(path).map_err(|error| said(&error))?;
                    kube::Config::from_custom_kubeconfig(file, &options)
                        .await
                        .map_err(|error| said(&error))?
                }
                None => kube::Config::from_kubeconfig(&options).await.map_err(|error| said(&error))?,
            }
        }
    };
    Client::try_from(how).map_err(|error| said(&error))
}

/// Starts everything; `client` where the caller has one, `me` the name of this replica.
///
/// # Errors
/// When it cannot listen, or cannot tell how to reach the cluster. A cluster that does not answer is waited for.
pub async fn start(config: Config, client: Option<Client>, me: &str) -> Result<Serving, StartError> {
    // Two providers in one process would be one too many to choose from.
    _ = rustls::crypto::ring::default_provider().install_default();
    let client = match client {
        Some(client) => client,
        None => self::client(&config).await?,
    };
    let tls = config.tls.as_ref();
    let identity =
        tls.map(|tls| Identity::read(&tls.certificate, &tls.key, tls.clients.as_deref())).transpose()?;
    let identity = identity.map(Arc::new);
    let (money, mut estate) = (Money::default(), Estate::default());
    estate.look(&money, config.estate.as_deref(), clock::now()).map_err(StartError::Estate)?;
    let leading = Arc::new(Leading::default());
    let metrics: Arc<Metrics> = Arc::default();
    let traces = config.traces.as_ref();
    let traces = traces.map(|traces| Spans::start(traces, me, Arc::clone(&metrics))).transpose()?;
    let (spans, sending) = traces.map(|(spans, sending)| (Arc::new(spans), sending)).unzip();
    let lease = &config.lease;
    let lease = Held::new(
        client.clone(),
        &lease.namespace,
        &lease.name,
        me,
        lease.duration.as_millis() as i64,
        Arc::clone(&leading),
    );
    let shared = Arc::new(Shared {
        client: client.clone(),
        known: Arc::default(),
        leading,
        metrics,
        spans,
        snapshot: Arc::default(),
        page: ArcSwap::default(),
        life: Life::default(),
        money,
        is_ending: AtomicBool::new(false),
        config: ArcSwap::from_pointee(config),
    });
    let config = shared.config.load();
    let hooks: Arc<dyn Hooks> = Arc::new(Answers(Arc::clone(&shared)));
    let (snapshot, metrics) = (Arc::clone(&shared.snapshot), Arc::clone(&shared.metrics));
    let server = Server::start(config.listen, identity.clone(), config.limits, snapshot, metrics, hooks)
        .await
        .map_err(|error| StartError::Listen { address: config.listen, error })?;
    tracing::info!(address = %server.address(), replica = me, "listening");

    let (stop, stopped) = signal::channel(false);
    let mut tasks = watch::watch(&client, &shared);
    let lease = Arc::new(lease);
    let (held, it) = (Arc::clone(&lease), Arc::clone(&shared));
    tasks.spawn(async move { held.hold(|| it.may_lead(), || it.known.wake()).await });
    let hands = Hands::new(&shared, me);
    let (wake, woken) = signal::channel(0);
    tasks.spawn(snapshots(Arc::clone(&shared), wake));
    tasks.spawn(decide::decisions(Arc::clone(&shared), hands, woken, stopped));
    tasks.spawn(money::follow(Arc::clone(&shared), estate));
    if let Some(identity) = identity {
        tasks.spawn(certificates(identity));
    }
    Ok(Serving { shared, server, lease, tasks, stop, sending })
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until the cluster has been seen whole, and the API server has answered about the Lease: from then on the
    /// webhook adds gates.
    pub async fn synced(&self) {
        while !self.shared.snapshot.load().is_synced || self.shared.leading.heard() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether this replica plans.
    pub fn leads(&self) -> bool {
        self.shared.leading.leads()
    }

    /// Goes on with another configuration. Where it listens, its certificates' files, its cluster and its Lease stay as
    /// they are until it is started anew, which is said.
    pub fn reconfigure(&self, config: Config) {
        let before = self.shared.config.load();
        let fixed = [
            ("listen", before.listen != config.listen),
            ("tls", before.tls != config.tls),
            ("limits", before.limits != config.limits),
            ("kubeconfig", (&before.kubeconfig, &before.context) != (&config.kubeconfig, &config.context)),
            ("lease", before.lease != config.lease),
            ("traces", before.traces != config.traces),
        ];
        for (field, _) in fixed.iter().filter(|(_, differs)| *differs) {
            tracing::warn!(field, "takes effect when this replica is started anew");
        }
        self.shared.config.store(Arc::new(config));
        self.shared.known.wake();
        tracing::info!("the new configuration is in use");
    }

    /// Ends: gives the Lease up, opens every gate where no other replica takes over, answers the calls under way.
    pub async fn shutdown(mut self) {
        self.shared.is_ending.store(true, Ordering::Release);
        _ = self.stop.send(true);
        self.tasks.shutdown().await;
        let has_led = self.shared.leading.leads();
        let is_taken = self.lease.release(Duration::from_secs(3)).await;
        if has_led && !is_taken && self.shared.config.load().open_on_shutdown {
            match open_gates(&self.shared.client).await {
                Ok(opened) => tracing::info!(opened, "no other replica: every gate is open"),
                Err(error) => {
                    tracing::error!(%error, "gates may still be closed: run plimsoll serve --open-gates");
                }
            }
        }
        self.server.shutdown().await;
        if let Some(sending) = self.sending {
            sending.shutdown().await;
        }
    }
}

/// Makes snapshots.
async fn snapshots(shared: Arc<Shared>, wake: signal::Sender<u64>) {
    let mut builder = Builder::default();
    let mut pricing: Option<tokio::task::JoinHandle<crate::snapshot::Prices>> = None;
    loop {
        _ = tokio::time::timeout(PULSE, shared.known.changed()).await;
        tokio::time::sleep(BREATH).await;
        let begun = clock::instant();
        if shared.known.is_synced() {
            if let Some(done) = pricing.take_if(|task| task.is_finished())
                && let Ok(prices) = done.await
            {
                builder.accept(prices);
            }
            let (at, made) = (Arc::clone(&shared), builder);
            let made = tokio::task::spawn_blocking(move || made_snapshot(&at, made)).await;
            let Ok(back) = made else {
                // A panic is a bug that must not end the answers: the next one begins anew.
                shared.metrics.failed("snapshot");
                builder = Builder::default();
                continue;
            };
            builder = back;
            if pricing.is_none()
                && let Some(unpriced) = builder.unpriced()
            {
                pricing = Some(tokio::task::spawn_blocking(move || unpriced.solve()));
            }
        }
        let snapshot = shared.snapshot.load();
        _ = wake.send(snapshot.number);
        let seconds = |since: i64| (clock::now() - since).max(0) as f64 / 1e3;
        let view = snapshot.is_synced.then(|| seconds(snapshot.at));
        shared.metrics.ages(view, shared.page.load().planned_at.map(seconds));
        shared.metrics.state(shared.leading.leads(), snapshot.is_synced);
        // A quarter of the time at most.
        tokio::time::sleep((begun.elapsed() * 3).min(PULSE)).await;
    }
}

fn made_snapshot(shared: &Shared, mut builder: Builder) -> Builder {
    let now = clock::now();
    // Watches that hear nothing are true for as long as the API server answers, and they do not break.
    let heard = shared.leading.heard();
    let before = shared.snapshot.load();
    let at = if before.is_synced && !shared.known.is_watching(now) {
        before.at
    } else if heard == 0 || now - heard > HEARD {
        heard.max(before.at)
    } else {
        now
    };
    let bounds = shared.config.load().bounds;
    let mut snapshot = builder.snapshot(&mut shared.known.copy(), now, bounds);
    snapshot.at = at;
    snapshot.until = at.saturating_add(bounds.view);
    shared.snapshot.store(Arc::new(snapshot));
    builder
}

/// Reads certificates again when they change.
async fn certificates(identity: Arc<Identity>) {
    loop {
        tokio::time::sleep(CERTIFICATES).await;
        match identity.reload() {
            Ok(false) => {}
            Ok(true) => tracing::info!("new certificates are in use for new connections"),
            Err(error) => tracing::error!(%error, "the certificates that were in use stay in use"),
        }
    }
}

/// What the server asks beyond snapshots.
struct Answers(Arc<Shared>);

impl Hooks for Answers {
    fn admit(&self, body: &[u8]) -> Option<Result<Vec<u8>, String>> {
        let shared = &self.0;
        if !shared.config.load().gate {
            return None;
        }
        // Whoever adds a gate must be sure that somebody opens it: this replica sees the cluster, and it or another
        // holds the Lease.
        let snapshot = shared.snapshot.load();
        let is_planning = snapshot.is_synced
            && !shared.is_ending.load(Ordering::Acquire)
            && clock::now() - shared.leading.heard() < HEARD;
        let (spans, start) = (shared.spans.as_ref(), clock::nanos());
        let seen = Seen { known: &shared.known, snapshot: &snapshot };
        let answered = admit::answer(body, &seen, is_planning, spans.map(|spans| spans.name()));
        let answered = answered.map_err(|error| error.to_string());
        if let (Some(spans), Ok(Answered { begun: Some(begun), .. })) = (spans, &answered) {
            let Begun { context, namespace, name } = begun.clone();
            let who = Who { context, uid: String::new(), namespace, name };
            let span = Span::new(who, "admit", start, clock::nanos()).of_kind(Kind::Server);
            spans.push(Span { id: context.parent, ..span });
        }
        Some(answered.map(|answered| answered.body))
    }

    fn spans(&self) -> Option<&Spans> {
        self.0.spans.as_deref()
    }

    fn bind(&self, args: BindArgs) -> Option<BoxFuture<'static, BindReply>> {
        let within = self.0.config.load().bind?;
        Some(api::bind(self.0.client.clone(), args, within))
    }

    fn fault(&self) -> Option<String> {
        self.0.life.fault(self.0.config.load().settings.deadline)
    }

    fn page(&self) -> String {
        self.0.page.load().html(&self.0.snapshot.load(), self.0.leading.leads(), clock::now())
    }
}
