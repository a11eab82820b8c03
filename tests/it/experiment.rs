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
    _claude: Vendor,
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
        Self { scratch, _claude: claude, glm }
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
