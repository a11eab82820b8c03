//! `moai stats`: how the models did: requests, response times, errors, fallbacks (R-OPT-002).

use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::journal::{ModelStats, Percentiles, Totals, rate, stats_document};

use super::books::Books;
use super::costs::{Csv, Range, counted, fields, grouped, json_of, nothing_yet};
use super::here::Here;
use super::ui::{Column, Style, Table, Ui};

/// Say how the models did: requests, response times, errors, fallbacks
///
/// Response times are of whole answers: half of them came within p50, 95 % within p95, 99 % within p99; they are right
/// to 1.6 %. The error rate counts failed and cut attempts, not those that a person stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai stats
  moai stats --since 7d
  moai stats --since 2026-01-01 --json")]
pub(super) struct Args {
    #[command(flatten)]
    range: Range,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Runs `moai stats`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let days = args.range.days(books.today())?;
    let models = match books.reported(ui)? {
        None => Vec::new(),
        Some(journal) => journal.stats(days)?,
    };
    let total = models.iter().fold(Totals::default(), |sum, one| sum.plus(&one.totals));
    if ui.json {
        return ui.answer_json(&Value::Object(stats_document(&models, days)));
    }
    if args.csv {
        return ui.answer_bytes(csv(&models).as_bytes());
    }
    if models.is_empty() {
        return nothing_yet(ui, if args.range.is_given() { "in these days" } else { "yet" });
    }
    ui.answer_table(&table(&models))?;
    ui.answer(format!(
        "\n{} in {}: {:.2} % failed, {:.2} % stood in for another model, {}",
        counted(total.requests, "request"),
        counted(total.attempts, "attempt"),
        rate(total.errors, total.attempts) * 100.0,
        rate(total.fallbacks, total.attempts) * 100.0,
        counted(total.retries, "repeat").replace("repeats", "sent again").replace("repeat", "sent again"),
    ))
}

fn csv(models: &[ModelStats]) -> String {
    let times = ["first_p50_ms", "first_p95_ms", "first_p99_ms", "p50_ms", "p95_ms", "p99_ms"].map(str::to_owned);
    let head = ["model", "error_rate", "fallback_rate"].map(str::to_owned);
    let mut csv = Csv::new(&[head.to_vec(), times.to_vec(), fields(&json_of(&Totals::default())).0].concat());
    for one in models {
        let percentiles = |times: Option<Percentiles>| {
            let all = times.map_or([None; 3], |times| [times.p50, times.p95, times.p99].map(Some));
            all.map(|time| time.map(|millis| millis.to_string()).unwrap_or_default()).to_vec()
        };
        let start = vec![one.model.clone(), one.error_rate.to_string(), one.fallback_rate.to_string()];
        csv.row(
            &[start, percentiles(one.first_ms), percentiles(one.total_ms), fields(&json_of(&one.totals)).1].concat(),
        );
    }
    csv.text().to_owned()
}

fn table(models: &[ModelStats]) -> Table {
    let numbers = ["requests", "attempts", "errors", "fallback", "first token p50", "p50", "p95", "p99"];
    let mut columns = vec![Column::shrinking("model")];
    columns.extend(numbers.map(Column::number));
    let mut table = Table::new(columns);
    for one in models {
        let time = |times: Option<Percentiles>, pick: fn(Percentiles) -> u64| {
            times.map_or("–".into(), |times| millis(pick(times)))
        };
        let style = |rate: f64| if rate >= 0.05 { Style::Red } else { Style::Plain };
        table.row([
            (one.model.clone(), Style::Bold),
            (grouped(one.totals.requests), Style::Plain),
            (grouped(one.totals.attempts), Style::Plain),
            (format!("{:.2} %", one.error_rate * 100.0), style(one.error_rate)),
            (format!("{:.2} %", one.fallback_rate * 100.0), Style::Plain),
            (time(one.first_ms, |times| times.p50), Style::Plain),
            (time(one.total_ms, |times| times.p50), Style::Plain),
            (time(one.total_ms, |times| times.p95), Style::Plain),
            (time(one.total_ms, |times| times.p99), Style::Plain),
        ]);
    }
    table
}

/// `840 ms`, `12.3 s`.
pub(super) fn millis(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { format!("{}.{} s", millis / 1000, millis % 1000 / 100) }
}
