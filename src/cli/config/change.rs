//! `moai config set` and `unset`: one value, in place.

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::{Here, require_project};
use crate::cli::ui::{SCHEMA, Ui, unified};
use crate::config::edit;
use crate::config::keys::{self, Home, Name, Value};

use super::Scope;
use super::show::document;

/// Set a setting in its file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config set llm.glm.models.opus glm-5.2
  moai config set --user keys.embed false
  moai config set --dry-run llm.auto_worktree.enabled false
  moai config set --user providers.openrouter.base_url https://openrouter.ai/api/v1
  moai config set tiers.plan claude-opus,gemini-pro
  moai config set route.model glm-4.7          for this checkout alone")]
pub(super) struct SetArgs {
    /// The setting, such as llm.glm.models.opus
    #[arg(value_name = "NAME")]
    name: String,
    /// Its new value
    #[arg(value_name = "VALUE")]
    value: String,
    #[command(flatten)]
    scope: Scope,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Take a setting out of its file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config unset worktree.root --user
  moai config unset llm.glm.base_url --dry-run")]
pub(super) struct UnsetArgs {
    /// The setting, such as worktree.root
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: Scope,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `moai config set`.
pub(super) fn set(args: &SetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let name = keys::require(&args.name)?;
    let value = keys::given(&name, &args.value)?;
    change(&name, Some(&value), args.scope, args.dry_run, world, ui)
}

/// Runs `moai config unset`.
pub(super) fn unset(args: &UnsetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    change(&keys::require(&args.name)?, None, args.scope, args.dry_run, world, ui)
}

/// Sets a setting to a value, or takes it out, in the file that it belongs to.
pub(in crate::cli) fn change(
    name: &Name,
    value: Option<&Value>,
    scope: Scope,
    dry_run: bool,
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let user = scope.user || name.key.home == Home::UserToml;
    if scope.project && name.key.home == Home::UserToml {
        let message = format!("`{name}` is about the person, not about a project");
        return Err(Failure::usage(message).hint("leave --project out: it is kept in ~/.moai/config.toml"));
    }
    if scope.user && name.key.home == Home::Checkout {
        let message = format!("`{name}` is about one checkout, not about a person");
        return Err(Failure::usage(message).hint("leave --user out: it is kept in the checkout's .moai/config.toml"));
    }
    let here = Here::look(world, ui)?;
    if !user {
        require_project(world, &here.project)?;
    }
    let _lock = if dry_run { None } else { edit::lock(world)? };
    let edit = edit::plan(here.config.files(), name, value, user)?;
    let path = world.tilde(&edit.path);
    if dry_run && !ui.json {
        if !edit.changes() {
            return ui.say(format!("{path} would stay as it is"));
        }
        return ui.answer(unified(&path, &edit.old, &edit.new, ui.style));
    }
    if !dry_run {
        edit.write()?;
    }
    let after = Here::quietly(world)?;
    let setting = after.setting(world, name)?;
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "changed": edit.changes(),
            "dry_run": dry_run,
            "file": edit.path,
            "setting": document(&setting),
        }));
    }
    match (value, edit.changes()) {
        (Some(value), true) => ui.say(format!("{name} = {value}, written to {path}"))?,
        (Some(value), false) => ui.say(format!("{path} says {name} = {value} already"))?,
        (None, true) => ui.say(format!("{name} taken out of {path}"))?,
        (None, false) => ui.say(format!("{path} does not set {name}"))?,
    }
    if let Some(value) = value
        && setting.value.as_ref() != Some(value)
    {
        let holds = setting.value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        ui.warn(format!("{} still is {holds}: {} counts more", name, setting.origin.describe(world)))?;
    }
    Ok(())
}
