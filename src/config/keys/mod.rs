//! Every setting that moai knows, in one table: name, shape, default, where it is written, what it does. The table
//! drives reading, checking, `moai config`, completion and the reference `docs/config.md`.
//!
//! A name with a `*` in it stands for any number of settings: `providers.*.base_url` has one for each provider that a
//! person names. A name with a dot in it is quoted, as in TOML: `models."glm-4.7".id`.

mod alerts;
mod limits;
mod routing;
mod serve;
mod switch;
mod value;

use std::fmt;

use super::error::ConfigError;

pub use switch::KEPT;
pub use value::{Shape, Value};

pub(super) use value::{nearest, step};

/// The file that a setting is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `.moai/config/sections/llm.yaml` of the project (`--user`: `~/.moai/config.toml`).
    LlmYaml,
    /// `.moai/config.toml` of the project, or `~/.moai/config.toml`.
    Toml,
    /// `~/.moai/config.toml` alone: it is about the person, not about a project.
    UserToml,
    /// `.moai/config.toml` of this very checkout: other worktrees of the project have their own.
    Checkout,
}

/// A known setting, or a pattern of settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its dotted name, which is also its place in the file; `*` stands for a name that the person gives.
    pub name: &'static str,
    /// Other places that say the same (in llm.yaml the Go versions' names), read where `name` is absent and kept in
    /// step when it is set.
    pub also: &'static [&'static str],
    /// What a value may be.
    pub shape: Shape,
    /// The value where nothing sets it; `None`: it has none.
    pub default: Option<&'static str>,
    /// Environment variables that set it beside [`Key::variable`], which counts more.
    pub env: &'static [&'static str],
    /// The file it is written to.
    pub home: Home,
    /// What it does, in one sentence or two.
    pub doc: &'static str,
}

/// A setting by its full name: for a pattern, with a name in the star's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its row in the table.
    pub key: &'static Key,
    full: String,
}

/// Every row of the table, in the order in which it is shown.
pub fn all() -> impl Iterator<Item = &'static Key> + Clone {
    switch::SWITCH.iter().chain(routing::ROUTING).chain(limits::LIMITS).chain(serve::SERVE).chain(alerts::ALERTS)
}

/// The settings of every day: those that are not about routing, which has a hundred.
pub fn everyday() -> impl Iterator<Item = &'static Key> {
    switch::SWITCH.iter()
}

impl Key {
    /// Whether this is a pattern of settings.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// The name as people read it: `providers.NAME.base_url`.
    pub fn shown(&self) -> String {
        self.name.replace('*', "NAME")
    }

    /// The environment variable that overrides every file: `MOAI_LLM_MODE` for `llm.mode`. A pattern has none: names
    /// that people give do not fit into one.
    pub fn variable(&self) -> Option<String> {
        (!self.is_pattern()).then(|| format!("MOAI_{}", self.name.replace('.', "_").to_ascii_uppercase()))
    }

    /// Every variable that sets it, the strongest first.
    pub fn variables(&self) -> impl Iterator<Item = String> {
        self.variable().into_iter().chain(self.env.iter().map(|&name| name.to_owned()))
    }

    /// Every place in a file that sets it, the preferred one first.
    pub fn places(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// The checked value of `text`, or what is wrong with it (without repeating it where it might be a secret).
    pub fn check(&self, text: &str) -> Result<Value, String> {
        let text = if self.shape == Shape::Text { text } else { text.trim() };
        self.shape.check(text)
    }

    /// The checked value of a list.
    pub fn check_items(&self, items: &[String]) -> Result<Value, String> {
        self.shape.check_items(items.iter().map(String::as_str))
    }

    /// How a checked value is spelled at `place`: the Go versions call the modes of `team_mode` otherwise.
    pub fn spelled<'a>(&self, place: &str, value: &'a str) -> &'a str {
        if place != "llm.team_mode" {
            return value;
        }
        match value {
            "claude-only" => "",
            "mashup" => "cg",
            "glm-only" => "glm",
            other => other,
        }
    }

    /// Whether the pattern fits a name, part by part.
    fn fits(&self, parts: &[&str]) -> bool {
        let [.., last] = parts else { return false };
        if !self.name.ends_with(last) && !self.name.ends_with('*') {
            return false;
        }
        let mut own = self.name.split('.');
        let mut given = parts.iter();
        loop {
            match (own.next(), given.next()) {
                (None, None) => return true,
                (Some(mine), Some(part)) if mine == *part || (mine == "*" && !part.is_empty()) => {}
                _ => return false,
            }
        }
    }

    /// The name with its quotes where they are missing: `models.glm-4.7.id` can only mean one thing.
    fn requoted(&self, name: &str) -> Option<String> {
        let (before, after) = self.name.split_once('*').filter(|(_, after)| !after.contains('*'))?;
        let star = name.strip_prefix(before)?.strip_suffix(after)?;
        (star.contains('.') && !star.contains('"')).then(|| format!("{before}\"{star}\"{after}"))
    }
}

