//! One thing that was looked at: how bad it is, where, and what to do.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::base::failure::Failure;
use crate::cli::ui::Paint;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Works, and may hurt.
    Warn,
    /// Does not work, or gives a key away.
    Error,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The word, five columns wide, in its colour.
    pub(super) fn painted(self, paint: Paint) -> String {
        let word = format!("{:<5}", self.as_str());
        match self {
            Self::Ok => paint.green(&word),
            Self::Info => paint.dim(&word),
            Self::Warn => paint.yellow(&word),
            Self::Error => paint.red(&word),
        }
    }
}

/// A repair that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fix {
    /// Only the owner may read the file.
    Private(PathBuf),
    /// Git ignores Claude Code's local settings: a line for this checkout in the exclude file.
    Exclude(PathBuf),
    /// A copy of the key that nothing reads goes away.
    Remove(PathBuf),
    /// What killed commands left of worktrees is undone.
    Recover,
}

/// Something that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// A stable name.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) what: String,
    /// A file, a variable, a worktree.
    pub(super) place: Option<String>,
    /// What to do, naming the command.
    pub(super) todo: Option<String>,
    pub(super) fix: Option<Fix>,
    pub(super) fixed: bool,
}

impl Finding {
    fn new(id: &'static str, severity: Severity, what: impl Into<String>) -> Self {
        Self { id, severity, what: what.into(), place: None, todo: None, fix: None, fixed: false }
    }

    pub(super) fn ok(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Ok, what)
    }

    pub(super) fn info(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Info, what)
    }

    pub(super) fn warn(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Warn, what)
    }

    pub(super) fn error(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, what)
    }

    /// An error of a room, with its own hint.
    pub(super) fn failure(id: &'static str, failure: &Failure) -> Self {
        let mut finding = Self::error(id, failure.chain().join(": "));
        finding.todo = failure.hints().first().cloned();
        finding
    }

    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(super) fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = Some(todo.into());
        self
    }

    pub(super) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    pub(super) fn document(&self) -> Json {
        json!({
            "id": self.id,
            "severity": self.severity.as_str(),
            "what": self.what,
            "where": self.place,
            "todo": self.todo,
            "fixable": self.fix.is_some(),
            "fixed": self.fixed,
        })
    }
}
