//! `moai config`: layers and origins, edits in place, and files that do not parse.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::scratch::{KEY, Scratch, mode};

const LLM: &str = ".moai/config/sections/llm.yaml";

/// A file of moai-adk 1.14 as people keep it: comments, odd indentation, CRLF, keys that nobody knows.
const ERA_A: &str = "\u{feff}# 우리 팀의 설정\r\nllm:\r\n    # who does what\r\n    mode:   'mashup'   # claude-only, mashup, glm-only\r\n    glm_env_var: GLM_API_TOKEN\r\n    auto_worktree: {enabled: true,  copy_glm_config: true}   # flow\r\n    routing:\r\n        auto_detect: true\r\n        parallel_threshold: 3\r\n    our_own: [1, 2]\r\n\r\n# end";

/// A file of the Go versions.
const ERA_B: &str = "llm:\n  mode: \"\"\n  team_mode: cg # claude leads\n  performance_tier: high\n  glm:\n    base_url: https://open.bigmodel.cn/api/anthropic\n    models:\n      high: glm-5.2   # strongest\n      medium: glm-5\n      low: glm-4.7\n  context_windows:\n    glm-4.7: 200000\n";

#[test]
fn one_value_changes_and_nothing_else_does() {
    for (era, name, value, old, new) in [
        (ERA_A, "llm.mode", "glm-only", "'mashup'", "'glm-only'"),
        (ERA_A, "llm.glm_env_var", "ZAI_API_KEY", "GLM_API_TOKEN", "ZAI_API_KEY"),
        (ERA_A, "llm.auto_worktree.enabled", "false", "enabled: true", "enabled: false"),
        (ERA_B, "llm.glm.models.opus", "glm-5.3", "glm-5.2", "glm-5.3"),
        (ERA_B, "llm.glm.base_url", "https://api.z.ai/api/anthropic/", "open.bigmodel.cn", "api.z.ai"),
        (ERA_B, "llm.mode", "glm-only", "mode: \"\"\n  team_mode: cg", "mode: \"glm-only\"\n  team_mode: glm"),
    ] {
        let scratch = Scratch::repository();
        let path = scratch.write(LLM, era);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let before = scratch.snapshot();
        let dry = scratch.moai(["config", "set", name, value, "--dry-run"]).ok();
        assert!(dry.contains("\n+"), "{dry}");
        assert_eq!(scratch.snapshot(), before, "a dry run changes nothing");
        scratch.moai(["config", "set", name, value]).ok();
        assert_eq!(scratch.read(LLM), era.replacen(old, new, 1), "{name}");
        assert_eq!(mode(&path), 0o640);
        let same = fs::metadata(&path).unwrap().modified().unwrap();
        scratch.moai(["config", "set", name, value]).ok();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), same, "no change, no write");
    }
}

