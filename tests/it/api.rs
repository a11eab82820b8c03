//! The seeds' HTTP API over real sockets: the routes of SPEC-MODEL-001 and of seed 003, with their very field names.

use std::time::Duration;

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{KEY, Scratch};
use crate::serve::Served;
use crate::upstream::{Answer, Vendor};

const CLAUDE: &str = "/v1/messages";
const GLM: &str = "/api/anthropic/v1/messages";

/// A world with a Claude and a GLM on loopback, priced as SPEC-MODEL-001 has it: 1,000 tokens in and 500 out.
struct Town {
    scratch: Scratch,
    claude: Vendor,
    glm: Vendor,
}

impl Town {
    fn new(settings: &str) -> Self {
        let mut scratch = Scratch::repository();
        let (claude, glm) = (Vendor::start(), Vendor::start());
        scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
        scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-api-SeCrEt-0123456789");
        scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
        scratch.set_env("ZAI_API_KEY", KEY);
        let common = "[retry]\nfirst_wait = 0.01\nlongest_wait = 0.04\n[prices]\nbook = \"spec-model-001\"\n";
        scratch.write_home(".moai/config.toml", format!("{common}{settings}"));
        Self { scratch, claude, glm }
    }

    fn answering(settings: &str) -> Self {
        let town = Self::new(settings);
        town.claude.on(CLAUDE).answer(Answer::said(Dialect::Anthropic, "the design").using(1000, 500));
        town.glm.on(GLM).answer(Answer::said(Dialect::Anthropic, "the code").using(1000, 500));
        town
    }
}

/// Fails where a document of the seeds has not all of these fields.
#[track_caller]
fn has(document: &Value, fields: &[&str]) {
    for field in fields {
        assert!(document.get(field).is_some_and(|value| !value.is_null()), "{field} is missing: {document:#}");
    }
}

#[test]
fn a_message_is_routed_and_answered_as_spec_model_001_says() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    let plan = served.post("/api/router/route", &json!({"message": "API 설계해줘"})).is(200).json();
    has(
        &plan,
        &["content", "model_used", "tier", "input_tokens", "output_tokens", "cost_usd", "classification_confidence"],
    );
    assert_eq!((plan["model_used"].as_str(), plan["tier"].as_u64()), (Some("claude-opus"), Some(1)));
    assert_eq!((plan["content"].as_str(), plan["cost_usd"].as_f64()), (Some("the design"), Some(0.0525)));
    assert_eq!((plan["input_tokens"].as_u64(), plan["output_tokens"].as_u64()), (Some(1000), Some(500)));
    let context = json!({"session_id": "auth-1", "conversation_history": [], "current_spec_id": "SPEC-AUTH-001",
        "worktree_path": town.scratch.project(), "force_model": null});
    let code = json!({"message": "코드 구현해줘", "context": context});
    let reply = served.post("/api/router/route", &code).is(200);
    assert_eq!(reply.header("x-moai-decided-by"), Some("classifier"));
    let code = reply.json();
    assert_eq!((code["model_used"].as_str(), code["tier"].as_u64()), (Some("glm-4.7"), Some(2)));
    assert_eq!((code["cost_usd"].as_f64(), code["metadata"]["fallback"].as_bool()), (Some(0.002), Some(false)));
    let command = json!({"message": "/moai:1-plan user authentication"});
    let command = served.post("/api/router/route", &command).is(200).json();
    assert_eq!((command["tier"].as_u64(), command["classification_confidence"].as_f64()), (Some(1), Some(1.0)));
    let forced = json!({"message": "코드 구현해줘", "context": {"session_id": "f", "force_model": "claude"}});
    let forced = served.post("/api/router/route", &forced).is(200).json();
    assert_eq!(forced["model_used"], "claude-opus");
    assert_eq!(forced["metadata"]["decided_by"], "force");
    let spec = served.get("/api/costs/breakdown?by=spec").is(200).json();
    assert_eq!(spec["values"]["SPEC-AUTH-001"]["cost_usd"], 0.002);
}

