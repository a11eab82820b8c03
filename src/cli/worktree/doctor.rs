//! `moai worktree doctor`: show whether libgit2 or the git executable serves this repository, and why.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Show whether libgit2 or the git executable serves this repository, and why
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree doctor`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
