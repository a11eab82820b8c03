//! Deleting a branch without losing what only it holds: compare and swap, and never one that is checked out.

use git2::{BranchType, Oid};

use super::entry::Entry;
use super::error::WorktreeError;
use super::inspect::{resolve, resolve_by_git};
use super::integrated::{self, Integrated, Thorough};
use super::repo::Repo;

/// The commit that a local branch is on, in hex; `None` where there is no such branch.
pub(super) fn tip(repo: &Repo, branch: &str) -> Option<String> {
    match repo.git2() {
        Some(git2) => git2.find_branch(branch, BranchType::Local).ok()?.get().target().map(|oid| oid.to_string()),
        None => repo.git().text(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}^{{commit}}")]).ok(),
    }
}

/// Why the commit `head` holds nothing that `base` does not, with all checks; `None` where it does, or nobody knows.
pub(super) fn integrated_in(repo: &Repo, head: &str, base: &str) -> Option<Integrated> {
    match repo.git2() {
        Some(_) => {
            let git2 = integrated::open_to_look(repo.common_dir()).ok()?;
            let base = resolve(&git2, base)?;
            integrated::by_libgit2(&git2, Oid::from_str(head).ok()?, base, Thorough::Yes).ok().flatten()
        }
        None => integrated::by_git(&repo.git(), head, &resolve_by_git(&repo.git(), base)?),
    }
}

/// Another worktree that has `branch` checked out (a second checkout of it takes git's `--force`).
pub(super) fn other_checkout<'e>(entries: &'e [Entry], entry: &Entry, branch: &str) -> Option<&'e Entry> {
    entries.iter().find(|other| other.admin != entry.admin && other.branch.as_deref() == Some(branch))
}

/// Deletes `branch` if it is still at the commit `at`, with its section of the configuration.
pub(super) fn delete(repo: &Repo, branch: &str, at: &str) -> Result<(), WorktreeError> {
    let moved =
        || WorktreeError::refused("branch-moved", format!("the branch {branch} moved in the meantime and was kept"));
    let name = format!("refs/heads/{branch}");
    match repo.git2() {
        Some(git2) => {
            let mut reference = git2.find_reference(&name).map_err(WorktreeError::libgit2("find the branch"))?;
            if reference.target().is_none_or(|oid| oid.to_string() != at) {
                return Err(moved());
            }
            // libgit2 compares with what it read a moment ago and fails where that changed.
            reference.delete().map_err(WorktreeError::libgit2("delete the branch"))?;
        }
        None => {
            repo.git().output(&["update-ref", "-d", &name, at]).map_err(|_changed| moved())?;
        }
    }
    let section = format!("branch.{branch}");
    let configured = repo.git().run(&["config", "--local", "--get-regexp", &format!("^{}\\.", escape(&section))]);
    if configured.is_ok_and(|spoken| spoken.ok()) {
        repo.git().output(&["config", "--local", "--remove-section", &section])?;
    }
    Ok(())
}

/// The text as a regular expression that matches nothing else.
fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['[', c, ']'] })
        .collect::<String>()
        .replace("[^]", "\\^")
        .replace("[\\]", "\\\\")
}

/// Makes the branch again at `at`, where there is none of that name.
pub(super) fn recreate(repo: &Repo, branch: &str, at: &str) -> Result<(), WorktreeError> {
    match repo.git2() {
        Some(git2) => {
            let make = || -> Result<(), git2::Error> {
                git2.branch(branch, &git2.find_commit(Oid::from_str(at)?)?, false).map(drop)
            };
            make().map_err(WorktreeError::libgit2("make the branch again"))
        }
        None => repo.git().output(&["branch", "--no-track", branch, at]).map(drop),
    }
}
