//! An hour of work, told by everybody who tells of it: a gateway between two vendors and an Ollama, a vendor that dies and
//! comes back, a budget that runs out. What happened is reckoned up here, from what the vendors were asked and what they
//! said that it used; the journal, the dashboard, `moai top`, the reports, the alerts, the metrics and a Prometheus that
//! reads them have to say the same, to the nano-dollar where they can and else to the cent.
//!
//! The hour is that of a clock in a file (`MOAI_NOW=@FILE`), which the test moves on.
//!
//! By hand, to look at it: `MOAI_TEST_PICTURES=DIR cargo test --test it story::` leaves pictures of the dashboard in DIR, and
//! with `MOAI_TEST_HOLD=FILE` the gateway stays until FILE is gone; where it is and how to look at it stand in FILE.

#![allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts are small whole numbers"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::journal::key::{Lookup, find};
use moai::journal::{Days, Journal, Place, Totals};
use moai::model::Usd;
use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::dashboard::{Chromium, Visit};
use crate::metrics::{Prometheus, nanos, samples, sum};
use crate::schema;
use crate::scratch::{KEY, NOW, Scratch};
use crate::serve::{Reply, Served};
use crate::upstream::{Answer, Ollama, Seen, Vendor};

const PATH: &str = "/v1/messages";
const QWEN: &str = "qwen2.5-coder:32b";
/// What a person may spend on this day.
const BUDGET: i64 = 4_000_000_000;
/// From here on an hour is dear.
const DEAR: i64 = 3_000_000_000;

/// Something that a vendor was asked for.
#[derive(Debug, Clone)]
struct Asked {
    /// Which of the requests it was for.
    number: u64,
    vendor: &'static str,
    answered: bool,
    input: u64,
    output: u64,
}

impl Asked {
    /// As the seeds' price list has it, in nano-dollars a token.
    fn at(&self, input: u64, output: u64) -> i64 {
        if self.answered { i64::try_from(self.input * input + self.output * output).unwrap() } else { 0 }
    }

    fn cost(&self) -> i64 {
        match self.vendor {
            "anthropic" => self.on_claude(),
            "zai" => self.at(1_000, 2_000),
            _ => 0,
        }
    }

    fn on_claude(&self) -> i64 {
        self.at(15_000, 75_000)
    }
}

type Ledger = Arc<Mutex<Vec<Asked>>>;

