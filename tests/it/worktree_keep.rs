//! Keeping worktrees in order: `sync`, `done`, `clean`, `recover`, and Claude Code's own hooks.

use std::fs;

use crate::scratch::Scratch;
use crate::trees::{add, commit, commit_file, content, place, put, unchanged, world};

fn head(scratch: &Scratch, rev: &str) -> String {
    scratch.git(["rev-parse", rev])
}

#[test]
fn sync_moves_forward_rebases_or_merges() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let said = scratch.moai(["worktree", "sync", "SPEC-1"]);
    assert_eq!(said.stderr, "SPEC-1: up to date with main\n");
    said.ok();
    commit_file(&scratch, &scratch.project(), "base", "1\n");
    let text = scratch.moai(["worktree", "sync", "SPEC-1", "--dry-run"]).ok();
    assert_eq!(text, "SPEC-1: would fast-forward onto main (1 new commits)\n");
    assert!(!one.join("base").exists());
    put(&one, "untracked", "is no hindrance\n");
    scratch.moai(["worktree", "sync", "SPEC-1"]).ok();
    assert_eq!(head(&scratch, "feature/SPEC-1"), head(&scratch, "main"));

    commit_file(&scratch, &one, "own", "1\n");
    commit_file(&scratch, &scratch.project(), "base", "2\n");
    // From inside, and without a name.
    let answer = scratch.moai_in(&one, ["worktree", "sync", "--json"]).json();
    assert_eq!(
        (answer["worktrees"][0]["result"].as_str(), answer["worktrees"][0]["join"].as_str()),
        (Some("synced"), Some("rebase"))
    );
    assert_eq!(head(&scratch, "feature/SPEC-1~1"), head(&scratch, "main"));

    // A published branch is not rewritten.
    scratch.git(["update-ref", "refs/remotes/origin/feature/SPEC-1", "feature/SPEC-1"]);
    commit_file(&scratch, &scratch.project(), "base", "3\n");
    let said = scratch.moai(["worktree", "sync", "SPEC-1"]);
    assert!(
        said.stderr.contains("merge with main") && said.stderr.contains("a rebase would rewrite it"),
        "{}",
        said.stderr
    );
    said.ok();
    assert_eq!(head(&scratch, "feature/SPEC-1^2"), head(&scratch, "main"));
}

#[test]
fn sync_refuses_uncommitted_work_and_names_conflicts_beforehand() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &scratch.project(), "README.md", "ours\n");
    put(&one, "README.md", "not committed\n");
    let before = world(&scratch);
    let stderr = scratch.moai(["worktree", "sync", "SPEC-1"]).fails(1);
    assert!(stderr.contains("SPEC-1 was not synced: it has uncommitted work: 1 modified"), "{stderr}");
    unchanged(&scratch, &before);

    commit(&scratch, &one, "theirs");
    let answer = scratch.moai(["worktree", "sync", "SPEC-1", "--dry-run", "--json"]).json();
    assert_eq!(answer["worktrees"][0]["conflicts"], serde_json::json!(["README.md"]));
    let at = head(&scratch, "feature/SPEC-1");
    let files = content(&one);
    for wish in ["--rebase", "--merge"] {
        let stderr = scratch.moai(["worktree", "sync", "SPEC-1", wish, "--abort-on-conflict"]).fails(1);
        assert!(stderr.contains("in conflict: README.md"), "{stderr}");
        assert_eq!((head(&scratch, "feature/SPEC-1"), content(&one)), (at.clone(), files.clone()));
    }
    let stderr = scratch.moai(["worktree", "sync", "--all"]).fails(1);
    assert!(stderr.contains("left as it is: files would be in conflict"), "{stderr}");
    assert_eq!(content(&one), files);
    let stderr = scratch.moai(["worktree", "sync", "SPEC-1"]).fails(1);
    assert!(stderr.contains("git rebase --continue"), "{stderr}");
    assert!(scratch.git_in(&one, ["status"]).contains("rebase in progress"));
    let stderr = scratch.moai(["worktree", "sync", "SPEC-1"]).fails(1);
    assert!(stderr.contains("nobody knows the base") || stderr.contains("rebase is not finished"), "{stderr}");
}

