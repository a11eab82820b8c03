//! The journal with real files, real processes and real trouble: many writers, killed writers, a full disk, wrong
//! keys, damaged files, and a search for anything readable in what lies on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use moai::base::failure::{Explain as _, Kind};
use moai::base::secret::Secret;
use moai::catalog::{Prices, Variant};
use moai::cost;
use moai::journal::key::{self, Lookup, Source};
use moai::journal::{
    Answer, Attempt, By, Days, Journal, JournalError, JournalKey, Message, Opinion, Outcome, Period, Place, Recorded,
    Recorder, reconcile,
};
use moai::model::{RequestId, TaskKind, Tier, Usage, Usd};

use crate::scratch::mode;

const NOW: &str = "2026-01-09T12:00:00Z";
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn with_key(text: &str) -> Lookup {
    Lookup { env: Some(Secret::new(text)), ..Lookup::default() }
}

fn open_with(place: &Place, text: &str) -> Result<Journal, JournalError> {
    let (key, from) = key::find(&place.dir, &with_key(text))?;
    Journal::open(place, &key, from, TimeZone::UTC, now())
}

fn open(place: &Place) -> Journal {
    open_with(place, KEY).unwrap()
}

fn request(seed: u64) -> RequestId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seed.to_be_bytes());
    RequestId::new(now(), random)
}

/// An attempt that is amount by the seeds' book.
fn attempt(seed: u64, model: &str, tier: Tier) -> Attempt {
    let prices = Prices::named("spec-model-001").unwrap();
    let usage = Usage::new(1000, 500);
    let amount = cost::price(&usage, model, &prices, now(), Variant::Standard);
    Attempt {
        request: request(seed),
        number: 1,
        at: now(),
        machine: "laptop".into(),
        session: Some("auth-work".into()),
        project: Some("DesignWorkflow".into()),
        worktree: Some("SPEC-AUTH-001".into()),
        spec: Some("SPEC-AUTH-001".into()),
        agent: None,
        task: None,
        key: None,
        arm: None,
        decided_by: "classifier".into(),
        decision: Some("implement: 구현".into()),
        model_asked: None,
        model: model.into(),
        model_id: model.into(),
        provider: if tier == Tier::One { "anthropic".into() } else { "zai".into() },
        deployment: None,
        tier,
        kind: Some(TaskKind::Coding),
        confidence: Some(0.93),
        usage: Some(usage),
        estimated: false,
        variant: Variant::Standard,
        cost: amount.usd,
        baseline: cost::baseline(&usage, model, cost::BASELINE_MODEL, &prices, now()),
        book: amount.book,
        book_version: amount.version,
        price_key: amount.key,
        first_ms: Some(400),
        total_ms: 1200,
        outcome: Outcome::Ok,
        error: None,
        fallback: false,
        retries: 0,
    }
}

fn opus(seed: u64) -> Attempt {
    attempt(seed, "claude-opus", Tier::One)
}

fn glm(seed: u64) -> Attempt {
    attempt(seed, "glm-4.7", Tier::Two)
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("moai-journal-").tempdir().unwrap())
    }
    fn place(&self) -> Place {
        Place::new(self.0.path().join("journal"))
    }
}

#[test]
fn a_row_comes_back_in_every_report() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    assert!(journal.append(&opus(1)).unwrap());
    assert!(journal.append(&glm(2)).unwrap());
    assert!(!journal.append(&glm(2)).unwrap(), "the same attempt is written once");
    let day = Days::only("2026-01-09".parse().unwrap());
    let totals = journal.totals(day).unwrap();
    assert_eq!((totals.requests, totals.cost), (2, usd("0.0545")));
    assert_eq!(totals.usage, Usage::new(2000, 1000));
    for (by, values) in [
        (By::Model, ["claude-opus", "glm-4.7"].as_slice()),
        (By::Tier, &["1", "2"]),
        (By::Kind, &["coding"]),
        (By::Project, &["DesignWorkflow"]),
        (By::Worktree, &["SPEC-AUTH-001"]),
        (By::Spec, &["SPEC-AUTH-001"]),
        (By::Session, &["auth-work"]),
    ] {
        let lines = journal.report(Period::Day, Some(by), day).unwrap();
        let mut found: Vec<&str> = lines.iter().map(|line| line.value.as_deref().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, values, "{by}");
        let sum: Usd = lines.iter().map(|line| line.totals.cost).sum();
        assert_eq!(sum, totals.cost, "every split sums to the whole: {by}");
    }
    let agents = journal.report(Period::Day, Some(By::Agent), day).unwrap();
    assert_eq!((agents[0].value.as_deref(), agents[0].totals.requests), (None, 2));
}

