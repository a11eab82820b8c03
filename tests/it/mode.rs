//! `moai mode`: seed 002's modes, and its "Mode Not Applied".

use crate::scratch::Scratch;

const LLM: &str = ".moai/config/sections/llm.yaml";

#[test]
fn mode_not_applied() {
    let scratch = Scratch::repository();
    scratch.write(
        LLM,
        "# ours\nllm:\n  mode: claude-only  # claude-only, mashup, glm-only\n  glm_env_var: GLM_API_TOKEN\n",
    );
    scratch.moai(["mode", "mashup"]).ok();
    // The seed's own command, word by word.
    let grep = scratch.command("sh").args(["-c", "cat .moai/config/sections/llm.yaml | grep mode"]).output().unwrap();
    assert_eq!(String::from_utf8(grep.stdout).unwrap(), "  mode: mashup  # claude-only, mashup, glm-only\n");
}

#[test]
fn the_table_of_modes_and_phases() {
    let scratch = Scratch::repository();
    for (mode, rows) in [
        ("claude-only", [("main", "claude"), ("current", "claude"), ("current", "claude")]),
        ("mashup", [("main", "claude"), ("worktree", "glm"), ("worktree", "glm")]),
        ("glm-only", [("main", "glm"), ("current", "glm"), ("current", "glm")]),
    ] {
        scratch.moai(["mode", mode]).ok();
        let shown = scratch.moai(["mode", "--json"]).json();
        assert_eq!(shown["schema"], 1);
        assert_eq!(shown["mode"], mode);
        for (phase, (place, backend)) in shown["phases"].as_array().unwrap().iter().zip(rows) {
            assert_eq!((phase["place"].as_str(), phase["backend"].as_str()), (Some(place), Some(backend)), "{mode}");
        }
    }
    let text = scratch.moai(["mode"]).ok();
    assert!(text.starts_with("mode: glm-only"), "{text}");
    assert!(text.contains("glm-4.7"), "{text}");
}

#[test]
fn older_words_are_taken_and_written_as_todays() {
    let scratch = Scratch::repository();
    for (word, mode) in [("hybrid", "mashup"), ("glm", "glm-only"), ("opus-only", "claude-only"), ("cg", "mashup")] {
        scratch.moai(["mode", word]).ok();
        assert_eq!(scratch.read(LLM), format!("llm:\n  mode: {mode}\n"));
    }
}

#[test]
fn a_dry_run_shows_the_line_and_writes_nothing() {
    let scratch = Scratch::repository();
    scratch.write(LLM, "llm:\n  mode: claude-only\n");
    let diff = scratch.moai(["mode", "glm-only", "--dry-run"]).ok();
    assert!(diff.contains("-  mode: claude-only\n+  mode: glm-only"), "{diff}");
    assert_eq!(scratch.read(LLM), "llm:\n  mode: claude-only\n");
}

#[test]
fn a_wrong_or_empty_word_changes_nothing() {
    let scratch = Scratch::repository();
    let before = scratch.snapshot();
    assert!(scratch.moai(["mode", "mashap"]).fails(2).contains("did you mean `mashup`?"));
    scratch.moai(["mode", ""]).fails(2);
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn without_a_key_the_next_step_is_named() {
    let scratch = Scratch::repository();
    let said = scratch.moai(["mode", "mashup"]);
    assert!(said.stderr.contains("moai glm <key>"), "{}", said.stderr);
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{}\"\n", crate::scratch::KEY));
    let said = scratch.moai(["mode", "mashup"]);
    assert!(!said.stderr.contains("moai glm <key>"), "{}", said.stderr);
}
