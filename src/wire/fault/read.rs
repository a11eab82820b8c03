//! Reads a vendor's error: its code first, then its type, then its words, and the HTTP status last.

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, FaultKind, glm, redact, retry_after, too_long};

impl Fault {
    /// Reads an error answer: any vendor's, whatever its shape. `header` finds a header by its lower-case name.
    pub fn read<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>, body: &[u8], now: Timestamp) -> Self {
        let mut fault = match parse(body) {
            Some(value) => Self::of_json(Some(status), &value),
            None => Self::of_text(status, &String::from_utf8_lossy(body)),
        };
        fault.retry_after = retry_after::of_headers(&header, now).or(fault.retry_after);
        fault
    }

    /// Reads an error that came inside a stream or inside a 200; `None` where the object is no error.
    pub fn inside(value: &Value) -> Option<Self> {
        is_error(value).then(|| Self::of_json(None, value))
    }

    fn of_json(status: Option<u16>, value: &Value) -> Self {
        let said = Said::of(value);
        let mut fault = Self::new(kind(status, &said), &*said.message);
        fault.never_wordless(status);
        fault.tokens = match fault.kind {
            FaultKind::TooLong => too_long::tokens(&said.message),
            FaultKind::OutputTooLong => too_long::output_too_long(&said.message),
            _ => None,
        };
        fault.reset = if fault.kind == FaultKind::Quota { glm::reset(&said.message).map(Into::into) } else { None };
        fault.retry_after = retry_after::of_body(said.error, &said.message);
        fault.status = status.filter(|status| *status >= 400);
        // A number that only repeats the status says less than the word beside it.
        let telling = said.code.filter(|code| code.len() != 3 || said.kind.is_none());
        fault.code = telling.or(said.kind).map(|code| redact::line(&code).into());
        fault
    }

    fn of_text(status: u16, text: &str) -> Self {
        let text = text.trim();
        let page = text.starts_with('<');
        let said = Said { error: &Value::Null, message: text.to_owned(), kind: None, code: None };
        let kind = if page { by_status(status) } else { kind(Some(status), &said) };
        let message = match text {
            "" => format!("HTTP {status} without a body"),
            _ if page => format!("HTTP {status} with a web page instead of an answer"),
            text => text.to_owned(),
        };
        let mut fault = Self::new(kind, message);
        fault.tokens = (kind == FaultKind::TooLong).then(|| too_long::tokens(text)).flatten();
        fault.status = (status >= 400).then_some(status);
        fault.never_wordless(Some(status));
        fault
    }

    fn never_wordless(&mut self, status: Option<u16>) {
        if self.message.is_empty() {
            self.message = status.map_or("an error without a text".to_owned(), |status| format!("HTTP {status}"));
        }
    }
}

fn parse(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).ok()?;
    match value {
        Value::Array(mut items) if !items.is_empty() => Some(items.swap_remove(0)),
        value @ Value::Object(_) => Some(value),
        _ => None,
    }
}

/// Whether an object of a stream, or the body of a 200, is an error and no answer.
fn is_error(value: &Value) -> bool {
    match value.get("error") {
        Some(Value::Null) | None => {}
        Some(Value::Object(error)) => return !error.is_empty(),
        Some(_) => return true,
    }
    let failed = value.get("success").and_then(Value::as_bool) == Some(false);
    let coded = value.get("code").is_some_and(|code| !code.is_null()) && value.get("choices").is_none();
    let spoken = value.get("msg").or_else(|| value.get("message")).is_some_and(Value::is_string);
    let typed = value.get("type").and_then(Value::as_str) == Some("error");
    typed || (spoken && (failed || coded))
}

/// What an error says, found in any of the shapes.
struct Said<'a> {
    error: &'a Value,
    message: String,
    kind: Option<String>,
    code: Option<String>,
}

