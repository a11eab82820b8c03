//! `moai serve key`: the gateway's access keys. A secret is shown once, when it is made.

use serde_json::{Value, json};

use crate::base::failure::{Failure, Kind};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::gateway::{Access, Key, Scope};
use crate::keys;
use crate::upstream;

use super::state::State;

/// The gateway's access keys
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai serve key list
  moai serve key add ci --scope use
  moai serve key add phone --scope use,read
  moai serve key revoke ci
  moai serve key print                the first key, which opens everything
  moai serve key print --code         the key of sessions, for apiKeyHelper")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key; it is shown this once
    #[command(
        after_help = "Examples:\n  moai serve key add ci --scope use\n  moai serve key add boss --scope use,read,admin"
    )]
    Add(AddArgs),
    /// The keys and what they open
    #[command(after_help = "Examples:\n  moai serve key list\n  moai serve key list --json")]
    List,
    /// Take a key back: from now on nobody gets in with it
    #[command(after_help = "Examples:\n  moai serve key revoke ci")]
    Revoke(NameArgs),
    /// Print the first key, or the one that sessions of Claude Code get, and nothing else
    #[command(
        after_help = "Examples:\n  moai serve key print\n  curl -H \"x-api-key: $(moai serve key print)\" http://127.0.0.1:3456/v1/models"
    )]
    Print(PrintArgs),
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Its name: letters, digits, `-`, `_` and `.`
    #[arg(value_name = "NAME")]
    name: String,
    /// What it opens: use (ask models), read (figures), admin (change things)
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "use")]
    scope: Vec<Scope>,
}

#[derive(Debug, clap::Args)]
struct PrintArgs {
    /// The key that sessions of Claude Code get: it opens `use` alone
    #[arg(long)]
    code: bool,
    /// The same key, for apiKeyHelper: starts the gateway in the background where none runs
    #[arg(long)]
    start: bool,
}

#[derive(Debug, clap::Args)]
struct NameArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs `moai serve key`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::Add(args) => add(&args, world, ui),
        Command::List => list(world, ui),
        Command::Revoke(args) => revoke(&args, world, ui),
        Command::Print(args) => print(&args, world, ui),
    }
}

fn add(args: &AddArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let made = Access::open(world)?.add(&args.name, &args.scope, world.now())?;
    if ui.json {
        return keys::show(&made.secret, |secret| {
            let mut document = document(&made.key);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("schema".into(), SCHEMA.into());
                fields.insert("key".into(), secret.into());
            }
            ui.answer_json(&document)
        });
    }
    ui.say(format!("the access key `{}` opens {}; it is shown this once:", made.key.name, scopes(&made.key)))?;
    keys::print(&made.secret, |bytes| ui.answer_bytes(bytes))
}

fn list(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    // Looking makes no key.
    let made = super::state::dir(world)?.join("keys.json").exists();
    let keys = if made { Access::open(world)?.keys()? } else { Vec::new() };
    if ui.json {
        let keys: Vec<Value> = keys.iter().map(document).collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "keys": keys }));
    }
    if keys.is_empty() {
        ui.answer("there is no access key yet")?;
        return ui.hint("the first start makes one: `moai serve`");
    }
    let mut table = Table::new([Column::fixed("key"), Column::fixed("opens"), Column::fixed("made")]);
    for key in &keys {
        let made = key.created.strftime("%F %T UTC").to_string();
        table.row([(key.name.clone(), Style::Bold), (scopes(key), Style::Plain), (made, Style::Dim)]);
    }
    ui.answer_table(&table)
}

fn revoke(args: &NameArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let key = Access::open(world)?.revoke(&args.name)?;
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "action": "revoked", "name": key.name }));
    }
    ui.say(format!("the access key `{}` opens nothing any more", key.name))
}

fn print(args: &PrintArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if args.start {
        super::ensure(world, &mut |line| ui.say(clean(line)))?;
    }
    let secret = if args.code || args.start { require_code(world)? } else { require_own(world)? };
    keys::print(&secret, |bytes| ui.answer_bytes(bytes))
}

/// The key of this machine's own commands, made where there is none yet.
fn require_own(world: &World) -> Result<Secret, Failure> {
    Access::open(world)?;
    Access::first_secret(world)?.ok_or_else(|| {
        Failure::new(Kind::Config, "the access key of this machine's own commands was revoked")
            .with_code("no-own-key")
            .hint("`moai serve key add first --scope use,read,admin` makes another one")
    })
}

/// The key that sessions of Claude Code are given, made where there is none yet.
pub(in crate::cli) fn require_code(world: &World) -> Result<Secret, Failure> {
    Access::open(world)?;
    Access::code_secret(world)?
        .ok_or_else(|| Failure::new(Kind::Expected, "the access key of sessions was just taken back").hint("try again"))
}

/// What a running gateway says of itself; `None` where it does not answer.
pub(super) fn health(world: &World, state: &State) -> Option<Value> {
    let key = Access::first_secret(world).ok().flatten()?;
    upstream::fetch_own(&state.url, "/api/health", &key).ok()
}

fn scopes(key: &Key) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

fn document(key: &Key) -> Value {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    json!({ "name": key.name, "scopes": scopes, "created": key.created.to_string() })
}
