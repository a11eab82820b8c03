//! Bringing a removed worktree back: its files, its index, its branch; and finishing or taking back a removal that
//! was killed half way.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::admin::{line, move_in};
use super::branch;
use super::entry::{Entry, normal};
use super::error::WorktreeError;
use super::exclude;
use super::git::require_ok;
use super::plan::{require_good_place, settle as settle_path};
use super::remove::{Seal, guard, seal_record};
use super::repo::{Repo, gitfile};
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

/// Brings `record` back to where it stood, or to `to`. Whatever fails or is killed on the way, the same command works
/// again: until git's administrative directory is back, everything in it is written anew by each attempt.
pub fn restore(repo: &Repo, record: &Record, to: Option<&Path>) -> Result<Restored, WorktreeError> {
    let _lock = guard(repo)?;
    let entries = repo.entries()?;
    let path = to.map_or_else(|| record.path.clone(), |to| settle_path(&normal(to)));
    let in_trash = record.tree.as_deref().filter(|tree| tree.is_dir());
    require_whole(repo, record, &path)?;
    if in_trash.is_some() {
        require_free(&path)?;
    }
    require_place(repo, &entries, &path)?;
    let mut back = record.clone();
    back.path.clone_from(&path);
    if back != *record {
        back.save(repo)?;
    }
    let put_back = |error: WorktreeError| {
        if let Some(tree) = in_trash.filter(|tree| fs::symlink_metadata(tree).is_err()) {
            fs::rename(&path, tree).map_err(DiskError::io("put back into the trash", &path))?;
        }
        if back != *record {
            record.save(repo)?;
        }
        Err(error)
    };
    match bring_in(repo, &entries, &back, in_trash) {
        Ok(head) => {
            record.forget(repo)?;
            Ok(Restored { record: record.clone(), path, branch_made: head.made, detached: head.detached })
        }
        Err(error) => put_back(error),
    }
}

/// Moves the tree to the record's path, makes the administrative directory point there, and moves that in.
fn bring_in(repo: &Repo, entries: &[Entry], record: &Record, tree: Option<&Path>) -> Result<Head, WorktreeError> {
    let path = &record.path;
    if let Some(tree) = tree {
        if let Some(parent) = path.parent() {
            disk::create_dirs(parent, Access::Keep)?;
        }
        fs::rename(tree, path).map_err(|error| match error.kind() {
            ErrorKind::CrossesDevices => {
                WorktreeError::refused("other-file-system", format!("{} is on another file system", path.display()))
                    .hint(format!("choose a place on the file system of {}", tree.display()))
            }
            _ => DiskError::io("bring back", path)(error).into(),
        })?;
    }
    let head = restore_branch(repo, entries, record)?;
    let admin_home = free_admin(repo, &record.id);
    point_at(&record.admin(repo), &admin_home, path)?;
    move_in(&record.admin(repo), &admin_home)?;
    Ok(head)
}

/// Everything must be there: git's record of it, and its files, in the trash or (after an attempt that was killed)
/// at the path already.
fn require_whole(repo: &Repo, record: &Record, path: &Path) -> Result<(), WorktreeError> {
    let gone =
        |what: &str| WorktreeError::refused("empty-trash", format!("{what} of {} no longer in the trash", record.name));
    if !record.admin(repo).is_dir() {
        return Err(gone("git's record is"));
    }
    match &record.tree {
        Some(tree) if !tree.is_dir() && !path.join(".git").is_file() => Err(gone("the files are")),
        _ => Ok(()),
    }
}

/// The same places are refused as for a new worktree; inside the main checkout git is made to ignore it.
fn require_place(repo: &Repo, entries: &[Entry], path: &Path) -> Result<(), WorktreeError> {
    if let Some(entry) = entries.iter().find(|entry| entry.path == path) {
        let text = format!("the worktree {} stands at {}", entry.name(), path.display());
        return Err(WorktreeError::refused("path-exists", text).hint(ELSEWHERE));
    }
    let in_main = require_good_place(repo, entries, path)?;
    let line =
        repo.main_root().filter(|_| in_main).and_then(|main| Some((main, path.strip_prefix(main).ok()?.to_str()?)));
    match line {
        Some((main, line)) => exclude::ensure(repo, main, line, None),
        None => Ok(()),
    }
}

