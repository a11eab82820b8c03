//! `moai worktree lock`: lock a worktree so that nothing removes it.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Lock a worktree so that nothing removes it
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree lock`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
