//! The journal's key: 32 random bytes, used as they are. A passphrase would cost a quarter of a second at every start
//! (256,000 rounds of PBKDF2) and protect no better.
//!
//! A note beside the journal (`key.json`) says where the key is kept and holds a check value, which tells a wrong key
//! from a damaged file. The place is chosen once, when the journal is made, and never changes silently: a keyring that
//! does not answer is an error, not a reason to make a new key in a file.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::random;
use crate::base::secret::Secret;

use super::error::JournalError;

/// The environment variable that may hold the key.
pub const KEY_VAR: &str = "MOAI_JOURNAL_KEY";

/// Where the key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `MOAI_JOURNAL_KEY`.
    Env,
    /// `journal.key` beside the journal, 0600.
    File,
    /// The keyring of the operating system.
    Keyring,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Env => KEY_VAR,
            Self::File => "the key file",
            Self::Keyring => "the keyring",
        })
    }
}

/// The key itself. Cannot be printed; wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournalKey(redacted)")
    }
}

impl JournalKey {
    /// A new random key.
    pub fn generate() -> Result<Self, JournalError> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(secret: &Secret, from: Source) -> Result<Self, JournalError> {
        let text = secret.expose().trim();
        let mut key = Zeroizing::new([0; 32]);
        let pairs = text.as_bytes().chunks(2).map(|pair| {
            let digits =
                std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
            digits.and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        if text.len() != 64 {
            return Err(JournalError::BadKey(from));
        }
        for (byte, pair) in key.iter_mut().zip(pairs) {
            *byte = pair.ok_or(JournalError::BadKey(from))?;
        }
        Ok(Self(key))
    }

    /// The key as 64 hexadecimal digits, to be kept.
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.hex().as_str())
    }

