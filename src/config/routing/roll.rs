//! Models out of their settings, and every name that the configuration calls a model by.

use crate::catalog;
use crate::config::error::ConfigError;
use crate::config::keys::nearest;
use crate::config::layers::{Origin, Setting, wrong};
use crate::model::Tier;
use crate::route::{BY_KIND, Model, Provider};
use crate::wire::Dialect;

use super::group::{Group, groups};

/// How many tokens Ollama is asked to take where nobody says: its own default is a few thousand, and cuts silently.
const OLLAMA_CONTEXT: u64 = 65_536;
/// Of a model that nobody ranks.
const MIDDLING: u8 = 50;

/// The models, and the older names that they answer to.
#[derive(Debug)]
pub(super) struct Roll {
    pub(super) models: Vec<Model>,
    /// An older model's name, and who answers for it.
    pub(super) older: Vec<(String, String)>,
    /// Warnings of older names, with the settings that hold them.
    pub(super) renamed: Vec<(String, String)>,
    /// Providers by name, and whether they are Ollama.
    providers: Vec<(String, bool)>,
}

impl Roll {
    /// The models of the settings.
    pub(super) fn read(settings: &[Setting], providers: &[Provider]) -> Result<Self, ConfigError> {
        let providers = providers.iter().map(|it| (it.name.clone(), it.wire == Dialect::Ollama)).collect();
        let mut roll = Self { models: Vec::new(), older: Vec::new(), renamed: Vec::new(), providers };
        let groups_of = |top: &'static str| groups(settings, top);
        let has_ollama = groups_of("providers").iter().any(|group| group.name == "ollama" && group.is_touched());
        for group in groups_of("models") {
            let model = roll.model(&group, has_ollama)?;
            roll.older.extend(group.list("replaces").into_iter().map(|old| (old, model.name.clone())));
            roll.models.push(model);
        }
        Ok(roll)
    }

    fn model(&self, group: &Group<'_>, has_ollama: bool) -> Result<Model, ConfigError> {
        let Some(provider) = group.text("provider") else {
            return Err(group.missing("models", "provider", "openai"));
        };
        let Some((_, ollama)) = self.providers.iter().find(|(name, _)| name == provider) else {
            let setting = group.setting("provider");
            let origin = setting.map_or(Origin::Default, |setting| setting.origin.clone());
            let name = setting.map(|setting| setting.name.to_string()).unwrap_or_default();
            let near = nearest(provider, self.providers.iter().map(|(name, _)| name.as_str()));
            let hint = near.map_or_else(
                || format!("write `[providers.{provider}]` with a `base_url`"),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(wrong(&name, origin, format!("names a provider that is not configured; {hint}")));
        };
        let id = group.text("id").unwrap_or(group.name);
        // A window that came with another id says nothing of this one.
        let own = group.setting("id").is_none_or(|setting| setting.origin == Origin::Default);
        let said = group.setting("context").filter(|setting| own || setting.origin != Origin::Default);
        let context = said.and_then(|_| group.number("context")).or_else(|| catalog::window(id).map(u64::from));
        let rank =
            |field: &str| group.number(field).map_or(MIDDLING, |rank| u8::try_from(rank.min(100)).unwrap_or(MIDDLING));
        let ready = *ollama && (has_ollama || group.is_touched());
        let named_only = group.setting("named_only").is_some_and(|setting| {
            group.switch("named_only").unwrap_or(false) && !(ready && setting.origin == Origin::Default)
        });
        let mut aliases = group.list("aliases");
        aliases.extend(group.list("replaces"));
        Ok(Model {
            name: group.name.to_owned(),
            aliases,
            provider: provider.to_owned(),
            id: id.to_owned(),
            tier: if group.number("tier") == Some(1) { Tier::One } else { Tier::Two },
            kinds: group.list("kinds").iter().filter_map(|kind| kind.parse().ok()).collect(),
            context: context.or(ollama.then_some(OLLAMA_CONTEXT)),
            most_output: group.number("max_output"),
            memory: group.bytes("memory"),
            quality: rank("quality"),
            speed: rank("speed"),
            named_only,
        })
    }

    /// Makes sure that a model of this name is known: `provider/id` makes one, of a provider that is configured.
    pub(super) fn adopt(&mut self, word: &str) -> bool {
        if self.models.iter().any(|model| model.answers_to(word)) {
            return true;
        }
        let Some((provider, id)) = word.split_once('/').filter(|(_, id)| !id.is_empty()) else { return false };
        let Some((provider, ollama)) = self.providers.iter().find(|(name, _)| name.eq_ignore_ascii_case(provider))
        else {
            return false;
        };
        self.models.push(Model {
            name: word.to_owned(),
            aliases: Vec::new(),
            provider: provider.clone(),
            id: id.to_owned(),
            tier: Tier::Two,
            kinds: Vec::new(),
            context: catalog::window(id).map(u64::from).or(ollama.then_some(OLLAMA_CONTEXT)),
            most_output: None,
            memory: None,
            quality: MIDDLING,
            speed: MIDDLING,
            named_only: true,
        });
        true
    }

    /// A person names these for a kind of task: so there is the Ollama that they belong to.
    pub(super) fn serve(&mut self, words: &[String]) {
        let Self { models, providers, .. } = self;
        let local = |model: &Model| providers.iter().any(|(name, ollama)| *ollama && *name == model.provider);
        for model in models.iter_mut().filter(|model| words.iter().any(|word| model.answers_to(word)) && local(model)) {
            model.named_only = false;
        }
    }

    /// Who answers for an older model, where `word` is one.
    pub(super) fn heir(&self, word: &str) -> Option<&str> {
        let direct = self.models.iter().any(|model| model.name.eq_ignore_ascii_case(word) || model.id == word);
        let found = self.older.iter().find(|(old, _)| !direct && old.eq_ignore_ascii_case(word));
        found.map(|(_, heir)| heir.as_str())
    }

    /// Checks the names of a setting: each has to be known, and an older one is said.
    pub(super) fn check(
        &mut self,
        setting: &Setting,
        words: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<(), ConfigError> {
        for word in words.iter().filter(|word| *word != BY_KIND) {
            if let Some(heir) = self.heir(word) {
                let warning = format!(
                    "{}: `{}` names the older model `{word}`; `{heir}` answers in its place",
                    setting.origin, setting.name
                );
                self.renamed.push((setting.name.as_str().to_owned(), warning.clone()));
                warnings.push(warning);
            }
            if !self.adopt(word) {
                let near = self.near(word).map(|near| format!("; did you mean `{near}`?"));
                let near = near.unwrap_or_else(|| format!("; write `[models.{word}]` with its `provider`"));
                let shown: String = word.chars().take(60).collect();
                let problem = format!("names a model that is not configured: `{shown}`{near}");
                return Err(wrong(setting.name.as_str(), setting.origin.clone(), problem));
            }
        }
        Ok(())
    }

    fn near(&self, word: &str) -> Option<String> {
        let names = self.models.iter().flat_map(|model| std::iter::once(&model.name).chain(&model.aliases));
        nearest(word, names.map(String::as_str)).map(str::to_owned)
    }
}
