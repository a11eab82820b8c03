//! What `moai status` knows: gathered from the rooms, shaped for `--json`.

use std::path::Path;

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::serve::state::{self as serve, Presence};
use crate::cli::ui::SCHEMA;
use crate::config::{ConfigError, Project};
use crate::keys;
use crate::model::{Backend, Mode, Phase, ProviderId};
use crate::route::phase::{Place, rule};
use crate::settings::{Credential, Effective, Layer, Layers, Valued, public_url};
use crate::worktree::{Repo, WorktreeError};

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    /// `claude`, `glm`, `gateway` or `other`.
    pub(super) backend: &'static str,
    pub(super) because: String,
    pub(super) endpoint: Option<String>,
    pub(super) model: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) mode: &'static str,
    pub(super) mode_origin: String,
    pub(super) project: Checkout,
    pub(super) phases: Vec<PhaseRow>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) worktrees: Vec<WorktreeRow>,
    /// moai's own gateway, where one runs.
    pub(super) gateway: Option<GatewayRow>,
    pub(super) warnings: Vec<Warning>,
}

/// moai's own gateway.
#[derive(Debug, Serialize)]
pub(super) struct GatewayRow {
    pub(super) url: String,
    pub(super) pid: u32,
    pub(super) models: Vec<String>,
    pub(super) model: Option<String>,
    /// Whether its configuration was changed into one that it refuses.
    pub(super) refused: Option<String>,
}

/// Where we stand.
#[derive(Debug, Serialize)]
pub(super) struct Checkout {
    pub(super) name: String,
    /// The checkout.
    pub(super) root: String,
    /// The main checkout; the same as `root` outside a linked worktree.
    pub(super) main: String,
    pub(super) git: bool,
}

/// What a phase would run on.
#[derive(Debug, Serialize)]
pub(super) struct PhaseRow {
    pub(super) phase: &'static str,
    /// What really answers there, as the settings are now.
    pub(super) backend: &'static str,
    /// What the mode wants to answer there.
    pub(super) wanted: &'static str,
    pub(super) place: &'static str,
}

/// A key that was found, or GLM's that was not.
#[derive(Debug, Serialize)]
pub(super) struct KeyRow {
    pub(super) provider: &'static str,
    pub(super) present: bool,
    pub(super) source: Option<&'static str>,
    pub(super) place: Option<String>,
    pub(super) fingerprint: Option<String>,
}

/// A linked worktree and what Claude Code really does in it.
#[derive(Debug, Serialize)]
pub(super) struct WorktreeRow {
    pub(super) spec_id: String,
    pub(super) path: String,
    pub(super) branch: Option<String>,
    pub(super) backend: &'static str,
    /// The settings by which the main checkout overrides this worktree's own.
    pub(super) overridden: Vec<String>,
    pub(super) mixed: bool,
    pub(super) current: bool,
}

