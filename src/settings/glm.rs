//! The environment that today's Claude Code needs to run on GLM, each variable with its reason, and the names that
//! moai and its predecessors have ever written for GLM. `docs/settings.md` is held in step with this file by a test.

use crate::base::secret::Secret;
use crate::catalog;

use super::document::{Spot, quote};

/// Where GLM listens and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlmSpec {
    /// The Anthropic-format endpoint, without `/v1/messages`.
    pub base_url: String,
    /// The model for Claude Code's small tasks.
    pub haiku: String,
    /// The model for everyday work.
    pub sonnet: String,
    /// The model for hard work.
    pub opus: String,
    /// The model of the tier above opus; the opus model where `None`.
    pub fable: Option<String>,
    /// Further variables that the project's glm.json wants, which win over ours.
    pub extra: Vec<(String, Value)>,
}

/// How Claude Code gets the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The key itself stands in the file, as the seeds and moai-adk have it.
    Embed(Secret),
    /// No key on the disk: Claude Code runs this command for it.
    Helper(String),
}

/// A value of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Anybody may see it.
    Plain(String),
    /// The key, or another secret.
    Key(Secret),
}

impl Value {
    /// A value from the project's glm.json. Only what is written out there under a harmless name may be seen; what a
    /// variable of the shell or the key went into may not.
    pub fn of_template(name: &str, value: Secret, literal: bool) -> Self {
        let routing = name == "ANTHROPIC_BASE_URL" || name.starts_with("ANTHROPIC_DEFAULT_");
        if routing || (literal && !sounds_secret(name)) {
            Self::Plain(value.expose().to_owned())
        } else {
            Self::Key(value)
        }
    }
}

/// A variable to be set, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Why it is set, in one sentence; for people.
    pub why: &'static str,
}

/// What switching to GLM sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlmEnv {
    /// The variables of `env`, in the order in which they are written.
    pub variables: Vec<Variable>,
    /// `apiKeyHelper`, in the form without a key on the disk.
    pub helper: Option<String>,
    /// Entries of `permissions` to add, as JSON text: only where the person asked for them.
    pub permissions: Vec<(String, String)>,
}

/// Every variable that moai sets for GLM, with its reason: the reference in `docs/settings.md`.
pub const REASONS: &[(&str, &str)] = &[
    ("ANTHROPIC_BASE_URL", "where Claude Code sends its requests: the vendor's Anthropic-format endpoint"),
    (
        "ANTHROPIC_AUTH_TOKEN",
        "the GLM key, sent as `Authorization: Bearer`; empty in the `--helper` form, so that a token in the shell does not reach the vendor",
    ),
    (
        "ANTHROPIC_API_KEY",
        "empty on purpose: an Anthropic key in the shell would otherwise be sent to the vendor in `x-api-key`",
    ),
    ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "the model behind `haiku`: titles, summaries and other small tasks"),
    ("ANTHROPIC_DEFAULT_SONNET_MODEL", "the model behind `sonnet`"),
    ("ANTHROPIC_DEFAULT_OPUS_MODEL", "the model behind `opus`"),
    (
        "ANTHROPIC_DEFAULT_FABLE_MODEL",
        "the model behind `fable`, the newest tier; without it the vendor is asked for an Anthropic model",
    ),
    (
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
        "the model's real context window: Claude Code assumes 1M for a model it does not know and would compact too late",
    ),
    (
        "CLAUDE_CODE_DISABLE_1M_CONTEXT",
        "no 1M variant of the model is asked for; left out where the model has that window",
    ),
    (
        "CLAUDE_CODE_ATTRIBUTION_HEADER",
        "no per-request billing line in the system prompt: it changes every time and defeats the vendor's prompt cache",
    ),
    (
        "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
        "only the betas that other vendors understand; unknown ones are answered with 400",
    ),
    (
        "API_TIMEOUT_MS",
        "50 minutes instead of 10: long thinking on a busy endpoint is not an error (Z.AI's own advice)",
    ),
];

