//! The journal under load, as ratios within one run: `cargo bench --bench journal` (a million rows; `-- 100000` for
//! fewer). It fails when a promise is broken: reports from the sums below 20 ms and far below a count of the rows, every
//! panel below 50 ms, and 1,000 rows from 8 processes without one lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking and prints its figures"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::base::secret::Secret;
use moai::catalog::Variant;
use moai::journal::key::{Lookup, Source, find};
use moai::journal::panels::{Split, Window};
use moai::journal::{Attempt, By, Days, Journal, Outcome, Period, Place, Recorder};
use moai::model::{RequestId, TaskKind, Tier, Usage, Usd};

const PROCESSES: u64 = 8;
const ROWS_EACH: u64 = 125;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["worker", dir, worker] => write_rows(Path::new(dir), worker.parse().unwrap()),
        [] => bench(1_000_000),
        [rows] => bench(rows.parse().expect("a number of rows")),
        _ => println!("usage: cargo bench --bench journal [-- ROWS]"),
    }
}

fn lookup() -> Lookup {
    Lookup { env: Some(Secret::new("5a".repeat(32))), ..Lookup::default() }
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn open(dir: &Path) -> Journal {
    let place = Place::new(dir);
    let (key, from) = find(dir, &lookup()).unwrap();
    assert_eq!(from, Source::Env);
    Journal::open(&place, &key, from, TimeZone::UTC, start()).unwrap()
}

/// Row `number` of a year of `all` rows: six models, forty worktrees, eight agents, sessions of fifty rows.
fn attempt(number: u64, all: u64) -> Attempt {
    let year = 365 * 24 * 3600 * 1000;
    let at = start() + SignedDuration::from_millis(i64::try_from(year * number / all).unwrap());
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    // A multiplicative hash: the same rows in every run, spread over the values.
    let spread =
        |values: u64, salt: u64| (number.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % values;
    let (model, tier) = [
        ("glm-4.7", Tier::Two),
        ("glm-4.7", Tier::Two),
        ("glm-5.3", Tier::Two),
        ("claude-opus", Tier::One),
        ("claude-sonnet", Tier::One),
        ("gemini-2.5-pro", Tier::Two),
        ("qwen2.5-coder", Tier::Two),
    ][usize::try_from(spread(7, 1)).unwrap()];
    let usage = Usage { cache_read: spread(90_000, 2), ..Usage::new(spread(4000, 3), spread(2000, 4)) };
    Attempt {
        request: RequestId::new(at, random),
        number: 1,
        at,
        machine: "laptop".into(),
        session: Some(format!("session-{}", number / 50)),
        project: Some(format!("project-{}", spread(5, 5))),
        worktree: Some(format!("SPEC-{:03}", spread(40, 6))),
        spec: Some(format!("SPEC-{:03}", spread(40, 6))),
        agent: Some(format!("agent-{}", spread(8, 7))),
        task: None,
        key: None,
        arm: None,
        decided_by: "classifier".into(),
        decision: None,
        model_asked: None,
        model: model.into(),
        model_id: model.into(),
        provider: "zai".into(),
        deployment: None,
        tier,
        kind: Some(TaskKind::Coding),
        confidence: Some(0.9),
        usage: Some(usage),
        estimated: false,
        variant: Variant::Standard,
        cost: Some(Usd::from_nanos(i64::try_from(usage.total() * 600).unwrap())),
        baseline: Some(Usd::from_nanos(i64::try_from(usage.total() * 5000).unwrap())),
        book: "list".into(),
        book_version: "2026-11-20".into(),
        price_key: Some("zai/glm-4.7".into()),
        first_ms: Some(spread(3000, 8)),
        total_ms: spread(30_000, 9),
        outcome: if spread(50, 10) == 0 { Outcome::Failed } else { Outcome::Ok },
        error: None,
        fallback: spread(40, 11) == 0,
        retries: 0,
    }
}

fn write_rows(dir: &Path, worker: u64) {
    let mut recorder = Recorder::new(Place::new(dir), lookup(), TimeZone::UTC);
    for row in 0..ROWS_EACH {
        let went = recorder.record(&attempt(worker * ROWS_EACH + row, PROCESSES * ROWS_EACH), start());
        assert!(went.warning().is_none(), "{went:?}");
    }
}

/// The CPU time of this thread where the system counts it, else the time of the clock: other people's work on the
/// machine is not ours.
fn busy() -> Duration {
    static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = counted.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// The median of nine, in [`busy`] time.
fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let begun = busy();
            work();
            busy().saturating_sub(begun)
        })
        .collect();
    times.sort();
    times[4]
}

fn bench(rows: u64) {
    let scratch = tempfile::tempdir().unwrap();
    processes(&scratch.path().join("many"));
    let dir = scratch.path().join("year");
    let mut journal = open(&dir);
    let begun = busy();
    for batch in 0..rows.div_ceil(5000) {
        let batch: Vec<Attempt> =
            (batch * 5000..rows.min((batch + 1) * 5000)).map(|number| attempt(number, rows)).collect();
        journal.append_all(&batch).unwrap();
    }
    println!(
        "{rows} rows written in batches of 5,000: {:.1?} a row",
        busy().saturating_sub(begun) / u32::try_from(rows).unwrap()
    );
    let size = std::fs::metadata(dir.join("journal.db")).unwrap().len();
    println!("size: {} bytes a row", size / rows);
    singles(&mut journal, rows);
    drop(journal);
    reports(&dir, rows);
    panels(&dir, rows);
}

