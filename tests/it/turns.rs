//! Turns of conversations through the gateway: the real `moai serve`, real sockets, two vendors that play their part.

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::scratch::{KEY, Scratch};
use crate::serve::{Reply, Served};
use crate::upstream::{Answer, Vendor};

/// Where the two vendors listen, both in Anthropic's dialect.
const CLAUDE: &str = "/v1/messages";
const GLM: &str = "/api/anthropic/v1/messages";
/// A key that opens nothing.
const CLAUDE_KEY: &str = "sk-ant-api03-turns-SeCrEt-0123456789";

const DESIGN: &str = "결제 시스템 아키텍처를 설계해줘";
const CODE: &str = "로그인 함수를 구현해줘";

/// A world with both vendors and both keys.
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
        scratch.set_env("ANTHROPIC_API_KEY", CLAUDE_KEY);
        scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
        scratch.set_env("ZAI_API_KEY", KEY);
        // What plays Anthropic has its peculiarities, wherever it listens.
        let played = "[providers.anthropic]\npreset = \"anthropic\"\n[retry]\nfirst_wait = 0.01\nlongest_wait = 0.04\n";
        scratch.write_home(".moai/config.toml", format!("{played}{settings}"));
        claude.on(CLAUDE).answer(Answer::said(Dialect::Anthropic, "ok"));
        glm.on(GLM).answer(Answer::said(Dialect::Anthropic, "ok"));
        Self { scratch, claude, glm }
    }

    fn serve(&self) -> Served {
        Served::start(&self.scratch, &[])
    }
}

/// What Claude Code sends for a turn of the user.
fn turn(text: &str) -> Value {
    json!({
        "model": "claude-opus-5-5", "max_tokens": 1_000, "stream": true, "tools": [{"name": "Read", "input_schema": {}}],
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "<system-reminder>design the whole architecture</system-reminder>"},
            {"type": "text", "text": text},
        ]}],
    })
}

/// The same with a tool's answer behind it.
fn tool_answer(text: &str) -> Value {
    let mut body = turn(text);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file": "a"}}]}));
    messages.push(json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "implement the function"}]}));
    body
}

/// Sends what Claude Code would send, with these hints.
#[track_caller]
fn code(served: &Served, session: &str, hints: &[(&str, &str)], body: &Value) -> Reply {
    let own = [
        ("user-agent", "claude-cli/2.1.329 (external, sdk-cli)"),
        ("anthropic-version", "2023-06-01"),
        ("x-claude-code-session-id", session),
    ];
    let headers: Vec<_> = own.into_iter().chain(hints.iter().copied()).collect();
    served.ask("POST", "/v1/messages?beta=true", &headers, body.to_string())
}

const MAIN: [(&str, &str); 2] = [("x-claude-code-request-class", "main"), ("x-claude-1p-request-class", "main")];
const TITLE: [(&str, &str); 2] =
    [("x-claude-code-request-class", "auxiliary"), ("x-claude-1p-request-class", "summary-extraction")];

/// `model decided_by tier`.
#[track_caller]
fn told(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let word = |name: &str| reply.header(&format!("x-moai-{name}")).unwrap_or("-").to_owned();
    format!("{} {} {}", word("model"), word("decided-by"), word("tier"))
}

#[test]
fn a_design_goes_to_tier_1_and_code_to_tier_2_in_the_same_session() {
    let town = Town::new("");
    let served = town.serve();
    let say = |text: &str| told(&code(&served, "s-1", &MAIN, &turn(text)));
    assert_eq!(say(DESIGN), "claude-opus classifier 1");
    assert_eq!(say(CODE), "glm-4.7 classifier 2");
    assert_eq!(say("안녕하세요"), "glm-4.7 session 2", "who greets stays");
    assert_eq!(say(DESIGN), "claude-opus classifier 1");
    assert_eq!(say("결제 관련"), "claude-opus session 1", "what is unsure stays where it is warm");
    assert_eq!(say("계속해줘"), "claude-opus session 1", "who goes on stays");
    assert_eq!((town.claude.count(CLAUDE), town.glm.count(GLM)), (4, 2));
    let [claude, glm] = [&town.claude, &town.glm].map(|vendor| vendor.seen().remove(0));
    assert_eq!(claude.json()["model"], "claude-opus-4-5-20251101");
    assert_eq!(glm.json()["model"], "glm-4.7");
    assert_eq!((claude.header("anthropic-version"), claude.header("x-moai-project")), (Some("2023-06-01"), None));
    for seen in town.claude.seen().iter().chain(&town.glm.seen()) {
        assert!(!format!("{:?}", seen.headers).contains(&served.key), "the gateway's key went to a vendor");
    }
}

