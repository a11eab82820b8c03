//! `moai key`: the keys that moai finds, where each comes from, and how to change that. Keys are shown as fingerprints;
//! only `--print` gives one out.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::base::failure::{Failure, Kind};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::catalog;
use crate::keys::{self, Found, Held, KeyError, Lookup, Place, Source};
use crate::model::ProviderId;

use super::here::Here;
use super::ui::{Column, SCHEMA, Style, Table, Ui, clean};

/// Show and change the keys of the providers
///
/// GLM's key is looked for in ~/.moai/.env.glm, then ~/.moai/credentials.yaml, then the environment; the other
/// providers' first in the environment. A key that was put into the system's keyring is found there first. Keys are
/// shown as fingerprints (abcd…wxyz).
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  moai key                          GLM's key and where it comes from
  moai key list                     all providers
  moai key set openai --stdin < f   save a key
  moai key where glm                every place, in the order of asking
  moai key glm --print              the key alone, for Claude Code's apiKeyHelper"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// All providers: which have a key, and from where
    #[command(after_help = "Examples:\n  moai key list\n  moai key list --json")]
    List,
    /// One provider's key, as a fingerprint
    #[command(after_help = "Examples:\n  moai key show\n  moai key show anthropic\n  moai key show glm --print")]
    Show(ShowArgs),
    /// Save a key: from a hidden prompt, from standard input, or from the command line
    #[command(
        after_help = "Examples:\n  moai key set openai\n  moai key set glm --stdin < keyfile\n  moai key set gemini --keyring"
    )]
    Set(SetArgs),
    /// Remove a provider's key from the files and the keyring
    #[command(after_help = "Examples:\n  moai key remove openai\n  moai key remove glm --keyring")]
    Remove(RemoveArgs),
    /// Every place that can hold a key, in the order in which it is asked
    #[command(name = "where", after_help = "Examples:\n  moai key where\n  moai key where openai")]
    Where(WhereArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// glm, anthropic, openai, gemini or cohere
    #[arg(value_name = "PROVIDER", default_value = "glm")]
    provider: ProviderId,
    /// Print the key itself and nothing else
    #[arg(long)]
    print: bool,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// glm, anthropic, openai, gemini or cohere
    #[arg(value_name = "PROVIDER")]
    provider: ProviderId,
    /// The key; it stays in the shell's history, so prefer the prompt or --stdin
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Read the key from standard input
    #[arg(long, conflicts_with = "key")]
    stdin: bool,
    /// Save it to the system's keyring instead of a file
    #[arg(long)]
    keyring: bool,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// glm, anthropic, openai, gemini or cohere
    #[arg(value_name = "PROVIDER")]
    provider: ProviderId,
    /// Also ask the keyring where moai has put no key into it
    #[arg(long)]
    keyring: bool,
}

#[derive(Debug, clap::Args)]
struct WhereArgs {
    /// glm, anthropic, openai, gemini or cohere
    #[arg(value_name = "PROVIDER", default_value = "glm")]
    provider: ProviderId,
}

/// Runs `moai key`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        None => show(&args.show, world, ui),
        Some(Command::Show(args)) => show(&args, world, ui),
        Some(Command::List) => list(world, ui),
        Some(Command::Set(args)) => set(&args, world, ui),
        Some(Command::Remove(args)) => remove(&args, world, ui),
        Some(Command::Where(args)) => places(&args, world, ui),
    }
}

/// The key that a person gives: from the command line, from standard input, or typed unseen.
pub(super) fn take(
    _world: &World,
    ui: &mut Ui,
    provider: ProviderId,
    word: Option<&str>,
    stdin: bool,
) -> Result<Secret, Failure> {
    let text =
        if let Some(word) = word {
            word.to_owned()
        } else if stdin {
            let mut text = String::new();
            std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text).map_err(|error| {
                Failure::new(Kind::Usage, format!("cannot read a key from standard input: {error}"))
            })?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        } else if ui.interactive() {
            let prompt = format!("{} key (not shown): ", catalog::provider(provider).name);
            let typed = rpassword::prompt_password(prompt)
                .map_err(|error| Failure::new(Kind::Expected, format!("cannot read from the terminal: {error}")))?;
            typed.trim().to_owned()
        } else {
            return Err(Failure::usage("no key was given, and there is no terminal to ask on")
                .hint("give it on standard input: `--stdin < keyfile`"));
        };
    Ok(keys::check(&text).map_err(KeyError::Refused)?)
}

/// Shows the key, or prints it for Claude Code's `apiKeyHelper`. A slip in llm.yaml must not take the key away from a
/// running session, so a configuration that cannot be read is a warning here.
fn show(args: &ShowArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = match Here::quietly(world) {
        Ok(here) => Some(here),
        Err(failure) if failure.kind() == Kind::Config => {
            ui.warn(format!("{}; looking for the key without it", clean(&failure.chain().join(": "))))?;
            None
        }
        Err(failure) => return Err(failure),
    };
    let lookup = here.as_ref().map(Here::lookup).unwrap_or_default();
    let found = keys::require(world, args.provider, &lookup)?;
    if args.print && !ui.json {
        return keys::print(&found.secret, |bytes| ui.answer_bytes(bytes));
    }
    if ui.json {
        let mut value = key_json(&found);
        if let Value::Object(map) = &mut value {
            map.insert("schema".into(), SCHEMA.into());
            map.insert("provider".into(), args.provider.as_str().into());
        }
        return ui.answer_json(&value);
    }
    let name = catalog::provider(args.provider).name;
    ui.answer(format!("{name}: {} from {}", found.secret.fingerprint(), found.source.describe(world)))
}

