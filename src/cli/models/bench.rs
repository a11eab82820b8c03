//! `moai models bench`: how soon models begin to answer and how fast they go on, over real requests.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::base::failure::{Explain as _, Failure, Kind};
use crate::base::sort;
use crate::base::world::World;
use crate::cli::costs::dollars;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::exchange::ExchangeError;
use crate::model::Usd;
use crate::route::Ready;

use super::probe::{self, Probe};
use super::shop::{Shop, is_ollama};

/// What is asked: something that every model can write about for long enough.
const QUESTION: &str = "Explain step by step how a hash map works, with a small example in Python.";
/// How wide the longest bar is.
const BAR: u32 = 40;

/// Measure models: time to the first token and tokens a second, over real requests
///
/// Each model is asked the same question, one request after the other. One of this machine is asked for one token
/// before, so that loading it is not measured with its answers; how long that took is said beside them. The
/// requests cost what requests cost, and are in the journal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models bench qwen2.5-coder deepseek-r1 llama3.3
  moai models bench glm-4.7 claude-sonnet --rounds 5 --tokens 256
  moai models bench ollama/llama3.1:8b --json")]
pub(super) struct Args {
    /// The models: their names, their vendors' ids, or PROVIDER/ID
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<String>,
    /// How many requests each model gets
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many tokens each answer may have
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    tokens: u64,
}

/// What was measured of one model.
struct Measured {
    ready: Ready,
    /// How long the request took that loaded it.
    load: Option<Duration>,
    /// Milliseconds to the first token, in order.
    first: Vec<f64>,
    /// Tokens a second, in order.
    speed: Vec<f64>,
    answered: u32,
    output: u64,
    /// `None` once one of them has no known price.
    cost: Option<Usd>,
    failed: Option<ExchangeError>,
}

/// Runs `moai models bench`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut shop = Shop::open(world, &args.models, ui)?;
    let ready = args.models.iter().map(|model| shop.ready(model)).collect::<Result<Vec<_>, _>>()?;
    let progress = ui.progress(u64::from(args.rounds) * ready.len() as u64, "measuring");
    let mut all = Vec::new();
    for one in ready {
        progress.set_message(one.name().to_owned());
        all.push(measure(&mut shop, one, args, &progress, ui)?);
    }
    progress.finish_and_clear();
    if ui.json {
        let models: Vec<Json> = all.iter().map(document).collect();
        ui.answer_json(&json!({ "schema": SCHEMA, "rounds": args.rounds, "tokens": args.tokens, "models": models }))?;
    } else {
        ui.answer_table(&table(&all, args.rounds))?;
        for line in plot(&all, ui) {
            ui.answer(line)?;
        }
    }
    let mut silent = all.into_iter().filter(|one| one.answered == 0);
    let Some(first) = silent.next() else { return Ok(()) };
    let Some(error) = first.failed else { return Err(Failure::told(Kind::Upstream)) };
    if ui.json {
        return Err(Failure::told(error.kind()));
    }
    Err(Failure::from(error).context(format!("{} was not measured", first.ready.name())))
}

fn measure(
    shop: &mut Shop,
    ready: Ready,
    args: &Args,
    progress: &indicatif::ProgressBar,
    ui: &mut Ui,
) -> Result<Measured, Failure> {
    let mut one = Measured {
        load: None,
        first: Vec::new(),
        speed: Vec::new(),
        answered: 0,
        output: 0,
        cost: Some(Usd::ZERO),
        failed: None,
        ready,
    };
    if is_ollama(one.ready.provider()) {
        let warm = probe::send(shop, &one.ready, QUESTION, 1, ui)?;
        one.load = Some(warm.total).filter(|_| warm.failed.is_none());
        one.failed = warm.failed;
        if one.failed.is_some() {
            return Ok(one);
        }
    }
    for _ in 0..args.rounds {
        let probe = probe::send(shop, &one.ready, QUESTION, args.tokens, ui)?;
        progress.inc(1);
        one.take(probe);
        if one.failed.is_some() && one.answered == 0 {
            break;
        }
    }
    sort::by(&mut one.first, f64::total_cmp);
    sort::by(&mut one.speed, f64::total_cmp);
    Ok(one)
}

