//! `moai worktree remove`: remove a worktree; refuses where work would be lost.

use std::path::Path;

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{Ask, BranchWish, Cause, Integrated, Plan, Refusal, Removed, plan_removal, remove, settle};

use super::backend::seal;
use super::view::shown;
use super::which::{Trees, lead_shell};

/// Remove a worktree; refuses where work would be lost
///
/// A clean worktree goes without a question: its files go to the trash (`moai worktree restore` brings them back),
/// its branch stays. One with uncommitted work, an unfinished rebase, unpushed submodules or a process in it is
/// refused; `--force` removes it all the same and keeps the work in a rescue commit. The main checkout, a locked
/// worktree and anything that is not the worktree it should be are never removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree remove SPEC-1                   the branch stays
  moai worktree remove SPEC-1 --dry-run         what would happen, and what would be in the way
  moai worktree remove SPEC-1 --delete-branch   the branch goes, too, if its work is in the base
  moai worktree remove SPEC-1 --force           with uncommitted work: it is kept in a rescue commit")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path or `@`
    #[arg(value_name = "WORKTREE")]
    name: Option<String>,
    /// Remove it although work is uncommitted or a process stands in it; the work is kept in a rescue commit
    #[arg(short, long)]
    force: bool,
    /// Delete its branch, too, if the branch's work is in the base
    #[arg(long)]
    delete_branch: bool,
    /// Delete its branch, too, whatever is on it; its commit is printed and kept below refs/moai/rescue
    #[arg(short = 'D', long, conflicts_with = "delete_branch")]
    force_delete_branch: bool,
    /// The branch that the work should be in
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// Show what would happen, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask after the worktree was chosen from the list
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    dry_run: bool,
    name: String,
    path: String,
    branch: Option<String>,
    refusals: Vec<RefusalView>,
    precious: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_branch: Option<DeletedBranch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rescue: Option<String>,
}

#[derive(Debug, Serialize)]
struct RefusalView {
    code: &'static str,
    message: String,
    yields_to_force: bool,
}

#[derive(Debug, Serialize)]
struct DeletedBranch {
    name: String,
    sha: String,
    integrated: Option<&'static str>,
}

/// Runs `moai worktree remove`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let first = Trees::open(world)?;
    let mut taking = |record: &_, tree: &Path| seal(world, &first.repo, record, tree);
    settle(&first.repo, &mut taking)?;
    let trees = Trees::open(world)?;
    let entry = trees.named(ui, args.name.as_deref(), true)?;
    let base = trees.base(entry, args.base.as_deref());
    let ask = Ask { force: args.force, branch: wish(args), base: base.as_deref(), cause: Cause::Removed };
    let plan = plan_removal(&trees.repo, &trees.entries, entry, ask)?;
    if args.dry_run {
        return preview(&plan, args.force, world, ui);
    }
    if !ui.json {
        name_the_work(&plan, args.force, ui)?;
    }
    plan.require_free(&trees.repo, args.force)?;
    let chosen = args.name.is_none() && !args.yes;
    if chosen && !ui.confirm(&format!("Remove {}?", clean(&entry.name())), "--yes")? {
        return Err(Failure::expected("nothing was removed"));
    }
    world.interrupt.listen();
    let removed = remove(&trees.repo, entry, ask, &mut taking)?;
    said(&removed, &plan, world, ui)?;
    leave(&trees, &plan, world)
}

fn wish(args: &Args) -> BranchWish {
    match (args.delete_branch, args.force_delete_branch) {
        (_, true) => BranchWish::DeleteAlways,
        (true, false) => BranchWish::DeleteIntegrated,
        (false, false) => BranchWish::Keep,
    }
}

/// The shell that stood in the worktree goes to the main checkout.
pub(super) fn leave(trees: &Trees, plan: &Plan, world: &World) -> Result<(), Failure> {
    let inside = world.cwd().is_ok_and(|cwd| cwd.starts_with(&plan.entry.path));
    if let Some(main) = trees.repo.main_root().filter(|_| inside) {
        lead_shell(world, main)?;
    }
    Ok(())
}

