//! The administrative directory of a new worktree: the files that `git worktree add` writes, built under a temporary
//! name and put in place with one rename, so that nobody (`git worktree prune` above all) ever sees half of it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::error::WorktreeError;
use super::facts::Facts;
use crate::base::disk::DiskError;

/// What is in `locked` while the worktree is being made.
pub(super) const INITIALIZING: &str = "moai: initializing";

/// What goes into the files.
pub(super) struct Admin<'a> {
    pub root: &'a Path,
    pub branch: &'a str,
    /// In hex.
    pub commit: &'a str,
    pub facts: &'a Facts,
    /// Seconds since 1970.
    pub now: i64,
}

impl Admin<'_> {
    /// Writes everything into `temporary` (made here) as it is to be at `place`, then renames it there.
    pub(super) fn build(&self, temporary: &Path, place: &Path) -> Result<(), WorktreeError> {
        let parent = temporary.parent().unwrap_or(temporary);
        fs::create_dir_all(parent).map_err(DiskError::io("create", parent))?;
        for dir in [temporary.to_path_buf(), temporary.join("logs"), temporary.join("refs")] {
            fs::create_dir(&dir).map_err(DiskError::io("create", &dir))?;
        }
        let dot_git = self.root.join(".git");
        let (gitdir, back) = if self.facts.relative {
            (relative(place, &dot_git), relative(self.root, place))
        } else {
            (dot_git.clone(), place.to_path_buf())
        };
        put(&temporary.join("locked"), INITIALIZING.as_bytes())?;
        put(&temporary.join("gitdir"), &line(b"", &gitdir))?;
        put(&temporary.join("commondir"), b"../..\n")?;
        put(&temporary.join("HEAD"), format!("ref: refs/heads/{}\n", self.branch).as_bytes())?;
        put(&temporary.join("ORIG_HEAD"), format!("{}\n", self.commit).as_bytes())?;
        if self.facts.log_head {
            put(&temporary.join("logs/HEAD"), self.log().as_bytes())?;
        }
        move_in(temporary, place)?;
        put(&dot_git, &line(b"gitdir: ", &back))
    }

    /// The two lines that `git worktree add` leaves in the log of HEAD.
    fn log(&self) -> String {
        let Self { commit, now, .. } = self;
        let none = "0".repeat(commit.len());
        let ident = &self.facts.ident;
        format!("{none} {commit} {ident} {now} +0000\n{commit} {commit} {ident} {now} +0000\treset: moving to HEAD\n")
    }
}

/// Renames a whole administrative directory to its place below `worktrees`. git takes that directory away whenever it
/// prunes the last entry in it, so it may go between making it and the rename.
pub(super) fn move_in(from: &Path, place: &Path) -> Result<(), WorktreeError> {
    const TRIES: usize = 100;
    let parent = place.parent().unwrap_or(place);
    for _ in 1..TRIES {
        fs::create_dir_all(parent).map_err(DiskError::io("create", parent))?;
        match rename_new(from, place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && from.exists() => {}
            outcome => return outcome.map_err(|error| DiskError::io("create", place)(error).into()),
        }
    }
    Ok(rename_new(from, place).map_err(DiskError::io("create", place))?)
}

/// Renames where nothing is yet. A plain rename would take the place of an empty directory, which is what a git that
/// makes a worktree of the same name at this moment has there.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A file system that does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            outcome => return Ok(outcome?),
        }
    }
    if to.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

pub(super) fn line(prefix: &[u8], path: &Path) -> Vec<u8> {
    [prefix, path.as_os_str().as_bytes(), b"\n"].concat()
}

/// A new file with the permissions that git gives its own.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), WorktreeError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| DiskError::io("write", path)(error).into())
}

/// `to` as seen from the directory `from`; both absolute.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let mut from = from.components().peekable();
    let mut to = to.components().peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    from.map(|_| Component::ParentDir).chain(to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_climb_and_descend() {
        let path = relative(Path::new("/a/r/.git/worktrees/x"), Path::new("/a/w/x/.git"));
        assert_eq!(path, Path::new("../../../../w/x/.git"));
        assert_eq!(relative(Path::new("/a"), Path::new("/a/b")), Path::new("b"));
    }
}
