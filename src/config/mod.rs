//! Floor 5: configuration, in layers with an origin per value. [`Project`] says where we are, [`Config`] what holds
//! there, [`keys`] which settings there are. Files are changed in place by [`edit`], and only there.

pub mod edit;
mod error;
mod glm_json;
pub mod import;
pub mod keys;
mod layers;
mod llm_yaml;
mod moai_toml;
mod project;
mod reference;
mod routing;
mod serve;

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use crate::base::disk;
use crate::base::world::{Env, World};
use crate::model::Mode;

pub use error::ConfigError;
pub use glm_json::{GLM_JSON, GlmTemplate};
pub use layers::{Layer, Origin, Setting};
pub use project::{GitDirs, Project};
pub use reference::reference;
pub use routing::{Alerts, GATEWAY_VAR, LogRules, Routing};
pub use serve::{Serve, Tls, UnknownModels};

use keys::{Home, Value};
use layers::Source;
use routing::duration;

/// Where llm.yaml is, below the project.
pub const LLM_YAML: &str = ".moai/config/sections/llm.yaml";

/// The variable that names another file than `~/.moai/config.toml` for the person's own settings.
pub const CONFIG_VAR: &str = "MOAI_CONFIG";

/// Where moai's own settings of a project are, below it.
pub const CONFIG_TOML: &str = ".moai/config.toml";

/// What GLM is asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlmModels {
    /// The base URL, without a slash at its end.
    pub base_url: String,
    /// For Claude Code's Haiku.
    pub haiku: String,
    /// For Claude Code's Sonnet.
    pub sonnet: String,
    /// For Claude Code's Opus.
    pub opus: String,
    /// For Claude Code's Fable, where one is set.
    pub fable: Option<String>,
}

impl GlmModels {
    /// The different models, the strongest first.
    pub fn distinct(&self) -> Vec<&str> {
        let mut models = vec![self.opus.as_str()];
        for model in [self.sonnet.as_str(), self.haiku.as_str()] {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models
    }
}

/// `llm.auto_worktree`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoWorktree {
    /// Whether a phase may create the worktree of a SPEC that has none.
    pub enabled: bool,
    /// Whether a worktree created for GLM gets the GLM settings.
    pub copy_glm_config: bool,
}

/// `worktree.engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// Whichever the repository allows.
    Auto,
    /// moai itself.
    Native,
    /// The git executable.
    Git,
}

/// The files of a project's configuration, whether they exist or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `~/.moai/config.toml`; `None` without a home.
    pub user: Option<PathBuf>,
    /// llm.yaml: this worktree's own, else the main checkout's.
    pub llm_yaml: PathBuf,
    /// The project's config.toml, likewise.
    pub project: PathBuf,
    /// The main checkout's config.toml.
    pub main: PathBuf,
    /// This checkout's own config.toml.
    pub checkout: PathBuf,
    /// glm.json, likewise.
    pub glm_json: PathBuf,
}

impl Files {
    /// The files of `project`.
    pub fn of(world: &World, project: &Project) -> Self {
        Self {
            user: user_file(world),
            llm_yaml: project.file(LLM_YAML),
            project: project.file(CONFIG_TOML),
            main: project.main.join(CONFIG_TOML),
            checkout: project.root.join(CONFIG_TOML),
            glm_json: project.file(GLM_JSON),
        }
    }

    /// The places of seed 003's `agent_model.yaml` and `task_model_mapping.yaml`.
    pub fn seeds(project: &Project) -> Vec<PathBuf> {
        routing::seed_files(project)
    }
}

/// The configuration that holds in a project.
#[derive(Debug, Clone)]
pub struct Config {
    settings: Vec<Setting>,
    warnings: Vec<String>,
    files: Files,
    /// The files as they were read, weakest first.
    sources: Vec<Source>,
    template: Option<GlmTemplate>,
    glm: GlmModels,
    /// What `~` and relative paths in values start from.
    home: Option<PathBuf>,
    main: PathBuf,
}