const ELSEWHERE: &str = "give another place: `moai worktree restore NAME --to DIR`";

/// The path must be free, or an empty directory.
fn require_free(path: &Path) -> Result<(), WorktreeError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() && fs::read_dir(path).is_ok_and(|mut list| list.next().is_none()) => Ok(()),
        Ok(_) => Err(WorktreeError::refused("path-exists", format!("something else stands at {}", path.display()))
            .hint(ELSEWHERE)),
    }
}

/// Sees to the branch: it must hold the commit that the index was made for, and be nobody else's.
fn restore_branch(repo: &Repo, entries: &[Entry], record: &Record) -> Result<Head, WorktreeError> {
    let (Some(name), Some(head)) = (&record.branch, &record.head) else {
        return Ok(Head { made: false, detached: None });
    };
    let taken = entries.iter().find(|entry| entry.branch.as_deref() == Some(name));
    let mut made = false;
    let detached = match (branch::tip(repo, name), taken) {
        (_, Some(other)) => Some(format!("{name} is checked out at {}", other.path.display())),
        (None, None) => {
            branch::recreate(repo, name, head)?;
            made = true;
            None
        }
        (Some(tip), None) if tip == *head => None,
        (Some(_), None) => Some(format!("{name} moved since")),
    };
    let admin = record.admin(repo);
    if admin.join("reftable").is_dir() {
        point_head(repo, &admin, name, detached.is_some().then_some(head.as_str()))?;
        return Ok(Head { made, detached });
    }
    let file = admin.join("HEAD");
    if detached.is_some() {
        disk::replace(&file, format!("{head}\n").as_bytes(), Access::Keep)?;
    } else if fs::read(&file).is_ok_and(|text| !text.starts_with(b"ref:")) {
        // An attempt that failed had to detach it, and now the branch is free again.
        disk::replace(&file, format!("ref: refs/heads/{name}\n").as_bytes(), Access::Keep)?;
    }
    Ok(Head { made, detached })
}

/// Puts HEAD on a commit, or back on its branch, in a worktree whose refs only git can write: `HEAD` is a stub there.
fn point_head(repo: &Repo, admin: &Path, branch: &str, detached_at: Option<&str>) -> Result<(), WorktreeError> {
    let git = repo.git();
    let run = |args: &[&str]| {
        // In the trash it does not lead to the repository by itself.
        let program = git.program()?.env("GIT_DIR", admin).env("GIT_COMMON_DIR", repo.common_dir());
        let spoken = program.args(args).run()?;
        require_ok(args, &spoken)
    };
    match detached_at {
        Some(commit) => run(&["update-ref", "--no-deref", "-m", "moai: restore", "HEAD", commit]),
        None => run(&["symbolic-ref", "-m", "moai: restore", "HEAD", &format!("refs/heads/{branch}")]),
    }
}

/// A free directory for the administrative files.
fn free_admin(repo: &Repo, id: &str) -> PathBuf {
    let worktrees = repo.common_dir().join("worktrees");
    let free = |name: &str| Some(worktrees.join(name)).filter(|path| fs::symlink_metadata(path).is_err());
    free(id)
        .or_else(|| (2..1000).find_map(|number| free(&format!("{id}-{number}"))))
        .unwrap_or_else(|| worktrees.join(id))
}

/// Makes the two links between the tree at `path` and its administrative directory name each other, where they do
/// not yet.
fn point_at(admin: &Path, admin_home: &Path, path: &Path) -> Result<(), WorktreeError> {
    let dot_git = path.join(".git");
    let written = fs::read(admin.join("gitdir")).unwrap_or_default();
    if normal(&admin_home.join(OsStr::from_bytes(written.trim_ascii_end()))) != dot_git {
        disk::replace(&admin.join("gitdir"), &line(b"", &dot_git), Access::Keep)?;
    }
    if dot_git.is_file() && gitfile(&dot_git).ok().as_deref() != Some(admin_home) {
        disk::replace(&dot_git, &line(b"gitdir: ", admin_home), Access::Keep)?;
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
