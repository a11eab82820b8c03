//! claude-code-router's `config.json`: providers, the routes of its `Router`, transformers (its README, 2026-11).
//!
//! `default` implements, `think` plans, `background` does the client's own business, `longContext` stands in where a
//! prompt is too long for the others.

use serde_json::Value as Json;

use crate::wire::Dialect;

use super::provider::{self, Described};
use super::sheet::Sheet;

/// Takes the whole file over.
pub(super) fn read(root: &Json, sheet: &mut Sheet<'_>) {
    for field in ["Providers", "providers"] {
        for (index, inner) in root.get(field).and_then(Json::as_array).into_iter().flatten().enumerate() {
            one_provider(inner, &format!("{field}[{index}]"), sheet);
        }
    }
    if let Some(routes) = root.get("Router") {
        router(routes, sheet);
    }
    for (name, value) in root.as_object().into_iter().flatten() {
        top(name, value, sheet);
    }
}

fn one_provider(inner: &Json, path: &str, sheet: &mut Sheet<'_>) {
    let text = |field: &str| inner.get(field).and_then(Json::as_str);
    let Some(name) = text("name") else { return sheet.leave(path, "has no name") };
    let used = uses(inner.get("transformer"));
    let described = Described {
        name,
        url: inner.get("api_base_url"),
        wire: used.iter().find_map(|(word, _)| match word.as_str() {
            "Anthropic" | "anthropic" => Some(Dialect::Anthropic),
            "gemini" => Some(Dialect::Gemini),
            "openai-responses" => Some(Dialect::Responses),
            _ => None,
        }),
        key: inner.get("api_key"),
        path,
        url_field: "api_base_url",
        key_field: "api_key",
    };
    let Some(own) = provider::read(&described, sheet) else { return };
    let all: Vec<&str> =
        inner.get("models").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    for (word, options) in &used {
        transformer(&own, word, options, &all, path, sheet);
    }
    for (model, inner) in inner.get("transformer").and_then(Json::as_object).into_iter().flatten() {
        for (word, options) in uses(Some(inner)).iter().filter(|_| model != "use") {
            transformer(&own, word, options, &[model.as_str()], &format!("{path}.transformer.{model}"), sheet);
        }
    }
    let fields = ["name", "api_base_url", "api_key", "models", "transformer"];
    for (field, _) in inner.as_object().into_iter().flatten().filter(|(field, _)| !fields.contains(&field.as_str())) {
        sheet.leave(&format!("{path}.{field}"), "has no counterpart in moai");
    }
}

/// The transformers of a `use`, with their options.
fn uses(transformer: Option<&Json>) -> Vec<(String, Json)> {
    let list = transformer.and_then(|it| it.get("use")).and_then(Json::as_array);
    let one = |item: &Json| match item {
        Json::Array(parts) => {
            let word = parts.first()?.as_str()?.to_owned();
            Some((word, parts.get(1).cloned().unwrap_or_default()))
        }
        item => Some((item.as_str()?.to_owned(), Json::Null)),
    };
    list.into_iter().flatten().filter_map(one).collect()
}

/// What a transformer does is mostly what moai does by itself; what is more becomes settings.
fn transformer(own: &str, word: &str, options: &Json, models: &[&str], path: &str, sheet: &mut Sheet<'_>) {
    let place = format!("{path}.transformer.{word}");
    match word {
        "Anthropic" | "anthropic" | "gemini" | "openai-responses" | "OpenAI" | "openai" => {}
        "deepseek" | "openrouter" => {
            if own != word {
                sheet.set(&["providers", own, "preset"], word, &place);
            }
            if options.get("provider").is_some() {
                sheet.leave(&format!("{place}.provider"), "moai does not choose among OpenRouter's own providers");
            }
        }
        "maxtoken" => {
            let Some(most) = options.get("max_tokens").and_then(Json::as_u64) else {
                return sheet.leave(&place, "has no max_tokens");
            };
            for model in models {
                let name = sheet.named(own, model);
                if !sheet.routing.models.iter().any(|known| known.name == name) {
                    sheet.set(&["models", &name, "provider"], own, &place);
                    sheet.set(&["models", &name, "id"], model, &place);
                }
                sheet.set(&["models", &name, "max_output"], &most.to_string(), &place);
            }
        }
        "tooluse" | "enhancetool" | "reasoning" | "cleancache" | "groq" | "customparams" | "streamoptions"
        | "forcereasoning" => {
            sheet.leave(&place, "moai converts between dialects by itself: `providers.NAME.preset` and `quirks`");
        }
        "sampling" => sheet.leave(&place, "moai sends the client's own sampling"),
        _ => sheet.leave(&place, "is a program of claude-code-router's, which moai does not run"),
    }
}

