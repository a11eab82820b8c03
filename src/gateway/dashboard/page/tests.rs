//! What a page weighs, and that nothing that a client has sent is markup.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::alert::{Engine, Reading, Rule, Rules};
use crate::gateway::dashboard::figures::Span;
use crate::journal::panels::{Measured, ProviderHealth, Pulse, Recent, Series, SeriesLine, Tiles, TimesLine};
use crate::journal::{Line, Opinion, Percentiles, Totals};
use crate::model::Usage;

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

fn now() -> Timestamp {
    "2026-11-21T23:30:00Z".parse().unwrap()
}

fn totals(attempts: u64) -> Totals {
    Totals {
        requests: attempts,
        attempts,
        errors: attempts / 9,
        fallbacks: attempts / 7,
        unpriced: 3,
        usage: Usage {
            input: 91_234 * attempts,
            cache_read: 412_345 * attempts,
            output: 9_876 * attempts,
            ..Usage::default()
        },
        cost: Usd::from_nanos(1_234_567_891),
        compared: Usd::from_nanos(1_234_567_891),
        baseline: Usd::from_nanos(9_234_567_891),
        last_at: Some(now()),
        ..Totals::default()
    }
}

/// As much as a page ever shows: thirty days, nine models, eight providers, all lists full, long names.
fn full(name: &str) -> Figures {
    let slots = 30;
    let line = |at: u64| SeriesLine {
        name: format!("{name}-{at}"),
        total: totals(900 + at),
        slots: (0..slots).map(|slot| totals(100 + at * 7 + slot * 3)).collect(),
    };
    let found = Some(Percentiles { p50: 1_234, p95: 23_456, p99: 98_765 });
    let measured = Measured { first_ms: found, total_ms: found };
    let times = |model| TimesLine { model, whole: measured, slots: vec![measured; 30] };
    // Every slot is another colour than the one before.
    let pulse = |slot: u64| Pulse { ok: 100, errors: (slot % 3) * 60 };
    let recent = |at: u64| Recent {
        request: format!("019ba2c0-0000-7000-8000-{at:012}"),
        at: now(),
        attempts: 3,
        model_asked: Some(name.into()),
        model: name.into(),
        provider: name.into(),
        tier: if at.is_multiple_of(2) { 1 } else { 2 },
        kind: Some("reasoning".into()),
        confidence: Some(0.873),
        decided_by: "classifier".into(),
        decision: Some("classified, strategy, kind".into()),
        outcome: "failed".into(),
        error: Some(name.into()),
        fallback: true,
        cost: Some(Usd::from_nanos(12_345_678)),
        first_ms: Some(1_234),
        total_ms: 23_456,
        prompt_tokens: 123_456,
        output_tokens: 4_567,
        session: Some(name.into()),
        project: Some(name.into()),
        agent: Some(name.into()),
    };
    let whole = line(0);
    Figures {
        tiles: Tiles {
            shadows: Usd::ZERO,
            totals: totals(12_345),
            spent: Usd::from_nanos(1_234_567_891),
            saved: Usd::from_nanos(8_000_000_000),
            saved_percent: Some(86.6),
            tier1_percent: 12.0,
            tier2_percent: 88.0,
            fallback_rate: 0.1,
            error_rate: 0.1,
            cache_hit_rate: 0.8,
        },
        models: Series {
            starts: (0..30).map(|day| now() - jiff::SignedDuration::from_hours(24 * (29 - day))).collect(),
            whole,
            lines: (0..9).map(line).collect(),
        },
        times: std::iter::once(times(None)).chain((0..9).map(|at| times(Some(format!("{name}-{at}"))))).collect(),
        health: (0..8)
            .map(|at| ProviderHealth {
                provider: format!("{name}-{at}"),
                whole: pulse(1),
                errors: Vec::new(),
                slots: (0..slots).map(pulse).collect(),
            })
            .collect(),
        recent: (0..10).map(recent).collect(),
        opinions: [("019ba2c0-0000-7000-8000-000000000001".to_owned(), Opinion::Plan)].into(),
        sessions: (0..8)
            .map(|_| Line { start: "2026-11-21".parse().unwrap(), value: Some(name.into()), totals: totals(99) })
            .collect(),
        to_come: 0,
    }
}

fn alerts() -> Vec<Alert> {
    let reading = |at: usize| Reading {
        rule: Rule::ProviderDown,
        subject: format!("{at}"),
        value: 1,
        text: format!("{EVIL} {}", "does not answer ".repeat(40)),
    };
    let mut engine = Engine::default();
    let rules = Rules { down_hold: std::time::Duration::ZERO, ..Rules::default() };
    engine.look((0..9).map(reading).collect(), &[], &rules, now());
    engine.active().cloned().collect()
}

fn page(lang: Lang, figures: Option<&Figures>) -> String {
    let view = View {
        lang,
        words: lang.words(),
        span: Span::Month,
        corrects: true,
        token: Some("0123456789abcdef".repeat(2)),
    };
    let zone = TimeZone::fixed(jiff::tz::offset(9));
    let state =
        State { now: now(), zone: &zone, budget: None, deployments: Vec::new(), under_way: 2, alerts: alerts() };
    home(&view, &panels(&view, &state, figures)).into_text()
}

#[test]
fn the_first_paint_is_less_than_a_hundred_kilobytes() {
    for lang in [Lang::English, Lang::Korean] {
        let html = page(lang, Some(&full("claude-opus-4-5-20251101")));
        assert_eq!(html.matches("<li class=\"critical\">").count(), ALERTS);
        let weight = crate::base::packed::gzip(&html).len() + shell::weight();
        assert!(
            weight < 100_000,
            "{weight} bytes, {} of them HTML, which is {} long",
            weight - shell::weight(),
            html.len()
        );
    }
}

#[test]
fn what_clients_send_is_text() {
    for lang in [Lang::English, Lang::Korean] {
        let html = page(lang, Some(&full(EVIL)));
        assert!(html.contains("&lt;script&gt;alert(1)"), "it is shown");
        assert!(!html.contains("<script>") && !html.contains("<img"), "and is no markup");
        assert_eq!(html.matches("<script").count(), 1, "the page's own");
        assert!(!html.contains("style="), "nothing that the policy would have to allow");
    }
}

#[test]
fn nothing_at_all_is_a_page_too() {
    let html = page(Lang::English, None);
    assert!(html.contains("No request has come yet") && html.contains("<code>moai code</code>"), "{html}");
    assert!(html.contains(">$0.00<"));
}

#[test]
fn sums_are_told_to_the_cent_and_small_ones_finer() {
    let said = |nanos| usd(Usd::from_nanos(nanos));
    assert_eq!(
        [0, 30_200, 12_345_678, 999_999_999, 1_234_567_891, -3_000_000_000].map(said),
        ["$0.00", "<$0.0001", "$0.0123", "$1.0000", "$1.23", "−$3.00"]
    );
}
