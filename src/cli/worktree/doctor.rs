//! `moai worktree doctor`: show whether libgit2 or the git executable serves this repository, and why.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{Git, Repo, preflight};

/// Show whether libgit2 or the git executable serves this repository, and why
///
/// moai makes worktrees itself where that gives exactly what git would make, and hands the rest to git.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree doctor
  moai worktree doctor --json
  moai worktree create SPEC-1 --engine git   what to do where the fast way is not wanted")]
pub(super) struct Args {}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    engine: &'static str,
    git: Option<String>,
    libgit2: String,
    common_dir: String,
    reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
struct Reason {
    code: &'static str,
    text: String,
}

/// Runs `moai worktree doctor`.
pub(super) fn run(_args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let repo = Repo::open(world)?;
    let reasons: Vec<Reason> =
        preflight(&repo)?.iter().map(|reason| Reason { code: reason.code(), text: reason.to_string() }).collect();
    let (major, minor, patch) = git2::Version::get().libgit2_version();
    let answer = Answer {
        schema: SCHEMA,
        engine: if reasons.is_empty() { "native" } else { "git" },
        git: Git::at(world, repo.common_dir()).version(),
        libgit2: format!("{major}.{minor}.{patch}"),
        common_dir: repo.common_dir().display().to_string(),
        reasons,
    };
    if ui.json {
        return ui.answer_json(&answer);
    }
    ui.answer(format!("repository  {}", clean(&world.tilde(repo.common_dir()))))?;
    ui.answer(format!("libgit2     {}", answer.libgit2))?;
    ui.answer(format!("git         {}", answer.git.as_deref().map_or_else(|| "not installed".into(), clean)))?;
    ui.answer(format!("engine      {}", ui.style.bold(answer.engine)))?;
    for reason in &answer.reasons {
        ui.answer(format!("            this repository {}", clean(&reason.text)))?;
    }
    if !answer.reasons.is_empty() && answer.git.is_none() {
        return Err(Failure::expected("this repository needs the git executable, and it is not installed")
            .with_code("no-git")
            .hint("install git and run the same command again"));
    }
    Ok(())
}
