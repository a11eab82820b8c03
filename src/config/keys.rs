//! Every setting that moai knows, in one table: name, shape, default, where it is written, what it does. The table
//! drives reading, checking, `moai config`, completion and the reference `docs/config.md`.

use std::fmt;

use crate::model::Mode;

use super::error::ConfigError;

/// The file that a setting is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `.moai/config/sections/llm.yaml` of the project (`--user`: `~/.moai/config.toml`).
    LlmYaml,
    /// `.moai/config.toml` of the project, or `~/.moai/config.toml`.
    Toml,
    /// `~/.moai/config.toml` alone: it is about the person, not about a project.
    UserToml,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A mode of seed 002, in any of its spellings.
    Mode,
    /// `true` or `false`.
    Switch,
    /// A whole number from 0.
    Number,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of an environment variable.
    Variable,
    /// The name of a model.
    Model,
    /// The base URL of an API.
    Url,
    /// A directory; `~` is the home directory, a relative one starts at the main checkout.
    Path,
}

/// A known setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its dotted name, which is also its place in the file.
    pub name: &'static str,
    /// Other places in llm.yaml that say the same (the Go versions' names), read where `name` is absent and kept in
    /// step when it is set.
    pub also: &'static [&'static str],
    /// What a value may be.
    pub shape: Shape,
    /// The value where nothing sets it; `None`: it has none.
    pub default: Option<&'static str>,
    /// The file it is written to.
    pub home: Home,
    /// What it does, in one sentence or two.
    pub doc: &'static str,
}

/// The table, in the order in which it is shown.
pub const KEYS: &[Key] = &[
    Key {
        name: "llm.mode",
        also: &["llm.team_mode"],
        shape: Shape::Mode,
        default: Some("claude-only"),
        home: Home::LlmYaml,
        doc: "Who plans, runs and syncs: `claude-only`, `mashup` (Claude plans, GLM runs and syncs in a worktree) or `glm-only`.",
    },
    Key {
        name: "llm.glm_env_var",
        also: &[],
        shape: Shape::Variable,
        default: Some("GLM_API_KEY"),
        home: Home::LlmYaml,
        doc: "The environment variable that is looked at first for the GLM key, after the files in `~/.moai`.",
    },
    Key {
        name: "llm.auto_worktree.enabled",
        also: &[],
        shape: Shape::Switch,
        default: Some("true"),
        home: Home::LlmYaml,
        doc: "Whether `moai phase run SPEC --enter` may create the worktree of a SPEC that has none.",
    },
    Key {
        name: "llm.auto_worktree.copy_glm_config",
        also: &[],
        shape: Shape::Switch,
        default: Some("true"),
        home: Home::LlmYaml,
        doc: "Whether a worktree that is created for GLM gets the GLM settings written into it.",
    },
    Key {
        name: "llm.glm.base_url",
        also: &[],
        shape: Shape::Url,
        default: Some("https://api.z.ai/api/anthropic"),
        home: Home::LlmYaml,
        doc: "Where GLM answers in Anthropic's format (mainland China: `https://open.bigmodel.cn/api/anthropic`).",
    },
    Key {
        name: "llm.glm.models.opus",
        also: &["llm.glm.models.high"],
        shape: Shape::Model,
        default: Some("glm-4.7"),
        home: Home::LlmYaml,
        doc: "The GLM model that answers where Claude Code asks for Opus.",
    },
    Key {
        name: "llm.glm.models.sonnet",
        also: &["llm.glm.models.medium"],
        shape: Shape::Model,
        default: Some("glm-4.7"),
        home: Home::LlmYaml,
        doc: "The GLM model that answers where Claude Code asks for Sonnet.",
    },
    Key {
        name: "llm.glm.models.haiku",
        also: &["llm.glm.models.low"],
        shape: Shape::Model,
        default: Some("glm-4.7"),
        home: Home::LlmYaml,
        doc: "The GLM model that answers where Claude Code asks for Haiku.",
    },
    Key {
        name: "llm.glm.models.fable",
        also: &[],
        shape: Shape::Model,
        default: None,
        home: Home::LlmYaml,
        doc: "The GLM model that answers where Claude Code asks for Fable; unset, Claude Code is not told of one.",
    },
    Key {
        name: "llm.routing.confirm_worktree",
        also: &[],
        shape: Shape::Switch,
        default: Some("false"),
        home: Home::LlmYaml,
        doc: "Whether `moai phase … --enter` asks before it creates a worktree.",
    },
    Key {
        name: "worktree.root",
        also: &[],
        shape: Shape::Path,
        default: None,
        home: Home::Toml,
        doc: "Where new worktrees go: `<root>/<project>/<SPEC>`. Unset, they go where this project's worktrees already are, else to `~/worktrees`.",
    },
    Key {
        name: "worktree.engine",
        also: &[],
        shape: Shape::Choice(&["auto", "native", "git"]),
        default: Some("auto"),
        home: Home::Toml,
        doc: "What creates worktrees: moai itself (`native`), the git executable (`git`), or whichever the repository allows (`auto`).",
    },
    Key {
        name: "worktree.trash_days",
        also: &[],
        shape: Shape::Number,
        default: Some("7"),
        home: Home::Toml,
        doc: "For how many days `moai worktree restore` can bring a removed worktree back.",
    },
    Key {
        name: "keys.embed",
        also: &[],
        shape: Shape::Switch,
        default: Some("true"),
        home: Home::Toml,
        doc: "Whether `moai glm` writes the key itself into settings.local.json; `false` writes a command that asks moai for it (`--helper`).",
    },
    Key {
        name: "keys.keyring",
        also: &[],
        shape: Shape::Switch,
        default: Some("false"),
        home: Home::UserToml,
        doc: "Whether keys are looked for in the system's keyring before the files, for every provider. A key that was saved with `--keyring` is found there without it.",
    },
    Key {
        name: "ui.color",
        also: &[],
        shape: Shape::Choice(&["auto", "always", "never"]),
        default: Some("auto"),
        home: Home::UserToml,
        doc: "When to use colours, where `--color` does not say.",
    },
];

