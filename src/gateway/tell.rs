//! What an answer's `x-moai-*` headers say: who was to answer and why, who did, and what they were not told.

use std::borrow::Cow;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::By;
use crate::model::Tier;
use crate::wire::Dropped;

use super::turn::Turn;

const MODEL: HeaderName = HeaderName::from_static("x-moai-model");
const PROVIDER: HeaderName = HeaderName::from_static("x-moai-provider");
const TIER: HeaderName = HeaderName::from_static("x-moai-tier");
const KIND: HeaderName = HeaderName::from_static("x-moai-kind");
const DECIDED_BY: HeaderName = HeaderName::from_static("x-moai-decided-by");
const CONFIDENCE: HeaderName = HeaderName::from_static("x-moai-confidence");
const ERRAND: HeaderName = HeaderName::from_static("x-moai-errand");
const REASON: HeaderName = HeaderName::from_static("x-moai-reason");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-moai-deployment");
const FALLBACK: HeaderName = HeaderName::from_static("x-moai-fallback");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-moai-attempts");
const DROPPED: HeaderName = HeaderName::from_static("x-moai-dropped");
const ESTIMATED: HeaderName = HeaderName::from_static("x-moai-estimated");
const WARNING: HeaderName = HeaderName::from_static("x-moai-warning");

/// About how many headers an answer has.
const ROOM: usize = 20;
/// The longest value, in bytes: clients and proxies refuse heads of more than a few kilobytes.
const LONGEST: usize = 512;

/// The decision: `x-moai-model`, `-provider`, `-tier`, `-kind`, `-decided-by`, `-confidence`, `-reason`, `-errand`.
pub(in crate::gateway) fn decision(headers: &mut HeaderMap, turn: &Turn) {
    headers.reserve(ROOM);
    let decision = &turn.decision;
    let first = decision.plan().first();
    put(headers, MODEL, first.name());
    put(headers, PROVIDER, &first.provider().name);
    put_word(headers, TIER, if decision.tier() == Tier::One { "1" } else { "2" });
    put_word(headers, KIND, decision.kind().as_str());
    put_word(headers, DECIDED_BY, decision.decided_by().as_str());
    put(headers, CONFIDENCE, &thousandths(decision.confidence()));
    put_word(headers, ERRAND, turn.errand.as_str());
    let because: Vec<&str> = decision.because().iter().map(|reason| reason.text.as_str()).collect();
    put(headers, REASON, &because.join("; "));
}

/// What became of it: who answers in the end, after how many requests, and what they cannot be told.
pub(in crate::gateway) fn outcome(headers: &mut HeaderMap, by: Option<&By>, attempts: u32, dropped: &[Dropped]) {
    if let Some(by) = by {
        put(headers, MODEL, &by.model);
        put(headers, PROVIDER, &by.provider);
        if let Some(deployment) = &by.deployment {
            put(headers, DEPLOYMENT, deployment);
        }
        put_word(headers, FALLBACK, if by.fallback { "true" } else { "false" });
    }
    put(headers, ATTEMPTS, &attempts.to_string());
    if !dropped.is_empty() {
        let fields: Vec<&str> = dropped.iter().map(|one| &*one.field).collect();
        put(headers, DROPPED, &fields.join(", "));
    }
}

/// Who has counted tokens, and whether that is an estimate.
pub(in crate::gateway) fn counted(headers: &mut HeaderMap, turn: &Turn, estimated: bool) {
    let first = turn.decision.plan().first();
    put(headers, MODEL, first.name());
    put(headers, PROVIDER, &first.provider().name);
    put_word(headers, ESTIMATED, if estimated { "true" } else { "false" });
}

/// How budgets stand that are nearly spent, and over (R-STA-003): told, and no reason to stop.
pub(in crate::gateway) fn warnings(headers: &mut HeaderMap, warnings: &[String]) {
    if !warnings.is_empty() {
        put(headers, WARNING, &warnings.join("; "));
    }
}

/// A share of one with three digits, without what formatting a float takes.
fn thousandths(share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    let thousandths = (share.clamp(0.0, 1.0) * 1000.0).round() as u32;
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// Sets a header to one of our own words.
fn put_word(headers: &mut HeaderMap, name: HeaderName, word: &'static str) {
    headers.insert(name, HeaderValue::from_static(word));
}

/// Sets a header. What is not ASCII becomes `?`: names and prompts of people are no header's business.
fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let plain: Cow<'_, str> = if is_plain {
        text.into()
    } else {
        text.chars().take(LONGEST).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
    };
    if let Ok(value) = HeaderValue::from_str(plain.trim()) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_three_digits() {
        for share in [0.0, 0.0004, 0.5, 0.0626, 0.8128, 0.99949, 0.9996, 1.0] {
            assert_eq!(thousandths(share), format!("{share:.3}"));
        }
    }

    #[test]
    fn a_header_is_short_and_plain() {
        let mut headers = HeaderMap::new();
        put(&mut headers, REASON, "설계 a\nb");
        put(&mut headers, MODEL, &"x".repeat(2_000));
        assert_eq!(headers["x-moai-reason"], "?? a?b");
        assert_eq!(headers["x-moai-model"].len(), LONGEST);
    }
}
