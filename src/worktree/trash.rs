//! The trash: where removed worktrees wait until their days are over, with all that is needed to bring them back.
//!
//! git's administrative directory waits in `<common>/moai/trash/<key>/admin`, beside the record that says what it
//! was. The tree waits on its own file system, because only a rename is whole: in `.trash` of moai's worktree root,
//! else beside the record, else beside where it stood.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::erase::erase;
use super::error::WorktreeError;
use super::repo::Repo;
use super::roots::RECORD;
use crate::base::disk::{self, Access, DiskError};
use crate::base::sort;

/// Why a worktree is in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// `moai worktree remove`.
    Removed,
    /// `moai worktree clean`.
    Cleaned,
    /// `moai worktree done`.
    Done,
}

/// A removed worktree, as its record has it. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The record's version.
    pub version: u32,
    /// Its name in the trash: the id and the time, unique.
    pub key: String,
    /// The name of its directory in git's administrative area.
    pub id: String,
    /// The name that people know it by.
    pub name: String,
    /// Where it stood.
    pub path: PathBuf,
    /// Where its files are now; `None` where it had none any more.
    pub tree: Option<PathBuf>,
    /// The branch it had checked out.
    pub branch: Option<String>,
    /// The commit it was on, in hex.
    pub head: Option<String>,
    /// The branch was deleted at this commit.
    pub branch_deleted: Option<String>,
    /// The ref that keeps its uncommitted work or its commit.
    pub rescue: Option<String>,
    /// Why it is here.
    pub cause: Cause,
    /// Since when.
    pub removed_at: Timestamp,
    /// The settings file with the key is out of the tree. While this is false the next command sees to it.
    pub sealed: bool,
    /// It was set up for GLM, and is so again when it comes back.
    #[serde(default)]
    pub glm: bool,
}

impl Record {
    /// When `moai worktree clean` may delete it for good, where the trash keeps things for `keep`.
    pub fn expires(&self, keep: SignedDuration) -> Timestamp {
        self.removed_at.checked_add(keep).unwrap_or(Timestamp::MAX)
    }

    /// The directory of the record in the trash.
    pub(super) fn dir(&self, repo: &Repo) -> PathBuf {
        trash_dir(repo).join(&self.key)
    }

    /// git's administrative directory in the trash.
    pub(super) fn admin(&self, repo: &Repo) -> PathBuf {
        self.dir(repo).join("admin")
    }

    /// Where git's administrative directory belongs.
    pub(super) fn admin_home(&self, repo: &Repo) -> PathBuf {
        repo.common_dir().join("worktrees").join(&self.id)
    }

    /// Whether git has `path` (relative to its root) in the index of the worktree that lies in the trash.
    pub fn tracks(&self, repo: &Repo, path: &Path) -> bool {
        // An index that libgit2 cannot read tracks everything: then nothing is taken out.
        git2::Index::open(&self.admin(repo).join("index")).map_or(true, |index| index.get_path(path, 0).is_some())
    }

    /// Whether its files left the trash and its git directory did not: a restore was killed in between, and the same
    /// command finishes it.
    pub fn is_half_restored(&self) -> bool {
        self.tree.as_deref().is_some_and(|tree| !tree.is_dir()) && self.path.join(".git").is_file()
    }

    /// Writes the record; only the owner can read it.
    pub(super) fn save(&self, repo: &Repo) -> Result<(), WorktreeError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        Ok(disk::replace(&self.dir(repo).join("record.json"), text.as_bytes(), Access::Private)?)
    }

    /// Drops the record of something that is not in the trash; a tree or an administrative directory that is there
    /// all the same stays, and so does the record.
    pub(super) fn forget(&self, repo: &Repo) -> Result<(), WorktreeError> {
        let dir = self.dir(repo);
        if dir.join("admin").exists() || self.tree.as_deref().is_some_and(|tree| fs::symlink_metadata(tree).is_ok()) {
            return Ok(());
        }
        disk::remove(&dir.join("record.json"))?;
        fs::remove_dir(&dir).map_err(DiskError::io("delete", &dir))?;
        drop(self.tree.as_deref().and_then(Path::parent).filter(|parent| *parent != dir).map(fs::remove_dir));
        Ok(())
    }

    /// Deletes what it holds, for good; the record goes last.
    pub(super) fn purge(&self, repo: &Repo) -> Result<(), WorktreeError> {
        if let Some(tree) = self.tree.as_deref().filter(|tree| is_in_trash(repo, tree)) {
            erase(tree)?;
            // The trash directory of a worktree root goes with its last tree.
            drop(tree.parent().filter(|dir| *dir != trash_dir(repo)).map(fs::remove_dir));
        }
        Ok(erase(&self.dir(repo))?)
    }
}

