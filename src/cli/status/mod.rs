//! `moai status`: who answers here and why, on one screen.

mod report;

use std::path::Path;

use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::{Column, Style, Table, Ui, clean};
use report::{KeyRow, Report, WorktreeRow};

/// Show who answers in this project and why, the mode, the keys and the worktrees
///
/// Reads files only: it asks no server and starts no program, so it is quick enough for a shell prompt. A file that
/// cannot be read is a warning here and counts as not there; the command that needs it fails.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  moai status                     what runs here, and why
  moai status --json | jq -r .backend
                                  claude, glm, gateway or other
  moai -C ~/work/app status       the same for another project")]
pub(super) struct Args {}

/// Runs `moai status`.
pub(super) fn run(_args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let report = report::gather(world)?;
    if ui.json {
        return ui.answer_json(&report);
    }
    for line in head(world, ui, &report) {
        ui.answer(line)?;
    }
    if !report.worktrees.is_empty() {
        ui.answer("")?;
        ui.answer_table(&worktrees(world, &report.worktrees))?;
    }
    for warning in &report.warnings {
        ui.warn(clean(&warning.message))?;
        if let Some(hint) = &warning.hint {
            ui.hint(clean(hint))?;
        }
    }
    Ok(())
}

/// The lines above the table: a label of ten columns, then the fact.
fn head(world: &World, ui: &Ui, report: &Report) -> Vec<String> {
    let style = ui.style;
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push(format!("{}{text}", style.dim(&format!("{label:<10}"))));
    let root = world.tilde(Path::new(&report.project.root));
    let linked = report.project.root != report.project.main;
    let kind = match (report.project.git, linked) {
        (_, true) => format!("worktree of {}", world.tilde(Path::new(&report.project.main))),
        (true, false) => "git".into(),
        (false, false) => "not a git repository".into(),
    };
    line("project", format!("{} {}", clean(&root), style.dim(&format!("({})", clean(&kind)))));
    let mut backend = match report.backend {
        "claude" => style.bold("Claude"),
        "glm" => style.bold("GLM"),
        other => style.bold(other),
    };
    if let Some(model) = &report.model {
        backend = format!("{backend}, {}", clean(model));
    }
    if let Some(endpoint) = &report.endpoint {
        backend = format!("{backend} at {}", clean(endpoint));
    }
    line("backend", backend);
    line("", style.dim(&format!("because: {}", clean(&report.because))));
    if let Some(credential) = &report.credential {
        line("", style.dim(&format!("sends the key {}", clean(credential))));
    }
    line("mode", format!("{} {}", style.bold(report.mode), style.dim(&format!("({})", clean(&report.mode_origin)))));
    for (index, phase) in report.phases.iter().enumerate() {
        let label = if index == 0 { "phases" } else { "" };
        let place = phase.place.replace("current", "the current branch").replace("main", "the main checkout");
        let place = place.replace("worktree", "the SPEC's worktree");
        // On the gateway each turn is decided on its own.
        let wish = if phase.backend == phase.wanted || phase.backend == "gateway" {
            String::new()
        } else {
            style.yellow(&format!(" (the mode wants {})", phase.wanted))
        };
        line(label, format!("{:<5} {:<7} in {place}{wish}", phase.phase, phase.backend));
    }
    if let Some(gateway) = &report.gateway {
        let models = super::serve::models_line(&gateway.models, gateway.model.as_deref());
        line("gateway", format!("{} {}", style.bold(&gateway.url), style.dim(&format!("({})", clean(&models)))));
    }
    for (index, key) in report.keys.iter().enumerate() {
        line(if index == 0 { "keys" } else { "" }, key_line(ui, key));
    }
    lines
}

fn key_line(ui: &Ui, key: &KeyRow) -> String {
    let style = ui.style;
    let (Some(place), Some(fingerprint)) = (&key.place, &key.fingerprint) else {
        return format!("{:<10} {}", key.provider, style.dim("none"));
    };
    format!("{:<10} {fingerprint} {}", key.provider, style.dim(&format!("from {}", clean(place))))
}

fn worktrees(world: &World, rows: &[WorktreeRow]) -> Table {
    let mut table = Table::new([
        Column::fixed("worktree"),
        Column::shrinking("branch"),
        Column::fixed("backend"),
        Column::shrinking("path").spare(),
    ]);
    for row in rows {
        let (backend, style) = if row.mixed {
            (format!("{} (mixed)", row.backend), Style::Red)
        } else if !row.overridden.is_empty() {
            (format!("{} (from main)", row.backend), Style::Yellow)
        } else {
            (row.backend.to_owned(), Style::Plain)
        };
        let name = if row.current { format!("{} @", row.spec_id) } else { row.spec_id.clone() };
        table.row([
            (name, Style::Bold),
            (row.branch.clone().unwrap_or_else(|| "(detached)".into()), Style::Plain),
            (backend, style),
            (world.tilde(Path::new(&row.path)), Style::Dim),
        ]);
    }
    table
}
