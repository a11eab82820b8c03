//! `moai report kpi`: the figures of seed 003 with their targets, as far as the journal knows them.

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::costs::{Range, counted, dollars, grouped};
use crate::cli::here::Here;
use crate::cli::stats::millis;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui};
use crate::journal::panels::Kpis;

use super::percent;

/// Report the figures by which success is measured, each with its target
///
/// They are those of seed 003 (mean response time, availability, error rate, models, throughput, cost reduction,
/// satisfaction, the parts of Claude and the others), read from the journal; the last 30 days where nothing else is said.
///
/// Available is who was answered, whoever answered; the error rate counts attempts, also those that somebody stood in for.
/// Throughput is the busiest hour: what was asked for, which is not more than what there was room for, so that a quiet
/// month neither meets nor misses the target.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai report kpi
  moai report kpi --since 7d
  moai report kpi --since 2026-01-01 --until 2026-01-31 --json")]
pub(super) struct Args {
    #[command(flatten)]
    range: Range,
}

/// One figure.
struct Figure {
    /// The seed's name of it.
    name: &'static str,
    /// What it is, for people.
    what: &'static str,
    value: Option<f64>,
    unit: &'static str,
    target: &'static str,
    /// `None` where nothing can be said.
    met: Option<bool>,
    shown: String,
}

/// Runs `moai report kpi`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let days = args.range.days(books.today())?;
    let until = days.until.unwrap_or_else(|| books.today());
    let since = days.since.unwrap_or_else(|| until.checked_sub(29.days()).unwrap_or(until)).min(until);
    let kpis = match books.reported(ui)? {
        None => None,
        Some(journal) => Some(journal.kpis(since, until)?).filter(|kpis| kpis.totals.attempts > 0),
    };
    let figures = kpis.as_ref().map(figures).unwrap_or_default();
    if ui.json {
        return ui.answer_json(&document(since, until, kpis.as_ref(), &figures));
    }
    let Some(kpis) = kpis else { return ui.say(format!("nothing was recorded from {since} to {until}")) };
    let requests = counted(kpis.totals.requests, "request");
    ui.answer(format!("{since} to {until}  {requests}, {}\n", counted(kpis.totals.attempts, "attempt")))?;
    let mut table =
        Table::new([Column::fixed("figure"), Column::number("value"), Column::fixed("target"), Column::fixed("")]);
    for one in &figures {
        let (verdict, style) = match one.met {
            Some(true) => ("met", Style::Green),
            Some(false) => ("missed", Style::Yellow),
            None => ("–", Style::Dim),
        };
        table.row([
            (one.what.to_owned(), Style::Plain),
            (one.shown.clone(), Style::Bold),
            (one.target.to_owned(), Style::Dim),
            (verdict.to_owned(), style),
        ]);
    }
    ui.answer_table(&table)
}

fn figures(kpis: &Kpis) -> Vec<Figure> {
    let mut figures = technical(kpis);
    figures.extend(business(kpis));
    figures
}

fn technical(kpis: &Kpis) -> Vec<Figure> {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let errors = kpis.totals.error_rate();
    let busiest = kpis.busiest.map(|(_, requests)| requests);
    vec![
        Figure {
            name: "avg_response_time",
            what: "mean response time",
            value: kpis.mean_ms.map(number),
            unit: "ms",
            target: "< 3000 ms",
            met: kpis.mean_ms.map(|mean| mean < 3000),
            shown: kpis.mean_ms.map_or("–".into(), millis),
        },
        Figure {
            name: "uptime",
            what: "availability",
            value: kpis.availability.map(|part| part * 100.0),
            unit: "%",
            target: "> 99.9 %",
            met: kpis.availability.map(|part| part > 0.999),
            shown: kpis.availability.map_or("–".into(), percent),
        },
        Figure {
            name: "error_rate",
            what: "error rate",
            value: Some(errors * 100.0),
            unit: "%",
            target: "< 1 %",
            met: Some(errors < 0.01),
            shown: percent(errors),
        },
        Figure {
            name: "model_diversity",
            what: "models in use",
            value: Some(count(kpis.models.len())),
            unit: "models",
            target: ">= 3",
            met: Some(kpis.models.len() >= 3),
            shown: kpis.models.len().to_string(),
        },
        Figure {
            name: "throughput",
            what: "busiest hour",
            value: busiest.map(number),
            unit: "requests/hour",
            target: "> 1000",
            // Fewer were asked for: that says nothing of how many would have been answered.
            met: busiest.filter(|requests| *requests > 1000).map(|_| true),
            shown: busiest.map_or("–".into(), |requests| counted(requests, "request")),
        },
    ]
}

fn business(kpis: &Kpis) -> Vec<Figure> {
    let saved = kpis.totals.saved_percent();
    let before = kpis.requests_before;
    let more = (before > 0).then(|| (number(kpis.totals.requests) / number(before) - 1.0) * 100.0);
    let (good, bad) = kpis.opinions;
    let score = (good + bad > 0).then(|| number(good) * 10.0 / number(good + bad));
    let of_claude = kpis.models.iter().filter(|one| one.model.starts_with("claude"));
    // Not `sum`, which is -0 where there are none.
    let claude = of_claude.fold(0.0, |part, one| part + one.share);
    let others = 1.0 - claude;
    vec![
        Figure {
            name: "cost_reduction",
            what: "saved against Claude alone",
            value: saved,
            unit: "%",
            target: "> 30 %",
            met: saved.map(|saved| saved > 30.0),
            shown: saved.map_or("–".into(), |part| format!("{} ({part:.2} %)", dollars(kpis.totals.saved()))),
        },
        Figure {
            name: "throughput_increase",
            what: "requests against the time before",
            value: more,
            unit: "%",
            target: ">= 50 %",
            met: more.map(|more| more >= 50.0),
            shown: more.map_or("–".into(), |more| format!("{more:+.1} % of {}", grouped(before))),
        },
        Figure {
            name: "user_satisfaction",
            what: "satisfaction (`moai feedback`)",
            value: score,
            unit: "of 10",
            target: ">= 9",
            met: score.map(|score| score >= 9.0),
            shown: score.map_or("–".into(), |score| format!("{score:.1} of 10, {}", counted(good + bad, "opinion"))),
        },
        Figure {
            name: "model_utilization_claude",
            what: "part of Claude",
            value: Some(claude * 100.0),
            unit: "%",
            target: "< 70 %",
            met: Some(claude < 0.7),
            shown: percent(claude),
        },
        Figure {
            name: "model_utilization_others",
            what: "part of all others",
            value: Some(others * 100.0),
            unit: "%",
            target: "> 30 %",
            met: Some(others > 0.3),
            shown: percent(others),
        },
    ]
}

fn document(since: Date, until: Date, kpis: Option<&Kpis>, figures: &[Figure]) -> Value {
    let figure = |one: &Figure| json!({ "name": one.name, "value": one.value, "unit": one.unit, "target": one.target, "met": one.met });
    json!({
        "schema": SCHEMA,
        "since": since,
        "until": until,
        "requests": kpis.map_or(0, |kpis| kpis.totals.requests),
        "attempts": kpis.map_or(0, |kpis| kpis.totals.attempts),
        "busiest_hour": kpis.and_then(|kpis| kpis.busiest).map(|(at, _)| at),
        "kpis": figures.iter().map(figure).collect::<Vec<_>>(),
        "models": kpis.map(|kpis| kpis.models.as_slice()).unwrap_or_default(),
    })
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
