//! `.moai/llm-configs/glm.json`: the GLM environment as a template with `${NAME}` in it. Read, never rewritten.
//!
//! People paste real keys into it, so nothing here prints a value whose name sounds like a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::base::disk;
use crate::base::secret::Secret;

use super::error::ConfigError;
use super::layers::{Entry, Raw};

/// Where the template is, below the project.
pub const GLM_JSON: &str = ".moai/llm-configs/glm.json";

/// A template that was read.
#[derive(Clone)]
pub struct GlmTemplate {
    /// The file it came from.
    pub path: PathBuf,
    /// `env`: names and values as written, `${NAME}` not yet filled in.
    env: Vec<(String, String)>,
    /// `permissions`, as written. They go into a worktree only where the person asks for it.
    pub permissions: Option<Json>,
}

impl fmt::Debug for GlmTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("GlmTemplate").field("path", &self.path).field("env", &names).finish_non_exhaustive()
    }
}

/// Names of `env` in glm.json and the settings that they stand for.
const STANDS_FOR: [(&str, &str); 5] = [
    ("ANTHROPIC_BASE_URL", "llm.glm.base_url"),
    ("ANTHROPIC_DEFAULT_OPUS_MODEL", "llm.glm.models.opus"),
    ("ANTHROPIC_DEFAULT_SONNET_MODEL", "llm.glm.models.sonnet"),
    ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "llm.glm.models.haiku"),
    ("ANTHROPIC_DEFAULT_FABLE_MODEL", "llm.glm.models.fable"),
];

impl GlmTemplate {
    /// Reads the template; `None` where there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, ConfigError> {
        disk::read_text(path)?.map(|text| Self::parse(path, &text)).transpose()
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        // serde_json's syntax errors name what it expected, and never quote the text.
        let root: Json = serde_json::from_str(body).map_err(|error| {
            let problem = error.to_string();
            let end = problem.find(" at line ").unwrap_or(problem.len());
            let problem = problem.get(..end).unwrap_or_default().to_lowercase();
            ConfigError::Syntax { path: path.to_path_buf(), line: error.line(), column: error.column(), problem }
        })?;
        let shape = |problem: &str| ConfigError::Shape { path: path.to_path_buf(), problem: problem.into() };
        let Json::Object(root) = root else { return Err(shape("this is not a JSON object")) };
        let env = match root.get("env") {
            None => Vec::new(),
            Some(Json::Object(env)) => texts(env).map_err(|name| shape(&format!("`env.{name}` is not a text")))?,
            Some(_) => return Err(shape("`env` is not an object")),
        };
        Ok(Self { path: path.to_path_buf(), env, permissions: root.get("permissions").cloned() })
    }

    /// The names of `env`, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.env.iter().map(|(name, _)| name.as_str())
    }

    /// Whether `name` has the empty text, or is not there.
    pub fn is_empty(&self, name: &str) -> bool {
        self.env.iter().find(|(known, _)| known == name).is_none_or(|(_, value)| value.is_empty())
    }

    /// Whether the value of `name` is written out in the file instead of taken from a variable.
    pub fn is_literal(&self, name: &str) -> bool {
        self.env.iter().any(|(known, value)| known == name && !parts(value).iter().any(Part::is_variable))
    }

    /// `env` with every `${NAME}` filled in by `find`; a name that it does not know is an error that names it.
    pub fn expand(&self, mut find: impl FnMut(&str) -> Option<Secret>) -> Result<Vec<(String, Secret)>, ConfigError> {
        self.env
            .iter()
            .map(|(key, value)| {
                let mut filled = Vec::new();
                for part in parts(value) {
                    filled.push(match part {
                        Part::Text(text) => Secret::new(text),
                        Part::Variable(name) => find(name).ok_or_else(|| ConfigError::MissingVariable {
                            path: self.path.clone(),
                            key: key.clone(),
                            name: name.to_owned(),
                        })?,
                    });
                }
                Ok((key.clone(), Secret::join(&filled)))
            })
            .collect()
    }

    /// What the template says of settings that llm.yaml has, too; only values that are written out.
    pub(super) fn entries(&self) -> Vec<Entry> {
        STANDS_FOR
            .iter()
            .filter(|(name, _)| self.is_literal(name))
            .filter_map(|(name, path)| {
                let (_, value) = self.env.iter().find(|(known, _)| known == name)?;
                Some(Entry { path: (*path).into(), raw: Raw::Scalar(value.clone()), at: None })
            })
            .collect()
    }
}

