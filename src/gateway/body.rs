//! The body of an answer: bytes that are there, or bytes that come.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};

use tokio::sync::mpsc;

use crate::exchange::{Answering, Torn};

use super::work::Own;

/// What an answer says.
pub(in crate::gateway) struct Body {
    kind: Kind,
    /// Dropped with the body: what has to live as long as the answer is sent.
    held: Vec<Box<dyn Send>>,
}

enum Kind {
    Whole(Option<Bytes>),
    Relayed(Box<Relayed>),
    Fed(mpsc::Receiver<Bytes>),
}

struct Relayed {
    answering: Answering,
    /// Who fetches it.
    own: Own,
}

impl Body {
    /// A body that is there.
    pub(in crate::gateway) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { kind: Kind::Whole((!bytes.is_empty()).then_some(bytes)), held: Vec::new() }
    }

    /// A body that comes piece by piece from a relay, which `own` is, and which learns that the client went away when
    /// this is dropped. One that breaks off closes the connection, so that nobody takes it for whole.
    pub(in crate::gateway) fn relayed(answering: Answering, own: Own) -> Self {
        Self { kind: Kind::Relayed(Box::new(Relayed { answering, own })), held: Vec::new() }
    }

    /// A body that comes piece by piece from whoever has the other end, until they let go of it.
    pub(in crate::gateway) fn fed(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self { kind: Kind::Fed(pieces), held: Vec::new() }
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
    type Error = Torn;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        let piece = match &mut self.kind {
            Kind::Whole(bytes) => bytes.take().map(Ok),
            Kind::Relayed(relayed) => {
                relayed.own.go_on(context);
                std::task::ready!(relayed.answering.poll_piece(context))
            }
            Kind::Fed(pieces) => std::task::ready!(pieces.poll_recv(context)).map(Ok),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Relayed(_) | Kind::Fed(_) => SizeHint::default(),
        }
    }
}
