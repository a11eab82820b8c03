//! `moai worktree restore`: bring a removed worktree back.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::dress::{Dress, Form, keep_out_of_git};
use crate::cli::here::Here;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::config::Project;
use crate::worktree::{Record, Repo, Restored, register, restore, settle, trash};

use super::backend::seal;
use super::view::shown;
use super::which::ago;

/// Bring a removed worktree back: its files, its index and its branch
///
/// Removed worktrees stay in the trash for the days of `worktree.trash_days`. The newest one of that name comes back,
/// to where it stood. Where its branch moved or is checked out elsewhere, it comes back on its commit instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree restore                       what is in the trash
  moai worktree restore SPEC-1                bring it back
  moai worktree restore SPEC-1 --to ~/again   to another place")]
pub(super) struct Args {
    /// The removed worktree; none: show what is in the trash
    #[arg(value_name = "SPEC")]
    name: Option<String>,
    /// Where to put it
    #[arg(long, value_name = "DIR", requires = "name")]
    to: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Listed {
    schema: u32,
    trash: Vec<Waiting>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    key: String,
    name: String,
    path: String,
    branch: Option<String>,
    head: Option<String>,
    rescue: Option<String>,
    removed_at: String,
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    name: String,
    path: String,
    branch: Option<String>,
    branch_made: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detached: Option<String>,
    glm: bool,
}

/// How long the trash keeps things here.
pub(super) fn keep(world: &World) -> SignedDuration {
    let days = Here::quietly(world).map_or(7, |here| here.config.trash_days());
    SignedDuration::from_hours(24 * i64::try_from(days.min(36_500)).unwrap_or(7))
}

/// Runs `moai worktree restore`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let repo = Repo::open(world)?;
    settle(&repo, &mut |record: &_, tree: &Path| seal(world, &repo, record, tree))?;
    let records = trash(&repo)?;
    let Some(name) = &args.name else { return list(&records, world, ui) };
    let record = records
        .iter()
        .find(|record| record.key == *name || record.name == *name || record.branch.as_deref() == Some(name))
        .or_else(|| records.iter().find(|record| record.name.eq_ignore_ascii_case(name)));
    let Some(record) = record else {
        return Err(Failure::expected(format!("`{name}` is not in the trash"))
            .with_code("not-in-trash")
            .hint("see what is: `moai worktree restore`"));
    };
    let to = args.to.as_ref().map(|to| world.cwd().map(|cwd| cwd.join(to))).transpose()?;
    let restored = restore(&repo, record, to.as_deref())?;
    if let Some(branch) = record.branch.as_deref().filter(|_| restored.detached.is_none()) {
        // A registry that cannot be written does not keep a worktree from coming back.
        drop(register(&repo, &record.name, &restored.path, branch));
    }
    let glm = record.glm.then(|| dress_again(&restored, world, ui));
    said(&restored, glm, world, ui)
}

/// Puts it on GLM again: the key was taken out on its way to the trash. What git ignored then it may not ignore now.
fn dress_again(restored: &Restored, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::quietly(world)?;
    let dress = Dress::glm(world, &here.project, &here.config, Form::Configured, ui)?;
    dress.require_apart(world, &here.project.main)?;
    let mut there = world.clone();
    there.set_cwd(restored.path.clone());
    keep_out_of_git(&there, &Project::find(&there)?, dress.env().key().is_none(), ui)?;
    dress.write_into(world, &restored.path).map(drop)
}

fn said(restored: &Restored, glm: Option<Result<(), Failure>>, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let record = &restored.record;
    if ui.json {
        return ui.answer_json(&Answer {
            schema: SCHEMA,
            name: record.name.clone(),
            path: restored.path.display().to_string(),
            branch: record.branch.clone(),
            branch_made: restored.branch_made,
            detached: restored.detached.clone(),
            glm: matches!(glm, Some(Ok(()))),
        });
    }
    ui.say(format!("{} is back", clean(&record.name)))?;
    if restored.branch_made {
        let branch = record.branch.as_deref().unwrap_or_default();
        ui.say(format!("the branch {} was made again", clean(branch)))?;
    }
    if let Some(why) = &restored.detached {
        ui.warn(format!("it is on its commit and not on its branch: {}", clean(why)))?;
    }
    match glm {
        None => {}
        Some(Ok(())) => ui.say("Claude Code runs on GLM there again")?,
        Some(Err(failure)) => {
            ui.warn(format!("it is not on GLM again: {}", clean(&failure.chain().join(": "))))?;
            let path = clean(&shown(world, &restored.path));
            ui.hint(format!(
                "its key was taken out before it went to the trash; to put it back: `moai -C {path} glm`"
            ))?;
        }
    }
    ui.answer(restored.path.display().to_string())
}

fn list(records: &[Record], world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let keep = keep(world);
    if ui.json {
        let trash = records
            .iter()
            .map(|record| Waiting {
                key: record.key.clone(),
                name: record.name.clone(),
                path: record.path.display().to_string(),
                branch: record.branch.clone(),
                head: record.head.clone(),
                rescue: record.rescue.clone(),
                removed_at: record.removed_at.to_string(),
                expires_at: record.expires(keep).to_string(),
            })
            .collect();
        return ui.answer_json(&Listed { schema: SCHEMA, trash });
    }
    if records.is_empty() {
        return ui.say("the trash is empty");
    }
    let mut table = Table::new([
        Column::fixed("SPEC"),
        Column::shrinking("branch"),
        Column::fixed("removed"),
        Column::fixed("until"),
        Column::shrinking("path"),
    ]);
    for record in records {
        table.row([
            (record.name.clone(), Style::Bold),
            (record.branch.clone().unwrap_or_else(|| "(detached)".into()), Style::Plain),
            (ago(world.now(), record.removed_at), Style::Plain),
            (record.expires(keep).strftime("%Y-%m-%d").to_string(), Style::Plain),
            (shown(world, &record.path), Style::Dim),
        ]);
    }
    ui.answer_table(&table)
}
