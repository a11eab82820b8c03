//! `done`: a finished branch goes into its base, and its worktree goes. The merge happens in the checkout that has
//! the base checked out, and only where that is clean; the main checkout itself can never be what is removed.

use std::path::PathBuf;

use super::branch;
use super::entry::Entry;
use super::error::WorktreeError;
use super::git::{Git, require_ok};
use super::repo::Repo;
use super::sync::{Join, foreseen_conflicts, require_settled};

/// What finishing a worktree would do before it is removed.
#[derive(Debug, Clone)]
pub struct MergePlan {
    /// The finished branch.
    pub branch: String,
    /// The branch that it goes into.
    pub base: String,
    /// The checkout that has the base.
    pub into: Entry,
    /// How; `None` where the base has the work already.
    pub join: Option<Join>,
    /// Files that are in conflict: then nothing is done.
    pub conflicts: Vec<PathBuf>,
}

/// Looks at what merging `entry`'s branch into `base` takes, and refuses what must not be.
pub fn plan_merge(
    repo: &Repo,
    entries: &[Entry],
    entry: &Entry,
    base: &str,
    always_commit: bool,
) -> Result<MergePlan, WorktreeError> {
    let name = entry.name();
    if entry.main {
        return Err(WorktreeError::refused(
            "main-worktree",
            "this is the main checkout: there is no worktree to finish",
        )
        .hint("give the worktree: `moai worktree done SPEC-1`"));
    }
    let (Some(branch), Some(head)) = (&entry.branch, &entry.head) else {
        return Err(WorktreeError::refused("detached", format!("{name} is on no branch: there is nothing to merge")));
    };
    if branch == base {
        return Err(WorktreeError::refused("base-branch", format!("{name} is on the base branch {base} itself")));
    }
    let into = entries.iter().find(|other| !other.bare && other.branch.as_deref() == Some(base)).ok_or_else(|| {
        let place = repo.main_root().unwrap_or_else(|| repo.common_dir());
        WorktreeError::refused("base-not-checked-out", format!("{base} is checked out nowhere; nothing was merged"))
            .hint(format!("check it out first: `git -C {} switch {base}`", place.display()))
            .hint("or merge into another branch: `--into BRANCH`")
    })?;
    require_settled(repo, entry, "finished")?;
    require_settled(repo, into, "merged into")?;
    let base_tip = branch::tip(repo, base)
        .ok_or_else(|| WorktreeError::refused("no-base", format!("there is no branch {base}")))?;
    let is_in = |old: &str, new: &str| match repo.git2() {
        Some(git2) => match (git2::Oid::from_str(old), git2::Oid::from_str(new)) {
            (Ok(old), Ok(new)) => old == new || git2.graph_descendant_of(new, old).unwrap_or(false),
            _ => false,
        },
        None => repo.git().run(&["merge-base", "--is-ancestor", old, new]).is_ok_and(|spoken| spoken.ok()),
    };
    let join = if is_in(head, &base_tip) {
        None
    } else if !always_commit && is_in(&base_tip, head) {
        Some(Join::FastForward)
    } else {
        Some(Join::Merge)
    };
    let conflicts = if join == Some(Join::Merge) { foreseen_conflicts(repo, &base_tip, head)? } else { Vec::new() };
    Ok(MergePlan { branch: branch.clone(), base: base.into(), into: into.clone(), join, conflicts })
}

/// Merges as planned. A merge that cannot be finished is taken back, and nothing has changed.
pub fn merge(repo: &Repo, plan: &MergePlan) -> Result<(), WorktreeError> {
    let Some(join) = plan.join else { return Ok(()) };
    if !plan.conflicts.is_empty() {
        let files: Vec<String> = plan.conflicts.iter().map(|path| path.display().to_string()).collect();
        return Err(WorktreeError::refused(
            "conflict",
            format!("{} and {} conflict in {}; nothing was changed", plan.branch, plan.base, files.join(", ")),
        )
        .hint(format!("bring the base in and decide there: `moai worktree sync {}`", plan.branch)));
    }
    let git = Git::at(repo.world(), &plan.into.path);
    let args: &[&str] = match join {
        Join::FastForward => &["merge", "--quiet", "--ff-only", &plan.branch],
        _ => &["merge", "--quiet", "--no-ff", "--no-edit", &plan.branch],
    };
    let spoken = git.run(args)?;
    if !spoken.ok() {
        if super::inspect::Operation::find(&plan.into.admin) == Some(super::inspect::Operation::Merge) {
            git.output(&["merge", "--abort"])?;
        }
        require_ok(args, &spoken)?;
    }
    Ok(())
}
