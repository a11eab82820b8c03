//! What was when: requests, money, time, tokens, and how the providers did.

use jiff::{Timestamp, ToSpan as _};

use crate::journal::Percentiles;
use crate::journal::Totals;
use crate::journal::panels::{Measured, Pulse};
use crate::plot::{Caption, Chart, Row, Series, Span as Stretch, Timeline, Tone, Unit, bars, lines, timeline};

use super::super::figures::Figures;
use super::super::html::Html;
use super::super::words::{Lang, said};
use super::shell::zone_name;
use super::{Span, State, View, count, drawn, percent, usd};

/// How many models have a colour; the others are one.
const MODELS: usize = 5;
/// From which share of answers on a provider is well, and from which it is not broken.
const WELL: f64 = 0.95;
const ALIVE: f64 = 0.5;

/// Which count of a sum is meant.
type Counted = fn(&Totals) -> u64;
/// A line's name, and its value.
type Named<T> = (&'static str, fn(T) -> u64);

/// Everything that a chart is made with.
struct Frame<'a> {
    view: &'a View,
    state: &'a State<'a>,
    figures: &'a Figures,
    buckets: Vec<String>,
}

pub(super) fn charts(view: &View, state: &State<'_>, figures: &Figures) -> Html {
    let frame = Frame { view, state, figures, buckets: buckets(view, state, figures) };
    let words = view.words;
    let totals = &figures.tiles.totals;
    let mut html = Html::default();
    html.raw("<section class=\"charts\">");
    let sent = format!("{} {}", count(totals.attempts), words.of_attempts);
    let by_model = |value: fn(&Totals) -> f64| frame.by_model(value);
    let requests = by_model(|totals| drawn(totals.attempts));
    frame.draw(
        &mut html,
        ("requests", words.requests_chart, words.requests_about),
        &sent,
        Unit::Count,
        &requests,
        bars,
    );
    let cost = by_model(|totals| totals.cost.as_f64());
    let paid = usd(totals.cost);
    frame.draw(&mut html, ("cost", words.cost_chart, words.cost_about), &paid, Unit::Usd, &cost, bars);
    let all = figures.times.first();
    let whole = all.map(|line| line.whole).unwrap_or_default();
    let end = frame.times(|measured| measured.total_ms);
    let end_said = three(whole.total_ms);
    frame.draw(&mut html, ("total", words.total_chart, words.total_about), &end_said, Unit::Millis, &end, lines);
    let first = frame.times(|measured| measured.first_ms);
    let first_said = three(whole.first_ms);
    frame.draw(&mut html, ("first", words.first_chart, words.first_about), &first_said, Unit::Millis, &first, lines);
    let hits = format!("{} {}", percent(totals.cache_hit_rate()), words.cache_hits);
    let tokens = frame.tokens();
    frame.draw(&mut html, ("tokens", words.tokens_chart, words.tokens_about), &hits, Unit::Count, &tokens, bars);
    frame.health(&mut html);
    html.raw("</section>");
    html
}

/// The names of the slots: hours of today (those to come, too), or days.
fn buckets(view: &View, state: &State<'_>, figures: &Figures) -> Vec<String> {
    let starts = &figures.models.starts;
    let name = |at: Timestamp| {
        let at = at.to_zoned(state.zone.clone());
        let form = match (view.span, view.lang) {
            (Span::Today, _) => "%H:%M",
            (_, Lang::English) => "%b %-d",
            (_, Lang::Korean) => "%-m.%-d",
        };
        at.strftime(form).to_string()
    };
    let last = starts.last().copied().unwrap_or(state.now);
    let hour = |at: usize| i64::try_from(at).ok().and_then(|at| last.checked_add(at.hours()).ok());
    starts.iter().copied().chain((1..=figures.to_come).filter_map(hour)).map(name).collect()
}

