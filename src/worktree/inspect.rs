//! The state of a worktree: uncommitted changes, an operation that was not finished, how far it is from its base and
//! its upstream, its last commit and its last activity.
//!
//! libgit2 reads small indexes faster than git starts; above [`LARGE_INDEX`] entries git's own status is faster, and
//! where something is configured that libgit2 does not do (filters, sparse checkout, fsmonitor) git is asked too.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use git2::{BranchType, Oid, Repository, StatusOptions};
use jiff::Timestamp;

use super::changes::Changes;
use super::entry::Entry;
use super::error::WorktreeError;
use super::git::{Git, require_ok};
use super::integrated::{self, Integrated, Thorough};
use crate::base::world::World;

/// Index entries above which git's status is asked instead of libgit2 (measured, worktree.md 3).
const LARGE_INDEX: u32 = 8000;

/// A step of git that was begun in a worktree and is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `git rebase`.
    Rebase,
    /// `git am`.
    Am,
    /// `git merge`.
    Merge,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git bisect`.
    Bisect,
}

impl Operation {
    /// git's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rebase => "rebase",
            Self::Am => "am",
            Self::Merge => "merge",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
            Self::Bisect => "bisect",
        }
    }

    /// The one in progress in the worktree of this git directory.
    pub fn find(admin: &Path) -> Option<Self> {
        let has = |name: &str| admin.join(name).exists();
        if has("rebase-merge") || has("rebase-apply/rebasing") {
            Some(Self::Rebase)
        } else if has("rebase-apply") {
            Some(Self::Am)
        } else if has("MERGE_HEAD") {
            Some(Self::Merge)
        } else if has("CHERRY_PICK_HEAD") {
            Some(Self::CherryPick)
        } else if has("REVERT_HEAD") {
            Some(Self::Revert)
        } else if has("BISECT_LOG") {
            Some(Self::Bisect)
        } else {
            // In the middle of a series the file of the single step is gone between two steps.
            fs::read_to_string(admin.join("sequencer/todo"))
                .ok()
                .map(|todo| if todo.starts_with("revert") { Self::Revert } else { Self::CherryPick })
        }
    }
}

/// How far a branch is from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distance {
    /// The other one's name.
    pub name: String,
    /// Commits that only we have.
    pub ahead: usize,
    /// Commits that only the other has.
    pub behind: usize,
}

/// The last commit of a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its object name in hex.
    pub sha: String,
    /// The first line of its message (may hold anything).
    pub subject: String,
    /// When it was committed.
    pub time: Timestamp,
}

/// What is known of one worktree. Fields are `None` where a thing does not apply or could not be read.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The uncommitted work.
    pub changes: Option<Changes>,
    /// Why the changes could not be read.
    pub trouble: Option<String>,
    /// A step of git that is not finished.
    pub operation: Option<Operation>,
    /// The distance to the base.
    pub base: Option<Distance>,
    /// Why the branch's work is in the base already.
    pub integrated: Option<Integrated>,
    /// The branch moved since it was made: it had commits of its own. `false` where its reflog does not tell.
    pub moved: bool,
    /// The distance to the upstream branch.
    pub upstream: Option<Distance>,
    /// The last commit.
    pub commit: Option<Commit>,
    /// The last thing that git recorded here: a commit, a checkout, a reset.
    pub active: Option<Timestamp>,
}

impl State {
    /// Whether it was read and holds no uncommitted work and no unfinished step.
    pub fn is_clean(&self) -> bool {
        self.operation.is_none() && self.changes.as_ref().is_some_and(Changes::is_empty)
    }
}

/// How exactly untracked files are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untracked {
    /// A whole untracked directory is one path: enough to look at.
    Directories,
    /// Every file, read by git itself where it is installed: before something is removed.
    Files,
}

/// The states of `entries`, in their order; up to four are read at once. `bases` has the base of each.
pub fn inspect_all(world: &World, entries: &[Entry], bases: &[Option<String>]) -> Vec<State> {
    // As git does: whether an object is what its name says is for `git fsck`, and costs a fifth of the time here.
    git2::opts::strict_hash_verification(false);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(4).min(entries.len());
    let next = AtomicUsize::new(0);
    let states = Mutex::new(vec![State::default(); entries.len()]);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = entries.get(at) else { return };
            let base = bases.get(at).and_then(Option::as_deref);
            let state = inspect(world, entry, base);
            if let Some(place) = states.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
                *place = state;
            }
        }
    };
    if workers <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
    }
    states.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The state of one worktree, measured against the branch or commit `base`.
pub fn inspect(world: &World, entry: &Entry, base: Option<&str>) -> State {
    let mut state =
        State { operation: Operation::find(&entry.admin), active: active(&entry.admin), ..State::default() };
    if entry.bare {
        return state;
    }
    state.moved = entry.branch.as_deref().is_some_and(|branch| has_moved(&entry.admin, branch));
    let missing = !entry.path.join(".git").exists();
    let repo = integrated::open_to_look(if missing { &entry.admin } else { &entry.path }).ok();
    if missing {
        state.trouble = Some("its directory is missing".into());
    } else {
        match changes(world, entry, repo.as_ref(), Untracked::Directories) {
            Ok(changes) => state.changes = Some(changes),
            Err(error) => state.trouble = Some(error.to_string()),
        }
    }
    let base = base.filter(|base| entry.branch.as_deref() != Some(*base));
    match &repo {
        Some(repo) => measure(repo, entry, base, &mut state),
        None => measure_by_git(&Git::at(world, &entry.admin), entry, base, &mut state),
    }
    state
}

/// The uncommitted work of one worktree whose directory is there.
pub fn changes(
    world: &World,
    entry: &Entry,
    repo: Option<&Repository>,
    untracked: Untracked,
) -> Result<Changes, WorktreeError> {
    let exact = untracked == Untracked::Files;
    let native = repo.filter(|repo| !exact && !wants_git(repo, &entry.admin)).map(|repo| native_changes(repo, exact));
    if let Some(Ok(changes)) = native {
        return Ok(changes);
    }
    if let Some(repo) = repo.filter(|_| !Git::installed(world)) {
        return native_changes(repo, exact).map_err(WorktreeError::libgit2("read the state of the worktree"));
    }
    let all = if exact { "--untracked-files=all" } else { "--untracked-files=normal" };
    let mut args = vec!["--no-optional-locks"];
    if exact {
        // A stale answer of a file watcher must not decide over somebody's work.
        args.extend(["-c", "core.fsmonitor=false"]);
    }
    args.extend(["status", "--porcelain=v2", "-z", "--ignore-submodules=none", "--no-renames", all]);
    if exact {
        args.push("--ignored=matching");
    }
    let spoken = Git::at(world, &entry.path).run(&args)?;
    require_ok(&["status"], &spoken)?;
    Ok(Changes::from_porcelain(&spoken.stdout))
}

fn native_changes(repo: &Repository, exact: bool) -> Result<Changes, git2::Error> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(exact).include_ignored(exact).update_index(false);
    Ok(Changes::from_statuses(&repo.statuses(Some(&mut options))?))
}

/// Whether git's status is faster than libgit2's or sees what libgit2 cannot.
fn wants_git(repo: &Repository, admin: &Path) -> bool {
    if index_entries(admin).is_some_and(|count| count > LARGE_INDEX) {
        return true;
    }
    let Ok(config) = repo.config() else { return true };
    let on = |name: &str| config.get_string(name).is_ok_and(|value| value != "false");
    // libgit2 has no drivers: where a file must be hashed, it would hash the wrong bytes.
    super::attributes::has_filters(repo, &config)
        || on("core.sparsecheckout")
        || on("core.fsmonitor")
        || on("core.untrackedcache")
}

/// The number of entries in the index, from its header; `None` where there is no index.
fn index_entries(admin: &Path) -> Option<u32> {
    let mut header = [0; 12];
    fs::File::open(admin.join("index")).ok()?.read_exact(&mut header).ok()?;
    let count = header.last_chunk::<4>()?;
    header.starts_with(b"DIRC").then(|| u32::from_be_bytes(*count))
}

/// Distances and the last commit through libgit2.
fn measure(repo: &Repository, entry: &Entry, base: Option<&str>, state: &mut State) {
    let Some(head) = entry.head.as_deref().and_then(|head| Oid::from_str(head).ok()) else { return };
    state.commit = repo.find_commit(head).ok().and_then(|commit| {
        let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
        let time = Timestamp::from_second(commit.time().seconds()).ok()?;
        Some(Commit { sha: head.to_string(), subject, time })
    });
    if let Some((name, base)) = base.and_then(|base| resolve(repo, base).map(|oid| (base, oid))) {
        if let Ok((ahead, behind)) = repo.graph_ahead_behind(head, base) {
            state.base = Some(Distance { name: name.into(), ahead, behind });
        }
        state.integrated = integrated::by_libgit2(repo, head, base, Thorough::No).ok().flatten();
    }
    let branch = entry.branch.as_deref().and_then(|branch| repo.find_branch(branch, BranchType::Local).ok());
    let upstream = branch.and_then(|branch| branch.upstream().ok());
    state.upstream = upstream.and_then(|upstream| {
        let (ahead, behind) = repo.graph_ahead_behind(head, upstream.get().target()?).ok()?;
        let name = String::from_utf8_lossy(upstream.name_bytes().ok()?).into_owned();
        Some(Distance { name, ahead, behind })
    });
}

/// The commit that a local branch, or any other revision, names.
pub(super) fn resolve(repo: &Repository, name: &str) -> Option<Oid> {
    repo.find_branch(name, BranchType::Local)
        .ok()
        .and_then(|branch| branch.get().target())
        .or_else(|| repo.revparse_single(name).ok()?.peel_to_commit().ok().map(|commit| commit.id()))
}

/// The same through the git executable.
fn measure_by_git(git: &Git<'_>, entry: &Entry, base: Option<&str>, state: &mut State) {
    let Some(head) = entry.head.as_deref() else { return };
    let line = |args: &[&str]| git.text(args).ok().filter(|text| !text.is_empty());
    state.commit = line(&["log", "-1", "--format=%ct %s", head]).and_then(|text| {
        let (time, subject) = text.split_once(' ')?;
        let time = Timestamp::from_second(time.parse().ok()?).ok()?;
        Some(Commit { sha: head.into(), subject: subject.into(), time })
    });
    let distance = |name: &str, other: &str| {
        let counts = line(&["rev-list", "--left-right", "--count", &format!("{head}...{other}")])?;
        let (ahead, behind) = counts.split_once('\t')?;
        Some(Distance { name: name.into(), ahead: ahead.parse().ok()?, behind: behind.parse().ok()? })
    };
    if let Some((name, base)) = base.and_then(|base| Some((base, resolve_by_git(git, base)?))) {
        state.base = distance(name, &base);
        state.integrated = integrated::by_git(git, head, &base);
    }
    state.upstream = entry.branch.as_deref().and_then(|branch| {
        let reference = format!("refs/heads/{branch}");
        let name = line(&["for-each-ref", "--format=%(upstream:short)", &reference])?;
        distance(&name, &name)
    });
}

/// The commit that a local branch, or any other revision, names, in hex.
pub(super) fn resolve_by_git(git: &Git<'_>, name: &str) -> Option<String> {
    [format!("refs/heads/{name}^{{commit}}"), format!("{name}^{{commit}}")]
        .iter()
        .find_map(|name| git.text(&["rev-parse", "--verify", "--quiet", "--end-of-options", name]).ok())
        .filter(|text| !text.is_empty())
}

/// Whether the branch's reflog has more than the line of its making.
fn has_moved(admin: &Path, branch: &str) -> bool {
    let Some(common) = admin.parent().and_then(Path::parent) else { return false };
    let log = fs::read(common.join("logs/refs/heads").join(branch)).unwrap_or_default();
    log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() > 1
}

/// The time of the last line of the worktree's own reflog, else when its `HEAD` was written.
fn active(admin: &Path) -> Option<Timestamp> {
    let log = fs::read(admin.join("logs/HEAD")).unwrap_or_default();
    let last = log.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    last.and_then(reflog_time).or_else(|| {
        let written = fs::metadata(admin.join("HEAD")).and_then(|meta| meta.modified()).ok()?;
        Timestamp::try_from(written).ok()
    })
}

/// `OLD NEW Name <mail> SECONDS ZONE\tmessage`.
fn reflog_time(line: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(line);
    let (_, after) = text.split('\t').next()?.rsplit_once("> ")?;
    Timestamp::from_second(after.split(' ').next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reflog_says_when() {
        let line = b"00 11 A <b> C> <a@b> 1700000000 +0900\tcommit: x > y";
        assert_eq!(reflog_time(line), Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(reflog_time(b"nonsense"), None);
    }

    #[test]
    fn an_operation_is_seen_by_its_files() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Operation::find(dir.path()), None);
        fs::write(dir.path().join("REVERT_HEAD"), "").unwrap();
        assert_eq!(Operation::find(dir.path()), Some(Operation::Revert));
        fs::create_dir_all(dir.path().join("rebase-apply")).unwrap();
        assert_eq!(Operation::find(dir.path()), Some(Operation::Am));
        fs::create_dir_all(dir.path().join("rebase-merge")).unwrap();
        assert_eq!(Operation::find(dir.path()), Some(Operation::Rebase));
    }
}
