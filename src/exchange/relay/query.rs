//! What a client asks, and how it is written for whoever is to answer.

use bytes::Bytes;
use reqwest::header::HeaderMap;

use crate::exchange::asker::Question;
use crate::route::trial::Text;
use crate::route::{Model, Provider};
use crate::upstream::{Call, carries};
use crate::wire::hub::{Block, Prompt};
use crate::wire::{
    Adapt, Dialect, Dropped, Fault, FaultKind, Request, RequestError, Target, ToolNames, encode, inbound,
};

/// A client's request.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its bytes, peeked at.
    pub request: Request,
    /// How the client speaks: Anthropic's way, or `OpenAI`'s (Chat).
    pub dialect: Dialect,
    /// The client's `anthropic-*` headers. They are told to hosts with the quirk `anthropic`, and to nobody else:
    /// the others know neither Anthropic's betas nor its versions.
    pub carry: HeaderMap,
    /// The client put `?beta=true` behind the path; told to the same hosts.
    pub beta: bool,
    /// What is said at the end of the system prompt, to whoever answers.
    pub addition: Option<Text>,
}

/// A request in the hub's terms, for an upstream of another dialect.
#[derive(Debug)]
pub(super) struct Typed {
    prompt: Prompt,
    /// What no other dialect has a word for.
    dropped: Vec<Dropped>,
}

impl Query {
    /// A request in `dialect` with these headers, of which only those are kept that may go on, and this query string.
    pub fn new(request: Request, dialect: Dialect, headers: &HeaderMap, query: Option<&str>) -> Self {
        let kept = headers.iter().filter(|(name, _)| carries(name));
        let mut carry = HeaderMap::new();
        kept.for_each(|(name, value)| {
            carry.append(name.clone(), value.clone());
        });
        let beta = query.is_some_and(|query| query.split('&').any(|pair| pair == "beta=true"));
        Self { request, dialect, carry, beta, addition: None }
    }

    /// The same, with this at the end of the system prompt.
    #[must_use]
    pub fn adding(self, addition: Option<&Text>) -> Self {
        Self { addition: addition.cloned(), ..self }
    }

    /// Whether the client wants a stream.
    pub(super) fn streams(&self) -> bool {
        self.request.head().stream
    }

    /// Whether the client wants the usage told in a Chat stream.
    pub(super) fn wants_usage(&self) -> bool {
        self.request.head().include_usage
    }

    /// Whether `provider` speaks as the client does, so that bytes can go on as they are.
    pub(super) fn is_of(&self, provider: &Provider) -> bool {
        Call::dialect(provider) == self.dialect
    }

    pub(super) fn typed(&self) -> Result<Typed, Fault> {
        let wrong = |error: RequestError| Fault::new(FaultKind::BadRequest, error.to_string());
        let mut typed = if self.dialect == Dialect::Chat {
            let read = inbound::chat(self.request.bytes()).map_err(wrong)?;
            Typed { prompt: read.prompt, dropped: read.dropped }
        } else {
            Typed { prompt: self.request.prompt().map_err(wrong)?, dropped: Vec::new() }
        };
        typed.prompt.system.extend(self.addition.as_ref().map(|addition| Block::text(addition.as_str())));
        Ok(typed)
    }

    /// The client's own bytes for an upstream of its dialect.
    pub(super) fn spliced(&self, model: &Model, provider: &Provider) -> Question<'_> {
        let addition = self.addition.as_ref().map(Text::as_str);
        let to = Adapt { model: &model.id, quirks: &provider.quirks, most_output: model.most_output, addition };
        let adapted =
            if self.dialect == Dialect::Chat { self.request.adapt_chat(&to) } else { self.request.adapt(&to) };
        let own = provider.quirks.anthropic;
        Question {
            body: adapted.body,
            dropped: adapted.dropped,
            names: ToolNames::default(),
            stream: self.streams(),
            // An answer that comes whole is forwarded whole, but may turn out to be a stream after all.
            skims: self.streams(),
            carry: own.then_some(&self.carry),
            beta: own && self.beta,
        }
    }
}

impl Typed {
    /// The request in the words of an upstream of another dialect. It always streams: so a vendor that stalls is told
    /// from one that works, and an answer that is to be whole is put together from its pieces.
    pub(super) fn encoded(&self, model: &Model, provider: &Provider) -> Question<'static> {
        let target = Target {
            dialect: Call::dialect(provider),
            model: &model.id,
            quirks: &provider.quirks,
            most_output: model.most_output,
            context: model.context,
            stream: true,
        };
        let encoded = encode(&self.prompt, &target);
        let mut dropped = self.dropped.clone();
        dropped.extend(encoded.dropped);
        Question {
            body: Bytes::from(encoded.body),
            dropped,
            names: encoded.names,
            stream: true,
            skims: false,
            carry: None,
            beta: false,
        }
    }
}
