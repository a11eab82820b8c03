//! Layers: every value with where it came from, and what it hides. Default < `~/.moai/config.toml` < the project's
//! llm.yaml, seed 003's files and config.toml < glm.json < the environment (`MOAI_LLM_MODE` for `llm.mode`).

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::world::{Env, World};

use super::error::ConfigError;
use super::keys::{self, Home, KEPT, Key, Name, Value};

/// The files that settings come from, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// `templates/routing.toml`, which is part of the program.
    BuiltIn,
    /// `~/.moai/config.toml`.
    User,
    /// `.moai/config/sections/llm.yaml`.
    LlmYaml,
    /// `agent_model.yaml` or `task_model_mapping.yaml` of seed 003.
    Seed,
    /// `.moai/config.toml`; of a linked worktree the main checkout's.
    Project,
    /// `.moai/config.toml` of the linked worktree itself.
    Checkout,
    /// `.moai/llm-configs/glm.json`.
    GlmJson,
}

impl Layer {
    /// The layer's word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "default",
            Self::User => "user",
            Self::LlmYaml => "llm.yaml",
            Self::Seed => "seed",
            Self::Project => "project",
            Self::Checkout => "worktree",
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
        /// Its column, likewise.
        column: Option<usize>,
    },
    /// Another setting, which this one follows as long as nothing sets it.
    Follows {
        /// The other setting.
        name: &'static str,
        /// Where that one came from.
        origin: Box<Origin>,
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
            Self::Follows { name, origin } => format!("{name}, which is from {}", origin.describe(world)),
            other => other.to_string(),
        }
    }

    /// The word in `--json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { layer, .. } => layer.as_str(),
            Self::Follows { origin, .. } => origin.as_str(),
            Self::Environment { .. } => "environment",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line), column: Some(column), .. } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::File { path, line: Some(line), .. } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None, .. } => write!(f, "{}", path.display()),
            Self::Follows { origin, .. } => origin.fmt(f),
            Self::Environment { variable } => write!(f, "${variable}"),
        }
    }
}

/// A setting as it stands: the value that counts, and those that it hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which setting.
    pub name: Name,
    /// Its value; `None` where nothing sets it and it has no default.
    pub value: Option<Value>,
    /// Where the value came from.
    pub origin: Origin,
    /// The values it hides, the strongest first.
    pub hidden: Vec<(Value, Origin)>,
}

impl Setting {
    /// A setting that nothing sets.
    pub fn unset(name: Name) -> Self {
        Self { name, value: None, origin: Origin::Default, hidden: Vec::new() }
    }
}

/// What a file says at one place, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// Nothing (`mode:`).
    Null,
    /// A scalar, as text.
    Scalar(String),
    /// A list of nothing but scalars.
    List(Vec<String>),
    /// A mapping without entries, or a list of more than scalars: the word names it.
    Other(&'static str),
}

/// One place of a file and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The dotted path.
    pub(super) path: String,
    pub(super) raw: Raw,
    /// Line and column of the value, from 1; the column is 0 where it is not known.
    pub(super) at: Option<(usize, usize)>,
}

impl Entry {
    pub(super) fn origin(&self, layer: Layer, path: &Path) -> Origin {
        // A value of llm.yaml is named by its line, as it always was.
        let column = self.at.map(|(_, column)| column).filter(|column| *column > 0 && layer != Layer::LlmYaml);
        Origin::File { layer, path: path.to_path_buf(), line: self.at.map(|(line, _)| line), column }
    }
}

/// A file with its entries.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) layer: Layer,
    pub(super) path: PathBuf,
    pub(super) entries: Vec<Entry>,
}

/// Lays the sources over each other, weakest first, and the environment over all; returns the settings that the table
/// names one by one, in its order, and what should be warned of. Those of patterns are only checked: [`free`] lists
/// them. A value that its key does not take goes to `bear`; where that bears it, it counts as not there.
pub(super) fn resolve<E>(
    sources: &[Source],
    env: &Env,
    bear: &mut dyn FnMut(ConfigError) -> Result<(), E>,
) -> Result<(Vec<Setting>, Vec<String>), E> {
    let mut settings = Vec::new();
    let mut warnings = Vec::new();
    for key in keys::all().filter(|key| !key.is_pattern()) {
        let mut found: Vec<(Value, Origin)> = Vec::new();
        if let Some(default) = key.default {
            found.extend(key.check(default).ok().map(|value| (value, Origin::Default)));
        }
        for source in sources.iter().filter(|source| takes(source.layer, key)) {
            match from_file(key, source, &mut warnings) {
                Ok(value) => found.extend(value),
                Err(error) => bear(error)?,
            }
        }
        let mut set: Vec<String> = key.variables().filter(|variable| env.text(variable).is_some()).collect();
        set.reverse();
        for variable in set {
            let Some(text) = env.text(&variable) else { continue };
            let origin = Origin::Environment { variable };
            match key.check(text) {
                Ok(value) => found.push((value, origin)),
                Err(problem) => bear(wrong(key.name, origin, problem))?,
            }
        }
        settings.push(settled(Name::plain(key), found));
    }
    for source in sources {
        warnings.extend(unknown(source));
    }
    free(sources).map(drop).or_else(&mut *bear)?;
    warnings.extend(unknown_variables(env));
    Ok((settings, warnings))
}

