//! One attempt: one request to one model, from writing it to the last byte of what came back.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::audience::{Audience, Note};
use super::drive::Order;
use super::ear::Ear;
use super::finished::{Answer, Trial};
use crate::base::interrupt::Interrupted;
use crate::journal::Outcome;
use crate::model::Usage;
use crate::route::retry;
use crate::upstream::{Call, Reply};
use crate::wire::{Decoder, Encoded, Fault, FaultKind, Target, encode, estimate_tokens};

/// How long the end of a connection's answer is awaited after the answer's own end, so that it can be used again.
const TAIL: Duration = Duration::from_millis(200);

/// An attempt that is over.
pub(super) struct Sent {
    pub(super) trial: Trial,
    /// What was said, where anything was shown.
    pub(super) answer: Option<Answer>,
    pub(super) interrupted: Option<Interrupted>,
    /// Somebody has seen a piece of it.
    pub(super) shown: bool,
}

impl Sent {
    /// What the plan's run wants to know.
    pub(super) fn outcome(&self) -> retry::Outcome {
        let took = self.trial.total;
        match (&self.trial.fault, self.interrupted) {
            (_, Some(_)) => retry::Outcome::Stopped { took },
            (Some(fault), None) => retry::Outcome::Failed { fault: fault.clone(), shown: self.shown, took },
            (None, None) => retry::Outcome::Answered { took },
        }
    }
}

/// Sends one request and listens until the answer is over, the vendor fails, or the person stops it.
pub(super) async fn send(
    order: &Order<'_>,
    attempt: &retry::Attempt,
    audience: &mut dyn Audience,
    stop: Pin<&mut impl Future<Output = Interrupted>>,
) -> Sent {
    let (model, provider) = (attempt.ready.model(), attempt.ready.provider());
    let prompt = order.prompt.prompt(model);
    let target = Target {
        dialect: Call::dialect(provider),
        model: &model.id,
        quirks: &provider.quirks,
        most_output: model.most_output,
        context: model.context,
        stream: prompt.stream,
    };
    let encoded = encode(&prompt, &target);
    if !encoded.dropped.is_empty() && attempt.retry == 0 {
        audience.note(&Note::Dropped { model: model.name.clone(), what: encoded.dropped.clone() });
    }
    audience.note(&Note::Sending { model: model.name.clone(), number: attempt.number });
    let input = estimate_tokens(&encoded.body);
    let (started, clock) = ((order.now)(), Instant::now());
    let mut ear = Ear::new(audience);
    let mut vendor_id = None;
    let interrupted = tokio::select! {
        biased;
        interrupted = stop => Some(interrupted),
        () = listen(order, attempt, (encoded, prompt.stream), &mut ear, &mut vendor_id) => None,
    };
    let (usage, estimated, billed) = account(&ear, interrupted.is_some(), input);
    let trial = Trial {
        number: attempt.number,
        model: model.name.clone(),
        model_id: model.id.clone(),
        provider: provider.name.clone(),
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
        fallback: attempt.fallback || order.decision.is_fallback(),
        retries: attempt.retry,
        vendor_id,
    };
    if let Some(fault) = &trial.fault {
        ear.tell_fault(fault);
    }
    let shown = ear.spoke;
    let answer = shown.then(|| answer(&trial, std::mem::take(&mut ear.text), &ear));
    Sent { trial, answer, interrupted, shown }
}

fn answer(trial: &Trial, text: String, ear: &Ear<'_>) -> Answer {
    Answer {
        text,
        stop: ear.stop.clone().filter(|_| ear.whole),
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

/// What an attempt used, whether that is an estimate, and whether the vendor may ask money for it.
///
/// A vendor reports at the end, so of an answer that broke off only what it said is known. An error that the vendor
/// itself tells, and a host that was not reached, cost nothing; after a silence nobody knows.
fn account(ear: &Ear<'_>, stopped: bool, input: u64) -> (Option<Usage>, bool, bool) {
    let said = || estimate_tokens(ear.text.as_bytes()) + estimate_tokens(ear.aside.as_bytes());
    let guess = || {
        let base = ear.usage.unwrap_or(Usage::new(input, 0));
        Usage { output: base.output.max(said()), ..base }
    };
    match &ear.fault {
        None if !stopped => match ear.usage {
            Some(usage) if usage.output > 0 || said() == 0 => (Some(usage), false, true),
            _ => (Some(guess()), true, true),
        },
        _ if ear.whole => (ear.usage, false, true),
        _ if ear.spoke => (Some(guess()), true, true),
        Some(Fault { kind: FaultKind::Cut | FaultKind::Timeout, .. }) | None if ear.started => {
            (Some(guess()), true, true)
        }
        Some(Fault { kind: FaultKind::Malformed, .. }) if ear.started => (Some(guess()), true, true),
        Some(Fault { kind: FaultKind::Cut | FaultKind::Timeout, status: None, .. }) | None => (None, false, true),
        Some(_) => (None, false, false),
    }
}

async fn listen(
    order: &Order<'_>,
    attempt: &retry::Attempt,
    (encoded, stream): (Encoded, bool),
    ear: &mut Ear<'_>,
    vendor_id: &mut Option<String>,
) {
    if let Err(fault) = talk(order, attempt, (encoded, stream), ear, vendor_id).await {
        ear.fault = Some(fault);
    }
    ear.settle();
}

async fn talk(
    order: &Order<'_>,
    attempt: &retry::Attempt,
    (encoded, stream): (Encoded, bool),
    ear: &mut Ear<'_>,
    vendor_id: &mut Option<String>,
) -> Result<(), Fault> {
    let (model, provider) = (attempt.ready.model(), attempt.ready.provider());
    let key = order.lines.key(provider);
    let call = Call::new(provider, &model.id, key, encoded.body, stream)?.within(attempt.left);
    let mut reply = order.lines.upstream().open(call).await?;
    *vendor_id = reply.request_id().map(str::to_owned);
    if !reply.is_success() {
        return Err(reply.fault((order.now)()).await);
    }
    if let Some(fault) = reply.unreadable() {
        return Err(fault);
    }
    let seed = format!("{}{}", order.id.as_str().replace('-', ""), attempt.number);
    let decoder = Decoder::new(Call::dialect(provider), &provider.quirks, encoded.names, &seed);
    let broken = read(&mut reply, decoder, ear).await;
    // What broke the connection says more than that the answer has no end.
    match (broken, ear.fault.take()) {
        (_, None) => Ok(()),
        (Some(broken), Some(_)) => Err(broken),
        (None, Some(fault)) => Err(reply.clean(fault)),
    }
}

/// Reads the answer to its end; gives what broke the connection, if anything did.
async fn read(reply: &mut Reply, mut decoder: Decoder, ear: &mut Ear<'_>) -> Option<Fault> {
    let mut broken = None;
    while !decoder.is_done() {
        let events = match reply.chunk().await {
            Ok(Some(bytes)) => decoder.feed(&bytes),
            Ok(None) => decoder.finish(),
            Err(fault) => {
                broken = Some(fault);
                decoder.finish()
            }
        };
        for event in events {
            ear.hear(event);
        }
        ear.usage = decoder.usage().or(ear.usage);
    }
    if broken.is_none() {
        let tail = async { while let Ok(Some(_)) = reply.chunk().await {} };
        drop(timeout(TAIL, tail).await);
    }
    broken
}
