//! The panels against sums that are made row by row.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::*;
use crate::base::secret::Secret;
use crate::catalog::Variant;
use crate::journal::key::{JournalKey, Source};
use crate::journal::{Attempt, Journal, Opinion, Outcome, Percentiles, Place};
use crate::model::{RequestId, TaskKind, Tier, Usage};

const NOW: &str = "2026-01-09T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn journal(zone: TimeZone) -> (tempfile::TempDir, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let key = JournalKey::parse(&Secret::new("11".repeat(32)), Source::Env).unwrap();
    let journal = Journal::open(&Place::new(dir.path()), &key, Source::Env, zone, now()).unwrap();
    (dir, journal)
}

fn request(seed: u64) -> RequestId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seed.to_be_bytes());
    RequestId::new(now(), random)
}

/// An answered request of glm-4.7, `minutes` before [`NOW`].
fn attempt(seed: u64, minutes: i64) -> Attempt {
    Attempt {
        request: request(seed),
        number: 1,
        at: now() - SignedDuration::from_mins(minutes),
        machine: "laptop".into(),
        session: Some("auth".into()),
        project: None,
        worktree: None,
        spec: None,
        agent: None,
        task: None,
        key: None,
        decided_by: "classifier".into(),
        decision: Some("op:implement".into()),
        model_asked: None,
        model: "glm-4.7".into(),
        model_id: "glm-4.7".into(),
        provider: "zai".into(),
        deployment: None,
        tier: Tier::Two,
        kind: Some(TaskKind::Coding),
        confidence: Some(0.9),
        usage: Some(Usage { cache_read: 3000, ..Usage::new(1000, 500) }),
        estimated: false,
        variant: Variant::Standard,
        cost: Some(Usd::from_nanos(2_000_000)),
        baseline: Some(Usd::from_nanos(8_000_000)),
        book: "list".into(),
        book_version: "1".into(),
        price_key: None,
        first_ms: Some(400),
        total_ms: 1200,
        outcome: Outcome::Ok,
        error: None,
        fallback: false,
        retries: 0,
        arm: None,
    }
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let who = prop_oneof![
        Just(("claude-opus", "anthropic", Tier::One)),
        Just(("glm-4.7", "zai", Tier::Two)),
        Just(("glm-4.7", "other-host", Tier::Two)),
        Just(("qwen", "ollama", Tier::Two)),
    ];
    let amount = || proptest::option::weighted(0.8, 0_i64..5_000_000_000);
    let usage = proptest::option::weighted(0.9, (0_u64..5000, 0_u64..90_000, 0_u64..3000));
    let ended = (0_usize..5, proptest::option::of(prop_oneof![Just("timeout"), Just("rate-limit")]), any::<bool>());
    // Up to four days back: several hours, several days, and days that are cut by the zone.
    let when = 0_i64..4 * 24 * 60;
    (who, amount(), amount(), usage, ended, when, (1_u32..3, proptest::option::of(0_u64..5000), 0_u64..200_000))
        .prop_map(
            |(
                (model, provider, tier),
                cost,
                baseline,
                usage,
                (outcome, error, fallback),
                minutes,
                (number, first, total),
            )| {
                let outcome = Outcome::ALL[outcome];
                Attempt {
                    number,
                    model: model.into(),
                    provider: provider.into(),
                    tier,
                    cost: cost.map(Usd::from_nanos),
                    baseline: baseline.map(Usd::from_nanos),
                    usage: usage.map(|(input, cache_read, output)| Usage { cache_read, ..Usage::new(input, output) }),
                    first_ms: first,
                    total_ms: total,
                    outcome,
                    error: error.filter(|_| outcome.is_error()).map(str::to_owned),
                    fallback,
                    retries: number - 1,
                    ..attempt(0, minutes)
                }
            },
        )
}

