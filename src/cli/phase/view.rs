//! What `moai phase` says: the rule, the place, the model, and the commands to type next.

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::mode::{model_words, models};
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::model::Backend;
use crate::route::phase::{Place, Step};

use super::{Route, is_missing};

/// Prints the route.
pub(super) fn show(route: &Route, here: &Here, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let rule = route.decision.rule;
    let models = models(rule.backend, here.config.glm());
    let next = next(route, here);
    let in_worktree = rule.place == Place::Worktree;
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "phase": route.phase.as_str(),
            "mode": here.config.mode().as_str(),
            "spec": route.spec.as_ref().map(ToString::to_string),
            "rule": rule.words,
            "place": rule.place.as_str(),
            "path": route.path.as_ref().or(route.planned.as_ref()),
            "exists": route.path.is_some(),
            "branch": route.branch.as_ref().filter(|_| in_worktree),
            "backend": rule.backend.as_str(),
            "models": models,
            "backend_now": route.now.map(Backend::as_str),
            "step": route.decision.step.as_str(),
            "next": next,
        }));
    }
    let subject = route.spec.as_ref().map(|spec| format!(" {spec}")).unwrap_or_default();
    let heading = ui.style.bold(&format!("{}{subject}", route.phase));
    ui.answer(format!("{heading}  {}", ui.style.dim(&format!("(mode {})", here.config.mode()))))?;
    ui.answer(format!("  rule     {}", rule.words))?;
    ui.answer(format!("  where    {}", clean(&place(route, world))))?;
    if let Some(branch) = route.branch.as_ref().filter(|_| route.decision.rule.place == Place::Worktree) {
        ui.answer(format!("  branch   {}", clean(branch)))?;
    }
    ui.answer(format!("  model    {}", clean(&model_words(&models))))?;
    if let Some(now) = route.now.filter(|_| route.needs_switch()) {
        ui.answer(format!(
            "  now      {}",
            ui.style.yellow(&format!("that place is on {now}, not on {}", rule.backend))
        ))?;
    }
    for (index, command) in next.iter().enumerate() {
        let label = if index == 0 { "next" } else { "" };
        ui.answer(format!("  {label:<7}  {}", ui.style.cyan(&clean(command))))?;
    }
    Ok(())
}

fn place(route: &Route, world: &World) -> String {
    let words = route.decision.rule.place.describe();
    let state = match route.decision.step {
        Step::NameSpec => ": name it",
        step if is_missing(step) => ": there is none yet",
        _ => "",
    };
    match (&route.path, &route.planned) {
        (Some(path), _) => format!("{words}: {}", world.tilde(path)),
        (None, Some(path)) => format!("{words}{state}; it would be {}", world.tilde(path)),
        (None, None) => format!("{words}{state}"),
    }
}

/// The commands to type, in order.
pub(super) fn next(route: &Route, here: &Here) -> Vec<String> {
    let spec = route.spec.as_ref().map_or_else(|| "SPEC-001".to_owned(), ToString::to_string);
    match route.decision.step {
        Step::NameSpec => return vec![format!("moai phase {} {spec}", route.phase)],
        Step::Create | Step::RunFirst => return vec![format!("moai phase run {spec} --enter")],
        Step::CreateByHand => return vec![format!("moai worktree create {spec} --glm")],
        Step::Stay | Step::GoToMain | Step::Enter => {}
    }
    let mut commands = Vec::new();
    if let Some(path) = route.path.as_ref().filter(|path| **path != here.project.root) {
        commands.push(format!("cd {}", shell_word(&path.display().to_string())));
    }
    let start = format!("claude {}", shell_word(&route.slash()));
    let wanted = route.decision.rule.backend;
    let undressed = route.decision.rule.place == Place::Worktree && !here.config.auto_worktree().copy_glm_config;
    match (route.needs_switch(), wanted) {
        // The person keeps GLM's settings out of worktrees: one process gets them.
        (true, Backend::Glm) if undressed => commands.push(format!("moai glm -- {start}")),
        (true, Backend::Glm) => commands.extend(["moai glm".to_owned(), start]),
        (true, _) => commands.extend(["moai claude".to_owned(), start]),
        (false, _) => commands.push(start),
    }
    commands
}

/// The word as a POSIX shell reads it back.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@%+=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(shell_word("/home/u/한글/SPEC-1"), "/home/u/한글/SPEC-1");
        assert_eq!(shell_word("/moai:2-run SPEC-1"), "'/moai:2-run SPEC-1'");
        assert_eq!(shell_word("it's $HOME"), "'it'\\''s $HOME'");
    }
}
