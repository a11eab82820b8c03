//! `moai config import`: another program's configuration in the person's own file. Shows what it understood, what it
//! leaves out and the change, and asks before it writes.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Failure, Kind};
use crate::base::secret::hide_keys;
use crate::base::world::World;
use crate::catalog;
use crate::cli::here::Here;
use crate::cli::ui::{Column, Paint, SCHEMA, Style, Table, Ui, clean, unified};
use crate::config::edit::{self, Edit};
use crate::config::import::{self, FoundKey, Import};
use crate::config::{CONFIG_VAR, Config, Routing};
use crate::keys::{self, Place};

/// Take over the configuration of another program: `OpenClaw`, claude-code-router, or the files of seed 003
///
/// What the file is, its content says. Its providers, models and routes become settings in ~/.moai/config.toml, which
/// is changed in place. First you see what was understood, what has no place in moai and why, and the change itself.
/// Keys in the file are never shown and never written into the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config import ~/.openclaw/openclaw.json --dry-run
  moai config import ~/.claude-code-router/config.json
  moai config import ~/.claude-code-router/config.json --yes --with-keys
  moai config import config/agent_model.yaml --dry-run --json")]
pub(super) struct ImportArgs {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also save the keys that stand in the file, as `moai key set` does
    #[arg(long)]
    with_keys: bool,
}

/// Runs `moai config import`.
pub(super) fn import(args: &ImportArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let text = read(&args.file, world, ui)?;
    let here = Here::look(world, ui)?;
    let routing = Routing::load(world, &here.project, &here.config)?;
    let shown = clean(&args.file);
    let import = import::understand(&shown, &text, &routing, is_container())?;
    let edit = planned(&here, &import)?;
    require_sense(&edit, world, &here)?;
    let keys = keys_of(&import, &here, world);
    let to_save = keys.iter().filter(|key| args.with_keys && key.state == KeyState::New).count();
    let nothing = !edit.changes() && to_save == 0;
    if !ui.json {
        report(&args.file, &import, &edit, &keys, world, ui)?;
    }
    if args.dry_run || nothing {
        if ui.json {
            return ui.answer_json(&document(&import, &edit, &keys, args, world));
        }
        let why = if nothing { "nothing to change" } else { "nothing was changed (--dry-run)" };
        return ui.say(why);
    }
    if !args.yes && !ui.confirm("take this over?", "--yes, or look first with --dry-run")? {
        return ui.say("nothing was changed");
    }
    write(&edit, &import, world)?;
    let saved = if args.with_keys { save(&keys, world)? } else { Vec::new() };
    if ui.json {
        return ui.answer_json(&document(&import, &edit, &keys, args, world));
    }
    told(&edit, &saved, world, ui)
}

fn read(file: &str, world: &World, ui: &mut Ui) -> Result<String, Failure> {
    if file == "-" {
        return ui.read_stdin();
    }
    let path = world.cwd()?.join(file);
    disk::read_text(&path)?.ok_or_else(|| {
        Failure::new(Kind::Expected, format!("there is no file {}", clean(&world.tilde(&path)))).with_code("no-file")
    })
}

/// Whether moai itself runs in a container: its engine leaves a mark.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
}

fn planned(here: &Here, import: &Import) -> Result<Edit, Failure> {
    let wishes = import.wishes.iter().map(|wish| (&wish.name, &wish.value));
    Ok(edit::plan_all(here.config.files(), wishes)?)
}

/// The new file is tried before it takes the old one's place: what does not fit together is not written.
fn require_sense(edit: &Edit, world: &World, here: &Here) -> Result<(), Failure> {
    if !edit.changes() {
        return Ok(());
    }
    let dir = tempfile::Builder::new().prefix("moai-import-").tempdir().map_err(DiskError::io("create", &edit.path))?;
    let copy = dir.path().join("config.toml");
    disk::replace_unsynced(&copy, edit.new.as_bytes(), Access::Private)?;
    let mut trial = world.clone();
    trial.env.set(CONFIG_VAR, &copy);
    let tried = Config::load(&trial, &here.project).and_then(|config| Routing::load(&trial, &here.project, &config));
    tried.map(drop).map_err(|error| {
        let failure = Failure::from(error);
        let said = failure.chain().join(": ").replace(&copy.display().to_string(), "the new configuration");
        Failure::new(Kind::Config, said)
            .context("what this file says does not fit to what is configured here; nothing was changed")
            .with_code("does-not-fit")
            .hint("see what it would set: `moai config import FILE --dry-run`; correct the file, and import again")
    })
}

/// Writes the change that was shown, and keeps the file as it was beside it.
fn write(edit: &Edit, import: &Import, world: &World) -> Result<(), Failure> {
    if !edit.changes() {
        return Ok(());
    }
    let _lock = edit::lock(world)?;
    let now = planned(&Here::quietly(world)?, import)?;
    if now != *edit {
        return Err(Failure::expected(format!("{} changed meanwhile; nothing was written", world.tilde(&edit.path)))
            .with_code("changed")
            .hint("run the command again"));
    }
    if !edit.old.is_empty() {
        disk::replace(&before(edit), edit.old.as_bytes(), Access::Private)?;
    }
    edit.write()?;
    Ok(())
}

/// Where the file is kept as it was.
fn before(edit: &Edit) -> std::path::PathBuf {
    let mut name = edit.path.clone().into_os_string();
    name.push(".before-import");
    name.into()
}

/// A key of the file, and what is to be done about it.
struct Key<'a> {
    found: &'a FoundKey,
    state: KeyState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyState {
    /// moai has none of this provider.
    New,
    /// moai has this very key.
    Same,
    /// moai has another one, which stays.
    Other,
    /// It is no key of those that moai keeps: a variable has to hold it.
    Variable,
    /// It cannot be a key.
    Unusable,
}

