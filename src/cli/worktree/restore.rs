//! `moai worktree restore`: bring a removed worktree back.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Bring a removed worktree back
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree restore`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