#[test]
fn a_conversation_goes_on_and_is_told_to_the_next_model() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    let say = |message: &str, history: Value| {
        let context = json!({"session_id": "work", "conversation_history": history});
        served.post("/api/router/route", &json!({"message": message, "context": context})).is(200).json()
    };
    assert_eq!(say("인증 API를 설계해줘: JWT를 쓰기로 결정", json!([]))["model_used"], "claude-opus");
    assert_eq!(say("이제 코드를 구현해줘", json!([]))["model_used"], "glm-4.7");
    let asked = town.glm.seen().last().unwrap().json().to_string();
    assert!(asked.contains("JWT") && asked.contains("the design"), "{asked}");
    // The client's own history counts instead of what was kept.
    say(
        "코드를 구현해줘",
        json!([{"role": "user", "content": "WebAuthn, please"}, {"role": "assistant", "content": "yes"}]),
    );
    let asked = town.glm.seen().last().unwrap().json().to_string();
    assert!(asked.contains("WebAuthn") && !asked.contains("the design"), "{asked}");
}

#[test]
fn an_agents_request_is_answered_as_seed_003_says() {
    let town = Town::answering(
        "[agents.data_agent]\nprimary_model = \"glm-4.7\"\n[tasks.data_processing]\nlarge_dataset = \"claude-opus\"\n\
         normal_dataset = \"glm-4.7\"\n",
    );
    let served = Served::start(&town.scratch, &[]);
    // Its first test.
    let hello =
        json!({"agent": "data_agent", "message": "Hello from Claude Code", "model_preference": "cost_efficient"});
    let hello = served.post("/api/chat", &hello).is(200).json();
    has(&hello, &["model_used", "response", "metadata"]);
    has(&hello["metadata"], &["cost", "response_time", "tokens_used", "provider"]);
    assert_eq!((hello["model_used"].as_str(), hello["response"].as_str()), (Some("glm-4.7"), Some("the code")));
    assert_eq!(hello["metadata"]["tokens_used"], 1500);
    assert_eq!((hello["metadata"]["cost"].as_f64(), &hello["metadata"]["provider"]), (Some(0.002), &json!("zai")));
    // Its Python client: a task, an agent's preferences, and the circumstances in one word or as an object.
    let ask = |context: Value, preferences: Value| {
        let body = json!({"agent": "data_agent", "task": "data_processing", "message": "Process price data",
            "preferences": preferences, "context": context});
        served.post("/api/chat", &body).is(200).json()["model_used"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(json!("large_dataset"), json!({})), "claude-opus");
    assert_eq!(ask(json!({"dataset_size": "large"}), json!({})), "claude-opus");
    assert_eq!(ask(json!("normal"), json!({})), "glm-4.7");
    assert_eq!(ask(json!({"dataset_size": "medium", "time_critical": false}), json!({})), "glm-4.7");
    assert_eq!(ask(json!({"quality_critical": true}), json!({})), "claude-opus");
    assert_eq!(ask(json!({"budget_constraint": true}), json!({})), "glm-4.7");
    assert_eq!(ask(json!(null), json!({"strategy": "quality"})), "claude-opus");
    assert_eq!(ask(json!(null), json!({"model": "claude-opus", "max_tokens": 77, "temperature": 0.5})), "claude-opus");
    let sent = town.claude.seen().last().unwrap().json();
    assert_eq!((sent["max_tokens"].as_u64(), sent["temperature"].as_f64()), (Some(77), Some(0.5)));
    let own = json!({"agent": "mine", "message": "x", "preferences": {"primary_model": "claude-opus", "fallback_model": "glm-4.7"}});
    let own = served.post("/api/chat", &own).is(200).json();
    assert_eq!((&own["model_used"], &own["metadata"]["decided_by"]), (&json!("claude-opus"), &json!("agent")));
    let agents = served.get("/api/costs/breakdown?by=agent").is(200).json();
    assert_eq!(agents["values"]["data_agent"]["requests"], 9);
}

#[test]
fn a_field_that_is_wrong_is_named() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    for (path, body, status, field) in [
        ("/api/chat", json!({"agent": "a"}), 422, "message"),
        ("/api/chat", json!({"message": ""}), 422, "message"),
        ("/api/chat", json!({"message": 7}), 422, "message"),
        ("/api/chat", json!({"message": "x", "agent": []}), 422, "agent"),
        ("/api/chat", json!({"message": "x", "preferences": "cheap"}), 422, "preferences"),
        ("/api/chat", json!({"message": "x", "preferences": {"temperature": 3}}), 422, "preferences.temperature"),
        ("/api/chat", json!({"message": "x", "preferences": {"max_tokens": 0}}), 422, "preferences.max_tokens"),
        ("/api/chat", json!({"message": "x", "preferences": {"strategy": "luck"}}), 422, "preferences.strategy"),
        ("/api/chat", json!({"message": "x", "preferences": {"model": "gpt-9"}}), 422, "preferences.model"),
        ("/api/chat", json!({"message": "x", "model_preference": "gpt-9"}), 422, "model_preference"),
        ("/api/chat", json!({"message": "x", "context": {"dataset_size": "huge"}}), 422, "context.dataset_size"),
        ("/api/chat", json!({"message": "x", "context": {"time_critical": "yes"}}), 422, "context.time_critical"),
        ("/api/router/route", json!({"context": {}}), 422, "message"),
        ("/api/router/route", json!({"message": "x", "context": {"session_id": "../x"}}), 422, "context.session_id"),
        ("/api/router/route", json!({"message": "x", "context": {"worktree_path": "x"}}), 422, "context.worktree_path"),
        ("/api/router/route", json!({"message": "x", "context": {"force_model": "gpt-9"}}), 422, "context.force_model"),
        (
            "/api/router/route",
            json!({"message": "x", "context": {"conversation_history": [{"role": "tool"}]}}),
            422,
            "context.conversation_history",
        ),
        ("/api/router/feedback", json!({"request_id": "last", "opinion": "meh"}), 422, "opinion"),
    ] {
        let wrong = served.post(path, &body).is(status).json();
        assert_eq!(wrong["error"]["field"], field, "{body}: {wrong}");
        let place: Vec<&str> =
            wrong["detail"][0]["loc"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        assert_eq!(place.join("."), format!("body.{field}"));
    }
    let broken = served.ask("POST", "/api/chat", &[], "{\"message\":").is(400).json();
    assert_eq!(broken["error"]["code"], "bad-json");
    for query in ["date=2026-13-01", "by=colour", "since=today"] {
        served.get(&format!("/api/costs/daily?{query}")).is(422);
    }
    assert_eq!(town.claude.seen().len() + town.glm.seen().len(), 0, "nothing of it was sent");
    served.ask_without_key("GET", "/api/costs/daily", &[], "").is(401);
}

#[test]
fn costs_and_stats_are_those_of_the_command_line() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    let empty = served.get("/api/costs/daily").is(200).json();
    assert_eq!((&empty["total_cost_usd"], &empty["tier2_percentage"]), (&json!(0.0), &json!(100.0)));
    for text in ["API 설계해줘", "코드 구현해줘", "코드 구현해줘"] {
        served.post("/api/router/route", &json!({"message": text})).is(200);
    }
    let daily = served.get("/api/costs/daily").is(200).json();
    has(
        &daily,
        &[
            "date",
            "total_cost_usd",
            "tier1_cost_usd",
            "tier2_cost_usd",
            "tier1_percentage",
            "tier2_percentage",
            "total_requests",
        ],
    );
    let number = |name: &str| daily[name].as_f64().unwrap();
    assert_eq!(daily["total_cost_usd"], 0.0565);
    let whole = number("tier1_percentage") + number("tier2_percentage");
    assert!((whole - 100.0).abs() < f64::EPSILON, "{whole}");
    let breakdown = served.get("/api/costs/breakdown").is(200).json();
    assert_eq!(breakdown["models"]["claude-opus"]["cost_usd"], 0.0525);
    assert_eq!(breakdown["models"]["glm-4.7"]["requests"], 2);
    assert_eq!(breakdown["total_cost_usd"], daily["total_cost_usd"]);
    assert_eq!(served.get("/api/costs/daily?date=2026-01-09").is(200).json()["total_requests"], 3);
    assert_eq!(served.get("/api/costs/daily?date=yesterday").is(200).json()["total_requests"], 0);
    let stats = served.get("/api/router/stats").is(200).json();
    holds("stats", &stats);
    assert_eq!(stats, town.scratch.moai(["stats", "--json"]).json());
    let mut today = town.scratch.moai(["costs", "today", "--json"]).json();
    holds("costs-today", &today);
    today.as_object_mut().unwrap().remove("journal");
    for (name, value) in today.as_object().unwrap() {
        assert_eq!(&daily[name], value, "{name}");
    }
    let keys = town.scratch.moai(["costs", "today", "--by", "key", "--json"]).json();
    assert_eq!((&keys["lines"][0]["value"], &keys["lines"][0]["requests"]), (&json!("first"), &json!(3)));
}

