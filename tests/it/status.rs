//! `moai status`: the fields that programs rely on, and the warnings that people do.

use serde_json::Value;

use crate::scratch::{KEY, Scratch};

fn codes(status: &Value) -> Vec<&str> {
    status["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

#[test]
fn a_project_that_nobody_touched_runs_on_claude() {
    let scratch = Scratch::repository();
    let status = scratch.moai(["status", "--json"]).json();
    assert_eq!(status["schema"], 1);
    assert_eq!(status["backend"], "claude");
    assert_eq!(status["mode"], "claude-only");
    assert_eq!(status["worktrees"], Value::Array(Vec::new()));
    assert_eq!(status["warnings"], Value::Array(Vec::new()));
    assert_eq!(status["keys"][0]["provider"], "glm");
    assert_eq!(status["keys"][0]["present"], false);
}

#[test]
fn the_key_is_named_by_place_and_fingerprint_only() {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    let said = scratch.moai(["status"]);
    assert!(said.stdout.contains("0123…SeCr from ~/.moai/.env.glm"), "{said:#?}");
    assert!(!said.stdout.contains(KEY) && !said.stderr.contains(KEY));
}

#[test]
fn settings_that_main_overrides_are_seen_from_both_sides() {
    let scratch = Scratch::repository();
    let tree = scratch.root().join("wt");
    scratch.git(["worktree", "add", "-q", "-b", "feature/SPEC-1", tree.to_str().unwrap()]);
    let glm = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "glm-token-of-the-worktree", "ANTHROPIC_BASE_URL": "https://api.z.ai/api/anthropic"}}"#;
    std::fs::create_dir_all(tree.join(".claude")).unwrap();
    std::fs::write(tree.join(".claude/settings.local.json"), glm).unwrap();
    let before = scratch.moai(["status", "--json"]).json();
    assert_eq!(before["worktrees"][0]["backend"], "glm");
    assert_eq!(before["worktrees"][0]["mixed"], false);
    scratch.write(".claude/settings.local.json", r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "the-token-of-main"}}"#);
    let after = scratch.moai(["status", "--json"]).json();
    assert_eq!(after["worktrees"][0]["mixed"], true);
    assert_eq!(after["worktrees"][0]["overridden"][0], "env.ANTHROPIC_AUTH_TOKEN");
    assert!(codes(&after).contains(&"mixed-credentials"), "{after:#}");
    let inside = scratch.moai_in(&tree, ["status", "--json"]).json();
    assert!(codes(&inside).contains(&"main-overrides"), "{inside:#}");
    assert_eq!(inside["worktrees"][0]["current"], true);
}

#[test]
fn a_foreign_endpoint_is_named_without_its_password() {
    let scratch = Scratch::repository();
    let settings = r#"{"env": {"ANTHROPIC_BASE_URL": "https://me:hunter2@llm.example/v1?k=hunter2"}}"#;
    scratch.write(".claude/settings.local.json", settings);
    let said = scratch.moai(["status"]);
    assert!(said.stdout.contains("at https://llm.example/v1"), "{said:#?}");
    assert!(!format!("{said:?}").contains("hunter2"));
    assert_eq!(scratch.moai(["status", "--json"]).json()["backend"], "other");
}

#[test]
fn mashup_without_a_key_is_warned_of_and_the_phases_say_where() {
    let scratch = Scratch::repository();
    scratch.write(".moai/config/sections/llm.yaml", "llm:\n  mode: hybrid\n");
    let status = scratch.moai(["status", "--json"]).json();
    assert_eq!(status["mode"], "mashup");
    assert_eq!(codes(&status), ["no-glm-key"]);
    let places: Vec<&str> =
        status["phases"].as_array().unwrap().iter().map(|phase| phase["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["main", "worktree", "worktree"]);
}

#[test]
fn settings_that_do_not_parse_are_a_warning_with_the_place() {
    let scratch = Scratch::repository();
    scratch.write(".claude/settings.local.json", "{\n  \"env\": {,}\n}\n");
    let status = scratch.moai(["status", "--json"]).json();
    assert_eq!(codes(&status), ["broken-settings"]);
    let message = status["warnings"][0]["message"].as_str().unwrap();
    assert!(message.contains("settings.local.json") && message.contains('2'), "{message}");
}

#[test]
fn phases_show_what_would_really_answer_and_a_chosen_mode_is_held_against_it() {
    let scratch = Scratch::repository();
    let glm = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_BASE_URL": "https://api.z.ai/api/anthropic"}}"#;
    scratch.write(".claude/settings.local.json", glm);
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    let unset = scratch.moai(["status", "--json"]).json();
    assert_eq!((&unset["phases"][1]["backend"], &unset["phases"][1]["wanted"]), (&"glm".into(), &"claude".into()));
    assert_eq!(codes(&unset), Vec::<&str>::new(), "nobody chose the mode");
    scratch.write(".moai/config/sections/llm.yaml", "llm:\n  mode: mashup\n");
    let chosen = scratch.moai(["status", "--json"]).json();
    assert_eq!(codes(&chosen), ["mode-mismatch"]);
    assert_eq!(chosen["phases"][1]["backend"], "glm");
}

#[test]
fn it_answers_whatever_is_broken_and_says_what() {
    let mut scratch = Scratch::repository();
    let broken: &[(&str, &[u8], &str, &str)] = &[
        (".moai/config/sections/llm.yaml", b"llm:\n  mode: [\n", "broken-config", "llm.yaml:"),
        (".moai/config/sections/llm.yaml", b"llm:\n  mode: sometimes\n", "broken-config", "llm.yaml:2: `llm.mode`"),
        (".moai/config/sections/llm.yaml", b"llm: \xff\n", "broken-config", "not UTF-8"),
        (".moai/config.toml", b"[worktree\n", "broken-config", "config.toml:1"),
        (".moai/llm-configs/glm.json", b"{\"env\": 3}", "broken-config", "glm.json: `env` is not an object"),
        (".claude/settings.json", b"{\"env\": \xff}", "broken-settings", ".claude/settings.json: it is not UTF-8"),
        (".claude/settings.local.json", b"{", "broken-settings", ".claude/settings.local.json: line 1"),
    ];
    for (path, bytes, code, says) in broken {
        let file = scratch.write(path, bytes);
        let said = scratch.moai(["status"]);
        assert!(said.stderr.contains(says), "{path}\n{said:#?}");
        assert!(said.ok().contains("claude-only"), "{path}: the rest is told all the same");
        let status = scratch.moai(["status", "--json"]).json();
        assert_eq!(codes(&status), [*code], "{status:#}");
        std::fs::remove_file(file).unwrap();
    }
    // Where the file is needed, it is an error as before.
    scratch.write(".moai/config/sections/llm.yaml", "llm:\n  mode: [\n");
    scratch.moai(["mode"]).fails(3);
    scratch.set_env("MOAI_LLM_MODE", "never");
    let status = scratch.moai(["status", "--json"]).json();
    assert_eq!(codes(&status), ["broken-config", "broken-config"], "{status:#}");
}
