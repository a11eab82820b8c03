//! `moai worktree unlock`: unlock a worktree.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Unlock a worktree
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree unlock`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
