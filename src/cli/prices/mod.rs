//! `moai prices`: the price books: what they say, how they differ, the person's own rows, newer lists.

mod change;
mod diff;
mod show;

use clap::Subcommand;
use jiff::Timestamp;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::catalog::{Block, ModelPrice, Rates, Variant};
use crate::cli::ui::Ui;
use crate::model::Rate;

/// Show and change the prices that costs are counted with
///
/// Prices are data: a dated list that moai comes with (`list`), the table of SPEC-MODEL-001 (`spec-model-001`), and your
/// own rows in ~/.moai/prices.json, which come first. Amounts are USD per million tokens. Every row of the journal names
/// the book and the version that priced it.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  moai prices show glm-4.7 claude-opus
  moai prices diff spec-model-001
  moai prices set glm-4.7 0.5 2.0 --cache-read 0.1
  moai prices update list.json --dry-run"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Args),
    Diff(diff::Args),
    Set(change::SetArgs),
    Unset(change::UnsetArgs),
    Update(change::UpdateArgs),
}

/// Runs `moai prices`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        Command::Show(args) => show::run(&args, world, ui),
        Command::Diff(args) => diff::run(&args, world, ui),
        Command::Set(args) => change::set(&args, world, ui),
        Command::Unset(args) => change::unset(&args, world, ui),
        Command::Update(args) => change::update(&args, world, ui),
    }
}

/// The price of a plain request at this moment.
fn current(row: &ModelPrice, at: Timestamp) -> Option<&Block> {
    row.at(at, Variant::Standard)
}

/// A rate for a table: `–` is unknown, not free.
fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "–".into(), |rate| rate.to_string())
}

/// The rates of a block in the order of the tables: in, out, read, write 5 m, write 1 h.
fn cells(rates: &Rates) -> [String; 5] {
    [
        rate(Some(rates.input)),
        rate(Some(rates.output)),
        rate(rates.cache_read),
        rate(rates.cache_write_5m),
        rate(rates.cache_write_1h),
    ]
}

/// When a block holds, in a few words.
fn condition(block: &Block) -> String {
    let mut words = Vec::new();
    if block.variant != Variant::Standard {
        words.push(block.variant.to_string());
    }
    if let Some(since) = block.since {
        words.push(format!("since {since}"));
    }
    if let Some(hours) = block.hours {
        let days = if hours.workdays { " Mon–Fri" } else { "" };
        words.push(format!("{}–{} UTC{days}", hours.from.strftime("%H:%M"), hours.to.strftime("%H:%M")));
    }
    words.join(", ")
}
