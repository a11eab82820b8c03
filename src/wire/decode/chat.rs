//! `OpenAI` Chat Completions as everybody speaks it: chunks, and whole answers, which differ only in `message`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::scribe::{Prose, Scribe};
use super::{text, usage};
use crate::wire::event::StopReason;

#[derive(Debug)]
pub(super) struct Reader {
    reasoning_beside_output: bool,
    refused: bool,
}

impl Reader {
    pub(super) const fn new(reasoning_beside_output: bool) -> Self {
        Self { reasoning_beside_output, refused: false }
    }

    pub(super) fn chunk(&mut self, value: &Value, scribe: &mut Scribe) {
        let choice = value
            .get("choices")
            .and_then(Value::as_array)
            .and_then(|choices| choices.iter().find(|choice| choice.get("index").is_none_or(|index| index == 0)));
        // Kimi reports usage inside the choice.
        let used = value.get("usage").filter(|usage| usage.is_object()).or_else(|| choice?.get("usage"));
        scribe.used(used.and_then(|used| usage::chat(used, self.reasoning_beside_output)));
        if value.get("choices").is_none() && value.get("usage").is_none() {
            return; // not a chunk at all
        }
        scribe.start(text(value, "id"), text(value, "model"));
        let Some(choice) = choice else { return };
        if let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) {
            self.delta(delta, scribe);
        }
        if let Some(reason) = text(choice, "finish_reason") {
            scribe.stop(if self.refused { StopReason::Refusal } else { stop_reason(reason) });
        }
    }

    fn delta(&mut self, delta: &Value, scribe: &mut Scribe) {
        reasoning(delta, scribe);
        match delta.get("content") {
            Some(Value::String(content)) => scribe.prose(Prose::Text, content),
            Some(Value::Array(parts)) => parts.iter().for_each(|part| content_part(part, scribe)),
            _ => {}
        }
        if let Some(refusal) = text(delta, "refusal").filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            scribe.prose(Prose::Text, refusal);
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            tool_call(call, scribe);
        }
        if let Some(function) = delta.get("function_call").filter(|function| function.is_object()) {
            let number = if scribe.calls().is_empty() { scribe.call(None, "") } else { scribe.calls().len() - 1 };
            piece(number, function, scribe);
        }
    }
}

/// A chunk that is nothing but a piece of text: nearly all are, and reading them so costs a quarter.
#[derive(Deserialize)]
struct Plain {
    choices: [PlainChoice; 1],
    #[serde(default)]
    usage: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PlainChoice {
    #[serde(default)]
    index: u64,
    delta: PlainDelta,
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
    #[serde(default)]
    usage: Option<IgnoredAny>,
}

/// Fields that are not here make a chunk one that has to be looked at in full.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainDelta {
    content: String,
    #[serde(default)]
    #[expect(dead_code, reason = "known, so that it is not unknown")]
    role: Option<IgnoredAny>,
}

/// Takes a plain chunk of an answer that has begun; any other is left alone.
pub(super) fn plain(data: &[u8], scribe: &mut Scribe) -> bool {
    if !scribe.has_started() {
        return false;
    }
    let Ok(Plain { choices: [choice], usage: None, error: None }) = serde_json::from_slice(data) else { return false };
    let plain = choice.index == 0 && choice.finish_reason.is_none() && choice.usage.is_none();
    if plain {
        scribe.prose(Prose::Text, &choice.delta.content);
    }
    plain
}

/// Reasoning has three names, of which a chunk may use several for the same words.
fn reasoning(delta: &Value, scribe: &mut Scribe) {
    for name in ["reasoning_content", "reasoning"] {
        if let Some(said) = text(delta, name).filter(|said| !said.is_empty()) {
            return scribe.prose(Prose::Thinking, said);
        }
    }
    for detail in delta.get("reasoning_details").and_then(Value::as_array).into_iter().flatten() {
        let said = text(detail, "text").or_else(|| text(detail, "summary")).unwrap_or_default();
        scribe.prose(Prose::Thinking, said);
    }
}

fn content_part(part: &Value, scribe: &mut Scribe) {
    match text(part, "type") {
        // Mistral thinks in parts of its own.
        Some("thinking") => match part.get("thinking") {
            Some(Value::Array(parts)) => {
                for part in parts {
                    scribe.prose(Prose::Thinking, text(part, "text").unwrap_or_default());
                }
            }
            said => scribe.prose(Prose::Thinking, said.and_then(Value::as_str).unwrap_or_default()),
        },
        _ => scribe.prose(Prose::Text, text(part, "text").unwrap_or_default()),
    }
}

/// A piece of a call: found by its index and its id, of which either may be missing, repeated or wrong.
fn tool_call(call: &Value, scribe: &mut Scribe) {
    let function = call.get("function").unwrap_or(&Value::Null);
    let key = call.get("index").and_then(Value::as_u64);
    let id = text(call, "id").unwrap_or_default();
    let named = text(function, "name").is_some_and(|name| !name.is_empty());
    let number = find(key, id, named, scribe).unwrap_or_else(|| scribe.call(key, id));
    scribe.call_id(number, id);
    piece(number, function, scribe);
}

fn find(key: Option<u64>, id: &str, named: bool, scribe: &Scribe) -> Option<usize> {
    let calls = scribe.calls();
    let same_id = || calls.iter().rposition(|call| !id.is_empty() && call.id == id);
    let number = match key {
        Some(key) => calls.iter().rposition(|call| call.key == Some(key)),
        None => same_id().or_else(|| calls.len().checked_sub(1)),
    }?;
    let call = calls.get(number)?;
    // Some number every call 0 or not at all: a second id with a second name is a second call. Without ids, a
    // second name after arguments is.
    let other_id = !id.is_empty() && !call.id.is_empty() && call.id != id;
    let begun_again = id.is_empty() && key.is_none() && call.argued;
    (!(named && (other_id || begun_again))).then_some(number).or_else(same_id)
}

fn piece(number: usize, function: &Value, scribe: &mut Scribe) {
    scribe.call_name(number, text(function, "name").unwrap_or_default());
    match function.get("arguments") {
        Some(Value::String(piece)) => scribe.call_arguments(number, piece),
        Some(whole @ Value::Object(_)) => scribe.call_arguments(number, &whole.to_string()),
        _ => {}
    }
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "length" | "max_tokens" | "model_length" => StopReason::MaxTokens,
        "tool_calls" | "function_call" | "tool_use" => StopReason::ToolUse,
        // `sensitive` is GLM's.
        "content_filter" | "sensitive" | "refusal" => StopReason::Refusal,
        _ => StopReason::EndTurn,
    }
}
