//! Keeping files out of git: a line in `<common>/info/exclude`, checked afterwards with git's own rules.
//!
//! git reads no `info/exclude` of a single worktree, so the line goes to the common one. A `!` rule in a .gitignore
//! beats it; then the file would not be safe, and the caller is told.

use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::git::Git;
use super::journal::{Journal, Step};
use super::repo::Repo;
use crate::base::disk::{self, Access};

/// Makes sure that git ignores `path` (relative, with `/`) in the checkout at `root`, adding a line where it does
/// not yet. Takes the repository's lock. Fails where the file is tracked or a `!` rule beats the line.
pub fn ensure_ignored(repo: &Repo, root: &Path, path: &str) -> Result<(), WorktreeError> {
    let _lock = super::journal::lock(repo, || {})?;
    ensure(repo, root, path, None)
}

/// The same where the caller holds the lock and has a journal.
pub(super) fn ensure(repo: &Repo, root: &Path, path: &str, journal: Option<&mut Journal>) -> Result<(), WorktreeError> {
    if is_tracked(repo, root, path)? {
        return Err(tracked(path));
    }
    if is_ignored(repo, root, path)? {
        return Ok(());
    }
    let file = exclude_file(repo);
    let before = disk::read_text(&file)?;
    let after = with_line(before.as_deref().unwrap_or_default(), path);
    if let Some(journal) = journal {
        journal.will(Step::Edited {
            path: file.clone().into(),
            before: before.clone().map(String::into_bytes),
            after: after.clone().into_bytes(),
        })?;
    }
    disk::replace(&file, after.as_bytes(), Access::Keep)?;
    if is_ignored(repo, root, path)? {
        return Ok(());
    }
    // The line did not help, so it goes again.
    match &before {
        Some(before) => disk::replace(&file, before.as_bytes(), Access::Keep)?,
        None => disk::remove(&file)?,
    }
    Err(WorktreeError::refused(
        "not-ignorable",
        format!("git would not ignore {path}: a `!` rule in a .gitignore beats info/exclude"),
    )
    .hint(format!("find the rule: `git check-ignore --verbose --no-index {path}`"))
    .hint("or start Claude Code without any file in the checkout: `moai glm -- claude`"))
}

/// The refusal for a file that would hold a secret and is tracked.
pub(super) fn tracked(path: &str) -> WorktreeError {
    WorktreeError::refused("tracked-secret", format!("{path} is tracked by git: a key in it would be committed"))
        .hint(format!("take it out of git: `git rm --cached {path}`, commit, and ignore it"))
        .hint("or start Claude Code without any file in the checkout: `moai glm -- claude`")
}

/// The common `info/exclude`.
pub(super) fn exclude_file(repo: &Repo) -> PathBuf {
    repo.common_dir().join("info/exclude")
}

fn with_line(before: &str, path: &str) -> String {
    let mut after = before.to_owned();
    if !after.is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    after.push('/');
    let is_pattern = path.rsplit('/').next() == Some(disk::UNFINISHED);
    after.push_str(&if is_pattern { path.to_owned() } else { literal(path) });
    after.push('\n');
    after
}

/// The path as a pattern of git's that matches it and nothing else.
fn literal(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | '\\' | ' ') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Whether git ignores `path` in the checkout at `root`.
pub fn is_ignored(repo: &Repo, root: &Path, path: &str) -> Result<bool, WorktreeError> {
    // libgit2 1.9 drops a `!` rule that takes nothing back within its own file, though git lets it beat info/exclude.
    if repo.git2().is_some() && !takes_back(root, path) {
        let checkout = git2::Repository::open(root).map_err(WorktreeError::libgit2("open the checkout"))?;
        return checkout.is_path_ignored(path).map_err(WorktreeError::libgit2("ask what is ignored"));
    }
    let spoken = Git::at(repo.world(), root).run(&["check-ignore", "--quiet", "--", path])?;
    Ok(spoken.ok())
}

/// Whether a .gitignore on the way to `path` has a `!` rule.
fn takes_back(root: &Path, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(at, _)| path.get(..at).unwrap_or_default());
    std::iter::once("").chain(folders).any(|folder| {
        std::fs::read(root.join(folder).join(".gitignore"))
            .is_ok_and(|text| text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_start().starts_with(b"!")))
    })
}

fn is_tracked(repo: &Repo, root: &Path, path: &str) -> Result<bool, WorktreeError> {
    if repo.git2().is_some() {
        let checkout = git2::Repository::open(root).map_err(WorktreeError::libgit2("open the checkout"))?;
        if let Ok(index) = checkout.index() {
            return Ok(index.get_path(Path::new(path), 0).is_some());
        }
    }
    let listed = Git::at(repo.world(), root).output(&["--literal-pathspecs", "ls-files", "-z", "--", path])?;
    Ok(!listed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_anchored_and_on_its_own() {
        assert_eq!(with_line("", "a/b"), "/a/b\n");
        assert_eq!(with_line("# x\n*.o", "a/b"), "# x\n*.o\n/a/b\n");
        assert_eq!(with_line("", "w/[a] *?\\/"), "/w/\\[a]\\ \\*\\?\\\\/\n");
        assert_eq!(with_line("", ".claude/.moai-*"), "/.claude/.moai-*\n");
    }
}
