//! `moai models`: the models of a real loopback Ollama and of vendors, shown, chosen, tried and measured; and seed 004's
//! routing by kind with its fallbacks.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{KEY, Scratch};
use crate::upstream::{Answer, Ollama, Vendor};

const QWEN: &str = "qwen2.5-coder:32b";
const R1: &str = "deepseek-r1:32b";
const LLAMA: &str = "llama3.3:latest";

/// A machine with the seed's three models, and a world that knows of it.
fn machine() -> (Ollama, Scratch) {
    let ollama = Ollama::start(64, &[(QWEN, 20), (R1, 20), (LLAMA, 20)]);
    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", &ollama.host());
    (ollama, scratch)
}

/// A row of `models list --json`.
#[track_caller]
fn row<'a>(document: &'a Value, model: &str) -> &'a Value {
    let rows = document["models"].as_array().unwrap();
    rows.iter().find(|row| row["model"] == model).unwrap_or_else(|| panic!("no {model}: {document:#}"))
}

#[test]
fn the_list_puts_together_what_is_known_configured_and_said() {
    let ollama = Ollama::start(64, &[(QWEN, 20), (LLAMA, 20), ("phi4:14b", 9)]);
    ollama.loads(LLAMA);
    let zai = Vendor::start();
    zai.on("/api/anthropic/v1/models")
        .answer(Answer::json(200, &json!({"data": [{"id": "glm-4.7"}, {"id": "glm-9"}]})));
    let refusing = Vendor::start();
    refusing.on("/*").answer(Answer::error(Dialect::Chat, 401));
    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", &ollama.host());
    scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", zai.url()));
    scratch.set_env("ZAI_API_KEY", KEY);
    scratch.set_env("LAB_KEY", KEY);
    scratch.write_home(
        ".moai/config.toml",
        format!(
            "[providers.lab]\nbase_url = \"{}\"\nkey_env = \"LAB_KEY\"\n[models.lab-1]\nprovider = \"lab\"\n\
             [providers.gone]\nbase_url = \"http://127.0.0.1:1\"\n[models.gone-1]\nprovider = \"gone\"\n",
            refusing.url()
        ),
    );
    let list = scratch.moai(["models", "list", "--json"]).json();
    holds("models", &list);
    for (model, state, key) in [
        ("qwen2.5-coder", "ready", "none needed"),
        ("llama3.3", "loaded", "none needed"),
        ("deepseek-r1", "not pulled", "none needed"),
        ("glm-4.7", "ready", "found"),
        ("glm-4.5-air", "not listed", "found"),
        ("claude-opus", "no key", "missing"),
        ("lab-1", "key refused", "found"),
        ("gone-1", "down", "none needed"),
        ("sim", "configured", "none needed"),
        ("ollama/phi4:14b", "ready", "none needed"),
    ] {
        let row = row(&list, model);
        assert_eq!((row["state"].as_str(), row["key"].as_str()), (Some(state), Some(key)), "{row:#}");
    }
    let glm = row(&list, "glm-4.7");
    assert_eq!((&glm["input_per_million_usd"], &glm["context"]), (&json!("0.6"), &json!(200_000)));
    assert!(list["models"].as_array().unwrap().iter().all(|row| row["model"] != "zai/glm-9"), "only with --all");
    let health = |name: &str| {
        let all = list["providers"].as_array().unwrap();
        all.iter().find(|one| one["provider"] == name).unwrap()["health"].clone()
    };
    assert_eq!([health("ollama"), health("gone"), health("anthropic")], ["ok", "down", "not asked"].map(Value::from));
    assert!(!list.to_string().contains("SeCrEt"));

    let all = scratch.moai(["models", "list", "--all", "--provider", "zai", "--json"]).json();
    assert_eq!(row(&all, "zai/glm-9")["configured"], false);
    let text = scratch.moai(["models", "list"]).ok();
    assert!(text.contains("ollama/phi4:14b") && text.contains("key refused") && text.contains("200k"), "{text}");
    let before = zai.seen().len();
    let offline = scratch.moai(["models", "list", "--offline", "--json"]).json();
    assert_eq!((row(&offline, "glm-4.7")["state"].as_str(), zai.seen().len()), (Some("configured"), before));
    assert!(scratch.moai(["models", "list", "--provider", "zia"]).fails(1).contains("zai"));
}

