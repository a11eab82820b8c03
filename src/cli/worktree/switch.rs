//! `moai worktree switch`: go to a worktree, or start a program in it.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Go to a worktree, or start a program in it
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree switch`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