/// `<common>/moai/trash`.
fn trash_dir(repo: &Repo) -> PathBuf {
    repo.common_dir().join("moai/trash")
}

/// The directory names that hold trashed trees outside of the repository.
const OUTSIDE: [&str; 2] = [".trash", ".moai-trash"];

/// Whether a path from a record is one that we put there: a damaged record must not name what to delete.
fn is_in_trash(repo: &Repo, tree: &Path) -> bool {
    let parent = tree.parent();
    tree.components().all(|part| !matches!(part, std::path::Component::ParentDir))
        && (tree.starts_with(trash_dir(repo))
            || parent.and_then(Path::file_name).is_some_and(|name| OUTSIDE.iter().any(|outside| name == *outside)))
}

/// The removed worktrees, the newest first. A record that cannot be read is left alone and not listed.
pub fn trash(repo: &Repo) -> Result<Vec<Record>, WorktreeError> {
    let dir = trash_dir(repo);
    let listing = match fs::read_dir(&dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DiskError::io("read", &dir)(error).into()),
    };
    let mut records = Vec::new();
    for entry in listing.flatten() {
        let Some(text) = disk::read_text(&entry.path().join("record.json"))? else { continue };
        let record = serde_json::from_str::<Record>(&text).ok();
        records.extend(record.filter(|record| record.version == 1 && entry.file_name() == *record.key));
    }
    sort::by(&mut records, |a, b| b.removed_at.cmp(&a.removed_at).then_with(|| b.key.cmp(&a.key)));
    Ok(records)
}

/// A new place in the trash for `entry`, made and empty, with its record not yet saved. `with_tree` says that what
/// stands at its path is the worktree and comes along.
pub(super) fn reserve(repo: &Repo, entry: &Entry, cause: Cause, with_tree: bool) -> Result<Record, WorktreeError> {
    let id = entry.id.clone().unwrap_or_default();
    let now = repo.world().now();
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let make = |dir: &Path| fs::DirBuilder::new().mode(0o700).create(dir);
    disk::create_dirs(&trash_dir(repo), Access::Private)?;
    let mut key = format!("{id}-{stamp}");
    let mut tree = None;
    for number in 2.. {
        let dir = trash_dir(repo).join(&key);
        if with_tree {
            tree = Some(tree_place(repo, entry, &key)?);
        }
        // A place outside may be shared with other repositories, which give names of their own.
        let occupied = tree.as_deref().is_some_and(|tree| fs::symlink_metadata(tree).is_ok());
        match make(&dir) {
            Ok(()) if !occupied => break,
            Ok(()) => fs::remove_dir(&dir).map_err(DiskError::io("delete", &dir))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(DiskError::io("create", &dir)(error).into()),
        }
        key = format!("{id}-{stamp}-{number}");
    }
    Ok(Record {
        version: 1,
        key,
        id,
        name: entry.name(),
        path: entry.path.clone(),
        tree,
        branch: entry.branch.clone(),
        head: entry.head.clone(),
        branch_deleted: None,
        rescue: None,
        cause,
        removed_at: now,
        sealed: false,
        glm: false,
    })
}

/// Where the tree is renamed to: on the file system that it stands on.
fn tree_place(repo: &Repo, entry: &Entry, key: &str) -> Result<PathBuf, WorktreeError> {
    let parent = entry.path.parent().unwrap_or_else(|| Path::new("/"));
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).map_err(DiskError::io("read", path));
    let ours = parent.join(RECORD).exists();
    if !ours && device(parent)? == device(repo.common_dir())? {
        return Ok(trash_dir(repo).join(key).join("tree"));
    }
    let dir = parent.join(if ours { OUTSIDE[0] } else { OUTSIDE[1] });
    if fs::symlink_metadata(&dir).is_ok_and(|meta| !meta.is_dir()) {
        return Err(WorktreeError::refused("symlink", format!("{} is not a directory", dir.display())));
    }
    disk::create_dirs(&dir, Access::Private)?;
    Ok(dir.join(key))
}