    /// The statement that unlocks a database with this key as a raw key.
    pub(super) fn pragma(&self, schema: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("PRAGMA {schema}.key = \"x'{}'\"", self.hex().as_str()))
    }

    /// A value that a wrong key does not give, and that says nothing of the key.
    fn check(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        hex(hmac::sign(&key, b"moai journal key check").as_ref().get(..8).unwrap_or_default()).to_string()
    }

    /// A key of its own for the spool file.
    pub(super) fn spool_key(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"moai journal");
        let parent = salt.extract(self.0.as_slice());
        parent.expand(&[b"spool"], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).ok().map(|()| key)
    }

    fn hex(&self) -> Zeroizing<String> {
        hex(self.0.as_slice())
    }
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    Zeroizing::new(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// The keyring, as the caller has it. Texts of errors must not hold secrets.
pub trait Ring: Send + Sync {
    /// The stored key.
    fn read(&self) -> Result<Option<Secret>, String>;
    /// Stores the key.
    fn write(&self, key: &Secret) -> Result<(), String>;
}

/// What a caller knows of keys: the environment's, and a keyring.
#[derive(Clone)]
pub struct Lookup {
    /// `MOAI_JOURNAL_KEY`.
    pub env: Option<Secret>,
    /// The keyring, asked only when the note names it or a new journal is to use it.
    pub ring: Option<Arc<dyn Ring>>,
    /// A new journal keeps its key in the keyring.
    pub prefer_ring: bool,
    /// How long the keyring may take; 3 seconds unless a test is in a hurry.
    pub ring_deadline: Duration,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { env: None, ring: None, prefer_ring: false, ring_deadline: Duration::from_secs(3) }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Note {
    schema: u32,
    key_source: Source,
    key_check: String,
}

/// Finds the key of the journal in `dir`, or makes one when there is no journal yet. Where there is no note the key is
/// unproven: `note` writes it once the journal has opened.
///
/// The environment wins for the one command, also over another recorded place, as long as it is the right key.
pub fn find(dir: &Path, lookup: &Lookup) -> Result<(JournalKey, Source), JournalError> {
    if let Some(note) = load_note(dir)? {
        return known(dir, lookup, &note);
    }
    let _lock = Lock::take(&dir.join("key.lock"), Duration::from_secs(5), || {})?;
    if let Some(note) = load_note(dir)? {
        return known(dir, lookup, &note);
    }
    if dir.join("journal.db").exists() && lookup.env.is_none() && load_file(dir)?.is_none() {
        // A journal without its note and without a key: a new key would not open it.
        return Err(JournalError::NoKey { source_kept: Source::File });
    }
    first(dir, lookup)
}

/// Notes which key opened the journal in `dir`, and where it is kept, where that is not noted yet.
pub(super) fn note(dir: &Path, key: &JournalKey, source: Source) -> Result<(), JournalError> {
    if load_note(dir)?.is_some() {
        return Ok(());
    }
    let _lock = Lock::take(&dir.join("key.lock"), Duration::from_secs(5), || {})?;
    if load_note(dir)?.is_some() {
        return Ok(());
    }
    let note = Note { schema: 1, key_source: source, key_check: key.check() };
    let text = serde_json::to_string_pretty(&note).unwrap_or_default() + "\n";
    Ok(disk::replace(&note_path(dir), text.as_bytes(), Access::Private)?)
}

/// Whether the note in `dir` is this key's; `None` where there is no readable note.
pub(super) fn matches_note(dir: &Path, key: &JournalKey) -> Option<bool> {
    load_note(dir).ok().flatten().map(|note| note.key_check == key.check())
}

/// The key of a journal whose note says where it is.
fn known(dir: &Path, lookup: &Lookup, note: &Note) -> Result<(JournalKey, Source), JournalError> {
    let source = if lookup.env.is_some() { Source::Env } else { note.key_source };
    let key = match source {
        Source::Env => lookup.env.as_ref().map(|key| JournalKey::parse(key, Source::Env)).transpose()?,
        Source::File => load_file(dir)?,
        Source::Keyring => read_ring(lookup)?,
    };
    let key = key.ok_or(JournalError::NoKey { source_kept: source })?;
    if key.check() != note.key_check {
        return Err(JournalError::WrongKey { path: dir.join("journal.db"), from: source });
    }
    Ok((key, source))
}

/// The first key: given in the environment, lying in the file, put into the keyring where that is wanted, else a new
/// file.
fn first(dir: &Path, lookup: &Lookup) -> Result<(JournalKey, Source), JournalError> {
    if let Some(key) = &lookup.env {
        return Ok((JournalKey::parse(key, Source::Env)?, Source::Env));
    }
    if let Some(key) = load_file(dir)? {
        return Ok((key, Source::File));
    }
    if lookup.prefer_ring {
        if let Some(key) = read_ring(lookup)? {
            return Ok((key, Source::Keyring));
        }
        let key = JournalKey::generate()?;
        let secret = key.to_secret();
        ask(lookup, move |ring| ring.write(&secret))?;
        return match read_ring(lookup)? {
            Some(stored) if stored == key => Ok((key, Source::Keyring)),
            _ => Err(JournalError::Keyring("the stored key does not read back".into())),
        };
    }
    let key = JournalKey::generate()?;
    let mut text = key.hex();
    text.push('\n');
    disk::replace(&file_path(dir), text.as_bytes(), Access::Private)?;
    Ok((key, Source::File))
}

fn read_ring(lookup: &Lookup) -> Result<Option<JournalKey>, JournalError> {
    ask(lookup, |ring| ring.read())?.map(|key| JournalKey::parse(&key, Source::Keyring)).transpose()
}

/// Asks the keyring in a thread of its own: a locked collection may wait for a person who is not there.
fn ask<T: Send + 'static>(
    lookup: &Lookup,
    question: impl FnOnce(&dyn Ring) -> Result<T, String> + Send + 'static,
) -> Result<T, JournalError> {
    let ring = lookup.ring.clone().ok_or_else(|| JournalError::Keyring("there is no keyring here".into()))?;
    let (answer, answered) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more after the deadline.
        drop(answer.send(question(ring.as_ref())));
    });
    answered
        .recv_timeout(lookup.ring_deadline)
        .unwrap_or_else(|_late| Err(format!("no answer within {} ms", lookup.ring_deadline.as_millis())))
        .map_err(JournalError::Keyring)
}

fn note_path(dir: &Path) -> PathBuf {
    dir.join("key.json")
}

fn file_path(dir: &Path) -> PathBuf {
    dir.join("journal.key")
}

