//! Filling a new checkout by copying from a donor, in parallel. Every byte that is copied is hashed on the way and
//! must be the object that the commit names, so a wrong copy cannot happen; what cannot be copied is left to git.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha1::{Digest as _, Sha1};

use super::donor::{Donor, Held, Stamp};
use super::error::WorktreeError;
use super::observer::Observer;
use super::tree::{Folder, Item, Kind, Tree};
use crate::base::disk::DiskError;
use crate::base::interrupt::Interrupt;

/// How git would write a file, as far as it matters for copying one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Byte for byte the object.
    Plain,
    /// What Git LFS makes of the object; that depends on the object alone, so an untouched copy is right.
    Lfs,
    /// Converted in a way that only git knows.
    Converted,
}

/// The files of one worker's share of the work.
const CHUNK: usize = 128;
/// Files up to this size are read in one go, before anything is written.
const SMALL: usize = 256 * 1024;
/// From this size on a copy-on-write clone is tried first.
const CLONE_FROM: u64 = 64 * 1024;

struct Job<'a> {
    tree: &'a Tree,
    held: &'a [Option<&'a Held>],
    content: &'a (dyn Fn(usize) -> Content + Sync),
    source: OwnedFd,
    target: OwnedFd,
    next: AtomicUsize,
    done: AtomicUsize,
    stop: AtomicBool,
    can_clone: AtomicBool,
    interrupt: &'a Interrupt,
}

/// Copies what can be copied of `tree` from `donor` to `target` (which is there and empty). The answer has one place
/// per item: the stamp of what was written, or `None` where git has to write it.
pub(super) fn copy(
    tree: &Tree,
    donor: &Donor,
    target: &Path,
    content: &(dyn Fn(usize) -> Content + Sync),
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Vec<Option<Stamp>>, WorktreeError> {
    make_folders(tree, target)?;
    let held = matches(tree, donor);
    let job = Job {
        tree,
        held: &held,
        content,
        source: open_dir(rustix::fs::CWD, &donor.root)
            .map_err(|error| DiskError::io("open", &donor.root)(error.into()))?,
        target: open_dir(rustix::fs::CWD, target).map_err(|error| DiskError::io("open", target)(error.into()))?,
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        can_clone: AtomicBool::new(cfg!(target_os = "linux")),
        interrupt,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4).min(tree.items.len() / CHUNK + 1);
    let stamps = Mutex::new(vec![None; tree.items.len()]);
    observer.begin(tree.items.len());
    let outcome = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(|| job.work(&stamps, &mut |_done| {}))).collect();
        let mut outcome = job.work(&stamps, &mut |done| observer.progress(done));
        for helper in helpers {
            let theirs = helper.join().unwrap_or_else(|_panic| Err(io::Error::other("a copying thread failed")));
            outcome = outcome.and(theirs);
        }
        outcome
    });
    observer.end();
    interrupt.check()?;
    outcome.map_err(DiskError::io("write files to", target))?;
    Ok(stamps.into_inner().unwrap_or_default())
}

/// Makes every directory of the tree; parents come first.
fn make_folders(tree: &Tree, target: &Path) -> Result<(), WorktreeError> {
    let root = open_dir(rustix::fs::CWD, target).map_err(|error| DiskError::io("open", target)(error.into()))?;
    let folders = tree.folders.get(1..).unwrap_or_default();
    // Two halves that share no directory: the second starts at one of the top.
    let half = folders.len() / 2;
    let top = |folder: &Folder| !folder.path.contains(&b'/');
    let split = folders.iter().skip(half).position(top).map_or(folders.len(), |at| half + at);
    let (first, second) = folders.split_at(split);
    std::thread::scope(|scope| {
        let helper = (second.len() > CHUNK).then(|| scope.spawn(|| make_each(second, &root, target)));
        let mut outcome = make_each(first, &root, target);
        outcome = outcome.and_then(|()| match helper {
            Some(helper) => helper.join().unwrap_or_else(|_panic| {
                Err(DiskError::io("create", target)(io::Error::other("a thread that makes directories failed")))
            }),
            None => make_each(second, &root, target),
        });
        Ok(outcome?)
    })
}

fn make_each(folders: &[Folder], root: &OwnedFd, target: &Path) -> Result<(), DiskError> {
    for folder in folders {
        match rustix::fs::mkdirat(root, &*folder.path, Mode::from_raw_mode(0o777)) {
            // Where case does not count, two directories of the commit can be one here; git writes those files.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => {
                let path = target.join(String::from_utf8_lossy(&folder.path).as_ref());
                return Err(DiskError::io("create", &path)(error.into()));
            }
        }
    }
    Ok(())
}

