//! The passphrase: typed unseen, from the environment, or from standard input. Never from the command line.

use std::io::Read as _;

use crate::base::failure::{Failure, Kind};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::cli::ui::Ui;

/// The variable that may hold it.
const VARIABLE: &str = "MOAI_BACKUP_PASSPHRASE";
/// Fewer characters are guessed too soon.
const SHORTEST: usize = 8;

/// Where it comes from.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct PassphraseArgs {
    /// Read the passphrase from standard input: its first line
    #[arg(long)]
    passphrase_stdin: bool,
}

/// The passphrase of a new backup: typed twice where it is typed.
pub(super) fn new(args: PassphraseArgs, world: &World, ui: &Ui) -> Result<Secret, Failure> {
    let text = given(args, world)?.map_or_else(|| twice(ui), Ok)?;
    if text.chars().count() < SHORTEST {
        return Err(Failure::expected(format!("the passphrase has fewer than {SHORTEST} characters"))
            .with_code("short-passphrase")
            .hint("several words are easy to keep and hard to guess"));
    }
    Ok(Secret::new(text))
}

fn twice(ui: &Ui) -> Result<String, Failure> {
    let text = typed("passphrase for the backup (not shown): ", ui)?;
    if typed("the same again: ", ui)? == text {
        return Ok(text);
    }
    Err(Failure::expected("the two are not the same; nothing was written").with_code("not-the-same"))
}

/// The passphrase of a backup that is there.
pub(super) fn known(args: PassphraseArgs, world: &World, ui: &Ui) -> Result<Secret, Failure> {
    let text = match given(args, world)? {
        Some(text) => text,
        None => typed("passphrase of the backup (not shown): ", ui)?,
    };
    Ok(Secret::new(text))
}

fn given(args: PassphraseArgs, world: &World) -> Result<Option<String>, Failure> {
    if !args.passphrase_stdin {
        return Ok(world.env.text(VARIABLE).map(str::to_owned));
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(4096).read_to_string(&mut text);
    read.map_err(|error| {
        Failure::new(Kind::Usage, format!("cannot read the passphrase from standard input: {error}"))
    })?;
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

fn typed(prompt: &str, ui: &Ui) -> Result<String, Failure> {
    if !ui.interactive() {
        return Err(Failure::usage("there is no terminal to ask for a passphrase on")
            .with_code("no-passphrase")
            .hint(format!("put it into {VARIABLE}, or give it on standard input: `--passphrase-stdin < FILE`")));
    }
    rpassword::prompt_password(prompt)
        .map_err(|error| Failure::new(Kind::Expected, format!("cannot read from the terminal: {error}")))
}
