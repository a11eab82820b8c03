//! `moai route` and `moai session` as a person and a script use them: real processes, a vendor on loopback, `sim`.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{KEY, NOW, Said, Scratch, mode};
use crate::upstream::{Answer, Vendor};

const PLAN: &str = "API 설계해줘";
const CODE: &str = "코드 구현해줘";
const OPUS: &str = "/v1/messages";
const GLM: &str = "/glm/chat/completions";

/// A world with a key for both tiers, which a vendor on loopback serves, and hardly any patience.
fn world(vendor: &Vendor) -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("ANTHROPIC_API_KEY", &format!("sk-ant-{KEY}"));
    scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
    scratch.set_env("ZAI_API_KEY", KEY);
    scratch.set_env("ZAI_BASE_URL", &format!("{}/glm", vendor.url()));
    scratch.set_env("MOAI_RETRY_FIRST_WAIT", "0.001");
    scratch
}

/// Both tiers answer.
fn answering() -> (Vendor, Scratch) {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::said(Dialect::Anthropic, "설계: REST"));
    vendor.on(GLM).answer(Answer::said(Dialect::Chat, "fn main() {}"));
    let scratch = world(&vendor);
    (vendor, scratch)
}

fn log(scratch: &Scratch, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.home().join(".moai/logs").join(file)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// No key is in anything that was said or written.
fn no_key(scratch: &Scratch, said: &Said) {
    let secret = KEY.as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(!holds(said.stdout.as_bytes()) && !holds(said.stderr.as_bytes()), "{said:#?}");
    for (path, bytes) in scratch.snapshot() {
        assert!(!holds(&bytes), "{}", path.display());
    }
}

#[test]
fn planning_goes_to_opus_and_implementation_to_glm() {
    let (vendor, scratch) = answering();
    let said = scratch.moai(["route", PLAN]);
    assert_eq!((said.status, said.stdout.as_str()), (0, "설계: REST\n"), "{said:#?}");
    assert!(said.stderr.starts_with("claude-opus: tier 1 (plan)"), "{said:#?}");
    assert!(said.stderr.contains("12 tokens in, 7 out"), "{said:#?}");
    no_key(&scratch, &said);
    let answer = scratch.moai(["route", CODE, "--json"]).json();
    assert_eq!(
        (&answer["model_used"], &answer["tier"], &answer["content"], &answer["decided_by"]),
        (&json!("glm-4.7"), &json!(2), &json!("fn main() {}"), &json!("classifier"))
    );
    assert_eq!((&answer["input_tokens"], &answer["output_tokens"]), (&json!(12), &json!(7)));
    assert_eq!(
        (&answer["attempts"], &answer["fallback"], &answer["price_book"]),
        (&json!(1), &json!(false), &json!("list"))
    );
    let sum: i64 = answer["evidence"].as_array().unwrap().iter().map(|one| one["weight"].as_i64().unwrap()).sum();
    assert_eq!(json!(sum), answer["score"]);
    let seen = vendor.seen();
    assert_eq!(seen[0].header("x-api-key"), Some(format!("sk-ant-{KEY}").as_str()));
    assert_eq!(seen[0].json()["model"], "claude-opus-4-5-20251101");
    assert_eq!(seen[1].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(seen[1].json()["model"], "glm-4.7");
}

#[test]
fn the_specs_prices_are_exact() {
    let (_vendor, mut scratch) = answering();
    scratch.set_env("MOAI_PRICES_BOOK", "spec-model-001");
    let answer = scratch.moai(["route", PLAN, "--json"]).json();
    // 12 tokens at 15 and 7 at 75 dollars a million.
    assert_eq!((&answer["cost_usd"], &answer["price_book"]), (&json!(0.000_705), &json!("spec-model-001")));
}

#[test]
fn a_dry_run_needs_no_key_and_sends_and_keeps_nothing() {
    let vendor = Vendor::start();
    let mut scratch = Scratch::repository();
    scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
    for (text, tier, model) in
        [(PLAN, 1, "claude-opus"), (CODE, 2, "glm-4.7"), ("", 2, "glm-4.7"), ("안녕하세요", 2, "glm-4.7")]
    {
        let answer = scratch.moai(["route", text, "--dry-run", "--json"]).json();
        assert_eq!((&answer["tier"], &answer["model_used"]), (&json!(tier), &json!(model)), "{text}");
        assert_eq!(
            (&answer["ready"], &answer["content"], &answer["cost_usd"]),
            (&json!(false), &Value::Null, &Value::Null)
        );
    }
    let said = scratch.moai(["route", PLAN, "--dry-run"]);
    assert!(said.stdout.starts_with("claude-opus: tier 1 (plan), coding, decided by the prompt ("), "{said:#?}");
    assert!(said.stderr.contains("there is no key for anthropic"), "{said:#?}");
    assert!(vendor.seen().is_empty());
    assert!(!scratch.home().join(".moai/journal").exists());
}

#[test]
fn commands_decide_with_certainty() {
    let scratch = Scratch::repository();
    for (text, model) in [("/moai:1-plan user authentication", "claude-opus"), ("/moai:2-run SPEC-001", "glm-4.7")] {
        let answer = scratch.moai(["route", "-n", "--json", text]).json();
        assert_eq!(
            (&answer["model_used"], &answer["classification_confidence"], &answer["decided_by"]),
            (&json!(model), &json!(1.0), &json!("command"))
        );
    }
}

#[test]
fn the_worktrees_model_wins_over_the_words() {
    let scratch = Scratch::repository();
    scratch.moai(["worktree", "create", "feature-auth"]).ok();
    let list = scratch.moai(["worktree", "list", "--json"]).json();
    let trees = list["worktrees"].as_array().unwrap();
    let path =
        trees.iter().find_map(|tree| tree["path"].as_str().filter(|path| path.ends_with("feature-auth"))).unwrap();
    std::fs::create_dir_all(format!("{path}/.moai")).unwrap();
    std::fs::write(format!("{path}/.moai/config.toml"), "[route]\nmodel = \"claude-opus\"\n").unwrap();
    let ask = |args: &[&str]| scratch.moai([&["route", "-n", "--json", CODE], args].concat()).json();
    let answer = ask(&["--worktree", path]);
    assert_eq!((&answer["model_used"], &answer["decided_by"]), (&json!("claude-opus"), &json!("worktree")));
    assert_eq!(ask(&["--spec", "feature-auth"])["model_used"], "claude-opus");
    assert_eq!(ask(&["--worktree", path, "--model", "glm-4.7"])["decided_by"], "force");
    assert_eq!(ask(&[])["model_used"], "glm-4.7");
    let command = scratch.moai(["route", "-n", "--json", "/moai:2-run SPEC-1", "--worktree", path]).json();
    assert_eq!(command["decided_by"], "command", "a command comes before the worktree");
}

#[test]
fn an_overloaded_planner_is_stood_in_for_and_the_person_is_told() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::error(Dialect::Anthropic, 503));
    vendor.on(GLM).answer(Answer::said(Dialect::Chat, "stand-in"));
    let scratch = world(&vendor);
    let said = scratch.moai(["route", PLAN, "--json"]);
    assert!(said.stderr.contains("glm-4.7 stands in (fallback)"), "{said:#?}");
    let answer = said.json();
    assert_eq!(
        (&answer["fallback"], &answer["model_used"], &answer["tier"], &answer["content"]),
        (&json!(true), &json!("glm-4.7"), &json!(1), &json!("stand-in"))
    );
    // Once more after a failure of the vendor's own, then the other tier.
    assert_eq!((vendor.count(OPUS), vendor.count(GLM), &answer["attempts"]), (2, 1, &json!(3)));
    assert_eq!(answer["tried"][0]["status"], 503);
}

