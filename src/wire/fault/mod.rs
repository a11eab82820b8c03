//! What goes wrong at a vendor: a closed list, read from statuses, codes and texts, and told to each client in the
//! words that make it do the right thing.

mod glm;
mod read;
mod redact;
mod reply;
mod retry_after;
mod too_long;

pub use reply::Reply;
pub use retry_after::retry_after;

use std::time::Duration;

use crate::base::failure::{Explain, Kind};

/// A failed request, as far as anybody outside may know about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What sort of failure it is: decides what to do.
    pub kind: FaultKind,
    /// The vendor's own words, one line, without keys.
    pub message: String,
    /// The HTTP status, where there was one that said so.
    pub status: Option<u16>,
    /// The vendor's code or type: `1302`, `rate_limit_error`, `RESOURCE_EXHAUSTED`.
    pub code: Option<Box<str>>,
    /// How long the vendor asks to wait.
    pub retry_after: Option<Duration>,
    /// When a used-up plan is filled again, in the vendor's words and in its own time zone.
    pub reset: Option<Box<str>>,
    /// The numbers of [`FaultKind::TooLong`] and [`FaultKind::OutputTooLong`], where they were given.
    pub tokens: Option<Tokens>,
}

/// How many tokens were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt.
    pub input: u64,
    /// Asked for as output; 0 where the prompt alone was too long.
    pub output: u64,
    /// The most that fits.
    pub limit: u64,
}

/// The sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request is wrong, and would be wrong anywhere.
    BadRequest,
    /// The request's body is too large.
    TooLarge,
    /// The prompt is longer than the model's context.
    TooLong,
    /// Prompt and wanted output together are.
    OutputTooLong,
    /// The vendor does not want to talk about it.
    ContentPolicy,
    /// The key is missing, wrong or expired.
    Auth,
    /// The key may not do this.
    Permission,
    /// There is no such model.
    NoModel,
    /// The model could not be loaded: there is no memory for it, or its files are broken.
    NotLoaded,
    /// There is no such address.
    NotFound,
    /// Too many requests right now.
    RateLimit,
    /// The plan, the balance or the budget is used up.
    Quota,
    /// The vendor has too much to do.
    Overloaded,
    /// The vendor failed.
    Server,
    /// The vendor took too long.
    Timeout,
    /// The vendor could not be reached.
    Unreachable,
    /// The answer ended before its end.
    Cut,
    /// The answer is not what it should be.
    Malformed,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same again after a while; then another model.
    Retry,
    /// Another model or provider; the same again would fail the same way.
    Elsewhere,
    /// Nothing: the client has to change its request.
    Stop,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::BadRequest,
        Self::TooLarge,
        Self::TooLong,
        Self::OutputTooLong,
        Self::ContentPolicy,
        Self::Auth,
        Self::Permission,
        Self::NoModel,
        Self::NotLoaded,
        Self::NotFound,
        Self::RateLimit,
        Self::Quota,
        Self::Overloaded,
        Self::Server,
        Self::Timeout,
        Self::Unreachable,
        Self::Cut,
        Self::Malformed,
    ];

    /// The word in `--json`, in the journal and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::TooLong => "too_long",
            Self::OutputTooLong => "output_too_long",
            Self::ContentPolicy => "content_policy",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NoModel => "no_model",
            Self::NotLoaded => "not_loaded",
            Self::NotFound => "not_found",
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Cut => "cut",
            Self::Malformed => "malformed",
        }
    }

    /// What helps.
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::RateLimit
            | Self::Overloaded
            | Self::Server
            | Self::Timeout
            | Self::Unreachable
            | Self::Cut
            | Self::Malformed => Remedy::Retry,
            Self::Auth | Self::Permission | Self::NoModel | Self::NotLoaded | Self::NotFound | Self::Quota => {
                Remedy::Elsewhere
            }
            Self::BadRequest | Self::TooLarge | Self::TooLong | Self::OutputTooLong | Self::ContentPolicy => {
                Remedy::Stop
            }
        }
    }
}

impl Fault {
    /// A failure of `kind` that no vendor has described.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: redact::line(&message.into()),
            status: None,
            code: None,
            retry_after: None,
            reset: None,
            tokens: None,
        }
    }

    /// The stream ended before its end.
    pub fn cut() -> Self {
        Self::new(FaultKind::Cut, "the answer was cut off before its end")
    }

    /// What helps.
    pub fn remedy(&self) -> Remedy {
        self.kind.remedy()
    }

    /// The failure for a person: the status and the vendor's code, where there were any, before its words.
    pub fn told(&self) -> String {
        let Self { message, status, code, .. } = self;
        let code = code.as_deref().filter(|code| !message.contains(code)).map(|code| format!(" {code}"));
        match status.filter(|status| !message.contains(&format!("HTTP {status}"))) {
            Some(status) => format!("HTTP {status}{}: {message}", code.unwrap_or_default()),
            None => code.map_or_else(|| message.clone(), |code| format!("{}: {message}", code.trim_start())),
        }
    }
}

impl Explain for Fault {
    fn kind(&self) -> Kind {
        match self.kind {
            FaultKind::Auth => Kind::Config,
            _ => Kind::Upstream,
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_the_status_and_the_code_once() {
        let fault = |status, code: &str, message: &str| Fault {
            status,
            code: Some(code.into()).filter(|_| !code.is_empty()),
            ..Fault::new(FaultKind::Overloaded, message)
        };
        for (status, code, message, told) in [
            (Some(529), "overloaded_error", "try later", "HTTP 529 overloaded_error: try later"),
            (Some(503), "", "no upstream", "HTTP 503: no upstream"),
            (Some(503), "", "HTTP 503 without a body", "HTTP 503 without a body"),
            (Some(429), "1302", "[1302] too fast", "HTTP 429: [1302] too fast"),
            (None, "1305", "busy", "1305: busy"),
            (None, "", "the answer was empty", "the answer was empty"),
        ] {
            assert_eq!(fault(status, code, message).told(), told);
        }
    }
}
