//! What people look at: `moai report`, `moai costs report`, `moai top`, `moai statusline`: real journals and processes,
//! a real terminal, a real browser's page; every figure that of `moai costs`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::base::secret::Secret;
use moai::catalog::Variant;
use moai::journal::key::Lookup;
use moai::journal::{Attempt, Outcome, Place, Recorder};
use moai::model::{RequestId, TaskKind, Tier, Usage, Usd};
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{NOW, Scratch};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const SESSION: &str = "b1f1c5f6-0000-4000-8000-000000000001";

/// A world whose journal has a story: yesterday a good day, today a provider that fails and a stand-in.
fn world() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_JOURNAL_KEY", KEY);
    let lookup = Lookup { env: Some(Secret::new(KEY)), ..Lookup::default() };
    let mut recorder = Recorder::new(Place::new(scratch.home().join(".moai/journal")), lookup, TimeZone::UTC);
    let now: Timestamp = NOW.parse().unwrap();
    let mut rows = Vec::new();
    for seed in 0..40 {
        let at = now - SignedDuration::from_mins(i64::try_from(seed).unwrap() * 60 + 5);
        rows.push(attempt(seed, at));
    }
    let failed = Attempt {
        outcome: Outcome::Failed,
        error: Some("overloaded".into()),
        cost: Some(Usd::ZERO),
        baseline: Some(Usd::ZERO),
        usage: None,
        model: "claude-opus".into(),
        provider: "anthropic".into(),
        tier: Tier::One,
        ..attempt(102, now - SignedDuration::from_mins(2))
    };
    let instead = Attempt { number: 2, fallback: true, at: now - SignedDuration::from_mins(1), ..attempt(102, now) };
    let unpriced = Attempt {
        cost: None,
        baseline: None,
        model: "<b>모델&</b>".into(),
        agent: Some("\"><script>alert(1)</script>".into()),
        session: Some("다른-대화".into()),
        ..attempt(101, now - SignedDuration::from_mins(3))
    };
    rows.extend([failed, instead, unpriced]);
    let went = recorder.record_all(&rows, now);
    assert!(went.warning().is_none(), "{went:?}");
    scratch
}

fn attempt(seed: u64, at: Timestamp) -> Attempt {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seed.to_be_bytes());
    let opus = seed.is_multiple_of(4);
    Attempt {
        request: RequestId::new(NOW.parse().unwrap(), random),
        number: 1,
        at,
        machine: "laptop".into(),
        session: Some(SESSION.into()),
        project: Some("설계".into()),
        worktree: None,
        spec: None,
        agent: Some(if opus { "planner".into() } else { "coder".into() }),
        task: None,
        key: None,
        decided_by: "classifier".into(),
        decision: Some("op:implement".into()),
        model_asked: None,
        model: if opus { "claude-opus".into() } else { "glm-4.7".into() },
        model_id: "id".into(),
        provider: if opus { "anthropic".into() } else { "zai".into() },
        deployment: None,
        tier: if opus { Tier::One } else { Tier::Two },
        kind: Some(TaskKind::Coding),
        confidence: Some(0.9),
        usage: Some(Usage { cache_read: 3000, ..Usage::new(1000, 500) }),
        estimated: false,
        variant: Variant::Standard,
        cost: Some(Usd::from_nanos(if opus { 10_000_001 } else { 2_000_003 })),
        baseline: Some(Usd::from_nanos(10_000_001)),
        book: "list".into(),
        book_version: "1".into(),
        price_key: None,
        first_ms: Some(400 + seed),
        total_ms: 1000 + seed * 10,
        outcome: Outcome::Ok,
        error: None,
        fallback: false,
        retries: 0,
        arm: None,
    }
}

