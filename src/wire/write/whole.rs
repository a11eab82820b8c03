//! A whole answer, gathered from its events: for clients that do not stream.

use serde_json::{Map, Value, json};

use super::{anthropic_usage, chat_usage, estimated};
use crate::model::Usage;
use crate::wire::event::{Delta, Event, Opened, StopReason};
use crate::wire::fault::Fault;

/// An answer as far as its events have come.
#[derive(Debug, Default)]
pub struct Answer {
    id: String,
    model: String,
    blocks: Vec<Gathered>,
    stop: Option<StopReason>,
    sequence: Option<String>,
    usage: Option<Usage>,
    fault: Option<Fault>,
    whole: bool,
}

#[derive(Debug)]
struct Gathered {
    block: Opened,
    text: String,
    signature: String,
}

impl Answer {
    /// Takes one more event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Start { id, model, usage } => {
                self.id = id;
                self.model = model;
                self.usage = usage;
            }
            Event::Open { block, .. } => {
                self.blocks.push(Gathered { block, text: String::new(), signature: String::new() });
            }
            Event::Delta { index, delta } => {
                let Some(block) = self.blocks.get_mut(index) else { return };
                match delta {
                    Delta::Text(text) | Delta::Thinking(text) | Delta::Json(text) => block.text.push_str(&text),
                    Delta::Signature(signature) => block.signature = signature,
                    Delta::Other(_) => {}
                }
            }
            Event::Stop { reason, sequence, usage } => {
                self.stop = Some(reason);
                self.sequence = sequence;
                self.usage = usage.or(self.usage);
            }
            Event::End => self.whole = true,
            Event::Error(fault) => self.fault = Some(fault),
            Event::Close { .. } | Event::Ping => {}
        }
    }

    /// The text of the answer, without thinking and calls.
    pub fn text(&self) -> String {
        self.blocks.iter().filter(|block| block.block == Opened::Text).map(|block| block.text.as_str()).collect()
    }

    /// What the vendor reported.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Why the answer ended, where it did.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    /// The fault that ended it; an answer without an end has one too.
    pub fn fault(&self) -> Option<Fault> {
        match (&self.fault, self.whole) {
            (Some(fault), _) => Some(fault.clone()),
            (None, false) => Some(Fault::cut()),
            (None, true) => None,
        }
    }

    /// The answer as an Anthropic message for a client that asked for `model`; `input` as for
    /// [`super::AnthropicSse`].
    pub fn anthropic(&self, model: &str, input: u64) -> Value {
        let said = self.blocks.iter().map(|block| block.text.len()).sum();
        json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": if model.is_empty() { &self.model } else { model },
            "content": self.blocks.iter().map(Gathered::anthropic).collect::<Vec<_>>(),
            "stop_reason": self.stop.as_ref().map(StopReason::as_str),
            "stop_sequence": self.sequence,
            "usage": anthropic_usage(self.usage.unwrap_or_else(|| estimated(input, said))),
        })
    }

    /// The answer as an `OpenAI` chat completion; `created` in seconds of Unix time.
    pub fn chat(&self, model: &str, created: i64) -> Value {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        let text = self.text();
        message.insert("content".into(), if text.is_empty() { Value::Null } else { text.into() });
        let of = |kind: &Opened| -> String {
            self.blocks.iter().filter(|block| block.block == *kind).map(|block| block.text.as_str()).collect()
        };
        let thoughts = of(&Opened::Thinking);
        if !thoughts.is_empty() {
            message.insert("reasoning_content".into(), thoughts.into());
        }
        let calls: Vec<Value> = self.blocks.iter().filter_map(Gathered::chat_call).collect();
        if !calls.is_empty() {
            message.insert("tool_calls".into(), calls.into());
        }
        message.insert("refusal".into(), Value::Null);
        let finish = self.stop.as_ref().map(super::chat::finish_reason);
        let mut answer = json!({
            "id": super::chat::completion_id(&self.id),
            "object": "chat.completion",
            "created": created,
            "model": if model.is_empty() { &self.model } else { model },
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        });
        if let (Some(usage), Some(map)) = (self.usage, answer.as_object_mut()) {
            map.insert("usage".into(), chat_usage(usage));
        }
        answer
    }
}

impl Gathered {
    fn anthropic(&self) -> Value {
        match &self.block {
            Opened::Text => json!({"type": "text", "text": self.text}),
            Opened::Thinking => json!({"type": "thinking", "thinking": self.text, "signature": self.signature}),
            Opened::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
            Opened::Tool { id, name } => json!({"type": "tool_use", "id": id, "name": name, "input": self.input()}),
            Opened::Other(value) => {
                let mut value = value.clone();
                if let Some(map) = value.as_object_mut().filter(|_| !self.text.is_empty()) {
                    map.insert("input".into(), self.input());
                }
                value
            }
        }
    }

    /// The arguments as an object. What is no object is handed over under the name by which Claude Code itself
    /// tells the model that its arguments could not be read.
    fn input(&self) -> Value {
        match serde_json::from_str(&self.text) {
            Ok(input @ Value::Object(_)) => input,
            _ if self.text.trim().is_empty() => json!({}),
            _ => json!({"__unparsedToolInput": self.text}),
        }
    }

    fn chat_call(&self) -> Option<Value> {
        let Opened::Tool { id, name } = &self.block else { return None };
        let arguments = if self.text.is_empty() { "{}" } else { &self.text };
        Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
    }
}
