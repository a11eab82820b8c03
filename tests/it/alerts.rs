//! Alerts of a running gateway: real receivers on loopback that hear, refuse, hang and come back, and a real program.

use std::path::PathBuf;

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::schema;
use crate::scratch::Scratch;
use crate::serve::{Reply, Served};
use crate::upstream::{Answer, Vendor};

const PATH: &str = "/v1/messages";
/// What makes an address a secret.
const SECRET: &str = "SeCrEt-T0ken";
/// Looked often, told at once.
const QUICK: &str = "[alerts]\nevery = 0.05\nleast = 1\nerror_rate.for = 0\nprovider_down.for = 0\n";

/// A world with a vendor whose every answer costs 0.0525 dollars, and with somebody who receives at `/NAME/SeCrEt…`.
struct Town {
    scratch: Scratch,
    vendor: Vendor,
    receiver: Vendor,
    served: Option<Served>,
}

impl Town {
    fn new(settings: &str) -> Self {
        let mut scratch = Scratch::repository();
        let (vendor, receiver) = (Vendor::start(), Vendor::start());
        scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
        scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-alerts-SeCrEt-0123456789");
        for name in ["good", "bad"] {
            scratch.set_env(&format!("{}_URL", name.to_uppercase()), &format!("{}/{name}/{SECRET}", receiver.url()));
        }
        vendor.on(PATH).answer(Answer::said(Dialect::Anthropic, "ok").using(1000, 500));
        let town = Self { scratch, vendor, receiver, served: None };
        town.configure(settings);
        town
    }

    fn configure(&self, settings: &str) {
        let whole = format!("[prices]\nbook = \"spec-model-001\"\n{QUICK}{settings}");
        self.scratch.write_home(".moai/config.toml", whole);
    }

    fn start(&mut self) {
        self.served = None;
        self.served = Some(Served::start(&self.scratch, &[]));
    }

    fn served(&self) -> &Served {
        self.served.as_ref().unwrap()
    }

    fn ask(&self) -> Reply {
        self.ask_for("claude-opus-4-5")
    }

    fn ask_for(&self, model: &str) -> Reply {
        let messages = json!([{"role": "user", "content": "Design the API"}]);
        let body = json!({"model": model, "max_tokens": 600, "messages": messages});
        self.served().ask("POST", PATH, &[("anthropic-version", "2023-06-01")], body.to_string())
    }

    /// The bodies that came for a receiver.
    fn heard(&self, name: &str) -> Vec<Value> {
        let path = format!("/{name}/{SECRET}");
        self.receiver.seen().iter().filter(|seen| seen.path == path).map(crate::upstream::Seen::json).collect()
    }

    fn list(&self) -> Value {
        let list = self.scratch.moai(["--json", "alerts", "list"]).json();
        schema::holds("alerts", &list);
        list
    }

    fn file(&self, path: &str) -> PathBuf {
        self.scratch.home().join(".moai").join(path)
    }

    /// No address is in anything that moai has written or said.
    fn is_discreet(&self) {
        let mut files = self.scratch.snapshot();
        files.push(("talk".into(), self.served().talk().into_bytes()));
        for (path, bytes) in files {
            assert!(memchr::memmem::find(&bytes, SECRET.as_bytes()).is_none(), "{}", path.display());
        }
    }
}

/// Waits until it is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 60, "never: {what}");
        std::thread::yield_now();
    }
}

fn states(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["state"].as_str().unwrap()).collect()
}

const BUDGET: &str = "[budget]\ndaily_usd = 0.2\n";

