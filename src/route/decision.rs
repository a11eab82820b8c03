//! What was decided, and why.

use std::fmt;

use super::policy::Strategy;
use super::roster::{NotReady, Ready};
use super::trial::Text;
use crate::base::failure::{Explain, Kind};
use crate::classify::Classification;
use crate::model::{TaskKind, Tier};

/// The models to try, in order; never empty, and no model twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    first: Ready,
    rest: Vec<Ready>,
}

impl Plan {
    /// A plan that starts with `first`; a model that is in it already is not taken again.
    pub(super) fn new(first: Ready, then: impl IntoIterator<Item = Ready>) -> Self {
        let mut rest: Vec<Ready> = Vec::new();
        for ready in then {
            if ready.name() != first.name() && rest.iter().all(|one| one.name() != ready.name()) {
                rest.push(ready);
            }
        }
        Self { first, rest }
    }

    /// The model that was chosen.
    pub fn first(&self) -> &Ready {
        &self.first
    }

    /// Who stands in for it, in order.
    pub fn rest(&self) -> &[Ready] {
        &self.rest
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Ready> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// The person: a model or a tier was forced.
    Force,
    /// A slash command.
    Command,
    /// The checkout's own model.
    Worktree,
    /// The task's models.
    Task,
    /// The agent's models.
    Agent,
    /// The client's own business: a cheap model.
    Background,
    /// The conversation, which stays with its model: the text asks for nothing, or the turn is not over.
    Session,
    /// An experiment that splits the tier of the text.
    Experiment,
    /// The text.
    Classifier,
    /// Nothing: the default tier.
    Default,
}

impl DecidedBy {
    /// All of them, the strongest first.
    pub const ALL: [Self; 10] = [
        Self::Force,
        Self::Command,
        Self::Worktree,
        Self::Task,
        Self::Agent,
        Self::Background,
        Self::Session,
        Self::Experiment,
        Self::Classifier,
        Self::Default,
    ];

    /// The word in `--json` and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Force => "force",
            Self::Command => "command",
            Self::Worktree => "worktree",
            Self::Agent => "agent",
            Self::Task => "task",
            Self::Background => "background",
            Self::Session => "session",
            Self::Experiment => "experiment",
            Self::Classifier => "classifier",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One step on the way to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What sort of reason, one word for programs: `forced`, `tier`, `wanted`, `strategy`, …
    pub what: &'static str,
    /// The reason in words.
    pub text: String,
}

impl Reason {
    pub(super) fn new(what: &'static str, text: String) -> Self {
        Self { what, text }
    }
}

/// A model that was looked at and is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// Its name.
    pub model: String,
    /// Why not.
    pub why: String,
}

/// Which models are tried, in which order, and why. Made by [`super::decide`] alone, out of a [`Classification`]: no
/// model is chosen without one (R-UNW-003).
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub(super) plan: Plan,
    tier: Tier,
    kind: TaskKind,
    confidence: f64,
    uncertain: bool,
    decided_by: DecidedBy,
    pub(super) because: Vec<Reason>,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) wanted: Option<String>,
    pub(super) strategy: Option<Strategy>,
    pub(super) arm: Option<String>,
    pub(super) addition: Option<Text>,
}

impl Decision {
    /// A decision about the text that `seen` saw.
    pub(super) fn new(seen: &Classification, plan: Plan, tier: Tier, decided_by: DecidedBy) -> Self {
        Self {
            plan,
            tier,
            kind: seen.kind,
            confidence: seen.confidence,
            uncertain: seen.uncertain,
            decided_by,
            because: Vec::new(),
            alternatives: Vec::new(),
            wanted: None,
            strategy: None,
            arm: None,
            addition: None,
        }
    }

    /// The models to try.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The tier of the work; where a model was named (forced, worktree, agent, task, session) the tier of that model.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What the text is about.
    pub fn kind(&self) -> TaskKind {
        self.kind
    }

    /// How sure the classification of the text is, 0 to 1; a command is 1.0.
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// The classification is worth a second look, and it decided.
    pub fn uncertain(&self) -> bool {
        self.uncertain && matches!(self.decided_by, DecidedBy::Classifier | DecidedBy::Default | DecidedBy::Experiment)
    }

    /// What decided.
    pub fn decided_by(&self) -> DecidedBy {
        self.decided_by
    }

    /// The reasons, in the order in which they came up.
    pub fn because(&self) -> &[Reason] {
        &self.because
    }

    /// What else was looked at, and why it is not in the plan.
    pub fn alternatives(&self) -> &[Alternative] {
        &self.alternatives
    }

    /// The model that was wished for, where another had to be taken: the answer counts as a fallback.
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// Whether the chosen model already stands in for another.
    pub fn is_fallback(&self) -> bool {
        self.wanted.is_some()
    }

    /// The experiment and the arm that the conversation is in, where it answers: `faster-tests/glm-4.7`.
    pub fn arm(&self) -> Option<&str> {
        self.arm.as_deref()
    }

    /// What the arm says at the end of the system prompt, to whoever answers.
    pub fn addition(&self) -> Option<&Text> {
        self.addition.as_ref()
    }

    /// The same text for one model more, whose answer nobody is given: it is in the arm of an experiment.
    pub(super) fn copied(&self, ready: Ready, mark: String) -> Self {
        Self { plan: Plan::new(ready, []), arm: Some(mark), wanted: None, ..self.clone() }
    }

    /// The strategy that chose, where one did.
    pub fn strategy(&self) -> Option<Strategy> {
        self.strategy
    }
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// The model that was forced cannot be asked.
    #[error(transparent)]
    Forced(NotReady),
    /// Nothing that could be wished for can be asked.
    #[error("no model can be asked: {}", tried(.0))]
    NoneReady(Vec<NotReady>),
}

/// In one line: the keys that are missing, then what else is.
fn tried(tried: &[NotReady]) -> String {
    let mut providers: Vec<&str> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for why in tried {
        match why {
            NotReady::NoKey { provider, .. } if providers.contains(&provider.as_str()) => {}
            NotReady::NoKey { provider, .. } => providers.push(provider),
            other => said.push(other.to_string()),
        }
    }
    if !providers.is_empty() {
        said.insert(0, format!("there is no key for {}", providers.join(", ")));
    }
    if said.is_empty() { "none is configured".into() } else { said.join("; ") }
}

impl Explain for NoRoute {
    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        match self {
            Self::Forced(why) => return why.hints(),
            Self::NoneReady(tried) => {
                // The planner and the implementer first: with either of their keys there is an answer.
                let (first, others): (Vec<_>, Vec<_>) = tried.iter().partition(|why| why.is_of(&["anthropic", "zai"]));
                for hint in first.into_iter().chain(others).flat_map(Explain::hints) {
                    if !hints.contains(&hint) && hints.len() < 3 {
                        hints.push(hint);
                    }
                }
            }
        }
        if hints.is_empty() {
            hints.push("set a key with `moai key set anthropic` or `moai key set glm`".into());
        }
        hints
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Forced(why) => why.code(),
            Self::NoneReady(_) => Some("no-model-ready"),
        }
    }
}
