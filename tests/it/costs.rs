//! `moai costs`, `moai stats`, `moai feedback`: real journals, real processes, and journals that cannot be read.

use std::fs;
use std::process::Stdio;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::base::secret::Secret;
use moai::catalog::{Prices, Variant};
use moai::classify::{Classification, Options, classify};
use moai::cost;
use moai::journal::key::Lookup;
use moai::journal::{Attempt, Decided, Outcome, Place, Recorder};
use moai::model::{RequestId, TaskKind, Tier, Usage};
use moai::route::learn;
use serde_json::Value;

use crate::schema::holds;
use crate::scratch::{NOW, Said, Scratch};

pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A world whose journal opens with [`KEY`].
pub(crate) fn world() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_JOURNAL_KEY", KEY);
    scratch
}

fn recorder(scratch: &Scratch) -> Recorder {
    let lookup = Lookup { env: Some(Secret::new(KEY)), ..Lookup::default() };
    Recorder::new(Place::new(scratch.home().join(".moai/journal")), lookup, TimeZone::UTC)
}

fn request(seed: u64, at: Timestamp) -> RequestId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seed.to_be_bytes());
    RequestId::new(at, random)
}

/// An attempt of 1,000 and 500 tokens, priced by the seeds' book.
pub(crate) fn attempt(seed: u64, model: &str, tier: Tier) -> Attempt {
    let prices = Prices::named("spec-model-001").unwrap();
    let usage = Usage::new(1000, 500);
    let amount = cost::price(&usage, model, &prices, now(), Variant::Standard);
    Attempt {
        request: request(seed, now()),
        number: 1,
        at: now(),
        machine: "laptop".into(),
        session: Some("auth-work".into()),
        project: Some("DesignWorkflow".into()),
        worktree: None,
        spec: None,
        agent: None,
        task: None,
        key: None,
        arm: None,
        decided_by: "classifier".into(),
        decision: None,
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

fn ago(attempt: Attempt, days: i64) -> Attempt {
    let at = now() - SignedDuration::from_hours(24 * days);
    Attempt { request: request(u64::try_from(days).unwrap() + 1000, at), at, ..attempt }
}

#[track_caller]
fn record(scratch: &Scratch, attempts: impl IntoIterator<Item = Attempt>) {
    let mut recorder = recorder(scratch);
    for attempt in attempts {
        let went = recorder.record(&attempt, now());
        assert!(went.warning().is_none(), "{went:?}");
    }
}

/// Ten requests as in the acceptance criteria: one plan, nine implementations.
fn ten(scratch: &Scratch) {
    record(scratch, (0..9).map(glm).chain([opus(9)]));
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} in {value:#}"))
}

/// Equal, as far as floats are.
#[track_caller]
fn near(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() < 1e-6, "{what}: {found}, not {wanted}");
}

/// `TokenCostCalculator`'s table of AC-004, in the seeds' own numbers.
#[test]
fn an_estimate_is_the_seeds_table() {
    let scratch = Scratch::new();
    for (model, input, output, expected) in [
        ("claude-opus", "1000", "500", "0.0525"),
        ("claude-opus", "10000", "5000", "0.525"),
        ("glm-4.7", "1000", "500", "0.002"),
        ("glm-4.7", "10000", "5000", "0.02"),
    ] {
        let args = ["costs", "estimate", model, input, output, "--prices", "spec-model-001"];
        let said = scratch.moai(args.into_iter().chain(["--json"])).json();
        assert_eq!(said["cost_usd"].to_string(), expected, "{model}");
        assert_eq!((said["schema"].as_u64(), said["price_book"].as_str()), (Some(1), Some("spec-model-001")));
        let text = scratch.moai(args).ok();
        assert!(text.starts_with(&format!("${expected}  {model}\n")), "{text}");
    }
    let list = scratch.moai(["costs", "estimate", "glm-4.7", "1k", "500", "--cache-read", "1M", "--json"]).json();
    assert_eq!(list["cost_usd"].to_string(), "0.1117");
    assert_eq!(list["price_key"], "zai/glm-4.7");
    assert!(!scratch.home().join(".moai/journal").exists(), "an estimate makes no journal");
}

#[test]
fn an_estimate_without_a_price_is_an_error_and_not_a_zero() {
    let scratch = Scratch::new();
    let said = scratch.moai(["costs", "estimate", "claude-opuss", "1", "1"]).fails(1);
    assert!(said.contains("the price of claude-opuss is unknown") && said.contains("claude-opus"), "{said}");
    let json = scratch.moai(["costs", "estimate", "nobody", "1", "1", "--json"]);
    assert_eq!(json.status, 1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["error"]["code"], "no-price");
    scratch.moai(["costs", "estimate", "glm-4.7", "-5", "1"]).fails(2);
    scratch.moai(["costs", "estimate", "glm-4.7", "many", "1"]).fails(2);
    let said = scratch.moai(["costs", "estimate", "glm-4.7", "1", "1", "--prices", "moon"]).fails(2);
    assert!(said.contains("unknown price book `moon`"), "{said}");
}

#[test]
fn nothing_yet_is_said_kindly_and_makes_no_journal() {
    let scratch = world();
    let today = scratch.moai(["costs"]);
    assert_eq!((today.status, today.stdout.as_str()), (0, "2026-01-09  $0.00 for 0 requests\n"));
    assert!(today.stderr.contains("nothing was recorded today"), "{}", today.stderr);
    let json = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!((json["total_cost_usd"].to_string().as_str(), json["total_requests"].as_u64()), ("0.0", Some(0)));
    near(number(&json, "tier1_percentage") + number(&json, "tier2_percentage"), 100.0, "tiers");
    for report in ["daily", "weekly", "monthly", "sessions"] {
        let said = scratch.moai(["costs", report]);
        assert_eq!((said.status, said.stdout.as_str()), (0, ""), "{report}");
        let json = scratch.moai(["costs", report, "--json"]).json();
        assert_eq!(
            (json["total_requests"].as_u64(), json["lines"].as_array().unwrap().len()),
            (Some(0), 0),
            "{report}"
        );
    }
    assert_eq!(scratch.moai(["stats", "--json"]).json()["requests"], 0);
    assert_eq!(scratch.moai(["costs", "savings", "--json"]).json()["measured"], Value::Null);
    assert!(!scratch.home().join(".moai/journal").exists());
}

#[test]
fn today_has_the_seeds_fields_and_its_parts_sum_up() {
    let scratch = world();
    ten(&scratch);
    let today = scratch.moai(["costs", "today", "--json"]).json();
    for (name, value) in [
        ("date", "\"2026-01-09\""),
        ("total_cost_usd", "0.0705"),
        ("tier1_cost_usd", "0.0525"),
        ("tier2_cost_usd", "0.018"),
        ("tier1_percentage", "74.47"),
        ("tier2_percentage", "25.53"),
        ("total_requests", "10"),
        ("unpriced", "0"),
    ] {
        assert_eq!(today[name].to_string(), value, "{name}");
    }
    for by in ["model", "tier", "kind", "agent", "project", "worktree", "spec", "session", "key", "deployment"] {
        let json = scratch.moai(["costs", "today", "--by", by, "--json"]).json();
        let lines = json["lines"].as_array().unwrap();
        let nanos: f64 = lines.iter().map(|line| (number(line, "cost_usd") * 1e9).round()).sum();
        near(nanos, 70_500_000.0, by);
        let shares: f64 = lines.iter().map(|line| (number(line, "percentage") * 100.0).round()).sum();
        near(shares, 10_000.0, by);
    }
    let text = scratch.moai(["costs"]).ok();
    assert!(
        text.starts_with("2026-01-09  $0.0705 for 10 requests\ntier 1 $0.0525 (74.47 %), tier 2 $0.0180 (25.53 %)\n"),
        "{text}"
    );
    assert!(text.contains("claude-opus") && text.contains("9,000") && text.contains("against Claude alone"), "{text}");
    assert!(scratch.moai(["costs", "today", "--by", "moon"]).fails(2).contains("worktree"));
}

#[test]
fn reports_over_time_add_up_and_a_range_cuts_them() {
    let scratch = world();
    record(&scratch, [ago(opus(0), 0), ago(glm(0), 1), ago(glm(0), 9), ago(opus(0), 40)]);
    let daily = scratch.moai(["costs", "daily", "--json"]).json();
    let starts: Vec<&str> =
        daily["lines"].as_array().unwrap().iter().map(|line| line["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2025-11-30", "2025-12-31", "2026-01-08", "2026-01-09"]);
    assert_eq!(daily["total_cost_usd"].to_string(), "0.109");
    let week = scratch.moai(["costs", "weekly", "--since", "7d", "--json"]).json();
    assert_eq!((week["since"].as_str(), week["lines"].as_array().unwrap().len()), (Some("2026-01-03"), 1));
    assert_eq!(week["lines"][0]["start"], "2026-01-05");
    assert_eq!(week["lines"][0]["tier1_percentage"].to_string(), "96.33");
    let month = scratch.moai(["costs", "monthly", "--by", "model", "--csv"]).ok();
    let mut lines = month.lines();
    assert!(lines.next().unwrap().starts_with("month,model,requests,attempts,cost_usd,unpriced,"), "{month}");
    assert!(lines.any(|line| line.starts_with("2025-12-01,glm-4.7,1,1,0.002,0,")), "{month}");
    let sessions = scratch.moai(["costs", "sessions", "--json"]).json();
    assert_eq!(
        (sessions["lines"][0]["value"].as_str(), sessions["lines"][0]["last_day"].as_str()),
        (Some("auth-work"), Some("2026-01-09"))
    );
    let by_day = scratch.moai(["costs", "--since", "yesterday", "--json"]).json();
    assert_eq!(by_day["lines"].as_array().unwrap().len(), 2);
    assert!(scratch.moai(["costs", "daily", "--since", "soon"]).fails(2).contains("`soon` is no day"));
    assert!(scratch.moai(["costs", "daily", "--since", "today", "--until", "yesterday"]).fails(2).contains("is after"));
}

#[test]
fn the_day_is_the_persons() {
    let mut scratch = world();
    scratch.set_env("TZ", "Asia/Seoul");
    let late = Attempt { at: "2026-01-09T15:30:00Z".parse().unwrap(), ..glm(1) };
    let lookup = Lookup { env: Some(Secret::new(KEY)), ..Lookup::default() };
    let place = Place::new(scratch.home().join(".moai/journal"));
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    assert!(Recorder::new(place, lookup, seoul).record(&late, now()).warning().is_none());
    let daily = scratch.moai(["costs", "daily", "--json"]).json();
    assert_eq!(daily["lines"][0]["start"], "2026-01-10", "half past midnight in Seoul");
    assert_eq!(scratch.moai(["costs", "today", "--json"]).json()["date"], "2026-01-09", "nine in the evening");
}

#[test]
fn odd_names_survive_csv_and_do_not_drive_the_terminal() {
    let scratch = world();
    let odd = "say \"hi\", 한글\n=1+1\u{1b}[31m";
    record(&scratch, [Attempt { worktree: Some(odd.into()), ..glm(1) }]);
    let csv = scratch.moai(["costs", "daily", "--by", "worktree", "--csv"]).ok();
    assert!(csv.contains("\"say \"\"hi\"\", 한글\n=1+1\u{1b}[31m\""), "{csv}");
    let json = scratch.moai(["costs", "daily", "--by", "worktree", "--json"]).json();
    assert_eq!(json["lines"][0]["value"], odd);
    let text = scratch.moai(["costs", "daily", "--by", "worktree"]).ok();
    assert!(text.contains("한글") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_has_no_price_is_counted_beside_the_sums() {
    let scratch = world();
    record(
        &scratch,
        [glm(1), Attempt { cost: None, baseline: None, price_key: None, ..attempt(2, "mystery", Tier::Two) }],
    );
    let today = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!((today["unpriced"].as_u64(), today["total_cost_usd"].to_string().as_str()), (Some(1), "0.002"));
    let text = scratch.moai(["costs"]);
    assert!(text.stderr.contains("1 attempt has no known price"), "{}", text.stderr);
    let savings = scratch.moai(["costs", "savings", "--json"]).json();
    assert_eq!(savings["measured"]["left_out"], 1);
}

#[test]
fn savings_are_against_claude_alone() {
    let scratch = world();
    ten(&scratch);
    let savings = scratch.moai(["costs", "savings", "--prices", "spec-model-001", "--json"]).json();
    let measured = &savings["measured"];
    // Ten requests on claude-opus alone would have been 0.525.
    assert_eq!(measured["baseline_usd"].to_string(), "0.525");
    assert_eq!(
        (measured["saved_usd"].to_string(), measured["saved_percent"].to_string()),
        ("0.4545".into(), "86.57".into())
    );
    let modes = savings["estimate"]["modes"].as_array().unwrap();
    assert_eq!(
        modes.iter().map(|mode| mode["mode"].as_str().unwrap()).collect::<Vec<_>>(),
        ["claude-only", "mashup", "glm-only"]
    );
    // 10,000 and 5,000 tokens: 0.105 on Sonnet; 5 % of that and 95 % of GLM's 0.02.
    let costs: Vec<String> = modes.iter().map(|mode| mode["cost_usd"].to_string()).collect();
    assert_eq!(costs, ["0.105", "0.02425", "0.02"]);
    let text = scratch.moai(["costs", "savings"]).ok();
    assert!(text.starts_with("$0.4545 saved against Claude alone (86.57 %), over 10 attempts"), "{text}");
}

#[test]
fn a_bill_is_compared_per_day_and_model() {
    let scratch = world();
    ten(&scratch);
    let bill = "date,model,input_tokens,output_tokens,cost_usd\n2026-01-09,glm-4.7,9000,4500,0.0180\n2026-01-09,claude-opus-4-5,1000,500,0.0550\n";
    scratch.write("bill.csv", bill);
    let json = scratch.moai(["costs", "reconcile", "bill.csv", "--json"]).json();
    assert_eq!(json["agreement_percent"].to_string(), "96.58");
    let lines = json["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["percent"], 100.0);
    let text = scratch.moai(["costs", "reconcile", "bill.csv"]).ok();
    assert!(text.contains("zai/glm-4.7") && text.contains("100.00 %") && text.contains("total"), "{text}");
    scratch.moai(["costs", "reconcile", "bill.csv", "--require", "95"]).ok();
    assert!(scratch.moai(["costs", "reconcile", "bill.csv", "--require", "99"]).fails(1).contains("96.58 %"));
    scratch.write("odd.csv", "when,what\n1,2\n");
    assert!(scratch.moai(["costs", "reconcile", "odd.csv"]).fails(1).contains("the bill has no day"));
    let report = r#"{"data":[{"starting_at":"2026-01-09T00:00:00Z","results":[{"amount":"5.25","currency":"USD","model":"claude-opus-4-5-20251101"}]}]}"#;
    scratch.write("report.json", report);
    let json = scratch.moai(["costs", "reconcile", "report.json", "--json"]).json();
    assert_eq!(json["lines"][0]["model"], "anthropic/claude-opus-4-5");
    assert_eq!(json["lines"][0]["percent"], 100.0, "5.25 cents");
    assert!(scratch.moai(["costs", "reconcile", "none.csv"]).fails(1).contains("there is no file none.csv"));
}

#[test]
fn stats_have_times_errors_and_fallbacks() {
    let scratch = world();
    let failed = Attempt { outcome: Outcome::Failed, error: Some("overloaded".into()), ..opus(100) };
    let instead = Attempt { number: 2, fallback: true, request: request(100, now()), ..glm(100) };
    record(&scratch, (1..=99).map(|seed| Attempt { total_ms: seed * 10, ..glm(seed) }).chain([failed, instead]));
    let stats = scratch.moai(["stats", "--json"]).json();
    assert_eq!((stats["requests"].as_u64(), stats["attempts"].as_u64()), (Some(100), Some(101)));
    let glm = &stats["models"][0];
    assert_eq!((glm["model"].as_str(), glm["fallback_rate"].to_string().as_str()), (Some("glm-4.7"), "0.01"));
    for (name, expected) in [("p50", 510.0), ("p95", 960.0), ("p99", 1000.0)] {
        let value = number(&glm["total_ms"], name);
        assert!((value - expected).abs() < expected * 0.04, "{name}: {value}");
    }
    assert_eq!(stats["models"][1]["error_rate"], 1.0);
    let text = scratch.moai(["stats"]).ok();
    assert!(text.contains("100.00 %") && text.contains("100 requests in 101 attempts"), "{text}");
    assert_eq!(scratch.moai(["stats", "--since", "2026-01-10", "--json"]).json()["requests"], 0);
    assert!(scratch.moai(["stats", "--csv"]).ok().starts_with("model,error_rate,"));
}

#[test]
fn a_budget_shows_in_the_report_and_a_wrong_one_is_named() {
    let mut scratch = world();
    ten(&scratch);
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "0.08");
    let today = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!(
        (today["budget"]["level"].as_str(), today["budget"]["limit_usd"].to_string().as_str()),
        (Some("near"), "0.08")
    );
    for _ in 0..2 {
        let text = scratch.moai(["costs"]);
        assert!(
            text.stderr.contains("88 % of today's budget is spent"),
            "a report says it every time: {}",
            text.stderr
        );
    }
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "plenty");
    let said = scratch.moai(["costs"]).fails(3);
    assert!(said.contains("MODEL_ROUTER_DAILY_BUDGET_USD"), "{said}");
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "");
    scratch.write_home(".moai/config.toml", "[budget]\ndaily_usd = 0.07\n[prices]\nbook = \"spec-model-001\"\n");
    assert_eq!(scratch.moai(["costs", "today", "--json"]).json()["budget"]["level"], "over");
    let estimate = scratch.moai(["costs", "estimate", "glm-4.7", "1000", "500", "--json"]).json();
    assert_eq!(
        (estimate["price_book"].as_str(), estimate["cost_usd"].to_string().as_str()),
        (Some("spec-model-001"), "0.002")
    );
    scratch.moai(["costs", "estimate", "claude-opus-5-5", "1", "1", "--prices", "list"]).ok();
}

#[test]
fn a_journal_that_cannot_be_read_is_named_and_left_alone() {
    let mut scratch = world();
    ten(&scratch);
    let path = scratch.home().join(".moai/journal/journal.db");
    scratch.set_env("MOAI_JOURNAL_KEY", &"ff".repeat(32));
    let said = scratch.moai(["costs"]).fails(3);
    assert!(said.contains("does not open the journal") && said.contains("MOAI_JOURNAL_KEY"), "{said}");
    scratch.set_env("MOAI_JOURNAL_KEY", "short");
    assert!(scratch.moai(["stats"]).fails(3).contains("64 hexadecimal digits"));
    scratch.set_env("MOAI_JOURNAL_KEY", "");
    assert!(scratch.moai(["costs", "daily", "--json"]).status == 3, "the key is not there at all");
    scratch.set_env("MOAI_JOURNAL_KEY", KEY);

    let whole = fs::read(&path).unwrap();
    let damaged: Vec<u8> =
        whole.iter().enumerate().map(|(at, byte)| if at % 64 == 7 { byte ^ 0xff } else { *byte }).collect();
    fs::write(&path, &damaged).unwrap();
    for name in ["journal.db-wal", "journal.db-shm"] {
        drop(fs::remove_file(path.with_file_name(name)));
    }
    let said = scratch.moai(["costs", "savings"]).fails(1);
    assert!(said.contains("is damaged") && said.contains("journal.db.damaged"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), damaged, "nothing was overwritten");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let said = scratch.moai(["costs"]).fails(1);
    assert!(said.contains("journal.db"), "{said}");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, whole).unwrap();
    assert_eq!(scratch.moai(["costs", "--json"]).json()["total_requests"], 10);
}

