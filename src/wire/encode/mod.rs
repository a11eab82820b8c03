//! A prompt in the words of each vendor, and what could not be said there.

mod anthropic;
mod chat;
mod gemini;
mod names;
mod ollama;
mod parts;
mod responses;
mod schema;
mod tools;

pub use names::ToolNames;
pub(in crate::wire) use names::anthropic_id;
pub(in crate::wire) use parts::of_server;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::dialect::Dialect;
use super::hub::Prompt;
use super::quirks::{Effort, Quirks};
use crate::wire::hub::Thinks;

/// Whom a prompt is written for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// How to say it.
    pub dialect: Dialect,
    /// The model's name there.
    pub model: &'a str,
    /// What is different there.
    pub quirks: &'a Quirks,
    /// The most output tokens that the model gives: a wish for more is cut to it.
    pub most_output: Option<u64>,
    /// The context to ask of Ollama, which otherwise cuts prompts off at a few thousand tokens without a word.
    pub context: Option<u64>,
    /// Whether to stream.
    pub stream: bool,
}

/// A request body, and what is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The JSON to send.
    pub body: Vec<u8>,
    /// What was left out, each thing once.
    pub dropped: Vec<Dropped>,
    /// The tools' names as they were sent: the decoder of the answer needs it.
    pub names: ToolNames,
}

/// One thing of a request that the upstream cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The field, in the client's words: `top_k`, `cache_control`, `thinking`.
    pub field: Cow<'static, str>,
    /// Why.
    pub why: &'static str,
}

/// Writes `prompt` for `target`.
pub fn encode(prompt: &Prompt, target: &Target<'_>) -> Encoded {
    let mut draft = Draft::new(prompt, target);
    let body = match target.dialect {
        Dialect::Anthropic => anthropic::body(prompt, &mut draft),
        Dialect::Chat => chat::body(prompt, &mut draft),
        Dialect::Responses => responses::body(prompt, &mut draft),
        Dialect::Gemini => gemini::body(prompt, &mut draft),
        Dialect::Ollama => ollama::body(prompt, &mut draft),
    };
    Encoded { body: written(&body, draft.tools.as_deref()), dropped: draft.dropped, names: draft.names }
}

/// The body as text. Tools that were written already stand where the body has its `tools`.
fn written(body: &Map<String, Value>, tools: Option<&[u8]>) -> Vec<u8> {
    let mut text = Vec::with_capacity(tools.map_or(0, <[u8]>::len) * 2);
    for (number, (key, value)) in body.iter().enumerate() {
        text.push(if number == 0 { b'{' } else { b',' });
        json(&mut text, key);
        text.push(b':');
        match tools.filter(|_| key == "tools") {
            Some(tools) => text.extend_from_slice(tools),
            None => json(&mut text, value),
        }
    }
    text.extend_from_slice(if body.is_empty() { b"{}" } else { b"}" });
    text
}

/// Adds a value's JSON: writing what comes from JSON into memory does not fail.
fn json(text: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let begin = text.len();
    if serde_json::to_writer(&mut *text, value).is_err() {
        text.truncate(begin);
        text.extend_from_slice(b"null");
    }
}

/// What is known while a body is written.
struct Draft<'a> {
    target: Target<'a>,
    names: ToolNames,
    dropped: Vec<Dropped>,
    /// The tools as text, for a body that does not hold them: they are most of a request, and the same in every turn.
    tools: Option<Vec<u8>>,
}

impl<'a> Draft<'a> {
    fn new(prompt: &Prompt, target: &Target<'a>) -> Self {
        let names = match target.dialect {
            Dialect::Anthropic => ToolNames::default(),
            _ => ToolNames::new(prompt),
        };
        Self { target: *target, names, dropped: Vec::new(), tools: None }
    }

    fn quirks(&self) -> &'a Quirks {
        self.target.quirks
    }

    /// Notes that something is not in the body; the same thing only once.
    fn drop(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) {
        let dropped = Dropped { field: field.into(), why };
        if !self.dropped.contains(&dropped) {
            self.dropped.push(dropped);
        }
    }

    /// Notes what no dialect but Anthropic's has a word for.
    fn drop_what_is_anthropics(&mut self, prompt: &Prompt) {
        for field in prompt.rest.keys() {
            self.drop(field.clone(), "only Anthropic's API has this field");
        }
        if !self.quirks().cache_control && parts::has_cache_control(prompt) {
            self.drop("cache_control", "this API caches by itself");
        }
    }

    /// The output limit: what was asked for, at most what the model gives.
    fn max_tokens(&mut self, prompt: &Prompt) -> Option<u64> {
        match (prompt.max_tokens, self.target.most_output) {
            (Some(wanted), Some(most)) if wanted > most => {
                self.drop("max_tokens", "lowered to the most that the model gives");
                Some(most)
            }
            (wanted, _) => wanted,
        }
    }

    /// How much to think: said outright, or by a budget, or not at all.
    fn effort(prompt: &Prompt) -> Option<Effort> {
        if prompt.thinks() == Thinks::No {
            return Some(Effort::None);
        }
        if let Some(effort) = prompt.effort().and_then(Effort::named) {
            return Some(effort);
        }
        match prompt.thinks() {
            Thinks::Yes(Some(budget)) => Some(Effort::of_budget(budget)),
            _ => None,
        }
    }

    /// The first `most` stop sequences.
    fn stops(&mut self, prompt: &Prompt, most: usize) -> Option<Value> {
        if prompt.stop_sequences.len() > most {
            self.drop("stop_sequences", "the API takes fewer stop sequences");
        }
        let stops: Vec<Value> = prompt.stop_sequences.iter().take(most).map(|stop| stop.as_str().into()).collect();
        (!stops.is_empty()).then_some(Value::Array(stops))
    }
}

/// The system prompt's text without Anthropic's accounting line.
fn system_text(prompt: &Prompt, draft: &mut Draft<'_>) -> Option<String> {
    let mut texts = Vec::new();
    for block in &prompt.system {
        match block {
            block if block.is_billing() => {
                draft.drop("system: x-anthropic-billing-header", "it is for Anthropic and changes with every build");
            }
            super::hub::Block::Text { text, .. } if text.trim().is_empty() => {}
            super::hub::Block::Text { text, .. } => texts.push(text.as_str()),
            _ => draft.drop("system", "only text can be in a system prompt"),
        }
    }
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Puts `value` into `map` where there is one.
fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

/// The object of these entries.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
