//! `moai glm`: save the GLM key, switch this project to GLM, or run one command on it.
//!
//! The word means what moai-adk 1.x made of it: with a key it only saves, without it only switches. (Its Go
//! successors first did both and later neither; a key that is saved and switched to in one go surprises whoever only
//! wanted to rotate it.)

use std::ffi::OsString;

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::keys::{self, Place};
use crate::model::{Backend, ProviderId};
use crate::settings::{self, Committable, Links, Plan, Target};

use super::dress::{self, Dress, Form};
use super::here::Here;
use super::ui::{SCHEMA, Ui, clean, unified};
use super::{gate, key, launch};

/// Switch this project to GLM, save the GLM key, or run one command on GLM
///
/// Without arguments this writes GLM's environment into .claude/settings.local.json and records what was there before,
/// so that `moai claude` gives it back to the byte. With a key it saves the key to ~/.moai/.env.glm and changes no
/// project. After `--` it runs that command with GLM's environment and changes no file.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "\
Examples:
  moai glm --stdin < keyfile        save the key without leaving it in the shell's history
  moai glm 0123abcd.4567efgh        save the key
  moai glm --dry-run                show what switching would change
  moai glm                          switch this project to GLM
  moai glm --helper                 switch, with no key in the project's files
  moai glm --gateway                through moai's gateway: no key in the project, costs written down
  moai glm -- claude                one Claude Code session on GLM, no file changed
  moai claude                       switch back")]
pub(super) struct Args {
    /// The key to save; also `setup [KEY]` and `status`, as older versions had them
    #[arg(value_name = "KEY", num_args = 0..=2)]
    words: Vec<String>,
    /// Read the key from standard input and save it
    #[arg(long, conflicts_with = "words")]
    stdin: bool,
    /// Save the key to the system's keyring instead of a file
    #[arg(long)]
    keyring: bool,
    /// Let Claude Code ask moai for the key (apiKeyHelper): no key in the project's files
    #[arg(long, conflicts_with_all = ["words", "stdin", "keyring"])]
    helper: bool,
    /// Through moai's gateway, where GLM answers: no vendor's key in the project, everything written down
    #[arg(long, conflicts_with_all = ["words", "stdin", "keyring", "helper", "with_permissions"])]
    gateway: bool,
    /// Also take over the `permissions` of .moai/llm-configs/glm.json
    #[arg(long, conflicts_with_all = ["words", "stdin", "keyring"])]
    with_permissions: bool,
    /// Show what would change, as a diff with masked secrets, and change nothing
    #[arg(short = 'n', long, conflicts_with_all = ["words", "stdin", "keyring"])]
    dry_run: bool,
    /// Run this command on GLM; no file is changed
    #[arg(last = true, value_name = "CMD", conflicts_with_all = ["words", "stdin", "keyring", "helper", "with_permissions", "gateway", "dry_run"])]
    command: Vec<OsString>,
}

/// Runs `moai glm`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if !args.command.is_empty() {
        let here = Here::look(world, ui)?;
        let dress = Dress::glm(world, &here.project, &here.config, Form::Process, ui)?;
        return launch::on_glm(world, &here.project, &dress, &args.command, ui);
    }
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] if args.stdin || args.keyring => save(None, args, world, ui),
        [] if args.gateway => gate::switch(Backend::Glm, args.dry_run, world, ui),
        [] => switch(args, world, ui),
        ["status"] => super::status::run(super::status::Args::default(), world, ui),
        ["setup"] => save(None, args, world, ui),
        ["setup", key] => save(Some(key), args, world, ui),
        [key] if keys::looks_like_key(key) => save(Some(key), args, world, ui),
        [other, ..] => Err(not_a_key(other)),
    }
}

/// The word stands where a key belongs. It is quoted only where it cannot be one.
fn not_a_key(word: &str) -> Failure {
    let shown = if word.len() < 16 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        format!("`{word}` does not look like a key")
    } else {
        "this does not look like a key".to_owned()
    };
    Failure::usage(format!("{shown}; nothing was done"))
        .with_code("not-a-key")
        .hint("to save a key that looks unusual: `moai key set glm --stdin < keyfile`")
        .hint("to pass words to Claude Code on GLM: `moai glm -- claude …`")
}

