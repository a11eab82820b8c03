//! `moai worktree recover`: repair what a killed command, a moved or a deleted directory left behind.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Repair what a killed command, a moved or a deleted directory left behind
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree recover`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
