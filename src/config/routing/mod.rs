//! Routing as configured: providers, models and who answers what, as the values that [`crate::route`] works with.
//!
//! Layers, weakest first: what moai comes with (`templates/routing.toml`), `~/.moai/config.toml`, the files of seed
//! 003, the project's and the worktree's `.moai/config.toml`, the environment. Every name that stands for a model is
//! checked here, so that a slip of the pen is told with its place and not found out when it matters.

mod alerts;
mod deployments;
mod environment;
mod fixed;
mod gate;
mod group;
mod limits;
mod policy;
mod provider;
mod quirks;
mod roll;
mod seeds;

use std::path::PathBuf;

use crate::base::world::World;
use crate::cost::Budgets;
use crate::model::Usd;
use crate::route::limit::Limits;
use crate::route::memory::Budget;
use crate::route::{Model, Policy, Provider};

use super::error::ConfigError;
use super::keys::{self, Value};
use super::layers::{self, Layer, Origin, Setting, Source};
use super::moai_toml::{self, join};
use super::{Config, Project};

pub use alerts::Alerts;
use environment::Environment;
use fixed::Fixed;
pub use gate::GATEWAY_VAR;
use gate::Gate;
pub(super) use group::duration;
pub(super) use provider::is_local;
use roll::Roll;
pub(super) use seeds::{Meaning, agents, tasks};

/// The lowest layer, in the form that users write.
const BUILT_IN: &str = include_str!("../../../templates/routing.toml");

/// What the log of decisions may hold, and how long it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRules {
    /// Whether prompts may be in it.
    pub prompts: bool,
    /// The size at which it is rotated.
    pub max_bytes: u64,
}

/// The configuration of routing that holds in a project.
#[derive(Debug)]
pub struct Routing {
    /// Everybody who can be asked, whether there is a key or not.
    pub providers: Vec<Provider>,
    /// Every model that has a name.
    pub models: Vec<Model>,
    /// Who answers what.
    pub policy: Policy,
    /// `budget.daily_usd`.
    pub budget: Option<Usd>,
    /// `budget.…`, all of them.
    pub budgets: Budgets,
    /// `limits.…`.
    pub limits: Limits,
    /// `local.…`: what the models of this machine may take of its memory.
    pub memory: Option<Budget>,
    /// `alerts.…`.
    pub alerts: Alerts,
    /// `log.…`.
    pub log: LogRules,
    /// `prices.book`.
    pub price_book: String,
    /// Whether an answer to the very same request may be given again (`route.cache`).
    pub cache: bool,
    /// `route.model` of this very checkout, and where it stands.
    pub route_model: Option<(String, Origin)>,
    /// What the person should know beside [`Config::warnings`], one sentence each.
    pub warnings: Vec<String>,
    roll: Roll,
}

/// Every setting, with the files that were read for it beside the configuration's own.
struct Everything {
    fixed: Vec<Setting>,
    free: Vec<Setting>,
    warnings: Vec<String>,
}

impl Routing {
    /// Lays the layers of routing over each other. What does not fit together is an error that names the place.
    pub fn load(world: &World, project: &Project, config: &Config) -> Result<Self, ConfigError> {
        let Everything { fixed, free, mut warnings } = everything(world, project, config)?;
        let view = Fixed(&fixed);
        let mut providers = Vec::new();
        let gate = Gate::of(&world.env);
        for group in group::groups(&free, "providers") {
            let provider = provider::provider(&group, view)?;
            if let Some(gate) = &gate {
                let deployments = group.within("deployments");
                let ways = deployments.iter().zip(provider.ways()).chain([(&group, &provider)]);
                if let Some((own, _)) = ways.filter(|(_, way)| gate.is(&way.base_url)).last() {
                    return Err(provider::loops(own));
                }
            }
            warnings.extend(provider::concerns(world, &group, &provider));
            warnings.extend(deployments::concerns(world, &group, &provider));
            providers.push(provider);
        }
        let mut roll = Roll::read(&free, &providers)?;
        let policy = policy::policy(view, &free, &mut roll, &mut warnings)?;
        let route_model = match view.setting("route.model") {
            Some(setting @ Setting { value: Some(Value::Text(model)), origin, .. }) => {
                roll.check(setting, std::slice::from_ref(model), &mut warnings)?;
                Some((model.clone(), origin.clone()))
            }
            _ => None,
        };
        let text = |name: &str| view.value(name).map(ToString::to_string);
        Ok(Self {
            budget: text("budget.daily_usd").and_then(|sum| sum.parse().ok()),
            budgets: limits::budgets(view, &free),
            limits: limits::limits(view, &free),
            memory: limits::memory(view),
            alerts: alerts::alerts(view, &free, |file| config.expanded(file))?,
            log: LogRules {
                prompts: view.is_on("log.prompts"),
                max_bytes: view.number("log.max_bytes").unwrap_or(10 << 20),
            },
            price_book: text("prices.book").unwrap_or_default(),
            cache: view.is_on("route.cache"),
            route_model,
            models: std::mem::take(&mut roll.models),
            providers,
            policy,
            warnings,
            roll,
        })
    }

