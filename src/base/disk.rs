//! Careful files: whole or untouched, private where they hold secrets, locked where two may write.
//!
//! A write goes to a temporary file in the same directory, is flushed to the disk and renamed over the target, so
//! a reader or a power cut sees the old bytes or the new ones. A symlink stays a symlink: its target is replaced.
//! `.clippy.toml` bans `std::fs::write` and its kin everywhere else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::{Explain, Kind};
use super::interrupt::{Interrupt, Interrupted};

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only the owner (0600), even where the file had a wider mode before.
    Private,
    /// The mode that the file has; 0644 for a new one.
    Keep,
}

/// A file operation that failed: what we did, to which path, and the system's reason as the source.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`, `lock`, …
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not text.
    #[error("{} is not UTF-8 text (byte {offset})", path.display())]
    NotText {
        /// Where.
        path: PathBuf,
        /// The first byte that is not UTF-8, from 0.
        offset: usize,
    },
    /// Somebody else holds the lock for longer than we wait.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The person stopped us while we waited for a lock.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl DiskError {
    /// Wraps a system error with what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

impl Explain for DiskError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotText { .. } => Kind::Config,
            Self::Io { .. } | Self::Locked { .. } => Kind::Expected,
            Self::Interrupted(interrupted) => interrupted.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { path, source, .. } => match source.kind() {
                ErrorKind::PermissionDenied => {
                    vec![format!("check who owns it: `ls -ld {}`", path.parent().unwrap_or(path).display())]
                }
                ErrorKind::ReadOnlyFilesystem => vec!["the file system is read-only; nothing was changed".into()],
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    vec!["free some space and run the same command again; nothing was changed".into()]
                }
                _ => Vec::new(),
            },
            Self::NotText { path, .. } => vec![format!("convert {} to UTF-8; nothing was changed", path.display())],
            Self::Locked { .. } => vec!["wait for the other moai to finish and run the same command again".into()],
            Self::Interrupted(_) => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Io { source, .. } => match source.kind() {
                ErrorKind::PermissionDenied => "permission-denied",
                ErrorKind::ReadOnlyFilesystem => "read-only",
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "disk-full",
                _ => "disk",
            },
            Self::NotText { .. } => "not-text",
            Self::Locked { .. } => "busy",
            Self::Interrupted(_) => "interrupted",
        })
    }
}

/// The file's text, `None` where there is no such file. Bytes are kept as they are (BOM and CRLF too).
pub fn read_text(path: &Path) -> Result<Option<String>, DiskError> {
    // Opening a pipe would wait for its writer for ever.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir() && !meta.file_type().is_char_device()) {
        return Err(DiskError::io("read", path)(io::Error::other("it is a pipe or a socket, not a file")));
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // `a/b` where `a` is a file: there is no such file either.
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(DiskError::io("read", path)(error)),
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| DiskError::NotText { path: path.to_path_buf(), offset: error.utf8_error().valid_up_to() })
}

/// Replaces the file's content in one step, making parent directories as needed (0700 below a private file).
pub fn replace(path: &Path, content: &[u8], access: Access) -> Result<(), DiskError> {
    put(path, content, access, true)
}

/// The same without waiting for the disk: after a power cut the file may be the old one, or empty on some file
/// systems. For what can be made again from elsewhere, written just after thousands of files, where waiting is dear.
pub fn replace_unsynced(path: &Path, content: &[u8], access: Access) -> Result<(), DiskError> {
    put(path, content, access, false)
}

fn put(path: &Path, content: &[u8], access: Access, sync: bool) -> Result<(), DiskError> {
    let target = follow(path)?;
    // A rename would put a plain file in the place of a device: of /dev/null, for one who may.
    if fs::metadata(&target).is_ok_and(|meta| !meta.is_file()) {
        return Err(DiskError::io("replace", &target)(io::Error::other("it is not a plain file")));
    }
    let parent = target.parent().unwrap_or_else(|| Path::new("/"));
    create_dirs(parent, access)?;
    let mode = match access {
        Access::Private => 0o600,
        Access::Keep => fs::metadata(&target).map_or(0o644, |old| old.permissions().mode() & 0o7777),
    };
    let fail = |error| DiskError::io("write", &target)(error);
    let mut temp = tempfile::Builder::new()
        .prefix(&unfinished(&target))
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(parent)
        .map_err(fail)?;
    temp.write_all(content).map_err(fail)?;
    // `permissions` above is subject to the umask; the mode of a replaced file is not.
    temp.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(fail)?;
    if sync {
        temp.as_file().sync_all().map_err(fail)?;
    }
    temp.persist(&target).map_err(|error| fail(error.error))?;
    if sync {
        sync_dir(parent);
    }
    Ok(())
}

