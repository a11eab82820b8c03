//! Bringing a worktree up to its base, through the git executable (hooks, signing and rerere are git's): a
//! fast-forward where that is enough, else a rebase, and a merge where the branch was published already.

use std::path::PathBuf;

use git2::{BranchType, Oid};

use super::changes::Changes;
use super::entry::Entry;
use super::error::WorktreeError;
use super::git::{Git, require_ok};
use super::inspect::{Operation, Untracked, changes, resolve, resolve_by_git};
use super::integrated::open_to_look;
use super::repo::Repo;
use crate::base::sort;

/// How two lines of history are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// The branch moves forward; it has no commits of its own.
    FastForward,
    /// Its commits are made again on top of the base.
    Rebase,
    /// A merge commit.
    Merge,
}

impl Join {
    /// The word for people and for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FastForward => "fast-forward",
            Self::Rebase => "rebase",
            Self::Merge => "merge",
        }
    }
}

/// What syncing would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPlan {
    /// The branch, or the remote's branch, that is brought in.
    pub base: String,
    /// Commits of our own.
    pub ahead: usize,
    /// Commits that come in.
    pub behind: usize,
    /// How; `None` where there is nothing to do.
    pub join: Option<Join>,
    /// Why it is a merge although a rebase was expected.
    pub because: Option<&'static str>,
    /// Files that would be in conflict (a preview; for a rebase, of all its commits together).
    pub conflicts: Vec<PathBuf>,
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synced {
    /// There was nothing to do.
    UpToDate,
    /// It is done.
    Done,
    /// These files are in conflict, and wait in the worktree for a decision.
    Conflict(Vec<PathBuf>),
    /// These files were in conflict, and everything was put back as it was.
    Aborted(Vec<PathBuf>),
}

/// Fails where `entry` has changes of tracked files or an unfinished step of git: nothing is mixed into those.
pub fn require_settled(repo: &Repo, entry: &Entry, what: &str) -> Result<(), WorktreeError> {
    require_no_operation(entry, what)?;
    let name = entry.name();
    let opened = git2::Repository::open(&entry.path).ok();
    let changes = changes(repo.world(), entry, opened.as_ref(), Untracked::Directories)?;
    let tracked = Changes { untracked: 0, ..changes };
    if tracked.is_empty() {
        return Ok(());
    }
    let text = format!("{name} was not {what}: it has uncommitted work: {}", tracked.describe());
    Err(WorktreeError::refused("dirty", text).hint(format!("commit it, or `git -C {} stash`", entry.path.display())))
}

fn require_no_operation(entry: &Entry, what: &str) -> Result<(), WorktreeError> {
    let Some(operation) = Operation::find(&entry.admin) else { return Ok(()) };
    let (name, verb) = (entry.name(), operation.as_str());
    let error = WorktreeError::refused("operation", format!("{name} was not {what}: a {verb} is not finished in it"));
    Err(error.hint(format!("finish it, or end it with `git -C {} {verb} --abort`", entry.path.display())))
}

/// Looks at what bringing `base` into `entry` would do; `wish` overrides the choice between rebase and merge.
pub fn plan_sync(repo: &Repo, entry: &Entry, base: &str, wish: Option<Join>) -> Result<SyncPlan, WorktreeError> {
    require_no_operation(entry, "synced")?;
    let head = entry.head.as_deref().ok_or_else(|| {
        WorktreeError::refused("unborn", format!("{} has no commit yet: there is nothing to sync", entry.name()))
    })?;
    let (ahead, behind) = distance(repo, head, base)?;
    let published = entry.branch.as_deref().is_some_and(|branch| is_published(repo, branch));
    let (join, because) = match (wish, ahead, behind) {
        (_, _, 0) => (None, None),
        (_, 0, _) => (Some(Join::FastForward), None),
        (Some(Join::FastForward), ahead, _) => {
            return Err(WorktreeError::refused(
                "not-fast-forward",
                format!("{} has {ahead} commit(s) that {base} does not have: no fast-forward", entry.name()),
            )
            .hint("leave --ff-only out, or choose --rebase or --merge"));
        }
        (Some(wish), _, _) => (Some(wish), None),
        (None, _, _) if published => {
            (Some(Join::Merge), Some("the branch is on a remote, and a rebase would rewrite it"))
        }
        (None, _, _) => (Some(Join::Rebase), None),
    };
    let conflicts = match join {
        Some(Join::Rebase | Join::Merge) => foreseen_conflicts(repo, head, base)?,
        _ => Vec::new(),
    };
    Ok(SyncPlan { base: base.into(), ahead, behind, join, because, conflicts })
}

