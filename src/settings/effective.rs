//! What Claude Code will really do in a checkout: its settings merged in its own order, the endpoint, and the two
//! headers that carry credentials.
//!
//! The order of Claude Code 2.1.329, seen with the client itself on 2026-11-20 and held by `tests/it/client.rs`: the
//! process environment, the user's settings, the project's, the checkout's local file, and above that the *main*
//! checkout's local file, variable by variable, in every linked worktree. `ANTHROPIC_AUTH_TOKEN` goes out as
//! `Authorization`, `ANTHROPIC_API_KEY` as `x-api-key`, and `apiKeyHelper` fills whichever of them is empty.

use std::path::{Path, PathBuf};

use super::document::{Document, Spot};
use super::glm::{GlmEnv, MODEL_NAMES, host, is_glm_model, is_glm_url};
use super::local::SETTINGS_LOCAL;
use crate::base::disk::{self, DiskError};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::model::Backend;

/// Where a value comes from, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The environment of the process.
    Process,
    /// `~/.claude/settings.json`.
    User,
    /// The checkout's `.claude/settings.json`, which is committed.
    Project,
    /// The checkout's `.claude/settings.local.json`.
    Local,
    /// The main checkout's `.claude/settings.local.json`, in a linked worktree.
    Main,
    /// The organisation's managed settings.
    Managed,
}

impl Layer {
    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::User => "user",
            Self::Project => "project",
            Self::Local => "local",
            Self::Main => "main",
            Self::Managed => "managed",
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valued<T> {
    /// The value.
    pub value: T,
    /// Its layer.
    pub layer: Layer,
}

/// What fills a credential header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// This token or key.
    Literal(Secret),
    /// The output of this command.
    Helper(String),
}

/// The settings that count in one checkout.
#[derive(Debug, Clone)]
pub struct Layers {
    process: Vec<(String, String)>,
    files: Vec<(Layer, PathBuf, Document)>,
    /// Files that Claude Code does not load, and why: nothing in them is in effect.
    pub broken: Vec<(PathBuf, String)>,
}

/// What Claude Code does with them.
#[derive(Debug, Clone)]
pub struct Effective {
    /// Who answers.
    pub backend: Backend,
    /// `ANTHROPIC_BASE_URL`; `None`: Anthropic's own.
    pub base_url: Option<Valued<String>>,
    /// What goes out as `Authorization: Bearer`; without it and `api_key` the client uses its own login.
    pub bearer: Option<Valued<Credential>>,
    /// What goes out as `x-api-key`.
    pub api_key: Option<Valued<Credential>>,
    /// The model behind `opus`, where one is set.
    pub opus: Option<Valued<String>>,
    /// The places by which the main checkout overrides this worktree's own file with another value.
    pub overridden: Vec<Spot>,
    /// Credentials that go to another vendor than they were set for, one sentence each.
    pub mixed: Vec<String>,
}

/// A setting of the main checkout that would get into a worktree on GLM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The place in main's file.
    pub spot: Spot,
    /// What would happen, in a few words.
    pub what: &'static str,
}

/// Why a file cannot be read, without its path.
fn unreadable(error: &DiskError) -> String {
    match error {
        DiskError::Io { source, .. } => format!("it cannot be read: {source}"),
        DiskError::NotText { offset, .. } => format!("it is not UTF-8 text (byte {offset})"),
        DiskError::Locked { .. } | DiskError::Interrupted(_) => error.to_string(),
    }
}

impl Layers {
    /// Reads the files that count in `checkout`. `main` is the main checkout, where `checkout` is a linked worktree. A
    /// file that cannot be read is [`broken`](Self::broken), as it is for Claude Code.
    pub fn load(world: &World, checkout: &Path, main: Option<&Path>) -> Self {
        let mut layers = Self { process: process(world), files: Vec::new(), broken: Vec::new() };
        if let Some(directory) = config_dir(world) {
            layers.read(Layer::User, directory.join("settings.json"));
        }
        layers.read(Layer::Project, checkout.join(".claude/settings.json"));
        layers.read(Layer::Local, checkout.join(SETTINGS_LOCAL));
        if let Some(main) = main.filter(|main| *main != checkout) {
            layers.read(Layer::Main, main.join(SETTINGS_LOCAL));
        }
        layers.read(Layer::Managed, PathBuf::from(MANAGED));
        layers
    }

