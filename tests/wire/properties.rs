//! What holds for any bytes and any split of them.

use moai::wire::{Dialect, Fault, Quirks, Request, Target, encode, hub::Prompt, inbound};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{answers, cases};

fn all() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = std::fs::read_dir(cases::folder("answers"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Where to cut: everywhere in a short stream, and in some two hundred places of a long one, never in step with it.
fn places(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by((length / 199) | 1)
}

#[test]
fn every_recorded_stream_byte_by_byte_and_cut_anywhere_in_two() {
    for (name, case) in all() {
        let bytes = answers::stream(&case);
        let whole = answers::events(&case, [bytes.as_slice()]);
        for size in [1, 3, 7] {
            assert_eq!(answers::events(&case, bytes.chunks(size)), whole, "{name} in pieces of {size}");
        }
        for at in places(bytes.len()) {
            let (one, two) = bytes.split_at(at);
            assert_eq!(answers::events(&case, [one, two]), whole, "{name} split at {at}");
        }
    }
}

#[test]
fn a_recorded_stream_that_is_cut_anywhere_ends_once_and_never_well_before_its_stop() {
    for (name, case) in all() {
        let bytes = answers::stream(&case);
        for at in places(bytes.len()) {
            let events = answers::events(&case, [&bytes[..at]]);
            answers::well_formed(&events);
            let ended = matches!(events.last(), Some(moai::wire::Event::End));
            let said = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let stop = ["stop", "finish", "status", "\"done\": true", "message_stop", "blockreason"];
            assert!(!ended || stop.iter().any(|word| said.contains(word)), "{name} cut at {at} ended well");
        }
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    proptest::sample::select(Dialect::ALL.to_vec())
}

/// Bytes that are nearly a stream: pieces of real ones, torn and mixed with anything.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<Vec<u8>> = all()
        .into_iter()
        .flat_map(|(_, case)| case["stream"].as_array().cloned().unwrap_or_default())
        .filter_map(|line| line.as_str().map(|line| line.as_bytes().to_vec()))
        .collect();
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces),
        2 => proptest::collection::vec(any::<u8>(), 0..24),
        1 => Just(b"data: ".to_vec()),
        1 => Just(vec![b'{'; 64]),
        1 => Just(b"\"".to_vec()),
    ];
    let end = proptest::sample::select(vec![&b"\n\n"[..], b"\r\n\r\n", b"\n", b"", b"\r"]);
    proptest::collection::vec((piece, end), 0..10)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, end)| [piece, end.to_vec()].concat()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_well_formed_and_the_same_however_split(
        dialect in dialect(),
        bytes in nearly(),
        cuts in proptest::collection::vec(0usize..2000, 0..6),
    ) {
        let case = json!({"dialect": dialect.as_str()});
        let whole = answers::events(&case, [bytes.as_slice()]);
        answers::well_formed(&whole);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        prop_assert_eq!(answers::events(&case, pieces), whole);
    }

    #[test]
    fn any_body_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let now = "2026-11-21T00:00:00Z".parse().unwrap();
        for status in [200, 400, 429, 500] {
            let fault = Fault::read(status, |_| None, &bytes, now);
            prop_assert!(!fault.message.is_empty());
            for dialect in Dialect::ALL {
                let reply = fault.reply(dialect, "req_1");
                prop_assert!(serde_json::from_slice::<Value>(&reply.body).is_ok());
            }
        }
        drop(Request::peek(bytes.clone()));
        drop(inbound::chat(&bytes));
        drop(Prompt::from_slice(&bytes));
    }

    #[test]
    fn any_conversation_can_be_said_in_every_dialect(
        messages in proptest::collection::vec(message(), 0..8),
        name in proptest::sample::select(Quirks::PRESETS.to_vec()),
    ) {
        let value = json!({"model": "m", "max_tokens": 10, "messages": messages, "tools": [{"name": "Read"}]});
        let Ok(prompt) = Prompt::from_value(value) else { return Ok(()) };
        let quirks = Quirks::preset(name).unwrap();
        for dialect in Dialect::ALL {
            let target = Target {
                dialect, model: "m", quirks: &quirks, most_output: Some(5), context: None, stream: true,
            };
            let body: Value = serde_json::from_slice(&encode(&prompt, &target).body).unwrap();
            if dialect == Dialect::Chat {
                tools_answer_right_away(&body);
            }
        }
    }
}

/// In chat, tool messages stand right behind a call or behind another tool message, where the request had it so.
fn tools_answer_right_away(body: &Value) {
    let messages = body["messages"].as_array().unwrap();
    for pair in messages.windows(2) {
        if pair[1]["role"] == "tool" {
            assert_ne!(pair[0]["role"], "system", "{body}");
        }
    }
}

fn message() -> impl Strategy<Value = Value> {
    let block = prop_oneof![
        "[a-z ]{0,6}".prop_map(|text| json!({"type": "text", "text": text})),
        "[ab]".prop_map(|id| json!({"type": "tool_use", "id": id, "name": "Read", "input": {"p": 1}})),
        ("[abc]", any::<bool>()).prop_map(|(id, error)| {
            json!({"type": "tool_result", "tool_use_id": id, "content": "x", "is_error": error})
        }),
        Just(json!({"type": "thinking", "thinking": "t", "signature": "moai-gemini-v1:S"})),
        Just(json!({"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}})),
        Just(json!({"type": "document", "source": {"type": "content", "content": "words"}})),
        Just(json!({"type": "odd"})),
    ];
    let role = proptest::sample::select(vec!["user", "assistant", "system"]);
    (role, proptest::collection::vec(block, 0..4)).prop_map(|(role, content)| json!({"role": role, "content": content}))
}