#[test]
fn a_rate_limit_is_waited_out_three_times_and_then_left() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::error(Dialect::Anthropic, 429));
    vendor.on(GLM).answer(Answer::said(Dialect::Chat, "ok"));
    let scratch = world(&vendor);
    let said = scratch.moai(["route", PLAN]);
    assert_eq!((vendor.count(OPUS), vendor.count(GLM)), (4, 1));
    assert_eq!(said.stderr.matches("asking again in").count(), 3, "{said:#?}");
    assert_eq!(said.ok(), "ok\n");
}

#[test]
fn when_nobody_answers_all_who_were_asked_are_named() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::error(Dialect::Anthropic, 503));
    vendor.on(GLM).answer(Answer::error(Dialect::Chat, 500));
    let scratch = world(&vendor);
    let said = scratch.moai(["route", PLAN]);
    no_key(&scratch, &said);
    let stderr = said.fails(4);
    assert!(stderr.contains("no model answered: claude-opus: ") && stderr.contains("; glm-4.7: "), "{stderr}");
    let errors = log(&scratch, "errors.jsonl");
    assert_eq!(errors.len(), 1);
    let tried: Vec<_> =
        errors[0]["tried"].as_array().unwrap().iter().map(|one| one["model"].as_str().unwrap()).collect();
    assert_eq!(tried, ["claude-opus", "glm-4.7"]);
    assert_eq!(mode(&scratch.home().join(".moai/logs/errors.jsonl")), 0o600);
    let said = scratch.moai(["route", PLAN, "--json"]);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.status, &answer["error"]["exit"], &answer["error"]["code"]), (4, &json!(4), &json!("no-answer")));
}

