//! Who is to blame for a failure: only what a deployment did itself counts against it.

use std::time::Duration;

use crate::wire::{Fault, FaultKind};

/// What a request that is over says about the deployment that had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// It answered.
    Fine,
    /// Nothing: the client's request was wrong or too long, or nobody waited for the answer.
    Nobody,
    /// It has too much to do, or this key asks too often; it may say how long to stay away.
    Busy(Option<Duration>),
    /// This key is not taken there, or used up: trying again soon is no use.
    Dead(Option<Duration>),
    /// It failed. That may be the request's own affair (a feature that its key may not use, a file that is not there),
    /// so it takes several of these to close it.
    Failed,
}

impl Blame {
    /// What a failure says; `None` is an answer.
    pub fn of(fault: Option<&Fault>) -> Self {
        let Some(fault) = fault else { return Self::Fine };
        match fault.kind {
            FaultKind::BadRequest
            | FaultKind::TooLarge
            | FaultKind::TooLong
            | FaultKind::OutputTooLong
            | FaultKind::ContentPolicy => Self::Nobody,
            FaultKind::RateLimit | FaultKind::Overloaded => Self::Busy(fault.retry_after),
            FaultKind::Auth | FaultKind::Quota => Self::Dead(fault.retry_after),
            FaultKind::Permission
            | FaultKind::NoModel
            | FaultKind::NotLoaded
            | FaultKind::NotFound
            | FaultKind::Server
            | FaultKind::Timeout
            | FaultKind::Unreachable
            | FaultKind::Cut
            | FaultKind::Malformed => Self::Failed,
        }
    }
}
