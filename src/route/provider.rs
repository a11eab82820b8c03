//! Providers as data: where they listen, how they are spoken to, what key they need. A new one is configuration.

use std::time::Duration;

use super::sim::SimScript;
use crate::model::ProviderId;
use crate::wire::{Dialect, Quirks};

/// How a request carries its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    ApiKey,
    /// `x-goog-api-key: …`
    GoogApiKey,
    /// It does not.
    None,
}

impl Auth {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bearer, Self::ApiKey, Self::GoogApiKey, Self::None];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "x-api-key",
            Self::GoogApiKey => "x-goog-api-key",
            Self::None => "none",
        }
    }
}

/// Where the key of a provider comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyNeed {
    /// There is none.
    None,
    /// One of the keys that moai keeps.
    Stored(ProviderId),
    /// The first of these environment variables that is set: a provider of the user's own.
    Variables(Vec<String>),
    /// Sent where it is found, not missed where it is not.
    Optional(Box<KeyNeed>),
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// A server, over HTTP.
    Http,
    /// Nobody: the script.
    Sim(SimScript),
}

/// How long to wait, phase by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, with TLS.
    pub connect: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect, 60 s to the first byte, 60 s between pieces, 10 min in all.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

/// Somebody who can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in the configuration: `anthropic`, `zai`, `ollama`, `sim`, or the user's own word.
    pub name: String,
    /// What the paths of [`Dialect::path`] are appended to, without a slash at its end.
    pub base_url: String,
    /// How to speak to it.
    pub wire: Dialect,
    /// How it is told the key.
    pub auth: Auth,
    /// What is different there.
    pub quirks: Quirks,
    /// Headers of the user's own, name and value; never a key.
    pub headers: Vec<(String, String)>,
    /// Which key it needs.
    pub key: KeyNeed,
    /// How long to wait for it.
    pub timeouts: Timeouts,
    /// Who answers.
    pub engine: Engine,
}

impl Provider {
    /// Whether this is the provider that moai keeps the key `id` for.
    pub(super) fn is(&self, id: ProviderId) -> bool {
        match &self.key {
            KeyNeed::Stored(own) => *own == id,
            KeyNeed::Optional(need) => **need == KeyNeed::Stored(id),
            KeyNeed::None | KeyNeed::Variables(_) => false,
        }
    }
}
