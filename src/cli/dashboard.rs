//! `moai dashboard`: where the gateway's dashboard is, and into the browser with it. No key is in the address: whoever
//! opens it logs in.

use serde_json::json;

use crate::base::failure::{Failure, Kind};
use crate::base::program::{self, Program};
use crate::base::world::World;

use super::gate;
use super::ui::{SCHEMA, Ui};

/// What opens an address in the person's browser: Linux's way, then macOS'.
const OPENERS: [&str; 2] = ["xdg-open", "open"];
/// How the key to log in with is found.
const KEY: &str = "moai serve key print";

/// Look at what the gateway does: costs, savings, response times, decisions, live in the browser
///
/// Prints the address of the dashboard of the gateway that runs, and starts one in the background where none does. Log in
/// with an access key that has the scope `read`; with `admin`, decisions can be corrected, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai dashboard          its address
  moai dashboard --open   in the browser
  moai serve key print    the key to log in with
  moai serve key add wall --scope read   a key for looking alone")]
pub(super) struct Args {
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

/// Runs `moai dashboard`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let state = gate::ensure(world, ui)?;
    let url = format!("{}/dashboard", state.url);
    if ui.json {
        ui.answer_json(&json!({ "schema": SCHEMA, "url": url, "key_command": KEY }))?;
    } else {
        ui.answer(&url)?;
        ui.hint(format!("log in with an access key: `{KEY}`"))?;
    }
    if args.open { open(world, &url) } else { Ok(()) }
}

fn open(world: &World, url: &str) -> Result<(), Failure> {
    let Some(opener) = OPENERS.into_iter().find(|name| program::find(world, name).is_some()) else {
        return Err(Failure::new(Kind::Expected, "there is nothing here that opens a browser")
            .with_code("no-browser")
            .hint(format!("open {url} yourself")));
    };
    let spoken = Program::new(world, opener)?.args([url]).run()?;
    if spoken.ok() {
        return Ok(());
    }
    Err(Failure::new(Kind::Expected, format!("`{opener}` did not open a browser"))
        .with_code("no-browser")
        .hint(format!("open {url} yourself")))
}
