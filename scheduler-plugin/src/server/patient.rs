//! A connection that is let go when its client is silent for too long.
//!
//! A client that has begun a head, or has not yet said which protocol it speaks, is waited for as long as `patience`
//! says. One whose last call is answered is waited for much longer: kube-scheduler keeps connections for 90 s, and one
//! that we closed first could be closed under a call that is just being sent, which is a failed call. While a call is
//! being answered nobody waits here (its body has its own patience), nor over HTTP/2, which asks by pings.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// By which HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The calls of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    done: AtomicU64,
}

/// A call that is being answered.
pub(super) struct Call(Arc<Counts>);

impl Calls {
    pub(super) fn begin(&self) -> Call {
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        Call(Arc::clone(&self.0))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::AcqRel);
    }
}

/// What a silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// So many bytes of the preface of HTTP/2 have come, and nothing else.
    Opening(usize),
    /// A head has begun.
    Head,
    /// A call is answered, and no other has begun.
    Between,
    /// HTTP/2.
    Pinged,
}

/// See the module.
pub(super) struct Patient<S> {
    inner: S,
    calls: Calls,
    patience: Duration,
    /// Between two calls.
    rest: Duration,
    silence: Silence,
    /// How many calls were answered when the silence began.
    answered: u64,
    /// When it has lasted for too long.
    sleep: Pin<Box<Sleep>>,
    /// When a client that takes no bytes is let go.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(inner: S, calls: Calls, patience: Duration, rest: Duration) -> Self {
        let sleep = Box::pin(tokio::time::sleep(patience));
        let silence = Silence::Opening(0);
        Self { inner, calls, patience, rest, silence, answered: 0, sleep, stalled: None }
    }

    fn wait(&mut self, silence: Silence, time: Duration) {
        self.silence = silence;
        self.sleep.set(tokio::time::sleep(time));
    }

    /// Bytes have come.
    fn heard(&mut self, bytes: &[u8]) {
        match self.silence {
            Silence::Opening(seen) => {
                let rest = &PREFACE[seen..];
                let count = rest.len().min(bytes.len());
                self.silence = if rest[..count] != bytes[..count] {
                    // The time runs on: the head began with the first byte.
                    Silence::Head
                } else if count == rest.len() {
                    Silence::Pinged
                } else {
                    Silence::Opening(seen + count)
                };
            }
            Silence::Between => self.wait(Silence::Head, self.patience),
            Silence::Head | Silence::Pinged => {}
        }
    }

    /// Whether the silence has lasted for too long.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.silence == Silence::Pinged {
            return false;
        }
        // In this order: a call that ends in between is one that is still being answered.
        let done = self.calls.0.done.load(Ordering::Acquire);
        if self.calls.0.begun.load(Ordering::Acquire) != done {
            return false;
        }
        if self.answered != done {
            self.answered = done;
            self.wait(Silence::Between, self.rest);
        }
        self.sleep.as_mut().poll(cx).is_ready()
    }

    /// What writing came to, unless it has come to nothing for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if read.is_pending() && self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let bytes = &buffer.filled()[before..];
        if !bytes.is_empty() {
            self.heard(bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.written(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.written(cx, closed)
    }
}
