//! `moai demo`: the main job, played by the real commands in a scratch home with a scratch repository in it.
//!
//! Each step goes through the same door as a command line (`cli::run_on`), so the demo cannot drift from the program;
//! each ends with a proof that looks at the files and not at what was printed. It needs no key, no network and no git
//! identity; the gateway that it starts listens on loopback and ends with it, however it ends. Without a git on the PATH it
//! leaves out the two steps that ask git.

mod gateway;
mod routing;
mod stage;
mod steps;

use serde::Serialize;

use crate::base::failure::{Failure, Kind};
use crate::base::program;
use crate::base::world::World;

use super::ui::{SCHEMA, Streams, Ui};

use stage::{Heard, Stage};
use steps::{Act, STEPS, Step};

/// See the main job played in a scratch project
///
/// A home and a repository are made in a temporary directory; the commands that you would type run there one after
/// the other, and after each the files are looked at to prove what it did. Nothing of yours is read or changed, and
/// neither a key nor the network is needed. The answers of models are simulated; the gateway that is started listens for
/// this machine alone and is stopped again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moai demo
  moai demo --keep     # leave the scratch directory, to look around in it
  moai demo --json")]
pub(super) struct Args {
    /// Leave the scratch directory and say where it is
    #[arg(long)]
    keep: bool,
}

/// A step that was played.
#[derive(Debug, Serialize)]
struct Played {
    command: String,
    exit: u8,
    proved: String,
}

/// Runs `moai demo`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    world.interrupt.listen();
    let stage = Stage::new(world)?;
    if !ui.json {
        ui.answer("moai demo: the main job in a scratch home and a scratch repository; nothing of yours is touched")?;
    }
    let mut played = Vec::new();
    let mut outcome = Ok(());
    let has_git = program::find(world, "git").is_some();
    for (number, step) in STEPS.iter().filter(|step| has_git || !step.asks_git).enumerate() {
        world.interrupt.check()?;
        match play(step, number + 1, &stage, ui) {
            Ok(step) => played.push(step),
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    let kept = if args.keep { Some(stage.keep()) } else { None };
    if let Some(kept) = &kept {
        ui.say(format!("the scratch directory is left at {}", kept.display()))?;
    }
    outcome?;
    if !has_git {
        ui.say("two steps were left out: removing uncommitted work and bringing it back needs git, which is not here")?;
    }
    if ui.json {
        return ui.answer_json(&serde_json::json!({ "schema": SCHEMA, "steps": played, "directory": kept }));
    }
    farewell(ui)
}

/// Plays one step: shows the command, runs it, shows what it said, proves what it did.
fn play(step: &Step, number: usize, stage: &Stage, ui: &mut Ui) -> Result<Played, Failure> {
    if !ui.json {
        ui.answer(format!("\n{}", ui.style.dim(&format!("{number}. {}", step.aim))))?;
    }
    (step.before)(stage)?;
    let shown = shown(&step.act, stage);
    if !ui.json {
        ui.answer(ui.style.bold(&format!("$ {shown}")))?;
    }
    let (exit, said) = act(&step.act, stage, ui.style.coloured() && !ui.json);
    if !ui.json {
        for line in said.lines() {
            ui.answer(format!("  {line}"))?;
        }
    }
    let proof = if exit == step.exit { (step.proof)(stage) } else { Err(format!("it ended with exit code {exit}")) };
    match proof {
        Ok(proved) => {
            if !ui.json {
                ui.answer(format!("  {} {proved}", ui.style.green("proved:")))?;
            }
            Ok(Played { command: shown, exit, proved })
        }
        Err(wrong) => Err(Failure::new(Kind::Bug, format!("the demo stopped at `{shown}`: {wrong}"))
            .context("moai does not do on this machine what it promises")
            .hint("look at what is left: `moai demo --keep`")
            .hint(format!("it said: {}", said.trim()))),
    }
}

/// What is done, as it would be typed.
fn shown(act: &Act, stage: &Stage) -> String {
    let quoted = |word: &&str| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() };
    match act {
        Act::Moai(words) => format!("moai {}", words.iter().map(quoted).collect::<Vec<_>>().join(" ")),
        Act::Else { shown, .. } => shown(stage),
    }
}

/// Does it: the exit code, and what was said.
fn act(act: &Act, stage: &Stage, coloured: bool) -> (u8, String) {
    let heard = Heard::default();
    let streams = Streams::both(heard.clone());
    let exit = match act {
        Act::Moai(words) => super::run_on(&stage.world(words, coloured), streams),
        Act::Else { run, .. } => {
            let colour = if coloured { super::Colour::Always } else { super::Colour::Never };
            let mut ui = Ui::on(streams, &stage.world(&[], coloured), colour, false, false);
            match run(stage, &mut ui) {
                Ok(()) => 0,
                Err(failure) => super::finish(&mut ui, &failure),
            }
        }
    };
    (exit, heard.text())
}

/// What to do next.
fn farewell(ui: &mut Ui) -> Result<(), Failure> {
    let lines = [
        ("moai glm YOUR-KEY", "store your Z.AI key (from https://z.ai/manage-apikey/apikey-list)"),
        ("cd YOUR-PROJECT", ""),
        ("moai init", "plan with Claude, implement with GLM: writes .moai/config/sections/llm.yaml"),
        ("moai phase run SPEC-001 --enter", "a worktree on GLM for a SPEC"),
        ("moai status", "what runs where, and why"),
        ("moai route \"design the API\"", "ask the model that fits; --dry-run --explain shows why"),
        ("moai code", "Claude Code on the gateway: planning to Claude, code to GLM"),
        ("moai costs", "what it has cost"),
        ("moai doctor", "if anything looks wrong"),
    ];
    ui.answer(format!("\n{}", ui.style.green("Every step held. Now with your own project:")))?;
    for (command, what) in lines {
        let padded = format!("{command:31}");
        ui.answer(format!("  {}  {what}", ui.style.cyan(&padded)).trim_end())?;
    }
    Ok(())
}