/// The request that a prompt belongs to: it has its number in it.
fn number(seen: &Seen) -> u64 {
    let body = String::from_utf8_lossy(&seen.body);
    let digits = body.rsplit_once("request no. ").unwrap().1.chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

/// A vendor of Anthropic's dialect that keeps a ledger, while it lives.
fn vendor(name: &'static str, ledger: &Ledger, lives: &Arc<AtomicBool>, prompt: &Arc<AtomicU64>) -> Vendor {
    let vendor = Vendor::start();
    let (ledger, lives, prompt) = (Arc::clone(ledger), Arc::clone(lives), Arc::clone(prompt));
    vendor.by(move |seen| {
        let number = number(seen);
        let asked = Asked {
            number,
            vendor: name,
            answered: lives.load(Ordering::SeqCst),
            input: prompt.load(Ordering::SeqCst) + 37 * (number % 19),
            output: 190 + 11 * (number % 23),
        };
        ledger.lock().unwrap().push(asked.clone());
        Some(if asked.answered {
            Answer::said(Dialect::Anthropic, "done").using(asked.input, asked.output)
        } else {
            Answer::error(Dialect::Anthropic, 500)
        })
    });
    vendor
}

/// The world of the story.
struct Town {
    scratch: Scratch,
    clock: PathBuf,
    now: Timestamp,
    ledger: Ledger,
    ollama: Ollama,
    zai_lives: Arc<AtomicBool>,
    /// How long the prompts are.
    prompt: Arc<AtomicU64>,
    receiver: Vendor,
    _vendors: [Vendor; 2],
    asked: u64,
}

impl Town {
    fn new() -> Self {
        let mut scratch = Scratch::repository();
        let (ledger, prompt) = (Ledger::default(), Arc::new(AtomicU64::new(1_000)));
        let (always, zai_lives) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let claude = vendor("anthropic", &ledger, &always, &prompt);
        let glm = vendor("zai", &ledger, &zai_lives, &prompt);
        let ollama = Ollama::start(36, &[(QWEN, 20)]);
        let receiver = Vendor::start();
        receiver.on("/told").answer(Answer::json(200, &json!({})));
        scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
        scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-story-SeCrEt-0123456789");
        scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
        scratch.set_env("ZAI_API_KEY", KEY);
        scratch.set_env("OLLAMA_HOST", &ollama.host());
        scratch.set_env("TOLD_URL", &format!("{}/told", receiver.url()));
        scratch.write_home(
            ".moai/config.toml",
            "[prices]\nbook = \"spec-model-001\"\n[local]\nmemory = 36\n\
             [budget]\ndaily_usd = 4\non_limit = \"refuse\"\n\
             [retry]\nfirst_wait = 0\nattempts = 1\n[route]\ntier2 = [\"glm\", \"claude-opus\"]\n\
             [alerts]\nevery = 0.05\noff = [\"slow-response\"]\n\
             cost_per_hour.above = 3\nerror_rate.for = 0\nprovider_down.for = 0\n\
             [alerts.sinks.team]\nkind = \"webhook\"\nurl_env = \"TOLD_URL\"\n",
        );
        let clock = scratch.root().join("clock");
        scratch.set_env("MOAI_NOW", &format!("@{}", clock.display()));
        let town = Self {
            scratch,
            clock,
            now: NOW.parse().unwrap(),
            ledger,
            ollama,
            zai_lives,
            prompt,
            receiver,
            _vendors: [claude, glm],
            asked: 0,
        };
        town.set_clock();
        town
    }

    fn set_clock(&self) {
        let new = self.clock.with_extension("new");
        std::fs::write(&new, self.now.to_string()).unwrap();
        std::fs::rename(&new, &self.clock).unwrap();
    }

    /// It is so many seconds later.
    fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.set_clock();
    }

    fn ask(&mut self, served: &Served, model: &str, text: &str) -> Reply {
        self.asked += 1;
        let content = format!("{text} (request no. {})", self.asked);
        let messages = json!([{"role": "user", "content": content}]);
        let body =
            json!({"model": model, "max_tokens": 400, "stream": self.asked.is_multiple_of(2), "messages": messages});
        let headers = [("anthropic-version", "2023-06-01"), ("x-moai-agent", "storyteller")];
        served.ask("POST", PATH, &headers, body.to_string())
    }

    fn plan(&mut self, served: &Served) -> Reply {
        self.ask(served, "auto", "Design the architecture of the payment service")
    }

    #[track_caller]
    fn code(&mut self, served: &Served) {
        self.ask(served, "auto", "코드를 구현해줘").is(200);
    }

    /// What was told to the webhook: alert, subject, what it does.
    fn told(&self) -> Vec<(String, String, String)> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = self.receiver.seen();
        let events = told.iter().map(Seen::json);
        events.map(|one| (word(&one["alert"]), word(&one["subject"]), word(&one["state"]))).collect()
    }

    #[track_caller]
    fn hears(&self, alert: &str, subject: &str, state: &str) {
        let wanted = (alert.to_owned(), subject.to_owned(), state.to_owned());
        until(&format!("{wanted:?}"), || self.told().contains(&wanted));
    }

    fn truth(&self) -> Truth {
        let mut asked = self.ledger.lock().unwrap().clone();
        let local = self.ollama.vendor.seen();
        asked.extend(local.iter().filter(|seen| seen.path == "/api/chat").map(|seen| Asked {
            number: number(seen),
            vendor: "ollama",
            answered: true,
            input: 12,
            output: 7,
        }));
        Truth { asked }
    }
}

/// What happened.
struct Truth {
    asked: Vec<Asked>,
}

impl Truth {
    fn count(&self, is: impl Fn(&Asked) -> bool) -> u64 {
        self.asked.iter().filter(|one| is(one)).count() as u64
    }

