//! Seed 003's `POST /api/chat`: an agent's message with its preferences and circumstances; answered with the seed's
//! `RouterResponse`.

use std::sync::Arc;

use serde_json::Value;

use crate::route::{Agent, Ask, Strategy};

use super::super::answer::Answer;
use super::super::inbound::Inbound;
use super::super::state::Gateway;
use super::super::turn::About;
use super::ask::{self, Wish};
use super::form::{self, Form, Wrong};

/// `POST /api/chat`.
pub(in crate::gateway) async fn create(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let wish = match form::body(&inbound.body).and_then(|body| read(&inbound, &body)) {
        Ok(wish) => wish,
        Err(wrong) => return wrong.answer(),
    };
    match ask::ask(gateway, &inbound, wish).await {
        Ok(answered) => answered.chatted(&inbound),
        Err(refused) => refused,
    }
}

fn read(inbound: &Inbound, body: &Value) -> Result<Wish, Wrong> {
    let form = Form::of(body);
    let text = form.required("message")?.to_owned();
    let preferences = form.form("preferences")?;
    let mut about = About::of_headers(inbound);
    about.agent = form.word("agent")?.map(str::to_owned).or(about.agent);
    about.task = form.word("task")?.map(str::to_owned).or(about.task);
    let mut ask = Ask { agent: about.agent.clone(), task: about.task.clone(), ..Ask::default() };
    circumstances(&form, &mut ask)?;
    ask.force_model = preferences.word("model")?.map(str::to_owned);
    ask.strategy = strategy(&preferences, "strategy")?;
    // The seed's first test asks so: `"model_preference": "cost_efficient"`. A word that is no strategy is a model.
    let mut model_field: &[&str] = &["preferences", "model"];
    if let Some(word) = form.word("model_preference")? {
        match word.parse::<Strategy>() {
            Ok(strategy) => ask.strategy = ask.strategy.or(Some(strategy)),
            Err(_) if ask.force_model.is_none() => {
                ask.force_model = Some(word.to_owned());
                model_field = &["model_preference"];
            }
            Err(_) => {}
        }
    }
    Ok(Wish {
        text,
        max_tokens: preferences.count("max_tokens")?.or(form.count("max_tokens")?),
        temperature: preferences.number("temperature", 0.0, 2.0)?.or(form.number("temperature", 0.0, 2.0)?),
        models: agent(&preferences, &mut ask)?,
        ask,
        about,
        history: Vec::new(),
        model_field,
    })
}

/// `primary_model` and `fallback_model` of the seed's Python client: the agent's models as the client has them. There
/// the strategy is the agent's own too: it sorts the fallbacks.
fn agent(preferences: &Form<'_>, ask: &mut Ask) -> Result<Option<Agent>, Wrong> {
    let primary = preferences.word("primary_model")?.map(str::to_owned);
    let fallbacks: Vec<String> = match preferences.value("fallback_model") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => preferences.word("fallback_model")?.map(str::to_owned).into_iter().collect(),
    };
    if primary.is_none() && fallbacks.is_empty() {
        return Ok(None);
    }
    ask.agent.get_or_insert_with(|| "client".into());
    Ok(Some(Agent { primary, fallbacks, strategy: ask.strategy.take() }))
}

/// `context`: an object of circumstances, or the one word of the seed's Python client.
fn circumstances(form: &Form<'_>, ask: &mut Ask) -> Result<(), Wrong> {
    if form.value("context").is_some_and(Value::is_string) {
        ask.contexts.extend(form.word("context")?.map(str::to_owned));
        return Ok(());
    }
    let context = form.form("context")?;
    ask.budget_constraint = context.flag("budget_constraint")?;
    ask.quality_critical = context.flag("quality_critical")?;
    ask.time_critical = context.flag("time_critical")?;
    let words: &[&str] = match context.word("dataset_size")? {
        None => &[],
        Some("small") => &["small_dataset", "normal"],
        Some("medium") => &["medium_dataset", "normal"],
        Some("large") => &["large_dataset"],
        Some(_) => return Err(context.refuse("dataset_size", "has to be small, medium or large")),
    };
    ask.contexts.extend(words.iter().map(|word| (*word).to_owned()));
    Ok(())
}

fn strategy(form: &Form<'_>, name: &str) -> Result<Option<Strategy>, Wrong> {
    let Some(word) = form.word(name)? else { return Ok(None) };
    word.parse().map(Some).map_err(|_unknown| form.refuse(name, "has to be quality, cost or speed"))
}
