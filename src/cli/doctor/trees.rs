//! Worktrees: what a killed command left, and what points nowhere.

use crate::base::failure::Failure;
use crate::worktree::Repo;

use super::Patient;
use super::finding::Finding;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    if patient.project.git.is_none() {
        return;
    }
    let repo = match Repo::open(patient.world) {
        Ok(repo) => repo,
        Err(error) => return findings.push(Finding::failure("repository", &error.into())),
    };
    if let Some(reason) = repo.unreadable() {
        let what = format!("libgit2 cannot read this repository ({reason}); the git executable is asked instead");
        findings.push(Finding::info("repository", what));
    }
    match repo.entries() {
        Err(error) => findings.push(Finding::failure("repository", &Failure::from(error))),
        Ok(entries) => {
            let linked = entries.iter().filter(|entry| !entry.main).count();
            findings.push(Finding::ok("worktrees", format!("worktrees beside the main checkout: {linked}")));
            for entry in &entries {
                if let Some(why) = &entry.prunable {
                    let finding = Finding::warn("worktree-gone", format!("a worktree is registered and gone: {why}"));
                    findings.push(
                        finding
                            .at(patient.world.tilde(&entry.path))
                            .todo("`moai worktree recover`, or `git worktree prune`"),
                    );
                }
            }
        }
    }
}