    fn cost(&self, is: impl Fn(&Asked) -> bool) -> i64 {
        self.asked.iter().filter(|one| is(one)).map(Asked::cost).sum()
    }

    fn spent(&self) -> i64 {
        self.cost(|_| true)
    }

    fn saved(&self) -> i64 {
        self.asked.iter().map(|one| one.on_claude() - one.cost()).sum()
    }

    fn requests(&self) -> u64 {
        self.asked.iter().map(|one| one.number).collect::<BTreeSet<_>>().len() as u64
    }

    fn attempts(&self) -> u64 {
        self.asked.len() as u64
    }

    fn errors(&self) -> u64 {
        self.count(|one| !one.answered)
    }

    fn tier1_percent(&self) -> f64 {
        percent(self.cost(|one| one.vendor == "anthropic"), self.spent())
    }
}

fn percent(part: i64, all: i64) -> f64 {
    part as f64 * 100.0 / all as f64
}

#[track_caller]
fn close(what: &str, said: &Value, truth: f64) {
    let said = said.as_f64().unwrap_or_else(|| panic!("{what} is {said}"));
    assert!((said - truth).abs() < 0.006, "{what}: {said} is told, {truth} is so");
}

/// An amount as the dashboard says it, from a dollar on.
fn cents(nanos: i64) -> String {
    format!("${:.2}", Usd::from_nanos(nanos))
}

/// Waits until it is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 120, "never: {what}");
        std::thread::yield_now();
    }
}

/// How the breaker of the implementer stands.
fn glm_is(served: &Served) -> String {
    let health = served.get("/api/health").is(200).json();
    let all = health["deployments"].as_array().unwrap();
    all.iter().find(|one| one["model"] == "glm-4.7").map_or("", |one| one["state"].as_str().unwrap()).to_owned()
}

/// The alert's gauge as Prometheus has it.
fn stands(prometheus: &Prometheus, alert: &str) -> Option<f64> {
    prometheus.value(&format!("moai_alerts_active{{alert=\"{alert}\"}}"))
}

/// The hour. Says how often somebody stood in for the implementer: each request for code that went to the planner's
/// vendor.
fn live_it(town: &mut Town, served: &Served, prometheus: Option<&Prometheus>) -> u64 {
    // Twenty minutes of ordinary work.
    for minute in 0..20 {
        town.plan(served).is(200);
        town.later(20);
        town.code(served);
        town.later(20);
        town.code(served);
        if minute % 5 == 0 {
            town.ask(served, &format!("ollama/{QWEN}"), "Name this variable").is(200);
        }
        town.later(20);
    }
    assert_eq!(town.truth().count(|one| one.vendor == "ollama"), 4);
    // The implementer dies; for five minutes, which is as far as the error rate looks back, the planner does its work, too.
    // How often it is tried in vain depends on how long they really take.
    town.zai_lives.store(false, Ordering::SeqCst);
    let before = town.truth().count(|one| one.vendor == "anthropic");
    for minute in 20..25 {
        for _ in 0..4 {
            town.code(served);
            town.later(15);
        }
        if minute == 20 {
            town.hears("error-rate", "", "onset");
            town.hears("provider-down", "zai", "onset");
            let seen = || prometheus.is_none_or(|one| stands(one, "provider-down") == Some(1.0));
            until("Prometheus sees it down", seen);
        }
    }
    let stood_in = town.truth().count(|one| one.vendor == "anthropic") - before;
    assert_eq!(stood_in, 20, "every request of these minutes was answered by somebody");
    // It comes back; nobody notices before it is tried.
    town.zai_lives.store(true, Ordering::SeqCst);
    until("it may be tried", || glm_is(served) == "half-open");
    for _ in 25..40 {
        for _ in 0..2 {
            town.code(served);
            town.later(30);
        }
    }
    town.hears("provider-down", "zai", "ended");
    town.hears("error-rate", "", "ended");
    let seen = || prometheus.is_none_or(|one| stands(one, "provider-down") == Some(0.0));
    until("Prometheus sees it again", seen);
    // Much is planned, until little of the budget is left.
    while town.truth().spent() < BUDGET / 100 * 93 {
        town.plan(served).is(200);
        town.later(10);
    }
    // One prompt is long.
    town.prompt.store(40_000, Ordering::SeqCst);
    town.plan(served).is(200);
    town.prompt.store(1_000, Ordering::SeqCst);
    assert!(town.truth().spent() > BUDGET);
    town.hears("cost-per-hour", "", "onset");
    until("the last step of the budget", || {
        town.told().iter().filter(|(alert, _, state)| alert == "budget" && state == "raised").count() == 2
    });
    // Nothing that costs money goes on; what is free does.
    let before = town.truth().attempts();
    let refused = town.plan(served).is(429);
    assert_eq!(refused.json()["error"]["type"], "billing_error");
    town.ask(served, "auto", "코드를 구현해줘").is(429);
    town.ask(served, &format!("ollama/{QWEN}"), "Name this variable").is(200);
    assert_eq!(town.truth().attempts(), before + 1);
    let began: Timestamp = NOW.parse().unwrap();
    assert!(town.now.duration_since(began) < SignedDuration::from_hours(1));
    town.now = began + SignedDuration::from_secs(3_599);
    town.set_clock();
    stood_in
}

