//! Floor 5: the journal. Every attempt is one row in an encrypted `SQLite` database, together with the sums that the
//! reports read, so that a report costs the same after a year as after a day.
//!
//! - [`key`]: the random key, where it is kept, and the note that says where, so that it never changes silently.
//! - [`Journal`]: opening, migrating (with a backup first), appending, asking.
//! - [`Recorder`]: what a request uses. Writing that fails goes to a spool file, which the next run replays.
//! - [`panels`]: what dashboards, reports and metrics show, from sums by hour and day.
//! - [`reconcile`]: the journal against a vendor's bill.
//!
//! Conversations (24 hours), cached answers and feedback live in the same file, because they need the same key.
//! No prompt text is in the rows of attempts, and no API key is anywhere in it.

mod append;
mod arrivals;
mod attempt;
mod bandit;
mod bill;
mod days;
mod decisions;
mod document;
mod error;
mod histogram;
mod hours;
mod judge;
mod keep;
pub mod key;
pub mod panels;
mod query;
pub mod reconcile;
mod recorder;
mod schema;
mod sessions;
mod shadow;
mod spool;
mod stats;
mod store;
mod study;
mod trial;

pub use arrivals::Arrived;
pub use attempt::{Attempt, Outcome};
pub use days::{Days, Period, day_said};
pub use decisions::{Answered, Decided};
pub use document::{day_document, lines_document, rate, stats_document};
pub use error::JournalError;
pub use histogram::Percentiles;
pub use judge::{Judged, NoRequest};
pub use keep::{Answer, Feedback, Opinion};
pub use key::JournalKey;
pub use query::{By, Line, Savings, Totals};
pub use recorder::{Recorded, Recorder, Spool};
pub use sessions::{Message, Session, SessionHead};
pub use shadow::Shadowed;
pub use stats::ModelStats;
pub use store::{Journal, Place};
