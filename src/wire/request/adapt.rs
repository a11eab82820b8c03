//! A request for an upstream of the same dialect that is not quite like Anthropic: changed where it must be, and
//! byte for byte the client's elsewhere.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::head::{Entries, MessagePeek, place};
use super::splice::Splice;
use super::{Request, foreign};
use crate::wire::encode::Dropped;
use crate::wire::quirks::Quirks;
use crate::wire::reminder;

/// What looks for a message of the system, made once.
static SYSTEM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""system""#));

/// What an upstream of the Anthropic dialect needs changed.
#[derive(Debug, Clone, Copy)]
pub struct Adapt<'a> {
    /// The model's name there.
    pub model: &'a str,
    /// What is different there: `anthropic`, `system_messages`.
    pub quirks: &'a Quirks,
    /// The most output tokens that the model gives: a wish for more is cut to it.
    pub most_output: Option<u64>,
    /// What is said at the end of the system prompt.
    pub addition: Option<&'a str>,
}

/// The bytes for the upstream, and what is not in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The body.
    pub body: Bytes,
    /// What was taken out or lowered.
    pub dropped: Vec<Dropped>,
}

impl Request {
    /// This request for an upstream of the Anthropic dialect.
    ///
    /// Anthropic itself gets everything but thinking of other models. For the others its accounting line goes, which
    /// changes with every build and costs the prompt cache; thinking goes that is not their own; tools go that only
    /// Anthropic's servers run; and words of the system in the middle of the conversation become the user's reminders,
    /// which nobody refuses.
    pub fn adapt(&self, to: &Adapt<'_>) -> Adapted {
        let mut splice = Splice::new(&self.bytes);
        let mut dropped = Vec::new();
        if self.places.models.len() != 1 || self.head.model != to.model {
            self.splice_model(&mut splice, to.model);
        }
        let text = self.text();
        self.splice_limit(to, &mut splice, &mut dropped);
        let emptied = !to.quirks.anthropic && self.splice_billing(text, &mut splice, &mut dropped);
        if let Some(addition) = to.addition {
            self.splice_system(text, addition, emptied, &mut splice);
        }
        let typed = !to.quirks.anthropic && self.has_typed_tools(text);
        if typed || !to.quirks.refuses.is_empty() {
            splice_fields(text, to.quirks, typed, &mut splice, &mut dropped);
        }
        self.splice_messages(text, to.quirks, &mut splice, &mut dropped);
        Adapted { body: splice.apply(), dropped }
    }

    /// This request for an upstream of the Chat dialect. Where it is to stream, the usage is asked for, because only
    /// then anybody tells it.
    pub fn adapt_chat(&self, to: &Adapt<'_>) -> Adapted {
        let mut splice = Splice::new(&self.bytes);
        let mut dropped = Vec::new();
        if self.places.models.len() != 1 || self.head.model != to.model {
            self.splice_model(&mut splice, to.model);
        }
        self.splice_limit(to, &mut splice, &mut dropped);
        if !to.quirks.refuses.is_empty() {
            splice_fields(self.text(), to.quirks, false, &mut splice, &mut dropped);
        }
        if let Some(addition) = to.addition {
            self.splice_system_message(self.text(), addition, &mut splice);
        }
        if self.head.stream && !self.head.include_usage {
            self.splice_usage(&mut splice);
        }
        Adapted { body: splice.apply(), dropped }
    }

    fn splice_usage(&self, splice: &mut Splice<'_>) {
        const ASKED: &str = r#"{"include_usage":true}"#;
        match &self.places.stream_options {
            Some(place) => splice.replace(place.clone(), ASKED),
            None => self.splice_field("stream_options", ASKED, splice),
        }
    }

