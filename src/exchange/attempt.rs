//! One attempt: one request to one model, from writing it to the last byte of what came back.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::asker::{Asker, Heard, Question, waiting};
use super::audience::Note;
use super::board::{Ended, Seat};
use super::ear::Ear;
use super::finished::{Answer, Trial};
use super::run::Way;
use crate::base::interrupt::Interrupted;
use crate::journal::Outcome;
use crate::route::retry;
use crate::upstream::{Call, Reply};
use crate::wire::{Decoder, Event, Fault, FaultKind, estimate_tokens};

/// How long the end of a connection's answer is awaited after the answer's own end, so that it can be used again.
const TAIL: Duration = Duration::from_millis(200);
/// So many bytes that came at once go on at once.
const GATHERED: usize = 64 * 1024;

/// So many bytes that say nothing are kept back. The decoder's own limit for one event is the same.
const MOST_HELD: usize = 32 * 1024 * 1024;

/// An attempt that is over.
pub(super) struct Sent {
    pub(super) trial: Trial,
    /// What was said, where anything was shown.
    pub(super) answer: Option<Answer>,
    pub(super) interrupted: Option<Interrupted>,
    /// Somebody has seen a piece of it.
    pub(super) shown: bool,
    /// It failed only in that it had an end and no words.
    pub(super) silent: bool,
}

impl Sent {
    /// Gives the seat back; then a seat at another deployment, where this one failed before anybody saw anything, and
    /// what the plan's run wants to know.
    pub(super) fn settle(&self, seat: Seat) -> (Option<Seat>, Option<retry::Outcome>) {
        let took = self.trial.total;
        if self.interrupted.is_some() {
            return (None, Some(retry::Outcome::Stopped { took }));
        }
        let latency = Some(self.trial.first.unwrap_or(took));
        let next = seat.finish(&Ended { fault: self.trial.fault.as_ref(), shown: self.shown, latency });
        let outcome = match (self.trial.fault.clone(), &next) {
            (None, _) => retry::Outcome::Answered { took },
            (Some(fault), Some(_)) => retry::Outcome::Elsewhere { fault, took },
            (Some(fault), None) => retry::Outcome::Failed { fault, shown: self.shown, took },
        };
        (next, Some(outcome))
    }
}

/// Sends one request and listens until the answer is over, the vendor fails, or the asker wants no more. `silent`:
/// somebody has ended without a word before, so another one who does agrees with that.
pub(super) async fn send<A: Asker>(
    way: &Way<'_>,
    attempt: &retry::Attempt,
    seat: &mut Seat,
    asker: &mut A,
    silent: bool,
    stop: Pin<&mut impl Future<Output = Interrupted>>,
) -> Sent {
    let model = attempt.ready.model();
    let (started, clock) = ((way.now)(), Instant::now());
    let ear = Ear::new(A::READS, Call::dialect(seat.provider()), silent);
    let mut talk = Talk { way, attempt, seat, asker, ear, body: Bytes::new(), received: 0, vendor_id: None };
    let interrupted = tokio::select! {
        biased;
        interrupted = stop => Some(interrupted),
        () = talk.listen() => None,
    };
    let Talk { asker, seat, ear, body, vendor_id, .. } = talk;
    // Many clients leave with the last event, before the connection's own end.
    let interrupted = interrupted.filter(|_| !(ear.whole && ear.spoke));
    let (usage, estimated, billed) = ear.account(interrupted.is_some(), || estimate_tokens(&body));
    let trial = Trial {
        number: attempt.number,
        model: model.name.clone(),
        model_id: model.id.clone(),
        provider: attempt.ready.provider().name.clone(),
        deployment: seat.deployment().map(str::to_owned),
        tier: model.tier,
        started,
        first: ear.first.map(|first| first.duration_since(clock)),
        total: clock.elapsed(),
        usage,
        estimated,
        billed,
        outcome: match (&ear.fault, interrupted) {
            (_, Some(_)) => Outcome::Cancelled,
            (None, None) => Outcome::Ok,
            (Some(_), None) if ear.spoke => Outcome::Cut,
            (Some(_), None) => Outcome::Failed,
        },
        fault: ear.fault.clone().filter(|_| interrupted.is_none()),
        fallback: attempt.fallback || way.decision.is_fallback(),
        retries: attempt.retry,
        vendor_id,
    };
    let shown = asker.has_shown();
    if let Some(fault) = trial.fault.as_ref().filter(|_| shown) {
        asker.broke(fault).await;
    }
    let silent = ear.silent;
    let answer = shown.then(|| answer(&trial, ear));
    Sent { trial, answer, interrupted, shown, silent }
}

fn answer(trial: &Trial, ear: Ear) -> Answer {
    Answer {
        text: ear.text,
        stop: ear.stop.filter(|_| ear.whole),
        model: trial.model.clone(),
        model_id: trial.model_id.clone(),
        provider: trial.provider.clone(),
        tier: Some(trial.tier),
        usage: trial.usage,
        estimated: trial.estimated,
        fallback: trial.fallback,
        cached: None,
    }
}

/// An attempt that is under way.
struct Talk<'a, 'w, A> {
    way: &'a Way<'w>,
    attempt: &'a retry::Attempt,
    seat: &'a mut Seat,
    asker: &'a mut A,
    ear: Ear,
    /// What was sent.
    body: Bytes,
    /// How many bytes came back.
    received: usize,
    vendor_id: Option<String>,
}

