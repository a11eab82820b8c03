//! A connection that does not wait for ever: for its first head, for one that has begun, and for a client that takes nothing of its
//! answer. How long a connection may lie idle, hyper counts; how long a body may take, `read` does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a client may take nothing of an answer that waits for it.
const SEND: Duration = Duration::from_secs(300);

/// A stream with limits.
pub(in crate::gateway) struct Patient<S> {
    stream: S,
    phase: Phase,
    head: Timer,
    send: Timer,
}

/// What a connection is at, as far as reading from it goes.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Phase(Arc<AtomicU8>);

/// A head is waited for: the first one, which is what somebody connects for, or one of which a part is there.
const HEAD: u8 = 0;
/// Nothing of the next request is there.
const IDLE: u8 = 1;
/// A request is in work.
const BUSY: u8 = 2;

/// A clock that runs only while somebody waits.
struct Timer {
    most: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Phase {
    /// A request's head was read: it is in work until the guard is dropped.
    pub(in crate::gateway) fn busy(&self) -> Busy {
        self.0.store(BUSY, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Whether it lies between two requests.
    pub(in crate::gateway) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == IDLE
    }

    fn began(&self) {
        // A request in work stays one: what comes now is its body, or the next one.
        let _in_work = self.0.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn is_head(&self) -> bool {
        self.0.load(Ordering::Relaxed) == HEAD
    }
}

/// A request in work.
pub(in crate::gateway) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Relaxed);
    }
}

impl Timer {
    fn new(most: Duration) -> Self {
        Self { most, running: None }
    }

    /// Fails once it was waited for too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Result<(), io::Error> {
        let most = self.most;
        let running = self.running.get_or_insert_with(|| Box::pin(tokio::time::sleep(most)));
        match running.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn stop(&mut self) {
        self.running = None;
    }
}

impl<S> Patient<S> {
    /// `stream`, on which a head may take as long as `head`.
    pub(in crate::gateway) fn new(stream: S, head: Duration) -> (Self, Phase) {
        let phase = Phase::default();
        (Self { stream, phase: phase.clone(), head: Timer::new(head), send: Timer::new(SEND) }, phase)
    }

    /// What came of writing: whoever takes nothing is waited for so long and no longer.
    fn sent<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_pending() {
            self.send.wait(context)?;
        } else {
            self.send.stop();
        }
        sent
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.phase.began();
        }
        if !self.phase.is_head() {
            self.head.stop();
        } else if read.is_pending() {
            self.head.wait(context)?;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.sent(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn paused(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(test);
    }

    #[test]
    fn a_head_that_dribbles_is_cut_off_and_an_idle_connection_is_not() {
        paused(async {
            let (mut client, server) = tokio::io::duplex(64);
            let (mut server, phase) = Patient::new(server, Duration::from_secs(10));
            let mut byte = [0];
            // Between two requests there is time.
            drop(phase.busy());
            assert!(phase.is_idle());
            let hour = Duration::from_secs(3600);
            assert!(tokio::time::timeout(hour, server.read(&mut byte)).await.is_err());
            let dribble = tokio::spawn(async move {
                while client.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
            });
            let begun = tokio::time::Instant::now();
            let cut = loop {
                if let Err(error) = server.read(&mut byte).await {
                    break error;
                }
            };
            assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
            assert!(begun.elapsed() <= Duration::from_secs(14), "{:?}", begun.elapsed());
            // A body is not a head.
            let busy = phase.busy();
            for _ in 0..10 {
                server.read_exact(&mut byte).await.unwrap();
            }
            drop(busy);
            dribble.abort();
        });
    }

    #[test]
    fn whoever_connects_and_says_nothing_is_cut_off() {
        paused(async {
            let (_client, server) = tokio::io::duplex(64);
            let (mut server, phase) = Patient::new(server, Duration::from_secs(10));
            let begun = tokio::time::Instant::now();
            assert_eq!(server.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(begun.elapsed() <= Duration::from_secs(11) && !phase.is_idle());
        });
    }

    #[test]
    fn a_client_that_takes_nothing_is_left() {
        paused(async {
            let (_client, server) = tokio::io::duplex(64);
            let (mut server, _) = Patient::new(server, Duration::from_secs(10));
            let cut = server.write_all(&[0; 65]).await.unwrap_err();
            assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        });
    }
}
