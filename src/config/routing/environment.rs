//! The variables of seed 000 and of Ollama as settings: they stand over every file.
//!
//! `ANTHROPIC_BASE_URL` is also what a GLM session of Claude Code has in its environment. Where it names GLM's host it
//! is not used: Anthropic's key must not go there. Nor is any address that is moai's own gateway, which a session on it
//! has there, too.

use crate::base::world::Env;
use crate::catalog;
use crate::config::error::ConfigError;
use crate::config::keys::{self, Name, Value};
use crate::config::layers::{Origin, Setting, wrong};

use super::gate::Gate;
use super::group::groups;

/// A setting and where it came from.
pub(super) type Said = (Name, Value, Origin);

/// What the environment says, and what of it is not used.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) said: Vec<Said>,
    /// Whom a tier's list is to name instead of its first model of that provider: setting, provider, model, variable.
    pub(super) stead: Vec<(&'static str, &'static str, String, &'static str)>,
    pub(super) warnings: Vec<String>,
    gate: Option<Gate>,
}

impl Environment {
    /// Reads the variables; `models` are the settings of models as the files have them.
    pub(super) fn read(env: &Env, models: &[Setting]) -> Result<Self, ConfigError> {
        let mut environment = Self { gate: Gate::of(env), ..Self::default() };
        let foreign = env.text("ANTHROPIC_BASE_URL").is_some_and(|url| catalog::is_glm_host(super::host(url)));
        if environment.is_own(env.text("ANTHROPIC_BASE_URL")) {
            // Its model names are the gateway's, too.
        } else if foreign {
            environment.warnings.push(
                "$ANTHROPIC_BASE_URL names GLM's host, as in a GLM session: it is not used for Anthropic's models"
                    .into(),
            );
        } else {
            environment.url(env, "ANTHROPIC_BASE_URL", "providers.anthropic.base_url")?;
            environment.claude(env, models)?;
        }
        environment.url(env, "ZAI_BASE_URL", "providers.zai.base_url")?;
        if let Some(id) = Self::id(env, "ZAI_MODEL")? {
            environment.appoint("tiers.implement", "zai", "2", &id, "ZAI_MODEL", models);
        }
        if let Some(text) = env.text("OLLAMA_HOST") {
            let url = ollama(text);
            environment.say_unless_own("OLLAMA_HOST", "providers.ollama.base_url", &url)?;
        }
        Ok(environment)
    }

    fn url(&mut self, env: &Env, variable: &'static str, setting: &str) -> Result<(), ConfigError> {
        env.text(variable).map_or(Ok(()), |text| self.say_unless_own(variable, setting, text))
    }

    /// Whether an address is that of moai's own gateway.
    fn is_own(&self, url: Option<&str>) -> bool {
        self.gate.as_ref().zip(url).is_some_and(|(gate, url)| gate.is(url))
    }

    /// Where the gateway is meant, nothing is said: the address that moai comes with counts.
    fn say_unless_own(&mut self, variable: &'static str, setting: &str, url: &str) -> Result<(), ConfigError> {
        if self.is_own(Some(url)) { Ok(()) } else { self.say(variable, setting, url) }
    }

    /// `setting` is `text`, because `variable` says so.
    fn say(&mut self, variable: &'static str, setting: &str, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::Environment { variable: variable.into() };
        let name = keys::require(setting)?;
        let value = name.key.check(text).map_err(|problem| wrong(setting, origin.clone(), problem))?;
        self.said.push((name, value, origin));
        Ok(())
    }

