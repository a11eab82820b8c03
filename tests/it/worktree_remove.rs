//! `moai worktree remove` and `restore`: nothing that is nowhere else may ever be lost. Each refusal is checked
//! against the whole scratch world: what was refused changed nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::scratch::{KEY, Scratch};
use crate::trees::{add, commit, commit_file, content, place, put, unchanged, world};

/// Asserts that removing is refused under this code, with and without `--force`, and that nothing changed.
#[track_caller]
fn never_removed(scratch: &Scratch, name: &str, code: &str) {
    let before = world(scratch);
    for args in [vec!["worktree", "remove", name, "--json"], vec!["worktree", "remove", name, "--force", "--json"]] {
        let said = scratch.moai(&args);
        assert_eq!(said.status, 1, "{said:#?}");
        let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(answer["error"]["code"], code, "{said:#?}");
        unchanged(scratch, &before);
    }
}

/// Asserts that it is refused under this code without `--force`, and that nothing changed.
#[track_caller]
fn refused(scratch: &Scratch, name: &str, code: &str) -> String {
    let before = world(scratch);
    let said = scratch.moai(["worktree", "remove", name, "--json"]);
    assert_eq!(said.status, 1, "{said:#?}");
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(answer["error"]["code"], code, "{said:#?}");
    unchanged(scratch, &before);
    said.stderr
}

#[test]
fn a_clean_one_goes_as_the_seeds_type_it_and_its_branch_stays() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    let said = scratch.moai(["worktree", "remove", "SPEC-1"]);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("removed SPEC-1 (~/worktrees/DesignWorkflow/SPEC-1)"), "{}", said.stderr);
    assert!(said.stderr.contains("the branch feature/SPEC-1 stays"), "{}", said.stderr);
    said.ok();
    assert!(!tree.exists());
    assert!(!scratch.project().join(".git/worktrees").exists());
    assert_eq!(scratch.git(["rev-parse", "feature/SPEC-1"]), scratch.git(["rev-parse", "main"]));
    assert_eq!(scratch.git(["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(scratch.git(["status", "--porcelain"]), "");
    scratch.git(["fsck", "--strict"]);
}

/// Does something to a worktree.
type Spoil<'a> = &'a dyn Fn(&Path);

#[test]
fn uncommitted_work_of_every_kind_is_refused_by_name() {
    let scratch = Scratch::repository();
    let cases: [(&str, Spoil<'_>); 4] = [
        ("modified", &|tree| put(tree, "README.md", "changed\n")),
        ("staged", &|tree| {
            put(tree, "README.md", "changed\n");
            scratch.git_in(tree, ["add", "README.md"]);
        }),
        ("untracked", &|tree| put(tree, "새 파일.txt", "new\n")),
        ("untracked", &|tree| put(tree, "deep/er/file", "new\n")),
    ];
    for (at, (kind, spoil)) in cases.iter().enumerate() {
        let spec = format!("SPEC-{at}");
        let tree = add(&scratch, &spec);
        spoil(&tree);
        let stderr = refused(&scratch, &spec, "dirty");
        assert!(stderr.contains(&format!("1 {kind}")), "{stderr}");
    }
    let said = scratch.moai(["worktree", "remove", "SPEC-2"]);
    assert!(said.stderr.contains("untracked  새 파일.txt"), "{}", said.stderr);
}

#[test]
fn untracked_files_count_where_the_user_hid_them_from_status() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.git(["config", "status.showUntrackedFiles", "no"]);
    put(&tree, "notes.txt", "only here\n");
    refused(&scratch, "SPEC-1", "dirty");
}

#[test]
fn force_keeps_everything_in_the_trash_and_in_a_rescue_commit() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    put(&tree, "README.md", "staged\n");
    scratch.git_in(&tree, ["add", "README.md"]);
    put(&tree, "README.md", "staged and modified\n");
    put(&tree, "notes.txt", "untracked\n");
    let said = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "--json"]);
    let answer = said.json();
    let rescue = answer["rescue"].as_str().unwrap();
    assert_eq!(answer["refusals"][0]["code"], "dirty");
    assert!(!tree.exists());
    let show = |spec: &str| scratch.git(["show", &format!("{rescue}{spec}")]);
    assert_eq!(show(":README.md"), "staged and modified");
    assert_eq!(show("^2:README.md"), "staged");
    assert_eq!(show(":notes.txt"), "untracked");
    // The form is a stash's, so git's own command brings it back anywhere.
    scratch.git(["stash", "apply", "--quiet", rescue]);
    assert_eq!(scratch.read("README.md"), "staged and modified\n");
    assert_eq!(scratch.read("notes.txt"), "untracked\n");
}