#[test]
#[expect(clippy::float_cmp, reason = "exactly 100 is the promise")]
fn the_seeds_daily_summary_of_ten_requests() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    let mut rows: Vec<Attempt> = (0..9).map(glm).collect();
    rows.push(opus(9));
    assert_eq!(journal.append_all(&rows).unwrap(), 10);
    let summary = journal.summary("2026-01-09".parse().unwrap()).unwrap();
    assert_eq!(summary.total_requests, 10);
    assert_eq!((summary.tier1_cost_usd, summary.tier2_cost_usd), (usd("0.0525"), usd("0.018")));
    assert_eq!(summary.total_cost_usd, usd("0.0705"));
    assert_eq!(summary.tier1_percentage + summary.tier2_percentage, 100.0);
    let breakdown = journal.report(Period::Day, Some(By::Model), Days::only(summary.date)).unwrap();
    let sum: Usd = breakdown.iter().map(|line| line.totals.cost).sum();
    assert_eq!(sum, summary.total_cost_usd, "the breakdown's sum is the summary's");
    assert_eq!(journal.summary("2026-01-10".parse().unwrap()).unwrap().tier2_percentage, 100.0);
}

#[test]
fn days_are_local_and_periods_add_up() {
    let dir = Dir::new();
    let (key, from) = key::find(&dir.place().dir, &with_key(KEY)).unwrap();
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let mut journal = Journal::open(&dir.place(), &key, from, seoul, now()).unwrap();
    for (seed, at) in ["2026-01-09T14:59:59Z", "2026-01-09T15:00:00Z", "2026-01-12T00:00:00Z", "2026-02-01T00:00:00Z"]
        .into_iter()
        .enumerate()
    {
        journal.append(&Attempt { at: at.parse().unwrap(), ..glm(seed as u64) }).unwrap();
    }
    let starts = |period| -> Vec<String> {
        let lines = journal.report(period, None, Days::default()).unwrap();
        lines.iter().map(|line| format!("{} {}", line.start, line.totals.requests)).collect()
    };
    assert_eq!(starts(Period::Day), ["2026-01-09 1", "2026-01-10 1", "2026-01-12 1", "2026-02-01 1"]);
    assert_eq!(starts(Period::Week), ["2026-01-05 2", "2026-01-12 1", "2026-01-26 1"]);
    assert_eq!(starts(Period::Month), ["2026-01-01 3", "2026-02-01 1"]);
    let some = Days { since: Some("2026-01-10".parse().unwrap()), until: Some("2026-01-31".parse().unwrap()) };
    assert_eq!(journal.totals(some).unwrap().requests, 2);
}

#[test]
fn unknown_is_counted_and_never_zero() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    journal.append(&Attempt { cost: None, baseline: None, price_key: None, ..glm(1) }).unwrap();
    journal.append(&Attempt { usage: None, cost: None, baseline: None, outcome: Outcome::Cut, ..glm(2) }).unwrap();
    journal.append(&glm(3)).unwrap();
    let totals = journal.totals(Days::default()).unwrap();
    assert_eq!((totals.unpriced, totals.unmetered, totals.uncompared, totals.errors), (2, 1, 2, 1));
    assert_eq!(journal.spent("2026-01-09".parse().unwrap()).unwrap(), (usd("0.002"), 2));
    let savings = journal.savings(Days::default()).unwrap();
    assert_eq!((savings.attempts, savings.left_out), (1, 2));
    assert_eq!((savings.saved_usd, savings.saved_percent), (usd("0.0505"), Some(96.19)));
}