    /// The id that a variable holds, without Claude Code's `[1m]`.
    fn id(env: &Env, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = env.text(variable).map(str::trim) else { return Ok(None) };
        let id = text.strip_suffix("[1m]").unwrap_or(text);
        if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let origin = Origin::Environment { variable: variable.into() };
            return Err(wrong(variable, origin, "is not the name of a model".into()));
        }
        Ok(Some(id.to_owned()))
    }

    /// `ANTHROPIC_MODEL`: another Opus is still `claude-opus`; any other model goes by its own name.
    fn claude(&mut self, env: &Env, models: &[Setting]) -> Result<(), ConfigError> {
        let Some(id) = Self::id(env, "ANTHROPIC_MODEL")? else { return Ok(()) };
        let plain = id.to_ascii_lowercase();
        // Claude Code's own words for a model.
        let plain = match plain.as_str() {
            "opusplan" | "best" => "opus",
            other => other,
        };
        let elsewhere = self.said.iter().any(|(name, ..)| name.as_str() == "providers.anthropic.base_url");
        if known(models, "anthropic", plain).is_none() && !plain.contains("claude") && !elsewhere {
            self.warnings.push(format!("$ANTHROPIC_MODEL is no model of Anthropic's: `{id}` is not used"));
            return Ok(());
        }
        if plain.starts_with("claude-opus-") {
            return self.say("ANTHROPIC_MODEL", "models.claude-opus.id", &id);
        }
        let id = if plain == "opus" { plain.to_owned() } else { id };
        self.appoint("tiers.plan", "anthropic", "1", &id, "ANTHROPIC_MODEL", models);
        Ok(())
    }

    /// The model of this id takes the place of the provider's first in a tier, and is made known where it is not.
    fn appoint(
        &mut self,
        tier: &'static str,
        provider: &'static str,
        number: &str,
        id: &str,
        variable: &'static str,
        models: &[Setting],
    ) {
        let name = known(models, provider, id).unwrap_or_else(|| {
            let name = undated(id.rsplit('/').next().unwrap_or(id)).to_ascii_lowercase();
            for (field, text) in [("provider", provider), ("id", id), ("tier", number)] {
                // What was checked as the id of a model passes as one.
                drop(self.say(variable, &format!("models.\"{name}\".{field}"), text));
            }
            name
        });
        self.stead.push((tier, provider, name, variable));
    }
}

/// moai's name of the provider's model that has this name, id or alias.
fn known(models: &[Setting], provider: &str, word: &str) -> Option<String> {
    let is = |text: &str| text.eq_ignore_ascii_case(word);
    let mut own = groups(models, "models").into_iter().filter(|group| group.text("provider") == Some(provider));
    let found = own.find(|group| {
        is(group.name) || group.text("id").is_some_and(is) || group.list("aliases").iter().any(|alias| is(alias))
    });
    found.map(|group| group.name.to_owned())
}

/// An id without the date at its end: `claude-sonnet-4-5-20250929` is known as `claude-sonnet-4-5`.
fn undated(id: &str) -> &str {
    match id.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => id,
    }
}

/// What `OLLAMA_HOST` means to a client of Ollama: a URL, `host:port`, `host`, `:port`; an address to listen on
/// (`0.0.0.0`) is this machine. Without a scheme the port is 11434, with one the scheme's own
/// (ollama/envconfig, 2026-11).
fn ollama(text: &str) -> String {
    let text = text.trim().trim_matches(['"', '\'']);
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    };
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" | "0.0.0.0" => "127.0.0.1".into(),
        ":" | "::" => "[::1]".into(),
        bare if bare.contains(':') => format!("[{bare}]"),
        bare => bare.to_owned(),
    };
    let port = match (scheme, port) {
        ("", "") => ":11434".into(),
        (_, "") => String::new(),
        (_, port) => format!(":{port}"),
    };
    let scheme = if scheme.is_empty() { "http" } else { scheme };
    let path = path.trim_end_matches('/');
    format!("{scheme}://{host}{port}{}{path}", if path.is_empty() { "" } else { "/" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_ollamas_host_becomes_a_url() {
        for (text, url) in [
            ("localhost:11434", "http://localhost:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:1234", "http://127.0.0.1:1234"),
            (":8080", "http://127.0.0.1:8080"),
            ("gpu.local", "http://gpu.local:11434"),
            ("https://ollama.example.com", "https://ollama.example.com"),
            ("http://gpu:80/", "http://gpu:80"),
            ("https://x.example/ollama/", "https://x.example/ollama"),
            ("[::1]:11434", "http://[::1]:11434"),
            ("[::]", "http://[::1]:11434"),
            ("\"gpu:1\"", "http://gpu:1"),
        ] {
            assert_eq!(ollama(text), url, "{text}");
        }
    }

    #[test]
    fn a_date_is_no_part_of_a_name() {
        assert_eq!(undated("claude-sonnet-4-5-20250929"), "claude-sonnet-4-5");
        assert_eq!(undated("glm-5.2"), "glm-5.2");
    }
}