    fn read(&mut self, layer: Layer, path: PathBuf) {
        let text = match disk::read_text(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(error) => return self.broken.push((path, unreadable(&error))),
        };
        match Document::parse(&text).and_then(|document| document.require_plain().map(|()| document)) {
            Ok(document) => self.files.push((layer, path, document)),
            Err(fault) => self.broken.push((path, fault.to_string())),
        }
    }

    /// The files that count, the weakest first.
    pub fn files(&self) -> impl Iterator<Item = (Layer, &Path)> {
        self.files.iter().map(|(layer, path, _)| (*layer, path.as_path()))
    }

    /// The settings of one layer.
    pub fn document(&self, layer: Layer) -> Option<&Document> {
        self.files.iter().find(|(found, ..)| *found == layer).map(|(_, _, document)| document)
    }

    /// A variable as it comes out of the merge, even empty.
    pub fn variable(&self, name: &str) -> Option<Valued<String>> {
        self.variable_seen(name, |_| true)
    }

    pub(super) fn variable_seen(&self, name: &str, sees: impl Fn(Layer) -> bool) -> Option<Valued<String>> {
        let mut files = self.files.iter().rev().filter(|(layer, ..)| sees(*layer));
        let set = files.find_map(|(layer, _, document)| Some((document.variable(name)?, *layer)));
        let process =
            || self.process.iter().find(|(known, _)| known == name).map(|(_, value)| (value.clone(), Layer::Process));
        set.or_else(process).map(|(value, layer)| Valued { value, layer })
    }

    fn helper(&self) -> Option<Valued<String>> {
        let spot = Spot::top("apiKeyHelper");
        let set = |(layer, _, document): &(Layer, PathBuf, Document)| {
            Some(Valued { value: document.string(&spot)?, layer: *layer })
        };
        self.files.iter().rev().find_map(set).filter(|helper| !helper.value.trim().is_empty())
    }

    /// What Claude Code does with these settings. `glm_url` is the configured GLM endpoint: it counts as GLM even where
    /// its host is nobody's that we know (a company's proxy, a test).
    pub fn effective(&self, glm_url: Option<&str>) -> Effective {
        let filled = |name: &str| self.variable(name).filter(|found| !found.value.is_empty());
        let base_url = filled("ANTHROPIC_BASE_URL");
        let elsewhere = ["BEDROCK", "VERTEX", "FOUNDRY"].iter().any(|cloud| {
            filled(&format!("CLAUDE_CODE_USE_{cloud}")).is_some_and(|on| !matches!(on.value.as_str(), "0" | "false"))
        });
        let backend =
            if elsewhere { Backend::Other } else { backend(base_url.as_ref().map(|url| url.value.as_str()), glm_url) };
        let helper =
            self.helper().map(|helper| Valued { value: Credential::Helper(helper.value), layer: helper.layer });
        let literal = |name: &str| {
            let found = filled(name)?;
            Some(Valued { value: Credential::Literal(Secret::new(found.value)), layer: found.layer })
        };
        let mut effective = Effective {
            backend,
            base_url,
            bearer: literal("ANTHROPIC_AUTH_TOKEN").or_else(|| helper.clone()),
            api_key: literal("ANTHROPIC_API_KEY").or(helper),
            opus: filled("ANTHROPIC_DEFAULT_OPUS_MODEL"),
            overridden: self.overridden(),
            mixed: Vec::new(),
        };
        effective.mixed = self.mixed(&effective, glm_url);
        effective
    }

