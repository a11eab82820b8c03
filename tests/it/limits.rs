//! Budgets, limits and the books of the gateway, over real sockets and with real processes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::scratch::Scratch;
use crate::serve::{Reply, Served};
use crate::upstream::{Answer, Vendor};

const PATH: &str = "/v1/messages";

/// A world with one vendor, whose every answer costs 0.0525 dollars (1,000 tokens in and 500 out, by the seeds' book).
fn town(settings: &str) -> (Scratch, Vendor) {
    let mut scratch = Scratch::repository();
    let vendor = Vendor::start();
    scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
    scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-limits-SeCrEt-0123456789");
    scratch.write_home(".moai/config.toml", format!("[prices]\nbook = \"spec-model-001\"\n{settings}"));
    vendor.on(PATH).answer(Answer::said(Dialect::Anthropic, "ok").using(1000, 500));
    (scratch, vendor)
}

/// A request that allows about as much output as it gets.
fn ask(served: &Served) -> Reply {
    let body = json!({"model": "claude-opus-4-5", "max_tokens": 600, "messages": [{"role": "user", "content": "Design the API"}]});
    served.ask("POST", PATH, &[("anthropic-version", "2023-06-01")], body.to_string())
}

fn spent(served: &Served) -> f64 {
    served.get("/api/costs/daily").is(200).json()["total_cost_usd"].as_f64().unwrap()
}

/// Waits until no request is under way: an answer's last byte is there a moment before its row.
#[track_caller]
fn settled(served: &Served) {
    let idle = (0..100_000).any(|_| served.get("/api/health").is(200).json()["limited"]["running"] == 0);
    assert!(idle, "something is still under way");
}

/// The same to a hundredth of a cent.
fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.000_1
}

#[test]
fn of_twenty_at_once_a_budget_for_five_lets_five_through() {
    let (scratch, vendor) = town("[budget]\ndaily_usd = 0.27\non_limit = \"refuse\"\n");
    let served = Served::start(&scratch, &[]);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let reply = ask(&served);
                if reply.status == 200 {
                    answered.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                // What Claude Code prints, and stops at.
                assert_eq!((reply.status, reply.header("x-should-retry")), (429, Some("false")), "{}", reply.text());
                let error = reply.json()["error"].clone();
                assert_eq!(error["type"], "billing_error");
                assert!(error["message"].as_str().unwrap().starts_with("spend limit reached: "), "{error}");
            });
        }
    });
    assert_eq!((answered.into_inner(), vendor.count(PATH)), (5, 5));
    settled(&served);
    assert!(same(spent(&served), 0.2625));
    let chat = json!({"model": "claude-opus", "messages": [{"role": "user", "content": "Design the API"}]});
    let refused = served.post("/v1/chat/completions", &chat).is(429);
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.json()["error"]["code"], "insufficient_quota");
    assert_eq!(
        served.post("/api/chat", &json!({"message": "Design the API"})).is(429).json()["error"]["code"],
        "quota"
    );
    // Another process knows of it, too, and so does the next gateway.
    drop(served);
    let next = Served::start(&scratch, &[]);
    ask(&next).is(429);
    assert_eq!(vendor.count(PATH), 5);
}

#[test]
fn a_dearer_stand_in_that_does_not_fit_is_passed_over() {
    for (limit, stands_in) in [("0.10", false), ("1.00", true)] {
        let settings =
            "[retry]\nattempts = 1\n[route]\ntier2 = [\"glm\", \"claude-opus\"]\n[budget]\non_limit = \"refuse\"\n";
        let (mut scratch, claude) = town(&format!("{settings}daily_usd = {limit}\n"));
        let glm = Vendor::start();
        scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
        scratch.set_env("ZAI_API_KEY", crate::scratch::KEY);
        glm.on("/*").answer(Answer::error(Dialect::Anthropic, 529));
        claude.on(PATH).answer(Answer::said(Dialect::Anthropic, "ok").using(1000, 6000));
        let served = Served::start(&scratch, &[]);
        let ask = |path: &str, body: Value| served.post(path, &body);
        let messages = json!([{"role": "user", "content": "코드를 구현해줘"}]);
        let reply = ask(PATH, json!({"model": "auto", "max_tokens": 6000, "messages": messages}));
        assert_eq!((reply.status == 200, claude.count(PATH)), (stands_in, usize::from(stands_in)), "{}", reply.text());
        assert!(glm.count("/api/anthropic/v1/messages") > 0);
        if !stands_in {
            let said = reply.text();
            assert!(said.contains("claude-opus: not asked: what is left of today's budget is less"), "{said}");
            let chat = ask("/api/chat", json!({"message": "코드를 구현해줘", "max_tokens": 6000}));
            assert_eq!((chat.status == 200, claude.count(PATH)), (false, 0), "{}", chat.text());
        }
        settled(&served);
        let limit: f64 = limit.parse().unwrap();
        assert!(spent(&served) <= limit, "{} of {limit}", spent(&served));
        let held = &served.get("/api/health").is(200).json()["budgets"][0]["reserved_usd"];
        assert_eq!(held, 0.0);
    }
}

