//! `moai report`: what seed 003 asks to be told: the daily report, and the figures by which success is measured.

mod daily;
mod kpi;

use clap::Subcommand;

use crate::base::failure::Failure;
use crate::base::world::World;

use super::ui::Ui;

/// Report a day, or the figures by which success is measured
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai report daily              today: requests, response time, cost, models, agents
  moai report daily yesterday --json
  moai report kpi                availability, error rate, cost reduction, … of the last 30 days
  moai report kpi --since 7d --json")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Daily(daily::Args),
    Kpi(kpi::Args),
}

/// Runs `moai report`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match &args.command {
        Command::Daily(args) => daily::run(args, world, ui),
        Command::Kpi(args) => kpi::run(args, world, ui),
    }
}

/// A part as percent with two digits.
fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}
