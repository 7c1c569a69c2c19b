//! Spans, as a collector gets them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Said},
    trace::v1 as proto,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::cluster::tests::{cluster, node, object, on, planned, pod};

/// Takes requests, and answers each with the next of these, or with 200; what came, and where it listens.
async fn collector(answers: Vec<&'static [u8]>) -> (mpsc::UnboundedReceiver<(String, Vec<u8>)>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (came, taken) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            loop {
                let mut bytes = Vec::new();
                let (head, length) = loop {
                    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
                    if let Some(end) = end {
                        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
                        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                        let length = length.and_then(|text| text.parse::<usize>().ok()).expect("a length");
                        bytes.drain(..end + 4);
                        break (head, length);
                    }
                    if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                        break (String::new(), 0);
                    }
                };
                if head.is_empty() {
                    break;
                }
                while bytes.len() < length && stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
                let answer = answers.next().unwrap_or(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer).await.expect("a client");
                _ = came.send((head, bytes));
            }
        }
    });
    (taken, address)
}

fn spans(bytes: &[u8]) -> (Vec<KeyValue>, Vec<proto::Span>) {
    let request = ExportTraceServiceRequest::decode(bytes).expect("the official message");
    let [it] = &request.resource_spans[..] else { panic!("one resource") };
    let [scope] = &it.scope_spans[..] else { panic!("one scope") };
    (it.resource.as_ref().expect("a resource").attributes.clone(), scope.spans.clone())
}

fn said(all: &[KeyValue]) -> BTreeMap<&str, Said> {
    let value = |one: &KeyValue| one.value.clone()?.value;
    all.iter().filter_map(|one| Some((&*one.key, value(one)?))).collect()
}

fn span(uid: &str) -> Span {
    let who = Who {
        context: Context::of_uid(uid),
        uid: uid.to_owned(),
        namespace: "team".to_owned(),
        name: "a".to_owned(),
    };
    Span::new(who, "plan", 1_000, 3_000)
}

