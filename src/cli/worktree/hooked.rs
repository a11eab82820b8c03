//! What Claude Code's own worktree hooks ask for, done as the commands do it.

use std::path::{Path, PathBuf};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{Ui, clean};
use crate::model::SpecId;
use crate::worktree::{Ask, BranchWish, Cause, plan_removal, remove, settle, slug};

use super::backend::seal;
use super::create::{Wish, make};
use super::which::Trees;

/// Makes the worktree `name`, or finds it: a second `claude -w NAME` goes to the same place.
pub(in crate::cli) fn hook_create(name: &str, glm: bool, world: &World, ui: &mut Ui) -> Result<PathBuf, Failure> {
    let wish = match name.parse::<SpecId>() {
        Ok(spec) => Wish::spec(&spec),
        Err(_) => Wish { name: slug(name), branch: name.to_owned(), ..Wish::default() },
    };
    let trees = Trees::open(world)?;
    let known = trees.entries.iter().find(|entry| {
        !entry.main
            && entry.prunable.is_none()
            && (entry.name() == wish.name || entry.branch.as_ref() == Some(&wish.branch))
    });
    if let Some(entry) = known {
        return Ok(entry.path.clone());
    }
    let made = make(&Wish { glm, ..wish }, world, ui)?;
    Ok(made.plan.path)
}

/// Removes the worktree at `path`; one that holds work stays, and that is said.
pub(in crate::cli) fn hook_remove(path: &Path, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let first = Trees::open(world)?;
    let mut taking = |record: &_, tree: &Path| seal(world, &first.repo, record, tree);
    settle(&first.repo, &mut taking)?;
    let trees = Trees::open(world)?;
    let text = path.to_string_lossy();
    let entry = trees.repo.find_entry(&trees.entries, &text)?;
    let base = trees.base(entry, None);
    let ask = Ask { force: false, branch: BranchWish::Keep, base: base.as_deref(), cause: Cause::Removed };
    plan_removal(&trees.repo, &trees.entries, entry, ask)?.require_free(&trees.repo, false)?;
    remove(&trees.repo, entry, ask, &mut taking)?;
    ui.say(format!("removed {}", clean(&entry.name())))
}
