//! `moai experiment`: conversations through a real gateway to two vendors, and through `moai route`; the journal counts them.

use std::collections::BTreeMap;

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{KEY, Scratch};
use crate::serve::Served;
use crate::upstream::{Answer, Vendor};

/// A world with a Claude and a GLM on loopback.
struct Town {
    scratch: Scratch,
    claude: Vendor,
    glm: Vendor,
}

impl Town {
    fn new() -> Self {
        let mut scratch = Scratch::repository();
        let (claude, glm) = (Vendor::start(), Vendor::start());
        claude.on("/v1/messages").answer(Answer::said(Dialect::Anthropic, "by claude").using(1000, 500));
        glm.on("/api/anthropic/v1/messages").answer(Answer::said(Dialect::Anthropic, "by glm").using(1000, 500));
        scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
        scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-api-SeCrEt-0123456789");
        scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
        scratch.set_env("ZAI_API_KEY", KEY);
        scratch.set_env("MOAI_JOURNAL_KEY", &"11".repeat(32));
        Self { scratch, claude, glm }
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let document =
            self.scratch.moai(["experiment"].into_iter().chain(args.iter().copied()).chain(["--json"])).json();
        holds("experiment", &document);
        document
    }

    fn start(&self) -> Value {
        self.json(&["start", "cheap", "--tier", "2", "--arm", "glm", "--arm", "claude-sonnet"])
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn conversations_are_split_keep_their_model_and_are_counted() {
    let town = Town::new();
    let served = Served::start(&town.scratch, &[]);
    let ask = |session: &str, more: Value| {
        let mut body = json!({"message": "Fix the login bug", "session_id": session});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = served.post("/api/router/route", &body).is(200).json();
        (word(&told["metadata"]["decided_by"]), word(&told["model_used"]))
    };
    assert_eq!(ask("before", json!({})).0, "classifier");
    let started = town.start();
    assert_eq!(started["experiment"]["arms"][0]["model"], "glm-4.7", "aliases become names");
    let taken_up = (0..100_000).any(|number| ask(&format!("probe-{number}"), json!({})).0 == "experiment");
    assert!(taken_up, "the gateway never took the experiment up");

    let mut models: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..24 {
        let session = format!("conversation-{number}");
        let (by, model) = ask(&session, json!({}));
        assert_eq!(by, "experiment");
        assert_eq!(ask(&session, json!({})).1, model, "{session} keeps its model");
        *models.entry(model).or_default() += 1;
    }
    assert_eq!(models.len(), 2, "{models:?}");
    assert_eq!(ask("conversation-1", json!({"force_model": "claude-opus"})).0, "force");
    // Those of the last half hour may go on, so nothing is counted yet.
    let now = town.json(&["show", "cheap"]);
    assert_eq!(now["arms"][0]["conversations"], 0);
    drop(served);

    let mut later = town.scratch.moai_command(["experiment", "show", "cheap", "--json"]);
    later.env("MOAI_NOW", "2026-01-10T12:00:00Z");
    let shown: Value = serde_json::from_slice(&later.output().unwrap().stdout).unwrap();
    holds("experiment", &shown);
    let counted: u64 = shown["arms"].as_array().unwrap().iter().map(|arm| arm["conversations"].as_u64().unwrap()).sum();
    assert!(counted >= 25, "{shown:#}");
    assert_eq!(shown["winner"], Value::Null);
    let stopped = town.json(&["stop", "cheap"]);
    assert!(stopped["experiment"]["stopped"].is_string());
    let route = town.scratch.moai(["route", "--dry-run", "--json", "Fix the login bug"]).json();
    assert_eq!(route["decided_by"], "classifier");
}

#[test]
fn a_command_on_the_line_takes_part_and_what_is_forced_does_not() {
    let town = Town::new();
    town.start();
    let route = |args: &[&str]| {
        let all = ["route", "--dry-run", "--json"].into_iter().chain(args.iter().copied());
        let told = town.scratch.moai(all).json();
        (word(&told["decided_by"]), told.to_string())
    };
    let (by, told) = route(&["Fix the login bug"]);
    assert!(by == "experiment" && told.contains("the experiment cheap gives this conversation"), "{told}");
    assert_eq!(route(&["--model", "claude-opus", "Fix the login bug"]).0, "force");
    assert_eq!(route(&["/moai:2-run SPEC-1"]).0, "command");
    assert_eq!(route(&["Design the API of the payment service"]).0, "classifier", "the other tier is not split");
}

#[test]
fn what_cannot_be_started_says_why_and_a_broken_file_stops_nothing() {
    let town = Town::new();
    let fails = |status: i32, args: &[&str], why: &str| {
        let said = town.scratch.moai(["experiment"].into_iter().chain(args.iter().copied())).fails(status);
        assert!(said.contains(why), "{args:?}: {said}");
    };
    fails(2, &["start", "a b", "--tier", "2", "--arm", "glm"], "a name is up to 40");
    fails(2, &["start", "one", "--tier", "2", "--arm", "glm"], "two arms or more");
    fails(2, &["start", "twice", "--tier", "2", "--arm", "glm", "--arm", "glm-4.7"], "in it twice");
    fails(2, &["start", "none", "--tier", "2", "--arm", "glm=0", "--arm", "opus"], "with a share of 1");
    fails(3, &["start", "keyless", "--tier", "2", "--arm", "glm", "--arm", "gemini-pro"], "key");
    fails(2, &["start", "said", "--tier", "2", "--arm", "glm", "--arm", "glm+a"], "the prompt a is not given");
    fails(2, &["start", "said", "--tier", "2", "--arm", "glm", "--arm", "opus", "--prompt", "a=x"], "no arm says");
    fails(2, &["start", "said", "--tier", "2", "--arm", "glm", "--arm", "glm+a", "--prompt", "a= "], "between 1 and");
    fails(
        2,
        &["start", "said", "--tier", "2", "--arm", "glm", "--arm", "glm+a", "--prompt", "a=@no"],
        "there is no file",
    );
    fails(
        2,
        &["start", "own", "--tier", "2", "--bandit", "--arm", "glm=2", "--arm", "opus"],
        "finds the shares itself",
    );
    fails(2, &["start", "own", "--tier", "2", "--bandit", "--arm", "glm"], "two arms or more");
    fails(2, &["start", "own", "--tier", "2", "--bandit", "--arm", "glm", "--shadow", "opus"], "cannot be used with");
    fails(2, &["start", "dim", "--tier", "2", "--shadow", "opus"], "--budget");
    fails(2, &["start", "dim", "--tier", "2", "--shadow", "opus", "--budget", "0"], "a budget looks like");
    fails(
        2,
        &["start", "dim", "--tier", "2", "--shadow", "opus", "--budget", "1", "--share", "0"],
        "a share looks like",
    );
    fails(
        2,
        &["start", "dim", "--tier", "2", "--shadow", "opus", "--budget", "1", "--arm", "glm"],
        "cannot be used with",
    );
    fails(3, &["start", "dim", "--tier", "2", "--shadow", "gemini-pro", "--budget", "1"], "key");
    fails(1, &["show", "nothing"], "there is no experiment nothing");
    town.start();
    fails(1, &["start", "cheap", "--tier", "1", "--arm", "glm", "--arm", "opus"], "there is an experiment cheap");
    fails(1, &["start", "next", "--tier", "2", "--arm", "glm", "--arm", "opus"], "splits tier 2 already");
    assert_eq!(town.json(&["list"])["experiments"].as_array().unwrap().len(), 1);
    assert!(town.scratch.moai(["experiment", "list"]).ok().contains("running"));

    town.scratch.write_home(".moai/experiments.json", "[]");
    fails(3, &["list"], "is no list of experiments");
    let said = town.scratch.moai(["route", "--dry-run", "--json", "Fix the login bug"]);
    assert!(said.stderr.contains("no experiment has a say"), "{said:?}");
    assert_eq!(said.json()["decided_by"], "classifier");
}

/// The words that an arm adds; nobody else has them.
const WORDS: &str = "Answer in \"seven\" words.";

/// What the vendor was told as the system prompt, by each request's last words.
fn told(vendor: &Vendor) -> BTreeMap<String, Value> {
    let of = |seen: &crate::upstream::Seen| {
        let body = seen.json();
        let last = body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
        let last = last.as_str().map_or_else(|| word(&last[0]["text"]), str::to_owned);
        (last, body["system"].clone())
    };
    vendor.seen().iter().map(of).collect()
}

#[test]
fn an_arm_adds_to_the_system_prompt_behind_what_the_client_says_and_nobody_writes_it_down() {
    let town = Town::new();
    town.scratch.write("words.md", format!("\n{WORDS}\n"));
    let start = ["start", "words", "--tier", "2", "--arm", "glm", "--arm", "glm+seven", "--prompt", "seven=@words.md"];
    let started = town.json(&start);
    assert_eq!(started["experiment"]["arms"][1]["prompt"], json!({"name": "seven", "bytes": WORDS.len()}));
    let served = Served::start(&town.scratch, &[]);
    let cached = json!([{"type": "text", "text": "You code.", "cache_control": {"type": "ephemeral"}}]);
    let mut armed = BTreeMap::new();
    for number in 0..16 {
        let (session, text) = (format!("s{}", number / 2), format!("Fix the login bug {number}"));
        let messages = json!([{"role": "user", "content": text}]);
        let reply = if number % 2 == 0 {
            let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 50, "system": cached, "messages": messages});
            let body = body.to_string();
            served.ask("POST", "/v1/messages", &[("x-moai-session", &session), ("user-agent", "claude-cli/2")], body)
        } else {
            let messages = json!([{"role": "system", "content": "You code."}, messages[0]]);
            let body = json!({"model": "moai", "messages": messages}).to_string();
            served.ask("POST", "/v1/chat/completions", &[("x-moai-session", &session)], body)
        };
        reply.is(200);
        let system = told(&town.glm).remove(&text).unwrap_or_else(|| panic!("glm was not asked {text}"));
        let blocks = system.as_array().unwrap();
        assert_eq!(blocks[0]["text"], "You code.", "{system}");
        if number % 2 == 0 {
            assert_eq!(blocks[0], cached[0], "what the client has cached stays as it is");
        }
        let here = match blocks.get(1) {
            None => false,
            Some(block) => {
                assert_eq!(block["text"], WORDS);
                true
            }
        };
        assert_eq!(*armed.entry(session).or_insert(here), here, "a conversation keeps its arm");
    }
    assert!(armed.values().any(|armed| *armed) && armed.values().any(|armed| !*armed), "{armed:?}");
    drop(served);
    let one = |text: &str, session: &str| {
        town.scratch.moai(["route", "--session", session, "--json", text]).json();
        told(&town.glm).into_iter().find(|(last, _)| last.contains(text)).unwrap().1.to_string().contains("seven")
    };
    for (session, here) in &armed {
        assert_eq!(one(&format!("Fix the crash of {session}"), session), *here, "the command line has the same arm");
    }