#[test]
fn restore_brings_back_the_same_tree_index_and_branch() {
    let scratch = Scratch::repository();
    scratch.write(".gitignore", ".env\n");
    scratch.write("run.sh", "#!/bin/sh\n");
    commit(&scratch, &scratch.project(), "more");
    let tree = add(&scratch, "SPEC-1");
    commit_file(&scratch, &tree, "한글 파일.md", "done\n");
    put(&tree, "README.md", "staged\n");
    scratch.git_in(&tree, ["add", "README.md"]);
    put(&tree, "README.md", "modified\n");
    put(&tree, ".env", "PASSWORD=1\n");
    put(&tree, "new/file", "untracked\n");
    symlink("new/file", tree.join("link")).unwrap();
    let (files, index) = (content(&tree), scratch.git_in(&tree, ["ls-files", "-s"]));
    let head = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
    let log = scratch.git_in(&tree, ["reflog"]);

    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "--json"]).json();
    assert_eq!(answer["precious"], serde_json::json!([".env"]));
    assert!(!tree.exists());
    let listed = scratch.moai(["worktree", "restore", "--json"]).json();
    assert_eq!(listed["trash"][0]["name"], "SPEC-1");

    let said = scratch.moai(["worktree", "restore", "SPEC-1"]);
    assert_eq!(said.stdout.trim_end(), tree.to_str().unwrap());
    said.ok();
    assert_eq!(content(&tree), files);
    assert_eq!(scratch.git_in(&tree, ["ls-files", "-s"]), index);
    assert_eq!(scratch.git_in(&tree, ["rev-parse", "HEAD"]), head);
    assert_eq!(scratch.git_in(&tree, ["symbolic-ref", "HEAD"]), "refs/heads/feature/SPEC-1");
    assert_eq!(scratch.git_in(&tree, ["reflog"]), log);
    assert!(scratch.moai(["worktree", "restore", "--json"]).json()["trash"].as_array().unwrap().is_empty());
    assert!(!scratch.project().join(".git/moai/trash").read_dir().unwrap().any(|_| true));
}

#[test]
fn a_deleted_branch_comes_back_with_its_worktree() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    commit_file(&scratch, &tree, "a", "1\n");
    let head = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
    let said = scratch.moai(["worktree", "remove", "SPEC-1", "-D"]);
    assert!(said.stderr.contains(&format!("deleted the branch feature/SPEC-1 at {head}")), "{}", said.stderr);
    said.ok();
    assert_eq!(scratch.git(["branch", "--list", "feature/SPEC-1"]), "");
    // What only the branch held is kept from git's garbage collection.
    scratch.git(["gc", "--quiet", "--prune=now"]);
    assert_eq!(scratch.git(["cat-file", "-t", &head]), "commit");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert_eq!(scratch.git(["rev-parse", "feature/SPEC-1"]), head);
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain=v2", "--branch"]).lines().count(), 2);
}

#[test]
fn restore_says_what_is_in_the_way_and_takes_another_place() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    put(&tree, "somebody", "else\n");
    let before = world(&scratch);
    let stderr = scratch.moai(["worktree", "restore", "SPEC-1"]).fails(1);
    assert!(stderr.contains("something else stands at"), "{stderr}");
    unchanged(&scratch, &before);
    let other = scratch.home().join("again");
    scratch.moai(["worktree", "restore", "SPEC-1", "--to", other.to_str().unwrap()]).ok();
    assert_eq!(scratch.git_in(&other, ["status", "--porcelain=v2", "--branch"]).lines().count(), 2);
    assert_eq!(scratch.git_in(&other, ["rev-parse", "--show-toplevel"]), other.to_str().unwrap());
    assert!(!scratch.git(["worktree", "list", "--porcelain"]).contains("prunable"));
}

#[test]
fn a_restore_that_fails_leaves_nothing_behind() {
    use std::os::unix::fs::MetadataExt as _;
    let scratch = Scratch::repository();
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(&scratch.home()) {
        return;
    }
    let tree = add(&scratch, "SPEC-1");
    let head = scratch.git(["rev-parse", "main"]);
    commit_file(&scratch, &tree, "a", "1\n");
    let tip = scratch.git(["rev-parse", "feature/SPEC-1"]);
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.git(["branch", "--force", "feature/SPEC-1", &head]);
    let to = elsewhere.path().join("x");
    let before = world(&scratch);
    let stderr = scratch.moai(["worktree", "restore", "SPEC-1", "--to", to.to_str().unwrap()]).fails(1);
    assert!(stderr.contains("is on another file system"), "{stderr}");
    unchanged(&scratch, &before);
    scratch.git(["branch", "--force", "feature/SPEC-1", &tip]);
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(!scratch.git(["worktree", "list", "--porcelain"]).contains("prunable"));
    assert_eq!(scratch.git_in(&tree, ["symbolic-ref", "HEAD"]), "refs/heads/feature/SPEC-1");
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "");
}

