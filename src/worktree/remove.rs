//! Removing a worktree without losing anything: all reasons against it are looked for, twice; the tree and git's
//! administrative directory are renamed into the trash; the branch stays unless its work is in the base.

use std::fs;
use std::path::{Path, PathBuf};

use super::branch;
use super::entry::Entry;
use super::error::WorktreeError;
use super::find::owns_its_root;
use super::integrated::Integrated;
use super::refusal::{Refusal, refusals};
use super::registered::unregister;
use super::repo::Repo;
use super::rescue::{self, SETTINGS};
use super::trash::{Cause, Record, reserve};
use crate::base::disk::{self, DiskError, Lock};
use crate::base::failure::Failure;

/// What becomes of the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchWish {
    /// It stays.
    Keep,
    /// It goes if its work is in the base; else nothing is removed at all.
    DeleteIntegrated,
    /// It goes, and a rescue ref keeps its commits.
    DeleteAlways,
}

/// How a worktree is to be removed.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Lifts the refusals that the trash and the rescue commit make good.
    pub force: bool,
    /// What becomes of the branch.
    pub branch: BranchWish,
    /// The branch that its work should be in.
    pub base: Option<&'a str>,
    /// Who asks.
    pub cause: Cause,
}

/// What is known before anything is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The worktree.
    pub entry: Entry,
    /// The reasons against it.
    pub refusals: Vec<Refusal>,
    /// Ignored files that nobody can make again; they stay restorable.
    pub precious: Vec<PathBuf>,
    /// What stands at its path is the worktree and moves to the trash.
    pub has_tree: bool,
    /// The branch that is deleted, the commit it is on and why nothing is lost with it.
    pub branch: Option<(String, String, Option<Integrated>)>,
}

/// What was done.
#[derive(Debug)]
pub struct Removed {
    /// The record in the trash.
    pub record: Record,
    /// The deleted branch's last commit, and why nothing was lost with it.
    pub branch: Option<(String, String, Option<Integrated>)>,
    /// What did not go as it should, without harm to anybody's work.
    pub warnings: Vec<Failure>,
}

/// Takes the key out of the settings of a removed worktree, whose tree is in the trash; tells whether it was set up
/// for GLM.
pub type Seal<'a> = &'a mut dyn FnMut(&Record, &Path) -> Result<bool, Failure>;

/// Waits for the other moai that creates or removes in this repository.
pub(super) fn guard(repo: &Repo) -> Result<Lock, WorktreeError> {
    super::journal::lock(repo, || {})
}

/// Looks for every reason against removing `entry`.
pub fn plan_removal(repo: &Repo, entries: &[Entry], entry: &Entry, ask: Ask<'_>) -> Result<Plan, WorktreeError> {
    let (refusals, precious) = refusals(repo, entries, entry)?;
    let has_tree = !entry.main && owns_its_root(entry);
    let branch = match entry.branch.as_deref().filter(|_| !entry.main) {
        Some(name) if ask.branch != BranchWish::Keep => plan_branch(repo, entries, entry, name, ask)?,
        _ => None,
    };
    Ok(Plan { entry: entry.clone(), refusals, precious, has_tree, branch })
}

fn plan_branch(
    repo: &Repo,
    entries: &[Entry],
    entry: &Entry,
    name: &str,
    ask: Ask<'_>,
) -> Result<Option<(String, String, Option<Integrated>)>, WorktreeError> {
    let Some(at) = branch::tip(repo, name) else { return Ok(None) };
    if let Some(other) = branch::other_checkout(entries, entry, name) {
        return Err(WorktreeError::refused(
            "branch-in-use",
            format!("the branch {name} is also checked out at {}", other.path.display()),
        )
        .hint("leave the option out: the worktree goes and the branch stays"));
    }
    if ask.base == Some(name) {
        return Err(WorktreeError::refused("base-branch", format!("{name} is the base branch and is never deleted"))
            .hint("leave the option out: the worktree goes and the branch stays"));
    }
    let why = ask.base.and_then(|base| branch::integrated_in(repo, &at, base));
    if why.is_none() && ask.branch == BranchWish::DeleteIntegrated {
        let base = ask.base.unwrap_or("any base");
        return Err(WorktreeError::refused(
            "not-integrated",
            format!("the branch {name} has work that is not in {base}; nothing was removed"),
        )
        .hint("leave --delete-branch out: the worktree goes and the branch stays")
        .hint("`-D` deletes the branch all the same and prints its commit"));
    }
    Ok(Some((name.into(), at, why)))
}

impl Plan {
    /// Fails with the reasons that are left once `force` has lifted its own.
    pub fn require_free(&self, repo: &Repo, force: bool) -> Result<(), WorktreeError> {
        let left: Vec<&Refusal> =
            self.refusals.iter().filter(|refusal| !(force && refusal.yields_to_force())).collect();
        let Some(first) = left.first() else { return Ok(()) };
        let name = self.entry.name();
        let why: Vec<String> = left.iter().map(ToString::to_string).collect();
        let mut error = WorktreeError::refused(first.code(), format!("{name} was not removed: {}", why.join("; ")));
        let mut hints: Vec<String> = left.iter().map(|refusal| refusal.hint(repo, &self.entry, &name)).collect();
        hints.dedup();
        for hint in hints {
            error = error.hint(hint);
        }
        Err(error)
    }
}

