//! `moai config import`: other programs' configuration, shown before it is written, without a key in sight.

use std::fs;

use crate::schema::holds;
use crate::scratch::{KEY, Scratch, mode};

const ROUTER: &str = r#"{
  // as people keep it
  "Providers": [
    { "name": "openrouter", "api_base_url": "https://openrouter.ai/api/v1/chat/completions",
      "api_key": "sk-or-v1-SeCrEt0123456789abcdef", "models": ["qwen/qwen3-coder"], "transformer": { "use": ["openrouter"] } },
    { "name": "openai", "api_base_url": "https://api.openai.com/v1/chat/completions",
      "api_key": "sk-proj-SeCrEt0123456789abcdef", "models": ["gpt-5.4"] },
    { "name": "lab", "api_base_url": "http://127.0.0.1:8000/v1/chat/completions", "api_key": "${LAB_KEY}", "models": ["m"], },
  ],
  "Router": { "default": "openrouter,qwen/qwen3-coder", "think": "openai,gpt-5.4", "webSearch": "lab,m" },
  "APIKEY": "SeCrEt-of-the-router-0123456789"
}"#;

/// A file of the person's own, with a comment and a wish that the import replaces.
const OWN: &str = "# mine\n[tiers]\nimplement = [\"glm-4.7\"] # the plan\n\n[budget]\ndaily_usd = 2.50\n";

fn config(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.home().join(".moai/config.toml")).unwrap_or_default()
}

#[test]
fn it_is_shown_then_written_in_place_and_the_second_time_nothing_changes() {
    let scratch = Scratch::new();
    scratch.write_home(".moai/config.toml", OWN);
    let file = scratch.write("router/any-name.txt", ROUTER);
    let before = scratch.snapshot();

    let dry = scratch.moai(["config", "import", file.to_str().unwrap(), "--dry-run"]);
    assert_eq!(scratch.snapshot(), before, "a dry run changes nothing");
    for text in [&dry.stdout, &dry.stderr] {
        assert!(!text.contains("SeCrEt"), "{text}");
    }
    let shown = dry.ok();
    for words in [
        "claude-code-router's configuration",
        "Router.webSearch",
        "APIKEY",
        "sk-o…cdef",
        "moai key set openai",
        "OPENROUTER_API_KEY",
        "+implement = [\"openrouter/qwen/qwen3-coder\"] # the plan",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }

    // Nobody can be asked here.
    let refused = scratch.moai(["config", "import", file.to_str().unwrap()]);
    assert!(refused.fails(2).contains("--yes"));
    assert_eq!(scratch.snapshot(), before);

    let done = scratch.moai(["config", "import", file.to_str().unwrap(), "--yes"]);
    let undo = done.stderr.lines().find(|line| line.contains("undo")).unwrap_or_default().to_owned();
    assert!(undo.contains("`mv ~/.moai/config.toml.before-import ~/.moai/config.toml`"), "{undo}");
    done.ok();
    let written = config(&scratch);
    assert!(written.starts_with("# mine\n[tiers]\n") && written.contains("# the plan") && written.contains("2.50"));
    assert!(!written.contains("SeCrEt") && written.contains("key_env = [\"LAB_KEY\"]"), "{written}");
    let kept = scratch.home().join(".moai/config.toml.before-import");
    assert_eq!((fs::read_to_string(&kept).unwrap().as_str(), mode(&kept)), (OWN, 0o600));
    assert!(!scratch.home().join(".moai/credentials.yaml").exists(), "no key without --with-keys");

    let place = scratch.home().join(".moai/config.toml");
    let when = fs::metadata(&place).unwrap().modified().unwrap();
    let again = scratch.moai(["config", "import", file.to_str().unwrap(), "--yes"]);
    assert!(again.stderr.contains("nothing to change"), "{again:?}");
    assert_eq!((config(&scratch), fs::metadata(&place).unwrap().modified().unwrap()), (written, when));
    // What was written works: a plan is made of it.
    let plan = scratch.moai(["config", "get", "tiers.plan"]).ok();
    assert_eq!(plan, "openai/gpt-5.4, openrouter/qwen/qwen3-coder\n");
}

