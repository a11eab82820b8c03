//! `moai worktree create`: where a worktree goes and what is in it, what is refused, and that whatever fails, is
//! interrupted or is killed leaves the state before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::scratch::{KEY, Scratch, mode};

/// Every step at which a creation can be made to end (`moai::worktree::FAIL_POINTS`).
const POINTS: &[&str] = moai::worktree::FAIL_POINTS;

/// Everything git and moai know: refs, logs, administrative files, configuration, ignore rules, and the files of
/// home and project. moai's own lock files do not count.
fn state(scratch: &Scratch) -> Vec<(PathBuf, Vec<u8>)> {
    let ours = |path: &Path| {
        path.ends_with("moai/lock")
            || path.extension().is_some_and(|extension| extension == "lock")
            || path.components().any(|part| part.as_os_str() == "state")
    };
    scratch.snapshot().into_iter().filter(|(path, _)| !ours(path)).collect()
}

fn names(files: &[(PathBuf, Vec<u8>)]) -> Vec<&Path> {
    files.iter().map(|(path, _)| path.as_path()).collect()
}

#[track_caller]
fn assert_unchanged(scratch: &Scratch, before: &[(PathBuf, Vec<u8>)], what: &str) {
    let now = state(scratch);
    assert_eq!(names(&now), names(before), "{what}: files came or went");
    for ((path, now), (_, before)) in now.iter().zip(before) {
        assert!(now == before, "{what}: {} changed", path.display());
    }
    assert_eq!(scratch.git(["worktree", "list"]).lines().count(), 1, "{what}");
    assert_eq!(scratch.git(["branch", "--list"]), "* main", "{what}");
}

fn with_key(scratch: &Scratch) {
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
}

fn worktree(scratch: &Scratch, name: &str) -> PathBuf {
    scratch.home().join("worktrees/DesignWorkflow").join(name)
}

#[test]
fn the_layout_of_the_seed() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    let said = scratch.moai(["worktree", "create", "SPEC-001", "--glm"]);
    let root = worktree(&scratch, "SPEC-001");
    assert!(!said.stderr.contains(KEY));
    assert_eq!(said.ok(), format!("{}\n", root.display()));
    let settings = root.join(".claude/settings.local.json");
    assert_eq!(mode(&settings), 0o600);
    let value: Value = serde_json::from_str(&fs::read_to_string(&settings).unwrap()).unwrap();
    assert_eq!(value["env"]["ANTHROPIC_AUTH_TOKEN"], KEY);
    assert_eq!(value["env"]["ANTHROPIC_BASE_URL"], "https://api.z.ai/api/anthropic");
    let glm_json = fs::read_to_string(root.join(".moai/llm-configs/glm.json")).unwrap();
    assert!(glm_json.contains("${GLM_API_KEY}") && !glm_json.contains(KEY), "{glm_json}");
    assert_eq!(scratch.git_in(&root, ["status", "--porcelain", "--untracked-files=all"]), "");
    scratch.git_in(&root, ["add", "-A"]);
    assert_eq!(scratch.git_in(&root, ["diff", "--cached", "--name-only"]), "");
    assert_eq!(scratch.git_in(&root, ["branch", "--show-current"]), "feature/SPEC-001");
    let registry = fs::read_to_string(scratch.home().join("worktrees/.moai-worktree-registry.json")).unwrap();
    let registry: Value = serde_json::from_str(&registry).unwrap();
    let record = registry["DesignWorkflow"]["SPEC-001"].as_object().unwrap();
    let fields: Vec<&str> = record.keys().map(String::as_str).collect();
    assert_eq!(fields, ["spec_id", "path", "branch", "created_at", "last_accessed", "status"]);
    assert_eq!(record["created_at"], "2026-01-09T12:00:00Z");
    for (path, bytes) in scratch.snapshot() {
        let holds = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
        let may = path == settings || path.ends_with(".moai/.env.glm");
        assert!(!holds || may, "the key is in {}", path.display());
    }
}

#[test]
fn with_a_helper_the_key_is_nowhere_in_the_worktree() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    let root = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-1", "--glm", "--helper"]).ok().trim());
    let settings = fs::read_to_string(root.join(".claude/settings.local.json")).unwrap();
    assert!(settings.contains("apiKeyHelper") && !settings.contains(KEY), "{settings}");
}

