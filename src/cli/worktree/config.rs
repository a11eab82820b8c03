//! `moai worktree config`: show where new worktrees go and why.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Show where new worktrees go and why
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree config`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