#[test]
fn without_a_keyring_the_wish_for_one_is_an_error_with_a_way_out() {
    let mut scratch = Scratch::repository();
    scratch.write_home(".moai/config.toml", "[keys]\nkeyring = true\n");
    scratch.set_env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    // A journal that begins without its key: the directory is there, and the spool has a row of an earlier run.
    let mut recorder = recorder(&scratch);
    assert!(recorder.record(&glm(1), now()).warning().is_none());
    drop(recorder);
    fs::remove_file(scratch.home().join(".moai/journal/key.json")).unwrap();
    let said = scratch.moai(["costs"]).fails(3);
    assert!(said.contains("journal's key") && said.contains("MOAI_JOURNAL_KEY"), "{said}");
    assert!(!scratch.home().join(".moai/journal/journal.key").exists(), "no other key was made");
    scratch.set_env("MOAI_JOURNAL_KEY", KEY);
    assert_eq!(scratch.moai(["costs", "--json"]).json()["total_requests"], 1);
}

#[test]
fn readers_and_a_writer_at_once() {
    let scratch = world();
    ten(&scratch);
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = scratch.moai_command(["costs", "daily", "--by", "model", "--json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    record(&scratch, (100..140).map(glm));
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json["total_requests"].as_u64().unwrap() >= 10);
    }
    assert_eq!(scratch.moai(["costs", "--json"]).json()["total_requests"], 50);
}

