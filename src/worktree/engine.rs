//! Which engine makes a worktree: ours, or the git executable.

use std::fmt;
use std::str::FromStr;

use super::error::WorktreeError;

/// Who makes the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Ours where it can, else git.
    #[default]
    Auto,
    /// Ours: libgit2 for discovery and refs, our own files, copied content. A repository that it cannot serve is
    /// refused.
    Native,
    /// `git worktree add`.
    Git,
}

impl Engine {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Git => "git",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Engine {
    type Err = WorktreeError;

    fn from_str(text: &str) -> Result<Self, WorktreeError> {
        [Self::Auto, Self::Native, Self::Git]
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| WorktreeError::usage(format!("`{text}` is not an engine: auto, native or git")))
    }
}
