//! `moai serve`: the gateway's command line. Starting it, seeing it, stopping it, and its access keys.
//!
//! - `start`: the socket and, where it is wished for, the way into the background
//! - `run`: the process of the gateway, from its first snapshot to its end
//! - `snapshot`: the configuration as the gateway works with it
//! - `beside`: a gateway that ends with the command that started it
//! - `state`: the running gateway as other commands find it
//! - `control`: status, stop, reload
//! - `access`: the access keys
//! - `listen`: the socket
//! - `service`: install and uninstall; `unit`: the texts that they write
//! - `words`: what is said of it and of its requests

pub(in crate::cli) mod access;
mod beside;
mod control;
mod listen;
mod run;
mod service;
mod snapshot;
mod start;
pub(in crate::cli) mod state;
mod unit;
mod words;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::exchange::book::estimate;

use super::ui::{Ui, clean};

pub(in crate::cli) use beside::Beside;

/// Run the gateway: every model behind one address, for Claude Code and every other client
///
/// Speaks Anthropic's Messages and chat completions as `OpenAI` has them, decides for each turn who answers as `moai route` does,
/// stands in for a model that fails before its first word, and writes down what everything cost. Clients need an access
/// key: the first one is made at the first start. Vendors' keys stay here. Ctrl-C lets the answers under way end; a
/// change of the configuration counts from the next request on.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  moai serve                          on 127.0.0.1:3456, until Ctrl-C
  moai serve --detach                 the same in the background
  moai serve --model sim              everything answered by the simulation: no key, no cost
  moai serve --port 0                 on any port that is free; it says which
  moai serve status                   is one running, where, with which models
  moai serve reload                   read the configuration again, now
  moai serve stop                     let the answers under way end, then stop
  moai serve key add ci --scope use   another access key
  moai serve install                  have it running from login on
  moai code                           Claude Code on it"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Is a gateway running, where, and with which models
    #[command(
        after_help = "Examples:\n  moai serve status\n  moai serve status --json | jq -r .url\n\nExit 0 where one runs, else 1."
    )]
    Status,
    /// Let the answers under way end, then stop it
    #[command(after_help = "Examples:\n  moai serve stop")]
    Stop,
    /// Read the configuration again; a wrong one is refused, and the old one stays
    #[command(after_help = "Examples:\n  moai serve reload")]
    Reload,
    /// Have the system keep it running, from login on: a systemd user unit, or a launchd agent
    #[command(
        after_help = "Examples:\n  moai serve install --dry-run\n  moai serve install\n  systemctl --user status moai\n  moai serve uninstall\n\nKeys in your shell's environment are not there: save them with `moai key set`, or write NAME=VALUE lines into\n~/.moai/serve.env (0600). It runs while you are logged in; `loginctl enable-linger` is yours to decide."
    )]
    Install(service::ServiceArgs),
    /// Stop the service and take away what install has made
    #[command(after_help = "Examples:\n  moai serve uninstall --dry-run\n  moai serve uninstall")]
    Uninstall(service::ServiceArgs),
    /// The gateway's access keys
    Key(access::Args),
}

/// How to start it.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct StartArgs {
    /// Listen on this address instead of `serve.host`
    #[arg(long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new())]
    host: Option<String>,
    /// Listen on this port instead of `serve.port`; 0 takes any that is free
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The person's settings are in this file instead of ~/.moai/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// This model answers everything, whatever is asked for: `sim`, a name, or PROVIDER/ID
    #[arg(long, value_name = "MODEL", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,
    /// Go on in the background once it is ready
    #[arg(short, long)]
    detach: bool,
    /// The socket is standard input: what a start in the background gives itself
    #[arg(long, hide = true)]
    socket: bool,
    /// End when standard input does: what `moai demo` gives its own
    #[arg(long, hide = true, conflicts_with_all = ["socket", "detach"])]
    until_eof: bool,
}

/// Runs `moai serve`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        None => start::begin(&args.start, world, ui),
        Some(Command::Status) => control::status(world, ui),
        Some(Command::Stop) => control::stop(world, ui),
        Some(Command::Reload) => control::reload(world, ui),
        Some(Command::Install(args)) => service::install(args, world, ui),
        Some(Command::Uninstall(args)) => service::uninstall(args, world, ui),
        Some(Command::Key(args)) => access::run(args, world, ui),
    }
}

