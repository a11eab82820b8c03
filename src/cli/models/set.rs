//! `moai models set`: who answers what, in the configuration.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::cli::config::{Scope, change};
use crate::cli::here::Here;
use crate::cli::ui::{Ui, clean};
use crate::config::keys::{self, Name, Value};
use crate::model::{TaskKind, Tier};
use crate::route::Model;

use super::shop::Shop;

/// Say who answers: everything in this checkout, a kind of task, a tier, or an agent
///
/// Without --kind, --tier and --agent the model answers whatever is asked in this checkout (`route.model`). With --kind
/// or --tier it comes first there, and who was there before stands in for it; with --agent it answers that agent, whose
/// stand-ins stay. The file is changed in place: comments and order stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models set ollama/qwen2.5-coder:32b --kind coding
  moai models set ollama/deepseek-r1:32b --kind reasoning --user
  moai models set glm-5.2 --tier 2 --dry-run
  moai models set qwen2.5-coder --agent coder
  moai models set glm-4.7                     for everything in this checkout
  moai config unset route.model               and back")]
pub(super) struct Args {
    /// The model: its name, its vendor's id, or PROVIDER/ID
    #[arg(value_name = "MODEL")]
    model: String,
    /// It answers prompts of this kind: coding, reasoning or general
    #[arg(long, value_name = "KIND", group = "place")]
    kind: Option<TaskKind>,
    /// It comes first in this tier: 1 plans, 2 implements
    #[arg(long, value_name = "TIER", group = "place")]
    tier: Option<Tier>,
    /// It answers this agent
    #[arg(long, value_name = "NAME", group = "place")]
    agent: Option<String>,
    #[command(flatten)]
    scope: Scope,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Runs `moai models set`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, std::slice::from_ref(&args.model), ui)?;
    let ready = shop.roster.ready(&args.model);
    let exact = shop.roster.models().map(|(model, _)| model).filter(|model| model.answers_to(&args.model));
    let named = |model: &&Model| !model.name.eq_ignore_ascii_case(&args.model);
    let Some(model) = exact.min_by_key(named).cloned() else {
        return Err(ready.err().map_or_else(|| Failure::expected("no such model"), Failure::from));
    };
    let name = setting(args)?;
    if args.scope.user && name.as_str() == "route.model" {
        return Err(Failure::usage("a model for everything belongs to one checkout, and not to a person")
            .hint("leave --user out, or say what it is for: --kind, --tier or --agent"));
    }
    let value = value(&name, &model, &shop.here, world)?;
    change(&name, Some(&value), args.scope, args.dry_run, world, ui)?;
    if let Err(why) = ready {
        ui.warn(clean(&why.to_string()))?;
        for hint in crate::base::failure::Explain::hints(&why) {
            ui.hint(clean(&hint))?;
        }
    }
    Ok(())
}

/// The setting that says who answers there.
fn setting(args: &Args) -> Result<Name, Failure> {
    let name = match (args.kind, args.tier, &args.agent) {
        (Some(kind), ..) => format!("kinds.{kind}"),
        (_, Some(Tier::One), _) => "tiers.plan".into(),
        (_, Some(Tier::Two), _) => "tiers.implement".into(),
        (.., Some(agent)) if agent.is_empty() || agent.contains(['"', '\n']) => {
            return Err(Failure::usage("that is not an agent's name"));
        }
        (.., Some(agent)) => format!("agents.\"{agent}\".primary_model"),
        _ => "route.model".into(),
    };
    keys::find(&name).ok_or_else(|| Failure::new(Kind::Bug, format!("there is no setting `{name}`")))
}

/// The model alone, or before those that are there.
fn value(name: &Name, model: &Model, here: &Here, world: &World) -> Result<Value, Failure> {
    if !name.key.shape.is_list() {
        return Ok(Value::Text(model.name.clone()));
    }
    let mut list = vec![model.name.clone()];
    if let Some(Value::List(before)) = here.setting(world, name)?.value {
        list.extend(before.into_iter().filter(|word| !model.answers_to(word)));
    }
    Ok(Value::List(list))
}
