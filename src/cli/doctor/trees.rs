//! Worktrees: what killed commands left, what points nowhere, and what git has forgotten.

use crate::base::failure::Failure;
use crate::worktree::{Entry, Repo, Stray, interrupted, strays, trash};

use super::Patient;
use super::finding::{Finding, Fix};

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    if patient.project.git.is_none() {
        return;
    }
    let repo = match Repo::open(patient.world) {
        Ok(repo) => repo,
        Err(error) => return findings.push(Finding::failure("repository", &error.into())),
    };
    if let Some(reason) = repo.unreadable() {
        let what = format!("this repository {reason}: the git executable is asked instead of libgit2");
        findings.push(Finding::info("repository", what));
    }
    findings.extend(half_done(&repo));
    match repo.entries() {
        Err(error) => findings.push(Finding::failure("repository", &Failure::from(error))),
        Ok(entries) => {
            let linked = entries.iter().filter(|entry| !entry.main).count();
            findings.push(Finding::ok("worktrees", format!("worktrees beside the main checkout: {linked}")));
            findings.extend(entries.iter().filter_map(|entry| gone(patient, entry)));
            let strays = strays(&repo, &entries, &[]).into_iter();
            findings.extend(strays.map(|(path, stray)| {
                Finding::warn("worktree-stray", stray_words(&stray))
                    .at(patient.world.tilde(&path))
                    .todo("`moai worktree recover --dry-run` shows what can be mended")
            }));
        }
    }
}

/// What commands left that were killed in the middle.
fn half_done(repo: &Repo) -> Option<Finding> {
    let made = interrupted(repo);
    let removed = trash(repo).map_or(0, |records| records.iter().filter(|record| !record.sealed).count());
    let what = match (made, removed) {
        (0, 0) => return None,
        (made, 0) => format!("{made} worktree(s) half made by a killed command"),
        (0, removed) => format!("{removed} worktree(s) half removed by a killed command"),
        (made, removed) => format!("{made} worktree(s) half made and {removed} half removed by killed commands"),
    };
    Some(Finding::warn("worktree-half-done", what).todo("`moai worktree recover`").fix(Fix::Recover))
}

fn gone(patient: &Patient<'_>, entry: &Entry) -> Option<Finding> {
    let why = entry.prunable.as_ref()?;
    Some(
        Finding::warn("worktree-gone", format!("a worktree is registered and gone: {why}"))
            .at(patient.world.tilde(&entry.path))
            .todo("`moai worktree recover PATH` where it was moved to PATH, else `moai worktree clean`"),
    )
}

fn stray_words(stray: &Stray) -> &'static str {
    match stray {
        Stray::Moved { .. } => "a worktree was moved here, and git looks for it elsewhere",
        Stray::RepositoryMoved { .. } => "the repository was moved, and this worktree looks for it elsewhere",
        Stray::Forgotten { .. } | Stray::Unknown => "git has forgotten this worktree",
        Stray::Copy { .. } => "this is a copy of another worktree; committing in it confuses both",
    }
}
