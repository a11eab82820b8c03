//! A failure told to a client in its own dialect, with the status, the headers and the words on which it does the
//! right thing. The reactions of Claude Code 2.1.329 were recorded: the wire page, 3.4.

use serde_json::{Value, json};

use super::{Fault, FaultKind, Tokens};
use crate::wire::dialect::Dialect;

/// A whole error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside the content's type and length.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Fault {
    /// The answer for a client that speaks `dialect`: Anthropic's, or `OpenAI`'s for everybody else.
    pub fn reply(&self, dialect: Dialect, request_id: &str) -> Reply {
        let body = match dialect {
            Dialect::Anthropic => self.anthropic_body(Some(request_id)),
            _ => self.openai_body(),
        };
        Reply { status: self.client_status(), headers: self.headers(), body: body.to_string().into_bytes() }
    }

    /// The error object of an Anthropic answer or of an `event: error`.
    pub(in crate::wire) fn anthropic_body(&self, request_id: Option<&str>) -> Value {
        let mut body = json!({"type": "error", "error": {"type": self.anthropic_type(), "message": self.words()}});
        if let (Some(id), Some(map)) = (request_id, body.as_object_mut()) {
            map.insert("request_id".into(), id.into());
        }
        body
    }

    /// The error object of an `OpenAI` answer or of a chunk of its stream.
    pub(in crate::wire) fn openai_body(&self) -> Value {
        let (kind, code) = self.openai_type();
        json!({"error": {"message": self.words(), "type": kind, "param": null, "code": code}})
    }

    /// The status for the client. A vendor's key is not the client's, but 401 is what it stops at with a message.
    fn client_status(&self) -> u16 {
        match self.kind {
            FaultKind::BadRequest | FaultKind::TooLong | FaultKind::OutputTooLong | FaultKind::ContentPolicy => 400,
            FaultKind::TooLarge => 413,
            FaultKind::Auth => 401,
            FaultKind::Permission => 403,
            FaultKind::NoModel | FaultKind::NotFound => 404,
            FaultKind::RateLimit | FaultKind::Quota => 429,
            FaultKind::Overloaded => 529,
            FaultKind::Server
            | FaultKind::NotLoaded
            | FaultKind::Timeout
            | FaultKind::Unreachable
            | FaultKind::Cut
            | FaultKind::Malformed => 500,
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        // Without it Claude Code repeats a 401 for three minutes, and a spent budget until its retries are over.
        if matches!(self.kind, FaultKind::Auth | FaultKind::Quota | FaultKind::ContentPolicy) {
            headers.push(("x-should-retry", "false".to_owned()));
        }
        if self.kind == FaultKind::Quota {
            headers.push(("anthropic-ratelimit-unified-overage-disabled-reason", "org_spend_cap_reached".to_owned()));
        }
        if let (FaultKind::RateLimit | FaultKind::Overloaded, Some(wait)) = (self.kind, self.retry_after) {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.push(("retry-after", seconds.to_string()));
        }
        headers
    }

    fn anthropic_type(&self) -> &'static str {
        match self.kind {
            FaultKind::BadRequest | FaultKind::TooLong | FaultKind::OutputTooLong => "invalid_request_error",
            FaultKind::TooLarge => "request_too_large",
            FaultKind::ContentPolicy => "policy_blocked",
            FaultKind::Auth => "authentication_error",
            FaultKind::Permission => "permission_error",
            FaultKind::NoModel | FaultKind::NotFound => "not_found_error",
            FaultKind::RateLimit => "rate_limit_error",
            FaultKind::Quota => "billing_error",
            FaultKind::Overloaded => "overloaded_error",
            FaultKind::Timeout => "timeout_error",
            FaultKind::Server
            | FaultKind::NotLoaded
            | FaultKind::Unreachable
            | FaultKind::Cut
            | FaultKind::Malformed => "api_error",
        }
    }

    fn openai_type(&self) -> (&'static str, Value) {
        match self.kind {
            FaultKind::TooLong | FaultKind::OutputTooLong => {
                ("invalid_request_error", "context_length_exceeded".into())
            }
            FaultKind::BadRequest | FaultKind::TooLarge | FaultKind::NotFound => ("invalid_request_error", Value::Null),
            FaultKind::ContentPolicy => ("invalid_request_error", "content_policy_violation".into()),
            FaultKind::Auth => ("invalid_request_error", "invalid_api_key".into()),
            FaultKind::Permission => ("permission_error", Value::Null),
            FaultKind::NoModel => ("invalid_request_error", "model_not_found".into()),
            FaultKind::RateLimit => ("rate_limit_error", "rate_limit_exceeded".into()),
            FaultKind::Quota => ("insufficient_quota", "insufficient_quota".into()),
            FaultKind::Overloaded
            | FaultKind::Server
            | FaultKind::NotLoaded
            | FaultKind::Timeout
            | FaultKind::Unreachable
            | FaultKind::Cut
            | FaultKind::Malformed => ("server_error", Value::Null),
        }
    }

    /// The message, in the words that make clients compact or ask for less.
    fn words(&self) -> String {
        match (self.kind, self.tokens) {
            (FaultKind::TooLong, Some(Tokens { input, limit, .. })) => {
                format!("prompt is too long: {input} tokens > {limit} maximum")
            }
            (FaultKind::TooLong, None) => format!("prompt is too long: {}", self.message),
            (FaultKind::OutputTooLong, Some(Tokens { input, output, limit })) => {
                format!("input length and `max_tokens` exceed context limit: {input} + {output} > {limit}")
            }
            (FaultKind::Quota, _) if self.reset.is_some() => {
                let reset = self.reset.as_deref().unwrap_or_default();
                if self.message.contains(reset) {
                    self.message.clone()
                } else {
                    format!("{} (resets at {reset})", self.message)
                }
            }
            _ => self.message.clone(),
        }
    }
}
