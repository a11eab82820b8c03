//! Whether our own engine can serve a repository: every reason why not, before anything is touched.

use super::donor::Donor;
use super::engine::Engine;
use super::entry::Entry;
use super::error::WorktreeError;
use super::facts::Facts;
use super::git::Git;
use super::reason::Reason;
use super::repo::Repo;
use super::tree::{Tree, suspicious};

/// What our own engine works with.
#[derive(Debug)]
pub(super) struct Material {
    pub tree: Tree,
    pub donor: Donor,
}

/// Who does the work, and why.
#[derive(Debug)]
pub(super) struct Choice {
    /// Ours with its material, or `None` for git.
    pub native: Option<Material>,
    /// Why git; empty where it is ours.
    pub reasons: Vec<Reason>,
}

/// Every reason why git has to serve this repository; none where ours can.
pub fn preflight(repo: &Repo) -> Result<Vec<Reason>, WorktreeError> {
    let mut reasons = Facts::read(repo).reasons;
    if reasons.is_empty() {
        reasons.extend(Donor::find(repo, &repo.entries()?, None).err());
    }
    Ok(reasons)
}

/// Decides who makes a worktree on `commit`, and gathers what our own engine needs for it.
pub(super) fn decide(
    repo: &Repo,
    facts: &Facts,
    entries: &[Entry],
    engine: Engine,
    commit: &str,
) -> Result<Choice, WorktreeError> {
    let mut reasons = facts.reasons.clone();
    let mut native = None;
    if engine == Engine::Git {
        reasons = vec![Reason::Asked];
    } else if reasons.is_empty() {
        match gather(repo, entries, commit)? {
            Ok(material) => native = Some(material),
            Err(reason) => reasons.push(reason),
        }
    }
    if engine == Engine::Native
        && let Some(reason) = reasons.first()
    {
        return Err(WorktreeError::refused("engine", format!("this repository {reason}"))
            .hint("leave --engine native out: git does the work then"));
    }
    if !reasons.is_empty() && !Git::installed(repo.world()) {
        let why = reasons.first().map(ToString::to_string).unwrap_or_default();
        return Err(WorktreeError::refused("git-missing", format!("this repository {why}, and git is not installed"))
            .hint("install git and run the same command again"));
    }
    Ok(Choice { native, reasons })
}

fn gather(repo: &Repo, entries: &[Entry], commit: &str) -> Result<Result<Material, Reason>, WorktreeError> {
    let Some(git2) = repo.git2() else { return Ok(Err(Reason::NoDonor)) };
    let chosen = match Donor::choose(repo, entries, Some(commit)) {
        Ok(chosen) => chosen,
        Err(reason) => return Ok(Err(reason)),
    };
    let root = git2
        .revparse_single(commit)
        .and_then(|object| object.peel_to_commit())
        .map_err(WorktreeError::libgit2("read the commit"))?
        .tree_id();
    let odb = git2.odb().map_err(WorktreeError::libgit2("open the object store"))?;
    let donor = match Donor::load(chosen) {
        Ok(donor) => donor,
        Err(reason) => return Ok(Err(reason)),
    };
    let tree = Tree::gather(&odb, root, &donor)?;
    if let Some(path) = unknown_paths(&tree, &donor).find(|path| suspicious(path)) {
        return Ok(Err(Reason::SuspiciousPath(String::from_utf8_lossy(path).into_owned())));
    }
    Ok(Ok(Material { tree, donor }))
}

/// The paths that are not in the donor's index; git has not judged those yet.
fn unknown_paths<'a>(tree: &'a Tree, donor: &'a Donor) -> impl Iterator<Item = &'a [u8]> {
    let mut held = donor.held.iter().peekable();
    tree.items.iter().map(|item| &*item.path).filter(move |path| {
        while held.next_if(|held| *held.path < **path).is_some() {}
        held.peek().is_none_or(|held| *held.path != **path)
    })
}