#[test]
fn sync_fetches_only_the_base() {
    let scratch = Scratch::repository();
    let origin = scratch.root().join("origin.git");
    scratch.git(["clone", "--quiet", "--bare", ".", origin.to_str().unwrap()]);
    scratch.git(["remote", "add", "origin", origin.to_str().unwrap()]);
    let other = scratch.root().join("other");
    scratch.git(["clone", "--quiet", origin.to_str().unwrap(), other.to_str().unwrap()]);
    commit_file(&scratch, &other, "remote", "1\n");
    scratch.git_in(&other, ["push", "--quiet", "origin", "main", "main:unrelated"]);
    let one = add(&scratch, "SPEC-1");
    scratch.moai(["worktree", "sync", "SPEC-1", "--fetch"]).ok();
    assert!(one.join("remote").exists());
    assert_eq!(scratch.git(["for-each-ref", "--format=%(refname)", "refs/remotes"]), "refs/remotes/origin/main");
}

#[test]
fn done_merges_removes_and_deletes_the_branch() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    let work = head(&scratch, "feature/SPEC-1");
    let before = world(&scratch);
    let text = scratch.moai(["worktree", "done", "SPEC-1", "--dry-run"]).ok();
    assert!(text.contains("main would move forward to feature/SPEC-1"), "{text}");
    unchanged(&scratch, &before);
    let said = scratch.moai(["worktree", "done", "SPEC-1"]);
    assert!(said.stderr.contains("main moved forward to feature/SPEC-1"), "{}", said.stderr);
    said.ok();
    assert_eq!(head(&scratch, "main"), work);
    assert_eq!(scratch.read("a"), "1\n");
    assert!(!one.exists());
    assert_eq!(scratch.git(["branch", "--list", "feature/*"]), "");
    assert_eq!(scratch.git(["status", "--porcelain"]), "");
    // And all of it can be had back.
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert_eq!(head(&scratch, "feature/SPEC-1"), work);
}

#[test]
fn done_makes_a_merge_commit_where_main_moved_on() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    commit_file(&scratch, &scratch.project(), "b", "1\n");
    let work = head(&scratch, "feature/SPEC-1");
    scratch.moai(["worktree", "done", "SPEC-1", "--keep-branch"]).ok();
    assert_eq!(head(&scratch, "main^2"), work);
    assert_eq!(head(&scratch, "feature/SPEC-1"), work);
}

#[test]
fn done_refuses_before_anything_is_merged() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "README.md", "theirs\n");
    let refused = |scratch: &Scratch, text: &str| {
        let before = world(scratch);
        let stderr = scratch.moai(["worktree", "done", "SPEC-1"]).fails(1);
        assert!(stderr.contains(text), "{stderr}");
        unchanged(scratch, &before);
    };
    put(&one, "notes", "untracked\n");
    refused(&scratch, "SPEC-1 was not removed: it has uncommitted work: 1 untracked");
    fs::remove_file(one.join("notes")).unwrap();
    scratch.write("README.md", "not committed\n");
    refused(&scratch, "main was not merged into: it has uncommitted work");
    commit(&scratch, &scratch.project(), "ours");
    refused(&scratch, "conflict in README.md; nothing was changed");
    // The main checkout on another branch: nothing is merged there, and above all nothing is removed.
    scratch.git(["switch", "--quiet", "-c", "topic"]);
    refused(&scratch, "main is checked out nowhere");
    assert!(one.exists() && scratch.project().join("README.md").exists());
}

#[test]
fn done_leaves_main_as_it_was_when_a_hook_says_no() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    commit_file(&scratch, &scratch.project(), "b", "1\n");
    let hook = scratch.write(".git/hooks/pre-merge-commit", "#!/bin/sh\nexit 1\n");
    fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let at = head(&scratch, "main");
    scratch.moai(["worktree", "done", "SPEC-1"]).fails(1);
    assert_eq!(head(&scratch, "main"), at);
    assert_eq!(scratch.git(["status", "--porcelain"]), "");
    assert!(one.exists());
}

/// A worktree whose work is in main by a merge.
fn merged(scratch: &Scratch, spec: &str) -> std::path::PathBuf {
    let tree = add(scratch, spec);
    commit_file(scratch, &tree, spec, "1\n");
    scratch.git(["merge", "--quiet", "--no-edit", &format!("feature/{spec}")]);
    tree
}

