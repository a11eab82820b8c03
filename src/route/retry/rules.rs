//! How often and how long to try.

use std::time::Duration;

/// The limits of a request's retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How often a model is asked again after a 429 or a vendor's "too many requests"; 3 at most, whatever is set.
    pub rate_limit: u32,
    /// How often after a failure of the vendor's own: 5xx, overload, an answer that broke off or was no answer, a
    /// connection that did not come about. A time limit that ran out is not tried again.
    pub server: u32,
    /// The first wait is at most so long; each further one at most twice as long as the one before.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// A vendor that asks for a longer wait is left for the next model at once.
    pub longest_retry_after: Duration,
    /// No more requests than so many, over all models.
    pub most_attempts: u32,
    /// No further request after so long.
    pub total: Duration,
}

impl Default for Rules {
    /// 3 retries after a 429, 1 after a 5xx; waits of up to 1 s, 2 s, 4 s, never above 10 s; a `Retry-After` of up to
    /// 30 s is waited out; 12 requests and 5 minutes in all.
    fn default() -> Self {
        Self {
            rate_limit: 3,
            server: 1,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(10),
            longest_retry_after: Duration::from_secs(30),
            most_attempts: 12,
            total: Duration::from_secs(300),
        }
    }
}