/// Names below `llm` that other versions of moai-adk write and that moai does not use: kept, and not warned of.
pub const KEPT: &[&str] = &[
    "llm.routing.auto_detect",
    "llm.routing.parallel_threshold",
    "llm.performance_tier",
    "llm.profiles",
    "llm.context_windows",
    "llm.effort",
    "llm.claude_models",
    "llm.default_model",
    "llm.quality_model",
    "llm.speed_model",
];

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word, a name, a URL, a path.
    Text(String),
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Switch(on) => f.pad(if *on { "true" } else { "false" }),
            Self::Number(number) => f.pad(&number.to_string()),
        }
    }
}

impl Key {
    /// The environment variable that overrides every file: `MOAI_LLM_MODE` for `llm.mode`.
    pub fn variable(&self) -> String {
        format!("MOAI_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Every place in a file that sets it, the preferred one first.
    pub fn places(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// The checked value of `text`, or what is wrong with it (without repeating it where it might be a secret).
    pub fn check(&self, text: &str) -> Result<Value, String> {
        self.shape.check(text.trim())
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
}

impl Shape {
    /// What a value may be, in a few words for people.
    pub fn describe(self) -> String {
        match self {
            Self::Mode => Mode::ALL.map(Mode::as_str).join(" | "),
            Self::Switch => "true | false".into(),
            Self::Number => "a whole number".into(),
            Self::Choice(words) => words.join(" | "),
            Self::Variable => "the name of an environment variable".into(),
            Self::Model => "the name of a model".into(),
            Self::Url => "an http(s) URL".into(),
            Self::Path => "a directory".into(),
        }
    }

    fn check(self, text: &str) -> Result<Value, String> {
        let expected = |reason: &str| Err(format!("{reason}; expected {}", self.describe()));
        match self {
            Self::Mode => match text.parse::<Mode>() {
                Ok(mode) => Ok(Value::Text(mode.as_str().into())),
                Err(_) => expected(&not_one_of(text, &Mode::ALL.map(Mode::as_str))),
            },
            Self::Choice(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => Ok(Value::Text((*word).into())),
                None => expected(&not_one_of(text, words)),
            },
            Self::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(Value::Switch(true)),
                "false" | "no" | "off" => Ok(Value::Switch(false)),
                _ => expected(&not_one_of(text, &["true", "false"])),
            },
            Self::Number => text.parse().map(Value::Number).or_else(|_| expected("is not a number that moai can use")),
            Self::Variable if is_variable(text) => Ok(Value::Text(text.into())),
            Self::Variable => {
                expected("is not a variable's name (letters, digits and `_`; a key does not belong here)")
            }
            Self::Model if text.chars().any(|c| c.is_whitespace() || c.is_control()) => expected("has a space in it"),
            Self::Url => check_url(text).map_or_else(expected, |()| Ok(Value::Text(text.trim_end_matches('/').into()))),
            Self::Model | Self::Path if text.is_empty() => expected("is empty"),
            Self::Model | Self::Path => Ok(Value::Text(text.into())),
        }
    }
}

/// Says what a word is not, and repeats it only where it is too short to be a secret.
fn not_one_of(text: &str, words: &[&str]) -> String {
    if text.chars().count() > 20 {
        return "is not a word that moai knows here".into();
    }
    match nearest(text, words.iter().copied()) {
        Some(near) => format!("`{text}` is not known: did you mean `{near}`?"),
        None => format!("`{text}` is not known"),
    }
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_url(text: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Err("is not a URL") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme {
        _ if text.chars().any(|c| c.is_whitespace() || c.is_control()) => Err("has a space in it"),
        _ if authority.is_empty() => Err("names no host"),
        _ if authority.contains('@') => Err("has a user name or password in it, which ends up in logs"),
        _ if rest.contains(['?', '#']) => Err("has a query in it; only a base URL can be used"),
        "https" | "http" => Ok(()),
        _ => Err("is not an http or https URL"),
    }
}

/// Whether a variable is one of those that hold the GLM key.
pub(super) fn is_key_variable(name: &str) -> bool {
    matches!(name, "GLM_API_KEY" | "GLM_API_TOKEN" | "MOAI_GLM_API_KEY" | "ZAI_API_KEY")
}

/// The known setting of this name, in whichever spelling of a file.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name).or_else(|| KEYS.iter().find(|key| key.also.contains(&name)))
}

/// The known setting of this name, or an error that names the nearest.
pub fn require(name: &str) -> Result<&'static Key, ConfigError> {
    find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))
}

