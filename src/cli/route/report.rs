//! A request as JSON: what programs rely on (`docs/schema/route.json`).

use serde::Serialize;
use serde_json::Value;

use crate::base::failure::Failure;
use crate::catalog::Prices;
use crate::classify::Evidence;
use crate::cli::books::Standing;
use crate::cli::ui::{SCHEMA, Ui};
use crate::exchange::Trial;
use crate::model::{SessionId, Usage, Usd};
use crate::route::{Decision, Ready};

use super::desk::Decided;
use super::send::Sent;

/// The answer of `--json`, one for each prompt.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
pub(super) struct Report {
    schema: u32,
    /// The `id` of a batch's line.
    id: Option<Value>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    request_id: String,
    session_id: Option<String>,
    dry_run: bool,
    content: Option<String>,
    stop_reason: Option<String>,
    model_used: String,
    model_id: String,
    provider: String,
    tier: u8,
    kind: &'static str,
    classification_confidence: f64,
    uncertain: bool,
    decided_by: &'static str,
    basis: &'static str,
    score: i32,
    evidence: Vec<Seen>,
    kind_confidence: f64,
    kind_evidence: Vec<Seen>,
    because: Vec<Because>,
    strategy: Option<&'static str>,
    wanted: Option<String>,
    plan: Vec<String>,
    alternatives: Vec<Passed>,
    /// Whether the models of the plan can be asked: in a dry run without any key they cannot.
    ready: bool,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    usage: Option<Usage>,
    usage_estimated: bool,
    cost_usd: Option<Usd>,
    price_book: String,
    price_book_version: String,
    fallback: bool,
    cached_at: Option<String>,
    attempts: usize,
    tried: Vec<Tried>,
    first_token_ms: Option<u64>,
    latency_ms: Option<u64>,
    compressed: Option<Shortened>,
    budget: Option<Standing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Seen {
    what: String,
    weight: i32,
    span: [usize; 2],
}

#[derive(Debug, Serialize)]
struct Because {
    what: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Passed {
    model: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Tried {
    number: u32,
    model: String,
    model_id: String,
    provider: String,
    outcome: &'static str,
    error: Option<&'static str>,
    status: Option<u16>,
    message: Option<String>,
    fallback: bool,
    first_token_ms: Option<u64>,
    latency_ms: u64,
}

#[derive(Debug, Serialize)]
struct Shortened {
    messages: usize,
    tokens_before: u64,
    tokens: u64,
}

impl Report {
    /// A decision that nothing was sent for yet.
    pub(super) fn decided(decided: &Decided, prices: &Prices, session: Option<&SessionId>) -> Self {
        let Decided { seen, decision, .. } = decided;
        let first = decision.plan().first();
        let base = prices.base();
        Self {
            schema: SCHEMA,
            id: None,
            line: None,
            request_id: decided.id.to_string(),
            session_id: session.map(ToString::to_string),
            dry_run: true,
            content: None,
            stop_reason: None,
            model_used: first.name().to_owned(),
            model_id: first.model().id.clone(),
            provider: first.provider().name.clone(),
            tier: decision.tier().number(),
            kind: decision.kind().as_str(),
            classification_confidence: decision.confidence(),
            uncertain: decision.uncertain(),
            decided_by: decision.decided_by().as_str(),
            basis: seen.basis.as_str(),
            score: seen.tier_score,
            evidence: evidence(&seen.evidence),
            kind_confidence: seen.kind_confidence,
            kind_evidence: evidence(&seen.kind_evidence),
            because: because(decision),
            strategy: decision.strategy().map(crate::route::Strategy::as_str),
            wanted: decision.wanted().map(str::to_owned),
            plan: decision.plan().iter().map(|ready: &Ready| ready.name().to_owned()).collect(),
            alternatives: passed(decision),
            ready: decided.missing.is_none(),
            input_tokens: None,
            output_tokens: None,
            usage: None,
            usage_estimated: false,
            cost_usd: None,
            price_book: base.name.clone(),
            price_book_version: base.version.clone(),
            fallback: decision.is_fallback(),
            cached_at: None,
            attempts: 0,
            tried: Vec::new(),
            first_token_ms: None,
            latency_ms: None,
            compressed: None,
            budget: None,
            error: None,
        }
    }

    /// The same after it was sent.
    #[must_use]
    pub(super) fn sent(mut self, sent: &Sent) -> Self {
        let finished = &sent.finished;
        self.dry_run = false;
        self.cost_usd = sent.cost;
        self.fallback = self.fallback || finished.fell_back();
        self.attempts = finished.trials.len();
        self.tried = finished.trials.iter().map(tried).collect();
        self.latency_ms = Some(millis(sent.took));
        self.budget.clone_from(&sent.standing);
        self.compressed = sent.compressed.as_ref().map(|made| Shortened {
            messages: made.turns,
            tokens_before: made.tokens_before,
            tokens: made.tokens,
        });
        let Some(answer) = &finished.answer else { return self };
        self.content = Some(answer.text.clone());
        self.stop_reason = answer.stop.as_ref().map(|stop| stop.as_str().to_owned());
        self.model_used.clone_from(&answer.model);
        self.model_id.clone_from(&answer.model_id);
        self.provider.clone_from(&answer.provider);
        self.input_tokens = answer.usage.map(Usage::prompt);
        self.output_tokens = answer.usage.map(|usage| usage.output);
        self.usage = answer.usage;
        self.usage_estimated = answer.estimated;
        self.cached_at = answer.cached.map(|at| at.to_string());
        self.first_token_ms = self.tried.last().and_then(|tried| tried.first_token_ms);
        self
    }

    /// The same with what went wrong.
    #[must_use]
    pub(super) fn failed(mut self, failure: &Failure, ui: &Ui) -> Self {
        self.error = Some(ui.failure_json(failure));
        self
    }

    /// The same as an answer to a line of a batch.
    #[must_use]
    pub(super) fn of_line(mut self, number: u64, id: Option<Value>) -> Self {
        self.line = Some(number);
        self.id = id;
        self
    }
}

fn evidence(evidence: &[Evidence]) -> Vec<Seen> {
    evidence
        .iter()
        .map(|one| Seen { what: one.what.clone(), weight: one.weight, span: [one.span.start, one.span.end] })
        .collect()
}

fn because(decision: &Decision) -> Vec<Because> {
    decision.because().iter().map(|one| Because { what: one.what, text: one.text.clone() }).collect()
}

fn passed(decision: &Decision) -> Vec<Passed> {
    decision.alternatives().iter().map(|one| Passed { model: one.model.clone(), why: one.why.clone() }).collect()
}

fn tried(trial: &Trial) -> Tried {
    let fault = trial.fault.as_ref();
    Tried {
        number: trial.number,
        model: trial.model.clone(),
        model_id: trial.model_id.clone(),
        provider: trial.provider.clone(),
        outcome: trial.outcome.as_str(),
        error: fault.map(|fault| fault.kind.as_str()),
        status: fault.and_then(|fault| fault.status),
        message: fault.map(|fault| fault.message.clone()),
        fallback: trial.fallback,
        first_token_ms: trial.first.map(millis),
        latency_ms: millis(trial.total),
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
