//! The world as a value: environment, home, working directory, clock and terminal come in here and nowhere else.
//!
//! `.clippy.toml` bans `std::env::var`, `SystemTime::now` and their kin everywhere but in this file, so that a
//! test can hand any command a world of its own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::failure::{Explain, Failure, Kind};
use super::interrupt::Interrupt;
use super::zone;

/// The process environment, as it was at start.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// The variable's value where it is set, not empty, and UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str).filter(|value| !value.is_empty())
    }

    /// The variable's value as the system has it, even empty.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Sets a variable of this value (not of the process).
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Every variable, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Where "now" comes from.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Always this moment. `MOAI_NOW=2026-01-02T03:04:05Z` in the environment chooses it, for tests and recordings.
    Fixed(Timestamp),
    /// The moment that stands in a file, which somebody else moves on: `MOAI_NOW=@FILE`, for tests of a whole hour. Where
    /// the file cannot be read it is the moment that stood there at the start.
    Told(&'static Path, Timestamp),
}

impl Clock {
    /// What `MOAI_NOW` says.
    fn named(text: &str) -> Result<Self, jiff::Error> {
        let Some(file) = text.strip_prefix('@') else { return Ok(Self::Fixed(text.parse()?)) };
        // One for each process, for as long as it runs.
        let file: &'static Path = Path::new(Box::leak(Box::<str>::from(file)));
        Ok(Self::Told(file, told(file).unwrap_or_default().parse()?))
    }
}

/// What stands in the file of a clock.
fn told(file: &Path) -> Option<String> {
    Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
}

/// What the three standard streams are connected to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal {
    /// Standard input is a terminal: a person can be asked.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
}

/// Everything a command may know of the machine it runs on.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The command line, the program's name first.
    pub args: Vec<OsString>,
    /// The environment.
    pub env: Env,
    /// The clock.
    pub clock: Clock,
    /// The terminal.
    pub terminal: Terminal,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    home: Option<PathBuf>,
    cwd: Option<PathBuf>,
}

/// The world lacks something that a command needs.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Neither `HOME` nor the user database names a home directory.
    #[error("no home directory: HOME is not set and the user database names none")]
    NoHome,
    /// The working directory was deleted under us.
    #[error("the current directory no longer exists")]
    NoWorkingDirectory,
    /// `MOAI_HOME` is relative: keys would land in whatever directory the person stands in.
    #[error("MOAI_HOME is not an absolute path")]
    RelativeMoaiHome,
    /// `MOAI_NOW` does not hold a time.
    #[error("MOAI_NOW does not hold a time")]
    Clock(#[source] jiff::Error),
}

impl Explain for WorldError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoHome | Self::RelativeMoaiHome | Self::Clock(_) => Kind::Config,
            Self::NoWorkingDirectory => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::NoHome => "set HOME, for example `HOME=/root moai status`".into(),
            Self::RelativeMoaiHome => "write it out from `/`, or unset it to use ~/.moai".into(),
            Self::NoWorkingDirectory => "change to a directory that exists, for example `cd ~`".into(),
            Self::Clock(_) => "unset MOAI_NOW, or give it the form 2026-01-02T03:04:05Z".into(),
        }]
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoHome => "no-home",
            Self::NoWorkingDirectory => "no-working-directory",
            Self::RelativeMoaiHome | Self::Clock(_) => "bad-variable",
        })
    }
}

impl World {
    /// The world of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the process's world comes in")]
    pub fn from_process() -> Result<Self, Failure> {
        let env: Env = std::env::vars_os().collect();
        let clock = match env.text("MOAI_NOW") {
            Some(text) => Clock::named(text).map_err(WorldError::Clock)?,
            None => Clock::System,
        };
        let terminal = Terminal {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
        };
        Ok(Self {
            args: std::env::args_os().collect(),
            env,
            clock,
            terminal,
            interrupt: Interrupt::default(),
            home: dirs::home_dir().filter(|home| home.is_absolute()),
            cwd: std::env::current_dir().ok(),
        })
    }

    /// A world made by hand, for tests of single rooms.
    pub fn scratch(home: impl Into<PathBuf>, cwd: impl Into<PathBuf>, env: Env) -> Self {
        Self { env, home: Some(home.into()), cwd: Some(cwd.into()), ..Self::default() }
    }

    /// The home directory, absolute.
    pub fn home(&self) -> Result<&Path, WorldError> {
        self.home.as_deref().ok_or(WorldError::NoHome)
    }

    /// The working directory, absolute.
    pub fn cwd(&self) -> Result<&Path, WorldError> {
        self.cwd.as_deref().ok_or(WorldError::NoWorkingDirectory)
    }

    /// Moves the working directory of this value (not of the process): what `-C DIR` does.
    pub fn set_cwd(&mut self, cwd: PathBuf) {
        self.cwd = Some(cwd);
    }

    /// moai's own directory: `$MOAI_HOME`, else `~/.moai`.
    pub fn moai_home(&self) -> Result<PathBuf, WorldError> {
        match self.env.raw("MOAI_HOME").filter(|path| !path.is_empty()).map(Path::new) {
            Some(path) if path.is_absolute() => Ok(path.to_path_buf()),
            Some(_) => Err(WorldError::RelativeMoaiHome),
            None => Ok(self.home()?.join(".moai")),
        }
    }

    /// This moment.
    #[expect(clippy::disallowed_methods, reason = "the clock comes in here")]
    pub fn now(&self) -> Timestamp {
        match self.clock {
            Clock::System => Timestamp::now(),
            Clock::Fixed(moment) => moment,
            Clock::Told(file, first) => told(file).and_then(|text| text.parse().ok()).unwrap_or(first),
        }
    }

    /// Where the person's day begins and ends: `TZ`, else the system's zone, else UTC.
    pub fn zone(&self) -> TimeZone {
        let Some(named) = self.env.text("TZ").map(|name| name.trim_start_matches(':')) else {
            return zone::of_system().unwrap_or_else(TimeZone::system);
        };
        // Where the person moved the zones, jiff knows the way.
        let known = self.env.raw("TZDIR").is_none().then(|| zone::named(named)).flatten();
        let zone = known.or_else(|| TimeZone::get(named).or_else(|_| TimeZone::posix(named)).ok());
        zone.unwrap_or_else(TimeZone::system)
    }

    /// The machine's name in its network; empty where it has none that is text.
    pub fn machine(&self) -> String {
        self.env
            .text("MOAI_MACHINE")
            .map_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned(), str::to_owned)
    }

    /// `path` with the home directory written as `~`, for people to read.
    pub fn tilde(&self, path: &Path) -> String {
        if let Some(rest) = self.home.as_deref().and_then(|home| path.strip_prefix(home).ok()) {
            if rest.as_os_str().is_empty() {
                return "~".into();
            }
            return format!("~/{}", rest.display());
        }
        path.display().to_string()
    }
}
