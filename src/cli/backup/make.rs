//! `moai backup create`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::backup::{self, CONFIG, Content, Item, JOURNAL, JOURNAL_KEY, Manifest, Written};
use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::failure::Failure;
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{SCHEMA, Ui};

use super::passphrase::{self, PassphraseArgs};
use super::{shelf, show, size};

/// Make a backup, also while the gateway runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai backup create
  moai backup create --with-keys --keep 7
  moai backup create -o /media/usb --passphrase-stdin < ~/.backup-passphrase
  MOAI_BACKUP_PASSPHRASE=… moai backup create --json")]
pub(super) struct CreateArgs {
    /// The file, or the directory for it, instead of ~/.moai/backups
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Also the keys: of vendors, and those that open the gateway
    #[arg(long)]
    with_keys: bool,
    /// Afterwards remove all but the newest N that moai named itself, in the same directory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Runs `moai backup create`.
pub(super) fn create(args: &CreateArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let path = target(args.output.as_deref(), world)?;
    let passphrase = passphrase::new(args.passphrase, world, ui)?;
    let written = write(&path, args.with_keys, &passphrase, world, ui)?;
    let dir = path.parent().unwrap_or_else(|| Path::new("/"));
    let removed = args.keep.map(|keep| backup::prune(dir, keep.into())).transpose()?.unwrap_or_default();
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "file": written.path,
            "size": written.size,
            "files": written.manifest.files.len(),
            "rows": written.manifest.rows,
            "keys": written.manifest.keys,
            "removed": removed,
        }));
    }
    ui.answer(written.path.display().to_string())?;
    ui.say(format!("{}: {}", show::held(&written.manifest), size(written.size)))?;
    for old in &removed {
        ui.say(format!("removed {}", world.tilde(old)))?;
    }
    Ok(())
}

/// Where it is to be written: never over something.
fn target(output: Option<&Path>, world: &World) -> Result<PathBuf, Failure> {
    let wanted = output.map(|path| world.cwd().map(|cwd| cwd.join(path))).transpose()?;
    match wanted {
        None => Ok(backup::free_name(&shelf(world)?, world.now())),
        Some(dir) if dir.is_dir() => Ok(backup::free_name(&dir, world.now())),
        Some(path) if path.exists() => Err(Failure::expected(format!("{} is there already", world.tilde(&path)))
            .with_code("exists")
            .hint("give a directory or another name; a backup never replaces a file")),
        Some(path) => Ok(path),
    }
}

/// Writes a backup of the home as it is now.
pub(super) fn write(
    path: &Path,
    keys: bool,
    passphrase: &Secret,
    world: &World,
    ui: &mut Ui,
) -> Result<Written, Failure> {
    let home = world.moai_home()?;
    let here = Here::quietly(world)?;
    let shelf = shelf(world)?;
    disk::create_dirs(&shelf, Access::Private)?;
    let _lock = Lock::take(&shelf.join("backup.lock"), Duration::from_secs(60), || {})?;
    sweep(&shelf)?;
    let mut items = backup::gather(&home, keys)?;
    own_settings(&here, &home, &mut items)?;
    let stage = tempfile::Builder::new().prefix(STAGE).tempdir_in(&shelf).map_err(DiskError::io("create", &shelf))?;
    let mut books = Books::open(world, &here, None)?;
    let mut rows = None;
    if books.reported(ui)?.is_some() {
        let copy = stage.path().join("journal.db");
        let (key, count) = books.copy_to(&copy)?;
        rows = Some(count);
        items.push(Item { path: JOURNAL.into(), mode: 0o600, content: Content::File(copy) });
        items.push(Item { path: JOURNAL_KEY.into(), mode: 0o600, content: Content::Secret(key) });
    }
    let about = Manifest {
        schema: 1,
        moai: env!("CARGO_PKG_VERSION").into(),
        created: world.now(),
        machine: world.machine(),
        keys,
        rows,
        files: Vec::new(),
    };
    Ok(backup::create(path, about, &items, passphrase)?)
}

/// The person's settings may be in another file (`MOAI_CONFIG`): then that one counts, and is in the backup.
fn own_settings(here: &Here, home: &Path, items: &mut Vec<Item>) -> Result<(), Failure> {
    let Some(path) = here.config.files().user.as_ref().filter(|path| **path != home.join(CONFIG)) else {
        return Ok(());
    };
    if let Some(text) = disk::read_text(path)? {
        items.retain(|item| item.path != CONFIG);
        items.push(Item { path: CONFIG.into(), mode: 0o600, content: Content::Bytes(text.into_bytes()) });
    }
    Ok(())
}

/// The directories of copies begin so.
const STAGE: &str = ".moai-copy-";

/// Removes what a killed backup left. The caller holds the lock.
fn sweep(shelf: &Path) -> Result<(), Failure> {
    let entries = std::fs::read_dir(shelf).map_err(DiskError::io("read", shelf))?;
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGE)) {
        std::fs::remove_dir_all(entry.path()).map_err(DiskError::io("remove", &entry.path()))?;
    }
    Ok(())
}
