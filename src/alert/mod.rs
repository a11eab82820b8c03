//! Floor 3: alerts (seed 003). Pure: what is measured and the time come in, what a person is to be told comes out.
//!
//! ```text
//! window.add(seen)                         // every attempt, as the journal has it
//! let readings = window.readings(&rules, now);
//! engine.look(readings, &blind, &rules, now);
//! for event in engine.due(now, |alert| is_silenced(alert)) { /* write it, queue it */ }
//! ```
//!
//! An alert begins when its value has stood at its threshold for long enough, and ends when it has stood well below it
//! for as long: the values between are both, so that a value that wavers says nothing. What was told is a part of the
//! state. Whoever comes back from a restart or a silence is told the difference between what was told and what is, and
//! nothing twice.
//!
//! - [`Rule`], [`Rules`]: what is watched, and where it becomes an alert
//! - [`Window`]: the last hour, a second at a time
//! - [`Engine`]: what stands, since when, and what was told of it
//! - [`Event`]: what is told
//! - [`Sink`]: to whom, and in which words

mod engine;
mod event;
mod rule;
mod sink;
mod window;

pub use engine::{Alert, Engine};
pub use event::{Event, Turn};
pub use rule::{Reading, Rule, Rules, Threshold, UnknownRule};
pub use sink::{Shape, Sink, UrlAt, Way};
pub use window::{Seen, Window};
