//! What is sent and what is answered: a small request, one of Claude Code's size and shape, and the answers of a vendor.

use serde_json::{Value, json};

/// The size of a real first request of Claude Code's (recorded 2026-11-20: 24 tools, three system blocks, one message).
const CLAUDE_CODE: usize = 115_540;
/// Words in a streamed answer: with what is around them 55 frames.
const WORDS: usize = 50;

/// A request of 1 KB that names its model, as clients of other gateways do: there is nothing to decide.
pub(crate) fn small(stream: bool) -> Vec<u8> {
    let text = "Write unit tests for the parser of the settings file, please. ".repeat(14);
    json!({
        "model": "bench-model", "max_tokens": 1024, "stream": stream,
        "messages": [{"role": "user", "content": text}],
    })
    .to_string()
    .into_bytes()
}

/// A request as Claude Code sends it.
pub(crate) fn claude_code() -> Vec<u8> {
    let bare = claude_code_padded(0).len();
    let body = claude_code_padded(CLAUDE_CODE - bare);
    assert_eq!(body.len(), CLAUDE_CODE);
    body
}

fn claude_code_padded(padding: usize) -> Vec<u8> {
    let line =
        "- Use \"absolute\" paths; NEVER guess. If a `command` fails, read its output\n  before you try again.\n";
    let property =
        |name: &str| json!({"description": format!("The {name} to use, e.g. \"src/main.rs\""), "type": "string"});
    let tools: Vec<Value> = (0..24)
        .map(|number| {
            json!({
                "name": format!("Tool{number}"),
                "description": line.repeat(28),
                "input_schema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {
                        "file_path": property("file_path"),
                        "pattern": property("pattern"),
                        "limit": {"description": "How many", "type": "number", "exclusiveMinimum": 0},
                        "mode": {"type": "string", "enum": ["content", "files_with_matches", "count"]},
                        "edits": {"type": "array", "items": {"type": "object", "properties": {
                            "old": property("old"), "new": property("new")}, "required": ["old", "new"],
                            "additionalProperties": false}},
                    },
                    "required": ["file_path"],
                    "additionalProperties": false,
                },
            })
        })
        .collect();
    let session = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01";
    let user = json!({"device_id": "d".repeat(64), "account_uuid": "", "session_id": session}).to_string();
    json!({
        "model": "claude-opus-5-5",
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": format!("<system-reminder>\n{}</system-reminder>\n", line.repeat(20))},
            {"type": "text", "text": "결제 모듈의 API를 설계해줘", "cache_control": {"type": "ephemeral"}},
        ]}],
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.0a8; cc_entrypoint=sdk-cli;"},
            {"type": "text", "text": "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
                "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": format!("{}{}", line.repeat(230), "x".repeat(padding)),
                "cache_control": {"type": "ephemeral"}},
        ],
        "tools": tools,
        "metadata": {"user_id": user},
        "max_tokens": 32000,
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "stream": true,
    })
    .to_string()
    .into_bytes()
}

/// The bytes of a whole request, as Claude Code heads it.
pub(crate) fn request(port: u16, key: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST /v1/messages?beta=true HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: keep-alive\r\n\
         accept: application/json\r\ncontent-type: application/json\r\n\
         user-agent: claude-cli/2.1.329 (external, sdk-cli)\r\nx-app: cli\r\nauthorization: Bearer {key}\r\n\
         x-claude-code-session-id: 0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01\r\nanthropic-version: 2023-06-01\r\n\
         anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27\r\n\
         x-stainless-retry-count: 0\r\nx-stainless-timeout: 600\r\nx-stainless-lang: js\r\n\
         accept-encoding: gzip, deflate, br, zstd\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What a vendor answers, in the pieces in which it is written to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A whole message of 1 KB.
    Json,
    /// 55 frames of Anthropic's.
    Sse,
    /// The same answer OpenAI-style.
    Chat,
}

impl Reply {
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Sse, Self::Chat];

    /// Head and body: every frame is a write of its own, as vendors send them.
    pub(crate) fn pieces(self) -> Vec<Vec<u8>> {
        let frames = match self {
            Self::Json => return vec![whole()],
            Self::Sse => anthropic(),
            Self::Chat => chat(),
        };
        let mut pieces: Vec<Vec<u8>> =
            frames.iter().map(|frame| format!("{:x}\r\n{frame}\r\n", frame.len()).into_bytes()).collect();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        pieces[0].splice(0..0, head.bytes());
        pieces.last_mut().unwrap().extend_from_slice(b"0\r\n\r\n");
        pieces
    }
}

fn whole() -> Vec<u8> {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "bench",
        "content": [{"type": "text", "text": "Here are the tests. ".repeat(40)}],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 230, "output_tokens": 180},
    })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\ncontent-length";
    format!("{head}: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn anthropic() -> Vec<String> {
    let event = |value: Value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap());
    let mut frames = vec![
        event(json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "bench", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 23000, "cache_read_input_tokens": 20000, "output_tokens": 1}}})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
    ];
    frames.extend((0..WORDS).map(|number| {
        event(json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": format!("word {number} of it, ")}}))
    }));
    frames.push(event(json!({"type": "content_block_stop", "index": 0})));
    frames.push(event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": 180}})));
    frames.push(event(json!({"type": "message_stop"})));
    frames
}

fn chat() -> Vec<String> {
    let chunk = |delta: Value, reason: Value, usage: Value| {
        let choices =
            if usage.is_null() { json!([{"index": 0, "delta": delta, "finish_reason": reason}]) } else { json!([]) };
        let value = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_764_000_000,
            "model": "bench", "choices": choices, "usage": usage});
        format!("data: {value}\n\n")
    };
    let mut frames = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null, Value::Null)];
    frames.extend(
        (0..WORDS).map(|number| chunk(json!({"content": format!("word {number} of it, ")}), Value::Null, Value::Null)),
    );
    frames.push(chunk(json!({}), json!("stop"), Value::Null));
    frames.push(chunk(
        Value::Null,
        Value::Null,
        json!({"prompt_tokens": 23000, "completion_tokens": 180,
        "total_tokens": 23180, "prompt_tokens_details": {"cached_tokens": 20000}}),
    ));
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}

/// Whether a body, its chunk heads taken out, is the whole answer that [`Reply`] stands for.
pub(crate) fn is_whole(text: &str) -> bool {
    let words = (0..WORDS).all(|number| text.contains(&format!("word {number} of it, ")));
    let ends = text.contains("message_stop") || text.contains("[DONE]");
    (words && ends) || text.contains("\"stop_reason\":\"end_turn\"") && text.contains("Here are the tests.")
}
