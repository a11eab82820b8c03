//! The files of a commit, flattened in the order of the index, with what the index's TREE extension says of them.

use git2::{ObjectType, Odb, Oid};

use super::donor::{Donor, Held};
use super::error::WorktreeError;
use super::staged::Directory;
use crate::base::sort;

/// The kind of a path in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Executable,
    Symlink,
    Submodule,
}

impl Kind {
    /// The mode as the index has it.
    pub(super) const fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Symlink => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }

    /// Of a mode in a tree object or in an index.
    fn of_mode(mode: u32) -> Option<Self> {
        match mode & 0o170_000 {
            0o120_000 => Some(Self::Symlink),
            0o160_000 => Some(Self::Submodule),
            0o100_000 if mode & 0o100 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            _ => None,
        }
    }
}

/// One path of a commit.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// From the root, with `/` between its parts.
    pub path: Box<[u8]>,
    pub kind: Kind,
    pub oid: [u8; 20],
}

impl Item {
    /// The directory part (empty at the root) and the name.
    pub(super) fn split(&self) -> (&[u8], &[u8]) {
        match self.path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (self.path.get(..at).unwrap_or_default(), self.path.get(at + 1..).unwrap_or_default()),
            None => (&[], &self.path),
        }
    }
}

/// One directory of a commit.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    /// From the root; empty for the root itself.
    pub path: Box<[u8]>,
    oid: [u8; 20],
    /// How many files are in it, at any depth.
    files: usize,
    /// Its direct subdirectories, as places in [`Tree::folders`].
    folders: Vec<usize>,
}

/// A commit's files.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// Every file, in the order of the index (by the bytes of the whole path).
    pub items: Vec<Item>,
    /// Every directory, parents first; the root is the first.
    pub folders: Vec<Folder>,
}

/// git refuses deeper trees too (core.maxTreeDepth).
const DEEPEST: usize = 2048;

impl Tree {
    /// The tree `oid` with everything below it. A directory that the donor's index has as it is in the commit (git's
    /// own word for it, in the TREE extension) is taken from there; the objects of the others are read.
    pub(super) fn gather(odb: &Odb<'_>, oid: Oid, donor: &Donor) -> Result<Self, WorktreeError> {
        let mut tree = Self::default();
        tree.descend(odb, oid, &mut Vec::new(), 0, Some(&donor.root_directory), &donor.held)?;
        Ok(tree)
    }

    /// Adds the directory at `path`; returns its place in [`Tree::folders`].
    fn descend(
        &mut self,
        odb: &Odb<'_>,
        oid: Oid,
        path: &mut Vec<u8>,
        depth: usize,
        known: Option<&Directory>,
        held: &[Held],
    ) -> Result<usize, WorktreeError> {
        if let Some(known) = known.filter(|known| known.tree.is_some_and(|(_, tree)| tree == bytes(oid))) {
            let (items, folders) = (self.items.len(), self.folders.len());
            let prefix = if path.is_empty() { Vec::new() } else { [path.as_slice(), b"/"].concat() };
            let start = held.partition_point(|held| *held.path < *prefix);
            if let Some(here) = self.adopt(known, path, held.get(start..).unwrap_or_default()) {
                return Ok(here);
            }
            // The index contradicts itself; the objects are the truth.
            self.items.truncate(items);
            self.folders.truncate(folders);
        }
        let object = odb.read(oid).map_err(WorktreeError::libgit2("read a directory of the commit"))?;
        let broken =
            || WorktreeError::refused("broken-tree", format!("the object {oid} is not a tree that git writes"));
        if object.kind() != ObjectType::Tree || depth > DEEPEST {
            return Err(broken());
        }
        let here = self.folders.len();
        let before = self.items.len();
        self.folders.push(Folder { path: path.as_slice().into(), oid: bytes(oid), files: 0, folders: Vec::new() });
        let mut rest = object.data();
        while !rest.is_empty() {
            let ((mode, name, child), after) = entry(rest).ok_or_else(broken)?;
            rest = after;
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            if mode == 0o040_000 {
                let oid = Oid::from_bytes(&child).map_err(WorktreeError::libgit2("read an object name"))?;
                let inner = known.and_then(|known| known.inner.iter().find(|inner| *inner.name == *name));
                let folder = self.descend(odb, oid, path, depth + 1, inner, held)?;
                if let Some(own) = self.folders.get_mut(here) {
                    own.folders.push(folder);
                }
            } else {
                let kind = Kind::of_mode(mode).ok_or_else(broken)?;
                self.items.push(Item { path: path.as_slice().into(), kind, oid: child });
            }
            path.truncate(length);
        }
        let files = self.items.len() - before;
        if let Some(own) = self.folders.get_mut(here) {
            own.files = files;
        }
        Ok(here)
    }

