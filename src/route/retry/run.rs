//! The state machine.

use std::time::Duration;

use super::rules::Rules;
use super::tally::Tally;
use crate::route::{Plan, Ready};
use crate::wire::Fault;

/// One request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whom to ask.
    pub ready: Ready,
    /// The number of the request within the run, from 1.
    pub number: u32,
    /// How often this model was asked before: 0 the first time.
    pub retry: u32,
    /// Another model of the plan was tried before it.
    pub fallback: bool,
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
    /// The person stopped it.
    Stopped {
        /// How long it took.
        took: Duration,
    },
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this, and come back with its [`Outcome`].
    Try(Attempt),
    /// Wait so long, and come back with `None`.
    Wait(Duration),
    /// It is over.
    Give(Tally),
}

/// One request's way through its plan.
#[derive(Debug, Clone)]
pub struct Run {
    plan: Vec<Ready>,
    at: usize,
    tally: Tally,
}

impl Run {
    /// A run over `plan`. `jitter_seed` should differ between runs; the same seed gives the same waits.
    pub fn new(plan: &Plan, _rules: Rules, _jitter_seed: u64) -> Self {
        let tally = Tally { trials: Vec::new(), waited: Duration::ZERO, took: Duration::ZERO };
        Self { plan: plan.iter().cloned().collect(), at: 0, tally }
    }

    /// What to do next: `None` at the start and after a wait, the outcome after an attempt.
    pub fn next(&mut self, outcome: Option<Outcome>) -> Step {
        let over = outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Failed { .. }));
        let next = self.plan.get(self.at).filter(|_| !over);
        let Some(ready) = next else { return Step::Give(self.tally.clone()) };
        self.at += 1;
        let number = u32::try_from(self.at).unwrap_or(u32::MAX);
        Step::Try(Attempt { ready: ready.clone(), number, retry: 0, fallback: self.at > 1 })
    }
}
