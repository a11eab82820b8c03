//! Who was tried, how often, and what came of it.

use std::fmt;
use std::time::Duration;

use crate::route::Ready;
use crate::wire::Fault;

/// The account of a run: every model of the plan that was tried or passed over, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// One for each model.
    pub trials: Vec<Trial>,
    /// How long was waited between requests, over all models.
    pub waited: Duration,
    /// How long the requests took, over all models.
    pub took: Duration,
}

/// One model's part in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The model.
    pub ready: Ready,
    /// How many requests it was sent.
    pub sends: u32,
    /// How long was waited before asking it again.
    pub waited: Duration,
    /// Its failures, one for each request that failed.
    pub faults: Vec<Fault>,
    /// How it ended.
    pub end: End,
}

/// How a model's part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answered,
    /// With a failure.
    Failed,
    /// With part of an answer that was shown already.
    Cut,
    /// The person stopped it.
    Stopped,
    /// It was not asked, for this reason.
    PassedOver(String),
}

impl Tally {
    /// The account of a run whose first model is about to be asked.
    pub(super) fn starting(first: Ready) -> Self {
        Self { trials: vec![Trial::of(first, None)], waited: Duration::ZERO, took: Duration::ZERO }
    }

    /// Waits and requests together.
    pub fn elapsed(&self) -> Duration {
        self.waited.saturating_add(self.took)
    }

    /// Notes a wait before the last model is asked again.
    pub(super) fn wait(&mut self, wait: Duration) {
        self.waited = self.waited.saturating_add(wait);
        if let Some(trial) = self.trials.last_mut() {
            trial.waited = trial.waited.saturating_add(wait);
        }
    }

    /// The model that answered.
    pub fn answered(&self) -> Option<&Ready> {
        self.trials.iter().find(|trial| trial.end == End::Answered).map(|trial| &trial.ready)
    }

    /// The failure that ended the run, or the last one before it.
    pub fn last_fault(&self) -> Option<&Fault> {
        self.trials.iter().rev().find_map(|trial| trial.faults.last())
    }

    /// How many requests were sent.
    pub fn sends(&self) -> u32 {
        self.trials.iter().map(|trial| trial.sends).sum()
    }
}

impl Trial {
    /// A model that is about to be asked, or is not for this reason.
    pub(super) fn of(ready: Ready, passed_over: Option<String>) -> Self {
        let end = passed_over.map_or(End::Failed, End::PassedOver);
        Self { ready, sends: 0, waited: Duration::ZERO, faults: Vec::new(), end }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.ready.name();
        match (&self.end, self.faults.last()) {
            (End::PassedOver(why), _) => write!(f, "{name}: not asked: {why}"),
            (End::Answered, _) => write!(f, "{name}: answered"),
            (End::Stopped, _) => write!(f, "{name}: stopped"),
            (End::Cut, Some(fault)) => write!(f, "{name}: broke off: {}", fault.told()),
            (End::Failed | End::Cut, fault) => {
                write!(f, "{name}: ")?;
                match fault {
                    Some(fault) => f.write_str(&fault.told())?,
                    None => f.write_str("no answer")?,
                }
                if self.sends > 1 { write!(f, " (asked {} times)", self.sends) } else { Ok(()) }
            }
        }
    }
}
