//! `moai models`: which models there are and how they do, who answers what, and what is in the memory of this machine.
//!
//! - `shop`: what all of it needs: the configuration, the keys, the prices, the way out
//! - `list`, `show`: the models; `survey`: what their providers say
//! - `set`: who answers what, in the configuration
//! - `test`, `bench`: real requests; `probe` sends one
//! - `room`: what an Ollama has in memory (`ps`, `load`, `unload`); `watch`: the same, live

mod bench;
mod entry;
mod list;
mod probe;
mod room;
mod set;
mod shop;
mod show;
mod survey;
mod test;
mod watch;

use clap::Subcommand;

use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::Ui;

/// Show, choose, try and measure the models, and see to the memory of this machine
///
/// `list` puts together what moai knows, what is configured, and what each provider says of itself at this moment. The
/// models of an Ollama share one memory: `ps`, `load`, `unload` and `watch` are about it, and `local.memory` keeps
/// them from being loaded where they do not fit.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  moai models list
  moai models set ollama/qwen2.5-coder:32b --kind coding
  moai models test glm-4.7
  moai models ps
  moai models bench qwen2.5-coder deepseek-r1 --rounds 5
  moai config set --user local.memory 36"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Set(set::Args),
    Test(test::Args),
    Ps(room::PsArgs),
    Load(room::LoadArgs),
    Unload(room::UnloadArgs),
    Bench(bench::Args),
    Watch(watch::Args),
}

/// Runs `moai models`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => list::run(&args, world, ui),
        Command::Show(args) => show::run(&args, world, ui),
        Command::Set(args) => set::run(&args, world, ui),
        Command::Test(args) => test::run(&args, world, ui),
        Command::Ps(args) => room::ps(&args, world, ui),
        Command::Load(args) => room::load(&args, world, ui),
        Command::Unload(args) => room::unload(&args, world, ui),
        Command::Bench(args) => bench::run(&args, world, ui),
        Command::Watch(args) => watch::run(&args, world, ui),
    }
}