// --- feedback -------------------------------------------------------------------------------------------------------

fn see(text: &str) -> Classification {
    classify(text, Options::default())
}

/// Remembers a decision on a prompt, as `moai route` does.
fn decide(scratch: &Scratch, seed: u64, text: &str) -> RequestId {
    let id = request(seed, now());
    let found = see(text);
    let decided = Decided {
        request: id.clone(),
        at: now(),
        fingerprint: learn::fingerprint(text),
        tier: found.tier,
        evidence: learn::names(&found),
        score: Some(learn::own_score(&found)),
    };
    recorder(scratch).journal(now()).unwrap().decisions_put(&[decided]).unwrap();
    id
}

fn feedback(scratch: &Scratch, args: &[&str]) -> Said {
    scratch.moai(["feedback"].into_iter().chain(args.iter().copied()))
}

#[test]
fn an_opinion_is_kept_learned_from_and_taken_back() {
    let scratch = world();
    let id = decide(&scratch, 1, "Fix the Zanzibar login");
    let said = feedback(&scratch, &["last", "plan"]);
    assert!(said.stderr.contains("the same prompt goes to tier 1 (plan)"), "{said:?}");
    assert_eq!(said.ok(), format!("noted: {} is plan\n", id.as_str()));
    let export = feedback(&scratch, &["export", "--json"]).json();
    assert_eq!(export["feedback"][0]["request_id"], id.as_str());
    assert_eq!(export["feedback"][0]["lesson"]["fingerprint"], learn::fingerprint("fix the  zanzibar LOGIN"));
    assert_eq!(export["learned"]["prompts"], 1);
    assert!(!export.to_string().to_lowercase().contains("zanzibar"), "no text of the prompt");
    let undone = feedback(&scratch, &["undo", "--json"]).json();
    assert_eq!(undone["undone"]["opinion"], "plan");
    assert_eq!(feedback(&scratch, &["export", "--json"]).json()["learned"]["prompts"], 0);
    assert!(feedback(&scratch, &["undo"]).fails(1).contains("no opinion to take back"));
    assert!(feedback(&scratch, &["export"]).ok().contains(&format!(",{},plan,2026-01-09T12:00:00Z,", id.as_str())));
}

