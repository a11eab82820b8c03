//! One process on GLM: the environment for that process alone, and for Claude Code itself whatever keeps the settings
//! files from carrying another key or model into it. Nothing is written anywhere, and no secret is in a command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::base::failure::Failure;
use crate::base::program::Program;
use crate::base::world::World;
use crate::config::Project;
use crate::settings::{self, GlmEnv, Layers};

use super::dress::{self, Dress};
use super::ui::Ui;

/// Becomes `command`, on GLM; returns only when that fails. `project` is the checkout whose settings count.
pub(super) fn on_glm(
    world: &World,
    project: &Project,
    dress: &Dress,
    command: &[OsString],
    ui: &mut Ui,
) -> Result<(), Failure> {
    let Some((name, arguments)) = command.split_first() else {
        return Err(Failure::usage("no command to run on GLM").hint("for example `moai glm -- claude`"));
    };
    let way = Way { env: dress.env(), helper: &dress::helper_command(world), drop: &settings::is_in_the_way };
    become_on(&way, world, project, name, arguments, ui)
}

/// Becomes Claude Code with these arguments, on moai's gateway; returns only when that fails.
pub(super) fn on_gateway(
    world: &World,
    project: &Project,
    env: &GlmEnv,
    arguments: &[OsString],
    ui: &mut Ui,
) -> Result<(), Failure> {
    let helper = dress::own_command(world, "serve key print --code");
    let way = Way { env, helper: &helper, drop: &|name, _| settings::is_in_the_gateways_way(name) };
    become_on(&way, world, project, OsStr::new("claude"), arguments, ui)
}

/// Fails where a program is not there, before anything is started for it.
pub(super) fn require(world: &World, name: &str) -> Result<(), Failure> {
    Program::new(world, name)?;
    Ok(())
}

/// What leads a process to its backend.
struct Way<'a> {
    env: &'a GlmEnv,
    /// The command that prints the key.
    helper: &'a str,
    /// Which variables of the shell may not come along, by name and value.
    drop: &'a dyn Fn(&str, &str) -> bool,
}

fn become_on(
    way: &Way<'_>,
    world: &World,
    project: &Project,
    name: &OsStr,
    arguments: &[OsString],
    ui: &mut Ui,
) -> Result<(), Failure> {
    let layers = Layers::load(world, &project.root, Some(&project.main));
    let overlay = settings::overlay(&layers, way.env, way.helper);
    let mut added: Vec<OsString> = Vec::new();
    if let Some(overlay) = &overlay {
        let names: Vec<String> =
            overlay.because.iter().map(|(layer, spot)| format!("{spot} ({})", layer.as_str())).collect();
        if is_claude(name) {
            if overlay.without_local {
                added.extend(["--setting-sources", "user,project"].map(OsString::from));
                ui.say("the local settings files are left out of this session, with their permissions")?;
            }
            added.extend(["--settings".into(), OsString::from(&overlay.settings)]);
            ui.say(format!("kept out of this session: {}", names.join(", ")))?;
        } else {
            ui.warn(format!("Claude Code's settings files beat the environment: {}", names.join(", ")))?;
            ui.hint("start Claude Code itself with `moai glm -- claude …`, and moai keeps them out")?;
        }
    }
    let name = name.to_str().ok_or_else(|| Failure::usage("the command's name is not UTF-8 text"))?;
    let mut program = Program::new(world, name)?.args(added).args(arguments).without_env(world, |name| {
        let value = world.env.raw(name).and_then(OsStr::to_str).unwrap_or_default();
        (way.drop)(name, value)
    });
    for (name, value) in way.env.to_process() {
        program = settings::with_variable(program, &name, &value);
    }
    Err(program.exec())
}

/// Whether the command is Claude Code's own program.
fn is_claude(name: &OsStr) -> bool {
    Path::new(name).file_name().is_some_and(|name| name == "claude")
}
