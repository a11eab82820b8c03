//! Matrix 4.2 of the wire page: every vendor's stream as Anthropic's events, and what it used.

use moai::wire::write::{Answer, AnthropicSse, ChatSse};
use moai::wire::{Decoder, Dialect, Event, ToolNames};
use serde_json::{Value, json};

use crate::cases;

/// A preset that stands for a dialect where a case names nobody.
pub fn usual(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::Chat | Dialect::Responses => "openai",
        Dialect::Gemini => "gemini",
        Dialect::Ollama => "ollama",
    }
}

/// The bytes of a case.
pub fn stream(case: &Value) -> Vec<u8> {
    let end = if case["crlf"] == true { "\r\n" } else { "\n" };
    let lines: Vec<&str> = case["stream"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    lines.join(end).into_bytes()
}

pub fn decoder(case: &Value) -> Decoder {
    let dialect: Dialect = case["dialect"].as_str().unwrap().parse().unwrap();
    let quirks = cases::quirks(case.get("quirks"), usual(dialect));
    Decoder::new(dialect, &quirks, ToolNames::default(), "seed")
}

/// All events of bytes that come in these pieces.
pub fn events<'a>(case: &Value, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = decoder(case);
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(decoder.feed(piece));
    }
    events.extend(decoder.finish());
    events
}

