//! What a checkout holds that its last commit does not: counts and the first paths, from git's own
//! `status --porcelain=v2 -z` or from libgit2.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How a path differs from the last commit. The order is the order of how easily it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A merge left it undecided.
    Conflicted,
    /// In the index and not in the commit.
    Staged,
    /// In the working tree and not in the index.
    Modified,
    /// Unknown to git, and not ignored.
    Untracked,
}

impl Change {
    /// The word of the JSON answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflicted => "conflicted",
            Self::Staged => "staged",
            Self::Modified => "modified",
            Self::Untracked => "untracked",
        }
    }
}

/// The uncommitted work of one checkout. A path that is staged and then modified counts in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths in the index that differ from the commit.
    pub staged: usize,
    /// Paths in the working tree that differ from the index.
    pub modified: usize,
    /// Paths that git does not know.
    pub untracked: usize,
    /// Paths that a merge left undecided.
    pub conflicted: usize,
    /// The first [`Changes::SHOWN`] paths, relative to the checkout's root; a whole directory ends with `/`.
    pub first: Vec<(Change, PathBuf)>,
    /// The ignored paths, where they were asked for; a whole directory ends with `/`.
    pub ignored: Vec<PathBuf>,
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

impl Changes {
    /// How many paths are kept by name.
    pub const SHOWN: usize = 10;

    /// Whether there is nothing uncommitted.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// All of them together.
    pub fn total(&self) -> usize {
        self.staged + self.modified + self.untracked + self.conflicted
    }

    /// `2 staged, 1 untracked`; empty where there is nothing.
    pub fn describe(&self) -> String {
        [
            (self.conflicted, "conflicted"),
            (self.staged, "staged"),
            (self.modified, "modified"),
            (self.untracked, "untracked"),
        ]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
    }

    /// `+2 ~3 ?1 !1`, as in the table of `worktree list`; empty where there is nothing.
    pub fn signs(&self) -> String {
        [(self.staged, '+'), (self.modified, '~'), (self.untracked, '?'), (self.conflicted, '!')]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, sign)| format!("{sign}{count}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn note(&mut self, change: Change, path: &[u8]) {
        *match change {
            Change::Conflicted => &mut self.conflicted,
            Change::Staged => &mut self.staged,
            Change::Modified => &mut self.modified,
            Change::Untracked => &mut self.untracked,
        } += 1;
        let path = Path::new(OsStr::from_bytes(path));
        if self.first.len() < Self::SHOWN && !self.first.iter().any(|(_, known)| known == path) {
            self.first.push((change, path.to_path_buf()));
        }
    }

    /// Reads the output of `git status --porcelain=v2 -z`. Lines of a kind that is not known count as a change of
    /// the index: what cannot be understood must not pass for clean.
    pub(super) fn from_porcelain(output: &[u8]) -> Self {
        let mut changes = Self::default();
        let mut records = output.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        while let Some(record) = records.next() {
            let mut words = record.splitn(2, |byte| *byte == b' ');
            let kind = words.next().unwrap_or_default();
            match kind {
                b"1" | b"2" => {
                    // `1 XY sub mH mI mW hH hI path`, `2 … Xscore path` and the old path as a record of its own.
                    let fields = if kind == b"1" { 9 } else { 10 };
                    let path = record.splitn(fields, |byte| *byte == b' ').last().unwrap_or_default();
                    if record.get(2).is_none_or(|x| *x != b'.') {
                        changes.note(Change::Staged, path);
                    }
                    if record.get(3).is_none_or(|y| *y != b'.') {
                        changes.note(Change::Modified, path);
                    }
                    if kind == b"2" {
                        records.next();
                    }
                }
                b"u" => {
                    let path = record.splitn(11, |byte| *byte == b' ').last().unwrap_or_default();
                    changes.note(Change::Conflicted, path);
                }
                b"?" => changes.note(Change::Untracked, words.next().unwrap_or_default()),
                b"!" => changes.ignored.push(path_of(words.next().unwrap_or_default())),
                b"#" => {}
                _ => changes.note(Change::Staged, words.next().unwrap_or(record)),
            }
        }
        changes
    }

    /// Reads the statuses of libgit2.
    pub(super) fn from_statuses(statuses: &git2::Statuses<'_>) -> Self {
        use git2::Status;
        let mut changes = Self::default();
        for entry in statuses {
            let status = entry.status();
            let path = entry.path_bytes();
            if status.is_ignored() {
                changes.ignored.push(path_of(path));
                continue;
            }
            if status.is_conflicted() {
                changes.note(Change::Conflicted, path);
                continue;
            }
            if status.intersects(
                Status::INDEX_NEW
                    | Status::INDEX_MODIFIED
                    | Status::INDEX_DELETED
                    | Status::INDEX_RENAMED
                    | Status::INDEX_TYPECHANGE,
            ) {
                changes.note(Change::Staged, path);
            }
            if status.intersects(Status::WT_MODIFIED | Status::WT_DELETED | Status::WT_TYPECHANGE | Status::WT_RENAMED)
            {
                changes.note(Change::Modified, path);
            }
            if status.is_wt_new() {
                changes.note(Change::Untracked, path);
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn porcelain_is_counted_and_named() {
        let output = b"1 M. N... 100644 100644 100644 aa bb a file\0\
            1 .M N... 100644 100644 100644 aa bb b\0\
            1 MM N... 100644 100644 100644 aa bb both\0\
            2 R. N... 100644 100644 100644 aa bb R100 new name\0old name\0\
            u UU N... 100644 100644 100644 100644 aa bb cc fight\0\
            ? \xed\x95\x9c.txt\0? dir/\0";
        let changes = Changes::from_porcelain(output);
        assert_eq!((changes.staged, changes.modified, changes.untracked, changes.conflicted), (3, 2, 2, 1));
        assert_eq!(changes.describe(), "1 conflicted, 3 staged, 2 modified, 2 untracked");
        assert_eq!(changes.signs(), "+3 ~2 ?2 !1");
        let names: Vec<_> = changes.first.iter().map(|(_, path)| path.to_str().unwrap()).collect();
        assert_eq!(names, ["a file", "b", "both", "new name", "fight", "한.txt", "dir/"]);
    }

    #[test]
    fn what_is_not_understood_is_not_clean() {
        assert!(Changes::from_porcelain(b"").is_empty());
        assert!(Changes::from_porcelain(b"# branch.oid aa\0! ignored\0").is_empty());
        assert!(!Changes::from_porcelain(b"9 what is this\0").is_empty());
    }
}
