//! Floor 5: where keys are kept and how one is found. One resolver serves every command.
//!
//! GLM: the keyring where the person chose it, `~/.moai/.env.glm`, `~/.moai/credentials.yaml`, then the environment
//! (`llm.glm_env_var`, then the catalog's names). The other providers: the keyring where chosen, the environment,
//! `credentials.yaml`. A place that holds something unusable is an error that names the place; it is never skipped,
//! for the person would not learn why another key is used.

mod address;
mod check;
mod credentials;
mod env_glm;
mod ring;
mod store;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::disk::{self, DiskError};
use crate::base::failure::{Explain, Kind};
use crate::base::secret::Secret;
use crate::base::world::{World, WorldError};
use crate::catalog;
use crate::model::ProviderId;

pub use address::{AddressError, require_address};
pub use check::{Fault, among, check, check_secret, hide, looks_like_key};
pub use ring::{RingError, load_own, store_own};
pub use store::{Place, Removed, Stored, remove, store};

/// What the configuration says about finding keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lookup<'a> {
    /// `llm.glm_env_var`: the variable that is asked before the catalog's (GLM only).
    pub env_var: Option<&'a str>,
    /// `keys.keyring`: ask the keyring for every provider, not only for those whose key was put there.
    pub keyring: bool,
}

/// A key and where it was.
#[derive(Debug, Clone)]
pub struct Found {
    /// The key.
    pub secret: Secret,
    /// Where it was.
    pub source: Source,
}

/// A place that can hold a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The operating system's keyring.
    Keyring,
    /// `~/.moai/.env.glm`.
    EnvGlm(PathBuf),
    /// `~/.moai/credentials.yaml`.
    Credentials(PathBuf),
    /// An environment variable.
    Env(String),
}

impl Source {
    /// The word in `--json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::EnvGlm(_) => "env-glm",
            Self::Credentials(_) => "credentials",
            Self::Env(_) => "environment",
        }
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::EnvGlm(path) | Self::Credentials(path) => Some(path),
            Self::Keyring | Self::Env(_) => None,
        }
    }

    /// The place in words for people, with the home directory as `~`.
    pub fn describe(&self, world: &World) -> String {
        self.path().map_or_else(|| self.to_string(), |path| world.tilde(path))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("the OS keyring"),
            Self::EnvGlm(path) | Self::Credentials(path) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "${name}"),
        }
    }
}

/// Why a key cannot be found, stored or removed. No message holds a key or a part of one.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No place has a key.
    #[error("there is no key for {}", catalog::provider(*.0).name)]
    Missing(ProviderId),
    /// A place holds something that is no key.
    #[error("the key in {place} cannot be used")]
    Unusable {
        /// The place.
        place: Source,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// The key that was given is none.
    #[error("this is no key")]
    Refused(#[source] Fault),
    /// A variable is not UTF-8.
    #[error("the environment variable {0} is not UTF-8 text")]
    NotText(String),
    /// A key file that does not parse; the message has the place and nothing of the content.
    #[error("{}: {why}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        why: String,
    },
    /// The keyring.
    #[error("cannot use the OS keyring")]
    Keyring(#[from] RingError),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No home directory.
    #[error(transparent)]
    World(#[from] WorldError),
}

impl Explain for KeyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing(_) | Self::Unusable { .. } | Self::Invalid { .. } | Self::NotText(_) => Kind::Config,
            Self::Refused(_) => Kind::Usage,
            Self::Keyring(_) => Kind::Expected,
            Self::Disk(error) => error.kind(),
            Self::World(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing(ProviderId::Glm) => vec![
                "run `moai glm <key>` to save one, or `moai glm --stdin < keyfile`".into(),
                format!("get one at {}", catalog::provider(ProviderId::Glm).key_page),
            ],
            Self::Missing(provider) => vec![
                format!("run `moai key set {provider}` to save one"),
                format!("get one at {}", catalog::provider(*provider).key_page),
            ],
            Self::Unusable { place: Source::Env(name), .. } => {
                vec![format!("correct or unset {name}, then run the same command again")]
            }
            Self::Unusable { .. } => vec!["run `moai key set <provider>` to replace it".into()],
            Self::Refused(_) => vec!["copy the key again, whole and alone; nothing was stored".into()],
            Self::NotText(name) => vec![format!("unset {name}")],
            Self::Invalid { path, .. } => {
                vec![format!("correct {} in an editor, or move it away; nothing was changed", path.display())]
            }
            Self::Keyring(RingError::NoService(_)) => vec![
                "run it inside a desktop session, or keep the key in a file: the same command without --keyring".into(),
            ],
            Self::Keyring(_) => vec!["unlock the keyring and run the same command again".into()],
            Self::Disk(error) => error.hints(),
            Self::World(error) => error.hints(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing(_) => "no-key",
            Self::Unusable { .. } | Self::Refused(_) => "bad-key",
            Self::Invalid { .. } => "invalid-file",
            Self::Keyring(_) => "keyring",
            Self::NotText(_) => "not-text",
            Self::Disk(error) => return error.code(),
            Self::World(error) => return error.code(),
        })
    }
}