#[test]
fn clean_shows_first_and_takes_only_what_is_safe() {
    let mut scratch = Scratch::repository();
    let safe = merged(&scratch, "SPEC-1");
    let dirty = merged(&scratch, "SPEC-2");
    put(&dirty, "notes", "x\n");
    let locked = merged(&scratch, "SPEC-3");
    scratch.git(["worktree", "lock", locked.to_str().unwrap()]);
    let unmerged = add(&scratch, "SPEC-4");
    commit_file(&scratch, &unmerged, "own", "1\n");
    let gone = add(&scratch, "SPEC-5");
    fs::remove_dir_all(&gone).unwrap();
    let rebasing = merged(&scratch, "SPEC-6");
    let mut rebase = scratch.command("git");
    rebase.args(["rebase", "-i", "HEAD~1"]).env("GIT_SEQUENCE_EDITOR", "sed -i 1ibreak");
    assert!(rebase.current_dir(&rebasing).output().unwrap().status.success());

    // Used today: nothing but the missing one.
    let before = world(&scratch);
    let answer = scratch.moai(["worktree", "clean", "--json"]).json();
    assert_eq!(names(&answer["cleaned"]), ["SPEC-5"]);
    assert_eq!(names(&answer["kept"]), ["SPEC-1", "SPEC-2", "SPEC-3", "SPEC-6"]);
    unchanged(&scratch, &before);

    scratch.set_env("MOAI_NOW", "2027-06-01T00:00:00Z");
    let text = scratch.moai(["worktree", "clean"]).ok();
    assert!(text.contains("trash  SPEC-1  its branch is contained in main"), "{text}");
    assert!(text.contains("keep   SPEC-2  1 untracked"), "{text}");
    assert!(text.contains("keep   SPEC-3  locked"), "{text}");
    assert!(text.contains("keep   SPEC-6  a rebase is not finished"), "{text}");
    assert!(!text.contains("SPEC-4"), "{text}");
    let answer = scratch.moai(["worktree", "clean", "--yes", "--json"]).json();
    assert_eq!(names(&answer["cleaned"]), ["SPEC-5", "SPEC-1"]);
    assert!(!safe.exists() && dirty.exists() && locked.exists() && unmerged.exists() && rebasing.exists());
    // Branches stay, and everything can be had back.
    assert_eq!(scratch.git(["branch", "--list", "feature/SPEC-1", "--format=x"]), "x");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(safe.join("SPEC-1").exists());
}

fn names(items: &serde_json::Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_new_branch_without_a_commit_is_not_taken_for_merged() {
    let scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    commit_file(&scratch, &scratch.project(), "b", "1\n");
    let answer = scratch.moai(["worktree", "clean", "--idle-days", "0", "--json"]).json();
    assert!(names(&answer["cleaned"]).is_empty());
    assert_eq!(answer["kept"][0]["why"], "new, without a commit yet");
}

#[test]
fn clean_forgets_an_entry_and_leaves_what_stands_at_its_path() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    fs::remove_dir_all(&tree).unwrap();
    put(&tree, "precious", "somebody else's\n");
    scratch.moai(["worktree", "clean", "--yes"]).ok();
    assert!(!scratch.project().join(".git/worktrees").exists());
    assert_eq!(fs::read_to_string(tree.join("precious")).unwrap(), "somebody else's\n");
    scratch.moai(["worktree", "clean", "--yes"]).ok();
}

