//! The checkout that files are copied from, and which of its files may be: those whose place, object and mode are
//! the wanted ones and that are still what git put there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use git2::Index;
use rustix::fs::Stat;

use super::entry::Entry;
use super::reason::Reason;
use super::repo::Repo;

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

    /// Whether the file is still what git put there: stricter than git, which may leave out ctime and inode.
    pub(super) fn is_untouched(&self, now: &Stamp) -> bool {
        // The index keeps 32 bits of each number, and an index of another git may have no nanoseconds.
        let time = |held: (i64, i64), now: (i64, i64)| {
            held.0 & 0xffff_ffff == now.0 & 0xffff_ffff && (held.1 == 0 || held.1 == now.1)
        };
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
        let (root, path) = (&entry.path, &entry.admin.join("index"));
        let index = Index::open(path).map_err(|error| index_reason(&error))?;
        let written = fs::metadata(path).map_or((0, 0), |meta| (meta.mtime(), meta.mtime_nsec()));
        let mut held = Vec::with_capacity(index.len());
        for entry in index.iter() {
            if entry.flags & 0x3000 != 0 {
                continue; // a side of a conflict
            }
            let hidden = entry.flags & 0x8000 != 0 || entry.flags_extended & 0x6000 != 0;
            let time = |time: &git2::IndexTime| (i64::from(time.seconds()), i64::from(time.nanoseconds()));
            let mtime = time(&entry.mtime);
            let stamp = Stamp {
                ctime: time(&entry.ctime),
                mtime,
                dev: u64::from(entry.dev),
                ino: u64::from(entry.ino),
                uid: entry.uid,
                gid: entry.gid,
                size: u64::from(entry.file_size),
            };
            held.push(Held {
                path: entry.path.into_boxed_slice(),
                oid: entry.id.as_bytes().try_into().unwrap_or_default(),
                mode: entry.mode,
                stamp,
                trusted: !hidden && mtime < written,
            });
        }
        Ok(Self { root: root.clone(), held })
    }
}

fn index_reason(error: &git2::Error) -> Reason {
    let text = error.message();
    let name = match text.split_once("unsupported mandatory extension: ").map(|(_, name)| name.trim_matches('\'')) {
        Some("sdir") => "a sparse",
        Some("link") => "a split",
        Some(other) => return Reason::Index(format!("a {other}")),
        None => return Reason::Other(text.to_owned()),
    };
    Reason::Index(name.to_owned())
}
