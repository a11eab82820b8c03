//! `moai costs savings`: what routing saved against Claude alone, and seed 002's modes counted with today's prices.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::catalog::{Prices, Variant};
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui};
use crate::cost::{self, BASELINE_MODEL};
use crate::journal::{By, Line, Period, Savings, Totals};
use crate::model::{Mode, Usage, Usd};

use super::figures::{counted, dollars, grouped};
use super::range::Range;
use super::report::shown;

/// Say what routing saved against Claude alone
///
/// First what was measured: for every attempt of known price, what the same tokens cost on Claude alone. Then an
/// estimate for the three modes: the same amount of work with Claude for everything, with Claude for the plan (5 % of
/// the tokens) and GLM for the rest, and with GLM for everything.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai costs savings
  moai costs savings --since 1m --json
  moai costs savings --prices spec-model-001")]
pub(super) struct Args {
    #[command(flatten)]
    range: Range,
    /// The price book of the estimate: list, or spec-model-001
    #[arg(long, value_name = "BOOK")]
    prices: Option<String>,
}

/// What seed 002 gives each phase of the tokens, in percent: the plan, and the run and the sync together.
const PLAN_SHARE: u64 = 5;
/// The models of the estimate, as seed 002 has them.
const PLANNER: &str = "claude-sonnet";
const IMPLEMENTER: &str = "glm-4.7";
/// The work that is estimated where nothing was recorded yet.
const EXAMPLE: Usage = Usage::new(1_000_000, 200_000);

/// The prompt of a usual request, in tokens.
const USUAL: u64 = 20_000;

/// What a mode costs for some work.
struct Estimate {
    mode: Mode,
    cost: Usd,
    saved_percent: Option<f64>,
}

/// Runs `moai costs savings`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, args.prices.as_deref())?;
    let days = args.range.days(books.today())?;
    let prices = books.prices().clone();
    let (savings, lines, totals) = match books.reported(ui)? {
        None => (None, Vec::new(), Totals::default()),
        Some(journal) => {
            (Some(journal.savings(days)?), journal.report(Period::All, Some(By::Model), days)?, journal.totals(days)?)
        }
    };
    let savings = savings.filter(|savings| savings.attempts + savings.left_out > 0);
    let work = if totals.usage.total() > 0 { totals.usage } else { EXAMPLE };
    let estimates = estimates(&work, &prices, world);
    if ui.json {
        return ui.answer_json(&document(savings.as_ref(), &lines, &work, &estimates, &prices));
    }
    match &savings {
        None => ui.say("nothing was recorded in these days: the estimate is for an example")?,
        Some(savings) => measured(savings, &lines, ui)?,
    }
    let tokens = format!("{} of prompt and {} of output", counted(work.prompt(), "token"), grouped(work.output));
    ui.answer(format!("estimate by mode, for {tokens}, at the prices of `{}`:", prices.base().name))?;
    let mut table = Table::new([Column::fixed("mode"), Column::number("cost"), Column::number("saved")]);
    for one in &estimates {
        table.row([
            (one.mode.as_str().to_owned(), Style::Bold),
            (dollars(one.cost), Style::Plain),
            (percent(one.saved_percent), Style::Green),
        ]);
    }
    ui.answer_table(&table)?;
    ui.say(ui.talk.dim(&format!("claude-only: all on {PLANNER}; mashup: {PLAN_SHARE} % on it and the rest on {IMPLEMENTER}; glm-only: all on {IMPLEMENTER}")))
}

/// One of two amounts that are compared; nothing of a line may be comparable.
fn compared(amount: Usd, totals: &Totals) -> String {
    let nothing = totals.uncompared > 0 && totals.baseline == Usd::ZERO;
    if nothing { "unknown".into() } else { dollars(amount) }
}

