//! `moai worktree clean`: show what can be cleaned up, and with --yes do it.

use std::path::Path;

use jiff::SignedDuration;
use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::worktree::{Ask, BranchWish, Cause, CleanPlan, Litter, forget, plan_clean, purge, remove, settle};

use super::backend::seal;
use super::restore::keep;
use super::view::shown;
use super::which::Trees;

/// Show what can be cleaned up, and with --yes do it
///
/// Candidates are entries whose directory is gone, clean worktrees whose work is in their base and that nobody used
/// for some days, and removed worktrees whose days in the trash are over. Worktrees go to the trash; branches stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree clean                        what would go, and why; what stays, and why
  moai worktree clean --yes                  do it
  moai worktree clean --yes --idle-days 0    those used today, too
  moai worktree clean --yes --delete-branch  and the branches whose work is in the base")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// Do it
    #[arg(short, long)]
    yes: bool,
    /// Show what would happen, and do nothing (the default)
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
    /// How many days a worktree must have been left alone
    #[arg(long, value_name = "DAYS", default_value_t = 3)]
    idle_days: u16,
    /// Only worktrees whose work is in their base
    #[arg(long)]
    merged_only: bool,
    /// Delete the branches of those, too
    #[arg(long)]
    delete_branch: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    dry_run: bool,
    cleaned: Vec<Item>,
    kept: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    /// `gone`, `integrated`, `expired`, `kept`.
    kind: &'static str,
    name: String,
    branch: Option<String>,
    path: String,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Runs `moai worktree clean`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let first = Trees::open(world)?;
    if args.yes {
        world.interrupt.listen();
        settle(&first.repo, &mut |record: &_, tree: &Path| seal(world, &first.repo, record, tree))?;
    }
    let trees = Trees::open(world)?;
    let idle = SignedDuration::from_hours(24 * i64::from(args.idle_days));
    let mut plan = plan_clean(&trees.repo, &trees.entries, idle, keep(world))?;
    if args.merged_only {
        plan.litter.retain(|litter| matches!(litter, Litter::Integrated { .. }));
    }
    let mut cleaned: Vec<Item> = plan.litter.iter().map(item).collect();
    if args.yes {
        for (litter, item) in plan.litter.iter().zip(&mut cleaned) {
            world.interrupt.check()?;
            // One that cannot go keeps nobody else from going, and is named at the end.
            item.error = take(&trees, litter, args, world).err().map(|failure| failure.chain().join(": "));
        }
    }
    let kept = kept(&plan);
    let failed: Vec<String> =
        cleaned.iter().filter(|item| item.error.is_some()).map(|item| item.name.clone()).collect();
    if ui.json && failed.is_empty() {
        return ui.answer_json(&Answer { schema: SCHEMA, dry_run: !args.yes, cleaned, kept });
    }
    if !ui.json {
        show(&cleaned, &kept, args.yes, world, ui)?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::expected(format!("could not be cleaned up: {}", failed.join(", "))).with_code("not-cleaned"))
}

fn item(litter: &Litter) -> Item {
    let (kind, name, branch, path, why) = match litter {
        Litter::Gone(entry) => {
            let why = entry.prunable.clone().unwrap_or_default();
            ("gone", entry.name(), entry.branch.clone(), &entry.path, format!("its directory is gone ({why})"))
        }
        Litter::Integrated { entry, base, why } => {
            let why = format!("its branch {} {base}", why.describe());
            ("integrated", entry.name(), entry.branch.clone(), &entry.path, why)
        }
        Litter::Expired(record) => {
            let why = format!("in the trash since {}", record.removed_at.strftime("%Y-%m-%d"));
            ("expired", record.name.clone(), record.branch.clone(), &record.path, why)
        }
    };
    Item { kind, name, branch, path: path.display().to_string(), why, error: None }
}

fn kept(plan: &CleanPlan) -> Vec<Item> {
    let item = |kept: &crate::worktree::Kept| Item {
        kind: "kept",
        name: kept.entry.name(),
        branch: kept.entry.branch.clone(),
        path: kept.entry.path.display().to_string(),
        why: kept.why.clone(),
        error: None,
    };
    plan.kept.iter().map(item).collect()
}

fn take(trees: &Trees, litter: &Litter, args: &Args, world: &World) -> Result<(), Failure> {
    match litter {
        Litter::Gone(entry) => forget(&trees.repo, entry, Cause::Cleaned).map(drop)?,
        Litter::Integrated { entry, base, .. } => {
            let branch = if args.delete_branch { BranchWish::DeleteIntegrated } else { BranchWish::Keep };
            let ask = Ask { force: false, branch, base: Some(base), cause: Cause::Cleaned };
            remove(&trees.repo, entry, ask, &mut |record, tree| seal(world, &trees.repo, record, tree))?;
        }
        Litter::Expired(record) => purge(&trees.repo, record, keep(world))?,
    }
    Ok(())
}

fn show(cleaned: &[Item], kept: &[Item], done: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if cleaned.is_empty() && kept.is_empty() {
        return ui.say("there is nothing to clean up");
    }
    let mut table =
        Table::new([Column::fixed(""), Column::fixed("SPEC"), Column::fixed("why"), Column::shrinking("path")]);
    for item in cleaned.iter().chain(kept) {
        let (verb, style) = match (item.kind, done, &item.error) {
            ("kept", _, _) => ("keep", Style::Dim),
            (_, _, Some(_)) => ("failed", Style::Red),
            ("expired", true, _) => ("deleted", Style::Yellow),
            ("expired", false, _) => ("delete", Style::Yellow),
            (_, true, _) => ("to trash", Style::Green),
            (_, false, _) => ("trash", Style::Yellow),
        };
        let why = item.error.clone().unwrap_or_else(|| item.why.clone());
        let path = shown(world, Path::new(&item.path));
        table.row([
            (verb.into(), style),
            (item.name.clone(), Style::Bold),
            (clean(&why), Style::Plain),
            (path, Style::Dim),
        ]);
    }
    ui.answer_table(&table)?;
    if !done && !cleaned.is_empty() {
        ui.hint("to do it: `moai worktree clean --yes`")?;
    }
    Ok(())
}