fn save(given: Option<&str>, args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let secret = key::take(world, ui, ProviderId::Glm, given, args.stdin)?;
    let place = if args.keyring { Place::Keyring } else { Place::File };
    let stored = keys::store(world, ProviderId::Glm, &secret, place)?;
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "action": if stored.changed { "saved" } else { "unchanged" },
            "key": { "source": stored.source.as_str(), "path": stored.source.path(), "fingerprint": secret.fingerprint() },
        }));
    }
    let verb = if stored.changed { "saved" } else { "was there already" };
    ui.say(format!("the GLM key {} {verb}: {}", secret.fingerprint(), stored.source.describe(world)))?;
    if given.is_some() {
        ui.hint("the key is in your shell's history now; `moai glm --stdin < keyfile` keeps it out")?;
    }
    ui.hint("`moai glm` switches a project to GLM, and applies a new key to one that is on it already")
}

fn switch(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let root = &here.project.root;
    require_no_home(world, root)?;
    let form = if args.helper { Form::Helper } else { Form::Configured };
    let mut dress = Dress::glm(world, &here.project, &here.config, form, ui)?;
    if args.with_permissions {
        dress = dress.with_permissions(world, root)?;
    }
    if here.project.is_linked() {
        dress.require_apart(world, &here.project.main)?;
    }
    let target = Target::Glm(dress.env());
    let links = if here.project.is_linked() { Links::Stay } else { Links::Follow };
    // Understood before git's exclude file is touched: a refusal leaves nothing behind.
    let mut plan = settings::plan(world, root, target, links)?;
    warn_of_place(world, &plan, &dress, ui)?;
    if !args.dry_run {
        dress::keep_out_of_git(world, &here.project, dress.env().key().is_none(), ui)?;
        plan = settings::switch(world, root, target, links)?;
    }
    if ui.json {
        return answer_json(world, ui, &plan, Backend::Glm, args.dry_run, Some(&dress));
    }
    if args.dry_run {
        return show_diff(world, ui, &plan);
    }
    say_switched(world, ui, &plan, &dress, &here.config.glm().opus)?;
    say_reach(world, ui, &here)?;
    after_switch(world, ui, root, &plan)
}

/// The home directory is no project: its `.claude` belongs to every project.
pub(super) fn require_no_home(world: &World, root: &std::path::Path) -> Result<(), Failure> {
    let home = world.home().ok().map(|home| home.canonicalize().unwrap_or_else(|_| home.to_path_buf()));
    if home.as_deref() != Some(root) {
        return Ok(());
    }
    Err(Failure::expected("this is your home directory, and `moai glm` switches a project")
        .with_code("no-project")
        .hint("change to a project first: `cd <project> && moai glm`")
        .hint("or run one session on GLM from here: `moai glm -- claude`"))
}

