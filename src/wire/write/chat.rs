//! Events as `OpenAI`'s chat stream.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{chat_usage, estimated, push_json};
use crate::model::Usage;
use crate::wire::event::{Delta, Event, Opened, StopReason};

/// Writes one answer.
#[derive(Debug)]
pub struct ChatSse {
    id: String,
    model: String,
    created: i64,
    include_usage: bool,
    usage: Option<Usage>,
    /// An estimate of the prompt's tokens, told where the vendor tells nothing.
    input: u64,
    /// Bytes of what was said: likewise.
    said: usize,
    /// The number of each call, by its block.
    calls: HashMap<usize, usize>,
}

impl ChatSse {
    /// A writer for a client that asked for `model`, at `created` (seconds of Unix time), and wants the usage told
    /// or not (`stream_options.include_usage`). `input` as for [`super::AnthropicSse`].
    pub fn new(model: impl Into<String>, created: i64, include_usage: bool, input: u64) -> Self {
        let (id, model) = (String::new(), model.into());
        Self { id, model, created, include_usage, usage: None, input, said: 0, calls: HashMap::new() }
    }

    /// Appends the lines of one event to `out`; some events have none.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if let Event::Delta { delta: Delta::Text(text) | Delta::Thinking(text) | Delta::Json(text), .. } = event {
            self.said += text.len();
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id = completion_id(id);
                if self.model.is_empty() {
                    self.model.clone_from(model);
                }
                self.chunk(&json!({"role": "assistant", "content": ""}), None, out);
            }
            Event::Open { index, block: Opened::Tool { id, name } } => {
                let number = self.calls.len();
                self.calls.insert(*index, number);
                let call = json!({"index": number, "id": id, "type": "function",
                    "function": {"name": name, "arguments": ""}});
                self.chunk(&json!({"tool_calls": [call]}), None, out);
            }
            Event::Delta { delta: Delta::Text(text), .. } => self.prose("content", text, out),
            Event::Delta { delta: Delta::Thinking(text), .. } => self.prose("reasoning_content", text, out),
            Event::Delta { index, delta: Delta::Json(piece) } => {
                if let Some(number) = self.calls.get(index) {
                    let call = json!({"index": number, "function": {"arguments": piece}});
                    self.chunk(&json!({"tool_calls": [call]}), None, out);
                }
            }
            Event::Stop { reason, usage, .. } => {
                self.usage = *usage;
                self.chunk(&json!({}), Some(finish_reason(reason)), out);
            }
            Event::End => self.end(out),
            Event::Error(fault) => data(out, &fault.openai_body().to_string()),
            // A comment keeps the connection alive and is no chunk.
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } => {}
        }
    }

    fn head(&self) -> Value {
        json!({"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model})
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>, out: &mut Vec<u8>) {
        let mut chunk = self.head();
        if let Some(map) = chunk.as_object_mut() {
            let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
            map.insert("choices".into(), json!([choice]));
            if self.include_usage {
                map.insert("usage".into(), Value::Null);
            }
        }
        data(out, &chunk.to_string());
    }

    /// Most of a stream is these: only the text is escaped anew.
    fn prose(&self, key: &str, text: &str, out: &mut Vec<u8>) {
        let mut head = self.head().to_string();
        head.pop(); // the closing brace
        let usage = if self.include_usage { ",\"usage\":null" } else { "" };
        let open = format!("data: {head},\"choices\":[{{\"index\":0,\"delta\":{{\"{key}\":");
        out.extend_from_slice(open.as_bytes());
        push_json(out, text);
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":null}]");
        out.extend_from_slice(usage.as_bytes());
        out.extend_from_slice(b"}\n\n");
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.include_usage {
            let usage = self.usage.unwrap_or_else(|| estimated(self.input, self.said));
            let mut chunk = self.head();
            if let Some(map) = chunk.as_object_mut() {
                map.insert("choices".into(), json!([]));
                map.insert("usage".into(), chat_usage(usage));
            }
            data(out, &chunk.to_string());
        }
        data(out, "[DONE]");
    }
}

/// `OpenAI`'s word for the end of an answer.
pub(super) const fn finish_reason(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::Other(_) => "stop",
        StopReason::MaxTokens => "length",
        StopReason::ToolUse => "tool_calls",
        StopReason::Refusal => "content_filter",
    }
}

pub(super) fn completion_id(id: &str) -> String {
    if id.starts_with("chatcmpl-") { id.to_owned() } else { format!("chatcmpl-{id}") }
}

fn data(out: &mut Vec<u8>, text: &str) {
    for piece in ["data: ", text, "\n\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}