fn measured(savings: &Savings, lines: &[Line], ui: &mut Ui) -> Result<(), Failure> {
    let saved = if savings.saved_usd < Usd::ZERO { "more than" } else { "saved against" };
    let size = Usd::from_nanos(savings.saved_usd.nanos().saturating_abs());
    ui.answer(format!(
        "{} {saved} Claude alone ({}), over {}",
        ui.style.bold(&dollars(size)),
        percent(savings.saved_percent),
        counted(savings.attempts, "attempt")
    ))?;
    let mut table = Table::new([
        Column::shrinking("model"),
        Column::number("requests"),
        Column::number("cost"),
        Column::number("on Claude alone"),
        Column::number("saved"),
    ]);
    for line in lines {
        let (cost, baseline) = (line.totals.compared, line.totals.baseline);
        let share = baseline.saturating_sub(cost).share_of(baseline);
        table.row([
            (shown(line.value.as_deref()), Style::Bold),
            (grouped(line.totals.requests), Style::Plain),
            (compared(cost, &line.totals), Style::Plain),
            (compared(baseline, &line.totals), Style::Plain),
            (percent(share.map(hundredths)), Style::Green),
        ]);
    }
    let total = [
        ("total".to_owned(), Style::Plain),
        (grouped(lines.iter().map(|line| line.totals.requests).sum()), Style::Bold),
        (dollars(savings.cost_usd), Style::Bold),
        (dollars(savings.baseline_usd), Style::Bold),
        (percent(savings.saved_percent), Style::Bold),
    ];
    if lines.len() > 1 {
        table.row(total);
    }
    ui.answer_table(&table)?;
    if savings.left_out > 0 {
        ui.warn(format!("{} cannot be compared, because an amount is unknown", counted(savings.left_out, "attempt")))?;
    }
    ui.answer("")
}

fn document(savings: Option<&Savings>, lines: &[Line], work: &Usage, estimates: &[Estimate], prices: &Prices) -> Value {
    let line = |line: &Line| {
        let (cost, baseline) = (line.totals.compared, line.totals.baseline);
        let saved = baseline.saturating_sub(cost);
        // Of a line that is left out as a whole nothing is known.
        let known = |amount| (line.totals.uncompared < line.totals.attempts).then_some(amount);
        json!({
            "model": line.value,
            "requests": line.totals.requests,
            "cost_usd": known(cost),
            "baseline_usd": known(baseline),
            "saved_usd": known(saved),
            "saved_percent": saved.share_of(baseline).map(hundredths),
            "left_out": line.totals.uncompared,
        })
    };
    let modes: Vec<Value> = estimates
        .iter()
        .map(|one| json!({ "mode": one.mode.as_str(), "cost_usd": one.cost, "saved_percent": one.saved_percent }))
        .collect();
    json!({
        "schema": SCHEMA,
        "baseline_model": BASELINE_MODEL,
        "measured": savings,
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
        "estimate": {
            "price_book": prices.base().name,
            "price_book_version": prices.base().version,
            "planner": PLANNER,
            "implementer": IMPLEMENTER,
            "plan_percent": PLAN_SHARE,
            "prompt_tokens": work.prompt(),
            "output_tokens": work.output,
            "modes": modes,
        },
    })
}

/// Seed 002's "Estimated Savings", for this work and these prices. A mode whose price is unknown is left out.
fn estimates(work: &Usage, prices: &Prices, world: &World) -> Vec<Estimate> {
    // Caches differ between vendors and modes: the whole prompt is counted as fresh, in requests of a usual size, for
    // a single one would fall over the cliffs of long prompts.
    let requests = (work.prompt() / USUAL).max(1);
    let usual = Usage::new(work.prompt() / requests, work.output / requests);
    let cost = |model: &str, percent: u64| {
        let one = cost::price(&usual, model, prices, world.now(), Variant::Standard).usd?;
        let share = i128::from(one.nanos()) * i128::from(requests) * i128::from(percent) / 100;
        i64::try_from(share).ok().map(Usd::from_nanos)
    };
    let Some(claude) = cost(PLANNER, 100) else { return Vec::new() };
    let mashup = cost(PLANNER, PLAN_SHARE).zip(cost(IMPLEMENTER, 100 - PLAN_SHARE));
    let modes = [
        (Mode::ClaudeOnly, Some(claude)),
        (Mode::Mashup, mashup.map(|(plan, rest)| plan.saturating_add(rest))),
        (Mode::GlmOnly, cost(IMPLEMENTER, 100)),
    ];
    let estimate = |(mode, cost): (Mode, Option<Usd>)| {
        let saved_percent = claude.saturating_sub(cost?).share_of(claude).map(hundredths);
        Some(Estimate { mode, cost: cost?, saved_percent })
    };
    modes.into_iter().filter_map(estimate).collect()
}

fn hundredths(share: i64) -> f64 {
    f64::from(i32::try_from(share).unwrap_or(i32::MAX)) / 100.0
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{share:.2} %"))
}
