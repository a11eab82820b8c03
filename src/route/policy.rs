//! What the configuration wants: which models a tier, a kind, an agent and a task get, and what stands in for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::ask::{Ask, plain, same_word};
use super::bandit::Beliefs;
use super::retry::Rules;
use super::trial::{Arm, Experiment};
use crate::classify::{self, Classification};
use crate::model::{TaskKind, Tier};

/// The word in a list of models that stands for [`Policy::kinds`]: whatever the kind of the prompt calls for.
pub const BY_KIND: &str = "kind";

/// The rules of choosing. Models are named as in [`super::Model::answers_to`].
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The tier of texts that ask for nothing.
    pub default_tier: Tier,
    /// `MODEL_ROUTER_CONFIDENCE_THRESHOLD`; the classifier is given it, see [`crate::classify::Options`].
    pub threshold: Option<f64>,
    /// The models of tier 1, the first that is ready wins; a strategy chooses among them.
    pub tier1: Vec<String>,
    /// The models of tier 2.
    pub tier2: Vec<String>,
    /// The models by kind (seed 004: Qwen codes, `DeepSeek` reasons, Llama does the rest). They answer where a list
    /// says [`BY_KIND`], and stand in where no model of a tier is ready.
    pub kinds: BTreeMap<TaskKind, Vec<String>>,
    /// Agents by name (`agent_model.yaml`).
    pub agents: BTreeMap<String, Agent>,
    /// Tasks by name (`task_model_mapping.yaml`).
    pub tasks: BTreeMap<String, Task>,
    /// Who is tried when the chosen model and the other tier have failed.
    pub chain: Vec<String>,
    /// Who does a client's own business ([`super::Ask::background`]); where none is named or ready, the cheapest model
    /// of tier 2.
    pub background: Vec<String>,
    /// How to choose among the models of a tier; `None` takes the first that is ready.
    pub strategy: Option<Strategy>,
    /// How often and how long to try.
    pub retry: Rules,
    /// Experiments, those that are over too.
    pub experiments: Vec<Experiment>,
    /// What bandits among them believe, by their names.
    pub beliefs: Arc<BTreeMap<String, Beliefs>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_tier: Tier::Two,
            threshold: None,
            tier1: Vec::new(),
            tier2: Vec::new(),
            kinds: BTreeMap::new(),
            agents: BTreeMap::new(),
            tasks: BTreeMap::new(),
            chain: Vec::new(),
            background: Vec::new(),
            strategy: None,
            retry: Rules::default(),
            experiments: Vec::new(),
            beliefs: Arc::default(),
        }
    }
}

impl Policy {
    /// The models of a tier.
    pub fn tier(&self, tier: Tier) -> &[String] {
        match tier {
            Tier::One => &self.tier1,
            Tier::Two => &self.tier2,
        }
    }

    /// The experiment that splits this tier's conversations now.
    pub fn experiment(&self, tier: Tier) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.runs_on(tier))
    }

    /// The arm of an experiment that a request belongs to.
    pub(super) fn arm<'a>(&self, experiment: &'a Experiment, ask: &Ask, seen: &Classification) -> Option<&'a Arm> {
        let unit = ask.unit.as_deref()?;
        if !experiment.is_bandit() {
            return experiment.arm(unit);
        }
        let nothing = Beliefs::default();
        let beliefs = self.beliefs.get(&experiment.name).unwrap_or(&nothing);
        // Work of another tier is only the experiment's where the conversation is.
        let at = if experiment.runs_on(seen.tier) {
            beliefs.arm(experiment, unit, ask.session_model.as_deref(), seen.kind)
        } else {
            beliefs.kept(unit)
        };
        experiment.arms.get(at?)
    }

    /// The experiment that copies this tier's requests now.
    pub fn shadow(&self, tier: Tier) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.shadows(tier))
    }

    /// What the classifier is to know.
    pub fn options(&self) -> classify::Options {
        classify::Options { default_tier: self.default_tier, threshold: self.threshold }
    }

    /// The agent of this name; case, `-` and `_` make no difference.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|(known, _)| same_word(known, name)).map(|(_, agent)| agent)
    }

    /// The task of this name.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|(known, _)| same_word(known, name)).map(|(_, task)| task)
    }

    /// The models of a kind.
    pub fn kind(&self, kind: TaskKind) -> &[String] {
        self.kinds.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The models of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// `primary_model`.
    pub primary: Option<String>,
    /// `fallback_model`, or the list of them.
    pub fallbacks: Vec<String>,
    /// `model_selection_strategy`.
    pub strategy: Option<Strategy>,
}

/// The models of a task by context: `large_dataset` → `gemini-pro`. The entry `default` serves where no context fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Task {
    /// Context and model, in the order of the file.
    pub models: Vec<(String, String)>,
}

impl Task {
    /// The entry for these circumstances, context and model.
    ///
    /// The first context that has an entry wins: its own, or one that continues it (`normal` finds `normal_dataset`).
    /// Where none has, the entry `default` serves; and where no context was given at all, also that of `normal`.
    pub fn entry<'a>(&self, contexts: impl Iterator<Item = &'a str>) -> Option<(&str, &str)> {
        let mut given = contexts.peekable();
        let unsaid = given.peek().is_none();
        let found = given.find_map(|context| self.named(context)).or_else(|| self.named("default"));
        found.or_else(|| self.named("normal").filter(|_| unsaid))
    }

    fn named(&self, context: &str) -> Option<(&str, &str)> {
        let start: String = plain(context).chain(['_']).collect();
        let continues = |known: &str| plain(known).collect::<String>().starts_with(&start);
        let exact = self.models.iter().find(|(known, _)| same_word(known, context));
        let entry = exact.or_else(|| self.models.iter().find(|(known, _)| continues(known)))?;
        Some((&entry.0, &entry.1))
    }
}

/// What matters most among models that would all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// The best answer.
    Quality,
    /// The lowest price.
    Cost,
    /// The shortest wait.
    Speed,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quality, Self::Cost, Self::Speed];

    /// The word of the command line and of the files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Cost => "cost",
            Self::Speed => "speed",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{0}`: expected quality, cost or speed")]
pub struct UnknownStrategy(pub String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// Reads the seeds' words, and those that mean the same: `cost_efficient`, `high_quality`, `fast`, …
    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        let word = text.trim().to_ascii_lowercase().replace('-', "_");
        match word.as_str() {
            "quality" | "high_quality" | "quality_first" | "quality_critical" | "best" => Ok(Self::Quality),
            "cost" | "cost_efficient" | "cost_first" | "cost_optimized" | "budget" | "budget_constraint" | "cheap" => {
                Ok(Self::Cost)
            }
            "speed" | "fast" | "speed_first" | "time_critical" | "latency" => Ok(Self::Speed),
            _ => Err(UnknownStrategy(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_read_in_the_seeds_words() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert_eq!("cost_efficient".parse(), Ok(Strategy::Cost));
        assert_eq!(" Time-Critical ".parse(), Ok(Strategy::Speed));
        assert_eq!("luck".parse::<Strategy>(), Err(UnknownStrategy("luck".into())));
    }
}
