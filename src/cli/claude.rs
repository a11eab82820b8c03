//! `moai claude`: back to Claude, with the settings that were there before GLM.

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{Config, Project};
use crate::model::Backend;
use crate::settings::{self, Layers, Links, Plan, Target};

use super::gate;
use super::glm::{after_switch, answer_json, show_diff};
use super::ui::{Ui, clean};

/// Switch this project back to Claude
///
/// Takes out of .claude/settings.local.json what `moai glm` put there and gives back what was there before: to the byte
/// where nobody edited the file since. Settings of another gateway that moai did not write stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moai claude              switch back
  moai claude --gateway    through moai's gateway: moai decides who answers
  moai cc --dry-run        show what would change")]
pub(super) struct Args {
    /// Point this project at moai's gateway, which decides who answers each turn; `moai claude` gives back what was there
    #[arg(long)]
    gateway: bool,
    /// Show what would change, as a diff with masked secrets, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Runs `moai claude`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if args.gateway {
        return gate::switch(Backend::Claude, args.dry_run, world, ui);
    }
    let project = Project::find(world)?;
    // The way back to Claude does not hang on a configuration that does not parse.
    let glm_url = Config::load(world, &project).ok().map(|config| config.glm().base_url.clone());
    let root = &project.root;
    let links = if project.is_linked() { Links::Stay } else { Links::Follow };
    let before = Layers::load(world, root, Some(&project.main)).effective(glm_url.as_deref()).backend;
    let mut plan = settings::plan(world, root, Target::Claude, links)?;
    // No lock and no directory are made where there is nothing to do.
    if !args.dry_run && (plan.changes() || settings::load_record(world, root)?.is_some()) {
        plan = settings::switch(world, root, Target::Claude, links)?;
    }
    let layers = Layers::load(world, root, Some(&project.main));
    let effective = layers.effective(glm_url.as_deref());
    if ui.json {
        let backend = if args.dry_run { Backend::Claude } else { effective.backend };
        return answer_json(world, ui, &plan, backend, args.dry_run, None);
    }
    if args.dry_run {
        return show_diff(world, ui, &plan);
    }
    say_switched(world, ui, &plan, before)?;
    if effective.backend != Backend::Claude
        && let Some(url) = &effective.base_url
    {
        let path = layers.files().find(|(layer, _)| *layer == url.layer).map(|(_, path)| world.tilde(path));
        ui.warn(format!(
            "requests still go to {}: ANTHROPIC_BASE_URL is set in {}",
            clean(&settings::public_url(&url.value)),
            path.unwrap_or_else(|| "the shell's environment".into())
        ))?;
    }
    after_switch(world, ui, root, &plan)
}

fn say_switched(world: &World, ui: &mut Ui, plan: &Plan, before: Backend) -> Result<(), Failure> {
    let path = world.tilde(&plan.path);
    if !plan.changes() {
        return ui.say("this project is not on GLM, and not on the gateway: nothing to switch back");
    }
    let before = if before == Backend::Gateway { "the gateway" } else { "GLM" };
    ui.say(format!("this project is back on its settings from before {before}"))?;
    ui.say(if plan.deletes() { format!("removed: {path} (moai had made it)") } else { format!("written: {path}") })?;
    if !plan.moved().is_empty() {
        let names: Vec<String> = plan.moved().iter().map(ToString::to_string).collect();
        ui.say(format!("given back: {}", clean(&names.join(", "))))?;
    }
    match plan.foreign() {
        Some(host) => ui.say(format!("your own gateway {} is in charge again", clean(host))),
        None => Ok(()),
    }
}
