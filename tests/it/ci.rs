//! The step of docs/ci.md, run as a runner would run it: with models that answer, with none that does, without keys.

use std::fs;
use std::path::Path;

use crate::scratch::{Said, Scratch};

/// The script of the first example.
fn script() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let (_, rest) = page.split_once("  run: |\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    script.lines().map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned() + "\n").collect()
}

/// A pull request that adds a line, and both vendors simulated, whose calls meet `step`; `None`: no vendor at all.
fn runner(step: Option<&str>) -> Scratch {
    let mut scratch = Scratch::repository();
    if let Some(step) = step {
        let vendor = format!("engine = \"sim\"\nkey = \"none\"\nsim.steps = [\"{step}\"]\nsim.answer = \"No bugs.\"\n");
        let config = format!("[retry]\nfirst_wait = 0\n[providers.anthropic]\n{vendor}[providers.zai]\n{vendor}");
        scratch.write_home(".moai/config.toml", config);
    }
    let origin = scratch.root().join("origin.git");
    scratch.git(["clone", "--quiet", "--bare", ".", origin.to_str().unwrap()]);
    scratch.git(["remote", "add", "origin", origin.to_str().unwrap()]);
    scratch.git(["checkout", "--quiet", "-b", "feature"]);
    scratch.write("login.ts", "export const login = () => {};\n");
    scratch.git(["add", "."]);
    scratch.git(["commit", "--quiet", "-m", "login"]);
    let own = Path::new(env!("CARGO_BIN_EXE_moai")).parent().unwrap().to_path_buf();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).unwrap();
    scratch.set_env("PATH", path.to_str().unwrap());
    scratch.set_env("GITHUB_BASE_REF", "main");
    let summary = scratch.root().join("summary.md");
    scratch.set_env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    scratch
}

/// Runs the step; where there is no jq, as on a bare machine, nobody can.
fn run(scratch: &Scratch) -> Option<Said> {
    scratch.command("jq").arg("--version").output().ok()?;
    // As GitHub starts a script: https://docs.github.com/actions, "defaults.run.shell", 2026-11.
    let output = scratch.command("bash").args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script()]).output();
    Some(Said::from(&output.unwrap()))
}

#[test]
fn an_answer_is_in_the_summary_with_what_it_took() {
    let scratch = runner(Some("answer"));
    let Some(said) = run(&scratch) else { return };
    let said = said.ok();
    assert!(said.starts_with("glm-4.7, ") && said.contains(" tokens in, "), "{said}");
    assert_eq!(fs::read_to_string(scratch.root().join("summary.md")).unwrap(), "No bugs.\n");
}

#[test]
fn models_that_fail_are_a_warning_and_no_failure() {
    let Some(said) = run(&runner(Some("503"))) else { return };
    let said = said.ok();
    assert!(said.starts_with("::warning::no model answered: ") && said.contains("claude-opus"), "{said}");
}

#[test]
fn a_missing_key_fails_the_step() {
    let Some(said) = run(&runner(None)) else { return };
    assert!(said.stdout.contains("no model can be asked"), "{said:?}");
    said.fails(3);
}