/// What a row adds to the sums, told without the journal.
fn share(row: &Attempt) -> Totals {
    let one = |yes: bool| u64::from(yes);
    let both = row.cost.zip(row.baseline);
    Totals {
        requests: one(row.number == 1),
        attempts: 1,
        errors: one(matches!(row.outcome, Outcome::Failed | Outcome::Cut)),
        cancelled: one(row.outcome == Outcome::Cancelled),
        cached: one(row.outcome == Outcome::Cached),
        fallbacks: one(row.fallback),
        retries: u64::from(row.retries),
        unpriced: one(row.cost.is_none()),
        unmetered: one(row.is_unmetered()),
        uncompared: one(both.is_none()),
        usage: row.usage.unwrap_or_default(),
        cost: row.cost.unwrap_or_default(),
        compared: both.map_or(Usd::ZERO, |(cost, _)| cost),
        baseline: both.map_or(Usd::ZERO, |(_, baseline)| baseline),
        first_at: Some(row.at),
        last_at: Some(row.at),
    }
}

/// The sums of the rows by slot and name.
fn naive<'a>(
    rows: impl Iterator<Item = &'a Attempt>,
    slot: impl Fn(&Attempt) -> Option<usize>,
    name: impl Fn(&Attempt) -> String,
) -> BTreeMap<(String, usize), Totals> {
    let mut sums: BTreeMap<(String, usize), Totals> = BTreeMap::new();
    for row in rows {
        if let Some(slot) = slot(row) {
            let sum = sums.entry((name(row), slot)).or_default();
            *sum = sum.plus(&share(row));
        }
    }
    sums
}

fn told(series: &Series) -> BTreeMap<(String, usize), Totals> {
    let lines = series.lines.iter();
    let slots =
        lines.flat_map(|line| line.slots.iter().enumerate().map(|(slot, sum)| ((line.name.clone(), slot), *sum)));
    slots.filter(|(_, sum)| sum.attempts > 0).collect()
}

/// A split, and the name that a row has in it.
type Named = (Split, fn(&Attempt) -> String);

fn agree(journal: &Journal, rows: &[Attempt], zone: &TimeZone) {
    let today = zone.to_datetime(now()).date();
    let local = |row: &Attempt| zone.to_datetime(row.at).date();
    for window in [Window::hours(70, now()), Window::days(3, today), Window::days(30, today)] {
        let starts = window.starts(zone);
        let slot = |row: &Attempt| match window.grain() {
            Grain::Hour => starts.iter().rposition(|start| *start <= row.at),
            Grain::Day => starts.iter().position(|start| zone.to_datetime(*start).date() == local(row)),
        };
        let by: [Named; 3] = [
            (Split::Model, |row| row.model.clone()),
            (Split::Tier, |row| row.tier.number().to_string()),
            (Split::Provider, |row| row.provider.clone()),
        ];
        for (split, name) in by {
            let series = journal.series(window, split).unwrap();
            assert_eq!(told(&series), naive(rows.iter(), slot, name), "{window:?} by {split:?}");
            let whole = series.lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.total));
            assert_eq!(whole, series.whole.total);
        }
        let (_, health) = journal.health(window).unwrap();
        for one in &health {
            for (at, pulse) in one.slots.iter().enumerate() {
                let mine = rows.iter().filter(|row| row.provider == one.provider && slot(row) == Some(at));
                let (ok, errors) = mine.fold((0, 0), |(ok, errors), row| {
                    (ok + u64::from(row.outcome == Outcome::Ok), errors + u64::from(row.outcome.is_error()))
                });
                assert_eq!((pulse.ok, pulse.errors), (ok, errors), "{window:?} {}", one.provider);
            }
            assert_eq!(one.errors.iter().map(|(_, count)| count).sum::<u64>(), one.whole.errors);
        }
        let (_, lines) = journal.times(window).unwrap();
        let mut exact: Vec<u64> = rows
            .iter()
            .filter(|row| slot(row).is_some() && row.outcome == Outcome::Ok)
            .map(|row| row.total_ms)
            .collect();
        exact.sort_unstable();
        let found = lines.first().unwrap().whole.total_ms;
        assert_eq!(found.is_some(), !exact.is_empty());
        if let Some(Percentiles { p50, p95, p99 }) = found {
            for (percent, found) in [(50, p50), (95, p95), (99, p99)] {
                let right = exact[(exact.len() * percent).div_ceil(100).max(1) - 1];
                assert!(found.abs_diff(right) * 60 <= right, "p{percent}: {found} for {right}");
            }
        }
    }
    // The same money as everywhere else.
    let tiles = journal.tiles(Days::only(today)).unwrap();
    let naive: i64 = rows.iter().filter(|row| local(row) == today).filter_map(|row| row.cost).map(Usd::nanos).sum();
    assert_eq!(tiles.spent.nanos(), naive);
    assert_eq!(tiles.spent, journal.summary(today).unwrap().total_cost_usd);
    assert_eq!(tiles.saved, journal.savings(Days::only(today)).unwrap().saved_usd);
    let stats = journal.stats(Days::default()).unwrap();
    assert_eq!(stats.iter().map(|one| one.totals.attempts).sum::<u64>(), rows.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn every_panel_says_what_the_rows_say(
        mut rows in proptest::collection::vec(any_attempt(), 1..300),
        cuts in proptest::collection::vec(1_usize..200, 1..6),
        zone in prop_oneof![Just("UTC"), Just("Asia/Seoul"), Just("America/New_York")],
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let (_dir, mut journal) = journal(zone.clone());
        for (seed, row) in rows.iter_mut().enumerate() {
            row.request = request(seed as u64);
        }
        let mut left = rows.as_slice();
        for cut in cuts {
            let (batch, rest) = left.split_at(cut.min(left.len()));
            journal.append_all(batch).unwrap();
            // What came out of a spool comes again.
            prop_assert_eq!(journal.append_all(batch).unwrap(), 0);
            left = rest;
        }
        journal.append_all(left).unwrap();
        agree(&journal, &rows, &zone);
        let steps = journal.db.transaction().unwrap();
        crate::journal::hours::catch_up(&steps).unwrap();
        steps.commit().unwrap();
        agree(&journal, &rows, &zone);
    }
}

