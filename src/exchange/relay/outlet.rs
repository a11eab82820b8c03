//! The pipe between a relay and the gateway's answer: the head once, then pieces of the body. It is bounded, so a
//! client that reads slowly slows the vendor down; and an end that nobody put there is not taken for one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::sync::{mpsc, oneshot};

use crate::model::Tier;
use crate::wire::Dropped;

/// So many pieces wait for the client, each of what came at once.
const PIECES: usize = 4;

/// The head of an answer. It comes with the first content, with a failure, or with the first sign of life of a vendor
/// that takes long.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// `content-type` and, with a failure, what makes clients do the right thing. Nothing of it is the vendor's own:
    /// its limits and ids are those of a key that is not the client's.
    pub headers: HeaderMap,
    /// Who answers; who was asked last, where nobody did.
    pub by: Option<By>,
    /// How many requests were sent so far.
    pub attempts: u32,
    /// What the model cannot be told of the request.
    pub dropped: Vec<Dropped>,
    /// The whole body, where it is not a stream.
    pub whole: Option<Bytes>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The model, by moai's name.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// Which of its deployments, where it has any.
    pub deployment: Option<String>,
    /// The model's tier.
    pub tier: Tier,
    /// It stands in for another.
    pub fallback: bool,
}

/// The relay's end.
#[derive(Debug)]
pub struct Outlet {
    head: Option<oneshot::Sender<Head>>,
    /// `None` is the end.
    body: mpsc::Sender<Option<Bytes>>,
}

/// The gateway's end. Dropping it says that the client is gone.
#[derive(Debug)]
pub struct Answering {
    head: oneshot::Receiver<Head>,
    body: mpsc::Receiver<Option<Bytes>>,
    ended: bool,
}

/// The answer broke off without its end: its connection is to be closed, not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct Torn;

/// A new pipe.
pub fn outlet() -> (Outlet, Answering) {
    let (head_in, head) = oneshot::channel();
    let (body_in, body) = mpsc::channel(PIECES);
    (Outlet { head: Some(head_in), body: body_in }, Answering { head, body, ended: false })
}

impl Answering {
    /// The head, once; fails where the relay ended without one.
    pub async fn head(&mut self) -> Result<Head, Torn> {
        std::future::poll_fn(|context| self.poll_head(context)).await
    }

    /// The same.
    pub fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Head, Torn>> {
        Pin::new(&mut self.head).poll(context).map_err(|_closed| Torn)
    }

    /// The next piece of the body; `None` is its end.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Torn>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.body.poll_recv(context).map(|piece| match piece {
            Some(Some(bytes)) => Some(Ok(bytes)),
            Some(None) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(Torn))
            }
        })
    }

    /// The next piece of the body; `None` is its end.
    pub async fn piece(&mut self) -> Option<Result<Bytes, Torn>> {
        std::future::poll_fn(|context| self.poll_piece(context)).await
    }
}

impl Outlet {
    /// Whether the head is still to come.
    pub(super) fn is_closed(&self) -> bool {
        self.head.is_some()
    }

    /// Sends the head, the first time.
    pub(super) fn open(&mut self, head: impl FnOnce() -> Head) {
        if let Some(sender) = self.head.take() {
            // A client that is gone is noticed by whoever waits for that.
            drop(sender.send(head()));
        }
    }

    /// Sends a piece, when there is room for it.
    pub(super) async fn send(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            drop(self.body.send(Some(bytes)).await);
        }
    }

    /// The body is whole.
    pub(super) async fn end(&self) {
        drop(self.body.send(None).await);
    }

    /// Waits until the client is gone.
    pub(super) fn gone(&self) -> impl Future<Output = ()> + use<> {
        let body = self.body.clone();
        async move { body.closed().await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { status: 200, headers: HeaderMap::new(), by: None, attempts: 1, dropped: Vec::new(), whole: None }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn an_end_is_only_what_was_ended() {
        run(async {
            let (mut out, mut answering) = outlet();
            assert!(out.is_closed());
            out.open(head);
            assert!(!out.is_closed());
            assert_eq!(answering.head().await, Ok(head()));
            out.send(Bytes::from_static(b"a")).await;
            out.end().await;
            drop(out);
            assert_eq!(answering.piece().await, Some(Ok(Bytes::from_static(b"a"))));
            assert_eq!(answering.piece().await, None);
            let (out, mut answering) = outlet();
            out.send(Bytes::from_static(b"a")).await;
            drop(out);
            assert_eq!(answering.head().await, Err(Torn));
            assert_eq!(answering.piece().await, Some(Ok(Bytes::from_static(b"a"))));
            assert_eq!(answering.piece().await, Some(Err(Torn)));
            assert_eq!(answering.piece().await, None);
        });
    }

    #[test]
    fn a_client_that_goes_is_noticed_and_nothing_waits_for_it() {
        run(async {
            let (out, answering) = outlet();
            let gone = out.gone();
            drop(answering);
            gone.await;
            for _ in 0..PIECES * 2 {
                out.send(Bytes::from_static(b"a")).await;
            }
        });
    }
}
