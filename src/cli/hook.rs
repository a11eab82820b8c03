//! `moai hook`: what Claude Code calls by itself. JSON comes in on standard input.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::Ui;
use super::worktree::{hook_create, hook_remove};

/// Answer Claude Code's hooks
///
/// `worktree-create` serves `claude --worktree NAME`: moai makes the worktree at its own place and prints the path.
/// `worktree-remove` takes it away again, unless work would be lost. Both read Claude Code's JSON on standard input.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  echo '{\"name\": \"SPEC-1\"}' | moai hook worktree-create

In .claude/settings.json:
  {\"hooks\": {
    \"WorktreeCreate\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"moai hook worktree-create\"}]}],
    \"WorktreeRemove\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"moai hook worktree-remove\"}]}]
  }}"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the worktree that `{"name": …}` asks for and print its absolute path
    WorktreeCreate {
        /// Put Claude Code on GLM there
        #[arg(long)]
        glm: bool,
    },
    /// Remove the worktree at `{"worktree_path": …}`, unless work would be lost
    WorktreeRemove,
}

/// What Claude Code sends, as far as it is used here.
#[derive(Debug, Deserialize)]
struct Event {
    name: Option<String>,
    worktree_path: Option<PathBuf>,
    cwd: Option<PathBuf>,
}

/// Runs `moai hook`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let event = read(ui)?;
    let mut there = world.clone();
    if let Some(cwd) = event.cwd.as_deref().filter(|cwd| cwd.is_dir()) {
        there.set_cwd(cwd.to_path_buf());
    }
    match args.command {
        Command::WorktreeCreate { glm } => {
            let name = event.name.as_deref().filter(|name| !name.is_empty()).ok_or_else(|| missing("name"))?;
            let path = hook_create(name, glm, &there, ui)?;
            answer(&path, ui)
        }
        Command::WorktreeRemove => {
            let path = event.worktree_path.ok_or_else(|| missing("worktree_path"))?;
            hook_remove(&path, &there, ui)
        }
    }
}

fn read(ui: &mut Ui) -> Result<Event, Failure> {
    let text = ui.read_stdin()?;
    // What stands in the input is not repeated: it is somebody else's.
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("standard input is not the JSON of a hook (line {})", error.line())).hint(
            "Claude Code calls this by itself; by hand: `echo '{\"name\": \"SPEC-1\"}' | moai hook worktree-create`",
        )
    })
}

fn missing(field: &str) -> Failure {
    Failure::usage(format!("the hook's JSON has no `{field}`"))
}

/// The path alone: it is what Claude Code takes.
fn answer(path: &Path, ui: &mut Ui) -> Result<(), Failure> {
    use std::os::unix::ffi::OsStrExt as _;
    ui.answer_bytes(&[path.as_os_str().as_bytes(), b"\n"].concat())
}