/// Says which files are in the way, or go along.
fn name_the_work(plan: &Plan, force: bool, ui: &mut Ui) -> Result<(), Failure> {
    for refusal in &plan.refusals {
        if let Refusal::Dirty(changes) = refusal {
            for (change, path) in &changes.first {
                let word = ui.talk.yellow(&format!("{:<10}", change.as_str()));
                ui.say(format!("  {word} {}", clean(&path.display().to_string())))?;
            }
            let more = changes.total().saturating_sub(changes.first.len());
            if more > 0 {
                ui.say(format!("  and {more} more"))?;
            }
        }
        if force && refusal.yields_to_force() {
            ui.warn(format!("removed by --force although {}", clean(&refusal.to_string())))?;
        }
    }
    Ok(())
}

fn preview(plan: &Plan, force: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&answer(plan, None));
    }
    let name = clean(&plan.entry.name());
    let blocked = plan.refusals.iter().any(|refusal| !(force && refusal.yields_to_force()));
    if blocked {
        ui.answer(format!("{name} would not be removed:"))?;
    } else {
        ui.answer(format!("{name} would be removed: {} goes to the trash", clean(&shown(world, &plan.entry.path))))?;
    }
    for refusal in &plan.refusals {
        let lifted = if force && refusal.yields_to_force() { " (lifted by --force)" } else { "" };
        ui.answer(format!("  {}{lifted}", clean(&refusal.to_string())))?;
    }
    name_the_work(plan, false, ui)?;
    for path in &plan.precious {
        ui.answer(format!("  ignored by git, goes to the trash as well: {}", clean(&path.display().to_string())))?;
    }
    match (&plan.branch, &plan.entry.branch) {
        (Some((branch, sha, why)), _) => {
            ui.answer(format!("  the branch {} at {sha} would be deleted{}", clean(branch), because(*why)))?;
        }
        (None, Some(branch)) => ui.answer(format!("  the branch {} stays", clean(branch)))?,
        (None, None) => {}
    }
    Ok(())
}

fn because(why: Option<Integrated>) -> String {
    why.map_or_else(|| " (its work is not in the base)".into(), |why| format!(" (it {} the base)", why.describe()))
}

/// Says what was done.
pub(super) fn said(removed: &Removed, plan: &Plan, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    for warning in &removed.warnings {
        ui.warn(clean(&warning.chain().join(": ")))?;
    }
    if ui.json {
        return ui.answer_json(&answer(plan, Some(removed)));
    }
    let record = &removed.record;
    let name = clean(&record.name);
    ui.say(format!("removed {name} ({})", clean(&shown(world, &record.path))))?;
    for path in &plan.precious {
        ui.say(format!("  ignored by git, in the trash as well: {}", clean(&path.display().to_string())))?;
    }
    if let Some((branch, sha, why)) = &removed.branch {
        ui.say(format!("deleted the branch {} at {sha}{}", clean(branch), because(*why)))?;
    } else if let Some(branch) = &record.branch {
        ui.say(format!("the branch {} stays", clean(branch)))?;
    }
    if let Some(rescue) = &record.rescue {
        ui.say(format!("what was only there is kept in {rescue}"))?;
    }
    ui.hint(format!("to bring it back: `moai worktree restore {name}`"))
}

fn answer(plan: &Plan, removed: Option<&Removed>) -> Answer {
    let branch = match removed {
        Some(removed) => removed.branch.as_ref(),
        None => plan.branch.as_ref(),
    };
    Answer {
        schema: SCHEMA,
        dry_run: removed.is_none(),
        name: plan.entry.name(),
        path: plan.entry.path.display().to_string(),
        branch: plan.entry.branch.clone(),
        refusals: plan
            .refusals
            .iter()
            .map(|refusal| RefusalView {
                code: refusal.code(),
                message: refusal.to_string(),
                yields_to_force: refusal.yields_to_force(),
            })
            .collect(),
        precious: plan.precious.iter().map(|path| path.display().to_string()).collect(),
        deleted_branch: branch.map(|(name, sha, why)| DeletedBranch {
            name: name.clone(),
            sha: sha.clone(),
            integrated: why.map(Integrated::as_str),
        }),
        trash: removed.map(|removed| removed.record.key.clone()),
        rescue: removed.and_then(|removed| removed.record.rescue.clone()),
    }
}