impl KeyState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Same => "same",
            Self::Other => "other",
            Self::Variable => "variable",
            Self::Unusable => "unusable",
        }
    }
}

fn keys_of<'a>(import: &'a Import, here: &Here, world: &World) -> Vec<Key<'a>> {
    let state = |found: &FoundKey| {
        let Some(id) = found.stored else { return KeyState::Variable };
        match keys::find(world, id, &here.lookup()) {
            _ if keys::check_secret(&found.secret).is_err() => KeyState::Unusable,
            Ok(Some(there)) if there.secret == found.secret => KeyState::Same,
            Ok(None) => KeyState::New,
            _ => KeyState::Other,
        }
    };
    import.keys.iter().map(|found| Key { found, state: state(found) }).collect()
}

/// What a person does about a key.
fn advice(key: &Key<'_>) -> String {
    let name = key.found.stored.map_or("", |id| id.as_str());
    match key.state {
        KeyState::New => format!("save it with --with-keys, or with `moai key set {name}`"),
        KeyState::Same => "moai has it already".into(),
        KeyState::Other => format!("moai has another one, which stays: `moai key set {name}` replaces it"),
        KeyState::Variable => {
            let variable = key.found.variable.as_deref().unwrap_or_default();
            format!("moai looks for it in {variable}: export it where your shell starts")
        }
        KeyState::Unusable => "it cannot be a key".into(),
    }
}

fn save<'a>(keys: &'a [Key<'a>], world: &World) -> Result<Vec<&'a FoundKey>, Failure> {
    let mut saved = Vec::new();
    for key in keys.iter().filter(|key| key.state == KeyState::New) {
        if let Some(id) = key.found.stored {
            keys::store(world, id, &key.found.secret, Place::File)?;
            saved.push(key.found);
        }
    }
    Ok(saved)
}

fn report(
    file: &str,
    import: &Import,
    edit: &Edit,
    keys: &[Key<'_>],
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    ui.answer(format!("{}: {}", ui.style.bold(&clean(file)), import.format.describe()))?;
    if !import.wishes.is_empty() {
        let mut table = Table::new([Column::fixed("setting"), Column::shrinking("value"), Column::shrinking("from")]);
        for wish in &import.wishes {
            let value = wish.value.to_string();
            table.row([
                (wish.name.to_string(), Style::Bold),
                (value, Style::Plain),
                (hide_keys(&wish.from), Style::Dim),
            ]);
        }
        ui.answer("")?;
        ui.answer_table(&table)?;
    }
    for note in &import.notes {
        ui.answer(format!("note: {}", clean(note)))?;
    }
    if !import.left.is_empty() {
        let mut table = Table::new([Column::shrinking("not carried over"), Column::shrinking("why")]);
        for left in &import.left {
            table.row([(left.path.clone(), Style::Yellow), (left.why.clone(), Style::Plain)]);
        }
        ui.answer("")?;
        ui.answer_table(&table)?;
    }
    if !keys.is_empty() {
        let mut table = Table::new([Column::fixed("key"), Column::shrinking("of"), Column::shrinking("")]);
        for key in keys {
            let of = format!("{} ({})", key.found.provider, hide_keys(&key.found.path));
            table.row([(key.found.secret.fingerprint(), Style::Bold), (of, Style::Plain), (advice(key), Style::Plain)]);
        }
        ui.answer("")?;
        ui.answer_table(&table)?;
    }
    if edit.changes() {
        ui.answer("")?;
        ui.answer(unified(&world.tilde(&edit.path), &edit.old, &edit.new, ui.style))?;
    }
    Ok(())
}

fn told(edit: &Edit, saved: &[&FoundKey], world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let path = world.tilde(&edit.path);
    if edit.changes() {
        ui.say(format!("{path} is written"))?;
        let undo = if edit.old.is_empty() {
            format!("rm {path}")
        } else {
            format!("mv {} {path}", world.tilde(&before(edit)))
        };
        ui.hint(format!("to undo it: `{undo}`"))?;
    }
    for key in saved {
        let name = key.stored.map(|id| catalog::provider(id).name).unwrap_or_default();
        ui.say(format!("the {name} key {} is saved", key.secret.fingerprint()))?;
    }
    Ok(())
}

fn document(import: &Import, edit: &Edit, keys: &[Key<'_>], args: &ImportArgs, world: &World) -> Json {
    let settings = import.wishes.iter().map(|wish| {
        json!({ "name": wish.name.as_str(), "value": super::show::json_value(&wish.value), "from": hide_keys(&wish.from) })
    });
    let left = import.left.iter().map(|left| json!({ "path": left.path, "why": left.why }));
    let found = keys.iter().map(|key| {
        json!({
            "provider": key.found.provider,
            "fingerprint": key.found.secret.fingerprint(),
            "path": hide_keys(&key.found.path),
            "variable": key.found.variable,
            "state": key.state.as_str(),
            "saved": key.state == KeyState::New && args.with_keys && !args.dry_run,
            "advice": advice(key),
        })
    });
    json!({
        "schema": SCHEMA,
        "format": import.format.as_str(),
        "settings": settings.collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "notes": import.notes,
        "keys": found.collect::<Vec<_>>(),
        "file": edit.path,
        "changed": edit.changes(),
        "dry_run": args.dry_run,
        "kept": (edit.changes() && !args.dry_run && !edit.old.is_empty()).then(|| before(edit)),
        "diff": unified(&world.tilde(&edit.path), &edit.old, &edit.new, Paint::new(false, false)),
    })
}
