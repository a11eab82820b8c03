//! Bringing a removed worktree back: its files, its index, its branch; and finishing or taking back a removal that
//! was killed half way.

use std::fs;
use std::path::{Path, PathBuf};

use super::admin::{line, move_in};
use super::branch;
use super::entry::Entry;
use super::error::WorktreeError;
use super::remove::{Seal, guard, seal_record};
use super::repo::Repo;
use super::trash::{Record, trash};
use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::Failure;

/// A worktree that is back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What its record was.
    pub record: Record,
    /// Where it stands.
    pub path: PathBuf,
    /// Its branch was made again.
    pub branch_made: bool,
    /// Why it is on a commit instead of its branch.
    pub detached: Option<String>,
}

/// What became of the branch.
struct Head {
    made: bool,
    detached: Option<String>,
}

/// Brings `record` back to where it stood, or to `to`.
pub fn restore(repo: &Repo, record: &Record, to: Option<&Path>) -> Result<Restored, WorktreeError> {
    let _lock = guard(repo)?;
    let entries = repo.entries()?;
    let path = to.unwrap_or(&record.path).to_path_buf();
    let in_trash = record.tree.as_deref().filter(|tree| tree.is_dir());
    if in_trash.is_some() {
        require_free(&path)?;
    } else if record.tree.is_some() && !path.join(".git").is_file() {
        return Err(WorktreeError::refused(
            "empty-trash",
            format!("the files of {} are no longer in the trash", record.name),
        ));
    }
    if !record.admin(repo).is_dir() {
        return Err(WorktreeError::refused(
            "empty-trash",
            format!("git's record of {} is no longer in the trash", record.name),
        ));
    }
    let head = restore_branch(repo, &entries, record)?;
    let admin_home = free_admin(repo, &record.id);
    point_at(&record.admin(repo), &admin_home, in_trash, &path, record)?;
    if let Some(tree) = in_trash {
        if let Some(parent) = path.parent() {
            disk::create_dirs(parent, Access::Keep)?;
        }
        fs::rename(tree, &path).map_err(DiskError::io("bring back", &path))?;
    }
    if let Err(error) = move_in(&record.admin(repo), &admin_home) {
        if let Some(tree) = in_trash {
            fs::rename(&path, tree).map_err(DiskError::io("put back into the trash", &path))?;
        }
        return Err(error);
    }
    record.forget(repo)?;
    Ok(Restored { record: record.clone(), path, branch_made: head.made, detached: head.detached })
}

/// The path must be free, or an empty directory.
fn require_free(path: &Path) -> Result<(), WorktreeError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() && fs::read_dir(path).is_ok_and(|mut list| list.next().is_none()) => Ok(()),
        Ok(_) => Err(WorktreeError::refused("path-exists", format!("something else stands at {}", path.display()))
            .hint("give another place: `moai worktree restore NAME --to DIR`")),
    }
}

/// Sees to the branch: it must hold the commit that the index was made for, and be nobody else's.
fn restore_branch(repo: &Repo, entries: &[Entry], record: &Record) -> Result<Head, WorktreeError> {
    let (Some(name), Some(head)) = (&record.branch, &record.head) else {
        return Ok(Head { made: false, detached: None });
    };
    let taken = entries.iter().find(|entry| entry.branch.as_deref() == Some(name));
    let detached = match (branch::tip(repo, name), taken) {
        (_, Some(other)) => Some(format!("{name} is checked out at {}", other.path.display())),
        (None, None) => {
            branch::recreate(repo, name, head)?;
            return Ok(Head { made: true, detached: None });
        }
        (Some(tip), None) if tip == *head => None,
        (Some(_), None) => Some(format!("{name} moved since")),
    };
    if detached.is_some() {
        disk::replace(&record.admin(repo).join("HEAD"), format!("{head}\n").as_bytes(), Access::Keep)?;
    }
    Ok(Head { made: false, detached })
}

/// A free directory for the administrative files.
fn free_admin(repo: &Repo, id: &str) -> PathBuf {
    let worktrees = repo.common_dir().join("worktrees");
    let free = |name: &str| Some(worktrees.join(name)).filter(|path| fs::symlink_metadata(path).is_err());
    free(id)
        .or_else(|| (2..1000).find_map(|number| free(&format!("{id}-{number}"))))
        .unwrap_or_else(|| worktrees.join(id))
}

/// Rewrites the two links between the tree and its administrative directory, where either comes to another place.
fn point_at(
    admin: &Path,
    admin_home: &Path,
    tree: Option<&Path>,
    path: &Path,
    record: &Record,
) -> Result<(), WorktreeError> {
    if path != record.path {
        disk::replace(&admin.join("gitdir"), &line(b"", &path.join(".git")), Access::Keep)?;
    }
    let same_name = admin_home.file_name().is_some_and(|name| name == record.id.as_str());
    if let Some(tree) = tree.filter(|_| path != record.path || !same_name) {
        disk::replace(&tree.join(".git"), &line(b"gitdir: ", admin_home), Access::Keep)?;
    }
    Ok(())
}

/// Sees to removals that were killed half way: what was only begun is taken back, what was nearly done is sealed.
/// Returns the names of those that it took back.
pub fn settle(repo: &Repo, seal: Seal<'_>) -> Result<Vec<String>, Failure> {
    let unsettled = |record: &Record| !record.sealed || !record.admin(repo).is_dir();
    if !trash(repo)?.iter().any(unsettled) {
        return Ok(Vec::new());
    }
    let _lock = guard(repo)?;
    let mut back = Vec::new();
    for mut record in trash(repo)?.into_iter().filter(unsettled) {
        if record.admin(repo).is_dir() {
            seal_record(repo, &mut record, seal)?;
            continue;
        }
        let in_trash = record.tree.as_deref().filter(|tree| tree.is_dir());
        match in_trash {
            Some(tree) if record.admin_home(repo).is_dir() && fs::symlink_metadata(&record.path).is_err() => {
                fs::rename(tree, &record.path).map_err(DiskError::io("bring back", &record.path))?;
                record.forget(repo)?;
                back.push(record.name);
            }
            Some(_) => {}
            None => record.forget(repo)?,
        }
    }
    Ok(back)
}
