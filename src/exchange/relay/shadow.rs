//! A copy of a client's request, sent to one model more and heard to its end, for nobody: what of its answer can be
//! compared is kept, and the rest is thrown away as it comes. No tool that it calls is run, and nobody is asked in its
//! place.

use std::future::pending;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

use super::query::{Query, Typed};
use crate::exchange::asker::{self, Asker, Question};
use crate::exchange::audience::Note;
use crate::exchange::board::Seat;
use crate::exchange::finished::Finished;
use crate::exchange::lines::Lines;
use crate::exchange::run::{Way, run};
use crate::model::RequestId;
use crate::route::retry::{Attempt, Rules};
use crate::route::shadow::Gist;
use crate::route::{Decision, Model, Provider};
use crate::wire::{Dropped, Event, Fault, Opened};

/// What was heard of an answer that can be compared.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Gist>);

impl Heard {
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Gist::default();
    }

    pub(super) fn hear(&self, events: &[Event]) {
        let mut gist = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            match event {
                Event::Open { block: Opened::Tool { name, .. }, .. } if gist.tool.is_none() => {
                    gist.tool = Some(name.clone());
                }
                Event::Stop { reason, .. } => gist.stop = Some(reason.clone()),
                _ => {}
            }
        }
    }

    /// What was heard by now.
    pub fn gist(&self) -> Gist {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A copy that is to be sent.
#[derive(Clone, Copy)]
pub struct Shadow<'a> {
    /// Whom it goes to: the first of the plan, and nobody else.
    pub decision: &'a Decision,
    /// What the client asked.
    pub query: &'a Query,
    /// How long it may take.
    pub rules: Rules,
    /// The copy's own name.
    pub id: &'a RequestId,
    /// The way out.
    pub lines: &'a Lines,
    /// The time, for the rows.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

/// Sends a copy, once, and listens to its end. How the deployments stand is neither asked nor told: what becomes of a
/// copy is nobody's trouble.
pub async fn shadow(order: &Shadow<'_>) -> (Finished, Gist) {
    let Shadow { decision, query, rules, id, lines, now } = *order;
    let mut nobody = Nobody { query, typed: None, heard: Heard::default() };
    let rules = Rules { most_attempts: 1, rate_limit: 0, server: 0, ..rules };
    let way = Way { decision, rules, id, lines, board: None, session: None, now, affords: None };
    let finished = run(&way, &mut nobody, pending()).await;
    (finished, nobody.heard.gist())
}

/// Listens, and shows nothing to anybody.
struct Nobody<'a> {
    query: &'a Query,
    typed: Option<Result<Typed, Fault>>,
    heard: Heard,
}

impl Asker for Nobody<'_> {
    const READS: bool = false;

    fn question(&mut self, model: &Model, provider: &Provider) -> Result<Question<'_>, Fault> {
        if self.query.is_of(provider) {
            return Ok(self.query.spliced(model, provider));
        }
        let typed = self.typed.get_or_insert_with(|| self.query.typed());
        typed.as_ref().map(|typed| typed.encoded(model, provider)).map_err(Clone::clone)
    }

    fn begin(&mut self, _attempt: &Attempt, _seat: &Seat, _dropped: Vec<Dropped>) {}

    fn note(&mut self, _note: &Note) {}

    fn hear(&mut self, heard: asker::Heard<'_>) {
        self.heard.hear(&heard.events);
    }

    async fn let_out(&mut self) {}

    async fn end(&mut self) {}

    async fn broke(&mut self, _fault: &Fault) {}

    fn has_shown(&self) -> bool {
        false
    }

    fn sign_due(&self) -> Option<Instant> {
        None
    }

    async fn give_sign(&mut self) {}
}
