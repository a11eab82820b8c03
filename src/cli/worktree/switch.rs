//! `moai worktree switch`: go to a worktree, or start a program in it.

use std::ffi::OsString;

use crate::base::failure::Failure;
use crate::base::program::Program;
use crate::base::world::World;
use crate::cli::ui::Ui;

use super::go;
use super::which::Trees;

/// Go to a worktree, or start a program in it
///
/// With `--exec` the program takes moai's place: it stands in the worktree's root, has the terminal, and its exit
/// code is the answer. It is started directly, not through a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree switch SPEC-1                      like `moai worktree go SPEC-1`
  moai worktree switch SPEC-1 --exec cargo test    run a program there
  moai worktree switch ^ --exec git log -3          in the main checkout")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path, `@`, `^` or `-`
    #[arg(value_name = "WORKTREE", allow_hyphen_values = true)]
    name: Option<String>,
    /// Start this program there, with everything that follows as its arguments
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<OsString>,
}

/// Runs `moai worktree switch`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let Some((program, rest)) = args.exec.split_first() else {
        return go::run(&go::Args::to(args.name.clone()), world, ui);
    };
    let trees = Trees::open(world)?;
    let entry = trees.named(ui, args.name.as_deref(), false)?;
    let path = entry.path.clone();
    go::require_there(entry)?;
    let name = program.to_string_lossy().into_owned();
    let mut there = world.clone();
    there.set_cwd(path.clone());
    Err(Program::new(&there, &name)?.args(rest).env("PWD", &path).dir(&path).exec())
}
