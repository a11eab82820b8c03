//! Why a worktree must not be removed. All reasons are found, not only the first; `--force` lifts only those that
//! the trash and the rescue commit make good again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::entry::Entry;
use super::erase::mounts_within;
use super::error::WorktreeError;
use super::find::owns_its_root;
use super::git::Git;
use super::hidden;
use super::inspect::{Operation, Untracked, changes};
use super::process::{Resident, residents};
use super::repo::Repo;

/// One reason to keep a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is the main checkout.
    Main,
    /// What stands at its path is not this worktree: its `.git` does not point back.
    Foreign,
    /// Its root is a symbolic link.
    Link,
    /// It is a mount point, or one lies inside.
    Mount(PathBuf),
    /// Somebody locked it, for this reason (may be empty).
    Locked(String),
    /// Other worktrees lie inside it.
    Nested(Vec<PathBuf>),
    /// Its state could not be read.
    Unreadable(String),
    /// We stand in it, and no shell function can take us out.
    CwdInside,
    /// A step of git is not finished.
    Operation(Operation),
    /// Uncommitted work.
    Dirty(Changes),
    /// Files that were told to look unchanged (skip-worktree, assume-unchanged), and are not.
    Hidden(Vec<PathBuf>),
    /// Submodules with commits that no remote has.
    Submodule(Vec<String>),
    /// Processes work in it.
    InUse(Vec<Resident>),
}

impl Refusal {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Main => "main-worktree",
            Self::Foreign => "foreign-content",
            Self::Link => "symlink",
            Self::Mount(_) => "mount-point",
            Self::Locked(_) => "locked",
            Self::Nested(_) => "nested",
            Self::Unreadable(_) => "unreadable",
            Self::CwdInside => "cwd-inside",
            Self::Operation(_) => "operation",
            Self::Dirty(_) => "dirty",
            Self::Hidden(_) => "hidden-changes",
            Self::Submodule(_) => "submodule",
            Self::InUse(_) => "in-use",
        }
    }

    /// Whether `--force` lifts it.
    pub const fn yields_to_force(&self) -> bool {
        matches!(self, Self::Operation(_) | Self::Dirty(_) | Self::Hidden(_) | Self::Submodule(_) | Self::InUse(_))
    }

    /// What to do about it; `name` is what the person calls the worktree.
    pub fn hint(&self, repo: &Repo, entry: &Entry, name: &str) -> String {
        match self {
            Self::Main => "only linked worktrees can be removed".into(),
            Self::Foreign => "`moai worktree clean` forgets the entry and leaves that directory alone".into(),
            Self::Link => format!("look where it points: `ls -ld {}`", entry.path.display()),
            Self::Mount(path) => format!("unmount it first: `umount {}`", path.display()),
            Self::Locked(_) => format!("if it is no longer needed: `moai worktree unlock {name}`"),
            Self::Nested(paths) => {
                let inner = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
                format!("remove what is inside first: `moai worktree remove {inner}`")
            }
            Self::Unreadable(_) => format!("look at it with `git -C {} status`", entry.path.display()),
            Self::CwdInside => {
                let main = repo.main_root().unwrap_or_else(|| repo.common_dir());
                format!("leave it first: `cd {}`", main.display())
            }
            Self::Operation(operation) => {
                let word = operation.as_str();
                let end = if *operation == Operation::Bisect { "reset" } else { "--abort" };
                format!("finish it, or end it with `git -C {} {word} {end}`", entry.path.display())
            }
            Self::Dirty(_) | Self::Hidden(_) | Self::Submodule(_) => {
                format!("commit or push it, or `moai worktree remove {name} --force`: it can be restored")
            }
            Self::InUse(_) => format!("end them, or `moai worktree remove {name} --force`"),
        }
    }
}

/// What is in the way, without the worktree's name: `it has uncommitted work: 1 modified (src/a.rs)`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("it is the main checkout"),
            Self::Foreign => {
                f.write_str("what stands at its path is not this worktree (its `.git` does not point back)")
            }
            Self::Link => f.write_str("its root is a symbolic link"),
            Self::Mount(path) => write!(f, "another file system is mounted at {}", path.display()),
            Self::Locked(reason) if reason.is_empty() => f.write_str("it is locked"),
            Self::Locked(reason) => write!(f, "it is locked: {reason}"),
            Self::Nested(paths) => write!(f, "other worktrees lie inside it: {}", list(paths)),
            Self::Unreadable(why) => write!(f, "its state cannot be read: {why}"),
            Self::CwdInside => f.write_str("this shell stands in it"),
            Self::Operation(operation) => write!(f, "a {} is not finished in it", operation.as_str()),
            Self::Dirty(changes) => write!(f, "it has uncommitted work: {}", changes.describe()),
            Self::Hidden(paths) => {
                write!(f, "files that git was told to ignore the changes of changed: {}", list(paths))
            }
            Self::Submodule(names) => {
                write!(f, "submodules have commits that no remote has: {}", names.join(", "))
            }
            Self::InUse(who) => {
                let who: Vec<String> = who.iter().map(|one| format!("{} (pid {})", one.name, one.pid)).collect();
                write!(f, "processes work in it: {}", who.join(", "))
            }
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Every reason to keep `entry`, the ones that nothing lifts first. Where what stands at the path is not the
/// worktree, nothing inside is looked at. Beside them the ignored files that nobody can make again.
pub(super) fn refusals(
    repo: &Repo,
    entries: &[Entry],
    entry: &Entry,
) -> Result<(Vec<Refusal>, Vec<PathBuf>), WorktreeError> {
    let mut precious = Vec::new();
    let found = look(repo, entries, entry, &mut precious)?;
    Ok((found, precious))
}

