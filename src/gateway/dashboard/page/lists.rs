//! What is read line by line: the models, the last decisions with the way to correct them, the conversations.

use jiff::Timestamp;

use crate::journal::panels::Recent;
use crate::journal::{Opinion, Percentiles};

use super::super::figures::Figures;
use super::super::html::Html;
use super::super::words::said;
use super::{State, View, count, millis, percent, usd};

/// How much of a conversation's name is shown.
const SESSION: usize = 18;

pub(super) fn lists(view: &View, state: &State<'_>, figures: &Figures) -> Html {
    let mut html = Html::default();
    decisions(&mut html, view, state, figures);
    models(&mut html, view, figures);
    sessions(&mut html, view, state, figures);
    html
}

/// Opens a table with these columns.
fn open(html: &mut Html, id: &'static str, title: &str, columns: &[&str]) {
    html.raw("<section class=\"panel wide\"><h2>").text(title).raw("</h2><table id=\"").raw(id).raw("\"><thead><tr>");
    for column in columns {
        html.word("<th scope=\"col\">", column, "</th>");
    }
    html.raw("</tr></thead><tbody>");
}

/// A cell, with its column's name for narrow screens.
fn cell<'a>(html: &'a mut Html, column: &str) -> &'a mut Html {
    html.raw("<td data-column=\"").text(column).raw("\">")
}

