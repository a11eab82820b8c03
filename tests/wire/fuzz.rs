//! The fuzz targets in every test run: over everything that was recorded, and over bounded numbers of torn ones.

#[path = "../../fuzz/targets.rs"]
mod targets;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::Value;

use crate::{answers, cases};

/// How many torn ones of each recorded one; `MOAI_FUZZ=1000 cargo test --test wire fuzz` runs more.
fn rounds() -> u32 {
    std::env::var("MOAI_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(8)
}

/// Words that streams and requests are made of.
const WORDS: &[&[u8]] = &[
    b"\n\n",
    b"\r\n\r\n",
    b"\r",
    b"data: ",
    b"event: ",
    b"data: [DONE]\n\n",
    b": ping\n\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\"\"",
    b"{}",
    b"[]",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\0",
    b"\"model\":\"x\",",
    b"\"stream\":true,",
    b"\"type\":\"message_stop\"",
    b"\"error\":{}",
    b"\"index\":99",
    b"\"content\":null",
    b"\"tool_calls\":[{}]",
    b"\"usage\":{\"input_tokens\":-5}",
];

/// Tears one of these: bytes flipped, cut out, doubled, put in, or two of them joined.
fn torn(all: &[Vec<u8>], at: usize, rng: &mut TestRng) -> Vec<u8> {
    let mut bytes = all[at].clone();
    let mut below = |most: usize| if most == 0 { 0 } else { (rng.next_u64() % most as u64) as usize };
    for _ in 0..=below(4) {
        let (from, length) = (below(bytes.len() + 1), below(16));
        let to = (from + length).min(bytes.len());
        match below(6) {
            0 => bytes.truncate(from),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            }
            3 => {
                bytes.splice(from..from, WORDS[below(WORDS.len())].iter().copied());
            }
            4 if from < bytes.len() => bytes[from] ^= 1 << below(8),
            _ => {
                let other = &all[below(all.len())];
                bytes.truncate(from);
                bytes.extend_from_slice(&other[below(other.len() + 1)..]);
            }
        }
    }
    bytes
}

/// Runs the target over these, and over torn ones; the same ones in every run.
fn run(all: &[Vec<u8>], target: impl Fn(&[u8])) {
    assert!(all.len() > 10, "the recordings are gone");
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    for at in 0..all.len() {
        target(&all[at]);
        for _ in 0..rounds() {
            let bytes = torn(all, at, &mut rng);
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&bytes)));
            assert!(caught.is_ok(), "these bytes break it: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

fn recorded(folder: &str) -> Vec<Value> {
    let mut paths: Vec<_> = std::fs::read_dir(cases::folder(folder)).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// The bodies of recorded requests: what the client said, and what each dialect made of it.
fn requests() -> Vec<Vec<u8>> {
    fn bodies(value: &Value, found: &mut Vec<Vec<u8>>) {
        match value {
            Value::Object(fields) => {
                if fields.contains_key("messages") {
                    found.push(value.to_string().into_bytes());
                }
                fields.values().for_each(|value| bodies(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| bodies(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for case in &recorded("requests") {
        bodies(case, &mut found);
    }
    found
}

#[test]
fn fuzz_decoders() {
    let answer = |case: &Value| {
        let dialect: moai::wire::Dialect = case["dialect"].as_str().unwrap().parse().unwrap();
        let place = moai::wire::Dialect::ALL.iter().position(|one| *one == dialect).unwrap();
        [vec![u8::try_from(place).unwrap(), 4], answers::stream(case)].concat()
    };
    run(&recorded("answers").iter().map(answer).collect::<Vec<_>>(), targets::decoders);
}

#[test]
fn fuzz_converters() {
    run(&requests(), targets::converters);
}

#[test]
fn fuzz_peek() {
    run(&requests(), targets::peek);
}
