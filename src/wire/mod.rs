//! Floor 3: the dialects of the vendors' APIs, converted through one hub.
//!
//! Anthropic Messages is the hub: a request of any dialect is read into [`hub::Prompt`] and written from it, an
//! answer of any dialect is read into [`Event`]s and written from them. Nothing here does I/O: bytes come in and go
//! out, a clock's reading comes in where one is needed. What must not be changed is never parsed: [`Request`].
//!
//! - [`Request`] — the client's bytes, peeked at and spliced
//! - [`hub`] — the typed prompt, and [`inbound`] other dialects' requests as one
//! - [`encode`] — a prompt in a vendor's words, with what had to be [`Dropped`]
//! - [`Decoder`] — a vendor's answer as events
//! - [`mod@write`] — events in a client's words
//! - [`fault`] — what goes wrong, read from vendors and told to clients
//! - [`Quirks`] — how one provider differs from the others of its dialect, as data

mod decode;
mod dialect;
mod encode;
mod event;
pub mod fault;
pub mod hub;
pub mod inbound;
mod quirks;
mod reminder;
mod request;
mod signature;
pub mod write;

pub use decode::Decoder;
pub use dialect::{Dialect, UnknownDialect};
pub use encode::{Dropped, Encoded, Target, ToolNames, encode};
pub use event::{Delta, Event, Opened, StopReason};
pub use fault::{Fault, FaultKind, Remedy};
pub use quirks::{Effort, Quirks, WebSearch};
pub use request::{Adapt, Adapted, Head, Request, RequestError, Turn, estimate_tokens};
pub use signature::{mark_stream, mark_whole};
