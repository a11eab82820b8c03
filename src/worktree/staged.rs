//! Reading git's index: its entries, and what its TREE extension says of the directories. Versions 2, 3 and 4, SHA-1.
//!
//! libgit2 reads an index, too, but hides its TREE extension; with it the objects of every directory that is in the
//! index as it is in the commit need not be read. What is not understood is an error, never a guess.

use sha1::{Digest as _, Sha1};

/// One entry, as it stands in the file. Times are seconds and nanoseconds; every number has 32 bits there.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    pub path: Box<[u8]>,
    pub oid: [u8; 20],
    pub mode: u32,
    pub ctime: (u32, u32),
    pub mtime: (u32, u32),
    pub dev: u32,
    pub ino: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u32,
    /// A side of a conflict.
    pub conflicted: bool,
    /// git was told not to look at the file (assume-unchanged, skip-worktree), or it is only meant to be added.
    pub hidden: bool,
}

/// What the TREE extension says of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its own name; empty for the root.
    pub name: Box<[u8]>,
    /// How many entries are below it and which tree object they are; `None` where something has changed since.
    pub tree: Option<(usize, [u8; 20])>,
    /// The directories in it that the extension knows.
    pub inner: Vec<Directory>,
}

/// An index.
#[derive(Debug, Clone, Default)]
pub(super) struct Staging {
    /// In the order of the file: by path.
    pub entries: Vec<Staged>,
    /// The root's directory, where the index has the extension.
    pub root: Option<Directory>,
}

/// Why an index cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// It has an extension that must not be passed over.
    Extension(String),
    /// It is damaged, or of a version that is not known.
    Damaged(&'static str),
}

/// The deepest directory that is followed, as in the reading of trees.
const DEEPEST: usize = 2048;

/// Reads the bytes of an index file.
pub(super) fn parse(file: &[u8]) -> Result<Staging, Unread> {
    let damaged = |what| move || Unread::Damaged(what);
    let end = file.len().checked_sub(20).ok_or_else(damaged("it is too short"))?;
    let (content, sum) = file.split_at(end);
    // `index.skipHash` leaves zeros.
    if sum.iter().any(|byte| *byte != 0) && Sha1::digest(content).as_slice() != sum {
        return Err(Unread::Damaged("its checksum is wrong"));
    }
    let mut rest = content.strip_prefix(b"DIRC").ok_or_else(damaged("it has no header"))?;
    let version = word(&mut rest).ok_or_else(damaged("it is too short"))?;
    let count = word(&mut rest).ok_or_else(damaged("it is too short"))? as usize;
    if !(2..=4).contains(&version) {
        return Err(Unread::Damaged("its version is not known"));
    }
    let mut staging = Staging { entries: Vec::with_capacity(count.min(rest.len() / 62)), root: None };
    let mut path = Vec::new();
    for _ in 0..count {
        let staged = entry(&mut rest, version, &mut path).ok_or_else(damaged("an entry is broken"))?;
        staging.entries.push(staged);
    }
    while !rest.is_empty() {
        let name = take(&mut rest, 4).ok_or_else(damaged("an extension is broken"))?;
        let size = word(&mut rest).ok_or_else(damaged("an extension is broken"))? as usize;
        let mut data = take(&mut rest, size).ok_or_else(damaged("an extension is broken"))?;
        match name {
            b"TREE" => staging.root = directory(&mut data, 0),
            // A capital letter first: whoever does not know it may pass it over.
            [b'A'..=b'Z', ..] => {}
            _ => return Err(Unread::Extension(String::from_utf8_lossy(name).into_owned())),
        }
    }
    Ok(staging)
}

/// The next entry; `path` is that of the one before.
fn entry(rest: &mut &[u8], version: u32, path: &mut Vec<u8>) -> Option<Staged> {
    let start = rest.len();
    let mut number = || word(rest);
    let ctime = (number()?, number()?);
    let mtime = (number()?, number()?);
    let [dev, ino, mode, uid, gid, size] = [number()?, number()?, number()?, number()?, number()?, number()?];
    let oid = take(rest, 20)?.try_into().ok()?;
    let flags = half(rest)?;
    let extended = if version >= 3 && flags & 0x4000 != 0 { half(rest)? } else { 0 };
    if version == 4 {
        path.truncate(path.len().checked_sub(offset(rest)?)?);
    } else {
        path.clear();
    }
    let length = memchr::memchr(0, rest)?;
    path.extend_from_slice(take(rest, length)?);
    // One NUL after a path of version 4; before, as many as fill it up to a multiple of eight.
    let used = start - rest.len();
    take(rest, if version == 4 { 1 } else { 8 - used % 8 })?;
    Some(Staged {
        path: path.as_slice().into(),
        oid,
        mode,
        ctime,
        mtime,
        dev,
        ino,
        uid,
        gid,
        size,
        conflicted: flags & 0x3000 != 0,
        hidden: flags & 0x8000 != 0 || extended & 0x6000 != 0,
    })
}

