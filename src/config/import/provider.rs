//! A provider of another program's file: its address without the path of one request, how it speaks, whose key it
//! takes.

use serde_json::Value as Json;

use crate::base::secret::Secret;
use crate::catalog;
use crate::config::routing::{host, is_local};
use crate::model::ProviderId;
use crate::route::KeyNeed;
use crate::wire::Dialect;

use super::FoundKey;
use super::sheet::Sheet;

/// What a container calls the machine that it runs on.
const OUTSIDE: [&str; 2] = ["host.docker.internal", "host.containers.internal"];

/// Why a provider that only has a name is left out.
pub(super) const WITHOUT_ADDRESS: &str = "is a provider without an address: add `[providers.NAME]` with its base_url";

/// A provider as a file describes it.
pub(super) struct Described<'a> {
    /// The file's name for it.
    pub(super) name: &'a str,
    /// Its address.
    pub(super) url: Option<&'a Json>,
    /// How it speaks, where the file says so.
    pub(super) wire: Option<Dialect>,
    /// Its key.
    pub(super) key: Option<&'a Json>,
    /// Where it stands, and the names of its fields there.
    pub(super) path: &'a str,
    pub(super) url_field: &'a str,
    pub(super) key_field: &'a str,
}

/// moai's name for a provider that others call `name`.
pub(super) fn own_name(name: &str, host: &str) -> String {
    let plain: String = name
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let plain = plain.trim_matches('-').to_owned();
    match plain.as_str() {
        "google" | "google-ai" | "googleai" => "gemini".into(),
        "z.ai" | "z-ai" | "zai" | "glm" | "zhipu" | "bigmodel" if host.is_empty() || catalog::is_glm_host(host) => {
            "zai".into()
        }
        _ => plain,
    }
}

/// Whose key a host takes, of those that moai keeps.
fn keeper(name: &str, host: &str) -> Option<ProviderId> {
    match host {
        "api.anthropic.com" => Some(ProviderId::Anthropic),
        "api.openai.com" => Some(ProviderId::OpenAi),
        "generativelanguage.googleapis.com" => Some(ProviderId::Gemini),
        "api.cohere.com" | "api.cohere.ai" => Some(ProviderId::Cohere),
        _ if catalog::is_glm_host(host) => Some(ProviderId::Glm),
        "" if name == "zai" => Some(ProviderId::Glm),
        "" => name.parse().ok(),
        _ => None,
    }
}

/// An address without the path of one request, and the dialect that the path gives away.
fn base(url: &str) -> (String, Option<Dialect>) {
    let url = url.trim().trim_end_matches('/');
    for (end, wire) in [
        ("/chat/completions", Some(Dialect::Chat)),
        ("/v1/messages", Some(Dialect::Anthropic)),
        ("/messages", Some(Dialect::Anthropic)),
        ("/responses", Some(Dialect::Responses)),
        ("/api/chat", Some(Dialect::Ollama)),
        ("/v1beta/models", Some(Dialect::Gemini)),
    ] {
        if let Some(rest) = url.strip_suffix(end) {
            let rest = if end == "/v1beta/models" { format!("{rest}/v1beta") } else { rest.to_owned() };
            return (rest, wire);
        }
    }
    (url.to_owned(), None)
}

/// Takes a provider over; returns moai's name for it. One that nobody could ask is left out as a whole: half of it would
/// make a configuration that moai refuses.
pub(super) fn read(described: &Described<'_>, sheet: &mut Sheet<'_>) -> Option<String> {
    let url_path = format!("{}.{}", described.path, described.url_field);
    let said = described.url.and_then(Json::as_str);
    if described.url.is_some() && said.is_none() {
        sheet.leave(&url_path, "is no address");
    }
    let mut address = said.map(base);
    if let Some((url, _)) = &mut address {
        at_home(url, &url_path, sheet);
    }
    let host = address.as_ref().map(|(url, _)| host(url).to_owned()).unwrap_or_default();
    let name = own_name(described.name, &host);
    let known = sheet.routing.providers.iter().find(|provider| provider.name == name);
    let is_known = known.is_some();
    let (known_url, known_wire) = known.map_or((None, None), |it| (Some(it.base_url.clone()), Some(it.wire)));
    if !is_known && address.is_none() {
        sheet.leave(described.path, WITHOUT_ADDRESS);
        return None;
    }
    let ollama = name.contains("ollama") || address.as_ref().is_some_and(|(url, _)| url.contains(":11434"));
    let mut wire = described.wire.or(address.as_ref().and_then(|(_, wire)| *wire));
    if let Some((url, _)) = &mut address {
        // Ollama's own API says more than its imitation of OpenAI's: windows, loading, what is loaded.
        if ollama && wire.is_none_or(|wire| matches!(wire, Dialect::Chat | Dialect::Ollama)) {
            wire = Some(Dialect::Ollama);
            let root = url.strip_suffix("/v1").or_else(|| url.strip_suffix("/api")).unwrap_or(url);
            *url = root.to_owned();
        }
        // That there is an Ollama has to be said, also where it is at its usual place.
        if ollama || known_url.as_deref() != Some(url.as_str()) {
            sheet.set(&["providers", &name, "base_url"], url, &url_path);
            if !is_known && !sheet.has(&["providers", &name, "base_url"]) {
                return None;
            }
        }
        // A provider that moai comes with keeps its wire at another address; but for Z.AI, whose address says it.
        let kept = known_wire.filter(|_| name != "zai" || known_url.as_deref() == Some(url.as_str()));
        let by_address = if url.ends_with("/anthropic") { Dialect::Anthropic } else { Dialect::Chat };
        let inferred = kept.unwrap_or(by_address);
        if let Some(wire) = wire.filter(|wire| *wire != inferred) {
            sheet.set(&["providers", &name, "wire"], wire.as_str(), &url_path);
        }
    }
    sheet.call(described.name, &name);
    let key_path = format!("{}.{}", described.path, described.key_field);
    if let Some(value) = described.key {
        key(&name, &host, wire == Some(Dialect::Ollama), value, &key_path, sheet);
    }
    Some(name)
}

