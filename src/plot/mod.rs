//! Floor 1: charts as SVG text. What is drawn depends on nothing but what is given: no clock, no locale, no random
//! ids; the same numbers make the same bytes.
//!
//! - [`lines()`], [`areas()`], [`bars()`]: values over buckets of time (or of anything), one [`Series`] each
//! - [`timeline()`]: what was how, from when to when; [`gauge()`]: how much of a limit is used
//! - [`CSS`]: the colours, for light and dark; a page has it in its style sheet, a file by [`standalone`]
//!
//! Axes have a zero and say their unit. Colours are classes, so a page needs no inline style (and its Content Security
//! Policy can forbid it). Every chart has a title and a description for those who do not see it, and every bucket a
//! tooltip with its numbers. All words are the caller's, escaped here.

mod axis;
mod chart;
mod gauge;
mod svg;
mod timeline;

pub use axis::Unit;
pub use chart::{Chart, Series, areas, bars, lines};
pub use gauge::{Gauge, gauge};
pub use svg::{escape, standalone};
pub use timeline::{Row, Span, Timeline, timeline};

/// The colours and strokes, for light and dark: after the system's choice, or that of `data-theme` on the root.
pub const CSS: &str = include_str!("plot.css");

/// What a chart is called.
#[derive(Debug, Clone, Copy)]
pub struct Caption<'a> {
    /// Its id in the page, unlike every other's: lower-case letters, digits and `-`.
    pub id: &'a str,
    /// What it shows, in a few words.
    pub title: &'a str,
    /// What is to be seen in it, for those who do not see it: the figures in a sentence, the time zone.
    pub about: &'a str,
    /// Whether the title is drawn, too: in a file, and not where a page has it as a heading already.
    pub drawn: bool,
}

/// A colour with a meaning, or one of a row of colours that can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The colour of the n-th series from 0; after eight they are all grey.
    Nth(usize),
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Broken.
    Bad,
    /// Nothing known.
    Idle,
}

impl Tone {
    /// Its class in [`CSS`].
    pub const fn class(self) -> &'static str {
        match self {
            Self::Nth(0) => "p1",
            Self::Nth(1) => "p2",
            Self::Nth(2) => "p3",
            Self::Nth(3) => "p4",
            Self::Nth(4) => "p5",
            Self::Nth(5) => "p6",
            Self::Nth(6) => "p7",
            Self::Nth(_) => "p8",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}

#[cfg(test)]
mod tests;
