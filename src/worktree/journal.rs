//! What a running creation is about to do, written down before it does it, so that a failure, Ctrl-C or a kill can
//! be undone: at once by ourselves, or by the next command.
//!
//! A journal is a file of JSON lines in `<common>/moai/journal`, locked for as long as its process lives: a journal
//! whose lock is free belongs to a dead process. Deleting it is the commit.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::WorktreeError;
use super::held::held_by;
use super::repo::Repo;
use super::undo;
use crate::base::disk::{self, Access, DiskError, Lock};

/// One thing that is about to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Step {
    /// A worktree is going to be made here; nothing is done yet.
    Begin { path: OsString, branch: String, commit: String, ours: Vec<String> },
    /// A directory that is not there yet: a parent of the worktree.
    Parent { path: OsString },
    /// The worktree's root; `existed` when it was there and empty.
    Target { path: OsString, existed: bool },
    /// A new branch on this commit.
    Branch { name: String, commit: String },
    /// The administrative directory, first under its temporary name.
    Admin { temporary: OsString, path: OsString },
    /// `git worktree add` makes the administrative directory.
    Git,
    /// A changed file and its content before and after; `None` before where there was none.
    Edited { path: OsString, before: Option<Vec<u8>>, after: Vec<u8> },
    /// A new file of ours.
    File { path: OsString },
    /// An entry of the registry.
    Registry { path: OsString, project: String, spec: String, root: OsString },
}

/// The journal of one creation.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    steps: Vec<Step>,
    /// Where the last step begins in the file.
    last: u64,
}

/// A creation that was killed, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undone {
    /// Where the worktree would have been that was undone.
    pub path: Option<PathBuf>,
    /// The worktree that was kept instead, and why: somebody has worked in it since.
    pub kept: Option<(PathBuf, String)>,
}

/// Where the journals are.
pub(super) fn dir(common: &Path) -> PathBuf {
    common.join("moai/journal")
}

/// Takes the lock that guards names, branches, journals and `info/exclude`.
pub(super) fn lock(repo: &Repo, waiting: impl FnOnce()) -> Result<Lock, WorktreeError> {
    let path = repo.common_dir().join("moai/lock");
    share(repo.common_dir(), &path)?;
    let lock = Lock::take(&path, Duration::from_secs(60), waiting)?;
    repo.note_main();
    Ok(lock)
}

/// In a repository that a group may write to, the group must be able to take the lock too.
fn share(common: &Path, lock: &Path) -> Result<(), WorktreeError> {
    let mode = fs::metadata(common).map_err(DiskError::io("look at", common))?.permissions().mode();
    if mode & 0o020 == 0 || lock.exists() {
        return Ok(());
    }
    for path in [lock.parent().unwrap_or(common), &dir(common)] {
        disk::create_dirs(path, Access::Keep)?;
        fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)).map_err(DiskError::io("share", path))?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock);
    file.and_then(|file| file.set_permissions(Permissions::from_mode(mode & 0o666)))
        .map_err(|error| DiskError::io("share", lock)(error).into())
}

impl Journal {
    /// A new one; the caller holds the lock.
    pub(super) fn start(common: &Path, id: &str, begin: Step) -> Result<Self, WorktreeError> {
        let dir = dir(common);
        disk::create_dirs(&dir, Access::Private)?;
        let path = dir.join(format!("{id}-{}.json", std::process::id()));
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(DiskError::io("create", &path))?;
        file.try_lock().map_err(|_held| DiskError::Locked { path: path.clone() })?;
        let mut journal = Self { path, file, steps: Vec::new(), last: 0 };
        journal.will(begin)?;
        Ok(journal)
    }

    /// Writes down what is going to be done next.
    pub(super) fn will(&mut self, step: Step) -> Result<(), WorktreeError> {
        let fail = |error: std::io::Error| WorktreeError::from(DiskError::io("write", &self.path)(error));
        let mut line = serde_json::to_vec(&step).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        self.last = self.file.stream_position().map_err(fail)?;
        self.file.write_all(&line).map_err(fail)?;
        self.steps.push(step);
        Ok(())
    }

    /// The last step was not done, because somebody else had done the same a moment before: undoing it would take away
    /// what is theirs.
    pub(super) fn wont(&mut self) -> Result<(), WorktreeError> {
        let fail = |error: std::io::Error| WorktreeError::from(DiskError::io("write", &self.path)(error));
        self.file.set_len(self.last).map_err(fail)?;
        self.file.seek(SeekFrom::Start(self.last)).map_err(fail)?;
        self.steps.pop();
        Ok(())
    }

    /// It is done: nothing is to be undone any more.
    pub(super) fn commit(self) -> Result<(), WorktreeError> {
        Ok(disk::remove(&self.path)?)
    }

    /// Undoes every step, the last first. What could not be undone stays in the journal for the next command.
    pub(super) fn undo(self, repo: &Repo) -> Result<(), WorktreeError> {
        undo::all(repo, &self.steps, &self.path)?;
        self.commit()
    }
}

/// How many creations were killed and are not undone yet.
pub fn interrupted(repo: &Repo) -> usize {
    let journals = fs::read_dir(dir(repo.common_dir())).into_iter().flatten().filter_map(Result::ok);
    let dead = |path: &Path| {
        let file = OpenOptions::new().read(true).write(true).open(path);
        file.is_ok_and(|file| file.try_lock().is_ok())
    };
    journals.filter(|entry| dead(&entry.path())).count()
}

/// Undoes what killed processes left half done. The common case, nothing to do, costs one look at a directory.
pub fn recover_interrupted(repo: &Repo) -> Result<Vec<Undone>, WorktreeError> {
    let dir = dir(repo.common_dir());
    let some = fs::read_dir(&dir).is_ok_and(|mut listing| listing.next().is_some());
    if !some {
        return Ok(Vec::new());
    }
    let _lock = lock(repo, || {})?;
    let mut undone = Vec::new();
    let listing = match fs::read_dir(&dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(undone),
        Err(error) => return Err(DiskError::io("read", &dir)(error).into()),
    };
    for path in listing.filter_map(Result::ok).map(|entry| entry.path()) {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_err() {
            continue; // its process lives
        }
        undone.push(take_back(repo, &path)?);
    }
    Ok(undone)
}

/// Undoes one journal, or keeps its worktree where somebody has worked in it.
fn take_back(repo: &Repo, journal: &Path) -> Result<Undone, WorktreeError> {
    let steps = load(journal)?;
    let mut told = Undone::default();
    if let Some(Step::Begin { path, branch, commit, ours }) = steps.first() {
        let root = PathBuf::from(path);
        if steps.iter().any(|step| matches!(step, Step::Target { .. }))
            && let Some(why) = held_by(repo, &root, branch, commit, ours)?
        {
            undo::unlock(repo, &root)?;
            disk::remove(journal)?;
            return Ok(Undone { path: None, kept: Some((root, why)) });
        }
        told.path = Some(root);
    }
    undo::all(repo, &steps, journal)?;
    disk::remove(journal)?;
    Ok(told)
}

/// The steps of a journal. A last line that was cut off had not been acted on.
fn load(path: &Path) -> Result<Vec<Step>, WorktreeError> {
    let bytes = fs::read(path).map_err(DiskError::io("read", path))?;
    let mut steps = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let step =
            serde_json::from_slice(line).map_err(|_text| WorktreeError::Malformed { path: path.to_path_buf() })?;
        steps.push(step);
    }
    Ok(steps)
}