#[test]
fn a_tools_answer_stays_with_the_model_that_asked_for_it() {
    let town = Town::new("");
    let served = town.serve();
    assert_eq!(told(&code(&served, "s", &MAIN, &turn(DESIGN))), "claude-opus classifier 1");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "claude-opus session 1");
    // Another thread of the same session is decided for itself, and does not disturb the first.
    let agent = [("x-claude-code-request-class", "subagent"), ("x-claude-code-agent-id", "a-1")];
    assert_eq!(told(&code(&served, "s", &agent, &turn(CODE))), "glm-4.7 classifier 2");
    assert_eq!(told(&code(&served, "s", &agent, &tool_answer(CODE))), "glm-4.7 session 2");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "claude-opus session 1");
    // After a restart the turn's own words decide, and find the same model.
    drop(served);
    let served = town.serve();
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "claude-opus classifier 1");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "claude-opus session 1");
}

#[test]
fn the_loop_of_a_stand_in_stays_with_it() {
    let town = Town::new("");
    let broken = Answer::error(Dialect::Anthropic, 401);
    let well = Answer::said(Dialect::Anthropic, "ok");
    let claude = Vendor::start();
    claude.on(CLAUDE).answer(broken).answer(well);
    let mut scratch = town.scratch;
    scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
    let served = Served::start(&scratch, &[]);
    let first = code(&served, "s", &MAIN, &turn(DESIGN));
    assert_eq!(told(&first), "glm-4.7 classifier 1");
    assert_eq!((first.header("x-moai-fallback"), first.header("x-moai-attempts")), (Some("true"), Some("2")));
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "glm-4.7 session 2");
    // A key that was not taken is not tried again at once, and the decision is still about the text.
    assert_eq!(told(&code(&served, "s", &MAIN, &turn(DESIGN))), "glm-4.7 classifier 1");
    assert_eq!(claude.count(CLAUDE), 1);
}

#[test]
fn the_clients_own_business_is_cheap_and_disturbs_nobody() {
    let town = Town::new("");
    let served = town.serve();
    code(&served, "s", &MAIN, &turn(DESIGN));
    assert_eq!(told(&code(&served, "s", &TITLE, &turn(DESIGN))), "glm-4.7 background 2");
    let mut haiku = turn(DESIGN);
    haiku["model"] = "claude-haiku-5-5".into();
    assert_eq!(told(&code(&served, "s", &[], &haiku)), "glm-4.7 background 2");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(DESIGN))), "claude-opus session 1");
    let compact = [("x-claude-code-request-class", "compaction")];
    let summary = turn("Your task is to create a detailed summary of the conversation so far, and implement nothing");
    assert_eq!(told(&code(&served, "s", &compact, &summary)), "claude-opus session 1");
    assert_eq!(told(&code(&served, "s", &[], &summary)), "claude-opus session 1", "without the headers too");

    let named = Town::new("[serve]\nbackground = [\"glm-4.5-air\"]\n");
    let served = named.serve();
    assert_eq!(told(&code(&served, "s", &TITLE, &turn(DESIGN))), "glm-4.5-air background 2");
}

#[test]
fn commands_move_a_session() {
    let town = Town::new("");
    let served = town.serve();
    let say = |text: &str| told(&code(&served, "s", &MAIN, &turn(text)));
    assert_eq!(say("/moai:1-plan user authentication"), "claude-opus command 1");
    assert_eq!(say("/moai:2-run SPEC-001"), "glm-4.7 command 2");
    let sent = "<command-message>moai:1-plan is running…</command-message>\n<command-name>/moai:1-plan</command-name>\n\
                <command-args>implement the login</command-args>";
    assert_eq!(say(sent), "claude-opus command 1");
    assert_eq!(say("<command-name>/moai:3-sync</command-name>"), "glm-4.7 command 2");
}

