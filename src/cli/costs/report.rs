//! `moai costs daily`, `weekly`, `monthly` and `sessions`.

use std::collections::BTreeMap;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::base::failure::Failure;
use crate::base::sort;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui};
use crate::cost::percentages;
use crate::journal::{By, Days, Journal, JournalError, Line, Period, Totals};

use super::csv::Csv;
use super::figures::{caveat, cost, dollars, fields, grouped, json_of};
use super::range::Range;

/// What a report is split by.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Split {
    /// Split by model, tier, kind, agent, project, worktree, spec, session, key or deployment
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(By::ALL.map(By::as_str)).try_map(|word| word.parse::<By>()))]
    pub(super) by: Option<By>,
}

/// What the reports over time take.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    split: Split,
    #[command(flatten)]
    range: Range,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Say what every conversation has cost, the last one first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai costs sessions
  moai costs sessions --since today --json")]
pub(super) struct Sessions {
    #[command(flatten)]
    range: Range,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// A report as it is shown: its lines, each with what only some reports have.
struct Report {
    period: &'static str,
    by: Option<By>,
    days: Days,
    lines: Vec<(Line, Option<Tiers>)>,
    total: Totals,
}

/// The two tiers of a line that is not split.
#[derive(Debug, Clone, Copy, Default)]
struct Tiers {
    one: Totals,
    two: Totals,
}

/// Runs `moai costs daily`, `weekly` or `monthly`.
pub(super) fn run(period: Period, args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    over(period, &args.split, &args.range, args.csv, world, ui)
}

/// The report by day, for `moai costs --since …`.
pub(super) fn days(split: &Split, range: &Range, csv: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    over(Period::Day, split, range, csv, world, ui)
}

fn over(period: Period, split: &Split, range: &Range, csv: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let days = range.days(books.today())?;
    let lines = match books.reported(ui)? {
        None => Vec::new(),
        Some(journal) => match split.by {
            Some(by) => journal.report(period, Some(by), days)?.into_iter().map(|line| (line, None)).collect(),
            None => by_tiers(journal, period, days)?,
        },
    };
    let total = lines.iter().fold(Totals::default(), |sum, (line, _)| sum.plus(&line.totals));
    let period = match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        Period::All => "all",
    };
    Report { period, by: split.by, days, lines, total }.give(csv, ui)
}

/// Runs `moai costs sessions`.
pub(super) fn sessions(args: &Sessions, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let days = args.range.days(books.today())?;
    let mut lines = match books.reported(ui)? {
        None => Vec::new(),
        Some(journal) => journal.report(Period::All, Some(By::Session), days)?,
    };
    let zone = world.zone();
    for line in &mut lines {
        // The day of its last attempt says more than the beginning of time.
        line.start = line.totals.last_at.map_or(line.start, |at| zone.to_datetime(at).date());
    }
    sort::by_key(&mut lines, |line| std::cmp::Reverse(line.totals.last_at));
    let total = lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.totals));
    let lines = lines.into_iter().map(|line| (line, None)).collect();
    Report { period: "session", by: Some(By::Session), days, lines, total }.give(args.csv, ui)
}

/// One line for each period, with its two tiers.
fn by_tiers(journal: &Journal, period: Period, days: Days) -> Result<Vec<(Line, Option<Tiers>)>, JournalError> {
    let mut periods: BTreeMap<Date, Tiers> = BTreeMap::new();
    for line in journal.report(period, Some(By::Tier), days)? {
        let tiers = periods.entry(line.start).or_default();
        match line.value.as_deref() {
            Some("1") => tiers.one = line.totals,
            _ => tiers.two = line.totals,
        }
    }
    let line =
        |(start, tiers): (Date, Tiers)| (Line { start, value: None, totals: tiers.one.plus(&tiers.two) }, Some(tiers));
    Ok(periods.into_iter().map(line).collect())
}

impl Report {
    fn give(&self, csv: bool, ui: &mut Ui) -> Result<(), Failure> {
        if ui.json {
            return ui.answer_json(&self.document());
        }
        if csv {
            return ui.answer_bytes(self.csv().as_bytes());
        }
        if self.lines.is_empty() {
            let range = self.days.since.is_some() || self.days.until.is_some();
            return nothing_yet(ui, if range { "in these days" } else { "yet" });
        }
        ui.answer_table(&self.table())?;
        match caveat(&self.total) {
            Some(caveat) => ui.warn(caveat),
            None => Ok(()),
        }
    }

