//! `moai worktree`: worktrees.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// The command line of `moai worktree`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
