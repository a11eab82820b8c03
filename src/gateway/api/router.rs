//! Seed 000's router API: `POST /api/router/route` and `GET /api/router/stats`.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::Value;

use crate::journal::{Message, stats_document};
use crate::route::Ask;

use super::super::answer::{Answer, json as answer};
use super::super::inbound::Inbound;
use super::super::state::Gateway;
use super::super::turn::About;
use super::ask::{self, Wish};
use super::costs::{broken, today};
use super::form::{self, Form, Wrong};

/// `POST /api/router/route`: a message with its `RouterContext`; answered with the seeds' `RouterResponse`.
pub(in crate::gateway) async fn route(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let wish = match form::body(&inbound.body).and_then(|body| read(&gateway, &inbound, &body)) {
        Ok(wish) => wish,
        Err(wrong) => return wrong.answer(),
    };
    match ask::ask(gateway, &inbound, wish).await {
        Ok(answered) => answered.routed(&inbound),
        Err(refused) => refused,
    }
}

/// Reads the body. The fields of the context may also stand beside the message.
fn read(gateway: &Gateway, inbound: &Inbound, body: &Value) -> Result<Wish, Wrong> {
    let form = Form::of(body);
    let context = form.form("context")?;
    let text = form.required("message")?.to_owned();
    let both = |name: &str| Ok(context.word(name)?.or(form.word(name)?));
    let session = both("session_id")?
        .map(|word| {
            let refuse = || context.refuse("session_id", "has to be 1 to 128 letters, digits and `. _ : -`");
            ask::session(word).ok_or_else(refuse)
        })
        .transpose()?;
    let place = both("worktree_path")?.map(|path| {
        let known = gateway.places.at(path, &gateway.world);
        known.ok_or_else(|| context.refuse("worktree_path", "is not the path of a directory, from `/` on"))
    });
    let place = place.transpose()?;
    let mut about = About::of_headers(inbound);
    about.session = session.or(about.session);
    about.spec = both("current_spec_id")?.map(str::to_owned).or(about.spec);
    if let Some(place) = &place {
        about.project = about.project.or_else(|| place.project.clone());
        about.worktree.clone_from(&place.worktree);
    }
    let force_model = both("force_model")?.map(str::to_owned);
    let worktree_model = place.and_then(|place| place.model.as_deref().map(str::to_owned));
    let history = match context.list("conversation_history")? {
        [] => messages(&form, gateway)?,
        _ => messages(&context, gateway)?,
    };
    let (agent, task) = (about.agent.clone(), about.task.clone());
    Ok(Wish {
        text,
        max_tokens: form.count("max_tokens")?,
        temperature: form.number("temperature", 0.0, 2.0)?,
        ask: Ask { force_model, worktree_model, agent, task, ..Ask::default() },
        about,
        history,
        model_field: &["context", "force_model"],
        models: None,
    })
}

/// `conversation_history`: messages with `role` and `content`, and the `model` that wrote them where that is known.
fn messages(form: &Form<'_>, gateway: &Gateway) -> Result<Vec<Message>, Wrong> {
    let refuse = |what: &str| form.refuse("conversation_history", what);
    let read = |value: &Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let role = text("role").filter(|role| matches!(role.as_str(), "user" | "assistant" | "system"));
        Ok(Message {
            role: role.ok_or_else(|| refuse("has a message whose role is not user, assistant or system"))?,
            content: text("content").ok_or_else(|| refuse("has a message whose content is no text"))?,
            model: text("model").or_else(|| text("model_used")),
            at: gateway.world.now(),
        })
    };
    form.list("conversation_history")?.iter().map(read).collect()
}

/// `GET /api/router/stats`: how the models did (R-OPT-002), all the time unless `date`, `since` or `until` say otherwise.
pub(in crate::gateway) async fn stats(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let days = match form::days(inbound.query.as_deref(), today(&gateway)) {
        Ok(days) => days.unwrap_or_default(),
        Err(wrong) => return wrong.answer(),
    };
    match gateway.ledger.ask(move |journal| journal.stats(days)).await {
        Ok(models) => answer(StatusCode::OK, &stats_document(&models.unwrap_or_default(), days)),
        Err(error) => broken(&error, &inbound),
    }
}