#[test]
fn a_model_that_is_named_is_a_wish_and_one_that_nobody_knows_is_not() {
    let town = Town::new("");
    let served = town.serve();
    let named = |model: &str| {
        let mut body = turn(DESIGN);
        body["model"] = model.into();
        told(&code(&served, "s", &MAIN, &body))
    };
    assert_eq!(named("glm-4.7"), "glm-4.7 force 2");
    assert_eq!(named("claude-code/glm-4.5-air"), "glm-4.5-air force 2");
    assert_eq!(named("gpt-9"), "claude-opus classifier 1");
    let chat = |model: &str| {
        served.post("/v1/chat/completions", &json!({"model": model, "messages": [{"role": "user", "content": CODE}]}))
    };
    assert_eq!(told(&chat("auto")), "glm-4.7 classifier 2");
    assert_eq!(told(&chat("claude-opus")), "claude-opus force 1");
    assert_eq!(chat("auto").json()["choices"][0]["message"]["content"], "ok");

    let strict = Town::new("[serve]\nunknown_models = \"refuse\"\n");
    let served = strict.serve();
    let mut body = turn(DESIGN);
    body["model"] = "gpt-9".into();
    let refused = code(&served, "s", &MAIN, &body).is(404).json();
    assert_eq!(refused["error"]["type"], "not_found_error", "{refused}");
    let wrong = served.post("/v1/chat/completions", &json!({"model": "gpt-9", "messages": []})).is(404).json();
    assert_eq!(wrong["error"]["code"], "model_not_found", "{wrong}");
}

#[test]
fn a_checkouts_own_model_counts_from_the_next_request_on() {
    let town = Town::new("");
    let served = town.serve();
    let path = town.scratch.project().display().to_string();
    let here = [MAIN[0], MAIN[1], ("x-moai-worktree", &*path)];
    assert_eq!(told(&code(&served, "s", &here, &turn(DESIGN))), "claude-opus classifier 1");
    town.scratch.write(".moai/config.toml", "[route]\nmodel = \"glm-4.5-air\"\n");
    assert_eq!(told(&code(&served, "s", &here, &tool_answer(DESIGN))), "glm-4.5-air worktree 2");
    assert_eq!(told(&code(&served, "s", &here, &tool_answer(DESIGN))), "glm-4.5-air session 2");
    assert_eq!(told(&code(&served, "s", &here, &turn("/moai:1-plan x"))), "claude-opus command 1");
    let nowhere = [MAIN[0], ("x-moai-worktree", "/no/such/place")];
    assert_eq!(told(&code(&served, "t", &nowhere, &turn(CODE))), "glm-4.7 classifier 2");
}

#[test]
fn agents_have_their_models() {
    let town = Town::new("[agents.Explore]\nprimary_model = \"glm-4.5-air\"\n");
    let served = town.serve();
    let explore = [("x-claude-code-request-class", "subagent"), ("x-claude-code-agent-type", "Explore")];
    assert_eq!(told(&code(&served, "s", &explore, &turn(DESIGN))), "glm-4.5-air agent 2");
    let other = [("x-claude-code-request-class", "subagent"), ("x-claude-code-agent-type", "custom")];
    assert_eq!(told(&code(&served, "s", &other, &turn(DESIGN))), "claude-opus classifier 1");
    let own = [("x-claude-code-request-class", "main"), ("x-moai-agent", "explore")];
    assert_eq!(told(&code(&served, "t", &own, &turn(DESIGN))), "glm-4.5-air agent 2");
}

#[test]
fn what_is_forced_outlives_a_kill_and_ends_in_time() {
    let mut town = Town::new("");
    let mut served = town.serve();
    let model = |served: &Served, session: &str, text: &str| told(&code(served, session, &MAIN, &turn(text)));
    let force = |served: &Served, body: Value| served.post("/api/router/force-model", &body);
    let forced = force(&served, json!({"model": "glm"})).is(200).json();
    assert_eq!((&forced["forced"]["model"], &forced["forced"]["wanted"]), (&json!("glm-4.7"), &json!("glm")));
    for text in [DESIGN, CODE, "/moai:1-plan x"] {
        assert_eq!(model(&served, "s", text), "glm-4.7 force 2");
    }
    force(&served, json!({"provider": "claude", "session": "s", "expires_in": 3_600})).is(200);
    assert_eq!(model(&served, "s", CODE), "claude-opus force 1");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(CODE))), "claude-opus force 1");
    assert_eq!(model(&served, "t", DESIGN), "glm-4.7 force 2");
    served.signal("KILL");
    served.ended();
    // An hour is over, in this process's time.
    town.scratch.set_env("MOAI_NOW", "2026-01-09T13:00:00Z");
    let mut served = town.serve();
    assert_eq!(model(&served, "s", DESIGN), "glm-4.7 force 2", "what was for one session is over");
    let shown = served.get("/api/router/force-model").is(200).json();
    assert_eq!((&shown["forced"]["model"], shown["sessions"].as_array().unwrap().len()), (&json!("glm-4.7"), 0));
    served.ask("DELETE", "/api/router/force-model", &[], "").is(200);
    assert_eq!(model(&served, "s", DESIGN), "claude-opus classifier 1");
    force(&served, json!({"tier": 2})).is(200);
    assert_eq!(model(&served, "s", DESIGN), "glm-4.7 force 2");
    let cleared = force(&served, json!({"model": null})).is(200).json();
    assert_eq!(cleared["forced"], Value::Null);
    for (body, code) in [
        (json!({"model": "gpt-9"}), "unknown-model"),
        (json!({"model": "gpt-5.4"}), "no-key"),
        (json!({"provider": "openai"}), "no-key"),
        (json!({"tier": 3}), "bad-tier"),
        (json!({"model": "glm", "tier": 1}), "bad-body"),
        (json!({"model": "glm", "expires_in": -1}), "bad-time"),
        (json!({"model": "glm", "expires_at": "2020-01-01T00:00:00Z"}), "bad-time"),
        (json!({"modell": "glm"}), "bad-body"),
    ] {
        let refused = force(&served, body.clone()).is(400).json();
        assert_eq!(refused["error"]["code"], code, "{body} {refused}");
    }
    served.signal("TERM");
    served.ended();
}

