//! What a vendor says: proper answers of each dialect, recorded ones, and the ways in which they go wrong.

use moai::wire::Dialect;
use serde_json::{Value, json};

use super::Seen;

/// One answer, as bytes in the pieces in which they are sent.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) end: End,
    /// What a request gets that does not ask for a stream, where that is something else.
    whole: Option<Vec<u8>>,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The connection is closed.
    Cut,
    /// The connection is reset.
    Reset,
    /// Nothing more comes.
    Hang,
}

impl Answer {
    pub(super) fn new(status: u16, kind: &str, pieces: Vec<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type".into(), kind.into())], pieces, end: End::Whole, whole: None }
    }

    /// The same, and this body for who does not ask for a stream.
    pub(super) fn or_whole(self, body: &Value) -> Self {
        Self { whole: Some(body.to_string().into_bytes()), ..self }
    }

    /// What this request gets of it.
    pub(super) fn to(self, seen: &Seen) -> Self {
        let streamed = || {
            seen.path.contains(":streamGenerateContent")
                || serde_json::from_slice::<Value>(&seen.body).is_ok_and(|body| body["stream"] == true)
        };
        match self.whole {
            Some(whole) if !streamed() => Self::new(self.status, "application/json", vec![whole]),
            whole => Self { whole, ..self },
        }
    }

    /// The model says `text`, streamed in one piece for each character, and reports 12 tokens in and 7 out.
    pub(crate) fn said(dialect: Dialect, text: &str) -> Self {
        let words: Vec<String> = text.chars().map(String::from).collect();
        let events = match dialect {
            Dialect::Anthropic => anthropic(&words),
            Dialect::Chat => chat(&words),
            Dialect::Responses => responses(&words),
            Dialect::Gemini => gemini(&words),
            Dialect::Ollama => return Self::new(200, "application/x-ndjson", lines(&ollama(&words))),
        };
        Self::new(200, "text/event-stream", events)
    }

    /// The model says `text`, not streamed, and reports 12 tokens in and 7 out. Fields that nobody knows are among it,
    /// and numbers that a parser would write otherwise.
    pub(crate) fn whole(dialect: Dialect, text: &str) -> Self {
        let text = json!(text);
        let body = match dialect {
            Dialect::Chat => format!(
                "{{\"id\": \"c1\",\"object\":\"chat.completion\",\"x-new\": 1.0e2, \"model\":\"played\",\"choices\":[{{\"index\":0,\
                 \"message\":{{\"role\":\"assistant\",\"content\":{text}}},\"finish_reason\":\"stop\"}}],\
                 \"usage\":{{\"prompt_tokens\":12,\"completion_tokens\":7,\"total_tokens\":19}}}}"
            ),
            _ => format!(
                "{{\"id\": \"msg_1\",\"x-new\": 1.0e2, \"type\":\"message\",\"role\":\"assistant\",\"model\":\"played\",\
                 \"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"stop_reason\":\"end_turn\",\
                 \"usage\":{{\"input_tokens\":12,\"output_tokens\":7}}}}"
            ),
        };
        Self::new(200, "application/json", vec![body.into_bytes()])
    }

    /// The bytes that are sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// With another piece in place of the last one.
    pub(crate) fn ending(mut self, piece: &str) -> Self {
        if let Some(last) = self.pieces.last_mut() {
            *last = piece.as_bytes().to_vec();
        }
        self
    }

    /// With one word instead of another.
    pub(crate) fn replacing(mut self, from: &str, to: &str) -> Self {
        for piece in &mut self.pieces {
            *piece = String::from_utf8(std::mem::take(piece)).unwrap().replace(from, to).into_bytes();
        }
        self
    }

    /// The same without a report of what it used.
    pub(crate) fn said_without_usage(dialect: Dialect, text: &str) -> Self {
        let mut answer = Self::said(dialect, text);
        for piece in &mut answer.pieces {
            let told = String::from_utf8(std::mem::take(piece)).unwrap();
            let renamed = ["\"usage\"", "\"usageMetadata\"", "\"prompt_eval_count\"", "\"eval_count\""]
                .iter()
                .fold(told, |told, name| told.replace(name, "\"unsaid\""));
            *piece = renamed.into_bytes();
        }
        answer
    }

