//! `--enter` and `--launch`: the place is made ready, and Claude Code is started in it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::base::failure::Failure;
use crate::base::program::{self, Program, ProgramError};
use crate::base::world::World;
use crate::cli::dress::{Dress, Form, keep_out_of_git};
use crate::cli::here::Here;
use crate::cli::launch;
use crate::cli::ui::Ui;
use crate::cli::worktree::create::{Wish, make};
use crate::cli::worktree::which::lead_shell;
use crate::config::Project;
use crate::model::Backend;
use crate::route::phase::{Place, Step};

use super::{Args, Route, find, view};

/// Makes the place ready, prints its path, and with `--launch` becomes Claude Code.
pub(super) fn enter(args: &Args, here: &Here, route: Route, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    // What would stop the launch stops it before anything is made.
    if args.launch && program::find(world, "claude").is_none() {
        return Err(ProgramError::Missing("claude".into()).into());
    }
    let route = match route.decision.step {
        Step::Create => {
            create(args, here, &route, world, ui)?;
            find(args, here, world)?
        }
        Step::Stay | Step::GoToMain | Step::Enter => route,
        Step::CreateByHand | Step::RunFirst | Step::NameSpec => return Err(refused(&route, here)),
    };
    if let Some(path) = &route.path {
        dress_worktree(&route, path, here, world, ui)?;
    }
    // Dressing may have changed who answers there.
    let route = find(args, here, world)?;
    let Some(path) = route.path.clone() else { return Err(refused(&route, here)) };
    if args.launch {
        return start(&route, &path, here, world, ui);
    }
    lead_shell(world, &path)?;
    if ui.json {
        return view::show(&route, here, world, ui);
    }
    for command in view::next(&route, here) {
        ui.hint(format!("next: `{command}`"))?;
    }
    ui.answer_bytes(&[path.as_os_str().as_bytes(), b"\n"].concat())
}

fn refused(route: &Route, here: &Here) -> Failure {
    let spec = route.spec.as_ref().map(ToString::to_string).unwrap_or_default();
    let next = view::next(route, here).join(" && ");
    match route.decision.step {
        Step::NameSpec => {
            Failure::usage("which SPEC? In mashup mode the work is done in the SPEC's worktree").hint(next)
        }
        Step::RunFirst => Failure::expected(format!("{spec} has no worktree, so there is no work to sync"))
            .with_code("no-worktree")
            .hint(format!("run it first: `{next}`")),
        _ => Failure::expected(format!("{spec} has no worktree, and llm.auto_worktree.enabled is off"))
            .with_code("no-worktree")
            .hint(format!("create it: `{next}`"))
            .hint("or let moai do it: `moai config set llm.auto_worktree.enabled true`"),
    }
}

/// Creates the worktree of the SPEC, on GLM where `llm.auto_worktree.copy_glm_config` says so.
fn create(args: &Args, here: &Here, route: &Route, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let Some(spec) = &route.spec else { return Err(refused(route, here)) };
    let question = format!("create a worktree for {spec}?");
    if here.config.confirm_worktree() && !args.yes && !ui.confirm(&question, "--yes")? {
        return Err(Failure::expected("nothing was created"));
    }
    let wish = Wish { glm: here.config.auto_worktree().copy_glm_config, ..Wish::spec(spec) };
    let made = make(&wish, world, ui)?;
    ui.say(format!("created {} on {}", world.tilde(&made.plan.path), made.plan.branch))
}

/// A worktree that GLM is to work in gets the GLM settings, unless the person keeps them out.
fn dress_worktree(route: &Route, path: &Path, here: &Here, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let rule = route.decision.rule;
    let wanted = rule.place == Place::Worktree && rule.backend == Backend::Glm;
    if !wanted || !route.needs_switch() || !here.config.auto_worktree().copy_glm_config {
        return Ok(());
    }
    let dress = Dress::glm(world, &here.project, &here.config, Form::Configured, ui)?;
    let target = at(world, path)?;
    dress.require_apart(world, &target.main)?;
    keep_out_of_git(world, &target, dress.env().key().is_none(), ui)?;
    let plan = dress.write_into(world, path)?;
    ui.say(format!("on GLM now: {}", world.tilde(&plan.path)))
}

/// Becomes Claude Code in the place, on the backend that the mode wants.
fn start(route: &Route, path: &Path, here: &Here, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut there = world.clone();
    there.set_cwd(path.to_path_buf());
    let slash = route.slash();
    ui.say(format!("{} {} with {}", world.tilde(path), slash, route.decision.rule.backend))?;
    match (route.decision.rule.backend, route.needs_switch()) {
        (Backend::Claude, true) => Err(Failure::expected(format!(
            "{} is on {}, and this phase is Claude's",
            world.tilde(path),
            route.now.unwrap_or(Backend::Other)
        ))
        .hint("switch it back first: `moai claude`")),
        (Backend::Glm, _) => {
            let project = at(world, path)?;
            let dress = Dress::glm(&there, &project, &here.config, Form::Process, ui)?;
            let command = ["claude".into(), slash.into()];
            launch::on_glm(&there, &project, &dress, &command, ui)
        }
        _ => Err(Program::new(&there, "claude")?.args([slash]).exec()),
    }
}

/// The project of another directory.
fn at(world: &World, path: &Path) -> Result<Project, Failure> {
    let mut there = world.clone();
    there.set_cwd(path.to_path_buf());
    Ok(Project::find(&there)?)
}
