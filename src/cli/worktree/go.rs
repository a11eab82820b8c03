//! `moai worktree go`: print where a worktree is (with the shell function of `moai shell-init`: go there).

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Print where a worktree is (with the shell function of `moai shell-init`: go there)
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai worktree go`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
