//! Floor 5: the logs under `~/.moai/logs`, one JSON object a line: `decisions.jsonl` (R-UBI-003),
//! `errors.jsonl` and `alerts.jsonl`.
//!
//! - [`DecisionLine`]: a decision with its evidence and its alternatives, without the prompt unless that is wished for.
//! - [`FailureLine`]: a request that nobody answered, with every model that was tried.
//! - [`Log`]: adding a line, whoever else is adding one, and starting a new file when one is full.
//!
//! No key is ever in it: nothing that is written here has seen one. Writing that fails is an error for the caller to
//! warn of; no answer depends on it.

mod entry;
mod file;

pub use entry::{About, DecisionLine, FailureLine, Tried};
pub use file::{Log, LogError, text};