#[test]
fn rows_are_summed_a_few_hundred_at_a_time_and_never_twice() {
    let (_dir, mut journal) = journal(TimeZone::UTC);
    let count = |journal: &Journal| -> (i64, i64) {
        let summed = journal.db.query_row("SELECT row FROM summed", [], |row| row.get(0)).unwrap();
        let rows = journal.db.query_row("SELECT coalesce(sum(attempts), 0) FROM hours", [], |row| row.get(0)).unwrap();
        (summed, rows)
    };
    for seed in 1..=300 {
        journal.append(&attempt(seed, 30)).unwrap();
        let (summed, rows) = count(&journal);
        assert_eq!(summed, rows, "{seed}");
        assert_eq!(summed, i64::try_from(seed / 256 * 256).unwrap(), "{seed}");
    }
    let series = journal.series(Window::hours(2, now()), Split::Model).unwrap();
    assert_eq!(series.whole.total.attempts, 300);
    assert_eq!(series.whole.total.cost, Usd::from_nanos(300 * 2_000_000));
}

#[test]
fn the_last_requests_are_told_once_with_what_all_of_their_attempts_cost() {
    let (_dir, mut journal) = journal(TimeZone::UTC);
    let first = Attempt {
        model: "claude-opus".into(),
        provider: "anthropic".into(),
        tier: Tier::One,
        outcome: Outcome::Failed,
        error: Some("overloaded".into()),
        session: Some("한글-세션".into()),
        ..attempt(1, 3)
    };
    let second = Attempt { number: 2, fallback: true, session: first.session.clone(), ..attempt(1, 2) };
    let unknown = Attempt { cost: None, session: None, ..attempt(2, 1) };
    journal.append_all(&[first, second, unknown, attempt(3, 50)]).unwrap();
    let last = journal.recent(2).unwrap();
    assert_eq!(last.iter().map(|one| one.cost).collect::<Vec<_>>(), [None, Some(Usd::from_nanos(4_000_000))]);
    let story = &last[1];
    assert_eq!((story.model.as_str(), story.attempts, story.fallback), ("glm-4.7", 2, true));
    assert_eq!((story.outcome.as_str(), story.decision.as_deref()), ("ok", Some("op:implement")));
    assert_eq!((story.prompt_tokens, story.output_tokens), (4000, 500));
    let today = now().to_zoned(TimeZone::UTC).date();
    assert_eq!(journal.recent_of("한글-세션", today).unwrap().as_ref(), Some(story));
    assert_eq!(journal.recent_of("nobody", today).unwrap(), None);
    assert_eq!(journal.recent(100).unwrap().len(), 3);
    let used = journal.sessions_used(Days::only(today), 10).unwrap();
    assert_eq!(used.iter().filter_map(|line| line.value.as_deref()).collect::<Vec<_>>(), ["한글-세션", "auth"]);
}

