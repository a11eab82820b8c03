//! One process on GLM: the environment for that process alone, and for Claude Code itself whatever keeps the settings
//! files from carrying another key or model into it. Nothing is written anywhere, and no secret is in a command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::base::failure::Failure;
use crate::base::program::Program;
use crate::base::world::World;
use crate::config::Project;
use crate::settings::{self, Layers};

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
    let layers = Layers::load(world, &project.root, Some(&project.main));
    let overlay = settings::overlay(&layers, dress.env(), &dress::helper_command(world));
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
        settings::is_in_the_way(name, value)
    });
    for (name, value) in dress.env().to_process() {
        program = settings::with_variable(program, &name, &value);
    }
    Err(program.exec())
}

/// Whether the command is Claude Code's own program.
fn is_claude(name: &OsStr) -> bool {
    Path::new(name).file_name().is_some_and(|name| name == "claude")
}