#[test]
fn response_times_errors_and_fallbacks_by_model() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    let rows: Vec<Attempt> =
        (1..=100).map(|seed| Attempt { total_ms: seed * 10, first_ms: Some(seed), ..glm(seed) }).collect();
    journal.append_all(&rows).unwrap();
    let failed =
        Attempt { outcome: Outcome::Failed, error: Some("overloaded".into()), cost: Some(Usd::ZERO), ..opus(500) };
    let instead = Attempt { request: failed.request.clone(), number: 2, fallback: true, ..glm(500) };
    journal.append_all(&[failed, instead]).unwrap();
    let stats = journal.stats(Days::default()).unwrap();
    let glm = &stats[0];
    assert_eq!((glm.model.as_str(), glm.totals.attempts, glm.totals.requests), ("glm-4.7", 101, 100));
    let (first, total) = (glm.first_ms.unwrap(), glm.total_ms.unwrap());
    assert_eq!(first.p50, 51);
    for (found, exact) in [(total.p50, 510), (total.p95, 950), (total.p99, 990)] {
        assert!(u64::abs_diff(found, exact) * 50 <= exact, "{found} for {exact}");
    }
    assert!(glm.fallback_rate > 0.0 && glm.error_rate < 0.001);
    assert!(stats[1].error_rate > 0.999 && stats[1].total_ms.is_none());
}

#[test]
fn a_bill_is_compared_day_by_day() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    journal.append_all(&[opus(1), glm(2), glm(3)]).unwrap();
    let bill = "date,model,input_tokens,output_tokens,cost_usd
2026-01-09,claude-opus-4-5-20251101,1000,500,0.05
2026-01-09,GLM-4.7,2000,1000,0.004
";
    let lines = reconcile::reconcile(&journal, bill, &Prices::named("spec-model-001").unwrap()).unwrap();
    let seen: Vec<(Option<&str>, Option<f64>)> =
        lines.iter().map(|line| (line.model.as_deref(), line.percent)).collect();
    assert_eq!(
        seen,
        [(Some("anthropic/claude-opus"), Some(95.0)), (Some("zai/glm-4.7"), Some(100.0)), (None, Some(95.37))]
    );
    assert_eq!(lines[2].journal.tokens, 4500);
}

#[test]
fn nothing_on_the_disk_can_be_read_without_the_key() {
    let dir = Dir::new();
    let place = dir.place();
    let lookup = Lookup::default();
    let (key, from) = key::find(&place.dir, &lookup).unwrap();
    let mut journal = Journal::open(&place, &key, from, TimeZone::UTC, now()).unwrap();
    journal.append_all(&(0..50).map(glm).collect::<Vec<_>>()).unwrap();
    let message =
        Message { role: "user".into(), content: "비밀 설계 the secret plan".into(), model: None, at: now() };
    journal.session_add(&"auth-work".parse().unwrap(), Some("DesignWorkflow"), &[message], now()).unwrap();
    journal
        .answer_put(
            "question",
            &Answer { model: "glm-4.7".into(), content: "an answer".into(), usage: None, at: now() },
        )
        .unwrap();
    let words = [
        "glm-4.7",
        "DesignWorkflow",
        "SPEC-AUTH",
        "classifier",
        "laptop",
        "CREATE TABLE",
        "SQLite format",
        "secret plan",
        "비밀",
        "an answer",
    ];
    let mut files = 0;
    for (path, bytes) in files_of(&place.dir) {
        files += 1;
        for word in words {
            assert!(!contains(&bytes, word.as_bytes()), "{} shows {word}", path.display());
        }
        if path.extension().is_some_and(|extension| extension != "lock") {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert!(files >= 4, "database, WAL, key and note");
    assert_eq!(mode(&place.dir), 0o700);
}

#[test]
fn a_key_from_the_environment_is_in_no_file() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    journal.append(&glm(1)).unwrap();
    let raw: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&KEY[at * 2..at * 2 + 2], 16).unwrap()).collect();
    for (path, bytes) in files_of(&dir.place().dir) {
        assert!(!contains(&bytes, KEY.as_bytes()) && !contains(&bytes, &raw), "{}", path.display());
    }
}

#[test]
fn a_wrong_key_is_told_and_changes_nothing() {
    let dir = Dir::new();
    let place = dir.place();
    open(&place).append(&glm(1)).unwrap();
    let before = files_of(&place.dir);
    let error = open_with(&place, &"42".repeat(32)).unwrap_err();
    assert!(matches!(error, JournalError::WrongKey { from: Source::Env, .. }), "{error:?}");
    assert_eq!((error.kind(), error.code()), (Kind::Config, Some("journal-wrong-key")));
    assert_eq!(files_of(&place.dir), before);
    // Also without the note that would have told.
    fs::remove_file(place.dir.join("key.json")).unwrap();
    let key = JournalKey::parse(&Secret::new("42".repeat(32)), Source::Env).unwrap();
    let error = Journal::open(&place, &key, Source::Env, TimeZone::UTC, now()).unwrap_err();
    assert!(matches!(error, JournalError::WrongKey { .. }), "{error:?}");
    // The wrong key is not noted as the right one, which still opens it and is noted then.
    open_with(&place, &"42".repeat(32)).unwrap_err();
    assert!(!place.dir.join("key.json").exists());
    assert_eq!(open_with(&place, KEY).unwrap().rows().unwrap(), 1);
    assert!(place.dir.join("key.json").exists());
    fs::remove_file(place.dir.join("journal.db")).unwrap();
}