/// A month to look at with one's own eyes: `MOAI_LOOK_AT=/tmp/look cargo test --test it -- a_home_to_look_at --ignored`,
/// then `HOME=/tmp/look MOAI_JOURNAL_KEY=0011… MOAI_NOW=2026-01-09T12:00:00Z moai top`.
#[test]
#[ignore = "it writes where it is told to"]
fn a_home_to_look_at() {
    let home = std::env::var("MOAI_LOOK_AT").unwrap();
    let lookup = Lookup { env: Some(Secret::new(KEY)), ..Lookup::default() };
    let place = Place::new(Path::new(&home).join(".moai/journal"));
    let mut recorder = Recorder::new(place, lookup, TimeZone::UTC);
    let now: Timestamp = NOW.parse().unwrap();
    let mut rows = Vec::new();
    for seed in 0..4000_u64 {
        let spread = |values: u64, salt: u64| ((seed + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % values;
        let at = now - SignedDuration::from_mins(i64::try_from(seed * 11 + spread(60, 1)).unwrap());
        let day = seed / 130;
        let models = [
            ("glm-4.7", "zai", Tier::Two),
            ("glm-5.3", "zai", Tier::Two),
            ("claude-opus", "anthropic", Tier::One),
            ("claude-sonnet", "anthropic", Tier::One),
            ("ollama/qwen2.5-coder:32b", "ollama", Tier::Two),
        ];
        let (model, provider, tier) = models[usize::try_from(spread(9, 2) % 5).unwrap()];
        let usage = Usage { cache_read: spread(90_000, 3), ..Usage::new(spread(4000, 4), spread(2000, 5)) };
        let nanos = |each: u64| Some(Usd::from_nanos(i64::try_from(usage.total() * each).unwrap()));
        let down = provider == "zai" && matches!(day, 0 | 7) && spread(3, 6) > 0;
        let failed = down || spread(60, 7) == 0;
        rows.push(Attempt {
            model: model.into(),
            provider: provider.into(),
            tier,
            cost: if failed {
                Some(Usd::ZERO)
            } else {
                nanos(match (tier, provider) {
                    (Tier::One, _) => 900,
                    (_, "ollama") => 0,
                    _ => 120,
                })
            },
            baseline: if failed { Some(Usd::ZERO) } else { nanos(1000) },
            usage: Some(usage).filter(|_| !failed),
            outcome: if failed { Outcome::Failed } else { Outcome::Ok },
            error: failed.then(|| if down { "overloaded".into() } else { "timeout".into() }),
            fallback: !failed && spread(25, 8) == 0,
            first_ms: Some(200 + spread(1500, 9)),
            total_ms: 800 + spread(4000, 10) * (1 + spread(6, 11)),
            agent: Some(
                ["planner", "coder", "reviewer", "테스트-에이전트"][usize::try_from(spread(4, 12)).unwrap()].into(),
            ),
            project: Some(["설계-워크플로", "shop", "moai"][usize::try_from(spread(3, 13)).unwrap()].into()),
            session: Some(format!(
                "{}-{}",
                ["로그인-기능", "auth", "결제"][usize::try_from(spread(3, 14)).unwrap()],
                seed / 40
            )),
            ..attempt(seed, at)
        });
    }
    assert!(recorder.record_all(&rows, now).warning().is_none());
}

#[test]
fn the_daily_report_has_the_names_of_seed_003_and_the_sums_of_the_costs() {
    let scratch = world();
    for day in ["2026-01-09", "2026-01-08"] {
        let report = scratch.moai(["report", "daily", day, "--json"]).json();
        holds("report-daily", &report);
        let costs = scratch.moai(["costs", "daily", "--since", day, "--until", day, "--json"]).json();
        assert_eq!(report["total_cost"], costs["total_cost_usd"], "{day}");
        assert_eq!(report["total_requests"], costs["total_requests"], "{day}");
        let shares = report["model_distribution"].as_object().unwrap().values();
        let sum: f64 = shares.map(|share| share.as_f64().unwrap()).sum();
        assert!((sum - 100.0).abs() < 1e-9, "{report}");
    }
    let today = scratch.moai(["report", "daily", "--json"]).json();
    assert_eq!(today["date"], "2026-01-09");
    assert_eq!(today["cost_tracking"]["\"><script>alert(1)</script>"], Value::Null, "what is unknown is not 0");
    assert!(today["average_response_time"].as_f64().is_some_and(|mean| (1.0..2.0).contains(&mean)), "{today}");
    let said = scratch.moai(["report", "daily"]).ok();
    for word in ["2026-01-09", "claude-opus", "glm-4.7", "coder", "answered", "against Claude alone"] {
        assert!(said.contains(word), "no {word} in\n{said}");
    }
    assert!(scratch.moai(["report", "daily", "sometime"]).fails(2).contains("is no day"));
}

#[test]
fn the_figures_of_seed_003_with_their_targets() {
    let scratch = world();
    let kpis = scratch.moai(["report", "kpi", "--json"]).json();
    holds("report-kpi", &kpis);
    let figure = |name: &str| {
        let all = kpis["kpis"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {kpis:#}")).clone()
    };
    assert_eq!((kpis["requests"].as_u64(), kpis["attempts"].as_u64()), (Some(42), Some(43)));
    assert_eq!(figure("uptime")["value"].as_f64(), Some(100.0), "somebody answered every request");
    assert_eq!(figure("uptime")["met"], true);
    assert_eq!(figure("error_rate")["met"], false, "and yet an attempt failed");
    assert_eq!(figure("model_diversity")["value"].as_f64(), Some(3.0));
    assert_eq!(figure("throughput")["met"], Value::Null);
    assert_eq!(figure("user_satisfaction")["value"], Value::Null);
    let savings = scratch.moai(["costs", "savings", "--json"]).json();
    assert_eq!(figure("cost_reduction")["value"], savings["measured"]["saved_percent"]);
    let said = scratch.moai(["report", "kpi"]).ok();
    assert!(said.contains("availability") && said.contains("> 99.9 %") && said.contains("met"), "{said}");
    let empty = Scratch::repository();
    let none = empty.moai(["report", "kpi", "--json"]).json();
    holds("report-kpi", &none);
    assert_eq!(none["kpis"], json!([]));
    assert!(!empty.home().join(".moai/journal").exists(), "a report makes no journal");
}

/// The tags of a page are closed in the order in which they were opened.
fn well_formed(page: &str) {
    let mut open = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {part}"));
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.starts_with('!') || tag.ends_with('/') || ["meta", "br"].contains(&name.as_str()) {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "in {page}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

#[test]
fn the_page_of_the_costs_is_one_file_that_fetches_nothing() {
    let scratch = world();
    let answer = scratch.moai(["costs", "report", "--html", "costs.html", "--json"]).json();
    holds("costs-page", &answer);
    let page = scratch.read("costs.html");
    assert_eq!(answer["bytes"].as_u64(), Some(page.len() as u64));
    well_formed(&page);
    for forbidden in ["http:", "https:", "<script", "<link", "src=", "@import", "url(", "<b>모델"] {
        assert!(!page.contains(forbidden), "{forbidden} is in the page");
    }
    assert!(page.contains("&lt;b&gt;모델&amp;&lt;/b&gt;") && page.contains("default-src 'none'"));
    let costs = scratch.moai(["costs", "daily", "--since", "30d", "--json"]).json();
    assert_eq!(answer["total_cost_usd"], costs["total_cost_usd"]);
    let spent = costs["total_cost_usd"].as_f64().unwrap();
    assert!(page.contains(&format!("${spent:.4} + ?")), "the sum says that something is not in it");
    assert!(page.contains("Response time") && page.contains("<html lang=\"en\">"));

    let said = scratch.moai(["costs", "report", "--html", "비용.html", "--lang", "ko"]);
    assert_eq!(said.status, 0, "{said:?}");
    let korean = scratch.read("비용.html");
    well_formed(&korean);
    assert!(korean.contains("<html lang=\"ko\">") && korean.contains("응답 시간") && !korean.contains("Response time"));

    let svg = scratch.moai(["costs", "report", "--svg", "-"]).ok();
    well_formed(&svg);
    assert!(svg.starts_with("<svg") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("glm-4.7"));
    assert!(scratch.moai(["costs", "report", "--svg", "x.svg", "--since", "2y"]).status == 2);
    assert!(scratch.moai(["costs", "report", "--svg", "x.svg", "--since", "2024-01-01"]).fails(2).contains("366"));
    assert!(Scratch::repository().moai(["costs", "report", "--html", "x.html"]).fails(1).contains("nothing"));
}

#[test]
fn top_tells_once_where_there_is_no_terminal() {
    let scratch = world();
    let text = scratch.moai(["top"]).ok();
    for word in ["moai top", "spent today", "saved", "overloaded", "zai", "다른-대화", "stood in", "requests, 24 h"]
    {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    let document = scratch.moai(["top", "--json"]).json();
    holds("top", &document);
    let costs = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!(document["today"]["spent_usd"], costs["total_cost_usd"]);
    assert_eq!(document["requests"], costs["total_requests"]);
    assert_eq!(document["recent"][0]["fallback"], true);
    let empty = Scratch::repository();
    assert!(empty.moai(["top"]).ok().contains("nothing was recorded yet"));
    holds("top", &empty.moai(["top", "--json"]).json());
    assert!(!empty.home().join(".moai/journal").exists());
}

/// `moai top` in a terminal of 60 columns, made by `script`, until it has drawn; then this key.
fn in_a_terminal(scratch: &Scratch, key: &[u8]) -> String {
    let moai = env!("CARGO_BIN_EXE_moai");
    let mut child = scratch
        .command("script")
        .args(["-qefc", &format!("stty rows 24 cols 60; stty -g > before; '{moai}' top; stty -g > after"), "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    // It has drawn everything when the last list is there.
    while !String::from_utf8_lossy(&seen).contains("conversation") {
        let read = out.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    child.stdin.as_mut().unwrap().write_all(key).unwrap();
    out.read_to_end(&mut seen).unwrap();
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn top_gives_the_terminal_back() {
    let scratch = world();
    for key in [b"q".as_slice(), b"\x03"] {
        let seen = in_a_terminal(&scratch, key);
        assert!(seen.contains("\u{1b}[?1049h"), "it has a screen of its own");
        let (_, after) = seen.rsplit_once("\u{1b}[?1049l").expect("and gives it back");
        assert!(after.contains("\u{1b}[?25h"), "the cursor, too");
        assert_eq!(scratch.read("before"), scratch.read("after"), "and the modes of the terminal");
    }
}

fn told(session: &str) -> String {
    json!({
        "hook_event_name": "Status",
        "session_id": session,
        "model": { "id": "claude-opus-5-5", "display_name": "Opus 5.5" },
        "workspace": { "current_dir": "/", "project_dir": "/" },
        "cost": { "total_cost_usd": 0.1234 },
    })
    .to_string()
}

#[test]
fn the_status_line_says_who_really_answers_and_what_today_has_cost() {
    let mut scratch = world();
    let line = scratch.moai_stdin(&told(SESSION), ["statusline"]).ok();
    let costs = scratch.moai(["costs", "today", "--json"]).json();
    let spent = format!("${:.4} + ? today", costs["total_cost_usd"].as_f64().unwrap());
    assert!(line.starts_with("glm-4.7 (stood in) · ") && line.contains(&spent), "{line}");
    assert_eq!(line.lines().count(), 1);
    assert!(!line.contains("this session"), "Claude Code's own figure is wrong here");

    let other = scratch.moai_stdin(&told("unknown"), ["statusline"]).ok();
    assert!(other.starts_with("Opus 5.5 · ") && other.contains("$0.12 this session"), "{other}");

    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "0.01");
    let over = scratch.moai_stdin(&told(SESSION), ["statusline"]).ok();
    assert!(over.contains("budget spent") && !over.contains('\u{1b}'), "{over}");
    let red = scratch.moai_stdin(&told(SESSION), ["--color", "always", "statusline"]).ok();
    assert!(red.contains('\u{1b}'), "{red}");
    let document = scratch.moai_stdin(&told(SESSION), ["statusline", "--json"]).json();
    holds("statusline", &document);
    assert_eq!((document["model"].as_str(), document["stood_in"].as_bool()), (Some("glm-4.7"), Some(true)));
}

#[test]
fn the_status_line_never_complains() {
    let empty = Scratch::repository();
    for input in ["", "{", "null", "[1]", r#"{"model":7,"session_id":{},"cost":"x"}"#, &told(SESSION)] {
        let said = empty.moai_stdin(input, ["statusline"]);
        assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{input}: {said:?}");
        assert_eq!(said.stdout.lines().count(), 1, "{input}: {said:?}");
    }
    assert!(!empty.home().join(".moai/journal").exists());
    // A journal that does not open, and a configuration that does not parse.
    let mut broken = world();
    broken.set_env("MOAI_JOURNAL_KEY", &"22".repeat(32));
    broken.write_home(".moai/config.toml", "[[[");
    let said = broken.moai_stdin(&told(SESSION), ["statusline"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(said.stdout.starts_with("Opus 5.5"), "{said:?}");
}

#[test]
fn the_status_line_is_put_into_the_settings_and_taken_out_to_the_byte() {
    let scratch = Scratch::repository();
    let settings = scratch.home().join(".claude/settings.json");
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    // Where there was no file there is none again.
    let dry = scratch.moai(["statusline", "install", "--dry-run", "--json"]).json();
    assert_eq!((dry["changed"].as_bool(), settings.exists()), (Some(false), false));
    let done = scratch.moai(["statusline", "install", "--json"]).json();
    holds("statusline-install", &done);
    assert_eq!((&done["installed"], &done["changed"]), (&json!(true), &json!(true)));
    let set: Value = serde_json::from_str(&read(&settings)).unwrap();
    assert_eq!(set["statusLine"]["type"], "command");
    assert!(set["statusLine"]["command"].as_str().unwrap().ends_with(" statusline"), "{set}");
    assert_eq!(scratch.moai(["statusline", "install", "--json"]).json()["changed"], false);
    scratch.moai(["statusline", "uninstall"]).ok();
    assert!(!settings.exists());

    let mine = "{\n\t\"model\": \"opus\",\n  \"statusLine\" : {\"type\":\"command\",\"command\":\"mine.sh\"}\n}";
    scratch.write_home(".claude/settings.json", mine);
    assert!(scratch.moai(["statusline", "install"]).fails(1).contains("another status line"));
    assert_eq!(read(&settings), mine);
    scratch.moai(["statusline", "install", "--replace"]).ok();
    assert!(!read(&settings).contains("mine.sh"));
    scratch.moai(["statusline", "uninstall", "--dry-run"]).ok();
    assert!(!read(&settings).contains("mine.sh"));
    scratch.moai(["statusline", "uninstall"]).ok();
    assert_eq!(read(&settings), mine);
    assert_eq!(scratch.moai(["statusline", "uninstall", "--json"]).json()["changed"], false);

    // A file that does not parse is never written.
    scratch.write_home(".claude/settings.json", "{ // mine\n}");
    assert_eq!(scratch.moai(["statusline", "install"]).status, 3);
    assert_eq!(read(&settings), "{ // mine\n}");
}
