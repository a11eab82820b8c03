//! Repositories whose git directory lies elsewhere, and the variables that git gives to hooks.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::scratch::{KEY, Scratch};

/// A project made with `git init --separate-git-dir`, with one commit.
fn separate(option: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.root().join("store")).unwrap();
    let store = scratch.root().join("store/kept.git");
    let args = ["init", "--quiet", "--initial-branch=main", "--separate-git-dir", store.to_str().unwrap()];
    scratch.git(args.iter().chain(option));
    scratch.write("README.md", "# demo\n");
    scratch.git(["add", "."]);
    scratch.git(["commit", "--quiet", "-m", "first"]);
    scratch
}

fn main_entry(listed: &Value) -> &Value {
    listed["worktrees"].as_array().unwrap().iter().find(|entry| entry["main"] == true).unwrap()
}

#[test]
fn a_git_directory_elsewhere_is_no_checkout() {
    for option in [&[][..], &["--ref-format=reftable"]] {
        let scratch = separate(option);
        scratch.moai_stdin(KEY, ["glm", "--stdin"]).ok();
        let made = scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).ok();
        let made = Path::new(made.trim());
        assert!(made.ends_with("DesignWorkflow/SPEC-1"), "{made:?}: named after the checkout, not the git directory");
        let main = scratch.project().display().to_string();
        for dir in [scratch.project(), made.to_path_buf()] {
            let listed = scratch.moai_in(&dir, ["worktree", "list", "--json"]).json();
            let entry = main_entry(&listed);
            assert_eq!(
                (entry["path"].as_str(), entry["changes"]["untracked"].as_u64()),
                (Some(&*main), Some(0)),
                "{listed:#}"
            );
            assert_eq!(scratch.moai_in(&dir, ["status", "--json"]).json()["project"]["main"], main);
        }
        scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
        assert_eq!(scratch.git(["worktree", "list"]).lines().count(), 1);
    }
}

#[test]
fn the_variables_of_a_hook_do_not_make_two_projects_of_one() {
    let scratch = Scratch::repository();
    let made = scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    let made = Path::new(made.trim()).to_path_buf();
    let hook = scratch.project().join(".git/hooks/pre-commit");
    let moai = env!("CARGO_BIN_EXE_moai");
    // Everything a hook may do: it stands at the top with GIT_DIR and GIT_INDEX_FILE set, and may go elsewhere.
    let script = format!(
        "#!/bin/sh\nset -e\nenv >\"$OUT.env\"\n{moai} status --json >\"$OUT.status\"\n{moai} worktree list --json >\"$OUT.list\"\n\
         mkdir -p deep && cd deep && {moai} status --json >\"$OUT.deep\"\n"
    );
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (name, dir) in [("main", scratch.project()), ("linked", made)] {
        let out = scratch.root().join(name);
        let git = scratch
            .command("git")
            .args(["commit", "--quiet", "--allow-empty", "-m", "x"])
            .env("OUT", &out)
            .current_dir(&dir)
            .output()
            .unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        let said =
            |what: &str| -> Value { serde_json::from_slice(&fs::read(out.with_extension(what)).unwrap()).unwrap() };
        for what in ["status", "deep"] {
            let project = &said(what)["project"];
            assert_eq!(project["root"], dir.display().to_string(), "{name} {what}");
            assert_eq!(project["main"], scratch.project().display().to_string(), "{name} {what}");
        }
        assert_eq!(main_entry(&said("list"))["path"], scratch.project().display().to_string());
    }
    // A repository that the variable alone names: both rooms go there, and the key with them.
    let elsewhere = scratch.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let run = |args: &[&str]| {
        let mut command = scratch.moai_command(args);
        let output = command.current_dir(&elsewhere).env("GIT_DIR", scratch.project().join(".git")).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(run(&["status", "--json"])["project"]["root"], scratch.project().display().to_string());
    assert_eq!(main_entry(&run(&["worktree", "list", "--json"]))["path"], scratch.project().display().to_string());
}
