//! `moai worktree go`: print where a worktree is, and lead the shell function there.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui};
use crate::worktree::{Entry, touch};

use super::which::{Trees, lead_shell};

/// Print where a worktree is (with the shell function of `moai shell-init`: go there)
///
/// NAME is a SPEC id, the start of one, a branch or a path; `@` is the worktree that we stand in, `^` the main
/// checkout, `-` the one before. Without NAME the person chooses.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree go SPEC-1        go there (with `eval \"$(moai shell-init bash)\"` in ~/.bashrc)
  cd \"$(moai worktree go SPEC-1)\"   the same without the shell function
  moai worktree go -             back to where we came from
  moai worktree go ^             to the main checkout")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path, `@`, `^` or `-`
    #[arg(value_name = "WORKTREE", allow_hyphen_values = true)]
    name: Option<String>,
}

impl Args {
    /// The same command line, from another command.
    pub(super) fn to(name: Option<String>) -> Self {
        Self { name }
    }
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    name: String,
    path: String,
    branch: Option<String>,
}

/// Runs `moai worktree go`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let trees = Trees::open(world)?;
    let entry = enter(&trees, args.name.as_deref(), world, ui)?;
    if ui.json {
        return ui.answer_json(&Answer {
            schema: SCHEMA,
            name: entry.name(),
            path: entry.path.display().to_string(),
            branch: entry.branch.clone(),
        });
    }
    print(ui, entry)
}

/// Finds the worktree, remembers where we came from, and leads the shell there.
fn enter<'t>(trees: &'t Trees, name: Option<&str>, world: &World, ui: &mut Ui) -> Result<&'t Entry, Failure> {
    let entry = trees.named(ui, name, false)?;
    require_there(entry)?;
    trees.repo.remember_leaving(&entry.path)?;
    // Going there must work where the registry is broken or cannot be written; creating names what is wrong with it.
    drop(touch(&trees.repo, entry));
    lead_shell(world, &entry.path)?;
    Ok(entry)
}

/// Fails where a worktree's directory is not there.
pub(super) fn require_there(entry: &Entry) -> Result<(), Failure> {
    if !entry.bare && entry.path.is_dir() {
        return Ok(());
    }
    Err(Failure::expected(format!("the directory of {} is missing: {}", entry.name(), entry.path.display()))
        .with_code("missing")
        .hint("if it was moved: `moai worktree recover`; if it is gone: `moai worktree clean`"))
}

/// The path as the answer, byte for byte: `cd "$(…)"` must find it.
fn print(ui: &mut Ui, entry: &Entry) -> Result<(), Failure> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut line = entry.path.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    ui.answer_bytes(&line)
}