#[test]
fn the_project_s_own_glm_json_goes_along_and_a_tracked_one_stays() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    let own = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "${GLM_API_KEY}", "ANTHROPIC_DEFAULT_OPUS_MODEL": "glm-5.3"}}"#;
    scratch.write(".moai/llm-configs/glm.json", own);
    let first = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).ok().trim());
    assert_eq!(fs::read_to_string(first.join(".moai/llm-configs/glm.json")).unwrap(), own);
    let settings = fs::read_to_string(first.join(".claude/settings.local.json")).unwrap();
    assert!(settings.contains("glm-5.3"), "{settings}");
    scratch.git(["add", "-f", ".moai"]);
    scratch.git(["commit", "-q", "-m", "glm.json"]);
    let second = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-2", "--glm"]).ok().trim());
    assert_eq!(scratch.git_in(&second, ["status", "--porcelain"]), "");
}

#[test]
fn without_a_key_nothing_is_touched() {
    let scratch = Scratch::repository();
    let before = scratch.snapshot();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).fails(3);
    assert!(stderr.contains("moai glm"), "{stderr}");
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn main_s_settings_that_would_mix_vendors_refuse_glm_and_the_same_glm_does_not() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    scratch.write(".gitignore", ".claude/settings.local.json\n");
    scratch.write(".claude/settings.local.json", r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "sk-ant-another-one"}}"#);
    let before = scratch.snapshot();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).fails(1);
    assert!(stderr.contains("ANTHROPIC_AUTH_TOKEN") && stderr.contains("moai glm --"), "{stderr}");
    assert!(!stderr.contains("another-one"), "{stderr}");
    assert_eq!(scratch.snapshot(), before);
    fs::remove_file(scratch.project().join(".claude/settings.local.json")).unwrap();
    scratch.moai(["glm"]).ok();
    scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).ok();
}

#[test]
fn a_file_that_would_hold_the_key_and_is_tracked_or_cannot_be_ignored_is_refused() {
    for (file, text, word) in [
        (".claude/settings.local.json", "{}\n", "is tracked by git"),
        (".gitignore", "!/.claude/settings.local.json\n", "`!` rule"),
    ] {
        let scratch = Scratch::repository();
        with_key(&scratch);
        scratch.write(file, text);
        scratch.git(["add", "-f", "."]);
        scratch.git(["commit", "-q", "-m", "x"]);
        let before = state(&scratch);
        let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).fails(1);
        assert!(stderr.contains(word), "{stderr}");
        assert_unchanged(&scratch, &before, file);
    }
}

#[test]
fn a_tracked_link_does_not_lead_the_key_out_of_the_worktree() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    let outside = scratch.root().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.project().join(".claude")).unwrap();
    scratch.git(["add", "."]);
    scratch.git(["commit", "-q", "-m", "link"]);
    scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).fails(1);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(!worktree(&scratch, "SPEC-1").exists());
    assert_eq!(scratch.git(["branch", "--list"]), "* main");
}

#[test]
fn bad_names_are_usage_errors() {
    let scratch = Scratch::repository();
    let before = scratch.snapshot();
    let long = "x".repeat(300);
    for name in ["../x", "a b", "한글", "", &long, "a--b", "con", "a/b", ".x"] {
        scratch.moai(["worktree", "create", name]).fails(2);
    }
    scratch.moai(["worktree", "create", "-x"]).fails(2);
    for branch in ["a..b", "x.lock", "-x", "a b", "HEAD"] {
        scratch.moai(["worktree", "create", "SPEC-1", &format!("--branch={branch}")]).fails(2);
    }
    scratch.moai(["worktree", "create", "SPEC-1", "--base", "nowhere"]).fails(2);
    assert_eq!(scratch.snapshot(), before);
    let said = scratch.moai(["worktree", "create", "a b", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).unwrap()["error"]["code"], "bad-spec-id");
}