/// For every item the donor's file of the same path, object and mode. Both sides are sorted.
fn matches<'a>(tree: &Tree, donor: &'a Donor) -> Vec<Option<&'a Held>> {
    let mut held = donor.held.iter().peekable();
    tree.items
        .iter()
        .map(|item| {
            while held.next_if(|held| *held.path < *item.path).is_some() {}
            held.peek()
                .copied()
                .filter(|held| held.path == item.path && held.oid == item.oid && held.mode == item.kind.mode())
        })
        .collect()
}

fn open_dir(at: impl AsFd, path: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// The directory that a worker is in, open on both sides.
#[derive(Default)]
struct Place {
    path: Vec<u8>,
    source: Option<OwnedFd>,
    target: Option<OwnedFd>,
}

impl Job<'_> {
    fn work(&self, stamps: &Mutex<Vec<Option<Stamp>>>, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
        let mut buffer = vec![0; SMALL];
        let mut place = Place::default();
        let mut outcome = Ok(());
        while outcome.is_ok() && !self.stop.load(Ordering::Relaxed) && self.interrupt.check().is_ok() {
            let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(items) = self.tree.items.get(start..(start + CHUNK).min(self.tree.items.len())) else { break };
            if items.is_empty() {
                break;
            }
            let mut written = Vec::with_capacity(items.len());
            for (at, item) in (start..).zip(items) {
                match self.item(at, item, &mut place, &mut buffer) {
                    Ok(stamp) => written.push(stamp),
                    Err(error) => {
                        self.stop.store(true, Ordering::Relaxed);
                        outcome = Err(error);
                        break;
                    }
                }
            }
            if let Ok(mut stamps) = stamps.lock() {
                for (slot, stamp) in stamps.iter_mut().skip(start).zip(written) {
                    *slot = stamp;
                }
            }
            progress(self.done.fetch_add(items.len(), Ordering::Relaxed) + items.len());
        }
        outcome
    }

    fn item(&self, at: usize, item: &Item, place: &mut Place, buffer: &mut [u8]) -> io::Result<Option<Stamp>> {
        let (folder, name) = item.split();
        if item.kind == Kind::Submodule {
            return self.submodule(item);
        }
        let Some(held) = self.held.get(at).copied().flatten() else { return Ok(None) };
        let content = if item.kind == Kind::Symlink { Content::Plain } else { (self.content)(at) };
        if content == Content::Converted {
            return Ok(None);
        }
        if place.path != folder {
            place.source = walk(&self.source, folder);
            place.target = walk(&self.target, folder);
            folder.clone_into(&mut place.path);
        }
        let (source, target) = if folder.is_empty() {
            (&self.source, &self.target)
        } else {
            match (&place.source, &place.target) {
                (Some(source), Some(target)) => (source, target),
                _ => return Ok(None),
            }
        };
        if item.kind == Kind::Symlink {
            return link(source, target, name, item);
        }
        self.file(source, target, name, item, held, content, buffer)
    }

    /// git makes an empty directory for a submodule and remembers its stamp.
    fn submodule(&self, item: &Item) -> io::Result<Option<Stamp>> {
        match rustix::fs::mkdirat(&self.target, &*item.path, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let stat = rustix::fs::statat(&self.target, &*item.path, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Some(Stamp::of(&stat)))
    }

    #[expect(clippy::too_many_arguments, reason = "both ends of a copy, what it is, and where to put it")]
    fn file(
        &self,
        source: &OwnedFd,
        target: &OwnedFd,
        name: &[u8],
        item: &Item,
        held: &Held,
        content: Content,
        buffer: &mut [u8],
    ) -> io::Result<Option<Stamp>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(source) = rustix::fs::openat(source, name, flags, Mode::empty()) else { return Ok(None) };
        if let Some(whole) =
            held.size().filter(|_| content == Content::Plain).and_then(|size| read_whole(&source, size, buffer))
        {
            // The hash says more than a stamp could: it is the object, whatever was at that place before.
            return if hash(whole) == item.oid { write_new(target, name, item.kind, whole) } else { Ok(None) };
        }
        let before = rustix::fs::fstat(&source)?;
        let stamp = Stamp::of(&before);
        let regular = rustix::fs::FileType::from_raw_mode(before.st_mode).is_file();
        if !regular || (content == Content::Lfs && !held.is_untouched(&stamp)) {
            return Ok(None);
        }
        let mut source = File::from(source);
        let size = usize::try_from(stamp.size).unwrap_or(usize::MAX);
        let Some(whole) = buffer.get_mut(..size) else {
            return self.large_file(source, &stamp, target, name, item, held, content, buffer);
        };
        if source.read_exact(whole).is_err() {
            return Ok(None); // it shrank under us
        }
        let is_object = hash(whole) == item.oid;
        // A pointer that Git LFS has not replaced is the object itself; git would fetch what it points to.
        if is_object != (content == Content::Plain) {
            return Ok(None);
        }
        if content == Content::Lfs && Stamp::of(&rustix::fs::fstat(&source)?) != stamp {
            return Ok(None);
        }
        write_new(target, name, item.kind, whole)
    }

    #[expect(clippy::too_many_arguments, reason = "as above")]
    fn large_file(
        &self,
        mut source: File,
        stamp: &Stamp,
        target: &OwnedFd,
        name: &[u8],
        item: &Item,
        held: &Held,
        content: Content,
        buffer: &mut [u8],
    ) -> io::Result<Option<Stamp>> {
        let Some(mut file) = make(target, name, item.kind)? else { return Ok(None) };
        let cloned = stamp.size >= CLONE_FROM && self.clone_content(&file, &source);
        let mut sha = Sha1::new_with_prefix(format!("blob {}\0", stamp.size));
        loop {
            self.interrupt.check().map_err(io::Error::other)?;
            let read = source.read(buffer)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            sha.update(part);
            if !cloned {
                file.write_all(part)?;
            }
        }
        let is_object = <[u8; 20]>::from(sha.finalize()) == item.oid;
        let now = Stamp::of(&rustix::fs::fstat(&source)?);
        let whole = Stamp::of(&rustix::fs::fstat(&file)?);
        let right = is_object == (content == Content::Plain) && now == *stamp && whole.size == stamp.size;
        if right && (content == Content::Plain || held.is_untouched(&now)) {
            return Ok(Some(whole));
        }
        rustix::fs::unlinkat(target, name, AtFlags::empty())?;
        Ok(None)
    }

    /// Shares the source's blocks where the file system can.
    fn clone_content(&self, file: &File, source: &File) -> bool {
        #[cfg(target_os = "linux")]
        if self.can_clone.load(Ordering::Relaxed) {
            if rustix::fs::ioctl_ficlone(file, source).is_ok() {
                return true;
            }
            self.can_clone.store(false, Ordering::Relaxed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (file, source);
        false
    }
}

/// The directory at `path` below `root`, opened part by part so that no link on the way is followed.
fn walk(root: &OwnedFd, path: &[u8]) -> Option<OwnedFd> {
    let mut here: Option<OwnedFd> = None;
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        here = Some(open_dir(here.as_ref().unwrap_or(root), part).ok()?);
    }
    here
}

/// A small file of the size that the donor's index names, read with one call; `None` where it is not that (any more),
/// with nothing consumed that the caller would miss: it reads from the start again.
fn read_whole<'b>(source: &OwnedFd, size: usize, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    // One byte more than there should be, so that a file that has grown is seen.
    let read = rustix::io::pread(source, buffer.get_mut(..=size)?, 0).ok()?;
    buffer.get(..size).filter(|_| read == size)
}

