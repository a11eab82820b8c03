//! `moai worktree config`: show where new worktrees go and why, and set the settings of worktrees.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::config::{edit, keys};
use crate::worktree::{Because, choose_root};

use super::which::Trees;

/// Show where new worktrees go and why, or change a setting of worktrees
///
/// The settings are those of `moai config` whose names begin with `worktree.`; the beginning may be left out here.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree config                        where new worktrees go, and every setting
  moai worktree config root                   one setting
  moai worktree config root ~/work/trees      set it, for this project
  moai worktree config --user trash_days 30   set it, for all projects")]
pub(super) struct Args {
    /// The setting: `root`, `engine` or `trash_days`
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Its new value
    #[arg(value_name = "VALUE", requires = "key")]
    value: Option<String>,
    /// In ~/.moai/config.toml, for all projects
    #[arg(long, requires = "value")]
    user: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    root: String,
    folder: String,
    project: String,
    because: &'static str,
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    value: Option<String>,
    origin: String,
}

/// Runs `moai worktree config`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let key = match &args.key {
        Some(key) if key.starts_with("worktree.") => Some(keys::require(key)?),
        Some(key) => Some(keys::require(&format!("worktree.{key}"))?),
        None => None,
    };
    if let (Some(key), Some(value)) = (&key, &args.value) {
        return set(key, value, args.user, world, ui);
    }
    let here = Here::look(world, ui)?;
    let settings: Vec<Setting> = here
        .config
        .settings()
        .iter()
        .filter(|setting| {
            key.as_ref().map_or(setting.name.as_str().starts_with("worktree."), |key| setting.name == *key)
        })
        .map(|setting| Setting {
            name: setting.name.to_string(),
            value: setting.value.as_ref().map(ToString::to_string),
            origin: setting.origin.describe(world),
        })
        .collect();
    if let (Some(_), Some(setting), false) = (&key, settings.first(), ui.json) {
        return match &setting.value {
            Some(value) => ui.answer(clean(value)),
            None => Err(Failure::expected(format!("`{}` has no value", setting.name)).with_code("unset")),
        };
    }
    let trees = Trees::open(world)?;
    let roost = choose_root(&trees.repo, &trees.entries, here.config.worktree_root().as_deref())?;
    let because = match roost.because {
        Because::Asked => "configured",
        Because::Found => "found",
        Because::Default => "default",
    };
    if ui.json {
        return ui.answer_json(&Answer {
            schema: SCHEMA,
            root: roost.root.display().to_string(),
            folder: roost.folder.display().to_string(),
            project: roost.project,
            because,
            settings,
        });
    }
    let why = match roost.because {
        Because::Asked => "worktree.root says so",
        Because::Found => "this project's worktrees are there",
        Because::Default => "the default",
    };
    ui.answer(format!("new worktrees go to {} ({why})", clean(&world.tilde(&roost.folder.join("<SPEC>")))))?;
    for setting in &settings {
        let value = setting.value.as_deref().unwrap_or("(unset)");
        ui.answer(format!("{:<20} {}  from {}", setting.name, clean(value), clean(&setting.origin)))?;
    }
    Ok(())
}

fn set(key: &keys::Name, value: &str, user: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let value = keys::given(key, value)?;
    let here = Here::look(world, ui)?;
    let _lock = edit::lock(world)?;
    let edit = edit::plan(here.config.files(), key, Some(&value), user)?;
    let changed = edit.write()?;
    let path = world.tilde(&edit.path);
    if ui.json {
        return ui.answer_json(&serde_json::json!({
            "schema": SCHEMA, "name": key.as_str(), "value": value.to_string(), "changed": changed, "path": path,
        }));
    }
    let text = clean(&value.to_string());
    ui.say(if changed { format!("{path}: {key} is {text}") } else { format!("{path} says {text} already") })
}
