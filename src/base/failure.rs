//! How things fail: the kind decides the exit code, the error says what and where, the hints say what to do next.
//!
//! Rooms define their own error enums and implement [`Explain`]; the door turns any of them into a [`Failure`]
//! with `?`. Messages are lower case, without a full stop, and never repeat their source, which is printed as
//! its own `caused by` line.

use std::borrow::Cow;

/// What sort of failure it is. Decides the exit code and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An expected failure: a refusal, a thing that is not there, a disk that is full. Exit 1.
    Expected,
    /// The command line was not understood. Exit 2.
    Usage,
    /// A configuration file or a key is missing or wrong. Exit 3.
    Config,
    /// A vendor's API failed. Exit 4.
    Upstream,
    /// A bug in moai. Exit 70 (`EX_SOFTWARE` of sysexits.h).
    Bug,
    /// Stopped by this signal. Exit 128 + signal, as shells count.
    Interrupted(u8),
    /// The reader of our output went away (`moai … | head`). Exit 0, nothing printed.
    ClosedPipe,
}

impl Kind {
    /// The process exit code, as documented in `docs/exit-codes.md`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Expected => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Upstream => 4,
            Self::Bug => 70,
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

/// What an error of a room tells the person at the terminal, beside its message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// The sort of failure.
    fn kind(&self) -> Kind {
        Kind::Expected
    }

    /// What to do next, one sentence each, naming the command to run.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// A stable name for programs (`dirty`, `locked`, …), printed in `--json` errors.
    fn code(&self) -> Option<&'static str> {
        None
    }
}

/// A failure on its way to the person: kind, error chain, hints.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    error: anyhow::Error,
    hints: Vec<String>,
    code: Option<&'static str>,
    told: bool,
}

impl Failure {
    /// A failure of `kind` with `message` and no cause.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, error: anyhow::Error::msg(message.into()), hints: Vec::new(), code: None, told: false }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A refusal or another expected failure.
    pub fn expected(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Expected, message)
    }

    /// Exit as `kind` says, and print nothing more: the answer has said it all (`moai doctor` with errors in it).
    pub fn told(kind: Kind) -> Self {
        Self { told: true, ..Self::new(kind, "the answer has said it") }
    }

    /// A failed write to our own stdout or stderr; a closed pipe is no error of ours.
    pub fn output(error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::BrokenPipe { Kind::ClosedPipe } else { Kind::Expected };
        Self {
            kind,
            error: anyhow::Error::new(error).context("cannot write the output"),
            hints: Vec::new(),
            code: None,
            told: false,
        }
    }

    /// The same failure with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same failure with `message` in front of the chain.
    #[must_use]
    pub fn context(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.error = self.error.context(message.into());
        self
    }

    /// The same failure under a stable `code` for programs.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The kind, which decides the exit code.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the person has been told already.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// What to do next.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The stable name for programs: the failure's own, else that of its kind.
    pub fn code(&self) -> &'static str {
        self.code.unwrap_or(match self.kind {
            Kind::Expected => "failed",
            Kind::Usage => "usage",
            Kind::Config => "config",
            Kind::Upstream => "upstream",
            Kind::Bug => "bug",
            Kind::Interrupted(_) => "interrupted",
            Kind::ClosedPipe => "closed-pipe",
        })
    }

    /// The messages from the outermost to the root cause.
    pub fn chain(&self) -> Vec<String> {
        self.error.chain().map(ToString::to_string).collect()
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            hints: error.hints(),
            code: error.code(),
            told: false,
            error: anyhow::Error::new(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the shelf is empty")]
    struct Empty;

    impl Explain for Empty {
        fn kind(&self) -> Kind {
            Kind::Config
        }
        fn hints(&self) -> Vec<String> {
            vec!["fill it".into()]
        }
    }

    #[test]
    fn a_room_error_keeps_its_kind_hints_and_chain() {
        let failure = Failure::from(Empty).context("cannot bake");
        assert_eq!(failure.kind().exit_code(), 3);
        assert_eq!(failure.hints(), ["fill it"]);
        assert_eq!(failure.chain(), ["cannot bake", "the shelf is empty"]);
    }

    #[test]
    fn signals_count_as_shells_do() {
        assert_eq!(Kind::Interrupted(2).exit_code(), 130);
    }
}
