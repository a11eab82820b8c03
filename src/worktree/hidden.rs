//! What `git status` does not show, and what would go with the files: changes under skip-worktree and
//! assume-unchanged, and ignored files that nobody can make again.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use super::entry::Entry;
use super::error::WorktreeError;
use super::git::Git;

/// Index flags of git: `CE_VALID` in the flags, `CE_SKIP_WORKTREE` in the extended ones.
const ASSUME_UNCHANGED: u16 = 0x8000;
const SKIP_WORKTREE: u16 = 0x4000;

/// The files whose changes git was told not to look at, and that differ from the index. A file that is not there
/// is no loss (that is what a sparse checkout is).
pub(super) fn hidden_changes(
    git: &Git<'_>,
    entry: &Entry,
    repo: Option<&Repository>,
) -> Result<Vec<PathBuf>, WorktreeError> {
    let marked = match repo.map(Repository::index) {
        Some(Ok(index)) => index
            .iter()
            .filter(|file| file.flags & ASSUME_UNCHANGED != 0 || file.flags_extended & SKIP_WORKTREE != 0)
            .map(|file| (PathBuf::from(OsStr::from_bytes(&file.path)), file.id.to_string()))
            .collect(),
        _ => marked_by_git(git)?,
    };
    Ok(marked.into_iter().filter(|(path, id)| differs(git, &entry.path, path, id)).map(|(path, _)| path).collect())
}

/// `git ls-files -v`: `S` is skip-worktree, a lower-case letter assume-unchanged.
fn marked_by_git(git: &Git<'_>) -> Result<Vec<(PathBuf, String)>, WorktreeError> {
    let listed = git.output(&["ls-files", "-v", "-s", "-z"])?;
    Ok(listed.split(|byte| *byte == 0).filter_map(marked_line).collect())
}

/// `TAG MODE OID STAGE\tPATH`.
fn marked_line(line: &[u8]) -> Option<(PathBuf, String)> {
    let tag = line.first()?;
    let (head, path) = line.split_at(line.iter().position(|byte| *byte == b'\t')?);
    let id = std::str::from_utf8(head).ok()?.split(' ').nth(2)?;
    (*tag == b'S' || tag.is_ascii_lowercase())
        .then(|| (PathBuf::from(OsStr::from_bytes(path.get(1..).unwrap_or_default())), id.to_owned()))
}

fn differs(git: &Git<'_>, root: &Path, path: &Path, id: &str) -> bool {
    let full = root.join(path);
    let Ok(meta) = fs::symlink_metadata(&full) else { return false };
    if meta.is_dir() {
        return false;
    }
    if meta.is_symlink() {
        let target = fs::read_link(&full).unwrap_or_default();
        return Oid::hash_object(ObjectType::Blob, target.as_os_str().as_bytes())
            .map_or(true, |oid| oid.to_string() != id);
    }
    // git applies the clean filters that belong to the path; without it, the bytes as they are.
    let hashed = git.text(&[OsStr::new("hash-object"), OsStr::new("--"), path.as_os_str()]);
    let hashed = hashed.or_else(|_| Oid::hash_file(ObjectType::Blob, &full).map(|oid| oid.to_string()));
    hashed.map_or(true, |hashed| hashed != id)
}

/// Names that stand for work or for secrets: environments, databases, keys.
fn is_precious(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ending = Path::new(&lower).extension().and_then(OsStr::to_str).unwrap_or_default();
    lower == ".env"
        || lower.starts_with(".env.")
        || lower == ".envrc"
        || lower.contains(".sqlite")
        || matches!(ending, "db" | "pem" | "key" | "p12" | "sql" | "dump")
}

/// Those of the ignored files that are worth a word before they go. Ignored directories are not entered.
pub(super) fn precious(ignored: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_file = |path: &PathBuf| !path.as_os_str().as_bytes().ends_with(b"/");
    let named = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(is_precious);
    ignored.into_iter().filter(|path| is_file(path) && named(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_from_the_letters() {
        let id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        let line = |tag: &str| format!("{tag} 100644 {id} 0\ta b");
        assert_eq!(marked_line(line("S").as_bytes()), Some(("a b".into(), id.into())));
        assert_eq!(marked_line(line("h").as_bytes()), Some(("a b".into(), id.into())));
        assert_eq!(marked_line(line("H").as_bytes()), None);
    }

    #[test]
    fn precious_names() {
        for name in [".env", ".env.local", "dev.db", "a.sqlite3", "server.PEM", "id.key"] {
            assert!(is_precious(name), "{name}");
        }
        for name in ["environment.rs", "a.o", "key.rs"] {
            assert!(!is_precious(name), "{name}");
        }
    }
}