    /// The warnings that matter to a request of this agent for this task: what is old in the settings of others is not
    /// said every time.
    pub fn warnings_for(&self, agent: Option<&str>, task: Option<&str>) -> impl Iterator<Item = &str> {
        let plain = |name: &str| name.to_lowercase().replace('-', "_");
        let of = |top: &str, name: Option<&str>| name.map(|name| plain(&format!("{top}.{name}.")));
        let own: Vec<String> = [of("agents", agent), of("tasks", task)].into_iter().flatten().collect();
        self.warnings.iter().map(String::as_str).filter(move |warning| {
            let setting = self.roll.renamed.iter().find(|(_, renamed)| renamed == warning).map(|(name, _)| plain(name));
            setting.is_none_or(|name| {
                !(name.starts_with("agents.") || name.starts_with("tasks."))
                    || own.iter().any(|own| name.starts_with(own.as_str()))
            })
        })
    }

    /// Makes a model of `provider/id`, where no model has that name and the provider is configured: what `--model
    /// openrouter/some-vendor/some-model` means. Returns what the person should know of the name, where there is
    /// something: that it is an older model's.
    pub fn adopt(&mut self, word: &str) -> Option<String> {
        std::mem::swap(&mut self.models, &mut self.roll.models);
        self.roll.adopt(word);
        let note =
            self.roll.heir(word).map(|heir| format!("`{word}` is an older model; `{heir}` answers in its place"));
        std::mem::swap(&mut self.models, &mut self.roll.models);
        note
    }
}

impl Config {
    /// Every setting that has a value, also those of patterns and those that moai comes with: first those of the
    /// table in its order, then those of providers, models, agents and tasks.
    pub fn everything(&self, world: &World, project: &Project) -> Result<Vec<Setting>, ConfigError> {
        let Everything { fixed, free, .. } = everything(world, project, self)?;
        Ok(fixed.into_iter().chain(free).collect())
    }
}

/// The files of seed 003, whether they exist or not.
pub(super) fn seed_files(project: &Project) -> Vec<PathBuf> {
    seeds::paths(project)
}

fn everything(world: &World, project: &Project, config: &Config) -> Result<Everything, ConfigError> {
    let path = PathBuf::from("templates/routing.toml");
    let built_in = Source { layer: Layer::BuiltIn, entries: moai_toml::entries(&path, BUILT_IN)?, path };
    let (seeds, mut warnings) = seeds::read(project)?;
    let mut sources = vec![built_in];
    sources.extend(config.sources.iter().filter(|source| source.layer == Layer::User).cloned());
    sources.extend(seeds);
    let projects = |source: &&Source| matches!(source.layer, Layer::Project | Layer::Checkout);
    sources.extend(config.sources.iter().filter(projects).cloned());

    let files = layers::free(&sources)?;
    let mut environment = Environment::read(&world.env, &files)?;
    warnings.append(&mut environment.warnings);
    let spoken = environment.said.iter().any(|(name, ..)| name.as_str() == "providers.zai.base_url");
    let mut last = if spoken { Vec::new() } else { followed(config, &files) };
    last.append(&mut environment.said);
    let free = layers::over(files, last);
    let mut fixed = config.settings.clone();
    for (tier, provider, model, variable) in environment.stead {
        instead(&mut fixed, &free, tier, provider, model, variable);
    }
    Ok(Everything { fixed, free, warnings })
}

/// Where the person moved GLM for Claude Code (mainland China's host, a proxy) and says nothing of routing, routing
/// goes there, too. It is Anthropic's dialect that is spoken there.
fn followed(config: &Config, files: &[Setting]) -> Vec<(keys::Name, Value, Origin)> {
    const NAME: &str = "llm.glm.base_url";
    let moved = config.setting(NAME).filter(|setting| setting.origin != Origin::Default);
    let said =
        |name: &str| files.iter().any(|setting| setting.name.as_str() == name && setting.origin != Origin::Default);
    let Some(Setting { value: Some(url), origin, .. }) = moved else { return Vec::new() };
    if said("providers.zai.base_url") {
        return Vec::new();
    }
    let origin = Origin::Follows { name: NAME, origin: Box::new(origin.clone()) };
    let wire = (!said("providers.zai.wire")).then(|| ("providers.zai.wire", Value::Text("anthropic".into())));
    let all = std::iter::once(("providers.zai.base_url", url.clone())).chain(wire);
    all.filter_map(|(name, value)| keys::find(name).map(|name| (name, value, origin.clone()))).collect()
}

/// In a tier's list, `model` stands where the provider's first model stood: a variable says so.
fn instead(fixed: &mut [Setting], free: &[Setting], tier: &str, provider: &str, model: String, variable: &str) {
    let Some(setting) = fixed.iter_mut().find(|setting| setting.name.as_str() == tier) else { return };
    // `MOAI_TIERS_PLAN` says it more plainly.
    if matches!(setting.origin, Origin::Environment { .. }) {
        return;
    }
    let Some(Value::List(words)) = &setting.value else { return };
    let belongs = |word: &String| {
        let name = join("models", word);
        let name = format!("{name}.provider");
        free.iter().any(|it| it.name.as_str() == name && it.value == Some(Value::Text(provider.into())))
    };
    let Some(at) = words.iter().position(belongs) else { return };
    let mut list: Vec<String> = words.iter().filter(|word| **word != model).cloned().collect();
    let at = at.min(list.len());
    if list.len() == words.len()
        && let Some(place) = list.get_mut(at)
    {
        *place = model;
    } else {
        list.insert(at, model);
    }
    let origin = Origin::Environment { variable: variable.to_owned() };
    if list == *words {
        return;
    }
    let old = std::mem::replace(&mut setting.origin, origin);
    if let Some(value) = setting.value.replace(Value::List(list)) {
        setting.hidden.insert(0, (value, old));
    }
}

/// The host of a URL, without user, port and path.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // A backslash ends the host for whoever connects.
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
