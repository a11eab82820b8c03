//! `moai mode`: who plans, runs and syncs in this project.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{Config, GlmModels, edit, keys as table};
use crate::keys;
use crate::model::{Backend, Mode, Phase, ProviderId};
use crate::route::phase::{Place, rule};

use super::here::{Here, require_project};
use super::ui::{Column, SCHEMA, Style, Table, Ui, unified};

/// Show or set who plans, runs and syncs
///
/// claude-only: Claude does everything. mashup: Claude plans in the main checkout, GLM runs and syncs in a worktree.
/// glm-only: GLM does everything. The mode is kept in .moai/config/sections/llm.yaml; only that value is changed,
/// comments and everything else stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai mode                    which mode holds, and what each phase runs on
  moai mode mashup             plan with Claude, implement with GLM
  moai mode glm-only --dry-run show what would change in llm.yaml")]
pub(super) struct Args {
    /// The mode: claude-only, mashup or glm-only (opus-only, hybrid and glm are understood, too)
    #[arg(value_name = "MODE")]
    mode: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long, requires = "mode")]
    dry_run: bool,
}

/// Runs `moai mode`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.mode {
        None => show(&Here::look(world, ui)?, world, ui, None),
        Some(mode) => set(&mode, args.dry_run, world, ui),
    }
}

fn set(mode: &str, dry_run: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if mode.trim().is_empty() {
        return Err(Failure::usage("the mode is empty").hint("one of: claude-only, mashup, glm-only"));
    }
    let key = table::require("llm.mode")?;
    let value = table::given(&key, mode)?;
    let here = Here::look(world, ui)?;
    require_project(world, &here.project)?;
    let _lock = if dry_run { None } else { edit::lock(world)? };
    let edit = edit::plan(here.config.files(), &key, Some(&value), false)?;
    let path = world.tilde(&edit.path);
    if dry_run {
        if ui.json {
            let answer = Written { schema: SCHEMA, mode: value.to_string(), changed: edit.changes(), path, dry_run };
            return ui.answer_json(&answer);
        }
        if !edit.changes() {
            return ui.say(format!("{path} says {value} already"));
        }
        return ui.answer(unified(&path, &edit.old, &edit.new, ui.style));
    }
    let changed = edit.write()?;
    ui.say(if changed { format!("mode {value}, written to {path}") } else { format!("{path} says {value} already") })?;
    let here = Here::quietly(world)?;
    show(&here, world, ui, Some(changed))?;
    advise(&here, world, ui)
}

#[derive(Serialize)]
struct Written {
    schema: u32,
    mode: String,
    changed: bool,
    path: String,
    dry_run: bool,
}

/// What one phase runs on.
#[derive(Debug, Serialize)]
pub(super) struct PhaseRow {
    /// `plan`, `run` or `sync`.
    pub(super) phase: &'static str,
    /// `main`, `current` or `worktree`.
    pub(super) place: &'static str,
    /// `claude` or `glm`.
    pub(super) backend: &'static str,
    /// The models by name; empty for Claude, where the account decides.
    pub(super) models: Vec<String>,
    /// The row of seed 002's decision tree.
    pub(super) rule: &'static str,
    #[serde(skip)]
    where_: Place,
}

/// What each phase runs on in this mode.
pub(super) fn phases(mode: Mode, glm: &GlmModels) -> Vec<PhaseRow> {
    let row = |phase: Phase| {
        let rule = rule(mode, phase);
        PhaseRow {
            phase: phase.as_str(),
            place: rule.place.as_str(),
            backend: rule.backend.as_str(),
            models: models(rule.backend, glm),
            rule: rule.words,
            where_: rule.place,
        }
    };
    Phase::ALL.map(row).into()
}

/// The models of a backend by name; none for Claude, where the account decides.
pub(super) fn models(backend: Backend, glm: &GlmModels) -> Vec<String> {
    match backend {
        Backend::Glm => glm.distinct().into_iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The models in words: `Claude (Opus/Sonnet)`, `glm-4.7`.
pub(super) fn model_words(models: &[String]) -> String {
    if models.is_empty() { "Claude (Opus/Sonnet)".into() } else { models.join(", ") }
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    mode: &'a str,
    origin: &'static str,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    phases: Vec<PhaseRow>,
}

fn show(here: &Here, world: &World, ui: &mut Ui, changed: Option<bool>) -> Result<(), Failure> {
    let mode = here.config.mode();
    let setting = here.config.explain("llm.mode")?;
    let phases = phases(mode, here.config.glm());
    if ui.json {
        let source = setting.origin.to_string();
        let (schema, origin) = (SCHEMA, setting.origin.as_str());
        return ui.answer_json(&Shown { schema, mode: mode.as_str(), origin, source, changed, phases });
    }
    ui.answer(format!("mode: {}  {}", ui.style.bold(mode.as_str()), ui.style.dim(&from(&here.config, world)?)))?;
    let mut table =
        Table::new([Column::fixed("phase"), Column::fixed("where"), Column::fixed("backend"), Column::fixed("model")]);
    for row in &phases {
        table.row([
            (row.phase.to_owned(), Style::Bold),
            (row.where_.describe().to_owned(), Style::Plain),
            (row.backend.to_owned(), if row.models.is_empty() { Style::Plain } else { Style::Green }),
            (model_words(&row.models), Style::Plain),
        ]);
    }
    ui.answer_table(&table)
}

/// `(from .moai/config/sections/llm.yaml:2)`.
fn from(config: &Config, world: &World) -> Result<String, Failure> {
    let setting = config.explain("llm.mode")?;
    Ok(format!("({})", setting.origin.describe(world)))
}

/// What stands between the person and the mode they chose.
fn advise(here: &Here, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let setting = here.config.explain("llm.mode")?;
    if setting.origin.as_str() == "environment" {
        ui.warn(format!("{} overrides the file: {} holds", setting.origin, here.config.mode()))?;
    }
    let needs_key = here.config.mode() != Mode::ClaudeOnly;
    // A key that cannot be read is the doctor's business: the mode is set.
    if needs_key && matches!(keys::find(world, ProviderId::Glm, &here.lookup()), Ok(None)) {
        ui.hint("there is no GLM key yet: `moai glm <key>` stores one")?;
    }
    match here.config.mode() {
        Mode::Mashup => ui.hint("next: `moai phase run SPEC-001 --enter` makes the worktree that GLM works in"),
        Mode::GlmOnly => ui.hint("next: `moai glm` switches this checkout to GLM"),
        Mode::ClaudeOnly => Ok(()),
    }
}
