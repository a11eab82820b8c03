//! Providers out of their settings: what is not said follows from the base URL.

use std::time::Duration;

use crate::base::world::World;
use crate::catalog;
use crate::config::error::ConfigError;
use crate::config::keys::{Value, step};
use crate::config::layers::{Layer, Origin, Setting, wrong};
use crate::model::ProviderId;
use crate::route::balance::Balance;
use crate::route::{Auth, Engine, Health, KeyNeed, Provider, SimScript, Timeouts};
use crate::wire::Dialect;

use super::deployments;
use super::fixed::Fixed;
use super::group::{Group, duration};
use super::quirks;

/// How often a provider is looked after where nobody says.
const HEALTH_INTERVAL: Duration = Duration::from_secs(30);

/// The provider of a group of settings.
pub(super) fn provider(group: &Group<'_>, fixed: Fixed<'_>) -> Result<Provider, ConfigError> {
    let engine = match group.text("engine") {
        Some("sim") => Engine::Sim(script(group, fixed)),
        _ => Engine::Http,
    };
    let base_url = match (group.text("base_url"), &engine) {
        (Some(url), _) => url,
        (None, Engine::Sim(_)) => "sim:",
        (None, Engine::Http) => return Err(group.missing("providers", "base_url", "https://openrouter.ai/api/v1")),
    };
    if engine == Engine::Http {
        require_trusted(group, base_url)?;
    }
    let wire = match (group.text("wire").and_then(|word| word.parse().ok()), &engine) {
        (Some(wire), _) => wire,
        (None, Engine::Sim(_)) => Dialect::Anthropic,
        (None, Engine::Http) if base_url.ends_with("/anthropic") => Dialect::Anthropic,
        (None, Engine::Http) => Dialect::Chat,
    };
    let base_url = base(base_url, wire);
    let mut quirks = quirks::of(group.name, wire, group.text("preset"), super::host(base_url));
    for (name, setting) in group.below("quirks") {
        let Some(value) = &setting.value else { continue };
        quirks::set(&mut quirks, name, value)
            .map_err(|problem| wrong(setting.name.as_str(), setting.origin.clone(), problem))?;
    }
    let key = key(group, wire);
    require_own_key(group)?;
    let mut provider = Provider {
        name: group.name.to_owned(),
        base_url: base_url.to_owned(),
        wire,
        auth: auth(group, wire, &key),
        quirks,
        headers: headers(group)?,
        key,
        timeouts: timeouts(group, fixed),
        engine,
        balance: Balance::default(),
        deployments: Vec::new(),
        health: health(group)?,
    };
    provider.balance = group.text("balance").and_then(|word| word.parse().ok()).unwrap_or_default();
    provider.deployments = deployments::read(group, &provider)?;
    Ok(provider)
}

/// A base URL as a dialect takes it: the path of Anthropic's brings its own `/v1`.
pub(super) fn base(url: &str, wire: Dialect) -> &str {
    match wire {
        Dialect::Anthropic => url.strip_suffix("/v1").unwrap_or(url),
        _ => url,
    }
}

/// How the provider is looked after.
fn health(group: &Group<'_>) -> Result<Option<Health>, ConfigError> {
    let Some((setting, path)) = group.setting("health.path").zip(group.text("health.path")) else { return Ok(None) };
    if !path.starts_with('/') || path.contains(['#', ' ']) {
        let problem = "is not a path; write it with a slash at its start, such as `/v1/models`".into();
        return Err(wrong(setting.name.as_str(), setting.origin.clone(), problem));
    }
    let every = group.duration("health.interval").unwrap_or(HEALTH_INTERVAL).max(Duration::from_secs(1));
    Ok(Some(Health { path: path.to_owned(), every }))
}

/// A file that may have come with a repository does not decide to which host prompts and keys go, unless it is this
/// machine, the provider's own host, or what the person's own file says too.
fn require_trusted(group: &Group<'_>, base_url: &str) -> Result<(), ConfigError> {
    let Some(setting) = group.setting("base_url").filter(|setting| is_foreign(setting)) else { return Ok(()) };
    let host = super::host(base_url);
    let glm = group.name == "zai" && catalog::is_glm_host(host);
    if is_local(host) || glm || trusted_hosts(setting).any(|known| known == host) {
        return Ok(());
    }
    Err(untrusted(setting, host))
}

/// A provider whose base URL is that of moai's own gateway.
pub(super) fn loops(group: &Group<'_>) -> ConfigError {
    let (name, origin) = match group.setting("base_url") {
        Some(setting) => (setting.name.as_str().to_owned(), setting.origin.clone()),
        None => (format!("providers.{}.base_url", group.name), Origin::Default),
    };
    let problem = "is moai's own gateway: every request would come back to it; write the vendor's address".into();
    wrong(&name, origin, problem)
}

/// The hosts that a setting names where the person or moai itself says so, whatever stands over it.
pub(super) fn trusted_hosts(setting: &Setting) -> impl Iterator<Item = String> + '_ {
    trusted_values(setting).map(|value| super::host(&value.to_string()).to_owned())
}

/// What a setting says where the person or moai itself says so, whatever stands over it.
fn trusted_values(setting: &Setting) -> impl Iterator<Item = &Value> {
    let trusted = |origin: &Origin| match origin {
        Origin::Default | Origin::Environment { .. } => true,
        Origin::File { layer, .. } => matches!(layer, Layer::User | Layer::BuiltIn),
        Origin::Follows { .. } => false,
    };
    let now = setting.value.iter().map(|value| (value, &setting.origin));
    let all = now.chain(setting.hidden.iter().map(|(value, origin)| (value, origin)));
    all.filter(move |(_, origin)| trusted(origin)).map(|(value, _)| value)
}

