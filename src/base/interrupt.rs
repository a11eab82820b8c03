//! Ctrl-C as a value: long work asks [`Interrupt::check`] between its steps and unwinds through its own undo.
//!
//! A second Ctrl-C ends the process at once; what it leaves is rolled back by the next command (the journals of
//! `worktree` hold what is needed).

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::failure::{Explain, Kind};

/// Whether the person asked us to stop. Cheap to clone and to ask.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
    hup: Arc<AtomicBool>,
    /// Whether it listens.
    listens: Arc<OnceLock<()>>,
    /// Whether a closed terminal counts; found out before there is a handler.
    outlives_hup: Arc<OnceLock<bool>>,
    /// Whether it did not count from the start.
    outlived: Arc<OnceLock<bool>>,
    /// Hung once for all who wait.
    bell: Arc<OnceLock<UnixStream>>,
}

/// The person (or the system) asked us to stop, by this signal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted(pub u8);

impl Explain for Interrupted {
    fn kind(&self) -> Kind {
        Kind::Interrupted(self.0)
    }
}

impl Interrupt {
    /// Starts listening for SIGINT, SIGTERM and SIGHUP (the terminal was closed). Call it where long work begins, not
    /// at start-up: commands that never ask would otherwise not die of Ctrl-C. Once it listens, calling it again does
    /// nothing.
    pub fn listen(&self) {
        let signals = self.signals();
        if self.listens.set(()).is_err() {
            return;
        }
        for (signal, flag) in [(SIGINT, &self.int), (SIGTERM, &self.term), (SIGHUP, &self.hup)] {
            if !signals.contains(&signal) {
                continue;
            }
            // Order matters: the second signal must see the flag that the first one set.
            let second = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(flag));
            let first = signal_hook::flag::register(signal, Arc::clone(flag));
            // Where the system refuses a handler, Ctrl-C keeps its default: the process dies and the journal is
            // rolled back by the next command.
            drop((second, first));
        }
    }

    /// A stream that can be read from once a signal has come, for who waits for several things at once. Ask
    /// [`Interrupt::check`] after taking it and after it rang; it is never emptied.
    pub fn bell(&self) -> io::Result<UnixStream> {
        if let Some(bell) = self.bell.get() {
            return bell.try_clone();
        }
        let (ear, bell) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        for signal in self.signals() {
            // Where `listen` was called before, its flags are up when this rings.
            signal_hook::low_level::pipe::register(*signal, bell.try_clone()?)?;
        }
        self.bell.get_or_init(|| ear).try_clone()
    }

    /// From now on SIGHUP does not stop us: it can be read from this stream, a byte for each. Call it before
    /// [`Interrupt::listen`] and [`Interrupt::bell`].
    pub fn hangups(&self) -> io::Result<UnixStream> {
        // Found out before there is a handler: `outlived` asks for it.
        let _said = self.outlived.set(ignored(SIGHUP));
        let _said = self.outlives_hup.set(true);
        let (ear, bell) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGHUP, bell)?;
        Ok(ear)
    }

    /// Whether this process was started so that a closed terminal does not end it (`nohup`).
    pub fn outlives_terminal(&self) -> bool {
        *self.outlived.get_or_init(|| ignored(SIGHUP))
    }

    /// The signals that stop us: under `nohup` a closed terminal does not.
    fn signals(&self) -> &'static [i32] {
        let outlives = *self.outlives_hup.get_or_init(|| ignored(SIGHUP));
        if outlives { &[SIGINT, SIGTERM] } else { &[SIGINT, SIGTERM, SIGHUP] }
    }

    /// Fails once a signal has come.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.int.load(Ordering::Relaxed) {
            return Err(Interrupted(2));
        }
        if self.term.load(Ordering::Relaxed) {
            return Err(Interrupted(15));
        }
        if self.hup.load(Ordering::Relaxed) {
            return Err(Interrupted(1));
        }
        Ok(())
    }
}

/// Whether this process was started with `signal` ignored. Where the system does not say, it was not.
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
