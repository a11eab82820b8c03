//! Providers as data: where they listen, how they are spoken to, what key they need. A new one is configuration.

use std::time::Duration;

use super::balance::Balance;
use super::sim::SimScript;
use crate::model::ProviderId;
use crate::wire::{Dialect, Quirks, WebSearch};

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
    /// How one of its deployments is chosen.
    pub balance: Balance,
    /// Several keys, accounts or regions of it; empty where the provider is one by itself.
    pub deployments: Vec<Deployment>,
    /// How it is seen whether it is well, beside the requests; `None`: it is not looked after.
    pub health: Option<Health>,
}

/// One of several ways to the same models of a provider: another key, account or region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its name within the provider: `eu`.
    pub name: String,
    /// The provider as this deployment has it, called `zai/eu`; it has no deployments of its own.
    pub at: Provider,
    /// Its share of the requests where they are shared out by weight.
    pub weight: u32,
    /// Its place where the first one that works is asked: the lowest number first.
    pub priority: u32,
}

/// A question that a deployment is asked again and again, to see whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The path behind the base URL, with a slash at its start.
    pub path: String,
    /// How often.
    pub every: Duration,
}

impl Provider {
    /// Every way that a request to it can take: its deployments, or itself where it has none. Each has its own name,
    /// by which its key is kept (`zai`, `zai/eu`).
    pub fn ways(&self) -> impl Iterator<Item = &Self> {
        let itself = self.deployments.is_empty().then_some(self);
        itself.into_iter().chain(self.deployments.iter().map(|deployment| &deployment.at))
    }

    /// The same, to change them.
    pub fn ways_mut(&mut self) -> Vec<&mut Self> {
        if self.deployments.is_empty() {
            return vec![self];
        }
        self.deployments.iter_mut().map(|deployment| &mut deployment.at).collect()
    }
}

impl Provider {
    /// Whether its models can search the web by themselves.
    pub fn searches(&self) -> bool {
        let by_api = matches!(self.wire, Dialect::Gemini | Dialect::Responses);
        by_api || self.quirks.anthropic || self.quirks.web_search != WebSearch::No
    }

    /// Whether this is the provider that moai keeps the key `id` for.
    pub(super) fn is(&self, id: ProviderId) -> bool {
        match &self.key {
            KeyNeed::Stored(own) => *own == id,
            KeyNeed::Optional(need) => **need == KeyNeed::Stored(id),
            KeyNeed::None | KeyNeed::Variables(_) => false,
        }
    }
}