#[test]
fn a_request_is_found_by_the_beginning_of_its_id() {
    let scratch = world();
    let (one, two) = (decide(&scratch, 1, "Fix a"), decide(&scratch, 2, "Fix b"));
    let said = feedback(&scratch, &[&one.as_str()[..13], "good"]).fails(1);
    assert!(said.contains("several") && said.contains(two.as_str()), "{said}");
    let json = feedback(&scratch, &[two.as_str(), "good", "--json"]).json();
    assert_eq!((json["learned"].as_bool(), json["tier"].as_u64()), (Some(true), Some(2)));
    assert_eq!(feedback(&scratch, &[two.as_str(), "bad", "--json"]).json()["learned"], false);
    for wrong in ["ffffffff", "한글", "%"] {
        assert!(feedback(&scratch, &[wrong, "good"]).fails(1).contains("there is no request"), "{wrong}");
    }
    feedback(&scratch, &["last", "lovely"]).fails(2);
    feedback(&scratch, &["last"]).fails(2);
    // A request whose decision was not kept is still judged.
    record(&scratch, [glm(77)]);
    let said = feedback(&scratch, &[request(77, now()).as_str(), "plan"]);
    assert!(said.stderr.contains("no longer kept"), "{said:?}");
}

#[test]
fn decisions_are_forgotten_after_a_month() {
    let scratch = world();
    let old = decide(&scratch, 1, "Fix a");
    let later = now() + SignedDuration::from_hours(24 * 31);
    let decided = Decided {
        request: request(2, later),
        at: later,
        fingerprint: "x".into(),
        tier: Tier::Two,
        evidence: Vec::new(),
        score: None,
    };
    let mut recorder = recorder(&scratch);
    let journal = recorder.journal(later).unwrap();
    journal.decisions_put(&[decided]).unwrap();
    assert_eq!(journal.decision(&old).unwrap(), None);
    assert_eq!(journal.decision_last().unwrap().unwrap().request, request(2, later));
}

