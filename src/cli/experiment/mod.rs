//! `moai experiment`: models of a tier, or what they are told, against each other on the conversations that come.

mod show;
mod start;
mod store;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::model::Usd;
use crate::route::bandit::{self, Beliefs};
use crate::route::shadow;
use crate::route::trial::{Experiment, Standing, standing};

use super::books::Books;
use super::here::Here;
use super::serve;
use super::ui::{Ui, clean};

pub(super) use store::{file, running};

/// What the bandits among these experiments believe by now. Where the journal does not answer, nothing yet.
pub(super) fn beliefs(experiments: &[Experiment], books: &mut Books, now: Timestamp) -> BTreeMap<String, Beliefs> {
    let bandits: Vec<&Experiment> = experiments.iter().filter(|experiment| experiment.is_bandit()).collect();
    if bandits.is_empty() {
        return BTreeMap::new();
    }
    let journal = books.existing().ok().flatten();
    journal.and_then(|journal| journal.beliefs(bandits, now).ok()).unwrap_or_default()
}

/// Try models, and system prompts, against each other on the conversations that come
///
/// An experiment splits the conversations of a tier among models or system prompts, each for good, and compares what they cost, how long
/// they take, how often they fail, and what you say of them. It may be looked at at any time: its intervals hold however
/// often they are looked at. What you force, slash commands, worktrees, agents and tasks decide as before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai experiment start cheap --tier 2 --arm glm-4.7 --arm claude-sonnet
  moai experiment start fast --tier 2 --arm glm-4.7=3 --arm glm-4.5-air --measure latency
  moai experiment start terse --tier 2 --arm glm-4.7 --arm glm-4.7+terse --prompt terse=@terse.md
  moai experiment start look --tier 2 --shadow gemini-pro --share 10% --budget 2
  moai experiment start learn --tier 2 --bandit --arm glm-4.7 --arm claude-sonnet
  moai experiment show cheap
  moai experiment list --json
  moai experiment stop cheap")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start an experiment; a running gateway takes it up
    Start(start::Args),
    /// Say which experiments there are
    #[command(after_help = "Examples:\n  moai experiment list\n  moai experiment list --json")]
    List,
    /// Say what an experiment shows by now
    #[command(after_help = "Examples:\n  moai experiment show cheap\n  moai experiment show cheap --json")]
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Stop an experiment; what it has shown stays
    #[command(after_help = "Examples:\n  moai experiment stop cheap")]
    Stop {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// An experiment with what it shows by now.
struct Seen {
    experiment: Experiment,
    shows: Shows,
}

/// What an experiment shows.
enum Shows {
    Split(Standing),
    Bandit(Vec<bandit::Shown>),
    /// And what its copies have cost today.
    Shadow(shadow::Shown, Usd),
}

/// Runs `moai experiment`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match &args.command {
        Command::Start(args) => start::run(args, world, ui),
        Command::List => show::list(&store::load(world)?, ui),
        Command::Show { name } => show::one(&look(name, world, ui)?, ui),
        Command::Stop { name } => stop(name, world, ui),
    }
}

fn stop(name: &str, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut seen = look(name, world, ui)?;
    let experiment = &mut seen.experiment;
    if experiment.stopped.is_some() {
        return Err(Failure::expected(format!("{name} was stopped already")).with_code("experiment-stopped"));
    }
    let _lock = store::lock(world)?;
    let mut all = store::load(world)?;
    experiment.stopped = Some(world.now().to_string());
    for one in all.iter_mut().filter(|one| one.name == name) {
        one.clone_from(experiment);
    }
    store::save(world, all)?;
    serve::nudge(world);
    show::one(&seen, ui)
}

/// An experiment and what it shows by now.
fn look(name: &str, world: &World, ui: &mut Ui) -> Result<Seen, Failure> {
    let found = store::load(world)?.into_iter().find(|one| one.name == name);
    let experiment = found.ok_or_else(|| {
        Failure::expected(format!("there is no experiment {}", clean(name)))
            .with_code("no-experiment")
            .hint("`moai experiment list` names them")
    })?;
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let today = books.today();
    let journal = books.reported(ui)?;
    let shows = if experiment.is_shadow() {
        let copies = journal.as_ref().map_or(Ok(Vec::new()), |journal| journal.copies(name))?;
        let spent = journal.map_or(Ok(Usd::ZERO), |journal| journal.shadowed_by(name, today).map(|one| one.cost))?;
        Shows::Shadow(shadow::shown(&copies), spent)
    } else if experiment.is_bandit() {
        let all = journal.map_or(Ok(BTreeMap::new()), |journal| journal.beliefs([&experiment], world.now()))?;
        Shows::Bandit(all.get(name).map(|beliefs| beliefs.shown(&experiment)).unwrap_or_default())
    } else {
        let units = journal.map_or(Ok(Vec::new()), |journal| journal.trial(name, world.now()))?;
        Shows::Split(standing(&experiment, &units))
    };
    Ok(Seen { experiment, shows })
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.len() <= 40 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("a name is up to 40 letters, digits, `-` and `_`".into())
}
