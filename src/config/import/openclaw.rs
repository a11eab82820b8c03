//! `OpenClaw`'s `openclaw.json`: who answers (primary, fallbacks), agents with models of their own, providers.
//!
//! It has no tiers: its primary model answers everything, its fallbacks stand in. In moai both tiers get that list.

use serde_json::{Map, Value as Json};

use crate::wire::Dialect;

use super::provider::{self, Described};
use super::sheet::Sheet;

/// What stands at the top and is about models; the rest is about `OpenClaw` itself.
const OURS: [&str; 4] = ["agents", "models", "env", "$schema"];

/// Takes the whole file over.
pub(super) fn read(root: &Json, sheet: &mut Sheet<'_>) {
    for (name, inner) in fields(root, "/models/providers") {
        one_provider(name, inner, sheet);
    }
    for (name, _) in fields(root, "/models").filter(|(name, _)| *name != "providers") {
        sheet.leave(&format!("models.{name}"), "is about OpenClaw's own list of models");
    }
    if let Some(defaults) = root.pointer("/agents/defaults").and_then(Json::as_object) {
        standard(defaults, sheet);
    }
    for (name, inner) in fields(root, "/agents/profiles") {
        agent(name, inner, &format!("agents.profiles.{name}"), sheet);
    }
    let list = root.pointer("/agents/list").and_then(Json::as_array);
    for (index, inner) in list.into_iter().flatten().enumerate() {
        let path = format!("agents.list[{index}]");
        match inner.get("id").and_then(Json::as_str) {
            Some(name) => agent(name, inner, &path, sheet),
            None => sheet.leave(&path, "has no id"),
        }
    }
    for (name, _) in fields(root, "/agents").filter(|(name, _)| !["defaults", "profiles", "list"].contains(name)) {
        sheet.leave(&format!("agents.{name}"), "is not about models");
    }
    environment(root, sheet);
    for (name, _) in fields(root, "").filter(|(name, _)| !OURS.contains(name)) {
        sheet.leave(name, "is about OpenClaw itself, not about models");
    }
}

fn fields<'j>(root: &'j Json, pointer: &str) -> impl Iterator<Item = (&'j str, &'j Json)> {
    let object = root.pointer(pointer).and_then(Json::as_object);
    object.into_iter().flatten().map(|(name, inner)| (name.as_str(), inner))
}

fn one_provider(name: &str, inner: &Json, sheet: &mut Sheet<'_>) {
    let path = format!("models.providers.{name}");
    let text = |field: &str| inner.get(field).and_then(Json::as_str);
    let wire = text("api").map(|api| (api, dialect(api)));
    if let Some((_, None)) = wire {
        sheet.leave(&format!("{path}.api"), "is a way of speaking that moai does not know; it speaks OpenAI's chat");
    }
    let described = Described {
        name,
        url: inner.get("baseUrl"),
        wire: wire.and_then(|(_, wire)| wire),
        key: inner.get("apiKey"),
        path: &path,
        url_field: "baseUrl",
        key_field: "apiKey",
    };
    let Some(own) = provider::read(&described, sheet) else { return };
    for (field, value) in inner.as_object().into_iter().flatten() {
        let place = format!("{path}.{field}");
        match field.as_str() {
            "baseUrl" | "api" | "apiKey" => {}
            "models" => models(&own, value, &place, sheet),
            "headers" => headers(&own, value, &place, sheet),
            "timeoutSeconds" => {
                sheet.set(&["providers", &own, "timeouts", "total"], &plain(value), &place);
            }
            "authHeader" | "auth" => {
                sheet.leave(&place, "moai sends the key as the wire has it: `providers.NAME.auth`");
            }
            _ => sheet.leave(&place, "has no counterpart in moai"),
        }
    }
}

/// The dialects by `OpenClaw`'s names (docs.openclaw.ai, configuration reference, 2026-11).
fn dialect(api: &str) -> Option<Dialect> {
    match api {
        "openai-completions" => Some(Dialect::Chat),
        "openai-responses" => Some(Dialect::Responses),
        "anthropic-messages" => Some(Dialect::Anthropic),
        "google-generative-ai" => Some(Dialect::Gemini),
        "ollama" => Some(Dialect::Ollama),
        _ => None,
    }
}

fn headers(own: &str, value: &Json, path: &str, sheet: &mut Sheet<'_>) {
    for (header, value) in value.as_object().into_iter().flatten() {
        let place = format!("{path}.{header}");
        let lower = header.to_ascii_lowercase();
        if ["authorization", "key", "token", "secret", "cookie"].iter().any(|word| lower.contains(word)) {
            sheet.leave(&place, "is a key in a header: `moai key set`, or `key_env`");
        } else {
            sheet.set(&["providers", own, "headers", header], &plain(value), &place);
        }
    }
}

