//! `moai code`: Claude Code on the gateway, for one process. No file is changed, and no secret is in a command line.

use std::ffi::OsString;

use clap::builder::NonEmptyStringValueParser;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::settings::{Form, Value, Variable};

use super::here::Here;
use super::ui::Ui;
use super::{gate, launch, serve};

/// The certificates that Claude Code trusts beside those of the system.
const TRUSTED: &str = "NODE_EXTRA_CA_CERTS";

/// Start Claude Code on the gateway: moai decides who answers each turn
///
/// Starts the gateway in the background where none runs (`moai serve stop` ends it), and Claude Code with the
/// environment that leads to it: for this process only, no file is changed. It works with any one key: Z.AI's,
/// Anthropic's, Gemini's, OpenAI's; with none, `--model sim` answers. Everything after the options goes to Claude Code.
#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "the help names vendors as they write themselves")]
#[command(after_help = "Examples:
  moai code                        a session; the prompt decides who answers
  moai code -p \"API 설계해줘\"       one question
  moai code --model sim -p hi      the simulation answers: no key, no cost
  moai code --model glm            a session on GLM alone
  moai code -- --resume            options that are moai's, too, after `--`")]
pub(super) struct Args {
    /// This model answers everything in this session
    #[arg(long, value_name = "MODEL", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,
    /// What Claude Code is given
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs `moai code`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    if let Some(model) = &args.model {
        serve::require_model(world, model)?;
    }
    launch::require(world, "claude")?;
    if args.model.is_none() {
        gate::require_models(world)?;
    }
    let gateway = gate::ensure(world, ui)?;
    let key = serve::access::require_code(world)?;
    let models = args.model.as_deref().map(gate::everywhere);
    let mut env = gate::env(&here, &gateway.url, models, Form::Embed(key));
    env.variables.extend(trust(&gateway.url, world)?);
    launch::on_gateway(world, &here.project, &env, &args.arguments, ui)
}

/// The gateway's own certificate for Claude Code to trust: it may be signed by nobody that it knows. Whoever says whom
/// to trust is left alone.
fn trust(url: &str, world: &World) -> Result<Option<Variable>, Failure> {
    if !url.starts_with("https:") || world.env.raw(TRUSTED).is_some() {
        return Ok(None);
    }
    let certificate = serve::certificate(world)?.filter(|path| path.is_file());
    Ok(certificate.map(|path| Variable {
        name: TRUSTED.into(),
        value: Value::Plain(path.display().to_string()),
        why: "the gateway's certificate, which may be signed by nobody else",
    }))
}
