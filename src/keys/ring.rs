//! The keyring of the operating system: the Secret Service on Linux, the keychain on macOS. Used only for providers
//! whose key the person put there (`--keyring`), so that no other command ever talks to D-Bus.

use keyring::{Entry, Error};

use crate::base::secret::Secret;
use crate::model::ProviderId;

/// The name under which entries are filed.
const SERVICE: &str = "moai";

/// The keyring could not be used. Texts of the platform are passed on: they name buses and services, never secrets.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// There is no keyring service to talk to.
    #[error("there is no keyring service here: {0}")]
    NoService(String),
    /// The service refused: locked, or the person said no.
    #[error("the keyring refused: {0}")]
    Refused(String),
    /// The stored bytes are not text.
    #[error("the keyring's entry is not text")]
    NotText,
}

/// The key that the keyring holds for `provider`.
pub(super) fn load(provider: ProviderId) -> Result<Option<Secret>, RingError> {
    read(&entry(provider)?)
}

/// Puts the key into the keyring, and reads it back: constructing a store proves nothing.
pub(super) fn store(provider: ProviderId, key: &Secret) -> Result<(), RingError> {
    let entry = entry(provider)?;
    entry.set_password(key.expose()).map_err(explain)?;
    match entry.get_password().map_err(explain)? {
        found if found == key.expose() => Ok(()),
        _ => Err(RingError::Refused("the stored key does not read back".into())),
    }
}

/// Takes the key out; says whether there was one.
pub(super) fn remove(provider: ProviderId) -> Result<bool, RingError> {
    match entry(provider)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(explain(error)),
    }
}

/// A secret of moai's own under a name that is no provider's: the journal's key.
pub fn load_own(name: &str) -> Result<Option<Secret>, RingError> {
    read(&named(name)?)
}

/// Puts a secret of moai's own into the keyring. Whoever stores one reads it back.
pub fn store_own(name: &str, secret: &Secret) -> Result<(), RingError> {
    named(name)?.set_password(secret.expose()).map_err(explain)
}

fn read(entry: &Entry) -> Result<Option<Secret>, RingError> {
    match entry.get_password() {
        Ok(key) => Ok(Some(Secret::new(key))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(explain(error)),
    }
}

fn entry(provider: ProviderId) -> Result<Entry, RingError> {
    named(provider.as_str())
}

fn named(name: &str) -> Result<Entry, RingError> {
    if keyring::get_default_store().is_none() {
        open()?;
    }
    Entry::new(SERVICE, name).map_err(explain)
}

#[cfg(target_os = "linux")]
fn open() -> Result<(), RingError> {
    let store = dbus_secret_service_keyring_store::Store::new().map_err(no_service)?;
    keyring::set_default_store(store);
    Ok(())
}

#[cfg(target_os = "macos")]
fn open() -> Result<(), RingError> {
    let store = apple_native_keyring_store::keychain::Store::new().map_err(no_service)?;
    keyring::set_default_store(store);
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn open() -> Result<(), RingError> {
    Err(RingError::NoService("moai knows no keyring on this system".into()))
}

fn no_service(error: Error) -> RingError {
    match error {
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => RingError::NoService(cause.to_string()),
        other => RingError::NoService(other.to_string()),
    }
}

fn explain(error: Error) -> RingError {
    match error {
        Error::PlatformFailure(cause) => RingError::NoService(cause.to_string()),
        Error::NoStorageAccess(cause) => RingError::Refused(cause.to_string()),
        Error::NoDefaultStore => RingError::NoService("no store could be opened".into()),
        // These two carry the stored bytes: nothing of them goes into a message.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => RingError::NotText,
        other => RingError::Refused(other.to_string()),
    }
}