#[test]
fn a_correction_holds_at_once_for_the_same_prompt() {
    let scratch = world();
    let tier = |text: &str| {
        let json = scratch.moai(["route", "--dry-run", "--json", text]).json();
        (json["tier"].as_u64().unwrap(), json["basis"].as_str().unwrap().to_owned())
    };
    scratch.moai(["route", "--model", "sim", "Fix the login bug"]).ok();
    assert_eq!(tier("Fix the login bug"), (2, "text".into()));
    feedback(&scratch, &["last", "plan"]).ok();
    assert_eq!(tier("fix  the LOGIN bug"), (1, "feedback".into()));
    assert_eq!(tier("Fix the logout bug").0, 2, "one correction says nothing of others");
    feedback(&scratch, &["undo"]).ok();
    assert_eq!(tier("Fix the login bug"), (2, "text".into()));
}

#[test]
fn a_budget_warns_once_for_each_step_and_goes_on() {
    let mut scratch = world();
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "0.10");
    record(&scratch, (0..3).map(glm).chain([opus(10)]));
    let route = || {
        let said = scratch.moai(["route", "--model", "sim", "안녕"]);
        assert_eq!(said.status, 0, "{said:?}");
        said.stderr.contains("of today's budget is spent")
    };
    assert!(!route(), "58 %");
    record(&scratch, (20..35).map(glm));
    assert!(route(), "88 %");
    assert!(!route(), "said once");
    record(&scratch, [opus(40)]);
    assert!(route(), "141 %");
    assert!(!route());
}

