//! `moai completions`, `moai shell-init` and `moai man`: what shells, installers and manuals need of us.

use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::env::Shells;

use crate::base::disk::{self, Access};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use super::complete::ASK;
use super::reference;
use super::ui::{SCHEMA, Ui};

/// The commands that shells and installers call.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Completions(CompletionsArgs),
    ShellInit(InitArgs),
    Man(ManArgs),
}

/// Print the completion script of a shell
///
/// The script asks `moai` on every TAB, so it completes what the project has right now: SPEC ids, branches, models,
/// settings. `moai shell-init` brings it along; this command is for package builders and for shells that load
/// completions from a directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moai completions bash > ~/.local/share/bash-completion/completions/moai
  moai completions fish > ~/.config/fish/completions/moai.fish
  source <(moai completions zsh)")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    Elvish,
}

/// Print what a shell's start file needs: completions, and `moai worktree go` that changes the directory
///
/// A program cannot change the directory of the shell that started it. The function that this prints gives moai a
/// private file to write the path into, and changes there afterwards; what moai prints is never run as code.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eval \"$(moai shell-init bash)\"              # in ~/.bashrc
  eval \"$(moai shell-init zsh)\"               # in ~/.zshrc
  moai shell-init fish | source               # in ~/.config/fish/config.fish
  moai shell-init pwsh | Out-String | Invoke-Expression   # in $PROFILE")]
pub(super) struct InitArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: InitShell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum InitShell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "powershell")]
    Pwsh,
}

/// Print a manual page, or write all of them into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moai man worktree create | man -l -
  moai man --out ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// The command to describe; none: moai itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
    /// Print the reference of all commands as Markdown (docs/cli.md)
    #[arg(long, hide = true, conflicts_with_all = ["command", "out"])]
    markdown: bool,
}

/// Runs one of them.
pub(super) fn run(command: Command, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match command {
        Command::Completions(args) => text(ui, "script", &completions(args.shell)?),
        Command::ShellInit(args) => text(ui, "script", &shell_init(args.shell)?),
        Command::Man(args) => man(&args, world, ui),
    }
}

/// A text as the answer, or as a field of the JSON answer.
fn text(ui: &mut Ui, name: &str, text: &str) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&serde_json::json!({ "schema": SCHEMA, name: text }));
    }
    ui.answer_bytes(text.as_bytes())
}

/// The script that makes a shell ask moai. It finds `moai` on the PATH, so that it is the same on every machine.
fn completions(shell: CompletionShell) -> Result<String, Failure> {
    let name = match shell {
        CompletionShell::Bash => "bash",
        CompletionShell::Zsh => "zsh",
        CompletionShell::Fish => "fish",
        CompletionShell::Powershell => "powershell",
        CompletionShell::Elvish => "elvish",
    };
    let broken = || Failure::new(Kind::Bug, format!("no completion script for {name}"));
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(name).ok_or_else(broken)?;
    completer.write_registration(ASK, "moai", "moai", "moai", &mut script).map_err(|_unwritten| broken())?;
    let script = String::from_utf8(script).map_err(|_not_text| broken())?;
    let mut script: String = script.trim().lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    if matches!(shell, CompletionShell::Zsh) {
        // Loaded from a directory of completions, zsh runs the file as the function `_moai` on the first TAB.
        script.push_str("[[ ${funcstack[1]-} != _moai ]] || _clap_dynamic_completer_moai \"$@\"\n");
    }
    Ok(script)
}

fn shell_init(shell: InitShell) -> Result<String, Failure> {
    let (function, completion) = match shell {
        InitShell::Bash => (include_str!("../../templates/shell/moai.bash"), CompletionShell::Bash),
        InitShell::Zsh => (include_str!("../../templates/shell/moai.zsh"), CompletionShell::Zsh),
        InitShell::Fish => (include_str!("../../templates/shell/moai.fish"), CompletionShell::Fish),
        InitShell::Pwsh => (include_str!("../../templates/shell/moai.ps1"), CompletionShell::Powershell),
    };
    Ok(format!("{function}\n{}", completions(completion)?))
}

fn man(args: &ManArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if args.markdown {
        return text(ui, "markdown", &reference::markdown());
    }
    let Some(out) = &args.out else {
        let page = reference::man_page(&args.command)
            .ok_or_else(|| Failure::usage(format!("there is no command `moai {}`", args.command.join(" "))))?;
        return text(ui, "page", &page);
    };
    let dir = world.cwd()?.join(out);
    let pages = reference::man_pages();
    for (name, page) in &pages {
        disk::replace(&dir.join(name), page.as_bytes(), Access::Keep)?;
    }
    if ui.json {
        let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
        return ui.answer_json(&serde_json::json!({ "schema": SCHEMA, "directory": dir, "pages": names }));
    }
    ui.say(format!("{} manual pages written to {}", pages.len(), world.tilde(&dir)))
}
