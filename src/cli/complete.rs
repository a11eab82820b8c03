//! Completion from the living project. The scripts of `completions/` run `MOAI_COMPLETE=<shell> moai -- WORDS…` on
//! every TAB; here that is answered: SPEC ids, branches, models, providers, settings and their values as they are now.
//!
//! What an argument completes follows from its `value_name`, so a command only has to call things by their names.
//! Whatever goes wrong here says nothing: a TAB must not print an error into a half-typed command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use crate::base::sort;
use crate::base::world::World;
use crate::catalog;
use crate::config::keys::{self, Shape};
use crate::config::{Config, Project, Routing};
use crate::journal::SessionHead;
use crate::model::{Mode, ProviderId, SpecId};
use crate::route::Strategy;
use crate::worktree::Repo;

use super::books::Books;
use super::here::Here;
use super::ui::{Colour, Ui};

/// The variable that asks for completions instead of a command.
pub(super) const ASK: &str = "MOAI_COMPLETE";

/// At most this many branches are offered: more help nobody, and a TAB has to be quick.
const MOST_BRANCHES: usize = 500;

/// Answers a shell that asks for completions; `None` where nobody does.
pub(super) fn answer(world: &World, command: fn() -> Command) -> Option<ExitCode> {
    let shell = world.env.text(ASK)?;
    let words: Vec<OsString> = world.args.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    if words.is_empty() {
        return None;
    }
    let seen = seen_from(world, &words);
    let cwd = seen.cwd().ok().map(Path::to_path_buf);
    let setting = word_after(&words, "set").and_then(|name| keys::find(&name));
    let typed = words.last().and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    let mut command = attach(command(), &[], &Arc::new(Living { world: seen, setting, typed }));
    let mut answer = Vec::new();
    let shells = Shells::builtins();
    let completed =
        shells.completer(shell).map(|it| it.write_complete(&mut command, words, cwd.as_deref(), &mut answer));
    if matches!(completed, Some(Ok(()))) {
        drop(Ui::new(world, Colour::Never, false, true).answer_bytes(&answer));
    }
    Some(ExitCode::SUCCESS)
}

/// The world as the half-typed command line would see it: `-C DIR` moves it.
fn seen_from(world: &World, words: &[OsString]) -> World {
    let mut seen = world.clone();
    let named = word_after(words, "-C").or_else(|| word_after(words, "--directory"));
    if let (Some(dir), Ok(cwd)) = (named, world.cwd()) {
        let dir = cwd.join(dir);
        seen.set_cwd(dir);
    }
    seen
}

fn word_after(words: &[OsString], word: &str) -> Option<String> {
    let at = words.iter().position(|candidate| candidate == word)?;
    words.get(at + 1)?.to_str().map(str::to_owned)
}

/// What candidates are made from.
struct Living {
    world: World,
    /// The setting of a `config set` that is being typed.
    setting: Option<keys::Name>,
    /// What there is of the word that is being typed.
    typed: String,
}

type Candidates = fn(&Living) -> Vec<CompletionCandidate>;

/// The command with candidates on every argument whose name says what it takes.
fn attach(command: Command, path: &[String], living: &Arc<Living>) -> Command {
    let command = command.mut_args(|arg| match candidates(path, &arg) {
        Some(candidates) => {
            let living = Arc::clone(living);
            arg.add(ArgValueCandidates::new(move || candidates(&living)))
        }
        None => arg,
    });
    command.mut_subcommands(|sub| {
        let path: Vec<String> = path.iter().cloned().chain([sub.get_name().to_owned()]).collect();
        attach(sub, &path, living)
    })
}

/// The source of an argument's candidates, from its value name and the command that it belongs to.
fn candidates(path: &[String], arg: &Arg) -> Option<Candidates> {
    let name = arg.get_value_names()?.first()?.as_str();
    let inside = |command: &str| path.iter().any(|word| word == command);
    Some(match name {
        "SPEC" if inside("create") || inside("phase") || inside("restore") => specs,
        "SPEC" | "WORKTREE" => worktrees,
        "BRANCH" | "REF" | "BASE" => branches,
        "MODEL" => models,
        "ID" if inside("session") || arg.get_id() == "session" => sessions,
        "PROVIDER" => providers,
        "KEY" | "NAME" | "GROUP" if inside("config") => settings,
        "VALUE" if inside("config") => values,
        "MODE" => modes,
        _ => return None,
    })
}

fn candidate(value: impl Into<OsString>, help: impl Into<String>) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.into().into()))
}

fn worktrees(living: &Living) -> Vec<CompletionCandidate> {
    let Ok(entries) = Repo::open(&living.world).and_then(|repo| repo.entries()) else { return Vec::new() };
    entries
        .into_iter()
        .filter(|entry| !entry.main)
        .filter_map(|entry| {
            let help = entry.branch.unwrap_or_else(|| "detached".into());
            entry.id.map(|id| candidate(id, help))
        })
        .collect()
}