/// The gateway that runs; else one is started in the background, from the home directory, so that no project's settings
/// are everybody's. What is done is told through `say`.
pub(in crate::cli) fn ensure(
    world: &World,
    say: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<state::State, Failure> {
    start::ensure(world, say)
}

/// The models that the gateway could ask: the one that runs, else one that [`ensure`] would start.
pub(in crate::cli) fn models(world: &World) -> Result<Vec<String>, Failure> {
    match state::look(world)? {
        state::Presence::Running(state) => Ok(state.model.into_iter().chain(state.models).collect()),
        _ => start::models(world),
    }
}

/// The certificate that the gateway shows, where it has one.
pub(in crate::cli) fn certificate(world: &World) -> Result<Option<PathBuf>, Failure> {
    Ok(snapshot::Loader::serve(world)?.tls.map(|tls| tls.cert))
}

/// Where a gateway of this configuration is to be found.
pub(in crate::cli) fn expected_url(world: &World) -> Result<String, Failure> {
    let serve = snapshot::Loader::serve(world)?;
    match (state::look(world)?, serve.port) {
        (state::Presence::Running(state), 0) => Ok(state.url),
        (_, port) => listen::expected(&serve.host, port, serve.tls.is_some()),
    }
}

/// What the gateway that runs says of itself; `None` where none runs, or it does not answer.
pub(in crate::cli) fn health(world: &World) -> Option<serde_json::Value> {
    match state::look(world).ok()? {
        state::Presence::Running(state) => access::health(world, &state),
        _ => None,
    }
}

/// Has a gateway that runs look at everything again. Where that cannot be, it does so when its files change.
pub(in crate::cli) fn nudge(world: &World) {
    if let Ok(state::Presence::Running(state)) = state::look(world) {
        drop(state::signal(&state, rustix::process::Signal::HUP));
    }
}

/// Fails where nobody can be asked under this name.
pub(in crate::cli) fn require_model(world: &World, model: &str) -> Result<(), Failure> {
    snapshot::Loader::new(world, "", Some(model.to_owned())).load().map(drop)
}

/// Moai's own names of these models; fails where one of them cannot be asked.
pub(in crate::cli) fn named_models(world: &World, words: &[String]) -> Result<Vec<String>, Failure> {
    let snapshot = snapshot::Loader::new(world, "", None).load()?.snapshot;
    let name = |word: &String| Ok(snapshot.roster.ready(word)?.name().to_owned());
    words.iter().map(name).collect()
}

/// Moai's own name of a model that copies may be sent to; fails where it cannot be asked, where what it costs is not
/// known, and where it shares this machine's memory with those that answer.
pub(in crate::cli) fn shadow_model(world: &World, named: &str) -> Result<String, Failure> {
    let snapshot = snapshot::Loader::new(world, "", None).load()?.snapshot;
    let ready = snapshot.roster.ready(named)?;
    let name = ready.name().to_owned();
    let refuse = |why: &str| Failure::expected(format!("{} {why}", clean(&name))).with_code("no-shadow");
    if snapshot.lines.counts_memory(ready.provider()) {
        return Err(refuse(
            "shares this machine's memory with the models that answer: a copy could cost them their place",
        ));
    }
    if estimate(&ready, 1, None, &snapshot.prices, world.now()).most.is_none() {
        let failure = refuse("has no price that is known, so that no budget could be kept");
        return Err(failure.hint("its price: `moai prices --help`"));
    }
    Ok(name)
}

/// The models in one line: how many and the first of them; the one that was named for everything.
pub(in crate::cli) fn models_line(models: &[String], named: Option<&str>) -> String {
    const SHOWN: usize = 4;
    if let Some(model) = named {
        return format!("{model} answers everything");
    }
    let shown = models.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match models.len() {
        0 => "no models: there is no key".into(),
        1 => format!("1 model ({shown})"),
        count if count > SHOWN => format!("{count} models ({shown}, …)"),
        count => format!("{count} models ({shown})"),
    }
}
