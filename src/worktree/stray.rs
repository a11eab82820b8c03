//! Worktrees that git has lost sight of: moved directories, a moved repository, and directories whose administrative
//! files were pruned. Found among the neighbours of the known worktrees; mended without touching a file of the user.

use std::fs;
use std::path::{Path, PathBuf};

use super::admin::{line, move_in};
use super::branch::tip;
use super::entry::Entry;
use super::error::WorktreeError;
use super::find::owns_its_root;
use super::git::Git;
use super::remove::guard;
use super::repo::{Repo, gitfile};
use crate::base::disk::{self, Access, DiskError};
use crate::base::sort;

/// How a worktree got lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stray {
    /// The directory was moved from `from`.
    Moved {
        /// Where git looks for it.
        from: PathBuf,
        /// Its administrative directory.
        admin: PathBuf,
    },
    /// The repository was moved, and the directory points to where it was.
    RepositoryMoved {
        /// Its administrative directory.
        admin: PathBuf,
    },
    /// git's administrative files are gone; this branch belongs to it and is free.
    Forgotten {
        /// The branch.
        branch: String,
    },
    /// git's administrative files are gone, and nobody knows which branch it was on.
    Unknown,
    /// It is a copy of a worktree that still stands where it was.
    Copy {
        /// The original.
        of: PathBuf,
    },
}

/// The stray worktrees of this repository beside the known ones and at `places`.
pub fn strays(repo: &Repo, entries: &[Entry], places: &[PathBuf]) -> Vec<(PathBuf, Stray)> {
    let known = entries.iter().filter(|entry| !entry.main);
    let mut candidates = sort::set(places.iter().cloned());
    for parent in known.filter_map(|entry| entry.path.parent()) {
        let listing = fs::read_dir(parent).into_iter().flatten().flatten();
        candidates.extend(listing.map(|child| child.path()));
    }
    candidates.into_iter().filter_map(|path| judge(repo, entries, &path).map(|stray| (path, stray))).collect()
}

fn judge(repo: &Repo, entries: &[Entry], path: &Path) -> Option<Stray> {
    let dot_git = path.join(".git");
    if !fs::symlink_metadata(&dot_git).is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let path = path.canonicalize().ok()?;
    let target = gitfile(&dot_git).ok()?;
    let (id, inside) = (target.file_name()?, target.parent()?);
    let here = inside
        .canonicalize()
        .is_ok_and(|dir| Some(dir.as_path()) == repo.common_dir().join("worktrees").canonicalize().ok().as_deref());
    let admin = repo.common_dir().join("worktrees").join(id);
    let owner = entries.iter().find(|entry| entry.admin == admin);
    if !here && !inside.exists() {
        // It points to a place that is gone: ours, if its entry says that it stands exactly here.
        let owner = owner.filter(|entry| entry.path == path)?;
        return Some(Stray::RepositoryMoved { admin: owner.admin.clone() });
    }
    // The directory of all worktrees goes with the last of them, so it may be missing while the repository is not.
    if !here && inside != repo.common_dir().join("worktrees") {
        return None;
    }
    match owner {
        Some(owner) if owner.path == path => None,
        Some(owner) if owns_its_root(owner) => Some(Stray::Copy { of: owner.path.clone() }),
        Some(owner) => Some(Stray::Moved { from: owner.path.clone(), admin: owner.admin.clone() }),
        None => Some(free_branch(repo, entries, &path).map_or(Stray::Unknown, |branch| Stray::Forgotten { branch })),
    }
}

/// The branch that a directory of this name usually has, where it exists and is checked out nowhere.
fn free_branch(repo: &Repo, entries: &[Entry], path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    [format!("feature/{name}"), name.to_owned()].into_iter().find(|branch| {
        tip(repo, branch).is_some() && !entries.iter().any(|entry| entry.branch.as_deref() == Some(branch))
    })
}

/// Mends one; only links and git's own files are written.
pub fn mend(repo: &Repo, path: &Path, stray: &Stray) -> Result<(), WorktreeError> {
    let _lock = guard(repo)?;
    let path = path.canonicalize().map_err(DiskError::io("find", path))?;
    match stray {
        Stray::Moved { admin, .. } => {
            disk::replace(&admin.join("gitdir"), &line(b"", &path.join(".git")), Access::Keep)?;
        }
        Stray::RepositoryMoved { admin } => {
            disk::replace(&path.join(".git"), &line(b"gitdir: ", admin), Access::Keep)?;
        }
        Stray::Forgotten { branch } => register(repo, &path, branch)?,
        Stray::Unknown | Stray::Copy { .. } => {}
    }
    Ok(())
}

/// Makes the administrative directory again, whole, and lets git build the index from the branch: the files stay as
/// they are, and what differs shows as a change.
fn register(repo: &Repo, path: &Path, branch: &str) -> Result<(), WorktreeError> {
    let target = gitfile(&path.join(".git"))?;
    let worktrees = repo.common_dir().join("worktrees");
    let id = target.file_name().unwrap_or_default();
    let home = worktrees.join(id);
    let moai = repo.common_dir().join("moai");
    disk::create_dirs(&moai, Access::Private)?;
    let fail = |error| DiskError::io("create", &home)(error);
    let temp = tempfile::Builder::new().prefix("tmp-").tempdir_in(&moai).map_err(fail)?;
    let put = |name: &str, content: &[u8]| disk::replace(&temp.path().join(name), content, Access::Keep);
    put("HEAD", format!("ref: refs/heads/{branch}\n").as_bytes())?;
    put("commondir", b"../..\n")?;
    put("gitdir", &line(b"", &path.join(".git")))?;
    fs::set_permissions(temp.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(fail)?;
    move_in(temp.path(), &home)?;
    drop(temp.keep());
    Git::at(repo.world(), path).output(&["reset", "--quiet", "--mixed"]).map(drop).inspect_err(|_failed| {
        // Nothing was there before, and only these files were made.
        drop(super::erase::erase(&home));
    })
}
