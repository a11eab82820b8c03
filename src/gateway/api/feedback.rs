//! What a person says of a decision (R-OPT-001): `POST` gives an opinion, `DELETE` takes the last one back. Both count
//! from the next request on.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::base::failure::Explain as _;
use crate::journal::{Judged, NoRequest, Opinion};
use crate::wire::FaultKind;

use super::super::answer::{Answer, Refusal, json as answer};
use super::super::inbound::Inbound;
use super::super::state::Gateway;
use super::costs::{broken, refused};
use super::form::{self, Form, Wrong};

/// `POST /api/router/feedback`: `{"request_id": "019ba2c0…" or "last", "opinion": "plan"}`.
pub(in crate::gateway) async fn give(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let (wanted, opinion) = match form::body(&inbound.body).and_then(|body| read(&Form::of(&body))) {
        Ok(read) => read,
        Err(wrong) => return wrong.answer(),
    };
    match judge(&gateway, wanted, opinion).await {
        Ok(judged) => answer(StatusCode::OK, &told(&judged, opinion)),
        Err(refusal) => refusal.answer(inbound.speech, &inbound.id),
    }
}

/// Writes an opinion of a request down; what is learned from it counts from the next request on.
pub(in crate::gateway) async fn judge(gateway: &Gateway, wanted: String, opinion: Opinion) -> Result<Judged, Refusal> {
    let now = gateway.world.now();
    let asked = wanted.clone();
    let judged = gateway.ledger.ask(move |journal| {
        let request = match journal.request(&asked) {
            Ok(request) => request,
            Err(NoRequest::Journal(error)) => return Err(error),
            Err(nobody) => return Ok(Err(nobody)),
        };
        let judged = journal.judge(&request, opinion, now)?;
        Ok(Ok((judged, journal.lessons()?)))
    });
    let (judged, lessons) = match judged.await {
        Ok(Some(Ok(judged))) => judged,
        Ok(Some(Err(nobody))) => return Err(unknown(&nobody)),
        Ok(None) => return Err(unknown(&NoRequest::Unknown(wanted))),
        Err(error) => return Err(refused(&error)),
    };
    gateway.change(|snapshot| snapshot.learned = snapshot.learned.retaught(lessons));
    Ok(judged)
}

/// `DELETE /api/router/feedback`.
pub(in crate::gateway) async fn undo(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let now = gateway.world.now();
    let undone = gateway.ledger.ask(move |journal| {
        let Some(undone) = journal.feedback_undo(now)? else { return Ok(None) };
        Ok(Some((undone, journal.lessons()?)))
    });
    let (undone, lessons) = match undone.await {
        Ok(Some(Some(undone))) => undone,
        Ok(_) => {
            return Refusal::missing("no-feedback", "there is no opinion to take back")
                .answer(inbound.speech, &inbound.id);
        }
        Err(error) => return broken(&error, &inbound),
    };
    gateway.change(|snapshot| snapshot.learned = snapshot.learned.retaught(lessons));
    let undone = json!({
        "id": undone.id,
        "at": undone.at,
        "request_id": undone.request,
        "opinion": undone.opinion,
        "undone": undone.undone,
    });
    answer(StatusCode::OK, &json!({ "schema": 1, "undone": undone }))
}

fn read(form: &Form<'_>) -> Result<(String, Opinion), Wrong> {
    let request = form.required("request_id")?.trim().to_owned();
    let opinion = form.required("opinion")?;
    let words = Opinion::ALL.map(Opinion::as_str).join(", ");
    let opinion = opinion.trim().to_ascii_lowercase().parse();
    Ok((request, opinion.map_err(|_unknown| form.refuse("opinion", &format!("has to be one of {words}")))?))
}

fn told(judged: &Judged, opinion: Opinion) -> Value {
    json!({
        "schema": 1,
        "id": judged.id,
        "request_id": judged.request.as_str(),
        "opinion": opinion,
        "tier": judged.lesson.as_ref().map(|lesson| lesson.tier().number()),
        "learned": judged.lesson.is_some(),
        "decided_tier": judged.decided.as_ref().map(|decided| decided.tier.number()),
        "answered": judged.answered,
    })
}

fn unknown(why: &NoRequest) -> Refusal {
    let (status, code) = match why {
        NoRequest::Ambiguous { .. } => (StatusCode::CONFLICT, "ambiguous"),
        _ => (StatusCode::NOT_FOUND, "no-request"),
    };
    let refusal = Refusal::new(status, FaultKind::NotFound, code, why.to_string());
    let hint = match why {
        NoRequest::Ambiguous { .. } => why.hints().into_iter().next().unwrap_or_default(),
        _ => "every answer has its id in the header x-moai-request-id; `last` is the last one".into(),
    };
    refusal.hint(hint)
}
