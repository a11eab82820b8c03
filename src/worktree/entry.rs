//! The worktrees of a repository, as git knows them: the main checkout and the linked ones.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::error::WorktreeError;
use super::git::Git;
use super::repo::Repo;
use crate::base::disk::DiskError;
use crate::base::sort;

/// One worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name of its directory in git's administrative area; `None` for the main checkout.
    pub id: Option<String>,
    /// Its root. Of a bare repository's main entry: the repository itself.
    pub path: PathBuf,
    /// Its git directory: `<common>/worktrees/<id>`, or the common directory itself.
    pub admin: PathBuf,
    /// The branch it has checked out, without `refs/heads/`; `None` for a detached HEAD.
    pub branch: Option<String>,
    /// The commit it is on, in hex; `None` where the branch has no commit yet.
    pub head: Option<String>,
    /// The reason why it is locked (may be empty); `None` where it is not locked.
    pub locked: Option<String>,
    /// Why `git worktree prune` would take it away; `None` where it would not.
    pub prunable: Option<String>,
    /// It is the main checkout.
    pub main: bool,
    /// It is the main entry of a bare repository and has no files.
    pub bare: bool,
}

impl Repo {
    /// Every worktree: the main one first, the linked ones by their ids.
    pub fn entries(&self) -> Result<Vec<Entry>, WorktreeError> {
        let mut entries = match self.git2() {
            Some(_) => self.read_entries()?,
            None => self.ask_entries()?,
        };
        sort::by(&mut entries, |a, b| b.main.cmp(&a.main).then_with(|| a.id.cmp(&b.id)));
        Ok(entries)
    }

