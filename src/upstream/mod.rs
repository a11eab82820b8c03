//! Floor 5: the vendors' APIs over HTTP. Built when a command needs the network and not before; nothing else of moai
//! is async. Keys go into headers and nowhere else: no URL, no error and no log holds one.
//!
//! - [`fetch_answers`]: which models answer
//! - [`fetch_own`]: what moai's own gateway says
//! - [`post_hook`]: a webhook is told something
//! - [`Call`], [`Upstream`], [`Reply`]: one request, sent, and its answer as it arrives; also to the provider that only
//!   plays one
//! - [`Offered`]: what a provider says that it has; what an Ollama has in memory, and what it loads and unloads
//! - [`check_proxies`]: whether the environment's proxies can be used

mod call;
mod code;
mod error;
mod gateway;
mod hook;
mod http;
mod models;
mod offer;
mod ollama;
mod open;
mod plain;
mod proxy;
mod reply;
mod sim;

pub use call::{Call, carries};
pub use error::UpstreamError;
pub use gateway::{Said, ask_own, fetch_own};
pub use hook::{HookError, post_hook};
pub use models::{Answer, Endpoint, Evidence, fetch_answers};
pub use offer::Offered;
pub use open::Upstream;
pub use proxy::check_proxies;
pub use reply::Reply;
