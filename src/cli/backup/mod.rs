//! `moai backup`: what moai keeps at home in one encrypted file, and back.

mod make;
mod passphrase;
mod replace;
mod show;

use std::path::{Path, PathBuf};

use crate::backup;
use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::Ui;

/// Back up what moai keeps at home, and restore it
///
/// One encrypted file holds the configuration, the journal with its conversations and its key, and what was learned;
/// keys of vendors and of the gateway only with --with-keys. The passphrase is asked for on the terminal; programs give it
/// in `MOAI_BACKUP_PASSPHRASE` or with --passphrase-stdin. Without it nothing in the file can be read, by anybody.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  moai backup create                      into ~/.moai/backups, named by the moment
  moai backup create --keep 7             and only the newest seven stay
  moai backup create -o /media/usb        into another directory, or to a file
  moai backup list
  moai backup verify latest
  moai backup restore moai-2026-11-21T17-45-00Z.backup --dry-run"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Create(make::CreateArgs),
    Verify(show::VerifyArgs),
    Restore(replace::RestoreArgs),
    List(show::ListArgs),
}

/// Runs `moai backup`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::Create(args) => make::create(&args, world, ui),
        Command::Verify(args) => show::verify(&args, world, ui),
        Command::Restore(args) => replace::restore(&args, world, ui),
        Command::List(args) => show::list(&args, world, ui),
    }
}

/// Where backups lie that were given no other place.
fn shelf(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("backups"))
}

/// The backup that is meant: a path, `latest`, or the name of one in the usual directory.
fn meant(file: &str, world: &World) -> Result<PathBuf, Failure> {
    let shelf = shelf(world)?;
    if file == "latest" {
        return Ok(backup::newest(&shelf)?);
    }
    let here = world.cwd()?.join(file);
    let shelved = shelf.join(file);
    let plain = Path::new(file).components().count() == 1;
    Ok(if !here.exists() && plain && shelved.exists() { shelved } else { here })
}

/// A size for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}