    let mut later = town.scratch.moai_command(["experiment", "show", "words", "--json"]);
    later.env("MOAI_NOW", "2026-01-10T12:00:00Z");
    let shown: Value = serde_json::from_slice(&later.output().unwrap().stdout).unwrap();
    holds("experiment", &shown);
    let arms: Vec<String> = shown["arms"].as_array().unwrap().iter().map(|arm| word(&arm["arm"])).collect();
    assert_eq!(arms, ["glm-4.7", "glm-4.7+seven"]);
    for (at, mine) in [(0, false), (1, true)] {
        let expected = armed.values().filter(|here| **here == mine).count();
        assert_eq!(shown["arms"][at]["conversations"], expected, "{shown:#}");
    }
    for (path, bytes) in town.scratch.snapshot() {
        let own = path.ends_with("experiments.json") || path.ends_with("words.md");
        let found = String::from_utf8_lossy(&bytes).contains("\\\"seven\\\" words")
            || bytes.windows(WORDS.len()).any(|at| at == WORDS.as_bytes());
        assert_eq!(found, own, "{}", path.display());
    }
    assert!(!town.scratch.moai(["experiment", "show", "words"]).ok().contains("words."));
}

/// Copies to Claude of everything that GLM answers.
fn shadowed(town: &Town, share: &str, budget: &str) -> Value {
    town.json(&["start", "look", "--tier", "2", "--shadow", "claude-sonnet", "--share", share, "--budget", budget])
}

