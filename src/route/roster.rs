//! The models that can be asked now. [`Roster`] is the only maker of [`Ready`], and only a [`Ready`] can be sent to:
//! a model that is not configured or has no key is out of reach by type (R-UNW-001).

use std::sync::Arc;

use super::model::Model;
use super::policy::Policy;
use super::provider::{KeyNeed, Provider};
use crate::base::failure::{Explain, Kind};
use crate::catalog;
use crate::model::ProviderId;

/// A model that is configured, with a provider that is configured and has the key it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    model: Arc<Model>,
    provider: Arc<Provider>,
}

impl Ready {
    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Its provider, to be held on to.
    pub fn shared_provider(&self) -> Arc<Provider> {
        Arc::clone(&self.provider)
    }

    /// moai's name of the model.
    pub fn name(&self) -> &str {
        &self.model.name
    }
}

/// Why a model cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Nothing of this name is configured.
    #[error("unknown model `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The configured name that looks most like it.
        near: Option<String>,
    },
    /// The model names a provider that is not configured.
    #[error("`{name}` belongs to the provider `{provider}`, which is not configured")]
    NoProvider {
        /// The model.
        name: String,
        /// Its provider.
        provider: String,
    },
    /// The provider's key is nowhere.
    #[error("`{name}` needs a key of {provider}, and there is none")]
    NoKey {
        /// The model.
        name: String,
        /// Its provider.
        provider: String,
        /// The key.
        need: KeyNeed,
    },
}

impl NotReady {
    /// The model that was asked for.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. } | Self::NoProvider { name, .. } | Self::NoKey { name, .. } => name,
        }
    }

    /// The reason without the model's name: `no key for zai`.
    pub fn why(&self) -> String {
        match self {
            Self::Unknown { near: Some(near), .. } => format!("no model has that name; did you mean `{near}`?"),
            Self::Unknown { near: None, .. } => "no model has that name".into(),
            Self::NoProvider { provider, .. } => format!("the provider `{provider}` is not configured"),
            Self::NoKey { provider, .. } => format!("there is no key for {provider}"),
        }
    }
}

impl NotReady {
    /// Whether it is the key of one of these providers that is missing.
    pub(super) fn is_of(&self, providers: &[&str]) -> bool {
        matches!(self, Self::NoKey { provider, .. } if providers.contains(&provider.as_str()))
    }
}

impl Explain for NotReady {
    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { near, .. } => {
                let near = near.iter().map(|near| format!("did you mean `{near}`?"));
                near.chain(["see which there are: `moai models list`".into()]).collect()
            }
            Self::NoProvider { provider, .. } => {
                vec![format!("add `[providers.{provider}]` to ~/.moai/config.toml")]
            }
            Self::NoKey { provider, need, .. } => vec![key_hint(provider, need)],
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown { .. } => "unknown-model",
            Self::NoProvider { .. } => "no-provider",
            Self::NoKey { .. } => "no-key",
        })
    }
}

fn key_hint(provider: &str, need: &KeyNeed) -> String {
    match need {
        KeyNeed::Stored(id) => {
            let known = catalog::provider(*id);
            let variable = known.key_vars.first().copied().unwrap_or_default();
            format!("set it with `moai key set {id}`, or in {variable}; keys are made at {}", known.key_page)
        }
        KeyNeed::Variables(names) => format!("put the key of {provider} into {}", names.join(" or ")),
        KeyNeed::Optional(need) => key_hint(provider, need),
        KeyNeed::None => format!("check `[providers.{provider}]` in ~/.moai/config.toml"),
    }
}

/// Everything that is configured, and what of it can be asked.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    model: Arc<Model>,
    provider: Option<Arc<Provider>>,
    has_key: bool,
}

impl Roster {
    /// A roster of what is configured. `has_key` is asked once for each way to a provider ([`Provider::ways`]) whose
    /// key is needed; a deployment without its key is left out.
    pub fn new(models: Vec<Model>, providers: Vec<Provider>, has_key: impl Fn(&Provider) -> bool) -> Self {
        let usable = |way: &Provider| matches!(way.key, KeyNeed::None | KeyNeed::Optional(_)) || has_key(way);
        let providers: Vec<(Arc<Provider>, bool)> = providers
            .into_iter()
            .map(|mut provider| {
                let ready = if provider.deployments.is_empty() {
                    usable(&provider)
                } else if provider.ways().any(&usable) {
                    provider.deployments.retain(|deployment| usable(&deployment.at));
                    true
                } else {
                    // What is missing is told of the first.
                    let need = provider.ways().next().map(|way| way.key.clone());
                    provider.key = need.unwrap_or(KeyNeed::None);
                    false
                };
                (Arc::new(provider), ready)
            })
            .collect();
        let entry = |model: Model| {
            let found = providers.iter().find(|(provider, _)| provider.name.eq_ignore_ascii_case(&model.provider));
            Entry {
                model: Arc::new(model),
                provider: found.map(|(provider, _)| Arc::clone(provider)),
                has_key: found.is_some_and(|(_, has_key)| *has_key),
            }
        };
        Self { entries: models.into_iter().map(entry).collect() }
    }

