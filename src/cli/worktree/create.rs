//! `moai worktree create`: create a worktree with its branch.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Create a worktree with its branch
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree create`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