/// Links lead the file out of the project: where the key will be is said before it is there, and what git would commit
/// there does not get it.
fn warn_of_place(world: &World, plan: &Plan, dress: &Dress, ui: &mut Ui) -> Result<(), Failure> {
    let Some(real) = &plan.outside else { return Ok(()) };
    let what = if dress.env().key().is_some() { "the key lands" } else { "the settings land" };
    ui.warn(format!("{what} outside of this project, in {}: links lead there", clean(&world.tilde(real))))?;
    let (Some(directory), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    if dress.env().key().is_none() || !directory.is_dir() {
        return Ok(());
    }
    match settings::committable_file(world, directory, name)? {
        Committable::No | Committable::Unknown => Ok(()),
        Committable::Tracked | Committable::Untracked => Err(Failure::expected(format!(
            "{} is in another repository, whose next commit would take the key",
            world.tilde(real)
        ))
        .with_code("exposed")
        .hint(format!("ignore it there: `echo {name} >> {}/.gitignore`", world.tilde(directory)))
        .hint("or keep the key off the disk: `moai glm --helper`")),
    }
}

fn say_switched(world: &World, ui: &mut Ui, plan: &Plan, dress: &Dress, model: &str) -> Result<(), Failure> {
    let path = world.tilde(&plan.path);
    let key = match (dress.env().key(), dress.found()) {
        (None, _) => format!("key through `{}`", dress.env().helper.as_deref().unwrap_or_default()),
        (Some(key), Some(found)) => format!("key {} from {}", key.fingerprint(), found.source.describe(world)),
        (Some(key), None) => format!("key {} from glm.json", key.fingerprint()),
    };
    let verb = if plan.changes() { "now runs" } else { "already runs" };
    ui.say(format!("this project {verb} on GLM: {}, {key}", clean(model)))?;
    if plan.changes() {
        ui.say(format!("written: {path}"))?;
    }
    if !plan.moved().is_empty() {
        let names: Vec<String> = plan.moved().iter().map(ToString::to_string).collect();
        ui.say(format!("set aside until you switch back: {}", clean(&names.join(", "))))?;
    }
    if plan.lands != plan.path && plan.outside.is_none() {
        ui.warn(format!("{path} is a link: the bytes are in {}", world.tilde(&plan.lands)))?;
    }
    Ok(())
}

/// What the switch does beyond this checkout, and what it could not keep apart.
pub(super) fn say_reach(world: &World, ui: &mut Ui, here: &Here) -> Result<(), Failure> {
    let linked = here.project.git.as_ref().filter(|_| !here.project.is_linked());
    let worktrees =
        linked.and_then(|git| std::fs::read_dir(git.common.join("worktrees")).ok()).map_or(0, Iterator::count);
    if worktrees > 0 {
        ui.say(format!("Claude Code applies it in this repository's linked worktrees ({worktrees}), too"))?;
    }
    let layers = settings::Layers::load(world, &here.project.root, Some(&here.project.main));
    for mixed in layers.effective(Some(&here.config.glm().base_url)).mixed {
        ui.warn(clean(&mixed))?;
    }
    Ok(())
}

/// The same for both directions: what the person still has to do.
pub(super) fn after_switch(world: &World, ui: &mut Ui, root: &std::path::Path, plan: &Plan) -> Result<(), Failure> {
    if !plan.changes() {
        return Ok(());
    }
    let running: Vec<String> = crate::worktree::residents(world, root)
        .into_iter()
        .filter(|resident| resident.name == "claude")
        .map(|resident| resident.pid.to_string())
        .collect();
    if running.is_empty() {
        ui.hint("a Claude Code session that is running keeps its backend until it is restarted")
    } else {
        ui.warn(format!("Claude Code is running here (pid {}): restart it to switch", running.join(", ")))
    }
}

/// What would change, on standard output.
pub(super) fn show_diff(world: &World, ui: &mut Ui, plan: &Plan) -> Result<(), Failure> {
    if !plan.changes() {
        return ui.say(format!("nothing would change in {}", world.tilde(&plan.path)));
    }
    let (old, new) = plan.masked();
    let diff = unified(settings::SETTINGS_LOCAL, &old, &new, ui.style);
    if diff.is_empty() {
        return ui.say(format!("only the permissions of {} would change, to 0600", world.tilde(&plan.path)));
    }
    if plan.deletes() {
        ui.say("the file would be removed: moai made it")?;
    }
    ui.answer(diff)
}

/// The answer of both directions as JSON.
pub(super) fn answer_json(
    world: &World,
    ui: &mut Ui,
    plan: &Plan,
    backend: Backend,
    dry_run: bool,
    dress: Option<&Dress>,
) -> Result<(), Failure> {
    let found = dress.and_then(Dress::found);
    let key = found.map(|found| {
        json!({ "source": found.source.as_str(), "path": found.source.path(), "fingerprint": found.secret.fingerprint() })
    });
    let (old, new) = plan.masked();
    let diff = dry_run.then(|| unified(settings::SETTINGS_LOCAL, &old, &new, super::ui::Paint::new(false, false)));
    let moved: Vec<String> = plan.moved().iter().map(ToString::to_string).collect();
    ui.answer_json(&json!({
        "schema": SCHEMA,
        "action": if plan.changes() { "switched" } else { "unchanged" },
        "dry_run": dry_run,
        "backend": backend.as_str(),
        "path": world.tilde(&plan.path),
        "deleted": plan.deletes(),
        "key": key,
        "helper": dress.and_then(|dress| dress.env().helper.clone()),
        "set_aside_or_restored": moved,
        "diff": diff,
    }))
}
