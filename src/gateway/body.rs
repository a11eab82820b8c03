//! The body of an answer: bytes that are there, or bytes that come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// What an answer says.
pub(in crate::gateway) struct Body {
    kind: Kind,
    /// Dropped with the body: what has to live as long as the answer is sent.
    held: Vec<Box<dyn Send>>,
}

enum Kind {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body {
    /// A body that is there.
    pub(in crate::gateway) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { kind: Kind::Whole((!bytes.is_empty()).then_some(bytes)), held: Vec::new() }
    }

    /// A body that comes piece by piece, until the other side drops its sender. Dropping the body (the client went
    /// away) closes the channel.
    pub(in crate::gateway) fn stream(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self { kind: Kind::Stream(pieces), held: Vec::new() }
    }

    /// The same body, and `guard` is dropped when it was sent or the client is gone.
    #[must_use]
    pub(in crate::gateway) fn holding(mut self, guard: impl Send + 'static) -> Self {
        self.held.push(Box::new(guard));
        self
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.kind {
            Kind::Whole(bytes) => bytes.take(),
            Kind::Stream(pieces) => std::task::ready!(pieces.poll_recv(context)),
        };
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}