/// Whether what is at `path` is written into and not replaced: a device, a pipe, something that is open
/// (`/dev/fd/3`).
pub fn is_stream(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|system| path.starts_with(system))
        || fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes into what is at `path`, behind what is there; see [`is_stream`]. A pipe is waited for until somebody reads.
pub fn pour(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let stream = OpenOptions::new().append(true).open(path);
    stream.and_then(|mut stream| stream.write_all(content)).map_err(DiskError::io("write", path))
}

/// The names of the unfinished files of all writes, as a pattern of git's.
pub const UNFINISHED: &str = ".moai-*";

/// How the names of the unfinished files of a write to `target` begin.
pub fn unfinished(target: &Path) -> String {
    format!(".moai-{}-", target.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what writes of this file left beside it when they were killed: it may hold a secret. For callers who hold
/// the lock that every writer of the file takes.
pub fn sweep(path: &Path) -> Result<(), DiskError> {
    let target = follow(path)?;
    let prefix = unfinished(&target);
    let Some(Ok(entries)) = target.parent().map(fs::read_dir) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Deletes the file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DiskError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes a directory and its parents; new ones are 0700 for private content, else 0755.
pub fn create_dirs(path: &Path, access: Access) -> Result<(), DiskError> {
    let mode = if access == Access::Private { 0o700 } else { 0o755 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(DiskError::io("create", path))
}

/// Where writing to `path` really lands: symlinks are followed, also to a target that does not exist yet.
pub fn follow(path: &Path) -> Result<PathBuf, DiskError> {
    let mut target = path.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(link) => target = target.parent().unwrap_or_else(|| Path::new("/")).join(link),
            Err(_) => return Ok(target),
        }
    }
    Err(DiskError::Io { action: "follow", path: path.to_path_buf(), source: rustix::io::Errno::LOOP.into() })
}

/// Flushes a rename to the disk. A file system that cannot flush directories still renamed in one step.
fn sync_dir(path: &Path) {
    if let Ok(dir) = File::open(path) {
        drop(dir.sync_all());
    }
}

/// An exclusive advisory lock, released on drop. The lock file stays: deleting it would race with its other users.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A lock whose file goes with it: for names that come and go. All users of the file have to take it like this.
#[derive(Debug)]
pub struct PassingLock {
    path: PathBuf,
    _lock: Lock,
}

impl Lock {
    /// Takes the lock at `path`, waiting up to `patience`; `waiting` is called once when it has to wait at all.
    pub fn take(path: &Path, patience: Duration, waiting: impl FnOnce()) -> Result<Self, DiskError> {
        Self::take_unless(path, patience, waiting, || Ok(()))
    }

    /// The same; `check` is asked at every step of the wait, and ends it by failing.
    fn take_unless(
        path: &Path,
        patience: Duration,
        waiting: impl FnOnce(),
        check: impl Fn() -> Result<(), Interrupted>,
    ) -> Result<Self, DiskError> {
        const STEP: Duration = Duration::from_millis(20);
        if let Some(parent) = path.parent() {
            create_dirs(parent, Access::Private)?;
        }
        let fail = |error| DiskError::io("lock", path)(error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(fail)?;
        let mut waiting = Some(waiting);
        let mut left = patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(fs::TryLockError::WouldBlock) if left.is_zero() => {
                    return Err(DiskError::Locked { path: path.to_path_buf() });
                }
                Err(fs::TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    check()?;
                    std::thread::sleep(STEP.min(left));
                    left = left.saturating_sub(STEP);
                }
                Err(fs::TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
    }

    /// Whether `path` still names the file that is locked: who held it before may have taken it away.
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let same = |ours: fs::Metadata, there: fs::Metadata| (ours.dev(), ours.ino()) == (there.dev(), there.ino());
        self.file.metadata().ok().zip(fs::metadata(path).ok()).is_some_and(|(ours, there)| same(ours, there))
    }
}

impl PassingLock {
    /// Takes the lock at `path` as [`Lock::take`] does, and removes the file when it is dropped. Ctrl-C ends the wait
    /// where somebody listens for it.
    pub fn take(
        path: &Path,
        patience: Duration,
        interrupt: &Interrupt,
        waiting: impl FnOnce(),
    ) -> Result<Self, DiskError> {
        let mut waiting = Some(waiting);
        loop {
            let told = || {
                if let Some(waiting) = waiting.take() {
                    waiting();
                }
            };
            let lock = Lock::take_unless(path, patience, told, || interrupt.check())?;
            if lock.is_at(path) {
                return Ok(Self { path: path.to_path_buf(), _lock: lock });
            }
        }
    }
}

impl Drop for PassingLock {
    fn drop(&mut self) {
        // While it is still locked, so that nobody else's file is removed. What cannot be removed does no harm.
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_private_file_is_0600_even_where_it_was_wider() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/key");
        replace(&path, b"one", Access::Keep).unwrap();
        assert_eq!(mode(&path), 0o644);
        replace(&path, b"two", Access::Private).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read_text(&path).unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn what_a_killed_write_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        replace(&path, b"whole", Access::Private).unwrap();
        for name in [".moai-key-AbCdEf", ".moai-other-AbCdEf", ".moai-root"] {
            fs::write(dir.path().join(name), b"half").unwrap();
        }
        sweep(&path).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".moai-other-AbCdEf", ".moai-root", "key"]);
        sweep(&dir.path().join("none/key")).unwrap();
    }

    #[test]
    fn a_pipe_and_a_device_are_written_into_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let refused = replace(&pipe, b"x", Access::Keep);
        assert!(matches!(refused, Err(DiskError::Io { action: "replace", .. })), "{refused:?}");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(is_stream(&pipe) && is_stream(Path::new("/dev/null")) && !is_stream(dir.path()));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        pour(&pipe, b"poured").unwrap();
        assert_eq!(reader.join().unwrap(), b"poured");
        pour(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_symlink_stays_and_its_target_changes() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        replace(&link, b"through", Access::Keep).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"through");
    }

    #[test]
    fn a_second_taker_is_told_and_then_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::take(&path, Duration::ZERO, || {}).unwrap();
        let mut told = false;
        let refused = Lock::take(&path, Duration::from_millis(40), || told = true);
        assert!(matches!(refused, Err(DiskError::Locked { .. })));
        assert!(told);
        drop(held);
        Lock::take(&path, Duration::ZERO, || {}).unwrap();
    }

    #[test]
    fn a_passing_lock_takes_its_file_along_and_still_excludes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turns/one.lock");
        let inside = std::sync::Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _turn =
                            PassingLock::take(&path, Duration::from_secs(60), &Interrupt::default(), || {}).unwrap();
                        let alone = inside.try_lock().expect("two at once");
                        std::thread::yield_now();
                        drop(alone);
                    }
                });
            }
        });
        assert!(!path.exists());
        let held = PassingLock::take(&path, Duration::ZERO, &Interrupt::default(), || {}).unwrap();
        assert!(matches!(
            PassingLock::take(&path, Duration::ZERO, &Interrupt::default(), || {}),
            Err(DiskError::Locked { .. })
        ));
        drop(held);
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(matches!(read_text(&path), Err(DiskError::Io { action: "read", .. })));
    }

    #[test]
    fn what_is_no_plain_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), dir.path()] {
            let refused = replace(path, b"x", Access::Keep).unwrap_err();
            assert!(matches!(refused, DiskError::Io { action: "replace", .. }), "{refused:?}");
        }
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_file_that_is_not_text_is_named_with_the_offset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latin1");
        fs::write(&path, b"ab\xffcd").unwrap();
        assert!(matches!(read_text(&path), Err(DiskError::NotText { offset: 2, .. })));
        assert_eq!(read_text(&dir.path().join("none")).unwrap(), None);
    }
}
