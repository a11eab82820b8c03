//! `moai worktree unlock`: unlock a worktree.

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;

use super::lock::lock;

/// Unlock a worktree
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree unlock SPEC-1")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path or `@`
    #[arg(value_name = "WORKTREE")]
    name: Option<String>,
}

/// Runs `moai worktree unlock`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    lock(args.name.as_deref(), None, world, ui)
}
