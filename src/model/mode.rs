//! Modes and phases: which backend plans, runs and syncs (seed 002).

use std::fmt;
use std::str::FromStr;

/// `llm.mode` of llm.yaml: who does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Claude plans, runs and syncs.
    #[default]
    ClaudeOnly,
    /// Claude plans in the main checkout; GLM runs and syncs in a worktree of its own.
    Mashup,
    /// GLM does everything.
    GlmOnly,
}

/// A word that is no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode `{0}`: expected claude-only, mashup or glm-only")]
pub struct UnknownMode(pub String);

impl Mode {
    /// All modes, in the order of the seed's table.
    pub const ALL: [Self; 3] = [Self::ClaudeOnly, Self::Mashup, Self::GlmOnly];

    /// The spelling that moai writes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeOnly => "claude-only",
            Self::Mashup => "mashup",
            Self::GlmOnly => "glm-only",
        }
    }

    /// The backend that this mode gives to `phase`.
    pub const fn backend(self, phase: Phase) -> Backend {
        match (self, phase) {
            (Self::ClaudeOnly, _) | (Self::Mashup, Phase::Plan) => Backend::Claude,
            (Self::Mashup | Self::GlmOnly, _) => Backend::Glm,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Reads today's spellings, those of moai-adk before 1.0 (`opus-only`, `hybrid`, `glm`), and `team_mode` of the
    /// Go versions (`""`, `cg`, `glm`).
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "claude-only" | "opus-only" => Ok(Self::ClaudeOnly),
            "mashup" | "hybrid" | "cg" => Ok(Self::Mashup),
            "glm-only" | "glm" => Ok(Self::GlmOnly),
            _ => Err(UnknownMode(text.into())),
        }
    }
}

/// The steps of the work on a SPEC: `/moai:1-plan`, `/moai:2-run`, `/moai:3-sync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Think it through and write the SPEC.
    Plan,
    /// Implement it.
    Run,
    /// Bring the documents in step.
    Sync,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 3] = [Self::Plan, Self::Run, Self::Sync];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Run => "run",
            Self::Sync => "sync",
        }
    }

    /// The slash command that starts the phase inside Claude Code.
    pub const fn slash_command(self) -> &'static str {
        match self {
            Self::Plan => "/moai:1-plan",
            Self::Run => "/moai:2-run",
            Self::Sync => "/moai:3-sync",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who answers Claude Code's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Anthropic, as Claude Code comes.
    Claude,
    /// GLM at Z.AI (or its Chinese host).
    Glm,
    /// moai's own gateway on loopback.
    Gateway,
    /// Somebody else's endpoint, which moai leaves alone.
    Other,
}

impl Backend {
    /// The word in `--json` and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Glm => "glm",
            Self::Gateway => "gateway",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_table_of_modes_and_phases() {
        use Backend::{Claude, Glm};
        let row = |mode: Mode| Phase::ALL.map(|phase| mode.backend(phase));
        assert_eq!(row(Mode::ClaudeOnly), [Claude, Claude, Claude]);
        assert_eq!(row(Mode::Mashup), [Claude, Glm, Glm]);
        assert_eq!(row(Mode::GlmOnly), [Glm, Glm, Glm]);
    }

    #[test]
    fn older_spellings_are_read() {
        for (text, mode) in [
            ("opus-only", Mode::ClaudeOnly),
            ("hybrid", Mode::Mashup),
            ("glm", Mode::GlmOnly),
            ("cg", Mode::Mashup),
            ("", Mode::ClaudeOnly),
            ("Mashup", Mode::Mashup),
        ] {
            assert_eq!(text.parse(), Ok(mode), "{text}");
        }
        assert_eq!("turbo".parse::<Mode>(), Err(UnknownMode("turbo".into())));
    }
}
