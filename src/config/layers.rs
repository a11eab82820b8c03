//! Layers: every value with where it came from, and what it hides. Default < `~/.moai/config.toml` < the project's
//! llm.yaml and config.toml < glm.json < the environment (`MOAI_LLM_MODE` for `llm.mode`).

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::world::{Env, World};

use super::error::ConfigError;
use super::keys::{self, Home, KEPT, KEYS, Key, Value};

/// The files that settings come from, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// `~/.moai/config.toml`.
    User,
    /// `.moai/config/sections/llm.yaml`.
    LlmYaml,
    /// `.moai/config.toml`.
    Project,
    /// `.moai/llm-configs/glm.json`.
    GlmJson,
}

impl Layer {
    /// The layer's word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::LlmYaml => "llm.yaml",
            Self::Project => "project",
            Self::GlmJson => "glm.json",
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A file.
    File {
        /// Which one.
        layer: Layer,
        /// Its path.
        path: PathBuf,
        /// The line of the value, from 1, where it is known.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
}

impl Origin {
    /// In words for people, with the home directory as `~`.
    pub fn describe(&self, world: &World) -> String {
        match self {
            Self::File { path, line: Some(line), .. } => format!("{}:{line}", world.tilde(path)),
            Self::File { path, line: None, .. } => world.tilde(path),
            other => other.to_string(),
        }
    }

    /// The word in `--json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { layer, .. } => layer.as_str(),
            Self::Environment { .. } => "environment",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line), .. } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None, .. } => write!(f, "{}", path.display()),
            Self::Environment { variable } => write!(f, "${variable}"),
        }
    }
}

/// A setting as it stands: the value that counts, and those that it hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which setting.
    pub key: &'static Key,
    /// Its value; `None` where nothing sets it and it has no default.
    pub value: Option<Value>,
    /// Where the value came from.
    pub origin: Origin,
    /// The values it hides, the strongest first.
    pub hidden: Vec<(Value, Origin)>,
}

/// What a file says at one place, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// Nothing (`mode:`).
    Null,
    /// A scalar, as text.
    Scalar(String),
    /// A mapping without entries, or a list: `what` names it.
    Other(&'static str),
}

/// One place of a file and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The dotted path.
    pub(super) path: String,
    pub(super) raw: Raw,
    /// From 1.
    pub(super) line: Option<usize>,
}

/// A file with its entries.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) layer: Layer,
    pub(super) path: PathBuf,
    pub(super) entries: Vec<Entry>,
}

/// Lays the sources over each other, weakest first, and the environment over all; returns the settings in the
/// order of the table, and what should be warned of.
pub(super) fn resolve(sources: &[Source], env: &Env) -> Result<(Vec<Setting>, Vec<String>), ConfigError> {
    let mut settings = Vec::with_capacity(KEYS.len());
    let mut warnings = Vec::new();
    for key in KEYS {
        let mut found: Vec<(Value, Origin)> = Vec::new();
        if let Some(default) = key.default {
            found.extend(key.check(default).ok().map(|value| (value, Origin::Default)));
        }
        for source in sources.iter().filter(|source| takes(source.layer, key)) {
            found.extend(from_file(key, source, &mut warnings)?);
        }
        let variable = key.variable();
        if let Some(text) = env.text(&variable) {
            let origin = Origin::Environment { variable };
            let value = key.check(text).map_err(|problem| wrong(key, origin.clone(), problem))?;
            found.push((value, origin));
        }
        let (value, origin) = found.pop().map_or((None, Origin::Default), |(value, origin)| (Some(value), origin));
        found.reverse();
        settings.push(Setting { key, value, origin, hidden: found });
    }
    for source in sources {
        warnings.extend(unknown(source));
    }
    warnings.extend(unknown_variables(env));
    Ok((settings, warnings))
}

/// Whether a file of this layer may set the key.
fn takes(layer: Layer, key: &Key) -> bool {
    match layer {
        Layer::User => true,
        Layer::LlmYaml => key.home == Home::LlmYaml,
        Layer::Project => key.home == Home::Toml,
        Layer::GlmJson => key.name.starts_with("llm.glm."),
    }
}

