//! Child processes, all of them: found on the world's `PATH`, run with the world's environment, never through a
//! shell. Secrets do not go into `args` (every user of the machine can read a command line); they go into `env`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::failure::{Explain, Failure};
use super::world::World;

/// A program to run and how.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    input: Option<Vec<u8>>,
}

/// What a finished program said.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// Its exit status: `None` when a signal ended it.
    pub status: Option<i32>,
    /// Standard output, as bytes.
    pub stdout: Vec<u8>,
    /// Standard error as text, trimmed.
    pub stderr: String,
}

impl Spoken {
    /// Whether it exited with 0.
    pub fn ok(&self) -> bool {
        self.status == Some(0)
    }
}

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Not on the PATH.
    #[error("`{0}` is not installed (not found on PATH)")]
    Missing(String),
    /// The system would not start it, or talking to it failed.
    #[error("cannot run `{name}`")]
    Start {
        /// The program.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl Explain for ProgramError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing(name) if name == "claude" => {
                vec!["install Claude Code: `npm install -g @anthropic-ai/claude-code`".into()]
            }
            Self::Missing(name) => vec![format!("install {name} and run the same command again")],
            Self::Start { .. } => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing(_) => "not-installed",
            Self::Start { .. } => "cannot-run",
        })
    }
}

/// The full path of a program: as given where it has a slash, else the first executable on the world's `PATH`.
pub fn find(world: &World, name: &str) -> Option<PathBuf> {
    let runs = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| runs(path));
    }
    let path = world.env.raw("PATH")?;
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|candidate| runs(candidate))
}

impl Program {
    /// The program `name` with the world's environment and working directory.
    pub fn new(world: &World, name: &str) -> Result<Self, ProgramError> {
        let path = find(world, name).ok_or_else(|| ProgramError::Missing(name.into()))?;
        #[expect(clippy::disallowed_methods, reason = "the one place where children are made")]
        let mut command = Command::new(path);
        command.env_clear().envs(world.env.iter());
        if let Ok(cwd) = world.cwd() {
            command.current_dir(cwd);
        }
        Ok(Self { name: name.into(), command, input: None })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes every variable away whose name `drop` accepts.
    #[must_use]
    pub fn without_env(mut self, world: &World, drop: impl Fn(&str) -> bool) -> Self {
        let names: Vec<OsString> = world.env.iter().map(|(name, _)| name.to_os_string()).collect();
        for name in names.iter().filter(|name| name.to_str().is_some_and(&drop)) {
            self.command.env_remove(name);
        }
        self
    }

    /// Runs it in `dir`.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Feeds `bytes` to its standard input (which is empty otherwise).
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Some(bytes);
        self
    }

    /// Runs it to its end and returns what it said; a non-zero exit is not an error here.
    pub fn run(mut self) -> Result<Spoken, ProgramError> {
        let start = |source| ProgramError::Start { name: self.name.clone(), source };
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
        // Written from a thread of its own: a child that talks before it has read everything must not block us.
        let feeder = child.stdin.take().zip(self.input.take()).map(|(mut pipe, bytes)| {
            std::thread::spawn(move || {
                // A child that does not read its input has its own reasons, and its status says how it went.
                drop(pipe.write_all(&bytes));
            })
        });
        let output = child.wait_with_output().map_err(start)?;
        if let Some(feeder) = feeder {
            drop(feeder.join());
        }
        Ok(Spoken {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Runs it to its end, unheard, and returns its exit status: the outer `None` where it took longer than `limit` and
    /// was ended with all its children, the inner one where a signal ended it.
    pub fn run_within(mut self, limit: Duration) -> Result<Option<Option<i32>>, ProgramError> {
        const STEP: Duration = Duration::from_millis(10);
        let start = |source| ProgramError::Start { name: self.name.clone(), source };
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        // A group of its own, so that its children can be ended with it.
        let mut child =
            self.command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(start)?;
        if let Some((mut pipe, bytes)) = child.stdin.take().zip(self.input.take()) {
            // Nobody waits for this thread: a child that never reads ends it when it ends.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let mut left = limit;
        loop {
            if let Some(status) = child.try_wait().map_err(start)? {
                return Ok(Some(status.code()));
            }
            if left.is_zero() {
                let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
                let ended =
                    group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
                if !matches!(ended, Some(Ok(()))) {
                    child.kill().map_err(start)?;
                }
                child.wait().map_err(start)?;
                return Ok(None);
            }
            std::thread::sleep(STEP.min(left));
            left = left.saturating_sub(STEP);
        }
    }

    /// Runs it on our own terminal to its end; returns its exit code as a shell would (128 + signal).
    pub fn run_attached(mut self) -> Result<u8, ProgramError> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.command.status().map_err(|source| ProgramError::Start { name: self.name.clone(), source })?;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        Ok(u8::try_from(code).unwrap_or(1))
    }

    /// Starts it to go on after us: `input` is its standard input (an open socket, say), `errors` its standard error.
    /// Its standard output comes back as a pipe, on which it says that it is ready.
    pub fn detach(mut self, input: OwnedFd, errors: File) -> Result<Child, ProgramError> {
        let started = self.command.stdin(input).stdout(Stdio::piped()).stderr(errors).spawn();
        started.map_err(|source| ProgramError::Start { name: self.name, source })
    }

    /// Starts it beside us. Its standard input ends with us, however we end; what it says comes back through pipes.
    pub fn beside(mut self) -> Result<Child, ProgramError> {
        let started = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        started.map_err(|source| ProgramError::Start { name: self.name, source })
    }

    /// Becomes the program: on success this never returns.
    pub fn exec(mut self) -> Failure {
        let source = self.command.exec();
        Failure::from(ProgramError::Start { name: self.name, source })
    }
}
