//! `moai worktree done`: finish a SPEC: merge its branch, remove its worktree.

use std::path::Path;

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{
    Ask, BranchWish, Cause, Entry, Join, MergePlan, Plan, merge, plan_merge, plan_removal, remove, settle,
};

use super::backend::seal;
use super::remove::{leave, said};
use super::view::shown;
use super::which::Trees;

/// Finish a SPEC: merge its branch into its base, and remove its worktree
///
/// The merge happens in the checkout that has the base, which must be clean; where both sides changed the same lines
/// nothing is merged at all. Afterwards the worktree goes to the trash, and the branch goes, because its work is in
/// the base. The main checkout itself is never removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree done SPEC-1             merge, remove the worktree and the branch
  moai worktree done SPEC-1 --dry-run   what would happen
  moai worktree done SPEC-1 --no-ff     with a merge commit in any case
  moai worktree done SPEC-1 --into develop --keep-branch")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path or `@`
    #[arg(value_name = "WORKTREE")]
    name: Option<String>,
    /// The branch to merge into
    #[arg(long, visible_alias = "base", value_name = "BRANCH")]
    into: Option<String>,
    /// Make a merge commit even where a fast-forward is enough
    #[arg(long)]
    no_ff: bool,
    /// Keep the branch
    #[arg(long)]
    keep_branch: bool,
    /// Show what would happen, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Preview {
    schema: u32,
    dry_run: bool,
    name: String,
    branch: String,
    into: String,
    checkout: String,
    join: Option<&'static str>,
    conflicts: Vec<String>,
    refusals: Vec<String>,
}

/// Runs `moai worktree done`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let first = Trees::open(world)?;
    let mut taking = |record: &_, tree: &Path| seal(world, &first.repo, record, tree);
    settle(&first.repo, &mut taking)?;
    let trees = Trees::open(world)?;
    let entry = trees.named(ui, args.name.as_deref(), true)?;
    let base = trees.base(entry, args.into.as_deref()).ok_or_else(|| {
        Failure::expected(format!("nobody knows the base of {}", entry.name()))
            .with_code("no-base")
            .hint("name it: `--into BRANCH`")
    })?;
    let plan = plan_merge(&trees.repo, &trees.entries, entry, &base, args.no_ff)?;
    let keep = Ask { force: false, branch: BranchWish::Keep, base: Some(&base), cause: Cause::Done };
    // Whatever would keep the worktree from going must be found before the merge, not after it.
    let removal = plan_removal(&trees.repo, &trees.entries, entry, keep)?;
    if args.dry_run {
        return preview(entry, &plan, &removal, args, world, ui);
    }
    removal.require_free(&trees.repo, false)?;
    world.interrupt.listen();
    merge(&trees.repo, &plan)?;
    if !ui.json {
        told(&plan, ui)?;
    }
    let after = Trees::open(world)?;
    let entry = after.entries.iter().find(|other| other.admin == entry.admin).unwrap_or(entry);
    let branch = if args.keep_branch { BranchWish::Keep } else { BranchWish::DeleteIntegrated };
    let ask = Ask { branch, ..keep };
    let removal = plan_removal(&after.repo, &after.entries, entry, ask)?;
    let removed = remove(&after.repo, entry, ask, &mut taking)?;
    said(&removed, &removal, world, ui)?;
    leave(&after, &removal, world)
}

fn told(plan: &MergePlan, ui: &mut Ui) -> Result<(), Failure> {
    let (branch, base) = (clean(&plan.branch), clean(&plan.base));
    ui.say(match plan.join {
        None => format!("{base} has all of {branch} already"),
        Some(Join::FastForward) => format!("{base} moved forward to {branch}"),
        Some(_) => format!("merged {branch} into {base}"),
    })
}

fn preview(
    entry: &Entry,
    plan: &MergePlan,
    removal: &Plan,
    args: &Args,
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&Preview {
            schema: SCHEMA,
            dry_run: true,
            name: entry.name(),
            branch: plan.branch.clone(),
            into: plan.base.clone(),
            checkout: plan.into.path.display().to_string(),
            join: plan.join.map(Join::as_str),
            conflicts: plan.conflicts.iter().map(|path| path.display().to_string()).collect(),
            refusals: removal.refusals.iter().map(ToString::to_string).collect(),
        });
    }
    let (branch, base) = (clean(&plan.branch), clean(&plan.base));
    let place = clean(&shown(world, &plan.into.path));
    ui.answer(match plan.join {
        None => format!("{base} has all of {branch} already: nothing to merge"),
        Some(Join::FastForward) => format!("{base} would move forward to {branch} in {place}"),
        Some(_) => format!("{branch} would be merged into {base} in {place}"),
    })?;
    for path in &plan.conflicts {
        ui.answer(format!("  in conflict: {}", clean(&path.display().to_string())))?;
    }
    for refusal in &removal.refusals {
        ui.answer(format!("  in the way: {}", clean(&refusal.to_string())))?;
    }
    if plan.conflicts.is_empty() && removal.refusals.is_empty() {
        let branch = if args.keep_branch { "its branch would stay" } else { "its branch would be deleted" };
        ui.answer(format!("{} would go to the trash, {branch}", clean(&entry.name())))?;
    }
    Ok(())
}
