//! `moai experiment start`.

use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::{name, show, store};
use crate::base::disk;
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::serve;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::model::{Tier, Usd};
use crate::route::trial::{Addition, Arm, Experiment, Form, Measure};

/// The heaviest arm.
const HEAVIEST: u32 = 1000;
/// The longest text that an arm adds to the system prompt.
const LONGEST: usize = 64 * 1024;

/// Start an experiment; a running gateway takes it up
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai experiment start cheap --tier 2 --arm glm-4.7 --arm claude-sonnet
  moai experiment start plans --tier 1 --arm claude-opus=3 --arm gemini-pro=1 --measure feedback
  moai experiment start terse --tier 2 --arm glm-4.7 --arm glm-4.7+terse --prompt terse=@terse.md
  moai experiment start look --tier 2 --shadow gemini-pro --share 10% --budget 2
  moai experiment start learn --tier 2 --bandit --arm glm-4.7 --arm claude-sonnet --cost-weight 30%")]
pub(super) struct Args {
    /// Its name: letters, digits, `-` and `_`
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// The tier whose conversations are split: 1 plans, 2 implements
    #[arg(long, value_name = "TIER")]
    tier: Tier,
    /// A model, with what it is told beside (`--prompt`) and its share of the conversations (1 where none is given);
    /// the first is what the others are compared with
    #[arg(long = "arm", value_name = "MODEL[+PROMPT][=SHARE]", required_unless_present = "shadow", value_parser = arm)]
    arms: Vec<Word>,
    /// Words for the end of the system prompt, for the arms that name them; `@FILE` reads them from a file, once
    #[arg(long = "prompt", value_name = "PROMPT=TEXT", value_parser = prompt)]
    prompts: Vec<(String, String)>,
    /// What decides
    #[arg(long, value_parser = measures(), default_value = "cost", value_name = "MEASURE")]
    measure: Measure,
    /// Learn from what happens which model is worth it, and give it most of the conversations, instead of fixed shares
    #[arg(long, conflicts_with_all = ["shadow", "prompts", "measure"])]
    bandit: bool,
    /// By how many of a hundred answers the dearest model has to be better than one that costs nothing
    #[arg(long, value_name = "PERCENT", default_value = "30%", requires = "bandit", value_parser = price)]
    cost_weight: u32,
    /// Split nothing: send a copy of some requests to this model, and throw its answers away after measuring them. Its
    /// vendor sees those prompts
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["arms", "prompts", "measure"], requires = "budget")]
    shadow: Option<String>,
    /// How many of a hundred requests are copied
    #[arg(long, value_name = "PERCENT", default_value = "10%", requires = "shadow", value_parser = percent)]
    share: u32,
    /// What the copies of a day may cost, in dollars: `2`, `2usd/day`
    #[arg(long, value_name = "DOLLARS", requires = "shadow", value_parser = budget)]
    budget: Option<Usd>,
}

/// Takes a word for a measure, and says what each one means.
fn measures() -> impl TypedValueParser<Value = Measure> {
    let words = Measure::ALL.map(|measure| {
        PossibleValue::new(measure.as_str()).help(match measure {
            Measure::Cost => "Dollars a request",
            Measure::Latency => "Seconds to the end of an answer",
            Measure::Errors => "The share of attempts that failed",
            Measure::Retries => "The share of attempts that were sent again",
            Measure::Feedback => "Good opinions less bad ones, for a request",
        })
    });
    PossibleValuesParser::new(words)
        .map(|word| Measure::ALL.into_iter().find(|measure| measure.as_str() == word).unwrap_or(Measure::Cost))
}

/// An arm as it is written.
#[derive(Debug, Clone)]
struct Word {
    model: String,
    prompt: Option<String>,
    weight: u32,
}

/// Starts it.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let Args { name, tier, measure, .. } = args;
    let (arms, form) = match (&args.shadow, args.budget) {
        (Some(model), Some(budget)) => {
            let model = serve::shadow_model(world, model)?;
            (vec![Arm { model, weight: 1, prompt: None }], Form::Shadow { share: args.share, budget })
        }
        _ if args.bandit => (arms(args, world)?, Form::Bandit { cost_weight: args.cost_weight }),
        _ => (arms(args, world)?, Form::Split),
    };
    if args.bandit && args.arms.iter().any(|arm| arm.weight != 1) {
        return Err(Failure::usage("a bandit finds the shares itself").hint("leave them out: `--arm MODEL`"));
    }
    if arms.len() < 2 && args.shadow.is_none() {
        return Err(Failure::usage("an experiment has two arms or more").hint("give `--arm MODEL` twice"));
    }
    let started = world.now().to_string();
    let (name, tier, measure) = (name.clone(), tier.number(), *measure);
    let new = Experiment { name, tier, arms, measure, form, started, stopped: None };
    add(&new, args.tier, world)?;
    serve::nudge(world);
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "experiment": show::told(&new) }));
    }
    let (name, tier) = (&new.name, new.tier);
    ui.answer(format!("started: {name} {}", show::does(&new)))?;
    if new.is_shadow() {
        let model = new.arms.first().map(|arm| clean(&arm.model)).unwrap_or_default();
        ui.warn(format!("the vendor of {model} sees the prompts of tier {tier} that are copied"))?;
    }
    ui.hint(format!("what it shows: `moai experiment show {name}`"))
}

