//! `moai worktree status`: show one worktree in detail.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{Entry, inspect};

use super::list::look;
use super::view::{Row, Seen, shown};
use super::which::{Trees, ago};

/// Show one worktree in detail: changes, branch, base, backend, processes
///
/// Without a name it is the one that we stand in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree status            the one that we stand in
  moai worktree status SPEC-1
  moai worktree status SPEC-1 --json")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path, `@`, `^` or `-`
    #[arg(value_name = "WORKTREE", allow_hyphen_values = true)]
    name: Option<String>,
    /// Measure it against this branch
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    worktree: Row,
}

/// Runs `moai worktree status`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let trees = Trees::open(world)?;
    let entry = match (&args.name, trees.current()) {
        (None, Some(current)) => current,
        (name, _) => trees.named(ui, name.as_deref(), false)?,
    };
    let state = inspect(world, entry, trees.base(entry, args.base.as_deref()).as_deref());
    let seen = look(world, &trees, entry, &state);
    if ui.json {
        return ui.answer_json(&Answer { schema: SCHEMA, worktree: seen.row() });
    }
    for (label, text) in lines(&seen, entry, world) {
        let label = ui.style.dim(&format!("{label:<9}"));
        ui.answer(format!("{label} {}", clean(&text)))?;
    }
    for (change, path) in state.changes.iter().flat_map(|changes| &changes.first) {
        let kind = ui.style.yellow(&format!("{:<10}", change.as_str()));
        ui.answer(format!("  {kind} {}", clean(&path.display().to_string())))?;
    }
    Ok(())
}

fn lines(seen: &Seen<'_>, entry: &Entry, world: &World) -> Vec<(&'static str, String)> {
    let state = seen.state;
    let mut lines = vec![("worktree", entry.name()), ("path", shown(world, &entry.path))];
    lines.push(("branch", entry.branch.clone().unwrap_or_else(|| "none (detached)".into())));
    if let Some(commit) = &state.commit {
        let sha = commit.sha.get(..10).unwrap_or(&commit.sha);
        lines.push(("commit", format!("{sha} {} ({})", commit.subject, ago(world.now(), commit.time))));
    }
    if let Some(base) = &state.base {
        let integrated =
            state.integrated.map_or_else(String::new, |why| format!("; it {} {}", why.describe(), base.name));
        lines.push(("base", format!("{}: {} ahead, {} behind{integrated}", base.name, base.ahead, base.behind)));
    }
    if let Some(upstream) = &state.upstream {
        lines.push(("remote", format!("{}: {} ahead, {} behind", upstream.name, upstream.ahead, upstream.behind)));
    }
    if let Some(backend) = &seen.backend {
        lines.push(("backend", backend.effective.to_owned()));
        lines.extend(backend.conflict.iter().map(|sentence| ("", sentence.clone())));
    }
    lines.extend(entry.locked.iter().map(|why| ("locked", if why.is_empty() { "yes".into() } else { why.clone() })));
    lines.extend(entry.prunable.iter().map(|why| ("missing", why.clone())));
    lines.extend(state.operation.map(|operation| ("unfinished", operation.as_str().to_owned())));
    lines.extend(seen.residents.iter().map(|one| ("process", format!("{} (pid {})", one.name, one.pid))));
    lines.push((
        "changes",
        match (&state.changes, &state.trouble) {
            (Some(changes), _) if changes.is_empty() => "none".into(),
            (Some(changes), _) => changes.describe(),
            (None, Some(trouble)) => format!("unknown: {trouble}"),
            (None, None) => "unknown".into(),
        },
    ));
    lines
}