#[test]
fn documents_hold_to_their_schemas() {
    let mut scratch = world();
    let check = |scratch: &Scratch| {
        holds("costs-today", &scratch.moai(["costs", "--json"]).json());
        for report in ["daily", "weekly", "monthly", "sessions"] {
            holds("costs-report", &scratch.moai(["costs", report, "--json"]).json());
        }
        holds("costs-report", &scratch.moai(["costs", "daily", "--by", "agent", "--since", "7d", "--json"]).json());
        holds("stats", &scratch.moai(["stats", "--json"]).json());
        holds("costs-savings", &scratch.moai(["costs", "savings", "--json"]).json());
        holds("costs-estimate", &scratch.moai(["costs", "estimate", "glm-4.7", "1000", "500", "--json"]).json());
        for args in [
            &["show", "--json"][..],
            &["show", "glm-4.7", "--json"],
            &["diff", "spec-model-001", "--json"],
            &["set", "glm-9", "1", "2", "--json"],
            &["diff", "--json"],
            &["unset", "glm-9", "--json"],
            &["update", "--built-in", "--json"],
        ] {
            holds("prices", &scratch.moai([&["prices"][..], args].concat()).json());
        }
    };
    check(&scratch);
    ten(&scratch);
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "1");
    check(&scratch);
    scratch.write("bill.csv", "date,model,cost_usd\n2026-01-09,glm-4.7,0.5\n2026-01-08,gpt-5,1\n");
    holds("costs-reconcile", &scratch.moai(["costs", "reconcile", "bill.csv", "--json"]).json());
}