/// Something to look at, and what to do about it.
#[derive(Debug, Serialize)]
pub(super) struct Warning {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Warning {
    fn new(code: &'static str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { code, message: message.into(), hint: hint.map(str::to_owned) }
    }
}

/// Gathers everything. Reads files only: no network, no child process. A file that is broken is a warning: the
/// command that needs it fails.
pub(super) fn gather(world: &World) -> Result<Report, Failure> {
    let (here, broken) = Here::survey(world)?;
    let project = &here.project;
    let config = &here.config;
    let glm_url = config.glm().base_url.clone();
    let main = project.is_linked().then_some(project.main.as_path());
    let layers = Layers::load(world, &project.root, main);
    let effective = layers.effective(Some(&glm_url));
    let mode = config.mode();
    let mut warnings = setting_warnings(world, &layers, &effective);
    warnings.extend(broken.into_iter().map(broken_config));
    warnings.extend(config.warnings().iter().map(|text| Warning::new("config", text.clone(), None)));
    let keys = key_rows(world, &here, &mut warnings);
    if mode.backend(Phase::Run) == Backend::Glm && keys.iter().any(|row| row.provider == "glm" && !row.present) {
        let message = format!("mode {mode} works on GLM, and there is no GLM key");
        warnings.push(Warning::new("no-glm-key", message, Some("save one: `moai glm <key>`")));
    }
    let phases = phase_rows(world, &here, effective.backend);
    let mode_setting = config.explain("llm.mode")?;
    if mode_setting.origin.as_str() != "default" {
        warnings.extend(mode_mismatch(mode, &phases));
    }
    let worktrees = worktree_rows(world, &glm_url, &mut warnings);
    let gateway = gateway_row(world, &layers, &effective, &mut warnings);
    Ok(Report {
        schema: SCHEMA,
        backend: effective.backend.as_str(),
        because: because(world, project, &effective, &layers),
        endpoint: effective.base_url.as_ref().map(|url| public_url(&url.value)),
        model: effective.opus.as_ref().map(|model| model.value.clone()),
        credential: credential(&effective),
        mode: mode.as_str(),
        mode_origin: mode_setting.origin.describe(world),
        project: Checkout {
            name: project.name(),
            root: project.root.display().to_string(),
            main: project.main.display().to_string(),
            git: project.git.is_some(),
        },
        phases,
        keys,
        worktrees,
        gateway,
        warnings,
    })
}

/// The gateway that runs; a warning where the settings lead to one and none does, or to another address.
fn gateway_row(
    world: &World,
    layers: &Layers,
    effective: &Effective,
    warnings: &mut Vec<Warning>,
) -> Option<GatewayRow> {
    let running = match serve::look(world) {
        Ok(Presence::Running(state)) => Some(*state),
        _ => None,
    };
    // Another program on this machine may be meant, which is no concern of ours.
    let ours = layers.variable("MOAI_GATEWAY").map(|mark| mark.value);
    let url = effective.base_url.as_ref().map(|url| &url.value).filter(|url| ours.as_ref() == Some(url));
    match (&running, url) {
        (None, Some(url)) => {
            let message = format!("the settings lead to {}, and no gateway of moai runs", public_url(url));
            warnings.push(Warning::new("no-gateway", message, Some("start it: `moai serve --detach`")));
        }
        (Some(state), Some(url)) if url.trim_end_matches('/') != state.url => {
            let message = format!("the settings lead to {}, and moai's gateway is at {}", public_url(url), state.url);
            let hint = "point this project at it: `moai claude --gateway`";
            warnings.push(Warning::new("other-gateway", message, Some(hint)));
        }
        _ => {}
    }
    let state = running?;
    let refused = state.last_reload.and_then(|reload| reload.refused);
    if let Some(why) = &refused {
        let message = format!("the gateway still runs on its old configuration: {why}");
        warnings.push(Warning::new("reload-refused", message, Some("mend it; a change is seen at once")));
    }
    Some(GatewayRow { url: state.url, pid: state.pid, models: state.models, model: state.model, refused })
}

/// A configuration file that does not parse, or a value that its setting does not take.
fn broken_config(error: ConfigError) -> Warning {
    let failure = Failure::from(error);
    let message = format!("{}; it counts as not there", failure.chain().join(": "));
    Warning::new("broken-config", message, failure.hints().first().map(String::as_str))
}

/// What each phase would run on: the settings decide in a checkout that is there, the mode in a worktree yet to be made.
fn phase_rows(world: &World, here: &Here, current: Backend) -> Vec<PhaseRow> {
    let project = &here.project;
    let main = if project.is_linked() {
        Layers::load(world, &project.main, None).effective(Some(&here.config.glm().base_url)).backend
    } else {
        current
    };
    let row = |phase: Phase| {
        let rule = rule(here.config.mode(), phase);
        let backend = match rule.place {
            Place::Main => main,
            Place::Current => current,
            Place::Worktree if project.is_linked() => current,
            Place::Worktree => rule.backend,
        };
        PhaseRow {
            phase: phase.as_str(),
            backend: backend.as_str(),
            wanted: rule.backend.as_str(),
            place: rule.place.as_str(),
        }
    };
    Phase::ALL.map(row).into()
}

/// The settings and a mode that somebody chose contradict each other.
fn mode_mismatch(mode: Mode, phases: &[PhaseRow]) -> Option<Warning> {
    let row = phases.iter().find(|row| row.backend != row.wanted && matches!(row.backend, "claude" | "glm"))?;
    let message = format!("mode {mode} wants {} for {}, and {} would answer", row.wanted, row.phase, row.backend);
    let place = if row.place == "main" { " in the main checkout" } else { "" };
    let command = if row.wanted == "glm" { "moai glm" } else { "moai claude" };
    Some(Warning::new(
        "mode-mismatch",
        message,
        Some(&format!("run `{command}`{place}, or choose another mode: `moai mode`")),
    ))
}

/// Which file or variable decided, in words.
fn because(world: &World, project: &Project, effective: &Effective, layers: &Layers) -> String {
    match &effective.base_url {
        Some(url) => format!("ANTHROPIC_BASE_URL in {}", layer_place(world, project, url.layer, layers)),
        None if effective.backend == Backend::Other => "a cloud provider is switched on".into(),
        None => "nothing sets another endpoint".into(),
    }
}

fn layer_place(world: &World, project: &Project, layer: Layer, layers: &Layers) -> String {
    let Some((_, path)) = layers.files().find(|(found, _)| *found == layer) else { return "the environment".into() };
    match path.strip_prefix(&project.root) {
        Ok(relative) => relative.display().to_string(),
        Err(_) => world.tilde(path),
    }
}

/// What is sent as the credential, as a fingerprint.
fn credential(effective: &Effective) -> Option<String> {
    let Valued { value, .. } = effective.bearer.as_ref().or(effective.api_key.as_ref())?;
    Some(match value {
        Credential::Literal(secret) => secret.fingerprint(),
        Credential::Helper(command) => format!("from `{command}`"),
    })
}

fn setting_warnings(world: &World, layers: &Layers, effective: &Effective) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = layers
        .broken
        .iter()
        .map(|(path, fault)| {
            let message = format!("{}: {fault}; Claude Code ignores the file", world.tilde(path));
            Warning::new("broken-settings", message, Some("mend it by hand; moai changes nothing in it until then"))
        })
        .collect();
    for mixed in &effective.mixed {
        warnings.push(Warning::new("mixed-credentials", mixed.clone(), Some("see which setting it is: `moai doctor`")));
    }
    if !effective.overridden.is_empty() {
        let names: Vec<String> = effective.overridden.iter().map(ToString::to_string).collect();
        let message = format!("the main checkout's settings override this worktree's: {}", names.join(", "));
        warnings.push(Warning::new("main-overrides", message, Some("run `moai claude` in the main checkout")));
    }
    if effective.backend == Backend::Other {
        let message = "the endpoint is neither Anthropic's nor GLM's nor moai's; moai leaves it alone";
        warnings.push(Warning::new("foreign-endpoint", message, None));
    }
    if effective.backend != Backend::Glm && world.env.text("ANTHROPIC_BASE_URL").is_some() {
        let message = "ANTHROPIC_BASE_URL is set in this shell";
        warnings.push(Warning::new("shell-endpoint", message, Some("`unset ANTHROPIC_BASE_URL` if it is not meant")));
    }
    warnings
}

