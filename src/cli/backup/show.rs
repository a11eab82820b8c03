//! `moai backup verify` and `moai backup list`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::backup::{self, Archive, Manifest};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::costs::counted;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};

use super::passphrase::{self, PassphraseArgs};
use super::{meant, shelf, size};

/// Read all of a backup, and say what is in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai backup verify latest
  moai backup verify /media/usb/moai-2026-11-21T17-45-00Z.backup --json")]
pub(super) struct VerifyArgs {
    /// The file, or `latest`
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// List backups, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai backup list
  moai backup list /media/usb --json")]
pub(super) struct ListArgs {
    /// The directory instead of ~/.moai/backups
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs `moai backup verify`.
pub(super) fn verify(args: &VerifyArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let path = meant(&args.file, world)?;
    let passphrase = passphrase::known(args.passphrase, world, ui)?;
    let archive = Archive::open(&path, &passphrase)?;
    let manifest = archive.manifest();
    if ui.json {
        let mut document = document(manifest);
        if let Some(object) = document.as_object_mut() {
            object.insert("file".into(), json!(path));
        }
        return ui.answer_json(&document);
    }
    files(manifest, ui)?;
    ui.say(format!("{} is whole: {}", world.tilde(&path), summary(manifest)))
}

/// What is in a backup, in one line.
pub(super) fn summary(manifest: &Manifest) -> String {
    let made = manifest.created.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("{}, made {made} on {}", held(manifest), clean(&manifest.machine))
}

/// How much it is.
pub(super) fn held(manifest: &Manifest) -> String {
    let files = counted(u64::try_from(manifest.files.len()).unwrap_or(u64::MAX), "file");
    let rows =
        manifest.rows.map_or_else(|| "no journal".into(), |rows| format!("a journal of {}", counted(rows, "row")));
    let keys = if manifest.keys { "with keys" } else { "without keys" };
    format!("{files}, {rows}, {keys}")
}

/// The files of a backup as a table.
pub(super) fn files(manifest: &Manifest, ui: &mut Ui) -> Result<(), Failure> {
    let mut table = Table::new([Column::shrinking("file"), Column::fixed("size")]);
    for file in &manifest.files {
        table.row([(file.path.clone(), Style::Plain), (size(file.size), Style::Dim)]);
    }
    ui.answer_table(&table)
}

/// A backup as JSON.
pub(super) fn document(manifest: &Manifest) -> Value {
    let files = manifest.files.iter().map(|file| json!({ "path": file.path, "size": file.size }));
    json!({
        "schema": SCHEMA,
        "created": manifest.created,
        "machine": manifest.machine,
        "moai": manifest.moai,
        "keys": manifest.keys,
        "rows": manifest.rows,
        "files": files.collect::<Vec<_>>(),
    })
}

/// Runs `moai backup list`.
pub(super) fn list(args: &ListArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let dir = match &args.dir {
        Some(dir) => world.cwd()?.join(dir),
        None => shelf(world)?,
    };
    let found = backup::shelved(&dir)?;
    if ui.json {
        let backups = found.iter().map(|it| json!({ "file": it.path, "size": it.size, "created": it.created }));
        let backups: Vec<Value> = backups.collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "directory": dir, "backups": backups }));
    }
    if found.is_empty() {
        ui.say(format!("no backups in {}", world.tilde(&dir)))?;
        return ui.hint("make one: `moai backup create`");
    }
    let mut table = Table::new([Column::shrinking("backup"), Column::fixed("made"), Column::fixed("size")]);
    for it in &found {
        let name = it.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let made = it.created.map_or_else(|| "-".into(), |made| made.to_string());
        table.row([(name, Style::Bold), (made, Style::Plain), (size(it.size), Style::Dim)]);
    }
    ui.answer_table(&table)
}
