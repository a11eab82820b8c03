//! `moai init`: Init.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use super::ui::Ui;

/// The command line of `moai init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `moai init`.
pub(super) fn run(_args: Args, _world: &World, _ui: &mut Ui) -> Result<(), Failure> {
    Err(Failure::new(Kind::Bug, "not built yet"))
}