#[test]
fn restore_takes_no_place_that_create_would_not_take() {
    let scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    let other = add(&scratch, "SPEC-2");
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    let before = world(&scratch);
    for (to, code) in [(scratch.project().join(".git/x"), "inside-git-dir"), (other.join("x"), "nested")] {
        let said = scratch.moai(["worktree", "restore", "SPEC-1", "--to", to.to_str().unwrap(), "--json"]);
        assert!(said.stdout.contains(code) || said.stderr.contains(code), "{} {}", said.stdout, said.stderr);
        said.fails(1);
        unchanged(&scratch, &before);
    }
    let inside = scratch.project().join("trees/x");
    scratch.moai(["worktree", "restore", "SPEC-1", "--to", inside.to_str().unwrap()]).ok();
    assert_eq!(scratch.git(["status", "--porcelain"]), "");
    assert_eq!(scratch.git_in(&inside, ["status", "--porcelain"]), "");
}

#[test]
fn a_key_comes_back_only_where_git_ignores_it() {
    let scratch = Scratch::repository();
    scratch.moai(["glm", KEY]).ok();
    scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).ok();
    let settings = place(&scratch, "SPEC-1").join(".claude/settings.local.json");
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.write(".git/info/exclude", "");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(fs::read_to_string(&settings).unwrap().contains(KEY));
    assert_eq!(scratch.git_in(&place(&scratch, "SPEC-1"), ["status", "--porcelain", "--", ".claude"]), "");

    put(&place(&scratch, "SPEC-1"), ".gitignore", "!settings.local.json\n");
    commit(&scratch, &place(&scratch, "SPEC-1"), "a rule");
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    let answer = scratch.moai(["worktree", "restore", "SPEC-1", "--json"]).json();
    assert_eq!(answer["glm"], false);
    assert!(!fs::read_to_string(&settings).unwrap_or_default().contains(KEY));
}

#[test]
fn restore_leaves_a_branch_alone_that_moved_or_is_taken() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    commit_file(&scratch, &tree, "a", "1\n");
    let head = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.git(["branch", "--force", "feature/SPEC-1", "main"]);
    let answer = scratch.moai(["worktree", "restore", "SPEC-1", "--json"]).json();
    assert_eq!(answer["detached"], "feature/SPEC-1 moved since");
    assert_eq!(scratch.git_in(&tree, ["rev-parse", "HEAD"]), head);
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "");
    assert_eq!(scratch.git(["rev-parse", "feature/SPEC-1"]), scratch.git(["rev-parse", "main"]));
}

#[test]
fn the_main_checkout_is_never_removed() {
    let scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    for name in ["main", "^", "."] {
        let name = if name == "." { scratch.project().to_str().unwrap().to_owned() } else { name.to_owned() };
        never_removed(&scratch, &name, "main-worktree");
    }
    // Somebody else's tool deleted the whole repository here: the main checkout on another branch.
    scratch.git(["switch", "--quiet", "-c", "topic"]);
    never_removed(&scratch, "topic", "main-worktree");
    let said = scratch.moai(["worktree", "done", "topic"]);
    assert!(said.stderr.contains("main checkout"), "{}", said.stderr);
    said.fails(1);
    assert!(scratch.project().join("README.md").exists());
}

#[test]
fn remove_refuses_foreign_repository_at_worktree_path() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    fs::rename(&tree, scratch.root().join("elsewhere")).unwrap();
    fs::create_dir_all(&tree).unwrap();
    scratch.git_in(&tree, ["init", "--quiet"]);
    put(&tree, "precious", "only here\n");
    never_removed(&scratch, "SPEC-1", "foreign-content");
    assert_eq!(fs::read_to_string(tree.join("precious")).unwrap(), "only here\n");
}

#[test]
fn remove_refuses_sibling_worktree_at_worktree_path() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let two = add(&scratch, "SPEC-2");
    put(&two, "precious", "only here\n");
    fs::rename(&one, scratch.root().join("elsewhere")).unwrap();
    fs::rename(&two, &one).unwrap();
    never_removed(&scratch, "SPEC-1", "foreign-content");
    assert_eq!(fs::read_to_string(one.join("precious")).unwrap(), "only here\n");
}