    /// Adds the directory at `path` as the index has it: `held` begins with its entries. `None`, with things half
    /// added, where the entries are not what `known` says of them.
    fn adopt(&mut self, known: &Directory, path: &mut Vec<u8>, held: &[Held]) -> Option<usize> {
        let (files, oid) = known.tree?;
        let here = self.folders.len();
        self.folders.push(Folder { path: path.as_slice().into(), oid, files, folders: Vec::new() });
        let length = path.len();
        let below = if length > 0 { length + 1 } else { 0 };
        let mut rest = held.get(..files)?;
        while let Some(first) = rest.first() {
            if length > 0 && (!first.path.starts_with(path) || first.path.get(length) != Some(&b'/')) {
                return None;
            }
            let name = first.path.get(below..)?;
            let Some(end) = memchr::memchr(b'/', name) else {
                self.items.push(Item { path: first.path.clone(), kind: Kind::of_mode(first.mode)?, oid: first.oid });
                rest = rest.get(1..)?;
                continue;
            };
            let inner = known.inner.iter().find(|inner| Some(&*inner.name) == name.get(..end))?;
            path.extend_from_slice(first.path.get(length..below + end)?);
            let folder = self.adopt(inner, path, rest)?;
            path.truncate(length);
            self.folders.get_mut(here)?.folders.push(folder);
            rest = rest.get(inner.tree?.0.max(1)..)?;
        }
        Some(here)
    }

    /// The content of the index's TREE extension, which spares git the reading of every directory.
    pub(super) fn extension(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.folders.len() * 40);
        if !self.folders.is_empty() {
            self.write_folder(0, &mut out);
        }
        out
    }

    fn write_folder(&self, at: usize, out: &mut Vec<u8>) {
        let Some(folder) = self.folders.get(at) else { return };
        out.extend_from_slice(last_part(&folder.path));
        out.extend_from_slice(format!("\0{} {}\n", folder.files, folder.folders.len()).as_bytes());
        out.extend_from_slice(&folder.oid);
        let mut children = folder.folders.clone();
        // git keeps them by length, then by bytes.
        sort::by(&mut children, |a, b| {
            let key = |child: &usize| {
                let name = self.folders.get(*child).map(|folder| last_part(&folder.path)).unwrap_or_default();
                (name.len(), name)
            };
            key(a).cmp(&key(b))
        });
        for child in children {
            self.write_folder(child, out);
        }
    }
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn bytes(oid: Oid) -> [u8; 20] {
    oid.as_bytes().try_into().unwrap_or_default()
}

/// One entry of a tree object: mode, name, object.
type Entry<'a> = (u32, &'a [u8], [u8; 20]);

/// The first entry of a tree object, and what comes after it.
fn entry(data: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(data.get(..space)?).ok()?, 8).ok()?;
    let rest = data.get(space + 1..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let name = rest.get(..end)?;
    let oid = rest.get(end + 1..end + 21)?.try_into().ok()?;
    (!name.is_empty()).then_some(((mode, name, oid), rest.get(end + 21..)?))
}

/// Whether a path could be taken for git's own directory by some file system, or leaves the checkout. Only git may
/// judge those; the check is wider than git's.
pub(super) fn suspicious(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|part| {
        let ascii: Vec<u8> = part.iter().filter(|byte| byte.is_ascii()).map(u8::to_ascii_lowercase).collect();
        if matches!(ascii.as_slice(), b"" | b"." | b"..") && part.is_ascii() {
            return true;
        }
        let Some(rest) = ascii.strip_prefix(b".git").or_else(|| ascii.strip_prefix(b"git~")) else {
            return ascii.contains(&b'\\');
        };
        matches!(rest.first(), None | Some(b' ' | b'.' | b':' | b'\\' | b'0'..=b'9')) || ascii.contains(&b'\\')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_git_are_suspicious_and_its_files_are_not() {
        for path in [
            &b".git/config"[..],
            b"a/.GIT/x",
            b"a/.git",
            b"GIT~1/x",
            b"a/../b",
            b"a//b",
            b".git .txt",
            "a/.g\u{200c}it/x".as_bytes(),
            b"a\\b",
        ] {
            assert!(suspicious(path), "{}", String::from_utf8_lossy(path));
        }
        for path in [&b".gitignore"[..], b".github/workflows/x.yml", b"src/git.rs", b"digit", "한글/파일".as_bytes()]
        {
            assert!(!suspicious(path), "{}", String::from_utf8_lossy(path));
        }
    }

    #[test]
    fn tree_objects_are_read_strictly() {
        let mut data = b"100644 a\0".to_vec();
        data.extend_from_slice(&[7; 20]);
        let ((mode, name, oid), rest) = entry(&data).unwrap();
        assert_eq!((mode, name, oid, rest.len()), (0o100_644, &b"a"[..], [7; 20], 0));
        assert!(entry(&data[..20]).is_none());
        assert!(entry(b"100644 a").is_none());
    }
}
