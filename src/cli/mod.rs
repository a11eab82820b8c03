//! Floor 8: the doors. One file per command with its arguments and its run; [`ui`] is the only code that writes to
//! the terminal. Here is the list of commands, and the way from a command line to an exit code.

mod alerts;
mod backup;
mod books;
mod claude;
mod code;
mod complete;
mod config;
mod costs;
mod dashboard;
mod demo;
mod doctor;
mod dress;
mod experiment;
mod feedback;
mod gate;
mod glm;
mod here;
mod hook;
mod init;
mod key;
mod launch;
mod learn;
mod mode;
mod models;
mod optimize;
mod phase;
mod prices;
mod reference;
mod report;
mod route;
mod serve;
mod session;
mod shell;
mod stats;
mod status;
mod statusline;
mod supply;
mod top;
pub mod ui;
mod worktree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use ui::{Colour, Ui};

/// Claude Code on the model that fits: plan with Claude, implement with GLM, know what it cost.
#[derive(Debug, Parser)]
#[command(name = "moai", version, propagate_version = true, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Run as if started in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true, help_heading = "Global options")]
    directory: Option<PathBuf>,
    /// Answer in JSON on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Say only what is wrong
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Glm(glm::Args),
    #[command(visible_alias = "cc")]
    Claude(claude::Args),
    Route(Box<route::Args>),
    Serve(Box<serve::Args>),
    Code(code::Args),
    Dashboard(dashboard::Args),
    Session(session::Args),
    Status(status::Args),
    Key(key::Args),
    Mode(mode::Args),
    Config(config::Args),
    Models(models::Args),
    Phase(phase::Args),
    Init(init::Args),
    #[command(visible_alias = "wt")]
    Worktree(worktree::Args),
    Hook(hook::Args),
    Costs(costs::Args),
    Prices(prices::Args),
    Stats(stats::Args),
    Alerts(alerts::Args),
    Report(report::Args),
    Top(top::Args),
    Statusline(statusline::Args),
    Feedback(feedback::Args),
    Learn(learn::Args),
    Optimize(optimize::Args),
    Experiment(experiment::Args),
    Backup(backup::Args),
    Doctor(doctor::Args),
    Demo(demo::Args),
    #[command(flatten)]
    Shell(shell::Command),
}

/// The whole command tree, for completions, man pages and the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line of `world` and returns the exit code; everything has been said when it returns.
pub fn run(world: &World) -> ExitCode {
    if let Some(code) = complete::answer(world, command) {
        return code;
    }
    ExitCode::from(run_on(world, ui::Streams::of_process()))
}

/// Runs the command line of `world`, says everything through `streams`, and returns the exit code as a number: what
/// [`run`] does for the process and `moai demo` for its steps.
fn run_on(world: &World, streams: ui::Streams) -> u8 {
    let cli = match Cli::command().try_get_matches_from(&world.args).and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(cli) => cli,
        Err(error) => return usage(&error, world, streams),
    };
    let mut ui = Ui::on(streams, world, colour(cli.color, world), cli.json, cli.quiet);
    match dispatch(cli, world, &mut ui) {
        Ok(()) => 0,
        Err(failure) => finish(&mut ui, &failure),
    }
}

/// `--color`, else what the person has set as `ui.color`.
fn colour(asked: Colour, world: &World) -> Colour {
    match (asked, crate::config::colour_wish(world).as_deref()) {
        (Colour::Auto, Some("always")) => Colour::Always,
        (Colour::Auto, Some("never")) => Colour::Never,
        _ => asked,
    }
}

/// Says a failure that came before there was a world to run in.
pub fn report(failure: &Failure) -> ExitCode {
    ExitCode::from(finish(&mut Ui::new(&World::default(), Colour::Auto, false, false), failure))
}

/// Says the failure; where even that cannot be written, the exit code is all that is left to say.
fn finish(ui: &mut Ui, failure: &Failure) -> u8 {
    drop(ui.failure(failure));
    failure.kind().exit_code()
}