    /// The same with so many tokens in and out.
    pub(crate) fn using(mut self, input: u64, output: u64) -> Self {
        for piece in &mut self.pieces {
            let mut told = String::from_utf8(std::mem::take(piece)).unwrap();
            for (name, old, new) in [
                ("input_tokens", 12, input),
                ("prompt_tokens", 12, input),
                ("output_tokens", 7, output),
                ("completion_tokens", 7, output),
            ] {
                told = told.replace(&format!("\"{name}\":{old}"), &format!("\"{name}\":{new}"));
            }
            *piece = told.into_bytes();
        }
        self
    }

    /// The model ends without a word.
    pub(crate) fn empty(dialect: Dialect) -> Self {
        Self::said(dialect, "")
    }

    /// The recorded stream of `tests/cases/wire/answers/<name>.json`.
    pub(crate) fn recorded(name: &str) -> Self {
        let path = format!("{}/tests/cases/wire/answers/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let lines: Vec<&str> = case["stream"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        Self::new(200, "text/event-stream", vec![lines.join("\n").into_bytes()])
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", vec![body.to_string().into_bytes()])
    }

    /// The dialect's error for this status; a status of 200 hides it in an answer that looks well.
    pub(crate) fn error(dialect: Dialect, status: u16) -> Self {
        let (kind, word) = match status {
            429 => ("rate_limit_error", "RESOURCE_EXHAUSTED"),
            401 => ("authentication_error", "UNAUTHENTICATED"),
            400 => ("invalid_request_error", "INVALID_ARGUMENT"),
            503 | 529 => ("overloaded_error", "UNAVAILABLE"),
            _ => ("api_error", "INTERNAL"),
        };
        let message = format!("played failure {status}");
        let body = match dialect {
            Dialect::Anthropic => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Dialect::Chat | Dialect::Responses => json!({"error": {"message": message, "type": kind, "code": null}}),
            Dialect::Gemini => json!({"error": {"code": status, "message": message, "status": word}}),
            Dialect::Ollama => json!({"error": message}),
        };
        Self::json(status, &body)
    }

    /// A web page, as captive portals and broken proxies send it.
    pub(crate) fn page(status: u16) -> Self {
        Self::new(status, "text/html", vec![b"<!doctype html><html><body>sign in to the wifi</body></html>".to_vec()])
    }

    /// Nothing, not even a head.
    pub(crate) fn silence() -> Self {
        Self { end: End::Hang, ..Self::new(0, "", Vec::new()) }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.status == 0
    }

    /// With another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With a header more.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// In pieces of `size` bytes, whatever they split.
    pub(crate) fn split(mut self, size: usize) -> Self {
        self.pieces = self.pieces.concat().chunks(size).map(<[u8]>::to_vec).collect();
        self
    }

    /// Nothing but so many pieces, and then a proper end of the connection's answer.
    pub(crate) fn keep(mut self, pieces: usize) -> Self {
        self.pieces.truncate(pieces);
        self
    }

    /// Only the pieces in which nothing is said yet.
    pub(crate) fn before_content(self, dialect: Dialect) -> Self {
        let pieces = match dialect {
            Dialect::Anthropic | Dialect::Responses => 2,
            Dialect::Chat => 1,
            Dialect::Gemini | Dialect::Ollama => 0,
        };
        self.keep(pieces)
    }

    /// A stream of which the first event is no JSON.
    pub(crate) fn garbage(dialect: Dialect) -> Self {
        let mut answer = Self::said(dialect, "x").keep(1);
        if let Some(piece) = answer.pieces.first_mut() {
            *piece = b"data: {\"type\": \"message_sta\n\n".to_vec();
        }
        answer
    }

    /// Closed after so many pieces.
    pub(crate) fn cut_after(self, pieces: usize) -> Self {
        self.ends_after(pieces, End::Cut)
    }

    /// Reset after so many pieces.
    pub(crate) fn reset_after(self, pieces: usize) -> Self {
        self.ends_after(pieces, End::Reset)
    }

    /// Silent after so many pieces.
    pub(crate) fn hangs_after(self, pieces: usize) -> Self {
        self.ends_after(pieces, End::Hang)
    }

    fn ends_after(mut self, pieces: usize, end: End) -> Self {
        self.pieces.truncate(pieces);
        Self { end, ..self }
    }
}

pub(super) fn sse(name: Option<&str>, data: &Value) -> Vec<u8> {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n").into_bytes()
}

fn lines(values: &[Value]) -> Vec<Vec<u8>> {
    values.iter().map(|value| format!("{value}\n").into_bytes()).collect()
}

fn anthropic(words: &[String]) -> Vec<Vec<u8>> {
    let event = |value: Value| sse(value["type"].as_str(), &value);
    let mut events = vec![event(json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "played", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 12, "output_tokens": 1},
    }}))];
    if !words.is_empty() {
        let block = json!({"type": "text", "text": ""});
        events.push(event(json!({"type": "content_block_start", "index": 0, "content_block": block})));
        events.extend(words.iter().map(|word| {
            let delta = json!({"type": "text_delta", "text": word});
            event(json!({"type": "content_block_delta", "index": 0, "delta": delta}))
        }));
        events.push(event(json!({"type": "content_block_stop", "index": 0})));
    }
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events.push(event(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})));
    events.push(event(json!({"type": "message_stop"})));
    events
}

