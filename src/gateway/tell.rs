//! What an answer's `x-moai-*` headers say: who was to answer and why, who did, and what they were not told.

use std::borrow::Cow;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::By;
use crate::wire::Dropped;

use super::turn::Turn;

/// The longest value, in bytes: clients and proxies refuse heads of more than a few kilobytes.
const LONGEST: usize = 512;

/// The decision: `x-moai-model`, `-provider`, `-tier`, `-kind`, `-decided-by`, `-confidence`, `-reason`, `-errand`.
pub(in crate::gateway) fn decision(headers: &mut HeaderMap, turn: &Turn) {
    let decision = &turn.decision;
    let first = decision.plan().first();
    put(headers, "x-moai-model", first.name());
    put(headers, "x-moai-provider", &first.provider().name);
    put(headers, "x-moai-tier", &decision.tier().number().to_string());
    put(headers, "x-moai-kind", decision.kind().as_str());
    put(headers, "x-moai-decided-by", decision.decided_by().as_str());
    put(headers, "x-moai-confidence", &format!("{:.3}", decision.confidence()));
    put(headers, "x-moai-errand", turn.errand.as_str());
    let because: Vec<&str> = decision.because().iter().map(|reason| reason.text.as_str()).collect();
    put(headers, "x-moai-reason", &because.join("; "));
}

/// What became of it: who answers in the end, after how many requests, and what they cannot be told.
pub(in crate::gateway) fn outcome(headers: &mut HeaderMap, by: Option<&By>, attempts: u32, dropped: &[Dropped]) {
    if let Some(by) = by {
        put(headers, "x-moai-model", &by.model);
        put(headers, "x-moai-provider", &by.provider);
        if let Some(deployment) = &by.deployment {
            put(headers, "x-moai-deployment", deployment);
        }
        put(headers, "x-moai-fallback", if by.fallback { "true" } else { "false" });
    }
    put(headers, "x-moai-attempts", &attempts.to_string());
    if !dropped.is_empty() {
        let fields: Vec<&str> = dropped.iter().map(|one| &*one.field).collect();
        put(headers, "x-moai-dropped", &fields.join(", "));
    }
}

/// Who has counted tokens, and whether that is an estimate.
pub(in crate::gateway) fn counted(headers: &mut HeaderMap, turn: &Turn, estimated: bool) {
    let first = turn.decision.plan().first();
    put(headers, "x-moai-model", first.name());
    put(headers, "x-moai-provider", &first.provider().name);
    put(headers, "x-moai-estimated", if estimated { "true" } else { "false" });
}

/// How budgets stand that are nearly spent, and over (R-STA-003): told, and no reason to stop.
pub(in crate::gateway) fn warnings(headers: &mut HeaderMap, warnings: &[String]) {
    if !warnings.is_empty() {
        put(headers, "x-moai-warning", &warnings.join("; "));
    }
}

/// Sets a header. What is not ASCII becomes `?`: names and prompts of people are no header's business.
fn put(headers: &mut HeaderMap, name: &'static str, text: &str) {
    let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let plain: Cow<'_, str> = if is_plain {
        text.into()
    } else {
        text.chars().take(LONGEST).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
    };
    if let Ok(value) = HeaderValue::from_str(plain.trim()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_short_and_plain() {
        let mut headers = HeaderMap::new();
        put(&mut headers, "x-moai-reason", "설계 a\nb");
        put(&mut headers, "x-moai-model", &"x".repeat(2_000));
        assert_eq!(headers["x-moai-reason"], "?? a?b");
        assert_eq!(headers["x-moai-model"].len(), LONGEST);
    }
}
