//! `moai phase`: seed 002's decision tree, and the way into the worktree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::scratch::{KEY, Scratch, mode};

const LLM: &str = ".moai/config/sections/llm.yaml";
const LOCAL: &str = ".claude/settings.local.json";

fn project(text: &str) -> Scratch {
    let scratch = Scratch::repository();
    scratch.write(LLM, text);
    scratch.git(["add", "."]);
    scratch.git(["commit", "--quiet", "-m", "llm.yaml"]);
    scratch
}

fn mashup(extra: &str) -> Scratch {
    let scratch = project(&format!("llm:\n  mode: mashup\n{extra}"));
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    scratch
}

fn tree(scratch: &Scratch) -> PathBuf {
    scratch.home().join("worktrees/DesignWorkflow/SPEC-001")
}

#[test]
fn the_nine_rows_of_the_seed() {
    for (mode, rows) in [
        (
            "claude-only",
            ["Execute in main (Claude)", "Execute in current branch (Claude)", "Execute in current branch (Claude)"],
        ),
        ("mashup", ["Execute in main (Claude)", "Create/enter worktree with GLM", "Use worktree with GLM"]),
        (
            "glm-only",
            ["Execute in main (GLM worktree)", "Execute in current branch (GLM)", "Execute in current branch (GLM)"],
        ),
    ] {
        let scratch = project(&format!("llm:\n  mode: {mode}\n"));
        for (args, rule) in [["plan", "add login"], ["run", "SPEC-001"], ["sync", "SPEC-001"]].into_iter().zip(rows) {
            let answer = scratch.moai(["phase", args[0], args[1], "--json"]).json();
            assert_eq!(answer["schema"], 1);
            assert_eq!(answer["rule"], rule, "{mode} {args:?}");
            let glm = rule.contains("GLM");
            assert_eq!(answer["backend"], if glm { "glm" } else { "claude" });
            assert_eq!(answer["models"], if glm { serde_json::json!(["glm-4.7"]) } else { serde_json::json!([]) });
            // Showing changes nothing.
            assert_eq!(scratch.git(["status", "--porcelain"]), "");
        }
    }
}

