//! Filling a new checkout by copying from a donor, in parallel. A file is copied where it is the object that the
//! commit names: because git's index vouches for it (strictly: size, inode, both times to the nanosecond, and older
//! than the index), or else because its bytes hash to it. What cannot be copied is left to git.

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
use super::tree::{Item, Kind, Tree};
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
    /// Where each stretch of the items goes on; a stretch for each worker.
    next: Vec<AtomicUsize>,
    /// How many items a stretch has.
    stretch: usize,
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
    let held = matches(tree, donor);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4).min(tree.items.len() / CHUNK + 1);
    let stretch = tree.items.len().div_ceil(threads);
    let job = Job {
        tree,
        held: &held,
        content,
        source: open_dir(rustix::fs::CWD, &donor.root)
            .map_err(|error| DiskError::io("open", &donor.root)(error.into()))?,
        target: open_dir(rustix::fs::CWD, target).map_err(|error| DiskError::io("open", target)(error.into()))?,
        next: (0..threads).map(|worker| AtomicUsize::new(worker * stretch)).collect(),
        stretch,
        done: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        can_clone: AtomicBool::new(cfg!(target_os = "linux")),
        interrupt,
    };
    let stamps = Mutex::new(vec![None; tree.items.len()]);
    observer.begin(tree.items.len());
    let outcome = std::thread::scope(|scope| {
        let (job, stamps) = (&job, &stamps);
        let helpers: Vec<_> =
            (1..threads).map(|own| scope.spawn(move || job.work(own, stamps, &mut |_done| {}))).collect();
        let mut outcome = job.work(0, stamps, &mut |done| observer.progress(done));
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
    /// The next items to work on and where they begin: of a worker's own stretch, then of the others'. Workers that
    /// keep apart make their files in different directories, and do not wait for each other in the kernel.
    fn share(&self, own: usize) -> Option<(usize, &[Item])> {
        let stretches = self.next.iter().enumerate();
        let (before, after) = (stretches.clone().take(own), stretches.skip(own));
        after.chain(before).find_map(|(at, next)| {
            let end = ((at + 1) * self.stretch).min(self.tree.items.len());
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let items = self.tree.items.get(start..(start + CHUNK).min(end))?;
            (!items.is_empty()).then_some((start, items))
        })
    }

    fn work(&self, own: usize, stamps: &Mutex<Vec<Option<Stamp>>>, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
        let mut buffer = vec![0; SMALL];
        let mut place = Place::default();
        let mut outcome = Ok(());
        while outcome.is_ok() && !self.stop.load(Ordering::Relaxed) && self.interrupt.check().is_ok() {
            let Some((start, items)) = self.share(own) else { break };
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
            make_folder(&self.target, folder)?;
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
        make_folder(&self.target, &item.path)?;
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
        let Some(source) = open_source(source, name) else { return Ok(None) };
        if let Some(whole) =
            held.size().filter(|_| content == Content::Plain).and_then(|size| read_whole(&source, size, buffer))
        {
            // Asked after the reading: had anybody written before, the file's times would not be the index's now.
            let untouched = held.is_untouched(&Stamp::of(&rustix::fs::fstat(&source)?));
            return if untouched || hash(whole) == item.oid {
                write_new(target, name, item.kind, whole)
            } else {
                Ok(None)
            };
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

/// Makes the directory at `path` below `root`, and those that lead to it. Another worker may be making them, too; and
/// where case does not count, two directories of the commit can be one here, which is for git to judge.
fn make_folder(root: &OwnedFd, path: &[u8]) -> io::Result<()> {
    if path.is_empty() {
        return Ok(());
    }
    let attempt = || rustix::fs::mkdirat(root, path, Mode::from_raw_mode(0o777));
    let outcome = match (attempt(), path.iter().rposition(|byte| *byte == b'/')) {
        (Err(Errno::NOENT), Some(end)) => {
            make_folder(root, path.get(..end).unwrap_or_default())?;
            attempt()
        }
        (first, _) => first,
    };
    match outcome {
        // A file or a link in its place: `walk` finds no directory then, and git writes the files.
        Ok(()) | Err(Errno::EXIST | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(error.into()),
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

/// A file of the donor. Copying it is no reason to write its inode: where the system allows, its time of last access
/// stays.
fn open_source(folder: &OwnedFd, name: &[u8]) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    #[cfg(target_os = "linux")]
    match rustix::fs::openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => {} // somebody else's file
        opened => return opened.ok(),
    }
    rustix::fs::openat(folder, name, flags, Mode::empty()).ok()
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