#[test]
fn each_step_of_a_budget_is_said_once_to_whoever_watches() {
    let (scratch, _vendor) = town("[budget]\ndaily_usd = 0.2\n");
    let mut served = Served::start(&scratch, &[]);
    for _ in 0..5 {
        ask(&served).is(200);
        settled(&served);
    }
    served.signal("TERM");
    served.ended();
    let talk = served.talk();
    let said: Vec<&str> = talk.lines().filter(|line| line.contains("of today's budget is spent")).collect();
    assert_eq!(said.len(), 2, "{talk}");
    assert!(said[0].contains("52 % of today's budget") && said[1].contains("105 % of today's budget"), "{talk}");
    assert!(said[1].ends_with("; going on"), "{talk}");
}

#[test]
fn a_budget_that_is_set_while_requests_are_under_way_counts_them() {
    let (scratch, vendor) = town("");
    let said = || Answer::said(Dialect::Anthropic, "ok").using(1000, 500);
    vendor.on(PATH).answer(said().hangs_after(1)).answer(said());
    let served = Served::start(&scratch, &[]);
    ask(&served).is(200);
    let mut client = served.connect();
    let messages = json!([{"role": "user", "content": "Design the API"}]);
    let body = json!({"model": "claude-opus-4-5", "max_tokens": 600, "stream": true, "messages": messages});
    client.ask("POST", PATH, &[("x-api-key", &served.key)], body.to_string().as_bytes());
    while vendor.count(PATH) < 2 {
        std::thread::yield_now();
    }
    let settings = "[prices]\nbook = \"spec-model-001\"\n[budget]\ndaily_usd = 10\non_limit = \"refuse\"\n";
    scratch.write_home(".moai/config.toml", settings);
    scratch.moai(["serve", "reload"]).ok();
    // Its client leaves, and what was generated for it is accounted: to the day's budget as well.
    drop(client);
    let budget = || served.get("/api/costs/daily").is(200).json()["budget"]["spent_usd"].as_f64().unwrap();
    let counted = (0..100_000).any(|_| spent(&served) > 0.0526 && same(budget(), spent(&served)));
    assert!(counted, "{} of {}", budget(), spent(&served));
    // And nothing twice, whenever one looks.
    let before = budget();
    ask(&served).is(200);
    settled(&served);
    assert!((0..300).all(|_| same(budget(), before + 0.0525)), "{before} {}", budget());
}

#[test]
fn by_default_a_budget_warns_and_goes_on() {
    let (scratch, vendor) = town("[budget]\ndaily_usd = 0.1\n");
    let served = Served::start(&scratch, &[]);
    for warned in [false, false, true] {
        let reply = ask(&served).is(200);
        assert_eq!(reply.header("x-moai-warning").is_some(), warned);
        settled(&served);
    }
    let warning = ask(&served).is(200).header("x-moai-warning").unwrap().to_owned();
    assert_eq!(warning, "157 % of today's budget is spent ($0.1575 of $0.1000); going on");
    settled(&served);
    let daily = served.get("/api/costs/daily").is(200).json();
    assert_eq!((&daily["budget"]["level"], &daily["budgets"][0]["on_limit"]), (&json!("over"), &json!("warn")));
    assert!(same(spent(&served), 4.0 * 0.0525), "the journal's sum is the vendor's own");
    assert_eq!(vendor.count(PATH), 4);
}

#[test]
fn agents_projects_sessions_and_keys_have_budgets_of_their_own() {
    let (scratch, _vendor) = town(
        "[budget]\non_limit = \"refuse\"\nagent_usd = 0.06\nsession_usd = 0.06\n[budget.projects]\nsmall = 0.06\n\
         [budget.keys]\nfirst = 0.5\n",
    );
    let served = Served::start(&scratch, &[]);
    let ask = |headers: &[(&str, &str)]| {
        let body = json!({"model": "claude-opus-4-5", "max_tokens": 600, "messages": [{"role": "user", "content": "Design the API"}]});
        served.ask("POST", PATH, headers, body.to_string())
    };
    for (name, value) in [("x-moai-agent", "dear"), ("x-moai-session", "long"), ("x-moai-project", "small")] {
        ask(&[(name, value)]).is(200);
        let refused = ask(&[(name, value)]).is(429).text();
        assert!(refused.contains(value), "{refused}");
    }
    ask(&[("x-moai-agent", "other"), ("x-moai-session", "other"), ("x-moai-project", "large")]).is(200);
    settled(&served);
    let budgets = served.get("/api/health").is(200).json()["budgets"].clone();
    let key = budgets.as_array().unwrap().iter().find(|one| one["scope"] == "key").unwrap();
    assert!(same(key["spent_usd"].as_f64().unwrap(), 4.0 * 0.0525), "{budgets}");
    assert!(budgets.as_array().unwrap().iter().all(|one| one["reserved_usd"] == 0.0), "{budgets}");
}

