//! The charts of the page.

use jiff::civil::Date;

use crate::journal::panels::{Measured, Pulse, SeriesLine};
use crate::journal::{Percentiles, Totals};
use crate::model::Usd;
use crate::plot::{Caption, Chart, Row, Series, Span, Timeline, Tone, Unit, areas, bars, lines, timeline};

use super::super::figures::{dollars, grouped};
use super::Story;
use super::words::Words;

/// How many models are told apart; the others are one.
const MODELS: usize = 7;

/// A name, and what is taken of something under it.
type Named<'a, Whole> = (&'a str, fn(Whole) -> u64);

/// The cost by day and model.
pub(super) fn cost(story: &Story, words: &Words, drawn: bool) -> String {
    let series = models(story, words, &|totals| totals.known().map(Usd::as_f64));
    let about = format!("{}–{}: {}", story.since, story.until, dollars(story.tiles.spent));
    draw(story, words, ("cost", words.cost_by_day, &about, drawn), Unit::Usd, &series, bars)
}

/// The requests by day and model.
pub(super) fn requests(story: &Story, words: &Words) -> String {
    let series = models(story, words, &|totals| Some(number(totals.requests)));
    let about = format!("{}–{}: {}", story.since, story.until, grouped(story.tiles.totals.requests));
    draw(story, words, ("requests", words.requests_by_day, &about, false), Unit::Count, &series, bars)
}

/// What was paid, and what Claude alone would have cost on top of it.
pub(super) fn savings(story: &Story, words: &Words) -> String {
    let slots = &story.models.whole.slots;
    let known = |totals: &Totals| totals.attempts > totals.uncompared;
    let paid = slots.iter().map(|totals| known(totals).then(|| totals.compared.as_f64()));
    let saved = slots.iter().map(|totals| known(totals).then(|| totals.saved().as_f64()));
    let series = [
        Series { name: words.paid.into(), tone: Tone::Nth(0), values: paid.collect() },
        Series { name: words.less.into(), tone: Tone::Good, values: saved.collect() },
    ];
    let about = dollars(story.tiles.saved);
    draw(story, words, ("savings", words.against_claude, &about, false), Unit::Usd, &series, bars)
}

/// Tokens by day, by what they are.
pub(super) fn tokens(story: &Story, words: &Words) -> String {
    let kinds: [Named<'_, &Totals>; 4] = [
        (words.read, |totals| totals.usage.cache_read),
        (words.written, |totals| totals.usage.cache_write()),
        (words.fresh, |totals| totals.usage.input),
        (words.output, |totals| totals.usage.output),
    ];
    let series: Vec<Series> = (0..)
        .zip(kinds)
        .map(|(at, (name, of))| Series {
            name: name.into(),
            tone: Tone::Nth(at),
            values: story.models.whole.slots.iter().map(|totals| Some(number(of(totals)))).collect(),
        })
        .collect();
    let about = grouped(story.tiles.totals.usage.total());
    draw(story, words, ("tokens", words.tokens, &about, false), Unit::Count, &series, areas)
}

/// Response times of all models together, or times to the first token.
pub(super) fn times(story: &Story, words: &Words, first: bool) -> String {
    let pick = |measured: &Measured| if first { measured.first_ms } else { measured.total_ms };
    let ranks: [Named<'_, Percentiles>; 3] =
        [("p50", |times| times.p50), ("p95", |times| times.p95), ("p99", |times| times.p99)];
    let slots = story.times.first().map(|all| all.slots.as_slice()).unwrap_or_default();
    let series: Vec<Series> = (0..)
        .zip(ranks)
        .map(|(at, (name, of))| Series {
            name: name.into(),
            tone: Tone::Nth(at),
            values: slots.iter().map(|slot| pick(slot).map(|times| number(of(times)))).collect(),
        })
        .collect();
    let (id, title) = if first { ("first-token", words.first_token) } else { ("latency", words.latency) };
    draw(story, words, (id, title, title, false), Unit::Millis, &series, lines)
}

/// How the providers did, day by day.
pub(super) fn providers(story: &Story, words: &Words) -> String {
    let count = number(story.days.len() as u64);
    let share = |at: usize| number(at as u64) / count;
    let row = |one: &crate::journal::panels::ProviderHealth| Row {
        name: one.provider.clone(),
        spans: (one.slots.iter().zip(&story.days).enumerate())
            .filter_map(|(at, (pulse, day))| span(*pulse, *day, words).map(|(tone, about)| (at, tone, about)))
            .map(|(at, tone, about)| Span { from: share(at), to: share(at + 1), tone, about })
            .collect(),
    };
    let rows: Vec<Row> = story.health.iter().map(row).collect();
    let every = story.days.len().div_ceil(6).max(1);
    let ticks: Vec<(f64, String)> =
        story.days.iter().enumerate().step_by(every).map(|(at, day)| (share(at), short(*day))).collect();
    timeline(&Timeline {
        caption: Caption { id: "providers", title: words.providers, about: words.answered, drawn: false },
        rows: &rows,
        ticks: &ticks,
        empty: words.nothing,
    })
}

/// How a day of a provider was; `None` where nothing was asked of it.
fn span(pulse: Pulse, day: Date, words: &Words) -> Option<(Tone, String)> {
    let part = pulse.availability()?;
    let tone = match part {
        part if part > 0.99 => Tone::Good,
        part if part >= 0.9 => Tone::Warn,
        _ => Tone::Bad,
    };
    let counts = format!("{} {}, {} {}", grouped(pulse.ok), words.answered, grouped(pulse.errors), words.errors);
    Some((tone, format!("{day}: {counts}")))
}

type Draw = fn(&Chart<'_>) -> String;

fn draw(
    story: &Story,
    words: &Words,
    (id, title, about, drawn): (&str, &str, &str, bool),
    unit: Unit,
    series: &[Series],
    draw: Draw,
) -> String {
    let buckets: Vec<String> = story.days.iter().map(|day| short(*day)).collect();
    let series = if story.tiles.totals.attempts == 0 { &[] } else { series };
    let caption = Caption { id, title, about, drawn };
    draw(&Chart { caption, unit, buckets: &buckets, series, empty: words.nothing })
}

/// A series for each of the dearest models, and one for all others.
fn models(story: &Story, words: &Words, of: &dyn Fn(&Totals) -> Option<f64>) -> Vec<Series> {
    let values = |line: &SeriesLine| line.slots.iter().map(of).collect();
    let (told, rest) = story.models.lines.split_at(story.models.lines.len().min(MODELS));
    let mut series: Vec<Series> = (0..)
        .zip(told)
        .map(|(at, line)| Series { name: line.name.clone(), tone: Tone::Nth(at), values: values(line) })
        .collect();
    if !rest.is_empty() {
        let sum = |slot: usize| {
            let all = rest.iter().filter_map(|line| line.slots.get(slot));
            of(&all.fold(Totals::default(), Totals::plus))
        };
        let values = (0..story.days.len()).map(sum).collect();
        series.push(Series { name: words.others.into(), tone: Tone::Nth(MODELS), values });
    }
    series
}

/// `01-09`
fn short(day: Date) -> String {
    day.strftime("%m-%d").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "a picture has a few hundred pixels")]
fn number(count: u64) -> f64 {
    count as f64
}
