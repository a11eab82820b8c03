//! `moai experiment`: models of a tier against each other, on the conversations that come.

mod show;
mod store;

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::model::Tier;
use crate::route::trial::{Arm, Experiment, Measure, Standing, standing};

use super::books::Books;
use super::here::Here;
use super::serve;
use super::ui::{SCHEMA, Ui, clean};

pub(super) use store::{file, running};

/// The heaviest arm.
const HEAVIEST: u32 = 1000;

/// Try models against each other on the conversations that come
///
/// An experiment splits the conversations of a tier among models, each for good, and compares what they cost, how long
/// they take, how often they fail, and what you say of them. It may be looked at at any time: its intervals hold however
/// often they are looked at. What you force, slash commands, worktrees, agents and tasks decide as before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai experiment start cheap --tier 2 --arm glm-4.7 --arm claude-sonnet
  moai experiment start fast --tier 2 --arm glm-4.7=3 --arm glm-4.5-air --measure latency
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
    #[command(after_help = "Examples:
  moai experiment start cheap --tier 2 --arm glm-4.7 --arm claude-sonnet
  moai experiment start plans --tier 1 --arm claude-opus=3 --arm gemini-pro=1 --measure feedback")]
    Start {
        /// Its name: letters, digits, `-` and `_`
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
        /// The tier whose conversations are split: 1 plans, 2 implements
        #[arg(long, value_name = "TIER")]
        tier: Tier,
        /// A model, with its share of the conversations (1 where none is given); the first is what the others are
        /// compared with
        #[arg(long = "arm", value_name = "MODEL[=SHARE]", required = true, value_parser = arm)]
        arms: Vec<Arm>,
        /// What decides
        #[arg(long, value_enum, default_value = "cost", value_name = "MEASURE")]
        measure: Measure,
    },
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

/// Runs `moai experiment`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match &args.command {
        Command::Start { name, tier, arms, measure } => start(name, *tier, arms, *measure, world, ui),
        Command::List => show::list(&store::load(world)?, ui),
        Command::Show { name } => {
            let (experiment, standing) = look(name, world, ui)?;
            show::one(&experiment, &standing, ui)
        }
        Command::Stop { name } => stop(name, world, ui),
    }
}

fn start(name: &str, tier: Tier, arms: &[Arm], measure: Measure, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let words: Vec<String> = arms.iter().map(|arm| arm.model.clone()).collect();
    let models = serve::named_models(world, &words)?;
    let mut all: Vec<Arm> = Vec::new();
    for (model, arm) in models.into_iter().zip(arms) {
        if all.iter().any(|known| known.model == model) {
            return Err(Failure::usage(format!("{} is in it twice", clean(&model))));
        }
        all.push(Arm { model, weight: arm.weight });
    }
    if all.len() < 2 {
        return Err(Failure::usage("an experiment has two arms or more").hint("give `--arm MODEL` twice"));
    }
    let _lock = store::lock(world)?;
    let mut experiments = store::load(world)?;
    if experiments.iter().any(|known| known.name == name) {
        let failure = Failure::expected(format!("there is an experiment {name} already"));
        return Err(failure.with_code("experiment-exists").hint("give this one another name: rows are marked with it"));
    }
    if let Some(other) = experiments.iter().find(|other| other.runs_on(tier)) {
        let message = format!("the experiment {} splits tier {tier} already", clean(&other.name));
        let hint = format!("stop it first: `moai experiment stop {}`", clean(&other.name));
        return Err(Failure::expected(message).with_code("tier-taken").hint(hint));
    }
    let started = world.now().to_string();
    let new = Experiment { name: name.to_owned(), tier: tier.number(), arms: all, measure, started, stopped: None };
    experiments.push(new.clone());
    store::save(world, experiments)?;
    serve::nudge(world);
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "experiment": new }));
    }
    let shares: Vec<String> = new.arms.iter().map(|arm| format!("{}={}", clean(&arm.model), arm.weight)).collect();
    ui.answer(format!("started: {name} splits tier {tier} among {}", shares.join(", ")))?;
    ui.hint(format!("what it shows: `moai experiment show {name}`"))
}

fn stop(name: &str, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (mut experiment, standing) = look(name, world, ui)?;
    if experiment.stopped.is_some() {
        return Err(Failure::expected(format!("{name} was stopped already")).with_code("experiment-stopped"));
    }
    let _lock = store::lock(world)?;
    let mut all = store::load(world)?;
    experiment.stopped = Some(world.now().to_string());
    for one in all.iter_mut().filter(|one| one.name == name) {
        one.clone_from(&experiment);
    }
    store::save(world, all)?;
    serve::nudge(world);
    show::one(&experiment, &standing, ui)
}

/// An experiment and what it shows by now.
fn look(name: &str, world: &World, ui: &mut Ui) -> Result<(Experiment, Standing), Failure> {
    let found = store::load(world)?.into_iter().find(|one| one.name == name);
    let experiment = found.ok_or_else(|| {
        Failure::expected(format!("there is no experiment {}", clean(name)))
            .with_code("no-experiment")
            .hint("`moai experiment list` names them")
    })?;
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let units = match books.reported(ui)? {
        None => Vec::new(),
        Some(journal) => journal.trial(name, world.now())?,
    };
    let standing = standing(&experiment, &units);
    Ok((experiment, standing))
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.len() <= 40 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("a name is up to 40 letters, digits, `-` and `_`".into())
}

fn arm(text: &str) -> Result<Arm, String> {
    let (model, weight) = text.split_once('=').unwrap_or((text, "1"));
    match weight.parse() {
        Ok(weight) if (1..=HEAVIEST).contains(&weight) && !model.is_empty() => {
            Ok(Arm { model: model.to_owned(), weight })
        }
        _ => Err(format!("an arm looks like glm-4.7 or glm-4.7=3, with a share of 1 to {HEAVIEST}")),
    }
}
