//! `moai worktree lock`: lock a worktree so that nothing removes it.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::set_lock;

use super::which::Trees;

/// Lock a worktree so that neither moai nor git removes it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree lock SPEC-1 --reason \"on a removable disk\"
  moai worktree unlock SPEC-1")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path or `@`
    #[arg(value_name = "WORKTREE")]
    name: Option<String>,
    /// Why; shown to whoever tries to remove it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    name: String,
    locked: bool,
    changed: bool,
}

/// Runs `moai worktree lock`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    lock(args.name.as_deref(), Some(&args.reason), world, ui)
}

/// Locks with a reason, or unlocks without one.
pub(super) fn lock(name: Option<&str>, reason: Option<&str>, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let trees = Trees::open(world)?;
    let entry = trees.named(ui, name, true)?;
    let changed = set_lock(&trees.repo, entry, reason)?;
    let locked = reason.is_some();
    if ui.json {
        return ui.answer_json(&Answer { schema: SCHEMA, name: entry.name(), locked, changed });
    }
    let now = if locked { "locked" } else { "unlocked" };
    let name = clean(&entry.name());
    ui.say(if changed { format!("{name} is {now}") } else { format!("{name} is {now} already") })
}
