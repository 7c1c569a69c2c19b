//! A proxy before the API server that fails as it is told.
//!
//! What a client sees when the API server is overloaded, restarts, or cannot be
//! reached: refusals, answers that never come, connections that break in the
//! middle of a watch. The proxy speaks plain HTTP on loopback and asks upstream
//! with the rights of the client that it was given.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the API server answers.
    None,
    /// It never reaches the API server and is refused with this status.
    Refused(u16),
    /// The API server does what was asked, but the answer is lost.
    AnswerLost,
    /// There is no answer.
    Silence,
}

/// Which fault befalls a request, by its method, path and query.
pub type Deciding = dyn Fn(&Method, &str) -> Fault + Send + Sync;

struct State {
    upstream: Client,
    deciding: Mutex<Arc<Deciding>>,
    connections: Mutex<JoinSet<()>>,
}

/// The running proxy; dropping it breaks every connection.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Listens on a free loopback port, without faults at first.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(upstream: Client) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            upstream,
            deciding: Mutex::new(Arc::new(|_: &Method, _: &str| Fault::None)),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&accepting);
                let mut connections = lock(&accepting.connections);
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(stream, serving));
            }
        });
        Ok(Self { address, state, task })
    }

    /// The address for clients, which need no certificate.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this decides.
    pub fn set(&self, deciding: impl Fn(&Method, &str) -> Fault + Send + Sync + 'static) {
        *lock(&self.state.deciding) = Arc::new(deciding);
    }

    /// Breaks every connection, watches among them, and answers nothing until
    /// [`Self::mend`].
    pub fn partition(&self) {
        self.set(|_, _| Fault::Silence);
        self.cut();
    }

    /// Every request is answered again.
    pub fn mend(&self) {
        self.set(|_, _| Fault::None);
        self.cut();
    }

    /// Breaks every connection there is.
    pub fn cut(&self) {
        lock(&self.state.connections).abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    let server = auto::Builder::new(TokioExecutor::new());
    // A client that goes away, or a connection that is cut, is what this is for.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let deciding = Arc::clone(&lock(&state.deciding));
    match deciding(request.method(), &path) {
        Fault::None => Ok(forward(&state.upstream, request, &path).await),
        Fault::Refused(status) => Ok(refusal(status, "the proxy refuses")),
        Fault::AnswerLost => {
            drop(forward(&state.upstream, request, &path).await);
            std::future::pending().await
        }
        Fault::Silence => std::future::pending().await,
    }
}

async fn forward(upstream: &Client, request: Request<Incoming>, path: &str) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return refusal(400, "the body broke off") };
    let mut asked = Request::builder().method(head.method).uri(path);
    for (name, value) in &head.headers {
        // The connection's own; upstream has others.
        if !matches!(name.as_str(), "host" | "connection" | "content-length" | "transfer-encoding") {
            asked = asked.header(name, value);
        }
    }
    let body = Body::from(body.to_bytes());
    let asked = asked.body(body).expect("what was a request is one");
    match upstream.send(asked).await {
        Ok(mut response) => {
            response.headers_mut().remove("transfer-encoding");
            response.headers_mut().remove("connection");
            response
        }
        Err(error) => refusal(502, &error.to_string()),
    }
}

/// As the API server words its refusals.
fn refusal(status: u16, message: &str) -> Response<Body> {
    let reason = match status {
        404 => "NotFound",
        409 => "Conflict",
        500 => "InternalError",
        _ => "Unknown",
    };
    let body = json!({
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": status,
        "reason": reason,
        "message": message,
    });
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string().into_bytes()))
        .expect("a status and a document are a response")
}