#[test]
fn a_forgotten_detached_head_is_rescued() {
    let scratch = Scratch::repository();
    let tree = place(&scratch, "SPEC-1");
    scratch.git(["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap()]);
    commit_file(&scratch, &tree, "a", "only here\n");
    let at = scratch.git_in(&tree, ["rev-parse", "HEAD"]);
    fs::remove_dir_all(&tree).unwrap();
    scratch.moai(["worktree", "clean", "--yes"]).ok();
    scratch.git(["gc", "--quiet", "--prune=now"]);
    assert_eq!(scratch.git(["cat-file", "-t", &at]), "commit");
}

#[test]
fn the_trash_is_emptied_only_when_its_days_are_over() {
    let mut scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.set_env("MOAI_NOW", "2026-01-14T00:00:00Z");
    assert!(names(&scratch.moai(["worktree", "clean", "--yes", "--json"]).json()["cleaned"]).is_empty());
    scratch.moai(["worktree", "config", "trash_days", "3"]).ok();
    assert_eq!(names(&scratch.moai(["worktree", "clean", "--yes", "--json"]).json()["cleaned"]), ["SPEC-1"]);
    let stderr = scratch.moai(["worktree", "restore", "SPEC-1"]).fails(1);
    assert!(stderr.contains("`SPEC-1` is not in the trash"), "{stderr}");
}

#[test]
fn a_damaged_record_cannot_name_what_is_deleted() {
    let mut scratch = Scratch::repository();
    add(&scratch, "SPEC-1");
    let key = scratch.moai(["worktree", "remove", "SPEC-1", "--json"]).json()["trash"].as_str().unwrap().to_owned();
    let file = scratch.project().join(".git/moai/trash").join(&key).join("record.json");
    let precious = scratch.root().join("precious");
    put(&precious, "file", "x\n");
    let mut record: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for wrong in [precious.clone(), scratch.home().join(".trash/../../precious")] {
        record["tree"] = wrong.to_str().unwrap().into();
        fs::write(&file, record.to_string()).unwrap();
        scratch.set_env("MOAI_NOW", "2027-01-01T00:00:00Z");
        scratch.moai(["worktree", "clean", "--yes"]);
        assert!(precious.join("file").exists(), "{}", wrong.display());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
    }
}

#[test]
fn recover_finds_moved_worktrees_and_a_moved_repository() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let two = add(&scratch, "SPEC-2");
    put(&one, "notes", "x\n");
    let moved = place(&scratch, "renamed");
    fs::rename(&one, &moved).unwrap();
    let text = scratch.moai(["worktree", "recover", "--dry-run"]);
    assert!(text.stderr.contains("found ~/worktrees/DesignWorkflow/renamed: it was moved from"), "{}", text.stderr);
    scratch.moai(["worktree", "recover"]).ok();
    assert_eq!(scratch.git_in(&moved, ["status", "--porcelain"]), "?? notes");
    assert!(!scratch.git(["worktree", "list", "--porcelain"]).contains("prunable"));

    let far = scratch.root().join("far/away");
    fs::create_dir_all(far.parent().unwrap()).unwrap();
    fs::rename(&moved, &far).unwrap();
    let said = scratch.moai(["worktree", "recover"]);
    assert!(said.stderr.contains("recover PATH"), "{}", said.stderr);
    scratch.moai(["worktree", "recover", far.to_str().unwrap()]).ok();
    assert_eq!(scratch.git_in(&far, ["status", "--porcelain"]), "?? notes");

    let repository = scratch.root().join("Elsewhere");
    fs::rename(scratch.project(), &repository).unwrap();
    scratch.moai_in(&repository, ["worktree", "recover"]).ok();
    assert_eq!(scratch.git_in(&two, ["status", "--porcelain", "--branch"]), "## feature/SPEC-2");
}

#[test]
fn recover_registers_again_what_git_forgot_and_leaves_copies_alone() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    add(&scratch, "SPEC-2");
    commit_file(&scratch, &one, "a", "1\n");
    put(&one, "notes", "x\n");
    let aside = scratch.root().join("aside");
    fs::rename(&one, &aside).unwrap();
    scratch.git(["worktree", "prune", "--expire=now"]);
    fs::rename(&aside, &one).unwrap();
    let copy = place(&scratch, "copy");
    let status = scratch
        .command("cp")
        .args(["-a", one.parent().unwrap().join("SPEC-2").to_str().unwrap(), copy.to_str().unwrap()])
        .status();
    assert!(status.unwrap().success());
    let answer = scratch.moai(["worktree", "recover", "--json"]).json();
    let kinds: Vec<_> = answer["found"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["forgotten", "copy"]);
    assert_eq!(scratch.git_in(&one, ["status", "--porcelain", "--branch"]), "## feature/SPEC-1\n?? notes");
    assert!(!scratch.git(["worktree", "list", "--porcelain"]).contains("copy"));
}

