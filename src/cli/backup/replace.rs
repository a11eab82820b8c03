//! `moai backup restore`.

use std::path::Path;

use serde_json::json;

use crate::backup::{self, Archive, JOURNAL};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::costs::counted;
use crate::cli::here::Here;
use crate::cli::serve::state::{self, Presence};
use crate::cli::ui::Ui;
use crate::journal::key::KEY_VAR;

use super::passphrase::{self, PassphraseArgs};
use super::{make, meant, shelf, show};

/// Put what is in a backup in the place of what is at home
///
/// A home that is not empty is left alone, unless --force is given: then what is there is backed up first, with the same
/// passphrase and with its keys. Logs stay, and so do keys where the backup has none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai backup restore latest --dry-run
  moai backup restore /media/usb/moai-2026-11-21T17-45-00Z.backup
  moai backup restore latest --force
  MOAI_HOME=/tmp/look moai backup restore ~/.moai/backups/moai-2026-11-21T17-45-00Z.backup")]
pub(super) struct RestoreArgs {
    /// The file, or `latest`
    #[arg(value_name = "FILE")]
    file: String,
    /// Replace what is there, after backing it up
    #[arg(long)]
    force: bool,
    /// Show what is in it, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Runs `moai backup restore`.
pub(super) fn restore(args: &RestoreArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let home = world.moai_home()?;
    let path = meant(&args.file, world)?;
    let passphrase = passphrase::known(args.passphrase, world, ui)?;
    let archive = Archive::open(&path, &passphrase)?;
    let empty = backup::is_empty(&home)?;
    if args.dry_run {
        return dry(&archive, empty, &home, world, ui);
    }
    if !empty && !args.force {
        return Err(backup::BackupError::NotEmpty { home }.into());
    }
    require_rest(world)?;
    let kept = if empty {
        None
    } else {
        let kept = backup::free_name(&shelf(world)?, world.now());
        Some(make::write(&kept, true, &passphrase, world, ui)?.path)
    };
    let restored = backup::restore(&archive, &home, |stage| require_readable(&archive, stage, world))?;
    if ui.json {
        let mut document = show::document(archive.manifest());
        if let Some(object) = document.as_object_mut() {
            object.insert("home".into(), json!(home));
            object.insert("dry_run".into(), false.into());
            object.insert("empty".into(), empty.into());
            object.insert("kept".into(), json!(kept));
        }
        return ui.answer_json(&document);
    }
    if let Some(kept) = &kept {
        ui.say(format!("what was there is in {}", world.tilde(kept)))?;
    }
    let files = counted(u64::try_from(restored.files).unwrap_or(u64::MAX), "file");
    let are = if restored.files == 1 { "is" } else { "are" };
    ui.say(format!("{files} {are} restored into {}", world.tilde(&home)))?;
    if !archive.manifest().keys {
        ui.hint("keys are not in this backup: `moai key list` shows which there are")?;
    }
    Ok(())
}

fn dry(archive: &Archive, empty: bool, home: &Path, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        let mut document = show::document(archive.manifest());
        if let Some(object) = document.as_object_mut() {
            object.insert("home".into(), json!(home));
            object.insert("dry_run".into(), true.into());
            object.insert("empty".into(), empty.into());
            object.insert("kept".into(), json!(null));
        }
        return ui.answer_json(&document);
    }
    show::files(archive.manifest(), ui)?;
    let home = world.tilde(home);
    let there = if empty { "is empty".to_owned() } else { "is not empty: it takes --force".to_owned() };
    ui.say(format!("{}; {home} {there}", show::summary(archive.manifest())))
}

/// A gateway would go on writing into the files that are replaced.
fn require_rest(world: &World) -> Result<(), Failure> {
    match state::look(world)? {
        Presence::Running(_) | Presence::Starting => {
            Err(Failure::new(Kind::Expected, "a gateway runs on what would be replaced")
                .with_code("running")
                .hint("stop it first: `moai serve stop`"))
        }
        Presence::None | Presence::Stale(_) => Ok(()),
    }
}

/// The restored journal has to open with its own key before it takes the place of another one.
fn require_readable(archive: &Archive, stage: &Path, world: &World) -> Result<(), Failure> {
    if !archive.manifest().has(JOURNAL) {
        return Ok(());
    }
    if world.env.text(KEY_VAR).is_some() {
        let message = format!("{KEY_VAR} is set, and the restored journal has a key of its own");
        return Err(Failure::new(Kind::Config, message).with_code("journal-key").hint(format!(
            "run it without: `env -u {KEY_VAR} moai backup restore FILE`; afterwards the key is in ~/.moai/journal"
        )));
    }
    let mut staged = world.clone();
    staged.env.set("MOAI_HOME", stage);
    let here = Here::quietly(&staged)?;
    let mut books = Books::open(&staged, &here, None)?;
    let rows = books.journal()?.rows()?;
    match archive.manifest().rows {
        Some(expected) if expected != rows => {
            Err(Failure::new(Kind::Bug, format!("the restored journal has {rows} rows instead of {expected}")))
        }
        _ => Ok(()),
    }
}