/// `p50 1.2 s · p95 3.4 s · p99 9 s`.
pub(super) fn three(percentiles: Option<Percentiles>) -> String {
    percentiles.map_or_else(
        || "–".to_owned(),
        |found| {
            let say = |millis: u64| super::millis(millis);
            format!("p50 {} · p95 {} · p99 {}", say(found.p50), say(found.p95), say(found.p99))
        },
    )
}

impl Frame<'_> {
    /// A panel with a chart in it.
    fn draw(
        &self,
        html: &mut Html,
        (id, title, about): (&str, &str, &str),
        figure: &str,
        unit: Unit,
        series: &[Series],
        draw: fn(&Chart<'_>) -> String,
    ) {
        let words = self.view.words;
        let whole = format!("{about} {figure}. {}{}", words.times_in, zone_name(self.state));
        let caption = Caption { id, title, about: &whole, drawn: false };
        let chart = Chart { caption, unit, buckets: &self.buckets, series, empty: words.no_data };
        panel(html, title, figure, about).chart(&draw(&chart)).raw("</div>");
    }

    /// A series for each of the models that cost most, and one for the others.
    fn by_model(&self, value: fn(&Totals) -> f64) -> Vec<Series> {
        let lines = &self.figures.models.lines;
        let (named, others) = lines.split_at(lines.len().min(MODELS));
        let mut series: Vec<Series> = named
            .iter()
            .enumerate()
            .map(|(at, line)| Series {
                name: line.name.clone(),
                tone: Tone::Nth(at),
                values: line.slots.iter().map(|totals| Some(value(totals))).collect(),
            })
            .collect();
        if !others.is_empty() {
            let slots = 0..self.figures.models.starts.len();
            let sum = |slot: usize| others.iter().filter_map(|line| line.slots.get(slot)).map(value).sum();
            let values = slots.map(|slot| Some(sum(slot))).collect();
            series.push(Series { name: self.view.words.others.to_owned(), tone: Tone::Nth(7), values });
        }
        // A chart of nothing but zeros says that there is nothing.
        let some = series.iter().flat_map(|series| &series.values).any(|value| value.is_some_and(|value| value != 0.0));
        if some { series } else { Vec::new() }
    }

    fn times(&self, of: fn(&Measured) -> Option<Percentiles>) -> Vec<Series> {
        let slots = || self.figures.times.first().into_iter().flat_map(|line| &line.slots);
        let lines: [Named<Percentiles>; 3] =
            [("p50", |found| found.p50), ("p95", |found| found.p95), ("p99", |found| found.p99)];
        let named = lines.into_iter().enumerate().map(|(at, (name, pick))| Series {
            name: name.to_owned(),
            tone: Tone::Nth(at),
            values: slots().map(|slot| of(slot).map(|found| drawn(pick(found)))).collect(),
        });
        named.collect()
    }

    fn tokens(&self) -> Vec<Series> {
        let words = self.view.words;
        let slots = &self.figures.models.whole.slots;
        if self.figures.models.whole.total.usage == crate::model::Usage::default() {
            return Vec::new();
        }
        let kinds: [(&str, Counted); 4] = [
            (words.fresh, |totals| totals.usage.input),
            (words.cache_read, |totals| totals.usage.cache_read),
            (words.cache_write, |totals| totals.usage.cache_write_5m.saturating_add(totals.usage.cache_write_1h)),
            (words.output, |totals| totals.usage.output),
        ];
        let named = kinds.into_iter().zip([0, 2, 6, 1]).map(|((name, pick), tone)| Series {
            name: name.to_owned(),
            tone: Tone::Nth(tone),
            values: slots.iter().map(|totals| Some(drawn(pick(totals)))).collect(),
        });
        named.collect()
    }

    /// The providers over time, and what is wrong with them now.
    fn health(&self, html: &mut Html) {
        let words = self.view.words;
        let slots = self.buckets.len().max(1);
        let rows: Vec<Row> = self
            .figures
            .health
            .iter()
            .map(|one| Row { name: one.provider.clone(), spans: self.stretches(&one.slots) })
            .collect();
        let ticks: Vec<(f64, String)> =
            self.buckets.iter().enumerate().map(|(at, name)| (middle(at, slots), name.clone())).collect();
        let about = format!("{} {}{}", words.health_about, words.times_in, zone_name(self.state));
        let caption = Caption { id: "health", title: words.health_chart, about: &about, drawn: false };
        let chart = timeline(&Timeline { caption, rows: &rows, ticks: &ticks, empty: words.no_data });
        panel(html, words.health_chart, "", words.health_about).raw("<p class=\"legend\">");
        for (tone, name) in [Tone::Good, Tone::Warn, Tone::Bad, Tone::Idle].into_iter().zip(words.health_legend) {
            html.raw("<span><i class=\"").raw(tone.class()).raw("\"></i>").text(name).raw("</span>");
        }
        html.raw("</p>").chart(&chart);
        let out: Vec<_> = self.state.deployments.iter().filter(|one| one.state != "closed").collect();
        if !out.is_empty() {
            html.raw("<ul class=\"out\">");
            for one in out {
                html.raw("<li><b>").text(&one.provider).raw("</b> ").text(&one.model).raw(": ").text(words.asked_now);
                html.raw(" ").text(said(&words.states, one.state));
                if let Some(reason) = &one.reason {
                    html.raw(" (").text(reason.chars().take(160).collect::<String>()).raw(")");
                }
                html.raw("</li>");
            }
            html.raw("</ul>");
        }
        html.raw("</div>");
    }

    /// Slots that were alike are one stretch.
    fn stretches(&self, pulses: &[Pulse]) -> Vec<Stretch> {
        let words = self.view.words;
        let slots = self.buckets.len().max(1);
        let mut found: Vec<(Tone, usize, usize, Pulse)> = Vec::new();
        for (at, pulse) in pulses.iter().enumerate() {
            let tone = match pulse.availability() {
                None => continue,
                Some(share) if share >= WELL => Tone::Good,
                Some(share) if share >= ALIVE => Tone::Warn,
                Some(_) => Tone::Bad,
            };
            match found.last_mut() {
                Some((last, _, end, sum)) if *last == tone && *end == at => {
                    *end = at + 1;
                    *sum =
                        Pulse { ok: sum.ok.saturating_add(pulse.ok), errors: sum.errors.saturating_add(pulse.errors) };
                }
                _ => found.push((tone, at, at + 1, *pulse)),
            }
        }
        let name = |at: usize| self.buckets.get(at).map(String::as_str);
        // Hours are told by their end, days by their last one.
        let end = |to: usize| match self.view.span {
            Span::Today => name(to).unwrap_or("24:00"),
            Span::Week | Span::Month => name(to - 1).unwrap_or_default(),
        };
        let stretch = |(tone, from, to, pulse): (Tone, usize, usize, Pulse)| {
            let (begin, end) = (name(from).unwrap_or_default(), end(to));
            let when = if begin == end { begin.to_owned() } else { format!("{begin} – {end}") };
            let (ok, errors) = (count(pulse.ok), count(pulse.errors));
            let about = format!("{when}\n{}: {ok}\n{}: {errors}", words.answered, words.failures);
            Stretch { from: share(from, slots), to: share(to, slots), tone, about }
        };
        found.into_iter().map(stretch).collect()
    }
}

/// Opens a panel: its name, its figure, and what it shows.
fn panel<'a>(html: &'a mut Html, title: &str, figure: &str, about: &str) -> &'a mut Html {
    html.raw("<div class=\"panel\"><h2 title=\"").text(about).raw("\">").text(title).raw("</h2>");
    html.word("<p class=\"figure\">", figure, "</p>")
}

fn share(slot: usize, slots: usize) -> f64 {
    drawn(slot as u64) / drawn(slots as u64)
}

fn middle(slot: usize, slots: usize) -> f64 {
    (drawn(slot as u64) + 0.5) / drawn(slots as u64)
}