/// What a dashboard, `moai top` and the metrics ask, with the journal open as they have it, against a count of the rows.
fn panels(dir: &Path, rows: u64) {
    let journal = open(dir);
    let today = jiff::civil::date(2026, 12, 31);
    let now: Timestamp = "2026-12-31T23:59:00Z".parse().unwrap();
    let count = median(|| assert!(journal.rows().unwrap() >= rows));
    let late = std::cell::RefCell::new(Vec::new());
    let panel = |name: &str, ask: &dyn Fn() -> usize| {
        assert!(ask() > 0, "{name}");
        let time = median(|| assert!(ask() > 0));
        println!("panel {name}: {time:.1?}, 1/{:.0} of the count", count.as_secs_f64() / time.as_secs_f64());
        if time >= Duration::from_millis(50) {
            late.borrow_mut().push(format!("{name}: {time:.1?}"));
        }
    };
    let (day, month, year) = (Window::hours(24, now), Window::hours(31 * 24, now), Window::days(366, today));
    panel("tiles of today", &|| usize::try_from(journal.tiles(Days::only(today)).unwrap().totals.attempts).unwrap());
    panel("tiles of the year", &|| usize::try_from(journal.tiles(Days::default()).unwrap().totals.attempts).unwrap());
    for (name, window) in [("24 hours", day), ("31 days by hour", month), ("a year by day", year)] {
        panel(&format!("series by model, {name}"), &|| journal.series(window, Split::Model).unwrap().lines.len());
        panel(&format!("response times, {name}"), &|| journal.times(window).unwrap().1.len());
        panel(&format!("health of the providers, {name}"), &|| journal.health(window).unwrap().1.len());
    }
    panel("series by provider, 31 days by hour", &|| journal.series(month, Split::Provider).unwrap().lines.len());
    panel("the last 50 requests", &|| journal.recent(50).unwrap().len());
    panel("the last conversations of 30 days", &|| {
        let days = Days { since: today.checked_sub(jiff::Span::new().days(29)).ok(), until: None };
        journal.sessions_used(days, 20).unwrap().len()
    });
    panel("statistics of the year", &|| journal.stats(Days::default()).unwrap().len());
    panel("figures of a month", &|| journal.kpis(today.first_of_month(), today).unwrap().models.len());
    assert!(late.borrow().is_empty(), "50 ms or more: {}", late.borrow().join(", "));
}

fn singles(journal: &mut Journal, rows: u64) {
    let mut number = rows;
    let one = median(|| {
        for _ in 0..20 {
            number += 1;
            assert!(journal.append(&attempt(number, rows)).unwrap());
        }
    }) / 20;
    println!("one row in a transaction of its own: {one:.1?}");
}

fn reports(dir: &Path, rows: u64) {
    let everything = Days::default();
    let month = Days { since: Some(jiff::civil::date(2026, 12, 1)), until: None };
    let count = median(|| assert!(open(dir).rows().unwrap() >= rows));
    println!("open and count the rows one by one: {count:.1?}");
    let report = |name: &str, period, by, days| {
        let time = median(|| assert!(!open(dir).report(period, by, days).unwrap().is_empty()));
        println!("open and {name}: {time:.1?}, 1/{:.0} of the count", count.as_secs_f64() / time.as_secs_f64());
        time
    };
    let daily = report("costs daily, the whole year", Period::Day, None, everything);
    report("costs daily by tier, the whole year", Period::Day, Some(By::Tier), everything);
    report("costs daily by model, the whole year", Period::Day, Some(By::Model), everything);
    report("costs monthly by agent, the whole year", Period::Month, Some(By::Agent), everything);
    report("costs daily by worktree, one month", Period::Day, Some(By::Worktree), month);
    report("costs today", Period::Day, Some(By::Tier), Days::only(jiff::civil::date(2026, 12, 30)));
    let stats = median(|| assert!(!open(dir).stats(month).unwrap().is_empty()));
    println!("open and stats, one month: {stats:.1?}");
    assert!(daily < Duration::from_millis(20), "costs daily took {daily:?}");
    assert!(rows < 1_000_000 || daily * 3 < count, "the sums save nothing: {daily:?} against {count:?}");
}

fn processes(dir: &Path) {
    drop(open(dir));
    let begun = Instant::now();
    let workers: Vec<_> = (0..PROCESSES)
        .map(|worker| {
            let me = std::env::current_exe().unwrap();
            Command::new(me).args(["worker", dir.to_str().unwrap(), &worker.to_string()]).spawn().unwrap()
        })
        .collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let took = begun.elapsed();
    let journal = open(dir);
    assert_eq!((journal.rows().unwrap(), journal.totals(Days::default()).unwrap().attempts), (1000, 1000));
    println!("1,000 rows from {PROCESSES} processes: {took:.1?}, none lost");
}
