//! `moai worktree status`: show one worktree, or all, in detail.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Show one worktree, or all, in detail
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree status`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