#[test]
fn what_another_process_spends_counts() {
    let (scratch, vendor) = town("[budget]\ndaily_usd = 0.1\non_limit = \"refuse\"\n");
    let served = Served::start(&scratch, &[]);
    ask(&served).is(200);
    scratch.moai(["route", "--model", "claude-opus", "Design the API"]).ok();
    // Asking the books is enough: they look around at the next occasion, within two seconds.
    let begun = Instant::now();
    let spent = || served.get("/api/costs/daily").is(200).json()["budget"]["spent_usd"].as_f64().unwrap();
    while !same(spent(), 0.105) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the other process's row was never seen");
        std::thread::yield_now();
    }
    ask(&served).is(429);
    assert_eq!(vendor.count(PATH), 2);
}

#[test]
fn requests_a_minute_are_counted_and_told_when_to_come_back() {
    let (scratch, vendor) = town("[limits]\nrequests_per_minute = 2\n");
    let served = Served::start(&scratch, &[]);
    ask(&served).is(200);
    ask(&served).is(200);
    let refused = ask(&served).is(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let error = refused.json()["error"].clone();
    assert_eq!(
        (&error["type"], &error["message"]),
        (&json!("rate_limit_error"), &json!("the limit is 2 requests a minute"))
    );
    assert_eq!(vendor.count(PATH), 2);
}

#[test]
fn one_at_once_means_one_at_once_and_the_others_wait_their_turn() {
    let (scratch, vendor) = town("[limits]\nconcurrent = 1\n");
    let served = Served::start(&scratch, &[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| ask(&served).is(200));
        }
    });
    assert_eq!(vendor.count(PATH), 8);
    let (scratch, vendor) = town("[limits]\nconcurrent = 1\nqueue = 0\n");
    vendor.on(PATH).answer(Answer::silence());
    let served = Served::start(&scratch, &[]);
    ask(&served).is(200);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&served));
        while vendor.count(PATH) < 2 {
            std::thread::yield_now();
        }
        let refused = ask(&served).is(429);
        assert!(refused.text().contains("as many requests are under way as may be at once"), "{}", refused.text());
        served.signal("KILL");
        drop(first.join());
    });
}

#[test]
fn a_killed_gateway_has_written_what_it_has_told() {
    let (scratch, _vendor) = town("[budget]\ndaily_usd = 100\n");
    let served = Served::start(&scratch, &[]);
    for _ in 0..10 {
        ask(&served).is(200);
    }
    settled(&served);
    // What was told is in the journal.
    assert_eq!(served.get("/api/costs/daily").is(200).json()["total_requests"], 10);
    ask(&served).is(200);
    served.signal("KILL");
    drop(served);
    let today = scratch.moai(["costs", "today", "--json"]).json();
    let requests = today["total_requests"].as_u64().unwrap();
    // The eleventh had ended less than ten milliseconds before.
    assert!((10..=11).contains(&requests), "{today:#}");
    assert!(same(today["total_cost_usd"].as_f64().unwrap(), 0.0525 * f64::from(u32::try_from(requests).unwrap())));
}

#[test]
fn a_stopped_gateway_has_written_everything() {
    let (scratch, vendor) = town("");
    let served = Served::start(&scratch, &[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| drop(ask(&served).is(200))));
        }
    });
    scratch.moai(["serve", "stop"]).ok();
    drop(served);
    assert_eq!(vendor.count(PATH), 20);
    let today = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!(today["total_requests"], 20);
    assert!(same(today["total_cost_usd"].as_f64().unwrap(), 20.0 * 0.0525));
}

#[test]
fn a_journal_with_another_key_stops_nobody_and_loses_nothing() {
    let (mut scratch, _vendor) = town("");
    scratch.set_env("MOAI_JOURNAL_KEY", &"11".repeat(32));
    scratch.moai(["route", "--model", "claude-opus", "Design the API"]).ok();
    scratch.set_env("MOAI_JOURNAL_KEY", &"22".repeat(32));
    let served = Served::start(&scratch, &[]);
    for _ in 0..3 {
        ask(&served).is(200);
    }
    let journal = (0..100_000)
        .map(|_| served.get("/api/health").is(200).json()["books"].clone())
        .find(|books| books["spooled"] == 3)
        .expect("three rows in the spool");
    assert!(journal["trouble"]["code"].as_str().unwrap().starts_with("journal"), "{journal}");
    assert_eq!(served.get("/api/costs/daily").status, 503);
    scratch.moai(["serve", "stop"]).ok();
    drop(served);
    scratch.set_env("MOAI_JOURNAL_KEY", &"11".repeat(32));
    let today: Value = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!(today["total_requests"], 4, "the next run writes what waited");
}
