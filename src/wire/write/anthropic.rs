//! Events as Anthropic's stream: `event:` and `data:` lines, as Claude Code needs them (the wire page, 3.4).

use serde_json::json;

use super::{anthropic_usage, estimated, push_json};
use crate::model::Usage;
use crate::wire::event::{Delta, Event, Opened};

/// Writes one answer.
#[derive(Debug)]
pub struct AnthropicSse {
    model: String,
    input: u64,
    said: usize,
}

impl AnthropicSse {
    /// A writer for a client that asked for `model`; `input` is an estimate of the prompt's tokens, told until the
    /// vendor's own number is there.
    pub fn new(model: impl Into<String>, input: u64) -> Self {
        Self { model: model.into(), input, said: 0 }
    }

    /// Appends the lines of one event to `out`.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, usage } => self.start(id, model, *usage, out),
            Event::Open { index, block } => {
                let block = match block {
                    Opened::Text => json!({"type": "text", "text": ""}),
                    Opened::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
                    Opened::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
                    Opened::Tool { id, name } => json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                    Opened::Other(value) => value.clone(),
                };
                let value = json!({"type": "content_block_start", "index": index, "content_block": block});
                line(out, "content_block_start", &value.to_string());
            }
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::Close { index } => {
                line(out, "content_block_stop", &format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}"));
            }
            Event::Stop { reason, sequence, usage } => {
                let usage = usage.unwrap_or_else(|| estimated(self.input, self.said));
                let value = json!({
                    "type": "message_delta",
                    "delta": {"stop_reason": reason.as_str(), "stop_sequence": sequence},
                    "usage": anthropic_usage(usage),
                });
                line(out, "message_delta", &value.to_string());
            }
            Event::End => line(out, "message_stop", r#"{"type":"message_stop"}"#),
            Event::Ping => line(out, "ping", r#"{"type":"ping"}"#),
            Event::Error(fault) => line(out, "error", &fault.anthropic_body(None).to_string()),
        }
    }

    fn start(&self, id: &str, model: &str, usage: Option<Usage>, out: &mut Vec<u8>) {
        let model = if self.model.is_empty() { model } else { &self.model };
        let usage = usage.filter(|usage| usage.prompt() > 0).unwrap_or_else(|| Usage::new(self.input, 0));
        let value = json!({
            "type": "message_start",
            "message": {
                "id": id, "type": "message", "role": "assistant", "model": model, "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": anthropic_usage(usage),
            },
        });
        line(out, "message_start", &value.to_string());
    }

    /// Most of a stream is these: written without building a value.
    fn delta(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        let (kind, key, text) = match delta {
            Delta::Text(text) => ("text_delta", "text", text),
            Delta::Thinking(text) => ("thinking_delta", "thinking", text),
            Delta::Signature(text) => ("signature_delta", "signature", text),
            Delta::Json(text) => ("input_json_delta", "partial_json", text),
            Delta::Other(value) => {
                let value = json!({"type": "content_block_delta", "index": index, "delta": value});
                return line(out, "content_block_delta", &value.to_string());
            }
        };
        self.said += text.len();
        let head = format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
             \"delta\":{{\"type\":\"{kind}\",\"{key}\":"
        );
        out.extend_from_slice(head.as_bytes());
        push_json(out, text);
        out.extend_from_slice(b"}}\n\n");
    }
}

fn line(out: &mut Vec<u8>, event: &str, data: &str) {
    for piece in ["event: ", event, "\ndata: ", data, "\n\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}
