//! How often and how long to try.

use std::time::Duration;

use crate::wire::{Fault, FaultKind, Remedy};

/// The limits of a request's retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How often a model is asked again after a 429; never more than [`Rules::MOST_RATE_LIMIT`], whatever is set.
    pub rate_limit: u32,
    /// How often after a failure of the vendor's own: 5xx, overload, an answer that broke off before anything was
    /// shown or was no answer, a connection that did not come about. A time limit that ran out is not tried again.
    pub server: u32,
    /// The first wait is at most so long, each further one at most twice as long as the one before; all are shortened
    /// at random by up to a half, so that clients come back at different moments and the waits still grow.
    pub first_wait: Duration,
    /// No wait of our own is longer.
    pub longest_wait: Duration,
    /// No wait that a vendor asks for is longer: one that asks for more is left for the next model at once.
    pub longest_retry_after: Duration,
    /// No more requests than so many, over all models.
    pub most_attempts: u32,
    /// No further request after so long; the last one still has its own time limits.
    pub total: Duration,
    /// Where it is there, all of it ends after so long, also the request that is under way.
    pub deadline: Option<Duration>,
}

impl Default for Rules {
    /// 3 retries after a 429, 1 after a 5xx; waits that double, of up to 1 s, 2 s, 4 s, never above 10 s; a `Retry-After` of up to
    /// 30 s is waited out; 12 requests and 5 minutes in all.
    fn default() -> Self {
        Self {
            rate_limit: Self::MOST_RATE_LIMIT,
            server: 1,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(10),
            longest_retry_after: Duration::from_secs(30),
            most_attempts: 12,
            total: Duration::from_secs(300),
            deadline: None,
        }
    }
}

impl Rules {
    /// The most retries after a 429 (SPEC-MODEL-001, AC-005).
    pub const MOST_RATE_LIMIT: u32 = 3;

    /// How often a model is asked again after this failure.
    pub fn retries(&self, fault: &Fault) -> u32 {
        match (fault.remedy(), fault.kind) {
            (Remedy::Elsewhere | Remedy::Stop, _) | (_, FaultKind::Timeout) => 0,
            (_, FaultKind::RateLimit) => self.rate_limit.min(Self::MOST_RATE_LIMIT),
            // GLM says "model busy" with the status of a limit.
            _ if fault.status == Some(429) => self.rate_limit.min(Self::MOST_RATE_LIMIT),
            _ => self.server,
        }
    }

    /// The longest that the wait before retry number `retry` (from 0) may be: it doubles up to the longest.
    pub fn ceiling(&self, retry: u32) -> Duration {
        let doubled = 1_u32.checked_shl(retry).and_then(|times| self.first_wait.checked_mul(times));
        doubled.unwrap_or(Duration::MAX).min(self.longest_wait)
    }
}

/// Numbers that look random and are the same for the same seed (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone, Copy)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    /// A time between zero and `most`, evenly spread.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let share = (u128::from(mixed) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(nanos))
    }
}