    /// The worktree that stands at `path` (any path inside it), if one does.
    pub fn entry_at<'e>(&self, entries: &'e [Entry], path: &Path) -> Option<&'e Entry> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        entries
            .iter()
            .filter(|entry| !entry.bare && path.starts_with(&entry.path))
            .max_by_key(|entry| entry.path.components().count())
    }

    /// Reads them from the files.
    fn read_entries(&self) -> Result<Vec<Entry>, WorktreeError> {
        let mut entries = Vec::new();
        let (branch, head) = self.read_head(self.common_dir());
        entries.push(Entry {
            id: None,
            path: self.main_root().unwrap_or_else(|| self.common_dir()).to_path_buf(),
            admin: self.common_dir().to_path_buf(),
            branch,
            head,
            locked: None,
            prunable: None,
            main: true,
            bare: self.main_root().is_none(),
        });
        for (id, admin) in admin_dirs(self.common_dir())? {
            let (branch, head) = self.read_head(&admin);
            let (path, mut prunable) = linked_root(&admin);
            let locked = fs::read(admin.join("locked"))
                .ok()
                .map(|reason| String::from_utf8_lossy(&reason).trim_end().to_owned());
            if locked.is_some() {
                prunable = None;
            }
            entries.push(Entry { id: Some(id), path, admin, branch, head, locked, prunable, main: false, bare: false });
        }
        Ok(entries)
    }

    /// The branch and the commit that `HEAD` in this git directory names.
    fn read_head(&self, admin: &Path) -> (Option<String>, Option<String>) {
        let Ok(bytes) = fs::read(admin.join("HEAD")) else { return (None, None) };
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        let Some(name) = text.strip_prefix("ref:").map(str::trim) else {
            let hex = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            return (None, hex.then(|| text.to_owned()));
        };
        let head = self.git2().and_then(|repo| repo.refname_to_id(name).ok()).map(|oid| oid.to_string());
        (Some(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()), head)
    }

    /// Asks git for them, where libgit2 cannot read the refs.
    fn ask_entries(&self) -> Result<Vec<Entry>, WorktreeError> {
        let listed = Git::at(self.world(), self.common_dir()).output(&["worktree", "list", "--porcelain", "-z"])?;
        let admins: Vec<(String, PathBuf, PathBuf)> =
            admin_dirs(self.common_dir())?.into_iter().map(|(id, admin)| (id, linked_root(&admin).0, admin)).collect();
        let mut entries = Vec::new();
        for record in split_records(&listed) {
            let first = entries.is_empty();
            if let Some(mut entry) = parse_record(&record, first, self.common_dir()) {
                // git takes a git directory that lies elsewhere for the checkout itself.
                if first {
                    entry.path = self.main_root().unwrap_or_else(|| self.common_dir()).to_path_buf();
                    entry.bare = self.main_root().is_none();
                }
                if let Some((id, _, admin)) = admins.iter().find(|(_, root, _)| !first && *root == entry.path) {
                    entry.id = Some(id.clone());
                    entry.admin.clone_from(admin);
                }
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// The directories below `<common>/worktrees`, by name.
fn admin_dirs(common: &Path) -> Result<Vec<(String, PathBuf)>, WorktreeError> {
    let dir = common.join("worktrees");
    let listing = match fs::read_dir(&dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DiskError::io("read", &dir)(error).into()),
    };
    let mut found: Vec<_> = listing
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    sort::by(&mut found, Ord::cmp);
    Ok(found)
}

/// Where the worktree of this admin directory is, and why git would prune it.
fn linked_root(admin: &Path) -> (PathBuf, Option<String>) {
    let Ok(bytes) = fs::read(admin.join("gitdir")) else {
        return (admin.to_path_buf(), Some("gitdir file does not exist".into()));
    };
    let bytes = bytes.trim_ascii_end();
    if bytes.is_empty() {
        return (admin.to_path_buf(), Some("invalid gitdir file".into()));
    }
    let dot_git = normal(&admin.join(OsStr::from_bytes(bytes)));
    let root = if dot_git.file_name() == Some(OsStr::new(".git")) {
        dot_git.parent().unwrap_or(&dot_git).to_path_buf()
    } else {
        dot_git.clone()
    };
    let gone = fs::symlink_metadata(&dot_git).is_err();
    (root, gone.then(|| "gitdir file points to non-existent location".into()))
}

/// The path without `.` and `..`, without looking at the disk.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    kept
}

/// The records of `git worktree list --porcelain -z`: lines end with NUL, records with an empty line.
fn split_records(listed: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut records = vec![Vec::new()];
    for line in listed.split(|byte| *byte == 0) {
        if line.is_empty() {
            records.push(Vec::new());
        } else if let Some(record) = records.last_mut() {
            record.push(line);
        }
    }
    records.retain(|record| !record.is_empty());
    records
}

fn parse_record(record: &[&[u8]], main: bool, common: &Path) -> Option<Entry> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut entry = Entry {
        id: None,
        path: PathBuf::new(),
        admin: common.to_path_buf(),
        branch: None,
        head: None,
        locked: None,
        prunable: None,
        main,
        bare: false,
    };
    for line in record {
        let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => line.split_at(at),
            None => (*line, &b""[..]),
        };
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        match word {
            b"worktree" => entry.path = PathBuf::from(OsStr::from_bytes(rest)),
            b"HEAD" => entry.head = Some(text(rest)).filter(|oid| oid.bytes().any(|byte| byte != b'0')),
            b"branch" => entry.branch = Some(text(rest.strip_prefix(b"refs/heads/").unwrap_or(rest))),
            b"locked" => entry.locked = Some(text(rest)),
            b"prunable" => entry.prunable = Some(text(rest)),
            b"bare" => entry.bare = true,
            _ => {}
        }
    }
    (!entry.path.as_os_str().is_empty()).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_porcelain_of_git_is_read() {
        let listed = b"worktree /a\0bare\0\0worktree /b c\0HEAD 0123\0branch refs/heads/feature/x\0locked why not\0\0\
            worktree /d\0HEAD 4567\0detached\0prunable gone\0\0";
        let entries: Vec<Entry> = split_records(listed)
            .iter()
            .enumerate()
            .filter_map(|(at, record)| parse_record(record, at == 0, Path::new("/a")))
            .collect();
        assert_eq!(entries.len(), 3);
        assert!(entries[0].bare && entries[0].main);
        assert_eq!(entries[1].path, Path::new("/b c"));
        assert_eq!(entries[1].branch.as_deref(), Some("feature/x"));
        assert_eq!(entries[1].locked.as_deref(), Some("why not"));
        assert_eq!(entries[2].branch, None);
        assert_eq!(entries[2].prunable.as_deref(), Some("gone"));
    }

    #[test]
    fn dots_are_taken_out_of_paths() {
        assert_eq!(normal(Path::new("/a/b/../../c/./.git")), Path::new("/c/.git"));
    }
}