#[test]
fn feedback_counts_at_once_and_can_be_taken_back() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    served.post("/api/router/feedback", &json!({"request_id": "last", "opinion": "plan"})).is(404);
    let route = || served.post("/api/router/route", &json!({"message": "로그인 버그 수정해줘"})).is(200).json();
    let first = route();
    assert_eq!(first["tier"], 2);
    let given = json!({"request_id": first["request_id"], "opinion": "plan"});
    let given = served.post("/api/router/feedback", &given).is(200).json();
    assert_eq!((&given["tier"], &given["learned"], &given["decided_tier"]), (&json!(1), &json!(true), &json!(2)));
    assert_eq!(given["answered"]["model"], "glm-4.7");
    assert_eq!(route()["tier"], 1, "the same prompt is planned from now on");
    let undone = served.ask("DELETE", "/api/router/feedback", &[], "").is(200).json();
    assert_eq!(undone["undone"]["opinion"], "plan");
    assert_eq!(route()["tier"], 2);
    served.ask("DELETE", "/api/router/feedback", &[], "").is(404);
}

#[test]
fn what_another_process_teaches_reaches_a_gateway_that_nobody_nudges() {
    let town = Town::answering("");
    let served = Served::start(&town.scratch, &[]);
    let route = || served.post("/api/router/route", &json!({"message": "로그인 버그 수정해줘"})).is(200).json();
    let becomes = |tier: u64| assert!((0..100_000).any(|_| route()["tier"] == tier), "it was never learned");
    assert_eq!(route()["tier"], 2);
    // As from a process that cannot find the gateway, or may not send it a signal.
    let state = town.scratch.home().join(".moai/gateway/serve.json");
    let aside = state.with_extension("aside");
    std::fs::rename(&state, &aside).unwrap();
    town.scratch.moai(["feedback", "last", "plan"]).ok();
    becomes(1);
    town.scratch.moai(["feedback", "undo"]).ok();
    becomes(2);
    std::fs::rename(&aside, &state).unwrap();
}