#[test]
fn a_damaged_file_is_refused_with_advice_and_left_alone() {
    let dir = Dir::new();
    let place = dir.place();
    open(&place).append_all(&(0..200).map(glm).collect::<Vec<_>>()).unwrap();
    let path = place.database();
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let error = open_with(&place, KEY).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
    assert!(error.hints().iter().any(|hint| hint.contains("mv ")), "{:?}", error.hints());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    // A page in the middle: it opens, and the check finds it.
    bytes[200] ^= 0xff;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    assert!(open(&place).check().is_err());
    bytes[middle] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    open(&place).check().unwrap();
}

#[test]
fn somebody_elses_database_is_not_touched() {
    let dir = Dir::new();
    let place = dir.place();
    fs::create_dir_all(&place.dir).unwrap();
    fs::write(place.database(), [b"SQLite format 3\0".as_slice(), &[7; 4080]].concat()).unwrap();
    let before = fs::read(place.database()).unwrap();
    let error = open_with(&place, KEY).unwrap_err();
    assert!(matches!(error, JournalError::Foreign(_)), "{error:?}");
    assert_eq!(fs::read(place.database()).unwrap(), before);
}

#[test]
fn conversations_are_kept_for_a_day_and_then_gone() {
    let dir = Dir::new();
    let place = dir.place();
    let (key, from) = key::find(&place.dir, &with_key(KEY)).unwrap();
    let open_at = |at: Timestamp| Journal::open(&place, &key, from, TimeZone::UTC, at).unwrap();
    let id = "auth-work".parse().unwrap();
    let said = |content: &str, model: Option<&str>| Message {
        role: if model.is_some() { "assistant".into() } else { "user".into() },
        content: content.into(),
        model: model.map(Into::into),
        at: now(),
    };
    let mut journal = open_at(now());
    journal
        .session_add(&id, Some("p"), &[said("설계해줘", None), said("JWT로 합니다", Some("claude-opus"))], now())
        .unwrap();
    journal.session_add(&id, None, &[said("구현해줘", None)], now()).unwrap();
    assert!(journal.session_state(&id, Some("decided: JWT")).unwrap());
    let session = journal.session(&id).unwrap().unwrap();
    assert_eq!(
        session.messages.iter().map(|one| one.content.as_str()).collect::<Vec<_>>(),
        ["설계해줘", "JWT로 합니다", "구현해줘"]
    );
    assert_eq!((session.head.model.as_deref(), session.head.project.as_deref()), (Some("claude-opus"), Some("p")));
    assert_eq!(session.state.as_deref(), Some("decided: JWT"));
    drop(journal);
    let almost = now().checked_add(86_399.seconds()).unwrap();
    assert_eq!(open_at(almost).sessions().unwrap()[0].messages, 3);
    let after = now().checked_add(24.hours()).unwrap();
    let mut journal = open_at(after);
    assert!(journal.sessions().unwrap().is_empty());
    assert_eq!(journal.session(&id).unwrap(), None);
    journal.session_add(&id, None, &[said("again", None)], after).unwrap();
    assert_eq!(journal.session(&id).unwrap().unwrap().messages.len(), 1, "its old messages went with it");
    assert!(journal.session_clear(&id).unwrap() && !journal.session_clear(&id).unwrap());
}

#[test]
fn answers_are_found_by_exactly_their_question() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    let answer = |content: &str, at: Timestamp| Answer {
        model: "glm-4.7".into(),
        content: content.into(),
        usage: Some(Usage::new(1, 2)),
        at,
    };
    journal.answer_put("q", &answer("old", now())).unwrap();
    journal.answer_put("q", &answer("new", now())).unwrap();
    assert_eq!(journal.answer("q").unwrap(), Some(answer("new", now())));
    assert_eq!(journal.answer("q ").unwrap(), None);
    for number in 0..510 {
        journal
            .answer_put(&format!("q{number}"), &answer("x", now().checked_add((number + 1).seconds()).unwrap()))
            .unwrap();
    }
    assert_eq!(journal.answer("q").unwrap(), None, "the oldest went");
    assert!(journal.answer("q509").unwrap().is_some() && journal.answer("q10").unwrap().is_some());
}