/// That a project's file sends prompts and keys to a host which the person does not name.
pub(super) fn untrusted(setting: &Setting, host: &str) -> ConfigError {
    let problem = format!(
        "sends prompts and keys to {host}, and a project's file may not decide that; if it is right, say it in your own: \
         `moai config set --user {} URL`",
        setting.name
    );
    wrong(setting.name.as_str(), setting.origin.clone(), problem)
}

pub(in crate::config) fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
}

/// A file that may have come with a repository does not choose which of the person's secrets are sent anywhere.
pub(super) fn require_own_key(group: &Group<'_>) -> Result<(), ConfigError> {
    for setting in ["key_env", "key"].into_iter().filter_map(|field| group.setting(field)) {
        let Some(value) = setting.value.as_ref().filter(|_| is_foreign(setting)) else { continue };
        if value.to_string() != "none" && !trusted_values(setting).any(|known| known == value) {
            let problem = format!(
                "chooses which key is sent, and a project's file may not decide that; if it is right, say it in your \
                 own: `moai config set --user {} {value}`",
                setting.name
            );
            return Err(wrong(setting.name.as_str(), setting.origin.clone(), problem));
        }
    }
    Ok(())
}

/// Which key: the variable that is named, else one of those that moai keeps.
pub(super) fn key(group: &Group<'_>, wire: Dialect) -> KeyNeed {
    let variables = group.list("key_env");
    if variables.is_empty() {
        let stored = group.text("key").and_then(|word| word.parse::<ProviderId>().ok());
        return stored.map_or(KeyNeed::None, KeyNeed::Stored);
    }
    let need = KeyNeed::Variables(variables);
    // An Ollama of one's own has no key; one behind a proxy may.
    if wire == Dialect::Ollama { KeyNeed::Optional(Box::new(need)) } else { need }
}

pub(super) fn auth(group: &Group<'_>, wire: Dialect, key: &KeyNeed) -> Auth {
    let said = group.text("auth").and_then(|word| Auth::ALL.into_iter().find(|auth| auth.as_str() == word));
    said.unwrap_or(match (key, wire) {
        (KeyNeed::None, _) => Auth::None,
        (_, Dialect::Anthropic) => Auth::ApiKey,
        (_, Dialect::Gemini) => Auth::GoogApiKey,
        (_, Dialect::Chat | Dialect::Responses | Dialect::Ollama) => Auth::Bearer,
    })
}

pub(super) fn headers(group: &Group<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let mut headers = Vec::new();
    for (name, setting) in group.below("headers") {
        let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !good {
            let problem = "is not the name of a header (letters, digits and `-`)".into();
            return Err(wrong(setting.name.as_str(), setting.origin.clone(), problem));
        }
        if let Some(Value::Text(text)) = &setting.value {
            if !text.is_ascii() {
                let problem = "has a character in it that a header cannot carry".into();
                return Err(wrong(setting.name.as_str(), setting.origin.clone(), problem));
            }
            headers.push((name.to_owned(), text.clone()));
        }
    }
    Ok(headers)
}

fn timeouts(group: &Group<'_>, fixed: Fixed<'_>) -> Timeouts {
    let standard = Timeouts::default();
    let of = |field: &str, default| {
        let name = format!("timeouts.{field}");
        group.duration(&name).or_else(|| fixed.duration(&name)).unwrap_or(default)
    };
    Timeouts {
        connect: of("connect", standard.connect),
        first_byte: of("first_byte", standard.first_byte),
        idle: of("idle", standard.idle),
        total: of("total", standard.total),
    }
}

/// The script of a simulated provider: its own words over those of `[sim]`.
fn script(group: &Group<'_>, fixed: Fixed<'_>) -> SimScript {
    let value = |field: &str| {
        let name = format!("sim.{field}");
        group.setting(&name).and_then(|setting| setting.value.as_ref()).or_else(|| fixed.value(&name))
    };
    let pause = |field: &str| value(field).and_then(duration).unwrap_or_default();
    let steps = match value("steps") {
        Some(Value::List(steps)) => steps.iter().filter_map(|text| step(text)).collect(),
        _ => Vec::new(),
    };
    SimScript {
        answer: value("answer").map(ToString::to_string),
        piece: match value("piece") {
            Some(Value::Number(piece)) => usize::try_from(*piece).unwrap_or(usize::MAX),
            _ => 0,
        },
        first_byte: pause("first_byte"),
        between: pause("between"),
        steps,
    }
}

/// What is worth a word where a provider's key goes: that it goes unencrypted.
pub(super) fn concerns(world: &World, group: &Group<'_>, provider: &Provider) -> Option<String> {
    let setting = group.setting("base_url").filter(|_| provider.engine == Engine::Http)?;
    let host = super::host(&provider.base_url);
    let plain = !is_local(host) && provider.base_url.starts_with("http://") && !matches!(provider.key, KeyNeed::None);
    plain.then(|| {
        let origin = setting.origin.describe(world);
        format!("the key of `{}` goes to {host} unencrypted: {origin} says http://", provider.name)
    })
}

/// Whether a file of the project says it: one that may have come with a repository.
pub(super) fn is_foreign(setting: &Setting) -> bool {
    let origin = match &setting.origin {
        Origin::Follows { origin, .. } => origin,
        origin => origin,
    };
    matches!(origin, Origin::File { layer, .. } if *layer != Layer::User)
}