impl Config {
    /// Reads every layer. A file that does not parse, or a value that its key does not take, is an error that names
    /// the place.
    pub fn load(world: &World, project: &Project) -> Result<Self, ConfigError> {
        Self::gather(world, project, &mut Err)
    }

    /// The same for whoever only looks: what cannot be read counts as not there, and why comes beside the rest.
    pub fn survey(world: &World, project: &Project) -> (Self, Vec<ConfigError>) {
        let mut broken = Vec::new();
        let Ok(config) = Self::gather(world, project, &mut |error| {
            broken.push(error);
            Ok::<(), Infallible>(())
        });
        (config, broken)
    }

    fn gather<E>(
        world: &World,
        project: &Project,
        bear: &mut dyn FnMut(ConfigError) -> Result<(), E>,
    ) -> Result<Self, E> {
        let files = Files::of(world, project);
        let mut sources = Vec::new();
        if let Some(path) = &files.user {
            read(Layer::User, path, &mut sources).or_else(&mut *bear)?;
        }
        read(Layer::LlmYaml, &files.llm_yaml, &mut sources).or_else(&mut *bear)?;
        if files.user.as_ref() != Some(&files.main) {
            read(Layer::Project, &files.main, &mut sources).or_else(&mut *bear)?;
        }
        if files.checkout != files.main {
            // What the main checkout says of itself alone is not said of this one.
            let own = |path: &str| keys::find(path).is_some_and(|name| name.key.home == Home::Checkout);
            for source in sources.iter_mut().filter(|source| source.layer == Layer::Project) {
                source.entries.retain(|entry| !own(&entry.path));
            }
            read(Layer::Checkout, &files.checkout, &mut sources).or_else(&mut *bear)?;
        }
        let template = match GlmTemplate::load(&files.glm_json) {
            Ok(template) => template,
            Err(error) => bear(error).map(|()| None)?,
        };
        if let Some(template) = &template {
            sources.push(Source { layer: Layer::GlmJson, path: template.path.clone(), entries: template.entries() });
        }
        let (settings, warnings) = layers::resolve(&sources, &world.env, bear)?;
        let glm = GlmModels {
            base_url: text(&settings, "llm.glm.base_url"),
            haiku: text(&settings, "llm.glm.models.haiku"),
            sonnet: text(&settings, "llm.glm.models.sonnet"),
            opus: text(&settings, "llm.glm.models.opus"),
            fable: Some(text(&settings, "llm.glm.models.fable")).filter(|model| !model.is_empty()),
        };
        let home = world.home().ok().map(Path::to_path_buf);
        Ok(Self { settings, warnings, files, sources, template, glm, home, main: project.main.clone() })
    }

    /// Who plans, runs and syncs.
    pub fn mode(&self) -> Mode {
        text(&self.settings, "llm.mode").parse().unwrap_or_default()
    }

    /// GLM's base URL and models: llm.yaml under glm.json under the environment.
    pub fn glm(&self) -> &GlmModels {
        &self.glm
    }

    /// glm.json, where there is one.
    pub fn template(&self) -> Option<&GlmTemplate> {
        self.template.as_ref()
    }

    /// The environment variable that is looked at first for the GLM key.
    pub fn glm_env_var(&self) -> String {
        text(&self.settings, "llm.glm_env_var")
    }

    /// Whether phases create worktrees, and whether those get the GLM settings.
    pub fn auto_worktree(&self) -> AutoWorktree {
        AutoWorktree {
            enabled: self.switch("llm.auto_worktree.enabled"),
            copy_glm_config: self.switch("llm.auto_worktree.copy_glm_config"),
        }
    }

    /// Whether `--enter` asks before it creates a worktree.
    pub fn confirm_worktree(&self) -> bool {
        self.switch("llm.routing.confirm_worktree")
    }

    /// Where the person wants new worktrees, absolute; `None`: no wish.
    pub fn worktree_root(&self) -> Option<PathBuf> {
        let wish = text(&self.settings, "worktree.root");
        if wish.is_empty() {
            return None;
        }
        Some(self.main.join(self.expanded(&wish)))
    }

