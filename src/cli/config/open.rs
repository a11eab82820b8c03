//! `moai config edit`: the person's editor on a copy, checked before it takes the file's place.

use std::path::{Path, PathBuf};

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Failure, Kind};
use crate::base::program::Program;
use crate::base::world::World;
use crate::cli::here::require_project;
use crate::cli::ui::Ui;
use crate::config::{Files, Project, check_text};

use super::Scope;

/// Open a configuration file in your editor, and check it afterwards
///
/// The editor ($VISUAL, else $EDITOR, else vi) gets a copy; the file is replaced only when the copy parses and every
/// value in it is one that its setting takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config edit             .moai/config/sections/llm.yaml
  moai config edit --user      ~/.moai/config.toml
  moai config edit --project   .moai/config.toml")]
pub(super) struct EditArgs {
    #[command(flatten)]
    scope: Scope,
}

/// Runs `moai config edit`.
pub(super) fn edit(args: &EditArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let project = Project::find(world)?;
    let files = Files::of(world, &project);
    let path = match (args.scope.user, args.scope.project) {
        (true, _) => files.user.ok_or(crate::base::world::WorldError::NoHome)?,
        (_, true) => files.project,
        _ => files.llm_yaml,
    };
    if !args.scope.user {
        require_project(world, &project)?;
    }
    let old = disk::read_text(&path)?.unwrap_or_default();
    let dir = tempfile::Builder::new().prefix("moai-edit-").tempdir().map_err(DiskError::io("create", &path))?;
    // The editor goes by the name for its colours.
    let copy = dir.path().join(path.file_name().unwrap_or_default());
    disk::replace(&copy, old.as_bytes(), Access::Private)?;
    loop {
        open(world, &copy)?;
        let new = disk::read_text(&copy)?.unwrap_or_default();
        let shown = world.tilde(&path);
        if new == old {
            return ui.say(format!("{shown} stays as it is"));
        }
        match check_text(&path, &new) {
            Ok(()) => {
                disk::replace(&path, new.as_bytes(), Access::Keep)?;
                return ui.say(format!("{shown} is written"));
            }
            Err(error) => {
                let failure = Failure::from(error);
                ui.warn(failure.chain().join(": "))?;
                if ui.interactive() && ui.confirm("edit it again?", "--json")? {
                    continue;
                }
                let kept = keep(dir, &copy);
                return Err(failure
                    .context(format!("{shown} was not changed"))
                    .hint(format!("your version is kept in {}", kept.display())));
            }
        }
    }
}

fn open(world: &World, path: &Path) -> Result<(), Failure> {
    let editor = world.env.text("VISUAL").or_else(|| world.env.text("EDITOR")).unwrap_or("vi");
    let mut words = editor.split_whitespace();
    let name = words.next().unwrap_or("vi");
    let status = Program::new(world, name)?.args(words).args([path]).run_attached()?;
    if status == 0 {
        return Ok(());
    }
    let message = format!("the editor `{name}` ended with {status}; nothing was changed");
    Err(Failure::new(Kind::Expected, message).hint("set VISUAL or EDITOR to the editor you want"))
}

/// The copy outlives us where it could not be used.
fn keep(dir: tempfile::TempDir, copy: &Path) -> PathBuf {
    drop(dir.keep());
    copy.to_path_buf()
}
