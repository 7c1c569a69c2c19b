//! A request to its answer.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, body::Body, body::Incoming};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Shared,
    reply::{Reply, body, json, not_allowed, text},
};
use crate::{
    clock,
    snapshot::{self, Answer, Snapshot},
    trace::{Kind, Span, Who},
    wire::{Args, BindArgs, Malformed, Pod, PreemptArgs},
};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Filter,
    Prioritize,
    Preempt,
    Bind,
    Admit,
}

impl Call {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/scheduler/filter" => Self::Filter,
            "/scheduler/prioritize" => Self::Prioritize,
            "/scheduler/preempt" => Self::Preempt,
            "/scheduler/bind" => Self::Bind,
            "/admit" => Self::Admit,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Prioritize => "prioritize",
            Self::Preempt => "preempt",
            Self::Bind => "bind",
            Self::Admit => "admit",
        }
    }
}

/// What anybody may ask, where clients show certificates: probes have none.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Answers a request. `is_known`: whether the client may call.
pub(super) async fn answer(shared: &Arc<Shared>, request: Request<Incoming>, is_known: bool) -> Reply {
    let path = request.uri().path();
    if !is_known && !OPEN.contains(&path) {
        shared.metrics.refused("unknown_client");
        return text(
            StatusCode::FORBIDDEN,
            "only clients with a certificate of the authority in `tls.clients` may ask this",
        );
    }
    let Some(call) = Call::of(path) else { return page(shared, &request) };
    if request.method() != Method::POST {
        shared.metrics.refused("method");
        return not_allowed("POST");
    }
    let (bytes, held) = match receive(shared, request.into_body()).await {
        Ok(received) => received,
        Err(reply) => return reply,
    };
    let begun = clock::instant();
    let reply = match call {
        Call::Filter => filter(shared, &bytes, begun),
        Call::Prioritize => prioritize(shared, &bytes, begun),
        Call::Preempt => preempt(shared, &bytes, begun),
        Call::Bind => bind(shared, &bytes, begun).await,
        Call::Admit => admit(shared, &bytes, begun),
    };
    drop(held);
    reply.unwrap_or_else(|malformed| {
        shared.metrics.refused("malformed");
        tracing::warn!(verb = call.name(), why = malformed, "a malformed request");
        text(StatusCode::BAD_REQUEST, malformed)
    })
}

type Made = Result<Reply, String>;

fn refused(malformed: &Malformed) -> String {
    malformed.to_string()
}

fn filter(shared: &Shared, bytes: &[u8], begun: Instant) -> Made {
    let args = Args::read(bytes).map_err(|error| refused(&error))?;
    let snapshot = shared.snapshot.load();
    let (reply, answer) = snapshot::filter(&snapshot, &args, clock::now());
    let passed = reply.names.as_ref().map_or(0, Vec::len) + reply.objects.as_ref().map_or(0, Vec::len);
    let reply = json(&reply);
    done(shared, Call::Filter, answer, begun);
    trace(shared, &snapshot, &args.pod, Call::Filter, answer, begun, |span| {
        span.with("plimsoll.nodes.offered", args.candidates.count()).with("plimsoll.nodes.passed", passed)
    });
    Ok(reply)
}

fn prioritize(shared: &Shared, bytes: &[u8], begun: Instant) -> Made {
    let args = Args::read(bytes).map_err(|error| refused(&error))?;
    let snapshot = shared.snapshot.load();
    let (hosts, answer) = snapshot::prioritize(&snapshot, &args, clock::now());
    let reply = json(&hosts);
    done(shared, Call::Prioritize, answer, begun);
    trace(shared, &snapshot, &args.pod, Call::Prioritize, answer, begun, |span| {
        span.with("plimsoll.nodes.offered", args.candidates.count())
            .with("plimsoll.nodes.scored", hosts.len())
    });
    Ok(reply)
}

fn preempt(shared: &Shared, bytes: &[u8], begun: Instant) -> Made {
    let args = PreemptArgs::read(bytes).map_err(|error| refused(&error))?;
    let snapshot = shared.snapshot.load();
    let told = shared.hooks.spans().map(|_| (args.pod.clone(), args.nodes.len()));
    let (reply, answer) = snapshot::preempt(&snapshot, args, clock::now());
    done(shared, Call::Preempt, answer, begun);
    if let Some((pod, offered)) = told {
        trace(shared, &snapshot, &pod, Call::Preempt, answer, begun, |span| {
            span.with("plimsoll.nodes.offered", offered).with("plimsoll.nodes.passed", reply.nodes.len())
        });
    }
    // An empty map would say that no node will do; what is not known yet is an error.
    if answer == Answer::NotReady {
        let why = "plimsoll has not seen the whole cluster yet; ask again";
        return Ok(text(StatusCode::SERVICE_UNAVAILABLE, why));
    }
    Ok(json(&reply))
}

