//! `/dashboard`: what the journal says, to look at. The page is made here, its style and its script are in the binary,
//! and it is live by server-sent events.
//!
//! - `login`: who is logged in, by cookie; a session is a random id in memory and never the key
//! - `pulse`: who watches; a request that is over costs them one load of an atomic when nobody does
//! - `figures`: what is read of the journal, by its own thread, for all watchers once
//! - `page`: the HTML, in English and Korean
//!
//! The doors are in `routes`: reading needs the scope `read`, correcting a decision `admin`. `guard` has looked at `Host`,
//! `Origin` and the login before any of them; what changes something wants the login's own token besides.

mod figures;
mod html;
mod login;
mod lookout;
mod page;
mod pulse;
mod words;

use std::sync::Arc;

use hyper::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, LOCATION, VARY};
use hyper::{HeaderMap, StatusCode};

use crate::base::failure::Explain as _;
use crate::base::packed::gzip;
use crate::journal::Opinion;
use crate::wire::FaultKind;

use super::access::Scope;
use super::answer::{Answer, Refusal, add, bytes_as};
use super::api::feedback::judge;
use super::api::form::asked;
use super::inbound::Inbound;
use super::state::Gateway;

use figures::Span;
use html::Html;
use page::View;
use words::Lang;

pub(in crate::gateway) use login::{Login, Logins};
pub(in crate::gateway) use lookout::events;
pub(in crate::gateway) use pulse::Pulse;

/// The page.
const HOME: &str = "/dashboard";
/// Where one logs in.
const LOGIN: &str = "/dashboard/login";
/// What the page may do: load its own style, script and icon, ask its own server, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The longest form that is read: a key, or an opinion.
pub(in crate::gateway) const FORM: usize = 4096;

/// What the dashboard remembers.
#[derive(Default)]
pub(in crate::gateway) struct Dashboard {
    /// Who is logged in.
    pub(in crate::gateway) logins: Logins,
    /// Who watches.
    pub(in crate::gateway) pulse: Pulse,
    figures: figures::Shelf,
}

/// `GET /dashboard`: the whole page.
pub(in crate::gateway) async fn home(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let view = View::of(&inbound);
    // Here alone: what an older page fetches is in the language that it had.
    if let Some(login) = &inbound.login {
        login.set_lang(view.lang);
    }
    let panels = panels_of(&gateway, &inbound, &view).await;
    whole(&inbound, StatusCode::OK, page::home(&view, &panels))
}

/// `GET /dashboard/panels`: what changes of it.
pub(in crate::gateway) async fn panels(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let view = View::of(&inbound);
    whole(&inbound, StatusCode::OK, panels_of(&gateway, &inbound, &view).await)
}

async fn panels_of(gateway: &Arc<Gateway>, inbound: &Inbound, view: &View) -> Html {
    let now = gateway.world.now();
    let zone = gateway.world.zone();
    let figures = gateway.dashboard.figures.of(&gateway.ledger, view.span, now, &zone).await;
    let budgets = &inbound.snapshot.allowance.budgets;
    let standing = gateway.limits.standings(&[crate::cost::Scope::Day], budgets).into_iter().next();
    let state = page::State {
        now,
        zone: &zone,
        budget: standing.map(|standing| standing.verdict),
        deployments: gateway.board.health(&inbound.snapshot.roster),
        under_way: gateway.work.count(),
        alerts: gateway.alarm.view().standing,
    };
    match &figures {
        Ok(figures) => page::panels(view, &state, figures.as_deref()),
        Err(error) => page::broken(view, &error.to_string(), &error.hints()),
    }
}

/// `POST /dashboard/feedback`: corrects a decision, as `moai feedback` does.
pub(in crate::gateway) async fn feedback(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let Some(form) = form_of(&inbound).filter(|form| inbound.login.as_ref().is_none_or(|login| login.made(form)))
    else {
        return foreign().answer(inbound.speech, &inbound.id);
    };
    let opinion = asked(Some(form), "opinion").and_then(|word| word.parse::<Opinion>().ok());
    let Some((request, opinion)) = asked(Some(form), "request").zip(opinion) else {
        return Refusal::bad("bad-form", "a correction needs `request` and `opinion`")
            .answer(inbound.speech, &inbound.id);
    };
    if let Err(refusal) = judge(&gateway, request, opinion).await {
        return refusal.answer(inbound.speech, &inbound.id);
    }
    gateway.dashboard.figures.forget().await;
    gateway.dashboard.pulse.beat();
    go(HOME)
}

/// `GET /dashboard/login`: the form.
pub(in crate::gateway) async fn login_form(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    whole(&inbound, StatusCode::OK, page::login(&View::of(&inbound), None))
}