#[test]
fn outside_of_a_repository_and_inside_its_files() {
    let scratch = Scratch::new();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("not in a git repository"), "{stderr}");
    let scratch = Scratch::repository();
    let stderr = scratch.moai_in(&scratch.project().join(".git/refs"), ["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("repository's own files"), "{stderr}");
}

#[test]
fn an_existing_branch_is_taken_and_one_that_is_checked_out_is_not() {
    let scratch = Scratch::repository();
    scratch.git(["branch", "feature/SPEC-1"]);
    scratch.git(["commit", "-q", "--allow-empty", "-m", "second"]);
    let said = scratch.moai(["worktree", "create", "SPEC-1"]);
    assert!(said.stderr.contains("exists; it is taken as it is"), "{}", said.stderr);
    let root = PathBuf::from(said.ok().trim());
    assert_eq!(scratch.git_in(&root, ["rev-parse", "HEAD"]), scratch.git(["rev-parse", "HEAD~1"]));
    let before = state(&scratch);
    let stderr = scratch.moai(["worktree", "create", "SPEC-2", "--branch", "feature/SPEC-1"]).fails(1);
    assert!(stderr.contains(root.to_str().unwrap()), "{stderr}");
    let stderr = scratch.moai(["worktree", "create", "SPEC-2", "--branch", "main"]).fails(1);
    assert!(stderr.contains("checked out at"), "{stderr}");
    scratch.git(["branch", "other"]);
    let stderr = scratch.moai(["worktree", "create", "SPEC-2", "--branch", "other", "--base", "HEAD~1"]).fails(1);
    assert!(stderr.contains("exists and is not at"), "{stderr}");
    scratch.git(["branch", "-D", "other"]);
    assert_eq!(names(&state(&scratch)), names(&before));
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("there is a worktree on feature/SPEC-1"), "{stderr}");
}

#[test]
fn a_branch_in_the_way_is_named() {
    let scratch = Scratch::repository();
    scratch.git(["branch", "feature"]);
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("there is a branch feature"), "{stderr}");
    let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--branch", "feature/x/y"]).fails(1);
    assert!(stderr.contains("there is a branch feature"), "{stderr}");
    scratch.git(["branch", "-D", "feature"]);
    scratch.git(["branch", "a/b/c"]);
    let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--branch", "a/b"]).fails(1);
    assert!(stderr.contains("there is a branch a/b/c"), "{stderr}");
}

#[test]
fn an_existing_path_is_taken_only_when_it_is_an_empty_directory() {
    let scratch = Scratch::repository();
    let root = worktree(&scratch, "SPEC-1");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("mine"), "precious").unwrap();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("is not empty"), "{stderr}");
    assert_eq!(fs::read_to_string(root.join("mine")).unwrap(), "precious");
    fs::remove_file(root.join("mine")).unwrap();
    scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    fs::write(worktree(&scratch, "SPEC-2"), "a file").unwrap();
    scratch.moai(["worktree", "create", "SPEC-2"]).fails(1);
    std::os::unix::fs::symlink("/tmp", worktree(&scratch, "SPEC-3")).unwrap();
    scratch.moai(["worktree", "create", "SPEC-3"]).fails(1);
    let stderr = scratch.moai(["worktree", "create", "spec-1"]).fails(1);
    assert!(stderr.contains("only in case"), "{stderr}");
}

#[test]
fn a_worktree_whose_directory_is_gone_is_said_to_be_gone() {
    let scratch = Scratch::repository();
    let root = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-1"]).ok().trim());
    fs::remove_dir_all(root).unwrap();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("the directory is gone") && stderr.contains("worktree recover"), "{stderr}");
}

#[test]
fn worktrees_go_where_this_project_s_already_are() {
    let scratch = Scratch::repository();
    let old = scratch.home().join("moai/worktrees/DesignWorkflow/SPEC-0");
    scratch.git(["worktree", "add", "-q", old.to_str().unwrap()]);
    let root = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-1"]).ok().trim());
    assert_eq!(root, old.with_file_name("SPEC-1"));
    assert!(scratch.home().join("moai/worktrees/.moai-worktree-registry.json").exists());
    let elsewhere = scratch.root().join("elsewhere");
    let root = scratch.moai(["worktree", "create", "SPEC-2", "--root", elsewhere.to_str().unwrap()]).ok();
    assert_eq!(Path::new(root.trim()), elsewhere.join("DesignWorkflow/SPEC-2"));
    let root = scratch.moai(["worktree", "create", "SPEC-3", "--path", "../right-here"]).ok();
    assert_eq!(Path::new(root.trim()), scratch.root().join("right-here"));
    let doubled = scratch.root().join("w/DesignWorkflow");
    let root = scratch.moai(["worktree", "create", "SPEC-4", "--root", doubled.to_str().unwrap()]).ok();
    assert_eq!(Path::new(root.trim()), doubled.join("SPEC-4"));
}