#[test]
fn opinions_are_kept_and_taken_back() {
    let dir = Dir::new();
    let mut journal = open(&dir.place());
    journal.append(&glm(1)).unwrap();
    let found = journal.requests_like(&request(1).as_str()[..20]).unwrap();
    assert_eq!(found, [request(1)]);
    journal.feedback_add(&request(1), Opinion::Plan, Some("{\"why\":\"설계\"}"), now()).unwrap();
    journal.feedback_add(&request(1), Opinion::Bad, None, now()).unwrap();
    assert_eq!(journal.feedback_undo(now()).unwrap().unwrap().opinion, Opinion::Bad);
    assert_eq!(journal.feedback_undo(now()).unwrap().unwrap().opinion, Opinion::Plan);
    assert_eq!(journal.feedback_undo(now()).unwrap(), None);
    assert!(journal.feedback().unwrap().iter().all(|one| one.undone.is_some()));
}

// --- many processes -------------------------------------------------------------------------------------------------

/// What a child process of these tests does: writes rows until it has written them, or is killed. It runs only when a
/// parent asks for it.
#[test]
#[ignore = "a child of the tests below"]
fn worker() {
    let Ok(dir) = std::env::var("MOAI_TEST_JOURNAL") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (worker, rows) = (number("MOAI_TEST_WORKER"), number("MOAI_TEST_ROWS"));
    let mut recorder = Recorder::new(Place::new(dir), with_key(KEY), TimeZone::UTC);
    for row in 0..rows {
        let seed = worker * 1_000_000 + row;
        let went = recorder.record(&if row % 10 == 0 { opus(seed) } else { glm(seed) }, now());
        assert!(went.warning().is_none(), "{went:?}");
    }
}

