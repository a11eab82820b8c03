//! `moai doctor`: everything that can be wrong around a project, each finding with what to do about it.

mod configs;
mod finding;
mod fix;
mod gateway;
mod keyring;
mod machine;
mod online;
mod settings;
mod trees;

use serde_json::json;

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::config::{Config, Project};
use crate::keys::Lookup;

use super::ui::{SCHEMA, Ui, clean};

use finding::{Finding, Severity};

/// Look for what is wrong, and say what to do about it
///
/// Checks keys, settings, configuration, worktrees, git, Claude Code and the machine. Exits 1 while an error is left.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai doctor            look, change nothing
  moai doctor --online   also ask the vendor whether the configured models answer
  moai doctor --fix      repair what can be repaired safely, and say what was done
  moai doctor --json")]
pub(super) struct Args {
    /// Ask the vendor whether the configured models answer (sends the key to it, costs a token at most)
    #[arg(long)]
    online: bool,
    /// Repair what can be repaired without losing anything
    #[arg(long)]
    fix: bool,
}

/// What is examined.
struct Patient<'a> {
    world: &'a World,
    project: Project,
    /// `None` where it could not be read; a finding says why.
    config: Option<Config>,
    env_var: Option<String>,
}

impl Patient<'_> {
    fn lookup(&self) -> Lookup<'_> {
        Lookup { env_var: self.env_var.as_deref(), keyring: self.config.as_ref().is_some_and(Config::keys_keyring) }
    }

    /// The configured GLM endpoint, by which a checkout on it is known.
    fn glm_url(&self) -> Option<&str> {
        self.config.as_ref().map(|config| config.glm().base_url.as_str())
    }
}

/// Runs `moai doctor`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut findings = examine(args, world)?;
    if args.fix {
        let mut fixed = 0;
        for finding in &mut findings {
            fixed += usize::from(fix::apply(finding, world, ui)?);
        }
        if fixed == 0 {
            ui.say("there is nothing that could be repaired safely by itself")?;
        }
    }
    if ui.json {
        answer_json(&findings, ui)?;
    } else {
        answer(&findings, ui)?;
    }
    if count(&findings, Severity::Error) > 0 {
        return Err(Failure::told(Kind::Expected));
    }
    Ok(())
}

fn examine(args: &Args, world: &World) -> Result<Vec<Finding>, Failure> {
    let project = Project::find(world)?;
    let (config, broken) = match Config::load(world, &project) {
        Ok(config) => (Some(config), None),
        Err(error) => (None, Some(Failure::from(error))),
    };
    let env_var = config.as_ref().map(Config::glm_env_var);
    let patient = Patient { world, project, config, env_var };
    let mut findings = Vec::new();
    machine::examine(&patient, &mut findings);
    configs::examine(&patient, broken, &mut findings);
    keyring::examine(&patient, &mut findings);
    settings::examine(&patient, &mut findings);
    trees::examine(&patient, &mut findings);
    gateway::examine(&patient, &mut findings);
    if args.online {
        online::examine(&patient, &mut findings);
    }
    Ok(findings)
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity && !finding.fixed).count()
}

fn answer(findings: &[Finding], ui: &mut Ui) -> Result<(), Failure> {
    for finding in findings {
        let label = if finding.fixed { ui.style.green("fixed") } else { finding.severity.painted(ui.style) };
        let place = finding.place.as_deref().map(|place| ui.style.dim(&format!("  ({})", clean(place))));
        ui.answer(format!("{label} {}{}", clean(&finding.what), place.unwrap_or_default()))?;
        if let Some(todo) = finding.todo.as_deref().filter(|_| !finding.fixed) {
            ui.answer(format!("      {} {}", ui.style.cyan("do:"), clean(todo)))?;
        }
    }
    let (errors, warnings) = (count(findings, Severity::Error), count(findings, Severity::Warn));
    let fixable = findings.iter().filter(|finding| finding.fix.is_some() && !finding.fixed).count();
    let state = match (errors, warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    let offer = if fixable > 0 { format!("; `moai doctor --fix` can repair {fixable}") } else { String::new() };
    ui.answer(ui.style.bold(&format!("{state}{offer}")))
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn answer_json(findings: &[Finding], ui: &mut Ui) -> Result<(), Failure> {
    ui.answer_json(&json!({
        "schema": SCHEMA,
        "findings": findings.iter().map(Finding::document).collect::<Vec<_>>(),
        "errors": count(findings, Severity::Error),
        "warnings": count(findings, Severity::Warn),
    }))
}