#[test]
fn an_hour_of_work_is_the_same_story_whoever_tells_it() {
    let mut town = Town::new();
    let served = Served::start(&town.scratch, &[]);
    let prometheus = Prometheus::start(&town.scratch, &served);
    let mut browser = Chromium::start(&town.scratch, "en-US,en");
    if let Some(browser) = &mut browser {
        browser.go(&format!("http://{}/dashboard", served.address));
        browser.log_in(&served.key);
        browser.wait("document.getElementById('live').className === 'live on'");
        browser.eval("window.same = true");
    }
    let fallbacks = live_it(&mut town, &served, prometheus.as_ref());
    let truth = town.truth();
    let rows = |got: &std::collections::BTreeMap<String, f64>| sum(got, "moai_journal_rows_total", "to=\"journal\"");
    until("everything is in the journal", || {
        let got = samples(&served.get("/metrics").is(200).text());
        rows(&got) as u64 == truth.attempts() && sum(&got, "moai_answering_requests", "") == 0.0
    });

    of_the_journal(&town, &truth, fallbacks);
    of_the_commands(&town, &truth, fallbacks);
    of_the_gateway(&served, &truth, fallbacks);
    of_the_alerts(&town, &served);
    of_the_dashboard(&served, &truth, fallbacks);
    if let Some(prometheus) = &prometheus {
        of_prometheus(prometheus, &truth, fallbacks);
    }
    if let Some(mut browser) = browser {
        of_the_browser(&mut browser, &served, &truth);
    }
    hold(&town, &served);
}

fn of_the_journal(town: &Town, truth: &Truth, fallbacks: u64) {
    let dir = town.scratch.home().join(".moai/journal");
    let (key, from) = find(&dir, &Lookup::default()).unwrap();
    let journal = Journal::open(&Place::new(&dir), &key, from, TimeZone::UTC, town.now).unwrap();
    let totals: Totals = journal.totals(Days::default()).unwrap();
    assert_eq!(journal.rows().unwrap(), truth.attempts());
    assert_eq!(totals.cost.nanos(), truth.spent());
    assert_eq!(totals.saved().nanos(), truth.saved());
    assert_eq!((totals.requests, totals.attempts), (truth.requests(), truth.attempts()));
    assert_eq!((totals.errors, totals.fallbacks), (truth.errors(), fallbacks));
    assert_eq!((totals.unpriced, totals.unmetered, totals.cancelled), (0, 0, 0));
    let tokens =
        truth.asked.iter().filter(|one| one.answered).fold((0, 0), |sum, one| (sum.0 + one.input, sum.1 + one.output));
    assert_eq!((totals.usage.input, totals.usage.output), tokens);
}

