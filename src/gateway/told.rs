//! What is said of a request once it is over, to whoever watches: a line for a person. Never a prompt, never a key.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::exchange::{End, Finished};
use crate::journal::Attempt;
use crate::model::{RequestId, Tier, Usd};

use super::turn::Turn;

/// A request that is over.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its name.
    pub id: RequestId,
    /// When it ended.
    pub at: Timestamp,
    /// The project it was for; else the name of its access key.
    pub client: Option<Arc<str>>,
    /// The model that its client named.
    pub asked: String,
    /// The model that answered or was the last to be tried.
    pub answered: Option<String>,
    /// The tier that was decided on.
    pub tier: Tier,
    /// Who decided.
    pub decided_by: &'static str,
    /// `ok`, `cached`, `cut`, `cancelled` or `failed`.
    pub end: &'static str,
    /// From the first request to a vendor to the end.
    pub took: Duration,
    /// What the attempts whose price is known cost together; `None` where none is.
    pub cost: Option<Usd>,
    /// Of how many attempts it is not known.
    pub unpriced: u64,
}

/// Hears of every request that is over. It must not wait: the request's own task calls it.
pub type Teller = Box<dyn Fn(Told) + Send + Sync>;

impl Told {
    pub(in crate::gateway) fn new(
        id: &RequestId,
        at: Timestamp,
        turn: &Turn,
        finished: &Finished,
        rows: &[Attempt],
    ) -> Self {
        let known = rows.iter().filter_map(|row| row.cost);
        Self {
            id: id.clone(),
            at,
            client: turn.about.project.clone().or_else(|| turn.about.key.clone()),
            asked: turn.asked.clone(),
            answered: finished.trials.last().map(|trial| trial.model.clone()),
            tier: turn.decision.tier(),
            decided_by: turn.decision.decided_by().as_str(),
            end: match finished.end {
                End::Answered => "ok",
                End::Cached => "cached",
                End::Cut(_) => "cut",
                End::Stopped(_) => "cancelled",
                End::Failed => "failed",
            },
            took: finished.tally.elapsed(),
            cost: known.clone().reduce(Usd::saturating_add).or_else(|| rows.is_empty().then_some(Usd::ZERO)),
            unpriced: (rows.len() - known.count()) as u64,
        }
    }
}
