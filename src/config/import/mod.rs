//! Other programs' configuration as settings of moai: `OpenClaw`'s `openclaw.json`, claude-code-router's `config.json`,
//! and seed 003's `config.json`, `agent_model.yaml` and `task_model_mapping.yaml`. What a file is, its content says.
//!
//! [`understand`] reads and writes nothing: it says which settings the file means, what has no place in moai and why,
//! and which keys stand in it. Keys leave here as [`Secret`]s only.

mod openclaw;
mod provider;
mod router;
mod seed;
mod sheet;
mod tree;

use std::path::Path;

use serde_json::Value as Json;

use crate::base::failure::{Explain, Kind};
use crate::base::secret::Secret;
use crate::model::ProviderId;

use super::Routing;
use super::error::ConfigError;
use super::keys::{Name, Value};
use super::llm_yaml;

use sheet::Sheet;

/// More settings than this are nobody's configuration.
const MOST: usize = 400;
/// A file is no longer than this.
const LONGEST: usize = 1 << 20;

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `OpenClaw`'s `openclaw.json` (seed 004; docs.openclaw.ai, 2026-11).
    OpenClaw,
    /// claude-code-router's `config.json` (its README, 2026-11).
    Router,
    /// The `config.json` of seed 003.
    Seed,
    /// `agent_model.yaml` of seed 003.
    Agents,
    /// `task_model_mapping.yaml` of seed 003.
    Tasks,
}

impl Format {
    /// Its word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenClaw => "openclaw",
            Self::Router => "claude-code-router",
            Self::Seed => "seed-003",
            Self::Agents => "agent-model",
            Self::Tasks => "task-model-mapping",
        }
    }

    /// In words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::OpenClaw => "OpenClaw's configuration",
            Self::Router => "claude-code-router's configuration",
            Self::Seed => "a router's config.json in the form of seed 003",
            Self::Agents => "agents and their models (agent_model.yaml)",
            Self::Tasks => "tasks and their models (task_model_mapping.yaml)",
        }
    }
}

/// A setting that the file means, and the place that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The setting.
    pub name: Name,
    /// Its value.
    pub value: Value,
    /// The place in the file: `Router.default`.
    pub from: String,
}

/// A place of the file that is not carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The place.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A key that stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// What moai calls the provider.
    pub provider: String,
    /// Whose key of `moai key list` it is, where it is one of those.
    pub stored: Option<ProviderId>,
    /// The variable that moai looks for it in, where it is none of those.
    pub variable: Option<String>,
    /// The key.
    pub secret: Secret,
    /// The place.
    pub path: String,
}

/// What a file means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Whose file it is.
    pub format: Format,
    /// The settings.
    pub wishes: Vec<Wish>,
    /// What is not carried over.
    pub left: Vec<Left>,
    /// What was understood otherwise than it stands there, one sentence each.
    pub notes: Vec<String>,
    /// The keys in it.
    pub keys: Vec<FoundKey>,
}

/// Why a file cannot be imported. Nothing of its content is quoted: it may hold keys.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It does not parse.
    #[error("{path}:{line}:{column}: {problem}")]
    Syntax {
        /// The file, as it was named.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// It is none of the files that moai knows.
    #[error("{path} is no configuration that moai knows")]
    Unknown {
        /// The file.
        path: String,
    },
    /// It is too long, or means too much.
    #[error("{path} is too large to be a configuration")]
    Large {
        /// The file.
        path: String,
    },
    /// As YAML it cannot be read.
    #[error(transparent)]
    Yaml(ConfigError),
}

impl Explain for ImportError {
    fn kind(&self) -> Kind {
        match self {
            Self::Syntax { .. } | Self::Yaml(_) => Kind::Config,
            Self::Unknown { .. } | Self::Large { .. } => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Syntax { .. } | Self::Yaml(_) => vec!["correct the file by hand; nothing was changed".into()],
            Self::Large { .. } => Vec::new(),
            Self::Unknown { .. } => vec![
                "moai knows openclaw.json, claude-code-router's config.json, and seed 003's config.json, \
                 agent_model.yaml and task_model_mapping.yaml, by what stands in them"
                    .into(),
                "set single values instead: `moai config set --user NAME VALUE`".into(),
            ],
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Syntax { .. } => "invalid-file",
            Self::Unknown { .. } => "unknown-format",
            Self::Large { .. } => "too-large",
            Self::Yaml(error) => return error.code(),
        })
    }
}

/// What the text of a file means to moai, beside what is configured already. `container` says whether moai itself runs
/// in one: the name that a container has for its machine means nothing outside.
pub fn understand(path: &str, text: &str, routing: &Routing, container: bool) -> Result<Import, ImportError> {
    if text.len() > LONGEST {
        return Err(ImportError::Large { path: path.into() });
    }
    let mut sheet = Sheet::new(routing, container);
    let body = text.trim_start_matches('\u{feff}');
    let format = if tree::is_json(body) {
        let root = tree::parse(path, body)?;
        json(&root, &mut sheet)
    } else {
        let entries = llm_yaml::entries(Path::new(path), body).map_err(ImportError::Yaml)?;
        seed::yaml(&entries, &mut sheet)
    };
    let format = format.ok_or_else(|| ImportError::Unknown { path: path.into() })?;
    if sheet.wishes.len() > MOST {
        return Err(ImportError::Large { path: path.into() });
    }
    let Sheet { wishes, left, notes, keys, .. } = sheet;
    Ok(Import { format, wishes, left, notes, keys })
}

/// Tells the file by what stands in it.
fn json(root: &Json, sheet: &mut Sheet<'_>) -> Option<Format> {
    let has = |pointer: &str| root.pointer(pointer).is_some_and(Json::is_object);
    if root.get("Providers").or_else(|| root.get("providers")).is_some_and(Json::is_array) || has("/Router") {
        router::read(root, sheet);
        return Some(Format::Router);
    }
    let listed = root.pointer("/agents/list").is_some_and(Json::is_array);
    if has("/agents/defaults") || has("/agents/profiles") || has("/models/providers") || listed {
        openclaw::read(root, sheet);
        return Some(Format::OpenClaw);
    }
    let seed = has("/providers") && (has("/routing") || has("/server"));
    let models = || root.get("providers").and_then(Json::as_object).into_iter().flatten();
    if seed || models().any(|(_, provider)| provider.get("models").is_some_and(Json::is_array)) {
        seed::config(root, sheet);
        return Some(Format::Seed);
    }
    None
}

#[cfg(test)]
mod tests;