/// Removes `entry`. Everything is looked at again under the lock, immediately before the move. `seal` is called
/// with the settings file once it is out of everybody's way.
pub fn remove(repo: &Repo, entry: &Entry, ask: Ask<'_>, seal: Seal<'_>) -> Result<Removed, WorktreeError> {
    let _lock = guard(repo)?;
    let entries = repo.entries()?;
    let known = entries.iter().find(|other| other.admin == entry.admin && other.path == entry.path);
    let entry =
        known.ok_or_else(|| WorktreeError::refused("not-registered", format!("{} is gone already", entry.name())))?;
    let plan = plan_removal(repo, &entries, entry, ask)?;
    plan.require_free(repo, ask.force)?;
    repo.world().interrupt.check()?;
    let mut record = reserve(repo, entry, ask.cause, plan.has_tree)?;
    let prepared = rescue_for(repo, &plan, &record.key).and_then(|rescue| {
        record.rescue = rescue;
        record.save(repo)
    });
    if let Err(error) = prepared.and_then(|()| move_out(repo, &record, entry)) {
        record.forget(repo)?;
        return Err(error);
    }
    let mut warnings = Vec::new();
    if let Err(failure) = seal_record(repo, &mut record, seal) {
        warnings.push(failure);
    }
    let branch = plan.branch.filter(|(name, at, _)| match branch::delete(repo, name, at) {
        Ok(()) => true,
        Err(error) => {
            warnings.push(error.into());
            false
        }
    });
    if let Err(error) = unregister(repo, &record.name, &record.path) {
        warnings.push(error.into());
    }
    record.branch_deleted = branch.as_ref().map(|(_, at, _)| at.clone());
    record.save(repo)?;
    Ok(Removed { record, branch, warnings })
}

/// Keeps what only this worktree holds below `refs/moai/rescue/`.
fn rescue_for(repo: &Repo, plan: &Plan, key: &str) -> Result<Option<String>, WorktreeError> {
    let mut hidden = Vec::new();
    let mut work = false;
    for refusal in &plan.refusals {
        match refusal {
            Refusal::Dirty(_) => work = true,
            Refusal::Hidden(paths) => hidden.clone_from(paths),
            _ => {}
        }
    }
    if plan.has_tree && (work || !hidden.is_empty()) {
        return rescue::save_work(repo, &plan.entry, key, &hidden).map(Some);
    }
    let unmerged = plan.branch.as_ref().is_some_and(|(_, _, why)| why.is_none());
    let detached =
        plan.entry.branch.is_none() && plan.entry.head.as_deref().is_some_and(|head| !rescue::is_reachable(repo, head));
    if unmerged || detached { rescue::save_head(repo, &plan.entry, key) } else { Ok(None) }
}

/// Renames the tree and then the administrative directory; the first is taken back where the second fails.
fn move_out(repo: &Repo, record: &Record, entry: &Entry) -> Result<(), WorktreeError> {
    if let Some(tree) = &record.tree {
        fs::rename(&entry.path, tree).map_err(DiskError::io("move to the trash", &entry.path))?;
    }
    if let Err(error) = fs::rename(&entry.admin, record.admin(repo)) {
        if let Some(tree) = &record.tree {
            fs::rename(tree, &entry.path).map_err(DiskError::io("bring back", &entry.path))?;
        }
        return Err(DiskError::io("move to the trash", &entry.admin)(error).into());
    }
    // As git does when the last linked worktree goes; it is not empty otherwise.
    drop(fs::remove_dir(repo.common_dir().join("worktrees")));
    Ok(())
}

/// Takes keys out of what lies in the trash.
pub(super) fn seal_record(repo: &Repo, record: &mut Record, seal: Seal<'_>) -> Result<(), Failure> {
    // The isolated launch's settings, which may hold a key and are made again at every launch.
    disk::remove(&record.admin(repo).join("moai/claude.json"))?;
    if let Some(tree) = record.tree.as_deref().filter(|tree| has_settings(tree)) {
        record.glm = seal(record, tree)?;
    }
    record.sealed = true;
    record.save(repo)?;
    Ok(())
}

/// Whether a tree has a settings file of its own: neither it nor its directory is a link that leads out.
fn has_settings(tree: &Path) -> bool {
    let file = tree.join(SETTINGS);
    file.parent().is_some_and(|dir| fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir()))
        && fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file())
}

/// Forgets an entry whose directory is gone or is not the worktree any more: only git's administrative directory
/// goes to the trash, and what stands at the path is not touched.
pub fn forget(repo: &Repo, entry: &Entry, cause: Cause) -> Result<Record, WorktreeError> {
    let _lock = guard(repo)?;
    if entry.main || entry.locked.is_some() || owns_its_root(entry) {
        return Err(WorktreeError::refused("not-prunable", format!("{} is not gone", entry.name())));
    }
    let mut record = reserve(repo, entry, cause, false)?;
    let detached = entry.branch.is_none();
    if detached && entry.head.as_deref().is_some_and(|head| !rescue::is_reachable(repo, head)) {
        record.rescue = rescue::save_head(repo, entry, &record.key)?;
    }
    record.sealed = true;
    record.save(repo)?;
    if let Err(error) = move_out(repo, &record, entry) {
        record.forget(repo)?;
        return Err(error);
    }
    Ok(record)
}
