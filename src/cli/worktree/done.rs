//! `moai worktree done`: finish a SPEC: merge its branch, remove its worktree.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Finish a SPEC: merge its branch, remove its worktree
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree done`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
