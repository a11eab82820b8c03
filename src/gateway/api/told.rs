//! An answer in the seeds' words: the `RouterResponse` of seed 000 and that of seed 003, each with more beside it, and
//! what is told where nobody answered.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::base::failure::Explain as _;
use crate::exchange::{End, ExchangeError, Trial};
use crate::model::{Usage, Usd};
use crate::wire::Dialect;

use super::super::answer::{Answer, add, json as answer};
use super::super::inbound::Inbound;
use super::super::tell;
use super::ask::Answered;

impl Answered {
    /// What the request cost with all its attempts; `None` where that is not known.
    fn cost(&self) -> Option<Usd> {
        self.rows.iter().try_fold(Usd::ZERO, |sum, row| Some(sum.saturating_add(row.cost?)))
    }

    fn usage(&self) -> Option<Usage> {
        self.finished.answer.as_ref().and_then(|answer| answer.usage)
    }

    /// The text, the model that gave it, its id at the vendor, the vendor, and the tier.
    fn by(&self) -> (&str, &str, &str, &str, u8) {
        let decision = &self.entry.turn.decision;
        let first = decision.plan().first();
        match &self.finished.answer {
            Some(answer) => {
                let tier = answer.tier.unwrap_or(decision.tier());
                (&answer.text, &answer.model, &answer.model_id, &answer.provider, tier.number())
            }
            None => ("", first.name(), &first.model().id, &first.provider().name, decision.tier().number()),
        }
    }

    /// That another model than the chosen one answered, for a person (AC-005).
    fn notice(&self) -> Option<String> {
        if !self.fallback() {
            return None;
        }
        let (_, model, ..) = self.by();
        let failed = self.finished.trials.iter().find(|trial| trial.model != model && trial.fault.is_some());
        let wanted = failed.map(|trial| trial.model.as_str()).or(self.entry.turn.decision.wanted());
        Some(match (wanted, failed.and_then(|trial| trial.fault.as_ref())) {
            (Some(wanted), Some(fault)) => format!("{model} answered in place of {wanted}: {}", fault.told()),
            (Some(wanted), None) => format!("{model} answered in place of {wanted}"),
            (None, _) => format!("{model} answered in place of the chosen model"),
        })
    }

    fn fallback(&self) -> bool {
        self.finished.fell_back() || self.entry.turn.decision.is_fallback()
    }

    /// What both answers have beside the seeds' fields.
    fn details(&self) -> Map<String, Value> {
        let decision = &self.entry.turn.decision;
        let (_, _, model_id, provider, _) = self.by();
        let usage = self.usage();
        let answer = self.finished.answer.as_ref();
        let mut map = Map::new();
        for (name, value) in [
            ("fallback", json!(self.fallback())),
            ("notice", json!(self.notice())),
            ("provider", json!(provider)),
            ("model_id", json!(model_id)),
            ("decided_by", json!(decision.decided_by().as_str())),
            ("kind", json!(decision.kind().as_str())),
            ("because", decision.because().iter().map(|reason| Value::from(reason.text.as_str())).collect()),
            ("strategy", json!(decision.strategy().map(crate::route::Strategy::as_str))),
            ("usage", json!(usage)),
            ("usage_estimated", json!(answer.is_some_and(|answer| answer.estimated))),
            ("attempts", json!(self.finished.trials.len())),
            ("tried", self.finished.trials.iter().map(tried).collect()),
            ("stop_reason", json!(answer.and_then(|answer| answer.stop.as_ref()).map(crate::wire::StopReason::as_str))),
            ("cached_at", json!(answer.and_then(|answer| answer.cached))),
            ("response_time", json!(self.took.as_secs_f64())),
            ("session_id", json!(self.entry.turn.about.session.as_ref().map(AsRef::<str>::as_ref))),
            ("warnings", json!(self.warnings)),
        ] {
            map.insert(name.to_owned(), value);
        }
        let short = self.compressed.as_ref();
        let short = short.map(|short| json!({"tokens_before": short.tokens_before, "tokens": short.tokens}));
        map.insert("compressed".into(), json!(short));
        map
    }

    /// Seed 000's `RouterResponse`, or the failure.
    pub(super) fn routed(&self, inbound: &Inbound) -> Answer {
        let (content, model, _, _, tier) = self.by();
        let usage = self.usage();
        let document = json!({
            "schema": 1,
            "content": content,
            "model_used": model,
            "tier": tier,
            "input_tokens": usage.map(Usage::prompt).unwrap_or_default(),
            "output_tokens": usage.map(|usage| usage.output).unwrap_or_default(),
            "cost_usd": self.cost(),
            "classification_confidence": self.entry.turn.decision.confidence(),
            "request_id": self.entry.id.as_str(),
            "fallback": self.fallback(),
            "metadata": self.details(),
        });
        self.answer(&document, inbound)
    }

    /// Seed 003's `RouterResponse`, or the failure.
    pub(super) fn chatted(&self, inbound: &Inbound) -> Answer {
        let (response, model, _, _, tier) = self.by();
        let usage = self.usage();
        let mut metadata = self.details();
        for (name, value) in [
            ("cost", json!(self.cost())),
            ("tokens_used", json!(usage.map(Usage::total).unwrap_or_default())),
            ("input_tokens", json!(usage.map(Usage::prompt))),
            ("output_tokens", json!(usage.map(|usage| usage.output))),
            ("tier", json!(tier)),
            ("confidence", json!(self.entry.turn.decision.confidence())),
            ("request_id", json!(self.entry.id.as_str())),
        ] {
            metadata.insert(name.to_owned(), value);
        }
        self.answer(&json!({"schema": 1, "model_used": model, "response": response, "metadata": metadata}), inbound)
    }

    /// The document where there is a whole answer; else why there is none, with everybody who was tried.
    fn answer(&self, document: &Value, inbound: &Inbound) -> Answer {
        let mut told = match self.finished.check() {
            Ok(()) => answer(StatusCode::OK, document),
            Err(why) => self.failed(&why, inbound),
        };
        tell::decision(told.headers_mut(), &self.entry.turn);
        tell::warnings(told.headers_mut(), &self.warnings);
        told
    }

    fn failed(&self, why: &ExchangeError, inbound: &Inbound) -> Answer {
        let fault = self.finished.fault();
        let reply = fault.reply(Dialect::Chat, inbound.id.as_str());
        // It is the vendors that failed, not the gateway.
        let status = match (&self.finished.end, reply.status) {
            (End::Cut(_), _) | (_, 500) => StatusCode::BAD_GATEWAY,
            (_, 529) => StatusCode::SERVICE_UNAVAILABLE,
            (_, status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        };
        let error = json!({
            "code": why.code(),
            "message": why.to_string(),
            "hint": why.hints().into_iter().next(),
            "kind": fault.kind.as_str(),
        });
        let tried: Value = self.finished.trials.iter().map(tried).collect();
        let mut told = answer(status, &json!({"error": error, "request_id": inbound.id.as_str(), "tried": tried}));
        add(&mut told, reply.headers);
        told
    }
}

fn tried(trial: &Trial) -> Value {
    let fault = trial.fault.as_ref();
    json!({
        "number": trial.number,
        "model": trial.model,
        "model_id": trial.model_id,
        "provider": trial.provider,
        "outcome": trial.outcome.as_str(),
        "error": fault.map(|fault| fault.kind.as_str()),
        "status": fault.and_then(|fault| fault.status),
        "fallback": trial.fallback,
    })
}
