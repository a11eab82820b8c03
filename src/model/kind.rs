//! Kinds of task: what a local model should be good at (seed 004).

use std::fmt;
use std::str::FromStr;

/// What a prompt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// Code: writing, changing, reviewing, debugging it.
    Coding,
    /// Thinking in steps: mathematics, logic, comparison, analysis.
    Reasoning,
    /// Everything else: conversation, prose, translation, summaries.
    General,
}

/// A word that is no kind of task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind `{0}`: expected coding, reasoning or general")]
pub struct UnknownKind(pub String);

impl TaskKind {
    /// All kinds, in the order of the seed's table.
    pub const ALL: [Self; 3] = [Self::Coding, Self::Reasoning, Self::General];

    /// The word of the configuration and of `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coding => "coding",
            Self::Reasoning => "reasoning",
            Self::General => "general",
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownKind(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in TaskKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("maths".parse::<TaskKind>(), Err(UnknownKind("maths".into())));
    }
}