#[test]
fn without_an_ollama_none_of_its_models_is_ready() {
    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", "127.0.0.1:1");
    let list = scratch.moai(["models", "list", "--provider", "ollama", "--json"]).json();
    let states: Vec<&str> =
        list["models"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["down"; 3], "{list:#}");
    for command in [&["models", "ps"][..], &["models", "unload", "--all"]] {
        let stderr = scratch.moai(command).fails(4);
        assert!(stderr.contains("does not answer") && stderr.contains("ollama serve"), "{stderr}");
    }
    let seen = scratch.moai(["models", "show", "qwen2.5-coder"]).ok();
    assert!(seen.contains("down") && seen.contains("cannot be reached"), "{seen}");
}

#[test]
fn one_model_is_shown_whole() {
    let (ollama, scratch) = machine();
    ollama.loads(QWEN);
    let seen = scratch.moai(["models", "show", "ollama/qwen2.5-coder:32b", "--json"]).json();
    holds("models", &seen);
    assert_eq!((&seen["model"], &seen["state"]), (&json!("qwen2.5-coder"), &json!("loaded")));
    assert_eq!((&seen["bytes"], &seen["memory_bytes"]), (&json!(19_u64 << 30), &json!(20_u64 << 30)));
    assert_eq!(seen["answers"], json!(["kinds.coding"]));
    let text = scratch.moai(["models", "show", "glm-4.7"]).ok();
    assert!(text.contains("no key") && text.contains("tiers.implement (number 1)"), "{text}");
    assert!(scratch.moai(["models", "show", "glm4.7"]).fails(3).contains("did you mean `glm-4.7`"));
    let text = scratch.moai(["models", "show", "ollama/phi4:14b"]);
    assert!(text.stderr.contains("ollama pull phi4:14b"), "{text:?}");
}

