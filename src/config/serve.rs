//! The gateway as configured: `[serve]` of `~/.moai/config.toml`.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::keys::Value;
use super::layers::{Setting, wrong};
use super::{Config, duration};

/// What becomes of a request for a model that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownModels {
    /// moai chooses one.
    #[default]
    Route,
    /// 404, in the client's dialect.
    Refuse,
}

/// The files of HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificates, PEM.
    pub cert: PathBuf,
    /// Their private key, PEM.
    pub key: PathBuf,
}

/// `[serve]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The address or name to listen on.
    pub host: String,
    /// The port; 0 is any that is free.
    pub port: u16,
    /// Further names that the `Host` header may have, in lower case.
    pub hosts: Vec<String>,
    /// Who answers for a model that nobody knows.
    pub unknown_models: UnknownModels,
    /// A stream that is silent for so long gets a ping.
    pub ping: Duration,
    /// So long an answer's head waits for its first words.
    pub hold: Duration,
    /// The longest body, in bytes.
    pub body_limit: usize,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long its body may take.
    pub body_timeout: Duration,
    /// How long a connection may lie idle.
    pub idle_timeout: Duration,
    /// How long answers under way may take when the gateway stops.
    pub drain: Duration,
    /// HTTPS instead of HTTP.
    pub tls: Option<Tls>,
}

impl Default for Serve {
    /// What counts where nothing is configured.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 3456,
            hosts: Vec::new(),
            unknown_models: UnknownModels::Route,
            ping: Duration::from_secs(10),
            hold: Duration::from_secs(20),
            body_limit: 32 << 20,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            drain: Duration::from_secs(30),
            tls: None,
        }
    }
}

impl Config {
    /// The gateway's settings. A certificate without its key, or the other way round, is an error.
    pub fn serve(&self) -> Result<Serve, ConfigError> {
        let view = View(self);
        let standard = Serve::default();
        let time = |name: &str, default| view.value(name).and_then(duration).unwrap_or(default);
        Ok(Serve {
            host: view.text("serve.host").unwrap_or(standard.host),
            port: view.number("serve.port").and_then(|port| u16::try_from(port).ok()).unwrap_or(standard.port),
            hosts: match view.value("serve.hosts") {
                Some(Value::List(hosts)) => hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
                _ => Vec::new(),
            },
            unknown_models: match view.text("serve.unknown_models").as_deref() {
                Some("refuse") => UnknownModels::Refuse,
                _ => UnknownModels::Route,
            },
            ping: time("serve.ping", standard.ping),
            hold: time("serve.hold", standard.hold),
            body_limit: view
                .number("serve.body_limit")
                .map_or(standard.body_limit, |most| usize::try_from(most).unwrap_or(usize::MAX)),
            head_timeout: time("serve.timeouts.head", standard.head_timeout),
            body_timeout: time("serve.timeouts.body", standard.body_timeout),
            idle_timeout: time("serve.timeouts.idle", standard.idle_timeout),
            drain: time("serve.timeouts.drain", standard.drain),
            tls: view.tls()?,
        })
    }
}

/// The settings by name.
struct View<'a>(&'a Config);

impl<'a> View<'a> {
    fn setting(&self, name: &str) -> Option<&'a Setting> {
        self.0.setting(name)
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.setting(name).and_then(|setting| setting.value.as_ref())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(ToString::to_string)
    }

    fn number(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let [cert, key] = ["serve.tls.cert", "serve.tls.key"];
        let half = |there: &str, missing: &str| {
            let origin = self.setting(there).map(|setting| setting.origin.clone());
            let problem = format!("has no effect without `{missing}`");
            Err(wrong(there, origin.unwrap_or(super::Origin::Default), problem))
        };
        match (self.text(cert), self.text(key)) {
            (None, None) => Ok(None),
            (Some(_), None) => half(cert, key),
            (None, Some(_)) => half(key, cert),
            (Some(cert), Some(key)) => Ok(Some(Tls { cert: self.0.expanded(&cert), key: self.0.expanded(&key) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::World;
    use crate::config::Project;

    fn load(config: &str, env: &[(&str, &str)]) -> Result<Serve, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let (home, cwd) = (dir.path().join("home"), dir.path().join("project"));
        std::fs::create_dir_all(home.join(".moai")).unwrap();
        std::fs::create_dir_all(&cwd).unwrap();
        std::fs::write(home.join(".moai/config.toml"), config).unwrap();
        let world = World::scratch(&home, &cwd, env.iter().copied().collect());
        let project = Project::find(&world).unwrap();
        Config::load(&world, &project)?.serve()
    }

    #[test]
    fn without_a_word_the_defaults_of_the_table_are_those_of_the_type() {
        assert_eq!(load("", &[]).unwrap(), Serve::default());
    }

    #[test]
    fn what_is_said_counts() {
        let text = "[serve]\nhost = \"0.0.0.0\"\nport = 0\nhosts = [\"Gate.Example\"]\nunknown_models = \"refuse\"\n\
                    ping = 2.5\nhold = 30\nbody_limit = 1024\n[serve.timeouts]\ndrain = 0\n[serve.tls]\ncert = \"~/c.pem\"\nkey = \"/k.pem\"\n";
        let serve = load(text, &[("MOAI_SERVE_PORT", "4000")]).unwrap();
        assert_eq!((serve.host.as_str(), serve.port, serve.body_limit), ("0.0.0.0", 4000, 1024));
        assert_eq!(serve.hosts, ["gate.example"]);
        assert_eq!(serve.unknown_models, UnknownModels::Refuse);
        assert_eq!((serve.ping, serve.drain), (Duration::from_millis(2500), Duration::ZERO));
        assert_eq!(serve.hold, Duration::from_secs(30));
        let tls = serve.tls.unwrap();
        assert!(tls.cert.ends_with("home/c.pem") && tls.cert.is_absolute(), "{tls:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (text, why) in [
            ("[serve]\nport = 70000\n", "config.toml:2:8: `serve.port`"),
            ("[serve]\nhost = \"a b\"\n", "`serve.host`"),
            ("[serve]\nhost = \"http://x\"\n", "`serve.host`"),
            ("[serve]\nhosts = [\"x:1\"]\n", "`serve.hosts`"),
            ("[serve.tls]\ncert = \"/c.pem\"\n", "without `serve.tls.key`"),
            ("[serve]\nunknown_models = \"maybe\"\n", "`serve.unknown_models`"),
        ] {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