fn spawn_worker(place: &Place, worker: u64, rows: u64) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "journal::worker", "--quiet"])
        .env("MOAI_TEST_JOURNAL", &place.dir)
        .env("MOAI_TEST_WORKER", worker.to_string())
        .env("MOAI_TEST_ROWS", rows.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn a_thousand_rows_from_eight_processes_and_none_lost() {
    let dir = Dir::new();
    let place = dir.place();
    let workers: Vec<_> = (0..8).map(|worker| spawn_worker(&place, worker, 125)).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let journal = open(&place);
    let totals = journal.totals(Days::default()).unwrap();
    assert_eq!((totals.requests, totals.attempts), (1000, 1000));
    let expected = (0..8 * 13).map(|_| usd("0.0525")).chain((0..1000 - 8 * 13).map(|_| usd("0.002"))).sum::<Usd>();
    assert_eq!(totals.cost, expected, "the sums lost nothing either");
    assert_eq!(journal.requests_like("").unwrap().len(), 10);
    journal.check().unwrap();
    assert!(!place.dir.join("spool.jsonl").exists());
}

#[test]
fn a_killed_writer_leaves_rows_and_sums_in_step() {
    let dir = Dir::new();
    let place = dir.place();
    drop(open(&place));
    let mut writer = spawn_worker(&place, 1, 1_000_000);
    let reader = open(&place);
    let mut polls = 0;
    while reader.totals(Days::default()).unwrap().attempts < 50 {
        polls += 1;
        assert!(polls < 2_000_000 && writer.try_wait().unwrap().is_none(), "the writer does not write");
    }
    writer.kill().unwrap(); // SIGKILL
    writer.wait().unwrap();
    drop(reader);
    let mut journal = open(&place);
    journal.check().unwrap();
    let totals = journal.totals(Days::default()).unwrap();
    // Its lines are sums of the rows, `totals` of the rollups; the last line is of the vendor that the bill names.
    let bill = "date,model,cost\n2026-01-09,glm-4.7,1\n";
    let lines = reconcile::reconcile(&journal, bill, &Prices::named("spec-model-001").unwrap()).unwrap();
    let (_, models) = lines.split_last().unwrap();
    let rows = models.iter().fold(Usd::ZERO, |sum, line| sum.saturating_add(line.journal.cost_usd));
    assert_eq!(rows, totals.cost, "the rows sum to the sums");
    assert!(journal.append(&glm(7)).unwrap(), "and it goes on");
}

// --- when it cannot be written --------------------------------------------------------------------------------------

#[test]
fn what_cannot_be_written_waits_in_the_spool_and_is_written_once() {
    let dir = Dir::new();
    let place = dir.place();
    open(&place).append(&glm(1)).unwrap();
    let aside = place.dir.join("journal.db.away");
    let database = place.database();
    fs::rename(&database, &aside).unwrap();
    fs::create_dir(&database).unwrap(); // nothing can be opened there
    let mut recorder = Recorder::new(place.clone(), with_key(KEY), TimeZone::UTC);
    for seed in 2..5 {
        let went = recorder.record(&glm(seed), now());
        let Recorded::Spooled { path, .. } = &went else { panic!("{went:?}") };
        assert_eq!(mode(path), 0o600);
        assert!(went.warning().unwrap().0.contains("is written by the next run"));
    }
    let spool = fs::read(place.dir.join("spool.jsonl")).unwrap();
    assert!(!contains(&spool, b"glm") && !contains(&spool, b"DesignWorkflow"), "sealed");
    fs::remove_dir(&database).unwrap();
    fs::rename(&aside, &database).unwrap();
    // A torn line, as a power cut leaves one, blocks nothing and is not thrown away.
    fs::write(place.dir.join("spool.jsonl"), [spool.as_slice(), b"{\"v\":1,\"sea\xed\x95"].concat()).unwrap();
    let mut next = Recorder::new(place.clone(), with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, 4);
    assert_eq!(next.replayed().unwrap(), (3, 1));
    assert!(!place.dir.join("spool.jsonl").exists());
    assert!(fs::read_to_string(place.dir.join("spool.unread.jsonl")).unwrap().starts_with("{\"v\":1,\"sea"));
}

#[test]
fn without_a_key_the_spool_has_no_text_of_prompts() {
    let dir = Dir::new();
    let place = dir.place();
    drop(open(&place));
    let mut recorder = Recorder::new(place.clone(), Lookup::default(), TimeZone::UTC);
    let went = recorder.record(&glm(1), now());
    let Recorded::Spooled { why: JournalError::NoKey { .. }, path } = went else { panic!("{went:?}") };
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains("glm-4.7") && !text.contains("content"), "{text}");
    let mut next = Recorder::new(place, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, 1);
}

#[test]
fn a_spool_that_cannot_be_replayed_does_not_close_the_journal() {
    let dir = Dir::new();
    let place = dir.place();
    open(&place).append(&glm(1)).unwrap();
    fs::create_dir(place.dir.join("spool.jsonl")).unwrap();
    let mut next = Recorder::new(place, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, 1);
    assert!(next.replayed().is_err());
}

#[test]
fn a_spool_line_of_an_older_moai_is_still_read() {
    let dir = Dir::new();
    let place = dir.place();
    drop(open(&place));
    let mut row = serde_json::to_value(glm(1)).unwrap();
    for newer in ["task", "kind", "estimated", "variant"] {
        row.as_object_mut().unwrap().remove(newer).unwrap();
    }
    row["of_the_future"] = 1.into();
    fs::write(place.dir.join("spool.jsonl"), format!("{}\n", serde_json::json!({"v": 1, "row": row}))).unwrap();
    let mut next = Recorder::new(place, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().cost, usd("0.002"));
    assert_eq!(next.replayed().unwrap(), (1, 0));
}

#[test]
fn a_read_only_home_spools_into_the_refuge() {
    let dir = Dir::new();
    let file = dir.0.path().join("a-file");
    fs::write(&file, "not a directory").unwrap();
    let place = Place { dir: file.join("journal"), refuges: vec![dir.0.path().join("refuge")] };
    let mut recorder = Recorder::new(place.clone(), with_key(KEY), TimeZone::UTC);
    let went = recorder.record(&glm(1), now());
    let Recorded::Spooled { path, .. } = went else { panic!("{went:?}") };
    assert_eq!(path, dir.0.path().join("refuge/spool.jsonl"));
    let place = Place { dir: dir.0.path().join("journal"), refuges: place.refuges };
    let mut next = Recorder::new(place, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, 1);
}

