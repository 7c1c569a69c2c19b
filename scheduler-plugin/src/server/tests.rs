//! The server as clients meet it, over real sockets.

use std::{path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{
    clock,
    cluster::tests::{cluster, node, planned, pod},
    snapshot::{Bounds, Builder},
    trace::{Context, Kind},
    wire::{BindArgs, BindReply},
};

#[derive(Default)]
struct Plain {
    spans: Option<Arc<Spans>>,
}

impl Hooks for Plain {
    fn admit(&self, _: &[u8]) -> Option<Result<Vec<u8>, String>> {
        None
    }
    fn bind(&self, args: BindArgs) -> Option<BoxFuture<'static, BindReply>> {
        (args.pod_name == "bindable").then(|| {
            let reply: BoxFuture<'static, BindReply> = Box::pin(std::future::ready(BindReply::default()));
            reply
        })
    }
    fn spans(&self) -> Option<&Spans> {
        self.spans.as_deref()
    }
    fn fault(&self) -> Option<String> {
        None
    }
    fn page(&self) -> String {
        "<h1>Plan</h1>".to_owned()
    }
}

const SMALL: Limits = Limits {
    body: 64 << 10,
    bodies: 256 << 10,
    connections: 64,
    patience: Duration::from_millis(400),
    rest: Duration::from_secs(3),
};

async fn started(identity: Option<Arc<Identity>>, synced: bool) -> Server {
    with(identity, synced, Plain::default()).await
}

async fn with(identity: Option<Arc<Identity>>, synced: bool, hooks: Plain) -> Server {
    let snapshot = if synced {
        let it = planned(pod("a", 4), "n1", clock::now());
        let nodes: Vec<_> = (0..3).map(|at| node(&format!("n{at}"), 8, "H100")).collect();
        Builder::default().snapshot(&mut cluster(&nodes, &[it]), clock::now(), Bounds::default())
    } else {
        Snapshot::default()
    };
    let address = "127.0.0.1:0".parse().expect("an address");
    let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));
    Server::start(address, identity, SMALL, snapshot, Arc::default(), Arc::new(hooks))
        .await
        .expect("a free port")
}

fn call(verb: &str, body: &str) -> String {
    format!("POST /scheduler/{verb} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn filter_body() -> String {
    json!({"Pod": pod("a", 4), "Nodes": null, "NodeNames": ["n0", "n1", "n2"]}).to_string()
}

/// One answer: its status and its body.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> (u16, String) {
    let mut bytes = Vec::new();
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = head {
            let text = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            while bytes.len() < end + 4 + length {
                bytes.push(stream.read_u8().await.expect("the rest of the body"));
            }
            let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            return (status, String::from_utf8_lossy(&bytes[end + 4..]).into_owned());
        }
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(error) => return (0, format!("{error} after {}", String::from_utf8_lossy(&bytes))),
        }
    }
}

async fn ask(server: &Server, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a request");
    answer(&mut stream).await
}

#[tokio::test]
async fn calls_are_in_the_trace_of_their_pod() {
    let (queue, mut taken) = tokio::sync::mpsc::channel(8);
    let spans = Arc::new(Spans::to(queue, "me", Arc::default()));
    let server = with(None, true, Plain { spans: Some(spans) }).await;
    let body = filter_body();
    let bound = json!({"PodName": "bindable", "PodNamespace": "default", "PodUID": "uid-a", "Node": "n1"});
    for (verb, body) in [("filter", &body), ("prioritize", &body), ("bind", &bound.to_string())] {
        assert_eq!(ask(&server, &call(verb, body)).await.0, 200);
        let span = taken.recv().await.expect("a span");
        assert_eq!((span.name, span.kind, &*span.who.uid), (verb, Kind::Server, "uid-a"));
        assert_eq!(span.who.context, Context::of_uid("uid-a"));
        assert!(span.start <= span.end && span.error.is_none(), "{span:?}");
        let said = match verb {
            "filter" => vec![
                ("plimsoll.answer", "judged".into()),
                ("plimsoll.nodes.offered", 3_usize.into()),
                ("plimsoll.nodes.passed", 1_usize.into()),
            ],
            "prioritize" => vec![
                ("plimsoll.answer", "judged".into()),
                ("plimsoll.nodes.offered", 3_usize.into()),
                ("plimsoll.nodes.scored", 1_usize.into()),
            ],
            _ => vec![("k8s.node.name", "n1".to_owned().into())],
        };
        assert_eq!(span.said, said);
    }
    // A pod that is no business of ours has no trace.
    let other = json!({"Pod": pod("b", 4), "Nodes": null, "NodeNames": ["n0"]}).to_string();
    assert_eq!(ask(&server, &call("filter", &other)).await.0, 200);
    assert!(taken.try_recv().is_err());
    server.shutdown().await;
}

