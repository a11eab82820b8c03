//! What a model says beside words: thoughts and calls of tools, in each dialect, streamed or whole as it is asked.

use moai::wire::Dialect;
use serde_json::{Value, json};

use super::answers::{Answer, sse};

/// One turn of a model: 12 tokens in, 7 out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spoken {
    /// What it thinks first, if it does.
    pub(crate) thinking: Option<&'static str>,
    pub(crate) text: String,
    /// Names and arguments of the tools that it calls, all at once.
    pub(crate) calls: Vec<(&'static str, Value)>,
}

impl Spoken {
    /// Only words.
    pub(crate) fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// As this dialect says it, whole to a request that does not ask for a stream.
    pub(crate) fn answer(&self, dialect: Dialect) -> Answer {
        let (events, whole) = match dialect {
            Dialect::Anthropic => (self.anthropic(), self.anthropic_whole()),
            Dialect::Chat => (self.chat(), self.chat_whole()),
            Dialect::Gemini => (self.gemini(), self.gemini_whole()),
            Dialect::Responses | Dialect::Ollama => panic!("{dialect} is not played here"),
        };
        Answer::new(200, "text/event-stream", events).or_whole(&whole)
    }

    /// Pieces of the text, as a stream has them.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_inclusive(' ')
    }

    fn anthropic_blocks(&self) -> Vec<Value> {
        let thought = self.thinking.map(|text| json!({"type": "thinking", "thinking": text, "signature": "c2VhbA=="}));
        let text = (!self.text.is_empty()).then(|| json!({"type": "text", "text": self.text}));
        let calls = self.calls.iter().enumerate().map(|(number, (name, input))| {
            json!({"type": "tool_use", "id": format!("toolu_{number}"), "name": name, "input": input})
        });
        thought.into_iter().chain(text).chain(calls).collect()
    }

    fn anthropic_whole(&self) -> Value {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "played",
            "content": self.anthropic_blocks(), "stop_reason": self.anthropic_stop(), "stop_sequence": null,
            "usage": {"input_tokens": 12, "output_tokens": 7}})
    }

    fn anthropic_stop(&self) -> &'static str {
        if self.calls.is_empty() { "end_turn" } else { "tool_use" }
    }

    fn anthropic(&self) -> Vec<Vec<u8>> {
        let event = |value: Value| sse(value["type"].as_str(), &value);
        let mut start = self.anthropic_whole();
        for (field, value) in [("content", json!([])), ("stop_reason", Value::Null)] {
            start[field] = value;
        }
        let mut events = vec![event(json!({"type": "message_start", "message": start}))];
        for (index, block) in self.anthropic_blocks().into_iter().enumerate() {
            let delta = |delta: Value| event(json!({"type": "content_block_delta", "index": index, "delta": delta}));
            let (empty, deltas): (Value, Vec<Vec<u8>>) = match block["type"].as_str().unwrap() {
                "thinking" => (
                    json!({"type": "thinking", "thinking": "", "signature": ""}),
                    vec![
                        delta(json!({"type": "thinking_delta", "thinking": block["thinking"]})),
                        delta(json!({"type": "signature_delta", "signature": block["signature"]})),
                    ],
                ),
                "text" => (
                    json!({"type": "text", "text": ""}),
                    self.words().map(|word| delta(json!({"type": "text_delta", "text": word}))).collect(),
                ),
                _ => {
                    let input = block["input"].to_string();
                    let (first, rest) = input.split_at(input.len() / 2);
                    let pieces =
                        [first, rest].map(|part| delta(json!({"type": "input_json_delta", "partial_json": part})));
                    let mut empty = block;
                    empty["input"] = json!({});
                    (empty, pieces.to_vec())
                }
            };
            events.push(event(json!({"type": "content_block_start", "index": index, "content_block": empty})));
            events.extend(deltas);
            events.push(event(json!({"type": "content_block_stop", "index": index})));
        }
        let delta = json!({"stop_reason": self.anthropic_stop(), "stop_sequence": null});
        events.push(event(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})));
        events.push(event(json!({"type": "message_stop"})));
        events
    }

    fn chat_calls(&self) -> Vec<Value> {
        let call = |(number, (name, input)): (usize, &(&str, Value))| {
            json!({"index": number, "id": format!("call_{number}"), "type": "function",
                "function": {"name": name, "arguments": input.to_string()}})
        };
        self.calls.iter().enumerate().map(call).collect()
    }

    fn chat_stop(&self) -> &'static str {
        if self.calls.is_empty() { "stop" } else { "tool_calls" }
    }

    fn chat_whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text, "reasoning_content": self.thinking});
        if !self.calls.is_empty() {
            message["tool_calls"] = self.chat_calls().into();
        }
        json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "played",
            "choices": [{"index": 0, "message": message, "finish_reason": self.chat_stop()}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}})
    }

    fn chat(&self) -> Vec<Vec<u8>> {
        let chunk = |choices: Value, usage: Value| {
            sse(
                None,
                &json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "played",
                    "choices": choices, "usage": usage}),
            )
        };
        let choice = |delta: Value, stop: Value| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": stop}]), Value::Null)
        };
        let mut events = vec![choice(json!({"role": "assistant", "content": ""}), Value::Null)];
        events.extend(self.thinking.map(|text| choice(json!({"reasoning_content": text}), Value::Null)));
        events.extend(self.words().map(|word| choice(json!({"content": word}), Value::Null)));
        // The arguments come in halves, those of several calls by turns.
        let mut later = Vec::new();
        for mut call in self.chat_calls() {
            let arguments = call["function"]["arguments"].as_str().unwrap().to_owned();
            let (first, rest) = arguments.split_at(arguments.len() / 2);
            call["function"]["arguments"] = first.into();
            later.push(json!({"index": call["index"], "function": {"arguments": rest}}));
            events.push(choice(json!({"tool_calls": [call]}), Value::Null));
        }
        events.extend(later.into_iter().map(|call| choice(json!({"tool_calls": [call]}), Value::Null)));
        events.push(choice(json!({}), self.chat_stop().into()));
        events.push(chunk(json!([]), json!({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19})));
        events.push(b"data: [DONE]\n\n".to_vec());
        events
    }

    fn gemini_parts(&self, words: bool) -> Vec<Value> {
        let thought = self.thinking.map(|text| json!({"text": text, "thought": true}));
        let words: Vec<&str> = if words {
            self.words().collect()
        } else {
            Some(self.text.as_str()).filter(|text| !text.is_empty()).into_iter().collect()
        };
        let texts = words.into_iter().map(|word| json!({"text": word}));
        let calls = self.calls.iter().enumerate().map(|(number, (name, input))| {
            let mut part = json!({"functionCall": {"name": name, "args": input}});
            if number == 0 {
                part["thoughtSignature"] = "c2VhbA==".into();
            }
            part
        });
        thought.into_iter().chain(texts).chain(calls).collect()
    }

    fn gemini_chunk(parts: &[Value], stop: &Value) -> Value {
        json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0, "finishReason": stop}],
            "modelVersion": "played", "responseId": "r1",
            "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 7, "totalTokenCount": 19}})
    }

    fn gemini_whole(&self) -> Value {
        Self::gemini_chunk(&self.gemini_parts(false), &"STOP".into())
    }

    fn gemini(&self) -> Vec<Vec<u8>> {
        let parts = self.gemini_parts(true);
        let last = parts.len() - 1;
        let stop = |number| if number == last { "STOP".into() } else { Value::Null };
        let chunk =
            |(number, part): (usize, &Value)| sse(None, &Self::gemini_chunk(std::slice::from_ref(part), &stop(number)));
        parts.iter().enumerate().map(chunk).collect()
    }
}