#[test]
fn a_worktree_replaced_by_a_link_or_a_plain_directory_is_left_alone() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    let moved = scratch.root().join("moved");
    fs::rename(&tree, &moved).unwrap();
    symlink(&moved, &tree).unwrap();
    never_removed(&scratch, "SPEC-1", "symlink");
    fs::remove_file(&tree).unwrap();
    put(&tree, "precious", "only here\n");
    never_removed(&scratch, "SPEC-1", "foreign-content");
}

#[test]
fn a_missing_directory_only_takes_the_entry_along() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    fs::remove_dir_all(&tree).unwrap();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    assert!(!scratch.project().join(".git/worktrees").exists());
    assert_eq!(scratch.git(["branch", "--list", "feature/SPEC-1", "--format=%(refname)"]), "refs/heads/feature/SPEC-1");
}

#[test]
fn locked_ones_stay_until_they_are_unlocked() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.moai(["worktree", "lock", "SPEC-1", "--reason", "on a \u{1b}[31mstick"]).ok();
    assert!(scratch.git(["worktree", "list", "--porcelain"]).contains("locked"));
    never_removed(&scratch, "SPEC-1", "locked");
    let stderr = scratch.moai(["worktree", "remove", "SPEC-1"]).fails(1);
    assert!(stderr.contains("on a \\u{1b}[31mstick") && !stderr.contains('\u{1b}'), "{stderr}");
    assert!(stderr.contains("`moai worktree unlock SPEC-1`"), "{stderr}");
    scratch.moai(["worktree", "unlock", "SPEC-1"]).ok();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    assert!(!tree.exists());
}

#[test]
fn unfinished_steps_of_git_are_named() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    commit_file(&scratch, &tree, "README.md", "theirs\n");
    commit_file(&scratch, &scratch.project(), "README.md", "ours\n");
    assert!(!scratch.command("git").args(["rebase", "--quiet", "main"]).current_dir(&tree).status().unwrap().success());
    let stderr = refused(&scratch, "SPEC-1", "operation");
    assert!(stderr.contains("a rebase is not finished in it"), "{stderr}");
    // Forced: the commits of the detached HEAD and the files with their conflict are kept.
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "--json"]).json();
    let kept = scratch.git(["show", &format!("{}:README.md", answer["rescue"].as_str().unwrap())]);
    assert!(kept.contains("<<<<<<<") && kept.contains("theirs"), "{kept}");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(scratch.git_in(&tree, ["status"]).contains("rebase in progress"));
}

#[test]
fn changes_that_git_was_told_not_to_see_are_seen() {
    let scratch = Scratch::repository();
    for (at, flag) in ["--skip-worktree", "--assume-unchanged"].iter().enumerate() {
        let spec = format!("SPEC-{at}");
        let tree = add(&scratch, &spec);
        scratch.git_in(&tree, ["update-index", flag, "README.md"]);
        scratch.moai(["worktree", "remove", &spec, "--dry-run"]).ok();
        put(&tree, "README.md", "hidden work\n");
        assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "", "git is blind to it");
        refused(&scratch, &spec, "hidden-changes");
        let answer = scratch.moai(["worktree", "remove", &spec, "--force", "--json"]).json();
        let rescue = answer["rescue"].as_str().unwrap();
        assert_eq!(scratch.git(["show", &format!("{rescue}:README.md")]), "hidden work");
    }
}

