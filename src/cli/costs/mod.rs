//! `moai costs`: what requests cost, by day, model, tier and whatever else the journal knows. One file per subcommand;
//! reports read the journal's sums, so they cost the same after a year as after a day.

mod csv;
mod estimate;
mod figures;
mod picture;
mod range;
mod reconcile;
mod report;
mod savings;
mod today;

pub(super) use csv::Csv;
pub(super) use estimate::nearest;
pub(super) use figures::{cost, counted, dollars, fields, grouped, json_of};
pub(super) use range::Range;
pub(super) use report::{nothing_yet, shown};

use clap::Subcommand;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;
use crate::journal::Period;

/// Say what requests have cost: today, by day, week, month or conversation
///
/// Every attempt counts, also failed and repeated ones. Days are local days. An attempt whose price is unknown is
/// counted beside the sums, never as 0.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  moai costs                              today, by model
  moai costs today --by tier --json       the day's sums with the names of SPEC-MODEL-001's CostSummary
  moai costs daily --since 7d             the last seven days
  moai costs monthly --by project --csv   for a spreadsheet
  moai costs estimate glm-4.7 1000 500    what a request would cost
  moai costs savings                      against Claude alone
  moai costs report --html costs.html     a page with plots"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    today: today::TodayArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Today(today::TodayArgs),
    /// Say what every day has cost
    #[command(after_help = "Examples:
  moai costs daily --since 7d
  moai costs daily --by model --since 2026-01-01 --until 2026-01-31
  moai costs daily --csv > costs.csv")]
    Daily(report::Args),
    /// Say what every week has cost; weeks begin on Monday
    #[command(after_help = "Examples:
  moai costs weekly
  moai costs weekly --by tier --since 3m")]
    Weekly(report::Args),
    /// Say what every month has cost
    #[command(after_help = "Examples:
  moai costs monthly
  moai costs monthly --by project --json")]
    Monthly(report::Args),
    Sessions(report::Sessions),
    Estimate(estimate::Args),
    Savings(savings::Args),
    Reconcile(reconcile::Args),
    Report(picture::Args),
}

/// Runs `moai costs`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match args.command {
        None => today::run(&args.today, world, ui),
        Some(Command::Today(args)) => today::run(&args, world, ui),
        Some(Command::Daily(args)) => report::run(Period::Day, &args, world, ui),
        Some(Command::Weekly(args)) => report::run(Period::Week, &args, world, ui),
        Some(Command::Monthly(args)) => report::run(Period::Month, &args, world, ui),
        Some(Command::Sessions(args)) => report::sessions(&args, world, ui),
        Some(Command::Estimate(args)) => estimate::run(&args, world, ui),
        Some(Command::Savings(args)) => savings::run(&args, world, ui),
        Some(Command::Reconcile(args)) => reconcile::run(&args, world, ui),
        Some(Command::Report(args)) => picture::run(&args, world, ui),
    }
}