#[test]
fn set_says_who_answers_and_changes_one_value_in_its_file() {
    let (_ollama, scratch) = machine();
    let config =
        "# mine\n[kinds]\ncoding = [\"glm-4.7\"] # for now\n\n[tiers]\nplan = ['claude-opus', \"gemini-pro\"]\n";
    let path = scratch.write_home(".moai/config.toml", config);
    let set = |args: &[&str]| scratch.moai([&["models", "set"], args].concat());
    let diff = set(&[&format!("ollama/{QWEN}"), "--kind", "coding", "--user", "--dry-run"]).ok();
    assert!(diff.contains("+coding = [\"qwen2.5-coder\", \"glm-4.7\"] # for now"), "{diff}");
    assert_eq!(fs::read_to_string(&path).unwrap(), config);
    set(&[&format!("ollama/{QWEN}"), "--kind", "coding", "--user"]).ok();
    set(&["gemini-pro", "--tier", "1", "--user"]).ok();
    set(&["ollama/phi4:14b", "--kind", "general", "--user"]).ok();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "# mine\n[kinds]\ncoding = [\"qwen2.5-coder\", \"glm-4.7\"] # for now\n\
         general = [\"ollama/phi4:14b\", \"llama3.3\"]\n\n[tiers]\nplan = [\"gemini-pro\", \"claude-opus\"]\n"
    );
    // No change, no write.
    let said = set(&[QWEN, "--kind", "coding", "--user"]);
    assert!(said.stderr.contains("already"), "{said:?}");
    set(&["qwen2.5-coder", "--agent", "coder"]).ok();
    let document = set(&["glm-4.7", "--json"]).json();
    assert_eq!((&document["changed"], &document["setting"]["name"]), (&json!(true), &json!("route.model")));
    let project = scratch.read(".moai/config.toml");
    assert!(project.contains("[agents.coder]\nprimary_model = \"qwen2.5-coder\""), "{project}");
    assert!(project.contains("model = \"glm-4.7\""), "{project}");
    assert!(set(&["glm-4.7"]).stderr.contains("no"), "there is no key for it, and that is said");
    assert!(set(&["qwen9", "--kind", "coding"]).fails(3).contains("unknown model"));
    assert!(set(&["glm-4.7", "--user"]).fails(2).contains("--kind"));
    set(&["glm-4.7", "--kind", "coding", "--tier", "2"]).fails(2);
    // What the configuration would not take is not written into it.
    let before = fs::read_to_string(&path).unwrap();
    for place in [["--kind", "coding"], ["--tier", "2"], ["--agent", "coder"]] {
        let refused = set(&["ollama/two words", place[0], place[1], "--user"]).fails(2);
        assert!(refused.contains("has a space in it"), "{refused}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    // It answers from then on.
    let decided = scratch.moai(["route", "--dry-run", "--json", "안녕하세요, 오늘 날씨 이야기"]).json();
    let who = |name: &str| decided[name].as_str().unwrap().to_owned();
    assert_eq!((who("wanted"), who("model_used")), ("glm-4.7".into(), "ollama/phi4:14b".into()), "{decided:#}");
}

#[test]
fn a_kind_that_a_person_gives_to_a_local_model_is_that_models() {
    let (ollama, scratch) = machine();
    scratch.moai(["models", "set", &format!("ollama/{LLAMA}"), "--kind", "coding"]).ok();
    scratch.moai(["route", "이 함수의 버그를 고쳐줘"]).ok();
    assert_eq!(ollama.happened().loads, [LLAMA]);
}

#[test]
fn a_test_asks_once_and_is_in_the_books() {
    let (ollama, scratch) = machine();
    let answer = scratch.moai(["models", "test", "qwen2.5-coder", "--json"]).json();
    holds("models", &answer);
    assert_eq!((&answer["answer"], &answer["cost_usd"]), (&json!(format!("this is {QWEN}")), &json!("0")));
    assert_eq!((&answer["input_tokens"], &answer["output_tokens"]), (&json!(12), &json!(7)));
    assert!(answer["first_ms"].as_u64() <= answer["total_ms"].as_u64());
    let text = scratch.moai(["models", "test", QWEN]).ok();
    assert!(
        text.contains("qwen2.5-coder answers: first token after") && text.contains("12 tokens in, 7 out"),
        "{text}"
    );
    assert_eq!(ollama.vendor.count("/api/chat"), 2);
    let stats = scratch.moai(["stats", "--json"]).json();
    assert_eq!(stats["models"][0]["requests"], 2, "{stats:#}");
    ollama.breaks(R1);
    let stderr = scratch.moai(["models", "test", R1]).fails(4);
    assert!(stderr.contains("unable to load model") && stderr.contains("moai models ps"), "{stderr}");
    assert!(scratch.moai(["models", "test", "claude-opus"]).fails(3).contains("no"));
}

#[test]
fn models_are_loaded_seen_and_taken_out_of_memory_and_stay_on_disk() {
    let (ollama, scratch) = machine();
    assert_eq!(scratch.moai(["models", "ps"]).ok(), "nothing is loaded\n");
    let loaded = scratch.moai(["models", "load", "qwen2.5-coder", "--keep", "-1", "--json"]).json();
    holds("models", &loaded);
    assert_eq!((&loaded["loaded"], &loaded["bytes"]), (&json!(true), &json!(20_u64 << 30)));
    let order = ollama.vendor.seen().into_iter().find(|seen| seen.path == "/api/generate").unwrap().json();
    assert_eq!((&order["keep_alive"], &order["options"]["num_ctx"]), (&json!(-1), &json!(65_536)));
    scratch.moai(["models", "load", LLAMA]).ok();
    let ps = scratch.moai(["models", "ps", "--json"]).json();
    holds("models", &ps);
    assert_eq!(ps["servers"][0]["models"].as_array().unwrap().len(), 2);
    assert_eq!(ps["servers"][0]["bytes"], 40_u64 << 30);
    let text = scratch.moai(["models", "ps"]).ok();
    assert!(
        text.contains("20.0 GiB") && text.contains("50 %") && text.contains("for ever") && text.contains("32k"),
        "{text}"
    );
    scratch.moai(["models", "unload", "qwen2.5-coder"]).ok();
    assert_eq!(ollama.loaded(), [LLAMA]);
    let out = scratch.moai(["models", "unload", "--all", "--json"]).json();
    holds("models", &out);
    assert_eq!(out["unloaded"], json!([{"model": LLAMA, "provider": "ollama", "was_loaded": true}]));
    assert!(scratch.moai(["models", "unload", "qwen2.5-coder"]).stderr.contains("is not loaded"));
    assert_eq!(ollama.happened().unloads, [QWEN, LLAMA]);
    assert!(scratch.moai(["models", "load", "sim"]).fails(2).contains("loads by itself"));
}

#[test]
fn a_bench_measures_real_requests() {
    let (ollama, scratch) = machine();
    let bench = scratch.moai(["models", "bench", "qwen2.5-coder", "sim", "--rounds", "2", "--json"]).json();
    holds("models", &bench);
    let [qwen, sim] = bench["models"].as_array().unwrap().as_slice() else { panic!("{bench:#}") };
    assert_eq!((&qwen["answered"], &qwen["output_tokens"], &qwen["cost_usd"]), (&json!(2), &json!(14), &json!("0")));
    assert!(qwen["load_ms"].is_number() && sim["load_ms"].is_null(), "{bench:#}");
    assert!(qwen["first_ms"]["median"].is_number());
    assert_eq!(ollama.vendor.count("/api/chat"), 3, "one that loads it, and two rounds");
    let text = scratch.moai(["models", "bench", "qwen2.5-coder", R1, "--rounds", "1"]).ok();
    assert!(
        text.contains("1 of 1") && text.contains("first token (shorter is better)") && text.contains('█'),
        "{text}"
    );
    ollama.breaks(LLAMA);
    let said = scratch.moai(["models", "bench", "llama3.3", "--rounds", "1"]);
    assert!(said.stdout.contains("0 of 1"), "{said:#?}");
    assert!(said.fails(4).contains("llama3.3 was not measured"));
}

#[test]
fn a_watch_that_is_no_terminal_looks_once() {
    let (ollama, scratch) = machine();
    ollama.loads(R1);
    let text = scratch.moai(["models", "watch"]).ok();
    assert!(
        text.starts_with("2026-01-09 12:00:00\n") && text.contains(R1) && text.contains("ollama: 20.0 GiB"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    let said = scratch.moai(["models", "watch", "--json"]).ok();
    assert_eq!(said.lines().count(), 1);
    let look: Value = serde_json::from_str(&said).unwrap();
    holds("models", &look);
    assert_eq!((&look["at"], &look["servers"][0]["models"][0]["model"]), (&json!("2026-01-09T12:00:00Z"), &json!(R1)));
}

#[test]
fn a_watch_goes_on_until_ctrl_c_and_ends_well() {
    let (_ollama, scratch) = machine();
    let mut command = scratch.moai_command(["models", "watch", "--json", "--interval", "1", "--count", "1000000"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let look: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(look["servers"][0]["health"], "ok");
    }
    assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

/// Seed 004: code to Qwen, reasoning to R1, everything else to Llama.
#[test]
fn each_kind_of_prompt_has_its_model() {
    let (ollama, scratch) = machine();
    for (prompt, model) in [
        ("이 함수를 리팩토링해줘", QWEN),
        ("fix the bug in this function", QWEN),
        ("왜 그런지 두 논리를 단계별로 비교하고 분석해줘", R1),
        ("안녕하세요, 좋은 아침이에요", LLAMA),
    ] {
        let answer = scratch.moai(["route", "--no-stream", prompt]).ok();
        assert_eq!(answer.trim(), format!("this is {model}"), "{prompt}");
    }
    assert_eq!(ollama.happened().too_much, 0);
}

/// Seed 004's triggers but the time limit, which is every vendor's: no memory, a model that cannot be loaded, no server.
#[test]
fn whoever_cannot_be_loaded_is_stood_in_for() {
    let (ollama, scratch) = machine();
    ollama.breaks(QWEN);
    let said = scratch.moai(["route", "이 함수를 리팩토링해줘"]);
    assert!(
        said.stderr.contains("qwen2.5-coder does not answer") && said.stderr.contains("unable to load"),
        "{said:#?}"
    );
    assert_eq!(said.ok().trim(), format!("this is {R1}"));
    assert_eq!(ollama.vendor.count("/api/chat"), 2, "the same again would fail the same way");

    // Room for one, and nobody sees to it: the other fails for want of memory.
    let small = Ollama::start(22, &[(QWEN, 20), (R1, 20), (LLAMA, 2)]);
    small.loads(R1);
    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", &small.host());
    let said = scratch.moai(["route", "이 함수를 리팩토링해줘"]);
    assert!(said.stderr.contains("requires more system memory"), "{said:#?}");
    assert_eq!(said.ok().trim(), format!("this is {R1}"));
    assert_eq!(small.happened().too_much, 1);

    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", "127.0.0.1:1");
    scratch.write_home(".moai/config.toml", "[route]\nchain = [\"sim\"]\n[retry]\nserver = 0\n");
    let said = scratch.moai(["route", "이 함수를 리팩토링해줘"]);
    assert!(said.stderr.contains("cannot be reached") && said.stderr.contains("sim stands in"), "{said:#?}");
    said.ok();
}
