//! `moai statusline install|uninstall`: Claude Code's `statusLine`, in the person's own settings file.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::disk;
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::dress::own_command;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::settings::{
    Kept, SettingsError, StatusStep, apply_status, config_dir, install, load_status_record, uninstall,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put the line into Claude Code's settings
    ///
    /// Into `settings.json` of the person (`~/.claude`, or `$CLAUDE_CONFIG_DIR`), for all projects. A line of somebody else
    /// stays, unless --replace is given; `uninstall` brings it back then, and gives the file back to the byte where
    /// nobody else has written into it.
    #[command(after_help = "Examples:
  moai statusline install --dry-run
  moai statusline install
  moai statusline install --replace")]
    Install {
        /// Show what would change, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Put it in the place of another status line
        #[arg(long)]
        replace: bool,
    },
    /// Take the line out of Claude Code's settings
    #[command(after_help = "Examples:
  moai statusline uninstall --dry-run
  moai statusline uninstall")]
    Uninstall {
        /// Show what would change, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// Runs `moai statusline install` and `uninstall`.
pub(super) fn run(command: &Command, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let file = config_dir(world)
        .ok_or_else(|| Failure::expected("there is no home directory, so there are no settings"))?
        .join("settings.json");
    let remembered = world.moai_home()?.join("statusline.json");
    let text = disk::read_text(&file)?;
    let record = load_status_record(&remembered)?;
    let (step, dry) = match command {
        Command::Install { dry_run, replace } => {
            let words = own_command(world, "statusline");
            (install(text.as_deref(), record.as_ref(), &words, *replace), *dry_run)
        }
        Command::Uninstall { dry_run } => (uninstall(text.as_deref(), record.as_ref()), *dry_run),
    };
    let step = step.map_err(|fault| SettingsError::Invalid { path: file.clone(), fault })?;
    let installs = matches!(command, Command::Install { .. });
    match step {
        Ok(step) => change(&step, installs, dry, (&file, &remembered), world, ui),
        Err(Kept::Done) => tell(false, installs, dry, &file, world, ui),
        Err(Kept::Foreign) => Err(foreign(&file, installs, world)),
    }
}

fn change(
    step: &StatusStep,
    installs: bool,
    dry: bool,
    (file, remembered): (&Path, &PathBuf),
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    if !dry {
        apply_status(file, remembered, step)?;
    }
    tell(true, installs, dry, file, world, ui)
}

/// Says what was done, or would be.
fn tell(changed: bool, installs: bool, dry: bool, file: &Path, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "file": file,
            "installed": installs != (dry && changed),
            "changed": changed && !dry,
            "dry_run": dry,
        }));
    }
    let place = clean(&world.tilde(file));
    let command = own_command(world, "statusline");
    ui.say(match (changed, installs, dry) {
        (true, true, true) => format!("{place} would get `statusLine`: {}", clean(&command)),
        (true, true, false) => format!("{place} has `statusLine` now: {}", clean(&command)),
        (true, false, true) => format!("`statusLine` would go from {place}"),
        (true, false, false) => format!("`statusLine` is gone from {place}"),
        (false, true, _) => format!("{place} has it already"),
        (false, false, _) => format!("{place} has no status line of moai's"),
    })?;
    if changed && installs && !dry {
        ui.hint("Claude Code shows it from its next answer on; `moai statusline uninstall` takes it back")?;
    }
    Ok(())
}

fn foreign(file: &Path, installs: bool, world: &World) -> Failure {
    let place = clean(&world.tilde(file));
    let failure = Failure::expected(format!("{place} has another status line")).with_code("status-line");
    if installs {
        failure.hint("`moai statusline install --replace` puts moai's in its place, and `uninstall` brings it back")
    } else {
        failure.hint("it was changed since moai put its own there, and is left alone")
    }
}
