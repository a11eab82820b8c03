//! What can go wrong with a repository and its worktrees, and what to do about it.

use std::path::PathBuf;

use crate::base::disk::DiskError;
use crate::base::failure::{Explain, Kind};
use crate::base::interrupt::Interrupted;
use crate::base::program::ProgramError;
use crate::base::world::WorldError;

/// A failure of this room. Every refusal has a stable code for programs.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// No repository here or above.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// Started inside the repository's own files.
    #[error("this is inside the repository's own files ({})", .0.display())]
    InsideGitDir(PathBuf),
    /// The repository belongs to somebody else, and git refuses such ones.
    #[error("{} belongs to somebody else, and git was not told to trust it", .0.display())]
    NotTrusted(PathBuf),
    /// libgit2 failed at something that it can do in general.
    #[error("cannot {action}")]
    Libgit2 {
        /// What was tried.
        action: &'static str,
        /// What libgit2 said.
        source: git2::Error,
    },
    /// The git executable failed.
    #[error("`git {command}` failed{}", status.map_or_else(String::new, |status| format!(" (exit {status})")))]
    Git {
        /// The subcommand with the arguments that matter.
        command: String,
        /// Its exit status; `None` when a signal ended it.
        status: Option<i32>,
        /// What it said, as the cause.
        source: GitSaid,
    },
    /// An administrative file of git does not hold what git writes there.
    #[error("{} does not hold what git writes there", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// A file of ours or of moai-adk's that does not parse. Nothing was changed.
    #[error("{}:{line}:{column}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// Refused, to keep somebody's work.
    #[error("{message}")]
    Refused {
        /// A stable name for programs.
        code: &'static str,
        /// Why.
        message: String,
        /// What to do instead.
        hints: Vec<String>,
    },
    /// The command line asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to do instead.
        hints: Vec<String>,
    },
    /// A file of ours, or of git's, could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The git executable could not be run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// There is no home or working directory.
    #[error(transparent)]
    World(#[from] WorldError),
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What the git executable said on standard error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct GitSaid(pub String);

impl WorktreeError {
    /// A refusal under a stable code.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into(), hints: Vec::new() }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hints: Vec::new() }
    }

    /// The same refusal or usage error with one more hint; other errors have hints of their own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Refused { hints, .. } | Self::Usage { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
    }

    /// Wraps a libgit2 error with what was tried.
    pub fn libgit2(action: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Libgit2 { action, source }
    }
}

impl Explain for WorktreeError {
    fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. } => Kind::Usage,
            Self::Unreadable { .. } => Kind::Config,
            Self::Disk(error) => error.kind(),
            Self::Program(error) => error.kind(),
            Self::World(error) => error.kind(),
            Self::Interrupted(error) => error.kind(),
            _ => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotARepository(_) => {
                vec!["change to your project, or make it a repository: `git init && git add . && git commit`".into()]
            }
            Self::InsideGitDir(_) => vec!["change to the checkout and run the same command again".into()],
            Self::NotTrusted(path) => {
                vec![format!("if you trust it: `git config --global --add safe.directory {}`", path.display())]
            }
            Self::Unreadable { path, .. } => {
                vec![format!("correct {} or move it away; nothing was changed", path.display())]
            }
            Self::Malformed { .. } => vec!["look at it with `git worktree repair`; nothing was changed".into()],
            Self::Refused { hints, .. } | Self::Usage { hints, .. } => hints.clone(),
            Self::Disk(error) => error.hints(),
            Self::Program(error) => error.hints(),
            Self::World(error) => error.hints(),
            _ => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::NotARepository(_) => Some("not-a-repository"),
            Self::InsideGitDir(_) => Some("inside-git-dir"),
            Self::NotTrusted(_) => Some("not-trusted"),
            Self::Unreadable { .. } => Some("unreadable-file"),
            Self::Refused { code, .. } => Some(code),
            Self::Git { .. } => Some("git-failed"),
            Self::Malformed { .. } => Some("malformed"),
            Self::Disk(error) => error.code(),
            Self::Program(error) => error.code(),
            Self::World(error) => error.code(),
            _ => None,
        }
    }
}
