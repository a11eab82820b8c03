//! `moai config edit`: the person's editor on a copy, checked before it takes the file's place.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Failure, Kind};
use crate::base::program::Program;
use crate::base::world::World;
use crate::cli::here::require_project;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::config::{Files, Project, check_text};

use super::Scope;

/// Open a configuration file in your editor, and check it afterwards
///
/// The editor ($VISUAL, else $EDITOR, else vi) gets a copy; the file is replaced only when the copy parses, every value
/// in it is one that its setting takes, and it is not empty.
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
    let editor = editor(world)?;
    let old = disk::read_text(&path)?.unwrap_or_default();
    let dir = tempfile::Builder::new().prefix("moai-edit-").tempdir().map_err(DiskError::io("create", &path))?;
    // The editor goes by the name for its colours.
    let copy = dir.path().join(path.file_name().unwrap_or_default());
    disk::replace(&copy, old.as_bytes(), Access::Private)?;
    let shown = world.tilde(&path);
    loop {
        open(world, &editor, &copy, ui)?;
        let new = require_text(disk::read_text(&copy)?, &old, &shown)?;
        if new == old {
            return answer(&path, false, world, ui);
        }
        match check_text(&path, &new) {
            Ok(()) => {
                disk::replace(&path, new.as_bytes(), Access::Keep)?;
                return answer(&path, true, world, ui);
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

fn answer(path: &Path, changed: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "changed": changed, "file": path }));
    }
    ui.say(format!("{} {}", world.tilde(path), if changed { "is written" } else { "stays as it is" }))
}

/// The command that edits, as a shell would read it. `vi` only where there is a terminal for it.
fn editor(world: &World) -> Result<String, Failure> {
    let wanted = world.env.text("VISUAL").or_else(|| world.env.text("EDITOR"));
    match wanted.map(str::trim).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) => Ok(wanted.to_owned()),
        None if world.terminal.stdin && world.terminal.stdout => Ok("vi".into()),
        None => Err(Failure::usage("there is no terminal for an editor, and neither VISUAL nor EDITOR names one")
            .with_code("no-terminal")
            .hint("set one value instead: `moai config set llm.mode mashup`")
            .hint("or name an editor that needs no terminal: `EDITOR='code --wait' moai config edit`")),
    }
}

/// Like git, through the shell: `EDITOR` may have quotes, arguments and a path with spaces in it.
fn open(world: &World, editor: &str, path: &Path, ui: &Ui) -> Result<(), Failure> {
    // The answer has standard output for itself.
    let talk = if ui.json { " >&2" } else { "" };
    let script = format!("{editor} \"$@\"{talk}");
    let status = Program::new(world, "sh")?.args(["-c", &script, editor]).args([path]).run_attached()?;
    if status == 0 {
        return Ok(());
    }
    let message = format!("the editor `{}` ended with {status}; nothing was changed", clean(editor));
    Err(Failure::new(Kind::Expected, message).with_code("editor").hint("set VISUAL or EDITOR to the editor you want"))
}

/// What the editor left. A file that it removed or emptied is an accident more often than a wish.
fn require_text(left: Option<String>, old: &str, shown: &str) -> Result<String, Failure> {
    let problem = match left {
        Some(text) if !text.trim().is_empty() || old.trim().is_empty() => return Ok(text),
        Some(_) => "left the file empty",
        None => "removed the file",
    };
    Err(Failure::expected(format!("the editor {problem}; {shown} was not changed"))
        .with_code("empty")
        .hint("take single settings out with `moai config unset NAME`")
        .hint(format!("or, if you mean it: `rm {shown}`")))
}

/// The copy outlives us where it could not be used.
fn keep(dir: tempfile::TempDir, copy: &Path) -> PathBuf {
    drop(dir.keep());
    copy.to_path_buf()
}