#[test]
fn a_detached_head_with_commits_of_its_own_leaves_a_rescue_ref() {
    let scratch = Scratch::repository();
    let tree = place(&scratch, "SPEC-1");
    scratch.git(["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap()]);
    commit_file(&scratch, &tree, "a", "only here\n");
    let head = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--json"]).json();
    assert_eq!(scratch.git(["rev-parse", answer["rescue"].as_str().unwrap()]), head);
    let tree = place(&scratch, "SPEC-2");
    scratch.git(["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap()]);
    assert!(scratch.moai(["worktree", "remove", "SPEC-2", "--json"]).json()["rescue"].is_null());
}

#[test]
fn submodules_with_work_of_their_own_are_refused() {
    let mut scratch = Scratch::repository();
    scratch.set_env("GIT_ALLOW_PROTOCOL", "file");
    let library = scratch.root().join("library");
    fs::create_dir_all(&library).unwrap();
    scratch.git_in(&library, ["init", "--quiet", "--initial-branch=main"]);
    commit_file(&scratch, &library, "lib.rs", "1\n");
    scratch.git(["submodule", "--quiet", "add", library.to_str().unwrap(), "lib"]);
    commit(&scratch, &scratch.project(), "submodule");
    let tree = add(&scratch, "SPEC-1");
    scratch.git_in(&tree, ["submodule", "--quiet", "update", "--init"]);

    put(&tree, "lib/lib.rs", "changed\n");
    refused(&scratch, "SPEC-1", "dirty");
    scratch.git_in(&tree.join("lib"), ["commit", "--quiet", "-am", "only here"]);
    scratch.git_in(&tree, ["commit", "--quiet", "-am", "bump"]);
    let stderr = refused(&scratch, "SPEC-1", "submodule");
    assert!(stderr.contains("submodules have commits that no remote has: lib"), "{stderr}");
    let commit = scratch.git_in(&tree.join("lib"), ["rev-parse", "HEAD"]);
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert_eq!(scratch.git_in(&tree.join("lib"), ["cat-file", "-t", &commit]), "commit");
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "");
}

#[test]
fn nested_worktrees_keep_the_outer_one() {
    let scratch = Scratch::repository();
    let outer = add(&scratch, "SPEC-1");
    let inner = outer.join("inner");
    scratch.git(["worktree", "add", "--quiet", "-b", "inner", inner.to_str().unwrap()]);
    never_removed(&scratch, "SPEC-1", "nested");
    scratch.moai(["worktree", "remove", "inner"]).ok();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
}

#[test]
fn a_process_that_works_in_it_keeps_it() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    let mut child = scratch
        .command("sh")
        .args(["-c", "read wait"])
        .current_dir(&tree)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = refused(&scratch, "SPEC-1", "in-use");
    assert!(stderr.contains(&format!("(pid {})", child.id())), "{stderr}");
    let seen = scratch.moai(["worktree", "list", "--json"]).json();
    assert_eq!(seen["worktrees"][1]["processes"][0]["pid"], child.id());
    drop(child.stdin.take());
    child.wait().unwrap();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
}

#[test]
fn the_shell_that_stands_in_it_is_told_where_to_go() {
    let mut scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    let deep = tree.join("deep");
    fs::create_dir(&deep).unwrap();
    let said = scratch.moai_in(&deep, ["worktree", "remove", "SPEC-1"]);
    assert!(said.stderr.contains(&format!("`cd {}`", scratch.project().display())), "{}", said.stderr);
    said.fails(1);
    assert!(tree.exists());
    let file = scratch.root().join("cd");
    scratch.set_env("MOAI_CD_FILE", file.to_str().unwrap());
    scratch.moai_in(&deep, ["worktree", "remove", "@"]).ok();
    assert!(!tree.exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), scratch.project().to_str().unwrap());
}

#[test]
fn links_are_moved_not_followed() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.write(".git/info/exclude", "node_modules\n");
    let outside = scratch.root().join("store");
    put(&outside, "package/index.js", "shared\n");
    symlink(&outside, tree.join("node_modules")).unwrap();
    symlink(scratch.project(), tree.join("node_modules.back")).unwrap_or(());
    fs::remove_file(tree.join("node_modules.back")).unwrap();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    assert_eq!(fs::read_to_string(outside.join("package/index.js")).unwrap(), "shared\n");
    // And when its days in the trash are over.
    let mut later = scratch;
    later.set_env("MOAI_NOW", "2027-01-01T00:00:00Z");
    let answer = later.moai(["worktree", "clean", "--yes", "--json"]).json();
    assert_eq!(answer["cleaned"][0]["kind"], "expired");
    assert_eq!(fs::read_to_string(outside.join("package/index.js")).unwrap(), "shared\n");
    assert!(!later.project().join(".git/moai/trash").read_dir().unwrap().any(|_| true));
}

#[test]
fn the_branch_goes_only_with_nothing_of_its_own() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    commit_file(&scratch, &tree, "a", "1\n");
    let before = world(&scratch);
    let stderr = scratch.moai(["worktree", "remove", "SPEC-1", "--delete-branch"]).fails(1);
    assert!(stderr.contains("has work that is not in main; nothing was removed"), "{stderr}");
    unchanged(&scratch, &before);

    scratch.git(["merge", "--quiet", "--squash", "feature/SPEC-1"]);
    scratch.git(["commit", "--quiet", "-m", "squashed"]);
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--delete-branch", "--json"]).json();
    assert_eq!(answer["deleted_branch"]["name"], "feature/SPEC-1");
    assert_eq!(scratch.git(["branch", "--list", "feature/*"]), "");
}

