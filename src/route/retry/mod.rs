//! What happens to a plan when models fail: a state machine without I/O and without a clock.
//!
//! The driver asks [`Run::next`] what to do, does it, and says how it went. The machine decides who is tried, how
//! often, and how long to wait. It never leaves the plan, never tries again once something of an answer was shown,
//! and ends after a bounded number of attempts and a bounded time.

mod rules;
mod run;
mod tally;

pub use rules::Rules;
pub use run::{Attempt, Outcome, Run, Step};
pub use tally::{End, Tally, Trial};

#[cfg(test)]
mod tests;