    fn overridden(&self) -> Vec<Spot> {
        let (Some(main), Some(local)) = (self.document(Layer::Main), self.document(Layer::Local)) else {
            return Vec::new();
        };
        let variables = main.variables();
        let names = variables.iter().map(|name| Spot::env(name)).chain([Spot::top("apiKeyHelper"), Spot::top("model")]);
        names
            .filter(|spot| local.raw(spot).is_some_and(|own| main.raw(spot).is_some_and(|mains| mains != own)))
            .collect()
    }

    /// A credential belongs to the endpoint that its own layer and the weaker ones name; main's and the worktree's
    /// local files do not know of each other.
    fn mixed(&self, effective: &Effective, glm_url: Option<&str>) -> Vec<String> {
        let reached = effective.base_url.as_ref().map(|url| url.value.as_str());
        let mut mixed = Vec::new();
        let headers = [("Authorization", &effective.bearer), ("x-api-key", &effective.api_key)];
        for (header, credential) in headers.into_iter().filter_map(|(header, found)| Some((header, found.as_ref()?))) {
            let home = credential.layer;
            let meant = self.variable_seen("ANTHROPIC_BASE_URL", |layer| {
                layer <= home && !(home == Layer::Main && layer == Layer::Local)
            });
            let meant = meant.filter(|url| !url.value.is_empty());
            let meant = meant.as_ref().map(|url| url.value.as_str());
            let same = backend(meant, glm_url) == backend(reached, glm_url)
                && (!matches!(backend(reached, glm_url), Backend::Other | Backend::Gateway)
                    || meant.and_then(host) == reached.and_then(host));
            if !same {
                mixed.push(format!(
                    "the credential from the {} settings is sent to {} in {header}",
                    credential.layer.as_str(),
                    reached.and_then(host).unwrap_or_else(|| "Anthropic".into()),
                ));
            }
        }
        mixed
    }
}

/// What the main checkout's local settings would do to a worktree that is about to go on GLM. Empty: nothing harmful,
/// which is also so where main is on the same GLM with the same key.
pub fn clashes(main: &Document, glm: &GlmEnv) -> Vec<Clash> {
    let mut clashes = Vec::new();
    let mut clash = |spot: Spot, what| clashes.push(Clash { spot, what });
    let main_url = main.variable("ANTHROPIC_BASE_URL");
    let main_on_glm =
        main_url.as_deref().is_some_and(|url| is_glm_url(url) || Some(url) == glm.plain("ANTHROPIC_BASE_URL"));
    if main_url.is_some() && !main_on_glm {
        clash(Spot::env("ANTHROPIC_BASE_URL"), "the worktree's key would be sent to main's endpoint");
    }
    let token = main.variable("ANTHROPIC_AUTH_TOKEN").filter(|token| !token.is_empty());
    if token.is_some_and(|token| glm.key() != Some(&Secret::new(token))) {
        clash(Spot::env("ANTHROPIC_AUTH_TOKEN"), "main's token would be sent to the worktree's endpoint");
    }
    if main.variable("ANTHROPIC_API_KEY").is_some_and(|key| !key.is_empty()) {
        clash(Spot::env("ANTHROPIC_API_KEY"), "main's key would be sent to the worktree's endpoint");
    }
    let helper = Spot::top("apiKeyHelper");
    if main.string(&helper).is_some_and(|command| Some(&command) != glm.helper.as_ref()) {
        clash(helper, "main's helper would supply the worktree's key");
    }
    let ours = |value: &String| glm.value("ANTHROPIC_CUSTOM_HEADERS").as_ref() == Some(value);
    if main.variable("ANTHROPIC_CUSTOM_HEADERS").is_some_and(|value| !value.trim().is_empty() && !ours(&value)) {
        clash(Spot::env("ANTHROPIC_CUSTOM_HEADERS"), "main's headers would be sent to the worktree's endpoint");
    }
    let tiers = ["HAIKU", "SONNET", "OPUS", "FABLE"].map(|tier| format!("ANTHROPIC_DEFAULT_{tier}_MODEL"));
    for name in tiers.iter().map(String::as_str).chain(MODEL_NAMES.iter().copied()) {
        let ours = glm.plain(name);
        if main.variable(name).is_some_and(|model| !is_glm_model(&model) && Some(model.as_str()) != ours) {
            clash(Spot::env(name), "main's model would be asked of the worktree's endpoint");
        }
    }
    if main.string(&Spot::top("model")).is_some_and(|model| model.starts_with("claude-")) {
        clash(Spot::top("model"), "main's model would be asked of the worktree's endpoint");
    }
    for name in ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"] {
        if main.variable(name).is_some_and(|on| !matches!(on.as_str(), "" | "0" | "false")) {
            clash(Spot::env(name), "main's cloud would answer instead of GLM");
        }
    }
    clashes
}