    /// The model that `name` means, ready to be sent to.
    pub fn ready(&self, name: &str) -> Result<Ready, NotReady> {
        let wanted = name.trim();
        let parts = wanted.split_once('/');
        let rank = |entry: &Entry| entry.model.rank(wanted, parts);
        let ranked = self.entries.iter().filter_map(|entry| rank(entry).map(|rank| (rank, entry)));
        let Some((_, entry)) = ranked.min_by_key(|(rank, _)| *rank) else {
            return Err(NotReady::Unknown { name: name.into(), near: self.near(wanted) });
        };
        entry.ready()
    }

    /// The model that a provider is asked for when nobody says which: the first of it in the lists of tiers 1 and 2 that
    /// can be asked, else the first in the order of the configuration. `word` is its name, or one that people use for
    /// it: `glm`, `claude`.
    pub fn of_provider(&self, word: &str, policy: &Policy) -> Option<Ready> {
        let id = word.trim().parse::<ProviderId>().ok();
        let is = |ready: &Ready| {
            let provider = ready.provider();
            provider.name.eq_ignore_ascii_case(word.trim()) || id.is_some_and(|id| provider.is(id))
        };
        let listed = policy.tier1.iter().chain(&policy.tier2).filter_map(|name| self.ready(name).ok());
        listed.chain(self.all_ready()).find(is)
    }

    /// Whether `word` names a provider, as [`Roster::of_provider`] reads it.
    pub fn has_provider(&self, word: &str) -> bool {
        let id = word.trim().parse::<ProviderId>().ok();
        let mut providers = self.entries.iter().filter_map(|entry| entry.provider.as_deref());
        providers
            .any(|provider| provider.name.eq_ignore_ascii_case(word.trim()) || id.is_some_and(|id| provider.is(id)))
    }

    /// The models that can be asked, in the order of the configuration.
    pub fn all_ready(&self) -> impl Iterator<Item = Ready> {
        self.entries.iter().filter_map(|entry| entry.ready().ok())
    }

    /// The smallest context of a model that can be asked.
    pub fn smallest_context(&self) -> Option<u64> {
        let ready = self.entries.iter().filter(|entry| entry.provider.is_some() && entry.has_key);
        ready.filter_map(|entry| entry.model.context).min()
    }

    /// All models that are configured, and why those that cannot be asked cannot.
    pub fn models(&self) -> impl Iterator<Item = (&Model, Result<Ready, NotReady>)> {
        self.entries.iter().map(|entry| (&*entry.model, entry.ready()))
    }

    /// Every provider that can be asked for some model, with its deployments that have their key.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        let mut seen: Vec<&str> = Vec::new();
        self.entries.iter().filter(|entry| entry.has_key).filter_map(move |entry| {
            let provider = entry.provider.as_deref()?;
            let new = !seen.contains(&provider.name.as_str());
            seen.push(&provider.name);
            new.then_some(provider)
        })
    }

    /// The configured name that looks most like `word`.
    fn near(&self, word: &str) -> Option<String> {
        let word = word.to_ascii_lowercase();
        let names = self.entries.iter().flat_map(|entry| {
            let Model { name, id, aliases, .. } = &*entry.model;
            [name, id].into_iter().chain(aliases).map(move |spelling| (spelling.to_ascii_lowercase(), name))
        });
        names
            .map(|(spelling, name)| (strsim::jaro_winkler(&word, &spelling), name))
            .filter(|(likeness, _)| *likeness > 0.84)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, name)| name.clone())
    }
}

