//! The first row: what it costs, what it saves, and whether it works.

use crate::cost::Level;
use crate::journal::panels::Tiles;
use crate::model::Usd;
use crate::plot::{Caption, Gauge, Tone, gauge};

use super::super::figures::Figures;
use super::super::html::Html;
use super::{Span, State, View, count, percent, usd};

pub(super) fn tiles(view: &View, state: &State<'_>, figures: Option<&Figures>) -> Html {
    let words = view.words;
    let span = match view.span {
        Span::Today => words.today,
        Span::Week => words.week,
        Span::Month => words.month,
    };
    let tiles = figures.map(|figures| &figures.tiles);
    let totals = tiles.map(|tiles| tiles.totals).unwrap_or_default();
    let mut html = Html::default();
    html.raw("<section class=\"tiles\">");
    html.raw("<div class=\"tile\"><h2>").text(words.spent).raw(" · ").text(span).raw("</h2>");
    html.word("<p class=\"big\" id=\"spent\">", usd(totals.cost), "</p>");
    html.raw("<p class=\"sub\">").text(words.requests).raw(": ").text(count(totals.requests));
    if totals.unpriced > 0 {
        html.raw(" · ").text(count(totals.unpriced)).raw(" ").text(words.unpriced);
    }
    if let Some(tiles) = tiles.filter(|tiles| tiles.shadows != Usd::ZERO) {
        html.raw(" · ").text(usd(tiles.shadows)).raw(" ").text(words.shadows);
    }
    html.raw("</p></div>");
    saved(&mut html, view, tiles);
    tiers(&mut html, view, tiles);
    let rate = |html: &mut Html, name: &str, share: f64, part: u64, tone: &'static str| {
        html.raw("<div class=\"tile\"><h2>").text(name).raw("</h2><p class=\"big ").raw(tone).raw("\">");
        html.text(if totals.attempts == 0 { "–".to_owned() } else { percent(share) });
        html.raw("</p><p class=\"sub\">").text(count(part)).raw(" / ").text(count(totals.attempts)).raw(" ");
        html.text(words.of_attempts).raw("</p></div>");
    };
    rate(&mut html, words.fallbacks, totals.fallback_rate(), totals.fallbacks, "");
    budget(&mut html, view, state);
    let tone = if totals.error_rate() >= 0.05 { "tone-bad" } else { "" };
    rate(&mut html, words.errors, totals.error_rate(), totals.errors, tone);
    html.raw("</section>");
    html
}

fn saved(html: &mut Html, view: &View, tiles: Option<&Tiles>) {
    let words = view.words;
    html.raw("<div class=\"tile\"><h2>").text(words.saved).raw("</h2>");
    let compared = tiles.and_then(|tiles| Some((tiles, tiles.saved_percent?)));
    match compared {
        Some((tiles, share)) => {
            let tone =
                if tiles.saved.nanos() < 0 { "<p class=\"big tone-bad\">" } else { "<p class=\"big tone-good\">" };
            html.word(tone, usd(tiles.saved), "</p>");
            html.raw("<p class=\"sub\">").text(percent(share / 100.0)).raw(" ").text(words.saved_how);
            html.raw(" (").text(usd(tiles.totals.baseline)).raw(")");
            if tiles.totals.uncompared > 0 {
                html.raw(" · ").text(count(tiles.totals.uncompared)).raw(" ").text(words.uncompared);
            }
            html.raw("</p>");
        }
        None => {
            html.raw("<p class=\"big\">–</p><p class=\"sub\"></p>");
        }
    }
    html.raw("</div>");
}

fn tiers(html: &mut Html, view: &View, tiles: Option<&Tiles>) {
    let words = view.words;
    html.raw("<div class=\"tile\"><h2>").text(words.tiers).raw("</h2>");
    let Some(tiles) = tiles.filter(|tiles| tiles.totals.attempts > 0) else {
        html.raw("<p class=\"big\">–</p></div>");
        return;
    };
    let (one, two) = (tiles.tier1_percent, tiles.tier2_percent);
    html.raw("<p class=\"big\">").text(format!("{one:.0} % · {two:.0} %")).raw("</p>");
    html.raw("<svg class=\"split\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    html.raw("<rect class=\"fill p2\" width=\"100\" height=\"6\"/><rect class=\"fill p1\" height=\"6\" width=\"");
    html.text(format!("{one:.1}")).raw("\"/></svg>");
    let of_what = if tiles.totals.cost.nanos() > 0 { words.tiers_how } else { words.tiers_free };
    html.word("<p class=\"sub\">", of_what, "</p></div>");
}

fn budget(html: &mut Html, view: &View, state: &State<'_>) {
    let words = view.words;
    html.raw("<div class=\"tile\"><h2>").text(words.budget).raw("</h2>");
    let Some(verdict) = state.budget else {
        html.word("<p class=\"big\">", words.no_budget, "</p>").word(
            "<p class=\"sub\">",
            words.set_budget,
            "</p></div>",
        );
        return;
    };
    let sums = format!("{} {} {}", usd(verdict.spent_usd), words.budget_of, usd(verdict.limit_usd));
    let share = verdict.spent_usd.share_of(verdict.limit_usd).and_then(|share| i32::try_from(share).ok());
    let share = share.unwrap_or(10_000);
    let tone = match verdict.level {
        Level::Within => Tone::Good,
        Level::Near => Tone::Warn,
        Level::Over => Tone::Bad,
    };
    // Rounded down, as in the alerts: what is just below the whole is not the whole.
    let said = &format!("{} %", share / 100);
    let caption = Caption { id: "budget", title: words.budget, about: &sums, drawn: false };
    html.raw("<div class=\"gauge\">");
    html.chart(&gauge(&Gauge { caption, share: Some(f64::from(share) / 10_000.0), tone, said }));
    html.raw("</div>").word("<p class=\"sub\">", &sums, "</p></div>");
}
