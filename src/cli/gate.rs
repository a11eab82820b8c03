//! Claude Code on moai's gateway: the gateway that runs, or one that is started in the background, and the settings of
//! a checkout or the environment of one process that lead there. `moai code`, `moai claude --gateway` and `moai glm
//! --gateway` are this.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::catalog;
use crate::config::Routing;
use crate::model::Backend;
use crate::route::turn::{FOR_CLAUDE_CODE, Naming, naming};
use crate::settings::{self, Form, GatewaySpec, GlmEnv, Layers, Links, Plan, Target};

use super::here::Here;
use super::serve::{self, state::State};
use super::ui::{Ui, clean};
use super::{dress, glm};

/// The window that every model of the lists has (Claude's, GLM's; 2026-11).
const WINDOW: u32 = 200_000;

/// The command that prints the access key, for `apiKeyHelper`, and starts the gateway where none runs.
fn helper(world: &World) -> String {
    dress::own_command(world, "serve key print --start")
}

/// The environment of this checkout on `gateway`. `model` answers everything where one is named.
pub(super) fn env(here: &Here, url: &str, models: Option<[String; 4]>, form: Form) -> GlmEnv {
    let project = &here.project;
    let mut headers = vec![
        ("x-moai-project".to_owned(), project.name()),
        ("x-moai-worktree".to_owned(), project.root.display().to_string()),
    ];
    headers.extend(here.spec().map(|spec| ("x-moai-spec".to_owned(), spec.as_str().to_owned())));
    let windows = models.iter().flatten().filter_map(|model| catalog::window(model));
    let window = windows.min().unwrap_or(WINDOW);
    settings::gateway_env(&GatewaySpec { url: url.to_owned(), models, headers, window }, form)
}

/// A model's name as the gateway takes it for a wish, behind every tier of Claude Code.
pub(super) fn everywhere(model: &str) -> [String; 4] {
    let name = match naming(model, true) {
        Naming::This(_) => model.to_owned(),
        // Claude Code sends such names by itself: this one is meant.
        Naming::Any => format!("{FOR_CLAUDE_CODE}{model}"),
    };
    [name.clone(), name.clone(), name.clone(), name]
}

/// The gateway that runs, else one that is started now, which is said.
pub(super) fn ensure(world: &World, ui: &mut Ui) -> Result<State, Failure> {
    serve::ensure(world, &mut |line| ui.say(clean(line)))
}

/// Fails where no model can be asked at all: a session would be nothing but errors. Nothing is started for that.
pub(super) fn require_models(world: &World) -> Result<(), Failure> {
    if !serve::models(world)?.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Kind::Config, "no model can be asked: there is no key")
        .with_code("no-model")
        .hint("save a key: `moai glm KEY` (Z.AI), `moai key set gemini`, `moai key set anthropic`")
        .hint("or try it without one: `moai code --model sim`"))
}

/// Points this checkout at the gateway: `moai claude --gateway`, and with GLM's models `moai glm --gateway`.
pub(super) fn switch(backend: Backend, dry_run: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let root = &here.project.root;
    glm::require_no_home(world, root)?;
    let models = if backend == Backend::Glm { Some(glm_models(world, &here)?) } else { None };
    let url = if dry_run { serve::expected_url(world)? } else { ensure(world, ui)?.url };
    let mut wanted = env(&here, &url, models, Form::Helper(helper(world)));
    settings::shield(&mut wanted, &Layers::load(world, root, None), &helper(world));
    let linked = here.project.is_linked();
    if linked {
        dress::require_apart(world, &here.project.main, &wanted)?;
    }
    let target = Target::Glm(&wanted);
    let links = if linked { Links::Stay } else { Links::Follow };
    let mut plan = settings::plan(world, root, target, links)?;
    if !dry_run {
        dress::keep_out_of_git(world, &here.project, true, ui)?;
        plan = settings::switch(world, root, target, links)?;
    }
    if ui.json {
        return glm::answer_json(world, ui, &plan, Backend::Gateway, dry_run, None);
    }
    if dry_run {
        return glm::show_diff(world, ui, &plan);
    }
    say_switched(backend, &url, &plan, world, ui)?;
    glm::say_reach(world, ui, &here)?;
    glm::after_switch(world, ui, root, &plan)
}

fn say_switched(backend: Backend, url: &str, plan: &Plan, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let verb = if plan.changes() { "now runs" } else { "already runs" };
    let who = if backend == Backend::Glm { "GLM answers" } else { "moai decides who answers" };
    ui.say(format!("this project {verb} on moai's gateway at {url}: {who}; no key is in the project"))?;
    if plan.changes() {
        ui.say(format!("written: {}", world.tilde(&plan.path)))?;
    }
    if !plan.moved().is_empty() {
        let names: Vec<String> = plan.moved().iter().map(ToString::to_string).collect();
        ui.say(format!("set aside until you switch back: {}", clean(&names.join(", "))))?;
    }
    if url != serve::expected_url(world)? {
        ui.warn("the gateway runs on another port than `serve.port` says: this address holds as long as it runs")?;
    }
    Ok(())
}

/// GLM's models as the gateway knows them: the configured ones, and moai's own where it knows one of them not.
fn glm_models(world: &World, here: &Here) -> Result<[String; 4], Failure> {
    let routing = Routing::load(world, &here.project, &here.config)?;
    let models = here.config.glm();
    let known = |id: &str| {
        let plain = id.strip_suffix("[1m]").unwrap_or(id);
        let found = routing.models.iter().any(|model| model.answers_to(plain));
        if found { plain.to_owned() } else { "glm".to_owned() }
    };
    let fable = models.fable.as_ref().unwrap_or(&models.opus);
    Ok([known(&models.haiku), known(&models.sonnet), known(&models.opus), known(fable)])
}