impl Name {
    /// The row of a plain key.
    pub(super) fn plain(key: &'static Key) -> Self {
        Self { key, full: key.name.to_owned() }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The parts of any dotted name, without quotes.
    pub fn parts_of(name: &str) -> Vec<&str> {
        parts(name)
    }

    /// Its parts, without quotes.
    pub fn parts(&self) -> Vec<&str> {
        parts(&self.full)
    }

    /// Every place in a file that sets it, the preferred one first.
    pub fn places(&self) -> Vec<&str> {
        if self.key.is_pattern() { vec![&self.full] } else { self.key.places().collect() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.full)
    }
}

/// The parts of a dotted name; dots inside of quotes do not divide, and the quotes are taken off.
pub(super) fn parts(name: &str) -> Vec<&str> {
    let mut quoted = false;
    name.split(|c: char| {
        quoted ^= c == '"';
        c == '.' && !quoted
    })
    .map(|part| part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).unwrap_or(part))
    .collect()
}

/// Whether a variable is one of those that hold the GLM key.
pub(super) fn is_key_variable(name: &str) -> bool {
    matches!(name, "GLM_API_KEY" | "GLM_API_TOKEN" | "MOAI_GLM_API_KEY" | "ZAI_API_KEY")
}

/// The known setting of this name, in whichever spelling of a file.
pub fn find(name: &str) -> Option<Name> {
    // Most names are told apart by their group: this is asked for every line of every file.
    let (group, _) = name.split_once('.')?;
    let inside = |known: &str| known.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'));
    let in_group = || all().filter(|key| inside(key.name));
    let plain = in_group().find(|key| key.name == name && !key.is_pattern());
    if let Some(key) = plain.or_else(|| in_group().find(|key| key.also.contains(&name))) {
        return Some(Name::plain(key));
    }
    let patterns = || in_group().filter(|key| key.is_pattern());
    let given = parts(name);
    if let Some(key) = patterns().find(|key| key.fits(&given)) {
        let full = given.iter().fold(String::new(), |prefix, part| super::moai_toml::join(&prefix, part));
        return Some(Name { key, full });
    }
    patterns().find_map(|key| key.requoted(name).map(|full| Name { key, full }))
}

/// The known setting of this name, or an error that names the nearest.
pub fn require(name: &str) -> Result<Name, ConfigError> {
    find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))
}

/// The checked value of a text from the command line.
pub fn given(name: &Name, text: &str) -> Result<Value, ConfigError> {
    name.key.check(text).map_err(|problem| ConfigError::Given { key: name.full.clone(), problem })
}

/// The known name that `name` is most likely meant to be: one whose last part is alike, in the same group if there is
/// one (`llm.mdoe`), else in any (`mode`), else one that is alike as a whole (`lm.mode`).
pub fn nearest_name(name: &str) -> Option<String> {
    if let Some(near) = nearest_in_pattern(name) {
        return Some(near);
    }
    let (group, last) = name.rsplit_once('.').unwrap_or(("", name));
    let parts = |key: &'static Key| key.name.rsplit_once('.').unwrap_or(("", key.name));
    let plain = || all().filter(|key| !key.is_pattern());
    let alike_in = |fits: &dyn Fn(&str) -> bool| {
        let keys = plain().filter(|key| fits(parts(key).0));
        let near = nearest(last, keys.clone().map(|key| parts(key).1))?;
        keys.map(|key| key.name).find(|name| name.rsplit('.').next() == Some(near))
    };
    let whole = || {
        let likeness = |key: &Key| strsim::normalized_levenshtein(name, key.name);
        let best = plain().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.75).then_some(best.name)
    };
    // Far from home the likeness has to be more than a common beginning.
    let anywhere = || {
        let end = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
        alike_in(&|_| true).filter(|name| strsim::normalized_levenshtein(last, end(name)) > 0.7)
    };
    alike_in(&|known| known == group).or_else(whole).or_else(anywhere).map(str::to_owned)
}