/// What one file says of a key: the first of its places that is filled; another place that disagrees is warned of.
fn from_file(
    key: &'static Key,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Option<(Value, Origin)>, ConfigError> {
    let mut found: Option<(Value, Origin, &'static str)> = None;
    for place in key.places() {
        let Some(entry) = source.entries.iter().find(|entry| entry.path == place) else { continue };
        let origin = Origin::File { layer: source.layer, path: source.path.clone(), line: entry.line };
        let text = match &entry.raw {
            Raw::Null => continue,
            // The Go versions write `mode: ""` beside a filled `team_mode`.
            Raw::Scalar(text) if text.is_empty() && (found.is_some() || place == key.name) => continue,
            Raw::Scalar(text) => text,
            Raw::Other(what) => {
                let problem = format!("is {what}; expected {}", key.shape.describe());
                return Err(wrong(key, origin, problem));
            }
        };
        let value = key.check(text).map_err(|problem| wrong(key, origin.clone(), problem))?;
        match &found {
            None => found = Some((value, origin, place)),
            Some((first, _, at)) if *first != value => warnings.push(format!(
                "{}: `{at}` says {first} and `{place}` says {value}; `{at}` counts",
                source.path.display()
            )),
            Some(_) => {}
        }
    }
    Ok(found.map(|(value, origin, _)| (value, origin)))
}

fn wrong(key: &Key, origin: Origin, problem: String) -> ConfigError {
    // The table is static; its names outlive every key borrowed from it.
    let name = KEYS.iter().find(|known| *known == key).map_or("", |known| known.name);
    ConfigError::Value { key: name, origin: Box::new(origin), problem }
}

/// The entries of a file that moai does not know or that belong elsewhere, one sentence each.
fn unknown(source: &Source) -> Vec<String> {
    if source.layer == Layer::GlmJson {
        return Vec::new();
    }
    source.entries.iter().filter_map(|entry| remark(source.layer, &source.path, entry)).collect()
}

fn remark(layer: Layer, path: &Path, entry: &Entry) -> Option<String> {
    let kept = |known: &&str| entry.path == **known || entry.path.starts_with(&format!("{known}."));
    let place = match entry.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    match keys::find(&entry.path) {
        Some(key) if takes(layer, key) => None,
        Some(key) => {
            let home = match key.home {
                Home::LlmYaml => "llm.yaml",
                Home::Toml => "config.toml",
                Home::UserToml => "~/.moai/config.toml",
            };
            Some(format!("{place}: `{}` has no effect here; it belongs in {home}", entry.path))
        }
        None if KEPT.iter().any(kept) || is_group(&entry.path, &entry.raw) => None,
        None if has_settings(&entry.path) => Some(format!(
            "{place}: `{0}` is a group of settings, and no `{0}.…` stands in it: the defaults count",
            entry.path
        )),
        None => Some(match keys::nearest_name(&entry.path) {
            Some(near) => format!("{place}: unknown setting `{}`; did you mean `{near}`?", entry.path),
            None => format!("{place}: unknown setting `{}`, kept as it is", entry.path),
        }),
    }
}

/// Whether this is the empty start of a group that has known settings (`llm:` with nothing below it).
fn is_group(path: &str, raw: &Raw) -> bool {
    !matches!(raw, Raw::Scalar(_)) && has_settings(path)
}

fn has_settings(path: &str) -> bool {
    KEYS.iter().any(|key| key.name.starts_with(&format!("{path}.")))
}

/// `MOAI_LLM_…` and its kin that set nothing.
fn unknown_variables(env: &Env) -> Vec<String> {
    let groups: Vec<String> = KEYS
        .iter()
        .filter_map(|key| key.name.split('.').next())
        .map(|group| format!("MOAI_{}_", group.to_ascii_uppercase()))
        .collect();
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    env.iter()
        .filter_map(|(name, _)| name.to_str())
        .filter(|name| groups.iter().any(|group| name.starts_with(group.as_str())))
        .filter(|name| !known.iter().any(|variable| variable == name))
        .map(|name| format!("${name} sets nothing: there is no such setting (`moai config list --env`)"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(layer: Layer, entries: &[(&str, &str)]) -> Source {
        let entries = entries
            .iter()
            .enumerate()
            .map(|(index, (path, text))| Entry {
                path: (*path).into(),
                raw: Raw::Scalar((*text).into()),
                line: Some(index + 1),
            })
            .collect();
        Source { layer, path: format!("/p/{}", layer.as_str()).into(), entries }
    }

    fn setting(settings: &[Setting], name: &str) -> (String, &'static str, usize) {
        let setting = settings.iter().find(|setting| setting.key.name == name).unwrap();
        let value = setting.value.as_ref().map(ToString::to_string).unwrap_or_default();
        (value, setting.origin.as_str(), setting.hidden.len())
    }

    #[test]
    fn a_stronger_layer_hides_a_weaker_one_and_remembers_it() {
        let sources = [
            source(Layer::User, &[("llm.mode", "glm-only"), ("llm.glm.models.opus", "glm-5")]),
            source(Layer::LlmYaml, &[("llm.mode", "mashup")]),
            source(Layer::GlmJson, &[("llm.glm.models.opus", "glm-5.2")]),
        ];
        let env = Env::from_iter([("MOAI_LLM_MODE", "claude-only")]);
        let (settings, warnings) = resolve(&sources, &env).unwrap();
        assert_eq!(setting(&settings, "llm.mode"), ("claude-only".into(), "environment", 3));
        assert_eq!(setting(&settings, "llm.glm.models.opus"), ("glm-5.2".into(), "glm.json", 2));
        assert_eq!(setting(&settings, "llm.glm.models.haiku"), ("glm-4.7".into(), "default", 0));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn the_go_versions_names_are_read_and_a_contradiction_is_named() {
        let go = source(
            Layer::LlmYaml,
            &[("llm.mode", ""), ("llm.team_mode", "cg"), ("llm.glm.models.high", "glm-5"), ("llm.effort.plan", "x")],
        );
        let (settings, warnings) = resolve(&[go], &Env::default()).unwrap();
        assert_eq!(setting(&settings, "llm.mode"), ("mashup".into(), "llm.yaml", 1));
        assert_eq!(setting(&settings, "llm.glm.models.opus").0, "glm-5");
        assert!(warnings.is_empty(), "{warnings:?}");

        let both = source(Layer::LlmYaml, &[("llm.mode", "glm-only"), ("llm.team_mode", "cg")]);
        let (settings, warnings) = resolve(&[both], &Env::default()).unwrap();
        assert_eq!(setting(&settings, "llm.mode").0, "glm-only");
        assert!(warnings[0].contains("`llm.mode` says glm-only and `llm.team_mode` says mashup"), "{warnings:?}");
    }

    #[test]
    fn unknown_and_misplaced_names_are_warned_of() {
        let sources = [
            source(Layer::LlmYaml, &[("llm.mod", "x"), ("llm.strange", "x"), ("llm.auto_worktree", "yes")]),
            source(Layer::Project, &[("llm.mode", "mashup"), ("ui.color", "never")]),
        ];
        let env = Env::from_iter([("MOAI_LLM_MOOD", "x"), ("MOAI_HOME", "/x")]);
        let (settings, warnings) = resolve(&sources, &env).unwrap();
        assert_eq!(setting(&settings, "llm.mode").0, "claude-only");
        assert!(warnings[0].contains("/p/llm.yaml:1: unknown setting `llm.mod`; did you mean `llm.mode`?"));
        assert!(warnings[1].contains("kept as it is"), "{warnings:?}");
        assert!(warnings[2].contains("`llm.auto_worktree` is a group of settings"), "{warnings:?}");
        assert!(warnings[3].contains("belongs in llm.yaml"), "{warnings:?}");
        assert!(warnings[4].contains("belongs in ~/.moai/config.toml"), "{warnings:?}");
        assert!(warnings[5].contains("$MOAI_LLM_MOOD"), "{warnings:?}");
        assert_eq!(warnings.len(), 6);
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let error = resolve(&[source(Layer::LlmYaml, &[("llm.mode", "turbo")])], &Env::default()).unwrap_err();
        assert!(error.to_string().starts_with("/p/llm.yaml:1: `llm.mode` `turbo` is not known"), "{error}");
        let env = Env::from_iter([("MOAI_WORKTREE_TRASH_DAYS", "soon")]);
        let error = resolve(&[], &env).unwrap_err();
        assert!(error.to_string().starts_with("$MOAI_WORKTREE_TRASH_DAYS: `worktree.trash_days`"), "{error}");
    }
}