fn of_the_commands(town: &Town, truth: &Truth, fallbacks: u64) {
    let say = |args: &[&str]| town.scratch.moai(args).json();
    let (spent, saved) = (truth.spent(), truth.saved());
    let dollars = |value: &Value| nanos(value.as_f64().unwrap_or_else(|| panic!("no amount: {value}")));
    let rate = |part: u64| percent(i64::try_from(part).unwrap(), i64::try_from(truth.attempts()).unwrap());

    let costs = say(&["costs", "--json"]);
    assert_eq!((dollars(&costs["total_cost_usd"]), &costs["total_requests"]), (spent, &json!(truth.requests())));
    assert_eq!(dollars(&costs["tier1_cost_usd"]), truth.cost(|one| one.vendor == "anthropic"));
    assert_eq!(dollars(&costs["tier2_cost_usd"]), truth.cost(|one| one.vendor != "anthropic"));
    close("tier 1 of costs", &costs["tier1_percentage"], truth.tier1_percent());
    assert_eq!((&costs["budget"]["level"], dollars(&costs["budget"]["spent_usd"])), (&json!("over"), spent));

    let top = say(&["top", "--json"]);
    schema::holds("top", &top);
    let today = &top["today"];
    assert_eq!((dollars(&today["spent_usd"]), dollars(&today["saved_usd"])), (spent, saved));
    assert_eq!((&top["requests"], &top["budget"]["level"]), (&json!(truth.requests()), &json!("over")));
    close("tier 1 of top", &today["tier1_percent"], truth.tier1_percent());
    close("errors of top", &json!(today["error_rate"].as_f64().unwrap() * 100.0), rate(truth.errors()));
    close("fallbacks of top", &json!(today["fallback_rate"].as_f64().unwrap() * 100.0), rate(fallbacks));
    let zai = top["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "zai").unwrap();
    assert_eq!(zai["errors"], truth.errors());
    assert_eq!(zai["ok"], truth.count(|one| one.vendor == "zai" && one.answered));
    let alerts: BTreeSet<&str> =
        top["gateway"]["alerts"].as_array().unwrap().iter().map(|one| one["alert"].as_str().unwrap()).collect();
    assert_eq!(alerts, BTreeSet::from(["budget", "cost-per-hour"]));
    let text = town.scratch.moai(["top", "--once"]).ok();
    for word in [
        format!("spent today {}", cents(spent)),
        format!("{} of $4.00", cents(spent)),
        format!("alert budget: {} % of today's budget is spent", spent * 100 / BUDGET),
    ] {
        assert!(text.contains(&word), "no {word} in\n{text}");
    }

    let status = town.scratch.moai(["serve", "status"]).ok();
    assert!(status.contains("alert     budget: ") && status.contains("alert     cost-per-hour: "), "{status}");

    let daily = say(&["report", "daily", "--json"]);
    assert_eq!((dollars(&daily["total_cost"]), &daily["total_requests"]), (spent, &json!(truth.requests())));
    assert_eq!(dollars(&daily["saved_usd"]), saved);
    assert_eq!(daily["availability"], 1.0, "whoever was asked for, somebody answered");
    assert_eq!(dollars(&daily["cost_tracking"]["storyteller"]), spent);
    let of_zai = truth.count(|one| one.vendor == "zai");
    assert_eq!(daily["model_usage"]["glm-4.7"], of_zai);

    let kpis = say(&["report", "kpi", "--json"]);
    let figure = |name: &str| {
        let all = kpis["kpis"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {kpis:#}"))["value"].clone()
    };
    close("uptime", &figure("uptime"), 100.0);
    close("error_rate", &figure("error_rate"), rate(truth.errors()));
    close("cost_reduction", &figure("cost_reduction"), percent(saved, saved + spent));
    close("utilization", &figure("model_utilization_claude"), rate(truth.count(|one| one.vendor == "anthropic")));
    assert_eq!((figure("model_diversity"), figure("throughput")), (json!(3.0), json!(truth.requests() as f64)));
}

fn of_the_gateway(served: &Served, truth: &Truth, fallbacks: u64) {
    let got = samples(&served.get("/metrics").is(200).text());
    let all = |family: &str| sum(&got, family, "");
    assert_eq!(nanos(all("moai_cost_usd_total")), truth.spent());
    assert_eq!(nanos(all("moai_saved_usd")), truth.saved());
    assert_eq!(all("moai_requests_total") as u64, truth.requests());
    assert_eq!(all("moai_attempts_total") as u64, truth.attempts());
    assert_eq!((all("moai_errors_total") as u64, all("moai_fallbacks_total") as u64), (truth.errors(), fallbacks));
    assert_eq!(nanos(sum(&got, "moai_cost_usd_total", "tier=\"1\"")), truth.cost(|one| one.vendor == "anthropic"));
    assert_eq!(nanos(sum(&got, "moai_budget_spent_usd", "scope=\"day\"")), truth.spent());
    let daily = served.get("/api/costs/daily").is(200).json();
    assert_eq!(nanos(daily["total_cost_usd"].as_f64().unwrap()), truth.spent());
    let hour = served.get("/api/metrics").is(200).json();
    assert_eq!(nanos(hour["cost_per_hour"].as_f64().unwrap()), truth.spent());
    assert_eq!((&hour["requests"], &hour["errors"]), (&json!(truth.requests()), &json!(truth.errors())));
    assert_eq!(hour["active_models"], json!(["claude-opus", "glm-4.7", "qwen2.5-coder"]));
    let budget = &daily["budgets"][0];
    assert_eq!((nanos(budget["spent_usd"].as_f64().unwrap()), &budget["level"]), (truth.spent(), &json!("over")));
}

fn of_the_alerts(town: &Town, served: &Served) {
    let story: BTreeSet<(String, String, String)> = [
        ("error-rate", "", "onset"),
        ("error-rate", "", "ended"),
        ("provider-down", "zai", "onset"),
        ("provider-down", "zai", "ended"),
        ("budget", "day", "onset"),
        ("budget", "day", "raised"),
        ("cost-per-hour", "", "onset"),
    ]
    .map(|(alert, subject, state)| (alert.into(), subject.into(), state.into()))
    .into();
    let told = town.told();
    assert_eq!(told.len(), story.len() + 1, "each once, and the budget is raised twice: {told:#?}");
    assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), story);
    let log = std::fs::read_to_string(town.scratch.home().join(".moai/logs/alerts.jsonl")).unwrap();
    let logged: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let heard: Vec<Value> = town.receiver.seen().iter().map(Seen::json).collect();
    assert_eq!(logged, heard, "the log has what the webhook has");
    let share = |event: &Value| event["value"].as_f64().unwrap();
    let of_budget: Vec<f64> = logged.iter().filter(|one| one["alert"] == "budget").map(share).collect();
    for (said, step) in of_budget.iter().zip([0.5, 0.8, 1.0]) {
        assert!((step..step + 0.2).contains(said), "{of_budget:?}");
    }
    let dear = logged.iter().find(|one| one["alert"] == "cost-per-hour").unwrap();
    assert!(nanos(share(dear)) >= DEAR, "{dear}");
    let list = town.scratch.moai(["alerts", "list", "--json"]).json();
    let standing: BTreeSet<&str> =
        list["alerts"].as_array().unwrap().iter().map(|one| one["alert"].as_str().unwrap()).collect();
    assert_eq!(standing, BTreeSet::from(["budget", "cost-per-hour"]));
    let got = samples(&served.get("/metrics").is(200).text());
    assert_eq!(sum(&got, "moai_alerts_active", ""), 2.0);
}

/// What is shown, as it stands in the page.
fn shown(truth: &Truth, fallbacks: u64) -> Vec<String> {
    let (spent, attempts) = (truth.spent(), truth.attempts());
    let tier1 = truth.tier1_percent();
    vec![
        format!("id=\"spent\">{}<", cents(spent)),
        format!(">{}<", cents(truth.saved())),
        format!("({})", cents(truth.saved() + spent)),
        format!("requests: {}<", truth.requests()),
        format!("{tier1:.0} % · {:.0} %", 100.0 - tier1),
        format!(">{fallbacks} / {attempts} "),
        format!(">{} / {attempts} ", truth.errors()),
        format!("{} of $4.00", cents(spent)),
        format!(">{} %<", spent * 100 / BUDGET),
        format!("<b>budget</b> {} % of today", spent * 100 / BUDGET),
        format!("<b>cost per hour</b> {} in the last hour", cents(spent)),
    ]
}

fn of_the_dashboard(served: &Served, truth: &Truth, fallbacks: u64) {
    let visit = Visit::begin(served, &served.key);
    // What was read a moment ago is told for a second.
    let missing = |page: &str| {
        shown(truth, fallbacks).into_iter().find(|words| !page.to_lowercase().contains(&words.to_lowercase()))
    };
    let mut page = String::new();
    until("the dashboard's figures", || {
        page = visit.get("/dashboard").is(200).text();
        page.contains(&format!("id=\"spent\">{}<", cents(truth.spent())))
    });
    assert_eq!(missing(&page), None, "{page}");
}

fn of_prometheus(prometheus: &Prometheus, truth: &Truth, fallbacks: u64) {
    let value = |query: &str| prometheus.value(query).unwrap_or(f64::NAN);
    until("Prometheus has the end", || nanos(value("sum(moai_cost_usd_total)")) == truth.spent());
    assert_eq!(nanos(value("sum(moai_saved_usd)")), truth.saved());
    assert_eq!(value("sum(moai_requests_total)") as u64, truth.requests());
    assert_eq!(value("sum(moai_errors_total)") as u64, truth.errors());
    assert_eq!(value("sum(moai_fallbacks_total)") as u64, fallbacks);
    let share = value("moai_budget_spent_usd{scope=\"day\"} / moai_budget_usd{scope=\"day\"}");
    assert!((share * 100.0 - percent(truth.spent(), BUDGET)).abs() < 1e-6, "{share}");
    until("and the alerts that stand", || value("sum(moai_alerts_active)") == 2.0);
    // It saw the vendor die and come back.
    assert_eq!(value("max_over_time(moai_alerts_active{alert=\"provider-down\"}[1h])"), 1.0);
    assert_eq!(value("moai_alerts_active{alert=\"provider-down\"}"), 0.0);
    assert_eq!(value("max_over_time(moai_breaker_state{model=\"glm-4.7\",state=\"open\"}[1h])"), 1.0);
    assert_eq!(value("moai_breaker_state{model=\"glm-4.7\",state=\"closed\"}"), 1.0);
}

fn of_the_browser(browser: &mut Chromium, served: &Served, truth: &Truth) {
    let spent = cents(truth.spent());
    browser.wait(&format!("document.getElementById('spent').textContent === '{spent}'"));
    assert_eq!(browser.eval("window.same"), true, "it came by itself");
    assert_eq!(browser.complaints, Vec::<String>::new());
    if std::env::var_os("MOAI_TEST_PICTURES").is_none() {
        return;
    }
    for lang in ["en", "ko"] {
        browser.go(&format!("http://{}/dashboard?lang={lang}", served.address));
        browser.wait("document.getElementById('live').className === 'live on'");
        for (kind, width, scheme) in [("light", 1240, "light"), ("dark", 1240, "dark"), ("phone", 375, "light")] {
            browser.picture(&format!("story-{lang}-{kind}"), width, scheme);
        }
    }
}

/// Keeps the gateway where somebody wants to look at it.
fn hold(town: &Town, served: &Served) {
    let Some(file) = std::env::var_os("MOAI_TEST_HOLD").map(PathBuf::from) else { return };
    let (home, clock) = (town.scratch.home(), town.clock.display().to_string());
    let said = format!(
        "HOME={} MOAI_NOW=@{clock} moai top\nhttp://{}/dashboard\n{}\n",
        home.display(),
        served.address,
        served.key
    );
    std::fs::write(&file, said).unwrap();
    until_gone(&file);
}

fn until_gone(file: &std::path::Path) {
    while file.exists() {
        std::thread::park_timeout(std::time::Duration::from_secs(1));
    }
}
