//! The state machine.

use std::collections::VecDeque;
use std::time::Duration;

use super::rules::{Jitter, Rules};
use super::tally::{End, Tally, Trial};
use crate::route::{Plan, Ready};
use crate::wire::{Fault, FaultKind, Remedy};

/// One request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whom to ask.
    pub ready: Ready,
    /// The number of the request within the run, from 1.
    pub number: u32,
    /// How often this model was asked before: 0 the first time.
    pub retry: u32,
    /// Another model of the plan was asked before it.
    pub fallback: bool,
    /// It may last no longer than this ([`Rules::deadline`]), whatever its provider allows.
    pub left: Option<Duration>,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer.
    Answered {
        /// How long it took.
        took: Duration,
    },
    /// A failure.
    Failed {
        /// Which.
        fault: Fault,
        /// Something of the answer was shown already: nobody may be asked again.
        shown: bool,
        /// How long it took.
        took: Duration,
    },
    /// A failure of one of the model's deployments, with nothing shown, and another one can be asked at once.
    Elsewhere {
        /// Which.
        fault: Fault,
        /// How long it took.
        took: Duration,
    },
    /// It was not sent: the model is passed over, for this reason.
    Declined {
        /// Why.
        why: String,
        /// How long it took to find that out.
        took: Duration,
    },
    /// The person stopped it.
    Stopped {
        /// How long it took.
        took: Duration,
    },
}

impl Outcome {
    /// The same after a wait that belongs to it.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        let (Self::Answered { took }
        | Self::Failed { took, .. }
        | Self::Elsewhere { took, .. }
        | Self::Declined { took, .. }
        | Self::Stopped { took }) = &mut self;
        *took = took.saturating_add(wait);
        self
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this, and come back with its [`Outcome`].
    Try(Attempt),
    /// Wait so long, and come back with `None`; or with [`Outcome::Stopped`] where the person stops the wait.
    Wait(Duration),
    /// It is over. From now on there is nothing else.
    Give(Tally),
}

/// One request's way through its plan.
#[derive(Debug, Clone)]
pub struct Run {
    rules: Rules,
    jitter: Jitter,
    left: VecDeque<Ready>,
    now: Ready,
    /// How often was waited for the model that is asked now.
    waits: u32,
    /// The model that the plan has first.
    first: Ready,
    state: State,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A request to [`Run::now`] is due.
    Due,
    /// It is out.
    Sent,
    /// Nothing more happens.
    Over,
}

impl Run {
    /// A run over `plan`. `jitter_seed` should differ between runs; the same seed gives the same waits.
    pub fn new(plan: &Plan, rules: Rules, jitter_seed: u64) -> Self {
        Self::around(plan, |_| false, rules, jitter_seed)
    }

    /// The same, but the models that are `shut` (known to fail) come last: they are asked where all others fail, too.
    pub fn around(plan: &Plan, shut: impl Fn(&Ready) -> bool, rules: Rules, jitter_seed: u64) -> Self {
        let (shut, mut left): (VecDeque<Ready>, VecDeque<Ready>) = plan.iter().cloned().partition(|ready| shut(ready));
        left.extend(shut);
        let now = left.pop_front().unwrap_or_else(|| plan.first().clone());
        Self {
            rules,
            jitter: Jitter(jitter_seed),
            left,
            tally: Tally::starting(now.clone()),
            now,
            waits: 0,
            first: plan.first().clone(),
            state: State::Due,
        }
    }

    /// What to do next: `None` at the start and after a wait, the outcome after an attempt.
    ///
    /// A request whose outcome is never told counts as stopped, so that a confused driver sends too little rather
    /// than too much.
    pub fn next(&mut self, outcome: Option<Outcome>) -> Step {
        match (self.state, outcome) {
            (State::Over, _) => Step::Give(self.tally.clone()),
            (State::Due, Some(Outcome::Stopped { .. })) | (State::Sent, None) => {
                self.finish(End::Stopped, Duration::ZERO)
            }
            (State::Due, _) => self.send(),
            (State::Sent, Some(Outcome::Answered { took })) => self.finish(End::Answered, took),
            (State::Sent, Some(Outcome::Stopped { took })) => self.finish(End::Stopped, took),
            (State::Sent, Some(Outcome::Failed { fault, shown, took })) => self.failed(&fault, shown, took),
            (State::Sent, Some(Outcome::Elsewhere { fault, took })) => self.elsewhere(&fault, took),
            (State::Sent, Some(Outcome::Declined { why, took })) => self.declined(why, took),
        }
    }

    fn send(&mut self) -> Step {
        let others = self.tally.trials.iter().rev().skip(1).any(|trial| trial.sends > 0);
        let fallback = others || self.now != self.first;
        let number = self.tally.sends().saturating_add(1);
        let left = self.rules.deadline.map(|deadline| deadline.saturating_sub(self.tally.elapsed()));
        let Some(trial) = self.tally.trials.last_mut() else { return self.finish(End::Failed, Duration::ZERO) };
        let retry = trial.sends;
        trial.sends += 1;
        self.state = State::Sent;
        Step::Try(Attempt { ready: self.now.clone(), number, retry, fallback, left })
    }