impl<'a> Said<'a> {
    fn of(value: &'a Value) -> Self {
        let error = match value.get("error") {
            Some(error @ Value::Object(_)) => error,
            _ => value,
        };
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let message = [
            value.get("error").and_then(Value::as_str).map(str::to_owned),
            text(error, "message"),
            text(error, "msg"),
            text(value, "message"),
            text(value, "msg"),
            text(value, "detail"),
            // OpenRouter wraps what the provider said.
            error.pointer("/metadata/raw").and_then(Value::as_str).map(str::to_owned),
        ]
        .into_iter()
        .flatten()
        .find(|message| !message.is_empty())
        .unwrap_or_default();
        let code = match error.get("code") {
            Some(Value::String(code)) if !code.is_empty() => Some(code.clone()),
            Some(Value::Number(code)) => Some(code.to_string()),
            _ => None,
        };
        let kind = text(error, "status").or_else(|| text(error, "type")).filter(|kind| kind != "error");
        Self { error, message, kind, code }
    }

    /// GLM's number: as the code, as the type, or in front of the message as `[1302]`.
    fn glm_code(&self) -> Option<u32> {
        let bracketed = || self.message.strip_prefix('[')?.split_once(']').map(|(code, _)| code);
        [self.code.as_deref(), self.kind.as_deref(), bracketed()]
            .into_iter()
            .flatten()
            .filter_map(|code| code.parse().ok())
            .find(|code| (1000..2000).contains(code))
    }
}

fn kind(status: Option<u16>, said: &Said<'_>) -> FaultKind {
    if let Some(kind) = said.glm_code().and_then(glm::kind) {
        return kind;
    }
    let lower = said.message.to_lowercase();
    // A limit per minute also talks of tokens that are too many; its status or its type tells.
    let limited = status == Some(429) || said.words().any(|word| word.contains("rate_limit"));
    if !limited {
        if too_long::output_too_long(&said.message).is_some() {
            return FaultKind::OutputTooLong;
        }
        if too_long::says_so(&lower) {
            return FaultKind::TooLong;
        }
    }
    // Google says the same words for a minute's limit and for a day's; its details tell them apart.
    if said.words().any(|word| word == "RESOURCE_EXHAUSTED") {
        let daily = said.error.get("details").is_some_and(|details| details.to_string().contains("PerDay"));
        return if daily { FaultKind::Quota } else { FaultKind::RateLimit };
    }
    if let Some(kind) = by_message(&lower, status) {
        return kind;
    }
    if let Some(kind) = said.words().find_map(|word| by_word(word, &lower)) {
        return kind;
    }
    let number = said.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    // An error inside a stream that nobody can place is the vendor's: it had taken the request.
    status.filter(|status| *status >= 400).or(number).map_or(FaultKind::Server, by_status)
}

impl Said<'_> {
    /// The words that a vendor sorts its errors by, the finer one first.
    fn words(&self) -> impl Iterator<Item = &str> {
        [self.code.as_deref(), self.kind.as_deref()].into_iter().flatten()
    }
}

/// A key that is not taken, whatever the status is (Gemini says so with 400 and 403, Anthropic with 403).
const DEAD_KEY: [&str; 11] = [
    "api key not valid",
    "api_key_invalid",
    "invalid api key",
    "incorrect api key",
    "invalid api token",
    "api key expired",
    "api key has expired",
    "api key was reported as leaked",
    "token has been revoked",
    "token has expired",
    "organization has been disabled",
];

/// Texts that say more than the type beside them.
fn by_message(lower: &str, status: Option<u16>) -> Option<FaultKind> {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if says(&DEAD_KEY) {
        return Some(FaultKind::Auth);
    }
    if says(&["credit balance is too low", "insufficient balance", "exceeded your current quota"]) {
        return Some(FaultKind::Quota);
    }
    if says(&["spend limit", "usage limit reached", "insufficient credits", "monthly limit"]) {
        return Some(FaultKind::Quota);
    }
    if says(&["overloaded", "model is busy", "at capacity"]) {
        return Some(FaultKind::Overloaded);
    }
    if NOT_LOADED.iter().any(|phrase| lower.contains(phrase)) && status.is_none_or(|status| status >= 500) {
        return Some(FaultKind::NotLoaded);
    }
    names_no_model(lower, status).then_some(FaultKind::NoModel)
}

