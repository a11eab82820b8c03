//! The gateway's own keys: `~/.moai/gateway/keys.json` (0600) has their names, their scopes and the SHA-256 of their
//! secrets; a secret is shown once, when it is made. The first one is made at the first start and opens everything; its
//! secret lies in `~/.moai/gateway/key` (0600), for this machine's own commands. Beside it lies `code.key`, which opens
//! `use` alone: that is what sessions of Claude Code are given.
//!
//! A running gateway sees at once what was added and revoked: it looks whether the file is another one before it
//! answers. A file that cannot be read opens nothing.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::base::disk::{self, DiskError, Lock};
use crate::base::failure::{Explain, Kind};
use crate::base::random::{self, NoRandom};
use crate::base::secret::Secret;
use crate::base::sort;
use crate::base::world::{World, WorldError};

/// The version of the file's form.
const SCHEMA: u32 = 1;
/// The name of the key that the first start makes.
const FIRST: &str = "first";
/// The name of the key that sessions of Claude Code are given, and the file of its secret.
const CODE: &str = "moai-code";
const CODE_FILE: &str = "code.key";
/// The key that is given from outside, in a container: no person can give one this name.
const GIVEN: &str = "env:given";
/// How long one process waits for another that changes the keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Asking models.
    Use,
    /// Reading figures: stats, costs, health.
    Read,
    /// Changing things: force-model, feedback, reload, stop.
    Admin,
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`: expected use, read or admin")]
pub struct UnknownScope(pub String);

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Use, Self::Read, Self::Admin];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(text.trim()));
        known.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, unique.
    pub name: String,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
}

/// A key that was just made, with the only copy of its secret.
#[derive(Debug)]
pub struct NewKey {
    /// What is kept of it.
    pub key: Key,
    /// `mk-` and 48 hexadecimal digits.
    pub secret: Secret,
}

/// What is wrong with the keys.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Where they are is not known.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The file is not of the form that moai writes. Its content is not repeated.
    #[error("{} is not a file of access keys (line {line}, column {column})", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where in it.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A newer moai wrote it.
    #[error("{} was written by a newer moai (schema {schema})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
    /// There is a key of that name.
    #[error("there is an access key `{0}` already")]
    Taken(String),
    /// There is none of that name.
    #[error("there is no access key `{0}`")]
    Unknown(String),
    /// The key that is given from outside cannot be one.
    #[error("{0} holds no access key: 16 characters or more, without spaces, that a header can carry")]
    BadGiven(String),
    /// It cannot be a name.
    #[error("`{0}` cannot be the name of an access key: letters, digits, `-`, `_` and `.`, at most 64")]
    BadName(String),
    /// Nothing can be written: it cannot be turned into JSON.
    #[error("cannot write the access keys")]
    Write(#[source] serde_json::Error),
}

impl Explain for AccessError {
    fn kind(&self) -> Kind {
        match self {
            Self::World(error) => error.kind(),
            Self::Disk(error) => error.kind(),
            Self::Random(_) | Self::Taken(_) | Self::Unknown(_) => Kind::Expected,
            Self::Broken { .. } | Self::Newer { .. } | Self::BadGiven(_) => Kind::Config,
            Self::BadName(_) => Kind::Usage,
            Self::Write(_) => Kind::Bug,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::World(error) => error.hints(),
            Self::Disk(error) => error.hints(),
            Self::Broken { path, .. } => vec![format!(
                "move {} away; `moai serve key add NAME` begins a new one, and every key has to be made again",
                path.display()
            )],
            Self::Newer { .. } => vec!["update moai".into()],
            Self::Taken(name) => vec![format!("revoke it first: `moai serve key revoke {name}`")],
            Self::BadGiven(_) => vec!["make one: `head -c 24 /dev/urandom | base64`".into()],
            Self::Unknown(_) => vec!["see which there are: `moai serve key list`".into()],
            Self::Random(_) | Self::BadName(_) | Self::Write(_) => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::World(error) => error.code(),
            Self::Disk(error) => error.code(),
            Self::Random(_) | Self::Write(_) => None,
            Self::Broken { .. } => Some("broken-keys"),
            Self::Newer { .. } => Some("newer-keys"),
            Self::Taken(_) => Some("key-exists"),
            Self::Unknown(_) => Some("no-such-key"),
            Self::BadGiven(_) => Some("bad-given-key"),
            Self::BadName(_) => Some("bad-key-name"),
        }
    }
}

/// The keys of the gateway, as they stand in the file.
pub struct Access {
    path: PathBuf,
    seen: RwLock<Seen>,
}

/// The file as it was read last.
#[derive(Default)]
struct Seen {
    mark: Option<Mark>,
    doors: Vec<Door>,
}

/// What tells one version of the file from another. Every change is a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// A key as requests are compared with it.
struct Door {
    name: Arc<str>,
    scopes: Arc<[Scope]>,
    sha256: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    keys: Vec<Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
    created: Timestamp,
}

impl Access {
    /// The keys of `world`; the first one is made where there is no file, and that of sessions where there is none.
    pub fn open(world: &World) -> Result<Self, AccessError> {
        let dir = directory(world)?;
        let path = dir.join("keys.json");
        let access = Self { path, seen: RwLock::default() };
        if !access.path.exists() {
            let secret = new_secret()?;
            let made = access.insert(FIRST, &Scope::ALL, &secret, world.now(), true)?;
            if made.is_some() {
                disk::replace(&dir.join("key"), secret.as_bytes(), disk::Access::Private)?;
            }
        }
        access.ensure_code(world.now())?;
        access.refresh(mark(&access.path))?;
        Ok(access)
    }

    /// Has the key open everything that the environment gives (`MOAI_ACCESS_KEY`, or the file that
    /// `MOAI_ACCESS_KEY_FILE` names), and takes back one that it does not give any more.
    pub fn take_given(&self, world: &World) -> Result<(), AccessError> {
        let given = super::given::key(world)?;
        let wanted = given.map(|secret| Entry::new(GIVEN, &Scope::ALL, &secret, world.now()));
        let stands = |file: &File| {
            let there = file.keys.iter().find(|entry| entry.name == GIVEN);
            there.map(|entry| &entry.sha256) == wanted.as_ref().map(|entry| &entry.sha256)
        };
        if stands(&self.read()?) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut file = self.read()?;
        file.keys.retain(|entry| entry.name != GIVEN);
        file.keys.extend(wanted);
        self.write(&file)?;
        self.refresh(mark(&self.path))
    }

    /// The secret of the first key, which lies in its own file, where it is there.
    pub fn first_secret(world: &World) -> Result<Option<Secret>, AccessError> {
        Ok(secret(&directory(world)?.join("key"))?.map(Secret::new))
    }

    /// The secret of the key for sessions of Claude Code, where it is there.
    pub fn code_secret(world: &World) -> Result<Option<Secret>, AccessError> {
        Ok(secret(&directory(world)?.join(CODE_FILE))?.map(Secret::new))
    }

    /// The keys, in the order in which they were made.
    pub fn keys(&self) -> Result<Vec<Key>, AccessError> {
        let file = self.read()?;
        Ok(file.keys.into_iter().map(Entry::key).collect())
    }

    /// Whether a person has made a key: one beside that of the first start.
    pub fn has_own(&self) -> Result<bool, AccessError> {
        Ok(self.keys()?.iter().any(|key| ![FIRST, CODE].contains(&&*key.name)))
    }

    /// Makes a key. One of the first one's name that opens everything is this machine's own again, where that was taken
    /// back.
    pub fn add(&self, name: &str, scopes: &[Scope], now: Timestamp) -> Result<NewKey, AccessError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(AccessError::BadName(name.to_owned()));
        }
        let secret = new_secret()?;
        let Some(key) = self.insert(name, scopes, &secret, now, false)? else {
            return Err(AccessError::Taken(name.to_owned()));
        };
        if name == FIRST && key.scopes == Scope::ALL {
            disk::replace(&self.path.with_file_name("key"), secret.as_bytes(), disk::Access::Private)?;
        }
        Ok(NewKey { key, secret: Secret::new(secret) })
    }

    /// Takes a key back: from now on nobody gets in with it.
    pub fn revoke(&self, name: &str) -> Result<Key, AccessError> {
        let _lock = self.lock()?;
        let mut file = self.read()?;
        let at = file.keys.iter().position(|entry| entry.name == name);
        let entry = at.map(|at| file.keys.remove(at)).ok_or_else(|| AccessError::Unknown(name.to_owned()))?;
        self.write(&file)?;
        for (own, secret) in [(FIRST, "key"), (CODE, CODE_FILE)] {
            if name == own {
                disk::remove(&self.path.with_file_name(secret))?;
            }
        }
        Ok(entry.key())
    }

    /// Whose key `secret` is, and what it opens.
    pub(in crate::gateway) fn admits(&self, secret: &[u8]) -> Option<(Arc<str>, Arc<[Scope]>)> {
        self.opens(digest(&SHA256, secret).as_ref())
    }

    /// The same of the key with this SHA-256.
    pub(in crate::gateway) fn opens(&self, shown: &[u8]) -> Option<(Arc<str>, Arc<[Scope]>)> {
        let mark = mark(&self.path);
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).mark != mark {
            // What cannot be read opens nothing.
            drop(self.refresh(mark));
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        // All are compared, whichever it is, and each to its end.
        let fits = |door: &Door| bool::from(door.sha256.ct_eq(shown));
        let found = seen.doors.iter().fold(None, |found, door| if fits(door) { Some(door) } else { found });
        found.map(|door| (Arc::clone(&door.name), Arc::clone(&door.scopes)))
    }

    /// Reads the file, which looks like `mark` now.
    fn refresh(&self, mark: Option<Mark>) -> Result<(), AccessError> {
        let read = self.read();
        let entries = read.as_ref().map_or(&[][..], |file| &file.keys);
        let doors = entries.iter().filter_map(Self::door).collect();
        // A file that could not be read is looked at again, whether it changes or not.
        let mark = mark.filter(|_| read.is_ok());
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Seen { mark, doors };
        read.map(drop)
    }

    fn door(entry: &Entry) -> Option<Door> {
        let digest = unhex(&entry.sha256)?;
        Some(Door { name: entry.name.as_str().into(), scopes: entry.scopes.clone().into(), sha256: digest })
    }

    /// Adds a key; `None` where there is one of that name, or any key at all where it is to be the `first`.
    fn insert(
        &self,
        name: &str,
        scopes: &[Scope],
        secret: &str,
        now: Timestamp,
        first: bool,
    ) -> Result<Option<Key>, AccessError> {
        let _lock = self.lock()?;
        let mut file = self.read()?;
        if file.keys.iter().any(|entry| first || entry.name == name) {
            return Ok(None);
        }
        let entry = Entry::new(name, scopes, secret, now);
        file.keys.push(entry.clone());
        self.write(&file)?;
        Ok(Some(entry.key()))
    }

    /// Makes the key for sessions, unless its secret is there and opens. One that was taken back is another one then.
    fn ensure_code(&self, now: Timestamp) -> Result<(), AccessError> {
        let path = self.path.with_file_name(CODE_FILE);
        let stands = |file: &File| -> Result<bool, AccessError> {
            let Some(secret) = secret(&path)? else { return Ok(false) };
            let sha256 = hex(digest(&SHA256, secret.as_bytes()).as_ref());
            Ok(file.keys.iter().any(|entry| entry.name == CODE && entry.sha256 == sha256))
        };
        if stands(&self.read()?)? {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut file = self.read()?;
        if stands(&file)? {
            return Ok(());
        }
        let secret = new_secret()?;
        file.keys.retain(|entry| entry.name != CODE);
        file.keys.push(Entry::new(CODE, &[Scope::Use], &secret, now));
        self.write(&file)?;
        Ok(disk::replace(&path, secret.as_bytes(), disk::Access::Private)?)
    }

    fn lock(&self) -> Result<Lock, AccessError> {
        Ok(Lock::take(&self.path.with_file_name("keys.lock"), PATIENCE, || {})?)
    }

    /// The file; one that is not there has no keys.
    fn read(&self) -> Result<File, AccessError> {
        let Some(text) = disk::read_text(&self.path)? else { return Ok(File { schema: SCHEMA, keys: Vec::new() }) };
        let file: File = serde_json::from_str(&text).map_err(|error| AccessError::Broken {
            path: self.path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        if file.schema > SCHEMA {
            return Err(AccessError::Newer { path: self.path.clone(), schema: file.schema });
        }
        Ok(file)
    }

    fn write(&self, file: &File) -> Result<(), AccessError> {
        let mut text = serde_json::to_vec_pretty(file).map_err(AccessError::Write)?;
        text.push(b'\n');
        Ok(disk::replace(&self.path, &text, disk::Access::Private)?)
    }
}

impl Entry {
    fn new(name: &str, scopes: &[Scope], secret: &str, created: Timestamp) -> Self {
        let mut scopes = scopes.to_vec();
        sort::by(&mut scopes, Ord::cmp);
        scopes.dedup();
        let sha256 = hex(digest(&SHA256, secret.as_bytes()).as_ref());
        Self { name: name.to_owned(), scopes, sha256, created }
    }

    fn key(self) -> Key {
        Key { name: self.name, scopes: self.scopes, created: self.created }
    }
}

fn directory(world: &World) -> Result<PathBuf, WorldError> {
    Ok(world.moai_home()?.join("gateway"))
}

/// The secret in a file of its own, where it is there.
pub(super) fn secret(path: &Path) -> Result<Option<String>, DiskError> {
    let text = disk::read_text(path)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn mark(path: &Path) -> Option<Mark> {
    let meta = fs::metadata(path).ok()?;
    Some(Mark { inode: meta.ino(), size: meta.size(), modified: (meta.mtime(), meta.mtime_nsec()) })
}

fn new_secret() -> Result<String, NoRandom> {
    Ok(format!("mk-{}", hex(&random::bytes::<24>()?)))
}

/// Bytes as hexadecimal digits.
pub(in crate::gateway) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    (digits.len() == 64).then(|| pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::Env;
    use crate::gateway::given::{GIVEN_FILE_VAR, GIVEN_VAR};

    fn world(home: &Path) -> World {
        World::scratch(home, home, Env::default())
    }

    #[test]
    fn the_first_start_makes_a_key_and_the_next_one_keeps_it() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let access = Access::open(&world).unwrap();
        let secret = Access::first_secret(&world).unwrap().unwrap();
        assert!(secret.expose().starts_with("mk-") && secret.expose().len() == 51);
        let (name, scopes) = access.admits(secret.expose().as_bytes()).unwrap();
        assert_eq!((&*name, &*scopes), ("first", &Scope::ALL[..]));
        let again = Access::open(&world).unwrap();
        assert!(again.admits(secret.expose().as_bytes()).is_some());
        assert_eq!(again.keys().unwrap().len(), 2);
        assert!(!again.has_own().unwrap());
        for name in ["keys.json", "key", "code.key"] {
            let mode = fs::metadata(home.path().join(".moai/gateway").join(name)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let kept = fs::read_to_string(home.path().join(".moai/gateway/keys.json")).unwrap();
        assert!(!kept.contains(secret.expose()), "{kept}");
    }

    #[test]
    fn what_is_added_and_revoked_is_seen_without_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let running = Access::open(&world).unwrap();
        let person = Access::open(&world).unwrap();
        let made = person.add("ci", &[Scope::Use, Scope::Use], world.now()).unwrap();
        assert!(matches!(person.add("ci", &[Scope::Read], world.now()), Err(AccessError::Taken(_))));
        let (name, scopes) = running.admits(made.secret.expose().as_bytes()).unwrap();
        assert_eq!((&*name, &*scopes), ("ci", &[Scope::Use][..]));
        assert!(running.has_own().unwrap());
        assert_eq!(person.revoke("ci").unwrap().name, "ci");
        assert!(running.admits(made.secret.expose().as_bytes()).is_none());
        assert!(matches!(person.revoke("ci"), Err(AccessError::Unknown(_))));
        let first = Access::first_secret(&world).unwrap().unwrap();
        person.revoke("first").unwrap();
        assert!(running.admits(first.expose().as_bytes()).is_none());
        assert!(Access::first_secret(&world).unwrap().is_none());
        // One that opens less is a person's own; one that opens everything is the machine's again.
        person.add("first", &[Scope::Use], world.now()).unwrap();
        assert!(Access::first_secret(&world).unwrap().is_none());
        person.revoke("first").unwrap();
        let again = person.add("first", &[Scope::Admin, Scope::Use, Scope::Read], world.now()).unwrap();
        assert_eq!(Access::first_secret(&world).unwrap().unwrap().expose(), again.secret.expose());
        assert!(running.admits(again.secret.expose().as_bytes()).is_some());
    }

    #[test]
    fn sessions_have_a_key_that_opens_use_alone_also_in_a_home_of_before() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let dir = home.path().join(".moai/gateway");
        let opens = |access: &Access, secret: &Secret| {
            access.admits(secret.expose().as_bytes()).map(|(name, scopes)| (name.to_string(), scopes.to_vec()))
        };
        let access = Access::open(&world).unwrap();
        let (first, code) =
            (Access::first_secret(&world).unwrap().unwrap(), Access::code_secret(&world).unwrap().unwrap());
        assert_eq!(opens(&access, &code), Some(("moai-code".into(), vec![Scope::Use])));
        let kept = fs::read_to_string(dir.join("keys.json")).unwrap();
        assert!(!kept.contains(code.expose()) && first.expose() != code.expose());

        // A home of before: its first key and its others stay, and a running gateway sees the new one.
        let made = access.add("ci", &[Scope::Read], world.now()).unwrap();
        let mut file = access.read().unwrap();
        file.keys.retain(|entry| entry.name != CODE);
        access.write(&file).unwrap();
        fs::remove_file(dir.join(CODE_FILE)).unwrap();
        let later = Access::open(&world).unwrap();
        let code = Access::code_secret(&world).unwrap().unwrap();
        for access in [&access, &later] {
            assert_eq!(opens(access, &code).unwrap().1, [Scope::Use]);
            assert_eq!(opens(access, &first).unwrap().1, Scope::ALL);
            assert_eq!(opens(access, &made.secret).unwrap().1, [Scope::Read]);
        }
        assert!(later.has_own().unwrap());

        // Taken back it opens nothing, and the next session gets another one; so it does where the keys begin anew.
        later.revoke(CODE).unwrap();
        assert_eq!((opens(&access, &code), Access::code_secret(&world).unwrap().is_none()), (None, true));
        let third = Access::open(&world).unwrap();
        assert_eq!(opens(&third, &Access::code_secret(&world).unwrap().unwrap()).unwrap().1, [Scope::Use]);
        fs::remove_file(dir.join("keys.json")).unwrap();
        let anew = Access::open(&world).unwrap();
        assert_eq!(opens(&anew, &Access::code_secret(&world).unwrap().unwrap()).unwrap().1, [Scope::Use]);
        assert_eq!(anew.keys().unwrap().len(), 2);
    }

    #[test]
    fn nothing_else_gets_in() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let access = Access::open(&world).unwrap();
        let secret = Access::first_secret(&world).unwrap().unwrap();
        let secret = secret.expose();
        let kept = access.read().unwrap().keys[0].sha256.clone();
        for wrong in ["", "mk-", &secret[..50], &format!("{secret}0"), &secret.to_uppercase(), &kept] {
            assert!(access.admits(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_broken_file_opens_nothing_and_is_not_written_over() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let access = Access::open(&world).unwrap();
        let secret = Access::first_secret(&world).unwrap().unwrap();
        let path = home.path().join(".moai/gateway/keys.json");
        fs::write(&path, "{\"schema\": 1, \"keys\": [{\"mk-secret").unwrap();
        assert!(access.admits(secret.expose().as_bytes()).is_none());
        let refused = access.add("ci", &[Scope::Use], world.now()).unwrap_err();
        assert!(matches!(refused, AccessError::Broken { .. }) && !refused.to_string().contains("mk-secret"));
        assert!(matches!(Access::open(&world), Err(AccessError::Broken { .. })));
        assert!(fs::read_to_string(&path).unwrap().ends_with("mk-secret"));
        fs::remove_file(&path).unwrap();
        assert!(access.admits(secret.expose().as_bytes()).is_none());
    }

    #[test]
    fn names_are_plain() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let access = Access::open(&world).unwrap();
        for name in ["", "a b", "../x", "한글", &"x".repeat(65)] {
            assert!(matches!(access.add(name, &[Scope::Use], world.now()), Err(AccessError::BadName(_))), "{name}");
        }
    }

    #[test]
    fn a_key_from_outside_opens_as_long_as_it_is_given() {
        let home = tempfile::tempdir().unwrap();
        let with = |env: &[(&str, &str)]| World::scratch(home.path(), home.path(), env.iter().copied().collect());
        let access = Access::open(&with(&[])).unwrap();
        let names = || access.keys().unwrap().into_iter().map(|key| key.name).collect::<Vec<_>>();
        assert!(!access.has_own().unwrap());
        access.take_given(&with(&[(GIVEN_VAR, "0123456789abcdef-x")])).unwrap();
        assert!(access.has_own().unwrap() && access.admits(b"0123456789abcdef-x").is_some());
        let file = home.path().join("secret");
        fs::write(&file, "another-key-of-24-chars\n").unwrap();
        let by_file = with(&[(GIVEN_FILE_VAR, file.to_str().unwrap())]);
        access.take_given(&by_file).unwrap();
        assert!(access.admits(b"another-key-of-24-chars").is_some() && access.admits(b"0123456789abcdef-x").is_none());
        let kept = fs::read(&access.path).unwrap();
        access.take_given(&by_file).unwrap();
        assert_eq!(fs::read(&access.path).unwrap(), kept);
        for bad in ["short", "with spaces in it, though", "열여섯글자가넘는열쇠입니다그래요"] {
            assert!(matches!(access.take_given(&with(&[(GIVEN_VAR, bad)])), Err(AccessError::BadGiven(_))));
        }
        let missing = with(&[(GIVEN_FILE_VAR, "/nowhere/key")]);
        assert!(matches!(access.take_given(&missing), Err(AccessError::BadGiven(path)) if path == "/nowhere/key"));
        access.take_given(&with(&[])).unwrap();
        assert!(!names().contains(&GIVEN.to_owned()) && access.admits(b"another-key-of-24-chars").is_none());
    }
}
