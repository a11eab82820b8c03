//! One request as it will be sent: where to, with which headers, what, and how long to wait for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::http;
use super::plain::{self, Near};
use crate::base::secret::Secret;
use crate::route::{Auth, Engine, Provider, SimScript, Timeouts};
use crate::wire::{Dialect, Fault, FaultKind};

/// The version of Anthropic's API that `wire` speaks.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// An answer that is not streamed begins when it is whole: so many times longer is waited for its first byte. (With
/// the usual 60 s that is enough for some 15,000 tokens, and leaves time to ask somebody else.)
const WHOLE: u32 = 4;

/// How long a check of a provider may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Headers that belong to the connection or to the body: a configuration does not set them.
const RESERVED: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "accept-encoding",
    "upgrade",
    "te",
];

/// A request to one provider. The key is in a header that no `Debug` prints, and in nothing else.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) url: Url,
    /// The same for a server on this machine, which is asked the short way.
    pub(super) near: Option<Near>,
    /// The host as messages name it, with a port that is not the usual one.
    pub(super) host: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeouts: Timeouts,
    /// What plays the vendor, where nobody is asked.
    pub(super) script: Option<SimScript>,
    /// To take out of what the vendor says, should it repeat it.
    pub(super) key: Option<Secret>,
}

impl Call {
    /// The dialect in which `provider` is spoken to: its own, or Anthropic's where it is simulated.
    pub fn dialect(provider: &Provider) -> Dialect {
        match provider.engine {
            Engine::Http => provider.wire,
            Engine::Sim(_) => Dialect::Anthropic,
        }
    }

    /// A request for `model` (the vendor's id) at `provider`, with a body in its dialect.
    pub fn new(
        provider: &Provider,
        model: &str,
        key: Option<&Secret>,
        body: impl Into<Bytes>,
        stream: bool,
    ) -> Result<Self, Fault> {
        let path = Self::dialect(provider).path(model, stream);
        let call = Self::to(provider, &path, key)?;
        Ok(call.with(provider, body.into(), stream))
    }

    /// The same request with this body, to be waited for as `provider` is.
    pub(super) fn with(mut self, provider: &Provider, body: Bytes, stream: bool) -> Self {
        self.body = body;
        self.timeouts = provider.timeouts;
        if !stream {
            let Timeouts { first_byte, total, .. } = self.timeouts;
            self.timeouts.first_byte = first_byte.saturating_mul(WHOLE).min(total);
        }
        self
    }

    /// The question how many tokens a body in Anthropic's dialect has.
    pub fn count_tokens(provider: &Provider, key: Option<&Secret>, body: impl Into<Bytes>) -> Result<Self, Fault> {
        Ok(Self { body: body.into(), ..Self::to(provider, "/v1/messages/count_tokens", key)? })
    }

    /// The same with headers of the client's own, for a host that is meant to see them: they stand in for those that
    /// `wire` sends, and give way to those of the configuration. Keys are not among them: see [`carries`].
    #[must_use]
    pub fn carrying(mut self, provider: &Provider, headers: &HeaderMap) -> Self {
        for name in headers.keys().filter(|name| carries(name)) {
            if provider.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name.as_str())) {
                continue;
            }
            self.headers.remove(name);
            for value in headers.get_all(name) {
                self.headers.append(name.clone(), value.clone());
            }
        }
        self
    }

    /// The same with `?beta=true`, which Claude Code and Anthropic's SDKs put behind the path.
    #[must_use]
    pub fn beta(mut self) -> Self {
        self.url.query_pairs_mut().append_pair("beta", "true");
        self.near = Near::of(&self.url);
        self
    }

    /// A request without a body to a path of `provider`.
    pub(super) fn to(provider: &Provider, path: &str, key: Option<&Secret>) -> Result<Self, Fault> {
        let dialect = Self::dialect(provider);
        let script = match &provider.engine {
            Engine::Http => None,
            Engine::Sim(script) => Some(script.clone()),
        };
        let base = if script.is_some() { "sim://sim" } else { &provider.base_url };
        let url =
            url(base, path).ok_or_else(|| form(&provider.name, "its base URL is not an http or https address"))?;
        let host = if script.is_some() { provider.name.clone() } else { host(&url) };
        let near = Near::of(&url);
        let mut headers = headers(provider, dialect, key)?;
        if near.is_some() {
            plain::complete(&mut headers, &host);
        }
        Ok(Self {
            near,
            host: host.into(),
            headers,
            body: Bytes::new(),
            timeouts: provider.timeouts,
            script,
            key: key.cloned(),
            url,
        })
    }

    /// The same, to be given up after `left` at the latest.
    #[must_use]
    pub fn within(mut self, left: Option<Duration>) -> Self {
        self.timeouts.total = left.map_or(self.timeouts.total, |left| left.min(self.timeouts.total));
        self
    }
}

