//! Proposals on their way into the configuration, and back.

use std::path::Path;

use serde_json::json;

use crate::base::disk::{self, Access};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::serve;
use crate::cli::ui::{SCHEMA, Ui, clean, unified};
use crate::config::edit::{self, Edit};
use crate::config::keys::{self, Name, Value};
use crate::config::{Layer, Origin};
use crate::route::optimize::{Change, Proposal};

use super::Found;
use super::past::{self, Applied, Written};

/// Writes the changes of `chosen`, all or none.
pub(super) fn apply(
    found: &Found,
    chosen: &[&Proposal],
    dry_run: bool,
    here: &Here,
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let _lock = if dry_run { None } else { edit::lock(world)? };
    let before = past::load(world)?;
    let changes = chosen.iter().filter_map(|one| one.change.as_ref()).map(|change| read(change, here, world));
    let changes: Vec<(Name, Value, bool)> = changes.collect::<Result<_, _>>()?;
    let changes = changes.iter().map(|(name, value, user)| (name, value, *user));
    let edits: Vec<Edit> = edit::plan_each(here.config.files(), changes)?.into_iter().filter(Edit::changes).collect();
    let written = |edit: &Edit| Written { path: edit.path.clone(), old: edit.old.clone(), new: edit.new.clone() };
    let files: Vec<Written> = edits.iter().map(written).collect();
    if !dry_run && !files.is_empty() {
        // First how to take it back, so that nothing is changed that cannot be.
        let ids = chosen.iter().map(|one| one.id.clone()).collect();
        let now = Applied { at: world.now().to_string(), ids, files: files.clone() };
        past::save(world, before.into_iter().chain([now]).collect())?;
        for edit in &edits {
            edit.write()?;
        }
        serve::nudge(world);
    }
    told(found, chosen, &files, dry_run, world, ui)
}

/// Puts a text back; an empty one where there was no file.
fn put(path: &Path, text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        disk::remove(path)?;
    } else {
        disk::replace(path, text.as_bytes(), Access::Keep)?;
    }
    Ok(())
}

/// The setting and its value, and whether it is written into the person's file: where the project does not set it.
fn read(change: &Change, here: &Here, world: &World) -> Result<(Name, Value, bool), Failure> {
    let name = keys::require(&change.setting)?;
    let value = keys::given(&name, &change.to.join(","))?;
    let origin = here.setting(world, &name)?.origin;
    if let Origin::Environment { variable } = origin {
        return Err(Failure::expected(format!("{} is set by {variable}", change.setting))
            .with_code("set-by-environment")
            .hint(format!("unset {variable}, and `moai optimize --apply` can change it")));
    }
    let own = match origin {
        Origin::File { layer, .. } => matches!(layer, Layer::User | Layer::BuiltIn),
        _ => true,
    };
    Ok((name, value, own))
}

fn told(
    found: &Found,
    chosen: &[&Proposal],
    files: &[Written],
    dry_run: bool,
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    if ui.json {
        let mut document = found.document();
        if let Some(map) = document.as_object_mut() {
            map.insert("applied".into(), chosen.iter().map(|one| json!(one.id)).collect());
            map.insert("files".into(), files.iter().map(|file| json!(file.path)).collect());
            map.insert("dry_run".into(), json!(dry_run));
        }
        return ui.answer_json(&document);
    }
    if files.is_empty() {
        return ui.say("nothing changes");
    }
    for file in files {
        let path = world.tilde(&file.path);
        ui.answer(unified(&path, &file.old, &file.new, ui.style))?;
    }
    if dry_run {
        return Ok(());
    }
    ui.say(format!("applied: {}", clean(&chosen.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", "))))?;
    ui.hint("take it back: `moai optimize --undo`")
}

/// Takes the last application back.
pub(super) fn undo(dry_run: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let _lock = if dry_run { None } else { edit::lock(world)? };
    let mut applied = past::load(world)?;
    let Some(last) = applied.pop() else {
        return Err(Failure::expected("nothing was applied that could be taken back").with_code("nothing-applied"));
    };
    for file in &last.files {
        if disk::read_text(&file.path)?.unwrap_or_default() != file.new {
            let path = world.tilde(&file.path);
            return Err(Failure::expected(format!("{path} was changed since: it is left as it is"))
                .with_code("changed-since")
                .hint("`moai config set` changes a setting by hand"));
        }
    }
    if !dry_run {
        last.files.iter().try_for_each(|file| put(&file.path, &file.old))?;
        past::save(world, applied)?;
        serve::nudge(world);
    }
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "undone": last.ids,
            "files": last.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "dry_run": dry_run,
        }));
    }
    for file in &last.files {
        ui.answer(unified(&world.tilde(&file.path), &file.new, &file.old, ui.style))?;
    }
    ui.say(format!("{}: {}", if dry_run { "would be taken back" } else { "taken back" }, clean(&last.ids.join(", "))))
}
