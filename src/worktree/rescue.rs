//! Rescue commits: what a worktree held when it went, as a commit below `refs/moai/rescue/`, so that it outlives the
//! trash and git's garbage collection.
//!
//! The commit has the form of a stash (parents: the last commit, the index), so that `git stash apply REF` brings
//! it back. Untracked files are in it; ignored ones are not, and neither is the settings file that may hold a key.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::WorktreeError;
use super::git::{Git, require_ok};
use super::repo::Repo;
use crate::base::disk::DiskError;

/// The file that Claude Code reads and moai writes a key into.
pub(super) const SETTINGS: &str = ".claude/settings.local.json";

/// Saves the uncommitted work of `entry` and returns the ref. `hidden` are files that git must look at although it
/// was told not to.
pub(super) fn save_work(repo: &Repo, entry: &Entry, key: &str, hidden: &[PathBuf]) -> Result<String, WorktreeError> {
    let index = Scratch::copy_of(&entry.admin)?;
    let git = Git::at(repo.world(), &entry.path);
    let head = entry.head.clone();
    let with_index = |args: &[&str], input: Vec<u8>| -> Result<String, WorktreeError> {
        let program = git.program()?.env("GIT_INDEX_FILE", &index.path).args(args).input(input);
        let spoken = program.run()?;
        require_ok(args, &spoken)?;
        Ok(String::from_utf8_lossy(&spoken.stdout).trim().to_owned())
    };
    let parents = |more: Option<&str>| {
        let all = head.iter().map(String::as_str).chain(more);
        all.flat_map(|parent| ["-p".to_owned(), parent.to_owned()]).collect::<Vec<_>>()
    };
    let commit = |tree: &str, parents: Vec<String>, message: &str| -> Result<String, WorktreeError> {
        let mut args = vec!["commit-tree".to_owned(), tree.to_owned(), "-m".to_owned(), message.to_owned()];
        args.extend(parents);
        let mut program = git.program()?.args(&args);
        // A rescue must not fail because nobody told git a name yet.
        for role in ["AUTHOR", "COMMITTER"] {
            program =
                program.env(format!("GIT_{role}_NAME"), "moai").env(format!("GIT_{role}_EMAIL"), "moai@localhost");
        }
        let spoken = program.run()?;
        require_ok(&["commit-tree"], &spoken)?;
        Ok(String::from_utf8_lossy(&spoken.stdout).trim().to_owned())
    };
    // Somebody may have forced git to take the settings file; unless it is committed already, it is not our doing that
    // a key gets into a commit.
    let committed = head.as_ref().is_some_and(|head| {
        git.run(&["cat-file", "-e", &format!("{head}:{SETTINGS}")]).is_ok_and(|spoken| spoken.ok())
    });
    if !committed {
        with_index(&["update-index", "--force-remove", "--", SETTINGS], Vec::new())?;
    }
    // An index with conflicts cannot be written as a tree; then the last commit stands in for it.
    let staged = with_index(&["write-tree"], Vec::new()).or_else(|error| match &head {
        Some(head) => git.text(&["rev-parse", &format!("{head}^{{tree}}")]),
        None => Err(error),
    })?;
    let staged = commit(&staged, parents(None), &format!("index of {key}"))?;
    if !hidden.is_empty() {
        let mut paths = Vec::new();
        for path in hidden {
            paths.extend_from_slice(path.as_os_str().as_bytes());
            paths.push(0);
        }
        with_index(&["update-index", "--no-assume-unchanged", "-z", "--stdin"], paths.clone())?;
        with_index(&["update-index", "--no-skip-worktree", "-z", "--stdin"], paths)?;
    }
    let mut add = vec!["-c", "core.fsmonitor=false", "-c", "advice.addEmbeddedRepo=false", "add", "-A", "--", ":/"];
    let settings = format!(":(top,exclude){SETTINGS}");
    // git takes a pathspec that leaves out what is ignored anyway for a mistake. What is tracked is not ignored, so the
    // copy of the index is asked.
    let ignored = git.program()?.env("GIT_INDEX_FILE", &index.path).args(["check-ignore", "--quiet", "--", SETTINGS]);
    if !ignored.run()?.ok() {
        add.push(&settings);
    }
    with_index(&add, Vec::new())?;
    let tree = with_index(&["write-tree"], Vec::new())?;
    let work = commit(&tree, parents(Some(&staged)), &format!("work in {key} when it was removed"))?;
    set_ref(repo, entry, key, &work)
}

/// Keeps the commit that `entry` is on, where nothing else does.
pub(super) fn save_head(repo: &Repo, entry: &Entry, key: &str) -> Result<Option<String>, WorktreeError> {
    match &entry.head {
        Some(head) => set_ref(repo, entry, key, head).map(Some),
        None => Ok(None),
    }
}

fn set_ref(repo: &Repo, entry: &Entry, key: &str, commit: &str) -> Result<String, WorktreeError> {
    let id = entry.id.as_deref().unwrap_or("main");
    let time = key.strip_prefix(id).map_or(key, |rest| rest.trim_start_matches('-'));
    let name = format!("refs/moai/rescue/{}/{time}", ref_word(id));
    match repo.git2() {
        Some(git2) => {
            let oid = git2::Oid::from_str(commit).map_err(WorktreeError::libgit2("keep a rescue ref"))?;
            git2.reference(&name, oid, true, "moai: rescue").map_err(WorktreeError::libgit2("keep a rescue ref"))?;
        }
        None => {
            repo.git().output(&["update-ref", "-m", "moai: rescue", &name, commit])?;
        }
    }
    Ok(name)
}

/// The id as one word of a ref name: what git refuses in refs becomes `_`.
fn ref_word(id: &str) -> String {
    let mut word: String =
        id.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '+') { c } else { '_' }).collect();
    if word.is_empty() {
        word.push('_');
    }
    word
}

/// Whether a branch, a tag or a rescue ref holds the commit that a detached worktree is on.
pub(super) fn is_reachable(repo: &Repo, head: &str) -> bool {
    let Some(git2) = repo.git2() else {
        let listed = repo.git().text(&["for-each-ref", "--count=1", "--contains", head]);
        return listed.is_ok_and(|refs| !refs.is_empty());
    };
    let (Ok(oid), Ok(refs)) = (git2::Oid::from_str(head), git2.references()) else { return false };
    refs.flatten()
        .filter_map(|reference| reference.peel_to_commit().ok())
        .any(|tip| tip.id() == oid || git2.graph_descendant_of(tip.id(), oid).unwrap_or(false))
}

/// A copy of a worktree's index that goes away with us, so that the worktree's own is never touched.
struct Scratch {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Scratch {
    fn copy_of(admin: &Path) -> Result<Self, WorktreeError> {
        let dir = tempfile::Builder::new().prefix("moai-").tempdir_in(admin).map_err(DiskError::io("create", admin))?;
        let path = dir.path().join("index");
        let from = admin.join("index");
        match fs::copy(&from, &path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(DiskError::io("read", &from)(error).into())
            }
            _ => Ok(Self { path, _dir: dir }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_makes_a_ref_name() {
        for id in ["SPEC-1", "a.lock", "x..y", "한글", "a b~^:?*[\\", ""] {
            let name = format!("refs/moai/rescue/{}/20260101T000000Z", ref_word(id));
            assert!(git2::Reference::is_valid_name(&name), "{name}");
        }
    }
}
