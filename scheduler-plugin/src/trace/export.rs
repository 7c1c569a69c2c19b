//! Spans to a collector: OTLP over HTTP, as protocol buffers.
//!
//! What a collector cannot take now is kept and tried again, later each time; meanwhile the queue fills, and what finds no
//! room there is dropped. What it refuses is dropped at once. Each is counted; the log has one line when it begins and one
//! when it is over.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Span, Traces, otlp};
use crate::metrics::Metrics;

/// Spans in one request,
const BATCH: usize = 512;
/// and how long the first of them waits for more.
const LINGER: Duration = Duration::from_millis(500);
/// A collector that takes longer is not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// What failed is tried again after so long, twice as long after each further time,
const SOON: Duration = Duration::from_secs(1);
/// and no longer than that.
const LATE: Duration = Duration::from_secs(30);
/// For what waits at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Of an answer no more is read.
const ANSWER: usize = 64 << 10;

/// Why spans cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The URL is none.
    #[error("`{0}` is no URL of a collector of traces: expected http:// or https:// and a host")]
    Url(String),
    /// What is sent along is not what HTTP has.
    #[error("`{0}` cannot be sent along with traces: it is no header of HTTP")]
    Header(String),
    /// There are no authorities to trust.
    #[error("a collector of traces cannot be trusted: {0}")]
    Trust(String),
}

/// How an attempt ended.
enum Outcome {
    /// Spans that were refused among those taken, and why.
    Taken(u64, String),
    /// Try again.
    Later(String),
    /// Not taken, and never will be.
    Refused(String),
}

/// Sends spans.
pub(super) struct Exporter {
    url: Uri,
    headers: HeaderMap,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    resource: otlp::Resource,
    metrics: Arc<Metrics>,
    /// [`LINGER`], and [`SOON`].
    pub(super) linger: Duration,
    pub(super) soon: Duration,
    /// Whether the log knows that spans do not arrive.
    is_down: bool,
}

impl Exporter {
    pub(super) fn new(traces: &Traces, me: &str, metrics: Arc<Metrics>) -> Result<Self, ExportError> {
        let url = read(&traces.url)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &traces.headers {
            // The value may be a secret.
            let wrong = || ExportError::Header(plimsoll_model::shown(name));
            let mut kept: HeaderValue = value.parse().map_err(|_| wrong())?;
            kept.set_sensitive(true);
            headers.insert(name.parse::<HeaderName>().map_err(|_| wrong())?, kept);
        }
        let version = env!("CARGO_PKG_VERSION");
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
        let connector = connector(&url).map_err(ExportError::Trust)?;
        let of = |key: &str, text: &str| otlp::KeyValue::new(key, text.to_owned().into());
        let attributes = vec![
            of("service.name", &traces.service),
            of("service.version", version),
            of("service.instance.id", me),
        ];
        Ok(Self {
            url,
            headers,
            client: Client::builder(TokioExecutor::new()).build(connector),
            resource: otlp::Resource { attributes },
            metrics,
            linger: LINGER,
            soon: SOON,
            is_down: false,
        })
    }

    /// Sends what comes until told to stop, or nobody is left that could send more.
    pub(super) async fn run(mut self, mut spans: mpsc::Receiver<Span>, mut stopped: watch::Receiver<bool>) {
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let is_over = tokio::select! {
                some = spans.recv_many(&mut batch, BATCH) => some == 0,
                _ = stopped.changed() => true,
            };
            if is_over {
                break;
            }
            let until = Instant::now() + self.linger;
            while batch.len() < BATCH && !*stopped.borrow() {
                let room = BATCH - batch.len();
                let more = async {
                    tokio::select! {
                        some = spans.recv_many(&mut batch, room) => some,
                        _ = stopped.changed() => 0,
                    }
                };
                if !matches!(timeout_at(until, more).await, Ok(1..)) {
                    break;
                }
            }
            self.deliver(batch, &mut stopped).await;
        }
        spans.close();
        _ = timeout(FAREWELL, async {
            loop {
                let mut batch = Vec::new();
                if spans.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
                self.deliver(batch, &mut stopped).await;
            }
        })
        .await;
    }

    /// Sends a batch, again and again where that may help; once where it is the end.
    async fn deliver(&mut self, batch: Vec<Span>, stopped: &mut watch::Receiver<bool>) {
        let count = batch.len() as u64;
        let body = self.body(batch);
        let mut pause = self.soon;
        loop {
            match self.try_once(body.clone()).await {
                Outcome::Taken(refused, why) => {
                    self.metrics.spans("exported", count.saturating_sub(refused));
                    self.metrics.spans("refused", refused);
                    if refused > 0 {
                        self.fails(&why);
                    } else if std::mem::take(&mut self.is_down) {
                        tracing::info!(url = %self.url, "traces arrive again");
                    }
                    return;
                }
                Outcome::Refused(why) => {
                    self.metrics.spans("refused", count);
                    self.fails(&why);
                    return;
                }
                Outcome::Later(why) => {
                    self.metrics.failed("traces");
                    self.fails(&why);
                }
            }
            if *stopped.borrow() {
                self.metrics.spans("dropped", count);
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = stopped.changed() => {}
            }
            pause = (pause * 2).min(LATE);
        }
    }

    fn fails(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_down, true) {
            tracing::warn!(url = %self.url, why, "traces do not arrive; said once until they do");
        }
    }

    fn body(&self, batch: Vec<Span>) -> Bytes {
        let scope =
            otlp::Scope { name: "plimsoll".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let spans = batch.into_iter().map(otlp::Span::from).collect();
        let scopes = vec![otlp::ScopeSpans { scope: Some(scope), spans }];
        let resources = vec![otlp::ResourceSpans { resource: Some(self.resource.clone()), scopes }];
        otlp::Request { resources }.encode_to_vec().into()
    }

    async fn try_once(&self, body: Bytes) -> Outcome {
        match timeout(PATIENCE, self.post(body)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Later(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn post(&self, body: Bytes) -> Outcome {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Later(chain(&error)),
        };
        let status = answer.status();
        let bytes = Limited::new(answer.into_body(), ANSWER).collect().await;
        let bytes = bytes.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        if status.is_success() {
            // What cannot be read says nothing against the spans.
            let partial = otlp::Response::decode(bytes).unwrap_or_default().partial.unwrap_or_default();
            return Outcome::Taken(u64::try_from(partial.refused).unwrap_or(0), partial.why);
        }
        let why = format!("the collector answered {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Outcome::Later(why),
            _ => Outcome::Refused(why),
        }
    }
}

/// Trusts whom the system trusts; without TLS nobody has to be there to be trusted.
fn connector(url: &Uri) -> Result<HttpsConnector<HttpConnector>, String> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new();
    let builder = if url.scheme_str() == Some("https") {
        builder.with_provider_and_platform_verifier(provider).map_err(|error| error.to_string())?
    } else {
        let config = ClientConfig::builder_with_provider(Arc::new(provider));
        let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        builder.with_tls_config(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    };
    Ok(builder.https_or_http().enable_http1().build())
}

/// A URL of a collector.
pub(crate) fn read(text: &str) -> Result<Uri, ExportError> {
    let wrong = || ExportError::Url(plimsoll_model::shown(&plimsoll_model::address(text)));
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let is_whole = matches!(url.scheme_str(), Some("http" | "https"))
        && url.authority().is_some_and(|who| !who.host().is_empty() && !who.as_str().contains('@'));
    is_whole.then_some(url).ok_or_else(wrong)
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