/// Why a variable that another file or the shell sets is set to nothing here.
pub(super) const MASK: &str =
    "empty on purpose: set elsewhere (shell, user or project settings), where it is meant for another vendor";

/// What moai-adk in all its versions and moai itself have set for GLM. Leaving GLM takes these away, where the ledger or
/// a GLM host in `ANTHROPIC_BASE_URL` says that they are GLM's.
pub(super) const GLM_NAMES: &[&str] = &[
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
    "API_TIMEOUT_MS",
    "CLAUDE_CODE_AUTO_COMPACT_WINDOW",
    "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
    "Z_AI_API_KEY",
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS",
    "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
    super::gateway::GATEWAY_VAR,
];

/// Ours beside [`GLM_NAMES`]: taken away without a ledger only where they hold exactly what we write.
pub(super) const OUR_VALUES: &[(&str, &str)] =
    &[("ANTHROPIC_API_KEY", ""), ("CLAUDE_CODE_DISABLE_1M_CONTEXT", "1"), ("CLAUDE_CODE_ATTRIBUTION_HEADER", "0")];

/// Variables that would carry the user's requests, secrets or models past the switch: set aside while on GLM and put
/// back on leaving.
pub(super) const SET_ASIDE: &[&str] =
    &["ANTHROPIC_CUSTOM_HEADERS", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"];

/// Model choices: set aside unless they name a GLM model.
pub(super) const MODEL_NAMES: &[&str] =
    &["ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL"];

/// The Go versions kept the user's own token under this name.
pub(super) const BACKUP_TOKEN: &str = "MOAI_BACKUP_AUTH_TOKEN";

/// Whether the model id is one of GLM's.
pub fn is_glm_model(id: &str) -> bool {
    id.rsplit('/').next().unwrap_or(id).to_ascii_lowercase().starts_with("glm")
}

/// The host of a URL, without user, port or path; `None` where there is none.
pub fn host(url: &str) -> Option<String> {
    let rest = url.trim().split_once("://")?.1;
    // A backslash ends the host for whoever connects.
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// A URL without what may be secret in it: user names, passwords and the query.
pub fn public_url(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or(authority))
        }
        None => bare.to_owned(),
    }
}

/// Whether a base URL is GLM's.
pub fn is_glm_url(url: &str) -> bool {
    host(url).is_some_and(|host| catalog::is_glm_host(&host))
}

/// What Claude Code needs to run on GLM.
pub fn glm_env(spec: &GlmSpec, form: Form) -> GlmEnv {
    let plain = |value: &str| Value::Plain(value.to_owned());
    let (token, helper) = match form {
        Form::Embed(key) => (Value::Key(key), None),
        Form::Helper(command) => (plain(""), Some(command)),
    };
    let fable = spec.fable.as_ref().unwrap_or(&spec.opus);
    let mut values = vec![
        ("ANTHROPIC_AUTH_TOKEN", token),
        ("ANTHROPIC_BASE_URL", plain(&spec.base_url)),
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", plain(&spec.haiku)),
        ("ANTHROPIC_DEFAULT_SONNET_MODEL", plain(&spec.sonnet)),
        ("ANTHROPIC_DEFAULT_OPUS_MODEL", plain(&spec.opus)),
        ("ANTHROPIC_DEFAULT_FABLE_MODEL", plain(fable)),
        ("ANTHROPIC_API_KEY", plain("")),
        ("CLAUDE_CODE_ATTRIBUTION_HEADER", plain("0")),
        ("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", plain("1")),
        ("API_TIMEOUT_MS", plain("3000000")),
    ];
    let window = [&spec.haiku, &spec.sonnet, &spec.opus, fable].into_iter().filter_map(|id| catalog::window(id)).min();
    if let Some(tokens) = window {
        values.push(("CLAUDE_CODE_MAX_CONTEXT_TOKENS", plain(&tokens.to_string())));
    }
    if window.is_none_or(|tokens| tokens < 1_000_000) {
        values.push(("CLAUDE_CODE_DISABLE_1M_CONTEXT", plain("1")));
    }
    let mut variables: Vec<Variable> =
        values.into_iter().map(|(name, value)| Variable { name: name.into(), value, why: why(name) }).collect();
    // The key is decided above: an extra never replaces it.
    let extra = spec.extra.iter().filter(|(name, _)| name != "ANTHROPIC_AUTH_TOKEN");
    for (name, value) in extra {
        match variables.iter_mut().find(|variable| variable.name == *name) {
            Some(variable) => variable.value = value.clone(),
            None => variables.push(Variable {
                name: name.clone(),
                value: value.clone(),
                why: "the project's glm.json asks for it",
            }),
        }
    }
    GlmEnv { variables, helper, permissions: Vec::new() }
}