#[tokio::test]
async fn calls_are_answered_on_one_connection_and_pipelined() {
    let server = started(None, true).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let body = filter_body();
    let both = call("filter", &body) + &call("prioritize", &body);
    stream.write_all(both.as_bytes()).await.expect("two requests");
    let (status, reply) = answer(&mut stream).await;
    let reply: Value = serde_json::from_str(&reply).expect("JSON");
    assert_eq!((status, &reply["NodeNames"]), (200, &json!(["n1"])));
    let (status, reply) = answer(&mut stream).await;
    let reply: Value = serde_json::from_str(&reply).expect("JSON");
    assert_eq!(status, 200);
    assert!(
        reply.as_array().is_some_and(|hosts| hosts.contains(&json!({"Host": "n1", "Score": 10}))),
        "{reply}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn chunked_bodies_are_read() {
    let server = started(None, true).await;
    let body = filter_body();
    let (one, two) = body.split_at(100);
    let head = "POST /scheduler/filter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    let request = format!("{head}{}{}0\r\n\r\n", chunk(one), chunk(two));
    assert_eq!(ask(&server, &request).await.0, 200);
}

#[tokio::test]
async fn what_is_no_call_is_refused_with_the_reason() {
    let server = started(None, true).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let long = "x".repeat(SMALL.body + 1);
    for (request, status, says) in [
        (call("filter", "{"), 400, "the body is not ExtenderArgs"),
        (call("filter", r#"{"Pod":null}"#), 400, "ExtenderArgs has no `Pod`"),
        (call("score", "{}"), 404, "nothing is here"),
        (get("/scheduler/filter"), 405, "the method is POST"),
        (call("filter", "{}").replace("/scheduler/filter", "/metrics"), 405, "the method is GET, HEAD"),
        (call("filter", &long), 413, "a body has at most 65536 bytes"),
        (call("bind", r#"{"PodName":"p","PodNamespace":"d","PodUID":"u","Node":"n"}"#), 404, "bind.enabled"),
        (
            call("bind", r#"{"PodName":"bindable","PodNamespace":"d","PodUID":"u","Node":"n"}"#),
            200,
            r#""Error":"""#,
        ),
        (get("/healthz"), 200, "ok"),
        (get("/readyz"), 200, "ok"),
        (get("/debug/plan"), 200, "<h1>Plan</h1>"),
        (get("/metrics"), 200, "plimsoll_refused_requests_total"),
    ] {
        let (got, text) = ask(&server, &request).await;
        assert_eq!(got, status, "{text}");
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[tokio::test]
async fn until_it_is_synced_it_is_not_ready_and_says_so() {
    let server = started(None, false).await;
    assert_eq!(ask(&server, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await.0, 503);
    let (status, reply) = ask(&server, &call("filter", &filter_body())).await;
    assert_eq!(status, 200);
    assert!(reply.contains("has not seen the whole cluster"), "{reply}");
    let preempt = json!({"Pod": pod("a", 4), "NodeNameToMetaVictims": {}}).to_string();
    assert_eq!(ask(&server, &call("preempt", &preempt)).await.0, 503);
}

#[tokio::test]
async fn slow_clients_are_let_go_and_harm_nobody() {
    let server = started(None, true).await;
    let mut slow = TcpStream::connect(server.address()).await.expect("a connection");
    let head = "POST /scheduler/filter HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.expect("a part of a request");
    let mut silent = TcpStream::connect(server.address()).await.expect("a connection");
    silent.write_all(b"POST /sched").await.expect("a part of a head");
    assert_eq!(ask(&server, &call("filter", &filter_body())).await.0, 200, "others are answered meanwhile");
    assert_eq!(answer(&mut slow).await.0, 408);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "a head that never ends is not waited for");
}

/// Whether the server closes the connection within a time.
async fn is_let_go(stream: &mut (impl AsyncRead + Unpin), within: Duration) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(within, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let server = started(None, true).await;
    let whole = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for said in [&b""[..], b"P", b"PRI * HTTP/2.0", b"PRI * HTTQ", whole] {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(said).await.expect("a part");
        let gone = is_let_go(&mut stream, Duration::from_secs(6)).await;
        assert!(gone, "{} is waited for", String::from_utf8_lossy(said));
    }
}

/// kube-scheduler keeps connections, and a call on one that is just being closed is a call that fails.
#[tokio::test]
async fn connections_are_kept_between_calls_and_not_in_the_middle_of_a_head() {
    let server = started(None, true).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    for _ in 0..2 {
        stream.write_all(call("filter", &filter_body()).as_bytes()).await.expect("a request");
        assert_eq!(answer(&mut stream).await.0, 200);
        tokio::time::sleep(SMALL.patience * 3).await;
    }
    stream.write_all(b"POST /scheduler/fil").await.expect("a part of a head");
    assert!(is_let_go(&mut stream, SMALL.patience * 3).await, "a head that never ends is not waited for");
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(call("filter", &filter_body()).as_bytes()).await.expect("a request");
    assert_eq!(answer(&mut stream).await.0, 200);
    assert!(is_let_go(&mut stream, SMALL.rest * 2).await, "nor for ever for the next");
}

#[tokio::test]
async fn a_shutdown_waits_for_no_free_connection() {
    let limits = Limits { connections: 1, patience: Duration::from_mins(1), ..SMALL };
    let address = "127.0.0.1:0".parse().expect("an address");
    let server =
        Server::start(address, None, limits, Arc::default(), Arc::default(), Arc::new(Plain::default()))
            .await
            .expect("a free port");
    let _taken = TcpStream::connect(server.address()).await.expect("a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), server.shutdown()).await;
    assert!(ended.is_ok(), "it waits for the only connection to end");
}

#[tokio::test]
async fn bodies_together_are_bounded() {
    let server = started(None, true).await;
    // As many as there is room for, each of unstated length and never ending; one more waits, and is told so.
    let head = "POST /scheduler/filter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    let mut held = Vec::new();
    for _ in 0..SMALL.bodies / SMALL.body {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("a part of a request");
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        ask(&server, &call("filter", &filter_body())).await.0,
        200,
        "room comes back when they are let go"
    );
    for stream in &mut held {
        assert_eq!(answer(stream).await.0, 408);
    }
}

/// An authority, and certificates that it signs.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: rcgen::Issuer::new(params, key), pem }
    }

    /// A certificate and its key, both PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    fn write(&self, folder: &Path) {
        let (certificate, key) = self.sign("localhost");
        std::fs::write(folder.join("tls.crt"), certificate).expect("a file");
        std::fs::write(folder.join("tls.key"), key).expect("a file");
        std::fs::write(folder.join("ca.crt"), &self.pem).expect("a file");
    }

    fn identity(folder: &Path) -> Arc<Identity> {
        let file = |name: &str| folder.join(name);
        let read = Identity::read(&file("tls.crt"), &file("tls.key"), Some(&file("ca.crt")));
        Arc::new(read.expect("certificates"))
    }

    fn client(&self, with_certificate: bool, alpn: &[u8]) -> TlsConnector {
        self.connector(with_certificate.then_some(self), alpn)
    }

    /// A client with a certificate of another authority.
    fn client_of(&self, other: &Self, alpn: &[u8]) -> TlsConnector {
        self.connector(Some(other), alpn)
    }

    fn connector(&self, signer: Option<&Self>, alpn: &[u8]) -> TlsConnector {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM")).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = if let Some(signer) = signer {
            let (certificate, key) = signer.sign("kube-scheduler");
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("a client certificate")
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

async fn over_tls(
    server: &Server,
    client: &TlsConnector,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address()).await?;
    client.connect(ServerName::try_from("localhost").expect("a name"), stream).await
}

async fn asked(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> u16 {
    if stream.write_all(call("filter", &filter_body()).as_bytes()).await.is_err() {
        return 0;
    }
    answer(stream).await.0
}

#[tokio::test]
async fn mutual_tls_lets_in_who_is_known_and_certificates_change_under_open_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = Authority::new();
    old.write(folder.path());
    let identity = Authority::identity(folder.path());
    let server = started(Some(Arc::clone(&identity)), true).await;

    let mut open = over_tls(&server, &old.client(true, b"http/1.1")).await.expect("a connection");
    assert_eq!(asked(&mut open).await, 200);
    let mut stranger = over_tls(&server, &old.client(false, b"http/1.1")).await.expect("a connection");
    assert_eq!(asked(&mut stranger).await, 403);
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 403), ("/debug/plan", 403)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stranger.write_all(request.as_bytes()).await.expect("a request");
        assert_eq!(answer(&mut stranger).await.0, status, "{path}, as a kubelet asks");
    }
    // In TLS 1.3 the client hears of its refusal when it reads.
    if let Ok(mut other) = over_tls(&server, &old.client_of(&Authority::new(), b"http/1.1")).await {
        assert_eq!(asked(&mut other).await, 0);
    }
    let stream = over_tls(&server, &old.client(true, b"h2")).await.expect("a connection");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let new = Authority::new();
    new.write(folder.path());
    assert!(identity.reload().expect("new certificates"));
    assert!(!identity.reload().expect("the same ones"));
    assert_eq!(asked(&mut open).await, 200, "no call is dropped");
    assert!(over_tls(&server, &old.client(true, b"http/1.1")).await.is_err());
    let mut fresh = over_tls(&server, &new.client(true, b"http/1.1")).await.expect("a connection");
    assert_eq!(asked(&mut fresh).await, 200);

    std::fs::write(folder.path().join("tls.key"), "broken").expect("a file");
    let error = identity.reload().expect_err("a broken key");
    assert!(error.to_string().contains("tls.key holds no private key"), "{error}");
    let mut still = over_tls(&server, &new.client(true, b"http/1.1")).await.expect("a connection");
    assert_eq!(asked(&mut still).await, 200, "the last good ones stay");
}

#[tokio::test]
async fn http2_calls_are_answered() {
    let server = started(None, true).await;
    let stream = TcpStream::connect(server.address()).await.expect("a connection");
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2 without TLS");
    tokio::spawn(connection);
    let request = hyper::Request::post("http://localhost/scheduler/filter")
        .body(http_body_util::Full::new(bytes::Bytes::from(filter_body())))
        .expect("a request");
    assert_eq!(sender.send_request(request).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_shutdown_answers_what_is_under_way() {
    let server = started(None, true).await;
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = call("filter", &filter_body());
    let (one, two) = request.split_at(request.len() - 10);
    stream.write_all(one.as_bytes()).await.expect("a part");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stopping = tokio::spawn(server.shutdown());
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(two.as_bytes()).await.expect("the rest");
    assert_eq!(answer(&mut stream).await.0, 200);
    stopping.await.expect("it ends");
    assert!(TcpStream::connect(address).await.is_err());
}
