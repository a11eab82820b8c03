//! `moai init`: llm.yaml and glm.json where there are none.

use std::path::PathBuf;

use serde_json::json;

use crate::base::disk::{self, Access};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{self, ConfigError, Project, edit, keys};
use crate::settings::{self, Committable, SETTINGS_LOCAL as SETTINGS, committable};

use super::ui::{SCHEMA, Ui, unified};

const LLM_YAML: &str = include_str!("../../templates/llm.yaml");
const GLM_JSON: &str = include_str!("../../templates/glm.json");

/// Write llm.yaml and glm.json where there are none
///
/// Shows what it would write and asks first. Files that are there stay as they are, so running it again changes
/// nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai init                      show, ask, write
  moai init --yes                write without asking
  moai init --mode claude-only   start in another mode than mashup
  moai init --dry-run            only show")]
pub(super) struct Args {
    /// The mode to start in
    #[arg(long, value_name = "MODE", default_value = "mashup")]
    mode: String,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Show what would be written, and write nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// A file that init is about.
struct Planned {
    path: PathBuf,
    text: String,
    exists: bool,
}

/// Runs `moai init`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let key = keys::require("llm.mode")?;
    let mode = keys::given(&key, &args.mode)?;
    let project = Project::find(world)?;
    if project.git.is_none() && world.home().is_ok_and(|home| project.root == *home) {
        return Err(Failure::expected("this is your home directory, not a project")
            .hint("change to the project first: `cd <project> && moai init`"));
    }
    let path = project.file(config::LLM_YAML);
    let llm_yaml = edit::text_with(&path, LLM_YAML, &key, &mode)?;
    let files = [(path, llm_yaml), (project.file(config::GLM_JSON), GLM_JSON.to_owned())].map(|(path, text)| Planned {
        exists: path.exists(),
        path,
        text,
    });
    let missing: Vec<&Planned> = files.iter().filter(|file| !file.exists).collect();
    if !ui.json {
        preview(&files, args.dry_run, &project, world, ui)?;
    }
    let writes = !missing.is_empty() && !args.dry_run;
    if writes && !args.yes && !ui.confirm("write them?", "--yes")? {
        return Err(Failure::expected("nothing was written"));
    }
    if writes {
        write_all(&missing)?;
    }
    let seen = match &project.git {
        Some(git) => Some((git, committable(world, &project.root)?)),
        None => None,
    };
    if ui.json {
        let done = if args.dry_run { "would-create" } else { "created" };
        let files: Vec<_> = files
            .iter()
            .map(|file| json!({ "path": file.path, "action": if file.exists { "kept" } else { done } }))
            .collect();
        let ignored = match seen {
            Some((_, Committable::No)) => Some(true),
            Some((_, Committable::Untracked | Committable::Tracked)) => Some(false),
            Some((_, Committable::Unknown)) | None => None,
        };
        return ui.answer_json(&json!({ "schema": SCHEMA, "files": files, "settings_ignored": ignored }));
    }
    if writes {
        ui.say(format!("wrote {}", missing.iter().map(|file| world.tilde(&file.path)).collect::<Vec<_>>().join(", ")))?;
    } else if missing.is_empty() {
        ui.say("nothing to do: both files are there")?;
    }
    match seen {
        Some((git, seen)) => {
            // A file that cannot be read may hold a key as well.
            let holds_key =
                settings::load_local(&project.root).map_or(true, |own| own.is_some_and(|own| own.holds_key()));
            about_settings(seen, holds_key, &world.tilde(&git.common.join("info/exclude")), ui)
        }
        None => Ok(()),
    }
}

fn preview(files: &[Planned], dry_run: bool, project: &Project, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    for file in files {
        let name = world.tilde(&file.path);
        let inside = file.path.strip_prefix(&project.root).or_else(|_| file.path.strip_prefix(&project.main));
        let header = inside.map_or_else(|_| name.clone(), |path| path.display().to_string());
        if file.exists {
            ui.say(format!("{name} is there and stays as it is"))?;
        } else if dry_run {
            ui.answer(unified(&header, "", &file.text, ui.style))?;
        } else {
            ui.say(unified(&header, "", &file.text, ui.talk))?;
        }
    }
    Ok(())
}

/// Writes them all or none: where one fails, those before it are taken away again.
fn write_all(files: &[&Planned]) -> Result<(), Failure> {
    for (count, file) in files.iter().enumerate() {
        if let Err(error) = disk::replace(&file.path, file.text.as_bytes(), Access::Keep) {
            for written in files.iter().take(count) {
                // The first error is the one to tell.
                drop(disk::remove(&written.path));
            }
            return Err(ConfigError::from(error).into());
        }
    }
    Ok(())
}

/// Whether the file that will hold the key can be committed by accident.
fn about_settings(seen: Committable, holds_key: bool, exclude: &str, ui: &mut Ui) -> Result<(), Failure> {
    match seen {
        Committable::Unknown => Ok(()),
        Committable::No => ui.say(format!("{SETTINGS} is ignored by git: a key in it is not committed")),
        // `moai glm` sees to it before it writes a key.
        Committable::Untracked if !holds_key => Ok(()),
        Committable::Untracked => {
            ui.warn(format!("{SETTINGS} is not ignored by git: the key in it could be committed"))?;
            ui.hint(format!("`echo /{SETTINGS} >> {exclude}`, or `moai doctor --fix` does it"))
        }
        Committable::Tracked => {
            ui.warn(format!("{SETTINGS} is committed: a key in it would be, too"))?;
            ui.hint(format!("`git rm --cached {SETTINGS}` takes it out of git and keeps the file"))
        }
    }
}
