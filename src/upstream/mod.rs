//! Floor 5: the vendors' APIs over HTTP. Built when a command needs the network and not before; nothing else of moai
//! is async. Keys go into headers and nowhere else: no URL, no error and no log holds one.

mod code;
mod error;
mod http;
mod models;

pub use error::UpstreamError;
pub use models::{Answer, Endpoint, Evidence, fetch_answers};
