//! Relays a client's request to whoever answers it, and the answer back as it comes.
//!
//! **Bytes first.** Where client and upstream speak the same dialect the client's bytes go on with the model's name
//! spliced in, and the answer's bytes go on as they are, up to the last event that is complete, while a decoder reads
//! along what was used. Where they do not, the request is typed, encoded, and its answer's events are written in the
//! client's words.
//!
//! **Held back.** The 200 goes out with the first content. Until then every failure of a vendor is another vendor's
//! chance, and the client learns of it only by a header. After it a failure is an error in the stream, and never an
//! end that looks like one. An answer that is not streamed goes out when it is whole, so it can fail over to its end.
//!
//! **Signs of life.** A stream that goes silent is filled with pings. Before the first content, nothing is sent for
//! [`RelayOrder::hold`]; then the 200 goes out with a ping alone. That costs the status of a failure that comes later
//! (it is told in the stream, after which Claude Code asks again without streaming and gets the status), and it does
//! not cost the failover, because a ping is no content. So the hold is long enough that failures which come with a
//! status nearly always still have it, and shorter than what clients and proxies wait for a head (Claude Code was
//! seen to wait 25 s and more without harm).
//!
//! **Headers.** Of the client's, only `anthropic-*` go on, and only to Anthropic itself. Of the vendor's none come
//! back: its rate limits and ids belong to a key that is not the client's; `retry-after` is told anew from what was
//! read.

mod client;
mod count;
mod outlet;
mod pen;
mod query;
mod shadow;

use std::time::Duration;

use jiff::Timestamp;

pub use count::{Count, count_tokens};
pub use outlet::{Answering, By, Head, Outlet, Torn, outlet};
pub use query::Query;
pub use shadow::{Heard, Shadow, shadow};

use super::board::Board;
use super::finished::{End, Finished};
use super::lines::Lines;
use super::run::{Affords, Way, run};
use crate::base::interrupt::Interrupted;
use crate::model::RequestId;
use crate::route::Decision;
use crate::route::retry::Rules;
use client::Client;

/// The signal of somebody who reads no more.
const SIGPIPE: u8 = 13;

/// What is to be relayed, to whom, and how.
#[derive(Clone, Copy)]
pub struct RelayOrder<'a> {
    /// Who is asked, in which order.
    pub decision: &'a Decision,
    /// What is asked.
    pub query: &'a Query,
    /// How often and how long to try.
    pub rules: Rules,
    /// The request's name.
    pub id: &'a RequestId,
    /// The way out.
    pub lines: &'a Lines,
    /// How the deployments stand; `None`: as if nothing were known of them. A conversation stays at the deployment that
    /// has its prompts cached.
    pub board: Option<&'a Board>,
    /// The time, for the rows and for dates in `Retry-After`.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    /// What has a say before each attempt; `None`: nobody has.
    pub affords: Option<&'a Affords<'a>>,
    /// How long a stream may be silent before a ping is sent.
    pub ping: Duration,
    /// How long the head is held back for the first content.
    pub hold: Duration,
    /// Where somebody wants to compare the answer: what of it can be compared.
    pub gist: Option<&'a Heard>,
}

/// Relays the order, until it is over or the client is gone. What became of it, for the journal; the client has it
/// all by then. A client that went is [`End::Stopped`], and what was generated for it is accounted.
pub async fn relay(order: &RelayOrder<'_>, outlet: Outlet) -> Finished {
    let RelayOrder { decision, query, rules, id, lines, board, now, affords, .. } = *order;
    let session = query.request.head().session.as_deref();
    let gone = outlet.gone();
    let stop = async move {
        gone.await;
        Interrupted(SIGPIPE)
    };
    let mut client = Client::new(order, outlet);
    let finished = run(&Way { decision, rules, id, lines, board, session, now, affords }, &mut client, stop).await;
    match &finished.end {
        End::Failed | End::Cut(_) => client.refuse(&finished.fault()).await,
        End::Answered | End::Cached | End::Stopped(_) => {}
    }
    finished
}