#[test]
fn each_step_is_told_once_in_the_form_of_whoever_hears_and_so_is_the_end() {
    let mut town = Town::new("");
    let out = town.scratch.root().join("told.jsonl");
    let sinks = format!(
        "[alerts.sinks.plain]\nkind = \"webhook\"\nurl_env = \"GOOD_URL\"\n\
         [alerts.sinks.chat]\nkind = \"slack\"\nurl_env = \"BAD_URL\"\nonly = [\"budget\"]\n\
         [alerts.sinks.deaf]\nkind = \"discord\"\nurl_env = \"GOOD_URL\"\nonly = [\"error-rate\"]\n\
         [alerts.sinks.file]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"cat >> {}\"]\n",
        out.display()
    );
    for name in ["good", "bad"] {
        town.receiver.on(&format!("/{name}/*")).answer(Answer::json(200, &json!({})));
    }
    town.configure(&format!("{BUDGET}{sinks}"));
    town.start();
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("the onset", || town.heard("good").len() == 1);
    // No more than it takes: whoever is slow would tell of the last one.
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("the step", || town.heard("good").len() == 2);
    // No restart: another budget counts from now on.
    town.configure(&format!("[budget]\ndaily_usd = 100\n{sinks}"));
    town.scratch.moai(["serve", "reload"]).ok();
    let written = || std::fs::read_to_string(&out).unwrap_or_default().lines().count();
    until("the end", || town.heard("good").len() >= 3 && town.heard("bad").len() >= 3 && written() >= 3);
    let plain = town.heard("good");
    assert_eq!(states(&plain), ["onset", "raised", "ended"]);
    for event in &plain {
        schema::holds("alert", event);
        assert_eq!((&event["alert"], &event["subject"]), (&json!("budget"), &json!("day")));
    }
    assert_eq!(plain[0]["value"], 0.525);
    assert_eq!((&plain[0]["severity"], &plain[1]["severity"]), (&json!("info"), &json!("critical")));
    assert!(plain[1]["message"].as_str().unwrap().starts_with("alert budget: 105 % of today's budget is spent"));
    assert!(plain[2]["message"].as_str().unwrap().starts_with("alert budget is over after "), "{}", plain[2]);
    let slack = town.heard("bad");
    assert!(slack[1]["text"].as_str().unwrap().starts_with("🔴 moai on "), "{}", slack[1]);
    let told: Vec<Value> =
        std::fs::read_to_string(&out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, plain, "a program gets what a webhook gets");
    let log = std::fs::read_to_string(town.file("logs/alerts.jsonl")).unwrap();
    let logged: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(logged, plain);
    town.served().signal("TERM");
    town.served.as_mut().unwrap().ended();
    let talk = town.served().talk();
    assert_eq!(talk.matches("of today's budget is spent").count(), 3, "{talk}");
    town.is_discreet();
    let list = town.list();
    assert_eq!((&list["watched"], &list["alerts"]), (&json!(false), &json!([])));
    assert_eq!(states(list["recent"].as_array().unwrap()), ["ended", "raised", "onset"]);
}

#[test]
fn a_receiver_that_refuses_hangs_and_comes_back_hears_all_in_order_and_holds_nobody_up() {
    let mut town = Town::new(&format!(
        "{BUDGET}[alerts.sinks.good]\nkind = \"webhook\"\nurl_env = \"GOOD_URL\"\n\
         [alerts.sinks.bad]\nkind = \"webhook\"\nurl_env = \"BAD_URL\"\ntimeout = 0.5\n"
    ));
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    let heard = Answer::json(200, &json!({}));
    town.receiver.on("/bad/*").answer(Answer::json(503, &json!({}))).answer(Answer::silence()).answer(heard);
    town.start();
    for _ in 0..4 {
        town.ask().is(200);
    }
    until("the one that hears", || town.heard("good").len() == 2);
    until("the one that comes back", || town.heard("bad").len() >= 4);
    assert_eq!(states(&town.heard("good")), ["onset", "raised"]);
    assert_eq!(states(&town.heard("bad")), ["onset", "onset", "onset", "raised"]);
    until("what is written down", || {
        let list = town.list();
        let bad = list["sinks"].as_array().unwrap().iter().find(|sink| sink["name"] == "bad").unwrap().clone();
        bad["waiting"] == 0 && bad["error"].is_null() && bad["heard"].is_string()
    });
    town.is_discreet();
}