fn distance(repo: &Repo, head: &str, base: &str) -> Result<(usize, usize), WorktreeError> {
    let unknown = || WorktreeError::refused("no-base", format!("there is no branch or commit `{base}`"));
    if let Some(git2) = repo.git2() {
        let head = Oid::from_str(head).map_err(WorktreeError::libgit2("read the worktree's commit"))?;
        let base = resolve(git2, base).ok_or_else(unknown)?;
        return git2.graph_ahead_behind(head, base).map_err(WorktreeError::libgit2("compare the branches"));
    }
    let base = resolve_by_git(&repo.git(), base).ok_or_else(unknown)?;
    let counts = repo.git().text(&["rev-list", "--left-right", "--count", &format!("{head}...{base}")])?;
    let mut numbers = counts.split_whitespace().map(|number| number.parse().unwrap_or(0));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}

/// Whether a remote has a branch of this name, as far as we know.
fn is_published(repo: &Repo, branch: &str) -> bool {
    match repo.git2() {
        Some(git2) => git2.branches(Some(BranchType::Remote)).is_ok_and(|branches| {
            branches.flatten().any(|(remote, _)| {
                let name = remote.name_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                name.split_once('/').is_some_and(|(_, rest)| rest == branch)
            })
        }),
        None => repo
            .git()
            .text(&["for-each-ref", "--count=1", "--format=%(refname)", &format!("refs/remotes/*/{branch}")])
            .is_ok_and(|text| !text.is_empty()),
    }
}

/// The files that a merge of the two would leave in conflict; nothing is written.
pub(super) fn foreseen_conflicts(repo: &Repo, ours: &str, theirs: &str) -> Result<Vec<PathBuf>, WorktreeError> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    if repo.git2().is_none() {
        let args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs];
        let spoken = repo.git().run(&args)?;
        let names = spoken.stdout.split(|byte| *byte == 0).skip(1).filter(|name| !name.is_empty());
        return Ok(if spoken.status == Some(1) { names.map(path).collect() } else { Vec::new() });
    }
    let preview = || -> Result<Vec<PathBuf>, git2::Error> {
        let git2 = open_to_look(repo.common_dir())?;
        let commit = |name: &str| resolve(&git2, name).map(|oid| git2.find_commit(oid)).transpose();
        let (Some(ours), Some(theirs)) = (commit(ours)?, commit(theirs)?) else { return Ok(Vec::new()) };
        let merged = git2.merge_commits(&ours, &theirs, None)?;
        let mut files: Vec<PathBuf> = merged
            .conflicts()?
            .flatten()
            .filter_map(|conflict| conflict.our.or(conflict.their).or(conflict.ancestor))
            .map(|entry| path(&entry.path))
            .collect();
        sort::by(&mut files, Ord::cmp);
        files.dedup();
        Ok(files)
    };
    preview().map_err(WorktreeError::libgit2("look for conflicts"))
}

/// Does what the plan says, in the worktree of `entry`.
pub fn sync(repo: &Repo, entry: &Entry, plan: &SyncPlan, abort: bool) -> Result<Synced, WorktreeError> {
    let Some(join) = plan.join else { return Ok(Synced::UpToDate) };
    repo.world().interrupt.check()?;
    let git = Git::at(repo.world(), &entry.path);
    let args: &[&str] = match join {
        Join::FastForward => &["merge", "--quiet", "--ff-only", &plan.base],
        Join::Rebase => &["rebase", "--quiet", &plan.base],
        Join::Merge => &["merge", "--quiet", "--no-edit", &plan.base],
    };
    let spoken = git.run(args)?;
    if spoken.ok() {
        return Ok(Synced::Done);
    }
    let files = conflicted(&git)?;
    if files.is_empty() && Operation::find(&entry.admin).is_none() {
        require_ok(args, &spoken)?;
    }
    if !abort {
        return Ok(Synced::Conflict(files));
    }
    git.output(&[if join == Join::Rebase { "rebase" } else { "merge" }, "--abort"])?;
    Ok(Synced::Aborted(files))
}

/// The files that are in conflict now.
fn conflicted(git: &Git<'_>) -> Result<Vec<PathBuf>, WorktreeError> {
    use std::os::unix::ffi::OsStrExt as _;
    let listed = git.output(&["diff", "--name-only", "--diff-filter=U", "-z"])?;
    let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name))).collect())
}

/// Fetches only the base from its remote and returns the name to sync with: the remote's branch where it is ahead
/// of ours, else ours.
pub fn fetch_base(repo: &Repo, base: &str) -> Result<String, WorktreeError> {
    let git = repo.git();
    let remote = git.text(&["config", "--get", &format!("branch.{base}.remote")]).unwrap_or_else(|_| "origin".into());
    git.output(&["fetch", "--quiet", "--no-tags", "--", &remote, base])?;
    let tracking = format!("{remote}/{base}");
    let ahead = resolve_by_git(&git, &tracking).is_some()
        && git.run(&["merge-base", "--is-ancestor", base, &tracking]).is_ok_and(|spoken| spoken.ok());
    Ok(if ahead { tracking } else { base.into() })
}
