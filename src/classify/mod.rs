//! Floor 3: what a prompt asks for. Text in, [`Classification`] out: tier, kind, how sure, and the evidence.
//!
//! Pure and deterministic: no clock, no files, no network; the tables are compiled in. How it decides, how the
//! weights are learned and what was measured is in `docs/classify.md`. It knows nothing of models, worktrees or
//! budgets; [`crate::route`] weighs those.

mod clause;
mod command;
mod courtesy;
mod feature;
mod files;
mod fold;
mod lexicon;
mod markup;
mod paste;
mod table;

use std::ops::Range;

use command::Command;
use feature::Feature;
use fold::Folded;
use table::{Weight, table};

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
    /// Nothing new was asked: it only says to go on.
    Onward,
    /// Nothing in the text speaks for either tier.
    NoEvidence,
    /// The text decided, but less surely than the threshold demands.
    BelowThreshold,
    /// A person corrected the decision on exactly this text before.
    Feedback,
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
            Self::Onward => "onward",
            Self::NoEvidence => "no-evidence",
            Self::BelowThreshold => "below-threshold",
            Self::Feedback => "feedback",
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
    seal: Seal,
}

/// Only [`classify`] has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seal;

/// What a command weighs, in thousandths of a logit: more than any words.
const COMMAND: i32 = 10_000;
/// What the mention of a command inside a text weighs.
const MENTION: i32 = 4_000;
/// What an architecture decision over many files brings the score to, at least.
const MANY_FILES: i32 = 3_000;
/// Surer than this needs no second look: the SPEC's own threshold.
const SURE: f64 = 0.8;
/// Runs of characters that weigh less are summed in one line of evidence.
const SLIGHT: i32 = 40;

/// Decides what `text` asks for.
pub fn classify(text: &str, options: Options) -> Classification {
    let folded = fold::fold(text, &paste::typed(text));
    let seen = feature::features(&folded, &|hash| table().weight(hash).is_some());
    let asked = what_is_asked(text, &folded);
    let kind = if asked.is_err() { KindJudgement::default() } else { judge_kind(&folded, &seen) };
    let mut classification = Classification {
        tier: options.default_tier,
        kind: kind.kind,
        confidence: 0.5,
        tier_score: 0,
        evidence: Vec::new(),
        kind_confidence: kind.confidence,
        kind_evidence: kind.evidence,
        uncertain: true,
        basis: Basis::NoEvidence,
        command: None,
        seal: Seal,
    };
    match asked {
        Ok(Some((command, tier))) => classification.obey(&command, tier),
        Ok(None) => classification.weigh(text, &folded, &seen, options),
        Err(nothing) => classification.basis = nothing,
    }
    classification
}

/// The command that the text is, with its tier; or why the text asks for nothing.
fn what_is_asked(text: &str, folded: &Folded) -> Result<Option<(Command, Tier)>, Basis> {
    if let Some(command) = Command::leading(text)
        && let Some(tier) = command.tier
    {
        return Ok(Some((command, tier)));
    }
    if !folded.glyphs.iter().any(|glyph| fold::is_word(glyph.c) || glyph.c > '\u{F000}') {
        Err(Basis::Empty)
    } else if courtesy::is_greeting(folded) {
        Err(Basis::Greeting)
    } else if courtesy::is_onward(folded) {
        Err(Basis::Onward)
    } else {
        Ok(None)
    }
}

/// The names of all features of `text`: what training reads (`docs/classify.md`).
pub fn features(text: &str) -> Vec<String> {
    let folded = fold::fold(text, &paste::typed(text));
    feature::features(&folded, &|_| true).iter().map(|feature| feature.name.to_string()).collect()
}

impl Classification {
    /// The same, weighed with more evidence than the text's own: what a person has taught (`route::learn`). What a
    /// command decided stands, and a text that asks for nothing still asks for nothing.
    #[must_use]
    pub fn with_evidence(mut self, more: Vec<Evidence>, options: Options) -> Self {
        if more.is_empty() || !matches!(self.basis, Basis::Text | Basis::ManyFiles | Basis::BelowThreshold) {
            return self;
        }
        self.tier_score += more.iter().map(|item| item.weight).sum::<i32>();
        self.evidence.extend(more);
        heaviest_first(&mut self.evidence);
        let basis = if self.basis == Basis::ManyFiles { Basis::ManyFiles } else { Basis::Text };
        self.settle(basis, options);
        self
    }

    /// The same, sent to `tier` because a person said so of exactly this text. What a command decided stands.
    #[must_use]
    pub fn corrected(mut self, tier: Tier) -> Self {
        if self.basis == Basis::Command {
            return self;
        }
        let weight = signed(COMMAND, tier) - self.tier_score;
        self.evidence.insert(0, Evidence { what: "feedback:exact".to_owned(), weight, span: 0..0 });
        self.tier_score += weight;
        self.settle(Basis::Feedback, Options { default_tier: tier, threshold: None });
        self
    }

    fn obey(&mut self, command: &Command, tier: Tier) {
        let weight = signed(COMMAND, tier);
        self.tier = tier;
        self.confidence = 1.0;
        self.uncertain = false;
        self.basis = Basis::Command;
        self.command = command.phase;
        self.tier_score = weight;
        self.evidence =
            vec![Evidence { what: format!("command:/{}", command.name), weight, span: command.span.clone() }];
    }