#[test]
fn a_wrong_request_is_nobody_elses_and_a_refused_key_is_a_matter_of_configuration() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::error(Dialect::Anthropic, 400));
    vendor.on(GLM).answer(Answer::error(Dialect::Chat, 401));
    let scratch = world(&vendor);
    scratch.moai(["route", PLAN]).fails(4);
    assert_eq!(vendor.count(GLM), 0, "a bad request is not tried elsewhere");
    let stderr = scratch.moai(["route", CODE, "--no-fallback"]).fails(3);
    assert!(stderr.contains("moai glm <key>"), "{stderr}");
}

#[test]
fn without_a_key_nothing_is_sent() {
    let scratch = Scratch::repository();
    let stderr = scratch.moai(["route", CODE]).fails(3);
    assert!(stderr.contains("there is no key for") && stderr.contains("moai key set"), "{stderr}");
    let stderr = scratch.moai(["route", CODE, "--model", "glm-4.8"]).fails(3);
    assert!(stderr.contains("did you mean `glm-4.7`?"), "{stderr}");
}

#[test]
fn an_answer_that_breaks_off_is_kept_and_is_no_success() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::said(Dialect::Anthropic, "half an answer").cut_after(6));
    vendor.on(GLM).answer(Answer::said(Dialect::Chat, "never asked"));
    let scratch = world(&vendor);
    let said = scratch.moai(["route", PLAN]);
    assert!(said.stdout.starts_with("ha") && said.stdout.ends_with('\n'), "{said:#?}");
    said.fails(4);
    assert_eq!(vendor.count(GLM), 0, "what a person has seen nobody else goes on from");
    let said = scratch.moai(["route", PLAN, "-o", "out.md"]);
    assert_eq!((said.status, said.stdout.as_str()), (4, ""));
    assert!(!scratch.project().join("out.md").exists());
    assert!(scratch.read("out.md.part").starts_with("ha"));
}

#[test]
fn ctrl_c_keeps_what_came_and_journals_it() {
    let vendor = Vendor::start();
    vendor.on(OPUS).answer(Answer::said(Dialect::Anthropic, "slowly").hangs_after(4));
    let scratch = world(&vendor);
    let mut child =
        scratch.moai_command(["route", PLAN]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"sl");
    scratch.command("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped before the answer was whole"), "{output:?}");
    let journal = journal(&scratch);
    assert_eq!(journal.stats(moai::journal::Days::default()).unwrap()[0].totals.cancelled, 1);
}

/// The scratch world's journal, read with its own key.
fn journal(scratch: &Scratch) -> moai::journal::Journal {
    let place = moai::journal::Place::new(scratch.home().join(".moai/journal"));
    let (key, from) = moai::journal::key::find(&place.dir, &moai::journal::key::Lookup::default()).unwrap();
    moai::journal::Journal::open(&place, &key, from, jiff::tz::TimeZone::UTC, NOW.parse().unwrap()).unwrap()
}