/// The SPECs of `.moai/specs`, and those that have a worktree.
fn specs(living: &Living) -> Vec<CompletionCandidate> {
    let mut found = worktrees(living);
    let Ok(project) = Project::find(&living.world) else { return found };
    for root in [&project.root, &project.main] {
        let Ok(listing) = std::fs::read_dir(root.join(".moai/specs")) else { continue };
        let names = listing.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| name.parse::<SpecId>().is_ok()) {
            if !found.iter().any(|known| known.get_value() == name.as_str()) {
                found.push(candidate(name, ".moai/specs"));
            }
        }
    }
    sort::by(&mut found, |a, b| a.get_value().cmp(b.get_value()));
    found
}

fn branches(living: &Living) -> Vec<CompletionCandidate> {
    let Ok(repo) = Repo::open(&living.world) else { return Vec::new() };
    let names: Vec<String> = match repo.git2() {
        Some(git) => git
            .branches(None)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|(branch, _)| branch.name().ok().flatten().map(str::to_owned))
            .collect(),
        None => repo
            .git()
            .text(&["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes"])
            .map(|names| names.lines().map(str::to_owned).collect())
            .unwrap_or_default(),
    };
    names
        .into_iter()
        .filter(|name| !name.ends_with("/HEAD"))
        .take(MOST_BRANCHES)
        .map(CompletionCandidate::new)
        .collect()
}

/// The models that this project uses, then those that the catalog knows.
fn models(living: &Living) -> Vec<CompletionCandidate> {
    let mut found = Vec::new();
    if let Ok(project) = Project::find(&living.world)
        && let Ok(config) = Config::load(&living.world, &project)
    {
        found.extend(config.glm().distinct().into_iter().map(|model| candidate(model, "of this project")));
        if let Ok(routing) = Routing::load(&living.world, &project, &config) {
            let new =
                routing.models.iter().filter(|model| !found.iter().any(|it| it.get_value() == model.name.as_str()));
            let new: Vec<_> = new.map(|model| candidate(&model.name, format!("of {}", model.provider))).collect();
            found.extend(new);
        }
    }
    for model in catalog::GLM_MODELS {
        if !found.iter().any(|known| known.get_value() == *model) {
            found.push(CompletionCandidate::new(*model));
        }
    }
    found
}

/// The conversations that are kept.
fn sessions(living: &Living) -> Vec<CompletionCandidate> {
    let heads = Here::quietly(&living.world).ok().and_then(|here| {
        let mut books = Books::open(&living.world, &here, None).ok()?;
        books.existing().ok()??.sessions().ok()
    });
    let shown = |head: SessionHead| candidate(head.id, format!("{} messages", head.messages));
    heads.unwrap_or_default().into_iter().map(shown).collect()
}

fn providers(_living: &Living) -> Vec<CompletionCandidate> {
    ProviderId::ALL.map(|id| CompletionCandidate::new(id.as_str())).into()
}

fn modes(_living: &Living) -> Vec<CompletionCandidate> {
    Mode::ALL.map(|mode| CompletionCandidate::new(mode.as_str())).into()
}

/// The settings of every day; once a letter is typed, those of routing, too, and what stands in a pattern's place.
fn settings(living: &Living) -> Vec<CompletionCandidate> {
    if living.typed.is_empty() {
        return keys::everyday().map(|key| candidate(key.name, key.doc)).collect();
    }
    let mut found: Vec<CompletionCandidate> =
        keys::all().filter(|key| !key.is_pattern()).map(|key| candidate(key.name, key.doc)).collect();
    if let Ok(project) = Project::find(&living.world)
        && let Ok(config) = Config::load(&living.world, &project)
        && let Ok(all) = config.everything(&living.world, &project)
    {
        let free = all.iter().filter(|setting| setting.name.key.is_pattern());
        found.extend(free.map(|setting| candidate(setting.name.as_str(), setting.name.key.doc)));
    }
    found
}

fn values(living: &Living) -> Vec<CompletionCandidate> {
    match living.setting.as_ref().map(|name| name.key.shape) {
        Some(Shape::Mode) => modes(living),
        Some(Shape::Switch) => ["true", "false"].map(CompletionCandidate::new).into(),
        Some(Shape::Choice(words)) => words.iter().map(CompletionCandidate::new).collect(),
        Some(Shape::Model | Shape::Models) => models(living),
        Some(Shape::Strategy) => Strategy::ALL.map(|strategy| CompletionCandidate::new(strategy.as_str())).into(),
        Some(Shape::Tier) => ["1", "2"].map(CompletionCandidate::new).into(),
        _ => Vec::new(),
    }
}
