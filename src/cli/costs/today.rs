//! `moai costs today`: the day's sums, with the names of the seeds' `CostSummary`.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{Column, Style, Table, Ui};
use crate::cost::{CostSummary, Verdict, shares};
use crate::journal::{By, Days, Line, Period, Shadowed, Totals, day_document};
use crate::model::Usd;

use super::csv::Csv;
use super::figures::{caveat, cost, counted, dollars, fields, grouped, json_of};
use super::range::Range;
use super::report::{Split, nothing_yet, shown};

/// Say what today has cost
///
/// `--json` has the fields of SPEC-MODEL-001's `CostSummary` (`date`, `total_cost_usd`, `tier1_cost_usd`, …) and more.
/// The percentages of the tiers, and of the lines, sum to 100.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai costs today
  moai costs today --by agent
  moai costs today --json
  moai costs --since yesterday --by tier   by day, as `moai costs daily`")]
pub(super) struct TodayArgs {
    #[command(flatten)]
    split: Split,
    #[command(flatten)]
    range: Range,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// The day as it stands.
struct Today {
    summary: CostSummary,
    totals: Totals,
    /// The part that shadows cost.
    shadows: Shadowed,
    by: By,
    lines: Vec<(Line, f64)>,
    budget: Option<Verdict>,
}

/// Runs `moai costs today`.
pub(super) fn run(args: &TodayArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if args.range.is_given() {
        return super::report::days(&args.split, &args.range, args.csv, world, ui);
    }
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let day = books.today();
    let by = args.split.by.unwrap_or(By::Model);
    let budget = books.verdict();
    let (summary, (totals, shadows), lines) = match books.reported(ui)? {
        None => (CostSummary::new(day, (Usd::ZERO, 0), (Usd::ZERO, 0)), <(Totals, Shadowed)>::default(), Vec::new()),
        Some(journal) => {
            let days = Days::only(day);
            let totals = (journal.totals(days)?, journal.shadowed(days)?);
            (journal.summary(day)?, totals, journal.report(Period::Day, Some(by), days)?)
        }
    };
    let costs: Vec<Usd> = lines.iter().map(|line| line.totals.cost).collect();
    let counts: Vec<u64> = lines.iter().map(|line| line.totals.attempts).collect();
    let lines = lines.into_iter().zip(shares(&costs, &counts)).collect();
    let today = Today { summary, totals, shadows, by, lines, budget };
    if ui.json {
        return ui.answer_json(&today.document(world, &books));
    }
    if args.csv {
        return ui.answer_bytes(today.csv().as_bytes());
    }
    today.tell(ui)
}

impl Today {
    fn document(&self, world: &World, books: &Books) -> Value {
        let lines: Vec<Line> = self.lines.iter().map(|(line, _)| line.clone()).collect();
        let mut document = day_document(&self.summary, (&self.totals, self.shadows), (self.by, &lines), self.budget);
        document.insert("journal".into(), json!(world.tilde(&books.place().database())));
        Value::Object(document)
    }

    fn csv(&self) -> String {
        let head = fields(&json_of(&Totals::default())).0;
        let mut csv = Csv::new(&[vec!["date".into(), self.by.to_string(), "percentage".into()], head].concat());
        for (line, share) in &self.lines {
            let value = line.value.clone().unwrap_or_default();
            let start = vec![line.start.to_string(), value, share.to_string()];
            csv.row(&[start, fields(&json_of(&line.totals)).1].concat());
        }
        csv.text().to_owned()
    }

    fn tell(&self, ui: &mut Ui) -> Result<(), Failure> {
        let summary = &self.summary;
        let (spent, requests) = (dollars(summary.total_cost_usd), counted(summary.total_requests, "request"));
        ui.answer(format!("{}  {} for {requests}", summary.date, ui.style.bold(&spent)))?;
        if self.shadows.cost != Usd::ZERO {
            let shadows = dollars(self.shadows.cost);
            ui.answer(format!(
                "of it {shadows} for shadows (`moai experiment list`), which no budget of the day counts"
            ))?;
        }
        if self.totals.attempts > 0 {
            ui.answer(format!(
                "tier 1 {} ({:.2} %), tier 2 {} ({:.2} %)\n",
                dollars(summary.tier1_cost_usd),
                summary.tier1_percentage,
                dollars(summary.tier2_cost_usd),
                summary.tier2_percentage
            ))?;
            ui.answer_table(&self.table())?;
            let saved = self.totals.baseline.saturating_sub(self.totals.compared);
            if saved != Usd::ZERO {
                ui.answer(format!("\nagainst Claude alone: {} saved (`moai costs savings`)", dollars(saved)))?;
            }
        }
        if let Some(caveat) = caveat(&self.totals) {
            ui.warn(caveat)?;
        }
        if let Some(verdict) = &self.budget {
            match verdict.warning() {
                Some(warning) => ui.warn(warning),
                None => ui.answer(format!("budget: {} of {}", dollars(verdict.spent_usd), dollars(verdict.limit_usd))),
            }?;
        }
        if self.totals.attempts == 0 { nothing_yet(ui, "today") } else { Ok(()) }
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            Column::shrinking(self.by.as_str()),
            Column::number("requests"),
            Column::number("input"),
            Column::number("cached"),
            Column::number("output"),
            Column::number("cost"),
            Column::number("share"),
        ]);
        for (line, share) in &self.lines {
            let totals = &line.totals;
            table.row([
                (shown(line.value.as_deref()), Style::Bold),
                (grouped(totals.requests), Style::Plain),
                (grouped(totals.usage.input), Style::Plain),
                (grouped(totals.usage.cache_read), Style::Plain),
                (grouped(totals.usage.output), Style::Plain),
                (cost(totals), Style::Plain),
                (format!("{share:.2} %"), Style::Dim),
            ]);
        }
        table
    }
}
