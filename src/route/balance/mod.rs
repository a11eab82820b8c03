//! Which of a provider's deployments answers: the ways to choose, and the breaker that leaves a broken one alone.
//!
//! A [`Lane`] is one model at one deployment: what a used-up plan, a limit or a failing machine is about. Time comes
//! in as what has passed since some start, chance as a number; whoever holds the lanes (`exchange::Board`) has both.

mod blame;
mod breaker;
mod choose;
mod lane;

use std::fmt;
use std::str::FromStr;

pub use blame::Blame;
pub use breaker::{Breaker, Cause, Limits, Pass, State};
pub use choose::{Entry, choose};
pub use lane::Lane;

/// How one of several deployments is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// The better one of two that are drawn by lot: by latency, by what is under way there, by recent failures.
    #[default]
    HealthBased,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastLoaded,
    /// In the proportion of the weights, evenly mixed.
    Weighted,
    /// The lowest number; the next one only while that cannot be asked. Equal ones by their health.
    Priority,
}

impl Balance {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::HealthBased, Self::RoundRobin, Self::LeastLoaded, Self::Weighted, Self::Priority];

    /// The words of the configuration, in the order of [`Balance::ALL`].
    pub const WORDS: [&'static str; 5] = ["health_based", "round_robin", "least_loaded", "weighted", "priority"];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HealthBased => "health_based",
            Self::RoundRobin => "round_robin",
            Self::LeastLoaded => "least_loaded",
            Self::Weighted => "weighted",
            Self::Priority => "priority",
        }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no way to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a way to balance")]
pub struct UnknownBalance;

impl FromStr for Balance {
    type Err = UnknownBalance;

    fn from_str(word: &str) -> Result<Self, UnknownBalance> {
        Self::ALL.into_iter().find(|balance| balance.as_str() == word).ok_or(UnknownBalance)
    }
}

#[cfg(test)]
mod tests;
