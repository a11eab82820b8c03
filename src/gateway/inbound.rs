//! A request that was let in, whole.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::body::Bytes;

use crate::model::RequestId;
use crate::wire::Dialect;

use super::access::Scope;
use super::dashboard::Login;
use super::snapshot::Snapshot;

/// A request whose key, size and path are checked.
pub(in crate::gateway) struct Inbound {
    /// What stands in the path where the table has a `*`, as it was sent.
    pub(in crate::gateway) rest: String,
    /// What comes behind the `?`.
    pub(in crate::gateway) query: Option<String>,
    /// The headers, the key aside: it is not passed on.
    pub(in crate::gateway) headers: HeaderMap,
    /// The whole body.
    pub(in crate::gateway) body: Bytes,
    /// Who asks.
    pub(in crate::gateway) who: Caller,
    /// The login of the browser that asks, on the dashboard.
    pub(in crate::gateway) login: Option<Arc<Login>>,
    /// The port that it came to.
    pub(in crate::gateway) port: u16,
    /// The request's name.
    pub(in crate::gateway) id: RequestId,
    /// The words that its client understands.
    pub(in crate::gateway) speech: Speech,
    /// The configuration that it began with.
    pub(in crate::gateway) snapshot: Arc<Snapshot>,
}

/// Whose key it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Caller {
    /// The key's name; `None` where no key was needed.
    pub(in crate::gateway) name: Option<Arc<str>>,
    /// What the key opens.
    pub(in crate::gateway) scopes: Arc<[Scope]>,
}

/// In whose words a client is told that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Speech {
    /// Anthropic's.
    Anthropic,
    /// `OpenAI`'s.
    Chat,
    /// moai's own: `{"error": {"code", "message", "hint"}}`.
    Moai,
}

impl Speech {
    /// The speech of a path: `/v1/models` belongs to both vendors, and only Anthropic's clients send a version.
    pub(in crate::gateway) fn of(path: &str, headers: &HeaderMap) -> Self {
        let below = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/v1/messages") || (below("/v1") && headers.contains_key("anthropic-version")) {
            Self::Anthropic
        } else if below("/v1") {
            Self::Chat
        } else {
            Self::Moai
        }
    }

    /// The dialect of its errors; `None` for moai's own.
    pub(in crate::gateway) fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Anthropic => Some(Dialect::Anthropic),
            Self::Chat => Some(Dialect::Chat),
            Self::Moai => None,
        }
    }
}
