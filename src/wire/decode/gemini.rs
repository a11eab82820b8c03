//! Google's `generateContent`: whole parts, in chunks or at once.

use serde_json::{Value, json};

use super::scribe::{Prose, Scribe};
use super::{text, usage};
use crate::wire::event::StopReason;
use crate::wire::fault::{Fault, FaultKind};

#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    #[expect(clippy::unused_self, reason = "the readers of all dialects are called alike")]
    pub(super) fn chunk(&mut self, value: &Value, scribe: &mut Scribe) {
        scribe.used(value.get("usageMetadata").and_then(usage::gemini));
        let blocked = value.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
        let candidate = value.get("candidates").and_then(Value::as_array).and_then(|candidates| candidates.first());
        if blocked.is_none() && candidate.is_none() && value.get("usageMetadata").is_none() {
            return; // not a chunk at all
        }
        scribe.start(text(value, "responseId"), text(value, "modelVersion"));
        if blocked.is_some() {
            scribe.stop(StopReason::Refusal);
        }
        let Some(candidate) = candidate else { return };
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            take(part, scribe);
        }
        if let Some(reason) = text(candidate, "finishReason") {
            finish(reason, scribe);
        }
    }
}

fn take(part: &Value, scribe: &mut Scribe) {
    let sealed = text(part, "thoughtSignature").filter(|sealed| !sealed.is_empty());
    if let Some(call) = part.get("functionCall") {
        if let Some(sealed) = sealed {
            scribe.seal(sealed);
        }
        let number = scribe.call(None, text(call, "id").unwrap_or_default());
        scribe.call_name(number, text(call, "name").unwrap_or_default());
        let args = call.get("args").filter(|args| args.is_object()).cloned().unwrap_or_else(|| json!({}));
        scribe.call_arguments(number, &args.to_string());
        scribe.call_done(number);
        return;
    }
    let Some(said) = text(part, "text") else { return };
    if part.get("thought").and_then(Value::as_bool) == Some(true) {
        scribe.prose(Prose::Thinking, said);
        if let Some(sealed) = sealed {
            scribe.seal(sealed);
        }
        return;
    }
    // The seal of a text goes in front of it. Once the text has begun there is no place for it; Gemini asks for
    // the seals of calls only.
    if let Some(sealed) = sealed.filter(|_| scribe.prose_open() != Some(Prose::Text) && !said.is_empty()) {
        scribe.seal(sealed);
    }
    scribe.prose(Prose::Text, said);
}

fn finish(reason: &str, scribe: &mut Scribe) {
    match reason {
        "MAX_TOKENS" => scribe.stop(StopReason::MaxTokens),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" | "LANGUAGE" => {
            scribe.stop(StopReason::Refusal);
        }
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => {
            let said = format!("the model made a tool call that could not be read ({reason})");
            scribe.fail(Fault::new(FaultKind::Malformed, said));
        }
        _ => scribe.stop(StopReason::EndTurn),
    }
}
