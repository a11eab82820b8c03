//! What a line of a log says.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::classify::{Classification, Evidence};
use crate::model::{RequestId, SessionId};
use crate::route::{Decision, Ready};

/// The schema number of the lines; it grows when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The conversation.
    pub session: Option<&'a SessionId>,
    /// The project's name.
    pub project: Option<&'a str>,
    /// The checkout.
    pub worktree: Option<&'a Path>,
    /// The SPEC.
    pub spec: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// Its task.
    pub task: Option<&'a str>,
    /// Nothing is sent.
    pub dry_run: bool,
    /// The prompt, where the configuration wishes it to be logged (`log.prompts = true`).
    pub prompt: Option<&'a str>,
}

/// A decision as a line of `decisions.jsonl` (`docs/schema/decision-log-line.json`).
#[derive(Debug, Clone, Serialize)]
pub struct DecisionLine<'a> {
    schema: u32,
    time: String,
    request_id: &'a str,
    decided_by: &'static str,
    basis: &'static str,
    tier: u8,
    kind: &'static str,
    confidence: f64,
    uncertain: bool,
    score: i32,
    evidence: Vec<Seen>,
    because: Vec<Because<'a>>,
    model: &'a str,
    model_id: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'static str>,
    /// Who would stand in, in order.
    then: Vec<&'a str>,
    alternatives: Vec<Passed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worktree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
}

/// Evidence without the prompt's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Seen {
    what: String,
    weight: i32,
    span: [usize; 2],
}

#[derive(Debug, Clone, Serialize)]
struct Because<'a> {
    what: &'a str,
    text: &'a str,
}

#[derive(Debug, Clone, Serialize)]
struct Passed<'a> {
    model: &'a str,
    why: &'a str,
}

impl<'a> DecisionLine<'a> {
    /// The line for a decision that was made at `at`.
    pub fn new(
        request: &'a RequestId,
        at: Timestamp,
        seen: &Classification,
        decision: &'a Decision,
        about: About<'a>,
    ) -> Self {
        let first = decision.plan().first();
        Self {
            schema: SCHEMA,
            time: at.to_string(),
            request_id: request.as_str(),
            decided_by: decision.decided_by().as_str(),
            basis: seen.basis.as_str(),
            tier: decision.tier().number(),
            kind: decision.kind().as_str(),
            confidence: decision.confidence(),
            uncertain: decision.uncertain(),
            score: seen.tier_score,
            evidence: seen.evidence.iter().map(wordless).collect(),
            because: decision.because().iter().map(|one| Because { what: one.what, text: &one.text }).collect(),
            model: first.name(),
            model_id: &first.model().id,
            provider: &first.provider().name,
            wanted: decision.wanted(),
            strategy: decision.strategy().map(crate::route::Strategy::as_str),
            then: decision.plan().rest().iter().map(Ready::name).collect(),
            alternatives: decision
                .alternatives()
                .iter()
                .map(|one| Passed { model: &one.model, why: &one.why })
                .collect(),
            session_id: about.session.map(SessionId::as_str),
            project: about.project,
            worktree: about.worktree.map(|path| path.display().to_string()),
            spec: about.spec,
            agent: about.agent,
            task: about.task,
            dry_run: about.dry_run,
            prompt: about.prompt,
        }
    }
}

/// Single words, runs of characters and commands other than moai's are parts of the prompt: only their sort is named.
fn wordless(evidence: &Evidence) -> Seen {
    const QUOTING: [&str; 7] = ["w", "ww", "^", "c", "$", "command", "mention"];
    let what = match evidence.what.split_once(':') {
        Some((sort, rest)) if QUOTING.contains(&sort) && !rest.starts_with("/moai") => sort.to_owned(),
        _ => evidence.what.clone(),
    };
    Seen { what, weight: evidence.weight, span: [evidence.span.start, evidence.span.end] }
}

/// A request that nobody answered, as a line of `errors.jsonl`: AC-005, every model that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct FailureLine<'a> {
    schema: u32,
    time: String,
    request_id: &'a str,
    error: &'a str,
    tried: Vec<Tried>,
}

/// A model that was tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// moai's name of it.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// How often it was asked.
    pub attempts: u32,
    /// The sort of its last failure; `None` where it was passed over.
    pub error: Option<&'static str>,
    /// The HTTP status of it.
    pub status: Option<u16>,
    /// The vendor's own code. Its words are left out: they may repeat the prompt's.
    pub code: Option<String>,
}

impl<'a> FailureLine<'a> {
    /// The line for a request that failed at `at`; `error` is its stable code.
    pub fn new(request: &'a RequestId, at: Timestamp, error: &'a str, tried: Vec<Tried>) -> Self {
        Self { schema: SCHEMA, time: at.to_string(), request_id: request.as_str(), error, tried }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_prompt_stay_out() {
        let seen = |what: &str| wordless(&Evidence { what: what.into(), weight: 7, span: 3..9 }).what;
        assert_eq!(seen("op:design"), "op:design");
        assert_eq!(seen("w:acquisition"), "w");
        assert_eq!(seen("c:비밀"), "c");
        assert_eq!(seen("$:해줘"), "$");
        assert_eq!(seen("command:/moai:1-plan"), "command:/moai:1-plan");
        assert_eq!(seen("command:/plan-the-merger"), "command");
        assert_eq!(seen("bias"), "bias");
    }
}
