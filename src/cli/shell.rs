//! `moai completions`, `moai shell-init` and `moai man`: what a shell and a manual need of us.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use super::ui::Ui;

/// The commands that shells and installers call.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the completion script of a shell
    Completions {},
    /// Print the shell function that lets `moai worktree go` change the directory
    ShellInit {},
    /// Print the manual pages
    #[command(hide = true)]
    Man {},
}

/// Runs one of them.
pub(super) fn run(_command: Command, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
