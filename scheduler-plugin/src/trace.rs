//! Traces of decisions, as OpenTelemetry has them: one of each pod, from the webhook to its binding.
//!
//! The webhook begins the trace of a pod to which it adds the gate, and notes it in the pod in the form of W3C's
//! `traceparent`, so that every replica, at any time, adds to the same trace. A pod without that note has the trace of its
//! UID. Whoever answers the scheduler waits for none of it: a span that finds no room in the queue is dropped, and counted.

mod context;
mod export;
mod otlp;
mod span;
mod story;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinHandle};

pub use context::Context;
pub use export::ExportError;
pub(crate) use export::read;
pub(crate) use span::{Kind, Nanos, Span, Value, Who};

use crate::{
    clock,
    cluster::Cluster,
    control::{Plan, Question},
    metrics::Metrics,
};
use export::Exporter;
use story::Story;

/// Spans that wait to be sent; those of some thousand pods that come at once.
const QUEUE: usize = 16_384;

/// For what waits at the end.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// The URL that takes them: OTLP over HTTP, as protocol buffers.
    pub url: String,
    /// What is sent along, such as a token.
    pub headers: Vec<(String, String)>,
    /// The name of the service.
    pub service: String,
}

impl Traces {
    /// The collector at an address, under the path that the protocol has for traces.
    pub fn at(endpoint: &str) -> Self {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        Self { url, headers: Vec::new(), service: "plimsoll".to_owned() }
    }
}

/// Takes spans.
#[derive(Debug)]
pub struct Spans {
    queue: mpsc::Sender<Span>,
    metrics: Arc<Metrics>,
    story: Mutex<Story>,
    seed: u64,
    count: AtomicU64,
}

/// Sends them.
#[derive(Debug)]
pub struct Sending {
    task: JoinHandle<()>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Sending {
    /// Sends what waits, if that goes at once, and ends.
    pub(crate) async fn shutdown(self) {
        _ = self.stop.send(true);
        let end = self.task.abort_handle();
        if tokio::time::timeout(FAREWELL, self.task).await.is_err() {
            end.abort();
        }
    }
}

impl Spans {
    /// Sends spans on the runtime of the caller; `me`: the name of this replica.
    ///
    /// # Errors
    /// When nothing can be sent there: the URL, or what is sent along, is none.
    pub(crate) fn start(
        traces: &Traces,
        me: &str,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Sending), ExportError> {
        let exporter = Exporter::new(traces, me, Arc::clone(&metrics))?;
        Ok(Self::through(exporter, me, metrics))
    }

    fn through(exporter: Exporter, me: &str, metrics: Arc<Metrics>) -> (Self, Sending) {
        let (queue, spans) = mpsc::channel(QUEUE);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(exporter.run(spans, stopped));
        (Self::to(queue, me, metrics), Sending { task, stop })
    }

    pub(crate) fn to(queue: mpsc::Sender<Span>, me: &str, metrics: Arc<Metrics>) -> Self {
        // Of two replicas, and of two lives of one, no span has the name of another's.
        let seed = Context::of_uid(&format!("{me} {}", clock::nanos())).seed();
        Self { queue, metrics, story: Mutex::default(), seed, count: AtomicU64::new(0) }
    }

    /// A name for a span that no other span has.
    pub(crate) fn name(&self) -> [u8; 8] {
        mixed(self.seed.wrapping_add(self.count.fetch_add(1, Ordering::Relaxed))).max(1).to_be_bytes()
    }

    /// Takes a span, if there is room.
    pub(crate) fn push(&self, mut span: Span) {
        if span.id == [0; 8] {
            span.id = self.name();
        }
        if self.queue.try_send(span).is_err() {
            self.metrics.spans("dropped", 1);
        }
    }

    /// A pod came, changed or went. `leads`: whether this replica is the one that tells of it.
    pub(crate) fn saw(&self, uid: &str, cluster: &Cluster, leads: bool) {
        let now = clock::nanos();
        let done = {
            let mut story = self.story();
            match cluster.pods().get(uid) {
                Some(pod) => story.saw(&pod.facts, cluster.is_planned(pod), now),
                None => story.lost(uid, now),
            }
        };
        if leads {
            for span in done {
                self.push(span);
            }
        }
    }

    /// All pods have been listed anew.
    pub(crate) fn listed(&self, cluster: &Cluster, leads: bool) {
        let gone = self.story().without(cluster);
        for uid in &gone {
            self.saw(uid, cluster, leads);
        }
    }

    fn story(&self) -> std::sync::MutexGuard<'_, Story> {
        // Whoever panicked with it left it whole: every change is one insertion or removal.
        self.story.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A plan has come, or has not, for these pods. `is_used`: whether it was carried out.
    pub(crate) fn planned(
        &self,
        asked: &Asked,
        answer: &Result<Plan, String>,
        is_used: bool,
        cluster: &Cluster,
    ) {
        let end = clock::nanos();
        for uid in &asked.wanted {
            let Some(pod) = cluster.pods().get(uid) else { continue };
            let mut span = Span::new(Who::of(&pod.facts), "plan", asked.at, end)
                .with("plimsoll.plan.pods", asked.wanted.len())
                .with("plimsoll.plan.nodes", asked.nodes);
            match answer {
                Ok(plan) => {
                    span = span
                        .with("plimsoll.plan.gap", plan.gap)
                        .with("plimsoll.plan.worth", plan.worth)
                        .with("plimsoll.plan.bound", plan.bound)
                        .with("plimsoll.plan.placed", plan.assignments.len());
                    if let Some(node) = plan.assignments.get(uid) {
                        span = span.with("k8s.node.name", node.clone());
                    }
                    if let Some(why) = plan.waiting.get(uid) {
                        span = span.with("plimsoll.plan.waiting", why.clone());
                    }
                    if !is_used {
                        span = span.failed("it took too long and was thrown away");
                    }
                }
                Err(why) => span = span.failed(why.clone()),
            }
            self.push(span);
        }
    }
}

/// What a plan was asked for, for the spans of its pods.
#[derive(Debug)]
pub(crate) struct Asked {
    at: Nanos,
    wanted: Vec<String>,
    nodes: usize,
}

impl Asked {
    pub(crate) fn of(question: &Question) -> Self {
        let nodes = question.cluster.hardware().nodes.len();
        Self { at: clock::nanos(), wanted: question.wanted.clone(), nodes }
    }
}

/// A number for each number, all different, none near its neighbour's: the finalizer of `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
