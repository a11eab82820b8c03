//! `moai worktree list`: show every worktree: branch, changes, ahead and behind, backend, path.

use clap::ValueEnum;
use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::worktree::{Entry, Repo, Residents, State, inspect_all, registered};

use super::backend::Backends;
use super::view::{Row, Seen, table};
use super::which::Trees;

/// Show every worktree: branch, changes, ahead and behind, backend, path
///
/// The marks: `@` we stand in it, `^` the main checkout, `+` another one. Changes: `+` staged, `~` modified,
/// `?` untracked, `!` conflicted. `↑` and `↓` count commits against the branch it was made from, `⇡` and `⇣` against
/// its remote branch. A backend with `!` is not what the worktree's own settings say: the main checkout overrides it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai worktree list                 a table of all worktrees
  moai worktree list --json          everything that is known, with a schema number
  moai worktree list --format json   a plain array, moai-adk's six fields first
  moai wt ls --format porcelain      one line each for scripts: name, branch and path, with tabs between")]
pub(super) struct Args {
    /// How to answer; `json` is a plain array (`--json` wraps it with a schema number)
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Porcelain,
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    repo: RepoView,
    worktrees: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct RepoView {
    root: Option<String>,
    common_dir: String,
    default_branch: Option<String>,
    bare: bool,
}

/// Runs `moai worktree list`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let trees = Trees::open(world)?;
    if args.format == Format::Porcelain && !ui.json {
        return porcelain(&trees.entries, ui);
    }
    let states = states(world, &trees);
    let seen = seen(world, &trees, &states);
    if ui.json {
        let repo = RepoView {
            root: trees.repo.main_root().map(|root| root.display().to_string()),
            common_dir: trees.repo.common_dir().display().to_string(),
            default_branch: trees.repo.default_branch(&trees.entries),
            bare: trees.repo.main_root().is_none(),
        };
        return ui.answer_json(&Answer { schema: SCHEMA, repo, worktrees: seen.iter().map(Seen::row).collect() });
    }
    if args.format == Format::Json {
        return ui.answer_json(&seen.iter().filter(|one| !one.entry.main).map(Seen::row).collect::<Vec<_>>());
    }
    ui.answer_table(&table(world, &seen))?;
    for one in &seen {
        for sentence in one.backend.iter().flat_map(|backend| &backend.conflict) {
            ui.warn(format!("{}: {}", clean(&one.entry.name()), clean(sentence)))?;
        }
    }
    if !seen.iter().any(|one| !one.entry.main) {
        ui.hint("make a worktree: `moai worktree create SPEC-1`")?;
    }
    Ok(())
}

/// The states of all worktrees, each against its base.
fn states(world: &World, trees: &Trees) -> Vec<State> {
    let bases: Vec<Option<String>> = trees.entries.iter().map(|entry| trees.base(entry, None)).collect();
    inspect_all(world, &trees.entries, &bases)
}

/// Everything that is known of all worktrees.
fn seen<'a>(world: &World, trees: &'a Trees, states: &'a [State]) -> Vec<Seen<'a>> {
    let around = Around::look(world, trees);
    trees.entries.iter().zip(states).map(|(entry, state)| around.seen(world, entry, state)).collect()
}

/// The same of one.
pub(super) fn look<'a>(world: &World, trees: &'a Trees, entry: &'a Entry, state: &'a State) -> Seen<'a> {
    Around::look(world, trees).seen(world, entry, state)
}

/// What is looked up once for all worktrees.
struct Around<'a> {
    repo: &'a Repo,
    residents: Residents,
    backends: Backends,
    current: Option<&'a Entry>,
}

impl<'a> Around<'a> {
    fn look(world: &World, trees: &'a Trees) -> Self {
        let backends = Backends::of(world, &trees.repo);
        Self { repo: &trees.repo, residents: Residents::look(world), backends, current: trees.current() }
    }

    fn seen(&self, world: &World, entry: &'a Entry, state: &'a State) -> Seen<'a> {
        let record = registered(self.repo, entry);
        Seen {
            entry,
            state,
            backend: self.backends.look(world, entry),
            // The main checkout is where shells and editors live: only the others are worth a word.
            residents: if entry.main { Vec::new() } else { self.residents.within(&entry.path) },
            current: self.current.is_some_and(|current| current.admin == entry.admin),
            created_at: record.as_ref().map(|record| record.created_at.clone()),
            last_accessed: record.map(|record| record.last_accessed),
        }
    }
}

/// One line for each worktree, for scripts. Line ends and tabs in names cannot be told from the format's own; use
/// `--json` where that matters.
fn porcelain(entries: &[Entry], ui: &mut Ui) -> Result<(), Failure> {
    for entry in entries {
        let branch = entry.branch.as_deref().unwrap_or("-");
        ui.answer(clean(&format!("{}\t{branch}\t{}", entry.name(), entry.path.display())))?;
    }
    Ok(())
}