/// The settings of patterns that the sources set, weakest source first, in the order in which they are first met.
pub(super) fn free(sources: &[Source]) -> Result<Vec<Setting>, ConfigError> {
    let mut laid = Laid::default();
    for source in sources {
        for entry in &source.entries {
            secret(entry, source)?;
            let Some(name) = keys::find(&entry.path).filter(|name| name.key.is_pattern()) else { continue };
            if !takes(source.layer, name.key) {
                continue;
            }
            let built_in = source.layer == Layer::BuiltIn;
            let origin = if built_in { Origin::Default } else { entry.origin(source.layer, &source.path) };
            if let Some(value) = checked(&name, entry, &origin)? {
                laid.add(name, value, origin);
            }
        }
    }
    Ok(laid.settings)
}

/// The same settings with others over them.
pub(super) fn over(settings: Vec<Setting>, last: Vec<(Name, Value, Origin)>) -> Vec<Setting> {
    if last.is_empty() {
        return settings;
    }
    let index = settings.iter().enumerate().map(|(at, setting)| (setting.name.as_str().to_owned(), at)).collect();
    let mut laid = Laid { settings, index };
    for (name, value, origin) in last {
        laid.add(name, value, origin);
    }
    laid.settings
}

/// Settings with values laid over each other.
#[derive(Default)]
struct Laid {
    settings: Vec<Setting>,
    index: HashMap<String, usize>,
}

impl Laid {
    /// The value hides what the setting had before.
    fn add(&mut self, name: Name, value: Value, origin: Origin) {
        let known = self.index.get(name.as_str()).and_then(|at| self.settings.get_mut(*at));
        if let Some(setting) = known {
            let old = std::mem::replace(&mut setting.origin, origin);
            let hidden = setting.value.replace(value).map(|value| (value, old));
            setting.hidden.splice(0..0, hidden);
            return;
        }
        self.index.insert(name.as_str().to_owned(), self.settings.len());
        self.settings.push(Setting { name, value: Some(value), origin, hidden: Vec::new() });
    }
}

/// The last of the values counts; the others are hidden by it.
fn settled(name: Name, mut found: Vec<(Value, Origin)>) -> Setting {
    let (value, origin) = found.pop().map_or((None, Origin::Default), |(value, origin)| (Some(value), origin));
    found.reverse();
    Setting { name, value, origin, hidden: found }
}