fn look(
    repo: &Repo,
    entries: &[Entry],
    entry: &Entry,
    precious: &mut Vec<PathBuf>,
) -> Result<Vec<Refusal>, WorktreeError> {
    if entry.main {
        return Ok(vec![Refusal::Main]);
    }
    let mut found = Vec::new();
    found.extend(entry.locked.clone().map(Refusal::Locked));
    let Ok(root) = fs::symlink_metadata(written_root(entry)) else {
        // Nothing stands there: nothing can be lost there.
        return Ok(found);
    };
    if root.is_symlink() {
        found.insert(0, Refusal::Link);
        return Ok(found);
    }
    if !owns_its_root(entry) {
        found.insert(0, Refusal::Foreign);
        return Ok(found);
    }
    found.extend(mounts_within(&entry.path).into_iter().next().map(Refusal::Mount));
    let nested: Vec<PathBuf> = entries
        .iter()
        .filter(|other| other.path != entry.path && other.path.starts_with(&entry.path))
        .map(|other| other.path.clone())
        .collect();
    if !nested.is_empty() {
        found.push(Refusal::Nested(nested));
    }
    if stands_inside(repo, &entry.path) && repo.world().env.text("MOAI_CD_FILE").is_none() {
        found.push(Refusal::CwdInside);
    }
    found.extend(work_in(repo, entry, precious)?);
    let living = residents(repo.world(), &entry.path);
    if !living.is_empty() {
        found.push(Refusal::InUse(living));
    }
    Ok(found)
}

/// What would be lost with the files.
fn work_in(repo: &Repo, entry: &Entry, precious: &mut Vec<PathBuf>) -> Result<Vec<Refusal>, WorktreeError> {
    let mut found = Vec::new();
    found.extend(Operation::find(&entry.admin).map(Refusal::Operation));
    let opened = git2::Repository::open(&entry.path).ok();
    match changes(repo.world(), entry, opened.as_ref(), Untracked::Files) {
        Ok(mut changes) => {
            *precious = hidden::precious(std::mem::take(&mut changes.ignored));
            found.extend(Some(changes).filter(|changes| !changes.is_empty()).map(Refusal::Dirty));
        }
        Err(WorktreeError::Interrupted(signal)) => return Err(signal.into()),
        Err(error) => found.push(Refusal::Unreadable(cause(&error))),
    }
    let git = Git::at(repo.world(), &entry.path);
    let hidden = hidden::hidden_changes(&git, entry, opened.as_ref())?;
    if !hidden.is_empty() {
        found.push(Refusal::Hidden(hidden));
    }
    let unpushed = unpushed_submodules(&git, entry);
    if !unpushed.is_empty() {
        found.push(Refusal::Submodule(unpushed));
    }
    Ok(found)
}

/// The error's last cause, which is what git said.
fn cause(error: &WorktreeError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The root as git has it written down, before any link in it is followed.
fn written_root(entry: &Entry) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let written = fs::read(entry.admin.join("gitdir")).unwrap_or_default();
    let path = entry.admin.join(std::ffi::OsStr::from_bytes(written.trim_ascii_end()));
    path.parent().filter(|_| !written.is_empty()).map_or_else(|| entry.path.clone(), Path::to_path_buf)
}

/// Whether our working directory is `root` or below it.
pub(super) fn stands_inside(repo: &Repo, root: &Path) -> bool {
    let Ok(cwd) = repo.world().cwd() else { return false };
    cwd.starts_with(root) || cwd.canonicalize().is_ok_and(|cwd| cwd.starts_with(root))
}

/// The checked-out submodules that hold commits which none of their remotes has. One that cannot be asked counts.
fn unpushed_submodules(git: &Git<'_>, entry: &Entry) -> Vec<String> {
    /// Run by git in each submodule; prints its path where a branch or the checked-out commit is on no remote.
    const ASK: &str = r#"test -z "$(git rev-list --max-count=1 HEAD --branches --not --remotes 2>&1)" || printf '%s\n' "$displaypath""#;
    if !entry.path.join(".gitmodules").exists() && !entry.admin.join("modules").exists() {
        return Vec::new();
    }
    match git.text(&["submodule", "--quiet", "foreach", "--recursive", ASK]) {
        Ok(paths) => paths.lines().filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        Err(error) => vec![cause(&error)],
    }
}
