//! `/api/router/force-model`: what is forced, shown, set and cleared (AC-003).
//!
//! It counts from the next request on; an answer that is under way ends as it began (R-STA-001).

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::failure::Explain as _;
use crate::model::Tier;
use crate::wire::FaultKind;

use super::super::answer::{Answer, Refusal, json as answer};
use super::super::force::{ForceError, Forced, Wish};
use super::super::inbound::Inbound;
use super::super::snapshot::Snapshot;
use super::super::state::Gateway;

/// The longest time that can be wished for: ten years are for ever.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// What a client sends. A bare word is a model or a provider, and `null` clears.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    model: Option<String>,
    provider: Option<String>,
    tier: Option<Value>,
    session: Option<String>,
    /// Seconds.
    expires_in: Option<f64>,
    expires_at: Option<Timestamp>,
}

/// `GET /api/router/force-model`.
pub(in crate::gateway) async fn shown(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    standing(&gateway, &inbound.snapshot)
}

/// `POST /api/router/force-model`.
pub(in crate::gateway) async fn set(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    match change(&gateway, &inbound) {
        Ok(()) => standing(&gateway, &inbound.snapshot),
        Err(refusal) => refusal.answer(inbound.speech, &inbound.id),
    }
}

/// `DELETE /api/router/force-model`: everything, or with `?session=ID` what is forced for one conversation.
pub(in crate::gateway) async fn cleared(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let session = inbound.query.as_deref().and_then(|query| {
        query.split('&').find_map(|pair| pair.strip_prefix("session=")).filter(|session| !session.is_empty())
    });
    match gateway.force.clear(session, gateway.world.now()) {
        Ok(_) => standing(&gateway, &inbound.snapshot),
        Err(error) => broken(&error).answer(inbound.speech, &inbound.id),
    }
}

fn change(gateway: &Gateway, inbound: &Inbound) -> Result<(), Refusal> {
    let now = gateway.world.now();
    let body = read(&inbound.body)?;
    let Some(wish) = wish(&body, &inbound.snapshot)? else {
        gateway.force.clear(body.session.as_deref(), now).map_err(|error| broken(&error))?;
        return Ok(());
    };
    let forced = Forced {
        wish,
        session: body.session.clone(),
        set_at: now,
        set_by: inbound.who.name.as_deref().map(str::to_owned),
        expires_at: end(&body, now)?,
    };
    gateway.force.set(forced).map_err(|error| broken(&error))
}

fn read(bytes: &[u8]) -> Result<Body, Refusal> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::bad("bad-json", format!("the body is not JSON: {error}")).hint(FORMS))?;
    match value {
        Value::Null => Ok(Body::default()),
        Value::String(model) => Ok(Body { model: Some(model), ..Body::default() }),
        other => serde_json::from_value(other).map_err(|error| Refusal::bad("bad-body", error.to_string()).hint(FORMS)),
    }
}

/// How to say it.
const FORMS: &str = r#"send {"model": "glm-4.7"}, {"provider": "glm"} or {"tier": 1}, with "session", and "expires_in" (seconds) or "expires_at" if it is to end; {"model": null} clears"#;

/// What the body wishes for; `None` is nothing any more. It is checked here, so that no request finds out.
fn wish(body: &Body, snapshot: &Snapshot) -> Result<Option<Wish>, Refusal> {
    let given = [body.model.is_some(), body.provider.is_some(), body.tier.as_ref().is_some_and(|tier| !tier.is_null())];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(Refusal::bad("bad-body", "one of model, provider and tier can be forced").hint(FORMS));
    }
    let roster = &snapshot.roster;
    let provider = |word: &str| match roster.of_provider(word, &snapshot.policy) {
        Some(_) => Ok(Some(Wish::Provider(word.trim().to_ascii_lowercase()))),
        None if roster.has_provider(word) => {
            let said = format!("no model of the provider `{word}` can be asked");
            Err(Refusal::bad("no-key", said).hint("see which keys there are: `moai key list`"))
        }
        None => Err(Refusal::bad("unknown-provider", format!("unknown provider `{word}`")).hint(FORMS)),
    };
    match (&body.model, &body.provider, &body.tier) {
        (Some(word), ..) if roster.has_provider(word) => provider(word),
        (Some(word), ..) => match roster.ready(word) {
            Ok(ready) => Ok(Some(Wish::Model(ready.name().to_owned()))),
            Err(why) => {
                let code = why.code().unwrap_or("not-ready");
                Err(Refusal::bad(code, why.to_string()).hint(why.hints().join("; ")))
            }
        },
        (None, Some(word), _) => provider(word),
        (None, None, Some(tier)) if !tier.is_null() => {
            let word = tier.as_str().map_or_else(|| tier.to_string(), str::to_owned);
            let tier: Tier = word.parse().map_err(|_unknown| {
                Refusal::bad("bad-tier", format!("`{word}` is no tier: expected 1 (plan) or 2 (implement)"))
            })?;
            Ok(Some(Wish::Tier(tier.number())))
        }
        (None, None, _) => Ok(None),
    }
}

/// When it ends.
fn end(body: &Body, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let bad = |said: &str| Refusal::bad("bad-time", said).hint(FORMS);
    let end = match (body.expires_in, body.expires_at) {
        (Some(_), Some(_)) => return Err(bad("one of expires_in and expires_at says when it ends")),
        (None, end) => end,
        (Some(seconds), None) => {
            let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST);
            let time = time.and_then(|time| SignedDuration::try_from(time).ok());
            let Some(time) = time else { return Err(bad("expires_in is no number of seconds")) };
            Some(now.checked_add(time).map_err(|_late| bad("expires_in is too far away"))?)
        }
    };
    if end.is_some_and(|end| end <= now) {
        return Err(bad("it would be over before it began"));
    }
    Ok(end)
}

fn broken(error: &ForceError) -> Refusal {
    let said = format!("{error}; nothing was changed");
    let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, FaultKind::Server, "force-not-kept", said);
    match error.hints().first() {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// What is forced now: for all conversations, and for single ones.
fn standing(gateway: &Gateway, snapshot: &Snapshot) -> Answer {
    let all = gateway.force.standing(gateway.world.now());
    let whole = all.iter().find(|forced| forced.session.is_none());
    let sessions: Vec<Value> =
        all.iter().filter(|forced| forced.session.is_some()).map(|forced| told(forced, snapshot)).collect();
    let forced = whole.map(|forced| told(forced, snapshot));
    answer(StatusCode::OK, &json!({"schema": 1, "forced": forced, "sessions": sessions}))
}

fn told(forced: &Forced, snapshot: &Snapshot) -> Value {
    let name = forced.model(&snapshot.roster, &snapshot.policy);
    let ready = name.as_deref().and_then(|name| snapshot.roster.ready(name).ok());
    let wanted = match &forced.wish {
        Wish::Provider(word) => Some(word),
        Wish::Model(_) | Wish::Tier(_) => None,
    };
    let tier = ready.as_ref().map(|ready| ready.model().tier).or(forced.tier());
    json!({
        "model": name,
        "provider": ready.as_ref().map(|ready| ready.provider().name.as_str()),
        "tier": tier.map(Tier::number),
        "wanted": wanted,
        "ready": ready.is_some() || forced.tier().is_some(),
        "session": forced.session,
        "set_at": forced.set_at.to_string(),
        "set_by": forced.set_by,
        "expires_at": forced.expires_at.map(|end| end.to_string()),
    })
}