fn key_json(found: &Found) -> Value {
    json!({
        "fingerprint": found.secret.fingerprint(),
        "source": found.source.as_str(),
        "path": found.source.path(),
        "variable": match &found.source { Source::Env(name) => Some(name), _ => None },
    })
}

fn list(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::quietly(world)?;
    let found = |provider| keys::find(world, provider, &here.lookup());
    if ui.json {
        let rows: Vec<Value> = ProviderId::ALL
            .into_iter()
            .map(|provider| match found(provider) {
                Ok(found) => json!({ "provider": provider.as_str(), "key": found.as_ref().map(key_json) }),
                Err(error) => json!({ "provider": provider.as_str(), "key": null, "error": error.to_string() }),
            })
            .collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "keys": rows }));
    }
    let mut table = Table::new([Column::fixed("provider"), Column::fixed("key"), Column::shrinking("from")]);
    for provider in ProviderId::ALL {
        let (key, from, style) = match found(provider) {
            Ok(Some(found)) => (found.secret.fingerprint(), found.source.describe(world), Style::Green),
            Ok(None) => ("-".into(), String::new(), Style::Dim),
            Err(error) => ("unusable".into(), with_cause(&error), Style::Red),
        };
        table.row([(provider.as_str().to_owned(), Style::Bold), (key, style), (from, Style::Plain)]);
    }
    ui.answer_table(&table)
}

fn set(args: &SetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let secret = take(world, ui, args.provider, args.key.as_deref(), args.stdin)?;
    let place = if args.keyring { Place::Keyring } else { Place::File };
    let stored = keys::store(world, args.provider, &secret, place)?;
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "provider": args.provider.as_str(),
            "changed": stored.changed,
            "key": key_json(&Found { secret, source: stored.source }),
        }));
    }
    let verb = if stored.changed { "saved" } else { "was there already" };
    let name = catalog::provider(args.provider).name;
    ui.say(format!("the {name} key {} {verb}: {}", secret.fingerprint(), stored.source.describe(world)))?;
    if args.key.is_some() {
        ui.hint("the key is in your shell's history now; --stdin keeps it out")?;
    }
    shadowed(args.provider, &secret, world, ui)
}

/// A saved key that another place hides would puzzle whoever saved it.
fn shadowed(provider: ProviderId, secret: &Secret, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let Ok(here) = Here::quietly(world) else { return Ok(()) };
    match keys::find(world, provider, &here.lookup()) {
        Ok(Some(found)) if found.secret != *secret => ui.warn(format!(
            "another key comes first: {} from {}",
            found.secret.fingerprint(),
            found.source.describe(world)
        )),
        _ => Ok(()),
    }
}

fn remove(args: &RemoveArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let removed = keys::remove(world, args.provider, args.keyring)?;
    let here = Here::quietly(world)?;
    let left = keys::find(world, args.provider, &here.lookup())?;
    if ui.json {
        let from: Vec<&str> = removed.sources.iter().map(Source::as_str).collect();
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "provider": args.provider.as_str(),
            "removed": from,
            "key": left.as_ref().map(key_json),
        }));
    }
    let name = catalog::provider(args.provider).name;
    if removed.sources.is_empty() {
        ui.say(format!("there was no {name} key to remove"))?;
    }
    for source in &removed.sources {
        ui.say(format!("removed the {name} key from {}", source.describe(world)))?;
    }
    match left {
        Some(found) => ui.warn(format!("a key is still found: {} from {}", found.secret.fingerprint(), found.source)),
        None => Ok(()),
    }
}

fn places(args: &WhereArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::quietly(world)?;
    let lookup: Lookup<'_> = here.lookup();
    let held = keys::everywhere(world, args.provider, &lookup);
    let in_use = held.iter().position(|held| !matches!(held.key, Ok(None)));
    if ui.json {
        let rows: Vec<Value> = held
            .iter()
            .enumerate()
            .map(|(index, held)| {
                json!({
                    "source": held.source.as_str(),
                    "place": held.source.to_string(),
                    "fingerprint": held.key.as_ref().ok().and_then(Option::as_ref).map(Secret::fingerprint),
                    "error": held.key.as_ref().err().map(with_cause),
                    "used": in_use == Some(index),
                })
            })
            .collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "provider": args.provider.as_str(), "places": rows }));
    }
    let mut table = Table::new([Column::fixed(""), Column::shrinking("place"), Column::shrinking("key")]);
    for (index, held) in held.iter().enumerate() {
        let used = in_use == Some(index);
        let (key, style) = describe(held, used);
        let mark = if used { "→" } else { "" };
        table.row([(mark.to_owned(), Style::Bold), (held.source.describe(world), Style::Plain), (key, style)]);
    }
    ui.answer_table(&table)
}

fn describe(held: &Held, used: bool) -> (String, Style) {
    match &held.key {
        Ok(None) => ("-".into(), Style::Dim),
        Ok(Some(secret)) if used => (secret.fingerprint(), Style::Green),
        Ok(Some(secret)) => (secret.fingerprint(), Style::Plain),
        Err(error) => (with_cause(error), Style::Red),
    }
}

/// The message with its cause: what is wrong with the key, not only that something is.
fn with_cause(error: &KeyError) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