#[test]
fn claude_codes_own_worktrees_are_made_and_taken_by_us() {
    let scratch = Scratch::repository();
    let event = format!(
        "{{\"hook_event_name\": \"WorktreeCreate\", \"name\": \"SPEC-1\", \"cwd\": \"{}\"}}",
        scratch.project().display()
    );
    let said = scratch.moai_stdin(&event, ["hook", "worktree-create"]);
    let tree = place(&scratch, "SPEC-1");
    assert_eq!(said.stdout, format!("{}\n", tree.display()));
    said.ok();
    assert_eq!(scratch.git_in(&tree, ["branch", "--show-current"]), "feature/SPEC-1");
    // The same name again leads to the same place.
    assert_eq!(scratch.moai_stdin(&event, ["hook", "worktree-create"]).ok(), format!("{}\n", tree.display()));

    let event = format!("{{\"hook_event_name\": \"WorktreeRemove\", \"worktree_path\": \"{}\"}}", tree.display());
    put(&tree, "notes", "x\n");
    let said = scratch.moai_stdin(&event, ["hook", "worktree-remove"]);
    assert!(said.stderr.contains("1 untracked"), "{}", said.stderr);
    said.fails(1);
    assert!(tree.join("notes").exists());
    fs::remove_file(tree.join("notes")).unwrap();
    scratch.moai_stdin(&event, ["hook", "worktree-remove"]).ok();
    assert!(!tree.exists());

    for (input, text) in
        [("{\"name\": \"\"}", "no `name`"), ("{\"name\": \"k\u{7}y\"", "not the JSON"), ("", "not the JSON")]
    {
        let stderr = scratch.moai_stdin(input, ["hook", "worktree-create"]).fails(2);
        assert!(stderr.contains(text), "{stderr}");
    }
}

#[test]
fn a_worktree_remembers_what_it_was_made_from() {
    let scratch = Scratch::repository();
    scratch.git(["switch", "--quiet", "-c", "develop"]);
    commit_file(&scratch, &scratch.project(), "d", "1\n");
    scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    scratch.git(["switch", "--quiet", "main"]);
    let one = place(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    let row = scratch.moai(["worktree", "status", "SPEC-1", "--json"]).json();
    assert_eq!(
        (row["worktree"]["base"]["name"].as_str(), row["worktree"]["base"]["ahead"].as_u64()),
        (Some("develop"), Some(1))
    );
    let stderr = scratch.moai(["worktree", "done", "SPEC-1"]).fails(1);
    assert!(stderr.contains("develop is checked out nowhere"), "{stderr}");
    scratch.moai(["worktree", "done", "SPEC-1", "--into", "main"]).ok();
    assert_eq!(scratch.read("a"), "1\n");
}

#[test]
fn doctor_and_config_say_what_they_found() {
    let scratch = Scratch::repository();
    let answer = scratch.moai(["worktree", "doctor", "--json"]).json();
    assert_eq!(answer["engine"], "native", "{answer}");
    scratch.git(["config", "core.sharedRepository", "group"]);
    let text = scratch.moai(["worktree", "doctor"]).ok();
    assert!(text.contains("engine      git") && text.contains("this repository is shared between users"), "{text}");
    let text = scratch.moai(["worktree", "config"]).ok();
    assert!(text.starts_with("new worktrees go to ~/worktrees/DesignWorkflow/<SPEC> (the default)\n"), "{text}");
    scratch.moai(["worktree", "config", "root", "~/trees"]).ok();
    assert_eq!(scratch.moai(["worktree", "config", "root"]).ok(), "~/trees\n");
    let stderr = scratch.moai(["worktree", "config", "rot"]).fails(2);
    assert!(stderr.contains("rot"), "{stderr}");
}

#[test]
fn without_git_the_reading_commands_still_work() {
    let mut scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    put(&one, "notes", "x\n");
    scratch.set_env("PATH", "/nonexistent");
    let answer = scratch.moai(["worktree", "list", "--json"]).json();
    assert_eq!(answer["worktrees"][1]["changes"]["untracked"], 1);
    assert!(scratch.moai(["worktree", "remove", "SPEC-1"]).fails(1).contains("1 untracked"));
    fs::remove_file(one.join("notes")).unwrap();
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(one.join("README.md").exists());
    assert!(scratch.moai(["worktree", "sync", "SPEC-1"]).ok().is_empty());
}