/// Adds it to the file, where it is in nobody's way.
fn add(new: &Experiment, tier: Tier, world: &World) -> Result<(), Failure> {
    let _lock = store::lock(world)?;
    let mut experiments = store::load(world)?;
    if experiments.iter().any(|known| known.name == new.name) {
        let failure = Failure::expected(format!("there is an experiment {} already", new.name));
        return Err(failure.with_code("experiment-exists").hint("give this one another name: rows are marked with it"));
    }
    let same = |other: &&Experiment| if new.is_shadow() { other.shadows(tier) } else { other.runs_on(tier) };
    if let Some(other) = experiments.iter().find(same) {
        let does = if new.is_shadow() { "copies" } else { "splits" };
        let message = format!("the experiment {} {does} tier {tier} already", clean(&other.name));
        let hint = format!("stop it first: `moai experiment stop {}`", clean(&other.name));
        return Err(Failure::expected(message).with_code("tier-taken").hint(hint));
    }
    experiments.push(new.clone());
    store::save(world, experiments)
}

/// The arms, by the models' own names and with their words.
fn arms(args: &Args, world: &World) -> Result<Vec<Arm>, Failure> {
    let words: Vec<String> = args.arms.iter().map(|arm| arm.model.clone()).collect();
    let models = serve::named_models(world, &words)?;
    let mut arms: Vec<Arm> = Vec::new();
    for (model, word) in models.into_iter().zip(&args.arms) {
        let prompt = word.prompt.as_ref().map(|name| addition(name, args, world)).transpose()?;
        let arm = Arm { model, weight: word.weight, prompt };
        if arms.iter().any(|known| known.name() == arm.name()) {
            return Err(Failure::usage(format!("{} is in it twice", clean(&arm.name()))));
        }
        arms.push(arm);
    }
    let used = |name: &str| args.arms.iter().any(|arm| arm.prompt.as_deref() == Some(name));
    match args.prompts.iter().find(|(name, _)| !used(name)) {
        None => Ok(arms),
        Some((name, _)) => {
            let failure = Failure::usage(format!("no arm says the prompt {name}"));
            Err(failure.hint(format!("give one that does: `--arm MODEL+{name}`")))
        }
    }
}

/// The words of this name.
fn addition(name: &str, args: &Args, world: &World) -> Result<Addition, Failure> {
    let mut named = args.prompts.iter().filter(|(known, _)| known == name);
    let (Some((_, given)), None) = (named.next(), named.next()) else {
        let failure = Failure::usage(format!("the prompt {} is not given, or given twice", clean(name)));
        return Err(failure.hint(format!(
            "say what it is: `--prompt {}=TEXT` or `--prompt {}=@FILE`",
            clean(name),
            clean(name)
        )));
    };
    let text = match given.strip_prefix('@') {
        None => given.clone(),
        Some(file) => {
            let path = world.cwd()?.join(Path::new(file));
            let missing = || Failure::usage(format!("there is no file {}", clean(&path.to_string_lossy())));
            disk::read_text(&path)?.ok_or_else(missing)?
        }
    };
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Err(Failure::usage(format!("the prompt {name} has to be between 1 and {LONGEST} bytes long")));
    }
    Ok(Addition { name: name.to_owned(), text: text.to_owned().into() })
}

fn arm(text: &str) -> Result<Word, String> {
    let (arm, weight) = text.split_once('=').unwrap_or((text, "1"));
    let (model, prompt) = arm.split_once('+').map_or((arm, None), |(model, prompt)| (model, Some(prompt)));
    match weight.parse() {
        Ok(weight) if (1..=HEAVIEST).contains(&weight) && !model.is_empty() => {
            let prompt = prompt.map(name).transpose()?;
            Ok(Word { model: model.to_owned(), prompt, weight })
        }
        _ => Err(format!("an arm looks like glm-4.7, glm-4.7=3 or glm-4.7+terse, with a share of 1 to {HEAVIEST}")),
    }
}

fn price(text: &str) -> Result<u32, String> {
    let weight = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    weight.filter(|weight| *weight <= 100).ok_or_else(|| "a cost weight looks like 30%, from 0 to 100".to_owned())
}

fn percent(text: &str) -> Result<u32, String> {
    let share = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    share.filter(|share| (1..=100).contains(share)).ok_or_else(|| "a share looks like 10%, from 1 to 100".to_owned())
}

fn budget(text: &str) -> Result<Usd, String> {
    let bare = text.trim().strip_suffix("/day").unwrap_or(text.trim());
    let bare = bare.strip_suffix("usd").or_else(|| bare.strip_suffix("USD")).unwrap_or(bare);
    let amount = bare.parse().ok().filter(|amount| *amount > Usd::ZERO);
    amount.ok_or_else(|| "a budget looks like 2, $2 or 2usd/day".to_owned())
}

fn prompt(text: &str) -> Result<(String, String), String> {
    let given = text.split_once('=').ok_or("a prompt looks like terse=TEXT or terse=@FILE")?;
    Ok((name(given.0)?, given.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (text, nanos) in
            [("2", 2_000_000_000), ("$0.5", 500_000_000), ("2usd/day", 2_000_000_000), ("1USD", 1_000_000_000)]
        {
            assert_eq!(budget(text), Ok(Usd::from_nanos(nanos)), "{text}");
        }
        for text in ["0", "-1", "two", "", "/day"] {
            assert!(budget(text).is_err(), "{text}");
        }
        assert_eq!((percent("10%"), percent("100")), (Ok(10), Ok(100)));
        for text in ["0", "101%", "1.5%", "%"] {
            assert!(percent(text).is_err(), "{text}");
        }
        let word = arm("ollama/qwen2.5-coder:32b+terse=3").unwrap();
        assert_eq!((&*word.model, word.prompt.as_deref(), word.weight), ("ollama/qwen2.5-coder:32b", Some("terse"), 3));
        for text in ["+terse", "glm+", "glm+a b", "glm=0", "=1"] {
            assert!(arm(text).is_err(), "{text}");
        }
    }
}