#[test]
fn what_to_type_next() {
    let scratch = project("llm:\n  mode: glm-only\n");
    let next = |args: &[&str]| {
        let answer = scratch.moai(["phase", "--json"].iter().chain(args)).json();
        answer["next"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(next(&["plan", "it's", "late"]), ["moai glm", "claude '/moai:1-plan \"it'\\''s late\"'"]);
    assert_eq!(next(&["run", "SPEC-001"]), ["moai glm", "claude '/moai:2-run SPEC-001'"]);
    scratch.moai(["mode", "mashup"]).ok();
    assert_eq!(next(&["plan"]), ["claude /moai:1-plan"]);
    assert_eq!(next(&["run"]), ["moai phase run SPEC-001"]);
    assert_eq!(next(&["run", "SPEC-7"]), ["moai phase run SPEC-7 --enter"]);
    assert_eq!(next(&["sync", "SPEC-7"]), ["moai phase run SPEC-7 --enter"]);
    scratch.moai(["config", "set", "llm.auto_worktree.enabled", "false"]).ok();
    assert_eq!(next(&["run", "SPEC-7"]), ["moai worktree create SPEC-7 --glm"]);
    let answer = scratch.moai(["phase", "run", "SPEC-7", "--json"]).json();
    assert_eq!(answer["path"], scratch.home().join("worktrees/DesignWorkflow/SPEC-7").to_str().unwrap());
    assert_eq!((&answer["exists"], &answer["branch"]), (&false.into(), &"feature/SPEC-7".into()));
    let text = scratch.moai(["phase", "run", "SPEC-7"]).ok();
    assert!(text.contains("it would be ~/worktrees/DesignWorkflow/SPEC-7\n"), "{text}");
    assert!(text.contains("branch   feature/SPEC-7\n"), "{text}");
    assert!(text.contains("Create/enter worktree with GLM") && text.contains("there is none yet"), "{text}");
}

#[test]
fn run_creates_the_worktree_once_and_sync_uses_it() {
    let scratch = mashup("");
    let said = scratch.moai(["phase", "run", "SPEC-001", "--enter"]);
    assert_eq!(said.stdout, format!("{}\n", tree(&scratch).display()), "{said:#?}");
    assert!(!said.stderr.contains(KEY));
    let settings = tree(&scratch).join(LOCAL);
    let text = fs::read_to_string(&settings).unwrap();
    assert!(text.contains(KEY) && text.contains("https://api.z.ai/api/anthropic"), "the seed's layout: {text}");
    assert_eq!(mode(&settings), 0o600);
    assert_eq!(scratch.git_in(&tree(&scratch), ["branch", "--show-current"]), "feature/SPEC-001");
    assert_eq!(scratch.git_in(&tree(&scratch), ["status", "--porcelain"]), "");
    assert!(!scratch.project().join(LOCAL).exists(), "the main checkout stays on Claude");

    let before = scratch.snapshot();
    for phase in ["run", "sync"] {
        assert_eq!(
            scratch.moai(["phase", phase, "SPEC-001", "--enter"]).ok(),
            format!("{}\n", tree(&scratch).display())
        );
    }
    assert_eq!(scratch.snapshot(), before, "entering again changes nothing");

    // From inside, without a name: here.
    let answer = scratch.moai_in(&tree(&scratch), ["phase", "sync", "--json"]).json();
    assert_eq!((answer["step"].as_str(), answer["spec"].as_str()), (Some("stay"), Some("SPEC-001")));
    assert_eq!(answer["backend_now"], "glm");
    assert_eq!(answer["next"], serde_json::json!(["claude '/moai:3-sync SPEC-001'"]));
    // A plan is made in the main checkout.
    let plan = scratch.moai_in(&tree(&scratch), ["phase", "plan", "--enter"]).ok();
    assert_eq!(plan, format!("{}\n", scratch.project().display()));
}

#[test]
fn copy_glm_config_off_leaves_the_worktree_undressed() {
    let scratch = mashup("  auto_worktree: {copy_glm_config: false}\n");
    let said = scratch.moai(["phase", "run", "SPEC-001", "--enter"]);
    assert!(said.stderr.contains("moai glm -- claude '/moai:2-run SPEC-001'"), "{}", said.stderr);
    said.ok();
    assert!(tree(&scratch).is_dir());
    assert!(!tree(&scratch).join(LOCAL).exists());
}

#[test]
fn a_helper_of_the_users_own_does_not_let_a_key_into_a_file_that_git_takes() {
    let scratch = mashup("");
    scratch.write(".gitignore", "!settings.local.json\n");
    scratch.git(["add", "-A"]);
    scratch.git(["commit", "--quiet", "-m", "a rule"]);
    scratch.moai(["worktree", "create", "SPEC-001"]).ok();
    let user = scratch.home().join(".claude/settings.json");
    fs::create_dir_all(user.parent().unwrap()).unwrap();
    fs::write(user, "{\"apiKeyHelper\": \"their-own-helper\"}\n").unwrap();
    let stderr = scratch.moai(["phase", "run", "SPEC-001", "--enter"]).fails(1);
    assert!(stderr.contains("git would not ignore"), "{stderr}");
    assert!(!tree(&scratch).join(LOCAL).exists());
}

#[test]
fn auto_worktree_off_creates_nothing_and_says_how() {
    let scratch = mashup("  auto_worktree: {enabled: false}\n");
    let stderr = scratch.moai(["phase", "run", "SPEC-001", "--enter"]).fails(1);
    assert!(stderr.contains("moai worktree create SPEC-001 --glm"), "{stderr}");
    assert!(!tree(&scratch).exists());
    // One that is there is used.
    scratch.moai(["worktree", "create", "SPEC-001", "--glm"]).ok();
    scratch.moai(["phase", "run", "SPEC-001", "--enter"]).ok();
}

#[test]
fn a_worktree_made_without_glm_is_dressed_on_entering() {
    let scratch = mashup("");
    scratch.moai(["worktree", "create", "SPEC-001"]).ok();
    assert!(!tree(&scratch).join(LOCAL).exists());
    scratch.moai(["phase", "run", "SPEC-001", "--enter"]).ok();
    assert!(fs::read_to_string(tree(&scratch).join(LOCAL)).unwrap().contains(KEY));
    assert_eq!(scratch.git_in(&tree(&scratch), ["status", "--porcelain"]), "");
}

#[test]
fn without_a_key_nothing_is_created() {
    let scratch = project("llm:\n  mode: mashup\n");
    let before = scratch.snapshot();
    let stderr = scratch.moai(["phase", "run", "SPEC-001", "--enter"]).fails(3);
    assert!(stderr.contains("moai glm <key>"), "{stderr}");
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn nothing_to_sync_no_name_and_names_that_are_none() {
    let scratch = mashup("");
    let stderr = scratch.moai(["phase", "sync", "SPEC-001", "--enter"]).fails(1);
    assert!(stderr.contains("moai phase run SPEC-001 --enter"), "{stderr}");
    scratch.moai(["phase", "run", "--enter"]).fails(2);
    for name in ["../x", "a b", "한글", "", &"x".repeat(300)] {
        scratch.moai(["phase", "run", name, "--enter"]).fails(2);
    }
    assert!(!scratch.home().join("worktrees").exists());
    scratch.moai(["phase", "build"]).fails(2);
}

#[test]
fn a_question_that_nobody_can_answer_creates_nothing() {
    let scratch = mashup("  routing: {confirm_worktree: true}\n");
    let stderr = scratch.moai(["phase", "run", "SPEC-001", "--enter"]).fails(2);
    assert!(stderr.contains("--yes"), "{stderr}");
    assert!(!tree(&scratch).exists());
    scratch.moai(["phase", "run", "SPEC-001", "--enter", "--yes"]).ok();
}

/// Stands in for Claude Code: writes down where it was started, with what, and what its environment says.
fn client(scratch: &mut Scratch) -> PathBuf {
    let tools = scratch.home().join("tools");
    fs::create_dir_all(&tools).unwrap();
    let claude = tools.join("claude");
    fs::write(&claude, "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\nprintf '%s\\n' \"url=$ANTHROPIC_BASE_URL\"\n").unwrap();
    fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    scratch.set_env("PATH", &path);
    claude
}

#[test]
fn launch_starts_the_client_in_the_place_on_the_backend() {
    let mut scratch = mashup("");
    client(&mut scratch);
    let out = scratch.moai(["phase", "run", "SPEC-001", "--launch"]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], tree(&scratch).to_str().unwrap());
    assert!(lines.contains(&"/moai:2-run SPEC-001"), "{out}");
    assert!(lines.contains(&"url=https://api.z.ai/api/anthropic"), "{out}");
    assert!(!out.contains(KEY), "no key in a command line");
    let out = scratch.moai_in(&tree(&scratch), ["phase", "plan", "next", "thing", "--launch"]).ok();
    assert_eq!(out, format!("{}\n/moai:1-plan \"next thing\"\nurl=\n", scratch.project().display()));
}

#[test]
fn launch_refuses_before_anything_is_made() {
    let mut scratch = mashup("");
    let tools = scratch.home().join("bare");
    fs::create_dir_all(&tools).unwrap();
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|git| git.exists()).unwrap();
    std::os::unix::fs::symlink(git, tools.join("git")).unwrap();
    scratch.set_env("PATH", tools.to_str().unwrap());
    let stderr = scratch.moai(["phase", "run", "SPEC-001", "--launch"]).fails(1);
    assert!(stderr.contains("npm install -g @anthropic-ai/claude-code"), "{stderr}");
    assert!(!tree(&scratch).exists());
}
