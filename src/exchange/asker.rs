//! Whoever asks and listens: the person of `drive`, the client of `relay`. What happens between their question and
//! their answer is the same for both, and is in `run` and `attempt`.

use std::future::Future;
use std::pin::pin;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, sleep_until};

use super::audience::Note;
use super::board::Seat;
use crate::route::retry::Attempt;
use crate::route::{Model, Provider};
use crate::wire::{Dropped, Event, Fault, ToolNames};

/// A request in the words of the vendor that is to answer it.
pub(super) struct Question<'a> {
    pub(super) body: Bytes,
    /// What is not in it.
    pub(super) dropped: Vec<Dropped>,
    /// The tools' names in it.
    pub(super) names: ToolNames,
    /// Whether the vendor is to stream.
    pub(super) stream: bool,
    /// The answer's own bytes go on: most of it need not be parsed.
    pub(super) skims: bool,
    /// Headers of a client that this vendor may see.
    pub(super) carry: Option<&'a HeaderMap>,
    /// `?beta=true` goes with it.
    pub(super) beta: bool,
}

/// A part of an answer: its bytes, and the events that are complete with them.
pub(super) struct Heard<'a> {
    pub(super) bytes: &'a [u8],
    /// How many of the bytes belong to complete events.
    pub(super) complete: usize,
    pub(super) events: Vec<Event>,
    /// It is a stream.
    pub(super) is_stream: bool,
    /// Nothing more comes.
    pub(super) over: bool,
}

/// Somebody who asks and listens. Of what is heard nothing is shown before [`Asker::let_out`].
pub(super) trait Asker {
    /// Answers are words for a person: their text is gathered, and one of thoughts alone is none.
    const READS: bool;

    /// The request, written for this model.
    fn question(&mut self, model: &Model, provider: &Provider) -> Result<Question<'_>, Fault>;

    /// An attempt begins: what was kept back of the one before is forgotten.
    fn begin(&mut self, attempt: &Attempt, seat: &Seat, dropped: Vec<Dropped>);

    /// Something to tell beside the answer.
    fn note(&mut self, note: &Note);

    /// A part of the answer, in order; errors are not among its events.
    fn hear(&mut self, heard: Heard<'_>);

    /// The answer has said something, so what was heard may be shown. Called after every part from then on.
    fn let_out(&mut self) -> impl Future<Output = ()>;

    /// The answer is whole, and let out.
    fn end(&mut self) -> impl Future<Output = ()>;

    /// The answer broke after something of it was shown.
    fn broke(&mut self, fault: &Fault) -> impl Future<Output = ()>;

    /// Whether something of this attempt was shown: from then on nobody else can answer.
    fn has_shown(&self) -> bool;

    /// When a sign of life is due, should nothing else come before.
    fn sign_due(&self) -> Option<Instant>;

    /// Gives a sign of life.
    fn give_sign(&mut self) -> impl Future<Output = ()>;
}

/// Waits for `next`, with signs of life while it takes long.
pub(super) async fn waiting<T>(asker: &mut impl Asker, next: impl Future<Output = T>) -> T {
    let mut next = pin!(next);
    loop {
        let Some(due) = asker.sign_due() else { return next.await };
        tokio::select! {
            biased;
            out = &mut next => return out,
            () = sleep_until(due) => asker.give_sign().await,
        }
    }
}