#[test]
fn keys_are_saved_only_when_asked_and_another_key_stays() {
    let scratch = Scratch::new();
    let file = scratch.write("config.json", ROUTER);
    let path = file.to_str().unwrap();
    let document = scratch.moai(["config", "import", path, "--with-keys", "--yes", "--json"]);
    assert!(!document.stdout.contains("SeCrEt") && !document.stderr.contains("SeCrEt"));
    let document = document.json();
    holds("config-import", &document);
    let states: Vec<_> =
        document["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["variable", "new"]);
    let shown = scratch.moai(["key", "show", "openai"]).ok();
    assert!(shown.contains("sk-p…cdef"), "{shown}");

    let same = scratch.moai(["config", "import", path, "--with-keys", "--yes", "--json"]).json();
    assert_eq!((same["keys"][1]["state"].as_str(), same["changed"].as_bool()), (Some("same"), Some(false)));

    let other = Scratch::new();
    other.moai(["key", "set", "openai", KEY]).ok();
    let file = other.write("config.json", ROUTER);
    let said = other.moai(["config", "import", file.to_str().unwrap(), "--with-keys", "--yes", "--json"]).json();
    assert_eq!(said["keys"][1]["state"], "other");
    let shown = other.moai(["key", "show", "openai"]).ok();
    assert!(shown.contains("0123…SeCr"), "{shown}");
}

#[test]
fn the_seeds_files_are_taken_over_from_standard_input_too() {
    let scratch = Scratch::new();
    let openclaw = r#"{agents: {defaults: {model: {primary: "ollama/qwen2.5-coder:32b", fallbacks: ["ollama/deepseek-r1:32b"]}},
      profiles: {reasoner: {model: {primary: "ollama/deepseek-r1:32b"}}}},
      models: {providers: {ollama: {baseUrl: "http://127.0.0.1:11434/v1"}}}}"#;
    scratch.moai_stdin(openclaw, ["config", "import", "-", "--yes"]).ok();
    assert_eq!(scratch.moai(["config", "get", "agents.reasoner.primary_model"]).ok(), "ollama/deepseek-r1:32b\n");
    // The model of the import is the one that would be asked.
    let route = scratch.moai(["route", "--dry-run", "--json", "함수를 고쳐줘"]).json();
    assert!(route.to_string().contains("qwen2.5-coder"), "{route}");

    let agents = "data_agent:\n  primary_model: gemini-pro\n  fallback_model: [claude-3-sonnet]\n";
    let document = scratch.moai_stdin(agents, ["config", "import", "-", "--yes", "--json"]).json();
    holds("config-import", &document);
    assert_eq!(document["format"], "agent-model");
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    scratch.write_home(".moai/config.toml", "[models.deepseek-chat]\nprovider = \"openai\"\n");
    for (text, exit, code) in [
        ("{\"a\": 1}", 1, "unknown-format"),
        ("{\"Providers\": [", 3, "invalid-file"),
        ("just words", 3, "invalid-file"),
        ("\u{0}", 3, "invalid-file"),
    ] {
        let before = scratch.snapshot();
        let said = scratch.moai_stdin(text, ["config", "import", "-", "--yes", "--json"]);
        let error: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((said.status, error["error"]["code"].as_str()), (exit, Some(code)), "{text:?} {error}");
        assert_eq!(scratch.snapshot(), before);
    }
    assert!(scratch.moai(["config", "import", "nowhere.json", "--yes"]).fails(1).contains("nowhere.json"));
    // The new configuration is tried as a whole: here a balance word that a provider does not take.
    let odd = r#"{"providers": {"anthropic": {"enabled": true, "models": ["claude-3-opus"]}}, "routing": {"load_balancing": "by_moon"}}"#;
    let document = scratch.moai_stdin(odd, ["config", "import", "-", "--dry-run", "--json"]).json();
    assert!(document["left"].to_string().contains("by_moon"), "{document}");
}
