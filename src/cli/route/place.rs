//! Where a request belongs: which checkout's configuration holds, and which SPEC it is for.

use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::ui::{Ui, clean};
use crate::config::Routing;
use crate::model::{Backend, SpecId};
use crate::settings::Layers;
use crate::worktree::Repo;

use super::Args;

/// A checkout, seen as if the command had been started in it.
pub(super) struct Place {
    /// The world in the checkout.
    pub(super) world: World,
    /// The checkout's configuration.
    pub(super) here: Here,
    /// What of it is about routing.
    pub(super) routing: Routing,
    /// The SPEC.
    pub(super) spec: Option<SpecId>,
    /// The checkout's own model, and where that is said.
    pub(super) model: Option<(String, String)>,
}

impl Place {
    /// The checkout of `--worktree`, else the worktree of `--spec`, else the one around the working directory.
    pub(super) fn find(args: &Args, world: &World, ui: &mut Ui) -> Result<Self, Failure> {
        let asked = match &args.choice.worktree {
            Some(path) => Some(directory(path, world)?),
            None => args.choice.spec.as_ref().and_then(|spec| of_spec(spec, world)),
        };
        let mut moved = world.clone();
        if let Some(path) = asked {
            moved.set_cwd(path);
        }
        let here = Here::look(&moved, ui)?;
        let routing = Routing::load(&moved, &here.project, &here.config)?;
        for warning in routing.warnings_for(args.choice.agent.as_deref(), args.choice.task.as_deref()) {
            ui.warn(clean(warning))?;
        }
        let spec = args.choice.spec.clone().or_else(|| here.spec());
        let model = own_model(&moved, &here, &routing);
        Ok(Self { world: moved, here, routing, spec, model })
    }

    /// The linked worktree's path; `None` in a main checkout.
    pub(super) fn worktree(&self) -> Option<String> {
        let project = &self.here.project;
        project.is_linked().then(|| project.root.display().to_string())
    }
}

fn directory(path: &PathBuf, world: &World) -> Result<PathBuf, Failure> {
    let whole = world.cwd()?.join(path);
    if whole.is_dir() {
        return Ok(whole);
    }
    Err(Failure::usage(format!("--worktree: {} is not a directory", path.display()))
        .hint("see `moai worktree list` for the paths"))
}

/// The worktree of a SPEC: the one that is named after it. A SPEC without one is asked for where we are.
fn of_spec(spec: &SpecId, world: &World) -> Option<PathBuf> {
    let repo = Repo::open(world).ok()?;
    let entries = repo.entries().ok()?;
    let mut linked = entries.iter().filter(|entry| !entry.main && entry.prunable.is_none());
    linked.find(|entry| entry.name().eq_ignore_ascii_case(spec.as_str())).map(|entry| entry.path.clone())
}

/// `route.model` of the checkout; else GLM in a linked worktree that was made to run on it (`moai worktree create
/// --glm`). The main checkout's switch is for Claude Code: there the prompt decides.
fn own_model(world: &World, here: &Here, routing: &Routing) -> Option<(String, String)> {
    if let Some((model, origin)) = &routing.route_model {
        return Some((model.clone(), origin.describe(world)));
    }
    let project = &here.project;
    if !project.is_linked() {
        return None;
    }
    let layers = Layers::load(world, &project.root, Some(&project.main));
    let effective = layers.effective(Some(&here.config.glm().base_url));
    (effective.backend == Backend::Glm).then(|| ("glm".to_owned(), "the worktree runs on GLM".to_owned()))
}
