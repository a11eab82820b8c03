//! What one request wants beside its text.

use super::policy::Strategy;
use crate::model::Tier;

/// What is wanted; the default wants nothing and leaves everything to the text.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line, set by name")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// `--model`, or a gateway's force-model: this model and no other.
    pub force_model: Option<String>,
    /// `--tier`.
    pub force_tier: Option<Tier>,
    /// The model of the checkout: `route.model` in its own `.moai/config.toml`, or GLM where it runs on GLM.
    pub worktree_model: Option<String>,
    /// The agent that asks (seed 003).
    pub agent: Option<String>,
    /// Its task.
    pub task: Option<String>,
    /// The task's circumstances: `large_dataset`. The words `budget_constraint`, `quality_critical` and
    /// `time_critical` mean the flags below.
    pub contexts: Vec<String>,
    /// `--strategy`.
    pub strategy: Option<Strategy>,
    /// Money matters most: `cost`.
    pub budget_constraint: bool,
    /// The answer's quality matters most: `quality`.
    pub quality_critical: bool,
    /// Time matters most: `speed`.
    pub time_critical: bool,
    /// The model that answered last in the conversation, where one is going on.
    pub session_model: Option<String>,
    /// `--no-fallback`: the plan is one model long.
    pub no_fallback: bool,
    /// About how many tokens the prompt has; models whose window is smaller are passed over unless forced.
    pub prompt_tokens: Option<u64>,
}
