//! `moai worktree sync`: bring a worktree up to date with its base branch.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Bring a worktree up to date with its base branch
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree sync`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