#[test]
fn a_conversation_goes_on_and_is_shortened_where_the_model_changes() {
    let (vendor, scratch) = answering();
    for at in 0..12 {
        let text = format!(
            "/moai:1-plan 결정 {at}: SPEC-AUTH-00{at} 저장소는 PostgreSQL로 한다. {}",
            "배경 설명을 조금 더 붙입니다. ".repeat(8)
        );
        scratch.moai(["route", "-s", "auth", &text]).ok();
    }
    let answer = scratch.moai(["route", "-s", "auth", "--json", CODE]).json();
    assert_eq!((&answer["model_used"], &answer["session_id"]), (&json!("glm-4.7"), &json!("auth")));
    let (before, after) = (&answer["compressed"]["tokens_before"], &answer["compressed"]["tokens"]);
    assert!(after.as_u64().unwrap() * 10 <= before.as_u64().unwrap() * 3, "{after} of {before}");
    let sent = vendor.seen().last().unwrap().json().to_string();
    for kept in ["SPEC-AUTH-000", "SPEC-AUTH-0011", "PostgreSQL", CODE] {
        assert!(sent.contains(kept), "{kept} is missing in {sent}");
    }
    // A text that asks for nothing stays with the model of the conversation.
    assert_eq!(scratch.moai(["route", "-n", "-s", "auth", "--json", "안녕하세요"]).json()["decided_by"], "session");

    let list = scratch.moai(["session", "list", "--json"]).json();
    assert_eq!((&list["sessions"][0]["id"], &list["sessions"][0]["messages"]), (&json!("auth"), &json!(26)));
    let shown = scratch.moai(["session", "show", "auth"]).ok();
    assert!(shown.contains("assistant (claude-opus)") && shown.contains("shortened for glm-4.7"), "{shown}");
    assert_eq!(scratch.moai(["session", "clear", "auth", "--dry-run"]).ok(), "auth\n");
    assert!(scratch.moai(["session", "clear", "--all"]).fails(2).contains("--yes"));
    scratch.moai(["session", "clear", "auth"]).ok();
    assert!(scratch.moai(["session", "show", "auth"]).fails(1).contains("no conversation `auth`"));
    assert!(scratch.moai(["session"]).ok().is_empty());
}

/// R-EVT-003 inside one request: whoever stands in is told the conversation in short, and who answered last gets all
/// of it, whoever was asked before.
#[test]
fn a_stand_in_is_told_the_conversation_in_short_and_its_old_model_all_of_it() {
    let vendor = Vendor::start();
    let busy = |dialect| Answer::error(dialect, 503);
    let opus = (0..12).fold(vendor.on(OPUS), |on, _| on.answer(Answer::said(Dialect::Anthropic, "그렇게 합시다")));
    opus.answer(Answer::said(Dialect::Anthropic, "stood in")).answer(busy(Dialect::Anthropic));
    vendor.on(GLM).answer(busy(Dialect::Chat)).answer(busy(Dialect::Chat)).answer(Answer::said(Dialect::Chat, "here"));
    let scratch = world(&vendor);
    for at in 0..12 {
        let text = format!("/moai:1-plan 결정 {at}: SPEC-AUTH-00{at}. {}", "배경 설명을 조금 더 붙입니다. ".repeat(8));
        scratch.moai(["route", "-s", "auth", &text]).ok();
    }
    let sizes = |from: usize| -> Vec<(bool, usize)> {
        let seen = vendor.seen();
        seen.iter().skip(from).map(|seen| (seen.path == OPUS, seen.json().to_string().len())).collect()
    };
    let [.., (_, whole)] = sizes(0)[..] else { panic!() };
    // GLM is asked in short and fails; Opus, which answered last, gets all of it.
    let from = vendor.seen().len();
    let answer = scratch.moai(["route", "-s", "auth", "--json", CODE]).json();
    assert_eq!((&answer["content"], &answer["compressed"]), (&json!("stood in"), &json!(null)), "{answer:#}");
    for (opus, size) in sizes(from) {
        assert!(if opus { size > whole } else { size * 2 < whole }, "{opus} {size} of {whole}");
    }
    // Opus is asked with all of it and fails; GLM stands in and gets it in short.
    let from = vendor.seen().len();
    let answer = scratch.moai(["route", "-s", "auth", "--json", PLAN]).json();
    assert_eq!((&answer["content"], &answer["fallback"]), (&json!("here"), &json!(true)), "{answer:#}");
    assert!(answer["compressed"]["tokens"].as_u64() < answer["compressed"]["tokens_before"].as_u64(), "{answer:#}");
    for (opus, size) in sizes(from) {
        assert!(if opus { size > whole } else { size * 2 < whole }, "{opus} {size} of {whole}");
    }
    assert!(scratch.moai(["session", "show", "auth"]).ok().contains("shortened for glm-4.7"));
    for args in [&["list"][..], &["show", "auth"], &["clear", "auth", "-n"], &["clear", "auth"], &["list"]] {
        holds("session", &scratch.moai([&["session", "--json"][..], args].concat()).json());
    }
}

#[test]
fn conversations_are_gone_after_a_day() {
    let (_vendor, mut scratch) = answering();
    scratch.moai(["route", "-s", "auth", PLAN]).ok();
    scratch.set_env("MOAI_NOW", "2026-01-10T12:00:01Z");
    assert_eq!(scratch.moai(["session", "--json"]).json()["sessions"], json!([]));
}