/// Whether a variable of this name may hold a secret.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "KEY", "SECRET", "PASSWORD", "HEADERS", "CREDENTIAL"].iter().any(|word| name.contains(word))
        && !name.ends_with("_TOKENS")
}

/// The reason for setting `name`.
fn why(name: &str) -> &'static str {
    REASONS.iter().find(|(known, _)| *known == name).map_or("", |(_, why)| why)
}

impl GlmEnv {
    /// The whole as a settings file of its own, for `claude --settings FILE`.
    pub fn to_settings_text(&self) -> String {
        let patch = self.wanted().into_iter().map(|(spot, raw)| (spot, Some(raw))).collect();
        super::document::edit("{}\n", &patch).unwrap_or_default()
    }

    /// The variables as a child process gets them.
    pub fn to_process(&self) -> Vec<(String, Secret)> {
        let text = |value: &Value| match value {
            Value::Plain(text) => Secret::new(text.clone()),
            Value::Key(key) => key.clone(),
        };
        self.variables.iter().map(|variable| (variable.name.clone(), text(&variable.value))).collect()
    }

    /// The plain value of a variable.
    pub fn plain(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable.name == name).and_then(|variable| match &variable.value {
            Value::Plain(text) => Some(text.as_str()),
            Value::Key(_) => None,
        })
    }

    /// The text of a variable, secret or not, for comparing.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| match &variable.value {
            Value::Plain(text) => text.clone(),
            Value::Key(key) => key.expose().to_owned(),
        })
    }

    /// The key, where it is embedded.
    pub fn key(&self) -> Option<&Secret> {
        self.variables.iter().filter(|variable| variable.name == "ANTHROPIC_AUTH_TOKEN").find_map(|variable| {
            match &variable.value {
                Value::Key(key) => Some(key),
                Value::Plain(_) => None,
            }
        })
    }

    /// The variable that `key` went into, where there is one.
    pub fn holder(&self, key: &Secret) -> Option<&str> {
        let holds = |value: &Value| matches!(value, Value::Key(text) if text.expose().contains(key.expose()));
        self.variables.iter().find(|variable| holds(&variable.value)).map(|variable| variable.name.as_str())
    }

    /// Every place with the JSON text that belongs there, in the order of writing.
    pub(super) fn wanted(&self) -> Vec<(Spot, String)> {
        let helper = self.helper.iter().map(|command| (Spot::top("apiKeyHelper"), quote(command)));
        let variables = self.variables.iter().map(|variable| {
            let raw = match &variable.value {
                Value::Plain(text) => quote(text),
                Value::Key(key) => quote(key.expose()),
            };
            (Spot::env(&variable.name), raw)
        });
        let permissions = self
            .permissions
            .iter()
            .map(|(name, raw)| (Spot { top: "permissions".into(), inner: Some(name.clone()) }, raw.clone()));
        helper.chain(variables).chain(permissions).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::settings) fn spec() -> GlmSpec {
        GlmSpec {
            base_url: "https://api.z.ai/api/anthropic".into(),
            haiku: "glm-4.7".into(),
            sonnet: "glm-4.7".into(),
            opus: "glm-4.7".into(),
            fable: None,
            extra: Vec::new(),
        }
    }

    fn embed(spec: &GlmSpec) -> GlmEnv {
        glm_env(spec, Form::Embed(Secret::new("key-0123456789")))
    }

    #[test]
    fn every_variable_has_its_reason() {
        for variable in embed(&spec()).variables {
            assert!(!variable.why.is_empty(), "{}", variable.name);
        }
    }

    #[test]
    fn the_smallest_window_of_the_models_counts() {
        let mixed = GlmSpec { haiku: "glm-4.5-air".into(), opus: "glm-5.3".into(), ..spec() };
        assert_eq!(embed(&mixed).plain("CLAUDE_CODE_MAX_CONTEXT_TOKENS"), Some("128000"));
        assert_eq!(embed(&spec()).plain("CLAUDE_CODE_MAX_CONTEXT_TOKENS"), Some("200000"));
        let big = GlmSpec { haiku: "glm-5.3".into(), sonnet: "glm-5.3".into(), opus: "glm-5.3".into(), ..spec() };
        assert_eq!(embed(&big).plain("CLAUDE_CODE_MAX_CONTEXT_TOKENS"), Some("1000000"));
        assert_eq!(embed(&big).plain("CLAUDE_CODE_DISABLE_1M_CONTEXT"), None);
        let unknown = GlmSpec { haiku: "x".into(), sonnet: "x".into(), opus: "x".into(), ..spec() };
        assert_eq!(embed(&unknown).plain("CLAUDE_CODE_MAX_CONTEXT_TOKENS"), None);
        assert_eq!(embed(&unknown).plain("CLAUDE_CODE_DISABLE_1M_CONTEXT"), Some("1"));
    }

    #[test]
    fn the_helper_form_holds_no_key_and_shuts_the_shell_out() {
        let env = glm_env(&spec(), Form::Helper("moai key glm --print".into()));
        assert!(env.key().is_none());
        assert_eq!(env.plain("ANTHROPIC_AUTH_TOKEN"), Some(""));
        assert_eq!(env.plain("ANTHROPIC_API_KEY"), Some(""));
        assert!(env.to_settings_text().contains("\"apiKeyHelper\": \"moai key glm --print\""));
    }

    #[test]
    fn extras_win_but_never_over_the_key() {
        let extra = vec![
            ("API_TIMEOUT_MS".to_owned(), Value::Plain("1".into())),
            ("MINE".into(), Value::Plain("2".into())),
            ("ANTHROPIC_AUTH_TOKEN".into(), Value::Key(Secret::new("evil"))),
        ];
        let env = embed(&GlmSpec { extra, ..spec() });
        assert_eq!(env.plain("API_TIMEOUT_MS"), Some("1"));
        assert_eq!(env.plain("MINE"), Some("2"));
        assert_eq!(env.key(), Some(&Secret::new("key-0123456789")));
    }

    #[test]
    fn what_went_into_a_template_is_secret_unless_it_routes() {
        let of = |name, literal| matches!(Value::of_template(name, Secret::new("x"), literal), Value::Plain(_));
        assert!(of("MINE", true) && of("ANTHROPIC_BASE_URL", false) && of("ANTHROPIC_DEFAULT_OPUS_MODEL", false));
        assert!(!of("MINE", false) && !of("MY_TOKEN", true));
    }

    #[test]
    fn urls_without_their_secrets() {
        assert_eq!(public_url("https://api.z.ai/api/anthropic"), "https://api.z.ai/api/anthropic");
        assert_eq!(public_url("https://me:s3cret@gw.example:8443/v1?key=s3cret#x"), "https://gw.example:8443/v1");
        assert_eq!(public_url("https://me:s3cret@gw.example"), "https://gw.example");
    }

    #[test]
    fn hosts_of_urls() {
        assert_eq!(host("https://user@API.z.ai:443/api"), Some("api.z.ai".into()));
        assert_eq!(host("http://[::1]:9/x"), Some("::1".into()));
        assert_eq!(host("nonsense"), None);
        assert!(is_glm_url("https://open.bigmodel.cn/api/anthropic"));
        assert!(!is_glm_url("https://z.ai.example.com/"));
    }
}
