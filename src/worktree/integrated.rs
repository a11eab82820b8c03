//! Whether a branch's work is already in its base, so that dropping the branch drops nothing.
//!
//! A merge commit leaves the branch an ancestor of the base; a squash or a rebase does not, and then the content
//! decides. The checks run from the cheapest to the dearest and stop at the first that holds. What cannot be
//! decided counts as not integrated.

use std::collections::HashSet;
use std::path::Path;

use git2::{DiffOptions, Oid, Repository};

use super::git::Git;

/// Why a branch holds nothing that its base does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrated {
    /// Both point at the same commit.
    SameCommit,
    /// The base contains the branch's commit: a fast-forward or a merge commit.
    Ancestor,
    /// The branch has commits, and together they change nothing.
    NoAddedChanges,
    /// Both have the same files.
    SameTree,
    /// Merging the branch would change nothing in the base: a squash or a rebase, perhaps with later work on top.
    MergeAddsNothing,
    /// One commit of the base makes the same change as the whole branch: a squash that was changed over later.
    SamePatch,
}

impl Integrated {
    /// The word of the JSON answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameCommit => "same-commit",
            Self::Ancestor => "ancestor",
            Self::NoAddedChanges => "no-added-changes",
            Self::SameTree => "same-tree",
            Self::MergeAddsNothing => "merge-adds-nothing",
            Self::SamePatch => "same-patch",
        }
    }

    /// For people: the end of a sentence that starts with the branch.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::SameCommit => "is the same commit as",
            Self::Ancestor => "is contained in",
            Self::NoAddedChanges => "changes nothing compared to",
            Self::SameTree => "has the same files as",
            Self::MergeAddsNothing => "would add nothing to",
            Self::SamePatch => "was squashed into",
        }
    }
}

/// How many commits of the base are compared by patch; a squash further back is not found.
const PATCHES: usize = 500;

/// The repository, opened so that what a merge makes up on the way stays in memory: looking must not write.
pub(super) fn open_to_look(path: &Path) -> Result<Repository, git2::Error> {
    /// Above the loose objects (1) and the packs (2) of libgit2.
    const FIRST: i32 = 1000;
    let repo = Repository::open(path)?;
    repo.odb()?.add_new_mempack_backend(FIRST)?;
    Ok(repo)
}

/// Whether the dear last check is made too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thorough {
    /// For a table that must be quick.
    No,
    /// Before something is deleted.
    Yes,
}

/// Why the commit `branch` is integrated in the commit `base`; `None` where it is not. `repo` is one that was
/// opened to look.
pub(super) fn by_libgit2(
    repo: &Repository,
    branch: Oid,
    base: Oid,
    thorough: Thorough,
) -> Result<Option<Integrated>, git2::Error> {
    if branch == base {
        return Ok(Some(Integrated::SameCommit));
    }
    if repo.graph_descendant_of(base, branch)? {
        return Ok(Some(Integrated::Ancestor));
    }
    let (branch_commit, base_commit) = (repo.find_commit(branch)?, repo.find_commit(base)?);
    let Ok(fork) = repo.merge_base(branch, base) else { return Ok(None) };
    let fork_tree = repo.find_commit(fork)?.tree()?;
    let (branch_tree, base_tree) = (branch_commit.tree()?, base_commit.tree()?);
    if branch_tree.id() == fork_tree.id() {
        return Ok(Some(Integrated::NoAddedChanges));
    }
    if branch_tree.id() == base_tree.id() {
        return Ok(Some(Integrated::SameTree));
    }
    let mut merged = repo.merge_trees(&fork_tree, &base_tree, &branch_tree, None)?;
    if !merged.has_conflicts() && merged.write_tree_to(repo)? == base_tree.id() {
        return Ok(Some(Integrated::MergeAddsNothing));
    }
    if thorough == Thorough::No {
        return Ok(None);
    }
    let whole = patch(repo, &fork_tree, &branch_tree)?;
    let mut walk = repo.revwalk()?;
    walk.push(base)?;
    walk.hide(fork)?;
    let mut seen = HashSet::new();
    for id in walk.take(PATCHES) {
        let commit = repo.find_commit(id?)?;
        let Ok(parent) = commit.parent(0) else { continue };
        if seen.insert(commit.tree_id()) && patch(repo, &parent.tree()?, &commit.tree()?)? == whole {
            return Ok(Some(Integrated::SamePatch));
        }
    }
    Ok(None)
}

fn patch(repo: &Repository, old: &git2::Tree<'_>, new: &git2::Tree<'_>) -> Result<Oid, git2::Error> {
    let mut options = DiffOptions::new();
    repo.diff_tree_to_tree(Some(old), Some(new), Some(&mut options))?.patchid(None)
}

/// The same through the git executable, for repositories that libgit2 cannot read; without the last check.
pub(super) fn by_git(git: &Git<'_>, branch: &str, base: &str) -> Option<Integrated> {
    if branch == base {
        return Some(Integrated::SameCommit);
    }
    if git.run(&["merge-base", "--is-ancestor", branch, base]).is_ok_and(|spoken| spoken.ok()) {
        return Some(Integrated::Ancestor);
    }
    let tree = |commit: &str| git.text(&["rev-parse", "--verify", "--quiet", &format!("{commit}^{{tree}}")]).ok();
    let fork = git.text(&["merge-base", branch, base]).ok()?;
    let (branch_tree, base_tree) = (tree(branch)?, tree(base)?);
    if branch_tree == tree(&fork)? {
        return Some(Integrated::NoAddedChanges);
    }
    if branch_tree == base_tree {
        return Some(Integrated::SameTree);
    }
    let merged = git.text(&["merge-tree", "--write-tree", "--no-messages", base, branch]).ok()?;
    (merged == base_tree).then_some(Integrated::MergeAddsNothing)
}