#[test]
fn a_gateway_that_was_killed_goes_on_where_it_was_and_says_nothing_twice() {
    let settings = format!("{BUDGET}[alerts.sinks.bad]\nkind = \"webhook\"\nurl_env = \"BAD_URL\"\n");
    let mut town = Town::new(&settings);
    town.receiver.on("/bad/*").answer(Answer::json(500, &json!({})));
    town.start();
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("what is written down", || town.list()["sinks"][0]["failures"].as_u64() > Some(0));
    let list = town.list();
    assert_eq!((&list["watched"], &list["sinks"][0]["waiting"]), (&json!(true), &json!(1)));
    assert_eq!(list["sinks"][0]["error"], "127.0.0.1 answered with HTTP 500");
    assert_eq!((&list["alerts"][0]["alert"], &list["alerts"][0]["told"]), (&json!("budget"), &json!(true)));
    town.served().signal("KILL");
    let before = town.heard("bad").len();
    // The script's last answer is given for ever: another receiver is the one that came back.
    let receiver = Vendor::start();
    receiver.on("/bad/*").answer(Answer::json(200, &json!({})));
    town.scratch.set_env("BAD_URL", &format!("{}/bad/{SECRET}", receiver.url()));
    town.receiver = receiver;
    town.start();
    until("what waited", || !town.heard("bad").is_empty());
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("what is new", || town.heard("bad").len() >= 2);
    assert!(before >= 1);
    assert_eq!(states(&town.heard("bad")), ["onset", "raised"]);
    town.served().signal("TERM");
    town.served.as_mut().unwrap().ended();
    let talk = town.served().talk();
    assert_eq!(talk.matches("alert budget").count(), 1, "only what is new is said:\n{talk}");
}

#[test]
fn what_is_silenced_is_told_afterwards() {
    let mut town = Town::new(&format!("{BUDGET}[alerts.sinks.good]\nkind = \"discord\"\nurl_env = \"GOOD_URL\"\n"));
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    let silenced = town.scratch.moai(["--json", "alerts", "silence", "budget", "--for", "2h"]).json();
    schema::holds("alerts", &silenced);
    assert_eq!(silenced["silenced"], json!({"name": "budget", "until": "2026-01-09T14:00:00Z"}));
    town.start();
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("the alert", || town.list()["alerts"].as_array().unwrap().len() == 1);
    let list = town.list();
    assert_eq!(list["alerts"][0]["silent_until"], "2026-01-09T14:00:00Z");
    assert_eq!((&list["alerts"][0]["told"], town.heard("good").len()), (&json!(false), 0));
    let said = town.scratch.moai(["alerts", "list"]).ok();
    assert!(said.contains("silent until 2026-01-09 14:00:00: budget"), "{said}");
    let ended = town.scratch.moai(["--json", "alerts", "unsilence", "budget"]).json();
    schema::holds("alerts", &ended);
    assert_eq!(ended["was_silenced"], true);
    until("the onset", || town.heard("good").len() == 1);
    assert!(town.heard("good")[0]["content"].as_str().unwrap().contains("52 % of today's budget"));
    assert!(town.scratch.moai(["alerts", "silence", "nothing", "--for", "2h"]).fails(2).contains("no such alert"));
}

#[test]
fn silences_that_cannot_be_read_silence_nothing_and_that_is_said() {
    let mut town = Town::new(&format!("{BUDGET}[alerts.sinks.good]\nkind = \"discord\"\nurl_env = \"GOOD_URL\"\n"));
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    town.scratch.moai(["alerts", "silence", "budget", "--for", "2h"]).ok();
    std::fs::write(town.file("gateway/silences.json"), "{").unwrap();
    town.start();
    for _ in 0..2 {
        town.ask().is(200);
    }
    until("the onset", || town.heard("good").len() == 1);
    let talk = town.served().talk();
    assert_eq!(talk.matches("what is silenced cannot be read").count(), 1, "{talk}");
    assert_eq!(std::fs::read_to_string(town.file("gateway/silences.json")).unwrap(), "{");
}

