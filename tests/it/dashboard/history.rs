//! A month of work in the journal, as a team has it: made of numbers, the same in every run.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::catalog::Variant;
use moai::journal::key::{Lookup, find};
use moai::journal::{Attempt, Journal, Outcome, Place};
use moai::model::{RequestId, TaskKind, Tier, Usage, Usd};

use crate::scratch::{NOW, Scratch};

/// Models with their vendor, tier, price of a token in nano-dollars, and usual time in milliseconds.
const MODELS: [(&str, &str, Tier, u64, u64); 5] = [
    ("glm-4.7", "zai", Tier::Two, 600, 5_200),
    ("glm-4.7-flash", "zai", Tier::Two, 70, 2_100),
    ("claude-opus", "anthropic", Tier::One, 5_000, 14_000),
    ("claude-sonnet", "anthropic", Tier::Two, 3_000, 7_500),
    ("qwen2.5-coder", "ollama", Tier::Two, 0, 9_000),
];

/// Writes a month of requests, the last ones of them today.
pub(super) fn write(scratch: &Scratch) {
    let now: Timestamp = NOW.parse().unwrap();
    let dir = scratch.home().join(".moai/journal");
    std::fs::create_dir_all(&dir).unwrap();
    let (key, from) = find(&dir, &Lookup::default()).unwrap();
    let mut journal = Journal::open(&Place::new(&dir), &key, from, TimeZone::UTC, now).unwrap();
    let mut rows = Vec::new();
    // Backwards, an hour at a time.
    for hour in 0..30 * 24_u64 {
        let of_day = (12 + 24 * 30 - hour) % 24;
        let busy = if (8..20).contains(&of_day) { 14 } else { 1 };
        for number in 0..busy {
            rows.push(attempt(now, hour, number, of_day));
        }
    }
    rows.reverse();
    assert_eq!(journal.append_all(&rows).unwrap(), rows.len());
}

fn attempt(now: Timestamp, hour: u64, number: u64, of_day: u64) -> Attempt {
    let seed = hour * 100 + number;
    // A multiplicative hash: the same rows in every run, spread over the values.
    let spread =
        |values: u64, salt: u64| (seed.wrapping_add(salt << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % values;
    let pick = [0, 0, 0, 0, 1, 1, 2, 2, 3, 4][usize::try_from(spread(10, 1)).unwrap()];
    let (model, provider, tier, price, usual) = MODELS[pick];
    let at = now - SignedDuration::from_secs(i64::try_from(hour * 3600 + spread(3500, 2)).unwrap());
    // Z.AI was out this morning from nine to eleven.
    let out = provider == "zai" && hour < 4 && (9..11).contains(&of_day) && spread(10, 3) < 8;
    let failed = out || spread(60, 4) == 0;
    let usage = Usage { cache_read: spread(60_000, 5), ..Usage::new(400 + spread(6_000, 6), 200 + spread(2_500, 7)) };
    let tokens = usage.input + usage.cache_read / 10 + usage.output * 4;
    let cost = if failed { 0 } else { tokens * price };
    let baseline = if failed { 0 } else { tokens * 5_000 };
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seed.to_be_bytes());
    Attempt {
        request: RequestId::new(at, random),
        number: 1,
        at,
        machine: "laptop".into(),
        session: Some(format!("5e55{:04x}-1c4b-4f0e-9d53-{:012x}", seed / 40, seed / 40)),
        project: Some(["moai", "shop-api", "docs"][usize::try_from(spread(3, 8)).unwrap()].into()),
        worktree: None,
        spec: None,
        agent: Some(["coder", "planner", "reviewer"][usize::try_from(spread(3, 9)).unwrap()].into()),
        task: None,
        key: None,
        arm: None,
        decided_by: if spread(5, 10) == 0 { "agent".into() } else { "classifier".into() },
        decision: Some("classified, strategy".into()),
        model_asked: None,
        model: model.into(),
        model_id: model.into(),
        provider: provider.into(),
        deployment: None,
        tier,
        kind: Some([TaskKind::Coding, TaskKind::Coding, TaskKind::Reasoning][usize::try_from(spread(3, 11)).unwrap()]),
        confidence: Some(0.7 + f64::from(u32::try_from(spread(29, 12)).unwrap()) / 100.0),
        usage: (!failed).then_some(usage),
        estimated: false,
        variant: Variant::Standard,
        cost: Some(Usd::from_nanos(i64::try_from(cost).unwrap())),
        baseline: Some(Usd::from_nanos(i64::try_from(baseline).unwrap())),
        book: "list".into(),
        book_version: "2026-01-01".into(),
        price_key: None,
        first_ms: (!failed).then(|| 250 + spread(usual / 5, 13)),
        total_ms: usual / 3 + spread(usual, 14) + if spread(30, 15) == 0 { usual * 3 } else { 0 },
        outcome: if failed { Outcome::Failed } else { Outcome::Ok },
        error: failed.then(|| "overloaded".to_owned()),
        fallback: pick == 3,
        retries: 0,
    }
}