fn router(routes: &Json, sheet: &mut Sheet<'_>) {
    let one = |name: &str, sheet: &mut Sheet<'_>| {
        let word = routes.get(name).filter(|word| word.as_str().is_some_and(|word| !word.trim().is_empty()))?;
        sheet.model(word, &format!("Router.{name}"))
    };
    let (default, think) = (one("default", sheet), one("think", sheet));
    if let Some(model) = &default {
        sheet.list(&["tiers", "implement"], std::slice::from_ref(model), "Router.default");
    }
    let plan: Vec<String> =
        think.iter().chain(default.iter().filter(|model| think.as_ref() != Some(model))).cloned().collect();
    if !plan.is_empty() {
        sheet.list(&["tiers", "plan"], &plan, if think.is_some() { "Router.think" } else { "Router.default" });
    }
    if let Some(model) = one("background", sheet) {
        sheet.list(&["serve", "background"], &[model], "Router.background");
    }
    let mut chain: Vec<String> = one("longContext", sheet).into_iter().collect();
    if !chain.is_empty() {
        sheet.note("Router.longContext: moai takes it where a prompt is longer than the other model's window");
    }
    if let Some(words) = routes.pointer("/fallback/default") {
        chain.extend(sheet.models(words, "Router.fallback.default"));
    }
    chain.dedup();
    if !chain.is_empty() {
        sheet.list(&["route", "chain"], &chain, "Router.longContext");
    }
    for (name, value) in routes.as_object().into_iter().flatten() {
        let path = format!("Router.{name}");
        match name.as_str() {
            "default" | "think" | "background" | "longContext" | "fallback" => {}
            "longContextThreshold" => sheet.leave(&path, "moai goes by the windows of the models, not by a number"),
            "webSearch" => {
                sheet.leave(&path, "a search goes to the conversation's model, else to the first that can search");
            }
            "image" => sheet.leave(&path, "moai looks at the model's own abilities (`providers.NAME.quirks.images`)"),
            _ if value.is_null() || value.as_str() == Some("") => {}
            _ => sheet.leave(&path, "is a route that moai does not know"),
        }
    }
}

/// Everything that is neither a provider nor a route.
fn top(name: &str, value: &Json, sheet: &mut Sheet<'_>) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if value.is_null() || text.is_empty() || text == "[]" || text == "{}" {
        return;
    }
    match name {
        "Providers" | "providers" | "Router" | "$schema" => {}
        "PORT" => sheet.set(&["serve", "port"], &text, name),
        "HOST" if matches!(text.as_str(), "127.0.0.1" | "localhost" | "::1") => {
            sheet.set(&["serve", "host"], &text, name);
        }
        "HOST" => sheet.leave(
            name,
            "opens the gateway to the network: `moai config set --user serve.host ADDRESS` if you mean it",
        ),
        "API_TIMEOUT_MS" => match text.parse::<u64>() {
            Ok(milliseconds) => sheet.set(&["timeouts", "total"], &(milliseconds / 1000).max(1).to_string(), name),
            Err(_) => sheet.leave(name, "is no number of milliseconds"),
        },
        "APIKEY" => sheet.leave(name, "an access key of moai's gateway is made with `moai serve key add NAME`"),
        "PROXY_URL" => sheet.leave(name, "moai takes a proxy from HTTPS_PROXY"),
        "LOG" | "LOG_LEVEL" => sheet.leave(name, "moai logs decisions and errors in ~/.moai/logs"),
        "transformers" | "Transformers" | "CUSTOM_ROUTER_PATH" | "CLAUDE_PATH" => {
            sheet.leave(name, "is a program of claude-code-router's, which moai does not run");
        }
        "StatusLine" => sheet.leave(name, "moai has a line of its own: `moai statusline`"),
        "NON_INTERACTIVE_MODE" => sheet.leave(name, "moai needs no such switch"),
        _ if provider::variable(value).is_some() => {}
        _ => match provider::keep_variable(name, value) {
            Some(key) => sheet.keys.push(super::FoundKey { path: name.to_owned(), ..key }),
            None => sheet.leave(name, "has no counterpart in moai"),
        },
    }
}