fn load_note(dir: &Path) -> Result<Option<Note>, JournalError> {
    let path = note_path(dir);
    let Some(text) = disk::read_text(&path)? else { return Ok(None) };
    let line = |error: &serde_json::Error| error.line();
    match serde_json::from_str::<Note>(&text) {
        Ok(note) if note.schema == 1 => Ok(Some(note)),
        Ok(_) => Err(JournalError::Note { path, line: 1 }),
        Err(error) => Err(JournalError::Note { path, line: line(&error) }),
    }
}

fn load_file(dir: &Path) -> Result<Option<JournalKey>, JournalError> {
    let path = file_path(dir);
    let Some(text) = disk::read_text(&path)?.map(Zeroizing::new) else { return Ok(None) };
    let meta = std::fs::metadata(&path).map_err(DiskError::io("read", &path))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(JournalError::OpenKey { path, mode });
    }
    JournalKey::parse(&Secret::new(text.as_str()), Source::File).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str) -> Lookup {
        Lookup { env: Some(Secret::new(text)), ..Lookup::default() }
    }

    /// A journal that opens with the first key that is found.
    fn begin(dir: &Path, lookup: &Lookup) -> Result<(JournalKey, Source), JournalError> {
        let (key, source) = find(dir, lookup)?;
        note(dir, &key, source)?;
        Ok((key, source))
    }

    struct Fake(Result<Option<Secret>, String>);

    impl Ring for Fake {
        fn read(&self) -> Result<Option<Secret>, String> {
            self.0.clone()
        }
        fn write(&self, _: &Secret) -> Result<(), String> {
            Err("locked".into())
        }
    }

    #[test]
    fn a_first_run_makes_a_private_file_and_the_next_one_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let (key, source) = begin(dir.path(), &Lookup::default()).unwrap();
        assert_eq!(source, Source::File);
        let mode = std::fs::metadata(dir.path().join("journal.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(find(dir.path(), &Lookup::default()).unwrap(), (key.clone(), Source::File));
        assert_eq!(find(dir.path(), &env(key.hex().as_str())).unwrap(), (key, Source::Env));
        assert!(matches!(find(dir.path(), &env(&"0".repeat(64))), Err(JournalError::WrongKey { .. })));
    }

    #[test]
    fn a_place_once_chosen_is_kept_and_missing_means_missing() {
        let dir = tempfile::tempdir().unwrap();
        let key = "ab".repeat(32);
        begin(dir.path(), &env(&key)).unwrap();
        let missing = find(dir.path(), &Lookup::default());
        assert!(matches!(missing, Err(JournalError::NoKey { source_kept: Source::Env })), "{missing:?}");
        assert!(!dir.path().join("journal.key").exists(), "no new key was made");
    }

    #[test]
    fn a_keyring_that_fails_is_never_replaced_by_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let ring = |answer| Lookup { ring: Some(Arc::new(Fake(answer))), prefer_ring: true, ..Lookup::default() };
        let key = Secret::new("cd".repeat(32));
        assert!(matches!(find(dir.path(), &ring(Ok(None))), Err(JournalError::Keyring(_))), "it cannot be stored");
        assert_eq!(begin(dir.path(), &ring(Ok(Some(key)))).unwrap().1, Source::Keyring);
        assert!(matches!(find(dir.path(), &ring(Err("locked".into()))), Err(JournalError::Keyring(_))));
        assert!(matches!(find(dir.path(), &ring(Ok(None))), Err(JournalError::NoKey { .. })));
        assert!(!dir.path().join("journal.key").exists());
    }

    #[test]
    fn keys_that_are_none_and_files_that_are_open_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for bad in ["", "abc", &"zz".repeat(32), &"+1".repeat(32), &"한".repeat(22)] {
            assert!(matches!(find(dir.path(), &env(bad)), Err(JournalError::BadKey(Source::Env))), "{bad}");
        }
        find(dir.path(), &Lookup::default()).unwrap();
        let path = dir.path().join("journal.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(find(dir.path(), &Lookup::default()), Err(JournalError::OpenKey { mode: 0o644, .. })));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", JournalKey::generate().unwrap()), "JournalKey(redacted)");
    }
}