/// The texts of an object; numbers and switches count as their text, as Claude Code counts them.
fn texts(object: &Map<String, Json>) -> Result<Vec<(String, String)>, String> {
    object
        .iter()
        .map(|(name, value)| match value {
            _ if name.is_empty() || name.contains(['=', '\0']) => Err(name.escape_default().to_string()),
            Json::String(text) => Ok((name.clone(), text.clone())),
            Json::Number(_) | Json::Bool(_) => Ok((name.clone(), value.to_string())),
            _ => Err(name.clone()),
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl Part<'_> {
    fn is_variable(&self) -> bool {
        matches!(self, Self::Variable(_))
    }
}

/// A value cut at its `${NAME}`s. A name is letters, digits and `_` (moai-adk's `\w+`); anything else is text.
fn parts(value: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = value;
    let mut text_from = value;
    while let Some(at) = rest.find("${") {
        let (_, after) = rest.split_at(at + 2);
        let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let tail = after.get(name.len()..).unwrap_or_default();
        if let Some(next) = tail.strip_prefix('}').filter(|_| !name.is_empty()) {
            let text = text_from.get(..text_from.len() - rest.len() + at).unwrap_or_default();
            if !text.is_empty() {
                parts.push(Part::Text(text));
            }
            parts.push(Part::Variable(name));
            text_from = next;
            rest = next;
        } else {
            rest = after;
        }
    }
    if !text_from.is_empty() {
        parts.push(Part::Text(text_from));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = r#"{
  "env": {
    "ANTHROPIC_AUTH_TOKEN": "${GLM_API_KEY}",
    "ANTHROPIC_BASE_URL": "https://api.z.ai/api/anthropic",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL": "glm-4.7",
    "ANTHROPIC_DEFAULT_SONNET_MODEL": "glm-4.7",
    "ANTHROPIC_DEFAULT_OPUS_MODEL": "glm-5.2"
  }
}"#;

    fn template(text: &str) -> Result<GlmTemplate, ConfigError> {
        GlmTemplate::parse(Path::new("/p/glm.json"), text)
    }

    #[test]
    fn variables_are_filled_in_and_a_missing_one_is_named() {
        let seed = template(SEED).unwrap();
        let filled = seed.expand(|name| (name == "GLM_API_KEY").then(|| Secret::new("sesame"))).unwrap();
        assert_eq!(filled[0], ("ANTHROPIC_AUTH_TOKEN".into(), Secret::new("sesame")));
        assert_eq!(filled.len(), 5);
        let error = seed.expand(|_| None).unwrap_err();
        assert_eq!(error.to_string(), "/p/glm.json: `ANTHROPIC_AUTH_TOKEN` needs ${GLM_API_KEY}, which is not set");
    }

    #[test]
    fn values_are_cut_at_their_variables() {
        use Part::{Text, Variable};
        assert_eq!(parts("a${B}c${D_1}"), [Text("a"), Variable("B"), Text("c"), Variable("D_1")]);
        assert_eq!(parts("$B ${} ${a-b} ${A"), [Text("$B ${} ${a-b} ${A")]);
        assert_eq!(parts("${${A}}"), [Text("${"), Variable("A"), Text("}")]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn written_out_models_stand_for_settings() {
        let entries = template(SEED).unwrap().entries();
        assert_eq!(entries.len(), 4);
        assert!(entries.iter().any(|e| e.path == "llm.glm.models.opus" && e.raw == Raw::Scalar("glm-5.2".into())));
    }

    #[test]
    fn errors_name_the_place_and_quote_nothing() {
        let error = template("{\n  \"env\": { \"ANTHROPIC_AUTH_TOKEN\": \"sesame-open-now\" x\n}").unwrap_err();
        assert!(error.to_string().starts_with("/p/glm.json:2:"), "{error}");
        assert!(!error.to_string().contains("sesame"), "{error}");
        assert!(template("[]").unwrap_err().to_string().contains("not a JSON object"));
        assert!(template(r#"{"env":{"A":["x"]}}"#).unwrap_err().to_string().contains("`env.A`"));
        let shown = format!("{:?}", template(r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"sesame"}}"#).unwrap());
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
