//! Models as data: moai's name, the vendor's id, and what they are for.

use crate::model::{TaskKind, Tier};

/// A model that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// moai's name for it: `claude-opus`, `glm-4.7`, `qwen2.5-coder`.
    pub name: String,
    /// Other spellings that people use: `opus`, `claude-3-opus`, `glm`.
    pub aliases: Vec<String>,
    /// The name of its provider.
    pub provider: String,
    /// The vendor's id: `claude-opus-4-5-20251101`.
    pub id: String,
    /// The tier that its answers count for.
    pub tier: Tier,
    /// What it is good at; empty is everything.
    pub kinds: Vec<TaskKind>,
    /// Its context window in tokens. For Ollama it is also what is asked for as `num_ctx`.
    pub context: Option<u64>,
    /// The most tokens that it answers with.
    pub most_output: Option<u64>,
    /// What it takes of its machine's memory once it is loaded, in bytes, where the person says so.
    pub memory: Option<u64>,
    /// How good its answers are held to be, 0 to 100: decides `quality` among candidates. Our own ranking, as data.
    pub quality: u8,
    /// How fast it is held to be, 0 to 100: decides `speed` until there are measurements of all candidates.
    pub speed: u8,
    /// In nobody's plan unless a person names it: with `--model`, or in the lists of tiers, chains, tasks and agents.
    /// So are `sim` everywhere, and the models of Ollama until the configuration or `OLLAMA_HOST` says that there is
    /// an Ollama.
    pub named_only: bool,
}

impl Model {
    /// Whether `word` means this model: its name, its id, `provider/name`, `provider/id` or an alias, in any case.
    pub fn answers_to(&self, word: &str) -> bool {
        self.rank_of(word).is_some()
    }

    /// How directly `word` names this model, the most direct first; `None` where it does not.
    pub(super) fn rank_of(&self, word: &str) -> Option<u8> {
        self.rank(word, word.split_once('/'))
    }

    /// The same of a word that was taken apart at its first slash before: by whoever asks many models.
    pub(super) fn rank(&self, word: &str, parts: Option<(&str, &str)>) -> Option<u8> {
        let is = |known: &str| known.eq_ignore_ascii_case(word);
        let qualified = |(provider, rest): (&str, &str)| {
            provider.eq_ignore_ascii_case(&self.provider)
                && (self.name.eq_ignore_ascii_case(rest) || self.id.eq_ignore_ascii_case(rest))
        };
        if is(&self.name) {
            Some(0)
        } else if parts.is_some_and(qualified) {
            Some(1)
        } else if is(&self.id) {
            Some(2)
        } else if self.aliases.iter().any(|alias| is(alias)) {
            Some(3)
        } else {
            None
        }
    }
}
