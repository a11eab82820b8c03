//! Matrix 4.1 of the wire page: every row, one request in all dialects.

use moai::wire::hub::Prompt;
use moai::wire::{Dialect, Target, encode};
use serde_json::{Map, Value, json};

use crate::cases;

/// Who stands for a dialect where a case names nobody.
const USUAL: [(Dialect, &str, &str); 5] = [
    (Dialect::Anthropic, "anthropic-compatible", "glm-5.3"),
    (Dialect::Chat, "openai", "gpt-4o"),
    (Dialect::Responses, "openai", "gpt-5"),
    (Dialect::Gemini, "gemini", "gemini-3-pro"),
    (Dialect::Ollama, "ollama", "llama3.1:8b"),
];

#[test]
fn every_row_of_the_request_matrix() {
    cases::each("requests", |case| {
        let prompt = Prompt::from_value(case["request"].clone()).unwrap();
        let mut found = Map::new();
        for (dialect, preset, model) in USUAL {
            let word = dialect.as_str();
            let quirks = cases::quirks(case.get("quirks").and_then(|quirks| quirks.get(word)), preset);
            let model = case["models"][word].as_str().unwrap_or(model);
            let target = Target {
                dialect,
                model,
                quirks: &quirks,
                most_output: case["most_output"].as_u64(),
                context: None,
                stream: prompt.stream,
            };
            let encoded = encode(&prompt, &target);
            let mut written = Map::new();
            written.insert("body".into(), serde_json::from_slice::<Value>(&encoded.body).unwrap());
            if !encoded.dropped.is_empty() {
                let dropped = encoded.dropped.iter().map(|dropped| (dropped.field.to_string(), json!(dropped.why)));
                written.insert("dropped".into(), Value::Object(dropped.collect()));
            }
            found.insert(word.into(), written.into());
        }
        Value::Object(found)
    });
}

#[test]
fn ollamas_context_is_always_said() {
    let prompt = Prompt::new("x", "hi");
    let quirks = cases::quirks(None, "ollama");
    let target = |context| Target {
        dialect: Dialect::Ollama,
        model: "qwen3:8b",
        quirks: &quirks,
        most_output: None,
        context,
        stream: true,
    };
    let context = |asked| -> Value {
        serde_json::from_slice::<Value>(&encode(&prompt, &target(asked)).body).unwrap()["options"]["num_ctx"].clone()
    };
    assert_eq!(context(None), 65_536);
    assert_eq!(context(Some(131_072)), 131_072);
}

#[test]
fn names_that_were_changed_come_back_in_the_answer() {
    let long = format!("mcp__{}", "n".repeat(90));
    let prompt = Prompt::from_value(json!({
        "model": "m", "messages": [{"role": "user", "content": "x"}],
        "tools": [{"name": long, "input_schema": {"type": "object"}}],
    }))
    .unwrap();
    let quirks = cases::quirks(None, "openai");
    let target = Target {
        dialect: Dialect::Chat,
        model: "gpt-4o",
        quirks: &quirks,
        most_output: None,
        context: None,
        stream: true,
    };
    let encoded = encode(&prompt, &target);
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    let sent = body["tools"][0]["function"]["name"].as_str().unwrap();
    assert!(sent.len() <= 64);
    let stream = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0,\"id\":\"c\",\"function\":\
         {{\"name\":\"{sent}\",\"arguments\":\"{{}}\"}}}}]}},\"finish_reason\":\"tool_calls\"}}]}}\n\ndata: [DONE]\n\n"
    );
    let mut decoder = moai::wire::Decoder::new(Dialect::Chat, &quirks, encoded.names, "s");
    let events = decoder.feed(stream.as_bytes());
    let opened = events.iter().find_map(|event| match event {
        moai::wire::Event::Open { block: moai::wire::Opened::Tool { name, .. }, .. } => Some(name.clone()),
        _ => None,
    });
    assert_eq!(opened, Some(long));
}
