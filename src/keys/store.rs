//! Storing and removing keys: under one lock, in place, whole or not at all, files 0600.

use std::path::PathBuf;
use std::time::Duration;

use super::{KeyError, Source, credentials, env_glm, ring};
use crate::base::disk::{self, Access, Lock};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::catalog;
use crate::model::ProviderId;

/// GLM's own file below moai's home.
pub(super) const ENV_GLM: &str = ".env.glm";
/// The file of all providers below moai's home.
pub(super) const CREDENTIALS: &str = "credentials.yaml";
/// The providers whose key was put into the keyring, one per line.
const KEYRING: &str = "keyring";

/// Where a key is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// `.env.glm` for GLM, `credentials.yaml` for the others.
    #[default]
    File,
    /// The operating system's keyring.
    Keyring,
}

/// What storing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where the key is now.
    pub source: Source,
    /// Whether anything was written: `false` where the same key was there.
    pub changed: bool,
}

/// What removing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The places that held a key and hold none now.
    pub sources: Vec<Source>,
}

/// Keeps `key` for `provider`. A file key stays beside one in the keyring, which is asked first; a file key replaces
/// one in the keyring.
pub fn store(world: &World, provider: ProviderId, key: &Secret, place: Place) -> Result<Stored, KeyError> {
    let _lock = lock(world)?;
    match place {
        Place::Keyring => {
            let changed = ring::load(provider)?.as_ref() != Some(key);
            if changed {
                ring::store(provider, key)?;
            }
            mark_keyring(world, provider, true)?;
            Ok(Stored { source: Source::Keyring, changed })
        }
        Place::File if provider == ProviderId::Glm => {
            let path = world.moai_home()?.join(ENV_GLM);
            let old = disk::read_text(&path)?;
            // A file that cannot be read is replaced: its key lines are what the person is replacing.
            let same = old.as_deref().and_then(|text| env_glm::parse(text).ok().flatten());
            let changed = same.as_deref() != Some(key.expose()) || !is_private(&path);
            disk::sweep(&path)?;
            if changed {
                let text = env_glm::with_key(old.as_deref().unwrap_or_default(), key.expose());
                disk::replace(&path, text.as_bytes(), Access::Private)?;
            }
            mark_keyring(world, provider, false)?;
            Ok(Stored { source: Source::EnvGlm(path), changed })
        }
        Place::File => {
            let path = world.moai_home()?.join(CREDENTIALS);
            let entry = catalog::provider(provider).credential;
            let old = disk::read_text(&path)?.unwrap_or_default();
            let invalid = |why: credentials::Invalid| KeyError::Invalid { path: path.clone(), why: why.to_string() };
            let same = credentials::parse(&old, entry).map_err(invalid)?;
            let changed = same.as_deref() != Some(key.expose()) || !is_private(&path);
            if changed {
                let text = credentials::with_key(&old, entry, key.expose()).map_err(invalid)?;
                disk::replace(&path, text.as_bytes(), Access::Private)?;
            }
            mark_keyring(world, provider, false)?;
            Ok(Stored { source: Source::Credentials(path), changed })
        }
    }
}

/// Takes the key of `provider` out of every place that moai writes. Variables of the environment are the shell's.
/// With `keyring` the keyring is asked even where no key was put there by moai.
pub fn remove(world: &World, provider: ProviderId, keyring: bool) -> Result<Removed, KeyError> {
    let _lock = lock(world)?;
    let home = world.moai_home()?;
    let mut sources = Vec::new();
    // Both files are understood before either is changed.
    let credentials_path = home.join(CREDENTIALS);
    let entry = catalog::provider(provider).credential;
    let old = disk::read_text(&credentials_path)?.unwrap_or_default();
    let without = credentials::without_key(&old, entry)
        .map_err(|why| KeyError::Invalid { path: credentials_path.clone(), why: why.to_string() })?;
    if provider == ProviderId::Glm {
        let path = home.join(ENV_GLM);
        if let Some(old) = disk::read_text(&path)? {
            match env_glm::without_key(&old) {
                None => disk::remove(&path)?,
                Some(rest) if rest != old => disk::replace(&path, rest.as_bytes(), Access::Private)?,
                Some(_) => {}
            }
            if env_glm::parse(&old).is_ok_and(|key| key.is_some()) {
                sources.push(Source::EnvGlm(path));
            }
        }
    }
    if without != old {
        disk::replace(&credentials_path, without.as_bytes(), Access::Private)?;
        sources.push(Source::Credentials(credentials_path));
    }
    if keyring || in_keyring(world, provider) {
        if ring::remove(provider)? {
            sources.push(Source::Keyring);
        }
        mark_keyring(world, provider, false)?;
    }
    Ok(Removed { sources })
}

/// Whether the person put this provider's key into the keyring.
pub(super) fn in_keyring(world: &World, provider: ProviderId) -> bool {
    let list = world.moai_home().ok().and_then(|home| disk::read_text(&home.join(KEYRING)).ok().flatten());
    list.is_some_and(|list| list.lines().any(|line| line.trim() == provider.as_str()))
}

fn mark_keyring(world: &World, provider: ProviderId, chosen: bool) -> Result<(), KeyError> {
    if in_keyring(world, provider) == chosen {
        return Ok(());
    }
    if !chosen {
        // Best effort: the replaced key is not asked for any more, whether or not the keyring is open now.
        drop(ring::remove(provider));
    }
    let path = world.moai_home()?.join(KEYRING);
    let old = disk::read_text(&path)?.unwrap_or_default();
    let mut lines: Vec<&str> = old.lines().filter(|line| line.trim() != provider.as_str()).collect();
    if chosen {
        lines.push(provider.as_str());
    }
    if lines.is_empty() {
        disk::remove(&path)?;
    } else {
        disk::replace(&path, (lines.join("\n") + "\n").as_bytes(), Access::Private)?;
    }
    Ok(())
}

fn is_private(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o777 == 0o600)
}

fn lock(world: &World) -> Result<Lock, KeyError> {
    let path: PathBuf = world.moai_home()?.join("keys.lock");
    Ok(Lock::take(&path, Duration::from_secs(10), || {})?)
}
