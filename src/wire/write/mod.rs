//! Events in a client's words: streams as bytes to send, and whole answers.

mod anthropic;
mod chat;
mod whole;

pub use anthropic::AnthropicSse;
pub use chat::ChatSse;
pub use whole::Answer;

use serde_json::{Value, json};

use crate::model::Usage;

/// A usage as Anthropic spells it.
pub fn anthropic_usage(usage: Usage) -> Value {
    let mut written = json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write(),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output,
    });
    if let Some(map) = written.as_object_mut().filter(|_| usage.web_searches > 0) {
        map.insert(
            "server_tool_use".into(),
            json!({"web_search_requests": usage.web_searches, "web_fetch_requests": 0}),
        );
    }
    written
}

/// A usage as `OpenAI` Chat spells it: the prompt's count includes what was cached.
pub fn chat_usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt(),
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

/// What is said where a vendor reports nothing: an estimate of the prompt that the caller made, and about four bytes
/// for each token of the answer. Clients compact their context by these numbers, so zero would be worse.
fn estimated(input: u64, said: usize) -> Usage {
    Usage::new(input, (said as u64).div_ceil(4))
}

/// Appends `text` as a JSON string.
fn push_json(out: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok(), "a string is always JSON");
}
