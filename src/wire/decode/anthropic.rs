//! Anthropic's own stream, and those who imitate it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::scribe::Scribe;
use super::{text, usage};
use crate::wire::event::{Delta, Opened, StopReason};
use crate::wire::fault::{Fault, FaultKind};
use crate::wire::quirks::Quirks;
use crate::wire::signature;

#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The stream has begun as it should.
    pub(super) begun: bool,
    usage: usage::Anthropic,
    blocks: Vec<Block>,
    /// Whose signatures these are, where they are not Anthropic's.
    origin: Option<String>,
}

/// A block of the upstream, and where it is in ours.
#[derive(Debug)]
struct Block {
    upstream: u64,
    index: usize,
    open: bool,
    /// The whole input of a call that sends no pieces.
    input: Option<String>,
    tool: bool,
}

/// A message of nothing but words, which is what most are that are not streamed.
#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: Option<&'a str>,
    model: Option<&'a str>,
    #[serde(borrow)]
    content: Vec<PlainBlock<'a>>,
    stop_reason: Option<&'a str>,
    stop_sequence: Option<String>,
    usage: Option<Value>,
    // With one of these it may be an error after all.
    error: Option<IgnoredAny>,
    success: Option<IgnoredAny>,
    code: Option<IgnoredAny>,
    msg: Option<IgnoredAny>,
    message: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PlainBlock<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl Reader {
    pub(super) fn new(quirks: &Quirks) -> Self {
        let origin = (!quirks.anthropic).then(|| quirks.origin.clone().into_owned());
        Self { origin, ..Self::default() }
    }

    /// A signature as the client gets it.
    fn signed(&self, signature: &str) -> Delta {
        let marked = self.origin.as_deref().map(|origin| signature::pack(origin, signature));
        Delta::Signature(marked.unwrap_or_else(|| signature.to_owned()))
    }

    pub(super) fn event(&mut self, name: &str, value: &Value, scribe: &mut Scribe) {
        match text(value, "type").filter(|kind| !kind.is_empty()).unwrap_or(name) {
            "message_start" => {
                self.begun = true;
                self.message_start(value.get("message").unwrap_or(value), scribe);
            }
            "content_block_start" => self.block_start(value, scribe),
            "content_block_delta" => self.block_delta(value, scribe),
            "content_block_stop" => self.block_stop(value, scribe),
            "message_delta" => self.message_delta(value, scribe),
            "message_stop" => scribe.end(),
            "message" => self.whole(value, scribe),
            "ping" => scribe.ping(),
            "error" => scribe.fail(Fault::new(FaultKind::Server, "the vendor reported an error without a text")),
            _ => {}
        }
    }

    /// A message that was not streamed and has nothing in it but words, read without being parsed in full; any other is
    /// left alone.
    pub(super) fn plain(&mut self, data: &[u8], scribe: &mut Scribe) -> bool {
        let Ok(message) = serde_json::from_slice::<Plain<'_>>(data) else { return false };
        let Plain { error: None, success: None, code: None, msg: None, message: None, .. } = message else {
            return false;
        };
        if message.kind != "message" || message.content.iter().any(|block| block.kind != "text") {
            return false;
        }
        scribe.used(self.usage.merge(message.usage.as_ref()));
        scribe.start(message.id, message.model);
        for block in message.content {
            let index = scribe.block(Opened::Text);
            if !block.text.is_empty() {
                scribe.delta(index, Delta::Text(block.text.into_owned()));
            }
            scribe.close(index);
        }
        if let Some(reason) = message.stop_reason {
            scribe.stop(StopReason::of_word(reason));
        }
        scribe.stop_sequence(message.stop_sequence.as_deref());
        scribe.end();
        true
    }

    /// A message that was not streamed.
    pub(super) fn whole(&mut self, value: &Value, scribe: &mut Scribe) {
        let Some(blocks) = value.get("content").and_then(Value::as_array) else { return };
        self.message_start(value, scribe);
        for (number, block) in blocks.iter().enumerate() {
            let upstream = number as u64;
            self.start_block(upstream, block, scribe);
            if let (Some("thinking"), Some(signature), Some(at)) =
                (text(block, "type"), text(block, "signature"), self.index_of(Some(upstream)))
            {
                scribe.delta(at, self.signed(signature));
            }
            self.stop_block(Some(upstream), scribe);
        }
        scribe.used(self.usage.merge(value.get("usage")));
        if let Some(reason) = text(value, "stop_reason") {
            scribe.stop(StopReason::of_word(reason));
        }
        scribe.stop_sequence(text(value, "stop_sequence"));
        scribe.end();
    }

    fn message_start(&mut self, message: &Value, scribe: &mut Scribe) {
        scribe.used(self.usage.merge(message.get("usage")));
        scribe.start(text(message, "id"), text(message, "model"));
    }

    fn message_delta(&mut self, value: &Value, scribe: &mut Scribe) {
        scribe.used(self.usage.merge(value.get("usage")));
        let delta = value.get("delta").unwrap_or(value);
        if let Some(reason) = text(delta, "stop_reason") {
            scribe.stop(StopReason::of_word(reason));
        }
        scribe.stop_sequence(text(delta, "stop_sequence"));
    }

    fn block_start(&mut self, value: &Value, scribe: &mut Scribe) {
        let next = self.blocks.iter().map(|block| block.upstream + 1).max().unwrap_or(0);
        let upstream = value.get("index").and_then(Value::as_u64).unwrap_or(next);
        self.start_block(upstream, value.get("content_block").unwrap_or(&Value::Null), scribe);
    }

    fn start_block(&mut self, upstream: u64, block: &Value, scribe: &mut Scribe) {
        let said = |key| text(block, key).unwrap_or_default();
        let tool = said("type") == "tool_use";
        let opened = match said("type") {
            "text" => Opened::Text,
            "thinking" => Opened::Thinking,
            "redacted_thinking" => Opened::Redacted(said("data").to_owned()),
            "tool_use" => {
                let number = scribe.call(Some(upstream), said("id"));
                scribe.call_name(number, said("name"));
                Opened::Other(Value::Null)
            }
            _ => Opened::Other(block.clone()),
        };
        let index = if tool { scribe.calls().len().saturating_sub(1) } else { scribe.block(opened) };
        let input = block.get("input").filter(|input| tool && input.as_object().is_some_and(|map| !map.is_empty()));
        self.blocks.push(Block { upstream, index, open: true, input: input.map(Value::to_string), tool });
        match said("type") {
            "text" if !said("text").is_empty() => scribe.delta(index, Delta::Text(said("text").to_owned())),
            "thinking" if !said("thinking").is_empty() => {
                scribe.delta(index, Delta::Thinking(said("thinking").to_owned()));
            }
            _ => {}
        }
    }

    /// The open block of an upstream index; without one, the newest that is open.
    fn find(&mut self, upstream: Option<u64>) -> Option<&mut Block> {
        self.blocks.iter_mut().rev().find(|block| block.open && upstream.is_none_or(|index| index == block.upstream))
    }

    fn index_of(&mut self, upstream: Option<u64>) -> Option<usize> {
        self.find(upstream).map(|block| block.index)
    }

    fn block_delta(&mut self, value: &Value, scribe: &mut Scribe) {
        let Some(delta) = value.get("delta") else { return };
        let upstream = value.get("index").and_then(Value::as_u64);
        let said = |key| text(delta, key).unwrap_or_default().to_owned();
        let kind = text(delta, "type").unwrap_or_default();
        if self.find(upstream).is_none() {
            // A block that never began: say what it must be.
            let block = match kind {
                "text_delta" => serde_json::json!({"type": "text"}),
                "thinking_delta" => serde_json::json!({"type": "thinking"}),
                _ => return,
            };
            self.start_block(upstream.unwrap_or(self.blocks.len() as u64), &block, scribe);
        }
        let Some(block) = self.find(upstream) else { return };
        if kind == "input_json_delta" && block.tool {
            let piece = said("partial_json");
            if !piece.is_empty() {
                block.input = None;
                scribe.call_arguments(block.index, &piece);
            }
            return;
        }
        let index = block.index;
        if block.tool {
            return;
        }
        scribe.delta(
            index,
            match kind {
                "text_delta" => Delta::Text(said("text")),
                "thinking_delta" => Delta::Thinking(said("thinking")),
                "signature_delta" => self.signed(&said("signature")),
                "input_json_delta" => Delta::Json(said("partial_json")),
                _ => Delta::Other(delta.clone()),
            },
        );
    }

    fn block_stop(&mut self, value: &Value, scribe: &mut Scribe) {
        self.stop_block(value.get("index").and_then(Value::as_u64), scribe);
    }

    fn stop_block(&mut self, upstream: Option<u64>, scribe: &mut Scribe) {
        let Some(block) = self.find(upstream) else { return };
        block.open = false;
        let (index, input, tool) = (block.index, block.input.take(), block.tool);
        if tool {
            if let Some(input) = input {
                scribe.call_arguments(index, &input);
            }
            scribe.call_done(index);
        } else {
            scribe.close(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::wire::{Decoder, Dialect, Event, Quirks, ToolNames};

    fn events(message: &Value) -> Vec<Event> {
        let mut decoder = Decoder::new(Dialect::Anthropic, &Quirks::default(), ToolNames::default(), "seed");
        let mut events = decoder.feed(message.to_string().as_bytes());
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn a_message_of_words_alone_says_the_same_however_it_is_read() {
        let usage = json!({"input_tokens": 9, "output_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 2}});
        for (content, stop) in [
            (json!([{"type": "text", "text": "a \"b\"\n한글"}]), json!("end_turn")),
            (
                json!([{"type": "text", "text": ""}, {"type": "text", "text": "c", "citations": []}]),
                json!("max_tokens"),
            ),
            (json!([]), json!("end_turn")),
            (json!([{"type": "text", "text": "cut"}]), Value::Null),
        ] {
            let mut message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                "content": content, "stop_reason": stop, "stop_sequence": "END", "usage": usage, "error": null});
            let plain = events(&message);
            message["success"] = json!(true);
            assert_eq!(plain, events(&message), "{message}");
        }
    }
}
