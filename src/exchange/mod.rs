//! Floor 6: one request's way through its plan. The only asynchronous loop; it starts where a command has decided and
//! found its keys, and ends with everything that the journal wants to know.
//!
//! - [`drive`]: sends, listens, waits, falls back, stops; tells an [`Audience`] as it happens; ends as [`Finished`]
//! - [`relay()`]: the same for a client of the gateway, whose bytes go on and come back
//! - [`shadow()`]: a copy of a request for one model more, whose answer nobody is given
//! - [`Lines`]: the way out and the keys, for as many requests as a process makes
//! - [`Board`]: which deployment of a provider is asked, and how each of them does
//! - [`Memory`]: the memory that the models of an Ollama share
//! - [`Finished::or_cached`]: the step after the last model: exactly this question's answer from before
//! - [`book`]: an attempt as a row of the journal, priced
//! - [`session`]: a conversation: one turn at a time, loaded, compressed where the model changes, saved
//! - [`stopped`]: Ctrl-C for [`drive`]

mod asker;
mod attempt;
mod audience;
mod board;
pub mod book;
mod cache;
mod drive;
mod ear;
mod error;
mod finished;
mod lines;
mod memory;
mod relay;
mod run;
pub mod session;
mod stop;

pub use audience::{Audience, Note};
pub use board::{Board, Ended, Health, Seat};
pub use cache::question;
pub use drive::{Order, Wording, drive};
pub use error::ExchangeError;
pub use finished::{Answer, End, Finished, Trial};
pub use lines::Lines;
pub use memory::{Berth, Memory};
pub use relay::{
    Answering, By, Count, Head, Heard, Outlet, Query, RelayOrder, Shadow, Torn, count_tokens, outlet, relay, shadow,
};
pub use run::Affords;
pub use stop::stopped;