#[test]
fn a_branch_that_is_checked_out_twice_stays() {
    let scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    let second = place(&scratch, "second");
    scratch.git(["worktree", "add", "--quiet", "--force", second.to_str().unwrap(), "feature/SPEC-1"]);
    let stderr = scratch.moai(["worktree", "remove", "second", "-D"]).fails(1);
    assert!(stderr.contains("is also checked out at"), "{stderr}");
    scratch.moai(["worktree", "remove", "second"]).ok();
    assert!(!scratch.git(["rev-parse", "feature/SPEC-1"]).is_empty());
}

#[test]
fn no_key_lies_in_the_trash() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.write(".git/info/exclude", "/.claude/settings.local.json\n");
    scratch.moai(["glm", KEY]).ok();
    scratch.moai(["-C", tree.to_str().unwrap(), "glm"]).ok();
    assert!(fs::read_to_string(tree.join(".claude/settings.local.json")).unwrap().contains(KEY));
    put(&tree, "work", "untracked\n");
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    for dir in [scratch.project().join(".git"), scratch.home().join("worktrees")] {
        let files: Vec<PathBuf> = scratch
            .snapshot()
            .into_iter()
            .filter(|(path, bytes)| path.starts_with(&dir) && String::from_utf8_lossy(bytes).contains(KEY))
            .map(|(path, _)| path)
            .collect();
        assert!(files.is_empty(), "{files:?}");
    }
    let rescue = scratch.git(["for-each-ref", "--format=%(refname)", "refs/moai/rescue"]);
    assert!(!scratch.git(["ls-tree", "-r", "--name-only", &rescue]).contains("settings.local.json"));
    let answer = scratch.moai(["worktree", "restore", "SPEC-1", "--json"]).json();
    assert_eq!(answer["glm"], true);
    assert_eq!(fs::read_to_string(tree.join("work")).unwrap(), "untracked\n");
}

#[test]
fn settings_that_were_staged_by_force_do_not_get_into_the_rescue_commit() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    put(&tree, ".claude/settings.local.json", &format!("{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{KEY}\"}}}}"));
    put(&tree, "work", "staged\n");
    scratch.git_in(&tree, ["add", "--force", "."]);
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    let rescue = scratch.git(["for-each-ref", "--format=%(refname)", "refs/moai/rescue"]);
    for commit in [rescue.clone(), format!("{rescue}^2")] {
        let listed = scratch.git(["ls-tree", "-r", "--name-only", &commit]);
        assert!(listed.contains("work") && !listed.contains("settings.local.json"), "{listed}");
    }
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(scratch.git_in(&tree, ["status", "--porcelain"]).contains("A  .claude/settings.local.json"));
}

#[test]
fn settings_that_git_ignores_and_was_forced_to_take_go_without_their_key() {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    let made = scratch.moai(["worktree", "create", "SPEC-1", "--glm"]).ok();
    let tree = PathBuf::from(made.trim());
    scratch.git_in(&tree, ["add", "--force", ".claude/settings.local.json"]);
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    let holders: Vec<_> = scratch.snapshot().into_iter().filter(|(_, bytes)| holds(bytes, KEY)).collect();
    assert_eq!(
        holders.len(),
        1,
        "only where it is kept: {:?}",
        holders.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    let said = scratch.moai(["worktree", "restore", "SPEC-1"]);
    assert!(said.stderr.contains("it is not on GLM again") && said.stderr.contains("tracked by git"), "{said:#?}");
    assert!(!fs::read_to_string(tree.join(".claude/settings.local.json")).unwrap_or_default().contains(KEY));
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_branch_that_moved_leaves_the_worktree_on_its_commit_whatever_keeps_the_refs() {
    for format in ["files", "reftable"] {
        let scratch = Scratch::new();
        scratch.git(["init", "--quiet", "--initial-branch=main", &format!("--ref-format={format}")]);
        scratch.write("README.md", "# demo\n");
        scratch.git(["add", "."]);
        scratch.git(["commit", "--quiet", "-m", "first"]);
        let made = scratch.moai(["worktree", "create", "SPEC-1"]).ok();
        let tree = PathBuf::from(made.trim());
        put(&tree, "staged", "x\n");
        scratch.git_in(&tree, ["add", "staged"]);
        let head = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
        scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
        scratch.git(["commit", "--quiet", "--allow-empty", "-m", "second"]);
        scratch.git(["branch", "--force", "feature/SPEC-1", "main"]);
        let said = scratch.moai(["worktree", "restore", "SPEC-1"]);
        assert!(said.stderr.contains("feature/SPEC-1 moved since"), "{format}: {said:#?}");
        said.ok();
        assert_eq!(scratch.git_in(&tree, ["rev-parse", "HEAD"]), head, "{format}");
        assert_eq!(scratch.git_in(&tree, ["branch", "--show-current"]), "", "{format}");
        assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "A  staged", "{format}");
        // And once the branch is where it was, the next round is on it again.
        scratch.git(["branch", "--force", "feature/SPEC-1", &head]);
        scratch.git_in(&tree, ["switch", "--quiet", "feature/SPEC-1"]);
        scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
        scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
        assert_eq!(scratch.git_in(&tree, ["branch", "--show-current"]), "feature/SPEC-1", "{format}");
        assert_eq!(scratch.git(["fsck", "--no-dangling"]), "", "{format}");
    }
}

#[test]
fn a_restore_killed_half_way_is_not_purged_when_its_days_are_over() {
    let mut scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    put(&tree, "staged", "x\n");
    scratch.git_in(&tree, ["add", "staged"]);
    scratch.moai(["worktree", "remove", "SPEC-1", "--force"]).ok();
    // Killed between the two renames: the files are back, git's directory is not.
    let trashed = scratch.project().join(".git/moai/trash");
    let record = fs::read_dir(&trashed).unwrap().next().unwrap().unwrap().path().join("record.json");
    let record: serde_json::Value = serde_json::from_str(&fs::read_to_string(record).unwrap()).unwrap();
    fs::rename(record["tree"].as_str().unwrap(), &tree).unwrap();
    scratch.set_env("MOAI_NOW", "2027-01-01T00:00:00Z");
    scratch.moai(["worktree", "clean", "--yes"]).ok();
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "A  staged");
}