#[test]
fn a_refuge_that_somebody_else_has_laid_out_is_passed_over() {
    let dir = Dir::new();
    let file = dir.0.path().join("a-file");
    fs::write(&file, "not a directory").unwrap();
    let trap = dir.0.path().join("trap");
    fs::create_dir(&trap).unwrap();
    std::os::unix::fs::symlink(&trap, dir.0.path().join("first")).unwrap();
    let refuges = vec![dir.0.path().join("first"), dir.0.path().join("second")];
    let place = Place { dir: file.join("journal"), refuges };
    let went = Recorder::new(place.clone(), with_key(KEY), TimeZone::UTC).record(&glm(1), now());
    let Recorded::Spooled { path, .. } = went else { panic!("{went:?}") };
    assert_eq!(path, dir.0.path().join("second/spool.jsonl"));
    fs::rename(&path, trap.join("spool.jsonl")).unwrap();
    let place = Place { dir: dir.0.path().join("journal"), ..place };
    let mut next = Recorder::new(place, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, 0);
}

/// A file system of half a megabyte, in a user namespace of its own where we are not root.
#[test]
fn a_full_disk_spools_and_loses_nothing() {
    let dir = Dir::new();
    let small = dir.0.path().join("small");
    fs::create_dir(&small).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=512k none '{0}' && exec '{1}' --ignored --exact journal::full_disk --quiet",
        small.display(),
        std::env::current_exe().unwrap().display()
    );
    let run = |program: &str, args: &[&str]| {
        Command::new(program).args(args).arg(&script).env("MOAI_TEST_SMALL", &small).output()
    };
    let output = run("unshare", &["--map-root-user", "--mount", "sh", "-c"]);
    let Ok(output) = output else { return }; // no unshare(1) on this system
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && (stderr.contains("unshare") || stderr.contains("mount:")) {
        return; // the system does not let us
    }
    assert!(output.status.success(), "{}{stderr}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
#[ignore = "a child of the test above"]
fn full_disk() {
    let Ok(small) = std::env::var("MOAI_TEST_SMALL") else { return };
    let small = PathBuf::from(small);
    let refuge = tempfile::tempdir().unwrap();
    let place = Place { dir: small.join("journal"), refuges: vec![refuge.path().join("spool")] };
    let mut recorder = Recorder::new(place.clone(), with_key(KEY), TimeZone::UTC);
    let (mut written, mut spooled) = (0, 0);
    for seed in 0..2000 {
        match recorder.record(&Attempt { decision: Some("x".repeat(500)), ..glm(seed) }, now()) {
            Recorded::Written => written += 1,
            Recorded::Spooled { why, .. } => {
                assert_eq!(why.code(), Some("journal-unwritable"), "{why:?}");
                spooled += 1;
            }
            lost @ Recorded::Lost { .. } => panic!("{lost:?}"),
        }
        if spooled == 20 {
            break;
        }
    }
    assert!(written > 0 && spooled == 20, "{written} written, {spooled} spooled");
    drop(recorder);
    // Space again: everything is there, once.
    let roomy = Place { dir: refuge.path().join("journal"), refuges: vec![refuge.path().join("spool")] };
    fs::create_dir_all(&roomy.dir).unwrap();
    for name in ["journal.db", "journal.db-wal", "key.json", "spool.jsonl"] {
        if small.join("journal").join(name).exists() {
            fs::copy(small.join("journal").join(name), roomy.dir.join(name)).unwrap();
        }
    }
    let mut next = Recorder::new(roomy, with_key(KEY), TimeZone::UTC);
    assert_eq!(next.journal(now()).unwrap().totals(Days::default()).unwrap().requests, written + spooled);
}

#[test]
fn a_keyring_that_hangs_is_given_up_in_time() {
    struct Hangs;
    impl key::Ring for Hangs {
        fn read(&self) -> Result<Option<Secret>, String> {
            loop {
                std::thread::park();
            }
        }
        fn write(&self, _: &Secret) -> Result<(), String> {
            Ok(())
        }
    }
    let dir = Dir::new();
    let lookup = Lookup {
        ring: Some(Arc::new(Hangs)),
        prefer_ring: true,
        ring_deadline: std::time::Duration::from_millis(30),
        ..Lookup::default()
    };
    let error = key::find(&dir.place().dir, &lookup).unwrap_err();
    assert!(matches!(&error, JournalError::Keyring(text) if text.contains("30 ms")), "{error:?}");
    assert!(!dir.place().dir.join("journal.key").exists());
}

fn files_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|extension| extension != "db-shm"))
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect();
    found.sort();
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
