//! What must hold for any bytes. `cargo fuzz` looks for bytes for which it does not; `tests/wire/fuzz.rs` runs the same
//! functions over recorded answers and requests and over torn ones, in every test run.

use moai::wire::hub::Prompt;
use moai::wire::write::{Answer, AnthropicSse, ChatSse};
use moai::wire::{Adapt, Decoder, Dialect, Event, Fault, Quirks, Request, Target, ToolNames, encode, inbound};
use serde_json::Value;

/// A preset that stands for a dialect.
fn usual(dialect: Dialect) -> Quirks {
    let name = match dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::Chat | Dialect::Responses => "openai",
        Dialect::Gemini => "gemini",
        Dialect::Ollama => "ollama",
    };
    Quirks::preset(name).expect("the preset is there")
}

fn decoder(dialect: Dialect) -> Decoder {
    Decoder::new(dialect, &usual(dialect), ToolNames::default(), "seed")
}

/// All events of these pieces; and of each feeding no more is complete than was fed.
fn events<'a>(mut decoder: Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(decoder.feed(piece));
        assert!(decoder.complete() <= piece.len());
    }
    events.extend(decoder.finish());
    assert!(decoder.is_done());
    events
}

/// The order that every client counts on: one start, blocks that open and close, one end or one error, nothing after.
fn in_order(events: &[Event]) {
    let (mut started, mut stopped, mut ended, mut open) = (false, false, false, Vec::new());
    for event in events {
        assert!(!ended, "something after the end: {events:?}");
        match event {
            Event::Start { .. } => assert!(!std::mem::replace(&mut started, true), "two starts"),
            Event::Open { index, .. } => {
                assert!(started && !stopped && !open.contains(index), "{events:?}");
                open.push(*index);
            }
            Event::Delta { index, .. } => assert!(open.contains(index), "{events:?}"),
            Event::Close { index } => {
                assert!(open.contains(index), "{events:?}");
                open.retain(|at| at != index);
            }
            Event::Stop { .. } => assert!(started && open.is_empty() && !std::mem::replace(&mut stopped, true)),
            Event::End => ended = stopped,
            Event::Error(_) => ended = true,
            Event::Ping => {}
        }
    }
    assert!(ended, "neither an end nor an error: {events:?}");
}

/// Every `data:` line that is written is JSON, and nothing else is written.
fn written(bytes: Vec<u8>) {
    let text = String::from_utf8(bytes).expect("what is written is UTF-8");
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("data: ") {
            Some("[DONE]") => {}
            Some(data) => assert!(serde_json::from_str::<Value>(data).is_ok(), "{data}"),
            None => assert!(line.starts_with("event: ") || line.starts_with(':'), "{line}"),
        }
    }
}

/// A vendor's answer: the first byte chooses the dialect, the second where it is split. Its events are the same however
/// it is split, they are in order, and they can be told to clients of both dialects. Reading along learns of the same
/// end.
pub fn decoders(bytes: &[u8]) {
    let [choice, split, answer @ ..] = bytes else { return };
    let dialect = Dialect::ALL[usize::from(*choice) % Dialect::ALL.len()];
    let whole = events(decoder(dialect), [answer]);
    in_order(&whole);
    let size = usize::from(*split) % 31 + 1;
    assert_eq!(events(decoder(dialect), answer.chunks(size)), whole, "{dialect:?} in pieces of {size}");
    let skimmed = events(decoder(dialect).skimming(), [answer]);
    in_order(&skimmed);
    let small = events(decoder(dialect).with_largest(64), answer.chunks(size));
    in_order(&small);
    let (mut anthropic, mut chat) = (AnthropicSse::new("m", 1), ChatSse::new("m", 1, true, 1));
    let (mut one, mut other, mut message) = (Vec::new(), Vec::new(), Answer::default());
    for event in whole {
        anthropic.write(&event, &mut one);
        chat.write(&event, &mut other);
        message.take(event);
    }
    // What moai writes, moai reads: it ends as it ended.
    let again = events(decoder(Dialect::Anthropic), [one.as_slice()]);
    in_order(&again);
    assert_eq!(matches!(again.last(), Some(Event::End)), message.fault().is_none(), "{again:?}");
    written(one);
    written(other);
    assert!(message.anthropic("m", 1).is_object() && message.chat("m", 1).is_object());
}

/// A client's request in either dialect: where it can be read, it can be said to every vendor, and what is said is
/// JSON. An error of any status can be read, and told.
pub fn converters(bytes: &[u8]) {
    let anthropic = Prompt::from_slice(bytes).ok();
    let chat = inbound::chat(bytes).ok().map(|read| read.prompt);
    for prompt in [anthropic, chat].into_iter().flatten() {
        for preset in Quirks::PRESETS {
            let quirks = Quirks::preset(preset).expect("the preset is there");
            for dialect in Dialect::ALL {
                let target =
                    Target { dialect, model: "m", quirks: &quirks, most_output: Some(64), context: None, stream: true };
                let body = encode(&prompt, &target).body;
                assert!(
                    serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.is_object()),
                    "{preset} {dialect:?}"
                );
            }
        }
    }
    let now = jiff::Timestamp::UNIX_EPOCH;
    for status in [200, 400, 429, 529] {
        let fault = Fault::read(status, |_| None, bytes, now);
        assert!(!fault.message.is_empty() && !fault.message.contains('\n'));
        for dialect in Dialect::ALL {
            assert!(serde_json::from_slice::<Value>(&fault.reply(dialect, "req").body).is_ok());
        }
    }
}

/// A client's request: where it can be peeked at, another model's name in it changes nothing else.
pub fn peek(bytes: &[u8]) {
    let Ok(request) = Request::peek(bytes.to_vec()) else { return };
    assert_eq!(request.bytes().as_ref(), bytes);
    drop(request.last_user_text());
    let name = "a \"model\" of\nanother name";
    let spliced = request.with_model(name);
    let again = Request::peek(spliced.clone()).expect("what was spliced is a request");
    let (old, new) = (request.head(), again.head());
    assert_eq!((new.model.as_str(), new.stream, new.max_tokens), (name, old.stream, old.max_tokens));
    assert_eq!((&new.session, new.turn, new.messages, new.tools), (&old.session, old.turn, old.messages, old.tools));
    for preset in ["anthropic", "glm"] {
        let quirks = Quirks::preset(preset).expect("the preset is there");
        let body = request.adapt(&Adapt { model: name, quirks: &quirks, most_output: Some(64), addition: None }).body;
        assert!(Request::peek(body).is_ok_and(|adapted| adapted.head().model == name), "{preset}");
    }
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    if let (Some(mut before), Some(after)) = (value(bytes), value(&spliced)) {
        before["model"] = Value::from(name);
        assert_eq!(before, after);
    }
}