#[test]
fn inside_main_it_is_ignored_and_inside_another_worktree_it_is_refused() {
    let scratch = Scratch::repository();
    let root = scratch.moai(["worktree", "create", "SPEC-1", "--root", ".moai/worktrees"]).ok();
    assert_eq!(Path::new(root.trim()), scratch.project().join(".moai/worktrees/SPEC-1"));
    assert_eq!(scratch.git(["status", "--porcelain", "--untracked-files=all"]), "");
    let stderr = scratch.moai(["worktree", "create", "SPEC-2", "--path", ".moai/worktrees/SPEC-1/x"]).fails(1);
    assert!(stderr.contains("is inside the worktree"), "{stderr}");
    scratch.moai(["worktree", "create", "SPEC-2", "--path", ".git/x"]).fails(1);
}

#[test]
fn two_repositories_of_one_name_do_not_share_a_directory() {
    let scratch = Scratch::repository();
    let first = scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    let other = scratch.root().join("other/DesignWorkflow");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    scratch.git(["clone", "-q", ".", other.to_str().unwrap()]);
    let second = scratch.moai_in(&other, ["worktree", "create", "SPEC-1"]).ok();
    let (first, second) = (Path::new(first.trim()), Path::new(second.trim()));
    assert_ne!(first, second);
    let folder = second.parent().unwrap().file_name().unwrap().to_str().unwrap();
    assert!(folder.starts_with("DesignWorkflow-") && folder.len() == "DesignWorkflow-".len() + 6, "{folder}");
}

#[test]
fn a_broken_registry_is_named_with_its_place_and_nothing_is_made() {
    let scratch = Scratch::repository();
    scratch.write_home("worktrees/.moai-worktree-registry.json", "{\n  \"a\": {,}\n}\n");
    let before = state(&scratch);
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(3);
    assert!(stderr.contains(".moai-worktree-registry.json:2:9"), "{stderr}");
    assert_unchanged(&scratch, &before, "broken registry");
}

