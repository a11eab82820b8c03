//! `moai worktree sync`: bring a worktree up to date with its base branch.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{Entry, Join, SyncPlan, Synced, fetch_base, plan_sync, require_settled, sync};

use super::which::Trees;

/// Bring a worktree up to date with its base branch
///
/// A branch without commits of its own moves forward; else its commits are put on top of the base (rebase), or the
/// base is merged in where the branch is on a remote already. Changes of tracked files must be committed before.
/// Files in conflict are named beforehand with `--dry-run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree sync SPEC-1             bring its base in
  moai worktree sync SPEC-1 --dry-run   how, and which files would be in conflict
  moai worktree sync --fetch            the one we stand in, with the newest base of the remote
  moai worktree sync --all              all of them; those with conflicts are left as they are")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// The worktree: a SPEC id, a branch, a path; none: the one that we stand in
    #[arg(value_name = "WORKTREE")]
    name: Option<String>,
    /// All linked worktrees, one after the other
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Bring in this branch
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// Fetch the base from its remote first
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    join: Wish,
    /// Put everything back where files are in conflict
    #[arg(long)]
    abort_on_conflict: bool,
    /// Show what would happen, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, clap::Args)]
#[group(multiple = false)]
struct Wish {
    /// Put the branch's commits on top of the base
    #[arg(long)]
    rebase: bool,
    /// Merge the base into the branch
    #[arg(long)]
    merge: bool,
    /// Only where the branch has no commits of its own
    #[arg(long)]
    ff_only: bool,
}