#[test]
fn the_figures_of_seed_003() {
    let (_dir, mut journal) = journal(TimeZone::UTC);
    let today = now().to_zoned(TimeZone::UTC).date();
    let failed = |seed, number| Attempt {
        number,
        outcome: Outcome::Failed,
        error: Some("timeout".into()),
        cost: Some(Usd::ZERO),
        baseline: Some(Usd::ZERO),
        ..attempt(seed, 20)
    };
    // Two answered, one of them by a stand-in; one that nobody answered; one that the person stopped; one a month ago.
    let claude = Attempt { number: 2, model: "claude-sonnet".into(), total_ms: 4000, ..attempt(2, 19) };
    let stopped = Attempt { outcome: Outcome::Cancelled, ..attempt(4, 18) };
    let before = attempt(5, 5 * 24 * 60);
    journal.append_all(&[attempt(1, 200), failed(2, 1), claude, failed(3, 1), stopped, before]).unwrap();
    journal.feedback_add(&request(1), Opinion::Good, None, now()).unwrap();
    journal.feedback_add(&request(2), Opinion::Plan, None, now()).unwrap();
    let kpis = journal.kpis(today.yesterday().unwrap(), today).unwrap();
    assert_eq!(kpis.availability.map(|share| (share * 1000.0).round()), Some(667.0), "two of three");
    assert_eq!((kpis.totals.requests, kpis.totals.attempts, kpis.totals.errors), (4, 5, 2));
    assert_eq!(kpis.busiest, Some(("2026-01-09T11:00:00Z".parse().unwrap(), 3)));
    assert_eq!((kpis.requests_before, kpis.opinions), (0, (1, 0)));
    assert_eq!(journal.kpis(today, today).unwrap().requests_before, 0);
    assert!(kpis.mean_ms.is_some_and(|mean| mean.abs_diff(2600) < 50), "{:?}", kpis.mean_ms);
    let models: Vec<(&str, u64)> = kpis.models.iter().map(|one| (one.model.as_str(), one.attempts)).collect();
    assert_eq!(models, [("glm-4.7", 4), ("claude-sonnet", 1)]);
    let week = journal.kpis(today.checked_sub(2.days()).unwrap(), today).unwrap();
    assert_eq!(week.requests_before, 1, "the three days before have the fifth");
}

#[test]
fn windows_have_an_end_and_days_of_23_hours() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let spring: Date = "2026-03-08".parse().unwrap();
    let window = Window::between(spring, spring);
    let hours = (window.end(&zone).as_millisecond() - window.starts(&zone)[0].as_millisecond()) / HOUR;
    assert_eq!((window.len(), hours), (1, 23));
    assert_eq!(Window::hours(0, now()).len(), 1);
    assert_eq!(Window::hours(u16::MAX, now()).len(), 744);
    assert_eq!(Window::between("1900-01-01".parse().unwrap(), spring).len(), 3660);
    assert_eq!(Window::hours(2, now()).starts(&zone).last(), Some(&now()));
    assert_eq!(Window::days(3, spring).starts(&zone).len(), 3);
}
