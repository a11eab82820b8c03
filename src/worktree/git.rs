//! The only runner of the git executable: an environment that cannot redirect it, messages in English, and another
//! try where git lost a race against another git.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{GitSaid, WorktreeError};
use crate::base::program::{self, Program, Spoken};
use crate::base::world::World;

/// What git's own `git rev-parse --local-env-vars` lists, without the variables that carry configuration: these
/// point a child at another repository, index or object store than the directory that it is started in.
const REDIRECTING: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// What git says when it lost a race that another try wins.
const RACES: &[&str] = &["could not lock config file", "failed to read .git/worktrees", "unable to lock"];

/// git, standing in one directory.
#[derive(Debug, Clone)]
pub struct Git<'a> {
    world: &'a World,
    dir: PathBuf,
}

impl<'a> Git<'a> {
    /// git in `dir`.
    pub fn at(world: &'a World, dir: &Path) -> Self {
        Self { world, dir: dir.to_path_buf() }
    }

    /// Whether there is a git executable at all.
    pub fn installed(world: &World) -> bool {
        program::find(world, "git").is_some()
    }

    /// git's version, such as `2.47.3`; `None` where it is not installed or does not say.
    pub fn version(&self) -> Option<String> {
        let spoken = self.program().ok()?.args(["version"]).run().ok()?;
        let text = String::from_utf8(spoken.stdout).ok()?;
        text.trim().strip_prefix("git version ").map(|rest| rest.split(' ').next().unwrap_or(rest).to_owned())
    }

    /// The program, to be given arguments and run by the caller.
    pub fn program(&self) -> Result<Program, WorktreeError> {
        let program = Program::new(self.world, "git")?
            .without_env(self.world, |name| REDIRECTING.contains(&name))
            .env("LC_ALL", "C")
            .dir(&self.dir);
        Ok(program)
    }

    /// Runs it to its end, whatever its exit status; again where it lost a race.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Spoken, WorktreeError> {
        self.feed(args, None)
    }

    /// The same with standard input.
    pub fn feed<S: AsRef<OsStr>>(&self, args: &[S], input: Option<&[u8]>) -> Result<Spoken, WorktreeError> {
        let mut tries = 0;
        loop {
            let mut program = self.program()?.args(args);
            if let Some(input) = input {
                program = program.input(input.to_vec());
            }
            let spoken = program.run()?;
            let raced = !spoken.ok() && RACES.iter().any(|race| spoken.stderr.contains(race));
            if !raced || tries == 5 {
                return Ok(spoken);
            }
            self.world.interrupt.check()?;
            std::thread::sleep(backoff(tries));
            tries += 1;
        }
    }

    /// Runs it and returns its standard output; a non-zero exit is an error with what it said.
    pub fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, WorktreeError> {
        let spoken = self.run(args)?;
        require_ok(args, &spoken)?;
        Ok(spoken.stdout)
    }

    /// The same as trimmed text; bytes that are no UTF-8 are replaced.
    pub fn text<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, WorktreeError> {
        Ok(String::from_utf8_lossy(&self.output(args)?).trim_end().to_owned())
    }
}

/// An error where git did not exit with 0.
pub(super) fn require_ok<S: AsRef<OsStr>>(args: &[S], spoken: &Spoken) -> Result<(), WorktreeError> {
    if spoken.ok() {
        return Ok(());
    }
    let words: Vec<String> = args.iter().take(2).map(|arg| arg.as_ref().to_string_lossy().into_owned()).collect();
    Err(WorktreeError::Git { command: words.join(" "), status: spoken.status, source: GitSaid(spoken.stderr.clone()) })
}

/// 20 to 400 ms, growing, with a share that differs between processes so that they do not meet again.
fn backoff(tries: u32) -> Duration {
    let base = 20_u64 << tries.min(4);
    let share = u64::from(std::process::id() % 97) * base / 97;
    Duration::from_millis((base + share).min(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_stay_bounded() {
        for tries in 0..10 {
            let wait = backoff(tries);
            assert!(wait >= Duration::from_millis(20) && wait <= Duration::from_millis(400), "{wait:?}");
        }
    }
}
