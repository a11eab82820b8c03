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
    /// The model of the checkout: `route.model` in its own `.moai/config.toml`, or GLM where it is a linked worktree that runs on GLM.
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
    /// How firmly the conversation holds on to it.
    pub hold: Hold,
    /// A client's own business beside the conversation (a title, a summary of what was done): it needs a cheap model.
    pub background: bool,
    /// `--no-fallback`: the plan is one model long.
    pub no_fallback: bool,
    /// The answer needs a search of the web at the vendor's; models that cannot are passed over unless forced.
    pub web_search: bool,
    /// What an experiment splits by: the conversation, or a request without one. `None`: no experiment has a say.
    pub unit: Option<String>,
    /// About how many tokens the prompt has; models whose window is smaller are passed over unless forced.
    pub prompt_tokens: Option<u64>,
}

/// How firmly a conversation holds on to the model that answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// It stays where a text asks for nothing.
    #[default]
    Loose,
    /// The vendor still has the conversation in its prompt cache, so that every other model costs the whole of it anew:
    /// it stays also where the text is not sure of its tier, and among models of the tier that is asked for.
    Warm,
    /// The turn is not over (a tool has answered), or the conversation is only made shorter: it stays whatever the text
    /// says, unless a person forces something.
    Firm,
}

impl Ask {
    /// The strategy that the request itself wants: `--strategy`, then the flags in the order of seed 003's
    /// `ModelSelector` (budget, quality, time), each also as a word among the contexts.
    pub fn wanted_strategy(&self) -> Option<Strategy> {
        let flag = |set: bool, word| set || self.contexts.iter().any(|context| same_word(context, word));
        let [budget, quality, time] = FLAGS;
        self.strategy.or_else(|| {
            if flag(self.budget_constraint, budget) {
                Some(Strategy::Cost)
            } else if flag(self.quality_critical, quality) {
                Some(Strategy::Quality)
            } else {
                flag(self.time_critical, time).then_some(Strategy::Speed)
            }
        })
    }

    /// What was asked for beside the text, in words: an answer to one wish is none to another. Empty where the text
    /// alone decides. The conversation's model is no wish, nor is whether somebody may stand in.
    pub fn wishes(&self) -> String {
        let model = self.force_model.clone().unwrap_or_default();
        let one = |name: &str, value: Option<&str>| value.map(|value| format!("{name}={value}"));
        let rest = [
            one("tier", self.force_tier.map(Tier::as_str)),
            one("checkout", self.worktree_model.as_deref()),
            one("agent", self.agent.as_deref()),
            one("task", self.task.as_deref()),
            one("strategy", self.wanted_strategy().map(Strategy::as_str)),
        ];
        let contexts = self.circumstances().filter_map(|context| one("context", Some(context)));
        let words = Some(model).filter(|model| !model.is_empty()).into_iter();
        words.chain(rest.into_iter().flatten()).chain(contexts).collect::<Vec<_>>().join("\n")
    }

    /// The contexts that are no flags.
    pub(super) fn circumstances(&self) -> impl Iterator<Item = &str> {
        let flag = |context: &&str| FLAGS.iter().any(|word| same_word(context, word));
        self.contexts.iter().map(String::as_str).filter(move |context| !flag(context))
    }
}

/// Contexts that say what matters, not what the work is on.
const FLAGS: [&str; 3] = ["budget_constraint", "quality_critical", "time_critical"];

/// Whether two names of agents, tasks or contexts are the same: case, `-` and `_` make no difference.
pub(super) fn same_word(one: &str, other: &str) -> bool {
    plain(one).eq(plain(other))
}

/// A name as it is compared.
pub(super) fn plain(word: &str) -> impl Iterator<Item = char> {
    word.trim().chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_told_apart() {
        let wish = |change: fn(&mut Ask)| {
            let mut ask = Ask::default();
            change(&mut ask);
            ask.wishes()
        };
        assert_eq!(wish(|ask| ask.session_model = Some("glm-4.7".into())), "");
        assert_eq!(wish(|ask| ask.force_model = Some("glm-4.7".into())), "glm-4.7");
        let all = [
            wish(|ask| ask.force_tier = Some(Tier::One)),
            wish(|ask| ask.force_tier = Some(Tier::Two)),
            wish(|ask| ask.worktree_model = Some("glm".into())),
            wish(|ask| ask.agent = Some("glm".into())),
            wish(|ask| ask.task = Some("glm".into())),
            wish(|ask| ask.contexts = vec!["large_dataset".into()]),
            wish(|ask| ask.budget_constraint = true),
        ];
        let apart: std::collections::BTreeSet<&String> = all.iter().filter(|wish| !wish.is_empty()).collect();
        assert_eq!(apart.len(), all.len(), "{all:?}");
        assert_eq!(wish(|ask| ask.contexts = vec!["budget-constraint".into()]), "strategy=cost");
    }
}
