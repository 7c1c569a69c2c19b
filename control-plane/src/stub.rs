//! An extender that answers what it is told, to learn what kube-scheduler makes
//! of each answer, and to be measured beside a real one.
//!
//! HTTP/1.1 with kept connections, the answer in one segment with `TCP_NODELAY`:
//! as fast as an extender can be that does nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What to answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which need not be JSON.
    pub body: Vec<u8>,
    /// How long to wait before answering.
    pub after: Duration,
}

impl Answer {
    /// 200 with a document, at once.
    pub fn json(body: &Value) -> Self {
        Self { status: 200, body: body.to_string().into_bytes(), after: Duration::ZERO }
    }

    /// A status with a text, at once.
    pub fn status(status: u16, text: &str) -> Self {
        Self { status, body: text.as_bytes().to_vec(), after: Duration::ZERO }
    }

    /// The same, later.
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }
}

/// What is asked: the last part of the path, and the body.
pub type Answering = dyn Fn(&str, &[u8]) -> Answer + Send + Sync;

/// A running stub; dropping it closes it with every connection.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Stub {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(answering: Arc<Answering>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&answering)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, task })
    }

    /// What to write as `urlPrefix`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers requests until the client has had enough.
async fn converse(mut stream: TcpStream, answering: Arc<Answering>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some((verb, body)) = request(&mut stream, &mut buffer).await? {
        let answer = answering(&verb, &body);
        if !answer.after.is_zero() {
            tokio::time::sleep(answer.after).await;
        }
        let mut response = format!(
            "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.status,
            answer.body.len()
        )
        .into_bytes();
        response.extend(&answer.body);
        stream.write_all(&response).await?;
    }
    Ok(())
}

/// The next request; none when the client closes.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>)>> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let verb = path.rsplit('/').next().unwrap_or_default().to_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    while buffer.len() < end {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[head..end].to_vec();
    buffer.drain(..end);
    Ok(Some((verb, body)))
}
