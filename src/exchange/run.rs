//! The one loop: does what the run of retries says, one attempt after the other, until somebody answers, everybody
//! failed, or the asker wants no more.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::asker::{Asker, waiting};
use super::attempt::send;
use super::audience::Note;
use super::board::{Board, Seat};
use super::finished::{End, Finished, Trial};
use super::lines::Lines;
use super::memory::{self, Berth};
use crate::base::interrupt::Interrupted;
use crate::model::RequestId;
use crate::route::retry::{Attempt, Outcome, Rules, Run, Step, Tally};
use crate::route::{Decision, Ready};
use crate::wire::{Fault, FaultKind};

/// Says whether another attempt can be afforded, to this model and after these attempts, and if not, why: then the model
/// is passed over.
pub type Affords<'a> = dyn Fn(&Ready, &[Trial]) -> Result<(), String> + Send + Sync + 'a;

/// Whom a request may go to, and how.
pub(super) struct Way<'a> {
    pub(super) decision: &'a Decision,
    pub(super) rules: Rules,
    pub(super) id: &'a RequestId,
    pub(super) lines: &'a Lines,
    pub(super) board: Option<&'a Board>,
    /// Whose conversation it is.
    pub(super) session: Option<&'a str>,
    pub(super) now: &'a (dyn Fn() -> Timestamp + Sync),
    pub(super) affords: Option<&'a Affords<'a>>,
}

/// Goes the way until it is over, or `stop` comes.
pub(super) async fn run(way: &Way<'_>, asker: &mut impl Asker, stop: impl Future<Output = Interrupted>) -> Finished {
    let mut stop = pin!(stop);
    let board = way.board.cloned().unwrap_or_default();
    let mut run = board.run(way.decision.plan(), way.rules, seed(way.id));
    let mut next: Option<Seat> = None;
    let mut trials = Vec::new();
    let mut answer = None;
    let mut end = End::Failed;
    let mut told: Option<Outcome> = None;
    // Somebody has ended without a word; or it is no use to doubt that, because nobody else would be asked.
    let mut silent = way.rules.server == 0 && way.decision.plan().iter().nth(1).is_none();
    // The model that was asked last, and why it failed.
    let mut failed: Option<(String, Fault)> = None;
    loop {
        match run.next(told.take()) {
            Step::Try(mut attempt) => {
                if let Some(Err(why)) = way.affords.map(|affords| affords(&attempt.ready, &trials)) {
                    (next, told) = (None, Some(Outcome::Declined { why, took: Duration::ZERO }));
                    continue;
                }
                let mut place = board.seat(next.take(), &attempt.ready, way.session);
                let (berth, waited) = match berth(way, &mut attempt, &place, asker, stop.as_mut()).await {
                    Ok(berth) => berth,
                    Err(NoBerth::Declined { why, took }) => {
                        let name = attempt.ready.name().to_owned();
                        failed.get_or_insert((name, Fault::new(FaultKind::NotLoaded, &*why)));
                        told = Some(Outcome::Declined { why, took });
                        continue;
                    }
                    Err(NoBerth::Stopped { by, took }) => {
                        end = End::Stopped(by);
                        told = Some(Outcome::Stopped { took });
                        continue;
                    }
                };
                if let Some((from, why)) = failed.take().filter(|(from, _)| from != attempt.ready.name()) {
                    asker.note(&Note::Fallback { from, to: attempt.ready.name().to_owned(), why });
                }
                let sent = send(way, &attempt, &mut place, asker, silent, stop.as_mut()).await;
                drop(berth);
                silent |= sent.silent;
                (next, told) = sent.settle(place);
                told = told.map(|outcome| outcome.after(waited));
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
                    asker.note(&Note::Waiting { model: model.clone(), wait, why: why.clone() });
                }
                tokio::select! {
                    biased;
                    interrupted = stop.as_mut() => {
                        let tally = given_up(&mut run);
                        return Finished { answer, trials, end: End::Stopped(interrupted), tally };
                    }
                    () = waiting(asker, tokio::time::sleep(wait)) => {}
                }
            }
            Step::Give(tally) => return Finished { answer, trials, end, tally },
        }
    }
}

/// Why an attempt is not sent.
enum NoBerth {
    Declined { why: String, took: Duration },
    Stopped { by: Interrupted, took: Duration },
}

/// Waits until there is memory for an attempt, where memory is counted at all; how long that took is gone from what is
/// left for the attempt.
async fn berth(
    way: &Way<'_>,
    attempt: &mut Attempt,
    place: &Seat,
    asker: &mut impl Asker,
    stop: Pin<&mut impl Future<Output = Interrupted>>,
) -> Result<(Option<Berth>, Duration), NoBerth> {
    let (model, provider) = (attempt.ready.model(), place.provider());
    if way.lines.memory_of(provider).is_none() {
        return Ok((None, Duration::ZERO));
    }
    let started = Instant::now();
    let entered = tokio::select! {
        biased;
        by = stop => return Err(NoBerth::Stopped { by, took: started.elapsed() }),
        entered = memory::enter(way.lines, model, provider, attempt.left, asker) => entered,
    };
    let took = started.elapsed();
    attempt.left = attempt.left.map(|left| left.saturating_sub(took));
    entered.map(|berth| (berth, took)).map_err(|why| NoBerth::Declined { why, took })
}

/// The account of a run that the asker stopped between two attempts.
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
