//! Names: the directory of a worktree, its id in git's administrative area, its branch, and what they collide with.

use git2::{Branch, Reference};
use sha1::{Digest as _, Sha1};

use super::entry::Entry;
use super::error::WorktreeError;
use super::repo::Repo;
use crate::model::SpecId;

/// The branch of a SPEC where none is given.
pub fn default_branch(spec: &SpecId) -> String {
    format!("feature/{spec}")
}

/// A directory name for any branch or session name: `/` becomes `-`, other bytes that some file system objects to
/// become `_`, and where anything had to change, six hex digits of the name's SHA-1 keep different names apart.
pub fn slug(name: &str) -> String {
    let slug: String = name
        .chars()
        .map(|c| match c {
            '/' => '-',
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '_',
        })
        .collect();
    let slug = slug.trim_matches(|c| matches!(c, '.' | '-')).to_owned();
    let short: String = slug.chars().take(SpecId::MAX).collect();
    if short == name && !short.is_empty() {
        return short;
    }
    let tag = short_hash(name.as_bytes());
    if short.is_empty() { format!("worktree-{tag}") } else { format!("{short}-{tag}") }
}

/// Six hex digits of the SHA-1.
pub(super) fn short_hash(bytes: &[u8]) -> String {
    let sum = Sha1::digest(bytes);
    let [a, b, c, ..] = <[u8; 20]>::from(sum);
    format!("{a:02x}{b:02x}{c:02x}")
}

/// Fails where git would not take this as a branch name.
pub(super) fn require_valid_branch(name: &str) -> Result<(), WorktreeError> {
    let valid = Branch::name_is_valid(name).unwrap_or(false) && Reference::is_valid_name(&format!("refs/heads/{name}"));
    if valid && name != "HEAD" && !name.starts_with('-') {
        return Ok(());
    }
    Err(WorktreeError::usage(format!("`{name}` is not a name that git takes for a branch"))
        .hint("see `git help check-ref-format` for the rules"))
}

/// What is known of a branch name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BranchState {
    /// Nothing of that name.
    Free,
    /// It exists, on this commit (hex).
    At(String),
}

/// Whether the branch exists; fails where another branch's name is in its way (`feature` against `feature/x`).
pub(super) fn branch_state(repo: &Repo, name: &str) -> Result<BranchState, WorktreeError> {
    if let Some(commit) = resolve_branch(repo, name)? {
        return Ok(BranchState::At(commit));
    }
    let in_the_way = |other: &str| {
        WorktreeError::refused(
            "branch-conflict",
            format!("the branch {name} cannot be made: there is a branch {other}, and git keeps branches as files"),
        )
        .hint(format!("rename it (`git branch -m {other} <new name>`), or choose another name with --branch"))
    };
    for (at, _) in name.match_indices('/') {
        let parent = name.get(..at).unwrap_or_default();
        if resolve_branch(repo, parent)?.is_some() {
            return Err(in_the_way(parent));
        }
    }
    if let Some(child) = first_below(repo, name)? {
        return Err(in_the_way(&child));
    }
    Ok(BranchState::Free)
}

fn resolve_branch(repo: &Repo, name: &str) -> Result<Option<String>, WorktreeError> {
    let full = format!("refs/heads/{name}");
    if let Some(git2) = repo.git2() {
        return match git2.refname_to_id(&full) {
            Ok(oid) => Ok(Some(oid.to_string())),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(WorktreeError::libgit2("read the branch")(error)),
        };
    }
    let spoken = repo.git().run(&["rev-parse", "--verify", "--quiet", &full])?;
    Ok(spoken.ok().then(|| String::from_utf8_lossy(&spoken.stdout).trim().to_owned()))
}

/// A branch whose name goes on where this one ends.
fn first_below(repo: &Repo, name: &str) -> Result<Option<String>, WorktreeError> {
    let short = |full: &str| full.strip_prefix("refs/heads/").unwrap_or(full).to_owned();
    if let Some(git2) = repo.git2() {
        let mut found = git2
            .references_glob(&format!("refs/heads/{}/*", escape_glob(name)))
            .map_err(WorktreeError::libgit2("list the branches"))?;
        return Ok(found.names().next().and_then(Result::ok).map(short));
    }
    let pattern = format!("refs/heads/{name}/");
    let text = repo.git().text(&["for-each-ref", "--count=1", "--format=%(refname)", &pattern])?;
    Ok(text.lines().next().map(short))
}

fn escape_glob(name: &str) -> String {
    name.chars().flat_map(|c| matches!(c, '*' | '?' | '[' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

/// Where the branch is checked out, or held by a rebase or a bisect.
pub(super) fn checked_out_at<'e>(entries: &'e [Entry], name: &str) -> Option<&'e Entry> {
    let full = format!("refs/heads/{name}");
    entries.iter().find(|entry| {
        let held = |file: &str, form: &str| {
            std::fs::read_to_string(entry.admin.join(file)).is_ok_and(|text| text.lines().any(|line| line == form))
        };
        (entry.branch.as_deref() == Some(name) && !entry.bare)
            || held("rebase-merge/head-name", &full)
            || held("rebase-merge/update-refs", &full)
            || held("rebase-apply/head-name", &full)
            || held("BISECT_START", name)
    })
}

/// A free id for the administrative directory: the wanted name, else with a number, as git does it. Names that
/// differ only in case are taken for the same: some file systems cannot keep both.
pub(super) fn free_id(entries: &[Entry], wanted: &str) -> String {
    let taken =
        |id: &str| entries.iter().filter_map(|entry| entry.id.as_deref()).any(|own| own.eq_ignore_ascii_case(id));
    let clean: String =
        wanted.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let clean = clean.trim_matches(|c| matches!(c, '.' | '-')).to_owned();
    let clean = if clean.is_empty() { "worktree".to_owned() } else { clean };
    if !taken(&clean) {
        return clean;
    }
    (1..=entries.len()).map(|number| format!("{clean}{number}")).find(|id| !taken(id)).unwrap_or(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_different_for_different_names() {
        assert_eq!(slug("SPEC-001"), "SPEC-001");
        let names = ["a/b", "a-b", "a b", "a_b", "한글", "..", "", "-x", "x".repeat(200).leak()];
        let slugs: Vec<String> = names.iter().map(|name| slug(name)).collect();
        for (at, slug) in slugs.iter().enumerate() {
            assert!(!slug.is_empty() && !slug.starts_with(['.', '-']) && !slug.contains('/'), "{slug}");
            assert!(!slugs[..at].contains(slug), "{slug}");
        }
    }

    #[test]
    fn branch_names_are_git_s() {
        for good in ["feature/SPEC-1", "x", "기능/하나"] {
            require_valid_branch(good).unwrap();
        }
        for bad in ["", "a b", "-x", "a..b", "x.lock", "a~b", "HEAD", "/x", "x/"] {
            assert!(require_valid_branch(bad).is_err(), "{bad}");
        }
    }
}