/// Whether a file of this layer may set the key.
fn takes(layer: Layer, key: &Key) -> bool {
    match layer {
        Layer::BuiltIn => true,
        Layer::User => key.home != Home::Checkout,
        Layer::LlmYaml => key.home == Home::LlmYaml,
        Layer::Seed => key.name.starts_with("agents.") || key.name.starts_with("tasks."),
        Layer::Project | Layer::Checkout => matches!(key.home, Home::Toml | Home::Checkout),
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
    let name = Name::plain(key);
    for place in key.places() {
        let Some(entry) = source.entries.iter().find(|entry| entry.path == place) else { continue };
        // The Go versions write `mode: ""` beside a filled `team_mode`.
        if matches!(&entry.raw, Raw::Scalar(text) if text.is_empty() && (found.is_some() || place == key.name)) {
            continue;
        }
        let origin = entry.origin(source.layer, &source.path);
        let Some(value) = checked(&name, entry, &origin)? else { continue };
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

/// The checked value of an entry; `None` where it says nothing.
fn checked(name: &Name, entry: &Entry, origin: &Origin) -> Result<Option<Value>, ConfigError> {
    let key = name.key;
    let value = match &entry.raw {
        Raw::Null => return Ok(None),
        Raw::Scalar(text) if key.shape.is_list() => key.check_items(std::slice::from_ref(text)),
        Raw::Scalar(text) => key.check(text),
        Raw::List(items) => key.check_items(items),
        Raw::Other(what) => Err(format!("is {what}; expected {}", key.shape.describe())),
    };
    value.map(Some).map_err(|problem| wrong(name.as_str(), origin.clone(), problem))
}

/// A key written out where a provider or a header is configured.
fn secret(entry: &Entry, source: &Source) -> Result<(), ConfigError> {
    if entry.path.starts_with("alerts.sinks.")
        && let ["alerts", "sinks", _, "url"] = keys::parts(&entry.path).as_slice()
    {
        let problem = "would be a secret in a configuration file: whoever has the address can write there; name the \
                       variable that holds it (`url_env`) or a file that only you may read (`url_file`)";
        return Err(wrong(&entry.path, entry.origin(source.layer, &source.path), problem.into()));
    }
    if !entry.path.starts_with("providers.") {
        return Ok(());
    }
    let parts = keys::parts(&entry.path);
    let (in_header, name) = match parts.as_slice() {
        ["providers", _, name] | ["providers", _, "deployments", _, name] => (false, name),
        ["providers", _, "headers", name] | ["providers", _, "deployments", _, "headers", name] => (true, name),
        _ => return Ok(()),
    };
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let found = match plain.as_str() {
        "api-key" | "apikey" | "token" | "secret" | "auth-token" | "password" => true,
        "authorization" | "x-api-key" | "x-goog-api-key" | "proxy-authorization" | "cookie" => in_header,
        _ => false,
    };
    if !found {
        return Ok(());
    }
    let provider = parts.get(1).copied().unwrap_or_default();
    let variable: String =
        provider.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let problem = format!(
        "would be a key in a configuration file; write `key_env = \"{variable}_API_KEY\"` and set that variable"
    );
    Err(wrong(&entry.path, entry.origin(source.layer, &source.path), problem))
}

pub(super) fn wrong(name: &str, origin: Origin, problem: String) -> ConfigError {
    ConfigError::Value { key: name.to_owned(), origin: Box::new(origin), problem }
}

/// The entries of a file that moai does not know or that belong elsewhere, one sentence each.
fn unknown(source: &Source) -> Vec<String> {
    // Seed 003's files are other programs', too; what else they hold is theirs.
    if matches!(source.layer, Layer::GlmJson | Layer::Seed) {
        return Vec::new();
    }
    source.entries.iter().filter_map(|entry| remark(source.layer, &source.path, entry)).collect()
}

fn remark(layer: Layer, path: &Path, entry: &Entry) -> Option<String> {
    let kept = |known: &&str| entry.path == **known || entry.path.starts_with(&format!("{known}."));
    let place = match entry.at {
        Some((line, _)) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    match keys::find(&entry.path) {
        Some(name) if takes(layer, name.key) => None,
        Some(name) => {
            let home = match name.key.home {
                Home::LlmYaml => "llm.yaml",
                Home::Toml => "config.toml",
                Home::UserToml => "~/.moai/config.toml",
                Home::Checkout => "a checkout's own .moai/config.toml",
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
    let mut given = keys::parts(path);
    given.push("*");
    keys::all().any(|key| {
        let own: Vec<&str> = key.name.split('.').collect();
        own.len() >= given.len()
            && own.iter().zip(&given).all(|(own, given)| own == given || *own == "*" || *given == "*")
    })
}

/// `MOAI_LLM_…` and its kin that set nothing.
fn unknown_variables(env: &Env) -> Vec<String> {
    let groups: Vec<String> = keys::all()
        .filter_map(|key| key.name.split('.').next())
        .map(|group| format!("MOAI_{}_", group.to_ascii_uppercase()))
        .collect();
    let known: Vec<String> = keys::all().filter_map(Key::variable).collect();
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
                at: Some((index + 1, 0)),
            })
            .collect();
        Source { layer, path: format!("/p/{}", layer.as_str()).into(), entries }
    }

    fn setting(settings: &[Setting], name: &str) -> (String, &'static str, usize) {
        let setting = settings.iter().find(|setting| setting.name.as_str() == name).unwrap();
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
        let (settings, warnings) = resolve(&sources, &env, &mut Err).unwrap();
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
        let (settings, warnings) = resolve(&[go], &Env::default(), &mut Err).unwrap();
        assert_eq!(setting(&settings, "llm.mode"), ("mashup".into(), "llm.yaml", 1));
        assert_eq!(setting(&settings, "llm.glm.models.opus").0, "glm-5");
        assert!(warnings.is_empty(), "{warnings:?}");

        let both = source(Layer::LlmYaml, &[("llm.mode", "glm-only"), ("llm.team_mode", "cg")]);
        let (settings, warnings) = resolve(&[both], &Env::default(), &mut Err).unwrap();
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
        let (settings, warnings) = resolve(&sources, &env, &mut Err).unwrap();
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
        let error =
            resolve(&[source(Layer::LlmYaml, &[("llm.mode", "turbo")])], &Env::default(), &mut Err).unwrap_err();
        assert!(error.to_string().starts_with("/p/llm.yaml:1: `llm.mode` `turbo` is not known"), "{error}");
        let env = Env::from_iter([("MOAI_WORKTREE_TRASH_DAYS", "soon")]);
        let error = resolve(&[], &env, &mut Err).unwrap_err();
        assert!(error.to_string().starts_with("$MOAI_WORKTREE_TRASH_DAYS: `worktree.trash_days`"), "{error}");
    }
}