/// Makes a file and fills it; its stamp is taken after the last byte.
fn write_new(target: &OwnedFd, name: &[u8], kind: Kind, content: &[u8]) -> io::Result<Option<Stamp>> {
    let Some(mut file) = make(target, name, kind)? else { return Ok(None) };
    file.write_all(content)?;
    Ok(Some(Stamp::of(&rustix::fs::fstat(&file)?)))
}

/// Makes a file that must not be there yet; `None` where it is (names that differ only in case), for git to judge.
fn make(target: &OwnedFd, name: &[u8], kind: Kind) -> io::Result<Option<File>> {
    let mode = if kind == Kind::Executable { 0o777 } else { 0o666 };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(target, name, flags, Mode::from_raw_mode(mode)) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::EXIST) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn link(source: &OwnedFd, target: &OwnedFd, name: &[u8], item: &Item) -> io::Result<Option<Stamp>> {
    let Ok(text) = rustix::fs::readlinkat(source, name, Vec::new()) else { return Ok(None) };
    if hash(text.as_bytes()) != item.oid {
        return Ok(None);
    }
    match rustix::fs::symlinkat(&*text, target, name) {
        Ok(()) => Ok(Some(Stamp::of(&rustix::fs::statat(target, name, AtFlags::SYMLINK_NOFOLLOW)?))),
        Err(Errno::EXIST) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The name that git gives to these bytes.
fn hash(bytes: &[u8]) -> [u8; 20] {
    let mut sha = Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
    sha.update(bytes);
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_git_names_them() {
        let oid = git2::Oid::from_bytes(&hash(b"hi\n")).unwrap();
        assert_eq!(oid.to_string(), "45b983be36b73c0788dc9cbcb76cbb80fc7bb057");
    }
}
