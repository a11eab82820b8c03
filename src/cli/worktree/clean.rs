//! `moai worktree clean`: show what can be cleaned up, and with --yes do it.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Show what can be cleaned up, and with --yes do it
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree clean`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