#[test]
fn a_dry_run_changes_nothing_and_says_everything() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    put(&tree, "notes", "x\n");
    let before = world(&scratch);
    let text = scratch.moai(["worktree", "remove", "SPEC-1", "--dry-run"]).ok();
    assert!(text.contains("SPEC-1 would not be removed:"), "{text}");
    assert!(text.contains("1 untracked"), "{text}");
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "-n", "-D", "--json"]).json();
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["deleted_branch"]["integrated"], "same-commit");
    unchanged(&scratch, &before);
}

#[test]
fn a_removal_killed_half_way_is_taken_back() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    put(&tree, "notes", "x\n");
    let files = content(&tree);
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "--json"]).json();
    // As if the power went after the tree was moved and before git's directory was.
    let trash = scratch.project().join(".git/moai/trash").join(answer["trash"].as_str().unwrap());
    fs::create_dir(scratch.project().join(".git/worktrees")).unwrap();
    fs::rename(trash.join("admin"), scratch.project().join(".git/worktrees/SPEC-1")).unwrap();
    let said = scratch.moai(["worktree", "recover"]);
    assert!(said.stderr.contains("SPEC-1: its removal was killed half way; it is back"), "{}", said.stderr);
    said.ok();
    assert_eq!(content(&tree), files);
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "?? notes");
}