/// Whose endpoint a base URL is.
pub fn backend(url: Option<&str>, glm_url: Option<&str>) -> Backend {
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Backend::Claude };
    let same = |other: &str| url.trim_end_matches('/') == other.trim_end_matches('/');
    if is_glm_url(url) || glm_url.is_some_and(same) {
        return Backend::Glm;
    }
    match host(url) {
        Some(host) if host == "anthropic.com" || host.ends_with(".anthropic.com") => Backend::Claude,
        Some(host) if host == "localhost" || host == "::1" || host.starts_with("127.") => Backend::Gateway,
        _ => Backend::Other,
    }
}

/// Where Claude Code keeps the user's settings: `$CLAUDE_CONFIG_DIR`, else `~/.claude`.
pub fn config_dir(world: &World) -> Option<PathBuf> {
    let set = world.env.text("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    set.or_else(|| world.home().ok().map(|home| home.join(".claude")))
}

/// The organisation's settings (code.claude.com/docs/en/settings, 2026-11).
const MANAGED: &str = if cfg!(target_os = "macos") {
    "/Library/Application Support/ClaudeCode/managed-settings.json"
} else {
    "/etc/claude-code/managed-settings.json"
};

fn process(world: &World) -> Vec<(String, String)> {
    let text = |value: &std::ffi::OsStr| value.to_str().map(str::to_owned);
    world
        .env
        .iter()
        .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
        .filter(|(name, _)| name.starts_with("ANTHROPIC_") || name.starts_with("CLAUDE_CODE_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::glm::{Form, GlmSpec, Value, glm_env};

    const GLM: &str = "https://api.z.ai/api/anthropic";

    fn layers(files: &[(Layer, &str)], process: &[(&str, &str)]) -> Layers {
        Layers {
            process: process.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            files: files.iter().map(|(layer, text)| (*layer, PathBuf::new(), Document::parse(text).unwrap())).collect(),
            broken: Vec::new(),
        }
    }

    fn env(pairs: &[(&str, &str)]) -> String {
        let map: serde_json::Map<String, serde_json::Value> =
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        serde_json::json!({ "env": map }).to_string()
    }

    fn bearer(effective: &Effective) -> Option<(Layer, &Credential)> {
        effective.bearer.as_ref().map(|found| (found.layer, &found.value))
    }

    #[test]
    fn main_overrides_the_worktree_variable_by_variable() {
        let main = env(&[("ANTHROPIC_AUTH_TOKEN", "main-token")]);
        let own = env(&[("ANTHROPIC_AUTH_TOKEN", "glm-token"), ("ANTHROPIC_BASE_URL", GLM)]);
        let effective = layers(&[(Layer::Local, &own), (Layer::Main, &main)], &[]).effective(None);
        assert_eq!(effective.backend, Backend::Glm);
        assert_eq!(bearer(&effective), Some((Layer::Main, &Credential::Literal(Secret::new("main-token")))));
        assert_eq!(effective.overridden, [Spot::env("ANTHROPIC_AUTH_TOKEN")]);
        assert_eq!(effective.mixed.len(), 1, "{:?}", effective.mixed);
    }

    #[test]
    fn a_key_in_the_shell_leaks_unless_it_is_emptied() {
        let glm = env(&[("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_BASE_URL", GLM)]);
        let shell = [("ANTHROPIC_API_KEY", "sk-ant")];
        let effective = layers(&[(Layer::Local, &glm)], &shell).effective(None);
        assert_eq!(effective.mixed.len(), 1);
        let shut = env(&[("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_BASE_URL", GLM), ("ANTHROPIC_API_KEY", "")]);
        let effective = layers(&[(Layer::Local, &shut)], &shell).effective(None);
        assert!(effective.api_key.is_none() && effective.mixed.is_empty());
    }

    #[test]
    fn a_helper_fills_what_is_empty() {
        let text = format!("{{\"apiKeyHelper\": \"h\", \"env\": {{\"ANTHROPIC_BASE_URL\": \"{GLM}\"}}}}");
        let effective = layers(&[(Layer::Local, &text)], &[("ANTHROPIC_API_KEY", "k")]).effective(None);
        assert_eq!(bearer(&effective), Some((Layer::Local, &Credential::Helper("h".into()))));
        assert_eq!(effective.api_key.unwrap().layer, Layer::Process);
        assert_eq!(effective.mixed.len(), 1);
    }

    #[test]
    fn backends_by_url() {
        assert_eq!(backend(None, None), Backend::Claude);
        assert_eq!(backend(Some("https://api.anthropic.com"), None), Backend::Claude);
        assert_eq!(backend(Some(GLM), None), Backend::Glm);
        assert_eq!(backend(Some("http://127.0.0.1:8080/x/"), Some("http://127.0.0.1:8080/x")), Backend::Glm);
        assert_eq!(backend(Some("http://127.0.0.1:8080"), None), Backend::Gateway);
        assert_eq!(backend(Some("https://llm.example"), None), Backend::Other);
    }

    #[test]
    fn clashes_are_what_mixes_vendors_or_keys() {
        let spec = GlmSpec {
            base_url: GLM.into(),
            haiku: "glm-4.7".into(),
            sonnet: "glm-4.7".into(),
            opus: "glm-4.7".into(),
            fable: None,
            extra: Vec::new(),
        };
        let glm = glm_env(&spec, Form::Embed(Secret::new("glm-key-0123")));
        let found = |text: &str| -> Vec<String> {
            clashes(&Document::parse(text).unwrap(), &glm).iter().map(|clash| clash.spot.to_string()).collect()
        };
        assert!(found(&glm.to_settings_text()).is_empty(), "the same GLM with the same key");
        assert_eq!(found(&env(&[("ANTHROPIC_CUSTOM_HEADERS", "x-team: a")])), ["env.ANTHROPIC_CUSTOM_HEADERS"]);
        assert!(found(&env(&[("ANTHROPIC_CUSTOM_HEADERS", "")])).is_empty(), "no header is sent");
        let extra = vec![("ANTHROPIC_CUSTOM_HEADERS".into(), Value::Key(Secret::new("x-team: a")))];
        let same = glm_env(&GlmSpec { extra, ..spec.clone() }, Form::Embed(Secret::new("glm-key-0123")));
        let main = Document::parse(&env(&[("ANTHROPIC_CUSTOM_HEADERS", "x-team: a")])).unwrap();
        assert_eq!(clashes(&main, &same), [], "the worktree wants the very same");
        assert!(found("{\"permissions\": {}, \"env\": {\"FOO\": \"1\"}}").is_empty());
        assert_eq!(found(&env(&[("ANTHROPIC_AUTH_TOKEN", "other")])), ["env.ANTHROPIC_AUTH_TOKEN"]);
        assert_eq!(found(&env(&[("ANTHROPIC_BASE_URL", "https://own")])), ["env.ANTHROPIC_BASE_URL"]);
        assert_eq!(found("{\"apiKeyHelper\": \"x\", \"model\": \"claude-opus-5-5\"}"), ["apiKeyHelper", "model"]);
        assert_eq!(found(&env(&[("ANTHROPIC_MODEL", "claude-opus-5-5")])), ["env.ANTHROPIC_MODEL"]);
        assert!(found(&env(&[("ANTHROPIC_BASE_URL", GLM), ("ANTHROPIC_DEFAULT_OPUS_MODEL", "glm-5.3")])).is_empty());
    }
}
