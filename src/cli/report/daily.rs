//! `moai report daily`: a day with the names of seed 003's `generate_daily_report`.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::costs::{cost, counted, dollars, grouped, nothing_yet, shown};
use crate::cli::here::Here;
use crate::cli::stats::millis;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui};
use crate::cost::shares;
use crate::journal::{By, Days, Journal, JournalError, Line, ModelStats, Period, Totals, day_said};
use crate::model::Usd;

use super::percent;

/// Report a day: requests, mean response time, cost, and the parts of the models and agents
///
/// `--json` has the names of seed 003's daily report (`total_requests`, `average_response_time` in seconds,
/// `total_cost`, `model_distribution` in percent) and of its metrics (`response_times`, `success_rates`,
/// `cost_tracking` by agent, `model_usage`). The sums are those of `moai costs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai report daily
  moai report daily yesterday
  moai report daily 2026-01-09 --json | jq .model_distribution")]
pub(super) struct Args {
    /// The day: 2026-01-31, `today`, `yesterday`; today where none is given
    #[arg(value_name = "DATE")]
    date: Option<String>,
}

/// A day as it is told.
struct Daily {
    date: Date,
    totals: Totals,
    mean_ms: Option<u64>,
    models: Vec<(ModelStats, f64)>,
    agents: Vec<Line>,
}

/// Runs `moai report daily`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let today = books.today();
    let date = match &args.date {
        None => today,
        Some(text) => day_said(text, today).ok_or_else(|| {
            Failure::usage(format!("`{text}` is no day"))
                .with_code("usage")
                .hint("a day looks like 2026-01-31, today or yesterday")
        })?,
    };
    let empty = Daily { date, totals: Totals::default(), mean_ms: None, models: Vec::new(), agents: Vec::new() };
    let daily = match books.reported(ui)? {
        None => empty,
        Some(journal) => Daily::read(journal, date)?,
    };
    if ui.json {
        return ui.answer_json(&daily.document());
    }
    daily.tell(ui)
}

impl Daily {
    fn read(journal: &Journal, date: Date) -> Result<Self, JournalError> {
        let days = Days::only(date);
        let models = journal.stats(days)?;
        let counts: Vec<u64> = models.iter().map(|one| one.totals.attempts).collect();
        let parts = shares(&vec![Usd::ZERO; counts.len()], &counts);
        Ok(Self {
            date,
            totals: journal.totals(days)?,
            mean_ms: journal.mean_ms(days)?,
            models: models.into_iter().zip(parts).collect(),
            agents: journal.report(Period::All, Some(By::Agent), days)?,
        })
    }

    fn document(&self) -> Value {
        let by_model = |value: &dyn Fn(&ModelStats, f64) -> Value| {
            let entry = |(one, part): &(ModelStats, f64)| (one.model.clone(), value(one, *part));
            Value::Object(self.models.iter().map(entry).collect::<Map<_, _>>())
        };
        let agent = |line: &Line| (shown(line.value.as_deref()), json!(line.totals.known()));
        let totals = &self.totals;
        json!({
            "schema": SCHEMA,
            "date": self.date,
            "total_requests": totals.requests,
            "average_response_time": self.mean_ms.map(seconds),
            "total_cost": totals.known(),
            "model_distribution": by_model(&|_, part| json!(part)),
            "response_times": by_model(&|one, _| json!({ "first_ms": one.first_ms, "total_ms": one.total_ms })),
            "success_rates": by_model(&|one, _| json!(1.0 - one.error_rate)),
            "model_usage": by_model(&|one, _| json!(one.totals.attempts)),
            "cost_tracking": Value::Object(self.agents.iter().map(agent).collect::<Map<_, _>>()),
            "availability": totals.availability(),
            "error_rate": totals.error_rate(),
            "fallback_rate": totals.fallback_rate(),
            "saved_usd": totals.saved(),
            "saved_percent": totals.saved_percent(),
            "unpriced": totals.unpriced,
        })
    }

    fn tell(&self, ui: &mut Ui) -> Result<(), Failure> {
        let totals = &self.totals;
        let spent = ui.style.bold(&cost(totals));
        ui.answer(format!("{}  {} for {spent}", self.date, counted(totals.requests, "request")))?;
        if totals.attempts == 0 {
            return nothing_yet(ui, "on that day");
        }
        let mean = self.mean_ms.map_or("–".into(), millis);
        let answered = totals.availability().map_or("–".into(), percent);
        ui.answer(format!(
            "{mean} on average, {answered} answered, {} of the attempts failed, {} stood in for another model",
            percent(totals.error_rate()),
            percent(totals.fallback_rate())
        ))?;
        if totals.saved() != Usd::ZERO {
            let part = totals.saved_percent().map_or(String::new(), |part| format!(" ({part:.2} %)"));
            ui.answer(format!("against Claude alone: {} saved{part}", dollars(totals.saved())))?;
        }
        ui.answer("")?;
        let mut table = Table::new([
            Column::shrinking("model"),
            Column::number("attempts"),
            Column::number("share"),
            Column::number("cost"),
            Column::number("answered"),
            Column::number("p50"),
            Column::number("p95"),
        ]);
        for (one, part) in &self.models {
            table.row([
                (one.model.clone(), Style::Bold),
                (grouped(one.totals.attempts), Style::Plain),
                (format!("{part:.2} %"), Style::Plain),
                (cost(&one.totals), Style::Plain),
                (percent(1.0 - one.error_rate), Style::Plain),
                (one.total_ms.map_or("–".into(), |times| millis(times.p50)), Style::Plain),
                (one.total_ms.map_or("–".into(), |times| millis(times.p95)), Style::Plain),
            ]);
        }
        ui.answer_table(&table)?;
        ui.answer("")?;
        let mut table = Table::new([Column::shrinking("agent"), Column::number("requests"), Column::number("cost")]);
        for line in &self.agents {
            table.row([
                (shown(line.value.as_deref()), Style::Bold),
                (grouped(line.totals.requests), Style::Plain),
                (cost(&line.totals), Style::Plain),
            ]);
        }
        ui.answer_table(&table)
    }
}

/// Milliseconds as seconds.
fn seconds(millis: u64) -> f64 {
    f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1000.0
}