/// `POST /dashboard/login`: a key that opens `read` logs in.
pub(in crate::gateway) async fn log_in(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let view = View::of(&inbound);
    let key = form_of(&inbound).and_then(|form| asked(Some(form), "key")).unwrap_or_default();
    let key = key.trim().as_bytes();
    let wrong = |why: fn(&words::Words) -> &'static str| {
        whole(&inbound, StatusCode::FORBIDDEN, page::login(&view, Some(why(view.words))))
    };
    match gateway.access.admits(key) {
        None => wrong(|words| words.wrong_key),
        Some((_, scopes)) if !scopes.contains(&Scope::Read) => wrong(|words| words.narrow_key),
        Some(_) => match gateway.dashboard.logins.begin(key, view.lang, gateway.world.now()) {
            Ok(id) => {
                let mut answer = go(HOME);
                add(&mut answer, [("set-cookie", login::cookie(&inbound, &id, gateway.tls().is_some()))]);
                answer
            }
            Err(error) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, FaultKind::Server, "bug", error.to_string())
                .answer(inbound.speech, &inbound.id),
        },
    }
}

/// `POST /dashboard/logout`.
pub(in crate::gateway) async fn log_out(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let login = inbound.login.as_ref();
    let Some(login) = login.filter(|login| form_of(&inbound).is_some_and(|form| login.made(form))) else {
        return foreign().answer(inbound.speech, &inbound.id);
    };
    gateway.dashboard.logins.end(login);
    gateway.dashboard.pulse.beat();
    let mut answer = go(LOGIN);
    add(&mut answer, [("set-cookie", login::no_cookie(&inbound))]);
    answer
}

/// `GET /dashboard/assets/*`: style, script, icon; their names change with their content.
pub(in crate::gateway) async fn asset(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    let Some((kind, text)) = page::asset(&inbound.rest) else {
        return Refusal::missing("no-such-path", "there is nothing at this path").answer(inbound.speech, &inbound.id);
    };
    let mut answer = sent(&inbound, StatusCode::OK, kind, text);
    add(
        &mut answer,
        [
            ("cache-control", "public, max-age=31536000, immutable".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ],
    );
    answer
}

/// Whether a person is led to this path, and not a program.
pub(in crate::gateway) fn is_page(path: &str) -> bool {
    path == HOME
}

/// A person whose browser is not logged in is shown the form instead of an error.
pub(in crate::gateway) fn turned_away(refusal: &Refusal) -> Option<Answer> {
    (refusal.status == StatusCode::UNAUTHORIZED).then(|| go(LOGIN))
}

/// Whether the login of a browser counts here.
pub(in crate::gateway) fn is_here(path: &str) -> bool {
    path.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The fields of a form, where it is short enough to be one of ours.
fn form_of(inbound: &Inbound) -> Option<&str> {
    std::str::from_utf8(&inbound.body).ok().filter(|form| form.len() <= FORM)
}

fn foreign() -> Refusal {
    let said = "this form is not from a page that is logged in here";
    Refusal::new(StatusCode::FORBIDDEN, FaultKind::Permission, "foreign-form", said).hint("load the page again")
}

/// HTML as an answer, which nobody keeps and nobody frames.
fn whole(inbound: &Inbound, status: StatusCode, html: Html) -> Answer {
    let mut answer = sent(inbound, status, "text/html; charset=utf-8", html.into_text());
    guarded(answer.headers_mut());
    answer
}

/// Text as an answer, packed where the browser unpacks it. A page has its login's token beside names that clients chose;
/// no other site can have it sent to find the one by the other, because the cookie is `SameSite=Strict`.
fn sent(inbound: &Inbound, status: StatusCode, kind: &'static str, text: String) -> Answer {
    let accepted = inbound.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(','));
    if !codings.any(|coding| coding.trim() == "gzip") {
        return bytes_as(status, kind, text);
    }
    let mut answer = bytes_as(status, kind, gzip(&text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    answer
}

fn go(to: &'static str) -> Answer {
    let mut answer = bytes_as(StatusCode::SEE_OTHER, "text/html; charset=utf-8", "");
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    guarded(answer.headers_mut());
    answer
}

/// What keeps a page to itself.
fn guarded(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("content-security-policy", HeaderValue::from_static(POLICY));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    // Not `no-referrer`: a form would be sent with `Origin: null` then.
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
}

impl View {
    /// How this request wants the page: in the language that it asks for, else that of its login, else its browser's.
    fn of(inbound: &Inbound) -> Self {
        let query = inbound.query.as_deref();
        let login = inbound.login.as_ref();
        let wished = asked(query, "lang").and_then(|word| Lang::named(&word));
        let accepted = || inbound.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let lang =
            wished.or_else(|| Some(login?.lang())).unwrap_or_else(|| Lang::accepted(accepted().unwrap_or_default()));
        Self {
            lang,
            words: lang.words(),
            span: asked(query, "days").and_then(|days| Span::named(&days)).unwrap_or(Span::Today),
            corrects: inbound.who.scopes.contains(&Scope::Admin),
            token: login.map(|login| login.token().to_owned()),
        }
    }
}