async fn bind(shared: &Shared, bytes: &[u8], begun: Instant) -> Made {
    let args = BindArgs::read(bytes).map_err(|error| refused(&error))?;
    let told = shared.hooks.spans().map(|spans| (spans, args.clone()));
    let Some(binding) = shared.hooks.bind(args) else {
        return Ok(text(
            StatusCode::NOT_FOUND,
            "binding is the scheduler's own: set `bind.enabled` to have it here",
        ));
    };
    let reply = binding.await;
    let answer = if reply.error.is_empty() { "bound" } else { "failed" };
    shared.metrics.called(Call::Bind.name(), answer, begun.elapsed());
    if let Some((spans, args)) = told
        && let Some(context) = shared.snapshot.load().trace(&args.pod_uid)
    {
        let BindArgs { pod_namespace: namespace, pod_name: name, pod_uid: uid, node } = args;
        let span = spanned(Who { context, uid, namespace, name }, Call::Bind, begun);
        let span = span.with("k8s.node.name", node);
        spans.push(if reply.error.is_empty() { span } else { span.failed(reply.error.clone()) });
    }
    Ok(json(&reply))
}

fn admit(shared: &Shared, bytes: &[u8], begun: Instant) -> Made {
    match shared.hooks.admit(bytes) {
        None => Ok(text(StatusCode::NOT_FOUND, "there is no webhook here")),
        Some(answer) => {
            let answer = answer?;
            shared.metrics.called(Call::Admit.name(), "answered", begun.elapsed());
            Ok(body(StatusCode::OK, "application/json", answer))
        }
    }
}

fn done(shared: &Shared, call: Call, answer: Answer, begun: Instant) {
    shared.metrics.called(call.name(), answer.name(), begun.elapsed());
}

/// Tells of a call in the trace of its pod, where it has one. `more`: what is said of it, which costs time.
fn trace(
    shared: &Shared,
    snapshot: &Snapshot,
    pod: &Pod<'_>,
    call: Call,
    answer: Answer,
    begun: Instant,
    more: impl FnOnce(Span) -> Span,
) {
    let Some(spans) = shared.hooks.spans() else { return };
    let Some(context) = snapshot.trace(&pod.uid) else { return };
    let text = |text: &str| text.to_owned();
    let who = Who { context, uid: text(&pod.uid), namespace: text(&pod.namespace), name: text(&pod.name) };
    spans.push(more(spanned(who, call, begun).with("plimsoll.answer", answer.name())));
}

fn spanned(who: Who, call: Call, begun: Instant) -> Span {
    let (took, end) = (begun.elapsed(), clock::nanos());
    Span::new(who, call.name(), end.saturating_sub(took.as_nanos() as u64), end).of_kind(Kind::Server)
}

/// A whole body within the limits, and the room that it takes of all bodies'.
async fn receive(shared: &Shared, incoming: Incoming) -> Result<(Bytes, OwnedSemaphorePermit), Reply> {
    let limit = shared.limits.body;
    let too_large = || {
        shared.metrics.refused("too_large");
        text(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {limit} bytes"))
    };
    // A client that does not say how much it sends may send as much as anyone.
    let stated = incoming.size_hint().exact();
    if stated.is_some_and(|bytes| bytes > limit as u64) {
        return Err(too_large());
    }
    let kib = stated.map_or(limit, |bytes| bytes as usize).div_ceil(1 << 10).max(1);
    let collected = async {
        let room = Arc::clone(&shared.room).acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX)).await;
        (room, Limited::new(incoming, limit).collect().await)
    };
    match tokio::time::timeout(shared.limits.patience, collected).await {
        Ok((Ok(room), Ok(bytes))) => Ok((bytes.to_bytes(), room)),
        Ok((_, Err(error))) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Ok(_) => {
            shared.metrics.refused("broken_off");
            Err(text(StatusCode::BAD_REQUEST, "the body broke off"))
        }
        Err(_) => {
            shared.metrics.refused("too_slow");
            let seconds = shared.limits.patience.as_secs();
            Err(text(StatusCode::REQUEST_TIMEOUT, format!("the body did not come within {seconds} s")))
        }
    }
}

/// What people and probes look at.
fn page(shared: &Shared, request: &Request<Incoming>) -> Reply {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics" | "/debug/plan") {
        shared.metrics.refused("path");
        return text(StatusCode::NOT_FOUND, "nothing is here; calls are POST /scheduler/filter and the like");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        shared.metrics.refused("method");
        return not_allowed("GET, HEAD");
    }
    match path {
        "/healthz" => match shared.hooks.fault() {
            None => text(StatusCode::OK, "ok"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        "/readyz" if shared.snapshot.load().is_synced => text(StatusCode::OK, "ok"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "the cluster has not been seen whole yet"),
        "/metrics" => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            body(StatusCode::OK, kind, shared.metrics.text())
        }
        _ => body(StatusCode::OK, "text/html; charset=utf-8", shared.hooks.page()),
    }
}
