//! `moai worktree remove`: remove a worktree; refuses where work would be lost.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Remove a worktree; refuses where work would be lost
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree remove`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
