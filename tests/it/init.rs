//! `moai init`: the seed's files where there are none, nothing overwritten.

use crate::scratch::Scratch;

const LLM: &str = ".moai/config/sections/llm.yaml";
const GLM: &str = ".moai/llm-configs/glm.json";

#[test]
fn the_seeds_files_are_written_once() {
    let scratch = Scratch::repository();
    let before = scratch.snapshot();
    let stderr = scratch.moai(["init"]).fails(2);
    assert!(stderr.contains("+  mode: mashup") && stderr.contains("--yes"), "{stderr}");
    let dry = scratch.moai(["init", "--dry-run"]).ok();
    assert!(dry.starts_with(&format!("--- a/{LLM}\n+++ b/{LLM}\n")), "{dry}");
    assert!(dry.contains("+    \"ANTHROPIC_AUTH_TOKEN\": \"${GLM_API_KEY}\","), "{dry}");
    assert_eq!(scratch.snapshot(), before);
    scratch.moai(["init", "--yes"]).ok();
    assert!(
        scratch.read(LLM).contains("  mode: mashup  # claude-only, mashup, glm-only\n  glm_env_var: GLM_API_TOKEN\n")
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&scratch.read(GLM)).unwrap()["env"].as_object().unwrap().len(),
        5
    );
    let after = scratch.snapshot();
    let said = scratch.moai(["init", "--yes"]);
    assert!(said.stderr.contains("nothing to do"), "{}", said.stderr);
    said.ok();
    assert_eq!(scratch.snapshot(), after);
    assert_eq!(scratch.moai(["mode", "--json"]).json()["mode"], "mashup");
}

#[test]
fn what_is_there_stays() {
    let scratch = Scratch::repository();
    scratch.write(LLM, "llm: {mode: glm-only}\n");
    let answer = scratch.moai(["init", "--yes", "--json"]).json();
    assert_eq!(answer["files"][0]["action"], "kept");
    assert_eq!(answer["files"][1]["action"], "created");
    assert_eq!(scratch.read(LLM), "llm: {mode: glm-only}\n");
}

#[test]
fn the_mode_can_be_chosen_and_the_comment_stays() {
    let scratch = Scratch::new();
    scratch.moai(["init", "--yes", "--mode", "claude-only"]).ok();
    assert!(scratch.read(LLM).contains("  mode: claude-only  # claude-only, mashup, glm-only\n"));
    assert!(scratch.read(LLM).contains("모드에서 권장"));
}

#[test]
fn it_says_whether_the_key_could_be_committed() {
    let scratch = Scratch::repository();
    let said = scratch.moai(["init", "--yes"]);
    assert!(!said.stderr.contains("warning"), "there is no key yet, and `moai glm` sees to it: {}", said.stderr);
    let settings = r#"{"env": {"ANTHROPIC_API_KEY": "sk-ant-0123"}}"#;
    scratch.write(".claude/settings.local.json", settings);
    let said = scratch.moai(["init", "--yes"]);
    assert!(said.stderr.contains("not ignored by git") && said.stderr.contains("info/exclude"), "{}", said.stderr);
    scratch.write(".gitignore", ".claude/settings.local.json\n");
    let said = scratch.moai(["init", "--yes"]);
    assert!(said.stderr.contains("is ignored by git"), "{}", said.stderr);
    scratch.write(".claude/settings.local.json", "{}");
    scratch.git(["add", "--force", ".claude/settings.local.json"]);
    let said = scratch.moai(["init", "--yes"]);
    assert!(said.stderr.contains("git rm --cached"), "{}", said.stderr);
}

#[test]
fn the_home_directory_is_no_project() {
    let scratch = Scratch::new();
    let home = scratch.home();
    assert!(scratch.moai_in(&home, ["init", "--yes"]).fails(1).contains("home directory"));
}