fn counted(metrics: &Metrics, what: &str) -> u64 {
    let text = metrics.text();
    let line =
        text.lines().find(|line| line.starts_with(&format!("plimsoll_spans_total{{what=\"{what}\"}}")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_collector_reads_what_is_sent() {
    let (mut came, endpoint) = collector(vec![]).await;
    let metrics: Arc<Metrics> = Arc::default();
    let traces = Traces {
        headers: vec![("authorization".to_owned(), "Bearer x".to_owned())],
        ..Traces::at(&format!("{endpoint}/"))
    };
    let (to, sending) = Spans::start(&traces, "me", Arc::clone(&metrics)).expect("a collector");
    let uid = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    let below = Context { parent: [7; 8], ..Context::of_uid(uid) };
    let first =
        span(uid).with("n", 3_usize).with("x", 0.5).with("yes", true).failed("why").of_kind(Kind::Client);
    to.push(Span { who: Who { context: below, ..first.who.clone() }, ..first });
    to.push(Span {
        id: [9; 8],
        who: Who { context: Context { parent: [9; 8], ..below }, ..span(uid).who },
        ..span(uid)
    });
    sending.shutdown().await;
    let (head, body) = came.recv().await.expect("a request");
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf") && head.contains("authorization: bearer x"),
        "{head}"
    );
    let (resource, spans) = spans(&body);
    let resource = said(&resource);
    assert_eq!(resource["service.name"], Said::StringValue("plimsoll".to_owned()));
    assert_eq!(resource["service.instance.id"], Said::StringValue("me".to_owned()));
    let [child, root] = &spans[..] else { panic!("two spans, {spans:?}") };
    assert_eq!(child.trace_id, Context::of_uid(uid).trace);
    assert_eq!((child.parent_span_id.as_slice(), child.span_id.len()), (&[7; 8][..], 8));
    assert_ne!(child.span_id, [0; 8]);
    assert_eq!(
        (&*child.name, child.kind(), child.start_time_unix_nano, child.end_time_unix_nano),
        ("plan", proto::span::SpanKind::Client, 1_000, 3_000)
    );
    assert_eq!(child.status.clone().expect("a status").code(), proto::status::StatusCode::Error);
    let it = said(&child.attributes);
    assert_eq!(
        (&it["n"], &it["x"], &it["yes"]),
        (&Said::IntValue(3), &Said::DoubleValue(0.5), &Said::BoolValue(true))
    );
    assert_eq!(it["k8s.pod.uid"], Said::StringValue(uid.to_owned()));
    assert_eq!((root.parent_span_id.len(), root.span_id.as_slice(), &root.status), (0, &[9; 8][..], &None));
    assert_eq!((child.flags, root.flags), (0x301, 0x101));
    assert_eq!(counted(&metrics, "exported"), 2);
}

#[tokio::test]
async fn what_a_collector_cannot_take_now_is_sent_again_and_what_it_refuses_is_not() {
    let partial: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x0a\x02\x08\x01";
    let (mut came, endpoint) = collector(vec![
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        partial,
    ])
    .await;
    let metrics: Arc<Metrics> = Arc::default();
    let mut exporter =
        Exporter::new(&Traces::at(&endpoint), "me", Arc::clone(&metrics)).expect("a collector");
    exporter.linger = Duration::from_millis(5);
    exporter.soon = exporter.linger;
    let (to, sending) = Spans::through(exporter, "me", Arc::clone(&metrics));
    to.push(span("a"));
    let bodies =
        [came.recv().await, came.recv().await, came.recv().await].map(|one| one.expect("a request").1);
    assert_eq!((&bodies[0], &bodies[1]), (&bodies[1], &bodies[2]));
    assert!(
        metrics.text().contains("plimsoll_controller_failures_total{what=\"traces\"} 2"),
        "{}",
        metrics.text()
    );
    to.push(span("b"));
    came.recv().await.expect("a request");
    to.push(span("c"));
    to.push(span("d"));
    came.recv().await.expect("a request");
    sending.shutdown().await;
    assert_eq!(
        (counted(&metrics, "exported"), counted(&metrics, "refused"), counted(&metrics, "dropped")),
        (2, 2, 0)
    );
}

#[tokio::test]
async fn a_full_queue_drops_and_holds_nobody_up() {
    let metrics: Arc<Metrics> = Arc::default();
    let (queue, mut taken) = mpsc::channel(2);
    let to = Spans::to(queue, "me", Arc::clone(&metrics));
    for name in ["a", "b", "c"] {
        to.push(span(name));
    }
    assert_eq!(counted(&metrics, "dropped"), 1);
    let ids = [taken.recv().await, taken.recv().await].map(|one| one.expect("a span").id);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn what_is_no_collector_is_refused_without_its_secrets() {
    for url in [
        "",
        "collector:4318",
        "ftp://x",
        "http://",
        "http://me:secret@host:4318/v1/traces",
        "http:/me:secret@host:4318/v1/traces",
        "https://h h/?key=secret",
    ] {
        let error = export::read(url).expect_err(url).to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(export::read("https://otel.example.com/tenant/v1/traces").is_ok());
}

/// The names of the spans that end with each state of a pod, with what they say first and whether they failed.
fn told(story: &mut Story, cluster: &Cluster, now: Nanos) -> Vec<String> {
    let spans = match cluster.pods().get("uid-a") {
        Some(pod) => story.saw(&pod.facts, cluster.is_planned(pod), now),
        None => story.lost("uid-a", now),
    };
    let words = |span: Span| {
        let said = span.said.iter().map(|(_, value)| match value {
            Value::Text(text) => text.clone().into_owned(),
            other => format!("{other:?}"),
        });
        let said: Vec<String> = said.chain(span.error).collect();
        format!(
            "{} {}-{}: {}",
            span.name,
            span.start / SECOND - BEGIN,
            span.end / SECOND - BEGIN,
            said.join(", ")
        )
    };
    spans.into_iter().map(words).collect()
}

const SECOND: Nanos = 1_000_000_000;
/// 2026-11-22T10:00:00Z, when the tests' pods were made.
const BEGIN: Nanos = 1_795_341_600;

#[test]
fn the_watch_tells_how_long_gate_and_scheduler_took() {
    let nodes = [node("n0", 8, "H100")];
    let gated = |mut pod: serde_json::Value| {
        pod["spec"]["schedulingGates"] = serde_json::json!([{"name": crate::names::GATE}]);
        pod
    };
    let mut known = cluster(&nodes, &[gated(pod("a", 1))]);
    let mut story = Story::default();
    let at = |second: Nanos| (BEGIN + second) * SECOND;
    assert!(told(&mut story, &known, at(1)).is_empty());
    let placed = planned(pod("a", 1), "n0", 0);
    known.apply_pod(&object(placed.clone()));
    assert_eq!(told(&mut story, &known, at(3)), ["gated 1-3: planned, n0"]);
    assert!(told(&mut story, &known, at(4)).is_empty(), "said once");
    known.apply_pod(&object(on(placed.clone(), "n0")));
    assert_eq!(told(&mut story, &known, at(5)), ["bound 3-5: n0, Flag(true)"]);
    known.delete_pod("uid-a");
    assert!(told(&mut story, &known, at(6)).is_empty(), "what becomes of a bound pod is another story");

    // One that has waited for long when it is first seen; opened and bound between two looks.
    known.apply_pod(&object(gated(pod("a", 1))));
    assert!(told(&mut story, &known, at(60)).is_empty());
    known.apply_pod(&object(on(placed, "n1")));
    assert_eq!(told(&mut story, &known, at(61)), ["gated 0-61: planned, n0", "bound 61-61: n1, Flag(false)"]);

    // Deleted while it waits; and one that is no business of ours.
    known.apply_pod(&object(gated(pod("a", 1))));
    told(&mut story, &known, at(1));
    assert!(story.without(&known).is_empty());
    known.delete_pod("uid-a");
    assert_eq!(story.without(&known), ["uid-a"]);
    assert_eq!(told(&mut story, &known, at(2)), ["gated 1-2: deleted before it was bound"]);
    known.apply_pod(&object(pod("a", 1)));
    assert!(told(&mut story, &known, at(1)).is_empty());
    known.apply_pod(&object(on(pod("a", 1), "n0")));
    assert!(told(&mut story, &known, at(2)).is_empty());
}