/// Help and version go to standard output with exit 0; a wrong command line to standard error with exit 2, and under
/// `--json` as a document, too.
fn usage(error: &clap::Error, world: &World, streams: ui::Streams) -> u8 {
    let json = world.args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let mut ui = Ui::on(streams, world, Colour::Auto, json, false);
    if !error.use_stderr() {
        return error.print().map_or_else(|error| finish(&mut ui, &Failure::output(error)), |()| 0);
    }
    let said = error.to_string();
    let text = ui.without_keys(&said);
    if json {
        return finish(&mut ui, &complaint(error, &text));
    }
    // Where even that cannot be written (a closed pipe), the exit code is all that is left to say.
    drop(if text == said { error.print().map_err(Failure::output) } else { ui.say(text.trim_end()) });
    Kind::Usage.exit_code()
}

/// What is wrong with the command line, as a failure: the first line is the message, a `tip:` a hint.
fn complaint(error: &clap::Error, text: &str) -> Failure {
    let missing = error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let first = text.lines().next().unwrap_or_default();
    let message = if missing { "a command is missing" } else { first.strip_prefix("error: ").unwrap_or(first) };
    let tips = text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: "));
    let failure =
        tips.fold(Failure::usage(message.to_owned()).with_code("usage"), |failure, tip| failure.hint(tip.trim()));
    failure.hint("see `moai --help`, or `--help` after the command")
}

fn dispatch(cli: Cli, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let moved;
    let world = match cli.directory {
        None => world,
        Some(directory) => {
            moved = enter(world, &directory)?;
            &moved
        }
    };
    match cli.command {
        Command::Glm(args) => glm::run(&args, world, ui),
        Command::Claude(args) => claude::run(&args, world, ui),
        Command::Session(args) => session::run(args, world, ui),
        Command::Route(args) => route::run(&args, world, ui),
        Command::Code(args) => code::run(&args, world, ui),
        Command::Dashboard(args) => dashboard::run(&args, world, ui),
        Command::Serve(args) => serve::run(*args, world, ui),
        Command::Status(args) => status::run(args, world, ui),
        Command::Key(args) => key::run(args, world, ui),
        Command::Mode(args) => mode::run(args, world, ui),
        Command::Config(args) => config::run(args, world, ui),
        Command::Models(args) => models::run(args, world, ui),
        Command::Phase(args) => phase::run(&args, world, ui),
        Command::Init(args) => init::run(&args, world, ui),
        Command::Worktree(args) => worktree::run(args, world, ui),
        Command::Hook(args) => hook::run(&args, world, ui),
        Command::Costs(args) => costs::run(args, world, ui),
        Command::Prices(args) => prices::run(args, world, ui),
        Command::Alerts(args) => alerts::run(&args, world, ui),
        Command::Stats(args) => stats::run(&args, world, ui),
        Command::Report(args) => report::run(&args, world, ui),
        Command::Top(args) => top::run(&args, world, ui),
        Command::Statusline(args) => statusline::run(&args, world, ui),
        Command::Feedback(args) => feedback::run(&args, world, ui),
        Command::Learn(args) => learn::run(&args, world, ui),
        Command::Optimize(args) => optimize::run(&args, world, ui),
        Command::Experiment(args) => experiment::run(&args, world, ui),
        Command::Backup(args) => backup::run(args, world, ui),
        Command::Doctor(args) => doctor::run(&args, world, ui),
        Command::Demo(args) => demo::run(&args, world, ui),
        Command::Shell(command) => shell::run(command, world, ui),
    }
}

/// The world seen from `directory` (`-C`).
fn enter(world: &World, directory: &std::path::Path) -> Result<World, Failure> {
    let path = if directory.is_absolute() { directory.to_path_buf() } else { world.cwd()?.join(directory) };
    if !path.is_dir() {
        return Err(Failure::usage(format!("-C: {} is not a directory", path.display())));
    }
    let mut moved = world.clone();
    moved.set_cwd(path);
    Ok(moved)
}
