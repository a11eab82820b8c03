//! The running gateway, as others find it: `~/.moai/gateway/serve.json`, 0600, and a lock beside it that the gateway
//! holds as long as it lives. The lock is the truth: the system lets go of it however the process ends, so that a file
//! that a killed gateway left is known for what it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::failure::{Failure, Kind};
use crate::base::random;
use crate::base::world::World;

/// The version of the file that this moai writes.
const VERSION: u32 = 1;
/// Whoever only looks holds the lock for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct State {
    /// The version of this form.
    pub(in crate::cli) version: u32,
    /// The gateway's process.
    pub(in crate::cli) pid: u32,
    /// Another start has another one.
    pub(in crate::cli) nonce: String,
    /// Since when it runs.
    pub(in crate::cli) since: Timestamp,
    /// Where clients find it: `http://127.0.0.1:3456`.
    pub(in crate::cli) url: String,
    /// The address that it listens on: `127.0.0.1:3456`, `0.0.0.0:3456`.
    #[serde(default)]
    pub(in crate::cli) address: String,
    /// Whether it has been told to stop and waits for the answers under way.
    #[serde(default)]
    pub(in crate::cli) stopping: bool,
    /// The directory whose configuration it started with.
    pub(in crate::cli) directory: PathBuf,
    /// `--config`.
    pub(in crate::cli) config: Option<PathBuf>,
    /// The model that answers everything, where `--model` said so.
    pub(in crate::cli) model: Option<String>,
    /// The models that can be asked.
    pub(in crate::cli) models: Vec<String>,
    /// The file of the access key that commands of this machine use.
    pub(in crate::cli) key_file: PathBuf,
    /// How many seconds it gives answers under way when it stops.
    pub(in crate::cli) drain: u64,
    /// Whether it runs in the background.
    pub(in crate::cli) detached: bool,
    /// The version of moai that it is.
    pub(in crate::cli) moai: String,
    /// How often the configuration was asked to be read again.
    pub(in crate::cli) reloads: u64,
    /// What came of the last time.
    pub(in crate::cli) last_reload: Option<Reload>,
}

/// What came of reading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Reload {
    /// When.
    pub(in crate::cli) at: Timestamp,
    /// Why it was refused, where it was: then the old one still counts.
    pub(in crate::cli) refused: Option<String>,
}

/// Whether a gateway runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Presence {
    /// None.
    None,
    /// None, but one that ran was killed: its file is still there.
    Stale(Box<State>),
    /// One is just starting.
    Starting,
    /// This one.
    Running(Box<State>),
}

/// The directory of the gateway's own files.
pub(in crate::cli) fn dir(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("gateway"))
}

fn file(dir: &Path) -> PathBuf {
    dir.join("serve.json")
}

fn lock(dir: &Path) -> PathBuf {
    dir.join("serve.lock")
}

/// Looks whether a gateway runs. Makes nothing.
pub(in crate::cli) fn look(world: &World) -> Result<Presence, Failure> {
    let dir = dir(world)?;
    let state = load(&dir)?;
    if !lock(&dir).exists() {
        return Ok(state.map_or(Presence::None, |state| Presence::Stale(Box::new(state))));
    }
    match Lock::take(&lock(&dir), Duration::ZERO, || {}) {
        Ok(_nobodys) => Ok(state.map_or(Presence::None, |state| Presence::Stale(Box::new(state)))),
        // Somebody else may be looking, too: what a dead process left is no gateway.
        Err(DiskError::Locked { .. }) => Ok(match state {
            Some(state) if alive(state.pid) => Presence::Running(Box::new(state)),
            _ => Presence::Starting,
        }),
        Err(error) => Err(error.into()),
    }
}