/// What an Anthropic client sees: the data of each event.
fn told(events: &[Event]) -> Vec<Value> {
    let mut writer = AnthropicSse::new("", 0);
    let mut bytes = Vec::new();
    for event in events {
        writer.write(event, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut told = Vec::new();
    for event in text.split_terminator("\n\n") {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name, "the event line and the data agree");
        told.push(data);
    }
    told
}

/// What a client of Chat sees: of each chunk what is not the same in all.
fn told_in_chat(events: &[Event]) -> Vec<Value> {
    let mut writer = ChatSse::new("m", 0, true, 10);
    let mut bytes = Vec::new();
    for event in events {
        writer.write(event, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut told = Vec::new();
    for event in text.split_terminator("\n\n") {
        let Some(data) = event.strip_prefix("data: ") else {
            assert_eq!(event, ": ping");
            continue;
        };
        if data == "[DONE]" {
            told.push(data.into());
            continue;
        }
        let mut chunk: Value = serde_json::from_str(data).unwrap();
        if chunk.get("error").is_none() {
            assert_eq!((&chunk["object"], &chunk["model"]), (&json!("chat.completion.chunk"), &json!("m")));
            let usage = chunk["usage"].take();
            let choice = chunk["choices"].as_array_mut().unwrap().pop();
            chunk = choice.map_or_else(
                || json!({"usage": usage}),
                |mut choice| match choice["finish_reason"].take() {
                    Value::Null => choice["delta"].take(),
                    reason => json!({"finish_reason": reason}),
                },
            );
        }
        told.push(chunk);
    }
    told
}

/// Matrix 4.2, in both directions: what a client of Anthropic's dialect is told, and what a client of Chat is; streamed,
/// and whole.
#[test]
fn every_row_of_the_answer_matrix() {
    cases::each("answers", |case| {
        let bytes = stream(case);
        let mut decoder = decoder(case);
        let mut events = decoder.feed(&bytes);
        events.extend(decoder.finish());
        well_formed(&events);
        let mut found = json!({"events": told(&events), "chat": told_in_chat(&events)});
        let mut answer = Answer::default();
        events.iter().cloned().for_each(|event| answer.take(event));
        if answer.fault().is_none() {
            found["whole"] = json!({"anthropic": answer.anthropic("", 0), "chat": answer.chat("", 0)});
        }
        found["usage"] = decoder.usage().map_or(Value::Null, |usage| serde_json::to_value(usage).unwrap());
        if let Some(Event::Error(fault)) = events.last() {
            let wait = fault.retry_after.map(|wait| wait.as_millis() as u64);
            found["fault"] = json!({"kind": fault.kind.as_str(), "code": fault.code, "retry_after_ms": wait});
        }
        found
    });
}

/// The order that every client counts on.
pub fn well_formed(events: &[Event]) {
    let mut started = false;
    let mut open = Vec::new();
    let mut next = 0;
    let mut stopped = false;
    let mut ended = false;
    for event in events {
        assert!(!ended, "something after the end: {events:?}");
        match event {
            Event::Start { .. } => {
                assert!(!started, "two starts");
                started = true;
            }
            Event::Open { index, .. } => {
                assert!(started && !stopped && *index == next, "{events:?}");
                open.push(*index);
                next += 1;
            }
            Event::Delta { index, .. } => assert!(open.contains(index), "a piece of a closed block: {events:?}"),
            Event::Close { index } => {
                assert!(open.contains(index), "closed twice: {events:?}");
                open.retain(|at| at != index);
            }
            Event::Stop { .. } => {
                assert!(started && open.is_empty() && !stopped, "{events:?}");
                stopped = true;
            }
            Event::End => {
                assert!(stopped);
                ended = true;
            }
            Event::Error(_) => ended = true,
            Event::Ping => {}
        }
    }
    assert!(ended, "neither an end nor an error: {events:?}");
}

fn case(name: &str) -> Value {
    let path = cases::folder("answers").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_stream_and_a_whole_answer_are_the_same_message() {
    for dialect in ["anthropic", "chat", "responses", "gemini", "ollama"] {
        let message = |name: &str| {
            let case = case(name);
            let mut answer = Answer::default();
            for event in events(&case, [stream(&case).as_slice()]) {
                answer.take(event);
            }
            assert_eq!(answer.fault(), None, "{name}");
            let mut message = answer.anthropic("m", 0);
            for block in message["content"].as_array_mut().unwrap() {
                // Ids are numbered as they are made, and the recordings are two.
                block.as_object_mut().unwrap().remove("id");
                if let Some(signature) = block.get_mut("signature") {
                    *signature = signature.as_str().unwrap().split("rs_").next().unwrap().into();
                }
            }
            (message["content"].clone(), message["stop_reason"].clone(), message["usage"].clone())
        };
        let streamed = message(&format!("{dialect}-stream"));
        assert_eq!(streamed, message(&format!("{dialect}-whole")), "{dialect}");
        assert_eq!(streamed.1, "tool_use", "{dialect}");
        if dialect == "gemini" {
            assert_eq!(streamed, message("gemini-array"));
        }
    }
}

#[test]
fn a_chat_client_sees_the_same_answer() {
    let case = case("anthropic-stream");
    let events = events(&case, [stream(&case).as_slice()]);
    let mut writer = ChatSse::new("glm-4.7", 1_790_000_000, true, 0);
    let mut bytes = Vec::new();
    let mut answer = Answer::default();
    for event in events {
        writer.write(&event, &mut bytes);
        answer.take(event);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(text.contains(": ping\n\n"));
    // What moai wrote, moai reads: the same message comes out of it.
    let read = json!({"dialect": "chat", "quirks": "openai"});
    let mut again = Answer::default();
    for event in self::events(&read, [text.as_bytes()]) {
        again.take(event);
    }
    assert_eq!(again.fault(), None);
    let whole = again.chat("glm-4.7", 1_790_000_000);
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], "안녕하세요, world.");
    assert_eq!(message["reasoning_content"], "Let me think about it.");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], r#"{"command": "ls -la \"x\""}"#);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(whole["usage"]["prompt_tokens"], 170);
    assert_eq!(whole["usage"]["prompt_tokens_details"]["cached_tokens"], 60);
    assert_eq!(whole["choices"][0], answer.chat("glm-4.7", 1_790_000_000)["choices"][0]);
}

#[test]
fn where_the_vendor_tells_no_usage_the_client_gets_an_estimate() {
    let case = case("chat-usage-missing");
    let events = events(&case, [stream(&case).as_slice()]);
    let mut writer = AnthropicSse::new("glm-4.7", 1234);
    let mut bytes = Vec::new();
    for event in &events {
        writer.write(event, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches("\"input_tokens\":1234").count(), 2, "{text}");
    assert!(text.contains("\"model\":\"glm-4.7\"") && text.contains("\"output_tokens\":4"), "{text}");
    let told = told_in_chat(&events);
    let [.., usage, done] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&usage["usage"]["prompt_tokens"], &usage["usage"]["completion_tokens"]), (&json!(10), &json!(4)));
    assert_eq!(done, "[DONE]");
}

/// Forwarding reads along without parsing each piece, and learns the same.
#[test]
fn skimming_learns_what_reading_learns() {
    for name in
        ["anthropic-stream", "anthropic-usage-late", "anthropic-error", "anthropic-cut", "chat-stream", "chat-cut"]
    {
        let case = case(name);
        let bytes = stream(&case);
        let read = |mut decoder: Decoder| {
            let mut events = Vec::new();
            for piece in bytes.chunks(5) {
                events.extend(decoder.feed(piece));
            }
            events.extend(decoder.finish());
            (events, decoder.usage(), decoder.said())
        };
        let (whole, usage, said) = read(decoder(&case));
        let (skimmed, again, about) = read(decoder(&case).skimming());
        well_formed(&skimmed);
        assert_eq!(again, usage, "{name}");
        assert_eq!(skimmed.first(), whole.first(), "{name}");
        let end = |events: &[Event]| events.last().cloned();
        assert_eq!(end(&skimmed), end(&whole), "{name}");
        // The first piece is read: it says that the answer has begun.
        let pieces = whole.iter().filter(|event| matches!(event, Event::Delta { .. })).count();
        assert!(skimmed.len() < whole.len() || pieces < 2, "{name}: nothing was passed over");
        assert!(about.abs_diff(said) <= said / 2 + 2, "{name}: {about} of {said}");
    }
}