fn chat(words: &[String]) -> Vec<Vec<u8>> {
    let chunk = |choices: Value, usage: Value| {
        sse(
            None,
            &json!({"id": "c1", "object": "chat.completion.chunk", "model": "played", "choices": choices, "usage": usage}),
        )
    };
    let choice = |delta: Value, reason: Value| json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    let mut events = vec![chunk(choice(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null)];
    events.extend(words.iter().map(|word| chunk(choice(json!({"content": word}), Value::Null), Value::Null)));
    events.push(chunk(choice(json!({}), "stop".into()), Value::Null));
    events.push(chunk(json!([]), json!({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19})));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

fn responses(words: &[String]) -> Vec<Vec<u8>> {
    let event = |value: Value| sse(value["type"].as_str(), &value);
    let text = words.concat();
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    let item = json!({"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": content});
    let response = |status: &str, output: Value, usage: Value| json!({"id": "r1", "object": "response", "model": "played", "status": status, "output": output, "usage": usage});
    let mut events =
        vec![event(json!({"type": "response.created", "response": response("in_progress", json!([]), Value::Null)}))];
    if !words.is_empty() {
        let open = json!({"id": "m1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        events.push(event(json!({"type": "response.output_item.added", "output_index": 0, "item": open})));
        events.extend(words.iter().map(|word| {
            event(json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0,
                "content_index": 0, "delta": word}))
        }));
        events.push(event(json!({"type": "response.output_item.done", "output_index": 0, "item": item.clone()})));
    }
    let output = if words.is_empty() { json!([]) } else { json!([item]) };
    let usage = json!({"input_tokens": 12, "output_tokens": 7, "total_tokens": 19});
    events.push(event(json!({"type": "response.completed", "response": response("completed", output, usage)})));
    events
}

fn gemini(words: &[String]) -> Vec<Vec<u8>> {
    let chunk = |text: &str, reason: Value| {
        sse(
            None,
            &json!({
                "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, "finishReason": reason}],
                "modelVersion": "played",
                "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 7, "totalTokenCount": 19},
            }),
        )
    };
    let mut events: Vec<Vec<u8>> = words.iter().map(|word| chunk(word, Value::Null)).collect();
    events.push(chunk("", "STOP".into()));
    events
}

fn ollama(words: &[String]) -> Vec<Value> {
    let line =
        |text: &str| json!({"model": "played", "message": {"role": "assistant", "content": text}, "done": false});
    let mut lines: Vec<Value> = words.iter().map(|word| line(word)).collect();
    lines.push(json!({"model": "played", "message": {"role": "assistant", "content": ""}, "done": true,
        "done_reason": "stop", "prompt_eval_count": 12, "eval_count": 7}));
    lines
}