#[test]
fn who_stands_in_is_told_and_who_was_tried_in_vain_too() {
    let town = Town::new("");
    town.claude.on(CLAUDE).answer(Answer::error(Dialect::Anthropic, 503));
    town.glm.on(GLM).answer(Answer::said(Dialect::Anthropic, "in its place").using(1000, 500));
    let served = Served::start(&town.scratch, &[]);
    let answer = served.post("/api/router/route", &json!({"message": "API 설계해줘"})).is(200).json();
    assert_eq!((&answer["model_used"], &answer["fallback"]), (&json!("glm-4.7"), &json!(true)));
    assert_eq!(answer["metadata"]["fallback"], true);
    let notice = answer["metadata"]["notice"].as_str().unwrap();
    assert!(notice.starts_with("glm-4.7 answered in place of claude-opus"), "{notice}");
    assert_eq!(served.get("/api/router/stats").is(200).json()["total"]["fallbacks"], 1);

    let town = Town::new("");
    town.claude.on(CLAUDE).answer(Answer::error(Dialect::Anthropic, 503));
    town.glm.on(GLM).answer(Answer::error(Dialect::Anthropic, 503));
    let served = Served::start(&town.scratch, &[]);
    let failed = served.post("/api/chat", &json!({"agent": "a", "message": "API 설계해줘"})).is(503).json();
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains("claude-opus") && message.contains("glm-4.7"), "{message}");
    let tried: Vec<&str> =
        failed["tried"].as_array().unwrap().iter().map(|one| one["model"].as_str().unwrap()).collect();
    assert!(tried.contains(&"claude-opus") && tried.contains(&"glm-4.7"), "{tried:?}");
}

#[test]
fn who_waits_for_a_conversation_and_leaves_is_gone_and_nobody_holds_up_the_end() {
    let town = Town::answering("[serve.timeouts]\ndrain = 1\n");
    let mut served = Served::start(&town.scratch, &[]);
    let journal = town.scratch.home().join(".moai/journal");
    let session = "busy".parse().unwrap();
    let nobody = moai::base::interrupt::Interrupt::default();
    let take = || moai::exchange::session::hold(&journal, &session, Duration::ZERO, &nobody, || {}).unwrap();
    let body = json!({"message": "코드 구현해줘", "context": {"session_id": "busy"}}).to_string();
    let ask = || {
        let mut client = served.connect();
        client.ask("POST", "/api/router/route", &[("x-api-key", &served.key)], body.as_bytes());
        client
    };
    let under_way = |count: u64| while served.get("/api/health").json()["in_flight"] != count + 1 {};
    let held = take();
    let clients: Vec<_> = (0..8).map(|_| ask()).collect();
    under_way(8);
    drop(clients);
    under_way(0);
    drop(held);
    ask().reply().is(200);
    // One that is waiting when it is told to stop.
    let _held = take();
    let _client = ask();
    under_way(1);
    served.signal("TERM");
    assert_eq!(served.ended().code(), Some(0), "{}", served.talk());
}