    /// Adds a field at the end.
    pub(super) fn splice_field(&self, name: &str, value: &str, splice: &mut Splice<'_>) {
        // A request has a model, so something stands before the closing brace.
        if let Some(end) = self.bytes.iter().rposition(|byte| *byte == b'}') {
            splice.replace(end..end, format!(r#","{name}":{value}"#));
        }
    }

    fn splice_limit(&self, to: &Adapt<'_>, splice: &mut Splice<'_>, dropped: &mut Vec<Dropped>) {
        if let (Some(wanted), Some(most)) = (self.head.max_tokens, to.most_output)
            && wanted > most
        {
            for place in &self.places.max_tokens {
                splice.replace(place.clone(), most.to_string());
            }
            dropped.push(Dropped { field: "max_tokens".into(), why: "lowered to the most that the model gives" });
        }
    }

    /// Takes Anthropic's accounting line out; says whether nothing is left of the system prompt.
    fn splice_billing(&self, text: &str, splice: &mut Splice<'_>, dropped: &mut Vec<Dropped>) -> bool {
        let Some(system) = self.places.system.clone() else { return false };
        let Some(items) = text.get(system).and_then(|raw| raw.strip_prefix('[')) else { return false };
        let mut items = serde_json::Deserializer::from_str(items).into_iter::<&RawValue>();
        let Some(first) = items.next().and_then(Result::ok).filter(|raw| is_billing(raw)) else { return false };
        let first = place(text, first);
        // With the comma that follows it, and the space behind; alone it leaves an empty array, which is allowed.
        let behind = text.get(first.end..).unwrap_or_default();
        let next = behind.trim_ascii_start().strip_prefix(',').map(str::trim_ascii_start);
        let end = next.map_or(first.end, |next| text.len() - next.len());
        splice.replace(first.start..end, "");
        let field = "system: x-anthropic-billing-header".into();
        dropped.push(Dropped { field, why: "it is for Anthropic and changes with every build" });
        next.is_none()
    }

    /// Whether a tool may be one that has no schema, because whoever runs it knows it.
    fn has_typed_tools(&self, text: &str) -> bool {
        self.head.tools > 0 && memchr::memmem::find_iter(text.as_bytes(), "\"input_schema\"").count() < self.head.tools
    }

    fn splice_messages(&self, text: &str, quirks: &Quirks, splice: &mut Splice<'_>, dropped: &mut Vec<Dropped>) {
        let Some((first, last)) = self.places.messages.first().zip(self.places.messages.last()) else { return };
        let messages = text.get(first.start..last.end).unwrap_or_default();
        let suspect = foreign::suspects(messages, quirks);
        // The role itself is looked for below; this only spares the look where there cannot be one.
        let roles = !quirks.system_messages && SYSTEM.find(messages.as_bytes()).is_some();
        if !suspect && !roles {
            return;
        }
        let places = &self.places.messages;
        let raw = |at: usize| places.get(at).and_then(|place| text.get(place.clone()));
        let read = |at: usize| raw(at).and_then(|raw| serde_json::from_str::<MessagePeek<'_>>(raw).ok());
        let mut reminders = Vec::new();
        for at in 0..places.len() {
            let Some(message) = read(at) else { continue };
            match &*message.role {
                "system" if roles => {
                    reminders.push(as_reminder(&message));
                    if read(at + 1).is_some_and(|next| next.role == "system") {
                        continue;
                    }
                    // The system's words stay where they are; only between a call and its result there is no place
                    // for them, and they change places with the result.
                    let results = raw(at + 1).filter(|next| holds_results(next));
                    let first = (at + 1).saturating_sub(reminders.len());
                    let texts = results.map(str::to_owned).into_iter().chain(reminders.drain(..));
                    for (place, text) in places.iter().skip(first).zip(texts) {
                        splice.replace(place.clone(), text);
                    }
                }
                "assistant" if suspect => foreign::splice_blocks(text, &message, quirks, splice, dropped),
                _ => {}
            }
        }
    }
}

/// Takes fields out that the host refuses, and with `typed` the tools that it cannot run.
fn splice_fields(text: &str, quirks: &Quirks, typed: bool, splice: &mut Splice<'_>, dropped: &mut Vec<Dropped>) {
    // A key that is written with escapes is none of these, and such a body stays as it is.
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(text) else { return };
    let with_tools = if typed { foreign::splice_tools(&entries, text, quirks, splice, dropped) } else { &[] };
    let refused = |key: &str| quirks.refuses.iter().any(|field| field == key);
    for (key, _) in entries.iter().filter(|(key, _)| refused(key)) {
        foreign::note(dropped, (*key).to_owned(), "this host refuses it");
    }
    splice_out(text, &entries, |key| refused(key) || with_tools.contains(&key), splice);
}

/// Takes fields out, each with the comma that goes with it.
fn splice_out(text: &str, entries: &[(&str, &RawValue)], goes: impl Fn(&str) -> bool, splice: &mut Splice<'_>) {
    let begin = |key: &str| (key.as_ptr() as usize).saturating_sub(text.as_ptr() as usize + 1);
    let last = entries.iter().rposition(|(key, _)| !goes(key)).unwrap_or_default();
    let mut before = None;
    for (at, (key, raw)) in entries.iter().enumerate() {
        let end = place(text, raw).end;
        if goes(key) {
            let range = match entries.get(at + 1) {
                Some((next, _)) if at < last => begin(key)..begin(next),
                _ => before.unwrap_or_else(|| begin(key))..end,
            };
            splice.replace(range, "");
        }
        before = Some(end);
    }
}

fn is_billing(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    serde_json::from_str::<Text>(raw.get()).is_ok_and(|block| block.text.starts_with("x-anthropic-billing-header:"))
}

fn holds_results(raw: &str) -> bool {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let blocks = value.get("content").and_then(Value::as_array);
    blocks.into_iter().flatten().any(|block| block.get("type").and_then(Value::as_str) == Some("tool_result"))
}

/// A message of the system as one of the user. Only its text is kept: it has nothing else.
fn as_reminder(message: &MessagePeek<'_>) -> String {
    let content: Value = message.content.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let words = match &content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n\n")
        }
        _ => String::new(),
    };
    serde_json::json!({"role": "user", "content": [{"type": "text", "text": reminder::wrap(&words)}]}).to_string()
}