/// GLM's and Anthropic's keys always, the others where there is one. A key that cannot be read is a warning here: the
/// command that needs it fails.
fn key_rows(world: &World, here: &Here, warnings: &mut Vec<Warning>) -> Vec<KeyRow> {
    let mut rows = Vec::new();
    for id in ProviderId::ALL {
        let found = match keys::find(world, id, &here.lookup()) {
            Ok(found) => found,
            Err(error) => {
                let text = Failure::from(error).chain().join(": ");
                // One broken file is the trouble of every provider that is kept in it.
                if !warnings.iter().any(|warning| warning.message == text) {
                    warnings.push(Warning::new("unusable-key", text, Some("see all places: `moai key where`")));
                }
                None
            }
        };
        if found.is_none() && !matches!(id, ProviderId::Glm | ProviderId::Anthropic) {
            continue;
        }
        rows.push(KeyRow {
            provider: id.as_str(),
            present: found.is_some(),
            source: found.as_ref().map(|found| found.source.as_str()),
            place: found.as_ref().map(|found| found.source.describe(world)),
            fingerprint: found.as_ref().map(|found| found.secret.fingerprint()),
        });
    }
    rows
}

fn worktree_rows(world: &World, glm_url: &str, warnings: &mut Vec<Warning>) -> Vec<WorktreeRow> {
    let found = Repo::open(world).and_then(|repo| repo.entries().map(|entries| (repo, entries)));
    let (repo, entries) = match found {
        Ok(found) => found,
        Err(WorktreeError::NotARepository(_)) => return Vec::new(),
        Err(error) => {
            warnings.push(Warning::new("repository", Failure::from(error).chain().join(": "), None));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.main) {
        let layers = Layers::load(world, &entry.path, repo.main_root());
        let effective = layers.effective(Some(glm_url));
        let overridden: Vec<String> = effective.overridden.iter().map(ToString::to_string).collect();
        let current = repo.current_root().is_some_and(|root| Path::new(root) == entry.path);
        if let Some(mixed) = effective.mixed.first().filter(|_| !current) {
            let message = format!("worktree {}: {mixed}", entry.name());
            let hint = "run `moai claude` in the main checkout, or start Claude Code with `moai worktree switch`";
            warnings.push(Warning::new("mixed-credentials", message, Some(hint)));
        }
        rows.push(WorktreeRow {
            spec_id: entry.name(),
            path: entry.path.display().to_string(),
            branch: entry.branch,
            backend: effective.backend.as_str(),
            overridden,
            mixed: !effective.mixed.is_empty(),
            current,
        });
    }
    rows
}
