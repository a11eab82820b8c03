//! Floor 7: the gateway, `moai serve`: Claude Code and every other client on loopback, over HTTP/1.1.
//!
//! A request's way: `listen` accepts the connection, `guard` asks where it comes from and whose key it has, `routes`
//! finds its door and reads its body, and the door ([`messages`](self), chat, models, api) answers. No rules of routing
//! live here: they are `route`'s; no dialects: they are `wire`'s; no sending: that is `exchange`'s.
//!
//! - [`Gateway`]: what lives as long as the process
//! - [`Snapshot`]: what one request sees of the configuration; a reload swaps it for the next request (R-STA-001)
//! - [`Access`]: the gateway's own keys
//! - [`serve`]: the loop

mod access;
mod alarm;
mod answer;
mod api;
mod beliefs;
mod body;
mod chat;
mod dashboard;
mod entry;
mod error;
mod flow;
mod force;
mod given;
mod guard;
mod health;
mod inbound;
mod ledger;
mod limits;
mod listen;
mod messages;
mod metrics;
mod models;
mod openapi;
mod patience;
mod places;
mod read;
mod routes;
mod sessions;
mod shadow;
mod snapshot;
mod state;
mod tell;
mod tls;
mod told;
mod turn;
mod watch;
mod work;

pub use access::{Access, AccessError, Key, NewKey, Scope};
pub use alarm::{ALL, AlertBook, Silence, Silences, SinkStanding, Unheard, Warn, deliver, look as alerts};
pub use error::GatewayError;
pub use force::ForceError;
pub use ledger::{Condition, Ledger, LedgerError, Logs, Noted, Trouble};
pub use limits::{Allowance, Clock, Limits, Permit, Reached, Visit};
pub use listen::serve;
pub use snapshot::{Load, Snapshot};
pub use state::{Gateway, Opening};
pub use told::{Teller, Told};
