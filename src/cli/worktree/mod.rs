//! `moai worktree`: several SPECs at once, each in a checkout of its own. One file per subcommand.

mod backend;
mod clean;
mod config;
pub(super) mod create;
mod doctor;
mod done;
mod go;
mod hooked;
mod list;
mod lock;
pub(super) mod recover;
mod remove;
mod restore;
mod status;
mod switch;
mod sync;
mod unlock;
mod view;
pub(super) mod which;

use clap::Subcommand;

pub(super) use hooked::{hook_create, hook_remove};

use crate::base::failure::Failure;
use crate::base::world::World;

use crate::cli::ui::Ui;

/// Work on several SPECs at once, each in a checkout of its own
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(visible_alias = "new")]
    Create(create::Args),
    Go(go::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Switch(switch::Args),
    #[command(visible_alias = "rm")]
    Remove(remove::Args),
    Restore(restore::Args),
    Status(status::Args),
    Sync(sync::Args),
    Clean(clean::Args),
    Recover(recover::Args),
    Done(done::Args),
    Config(config::Args),
    Doctor(doctor::Args),
    Lock(lock::Args),
    Unlock(unlock::Args),
}

/// Runs `moai worktree`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::Create(args) => create::run(args, world, ui),
        Command::Go(args) => go::run(&args, world, ui),
        Command::List(args) => list::run(&args, world, ui),
        Command::Switch(args) => switch::run(&args, world, ui),
        Command::Remove(args) => remove::run(&args, world, ui),
        Command::Restore(args) => restore::run(&args, world, ui),
        Command::Status(args) => status::run(&args, world, ui),
        Command::Sync(args) => sync::run(&args, world, ui),
        Command::Clean(args) => clean::run(&args, world, ui),
        Command::Recover(args) => recover::run(&args, world, ui),
        Command::Done(args) => done::run(&args, world, ui),
        Command::Config(args) => config::run(&args, world, ui),
        Command::Doctor(args) => doctor::run(&args, world, ui),
        Command::Lock(args) => lock::run(&args, world, ui),
        Command::Unlock(args) => unlock::run(&args, world, ui),
    }
}