#[test]
fn a_batch_answers_every_line_in_its_place() {
    let (vendor, scratch) = answering();
    let input = format!("{PLAN}\n\n{{\"id\": \"b\", \"text\": \"{CODE}\"}}\n{{broken\n{{\"id\": 4, \"text\": \"\"}}\n");
    let said = scratch.moai_stdin(&input, ["route", "--batch", "-", "--json"]);
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line["line"].as_u64().unwrap(), line["model_used"].as_str(), line["error"]["code"].as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, Some("claude-opus"), None),
            (3, Some("glm-4.7"), None),
            (4, None, Some("bad-line")),
            (5, None, Some("empty-prompt"))
        ]
    );
    assert_eq!((&lines[1]["id"], &lines[3]["id"]), (&json!("b"), &json!(4)));
    assert_eq!(said.status, 2);
    assert_eq!(vendor.seen().len(), 2);
    scratch.write("prompts.txt", input.lines().next().unwrap());
    let dry = scratch.moai(["route", "--batch", "prompts.txt", "--dry-run"]).ok();
    assert_eq!(dry.lines().count(), 1);
    assert_eq!(vendor.seen().len(), 2, "a dry run sends nothing");
}

/// Another process has the turn of the conversation: the first Ctrl-C ends the wait for it.
#[test]
fn ctrl_c_ends_the_wait_for_a_conversation() {
    let (_vendor, scratch) = answering();
    scratch.write("prompts.txt", PLAN);
    let dir = scratch.home().join(".moai/journal");
    let go = moai::base::interrupt::Interrupt::default();
    let id = "auth".parse().unwrap();
    let held = moai::exchange::session::hold(&dir, &id, std::time::Duration::ZERO, &go, || {}).unwrap();
    let args = ["route", "--batch", "prompts.txt", "-s", "auth"];
    let mut child = scratch.moai_command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    while !said.contains("waiting for its end") {
        let mut byte = [0];
        assert_eq!(child.stderr.as_mut().unwrap().read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    scratch.command("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(held);
}

#[test]
fn a_dry_run_of_a_batch_can_be_corrected() {
    let (_vendor, scratch) = answering();
    scratch.moai(["route", CODE]).ok();
    let dry = scratch.moai_stdin(PLAN, ["route", "--batch", "-", "-n"]);
    let line: Value = serde_json::from_str(dry.stdout.trim()).unwrap();
    assert_eq!(line["tier"], 1);
    let noted = scratch.moai(["feedback", line["request_id"].as_str().unwrap(), "implement", "--json"]).json();
    assert_eq!(scratch.moai(["route", "-n", "--json", PLAN]).json()["tier"], 2);
    let export = scratch.moai(["feedback", "export", "--json"]).json();
    for document in [noted, export, scratch.moai(["feedback", "undo", "--json"]).json()] {
        holds("feedback", &document);
    }
}

/// Nobody answers: an answer from before is one only to the same wish, and is not taken for a new one.
#[test]
fn an_answer_from_before_is_to_the_same_wish_and_marked() {
    let vendor = Vendor::start();
    let said = |dialect| Answer::said(dialect, "from before");
    vendor.on(OPUS).answer(said(Dialect::Anthropic)).answer(Answer::error(Dialect::Anthropic, 401));
    vendor.on(GLM).answer(Answer::error(Dialect::Chat, 401));
    let scratch = world(&vendor);
    scratch.moai(["route", PLAN]).ok();
    let again = scratch.moai(["route", PLAN]);
    assert!(again.stderr.contains("this is what claude-opus answered at 2026-01-09 12:00"), "{again:#?}");
    assert!(again.stderr.contains("claude-opus · cached ·"), "{again:#?}");
    assert_eq!(again.ok(), "from before\n");
    for other in [&["--tier", "1"][..], &["--agent", "planner"], &["--no-fallback"], &["--strategy", "cost"]] {
        let said = scratch.moai([&["route", PLAN][..], other].concat());
        assert_ne!(said.status, 0, "{other:?}: {said:#?}");
    }
}

#[test]
fn a_conversation_that_cannot_be_kept_says_how_to_ask_without_one() {
    let (_vendor, scratch) = answering();
    scratch.write_home(".moai/journal", "in the way");
    let stderr = scratch.moai(["route", "-s", "auth", PLAN]).fails(1);
    assert!(
        stderr.contains("the conversation auth cannot be kept") && stderr.contains("leave out `--session`"),
        "{stderr}"
    );
}

/// What would be passed by without a word: somebody who has to go through a proxy does not want to go past it.
#[test]
fn a_proxy_that_cannot_be_used_is_an_error() {
    let (vendor, mut scratch) = answering();
    scratch.set_env("HTTPS_PROXY", "socks5://me:hunter2@proxy.example:1080");
    let stderr = scratch.moai(["route", PLAN]).fails(3);
    assert!(stderr.contains("HTTPS_PROXY") && !stderr.contains("hunter2"), "{stderr}");
    assert_eq!(vendor.seen().len(), 0);
}

/// What a repository's files do not decide.
#[test]
fn a_project_decides_neither_where_prompts_go_nor_that_they_are_logged() {
    let (vendor, mut scratch) = answering();
    scratch.write(".moai/config.toml", "[log]\nprompts = true\n");
    scratch.moai(["route", "-n", PLAN]).ok();
    assert_eq!(log(&scratch, "decisions.jsonl")[0]["prompt"], json!(null));
    scratch.write_home(".moai/config.toml", "[log]\nprompts = true\n");
    scratch.moai(["route", "-n", PLAN]).ok();
    assert_eq!(log(&scratch, "decisions.jsonl")[1]["prompt"], PLAN);
    scratch.write(".moai/config/sections/llm.yaml", "llm:\n  glm:\n    base_url: https://evil.example/v1\n");
    // The environment is the person's own.
    scratch.moai(["route", CODE]).ok();
    scratch.set_env("ZAI_BASE_URL", "");
    let stderr = scratch.moai(["route", CODE]).fails(3);
    assert!(stderr.contains("sends prompts and keys to evil.example"), "{stderr}");
    assert!(stderr.contains("moai config set --user providers.zai.base_url"), "{stderr}");
    assert_eq!(vendor.seen().len(), 1);
}

#[test]
fn prompts_come_from_words_files_and_standard_input() {
    let (vendor, scratch) = answering();
    scratch.write("prompt.md", "\u{feff}코드 구현해줘\r\n");
    scratch.moai(["route", "-f", "prompt.md"]).ok();
    scratch.moai_stdin("diff --git a b\n", ["route", "코드", "구현해줘", "-"]).ok();
    scratch.moai_stdin("코드 구현해줘\n", ["route"]).ok();
    scratch.moai(["route", "--", "--코드 구현해줘"]).ok();
    let texts: Vec<_> =
        vendor.seen().iter().map(|seen| seen.json()["messages"][0]["content"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, [CODE, "코드 구현해줘\n\ndiff --git a b", CODE, "--코드 구현해줘"]);
    assert!(scratch.moai(["route", ""]).fails(2).contains("the prompt is empty"));
    assert!(scratch.moai(["route", "-f", "nowhere.md"]).fails(2).contains("nowhere.md"));
    scratch.write("latin1.txt", b"caf\xe9");
    assert!(scratch.moai(["route", "-f", "latin1.txt"]).fails(2).contains("byte 3"));
}

#[test]
fn what_the_model_is_asked_for_reaches_it() {
    let (vendor, scratch) = answering();
    scratch.moai(["route", PLAN, "--system", "be brief", "--max-tokens", "50", "--temperature", "0.20"]).ok();
    let body = vendor.seen()[0].json();
    assert_eq!((&body["max_tokens"], &body["temperature"], &body["stream"]), (&json!(50), &json!(0.2), &json!(true)));
    assert!(body["system"].to_string().contains("be brief"), "{body}");
    assert!(scratch.moai(["route", PLAN, "--temperature", "9"]).fails(2).contains("between 0 and 2"));
}

#[test]
fn a_file_gets_the_whole_answer_or_stays_as_it_is() {
    let (_vendor, scratch) = answering();
    scratch.write("out.md", "old\n");
    let said = scratch.moai(["route", PLAN, "-o", "out.md"]);
    assert_eq!(said.ok(), "");
    assert_eq!(scratch.read("out.md"), "설계: REST\n");
    // A pipe is written to; nothing is put in its place.
    let pipe = scratch.project().join("pipe");
    assert!(scratch.command("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = scratch.moai_command(["route", PLAN, "-q", "-o", "pipe"]).spawn().unwrap();
    assert_eq!(std::fs::read_to_string(&pipe).unwrap(), "설계: REST\n");
    assert!(child.wait().unwrap().success());
    let locked = scratch.write("locked.md", "mine");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o444)).unwrap();
    let stderr = scratch.moai(["route", PLAN, "-o", "locked.md"]).fails(2);
    assert!(stderr.contains("is read-only") && scratch.read("locked.md") == "mine", "{stderr}");
    let stderr = scratch.moai(["route", PLAN, "-o", "none/out.md"]).fails(2);
    assert!(stderr.contains("does not exist"), "{stderr}");
}

#[test]
fn the_decision_log_says_why_and_holds_no_prompt() {
    let (_vendor, mut scratch) = answering();
    let answer = scratch.moai(["route", "극비 인수합병 API 설계해줘", "--json"]).json();
    let lines = log(&scratch, "decisions.jsonl");
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((&line["model"], &line["request_id"]), (&json!("claude-opus"), &answer["request_id"]));
    assert!(!line["evidence"].as_array().unwrap().is_empty() && !line["alternatives"].as_array().unwrap().is_empty());
    assert!(!line.to_string().contains("극비") && !line.to_string().contains("인수"), "{line}");
    assert_eq!(mode(&scratch.home().join(".moai/logs/decisions.jsonl")), 0o600);
    scratch.set_env("MOAI_LOG_PROMPTS", "true");
    scratch.moai(["route", "-n", PLAN]).ok();
    assert_eq!(log(&scratch, "decisions.jsonl")[1]["prompt"], PLAN);
}

#[test]
fn a_home_that_cannot_be_written_costs_a_warning_and_no_answer() {
    let (_vendor, scratch) = answering();
    // Files where the directories would be: that stops root, too.
    scratch.write_home(".moai/logs", "in the way");
    scratch.write_home(".moai/journal", "in the way");
    let said = scratch.moai(["route", PLAN]);
    assert!(said.stderr.contains("the decision is not in the log"), "{said:#?}");
    assert!(said.stderr.contains("warning: ") && said.stderr.contains("the cost"), "{said:#?}");
    let warned = said.stderr.clone();
    assert_eq!(said.ok(), "설계: REST\n");
    // One more, in a session; then the home is well again, and a report finds both.
    let runtime = scratch.root().join("runtime");
    std::fs::create_dir(&runtime).unwrap();
    let mut in_session = scratch.moai_command(["route", PLAN]);
    assert!(in_session.env("XDG_RUNTIME_DIR", &runtime).output().unwrap().status.success());
    assert_eq!(std::fs::read_dir(&runtime).unwrap().count(), 1, "it waits there");
    std::fs::remove_file(scratch.home().join(".moai/journal")).unwrap();
    // From anywhere, not only from within the repository.
    let mut report = scratch.moai_command(["costs", "today", "--json"]);
    let report = report.current_dir(scratch.root()).env("XDG_RUNTIME_DIR", &runtime);
    let report = Said::from(&report.output().unwrap()).json();
    assert_eq!(report["requests"], 2, "{report:#}");
    let waited = warned.split("waits in ").nth(1).and_then(|rest| rest.split(" and is").next()).unwrap();
    std::fs::remove_dir_all(std::path::Path::new(waited).parent().unwrap()).unwrap();
}

/// Runs a shell script in a mount namespace of its own, as root of a user namespace where we are not root; `None` where
/// the system does not let us.
fn in_namespace(scratch: &Scratch, script: &str) -> Option<Said> {
    let output = scratch.command("unshare").args(["--map-root-user", "--mount", "sh", "-ec", script]).output().ok()?;
    let said = Said::from(&output);
    let refused = said.stderr.contains("unshare") || said.stderr.contains("mount:");
    (said.status == 0 || !refused).then_some(said)
}

/// A full disk and a read-only home cost neither the answer nor its row.
#[test]
fn a_full_disk_and_a_read_only_home_lose_nothing() {
    let moai = env!("CARGO_BIN_EXE_moai");
    let (_vendor, scratch) = answering();
    let home = scratch.home();
    let (home, own) = (home.display(), home.join(".moai"));
    std::fs::create_dir_all(&own).unwrap();
    let own = own.display();
    // `dd` ends when nothing more fits.
    let full = format!(
        "mount -t tmpfs -o size=64k none '{own}'; dd if=/dev/zero of='{own}/full' bs=1k 2>/dev/null || true; \
         exec '{moai}' route '{PLAN}'"
    );
    let locked =
        format!("mount --bind '{home}' '{home}'; mount -o remount,bind,ro '{home}'; exec '{moai}' route '{PLAN}'");
    for (at, script) in [full, locked].iter().enumerate() {
        let Some(said) = in_namespace(&scratch, script) else { return };
        assert!(said.stderr.contains("the cost waits in"), "{said:#?}");
        assert!(!said.stderr.contains(KEY) && said.stderr.contains("claude-opus"), "{said:#?}");
        assert_eq!(said.ok(), "설계: REST\n");
        let report = scratch.moai(["costs", "today", "--json"]).json();
        assert_eq!(report["requests"], at + 1, "{report:#}");
    }
}

#[test]
fn the_budget_warns_and_goes_on() {
    let (_vendor, mut scratch) = answering();
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "0.0000001");
    let said = scratch.moai(["route", PLAN]);
    assert!(said.stderr.contains("of today's budget is spent"), "{said:#?}");
    assert_eq!(said.ok(), "설계: REST\n");
    let answer = scratch.moai(["route", PLAN, "--json"]).json();
    assert_eq!((&answer["budget"]["level"], &answer["content"]), (&json!("over"), &json!("설계: REST")));
}

#[test]
fn a_model_cannot_drive_the_terminal_and_a_pipe_gets_its_bytes() {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_SIM_ANSWER", "a\u{1b}[2Jb");
    assert_eq!(scratch.moai(["route", "--model", "sim", "x"]).ok(), "a\u{1b}[2Jb\n");
    let script = scratch
        .command("script")
        .args(["-qec", &format!("{} route --model sim x", env!("CARGO_BIN_EXE_moai")), "/dev/null"])
        .output();
    if let Ok(output) = script {
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("a\\u{1b}[2Jb"), "{shown}");
    }
}

#[test]
fn the_explanation_has_evidence_precedence_and_candidates() {
    let (_vendor, scratch) = answering();
    let text = scratch.moai(["route", "-n", "--explain", PLAN]).ok();
    for part in ["score +", "op:design", "(bytes 4-10)", "* classifier", "1. claude-opus", "2. glm-4.7"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut scratch = Scratch::repository();
    scratch.write("long.txt", "line\n".repeat(50_000));
    scratch.set_env("MOAI_SIM_PIECE", "100");
    let mut child = scratch
        .moai_command(["route", "--model", "sim", "-f", "long.txt"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 5];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("error"), "{output:?}");
}

#[test]
fn sim_costs_nothing_and_is_in_the_journal_of_a_private_home() {
    let scratch = Scratch::repository();
    let answer = scratch.moai(["route", "--model", "sim", "--json", CODE]).json();
    assert_eq!(
        (&answer["content"], &answer["cost_usd"], &answer["decided_by"]),
        (&json!(CODE), &json!(0.0), &json!("force"))
    );
    let meta = std::fs::metadata(scratch.home().join(".moai/journal/journal.db")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    assert_eq!(journal(&scratch).rows().unwrap(), 1);
    // And it spares nobody anything.
    let costs = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!((&costs["total_requests"], &costs["saved_usd"]), (&json!(1), &json!(0.0)));
}

#[test]
fn what_programs_read_is_what_the_schemas_say() {
    let (vendor, mut scratch) = answering();
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "100");
    let route = |args: &[&str]| -> Value {
        serde_json::from_str(&scratch.moai([&["route", "--json"], args].concat()).stdout).unwrap()
    };
    for args in [
        &["-n", PLAN][..],
        &["-n", ""],
        &["-n", "--strategy", "cost", CODE],
        &[PLAN, "-s", "auth"],
        &[CODE, "-s", "auth"],
        &["--model", "nobody", CODE],
        &[""],
    ] {
        holds("route", &route(args));
    }
    let input = format!("{PLAN}\n{{\"id\": [1], \"text\": \"{CODE}\"}}\n{{\n");
    for line in scratch.moai_stdin(&input, ["route", "--batch", "-"]).stdout.lines() {
        holds("route", &serde_json::from_str(line).unwrap());
    }
    drop(vendor);
    let broken = Vendor::start();
    broken.on(OPUS).answer(Answer::error(Dialect::Anthropic, 503));
    broken.on(GLM).answer(Answer::said(Dialect::Chat, "half an answer").cut_after(4));
    scratch.set_env("ANTHROPIC_BASE_URL", &broken.url());
    scratch.set_env("ZAI_BASE_URL", &format!("{}/glm", broken.url()));
    let cut: Value = serde_json::from_str(&scratch.moai(["route", "--json", PLAN]).stdout).unwrap();
    assert_eq!(cut["error"]["code"], "cut");
    holds("route", &cut);
    let decisions = log(&scratch, "decisions.jsonl");
    assert!(decisions.len() > 5);
    for line in &decisions {
        holds("decision-log-line", line);
    }
    let errors = log(&scratch, "errors.jsonl");
    assert_eq!(errors.len(), 1);
    for line in &errors {
        holds("error-log-line", line);
    }
}