/// `providers.mine.bas_url` is meant to be `providers.mine.base_url`; so is `provider.mine.base_url`.
fn nearest_in_pattern(name: &str) -> Option<String> {
    let given = parts(name);
    let candidates = all().filter(|key| key.is_pattern()).filter_map(|key| {
        let own: Vec<&str> = key.name.split('.').collect();
        let filled: Vec<&str> =
            own.iter().zip(&given).map(|(own, given)| if *own == "*" { *given } else { *own }).collect();
        let same = own.len() == given.len();
        let strange = filled.iter().zip(&given).filter(|(filled, given)| filled != given).count();
        (same && strange == 1).then_some((filled, own))
    });
    let best = candidates
        .filter_map(|(filled, _)| {
            let (right, wrong) = filled.iter().zip(&given).find(|(filled, given)| filled != given)?;
            let likeness = strsim::jaro_winkler(right, &wrong.to_ascii_lowercase());
            (likeness > 0.85).then_some((likeness, filled))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(best.1.iter().fold(String::new(), |prefix, part| super::moai_toml::join(&prefix, part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check_and_names_are_unique() {
        let mut seen = Vec::new();
        for key in all() {
            if let Some(default) = key.default {
                assert_eq!(key.check(default).map(|value| value.to_string()).as_deref(), Ok(default), "{}", key.name);
            }
            assert!(key.doc.ends_with('.'), "{}", key.name);
            for place in key.places() {
                assert!(!seen.contains(&place), "{place}");
                seen.push(place);
            }
        }
    }

    #[test]
    fn wrong_values_say_what_is_expected_and_never_repeat_a_secret() {
        let why = |name: &str, text: &str| find(name).unwrap().key.check(text).unwrap_err();
        assert!(why("llm.mode", "mashupp").contains("did you mean `mashup`?"));
        assert!(why("llm.auto_worktree.enabled", "maybe").contains("expected true | false"));
        let key = "0123456789abcdef0123456789abcdef.SeCrEtSeCrEtSeCr";
        for name in ["llm.mode", "llm.glm_env_var", "llm.glm.base_url", "worktree.engine", "worktree.trash_days"] {
            assert!(!why(name, key).contains("SeCrEt"), "{name}");
        }
        assert!(!why("llm.glm.base_url", "https://user:hunter2@host/").contains("hunter2"));
    }

    #[test]
    fn older_words_are_understood() {
        let value = |name: &str, text: &str| find(name).unwrap().key.check(text).unwrap().to_string();
        assert_eq!(value("llm.mode", "hybrid"), "mashup");
        assert_eq!(value("llm.team_mode", ""), "claude-only");
        assert_eq!(value("llm.auto_worktree.enabled", "Yes"), "true");
        assert_eq!(value("llm.glm.base_url", "https://api.z.ai/api/anthropic/"), "https://api.z.ai/api/anthropic");
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(nearest_name("llm.mod").as_deref(), Some("llm.mode"));
        assert_eq!(nearest_name("mode").as_deref(), Some("llm.mode"));
        assert_eq!(nearest_name("llm.auto_worktree.enable").as_deref(), Some("llm.auto_worktree.enabled"));
        assert_eq!(nearest_name("lm.mode").as_deref(), Some("llm.mode"));
        assert_eq!(nearest_name("llm.glm.model.opus").as_deref(), Some("llm.glm.models.opus"));
        assert_eq!(nearest_name("worktree.rot").as_deref(), Some("worktree.root"));
        for stranger in ["zzz", "llm.x", "llm", "llm.strange", ""] {
            assert_eq!(nearest_name(stranger).as_deref(), None, "{stranger}");
        }
    }
}