    /// A path with the home directory in the place of `~`.
    fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(path),
        }
    }

    /// What creates worktrees.
    pub fn worktree_engine(&self) -> EngineChoice {
        match text(&self.settings, "worktree.engine").as_str() {
            "native" => EngineChoice::Native,
            "git" => EngineChoice::Git,
            _ => EngineChoice::Auto,
        }
    }

    /// For how many days a removed worktree can be restored.
    pub fn trash_days(&self) -> u64 {
        match self.setting("worktree.trash_days").and_then(|setting| setting.value.as_ref()) {
            Some(Value::Number(days)) => *days,
            _ => 7,
        }
    }

    /// Whether `moai glm` writes the key itself into settings.local.json.
    pub fn keys_embed(&self) -> bool {
        self.switch("keys.embed")
    }

    /// Whether keys are looked for in the system's keyring first.
    pub fn keys_keyring(&self) -> bool {
        self.switch("keys.keyring")
    }

    /// A setting with its origin and what it hides. Every name of [`keys::all`] that is no pattern has one; what
    /// stands in a pattern's place, [`Config::everything`] has.
    pub fn explain(&self, name: &str) -> Result<&Setting, ConfigError> {
        let name = keys::require(name)?;
        self.setting(name.as_str()).ok_or_else(|| ConfigError::Unknown(name.as_str().into()))
    }

    /// Every setting that the table names one by one, in its order.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The files, whether they exist or not.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What the person should know: unknown names, contradictions. One sentence each, to be said once per command.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name.as_str() == name)
    }

    fn switch(&self, name: &str) -> bool {
        matches!(self.setting(name).and_then(|setting| setting.value.as_ref()), Some(Value::Switch(true)))
    }
}

/// The person's own settings: `$MOAI_CONFIG`, else `~/.moai/config.toml`; `None` without a home.
fn user_file(world: &World) -> Option<PathBuf> {
    let named = world.env.text(CONFIG_VAR).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| world.moai_home().ok().map(|home| home.join("config.toml")))
}

fn text(settings: &[Setting], name: &str) -> String {
    let setting = settings.iter().find(|setting| setting.name.as_str() == name);
    setting.and_then(|setting| setting.value.as_ref()).map(ToString::to_string).unwrap_or_default()
}

/// `ui.color` as the person has it, without a project: `auto`, `always` or `never`. Where it cannot be read it is
/// `None`; the command that needs the file will say why.
pub fn colour_wish(world: &World) -> Option<String> {
    let key = keys::find("ui.color")?.key;
    let mut sources = Vec::new();
    read(Layer::User, &user_file(world)?, &mut sources).ok()?;
    let in_file = sources.iter().flat_map(|source| &source.entries).find(|entry| entry.path == key.name);
    let wish = match (key.variable().and_then(|name| world.env.text(&name)), in_file.map(|entry| &entry.raw)) {
        (Some(text), _) => text,
        (None, Some(layers::Raw::Scalar(text))) => text,
        _ => return None,
    };
    key.check(wish).ok().map(|value| value.to_string())
}

/// Checks the text of a configuration file before it is written: that it parses, and that every value is one that
/// its setting takes. What kind of file it is, its name says.
pub fn check_text(path: &Path, text: &str) -> Result<(), ConfigError> {
    let yaml = path.extension().is_some_and(|extension| extension == "yaml");
    let (layer, entries) = if yaml {
        (Layer::LlmYaml, llm_yaml::entries(path, text)?)
    } else {
        (Layer::User, moai_toml::entries(path, text)?)
    };
    let source = Source { layer, path: path.to_path_buf(), entries };
    layers::resolve(&[source], &Env::default(), &mut Err).map(drop)
}

/// Adds a file's entries to the sources, where there is such a file.
fn read(layer: Layer, path: &Path, sources: &mut Vec<Source>) -> Result<(), ConfigError> {
    let Some(text) = disk::read_text(path)? else { return Ok(()) };
    let entries = match layer {
        Layer::LlmYaml => llm_yaml::entries(path, &text)?,
        _ => moai_toml::entries(path, &text)?,
    };
    sources.push(Source { layer, path: path.to_path_buf(), entries });
    Ok(())
}
