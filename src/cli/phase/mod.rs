//! `moai phase`: where a phase is done, who does it, and the way there: seed 002's decision tree at work.

mod enter;
mod view;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{Config, Project};
use crate::model::{Backend, Phase, SpecId};
use crate::route::phase::{Ask, Decision, Place, Step, Worktree, decide};
use crate::settings::Layers;
use crate::worktree::{Entry, Repo, choose_root, default_branch};

use super::here::Here;
use super::ui::Ui;

/// Show where a phase is done and by which model, and go there
///
/// The mode decides: in mashup a plan is made by Claude in the main checkout, run and sync are done by GLM in the
/// worktree of the SPEC. Without an option nothing is changed: it prints the place, the model and what to type next.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai phase plan \"login with a passkey\"   where to plan, and what to type
  moai phase run SPEC-001                  where SPEC-001 is implemented
  moai phase run SPEC-001 --enter          create or reuse its worktree, print its path
  moai phase run SPEC-001 --launch         the same, and start Claude Code there
  moai phase sync SPEC-001 --json")]
pub(super) struct Args {
    /// The phase
    #[arg(value_enum, value_name = "PHASE")]
    phase: Word,
    /// The SPEC (for plan: what is to be planned)
    #[arg(value_name = "SPEC")]
    words: Vec<String>,
    /// Create or reuse the worktree where the mode wants one, and print the path to work in
    #[arg(long)]
    enter: bool,
    /// Enter, and start Claude Code there with the phase's command
    #[arg(long, conflicts_with = "json")]
    launch: bool,
    /// Create the worktree without asking, where `llm.routing.confirm_worktree` is on
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    /// /moai:1-plan
    Plan,
    /// /moai:2-run
    Run,
    /// /moai:3-sync
    Sync,
}

impl From<Word> for Phase {
    fn from(word: Word) -> Self {
        match word {
            Word::Plan => Self::Plan,
            Word::Run => Self::Run,
            Word::Sync => Self::Sync,
        }
    }
}

/// What was asked, what was decided, and what is there.
struct Route {
    phase: Phase,
    spec: Option<SpecId>,
    /// What follows the slash command: the SPEC, or the description of a plan.
    prompt: String,
    decision: Decision,
    /// Where the work is done; `None` where that is not there yet.
    path: Option<PathBuf>,
    /// Where the worktree would be made.
    planned: Option<PathBuf>,
    /// The branch of the SPEC's worktree, or what it would be.
    branch: Option<String>,
    /// Who answers there now; `None` where it is not there yet or its settings cannot be read.
    now: Option<Backend>,
}

impl Route {
    /// The line that Claude Code is started with: `/moai:2-run SPEC-001`.
    fn slash(&self) -> String {
        format!("{} {}", self.phase.slash_command(), self.prompt).trim_end().to_owned()
    }

    /// Whether the place is on another backend than the mode wants.
    fn needs_switch(&self) -> bool {
        self.now.is_some_and(|now| now != self.decision.rule.backend)
    }
}

/// Runs `moai phase`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let route = find(args, &here, world)?;
    if args.enter || args.launch {
        return enter::enter(args, &here, route, world, ui);
    }
    view::show(&route, &here, world, ui)
}

fn find(args: &Args, here: &Here, world: &World) -> Result<Route, Failure> {
    let phase = Phase::from(args.phase);
    let repo = here.project.git.as_ref().map(|_| Repo::open(world)).transpose()?;
    let entries = repo.as_ref().map(Repo::entries).transpose()?.unwrap_or_default();
    let current = entries.iter().find(|entry| !entry.main && entry.path == here.project.root);
    let (spec, prompt) = match phase {
        Phase::Plan => (None, quoted(&args.words.join(" "))),
        _ => spec(&args.words, current)?,
    };
    let entry = spec.as_ref().and_then(|spec| of_spec(&entries, spec)).or(current.filter(|_| spec.is_none()));
    let worktree = match (entry, &spec) {
        (Some(entry), _) if entry.path == here.project.root => Worktree::Here,
        (Some(_), _) => Worktree::Elsewhere,
        (None, Some(_)) => Worktree::Missing,
        (None, None) => Worktree::Unnamed,
    };
    let decision = decide(Ask {
        mode: here.config.mode(),
        phase,
        in_main: !here.project.is_linked(),
        worktree,
        auto_worktree: here.config.auto_worktree().enabled,
    });
    let path = match decision.rule.place {
        Place::Main => Some(here.project.main.clone()),
        Place::Current => Some(here.project.root.clone()),
        Place::Worktree => entry.map(|entry| entry.path.clone()),
    };
    let planned = match (&repo, &spec, &path) {
        (Some(repo), Some(spec), None) => {
            let roost = choose_root(repo, &entries, here.config.worktree_root().as_deref())?;
            Some(roost.folder.join(spec.as_str()))
        }
        _ => None,
    };
    let branch = match (entry, &planned, &spec) {
        (Some(entry), ..) => entry.branch.clone(),
        (None, Some(_), Some(spec)) => Some(default_branch(spec)),
        _ => None,
    };
    let now = path.as_deref().map(|path| backend_at(path, &here.project, &here.config, world));
    Ok(Route { phase, spec, prompt, decision, path, planned, branch, now })
}

/// The SPEC that was named, else that of the worktree we stand in.
fn spec(words: &[String], current: Option<&Entry>) -> Result<(Option<SpecId>, String), Failure> {
    let word = match words {
        [] => match current.map(Entry::name) {
            Some(name) => name,
            None => return Ok((None, String::new())),
        },
        [word] => word.clone(),
        [word, ..] => {
            return Err(Failure::usage("one SPEC at a time").hint(format!("for example `moai phase run {word}`")));
        }
    };
    match word.parse::<SpecId>() {
        Ok(spec) => Ok((Some(spec), word)),
        // A worktree that is not named after a SPEC is still a place to work in.
        Err(_) if words.is_empty() => Ok((None, String::new())),
        Err(error) => Err(Failure::usage(error.to_string()).hint("for example `moai phase run SPEC-001`")),
    }
}

/// The worktree of a SPEC: the one named after it, else the one on its branch. No guessing here: it gets work done.
fn of_spec<'e>(entries: &'e [Entry], spec: &SpecId) -> Option<&'e Entry> {
    let branch = default_branch(spec);
    let mut linked = entries.iter().filter(|entry| !entry.main && entry.prunable.is_none());
    let by_name = linked.clone().find(|entry| entry.name() == spec.as_str());
    by_name.or_else(|| linked.find(|entry| entry.branch.as_deref() == Some(branch.as_str())))
}

fn backend_at(path: &Path, project: &Project, config: &Config, world: &World) -> Backend {
    let layers = Layers::load(world, path, Some(&project.main));
    layers.effective(Some(&config.glm().base_url)).backend
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\"{}\"", text.replace('"', "\\\"")) }
}

/// Whether this step still has to make the worktree.
fn is_missing(step: Step) -> bool {
    matches!(step, Step::Create | Step::CreateByHand | Step::RunFirst | Step::NameSpec)
}