/// The name that a container has for its machine means this machine, outside of one.
fn at_home(url: &mut String, path: &str, sheet: &mut Sheet<'_>) {
    let name = host(url).to_owned();
    if !sheet.container && OUTSIDE.contains(&name.as_str()) {
        *url = url.replacen(&name, "127.0.0.1", 1);
        sheet.note(&format!("{path}: {name} is this machine, seen from a container; moai asks 127.0.0.1"));
    }
}

/// The key as the file has it: a variable, a key, or a word that stands for none.
fn key(name: &str, host: &str, ollama: bool, value: &Json, path: &str, sheet: &mut Sheet<'_>) {
    if let Some(variable) = variable(value) {
        let kept = keeper(name, host).is_some_and(|id| catalog::provider(id).key_vars.contains(&variable));
        let known = sheet.routing.providers.iter().any(|provider| provider.name == name);
        if !(kept && known) {
            sheet.set(&["providers", name, "key_env"], variable, path);
        }
        return;
    }
    let Some(text) = value.as_str().map(str::trim) else {
        return sheet.leave(path, "is a reference to a key that moai cannot follow: `moai key set`, or `key_env`");
    };
    if ollama || is_local(host) {
        if !text.is_empty() && !is_placeholder(text) && text.len() >= 16 {
            sheet.leave(path, "is a key for a server on this machine, which is not asked for one");
        }
        return;
    }
    if is_placeholder(text) && !wants_a_key(text) {
        return sheet.leave(path, "is a placeholder, not a key");
    }
    let stored = keeper(name, host);
    let known = sheet.routing.providers.iter().find(|provider| provider.name == name).map(|it| it.key.clone());
    let variable = match (&stored, &known) {
        (Some(_), Some(KeyNeed::Stored(_))) => None,
        (_, Some(KeyNeed::Variables(variables))) => variables.first().cloned(),
        (Some(id), _) => {
            sheet.set(&["providers", name, "key"], id.as_str(), path);
            None
        }
        (None, _) => {
            let variable = variable_of(name);
            sheet.set(&["providers", name, "key_env"], &variable, path);
            Some(variable)
        }
    };
    if is_placeholder(text) {
        return sheet.leave(path, "is a placeholder, not a key");
    }
    let stored = stored.filter(|_| variable.is_none());
    sheet.keys.push(FoundKey {
        provider: name.to_owned(),
        stored,
        variable,
        secret: Secret::new(text),
        path: path.to_owned(),
    });
}

/// The variable that a value refers to: `$NAME`, `${NAME}`, or `OpenClaw`'s `{ source: "env", id: "NAME" }`.
pub(super) fn variable(value: &Json) -> Option<&str> {
    if value.get("source").and_then(Json::as_str) == Some("env") {
        return value.get("id").and_then(Json::as_str);
    }
    let text = value.as_str()?.trim();
    let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    braced.or_else(|| text.strip_prefix('$')).filter(|name| !name.is_empty())
}

/// What examples have in the place of a key.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let worn = ["your", "<", "xxx", "...", "changeme", "placeholder", "dummy"];
    lower.len() < 8 || worn.iter().any(|start| lower.starts_with(start)) || lower.contains("xxx") || text.contains(' ')
}

/// Whether a placeholder stands where a key belongs (`sk-xxx`), and not where none is needed (`none`, `ollama`).
fn wants_a_key(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("xxx") || ["your", "<", "changeme"].iter().any(|start| lower.starts_with(start))
}

/// The variable of a provider that moai keeps no key of.
fn variable_of(name: &str) -> String {
    let mut word: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        word.insert(0, '_');
    }
    word + "_API_KEY"
}

/// A variable that holds a key of those that moai keeps, with the key in the file itself.
pub(super) fn keep_variable(name: &str, value: &Json) -> Option<FoundKey> {
    let id = ProviderId::ALL.into_iter().find(|id| catalog::provider(*id).key_vars.contains(&name))?;
    let text = value.as_str().map(str::trim).filter(|text| !is_placeholder(text) && !text.starts_with('$'))?;
    let provider = if id == ProviderId::Glm { "zai" } else { id.as_str() };
    Some(FoundKey {
        provider: provider.to_owned(),
        stored: Some(id),
        variable: None,
        secret: Secret::new(text),
        path: String::new(),
    })
}
