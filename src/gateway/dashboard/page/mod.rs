//! The HTML of the dashboard.
//!
//! - `shell`: head, header, footer, the login
//! - `tiles`: the first row
//! - `charts`: what was when
//! - `lists`: models, decisions, sessions

mod charts;
mod lists;
mod shell;
mod tiles;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alert::Alert;
use crate::base::sort;
use crate::cost::Verdict;
use crate::exchange::Health;
use crate::model::Usd;

use super::figures::{Figures, Span};
use super::html::Html;
use super::words::{Lang, Words, said};

pub(super) use shell::{asset, broken, home, login};

/// How many alerts are shown.
const ALERTS: usize = 6;

/// How a page is wanted.
pub(super) struct View {
    pub(super) lang: Lang,
    pub(super) words: &'static Words,
    pub(super) span: Span,
    /// Whether the person may correct decisions.
    pub(super) corrects: bool,
    /// What forms carry; `None` without a login.
    pub(super) token: Option<String>,
}

/// What the gateway itself knows, beside the journal.
pub(super) struct State<'a> {
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
    /// The budget of the day, where there is one.
    pub(super) budget: Option<Verdict>,
    pub(super) deployments: Vec<Health>,
    pub(super) under_way: usize,
    /// The alerts that stand.
    pub(super) alerts: Vec<Alert>,
}

/// What changes.
pub(super) fn panels(view: &View, state: &State<'_>, figures: Option<&Figures>) -> Html {
    let mut html = Html::default();
    html.add(&alerts(view, state)).add(&tiles::tiles(view, state, figures));
    match figures {
        Some(figures) => {
            html.add(&charts::charts(view, state, figures));
            html.add(&lists::lists(view, state, figures));
        }
        None => {
            html.raw("<p class=\"note\">").add(&shell::with_code(view.words.nothing_yet)).raw("</p>");
        }
    }
    html.add(&shell::as_of(view, state));
    html
}

/// What is wrong now, the worst first. What was measured is told in the words of the log.
fn alerts(view: &View, state: &State<'_>) -> Html {
    let mut html = Html::default();
    let mut standing: Vec<&Alert> = state.alerts.iter().collect();
    sort::by_key(&mut standing, |alert| (alert.severity() != "critical", alert.since));
    if standing.is_empty() {
        return html;
    }
    html.raw("<ul class=\"alerts\" role=\"status\">");
    for alert in standing.iter().take(ALERTS) {
        html.raw("<li class=\"").raw(alert.severity()).raw("\">");
        html.word("<b>", said(&view.words.alerts, alert.rule.as_str()), "</b> ");
        html.text(alert.text.chars().take(240).collect::<String>());
        html.word(" <time>", lists::clock(alert.since, state), "</time></li>");
    }
    html.raw("</ul>");
    html
}

/// An amount: cents, or more where there is less than a dollar. What is not nothing never looks like it.
fn usd(amount: Usd) -> String {
    let size = amount.nanos().unsigned_abs();
    let sign = if amount.nanos() < 0 { "−" } else { "" };
    let amount = Usd::from_nanos(i64::try_from(size).unwrap_or(i64::MAX));
    if (1..50_000).contains(&size) && sign.is_empty() {
        return "<$0.0001".into();
    }
    if size != 0 && size < 1_000_000_000 { format!("{sign}${amount:.4}") } else { format!("{sign}${amount:.2}") }
}

/// A share as a percentage.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A count as a number to draw with; what is larger than it can say to the unit is not drawn to the unit either.
#[expect(clippy::cast_precision_loss, reason = "of nine thousand million million, the last one is not to be seen")]
const fn drawn(count: u64) -> f64 {
    count as f64
}

/// Milliseconds for a person.
fn millis(count: u64) -> String {
    crate::plot::Unit::Millis.say(drawn(count))
}

/// A count for a person.
fn count(count: u64) -> String {
    crate::plot::Unit::Count.say(drawn(count))
}

#[cfg(test)]
mod tests;
