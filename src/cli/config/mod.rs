//! `moai config`: every setting, where it comes from, and changing it in its file.

mod change;
mod import;
mod open;
mod show;

pub(super) use change::change;

use clap::Subcommand;

use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::Ui;

/// Show and change settings, with where each one comes from
///
/// Settings come in layers, the later one counts: the default, ~/.moai/config.toml, the project's
/// .moai/config/sections/llm.yaml and .moai/config.toml, .moai/llm-configs/glm.json, the environment (`MOAI_LLM_MODE`
/// for llm.mode). Files are changed in place: nothing but the value moves.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  moai config list                         every setting, its value and its origin
  moai config get llm.mode                 one value, for scripts
  moai config explain llm.glm.models.opus  what it does, and which file sets it
  moai config set llm.glm.models.opus glm-5.2
  moai config set --user worktree.root ~/work/trees
  moai config edit                         open llm.yaml, and check it afterwards
  moai config import openclaw.json --dry-run"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(show::ListArgs),
    Get(show::GetArgs),
    Set(change::SetArgs),
    Unset(change::UnsetArgs),
    Explain(show::ExplainArgs),
    Path(show::PathArgs),
    Edit(open::EditArgs),
    Import(import::ImportArgs),
}

/// Which files: the project's, or the person's.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(multiple = false)]
pub(in crate::cli) struct Scope {
    /// In ~/.moai/config.toml, for all projects
    #[arg(long)]
    pub(in crate::cli) user: bool,
    /// In this project's files (the default)
    #[arg(long)]
    pub(in crate::cli) project: bool,
}

/// Runs `moai config`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => show::list(&args, world, ui),
        Command::Get(args) => show::one(&args, world, ui),
        Command::Set(args) => change::set(&args, world, ui),
        Command::Unset(args) => change::unset(&args, world, ui),
        Command::Explain(args) => show::explain(&args, world, ui),
        Command::Path(args) => show::path(&args, world, ui),
        Command::Edit(args) => open::edit(&args, world, ui),
        Command::Import(args) => import::import(&args, world, ui),
    }
}