impl<A: Asker> Talk<'_, '_, A> {
    async fn listen(&mut self) {
        if let Err(fault) = self.exchange().await {
            self.ear.fault = Some(fault);
        }
        self.ear.settle();
        if self.ear.fault.is_none() {
            self.asker.let_out().await;
            self.asker.end().await;
        }
    }

    async fn exchange(&mut self) -> Result<(), Fault> {
        let (call, mut decoder) = self.call()?;
        // Boxed: whoever waits for what is large is larger by twice as much.
        let mut reply = waiting(self.asker, Box::pin(self.way.lines.upstream().open(call))).await?;
        self.vendor_id = reply.request_id().map(str::to_owned);
        if !reply.is_success() {
            return Err(waiting(self.asker, Box::pin(reply.fault((self.way.now)()))).await);
        }
        if let Some(fault) = reply.unreadable() {
            return Err(fault);
        }
        let broken = self.read(&mut reply, &mut decoder).await;
        // What broke the connection says more than that the answer has no end.
        match (broken, self.ear.fault.take()) {
            (_, None) => Ok(()),
            (Some(broken), Some(_)) => Err(broken),
            (None, Some(fault)) => Err(reply.clean(fault)),
        }
    }

    /// The request, and the decoder for its answer.
    fn call(&mut self) -> Result<(Call, Decoder), Fault> {
        let Self { attempt, seat, asker, way, .. } = self;
        let (model, provider) = (attempt.ready.model(), seat.provider());
        let key = way.lines.key(provider);
        let Question { body, dropped, names, stream, skims, carry, beta } = asker.question(model, provider)?;
        let mut call = way.lines.upstream().call(provider, &model.id, key, body.clone(), stream)?.within(attempt.left);
        if let Some(carry) = carry {
            call = call.carrying(provider, carry);
        }
        if beta {
            call = call.beta();
        }
        if !dropped.is_empty() && attempt.retry == 0 {
            asker.note(&Note::Dropped { model: model.name.clone(), what: dropped.clone() });
        }
        asker.note(&Note::Sending { model: model.name.clone(), number: attempt.number });
        asker.begin(attempt, seat, dropped);
        self.body = body;
        let mut seed: String = way.id.as_str().chars().filter(|c| *c != '-').collect();
        seed.push_str(&attempt.number.to_string());
        let decoder = Decoder::new(Call::dialect(provider), &provider.quirks, names, &seed);
        Ok((call, if skims { decoder.skimming() } else { decoder }))
    }

    /// Reads the answer to its end; gives what broke the connection, if anything did.
    async fn read(&mut self, reply: &mut Reply, decoder: &mut Decoder) -> Option<Fault> {
        let mut broken = None;
        while !decoder.is_done() && !self.ear.is_full() {
            match waiting(self.asker, reply.chunk()).await {
                Ok(Some(bytes)) => {
                    self.feed(decoder, &bytes);
                    broken = self.gather(reply, decoder, bytes.len()).await;
                }
                Ok(None) => self.finish(decoder),
                Err(fault) => broken = Some(fault),
            }
            if !self.ear.spoke && self.received > MOST_HELD {
                broken = Some(Fault::new(FaultKind::Malformed, "the answer says nothing, at great length"));
            }
            if broken.is_some() {
                self.finish(decoder);
            }
            if self.ear.spoke {
                self.seat.speaks();
                self.asker.let_out().await;
            }
        }
        if broken.is_none() && self.ear.fault.is_none() {
            let tail = async {
                while let Ok(Some(bytes)) = reply.chunk().await {
                    self.feed(decoder, &bytes);
                }
            };
            drop(timeout(TAIL, tail).await);
        }
        broken
    }

    /// Takes what has come in the meantime as well, so that it is written together.
    async fn gather(&mut self, reply: &mut Reply, decoder: &mut Decoder, mut so_far: usize) -> Option<Fault> {
        let mut waited = false;
        while so_far < GATHERED && !decoder.is_done() {
            match reply.ready_chunk().await {
                Some(Ok(Some(bytes))) => {
                    so_far += bytes.len();
                    waited = false;
                    self.feed(decoder, &bytes);
                }
                Some(Ok(None)) => {
                    self.finish(decoder);
                    return None;
                }
                Some(Err(fault)) => return Some(fault),
                // The connection is a task of its own: it hands over the next piece only when it is let.
                None if !waited => {
                    waited = true;
                    tokio::task::yield_now().await;
                }
                None => return None,
            }
        }
        None
    }

    fn feed(&mut self, decoder: &mut Decoder, bytes: &[u8]) {
        let events = decoder.feed(bytes);
        self.received += bytes.len();
        self.take(decoder, bytes, events, false);
    }

    fn finish(&mut self, decoder: &mut Decoder) {
        if !decoder.is_done() {
            let events = decoder.finish();
            self.take(decoder, &[], events, true);
        }
    }

    fn take(&mut self, decoder: &Decoder, bytes: &[u8], mut events: Vec<Event>, over: bool) {
        for event in &events {
            self.ear.hear(event);
        }
        // Told by whoever decides what follows from it.
        events.retain(|event| !matches!(event, Event::Error(_)));
        self.ear.usage = decoder.usage().or(self.ear.usage);
        self.ear.said = decoder.said();
        let (complete, is_stream) = (decoder.complete(), decoder.is_stream() == Some(true));
        self.asker.hear(Heard { bytes, complete, events, is_stream, over });
    }
}
