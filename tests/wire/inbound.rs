//! An `OpenAI` chat request as a prompt, and from there to Anthropic.

use moai::wire::{Dialect, Quirks, Target, encode, inbound};
use serde_json::{Value, json};

/// The same request as Anthropic would get it.
fn to_anthropic(request: &Value) -> Value {
    let chat = inbound::chat(request.to_string().as_bytes()).unwrap();
    let quirks = Quirks::preset("anthropic").unwrap();
    let target = Target {
        dialect: Dialect::Anthropic,
        model: "claude",
        quirks: &quirks,
        most_output: None,
        context: None,
        stream: chat.prompt.stream,
    };
    serde_json::from_slice(&encode(&chat.prompt, &target).body).unwrap()
}

#[test]
fn a_whole_conversation() {
    let request = json!({
        "model": "gpt-4o", "stream": true, "max_completion_tokens": 100, "temperature": 0.5, "stop": "END",
        "user": "u1", "parallel_tool_calls": false, "tool_choice": "required",
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "system", "content": [{"type": "text", "text": "really"}]},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call.1", "type": "function", "function": {"name": "Read", "arguments": "{\"p\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "Read", "arguments": "{broken"}}]},
            {"role": "tool", "tool_call_id": "call.1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "two"}]},
            {"role": "system", "content": "later words"},
            {"role": "user", "content": "go on"},
        ],
        "tools": [{"type": "function", "function": {"name": "Read", "description": "reads", "parameters": {"type": "object"}}}],
    });
    let text = |text: &str| json!([{"type": "text", "text": text}]);
    let expected = json!({
        "model": "claude", "max_tokens": 100,
        "system": [{"type": "text", "text": "be brief"}, {"type": "text", "text": "really"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}, "title": "a.pdf"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_ID", "name": "Read", "input": {"p": 1}},
                {"type": "tool_use", "id": "call_2", "name": "Read", "input": {"__unparsedToolInput": "{broken"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_ID", "content": text("one")},
                {"type": "tool_result", "tool_use_id": "call_2", "content": text("two")}]},
            {"role": "system", "content": text("later words")},
            {"role": "user", "content": text("go on")},
        ],
        "tools": [{"name": "Read", "description": "reads", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "temperature": 0.5, "stop_sequences": ["END"], "metadata": {"user_id": "u1"}, "stream": true,
    });
    let found = to_anthropic(&request);
    // An id that Anthropic refuses gets another one, the same in the call and in its result.
    let id = found["messages"][1]["content"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("toolu_") && id.len() > 20, "{id}");
    let expected: Value = serde_json::from_str(&expected.to_string().replace("toolu_ID", id)).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn settings_and_formats() {
    let found = to_anthropic(&json!({
        "model": "x", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    }));
    assert_eq!(
        found["output_config"],
        json!({"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}})
    );
    assert_eq!(found["max_tokens"], 32_000, "Anthropic wants a limit");
    let none = to_anthropic(
        &json!({"model": "x", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "none"}),
    );
    assert_eq!(none["thinking"], json!({"type": "disabled"}));
}

#[test]
fn what_is_left_out_is_named_and_what_is_wrong_is_refused() {
    let chat = inbound::chat(
        json!({"model": "x", "messages": [{"role": "user", "content": [{"type": "input_audio"}, {"type": "text", "text": "hi"}]}],
            "logit_bias": {}, "stream": true, "stream_options": {"include_usage": true}})
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    assert!(chat.include_usage);
    let dropped: Vec<&str> = chat.dropped.iter().map(|dropped| &*dropped.field).collect();
    assert_eq!(dropped, ["content: input_audio", "logit_bias"]);
    let error = |value: Value| inbound::chat(value.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(error(json!({"messages": []})), "model: field required");
    assert_eq!(error(json!({"model": "x"})), "messages: field required");
    assert_eq!(error(json!({"model": "x", "messages": [{"role": "bot"}]})), "messages[0].role: `bot` is not a role");
    assert_eq!(error(json!({"model": "x", "messages": [], "n": 2})), "n: only one answer can be given");
}

#[test]
fn what_a_chat_client_asks_in_vain_is_named() {
    let dropped = |extra: Value| {
        let mut request = json!({"model": "x", "n": 1, "messages": [{"role": "user", "content": "hi"}]});
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let chat = inbound::chat(request.to_string().as_bytes()).unwrap();
        chat.dropped.iter().map(|one| one.field.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(dropped(json!({"seed": 3, "logprobs": true, "store": true})), ["seed", "logprobs", "store"]);
    assert!(dropped(json!({"seed": null, "logprobs": false, "store": false, "logit_bias": null})).is_empty());
}

#[test]
fn chat_to_chat_through_the_hub_is_the_same_conversation() {
    let messages = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": "{\"p\":1}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "and"}, {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}]},
    ]);
    let chat = inbound::chat(json!({"model": "x", "messages": messages}).to_string().as_bytes()).unwrap();
    let quirks = Quirks::default();
    let target =
        Target { dialect: Dialect::Chat, model: "y", quirks: &quirks, most_output: None, context: None, stream: false };
    let body: Value = serde_json::from_slice(&encode(&chat.prompt, &target).body).unwrap();
    assert_eq!(body["messages"], messages);
}
