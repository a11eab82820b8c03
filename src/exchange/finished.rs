//! What came of a request: the answer, and every attempt on the way to it.

use std::time::Duration;

use jiff::Timestamp;

use super::error::ExchangeError;
use crate::base::interrupt::Interrupted;
use crate::journal::Outcome;
use crate::model::{Tier, Usage};
use crate::route::retry::Tally;
use crate::wire::{Fault, FaultKind, Remedy, StopReason};

/// A request that is over, well or badly.
#[derive(Debug)]
pub struct Finished {
    /// What there is of an answer: all of it, the part that came before it broke, or one from before.
    pub answer: Option<Answer>,
    /// Every attempt, in order: each is one row of the journal.
    pub trials: Vec<Trial>,
    /// How it ended.
    pub end: End,
    /// The account of the plan: every model that was tried or passed over.
    pub tally: Tally,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a whole answer.
    Answered,
    /// With an answer from before, because nobody answered now.
    Cached,
    /// With a part of an answer that the person has seen, so nobody else was asked.
    Cut(Fault),
    /// The person stopped it.
    Stopped(Interrupted),
    /// Nobody answered.
    Failed,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its text, without thinking.
    pub text: String,
    /// Why it ended; `None` where it did not end by itself.
    pub stop: Option<StopReason>,
    /// The model that gave it, by moai's name.
    pub model: String,
    /// Its id at the vendor.
    pub model_id: String,
    /// The provider.
    pub provider: String,
    /// The tier of the model; `None` for an answer from before by a model that is configured no more.
    pub tier: Option<Tier>,
    /// What it used; `None` where nobody knows.
    pub usage: Option<Usage>,
    /// The usage is our own estimate.
    pub estimated: bool,
    /// Another model was tried before.
    pub fallback: bool,
    /// When it was given, where it is one from before.
    pub cached: Option<Timestamp>,
}

/// One attempt to get an answer from one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its number within the request, from 1.
    pub number: u32,
    /// The model, by moai's name.
    pub model: String,
    /// Its id at the vendor.
    pub model_id: String,
    /// The provider.
    pub provider: String,
    /// Which of its deployments, where it has any.
    pub deployment: Option<String>,
    /// The model's tier.
    pub tier: Tier,
    /// When it was sent.
    pub started: Timestamp,
    /// From sending to the first piece of the answer.
    pub first: Option<Duration>,
    /// From sending to the end.
    pub total: Duration,
    /// What it used; `None` where nobody knows.
    pub usage: Option<Usage>,
    /// The usage, or a part of it, is our own estimate.
    pub estimated: bool,
    /// The vendor may ask money for it: it answered, or worked on an answer as far as we can know.
    pub billed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// It stands in for another model.
    pub fallback: bool,
    /// The same model was asked before in this request, so often.
    pub retries: u32,
    /// The vendor's own id of the request.
    pub vendor_id: Option<String>,
}

impl Finished {
    /// Fails unless there is a whole answer, new or from before. What there is of a cut answer stays in
    /// [`Finished::answer`].
    pub fn check(&self) -> Result<(), ExchangeError> {
        match &self.end {
            End::Answered | End::Cached => Ok(()),
            End::Stopped(interrupted) => Err(ExchangeError::Stopped(*interrupted)),
            End::Cut(fault) => {
                let model = self.trials.last().map(|trial| trial.model.clone()).unwrap_or_default();
                Err(ExchangeError::Cut { model, fault: Box::new(fault.clone()) })
            }
            End::Failed => Err(ExchangeError::Nobody(self.tally.clone())),
        }
    }

    /// The failure to tell a client: of several that time can cure the first, because then the client is right to ask
    /// again; else that of the model that was decided on. What is wrong with the request itself comes before both.
    pub fn fault(&self) -> Fault {
        if let End::Cut(fault) = &self.end {
            return fault.clone();
        }
        let trials = &self.tally.trials;
        let faults = || trials.iter().filter_map(|trial| trial.faults.last());
        let of = |remedy| faults().find(|fault| fault.remedy() == remedy);
        let told = of(Remedy::Stop).or_else(|| of(Remedy::Retry)).or_else(|| faults().next()).cloned();
        let Some(told) = told else {
            return Fault::new(FaultKind::Overloaded, ExchangeError::Nobody(self.tally.clone()).to_string());
        };
        if trials.len() < 2 || told.remedy() == Remedy::Stop {
            return told;
        }
        let message = ExchangeError::Nobody(self.tally.clone()).to_string();
        Fault { message: Fault::new(told.kind, message).message, ..told }
    }

    /// Whether another model than the first one was asked.
    pub fn fell_back(&self) -> bool {
        self.trials.iter().any(|trial| trial.fallback) || self.answer.as_ref().is_some_and(|answer| answer.fallback)
    }

    /// Whether an answer from before may stand in: nobody answered, and not because the request is wrong.
    pub fn wants_cache(&self) -> bool {
        self.end == End::Failed && self.tally.last_fault().is_none_or(|fault| fault.remedy() != Remedy::Stop)
    }
}