#[test]
fn a_bare_repository_and_a_linked_worktree_as_the_place_to_stand() {
    let scratch = Scratch::new();
    let seed = scratch.root().join("seed");
    fs::create_dir(&seed).unwrap();
    scratch.git_in(&seed, ["init", "--quiet", "--initial-branch=trunk"]);
    commit_file(&scratch, &seed, "a", "1\n");
    let bare = scratch.project().join(".bare");
    scratch.git(["clone", "--quiet", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
    scratch.write(".git", "gitdir: ./.bare\n");
    for name in ["trunk", "one", "two"] {
        let args: &[&str] = if name == "trunk" {
            &["worktree", "add", "--quiet", "trunk"]
        } else {
            &["worktree", "add", "--quiet", "-b", name, name]
        };
        scratch.git(args);
    }
    let one = scratch.project().join("one");
    let listed = scratch.moai_in(&one, ["worktree", "list", "--json"]).json();
    assert_eq!(listed["repo"]["bare"], true);
    assert_eq!(listed["repo"]["default_branch"], "trunk");
    assert_eq!(listed["worktrees"].as_array().unwrap().len(), 4);
    scratch.moai_in(&one, ["worktree", "remove", "two"]).ok();
    assert!(!scratch.project().join("two").exists());
    scratch.moai_in(&one, ["worktree", "restore", "two"]).ok();
    assert!(scratch.project().join("two/a").exists());
    never_removed(&scratch, "^", "bare");
}

#[test]
fn a_branch_name_is_never_run_or_obeyed() {
    let scratch = Scratch::repository();
    let marker = scratch.root().join("pwned");
    let branch = format!("x;touch${{IFS}}{}", marker.file_name().unwrap().to_str().unwrap());
    let tree = place(&scratch, "SPEC-1");
    scratch.git(["worktree", "add", "--quiet", "-b", &branch, tree.to_str().unwrap()]);
    scratch.moai(["worktree", "list"]).ok();
    scratch.moai(["worktree", "status", "SPEC-1"]).ok();
    commit_file(&scratch, &scratch.project(), "b", "2\n");
    scratch.moai(["worktree", "sync", "SPEC-1"]).ok();
    scratch.moai(["worktree", "remove", &branch, "--delete-branch"]).ok();
    assert!(!marker.exists() && !scratch.project().join("pwned").exists());
}

#[test]
fn removing_the_same_one_many_times_at_once_removes_it_once() {
    let scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut moai = scratch.moai_command(["worktree", "remove", "SPEC-1"]);
            moai.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let codes: Vec<_> = said.iter().map(|said| said.status.code().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{said:#?}");
    assert!(codes.iter().all(|code| *code <= 1), "{said:#?}");
    let trash = scratch.moai(["worktree", "restore", "--json"]).json();
    assert_eq!(trash["trash"].as_array().unwrap().len(), 1);
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
}

#[test]
fn one_that_moai_made_waits_beside_the_others_and_comes_back() {
    let scratch = Scratch::repository();
    scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    let tree = place(&scratch, "SPEC-1");
    let files = content(&tree);
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    let trash = tree.parent().unwrap().join(".trash");
    assert_eq!(crate::scratch::mode(&trash), 0o700);
    assert_eq!(trash.read_dir().unwrap().count(), 1);
    // The name is free again, and the old one comes back elsewhere.
    scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    let old = scratch.home().join("old");
    let answer = scratch.moai(["worktree", "restore", "SPEC-1", "--to", old.to_str().unwrap(), "--json"]).json();
    assert!(answer["detached"].as_str().unwrap().contains("is checked out at"), "{answer}");
    assert_eq!(content(&old).len(), files.len());
    assert_eq!(scratch.git_in(&old, ["status", "--porcelain"]), "");
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "");
    assert!(!trash.exists() || trash.read_dir().unwrap().count() == 0);
}

#[test]
fn a_branch_without_a_commit_keeps_its_files() {
    let scratch = Scratch::repository();
    let tree = place(&scratch, "SPEC-1");
    scratch.git(["worktree", "add", "--quiet", "--orphan", "-b", "fresh", tree.to_str().unwrap()]);
    scratch.moai(["worktree", "remove", "SPEC-1", "--dry-run"]).ok();
    put(&tree, "a", "staged\n");
    scratch.git_in(&tree, ["add", "a"]);
    refused(&scratch, "SPEC-1", "dirty");
    let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "--json"]).json();
    assert_eq!(scratch.git(["show", &format!("{}:a", answer["rescue"].as_str().unwrap())]), "staged");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert_eq!(scratch.git_in(&tree, ["status", "--porcelain"]), "A  a");
}

#[test]
fn a_mount_inside_keeps_it_and_is_never_crossed() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    scratch.write(".git/info/exclude", "cache\n");
    let cache = tree.join("cache");
    fs::create_dir(&cache).unwrap();
    let mount = scratch.command("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&cache).output();
    if !mount.is_ok_and(|said| said.status.success()) {
        eprintln!("SKIPPED a_mount_inside_keeps_it_and_is_never_crossed: only root can mount");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        put(&cache, "precious", "x\n");
        never_removed(&scratch, "SPEC-1", "mount-point");
    });
    assert!(scratch.command("umount").arg(&cache).status().unwrap().success());
    outcome.unwrap();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
}

#[test]
fn the_picker_narrows_as_one_types() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let two = add(&scratch, "SPEC-2");
    // `script` gives the program a terminal; what is typed comes through its standard input.
    let type_into = |keys: &str, command: &str| {
        use std::io::Write as _;
        let line = format!("{} {command}", env!("CARGO_BIN_EXE_moai"));
        let mut script = scratch.command("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").stdin(std::process::Stdio::piped());
        let mut child = script.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().ok()?;
        child.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
        Some(child.wait_with_output().unwrap())
    };
    let Some(said) = type_into("SPEC-2\r", "worktree remove --yes") else {
        eprintln!("SKIPPED the_picker_narrows_as_one_types: script (util-linux) is not installed");
        return;
    };
    assert!(String::from_utf8_lossy(&said.stdout).contains("Which worktree?"), "{said:?}");
    assert!(one.exists() && !two.exists(), "{said:?}");
}