/// Whether a header of a client may go on to a vendor: Anthropic's own, of which none holds a key.
pub fn carries(name: &HeaderName) -> bool {
    name.as_str().starts_with("anthropic-")
}

impl Call {
    /// A question for a path behind the provider's base URL, which is no request for a model. It is not waited for
    /// longer than [`PATIENCE`].
    pub(super) fn check(provider: &Provider, key: Option<&Secret>, path: &str) -> Result<Self, Fault> {
        let mut call = Self::to(provider, path, key)?;
        call.headers.remove(CONTENT_TYPE);
        Ok(call.soon())
    }

    /// The same with a document.
    pub(super) fn order(
        provider: &Provider,
        key: Option<&Secret>,
        path: &str,
        document: &serde_json::Value,
    ) -> Result<Self, Fault> {
        Ok(Self { body: document.to_string().into(), ..Self::to(provider, path, key)? })
    }

    /// The same, not waited for longer than [`PATIENCE`].
    pub(super) fn soon(mut self) -> Self {
        let call = &mut self;
        let Timeouts { first_byte, idle, total, .. } = &mut call.timeouts;
        for wait in [first_byte, idle, total] {
            *wait = (*wait).min(PATIENCE);
        }
        self
    }
}

/// The base with the dialect's path behind its own path. A base that has the path's `/v1` already does not get it
/// twice.
fn url(base: &str, path: &str) -> Option<Url> {
    let mut url: Url = base.trim().parse().ok()?;
    url.host_str().filter(|host| !host.is_empty())?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let own = url.path().trim_end_matches('/').to_owned();
    let own = if path.starts_with("/v1/") { own.strip_suffix("/v1").unwrap_or(&own) } else { &own };
    url.set_path(&format!("{own}{path}"));
    if !query.is_empty() {
        let both = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
        url.set_query(Some(&both));
    }
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https" | "sim").then_some(url)
}

/// `api.z.ai`, `127.0.0.1:8080`.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn headers(provider: &Provider, dialect: Dialect, key: Option<&Secret>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/x-ndjson, application/json"));
    // A compressed stream arrives in lumps.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if dialect == Dialect::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
    }
    for (name, value) in &provider.headers {
        let named: HeaderName =
            name.parse().map_err(|_error| form(&provider.name, "it has a header without a name"))?;
        if RESERVED.contains(&named.as_str()) {
            return Err(form(&provider.name, &format!("the header {named} is not for a configuration to set")));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_error| form(&provider.name, &format!("its header {named} cannot be carried by HTTP")))?;
        // A configured header may hold a key of the user's own.
        value.set_sensitive(true);
        headers.insert(named, value);
    }
    let Some(key) = key else { return Ok(headers) };
    let (name, prefix) = match provider.auth {
        Auth::Bearer => (AUTHORIZATION, "Bearer "),
        Auth::ApiKey => (HeaderName::from_static("x-api-key"), ""),
        Auth::GoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
        Auth::None => return Ok(headers),
    };
    let value = http::header(prefix, key).map_err(|_error| {
        Fault::new(FaultKind::Auth, format!("{}: the key has characters in it that HTTP cannot carry", provider.name))
    })?;
    headers.insert(name, value);
    Ok(headers)
}

/// The provider's configuration does not make a request.
fn form(provider: &str, why: &str) -> Fault {
    Fault::new(FaultKind::NotFound, format!("{provider}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_behind_the_base() {
        let join = |base, path| url(base, path).map(|url| url.to_string());
        for (base, path, expected) in [
            ("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1/", "/v1/messages", "https://api.anthropic.com/v1/messages"),
            ("https://api.z.ai/api/anthropic", "/v1/messages", "https://api.z.ai/api/anthropic/v1/messages"),
            ("https://api.z.ai/v1", "/chat/completions", "https://api.z.ai/v1/chat/completions"),
            ("http://h/x?api-version=7#f", "/chat/completions", "http://h/x/chat/completions?api-version=7"),
            ("https://xn--bcher-kva.example", "/x", "https://xn--bcher-kva.example/x"),
            ("http://h/v1beta", "/models/a%2Fb:g?alt=sse", "http://h/v1beta/models/a%2Fb:g?alt=sse"),
        ] {
            assert_eq!(join(base, path).as_deref(), Some(expected), "{base}");
        }
        for base in ["", "api.z.ai", "ftp://h", "file:///etc/passwd", "http://"] {
            assert_eq!(join(base, "/x"), None, "{base}");
        }
    }

    #[test]
    fn hosts_are_named_without_what_may_be_secret() {
        assert_eq!(host(&"https://user:pass@api.z.ai/x?k=1".parse().unwrap()), "api.z.ai");
        assert_eq!(host(&"http://[::1]:8080".parse().unwrap()), "[::1]:8080");
    }
}