    fn document(&self) -> Value {
        let lines: Vec<Value> = self.lines.iter().map(|line| Value::Object(self.line(line))).collect();
        json!({
            "schema": SCHEMA,
            "period": self.period,
            "by": self.by.map(By::as_str),
            "since": self.days.since,
            "until": self.days.until,
            "total_cost_usd": self.total.known(),
            "total_requests": self.total.requests,
            "total": json_of(&self.total),
            "lines": lines,
        })
    }

    fn line(&self, (line, tiers): &(Line, Option<Tiers>)) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert(if self.period == "session" { "last_day" } else { "start" }.into(), json!(line.start));
        if self.by.is_some() {
            map.insert("value".into(), json!(line.value));
        }
        map.extend(json_of(&line.totals));
        if let Some(Tiers { one, two }) = tiers {
            let shares = percentages((one.cost, one.requests), (two.cost, two.requests));
            for (name, value) in [
                ("tier1_cost_usd", json!(one.known())),
                ("tier2_cost_usd", json!(two.known())),
                ("tier1_percentage", json!(shares.0)),
                ("tier2_percentage", json!(shares.1)),
            ] {
                map.insert(name.into(), value);
            }
        }
        map
    }

    fn csv(&self) -> String {
        let empty = Line { start: Date::ZERO, value: None, totals: Totals::default() };
        let head = self.line(&(empty, self.by.is_none().then(Tiers::default)));
        let mut names = fields(&head).0;
        for name in &mut names {
            if name == "value" {
                *name = self.by.map_or("value", By::as_str).into();
            } else if name == "start" {
                *name = self.period.into();
            }
        }
        let mut csv = Csv::new(&names);
        for line in &self.lines {
            csv.row(&fields(&self.line(line)).1);
        }
        csv.text().to_owned()
    }

    fn table(&self) -> Table {
        let mut columns = vec![Column::fixed(if self.by == Some(By::Session) && self.period == "session" {
            "last day"
        } else {
            self.period
        })];
        columns.extend(self.by.map(|by| Column::shrinking(by.as_str())));
        columns.extend(["requests", "input", "cached", "output"].map(Column::number));
        if self.by.is_none() {
            columns.extend(["tier 1", "tier 2"].map(Column::number));
        }
        columns.push(Column::number("cost"));
        let mut table = Table::new(columns);
        for (line, tiers) in &self.lines {
            let value = self.by.map(|_| shown(line.value.as_deref()));
            table.row(cells(&line.start.to_string(), value, &line.totals, tiers.as_ref(), Style::Plain));
        }
        if self.lines.len() > 1 {
            let tiers = self
                .by
                .is_none()
                .then(|| self.lines.iter().filter_map(|(_, tiers)| *tiers).fold(Tiers::default(), Tiers::plus));
            table.row(cells("total", self.by.map(|_| String::new()), &self.total, tiers.as_ref(), Style::Bold));
        }
        table
    }
}

impl Tiers {
    fn plus(self, other: Self) -> Self {
        Self { one: self.one.plus(&other.one), two: self.two.plus(&other.two) }
    }
}

fn cells(
    start: &str,
    value: Option<String>,
    totals: &Totals,
    tiers: Option<&Tiers>,
    style: Style,
) -> Vec<(String, Style)> {
    let mut cells = vec![(start.to_owned(), style)];
    cells.extend(value.map(|value| (value, Style::Bold)));
    for count in [totals.requests, totals.usage.input, totals.usage.cache_read, totals.usage.output] {
        cells.push((grouped(count), style));
    }
    if let Some(Tiers { one, two }) = tiers {
        cells.extend([(dollars(one.cost), style), (dollars(two.cost), style)]);
    }
    cells.push((cost(totals), style));
    cells
}

/// The name of a line; rows without one are a line, too.
pub(in crate::cli) fn shown(value: Option<&str>) -> String {
    value.unwrap_or("(none)").to_owned()
}

/// What a report says where there is nothing to report.
pub(in crate::cli) fn nothing_yet(ui: &mut Ui, when: &str) -> Result<(), Failure> {
    ui.say(format!("nothing was recorded {when}"))?;
    ui.hint("every request counts: `moai route \"…\"`")
}
