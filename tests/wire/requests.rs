//! Matrix 4.1 of the wire page: every row, one request in all dialects, from both sorts of clients.

use moai::wire::hub::Prompt;
use moai::wire::{Adapt, Dialect, Dropped, Request, Target, encode, inbound};
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

/// The prompt as each vendor gets it. `read`: what was left out before it was a prompt.
fn in_every_dialect(case: &Value, prompt: &Prompt, read: &[Dropped]) -> Map<String, Value> {
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
        let encoded = encode(prompt, &target);
        found.insert(word.into(), written(&encoded.body, read.iter().chain(&encoded.dropped)));
    }
    found
}

fn written<'a>(body: &[u8], dropped: impl Iterator<Item = &'a Dropped>) -> Value {
    let mut written = json!({"body": serde_json::from_slice::<Value>(body).unwrap()});
    let dropped: Map<String, Value> = dropped.map(|dropped| (dropped.field.to_string(), json!(dropped.why))).collect();
    if !dropped.is_empty() {
        written["dropped"] = dropped.into();
    }
    written
}

/// The request of a client of Anthropic's dialect: to every other dialect, and as its own bytes to Anthropic and to
/// somebody who imitates it.
#[test]
fn every_row_of_the_request_matrix() {
    cases::each("requests", |case| {
        let prompt = Prompt::from_value(case["request"].clone()).unwrap();
        let mut found = in_every_dialect(case, &prompt, &[]);
        let request = Request::peek(case["request"].to_string()).unwrap();
        let forwarded = ["anthropic", "anthropic-compatible"].map(|preset| {
            let quirks = cases::quirks(None, preset);
            let most_output = case["most_output"].as_u64();
            let adapted = request.adapt(&Adapt { model: "there", quirks: &quirks, most_output, addition: None });
            let same = adapted.body == request.with_model("there") && adapted.dropped.is_empty();
            let told = if same { json!("as it came") } else { written(&adapted.body, adapted.dropped.iter()) };
            (preset.to_owned(), told)
        });
        found.insert("forwarded".into(), Value::Object(forwarded.into_iter().collect()));
        Value::Object(found)
    });
}

/// The other direction: the request of a client of Chat, to every dialect.
#[test]
fn every_row_of_the_request_matrix_from_chat() {
    cases::each("inbound", |case| {
        let chat = inbound::chat(case["request"].to_string().as_bytes()).unwrap();
        let mut found = in_every_dialect(case, &chat.prompt, &chat.dropped);
        // Anthropic itself takes more than those who imitate it.
        let quirks = cases::quirks(None, "anthropic");
        let target = Target {
            dialect: Dialect::Anthropic,
            model: "claude-sonnet-5-5",
            quirks: &quirks,
            most_output: case["most_output"].as_u64(),
            context: None,
            stream: chat.prompt.stream,
        };
        let encoded = encode(&chat.prompt, &target);
        found.insert("claude".into(), written(&encoded.body, chat.dropped.iter().chain(&encoded.dropped)));
        found.insert("include_usage".into(), chat.include_usage.into());
        Value::Object(found)
    });
}

/// Matrix 4.1: the cases of each row, of a client of Anthropic's dialect and of a client of Chat, which has no words for
/// some.
const ROWS: [(&str, &[&str], &[&str]); 25] = [
    ("system[]", &["system"], &["system"]),
    ("messages role user/assistant", &["roles"], &["roles"]),
    ("role system (mid)", &["system-in-the-middle"], &["system-in-the-middle"]),
    ("text", &["text", "unknown-block"], &["text"]),
    ("image base64/url", &["image"], &["image"]),
    ("document pdf/text", &["document", "document-unread"], &["document"]),
    ("tool_use", &["tool-use"], &["tool-use"]),
    ("tool_result", &["tool-result", "tool-result-empty"], &["tool-result"]),
    ("tool_reference", &["tool-reference"], &[]),
    (
        "thinking+signature",
        &[
            "thinking-of-claude",
            "thinking-echoed",
            "signature-of-gemini",
            "signature-of-openai",
            "signature-of-the-host",
        ],
        &["thinking"],
    ),
    ("redacted_thinking", &["redacted-thinking"], &[]),
    ("tools[].input_schema", &["tools"], &["tools", "functions"]),
    ("defer_loading / DeferredToolPlaceholder", &["deferred-tools"], &[]),
    (
        "server tool web_search_*",
        &["server-tools", "server-tools-glm", "server-tool-alone", "server-tool-chosen"],
        &["web-search"],
    ),
    (
        "tool_choice auto/any/tool/none",
        &[
            "tool-choice-auto",
            "tool-choice-any",
            "tool-choice-tool",
            "tool-choice-none",
            "tool-choice-glm",
            "tool-choice-none-glm",
        ],
        &["tool-choice-auto", "tool-choice-required", "tool-choice-tool", "tool-choice-none"],
    ),
    ("disable_parallel_tool_use", &["one-tool-at-a-time"], &["one-tool-at-a-time"]),
    ("max_tokens", &["max-tokens", "max-tokens-reasoning"], &["max-tokens"]),
    ("temperature/top_p/top_k", &["sampling", "sampling-reasoning"], &["sampling"]),
    ("stop_sequences", &["stop-sequences"], &["stop", "stop-word"]),
    (
        "thinking / output_config.effort",
        &["thinking-enabled", "thinking-disabled", "thinking-adaptive-effort", "thinking-switch"],
        &["effort", "effort-none", "effort-minimal"],
    ),
    ("output_config.format json_schema", &["format", "format-glm"], &["format", "format-object"]),
    ("metadata.user_id", &["metadata"], &["user", "cache-key"]),
    ("cache_control", &["cache-control", "cache-control-kept"], &["cache-control"]),
    ("context_management, safeguards, betas, anthropic-* headers", &["anthropics-own"], &["openais-own"]),
    ("stream", &["stream"], &["stream"]),
];

#[test]
fn every_row_has_its_cases() {
    let has = |folder: &str, name: &&str| cases::folder(folder).join(format!("{name}.json")).is_file();
    for (row, from_anthropic, from_chat) in ROWS {
        assert!(!from_anthropic.is_empty(), "{row}");
        assert!(from_anthropic.iter().all(|name| has("requests", name)), "{row}: {from_anthropic:?}");
        assert!(from_chat.iter().all(|name| has("inbound", name)), "{row}: {from_chat:?}");
    }
    // And no case is outside of the matrix.
    for (folder, of) in [("requests", 0), ("inbound", 1)] {
        let named: Vec<&str> = ROWS.iter().flat_map(|row| [row.1, row.2][of]).copied().collect();
        for path in std::fs::read_dir(cases::folder(folder)).unwrap() {
            let name = path.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(named.contains(&&*name), "{folder}/{name} belongs to no row");
        }
    }
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
