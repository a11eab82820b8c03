//! `moai worktree list`: show every worktree: branch, changes, ahead and behind, backend, path.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Show every worktree: branch, changes, ahead and behind, backend, path
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree list`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
