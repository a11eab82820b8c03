//! How fast classification is, as ratios to a plain UTF-8 scan measured in the same run, so that the machine does not
//! matter: `cargo bench --bench classify`. `MOAI_CASES=a.tsv:b.tsv` measures other corpora than the development one.
//!
//! Prints the median per prompt, the same for a prompt of 100 KB, the time to build the tables, and the ratios. It fails
//! where a limit of the design is passed: 20 µs per prompt, 200 µs for 100 KB.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints, and fails by panicking"
)]

use std::hint::black_box;
use std::time::Instant;

use moai::classify::{Options, classify};

const ROUNDS: usize = 15;

fn prompts() -> Vec<String> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/classify/dev.tsv").to_owned();
    let paths = std::env::var("MOAI_CASES").unwrap_or(own);
    let mut texts = Vec::new();
    for path in paths.split(':') {
        let file = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let rows = file.lines().skip(1).filter_map(|line| line.split('\t').nth(2));
        texts.extend(rows.map(|text| text.replace("\\n", "\n")));
    }
    texts
}

/// The best of some rounds, in microseconds: what the work costs when nothing else runs.
fn best(mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    });
    rounds.fold(f64::INFINITY, f64::min)
}

/// The reference: every character of the text is looked at once.
fn scan(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let start = Instant::now();
    black_box(classify("API 설계해줘", Options::default()));
    println!("tables built and first prompt: {:.0} µs", start.elapsed().as_secs_f64() * 1e6);

    let texts = prompts();
    let bytes: usize = texts.iter().map(String::len).sum();
    let classified = median(
        texts.iter().map(|text| best(|| drop(black_box(classify(black_box(text), Options::default()))))).collect(),
    );
    let scanned = median(
        texts
            .iter()
            .map(|text| {
                best(|| {
                    for _ in 0..100 {
                        black_box(scan(black_box(text)));
                    }
                }) / 100.0
            })
            .collect(),
    );
    println!("{} prompts, {} bytes on average", texts.len(), bytes / texts.len());
    println!("median: {classified:.2} µs, {:.0} times a plain scan", classified / scanned);

    let mut slowest = 0.0_f64;
    for (name, text) in long_prompts() {
        let classified = best(|| drop(black_box(classify(black_box(&text), Options::default()))));
        let scanned = best(|| {
            black_box(scan(black_box(&text)));
        });
        println!(
            "{name}, {} KB: {classified:.0} µs, {:.2} times a plain scan",
            text.len() / 1024,
            classified / scanned
        );
        slowest = slowest.max(classified);
    }
    assert!(classified < 20.0, "a prompt takes {classified:.1} µs; the design says 20");
    assert!(slowest < 200.0, "a prompt of 100 KB takes {slowest:.0} µs; the design says 200");
}

fn long_prompts() -> Vec<(&'static str, String)> {
    let log = "2026-01-09 12:00:01 ERROR worker: design of the plan failed, retry 3\n".repeat(1500);
    vec![
        ("request and fenced log", format!("이 버그 수정해줘\n```\n{log}```\n")),
        ("bare log and request", format!("{log}\nfix the bug")),
        ("prose, English", "We have to decide how the billing service should store its events. ".repeat(1500)),
        ("prose, Korean", "결제 서비스가 이벤트를 어떻게 저장할지 결정해야 합니다. ".repeat(1300)),
        ("lines, Chinese", "我们需要设计一个支付系统的架构方案，请比较几种做法。\n".repeat(1300)),
    ]
}