#[test]
fn without_a_key_the_answer_says_what_to_run_and_is_not_asked_again() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    let reply = code(&served, "s", &MAIN, &turn(CODE)).is(401);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let error = reply.json()["error"].clone();
    assert_eq!(error["type"], "authentication_error");
    assert!(error["message"].as_str().unwrap().contains("`moai key set"), "{error}");
}

#[test]
fn thinking_of_one_vendor_is_not_shown_to_the_other() {
    let town = Town::new("");
    let served = town.serve();
    let mut body = turn(DESIGN);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.insert(0, json!({"role": "user", "content": "before"}));
    messages.insert(
        1,
        json!({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "moai-glm-v1:"},
            {"type": "thinking", "thinking": "so", "signature": "EqQBCgIYAg"},
            {"type": "text", "text": "well"}]}),
    );
    let reply = code(&served, "s", &MAIN, &body);
    assert_eq!(told(&reply), "claude-opus classifier 1");
    assert_eq!(reply.header("x-moai-dropped"), Some("thinking"));
    let sent = town.claude.seen().remove(0).json()["messages"][1]["content"].clone();
    assert_eq!(sent.as_array().unwrap().len(), 2, "{sent}");
    assert_eq!(sent[0]["signature"], "EqQBCgIYAg");
}

#[test]
fn the_models_are_told_in_the_clients_words() {
    let town = Town::new("");
    let served = town.serve();
    let ids = |reply: &Reply| -> Vec<String> {
        let data = reply.json()["data"].clone();
        data.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let openai = served.get("/v1/models").is(200);
    assert_eq!(openai.json()["object"], "list");
    assert_eq!(ids(&openai)[0], "auto");
    assert!(ids(&openai).contains(&"glm-4.7".to_owned()) && !ids(&openai).contains(&"gpt-5.4".to_owned()));
    let anthropic = served.ask("GET", "/v1/models?limit=1000", &[("anthropic-version", "2023-06-01")], "").is(200);
    assert_eq!(anthropic.json()["data"][0]["type"], "model");
    let code = served.ask("GET", "/v1/models?limit=1000", &[("user-agent", "claude-code/2.1.329")], "").is(200);
    assert!(ids(&code).iter().all(|id| id.contains("claude")), "{:?}", ids(&code));
    assert!(ids(&code).contains(&"claude-code/glm-4.7".to_owned()));
    assert_eq!(served.get("/v1/models/glm").is(200).json()["id"], "glm");
    assert_eq!(served.get("/v1/models/claude-code%2Fglm-4.7").is(200).json()["owned_by"], "zai");
    assert_eq!(served.get("/v1/models/gpt-9").is(404).json()["error"]["code"], "model_not_found");
    assert_eq!(served.ask_without_key("HEAD", "/api/hello", &[], "").status, 200);
}

#[test]
fn what_was_decided_and_spent_is_in_the_books() {
    let town = Town::new("");
    let mut served = town.serve();
    let headers = [MAIN[0], ("x-moai-project", "shop"), ("x-moai-spec", "SPEC-001")];
    let reply = code(&served, "s-9", &headers, &turn(DESIGN));
    code(&served, "s-9", &headers, &tool_answer(DESIGN));
    served.signal("TERM");
    served.ended();
    let costs = town.scratch.moai(["costs", "--json", "--by", "project"]).json();
    assert!(costs.to_string().contains("\"shop\""), "{costs:#}");
    let log = std::fs::read_to_string(town.scratch.home().join(".moai/logs/decisions.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert_eq!(lines[0]["request_id"].as_str(), reply.header("x-moai-request-id"));
    assert_eq!((&lines[0]["session_id"], &lines[0]["spec"]), (&json!("s-9"), &json!("SPEC-001")));
    assert!(!log.contains("설계"), "a prompt is in the log");
}

#[test]
fn nobody_notices_that_the_first_provider_dies() {
    let mut town = Town::new("");
    let served = town.serve();
    assert_eq!(told(&code(&served, "s", &MAIN, &turn(DESIGN))), "claude-opus classifier 1");
    // Nobody listens there any more.
    let dead = std::mem::replace(&mut town.claude, Vendor::start());
    drop(dead);
    for body in [turn(DESIGN), tool_answer(DESIGN), turn(DESIGN)] {
        let reply = code(&served, "s", &MAIN, &body);
        assert_eq!((reply.status, reply.header("x-moai-model")), (200, Some("glm-4.7")), "{}", reply.text());
        assert!(reply.text().contains("message_stop") && !reply.text().contains("event: error"), "{}", reply.text());
    }
}

#[test]
fn an_answer_under_way_ends_as_it_began() {
    let town = Town::new("");
    let claude = Vendor::start();
    claude.on(CLAUDE).answer(Answer::said(Dialect::Anthropic, "a long answer").hangs_after(6));
    let mut scratch = town.scratch;
    scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
    let served = Served::start(&scratch, &[]);
    let mut under_way = served.connect();
    let bearer = format!("Bearer {}", served.key);
    let headers = [("authorization", &*bearer), ("x-claude-code-session-id", "s"), MAIN[0]];
    under_way.ask("POST", "/v1/messages", &headers, turn(DESIGN).to_string().as_bytes());
    let (status, headers) = under_way.head().unwrap();
    assert!(status == 200 && headers.contains(&("x-moai-model".into(), "claude-opus".into())), "{headers:?}");
    served.post("/api/router/force-model", &json!({"model": "glm"})).is(200);
    // The next request goes elsewhere, and the one under way is not cut: nobody else was asked for it.
    assert_eq!(told(&code(&served, "t", &MAIN, &turn(DESIGN))), "glm-4.7 force 2");
    assert_eq!((claude.count(CLAUDE), town.glm.count(GLM)), (1, 1));
    let served_health = served.get("/api/health").is(200).json();
    assert!(served_health["in_flight"].as_u64().unwrap() >= 2, "{served_health:#}");
}

#[test]
fn a_model_without_room_for_the_prompt_is_passed_over() {
    let town = Town::new("[models.\"glm-4.7\"]\ncontext = 20\n");
    let served = town.serve();
    let reply = code(&served, "s", &MAIN, &turn(CODE));
    assert_eq!(told(&reply), "claude-sonnet classifier 2");
    assert!(reply.header("x-moai-reason").unwrap().contains("too long"), "{:?}", reply.header("x-moai-reason"));
}

#[test]
fn a_search_of_the_web_goes_to_whoever_can() {
    let town = Town::new("");
    let served = town.serve();
    let mut body = turn(CODE);
    body["tools"] = json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]);
    assert_eq!(told(&code(&served, "s", &MAIN, &turn(CODE))), "glm-4.7 classifier 2");
    let search = [("x-claude-code-request-class", "auxiliary"), ("x-claude-1p-request-class", "main")];
    assert_eq!(told(&code(&served, "s", &search, &body)), "claude-sonnet classifier 2");
    assert_eq!(told(&code(&served, "s", &MAIN, &tool_answer(CODE))), "glm-4.7 session 2", "the thread goes on");
}

#[test]
fn tokens_are_counted_and_nothing_is_written_down() {
    let town = Town::new("");
    let mut served = town.serve();
    let path = "/v1/messages/count_tokens";
    town.claude.on(path).answer(Answer::json(200, &json!({"input_tokens": 2_095})));
    let count = |text: &str| served.ask("POST", &format!("{path}?beta=true"), &[], turn(text).to_string()).is(200);
    let (told, guessed) = (count(DESIGN), count(CODE));
    assert_eq!((told.json()["input_tokens"].as_u64(), told.header("x-moai-estimated")), (Some(2_095), Some("false")));
    assert!(guessed.json()["input_tokens"].as_u64().unwrap() > 10, "{}", guessed.text());
    assert_eq!(guessed.header("x-moai-estimated"), Some("true"));
    served.signal("TERM");
    served.ended();
    assert!(!town.scratch.home().join(".moai/logs/decisions.jsonl").exists());
}