/// The models of a provider: only what moai does not know by itself becomes settings.
fn models(own: &str, value: &Json, path: &str, sheet: &mut Sheet<'_>) {
    for (index, model) in value.as_array().into_iter().flatten().enumerate() {
        let place = format!("{path}[{index}]");
        let Some(id) = model.get("id").or(Some(model)).and_then(Json::as_str) else {
            sheet.leave(&place, "has no id");
            continue;
        };
        let numbers = [("context", model.get("contextWindow")), ("max_output", model.get("maxTokens"))];
        let said: Vec<(&str, String)> =
            numbers.into_iter().filter_map(|(field, value)| value.map(|value| (field, plain(value)))).collect();
        if !said.is_empty() {
            let name = sheet.named(own, id);
            if !sheet.routing.models.iter().any(|model| model.name == name) {
                sheet.set(&["models", &name, "provider"], own, &place);
                sheet.set(&["models", &name, "id"], id, &place);
            }
            for (field, text) in said {
                sheet.set(&["models", &name, field], &text, &place);
            }
        }
        if model.get("cost").is_some() {
            sheet.leave(&format!("{place}.cost"), "prices are in moai's price book: `moai prices set`");
        }
    }
}

/// Who answers where nobody says otherwise.
fn standard(defaults: &Map<String, Json>, sheet: &mut Sheet<'_>) {
    if let Some(model) = defaults.get("model") {
        let path = "agents.defaults.model";
        let (primary, fallbacks) = choice(model, path, sheet);
        let mut list: Vec<String> = primary.into_iter().collect();
        list.extend(fallbacks.iter().filter(|model| !list.contains(model)).cloned().collect::<Vec<_>>());
        if !list.is_empty() {
            sheet.list(&["tiers", "plan"], &list, path);
            sheet.list(&["tiers", "implement"], &list, path);
        }
        if !fallbacks.is_empty() {
            sheet.list(&["route", "chain"], &fallbacks, &format!("{path}.fallbacks"));
        }
    }
    for (field, value) in defaults.iter().filter(|(field, _)| *field != "model") {
        let path = format!("agents.defaults.{field}");
        match field.as_str() {
            "models" => aliases(value, &path, sheet),
            "imageModel" | "pdfModel" => sheet.leave(&path, "moai looks at the model's own abilities"),
            "timeoutSeconds" => sheet.leave(&path, "is the time of a whole run; moai's `timeouts` are per request"),
            _ => sheet.leave(&path, "is about OpenClaw's agents, not about models"),
        }
    }
}

/// `{ primary, fallbacks }`, or a name alone.
fn choice(model: &Json, path: &str, sheet: &mut Sheet<'_>) -> (Option<String>, Vec<String>) {
    if model.is_string() {
        return (sheet.model(model, path), Vec::new());
    }
    let primary = model.get("primary").and_then(|word| sheet.model(word, &format!("{path}.primary")));
    let fallbacks = model.get("fallbacks").map(|words| sheet.models(words, &format!("{path}.fallbacks")));
    (primary, fallbacks.unwrap_or_default())
}

/// Short names of models (`"zai/glm-5": { alias: "GLM" }`).
fn aliases(value: &Json, path: &str, sheet: &mut Sheet<'_>) {
    for (word, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{path}.{word}");
        let Some(alias) = inner.get("alias").and_then(Json::as_str) else { continue };
        let Some(model) = sheet.model(&Json::String(word.clone()), &place) else { continue };
        let taken = sheet.routing.models.iter().any(|known| known.answers_to(alias));
        if taken {
            sheet.leave(&format!("{place}.alias"), "is a name that another model has in moai, or this one already");
            continue;
        }
        let Some((provider, id)) = model.split_once('/') else { continue };
        let name = sheet.named(provider, id);
        if !sheet.routing.models.iter().any(|model| model.name == name) {
            sheet.set(&["models", &name, "provider"], provider, &place);
            sheet.set(&["models", &name, "id"], id, &place);
        }
        sheet.list(&["models", &name, "aliases"], &[alias.to_owned()], &format!("{place}.alias"));
    }
}

fn agent(name: &str, inner: &Json, path: &str, sheet: &mut Sheet<'_>) {
    if let Some(model) = inner.get("model") {
        let place = format!("{path}.model");
        let (primary, fallbacks) = choice(model, &place, sheet);
        if let Some(primary) = primary {
            sheet.set(&["agents", name, "primary_model"], &primary, &place);
        }
        if !fallbacks.is_empty() {
            sheet.list(&["agents", name, "fallback_model"], &fallbacks, &format!("{place}.fallbacks"));
        }
    }
    for (field, _) in inner.as_object().into_iter().flatten() {
        if !matches!(field.as_str(), "model" | "id" | "name" | "default") {
            sheet.leave(&format!("{path}.{field}"), "is not about models");
        }
    }
}

/// Variables that `OpenClaw` sets for itself: keys among them.
fn environment(root: &Json, sheet: &mut Sheet<'_>) {
    for (name, value) in fields(root, "/env").chain(fields(root, "/env/vars")) {
        if value.is_object() {
            continue;
        }
        let path = format!("env.{name}");
        match provider::keep_variable(name, value) {
            Some(key) => sheet.keys.push(super::FoundKey { path, ..key }),
            None => sheet.leave(&path, "is a variable for OpenClaw: set it in your shell if moai needs it"),
        }
    }
}

/// A number or a word as text.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