impl Measured {
    fn take(&mut self, probe: Probe) {
        self.cost = self.cost.zip(probe.cost).map(|(sum, one)| sum.saturating_add(one));
        if let Some(error) = probe.failed {
            self.failed = Some(error);
            return;
        }
        self.answered += 1;
        self.output += probe.usage.map_or(0, |usage| usage.output);
        self.speed.extend(probe.speed());
        self.first.extend(probe.first.map(|first| first.as_secs_f64() * 1000.0));
    }
}

/// The middle one of numbers in order.
fn middle(numbers: &[f64]) -> Option<f64> {
    numbers.get(numbers.len() / 2).copied()
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn document(one: &Measured) -> Json {
    let spread = |numbers: &[f64]| {
        json!({
            "median": middle(numbers).map(tenth),
            "least": numbers.first().copied().map(tenth),
            "most": numbers.last().copied().map(tenth),
        })
    };
    json!({
        "model": one.ready.name(),
        "provider": one.ready.provider().name,
        "id": one.ready.model().id,
        "answered": one.answered,
        "load_ms": one.load.map(|load| tenth(load.as_secs_f64() * 1000.0)),
        "first_ms": spread(&one.first),
        "tokens_per_second": spread(&one.speed),
        "output_tokens": one.output,
        "cost_usd": one.cost.map(|cost| cost.to_string()),
        "error": one.failed.as_ref().map(ToString::to_string),
    })
}

fn table(all: &[Measured], rounds: u32) -> Table {
    let mut table = Table::new([
        Column::fixed("model"),
        Column::number("answered"),
        Column::number("loading"),
        Column::number("first token"),
        Column::number("tokens/s"),
        Column::number("from – to").spare(),
        Column::number("tokens").spare(),
        Column::number("cost"),
    ]);
    for one in all {
        let dash = || "–".to_owned();
        let range = one.speed.first().zip(one.speed.last()).map(|(least, most)| format!("{least:.1} – {most:.1}"));
        let style = if one.answered < rounds { Style::Yellow } else { Style::Plain };
        table.row([
            (one.ready.name().to_owned(), Style::Bold),
            (format!("{} of {rounds}", one.answered), style),
            (one.load.map_or_else(dash, |load| format!("{:.1} s", load.as_secs_f64())), Style::Plain),
            (middle(&one.first).map_or_else(dash, |first| format!("{first:.0} ms")), Style::Plain),
            (middle(&one.speed).map_or_else(dash, |speed| format!("{speed:.1}")), Style::Plain),
            (range.unwrap_or_else(dash), Style::Dim),
            (one.output.to_string(), Style::Dim),
            (one.cost.map_or_else(|| "unknown".to_owned(), dollars), Style::Plain),
        ]);
    }
    table
}

/// Two bars for each model: the longer the slower to begin, the longer the faster to go on.
fn plot(all: &[Measured], ui: &Ui) -> Vec<String> {
    let width = all.iter().map(|one| one.ready.name().chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut chart = |title: &str, unit: &str, of: &dyn Fn(&Measured) -> Option<f64>| {
        let most = all.iter().filter_map(of).fold(0.0, f64::max);
        if most <= 0.0 {
            return;
        }
        lines.push(format!("\n{}", ui.style.dim(title)));
        for one in all {
            let Some(value) = of(one) else { continue };
            let name = clean(one.ready.name());
            lines.push(format!("{name:<width$}  {} {value:.1} {unit}", ui.style.cyan(&bar(value / most))));
        }
    };
    chart("first token (shorter is better)", "ms", &|one| middle(&one.first));
    chart("tokens a second (longer is better)", "tokens/s", &|one| middle(&one.speed));
    lines
}

/// A bar for a share of the longest, to an eighth of a character.
pub(super) fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // Half an eighth more: rounded, and not cut.
    let full = f64::from(BAR * 8) * share.clamp(0.0, 1.0) + 0.5;
    let eighths = (1..=BAR * 8).take_while(|eighth| f64::from(*eighth) <= full).count().max(1);
    "█".repeat(eighths / 8) + EIGHTHS.get(eighths % 8).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        for (share, length, end) in [(1.0, 40, '█'), (0.5, 20, '█'), (0.0, 1, '▏'), (0.51, 21, '▍'), (0.0001, 1, '▏')]
        {
            let bar = bar(share);
            assert_eq!((bar.chars().count(), bar.chars().last()), (length, Some(end)), "{share}: {bar}");
        }
    }

    #[test]
    fn the_middle_is_the_one_in_the_middle() {
        assert_eq!(middle(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(middle(&[]), None);
    }
}
