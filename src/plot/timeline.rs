//! What was how, from when to when: a row each.

use super::svg::{Anchor, Svg, short, width};
use super::{Caption, Tone};

/// Rows of spans over one stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Timeline<'a> {
    /// What it is called.
    pub caption: Caption<'a>,
    /// The rows, from top to bottom.
    pub rows: &'a [Row],
    /// Moments with their names, in their order: 0 is the beginning, 1 the end.
    pub ticks: &'a [(f64, String)],
    /// What is said where there are no rows.
    pub empty: &'a str,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is of.
    pub name: String,
    /// What it was like; later ones are drawn over earlier ones, and between them nothing is known.
    pub spans: Vec<Span>,
}

/// A stretch of a row.
#[derive(Debug, Clone)]
pub struct Span {
    /// Where it begins, between 0 and 1.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How it was.
    pub tone: Tone,
    /// The same in words, with the times: its tooltip.
    pub about: String,
}

const WIDTH: f64 = 480.0;
const ROW: f64 = 26.0;
/// The longest name of a row, in columns.
const NAME: usize = 18;
/// The least that a span is wide, so that a short failure is seen.
const SEEN: f64 = 2.0;

/// Draws the rows.
pub fn timeline(timeline: &Timeline<'_>) -> String {
    let head = if timeline.caption.drawn { 28.0 } else { 4.0 };
    if timeline.rows.is_empty() {
        return Svg::new(&timeline.caption, WIDTH, head + 60.0).nothing(timeline.empty, head + 60.0);
    }
    let bottom = timeline.rows.iter().fold(head, |y, _| y + ROW);
    let mut svg = Svg::new(&timeline.caption, WIDTH, bottom + 26.0);
    let names = timeline.rows.iter().map(|row| width(&short(&row.name, NAME))).fold(0.0, f64::max);
    let left = names + 8.0;
    let wide = WIDTH - left - 8.0;
    let place = |share: f64| left + wide * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let mut y = head;
    for row in timeline.rows {
        svg.text((left - 8.0, y + 16.0), Anchor::End, "name", &short(&row.name, NAME));
        svg.rectangle("fill idle", (left, y + 4.0), (wide, ROW - 10.0), "");
        for span in &row.spans {
            let from = place(span.from).min(WIDTH - 8.0 - SEEN);
            let class = format!("fill {}", span.tone.class());
            svg.rectangle(&class, (from, y + 4.0), ((place(span.to) - from).max(SEEN), ROW - 10.0), &span.about);
        }
        y += ROW;
    }
    let mut free = 0.0;
    for (at, said) in timeline.ticks {
        let half = width(said) / 2.0;
        let x = place(*at).min(WIDTH - half);
        if x - half >= free {
            svg.text((x, bottom + 16.0), Anchor::Middle, "", said);
            free = x + half + 8.0;
        }
    }
    svg.end()
}
