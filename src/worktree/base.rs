//! What a worktree is measured against: the branch it was made from, else the repository's default branch.

use std::path::Path;

use super::branch::tip;
use super::entry::Entry;
use super::error::WorktreeError;
use super::repo::Repo;
use crate::base::disk::{self, Access};

/// The file in a worktree's administrative directory that names the branch it was made from.
const BASE_FILE: &str = "moai/base";

impl Repo {
    /// The branch that `entry` is measured against, synced with and merged into; `None` where nobody can tell.
    pub fn base_of(&self, entries: &[Entry], entry: &Entry) -> Option<String> {
        recorded(&entry.admin)
            .filter(|base| entry.branch.as_deref() != Some(base.as_str()) && tip(self, base).is_some())
            .or_else(|| self.default_branch(entries))
    }

    /// The repository's default branch: what the remote calls so, else `main` or `master` where there is one of them,
    /// else what the main checkout is on.
    pub fn default_branch(&self, entries: &[Entry]) -> Option<String> {
        let main = entries.iter().find(|entry| entry.main);
        let checked_out = main.and_then(|entry| entry.branch.clone());
        remote_default(self)
            .filter(|name| tip(self, name).is_some())
            .or_else(|| checked_out.clone().filter(|name| name == "main" || name == "master"))
            .or_else(|| {
                let mut usual = ["main", "master"].into_iter().filter(|name| tip(self, name).is_some());
                usual.next().filter(|_| usual.next().is_none()).map(str::to_owned)
            })
            .or(checked_out)
    }
}

/// Remembers the branch that a new worktree was made from; another revision is no base to measure against.
pub(super) fn remember(repo: &Repo, admin: &Path, base: &str) -> Result<(), WorktreeError> {
    if tip(repo, base).is_some() {
        disk::replace_unsynced(&admin.join(BASE_FILE), format!("{base}\n").as_bytes(), Access::Private)?;
    }
    Ok(())
}

fn recorded(admin: &Path) -> Option<String> {
    let text = disk::read_text(&admin.join(BASE_FILE)).ok()??;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Where `refs/remotes/origin/HEAD` points, without `origin/`.
fn remote_default(repo: &Repo) -> Option<String> {
    const HEAD: &str = "refs/remotes/origin/HEAD";
    let target = match repo.git2() {
        Some(git2) => git2.find_reference(HEAD).ok()?.symbolic_target().ok().flatten()?.to_owned(),
        None => repo.git().text(&["symbolic-ref", "--quiet", HEAD]).ok()?,
    };
    target.strip_prefix("refs/remotes/origin/").map(str::to_owned)
}
