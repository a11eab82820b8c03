//! Undoing the steps of a creation. Every undo looks first whether the thing is still the one that we made: what
//! somebody else put there since is not ours to delete.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::journal::{self, Step};
use super::registry;
use super::repo::{Repo, gitfile};
use crate::base::disk::{self, Access, DiskError};

/// Undoes all of them, the last first. `journal` is the file they come from: other journals mean that others rely
/// on what is shared. The first failure is returned after all the others have been tried.
pub(super) fn all(repo: &Repo, steps: &[Step], journal: &Path) -> Result<(), WorktreeError> {
    let mut outcome = Ok(());
    let target = steps.iter().find_map(|step| match step {
        Step::Target { path, .. } => Some(PathBuf::from(path)),
        _ => None,
    });
    // Shared files come last: whether somebody relies on them shows when our own worktree is gone.
    let (shared, own): (Vec<&Step>, Vec<&Step>) =
        steps.iter().rev().partition(|step| matches!(step, Step::Edited { .. }));
    for step in own.into_iter().chain(shared) {
        let undone = one(repo, step, target.as_deref(), journal);
        if outcome.is_ok() {
            outcome = undone;
        }
    }
    // git takes the directory away too when the last worktree goes.
    drop(fs::remove_dir(repo.common_dir().join("worktrees")));
    outcome
}

fn one(repo: &Repo, step: &Step, target: Option<&Path>, journal: &Path) -> Result<(), WorktreeError> {
    match step {
        Step::Begin { .. } => Ok(()),
        Step::Parent { path } => {
            // Not empty, or gone: then it is no longer ours alone.
            drop(fs::remove_dir(path));
            Ok(())
        }
        Step::Target { path, existed } => empty_target(repo, Path::new(path), *existed),
        Step::Branch { name, commit } => delete_branch(repo, name, commit),
        Step::Admin { temporary, path } => {
            remove_tree(Path::new(temporary))?;
            match target {
                Some(target) if belongs_to(Path::new(path), target) => remove_tree(Path::new(path)),
                _ => Ok(()),
            }
        }
        Step::Git => target.map_or(Ok(()), |target| remove_admin_of(repo, target)),
        Step::Edited { path, before, after } => restore(repo, Path::new(path), before.as_deref(), after, journal),
        Step::File { path } => Ok(disk::remove(Path::new(path))?),
        Step::Registry { path, project, spec, root } => {
            registry::forget(Path::new(path), project, spec, Path::new(root))
        }
    }
}

/// Takes away what the creation put into the worktree's root, and the root unless it was there before.
fn empty_target(repo: &Repo, path: &Path, existed: bool) -> Result<(), WorktreeError> {
    let dot_git = path.join(".git");
    if let Ok(admin) = gitfile(&dot_git)
        && !admin.starts_with(repo.common_dir().join("worktrees"))
    {
        return Ok(()); // another repository's worktree stands here now
    }
    if dot_git.is_dir() || fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir()) {
        return Ok(());
    }
    if !existed {
        return remove_tree(path);
    }
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DiskError::io("read", path)(error).into()),
    };
    for entry in listing.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path())?;
        } else {
            disk::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a directory with everything in it, following no links; one that is not there is fine.
pub(super) fn remove_tree(path: &Path) -> Result<(), WorktreeError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DiskError::io("remove", path)(error).into()),
        _ => Ok(()),
    }
}

/// Whether this administrative directory is the one of the worktree at `target`.
fn belongs_to(admin: &Path, target: &Path) -> bool {
    fs::read(admin.join("gitdir")).is_ok_and(|bytes| {
        let path = super::entry::normal(&admin.join(OsStr::from_bytes(bytes.trim_ascii_end())));
        path.parent() == Some(target)
    })
}

/// Takes our own lock off the worktree at `target`, which stays.
pub(super) fn unlock(repo: &Repo, target: &Path) -> Result<(), WorktreeError> {
    let Ok(admin) = gitfile(&target.join(".git")) else { return Ok(()) };
    let locked = admin.join("locked");
    let ours = fs::read(&locked).is_ok_and(|text| text.trim_ascii() == super::admin::INITIALIZING.as_bytes());
    if ours && admin.starts_with(repo.common_dir()) {
        disk::remove(&locked)?;
    }
    Ok(())
}

fn remove_admin_of(repo: &Repo, target: &Path) -> Result<(), WorktreeError> {
    let dir = repo.common_dir().join("worktrees");
    let Ok(listing) = fs::read_dir(&dir) else { return Ok(()) };
    for admin in listing.filter_map(Result::ok).map(|entry| entry.path()) {
        if belongs_to(&admin, target) {
            remove_tree(&admin)?;
        }
    }
    Ok(())
}

/// Deletes the branch where it still is where we put it.
fn delete_branch(repo: &Repo, name: &str, commit: &str) -> Result<(), WorktreeError> {
    let full = format!("refs/heads/{name}");
    let Some(git2) = repo.git2() else {
        // Moved or gone: git says so, and it is not ours any more.
        repo.git().run(&["update-ref", "-d", &full, commit])?;
        return Ok(());
    };
    let mut reference = match git2.find_reference(&full) {
        Ok(reference) => reference,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(()),
        Err(error) => return Err(WorktreeError::libgit2("read the branch")(error)),
    };
    if reference.target().is_none_or(|oid| oid.to_string() != commit) {
        return Ok(());
    }
    // libgit2 deletes only where the value is still the one that it read.
    match reference.delete() {
        Err(error) if !matches!(error.code(), git2::ErrorCode::NotFound | git2::ErrorCode::Modified) => {
            Err(WorktreeError::libgit2("delete the branch")(error))
        }
        _ => Ok(()),
    }
}

/// Puts a shared file back, where nobody has changed it since and nobody relies on the change.
fn restore(repo: &Repo, path: &Path, before: Option<&[u8]>, after: &[u8], journal: &Path) -> Result<(), WorktreeError> {
    let now = match fs::read(path) {
        Ok(now) => now,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DiskError::io("read", path)(error).into()),
    };
    let others = fs::read_dir(journal::dir(repo.common_dir()))
        .is_ok_and(|listing| listing.filter_map(Result::ok).any(|entry| entry.path() != journal));
    if now != after || others || relied_on(repo, before.unwrap_or_default(), after)? {
        return Ok(());
    }
    match before {
        None => Ok(disk::remove(path)?),
        Some(before) => Ok(disk::replace(path, before, Access::Keep)?),
    }
}

/// Whether a linked worktree has a file that one of the added lines hides.
fn relied_on(repo: &Repo, before: &[u8], after: &[u8]) -> Result<bool, WorktreeError> {
    let added: Vec<&[u8]> = after.strip_prefix(before).unwrap_or(after).split(|byte| *byte == b'\n').collect();
    let hidden: Vec<&OsStr> = added.iter().filter_map(|line| line.strip_prefix(b"/")).map(OsStr::from_bytes).collect();
    let entries = repo.entries()?;
    let mut linked = entries.iter().filter(|entry| !entry.main);
    Ok(linked.any(|entry| hidden.iter().any(|path| entry.path.join(path).exists())))
}

/// Whether a directory has nothing in it.
pub(super) fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}
