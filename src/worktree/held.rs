//! Whether somebody has worked in a half-made worktree since its creation was killed: then it is not taken away.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::git::Git;
use super::repo::Repo;
use crate::base::disk::{self, DiskError};

/// The first thing in the worktree at `root` that the creation did not put there, in words; `None` where everything
/// is of `commit`, whole or cut off, or one of `ours` (relative paths that the creation itself writes).
pub(super) fn held_by(
    repo: &Repo,
    root: &Path,
    branch: &str,
    commit: &str,
    ours: &[String],
) -> Result<Option<String>, WorktreeError> {
    if !root.is_dir() {
        return Ok(None);
    }
    if root.join(".git").is_file() {
        let entries = repo.entries()?;
        let head = entries.iter().find(|entry| entry.path == root).and_then(|entry| entry.head.as_deref());
        if head.is_some_and(|head| head != commit) {
            return Ok(Some(format!("{branch} has commits of its own")));
        }
    }
    let paths = match changed(repo, root)? {
        Some(paths) => paths,
        None => all(root)?,
    };
    for path in paths {
        let own = ours.iter().map(Path::new).any(|own| path == own || is_temporary_of(&path, own));
        if !own && !is_part_of(repo, root, &path, commit)? {
            return Ok(Some(format!("{} is not from the commit", path.display())));
        }
    }
    Ok(None)
}

/// Whether `path` is what a killed write of the file `own` leaves.
fn is_temporary_of(path: &Path, own: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    path.parent() == own.parent() && name.starts_with(&disk::unfinished(own))
}

/// What git sees as changed, untracked or ignored; `None` where there is no index to compare with.
fn changed(repo: &Repo, root: &Path) -> Result<Option<BTreeSet<PathBuf>>, WorktreeError> {
    let Ok(admin) = super::repo::gitfile(&root.join(".git")) else { return Ok(None) };
    if !admin.join("index").is_file() || !Git::installed(repo.world()) {
        return Ok(None);
    }
    let args = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored=traditional"];
    let listed = Git::at(repo.world(), root).output(&args)?;
    let mut paths = BTreeSet::new();
    for line in listed.split(|byte| *byte == 0).filter(|line| line.len() > 3) {
        let (state, path) = line.split_at(3);
        if state.get(1) != Some(&b'D') {
            let path = root.join(OsStr::from_bytes(path));
            if path.is_dir() {
                walk(root, &path, &mut paths)?;
            } else {
                paths.insert(path.strip_prefix(root).unwrap_or(&path).to_path_buf());
            }
        }
    }
    Ok(Some(paths))
}

fn all(root: &Path) -> Result<BTreeSet<PathBuf>, WorktreeError> {
    let mut paths = BTreeSet::new();
    walk(root, root, &mut paths)?;
    Ok(paths)
}

fn walk(root: &Path, dir: &Path, paths: &mut BTreeSet<PathBuf>) -> Result<(), WorktreeError> {
    for entry in fs::read_dir(dir).map_err(DiskError::io("read", dir))? {
        let path = entry.map_err(DiskError::io("read", dir))?.path();
        let kind = fs::symlink_metadata(&path).map_err(DiskError::io("look at", &path))?;
        let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        if kind.is_dir() {
            walk(root, &path, paths)?;
        } else if relative != Path::new(".git") {
            paths.insert(relative);
        }
    }
    Ok(())
}

/// Whether the file is the commit's, or the first part of it: what a killed write leaves.
fn is_part_of(repo: &Repo, root: &Path, path: &Path, commit: &str) -> Result<bool, WorktreeError> {
    let full = root.join(path);
    let bytes = match fs::read_link(&full) {
        Ok(target) => target.into_os_string().into_encoded_bytes(),
        // A pipe or a socket; reading it could wait for ever.
        Err(_) if !full.is_file() => return Ok(false),
        Err(_) => fs::read(&full).map_err(DiskError::io("read", &full))?,
    };
    if let Some(git2) = repo.git2() {
        let stored = git2::Oid::from_str(commit)
            .and_then(|oid| git2.find_commit(oid)?.tree()?.get_path(path))
            .and_then(|entry| git2.find_blob(entry.id()));
        return Ok(stored.is_ok_and(|blob| blob.content().starts_with(&bytes)));
    }
    let spec = [commit.as_bytes(), b":", path.as_os_str().as_bytes()].concat();
    let stored = Git::at(repo.world(), repo.common_dir()).run(&[
        OsStr::new("cat-file"),
        OsStr::new("blob"),
        OsStr::from_bytes(&spec),
    ])?;
    Ok(stored.ok() && stored.stdout.starts_with(&bytes))
}