    fn weigh(&mut self, text: &str, folded: &Folded, seen: &[Feature], options: Options) {
        let mut evidence = gather(folded, seen, |weight| weight.tier);
        if let Some(command) = Command::mentioned(text)
            && let Some(tier) = command.tier
        {
            let what = format!("mention:/{}", command.name);
            evidence.push(Evidence { what, weight: signed(MENTION, tier), span: command.span });
        }
        let mut score: i32 = evidence.iter().map(|item| item.weight).sum();
        let many_files = files::architecture_over_many(folded, seen);
        if let Some(files) = many_files.clone() {
            let weight = (MANY_FILES - score).max(1_000);
            score += weight;
            evidence.push(Evidence { what: "rule:architecture-over-5-files".to_owned(), weight, span: files });
        }
        heaviest_first(&mut evidence);
        let spoken = evidence.iter().any(|item| !item.span.is_empty());
        self.evidence = evidence;
        self.tier_score = score;
        if score == 0 || !spoken {
            return;
        }
        self.settle(if many_files.is_some() { Basis::ManyFiles } else { Basis::Text }, options);
    }

    /// Decides by the score.
    fn settle(&mut self, basis: Basis, options: Options) {
        self.tier = match self.tier_score.signum() {
            1 => Tier::One,
            -1 => Tier::Two,
            _ => options.default_tier,
        };
        self.basis = basis;
        self.confidence = table().tier.probability(self.tier_score);
        self.uncertain = self.confidence < options.threshold.unwrap_or(SURE);
        if options.threshold.is_some_and(|threshold| self.confidence < threshold) {
            self.tier = options.default_tier;
            self.basis = Basis::BelowThreshold;
        }
    }
}

/// A confidence in whole percent, as people are told it: only certainty is 100.
pub fn percent(confidence: f64) -> f64 {
    let percent = (confidence * 100.0).round();
    if confidence < 1.0 { percent.min(99.0) } else { percent }
}

/// Positive for tier 1.
fn signed(weight: i32, tier: Tier) -> i32 {
    match tier {
        Tier::One => weight,
        Tier::Two => -weight,
    }
}

/// The evidence that `pick` sees in the features; slight runs of characters are summed in one item.
fn gather(folded: &Folded, seen: &[Feature], pick: impl Fn(Weight) -> i32) -> Vec<Evidence> {
    let table = table();
    let mut evidence = Vec::with_capacity(seen.len() / 4 + 2);
    let bias = pick(table.bias);
    if bias != 0 {
        evidence.push(Evidence { what: "bias".to_owned(), weight: bias, span: 0..0 });
    }
    let mut slight = 0;
    for feature in seen {
        let Some(weight) = table.weight(feature.hash).map(&pick).filter(|weight| *weight != 0) else { continue };
        if weight.abs() < SLIGHT && matches!(feature.name, feature::Name::Gram(..)) {
            slight += weight;
        } else {
            evidence.push(Evidence { what: feature.name.to_string(), weight, span: span(folded, feature) });
        }
    }
    if slight != 0 {
        evidence.push(Evidence { what: "slight".to_owned(), weight: slight, span: 0..0 });
    }
    evidence
}

/// One copy of the sort for all that is sorted so.
fn heaviest_first(evidence: &mut [Evidence]) {
    evidence.sort_by_key(|item| std::cmp::Reverse(item.weight.abs()));
}

/// The bytes of the original text that a feature covers.
fn span(folded: &Folded, feature: &Feature) -> Range<usize> {
    let covered = folded.glyphs.get(feature.from..feature.to).unwrap_or_default();
    match (covered.first(), covered.last()) {
        (Some(first), Some(last)) => first.start as usize..last.end as usize,
        _ => 0..0,
    }
}

struct KindJudgement {
    kind: TaskKind,
    confidence: f64,
    evidence: Vec<Evidence>,
}

impl Default for KindJudgement {
    /// Of a text that asks for nothing.
    fn default() -> Self {
        Self { kind: TaskKind::General, confidence: 0.5, evidence: Vec::new() }
    }
}

fn judge_kind(folded: &Folded, seen: &[Feature]) -> KindJudgement {
    let table = table();
    let mut scores = table.bias.kinds;
    for weight in seen.iter().filter_map(|feature| table.weight(feature.hash)) {
        for (score, weight) in scores.iter_mut().zip(weight.kinds) {
            *score += weight;
        }
    }
    let mut ranked: Vec<(i32, usize)> = scores.iter().copied().zip(0..).collect();
    ranked.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), std::cmp::Reverse(*at)));
    let (best, at) = ranked.first().copied().unwrap_or((0, 2));
    let margin = best - ranked.get(1).map_or(best, |(score, _)| *score);
    let mut evidence = gather(folded, seen, |weight| weight.kinds.get(at).copied().unwrap_or_default());
    evidence.retain(|item| item.weight > 0);
    heaviest_first(&mut evidence);
    evidence.truncate(8);
    KindJudgement {
        kind: TaskKind::ALL.get(at).copied().unwrap_or(TaskKind::General),
        confidence: table.kind.probability(margin),
        evidence,
    }
}

#[cfg(test)]
mod tests;