    /// The same model at once, at another deployment: no wait, and no retry of this one.
    fn elsewhere(&mut self, fault: &Fault, took: Duration) -> Step {
        if self.limit_after(took).is_some() {
            return self.failed(fault, false, took);
        }
        self.note(fault, took);
        self.send()
    }

    /// The next model; this one was not asked, or not once more.
    fn declined(&mut self, why: String, took: Duration) -> Step {
        self.tally.took = self.tally.took.saturating_add(took);
        if let Some(trial) = self.tally.trials.last_mut() {
            trial.sends = trial.sends.saturating_sub(1);
            if trial.sends == 0 {
                trial.end = End::PassedOver(why);
            }
        }
        self.move_on()
    }

    fn note(&mut self, fault: &Fault, took: Duration) {
        if let Some(trial) = self.tally.trials.last_mut() {
            trial.faults.push(fault.clone());
        }
        self.tally.took = self.tally.took.saturating_add(took);
    }

    fn failed(&mut self, fault: &Fault, shown: bool, took: Duration) -> Step {
        self.note(fault, took);
        if shown {
            return self.finish(End::Cut, Duration::ZERO);
        }
        let roomier = matches!(fault.kind, FaultKind::TooLong | FaultKind::OutputTooLong);
        match fault.remedy() {
            Remedy::Stop if !roomier => self.finish(End::Failed, Duration::ZERO),
            Remedy::Stop | Remedy::Elsewhere => self.move_on(),
            Remedy::Retry => match self.wait(fault) {
                Some(wait) => {
                    self.state = State::Due;
                    self.waits += 1;
                    self.tally.wait(wait);
                    Step::Wait(wait)
                }
                None => self.move_on(),
            },
        }
    }

    /// How long to wait before the same model is asked again; `None`: it is not.
    fn wait(&mut self, fault: &Fault) -> Option<Duration> {
        let retry = self.waits;
        if retry >= self.rules.retries(fault) || self.limit().is_some() {
            return None;
        }
        let wait = match fault.retry_after {
            Some(asked) if asked > self.rules.longest_retry_after => return None,
            // Not all at the same moment, and never sooner than asked.
            Some(asked) => {
                let room = self.rules.longest_retry_after.saturating_sub(asked);
                asked + self.jitter.up_to(self.rules.first_wait.min(room))
            }
            None => {
                let half = self.rules.ceiling(retry) / 2;
                half + self.jitter.up_to(half)
            }
        };
        (self.tally.elapsed().saturating_add(wait) < self.total()).then_some(wait)
    }

    /// Asks the next model of the plan of which nobody's failure has shown that it would fail, too.
    fn move_on(&mut self) -> Step {
        let limit = self.limit();
        while let Some(next) = self.left.pop_front() {
            let shown =
                || self.tally.trials.iter().find_map(|trial| hopeless(trial.faults.last()?, &trial.ready, &next));
            let hopeless = limit.clone().or_else(shown);
            self.tally.trials.push(Trial::of(next.clone(), hopeless.clone()));
            if hopeless.is_none() {
                self.now = next;
                self.waits = 0;
                return self.send();
            }
        }
        self.state = State::Over;
        Step::Give(self.tally.clone())
    }

    /// The limit that forbids another request.
    fn limit(&self) -> Option<String> {
        self.limit_after(Duration::ZERO)
    }

    /// The same, when `took` has passed, too.
    fn limit_after(&self, took: Duration) -> Option<String> {
        if self.tally.sends() >= self.rules.most_attempts {
            return Some(format!("{} requests were sent, and no more are allowed", self.tally.sends()));
        }
        (self.tally.elapsed().saturating_add(took) >= self.total())
            .then(|| format!("the {:.1} s that all of it may take are over", self.total().as_secs_f64()))
    }

    /// After how long nothing further is sent.
    fn total(&self) -> Duration {
        self.rules.deadline.map_or(self.rules.total, |deadline| deadline.min(self.rules.total))
    }

    fn finish(&mut self, end: End, took: Duration) -> Step {
        self.state = State::Over;
        self.tally.took = self.tally.took.saturating_add(took);
        if let Some(trial) = self.tally.trials.last_mut() {
            trial.end = end;
        }
        Step::Give(self.tally.clone())
    }
}

/// Why `next` would fail as `failed` did.
fn hopeless(fault: &Fault, failed: &Ready, next: &Ready) -> Option<String> {
    let same = failed.provider().name == next.provider().name;
    match fault.kind {
        FaultKind::Auth if same => Some(format!("{} did not take the key", next.provider().name)),
        FaultKind::Unreachable if same => Some(format!("{} could not be reached", next.provider().name)),
        FaultKind::TooLong | FaultKind::OutputTooLong => {
            let limit = fault.tokens.map(|tokens| tokens.limit).or(failed.model().context);
            let needed = fault.tokens.map_or(0, |tokens| tokens.input.saturating_add(tokens.output));
            let roomy = |context: u64| context >= needed && limit.is_some_and(|limit| context > limit);
            (!next.model().context.is_some_and(roomy)).then(|| "its context window is not known to be larger".into())
        }
        _ => None,
    }
}
