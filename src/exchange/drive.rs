//! Drives a decision's plan: does what the run of retries says, one attempt after the other, until somebody answers,
//! everybody failed, or the person stops it.

use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;

use super::attempt::send;
use super::audience::{Audience, Note};
use super::finished::{End, Finished};
use super::lines::Lines;
use crate::base::interrupt::Interrupted;
use crate::model::RequestId;
use crate::route::retry::{Outcome, Rules, Run, Step, Tally};
use crate::route::{Decision, Model};
use crate::wire::Fault;
use crate::wire::hub::Prompt;

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
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// Who is asked, in which order.
    pub decision: &'a Decision,
    /// What is asked, as each model is to be told it.
    pub prompt: &'a dyn Wording,
    /// How often and how long to try.
    pub rules: Rules,
    /// The request's name; the waits and the ids of an answer are made from it.
    pub id: &'a RequestId,
    /// The way out.
    pub lines: &'a Lines,
    /// The time, for the rows and for dates in `Retry-After`.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// Sends the order and tells `audience` what happens, until it is over or `stop` (usually [`super::stopped`]) comes.
///
/// Once a piece of an answer was heard, nobody else is asked: what breaks after it ends as [`End::Cut`].
pub async fn drive(
    order: &Order<'_>,
    audience: &mut dyn Audience,
    stop: impl Future<Output = Interrupted>,
) -> Finished {
    let mut stop = pin!(stop);
    let mut run = Run::new(order.decision.plan(), order.rules, seed(order.id));
    let mut trials = Vec::new();
    let mut answer = None;
    let mut end = End::Failed;
    let mut told: Option<Outcome> = None;
    // The model that was asked last, and why it failed.
    let mut failed: Option<(String, Fault)> = None;
    loop {
        match run.next(told.take()) {
            Step::Try(attempt) => {
                if let Some((from, why)) = failed.take().filter(|(from, _)| from != attempt.ready.name()) {
                    audience.note(&Note::Fallback { from, to: attempt.ready.name().to_owned(), why });
                }
                let sent = send(order, &attempt, audience, stop.as_mut()).await;
                told = Some(sent.outcome());
                end = match (sent.interrupted, &sent.trial.fault) {
                    (Some(interrupted), _) => End::Stopped(interrupted),
                    (None, None) => End::Answered,
                    (None, Some(fault)) if sent.shown => End::Cut(fault.clone()),
                    (None, Some(_)) => End::Failed,
                };
                failed = sent.trial.fault.clone().map(|fault| (sent.trial.model.clone(), fault));
                answer = sent.answer;
                trials.push(sent.trial);
            }
            Step::Wait(wait) => {
                if let Some((model, why)) = &failed {
                    audience.note(&Note::Waiting { model: model.clone(), wait, why: why.clone() });
                }
                tokio::select! {
                    biased;
                    interrupted = stop.as_mut() => {
                        let tally = given_up(&mut run);
                        return Finished { answer, trials, end: End::Stopped(interrupted), tally };
                    }
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Step::Give(tally) => return Finished { answer, trials, end, tally },
        }
    }
}

/// The account of a run that the person stopped between two attempts.
fn given_up(run: &mut Run) -> Tally {
    match run.next(Some(Outcome::Stopped { took: Duration::ZERO })) {
        Step::Give(tally) => tally,
        Step::Try(_) | Step::Wait(_) => Tally { trials: Vec::new(), waited: Duration::ZERO, took: Duration::ZERO },
    }
}

/// A number for the jitter, from the random part of the id: the same request waits the same.
fn seed(id: &RequestId) -> u64 {
    let tail = id.as_str().rsplit('-').next().unwrap_or_default();
    u64::from_str_radix(tail, 16).unwrap_or(0)
}