#[test]
fn errors_costs_and_what_has_no_price_are_alerts_and_errors_end() {
    let mut town = Town::new(
        "error_rate.above = 0.25\ncost_per_hour.above = 0.05\n[retry]\nattempts = 1\n\
         [models.odd]\nprovider = \"anthropic\"\nid = \"nobody-knows-1\"\n\
         [alerts.sinks.good]\nkind = \"webhook\"\nurl_env = \"GOOD_URL\"\n",
    );
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    town.start();
    let alerts = || {
        let heard = town.heard("good");
        heard
            .into_iter()
            .map(|one| (one["alert"].clone(), one["state"].clone(), one["subject"].clone()))
            .collect::<Vec<_>>()
    };
    town.ask().is(200);
    until("costs", || alerts().contains(&(json!("cost-per-hour"), json!("onset"), Value::Null)));
    town.ask_for("odd").is(200);
    until("no price", || alerts().contains(&(json!("unpriced"), json!("onset"), json!("odd"))));
    assert!(!alerts().iter().any(|(alert, ..)| *alert == "error-rate"));
    // The answer that was the last is given once more.
    town.vendor.on(PATH).answer(Answer::error(Dialect::Anthropic, 400));
    let is_told = |state: &str| alerts().contains(&(json!("error-rate"), json!(state), Value::Null));
    until("errors", || {
        town.ask();
        is_told("onset")
    });
    town.vendor.on(PATH).answer(Answer::said(Dialect::Anthropic, "ok").using(1000, 500));
    until("their end", || {
        town.ask();
        is_told("ended")
    });
    let heard = town.heard("good");
    let errors: Vec<_> = heard.iter().filter(|one| one["alert"] == "error-rate").cloned().collect();
    assert_eq!(states(&errors), ["onset", "ended"]);
}

#[test]
fn a_provider_that_dies_and_returns_is_told_once_each() {
    let mut town = Town::new(
        "off = [\"error-rate\"]\n[retry]\nattempts = 1\n[tiers]\nplan = [\"claude-opus\"]\nimplement = [\"claude-opus\"]\n\
         [alerts.sinks.good]\nkind = \"webhook\"\nurl_env = \"GOOD_URL\"\n",
    );
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    // After the one that went well. It asks to be left alone, long enough for that to be seen.
    let busy = || Answer::error(Dialect::Anthropic, 529).header("retry-after", "4");
    let script = (0..4).fold(town.vendor.on(PATH), |script, _| script.answer(busy()));
    script.answer(Answer::said(Dialect::Anthropic, "ok").using(1000, 500));
    town.start();
    town.ask().is(200);
    for state in ["onset", "ended"] {
        until(state, || {
            town.ask();
            states(&town.heard("good")).contains(&state)
        });
    }
    let heard = town.heard("good");
    assert_eq!(states(&heard), ["onset", "ended"]);
    assert!(heard.iter().all(|one| one["alert"] == "provider-down" && one["subject"] == "anthropic"), "{heard:?}");
    let message = heard[0]["message"].as_str().unwrap();
    assert!(message.starts_with("alert provider-down: no model of anthropic can be asked"), "{message}");
}

#[test]
fn a_test_says_who_does_not_hear() {
    let town = Town::new(
        "[alerts.sinks.good]\nkind = \"webhook\"\nurl_env = \"GOOD_URL\"\n\
         [alerts.sinks.unset]\nkind = \"slack\"\nurl_env = \"NOBODY_SET_IT\"\n\
         [alerts.sinks.slow]\nkind = \"command\"\ncommand = [\"sleep\", \"600\"]\ntimeout = 0.2\n\
         [alerts.sinks.sad]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"exit 3\"]\n",
    );
    town.receiver.on("/good/*").answer(Answer::json(200, &json!({})));
    let said = town.scratch.moai(["--json", "alerts", "test"]);
    assert_eq!(said.status, 1, "{said:?}");
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    schema::holds("alerts", &document);
    let results: Vec<(&str, bool, &str)> = document["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["sink"].as_str().unwrap(), one["heard"] == true, one["error"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        results,
        [
            ("log", true, ""),
            ("good", true, ""),
            ("sad", false, "the program exited with 3"),
            ("slow", false, "the program took longer than 0.2 s"),
            ("unset", false, "$NOBODY_SET_IT is not set; a gateway has the environment that it was started in"),
        ]
    );
    assert_eq!(states(&town.heard("good")), ["test"]);
    schema::holds("alert", &town.heard("good")[0]);
    town.scratch.moai(["alerts", "test", "good"]).ok();
    assert!(town.scratch.moai(["alerts", "test", "nobody"]).fails(1).contains("one of log, good, sad, slow, unset"));
    let log = std::fs::read_to_string(town.file("logs/alerts.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 1);
}