#[test]
fn a_dry_run_touches_nothing() {
    let scratch = Scratch::repository();
    with_key(&scratch);
    let before = scratch.snapshot();
    let said = scratch.moai(["worktree", "create", "SPEC-1", "--glm", "--dry-run"]).ok();
    assert!(said.contains("feature/SPEC-1") && said.contains("native"), "{said}");
    let json = scratch.moai(["worktree", "create", "SPEC-1", "--dry-run", "--json"]).json();
    assert_eq!(json["dry_run"], true);
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn killed_at_any_step_the_next_command_leaves_the_state_before() {
    for engine in ["native", "git"] {
        for point in POINTS {
            let scratch = Scratch::repository();
            with_key(&scratch);
            scratch.write("a/b/c", "text\n");
            scratch.git(["add", "."]);
            scratch.git(["commit", "-q", "-m", "more"]);
            let before = state(&scratch);
            let args = ["worktree", "create", "SPEC-1", "--glm", "--engine", engine];
            let said = scratch.moai_command(args).env("MOAI_FAIL_AT", point).output().unwrap();
            assert_eq!(said.status.code(), None, "{engine} {point}: it was to be killed: {said:?}");
            // Any command that opens the repository's worktrees undoes it; this one is refused afterwards.
            let stderr = scratch.moai(["worktree", "create", "SPEC-1", "--base", "nowhere"]).fails(2);
            assert!(stderr.contains("killed command"), "{engine} {point}: {stderr}");
            assert_unchanged(&scratch, &before, &format!("{engine} {point}"));
            scratch.moai(args).ok();
        }
    }
}

#[test]
fn interrupted_at_any_step_nothing_is_left_and_the_exit_is_130() {
    for engine in ["native", "git"] {
        for point in POINTS {
            let scratch = Scratch::repository();
            with_key(&scratch);
            let before = state(&scratch);
            let args = ["worktree", "create", "SPEC-1", "--glm", "--engine", engine];
            let said = scratch.moai_command(args).env("MOAI_FAIL_AT", format!("{point}:int")).output().unwrap();
            let stderr = String::from_utf8_lossy(&said.stderr);
            assert_eq!(said.status.code(), Some(130), "{engine} {point}: {stderr}");
            assert!(stderr.contains("has been undone"), "{engine} {point}: {stderr}");
            assert_eq!(said.stdout, b"");
            assert_unchanged(&scratch, &before, &format!("{engine} {point}"));
        }
    }
}

#[test]
fn two_repositories_that_want_one_place_do_not_take_it_from_each_other() {
    let scratch = Scratch::repository();
    let other = scratch.home().join("Other");
    scratch.git(["clone", "--quiet", ".", other.to_str().unwrap()]);
    for round in 0..12 {
        let place = scratch.home().join(format!("shared-{round}"));
        let spec = format!("SPEC-{round}");
        let start = |dir: &Path| {
            let args = ["-C", dir.to_str().unwrap(), "worktree", "create", &spec, "--path", place.to_str().unwrap()];
            scratch.moai_command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [start(&scratch.project()), start(&other)].map(|child| child.wait_with_output().unwrap());
        let made = both.iter().filter(|output| output.status.success()).count();
        assert_eq!(made, 1, "round {round}: {both:#?}");
        assert_eq!(scratch.git_in(&place, ["status", "--porcelain"]), "", "round {round}");
    }
}

#[test]
fn what_a_killed_write_of_the_settings_leaves_is_never_committed_and_goes() {
    let scratch = Scratch::repository();
    scratch.moai(["glm", KEY]).ok();
    scratch.write(".gitignore", "settings.local.json\n.moai/\n");
    scratch.git(["add", "-A"]);
    scratch.git(["commit", "--quiet", "-m", "ignore"]);
    let args = ["worktree", "create", "SPEC-1", "--glm"];
    scratch.moai_command(args).env("MOAI_FAIL_AT", "shield").output().unwrap();
    let tree = scratch.home().join("worktrees/DesignWorkflow/SPEC-1");
    for dir in [&tree, &scratch.project()] {
        fs::create_dir_all(dir.join(".claude")).unwrap();
        fs::write(dir.join(".claude/.moai-settings.local.json-Ab12Cd"), KEY).unwrap();
        assert_eq!(scratch.git_in(dir, ["status", "--porcelain"]), "");
    }
    scratch.moai(["worktree", "recover"]).ok();
    assert!(!tree.exists());
    assert_eq!(scratch.git(["branch", "--list", "feature/*"]), "");
}

#[test]
fn an_empty_directory_that_was_there_is_still_there_after_a_kill() {
    let scratch = Scratch::repository();
    let root = worktree(&scratch, "SPEC-1");
    fs::create_dir_all(&root).unwrap();
    let args = ["worktree", "create", "SPEC-1"];
    scratch.moai_command(args).env("MOAI_FAIL_AT", "index").output().unwrap();
    assert!(root.join("README.md").exists());
    scratch.moai(["worktree", "create", "SPEC-1", "--base", "nowhere"]).fails(2);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
}

#[test]
fn what_somebody_did_since_in_a_half_made_worktree_is_kept() {
    let scratch = Scratch::repository();
    let args = ["worktree", "create", "SPEC-1"];
    scratch.moai_command(args).env("MOAI_FAIL_AT", "index").output().unwrap();
    let root = worktree(&scratch, "SPEC-1");
    scratch.git_in(&root, ["commit", "-q", "--allow-empty", "-m", "work"]);
    let commit = scratch.git(["rev-parse", "feature/SPEC-1"]);
    let said = scratch.moai(["worktree", "create", "SPEC-2"]);
    assert!(said.stderr.contains("has commits of its own"), "{}", said.stderr);
    assert_eq!(scratch.git(["rev-parse", "feature/SPEC-1"]), commit);
    assert!(root.join("README.md").exists());
    for point in ["files", "index"] {
        let name = format!("SPEC-{point}");
        scratch.moai_command(["worktree", "create", &name]).env("MOAI_FAIL_AT", point).output().unwrap();
        let root = worktree(&scratch, &name);
        fs::write(root.join("notes.txt"), "mine\n").unwrap();
        let said = scratch.moai(["worktree", "create", "x", "--base", "nowhere"]);
        assert!(said.stderr.contains("notes.txt is not from the commit"), "{}", said.stderr);
        assert_eq!(fs::read_to_string(root.join("notes.txt")).unwrap(), "mine\n");
    }
    assert!(!scratch.git(["worktree", "list", "--porcelain"]).contains("locked"));
}

#[test]
fn a_file_that_was_cut_off_by_the_kill_is_undone_with_the_rest() {
    let scratch = Scratch::repository();
    let before = state(&scratch);
    for point in ["files", "index"] {
        scratch.moai_command(["worktree", "create", "SPEC-1"]).env("MOAI_FAIL_AT", point).output().unwrap();
        fs::write(worktree(&scratch, "SPEC-1").join("README.md"), "# de").unwrap();
        scratch.moai(["worktree", "create", "x", "--base", "nowhere"]).fails(2);
        assert_unchanged(&scratch, &before, point);
    }
}

#[test]
fn sixteen_at_once_all_succeed() {
    let scratch = Scratch::repository();
    let config = fs::read(scratch.project().join(".git/config")).unwrap();
    let children: Vec<_> = (1..=16)
        .map(|number| {
            let mut command = scratch.moai_command(["worktree", "create", &format!("SPEC-{number}")]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
    assert_eq!(scratch.git(["worktree", "list"]).lines().count(), 17);
    assert_eq!(scratch.git(["branch", "--list"]).lines().count(), 17);
    let registry = fs::read_to_string(scratch.home().join("worktrees/.moai-worktree-registry.json")).unwrap();
    let registry: Value = serde_json::from_str(&registry).unwrap();
    assert_eq!(registry["DesignWorkflow"].as_object().unwrap().len(), 16);
    assert_eq!(fs::read(scratch.project().join(".git/config")).unwrap(), config);
    assert_eq!(fs::read_dir(scratch.project().join(".git/moai/journal")).unwrap().count(), 0);
    for number in 1..=16 {
        let root = worktree(&scratch, &format!("SPEC-{number}"));
        assert_eq!(scratch.git_in(&root, ["status", "--porcelain"]), "");
    }
}

#[test]
fn the_same_command_twice_at_once_makes_one_worktree() {
    let scratch = Scratch::repository();
    let spawn = || {
        let mut command = scratch.moai_command(["worktree", "create", "SPEC-1"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [spawn(), spawn()];
    let mut statuses: Vec<_> =
        children.into_iter().map(|child| child.wait_with_output().unwrap().status.code().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [0, 1]);
    assert_eq!(scratch.git(["worktree", "list"]).lines().count(), 2);
    assert_eq!(scratch.git_in(&worktree(&scratch, "SPEC-1"), ["status", "--porcelain"]), "");
}

#[test]
fn git_worktree_prune_beside_them_takes_none_away() {
    let scratch = Scratch::repository();
    for round in 0..2 {
        let mut children: Vec<_> = Vec::new();
        for number in 0..8 {
            let mut moai = scratch.moai_command(["worktree", "create", &format!("SPEC-{round}{number}")]);
            children.push((true, moai.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()));
            let mut git = scratch.command("git");
            let prune = git.args(["worktree", "prune", "--expire=now"]).stderr(Stdio::piped());
            children.push((false, prune.spawn().unwrap()));
        }
        for (ours, child) in children {
            let said = child.wait_with_output().unwrap();
            assert!(!ours || said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
    }
    assert_eq!(scratch.git(["worktree", "list"]).lines().count(), 17);
}

#[test]
fn a_full_disk_leaves_the_state_before() {
    let scratch = Scratch::repository();
    scratch.write("big", vec![b'x'; 3_000_000]);
    scratch.git(["add", "."]);
    scratch.git(["commit", "-q", "-m", "big"]);
    let small = scratch.root().join("small");
    fs::create_dir(&small).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&small).output();
    if !mount.is_ok_and(|said| said.status.success()) {
        eprintln!("SKIPPED a_full_disk_leaves_the_state_before: only root can mount a small tmpfs");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        for engine in ["native", "git"] {
            let before = state(&scratch);
            let args = ["worktree", "create", "SPEC-1", "--engine", engine, "--root", small.to_str().unwrap()];
            let stderr = scratch.moai(args).fails(1);
            assert!(stderr.contains("No space left") || stderr.contains("git reset"), "{stderr}");
            assert_unchanged(&scratch, &before, engine);
        }
    });
    let unmounted = Command::new("umount").arg(&small).status().unwrap();
    assert!(unmounted.success());
    outcome.unwrap();
}

#[test]
fn a_home_that_cannot_be_written_is_said_so() {
    let scratch = Scratch::repository();
    // Root may write anywhere, so the place is made impossible instead of forbidden.
    scratch.write_home("worktrees", "a file");
    let before = state(&scratch);
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("worktrees"), "{stderr}");
    assert_unchanged(&scratch, &before, "a file in the way");
}