impl Wish {
    fn join(self) -> Option<Join> {
        match (self.rebase, self.merge, self.ff_only) {
            (true, _, _) => Some(Join::Rebase),
            (_, true, _) => Some(Join::Merge),
            (_, _, true) => Some(Join::FastForward),
            _ => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    dry_run: bool,
    worktrees: Vec<Outcome>,
}

/// What became of one worktree.
#[derive(Debug, Serialize)]
struct Outcome {
    name: String,
    /// `up-to-date`, `would-sync`, `synced`, `conflict`, `aborted`, `skipped`.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<&'static str>,
    ahead: usize,
    behind: usize,
    conflicts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Runs `moai worktree sync`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let trees = Trees::open(world)?;
    world.interrupt.listen();
    let chosen: Vec<&Entry> = if args.all {
        trees.entries.iter().filter(|entry| !entry.main && entry.prunable.is_none()).collect()
    } else {
        let current = trees.current().filter(|_| args.name.is_none());
        vec![match current {
            Some(current) if !current.main => current,
            _ => trees.named(ui, args.name.as_deref(), true)?,
        }]
    };
    let mut outcomes = Vec::new();
    for entry in chosen {
        world.interrupt.check()?;
        match one(&trees, entry, args) {
            Ok(outcome) => outcomes.push(outcome),
            // With --all the others still get their turn; what is in the way of one is said.
            Err(failure) if args.all => outcomes.push(Outcome::skipped(entry, failure.chain().join(": "))),
            Err(failure) => return Err(failure),
        }
    }
    finish(outcomes, args.dry_run, ui)
}

impl Outcome {
    fn skipped(entry: &Entry, why: String) -> Self {
        Self {
            name: entry.name(),
            result: "skipped",
            base: None,
            join: None,
            ahead: 0,
            behind: 0,
            conflicts: Vec::new(),
            why: Some(why),
        }
    }

    fn of(entry: &Entry, plan: &SyncPlan, result: &'static str, conflicts: &[std::path::PathBuf]) -> Self {
        Self {
            name: entry.name(),
            result,
            base: Some(plan.base.clone()),
            join: plan.join.map(Join::as_str),
            ahead: plan.ahead,
            behind: plan.behind,
            conflicts: conflicts.iter().map(|path| path.display().to_string()).collect(),
            why: plan.because.map(str::to_owned),
        }
    }
}

fn one(trees: &Trees, entry: &Entry, args: &Args) -> Result<Outcome, Failure> {
    let base = trees.base(entry, args.base.as_deref()).ok_or_else(|| {
        Failure::expected(format!("nobody knows the base of {}", entry.name()))
            .with_code("no-base")
            .hint("name it: `--base BRANCH`")
    })?;
    let base = if args.fetch { fetch_base(&trees.repo, &base)? } else { base };
    let plan = plan_sync(&trees.repo, entry, &base, args.join.join())?;
    if args.dry_run {
        let result = if plan.join.is_some() { "would-sync" } else { "up-to-date" };
        return Ok(Outcome::of(entry, &plan, result, &plan.conflicts));
    }
    if plan.join.is_some() {
        require_settled(&trees.repo, entry, "synced")?;
    }
    if args.all && !plan.conflicts.is_empty() {
        let mut outcome = Outcome::of(entry, &plan, "skipped", &plan.conflicts);
        outcome.why = Some("files would be in conflict".into());
        return Ok(outcome);
    }
    Ok(match sync(&trees.repo, entry, &plan, args.abort_on_conflict)? {
        Synced::UpToDate => Outcome::of(entry, &plan, "up-to-date", &[]),
        Synced::Done => Outcome::of(entry, &plan, "synced", &[]),
        Synced::Conflict(files) => Outcome::of(entry, &plan, "conflict", &files),
        Synced::Aborted(files) => Outcome::of(entry, &plan, "aborted", &files),
    })
}

/// Says what became of all of them; one that could not be synced is a failure.
fn finish(outcomes: Vec<Outcome>, dry_run: bool, ui: &mut Ui) -> Result<(), Failure> {
    let open: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| matches!(outcome.result, "conflict" | "aborted" | "skipped")).collect();
    let names: Vec<String> = open
        .iter()
        .map(|outcome| match outcome.conflicts.as_slice() {
            [] => outcome.name.clone(),
            files => format!("{} (in conflict: {})", outcome.name, files.join(", ")),
        })
        .collect();
    let conflict = open.iter().any(|outcome| outcome.result == "conflict");
    let word = open.first().and_then(|outcome| outcome.join);
    if !ui.json {
        for outcome in &outcomes {
            say(outcome, ui)?;
        }
    }
    let failure = (!names.is_empty()).then(|| {
        let failure = Failure::expected(format!("not synced: {}", names.join(", "))).with_code("conflict");
        if conflict {
            let go_on = if word == Some("rebase") { "git rebase --continue" } else { "git commit" };
            let back = if word == Some("rebase") { "git rebase --abort" } else { "git merge --abort" };
            return failure.hint(format!("decide in the files, `git add` them and `{go_on}`; or go back: `{back}`"));
        }
        failure
    });
    match failure {
        Some(failure) => Err(failure),
        None if ui.json => ui.answer_json(&Answer { schema: SCHEMA, dry_run, worktrees: outcomes }),
        None => Ok(()),
    }
}

fn say(outcome: &Outcome, ui: &mut Ui) -> Result<(), Failure> {
    let name = clean(&outcome.name);
    let base = clean(outcome.base.as_deref().unwrap_or_default());
    let join = outcome.join.unwrap_or_default();
    match outcome.result {
        "up-to-date" => ui.say(format!("{name}: up to date with {base}"))?,
        "would-sync" => ui.answer(format!("{name}: would {join} onto {base} ({} new commits)", outcome.behind))?,
        "synced" => ui.say(format!("{name}: {join} with {base} ({} new commits)", outcome.behind))?,
        "conflict" => ui.warn(format!("{name}: the {join} with {base} stopped at files in conflict"))?,
        "aborted" => ui.warn(format!("{name}: the {join} with {base} had conflicts and was taken back"))?,
        _ => ui.warn(format!("{name}: left as it is: {}", clean(outcome.why.as_deref().unwrap_or_default())))?,
    }
    if let Some(why) = outcome.why.as_deref().filter(|_| matches!(outcome.result, "would-sync" | "synced")) {
        ui.say(format!("  {why}"))?;
    }
    for path in &outcome.conflicts {
        ui.say(format!("  in conflict: {}", clean(path)))?;
    }
    Ok(())
}
