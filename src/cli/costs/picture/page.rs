//! The page: sums, charts and tables in one file. Nothing in it is fetched, and its own policy forbids that anything is.

use std::fmt::Write as _;

use crate::journal::{By, Line, Totals};
use crate::model::Usd;
use crate::plot::{CSS, escape};

use super::super::figures::{dollars, grouped};
use super::words::Words;
use super::{Story, charts};

/// What the page adds to the style of the charts.
const STYLE: &str = "body{margin:0 auto;max-width:1080px;padding:24px 16px;font:15px/1.5 system-ui,sans-serif;\
background:#fff;color:var(--ink)}h1{font-size:24px;margin:0}h2{font-size:16px;margin:0 0 8px}.soft{color:var(--soft)}\
.tiles,.charts{display:grid;gap:16px;margin:20px 0}.tiles{grid-template-columns:repeat(auto-fit,minmax(220px,1fr))}\
.charts{grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr))}\
.tiles div,.charts section{border:1px solid var(--grid);border-radius:8px;padding:12px 14px;min-width:0}\
.tiles b{display:block;font-size:22px}table{border-collapse:collapse;width:100%;margin:0 0 20px}\
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--grid);overflow-wrap:anywhere}\
th:first-child,td:first-child{text-align:left}\
@media(prefers-color-scheme:dark){body{background:#12171f}}\
@media print{.charts section,.tiles div{break-inside:avoid}}";

/// The page.
pub(super) fn page(story: &Story, words: &Words) -> String {
    let title = format!("{} {} – {}", words.title, story.since, story.until);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>{CSS}{STYLE}</style>\n</head>\n<body>\n<h1>{}</h1>\n\
         <p class=\"soft\">{} – {}</p>\n",
        words.code,
        escape(&title),
        escape(words.title),
        story.since,
        story.until,
    );
    tiles(&mut page, story, words);
    page.push_str("<div class=\"charts\">\n");
    for (heading, chart) in [
        (words.cost_by_day, charts::cost(story, words, false)),
        (words.against_claude, charts::savings(story, words)),
        (words.requests_by_day, charts::requests(story, words)),
        (words.tokens, charts::tokens(story, words)),
        (words.latency, charts::times(story, words, false)),
        (words.first_token, charts::times(story, words, true)),
        (words.providers, charts::providers(story, words)),
    ] {
        put(&mut page, format_args!("<section><h2>{}</h2>\n{chart}\n</section>\n", escape(heading)));
    }
    page.push_str("</div>\n");
    for (by, lines) in &story.tables {
        table(&mut page, *by, lines, words);
    }
    if story.tiles.totals.unpriced > 0 {
        let said = words.unpriced.replace("{}", &grouped(story.tiles.totals.unpriced));
        put(&mut page, format_args!("<p>{}</p>\n", escape(&said)));
    }
    put(&mut page, format_args!("<p class=\"soft\">{}</p>\n</body>\n</html>\n", escape(words.foot)));
    page
}

fn tiles(page: &mut String, story: &Story, words: &Words) {
    let tiles = &story.tiles;
    let percent = |part: f64| format!("{:.2} %", part * 100.0);
    let saved = tiles
        .saved_percent
        .map_or_else(|| dollars(tiles.saved), |part| format!("{} ({part:.1} %)", dollars(tiles.saved)));
    page.push_str("<div class=\"tiles\">\n");
    for (label, figure) in [
        (words.spent, cost(&tiles.totals, words)),
        (words.saved, saved),
        (words.requests, grouped(tiles.totals.requests)),
        (words.tier1, format!("{:.2} %", tiles.tier1_percent)),
        (words.tier2, format!("{:.2} %", tiles.tier2_percent)),
        (words.errors, percent(tiles.error_rate)),
        (words.fallbacks, percent(tiles.fallback_rate)),
        (words.cache, percent(tiles.cache_hit_rate)),
    ] {
        put(page, format_args!("<div><b>{}</b>{}</div>\n", escape(&figure), escape(label)));
    }
    page.push_str("</div>\n");
}

/// The sums by one thing, the dearest first.
fn table(page: &mut String, by: By, lines: &[Line], words: &Words) {
    let name = match by {
        By::Agent => words.agent,
        By::Project => words.project,
        _ => words.model,
    };
    page.push_str("<table>\n<tr>");
    for heading in [name, words.requests, words.fresh, words.read, words.output, words.cost, words.less] {
        put(page, format_args!("<th>{}</th>", escape(heading)));
    }
    page.push_str("</tr>\n");
    for line in lines {
        let totals = &line.totals;
        let saved = if totals.saved() == Usd::ZERO { "–".into() } else { dollars(totals.saved()) };
        let cells = [
            grouped(totals.requests),
            grouped(totals.usage.input),
            grouped(totals.usage.cache_read),
            grouped(totals.usage.output),
            cost(totals, words),
            saved,
        ];
        put(page, format_args!("<tr><td>{}</td>", escape(line.value.as_deref().unwrap_or(words.none))));
        for cell in cells {
            put(page, format_args!("<td>{}</td>", escape(&cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

/// What is known of a cost; what is not known is never 0.
fn cost(totals: &Totals, words: &Words) -> String {
    match totals.known() {
        None => words.unknown.into(),
        Some(cost) if totals.unpriced == 0 => dollars(cost),
        Some(cost) => format!("{} + ?", dollars(cost)),
    }
}

fn put(page: &mut String, piece: std::fmt::Arguments<'_>) {
    // Writing into a string does not fail.
    let _written = page.write_fmt(piece);
}