/// Waits until the gateway says so of its copies; a busy machine may take its time.
#[track_caller]
fn counted(served: &Served, outcome: &str, count: u64) {
    let line = format!("moai_shadows_total{{outcome=\"{outcome}\"}} {count}");
    for _ in 0..600 {
        if served.get("/metrics").text().lines().any(|found| found == line) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("never came to {line}:\n{}", served.get("/metrics").text());
}

fn code(served: &Served, session: &str, text: &str, model: &str) -> crate::serve::Reply {
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": model, "max_tokens": 50, "stream": true, "messages": messages}).to_string();
    served.ask("POST", "/v1/messages", &[("x-moai-session", session)], body)
}

#[test]
fn a_shadow_gets_copies_answers_nobody_and_is_money_and_nothing_else() {
    let town = Town::new();
    let started = shadowed(&town, "100%", "2usd/day");
    assert_eq!(started["experiment"]["form"], json!({"shadow": {"share": 100, "budget_usd": 2.0}}));
    let served = Served::start(&town.scratch, &[]);
    for number in 0..3 {
        let reply = code(&served, &format!("s{number}"), "Fix the login bug", "moai");
        assert_eq!(reply.is(200).header("x-moai-model"), Some("glm-4.7"), "the answer is the real one's");
    }
    counted(&served, "answered", 3);
    assert_eq!((town.glm.seen().len(), town.claude.seen().len()), (3, 3));
    let (real, copy) = (town.glm.seen()[0].json(), town.claude.seen()[0].json());
    assert_eq!((&real["messages"], &real["max_tokens"]), (&copy["messages"], &copy["max_tokens"]));
    // Whoever names a model has not asked for another vendor, and a plan is of the other tier.
    code(&served, "named", "Fix the login bug", "glm-4.7").is(200);
    code(&served, "plan", "Design the API of the payment service", "moai").is(200);
    code(&served, "last", "Fix the logout bug", "moai").is(200);
    counted(&served, "answered", 4);
    let asked: Vec<String> =
        town.claude.seen().iter().map(|seen| seen.json()["messages"][0]["content"].to_string()).collect();
    assert_eq!(asked.iter().filter(|text| text.contains("login")).count(), 3, "{asked:?}");
    assert_eq!(asked.len(), 5, "four copies and a plan: {asked:?}");

    let day = served.get("/api/costs/daily").is(200).json();
    let stats = served.get("/api/router/stats").is(200).json();
    for (what, expected) in [("requests", 6), ("attempts", 6)] {
        assert_eq!((&day[what], &stats[what]), (&json!(expected), &json!(expected)), "{what}");
    }
    assert_eq!((&stats["error_rate"], &stats["fallback_rate"]), (&json!(0.0), &json!(0.0)));
    // 1000 in and 500 out: Sonnet at 3 and 15 dollars a million.
    let copies = day["shadows_usd"].as_f64().unwrap();
    assert!(copies > 0.0 && copies < day["total_cost_usd"].as_f64().unwrap(), "{day:#}");
    let ours = town.scratch.moai(["costs", "today", "--json"]).json();
    holds("costs-today", &ours);
    for same in ["total_cost_usd", "shadows_usd", "requests", "saved_usd", "baseline_usd", "cost_usd"] {
        assert_eq!(ours[same], day[same], "{same}");
    }
    assert!(town.scratch.moai(["costs", "today"]).ok().contains("for shadows"));
    let top = town.scratch.moai(["top", "--once", "--json"]).json();
    holds("top", &top);
    let panel = &top["today"];
    assert_eq!((&panel["spent_usd"], &panel["shadows_usd"]), (&ours["cost_usd"], &ours["shadows_usd"]), "{top:#}");
    assert!(!top["recent"].to_string().contains("shadow"), "{top:#}");
    let shown = town.json(&["show", "look"]);
    let shadow = &shown["shadow"];
    assert_eq!(
        (&shadow["copies"], &shadow["failed"], &shadow["other_end"]),
        (&json!(4), &json!(0), &json!(0)),
        "{shown:#}"
    );
    assert_eq!(shadow["agreement"]["point"], json!(1.0));
    assert_eq!((&shown["spent_today_usd"], shadow["cost"].as_f64()), (&day["shadows_usd"], Some(copies)));
    assert!(shadow["mean_cost"][0].as_f64() > shadow["mean_cost"][1].as_f64(), "Claude is dearer: {shadow}");
    assert!(town.scratch.moai(["experiment", "show", "look"]).ok().contains("agreed: 100 %"));
    let kpi = town.scratch.moai(["report", "kpi", "--json"]).json();
    assert_eq!(kpi["requests"], json!(6), "{kpi:#}");
}

#[test]
fn a_shadow_keeps_its_own_budget_and_its_failures_to_itself() {
    let mut town = Town::new();
    town.scratch.write_home(".moai/config.toml", "[budget]\ndaily_usd = 0.01\non_limit = \"refuse\"\n");
    let claude = Vendor::start();
    claude.on("/v1/messages").answer(Answer::error(Dialect::Anthropic, 500));
    town.scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
    shadowed(&town, "100%", "1");
    let served = Served::start(&town.scratch, &[]);
    code(&served, "s", "Fix the login bug", "moai").is(200);
    counted(&served, "failed", 1);
    assert_eq!(claude.seen().len(), 1, "it is one request, and nobody asks again");
    let health = served.get("/api/health").json().to_string();
    assert!(!health.contains("\"open\""), "what becomes of a copy shuts nobody out: {health}");
    let stats = served.get("/api/router/stats").is(200).json();
    assert_eq!((&stats["attempts"], &stats["error_rate"]), (&json!(1), &json!(0.0)));
    assert_eq!(town.json(&["show", "look"])["shadow"]["failed"], 1);
    drop(served);

    town.json(&["stop", "look"]);
    let small = ["start", "small", "--tier", "2", "--shadow", "claude-opus", "--share", "100", "--budget", "0.0001"];
    town.json(&small);
    let served = Served::start(&town.scratch, &[]);
    code(&served, "s2", "Fix the login bug", "moai").is(200);
    counted(&served, "budget", 1);
    assert_eq!(claude.seen().len(), 1, "what does not fit is not sent");
}

#[test]
fn a_bandit_gives_conversations_to_the_model_that_answers() {
    let mut town = Town::new();
    let broken = Vendor::start();
    broken.on("/api/anthropic/v1/messages").answer(Answer::error(Dialect::Anthropic, 401));
    town.scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", broken.url()));
    let arms = ["start", "learn", "--tier", "2", "--bandit", "--arm", "glm", "--arm", "claude-sonnet"];
    let started = town.json(&[&arms[..], &["--cost-weight", "20%"]].concat());
    assert_eq!(started["experiment"]["form"], json!({"bandit": {"cost_weight": 20}}));
    assert_eq!(town.json(&["show", "learn"])["bandit"], json!([]));
    let ask = |served: &Served, session: &str| {
        let reply = code(served, session, "Fix the login bug", "claude-sonnet-4-5").is(200);
        assert_eq!(reply.header("x-moai-decided-by"), Some("experiment"));
    };
    let arms = |shown: &Value, at: usize| shown["bandit"][at]["conversations"].as_u64().unwrap_or(0);
    // Hours later, once the gateway has written all of them down.
    let later = |conversations: u64| -> Value {
        for _ in 0..600 {
            let mut command = town.scratch.moai_command(["experiment", "show", "learn", "--json"]);
            let output = command.env("MOAI_NOW", "2026-01-09T18:00:00Z").output().unwrap();
            let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
            if arms(&shown, 0) + arms(&shown, 1) >= conversations {
                holds("experiment", &shown);
                return shown;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("there were never {conversations} conversations");
    };
    let served = Served::start(&town.scratch, &[]);
    for number in 0..30 {
        ask(&served, &format!("early-{number}"));
    }
    let before = later(30);
    let (glm, claude) = (arms(&before, 0), arms(&before, 1));
    assert!(glm + claude == 30 && glm >= 5 && claude >= 5, "nothing is known at first: {before:#}");
    assert!(before["bandit"][0]["share"].as_f64() < Some(0.1), "{before:#}");
    // What failed is known at once, what went well in ten minutes; and a gateway that begins knows what the journal does.
    drop(served);
    let served = Served::start(&town.scratch, &[]);
    for number in 0..30 {
        ask(&served, &format!("late-{number}"));
    }
    let after = later(60);
    let learned = (arms(&after, 0) - glm, arms(&after, 1) - claude);
    assert!(learned.0 + learned.1 == 30 && learned.1 >= 24, "{learned:?}: {after:#}");
    assert!(after["bandit"][0]["success"]["point"].as_f64() < Some(0.2), "{after:#}");
    assert!(after["bandit"][1]["success"]["point"].as_f64() > Some(0.8), "{after:#}");
    assert!(after["bandit"][1]["cost"].as_f64() > Some(0.0));
    drop(served);
    let mut command = town.scratch.moai_command(["experiment", "show", "learn"]);
    let said = command.env("MOAI_NOW", "2026-01-09T18:00:00Z").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("coding") && said.contains("worth") && said.contains("7 days"), "{said}");
}
