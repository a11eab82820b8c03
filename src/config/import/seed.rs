//! The files of seed 003: a router's `config.json` with providers, their models and a strategy; `agent_model.yaml` and
//! `task_model_mapping.yaml`, which moai also reads where they lie in a project.

use serde_json::Value as Json;

use crate::config::keys::parts;
use crate::config::layers::{Entry, Raw};
use crate::config::routing::{Meaning, agents, tasks};
use crate::model::Tier;

use super::Format;
use super::provider::own_name;
use super::sheet::Sheet;

/// `agent_model.yaml` or `task_model_mapping.yaml`; `None` where it is neither.
pub(super) fn yaml(entries: &[Entry], sheet: &mut Sheet<'_>) -> Option<Format> {
    let tops = |entry: &Entry| parts(&entry.path).first().is_some_and(|top| ["task_mappings", "tasks"].contains(top));
    let is_tasks = entries.iter().any(tops);
    let meaning = |entry: &Entry| {
        let path = parts(&entry.path);
        if is_tasks { tasks(&path) } else { agents(&path) }
    };
    if !entries.iter().any(|entry| matches!(meaning(entry), Meaning::Setting(_))) {
        return None;
    }
    for entry in entries {
        let place = entry.at.map_or_else(|| entry.path.clone(), |(line, _)| format!("{} (line {line})", entry.path));
        match meaning(entry) {
            Meaning::Setting(name) => setting(&name, &entry.raw, &place, sheet),
            Meaning::Near(_, near) => sheet.leave(&place, &format!("has no meaning; did you mean `{near}`?")),
            Meaning::Strange => sheet.leave(&place, "is not about models"),
        }
    }
    Some(if is_tasks { Format::Tasks } else { Format::Agents })
}

fn setting(name: &str, raw: &Raw, place: &str, sheet: &mut Sheet<'_>) {
    let parts = parts(name);
    match raw {
        Raw::Null => {}
        Raw::Other(what) => sheet.leave(place, &format!("is {what}")),
        Raw::Scalar(text) if name.ends_with(".model_selection_strategy") => sheet.set(&parts, text, place),
        Raw::Scalar(text) => {
            let models = sheet.models(&Json::String(text.clone()), place);
            if let [model] = models.as_slice() {
                if name.ends_with(".fallback_model") {
                    sheet.list(&parts, &models, place);
                } else {
                    sheet.set(&parts, model, place);
                }
            }
        }
        Raw::List(items) => {
            let models = sheet.models(&Json::from(items.as_slice()), place);
            if !models.is_empty() {
                sheet.list(&parts, &models, place);
            }
        }
    }
}

/// Seed 003's `config.json`.
pub(super) fn config(root: &Json, sheet: &mut Sheet<'_>) {
    for (name, value) in root.as_object().into_iter().flatten() {
        match name.as_str() {
            "server" => server(value, sheet),
            "providers" => providers(value, sheet),
            "routing" => routing(value, root, sheet),
            _ => sheet.leave(name, "has no counterpart in moai"),
        }
    }
}

fn server(value: &Json, sheet: &mut Sheet<'_>) {
    for (field, value) in value.as_object().into_iter().flatten() {
        let path = format!("server.{field}");
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match field.as_str() {
            "port" => sheet.set(&["serve", "port"], &text, &path),
            "host" if matches!(text.as_str(), "localhost" | "127.0.0.1" | "::1") => {
                sheet.set(&["serve", "host"], &text, &path);
            }
            "host" => sheet.leave(
                &path,
                "opens the gateway to the network: `moai config set --user serve.host ADDRESS` if you mean it",
            ),
            _ => sheet.leave(&path, "has no counterpart in moai"),
        }
    }
}

/// The models that are switched on, in the lists of their tiers: the first of each that has a key answers.
fn providers(value: &Json, sheet: &mut Sheet<'_>) {
    let (mut plan, mut implement): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = format!("providers.{name}");
        let own = own_name(name, "");
        sheet.call(name, &own);
        let known = sheet.routing.providers.iter().any(|provider| provider.name == own);
        if !known {
            sheet.leave(&path, super::provider::WITHOUT_ADDRESS);
            continue;
        }
        if inner.get("enabled").and_then(Json::as_bool) == Some(false) {
            sheet
                .leave(&path, "is switched off there; in moai a provider is out of use where no list names its models");
            continue;
        }
        let models = inner.get("models").and_then(Json::as_array);
        for (index, word) in models.into_iter().flatten().enumerate() {
            let Some(word) = word.as_str() else { continue };
            let found = sheet.routing.models.iter().find(|model| model.answers_to(word));
            let Some((model, tier)) = found.map(|model| (model.name.clone(), model.tier)) else {
                sheet.leave(
                    &format!("{path}.models[{index}]"),
                    "is a model that moai does not know: `moai models list`",
                );
                continue;
            };
            if !model.eq_ignore_ascii_case(word) {
                sheet.note(&format!("{path}.models[{index}]: `{word}` is `{model}` here"));
            }
            let list = if tier == Tier::One { &mut plan } else { &mut implement };
            if !list.contains(&model) {
                list.push(model);
            }
        }
    }
    for (tier, list) in [("plan", plan), ("implement", implement)] {
        if !list.is_empty() {
            sheet.list(&["tiers", tier], &list, "providers");
        }
    }
}

fn routing(value: &Json, root: &Json, sheet: &mut Sheet<'_>) {
    for (field, value) in value.as_object().into_iter().flatten() {
        let path = format!("routing.{field}");
        let text = value.as_str().unwrap_or_default();
        match (field.as_str(), text) {
            ("strategy", "agent_based") => {
                sheet.note(&format!("{path}: an agent's own model always goes before the text's in moai"));
            }
            ("strategy", _) => sheet.set(&["route", "strategy"], text, &path),
            ("load_balancing", _) => {
                let names = root.get("providers").and_then(Json::as_object).into_iter().flatten();
                for (name, _) in names.filter(|(_, it)| it.get("enabled").and_then(Json::as_bool) != Some(false)) {
                    if let Some(own) = sheet.provider(name) {
                        sheet.set(&["providers", &own, "balance"], text, &path);
                    }
                }
                sheet.note(&format!(
                    "{path}: moai balances between the deployments of a provider, each provider for itself"
                ));
            }
            _ => sheet.leave(&path, "has no counterpart in moai"),
        }
    }
}
