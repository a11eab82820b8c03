//! From what a person types to a worktree: a SPEC id, a branch, a path, the start of an id, or `@`, `^` and `-`.

use std::fs;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::WorktreeError;
use super::repo::Repo;
use crate::base::disk::{self, Access};

impl Entry {
    /// The name that people know it by: the SPEC id (the directory's name), or `main`.
    pub fn name(&self) -> String {
        if self.main {
            return "main".into();
        }
        let directory = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        directory.or_else(|| self.id.clone()).unwrap_or_default()
    }
}

impl Repo {
    /// The worktree that `word` names. `@` is the one we stand in, `^` the main checkout, `-` the one before.
    pub fn find_entry<'e>(&self, entries: &'e [Entry], word: &str) -> Result<&'e Entry, WorktreeError> {
        match word {
            "@" => return self.require_current(entries),
            "^" => return entries.iter().find(|entry| entry.main && !entry.bare).ok_or_else(no_main),
            "-" => return self.previous(entries),
            _ => {}
        }
        let matchers: [&dyn Fn(&Entry) -> bool; 6] = [
            &|entry| entry.id.as_deref() == Some(word) && entry.name() == word,
            &|entry| !entry.main && entry.name() == word,
            &|entry| entry.branch.as_deref() == Some(word),
            &|entry| self.names_path(entry, word),
            &|entry| entry.id.as_deref() == Some(word) || entry.name().eq_ignore_ascii_case(word),
            &|entry| !word.is_empty() && !entry.main && entry.name().to_lowercase().starts_with(&word.to_lowercase()),
        ];
        for matches in matchers {
            let mut found = entries.iter().filter(|entry| matches(entry));
            let Some(first) = found.next() else { continue };
            let more: Vec<String> = found.map(Entry::name).collect();
            if more.is_empty() {
                return Ok(first);
            }
            return Err(WorktreeError::refused(
                "ambiguous",
                format!("`{word}` could be {} or {}", first.name(), more.join(" or ")),
            )
            .hint(format!("give the branch or the path instead, for example {}", first.path.display())));
        }
        Err(unknown(entries, word))
    }

    /// The worktree that we stand in.
    fn require_current<'e>(&self, entries: &'e [Entry]) -> Result<&'e Entry, WorktreeError> {
        let cwd = self.world().cwd()?;
        self.entry_at(entries, cwd).ok_or_else(|| {
            WorktreeError::refused("not-in-a-worktree", "we are not inside a worktree of this repository")
        })
    }

    fn names_path(&self, entry: &Entry, word: &str) -> bool {
        if !word.contains('/') && !Path::new(word).is_absolute() {
            return false;
        }
        let Ok(cwd) = self.world().cwd() else { return false };
        let path = cwd.join(word);
        path == entry.path || path.canonicalize().is_ok_and(|path| path == entry.path)
    }

    fn previous<'e>(&self, entries: &'e [Entry]) -> Result<&'e Entry, WorktreeError> {
        let before = disk::read_text(&self.visit_file())?.map(|text| PathBuf::from(text.trim_end_matches('\n')));
        before.and_then(|path| entries.iter().find(|entry| entry.path == path)).ok_or_else(|| {
            WorktreeError::refused("no-previous", "there is no worktree to go back to")
                .hint("`moai worktree go NAME` remembers where it came from")
        })
    }

    /// Remembers the worktree that we stand in as the one that `-` goes back to, when we go to another.
    pub fn remember_leaving(&self, target: &Path) -> Result<(), WorktreeError> {
        let Some(here) = self.current_root().filter(|here| *here != target) else { return Ok(()) };
        disk::replace(&self.visit_file(), format!("{}\n", here.display()).as_bytes(), Access::Private)?;
        Ok(())
    }

    fn visit_file(&self) -> PathBuf {
        self.common_dir().join("moai/previous")
    }
}

fn no_main() -> WorktreeError {
    WorktreeError::refused("bare", "this repository is bare: it has no main checkout")
}

fn unknown(entries: &[Entry], word: &str) -> WorktreeError {
    let names: Vec<String> = entries.iter().filter(|entry| !entry.main).map(Entry::name).collect();
    let near = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &word.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let error = WorktreeError::refused("not-registered", format!("there is no worktree `{word}`"));
    match near {
        Some((_, name)) => error.hint(format!("did you mean `{name}`?")),
        None => error.hint("see them all with `moai worktree list`"),
    }
}

/// Whether `.git` in the root of `entry` is the link that belongs to it: it must point to this very entry.
pub(super) fn owns_its_root(entry: &Entry) -> bool {
    let dot_git = entry.path.join(".git");
    if !fs::symlink_metadata(&dot_git).is_ok_and(|meta| meta.is_file()) {
        return false;
    }
    let Ok(target) = super::repo::gitfile(&dot_git) else { return false };
    match (target.canonicalize(), entry.admin.canonicalize()) {
        (Ok(target), Ok(admin)) => target == admin,
        _ => false,
    }
}

/// Locks `entry` against removal, with a reason, or unlocks it; returns whether that changed anything.
pub fn set_lock(repo: &Repo, entry: &Entry, reason: Option<&str>) -> Result<bool, WorktreeError> {
    if entry.main {
        return Err(WorktreeError::refused("main-worktree", "the main checkout needs no lock: nothing removes it"));
    }
    let _lock = super::remove::guard(repo)?;
    let file = entry.admin.join("locked");
    match reason {
        Some(reason) if entry.locked.as_deref() == Some(reason.trim()) => Ok(false),
        Some(reason) => {
            disk::replace(&file, reason.trim().as_bytes(), Access::Keep)?;
            Ok(true)
        }
        None => {
            disk::remove(&file)?;
            Ok(entry.locked.is_some())
        }
    }
}