/// A model of somebody's own machine that did not get into its memory, or died there: what Ollama says of it (server/sched.go
/// and llm/server.go of ollama/ollama, 2026-11), and what its runners do.
const NOT_LOADED: [&str; 9] = [
    "requires more system memory",
    "requires more memory",
    "out of memory",
    "unable to allocate",
    "unable to load model",
    "failed to load model",
    "error loading model",
    "runner process has terminated",
    "timed out waiting for llama runner",
];

/// Whether a text says that there is no such model, and not that something else is missing which has `model` in its
/// name: a tool, a field, a file.
///
/// `model "qwen9" not found` (Ollama), ``The model `gpt-9` does not exist`` (`OpenAI`), `models/gemini-9 is not found`
/// (Gemini), `Model Not Exist` (`DeepSeek`), `Unknown Model` (GLM): the word stands alone, at most its name follows,
/// and then what is said of it.
fn names_no_model(lower: &str, status: Option<u16>) -> bool {
    const MISSING: [&str; 5] = ["not found", "does not exist", "not exist", "is not found", "was not found"];
    // An error inside of a 200 has no status of its own.
    if !matches!(status, None | Some(200 | 400 | 404)) {
        return false;
    }
    let words: Vec<&str> = lower.split_whitespace().collect();
    words.iter().enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let path = word.trim_start_matches(['`', '"', '\'']).starts_with("models/");
        let noun = word.trim_matches(|mark: char| mark.is_ascii_punctuation() && mark != '_' && mark != '-') == "model";
        if !(path || noun) || matches!(before, "tool" | "function" | "field" | "parameter" | "file") {
            return false;
        }
        let says = |from: usize| {
            let said = words.get(at + from..).unwrap_or_default().join(" ");
            MISSING.iter().any(|missing| said.starts_with(missing))
        };
        says(1) || (noun && (says(2) || matches!(before, "unknown" | "no" | "such")))
    })
}

fn by_word(word: &str, lower: &str) -> Option<FaultKind> {
    Some(match word.to_ascii_lowercase().as_str() {
        "authentication_error" | "invalid_api_key" | "unauthenticated" | "invalid_authentication" => FaultKind::Auth,
        "permission_error" | "permission_denied" | "failed_precondition" | "forbidden" => FaultKind::Permission,
        "model_not_found" | "model_not_available" => FaultKind::NoModel,
        // Anthropic says no more than `model: claude-nope`.
        "not_found_error" if lower.starts_with("model: ") => FaultKind::NoModel,
        "not_found_error" | "not_found" => FaultKind::NotFound,
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" | "billing_not_active" => {
            FaultKind::Quota
        }
        "rate_limit_error" | "rate_limit_exceeded" | "too_many_requests" | "requests" | "tokens" => {
            FaultKind::RateLimit
        }
        "overloaded_error"
        | "unavailable"
        | "server_overloaded"
        | "engine_overloaded_error"
        | "service_unavailable" => FaultKind::Overloaded,
        "timeout_error" | "deadline_exceeded" | "timeout" => FaultKind::Timeout,
        "request_too_large" => FaultKind::TooLarge,
        "context_length_exceeded" | "string_above_max_length" => FaultKind::TooLong,
        "content_filter" | "content_policy_violation" | "policy_blocked" | "invalid_prompt" => FaultKind::ContentPolicy,
        "api_error" | "server_error" | "internal_error" | "internal" | "internal_server_error" => FaultKind::Server,
        "invalid_argument" | "out_of_range" => FaultKind::BadRequest,
        _ => return None,
    })
}

fn by_status(status: u16) -> FaultKind {
    match status {
        401 => FaultKind::Auth,
        402 => FaultKind::Quota,
        403 | 451 => FaultKind::Permission,
        404 | 405 | 410 => FaultKind::NotFound,
        408 | 504 | 524 => FaultKind::Timeout,
        413 => FaultKind::TooLarge,
        429 => FaultKind::RateLimit,
        400..=499 => FaultKind::BadRequest,
        503 | 529 => FaultKind::Overloaded,
        500..=599 => FaultKind::Server,
        _ => FaultKind::Malformed,
    }
}