/// The key of `provider`: the first place in its order that holds one. `Ok(None)` where none does.
pub fn find(world: &World, provider: ProviderId, lookup: &Lookup<'_>) -> Result<Option<Found>, KeyError> {
    for source in sources(world, provider, lookup) {
        if let Some(secret) = load(world, provider, &source)? {
            return Ok(Some(Found { secret, source }));
        }
    }
    Ok(None)
}

/// The key of `provider`, or an error that says how to get one.
pub fn require(world: &World, provider: ProviderId, lookup: &Lookup<'_>) -> Result<Found, KeyError> {
    find(world, provider, lookup)?.ok_or(KeyError::Missing(provider))
}

/// Hands a key that was just made to `write`, which shows it this once.
pub fn show<T>(secret: &Secret, write: impl FnOnce(&str) -> T) -> T {
    write(secret.expose())
}

/// Hands the key with a line end to `write`: the one way out of moai, for `moai key --print`.
pub fn print<E>(secret: &Secret, write: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let line = zeroize::Zeroizing::new(format!("{}\n", secret.expose()));
    write(line.as_bytes())
}

/// What a place holds, for `moai key where`.
#[derive(Debug)]
pub struct Held {
    /// The place.
    pub source: Source,
    /// Its key, none, or why it cannot be used.
    pub key: Result<Option<Secret>, KeyError>,
}

/// Every place in the order in which [`find`] asks, with what it holds: the first key is the one in use.
pub fn everywhere(world: &World, provider: ProviderId, lookup: &Lookup<'_>) -> Vec<Held> {
    sources(world, provider, lookup)
        .into_iter()
        .map(|source| Held { key: load(world, provider, &source), source })
        .collect()
}

/// The places in their order. Without a home directory only the environment is left.
fn sources(world: &World, provider: ProviderId, lookup: &Lookup<'_>) -> Vec<Source> {
    let known = catalog::provider(provider);
    let home = world.moai_home().ok();
    let file = |name: &str| home.as_ref().map(|home| home.join(name));
    let mut variables: Vec<&str> = lookup.env_var.filter(|_| provider == ProviderId::Glm).into_iter().collect();
    variables.extend(known.key_vars.iter().filter(|name| Some(**name) != lookup.env_var));
    let environment = variables.into_iter().map(|name| Source::Env(name.into()));
    let credentials = file(store::CREDENTIALS).map(Source::Credentials);

    let mut sources = Vec::new();
    if lookup.keyring || store::in_keyring(world, provider) {
        sources.push(Source::Keyring);
    }
    if provider == ProviderId::Glm {
        sources.extend(file(store::ENV_GLM).map(Source::EnvGlm));
        sources.extend(credentials);
        sources.extend(environment);
    } else {
        sources.extend(environment);
        sources.extend(credentials);
    }
    sources
}

/// The key that one place holds.
fn load(world: &World, provider: ProviderId, source: &Source) -> Result<Option<Secret>, KeyError> {
    let text = match source {
        Source::Keyring => return Ok(ring::load(provider)?),
        Source::EnvGlm(path) => match disk::read_text(path)? {
            None => None,
            Some(text) => {
                env_glm::parse(&text).map_err(|why| KeyError::Invalid { path: path.clone(), why: why.to_string() })?
            }
        },
        Source::Credentials(path) => match disk::read_text(path)? {
            None => None,
            Some(text) => credentials::parse(&text, catalog::provider(provider).credential)
                .map_err(|why| KeyError::Invalid { path: path.clone(), why: why.to_string() })?,
        },
        Source::Env(name) => match world.env.raw(name) {
            None => None,
            Some(value) => Some(value.to_str().ok_or_else(|| KeyError::NotText(name.clone()))?.trim().to_owned())
                .filter(|value| !value.is_empty()),
        },
    };
    text.map(|text| check(&text).map_err(|fault| KeyError::Unusable { place: source.clone(), fault })).transpose()
}
