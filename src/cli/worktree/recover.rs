//! `moai worktree recover`: repair what a killed command, a moved or a deleted directory left behind.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::settings;
use crate::worktree::{Repo, Stray, mend, recover_interrupted, register, settle, strays};

use super::backend::seal;
use super::view::shown;
use super::which::Trees;

/// Repair what a killed command, a moved or a deleted directory left behind
///
/// Half-made and half-removed worktrees are taken back; moved ones are found again among their neighbours (or at the
/// PATHs given); directories whose git files were pruned are registered again on their branch. Nothing is deleted:
/// that is what `moai worktree clean` is for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree recover --dry-run
  moai worktree recover
  moai worktree recover ~/elsewhere/SPEC-1   a worktree that was moved there")]
pub(super) struct Args {
    /// Where moved worktrees are now
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
    paths: Vec<PathBuf>,
    /// Show what would happen, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    dry_run: bool,
    undone: Vec<String>,
    taken_back: Vec<String>,
    found: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    path: String,
    /// `moved`, `repository-moved`, `forgotten`, `unknown`, `copy`.
    kind: &'static str,
    mended: bool,
    what: String,
}

/// Runs `moai worktree recover`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let first = Trees::open(world)?;
    let (undone, taken_back) = if args.dry_run { Default::default() } else { take_back(world, &first.repo)? };
    let trees = Trees::open(world)?;
    let cwd = world.cwd()?;
    let places: Vec<PathBuf> = args.paths.iter().map(|path| cwd.join(path)).collect();
    let mut found = Vec::new();
    for (path, stray) in strays(&trees.repo, &trees.entries, &places) {
        let mends = !matches!(stray, Stray::Unknown | Stray::Copy { .. });
        if mends && !args.dry_run {
            mend(&trees.repo, &path, &stray)?;
            enlist(&trees, &path)?;
        }
        found.push(Found {
            path: path.display().to_string(),
            kind: kind(&stray),
            mended: mends && !args.dry_run,
            what: what(&stray, world),
        });
    }
    if ui.json {
        return ui.answer_json(&Answer {
            schema: SCHEMA,
            dry_run: args.dry_run,
            undone: undone.iter().map(|path| path.display().to_string()).collect(),
            taken_back,
            found,
        });
    }
    for path in &undone {
        ui.say(format!("undid the half-made {}", clean(&shown(world, path))))?;
    }
    for name in &taken_back {
        ui.say(format!("{}: its removal was killed half way; it is back", clean(name)))?;
    }
    for one in &found {
        let path = clean(&shown(world, Path::new(&one.path)));
        let mark = if one.mended { "mended" } else { "found" };
        ui.say(format!("{mark} {path}: {}", clean(&one.what)))?;
    }
    let missing = trees.entries.iter().filter(|entry| entry.prunable.is_some()).count();
    if undone.is_empty() && taken_back.is_empty() && found.is_empty() {
        ui.say("there is nothing to repair")?;
    }
    if missing > found.len() {
        ui.hint(
            "directories are missing: `moai worktree recover PATH` where they were moved, else `moai worktree clean`",
        )?;
    }
    Ok(())
}

/// Undoes what killed commands left: half-made worktrees go (their paths), half-removed ones come back (their names).
pub(in crate::cli) fn take_back(world: &World, repo: &Repo) -> Result<(Vec<PathBuf>, Vec<String>), Failure> {
    let undone: Vec<PathBuf> = recover_interrupted(repo)?.into_iter().filter_map(|undone| undone.path).collect();
    for path in &undone {
        settings::forget(world, path)?;
    }
    let back = settle(repo, &mut |record: &_, tree: &Path| seal(world, repo, record, tree))?;
    Ok((undone, back))
}

/// Puts a worktree that was found again into moai-adk's registry, where there is one.
fn enlist(trees: &Trees, path: &Path) -> Result<(), Failure> {
    let entries = trees.repo.entries()?;
    if let Some(entry) = trees.repo.entry_at(&entries, path)
        && let Some(branch) = &entry.branch
    {
        register(&trees.repo, &entry.name(), &entry.path, branch)?;
    }
    Ok(())
}

fn kind(stray: &Stray) -> &'static str {
    match stray {
        Stray::Moved { .. } => "moved",
        Stray::RepositoryMoved { .. } => "repository-moved",
        Stray::Forgotten { .. } => "forgotten",
        Stray::Unknown => "unknown",
        Stray::Copy { .. } => "copy",
    }
}

fn what(stray: &Stray, world: &World) -> String {
    match stray {
        Stray::Moved { from, .. } => format!("it was moved from {}", shown(world, from)),
        Stray::RepositoryMoved { .. } => "the repository was moved".into(),
        Stray::Forgotten { branch } => format!("git had forgotten it; its branch is {branch}"),
        Stray::Unknown => "git has forgotten it, and no free branch has its name; its files are untouched".into(),
        Stray::Copy { of } => format!("it is a copy of {}, which still stands", shown(world, of)),
    }
}
