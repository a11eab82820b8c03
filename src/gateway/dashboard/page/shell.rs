//! What stands around the figures: head, header, the login, and the files of style and script.

use super::super::html::Html;
use super::{Span, State, View};
use crate::plot;

const STYLE: &str = include_str!("dashboard.css");
const SCRIPT: &str = include_str!("dashboard.js");
const ICON: &str = include_str!("icon.svg");

/// A file of the page by its name, with its type.
pub(in crate::gateway::dashboard) fn asset(name: &str) -> Option<(&'static str, String)> {
    match name {
        "style.css" => Some(("text/css; charset=utf-8", format!("{}{STYLE}", plot::CSS))),
        "script.js" => Some(("text/javascript; charset=utf-8", SCRIPT.to_owned())),
        "icon.svg" => Some(("image/svg+xml", ICON.to_owned())),
        _ => None,
    }
}

/// What tells one version of the files from another: FNV-1a of all of them.
fn version() -> String {
    let bytes = [plot::CSS, STYLE, SCRIPT, ICON].into_iter().flat_map(str::bytes);
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The whole page.
pub(in crate::gateway::dashboard) fn home(view: &View, panels: &Html) -> Html {
    let words = view.words;
    let mut html = head(view);
    html.raw("<header><h1>moai</h1><nav>");
    for (span, name) in Span::ALL.into_iter().zip([words.today, words.week, words.month]) {
        let current = if span == view.span { " aria-current=\"page\"" } else { "" };
        html.raw("<a href=\"/dashboard?days=").text(span.as_str()).raw("\"").raw(current);
        html.word(">", name, "</a>");
    }
    html.raw("</nav><span class=\"live\" id=\"live\" role=\"status\" data-live=\"").text(words.live);
    html.raw("\" data-away=\"").text(words.away).raw("\" data-failed=\"").text(words.failed).raw("\"></span>");
    html.raw("<span class=\"tools\">");
    other_language(&mut html, view, "/dashboard?days=");
    html.raw("<button type=\"button\" id=\"theme\" title=\"")
        .text(words.theme)
        .raw("\" aria-label=\"")
        .text(words.theme);
    html.raw("\">◐</button>");
    if let Some(token) = &view.token {
        html.raw("<form method=\"post\" action=\"/dashboard/logout\"><input type=\"hidden\" name=\"token\" value=\"");
        html.text(token).word("\"><button>", words.log_out, "</button></form>");
    }
    html.raw("</span></header><main id=\"panels\" data-panels=\"/dashboard/panels?days=").text(view.span.as_str());
    html.raw("&amp;lang=").text(view.lang.as_str()).raw("\">");
    html.add(panels);
    html.raw("</main></body></html>\n");
    html
}

/// The page of the login, with what went wrong.
pub(in crate::gateway::dashboard) fn login(view: &View, wrong: Option<&str>) -> Html {
    let words = view.words;
    let mut html = head(view);
    html.raw("<header><h1>moai</h1><span class=\"tools\">");
    other_language(&mut html, view, "/dashboard/login?days=");
    html.raw("<button type=\"button\" id=\"theme\" title=\"")
        .text(words.theme)
        .raw("\" aria-label=\"")
        .text(words.theme);
    html.raw(
        "\">◐</button></span></header><main class=\"login\"><form method=\"post\" action=\"/dashboard/login?lang=",
    );
    html.text(view.lang.as_str()).raw("\">");
    if let Some(wrong) = wrong {
        html.word("<p class=\"wrong\" role=\"alert\">", wrong, "</p>");
    }
    html.word("<label for=\"key\">", words.access_key, "</label>");
    html.raw("<input id=\"key\" name=\"key\" type=\"password\" autocomplete=\"current-password\" required autofocus>");
    html.word("<button>", words.log_in, "</button>");
    html.raw("<p class=\"sub\">").add(&with_code(words.which_key)).raw("</p></form></main></body></html>\n");
    html
}

/// The journal cannot be read: why, and what to do.
pub(in crate::gateway::dashboard) fn broken(view: &View, error: &str, hints: &[String]) -> Html {
    let mut html = Html::default();
    html.raw("<p class=\"wrong\" role=\"alert\">").text(view.words.trouble).raw(": ").text(error).raw("</p>");
    for hint in hints {
        html.raw("<p class=\"note\">").add(&with_code(hint)).raw("</p>");
    }
    html
}

/// When the figures were read, and in which zone they are told.
pub(super) fn as_of(view: &View, state: &State<'_>) -> Html {
    let words = view.words;
    let now = state.now.to_zoned(state.zone.clone());
    let mut html = Html::default();
    html.raw("<footer><span>").text(words.times_in).text(zone_name(state)).raw("</span><span>").text(words.as_of);
    html.word(" <time>", now.strftime("%Y-%m-%d %H:%M:%S"), "</time></span><span>");
    html.text(words.under_way).raw(": ").text(state.under_way);
    html.raw("</span><span>moai ").text(env!("CARGO_PKG_VERSION")).raw("</span></footer>");
    html
}

/// `Asia/Seoul (+09)`, or the offset alone.
pub(super) fn zone_name(state: &State<'_>) -> String {
    let now = state.now.to_zoned(state.zone.clone());
    match state.zone.iana_name() {
        Some(name) => format!("{name} ({})", now.offset()),
        None => now.offset().to_string(),
    }
}

fn head(view: &View) -> Html {
    let version = version();
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"").text(view.lang.as_str());
    html.raw(
        "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
    );
    html.raw("<title>moai</title><link rel=\"icon\" type=\"image/svg+xml\" href=\"/dashboard/assets/icon.svg\">");
    html.raw("<link rel=\"stylesheet\" href=\"/dashboard/assets/style.css?").text(&version);
    html.raw("\"><script src=\"/dashboard/assets/script.js?").text(&version).raw("\"></script></head><body>");
    html
}

fn other_language(html: &mut Html, view: &View, to: &'static str) {
    let other = view.lang.other();
    html.raw("<a hreflang=\"").text(other.as_str()).raw("\" lang=\"").text(other.as_str()).raw("\" href=\"").raw(to);
    html.text(view.span.as_str()).raw("&amp;lang=").text(other.as_str());
    html.word("\">", view.words.other_language, "</a>");
}

/// What stands between backticks is a command.
pub(super) fn with_code(text: &str) -> Html {
    let mut html = Html::default();
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 0 {
            html.text(piece);
        } else {
            html.word("<code>", piece, "</code>");
        }
    }
    html
}

#[cfg(test)]
pub(super) fn weight() -> usize {
    [plot::CSS, STYLE, SCRIPT, ICON].iter().map(|file| file.len()).sum()
}
