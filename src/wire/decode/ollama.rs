//! Ollama's own `/api/chat`: a line for each piece, or one line for all.

use serde_json::Value;

use super::scribe::{Prose, Scribe};
use super::{text, usage};
use crate::wire::event::StopReason;
use crate::wire::fault::{Fault, FaultKind};

#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    #[expect(clippy::unused_self, reason = "the readers of all dialects are called alike")]
    pub(super) fn line(&mut self, value: &Value, scribe: &mut Scribe) {
        if value.get("message").is_none() && value.get("done").is_none() {
            return; // not an answer at all
        }
        scribe.start(None, text(value, "model"));
        if let Some(message) = value.get("message") {
            take(message, scribe);
        }
        if value.get("done").and_then(Value::as_bool) != Some(true) {
            return;
        }
        scribe.used(usage::ollama(value));
        match text(value, "done_reason") {
            Some("length") => scribe.stop(StopReason::MaxTokens),
            Some("load" | "unload") if !scribe.has_blocks() => {
                return scribe.fail(Fault::new(FaultKind::Server, "the model was loaded, and did not answer"));
            }
            _ => scribe.stop(StopReason::EndTurn),
        }
        scribe.end();
    }
}

fn take(message: &Value, scribe: &mut Scribe) {
    scribe.prose(Prose::Thinking, text(message, "thinking").unwrap_or_default());
    scribe.prose(Prose::Text, text(message, "content").unwrap_or_default());
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let function = call.get("function").unwrap_or(&Value::Null);
        let number = scribe.call(None, text(call, "id").unwrap_or_default());
        scribe.call_name(number, text(function, "name").unwrap_or_default());
        let arguments = match function.get("arguments") {
            Some(Value::String(arguments)) => arguments.clone(),
            Some(arguments) if !arguments.is_null() => arguments.to_string(),
            _ => "{}".to_owned(),
        };
        scribe.call_arguments(number, &arguments);
        scribe.call_done(number);
    }
}
