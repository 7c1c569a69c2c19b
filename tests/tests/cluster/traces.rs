//! The trace of a pod, as a collector of OpenTelemetry's gets it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use kube::ResourceExt as _;
use kube::api::DeleteParams;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User};
use prost::Message as _;
use serde_json::json;

use crate::replica::Replica;
use crate::site::{GPU, Site, is_gated, node_of, pod, until};

/// Takes spans, on a port of its own.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::default();
        let taken = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || take(stream.unwrap(), &taken));
            }
        });
        Self { endpoint, spans }
    }

    /// The spans of a pod, by their beginnings.
    fn of(&self, pod: &str) -> Vec<Span> {
        let mut spans = self.spans.lock().unwrap().clone();
        spans.retain(|span| said(span, "k8s.pod.name") == pod);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }
}

/// Reads what one connection brings until it ends.
fn take(stream: TcpStream, spans: &Mutex<Vec<Span>>) {
    let mut answers = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut kind) = (String::new(), 0, String::new());
        if input.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        assert_eq!(line.trim(), "POST /v1/traces HTTP/1.1");
        while line.trim() != "" {
            line.clear();
            input.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(':') {
                match &*name.to_ascii_lowercase() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "content-type" => value.trim().clone_into(&mut kind),
                    _ => {}
                }
            }
        }
        assert_eq!(kind, "application/x-protobuf");
        let mut body = vec![0; length];
        input.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let all = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        spans.lock().unwrap().extend(all.flat_map(|scope| scope.spans));
        answers.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

fn said(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|one| one.key == key);
    match value.and_then(|one| one.value.clone()?.value) {
        None => String::new(),
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(other) => panic!("{other:?}"),
    }
}

fn names(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| &*span.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_one_trace_from_the_webhook_to_the_binding() {
    let fleet = vec![Profile::on_prem("h100", 2, Some(H100))];
    let Some(mut site) = Site::start(fleet, Options::default()).await else { return };
    site.schedule().await;
    let collector = Collector::start();
    let spec = json!({"traces": {"endpoint": collector.endpoint}, "gate": {"deadline": "3s"}});
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &spec);
    let _replica = Replica::start("a", &config, true);
    // Nobody adds a gate that nobody would open: the replica has to have the Lease first.
    let planned = until_gated(&site).await;
    let ended = |pod: &str, name: &str| collector.of(pod).iter().any(|span| span.name == name);
    until("the spans have come", || async { ended(&planned, "bound") }).await;

    let it = site.pods().get(&planned).await.unwrap();
    let spans = collector.of(&planned);
    assert_eq!(names(&spans), BTreeSet::from(["admit", "bound", "filter", "gated", "patch", "plan"]));
    let traceparent = &it.annotations()["plimsoll.dev/traceparent"];
    let trace: BTreeSet<String> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    let [trace] = &trace.into_iter().collect::<Vec<_>>()[..] else { panic!("one trace: {spans:?}") };
    // A change that the scheduler's own comes before (it notes that the pod is gated) is tried again.
    let one = |name: &str| spans.iter().find(|span| span.name == name && span.status.is_none()).unwrap();
    let (admit, gated, plan, patch, filter, bound) =
        (one("admit"), one("gated"), one("plan"), one("patch"), one("filter"), one("bound"));
    assert_eq!(*traceparent, format!("00-{trace}-{}-01", hex(&admit.span_id)));
    for span in &spans {
        let above: &[u8] = if span.name == "admit" { &[] } else { &admit.span_id };
        assert_eq!(span.parent_span_id, above, "{}", span.name);
        assert!(span.status.is_none() || span.name == "patch", "{span:?}");
        let uid = if span.name == "admit" { String::new() } else { it.uid().unwrap() };
        assert_eq!(said(span, "k8s.pod.uid"), uid);
    }
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| &*span.span_id).collect();
    assert_eq!(ids.len(), spans.len());
    let order = [
        admit.start_time_unix_nano,
        admit.end_time_unix_nano,
        gated.start_time_unix_nano,
        plan.start_time_unix_nano,
        plan.end_time_unix_nano,
        patch.start_time_unix_nano,
        gated.end_time_unix_nano,
    ];
    assert!(order.is_sorted(), "{spans:?}");
    let order = [gated.end_time_unix_nano, bound.start_time_unix_nano, bound.end_time_unix_nano];
    assert!(order.is_sorted() && filter.end_time_unix_nano <= bound.end_time_unix_nano, "{spans:?}");
    let node = node_of(&it).unwrap();
    for span in [gated, plan, patch, bound] {
        assert_eq!(said(span, "k8s.node.name"), node, "{span:?}");
    }
    assert_eq!(
        [("plimsoll.plan.pods", "1"), ("plimsoll.plan.nodes", "2"), ("plimsoll.plan.placed", "1")]
            .map(|(key, _)| said(plan, key)),
        ["1", "2", "1"]
    );
    assert!(said(plan, "plimsoll.plan.gap").parse::<f64>().is_ok_and(|gap| (0.0..=0.005).contains(&gap)));
    assert_eq!(said(patch, "plimsoll.action"), "place");
    assert_eq!(
        (said(gated, "plimsoll.opened"), said(bound, "plimsoll.on_plan")),
        ("planned".into(), "true".into())
    );
    assert_eq!(said(filter, "plimsoll.answer"), "judged");

    // One that has no place: let go at its deadline, and deleted.
    site.submit(pod("large", &[(GPU, "16")], None)).await;
    until("its gate is open", || async { !is_gated(&site.pods().get("large").await.unwrap()) }).await;
    until("the scheduler has asked", || async { ended("large", "filter") || ended("large", "gated") }).await;
    site.pods().delete("large", &DeleteParams::default().grace_period(0)).await.unwrap();
    until("its spans have come", || async { ended("large", "bound") }).await;
    let spans = collector.of("large");
    let one = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(said(one("gated"), "plimsoll.opened"), "without a plan");
    assert!(said(one("plan"), "plimsoll.plan.waiting").contains("nvidia.com/gpu"), "{:?}", one("plan"));
    let status = one("bound").status.clone().unwrap();
    assert_eq!(status.message, "deleted before it was bound");
}

/// Submits pods until one comes behind the gate; its name.
async fn until_gated(site: &Site) -> String {
    for index in 0..100 {
        let name = format!("pod-{index}");
        site.submit(pod(&name, &[("cpu", "1"), (GPU, "1")], None)).await;
        let made = site.pods().get(&name).await.unwrap();
        if made.annotations().contains_key("plimsoll.dev/traceparent") {
            return name;
        }
        site.pods().delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("no pod came behind the gate");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