fn decisions(html: &mut Html, view: &View, state: &State<'_>, figures: &Figures) {
    let words = view.words;
    let mut columns = vec![words.when, words.model, words.why, words.outcome, words.cost];
    if view.corrects {
        columns.push(words.right);
    }
    open(html, "decisions", words.decisions, &columns);
    for one in &figures.recent {
        html.raw("<tr>");
        html.raw("<td>").word("<time>", clock(one.at, state), "</time></td>");
        html.raw("<td>").word("<b>", &one.model, "</b> ");
        let (tag, tier) = if one.tier == 1 { ("tier1", 0) } else { ("tier2", 1) };
        html.raw("<span class=\"tag ")
            .raw(tag)
            .raw("\">")
            .text(words.tier_names.get(tier).copied().unwrap_or_default());
        html.raw("</span><br><span class=\"sub\">").text(&one.provider);
        for about in [&one.project, &one.agent].into_iter().flatten() {
            html.raw(" · ").text(shortened(about, 40));
        }
        html.raw("</span></td>");
        html.raw("<td>");
        why(html, view, one);
        html.raw("</td>");
        html.raw("<td>").raw("<span class=\"").raw(if one.error.is_some() { "tone-bad" } else { "" });
        html.word("\">", said(&words.outcomes, &one.outcome), "</span>");
        if let Some(error) = &one.error {
            html.word(" <code>", error, "</code>");
        }
        html.raw("<br><span class=\"sub\">").text(millis(one.total_ms));
        if one.attempts > 1 {
            html.raw(" · ").text(one.attempts).raw(" ").text(words.attempts);
        }
        html.raw("</span></td>");
        html.raw("<td>").text(one.cost.map_or_else(|| words.unknown.to_owned(), usd)).raw("</td>");
        if view.corrects {
            html.raw("<td>");
            correct(html, view, one, figures.opinions.get(&one.request).copied());
            html.raw("</td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></section>");
}

fn why(html: &mut Html, view: &View, one: &Recent) {
    let words = view.words;
    html.text(said(&words.decided_by, &one.decided_by));
    if one.decided_by == "classifier"
        && let Some(confidence) = one.confidence
    {
        html.raw(" · ").text(format!("{:.0} % ", confidence * 100.0)).text(words.sure);
    }
    html.raw("<br><span class=\"sub\">");
    let kind = one.kind.as_deref().map(|kind| said(&words.kinds, kind).to_owned());
    let asked = one.model_asked.as_deref().map(|model| format!("{} {}", words.asked_for, shortened(model, 60)));
    let stood = one.fallback.then(|| words.stood_in.to_owned());
    let steps = one
        .decision
        .as_deref()
        .map(|words_of| words_of.split(", ").map(|step| said(words.reasons, step)).collect::<Vec<_>>().join(", "));
    let all: Vec<String> = [kind, steps, asked, stood].into_iter().flatten().collect();
    html.text(all.join(" · ")).raw("</span>");
}

/// The buttons; what was said already stands beside them.
fn correct(html: &mut Html, view: &View, one: &Recent, given: Option<Opinion>) {
    let words = view.words;
    html.raw("<form class=\"correct\" method=\"post\" action=\"/dashboard/feedback\">");
    if let Some(token) = &view.token {
        html.raw("<input type=\"hidden\" name=\"token\" value=\"").text(token).raw("\">");
    }
    html.raw("<input type=\"hidden\" name=\"request\" value=\"").text(&one.request).raw("\">");
    let given = given.and_then(|given| Opinion::ALL.iter().position(|one| *one == given));
    if let Some(said) = given.and_then(|at| words.given.get(at)) {
        html.word("<span class=\"given\">", said, "</span>");
    }
    for (at, (opinion, name)) in Opinion::ALL.into_iter().zip(words.give).enumerate() {
        // That it belonged where it went is no correction.
        let went = if one.tier == 1 { Opinion::Plan } else { Opinion::Implement };
        if opinion == went || given == Some(at) {
            continue;
        }
        html.raw("<button name=\"opinion\" id=\"").text(opinion).raw("-").text(&one.request).raw("\" value=\"");
        html.text(opinion).word("\">", name, "</button>");
    }
    html.raw("</form>");
}

fn models(html: &mut Html, view: &View, figures: &Figures) {
    let words = view.words;
    let columns = [
        words.model,
        words.sent,
        words.errors,
        words.cost,
        words.first_times,
        words.end_times,
        words.tokens,
        words.cache_read,
    ];
    open(html, "models", words.models, &columns);
    for line in &figures.models.lines {
        let times = figures.times.iter().find(|times| times.model.as_ref() == Some(&line.name));
        let times = times.map(|times| times.whole).unwrap_or_default();
        let total = &line.total;
        html.raw("<tr>");
        cell(html, words.model).word("<b>", &line.name, "</b></td>");
        cell(html, words.sent).text(count(total.attempts)).raw("</td>");
        cell(html, words.errors).text(percent(total.error_rate())).raw("</td>");
        cell(html, words.cost).text(usd(total.cost)).raw("</td>");
        cell(html, words.first_times).text(three(times.first_ms)).raw("</td>");
        cell(html, words.end_times).text(three(times.total_ms)).raw("</td>");
        cell(html, words.tokens)
            .text(count(total.usage.prompt()))
            .raw(" · ")
            .text(count(total.usage.output))
            .raw("</td>");
        cell(html, words.cache_read).text(percent(total.cache_hit_rate())).raw("</td></tr>");
    }
    html.raw("</tbody></table></section>");
}

fn sessions(html: &mut Html, view: &View, state: &State<'_>, figures: &Figures) {
    let words = view.words;
    let columns = [words.session, words.last, words.requests, words.errors, words.tokens, words.cost];
    open(html, "sessions", words.sessions, &columns);
    for line in &figures.sessions {
        let totals = &line.totals;
        let name = line.value.as_deref().unwrap_or_default();
        html.raw("<tr>");
        cell(html, words.session).raw("<code title=\"").text(name).raw("\">");
        html.text(shortened(name, SESSION)).raw("</code></td>");
        cell(html, words.last).text(totals.last_at.map_or_else(String::new, |at| clock(at, state))).raw("</td>");
        cell(html, words.requests).text(count(totals.requests)).raw("</td>");
        cell(html, words.errors).text(percent(totals.error_rate())).raw("</td>");
        let usage = &totals.usage;
        cell(html, words.tokens).text(count(usage.prompt())).raw(" · ").text(count(usage.output)).raw("</td>");
        cell(html, words.cost).text(usd(totals.cost)).raw("</td></tr>");
    }
    html.raw("</tbody></table></section>");
}

fn three(found: Option<Percentiles>) -> String {
    found.map_or_else(|| "–".to_owned(), |found| [found.p50, found.p95, found.p99].map(millis).join(" · "))
}

/// The time of today, with the day before it where it was another one.
pub(super) fn clock(at: Timestamp, state: &State<'_>) -> String {
    let (at, now) = (at.to_zoned(state.zone.clone()), state.now.to_zoned(state.zone.clone()));
    at.strftime(if at.date() == now.date() { "%H:%M:%S" } else { "%m-%d %H:%M" }).to_string()
}

/// At most so many letters.
fn shortened(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let head: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() { format!("{head}…") } else { head }
}
