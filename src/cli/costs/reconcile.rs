//! `moai costs reconcile`: the journal against a vendor's bill.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::base::disk;
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::journal::reconcile::{Agreement, Sum, reconcile};

use super::csv::Csv;
use super::figures::{dollars, grouped};

/// What is asked of the whole: the seeds' cost accuracy.
const WANTED: f64 = 95.0;

/// Compare the journal with a vendor's bill, per day and model
///
/// The bill is CSV with a first line that names a day, a model and an amount, or a usage export in JSON (the cost
/// reports of Anthropic and `OpenAI`). Days of bills are UTC days. Agreement is 1 − |journal − bill| / bill.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai costs reconcile anthropic-usage.csv
  moai costs reconcile bill.json --require 95   exits 1 where the whole agrees less
  moai costs reconcile bill.csv --json")]
pub(super) struct Args {
    /// The bill
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Exit with 1 where the whole agrees by less than this many percent
    #[arg(long, value_name = "PERCENT")]
    require: Option<f64>,
    /// The price book whose names of models are used
    #[arg(long, value_name = "BOOK")]
    prices: Option<String>,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Runs `moai costs reconcile`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, args.prices.as_deref())?;
    let path = world.cwd()?.join(&args.file);
    let shown = clean(&args.file.display().to_string());
    let bill = disk::read_text(&path)?
        .ok_or_else(|| Failure::expected(format!("there is no file {shown}")).with_code("no-file"))?;
    let prices = books.prices().clone();
    let Some(journal) = books.reported(ui)? else {
        return Err(Failure::expected("there is no journal to compare with: nothing was recorded yet"));
    };
    let lines = reconcile(journal, &bill, &prices).map_err(|error| Failure::from(error).context(shown))?;
    let whole = lines.last().and_then(|line| line.percent);
    if ui.json {
        ui.answer_json(&document(&lines, whole))?;
    } else if args.csv {
        ui.answer_bytes(csv(&lines).as_bytes())?;
    } else {
        tell(&lines, ui)?;
    }
    match args.require {
        Some(required) if whole.is_none_or(|whole| whole < required) => {
            let known = lines.last().is_none_or(|total| total.journal.known().is_some());
            let agrees = match whole {
                Some(whole) => format!("the journal agrees by {whole:.2} %"),
                None if known => "the bill is empty".into(),
                None => "nothing in the journal has a known price".into(),
            };
            Err(Failure::new(Kind::Expected, format!("{agrees}, and {required} % were required"))
                .with_code("disagrees"))
        }
        _ => Ok(()),
    }
}

fn document(lines: &[Agreement], whole: Option<f64>) -> Value {
    let (total, lines) = lines.split_last().map_or((None, lines), |(total, lines)| (Some(total), lines));
    json!({ "schema": SCHEMA, "agreement_percent": whole, "total": total, "lines": lines })
}

fn csv(lines: &[Agreement]) -> String {
    let head =
        ["date", "model", "bill_usd", "journal_usd", "agreement_percent", "bill_tokens", "journal_tokens", "unpriced"];
    let mut csv = Csv::new(&head);
    for line in lines.iter().filter(|line| line.day.is_some()) {
        csv.row(&[
            line.day.map(|day| day.to_string()).unwrap_or_default(),
            line.model.clone().unwrap_or_default(),
            line.bill.cost_usd.to_string(),
            line.journal.known().map(|cost| cost.to_string()).unwrap_or_default(),
            line.percent.map(|percent| percent.to_string()).unwrap_or_default(),
            line.bill.tokens.to_string(),
            line.journal.tokens.to_string(),
            line.journal.unpriced.to_string(),
        ]);
    }
    csv.text().to_owned()
}

/// What the journal knows of the cost.
fn known(sum: Sum) -> String {
    match sum.known() {
        None => "unknown".into(),
        Some(cost) if sum.unpriced == 0 => dollars(cost),
        Some(cost) => format!("{} + ?", dollars(cost)),
    }
}

fn agrees(line: &Agreement) -> String {
    match line.percent {
        Some(percent) => format!("{percent:.2} %"),
        None if line.journal.known().is_none() => "unknown".into(),
        None => "not billed".into(),
    }
}

fn tell(lines: &[Agreement], ui: &mut Ui) -> Result<(), Failure> {
    let mut table = Table::new([
        Column::fixed("day (UTC)"),
        Column::shrinking("model"),
        Column::number("bill"),
        Column::number("journal"),
        Column::number("tokens billed"),
        Column::number("tokens known"),
        Column::number("agreement"),
    ]);
    for line in lines {
        let style = match line.percent {
            Some(percent) if percent >= WANTED => Style::Green,
            Some(_) => Style::Red,
            None => Style::Yellow,
        };
        table.row([
            (line.day.map_or_else(|| "total".to_owned(), |day| day.to_string()), Style::Plain),
            (line.model.clone().unwrap_or_default(), Style::Bold),
            (dollars(line.bill.cost_usd), Style::Plain),
            (known(line.journal), Style::Plain),
            (grouped(line.bill.tokens), Style::Plain),
            (grouped(line.journal.tokens), Style::Plain),
            (agrees(line), style),
        ]);
    }
    ui.answer_table(&table)?;
    let unpriced = lines.last().map_or(0, |total| total.journal.unpriced);
    if unpriced > 0 {
        ui.warn(format!("{unpriced} attempts of these days have no known price and are not in the journal's sums"))?;
    }
    Ok(())
}
