//! `moai status`: Show the backend.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use super::ui::Ui;

/// The command line of `moai status`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {}

/// Runs `moai status`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