/// A file that another version wrote, or somebody's hand, says nothing; the lock does.
fn load(dir: &Path) -> Result<Option<State>, Failure> {
    match disk::read_text(&file(dir)) {
        Ok(text) => Ok(text.and_then(|text| serde_json::from_str(&text).ok())),
        Err(DiskError::NotText { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a process of this number is there.
fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(
        |pid| !matches!(rustix::process::test_kill_process(pid), Err(error) if error == rustix::io::Errno::SRCH),
    )
}

/// Asks the gateway's process to stop or to read its configuration again.
pub(in crate::cli) fn signal(state: &State, signal: rustix::process::Signal) -> Result<(), Failure> {
    let pid = i32::try_from(state.pid).ok().and_then(rustix::process::Pid::from_raw);
    let sent = pid.ok_or(rustix::io::Errno::SRCH).and_then(|pid| rustix::process::kill_process(pid, signal));
    sent.map_err(|error| Failure::new(Kind::Expected, format!("cannot reach process {}: {error}", state.pid)))
}

/// The right to be the gateway of this home; given back when it is dropped.
pub(in crate::cli) struct Seat {
    dir: PathBuf,
    state: Option<State>,
    _lock: Lock,
}

impl Seat {
    /// Takes it. Where another gateway has it, that is an error that names it.
    pub(in crate::cli) fn take(world: &World) -> Result<Self, Failure> {
        let dir = dir(world)?;
        disk::create_dirs(&dir, Access::Private)?;
        let lock = match Lock::take(&lock(&dir), PATIENCE, || {}) {
            Ok(lock) => lock,
            Err(DiskError::Locked { .. }) => return Err(already(&look(world)?)),
            Err(error) => return Err(error.into()),
        };
        disk::remove(&file(&dir))?;
        Ok(Self { dir, state: None, _lock: lock })
    }

    /// Says that the gateway is there.
    pub(in crate::cli) fn announce(&mut self, mut state: State) -> Result<(), Failure> {
        let nonce: [u8; 8] = random::bytes()?;
        state.nonce = format!("{:016x}", u64::from_be_bytes(nonce));
        self.write(state)
    }

    /// Says what came of reading the configuration again, and which models can be asked since.
    pub(in crate::cli) fn reloaded(&mut self, reload: Reload, models: Option<Vec<String>>) -> Result<(), Failure> {
        let Some(mut state) = self.state.clone() else { return Ok(()) };
        state.models = models.unwrap_or(state.models);
        state.reloads += 1;
        state.last_reload = Some(reload);
        self.write(state)
    }

    /// Says that it will stop as soon as the answers under way have ended.
    pub(in crate::cli) fn stopping(&mut self) -> Result<(), Failure> {
        let Some(mut state) = self.state.clone() else { return Ok(()) };
        state.stopping = true;
        self.write(state)
    }

    fn write(&mut self, state: State) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&state)
            .map_err(|error| Failure::new(Kind::Bug, format!("cannot write JSON: {error}")))?;
        // After a power cut there is no gateway that it could tell of.
        disk::replace_unsynced(&file(&self.dir), (text + "\n").as_bytes(), Access::Private)?;
        self.state = Some(state);
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A file that cannot be removed is known as stale by the lock.
        drop(disk::remove(&file(&self.dir)));
    }
}

impl State {
    /// A gateway of this process.
    pub(in crate::cli) fn new(url: String, directory: PathBuf, since: Timestamp) -> Self {
        Self {
            version: VERSION,
            pid: std::process::id(),
            nonce: String::new(),
            since,
            url,
            address: String::new(),
            stopping: false,
            directory,
            config: None,
            model: None,
            models: Vec::new(),
            key_file: PathBuf::new(),
            drain: 0,
            detached: false,
            moai: env!("CARGO_PKG_VERSION").into(),
            reloads: 0,
            last_reload: None,
        }
    }
}

/// That there is a gateway already.
pub(in crate::cli) fn already(presence: &Presence) -> Failure {
    let failure = match presence {
        Presence::Running(state) => {
            Failure::expected(format!("a gateway runs already: {} (process {})", state.url, state.pid))
        }
        _ => Failure::expected("a gateway is just starting"),
    };
    failure
        .with_code("already-running")
        .hint("see what it does: `moai serve status`; stop it: `moai serve stop`")
        .hint("for a second one beside it give it a home of its own: `MOAI_HOME=DIR moai serve --port 0`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::Env;

    #[test]
    fn the_lock_tells_a_gateway_that_runs_from_one_that_was_killed() {
        let home = tempfile::tempdir().unwrap();
        let world = World::scratch(home.path(), home.path(), Env::default());
        assert_eq!(look(&world).unwrap(), Presence::None);
        assert!(!home.path().join(".moai").exists(), "looking made something");

        let mut seat = Seat::take(&world).unwrap();
        assert_eq!(look(&world).unwrap(), Presence::Starting);
        let state = State::new("http://127.0.0.1:1".into(), "/p".into(), world.now());
        seat.announce(state).unwrap();
        let running = || match look(&world).unwrap() {
            Presence::Running(state) => state,
            other => panic!("{other:?}"),
        };
        let first = running();
        assert_eq!((first.url.as_str(), first.nonce.len()), ("http://127.0.0.1:1", 16));
        let refused = Seat::take(&world).err().unwrap();
        assert_eq!(refused.code(), "already-running");
        seat.reloaded(Reload { at: world.now(), refused: Some("no".into()) }, None).unwrap();
        assert_eq!(running().reloads, 1);

        // A child that another test has just forked holds our lock until it becomes its own program.
        let ended = || (0..1_000_000).map(|_| look(&world).unwrap()).find(|seen| *seen != Presence::Starting);
        // Killed: the lock is gone, the file is not.
        let text = std::fs::read_to_string(file(&seat.dir)).unwrap();
        drop(seat);
        assert_eq!(ended(), Some(Presence::None));
        disk::replace(&file(&dir(&world).unwrap()), text.as_bytes(), Access::Private).unwrap();
        assert!(matches!(look(&world).unwrap(), Presence::Stale(_)));
        // What a power cut has made of it says nothing, and is in nobody's way.
        for torn in [b"\xff\0\xfe".as_slice(), b"{", b""] {
            disk::replace(&file(&dir(&world).unwrap()), torn, Access::Private).unwrap();
            assert_eq!(look(&world).unwrap(), Presence::None);
        }
        drop(Seat::take(&world).unwrap());
        assert_eq!(ended(), Some(Presence::None));
    }
}