#[test]
fn a_link_stays_a_link_and_its_target_changes() {
    let scratch = Scratch::repository();
    let real = scratch.write("shared/llm.yaml", "llm:\n  mode: mashup # ours\n");
    fs::create_dir_all(scratch.project().join(".moai/config/sections")).unwrap();
    std::os::unix::fs::symlink("../../../shared/llm.yaml", scratch.project().join(LLM)).unwrap();
    scratch.moai(["mode", "glm-only"]).ok();
    assert!(fs::symlink_metadata(scratch.project().join(LLM)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(real).unwrap(), "llm:\n  mode: glm-only # ours\n");
}

#[test]
fn both_eras_are_understood_and_unknown_keys_are_named_once() {
    let scratch = Scratch::repository();
    scratch.write(LLM, ERA_B);
    let list = scratch.moai(["config", "list", "--json"]);
    assert_eq!(list.stderr, "");
    let list = list.json();
    let value = |name: &str| {
        let settings = list["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(list["schema"], 1);
    assert_eq!(value("llm.mode"), "mashup");
    assert_eq!(value("llm.glm.models.opus"), "glm-5.2");
    assert_eq!(value("llm.glm.models.sonnet"), "glm-5");
    assert_eq!(value("llm.auto_worktree.enabled"), true);
    assert_eq!(value("worktree.trash_days"), 7);

    scratch.write(LLM, ERA_A);
    let said = scratch.moai(["config", "get", "llm.mode"]);
    assert_eq!(said.stderr.matches("our_own").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("llm.yaml:10: unknown setting `llm.our_own`"), "{}", said.stderr);
    assert_eq!(said.ok(), "mashup\n");
}

#[test]
fn a_mistyped_name_is_guessed() {
    let scratch = Scratch::repository();
    scratch.write(LLM, "llm:\n  mod: mashup\n");
    let said = scratch.moai(["config", "get", "llm.mode"]);
    assert!(said.stderr.contains("unknown setting `llm.mod`; did you mean `llm.mode`?"), "{}", said.stderr);
    assert_eq!(said.ok(), "claude-only\n");
    let stderr = scratch.moai(["config", "get", "llm.mdoe"]).fails(2);
    assert!(stderr.contains("did you mean `llm.mode`?"), "{stderr}");
    let stderr = scratch.moai(["config", "set", "llm.mode", "mashpu"]).fails(2);
    assert!(stderr.contains("did you mean `mashup`?"), "{stderr}");
    assert_eq!(scratch.read(LLM), "llm:\n  mod: mashup\n");
}

#[test]
fn explain_names_every_layer() {
    let mut scratch = Scratch::repository();
    scratch.write_home(".moai/config.toml", "[llm]\nmode = 'glm-only'\n[llm.glm.models]\nopus = \"glm-5\"\n");
    scratch.write(LLM, "llm:\n  mode: mashup\n  glm: {models: {opus: glm-5.1}}\n");
    scratch.write(".moai/llm-configs/glm.json", r#"{"env":{"ANTHROPIC_DEFAULT_OPUS_MODEL":"glm-5.2"}}"#);
    let opus = scratch.moai(["config", "explain", "llm.glm.models.opus", "--json"]).json();
    assert_eq!((opus["value"].as_str(), opus["origin"].as_str()), (Some("glm-5.2"), Some("glm.json")));
    let hidden: Vec<_> = opus["hides"].as_array().unwrap().iter().map(|hidden| hidden["value"].clone()).collect();
    assert_eq!(hidden, ["glm-5.1", "glm-5", "glm-4.7"]);
    scratch.set_env("MOAI_LLM_MODE", "claude-only");
    let text = scratch.moai(["config", "explain", "llm.mode"]).ok();
    assert!(text.contains("value     claude-only  from $MOAI_LLM_MODE"), "{text}");
    assert!(text.contains("hides     mashup  from") && text.contains("llm.yaml:2"), "{text}");
    assert!(text.contains("hides     glm-only  from ~/.moai/config.toml:2"), "{text}");
    assert!(text.contains("hides     claude-only  from default"), "{text}");
    // Setting the weaker layer says that the stronger one still counts.
    let said = scratch.moai(["config", "set", "llm.mode", "glm-only"]);
    assert!(said.stderr.contains("still is claude-only: $MOAI_LLM_MODE counts more"), "{}", said.stderr);
}

#[test]
fn a_worktree_has_its_own_file_else_the_main_checkouts() {
    let scratch = Scratch::repository();
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/x", "../x"]);
    let other = scratch.root().join("x");
    scratch.write(LLM, "llm:\n  mode: mashup\n");
    assert_eq!(scratch.moai_in(&other, ["config", "get", "llm.mode"]).ok(), "mashup\n");
    scratch.moai_in(&other, ["config", "set", "llm.mode", "claude-only"]).ok();
    assert_eq!(scratch.read(LLM), "llm:\n  mode: claude-only\n");
    fs::create_dir_all(other.join(".moai/config/sections")).unwrap();
    fs::write(other.join(LLM), "llm:\n  mode: glm-only\n").unwrap();
    assert_eq!(scratch.moai_in(&other, ["config", "get", "llm.mode"]).ok(), "glm-only\n");
    assert_eq!(scratch.moai(["config", "get", "llm.mode"]).ok(), "claude-only\n");
}

#[test]
fn a_file_that_does_not_parse_is_named_and_left_alone() {
    for (file, text, place) in [
        (LLM, format!("llm:\n  mode: [mashup\n  key: {KEY}\n"), "llm.yaml:3:"),
        (LLM, format!("llm:\n\tmode: {KEY}\n"), "llm.yaml:2:1:"),
        (LLM, "- a\n- b\n".to_owned(), "llm.yaml:1:1:"),
        (".moai/llm-configs/glm.json", format!("{{\n  \"env\": {{\"A\": \"{KEY}\",}}\n}}"), "glm.json:2:"),
        (".moai/config.toml", format!("[worktree]\nroot = {KEY}\n"), "config.toml:2:8:"),
    ] {
        let scratch = Scratch::repository();
        scratch.write(file, &text);
        for args in [&["config", "list"][..], &["mode", "mashup"], &["config", "set", "llm.mode", "mashup"]] {
            let stderr = scratch.moai(args).fails(3);
            assert!(stderr.contains(place), "{args:?}: {stderr}");
            assert!(!stderr.contains("SeCrEt") && !stderr.contains(KEY), "{stderr}");
            assert_eq!(scratch.read(file), text);
        }
        let scratch_home = Scratch::repository();
        scratch_home.write_home(".moai/config.toml", "[ui\n");
        assert!(scratch_home.moai(["mode"]).fails(3).contains("config.toml:1:"));
    }
}

#[test]
fn the_way_back_to_claude_needs_no_configuration() {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    scratch.moai(["glm"]).ok();
    assert!(scratch.read(".claude/settings.local.json").contains(KEY));
    scratch.write(LLM, "llm: [\n");
    scratch.moai(["claude"]).ok();
    assert!(!scratch.project().join(".claude/settings.local.json").exists());
}

#[test]
fn a_wrong_value_is_refused_by_line_and_never_repeated_where_it_may_be_a_key() {
    let scratch = Scratch::repository();
    scratch.write(LLM, format!("llm:\n  mode: mashup\n  glm_env_var: {KEY}\n"));
    let stderr = scratch.moai(["config", "list"]).fails(3);
    assert!(stderr.contains("llm.yaml:3: `llm.glm_env_var`"), "{stderr}");
    assert!(!stderr.contains("SeCrEt"), "{stderr}");
    scratch.write(LLM, "llm:\n  auto_worktree: true\n");
    let said = scratch.moai(["config", "list"]);
    assert!(said.stderr.contains("`llm.auto_worktree` is a group of settings"), "{}", said.stderr);
    said.ok();
}

#[test]
fn the_persons_own_settings_live_in_the_home() {
    let scratch = Scratch::repository();
    scratch.moai(["config", "set", "--user", "worktree.root", "~/trees"]).ok();
    scratch.moai(["config", "set", "ui.color", "never"]).ok();
    let path = scratch.home().join(".moai/config.toml");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[worktree]\nroot = \"~/trees\"\n\n[ui]\ncolor = \"never\"\n");
    assert_eq!(mode(&path), 0o600);
    let stderr = scratch.moai(["config", "set", "--project", "ui.color", "never"]).fails(2);
    assert!(stderr.contains("about the person"), "{stderr}");
    scratch.moai(["config", "unset", "--user", "worktree.root"]).ok();
    assert!(!fs::read_to_string(&path).unwrap().contains("trees"));
    scratch.moai(["config", "get", "worktree.root"]).fails(1);
    // Project settings beside them.
    scratch.moai(["config", "set", "worktree.engine", "git"]).ok();
    assert_eq!(scratch.read(".moai/config.toml"), "[worktree]\nengine = \"git\"\n");
}

#[test]
fn colours_are_as_the_person_wants_them() {
    let mut scratch = Scratch::repository();
    let coloured = |scratch: &Scratch, args: &[&str]| scratch.moai(args).ok().contains('\u{1b}');
    assert!(!coloured(&scratch, &["mode"]), "a pipe has no colours");
    scratch.moai(["config", "set", "ui.color", "always"]).ok();
    assert!(coloured(&scratch, &["mode"]));
    assert!(!coloured(&scratch, &["mode", "--color", "never"]));
    scratch.set_env("MOAI_UI_COLOR", "never");
    assert!(!coloured(&scratch, &["mode"]));
}

#[test]
fn an_edit_is_checked_before_it_counts() {
    let mut scratch = Scratch::repository();
    let path = scratch.write(LLM, "llm:\n  mode: mashup\n");
    let editor = scratch.write_home("editor", "#!/bin/sh\nprintf 'llm:\\n  mode: %s\\n' \"$NEW_MODE\" > \"$1\"\n");
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.set_env("VISUAL", editor.to_str().unwrap());
    let run = |mode: &str| {
        let mut command = scratch.moai_command(["config", "edit"]);
        command.env("NEW_MODE", mode).output().unwrap()
    };
    assert_eq!(run("turbo").status.code(), Some(3));
    assert_eq!(fs::read_to_string(&path).unwrap(), "llm:\n  mode: mashup\n");
    assert_eq!(run("glm-only").status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "llm:\n  mode: glm-only\n");
}

#[test]
fn outside_of_a_project_nothing_is_written() {
    let scratch = Scratch::new();
    let stderr = scratch.moai(["config", "set", "llm.mode", "mashup"]).fails(1);
    assert!(stderr.contains("moai init"), "{stderr}");
    scratch.moai(["config", "list"]).ok();
}

#[test]
fn six_at_once_all_land() {
    let scratch = Scratch::repository();
    scratch.write(LLM, "llm:\n  mode: claude-only\n");
    let settings =
        ["glm_env_var", "glm.models.opus", "glm.models.sonnet", "glm.models.haiku", "mode", "glm.models.fable"];
    let children: Vec<_> = settings
        .iter()
        .map(|name| {
            let value = if *name == "mode" { "mashup" } else { "X1" };
            let mut command = scratch.moai_command(["config", "set", &format!("llm.{name}"), value]);
            command.stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = scratch.moai(["config", "list", "--changed", "--json"]).json();
    assert_eq!(list["settings"].as_array().unwrap().len(), settings.len(), "{}", scratch.read(LLM));
}

#[test]
fn the_editor_is_a_shell_command_and_what_it_loses_is_not_lost() {
    let mut scratch = Scratch::repository();
    let llm = scratch.write(".moai/config/sections/llm.yaml", "llm:\n  mode: mashup\n");
    let script = |name: &str, text: &str| {
        let path = scratch.write_home(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    script(
        "my editor/ed",
        "#!/bin/sh\necho talk\n[ \"$1\" = 'two words' ] && printf 'llm:\\n  mode: glm-only\\n' > \"$2\"\n",
    );
    let home = scratch.home();
    let quoted = format!("'{}/my editor/ed' \"two words\"", home.display());
    let run = |scratch: &Scratch, editor: &str, args: &[&str]| {
        let output = scratch.moai_command(args).env("EDITOR", editor).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (status, stdout, stderr) = run(&scratch, &quoted, &["config", "edit", "--json"]);
    assert_eq!(status, Some(0), "{stderr}");
    let said: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&said["schema"], &said["changed"], &said["file"]), (&1.into(), &true.into(), &llm.to_str().into()));
    assert!(stderr.contains("talk"), "what the editor says is no answer");
    let after = "llm:\n  mode: glm-only\n";
    assert_eq!(fs::read_to_string(&llm).unwrap(), after);
    for (editor, says) in
        [("rm", "removed the file"), ("truncate -s 0", "left the file empty"), ("false", "ended with 1")]
    {
        let (status, _, stderr) = run(&scratch, editor, &["config", "edit"]);
        assert_eq!(status, Some(1), "{editor}: {stderr}");
        assert!(stderr.contains(says), "{editor}: {stderr}");
        assert_eq!(fs::read_to_string(&llm).unwrap(), after, "{editor}");
    }
    let (status, stdout, _) = run(&scratch, ":", &["config", "edit", "--json"]);
    assert_eq!((status, serde_json::from_str::<Value>(&stdout).unwrap()["changed"].clone()), (Some(0), false.into()));
    scratch.set_env("VISUAL", "");
    let stderr = scratch.moai(["config", "edit"]).fails(2);
    assert!(stderr.contains("no terminal") && stderr.contains("moai config set"), "{stderr}");
}
