//! The checkout that files are copied from, and which of its files may be: those whose place, object and mode are
//! the wanted ones and that are still what git put there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use rustix::fs::Stat;

use super::entry::Entry;
use super::reason::Reason;
use super::repo::Repo;
use super::staged::{self, Directory, Unread};

/// What git remembers of a file to see whether it changed. Times are seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub ctime: (i64, i64),
    pub mtime: (i64, i64),
    pub dev: u64,
    pub ino: u64,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
}

impl Stamp {
    /// Of a file that is there.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the fields differ in width between systems")]
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "sizes and nanoseconds are never negative")]
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            ctime: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            dev: stat.st_dev as u64,
            ino: stat.st_ino as u64,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
        }
    }
}

/// One file of the donor's index.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub path: Box<[u8]>,
    pub oid: [u8; 20],
    pub mode: u32,
    stamp: Stamp,
    /// git itself would trust the stamp: no flag hides changes, and the file is older than the index.
    trusted: bool,
}

impl Held {
    /// The size that the index names, in bytes; `None` where it names none (git writes 0 for a file that it has not
    /// looked at since it was written).
    pub(super) fn size(&self) -> Option<usize> {
        usize::try_from(self.stamp.size).ok().filter(|size| *size > 0)
    }

    /// Whether the file is still what git put there: stricter than git, which may leave out ctime, inode and the
    /// nanoseconds. Nothing but the system's clock can set a ctime, so a file that was written since has another.
    pub(super) fn is_untouched(&self, now: &Stamp) -> bool {
        // The index keeps 32 bits of each number.
        let time = |held: (i64, i64), now: (i64, i64)| held.0 & 0xffff_ffff == now.0 & 0xffff_ffff && held.1 == now.1;
        self.trusted
            && time(self.stamp.ctime, now.ctime)
            && time(self.stamp.mtime, now.mtime)
            && self.stamp.ino == now.ino & 0xffff_ffff
            && self.stamp.size == now.size & 0xffff_ffff
    }
}

/// A checkout to copy from.
#[derive(Debug)]
pub(super) struct Donor {
    pub root: PathBuf,
    /// In the order of the index; conflicted paths are left out.
    pub held: Vec<Held>,
    /// The directories whose tree object the index knows, from the root.
    pub root_directory: Directory,
}

impl Donor {
    /// The best checkout to copy from when `commit` is wanted: the main one; where the repository is bare, or only
    /// another checkout is on that very commit, that one.
    pub(super) fn find(repo: &Repo, entries: &[Entry], commit: Option<&str>) -> Result<Self, Reason> {
        Self::choose(repo, entries, commit).and_then(Self::load)
    }

    /// The checkout that [`find`](Self::find) would load; loading it can then go on beside other work.
    pub(super) fn choose<'e>(repo: &Repo, entries: &'e [Entry], commit: Option<&str>) -> Result<&'e Entry, Reason> {
        let usable = |entry: &&Entry| !entry.bare && entry.prunable.is_none() && entry.admin.join("index").is_file();
        let main = entries.iter().find(|entry| entry.main).filter(usable);
        let exact = || entries.iter().filter(usable).find(|entry| commit.is_some() && entry.head.as_deref() == commit);
        let chosen = match main {
            Some(main) if commit.is_none() || main.head.as_deref() == commit => Some(main),
            main => exact().or(main).or_else(|| entries.iter().find(usable)),
        };
        match chosen {
            Some(entry) if repo.git2().is_some() => Ok(entry),
            _ => Err(Reason::NoDonor),
        }
    }

    /// Reads what the checkout's index says.
    pub(super) fn load(entry: &Entry) -> Result<Self, Reason> {
        let path = &entry.admin.join("index");
        let other = |error: std::io::Error| Reason::Other(error.to_string());
        // The time first: an index that is replaced in between is newer than we take it for, and trusted less.
        let written = fs::metadata(path).map(|meta| (meta.mtime(), meta.mtime_nsec())).map_err(other)?;
        let staging = staged::parse(&fs::read(path).map_err(other)?).map_err(index_reason)?;
        let wide = |(seconds, nanos): (u32, u32)| (i64::from(seconds), i64::from(nanos));
        let held = staging.entries.into_iter().filter(|entry| !entry.conflicted).map(|entry| {
            let mtime = wide(entry.mtime);
            let stamp = Stamp {
                ctime: wide(entry.ctime),
                mtime,
                dev: u64::from(entry.dev),
                ino: u64::from(entry.ino),
                uid: entry.uid,
                gid: entry.gid,
                size: u64::from(entry.size),
            };
            let trusted = !entry.hidden && mtime < written;
            Held { path: entry.path, oid: entry.oid, mode: entry.mode, stamp, trusted }
        });
        Ok(Self { root: entry.path.clone(), held: held.collect(), root_directory: staging.root.unwrap_or_default() })
    }
}

fn index_reason(unread: Unread) -> Reason {
    Reason::Index(match unread {
        Unread::Damaged(_) => "a damaged".to_owned(),
        Unread::Extension(name) => match name.as_str() {
            "sdir" => "a sparse".to_owned(),
            "link" => "a split".to_owned(),
            other => format!("a {other}"),
        },
    })
}