impl Entry {
    fn ready(&self) -> Result<Ready, NotReady> {
        let Model { name, provider, .. } = &*self.model;
        match &self.provider {
            None => Err(NotReady::NoProvider { name: name.clone(), provider: provider.clone() }),
            Some(found) if !self.has_key => {
                Err(NotReady::NoKey { name: name.clone(), provider: provider.clone(), need: found.key.clone() })
            }
            Some(found) => Ok(Ready { model: Arc::clone(&self.model), provider: Arc::clone(found) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::fixture;

    #[test]
    fn a_model_is_found_under_all_its_names() {
        let roster = fixture::roster(&["anthropic", "zai", "gemini", "mine"]);
        for (word, name) in [
            ("claude-opus", "claude-opus"),
            (" Claude-Opus ", "claude-opus"),
            ("claude-opus-4-5-20251101", "claude-opus"),
            ("anthropic/claude-opus-4-5-20251101", "claude-opus"),
            ("Anthropic/Claude-Opus", "claude-opus"),
            ("opus", "claude-opus"),
            ("claude", "claude-opus"),
            ("claude-3-opus", "claude-opus"),
            ("claude-3-sonnet", "claude-sonnet"),
            ("GLM", "glm-4.7"),
            ("gemini-pro", "gemini-pro"),
            ("ollama/qwen2.5-coder:32b", "qwen2.5-coder"),
            ("ollama/deepseek-r1:32b", "deepseek-r1"),
            ("ollama/llama3.3:latest", "llama3.3"),
            ("house-1", "house"),
        ] {
            assert_eq!(roster.ready(word).map(|ready| ready.name().to_owned()), Ok(name.into()), "{word}");
        }
        for word in ["zai/claude-opus", "", "claude-opus/", "anthropic/", "opus-"] {
            assert!(matches!(roster.ready(word), Err(NotReady::Unknown { .. })), "{word}");
        }
    }

    #[test]
    fn a_name_goes_before_another_models_alias() {
        let models = vec![
            fixture::model("first", "sim", "x", crate::model::Tier::One, &["second"]),
            fixture::model("second", "sim", "y", crate::model::Tier::One, &[]),
        ];
        let roster = Roster::new(models, fixture::providers(), |_| false);
        assert_eq!(roster.ready("second").unwrap().name(), "second");
    }

    #[test]
    fn nobody_is_ready_without_a_provider_and_the_key_it_needs() {
        let roster = fixture::roster(&[]);
        let ready: Vec<String> = roster.all_ready().map(|ready| ready.name().to_owned()).collect();
        assert_eq!(ready, ["qwen2.5-coder", "deepseek-r1", "llama3.3", "sim"], "those need no key");
        let why: Vec<&str> = roster.models().filter_map(|(_, ready)| ready.err()?.code()).collect();
        assert_eq!(why, ["no-key", "no-key", "no-key", "no-key", "no-key", "no-key", "no-provider"]);
        let mut optional = fixture::provider("sim", KeyNeed::Optional(Box::new(KeyNeed::Variables(Vec::new()))));
        let model = fixture::model("m", "sim", "m", crate::model::Tier::Two, &[]);
        assert!(Roster::new(vec![model.clone()], vec![optional.clone()], |_| false).ready("m").is_ok());
        optional.name = "other".into();
        assert_eq!(
            Roster::new(vec![model], vec![optional], |_| true).ready("m").unwrap_err().code(),
            Some("no-provider")
        );
    }

    #[test]
    fn the_name_that_was_meant_is_offered() {
        let roster = fixture::roster(&[]);
        for (word, near) in [
            ("claude-opsu", Some("claude-opus")),
            ("glm4.7", Some("glm-4.7")),
            ("gemini-por", Some("gemini-pro")),
            ("qwen2.5-coder:32", Some("qwen2.5-coder")),
            ("gpt-4", None),
        ] {
            let Err(NotReady::Unknown { near: found, .. }) = roster.ready(word) else { panic!("{word}") };
            assert_eq!(found.as_deref(), near, "{word}");
        }
    }

    #[test]
    fn a_provider_is_as_many_deployments_as_have_a_key() {
        use crate::route::Deployment;
        let at = |name: &str| fixture::provider(name, KeyNeed::Variables(vec![name.to_uppercase()]));
        let deployment =
            |name: &str| Deployment { name: name.into(), at: at(&format!("mine/{name}")), weight: 1, priority: 0 };
        let mine = Provider { deployments: vec![deployment("eu"), deployment("us")], ..at("mine") };
        let model = fixture::model("m", "mine", "m", crate::model::Tier::Two, &[]);
        let with = |keys: &[&str]| {
            Roster::new(vec![model.clone()], vec![mine.clone()], |way| keys.contains(&way.name.as_str())).ready("m")
        };
        let names = |ready: Result<Ready, NotReady>| {
            ready.unwrap().provider().ways().map(|way| way.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(with(&["mine/eu", "mine/us"])), ["mine/eu", "mine/us"]);
        assert_eq!(names(with(&["mine/us"])), ["mine/us"]);
        // The provider's own key is nobody's.
        let missing = with(&["mine"]).unwrap_err();
        assert!(missing.hints()[0].contains("MINE/EU"), "{missing:?}");
    }
}