/// The next directory of a TREE extension with everything in it.
fn directory(rest: &mut &[u8], depth: usize) -> Option<Directory> {
    if depth > DEEPEST {
        return None;
    }
    let length = memchr::memchr(0, rest)?;
    let name = take(rest, length)?.into();
    take(rest, 1)?;
    let files = decimal(rest, b' ')?;
    let inner = usize::try_from(decimal(rest, b'\n')?).ok()?;
    let tree = match usize::try_from(files) {
        Ok(files) => Some((files, take(rest, 20)?.try_into().ok()?)),
        Err(_) => None, // -1: it has changed
    };
    let mut directory = Directory { name, tree, inner: Vec::with_capacity(inner.min(rest.len() / 8)) };
    for _ in 0..inner {
        directory.inner.push(self::directory(rest, depth + 1)?);
    }
    Some(directory)
}

fn decimal(rest: &mut &[u8], end: u8) -> Option<i64> {
    let length = memchr::memchr(end, rest)?;
    let number = std::str::from_utf8(take(rest, length)?).ok()?.parse().ok()?;
    take(rest, 1)?;
    Some(number)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?))
}

fn half(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(take(rest, 2)?.try_into().ok()?))
}

/// The variable-length number of packfiles' offset deltas.
fn offset(rest: &mut &[u8]) -> Option<usize> {
    let mut byte = *take(rest, 1)?.first()?;
    let mut number = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = *take(rest, 1)?.first()?;
        number = number.checked_add(1)?.checked_mul(128)? | usize::from(byte & 0x7f);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8]) -> Vec<u8> {
        [content, Sha1::digest(content).as_slice()].concat()
    }

    #[test]
    fn an_empty_index_is_read() {
        let staging = parse(&sealed(b"DIRC\0\0\0\x02\0\0\0\0")).unwrap();
        assert!(staging.entries.is_empty() && staging.root.is_none());
    }

    #[test]
    fn what_is_not_understood_is_no_guess() {
        let link = sealed(b"DIRC\0\0\0\x02\0\0\0\0link\0\0\0\0");
        assert_eq!(parse(&link).unwrap_err(), Unread::Extension("link".into()));
        assert!(parse(&sealed(b"DIRC\0\0\0\x02\0\0\0\0FSMN\0\0\0\0")).is_ok());
        let mut wrong = sealed(b"DIRC\0\0\0\x02\0\0\0\0");
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(parse(&wrong).unwrap_err(), Unread::Damaged("its checksum is wrong"));
        for broken in [
            &b"DIRC\0\0\0\x09\0\0\0\0"[..],
            b"DIRC\0\0\0\x02\0\0\0\x01",
            b"DIRC",
            b"",
            b"DIRC\0\0\0\x02\0\0\0\0TREE\0\0\0\x09",
        ] {
            assert!(matches!(parse(&sealed(broken)), Err(Unread::Damaged(_))), "{broken:?}");
        }
    }

    #[test]
    fn directories_are_read_and_broken_ones_left_out() {
        let mut data = b"\x003 1\n".to_vec();
        data.extend_from_slice(&[1; 20]);
        data.extend_from_slice(b"src\0-1 0\n");
        let root = directory(&mut data.as_slice(), 0).unwrap();
        assert_eq!(root.tree, Some((3, [1; 20])));
        assert_eq!(root.inner, [Directory { name: (*b"src").into(), tree: None, inner: Vec::new() }]);
        assert_eq!(directory(&mut &data[..20], 0), None);
        assert_eq!(directory(&mut &b"\x003 1\n"[..], 0), None);
    }

    #[test]
    fn numbers_of_version_four_are_those_of_packfiles() {
        assert_eq!(offset(&mut &[0x05][..]), Some(5));
        assert_eq!(offset(&mut &[0x80, 0x00][..]), Some(128));
        assert_eq!(offset(&mut &[0x80][..]), None);
        assert_eq!(offset(&mut &[0xff; 40][..]), None);
    }
}
