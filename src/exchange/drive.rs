//! Drives a decision's plan for somebody who is told piece by piece: a terminal, a program.

use std::borrow::Cow;
use std::future::Future;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::asker::{Asker, Heard, Question};
use super::audience::{Audience, Note};
use super::board::{Board, Seat};
use super::finished::Finished;
use super::lines::Lines;
use super::run::{Affords, Way, run};
use crate::base::interrupt::Interrupted;
use crate::model::RequestId;
use crate::route::retry::{Attempt, Rules};
use crate::route::{Decision, Model, Provider};
use crate::upstream::Call;
use crate::wire::hub::Prompt;
use crate::wire::{Dropped, Event, Fault, Target, encode};

/// What each model is asked: a conversation is told in other words where the model changes (R-EVT-003).
pub trait Wording {
    /// The prompt for `model`. [`Prompt::model`] does not matter here, [`Prompt::stream`] does.
    fn prompt(&self, model: &Model) -> Cow<'_, Prompt>;
}

/// The same for everybody.
impl Wording for Prompt {
    fn prompt(&self, _model: &Model) -> Cow<'_, Prompt> {
        Cow::Borrowed(self)
    }
}

/// What is to be sent, to whom, and how.
pub struct Order<'a, W: Wording + ?Sized = dyn Wording + 'a> {
    /// Who is asked, in which order.
    pub decision: &'a Decision,
    /// What is asked, as each model is to be told it.
    pub prompt: &'a W,
    /// How often and how long to try.
    pub rules: Rules,
    /// The request's name; the waits and the ids of an answer are made from it.
    pub id: &'a RequestId,
    /// The way out.
    pub lines: &'a Lines,
    /// How the deployments stand; `None`: as if nothing were known of them.
    pub board: Option<&'a Board>,
    /// Whose conversation it is: it stays at the deployment that has its prompts cached.
    pub session: Option<&'a str>,
    /// The time, for the rows and for dates in `Retry-After`.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    /// What has a say before each attempt; `None`: nobody has.
    pub affords: Option<&'a Affords<'a>>,
}

/// Sends the order and tells `audience` what happens, until it is over or `stop` (usually [`super::stopped`]) comes.
/// Where both can be sent between threads, so can this.
///
/// Once a piece of an answer was heard, nobody else is asked: what breaks after it ends as [`super::End::Cut`].
pub async fn drive<W: Wording + ?Sized, A: Audience + ?Sized>(
    order: &Order<'_, W>,
    audience: &mut A,
    stop: impl Future<Output = Interrupted>,
) -> Finished {
    let Order { decision, prompt, rules, id, lines, board, session, now, affords } = *order;
    let mut person = Person { prompt, audience, held: Vec::new(), shown: false };
    run(&Way { decision, rules, id, lines, board, session, now, affords }, &mut person, stop).await
}

/// Who reads an answer while it comes.
struct Person<'a, W: ?Sized, A: ?Sized> {
    prompt: &'a W,
    audience: &'a mut A,
    /// Events that nobody needs to hear of if nothing follows.
    held: Vec<Event>,
    shown: bool,
}

impl<W: Wording + ?Sized, A: Audience + ?Sized> Asker for Person<'_, W, A> {
    const READS: bool = true;

    fn question(&mut self, model: &Model, provider: &Provider) -> Result<Question<'_>, Fault> {
        let prompt = self.prompt.prompt(model);
        let target = Target {
            dialect: Call::dialect(provider),
            model: &model.id,
            quirks: &provider.quirks,
            most_output: model.most_output,
            context: model.context,
            stream: prompt.stream,
        };
        let encoded = encode(&prompt, &target);
        Ok(Question {
            body: Bytes::from(encoded.body),
            dropped: encoded.dropped,
            names: encoded.names,
            stream: prompt.stream,
            skims: false,
            carry: None,
            beta: false,
        })
    }

    fn begin(&mut self, _attempt: &Attempt, _seat: &Seat, _dropped: Vec<Dropped>) {
        self.held.clear();
        self.shown = false;
    }

    fn note(&mut self, note: &Note) {
        self.audience.note(note);
    }

    fn hear(&mut self, heard: Heard<'_>) {
        self.held.extend(heard.events);
    }

    async fn let_out(&mut self) {
        for event in self.held.drain(..) {
            self.shown = true;
            self.audience.event(&event);
        }
    }

    async fn end(&mut self) {}

    async fn broke(&mut self, fault: &Fault) {
        self.audience.event(&Event::Error(fault.clone()));
    }

    fn has_shown(&self) -> bool {
        self.shown
    }

    fn sign_due(&self) -> Option<Instant> {
        None
    }

    async fn give_sign(&mut self) {}
}