/// The checked value of a text from the command line.
pub fn given(key: &'static Key, text: &str) -> Result<Value, ConfigError> {
    key.check(text).map_err(|problem| ConfigError::Given { key: key.name, problem })
}

/// The known name that `name` is most likely meant to be: one whose last part is alike, in the same group if there is
/// one (`llm.mdoe`), else in any (`mode`), else one that is alike as a whole (`lm.mode`).
pub fn nearest_name(name: &str) -> Option<&'static str> {
    let (group, last) = name.rsplit_once('.').unwrap_or(("", name));
    let parts = |key: &'static Key| key.name.rsplit_once('.').unwrap_or(("", key.name));
    let alike_in = |fits: &dyn Fn(&str) -> bool| {
        let keys = KEYS.iter().filter(|key| fits(parts(key).0));
        let near = nearest(last, keys.clone().map(|key| parts(key).1))?;
        keys.map(|key| key.name).find(|name| name.rsplit('.').next() == Some(near))
    };
    let whole = || {
        let likeness = |key: &Key| strsim::normalized_levenshtein(name, key.name);
        let best = KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.75).then_some(best.name)
    };
    alike_in(&|known| known == group).or_else(whole).or_else(|| alike_in(&|_| true))
}

fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    words
        .map(|word| (strsim::jaro_winkler(&text, &word.to_ascii_lowercase()), word))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check_and_names_are_unique() {
        let mut seen = Vec::new();
        for key in KEYS {
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
        let why = |name: &str, text: &str| find(name).unwrap().check(text).unwrap_err();
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
        let value = |name: &str, text: &str| find(name).unwrap().check(text).unwrap().to_string();
        assert_eq!(value("llm.mode", "hybrid"), "mashup");
        assert_eq!(value("llm.team_mode", ""), "claude-only");
        assert_eq!(value("llm.auto_worktree.enabled", "Yes"), "true");
        assert_eq!(value("llm.glm.base_url", "https://api.z.ai/api/anthropic/"), "https://api.z.ai/api/anthropic");
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(nearest_name("llm.mod"), Some("llm.mode"));
        assert_eq!(nearest_name("mode"), Some("llm.mode"));
        assert_eq!(nearest_name("llm.auto_worktree.enable"), Some("llm.auto_worktree.enabled"));
        assert_eq!(nearest_name("lm.mode"), Some("llm.mode"));
        assert_eq!(nearest_name("llm.glm.model.opus"), Some("llm.glm.models.opus"));
        assert_eq!(nearest_name("worktree.rot"), Some("worktree.root"));
        for stranger in ["zzz", "llm.x", "llm", "llm.strange", ""] {
            assert_eq!(nearest_name(stranger), None, "{stranger}");
        }
    }
}
