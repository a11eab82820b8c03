//! Answers and refusals, in the words of the client that asked.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::model::RequestId;
use crate::wire::{Fault, FaultKind};

use super::body::Body;
use super::inbound::Speech;

/// What goes back to the client.
pub(in crate::gateway) type Answer = Response<Body>;

/// `value` as a JSON answer.
pub(in crate::gateway) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes_as(status, "application/json", bytes),
        Err(_) => bytes_as(StatusCode::INTERNAL_SERVER_ERROR, "application/json", Vec::new()),
    }
}

/// Bytes of this type as an answer.
pub(in crate::gateway) fn bytes_as(
    status: StatusCode,
    content_type: &'static str,
    bytes: impl Into<hyper::body::Bytes>,
) -> Answer {
    let mut answer = Response::new(Body::whole(bytes));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A vendor's failure, or one like it, told to a client of `speech`.
pub(in crate::gateway) fn fault(speech: Speech, id: &RequestId, fault: &Fault) -> Answer {
    let Some(dialect) = speech.dialect() else {
        let reply = fault.reply(crate::wire::Dialect::Chat, id.as_str());
        let code = fault.kind.as_str();
        let mut answer = json(status(reply.status), &json!({"error": {"code": code, "message": fault.message}}));
        add(&mut answer, reply.headers);
        return answer;
    };
    let reply = fault.reply(dialect, id.as_str());
    let mut answer = bytes_as(status(reply.status), "application/json", reply.body);
    add(&mut answer, reply.headers);
    answer
}

/// A refusal of the gateway's own: with a status, a stable code, a message and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Refusal {
    /// The status, whatever the dialect.
    pub(in crate::gateway) status: StatusCode,
    /// The sort of failure, for the dialects' own words.
    pub(in crate::gateway) kind: FaultKind,
    /// The stable name for programs.
    pub(in crate::gateway) code: &'static str,
    /// What is wrong.
    pub(in crate::gateway) message: String,
    /// What to do.
    pub(in crate::gateway) hint: Option<String>,
    /// Headers beside those of the dialect.
    pub(in crate::gateway) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal without a hint.
    pub(in crate::gateway) fn new(
        status: StatusCode,
        kind: FaultKind,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { status, kind, code, message: message.into(), hint: None, headers: Vec::new() }
    }

    /// The request is wrong: 400.
    pub(in crate::gateway) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, FaultKind::BadRequest, code, message)
    }

    /// There is no such thing: 404.
    pub(in crate::gateway) fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, FaultKind::NotFound, code, message)
    }

    /// The same refusal, and what to do about it.
    #[must_use]
    pub(in crate::gateway) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same refusal with a header.
    #[must_use]
    pub(in crate::gateway) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The refusal as an answer for a client of `speech`.
    pub(in crate::gateway) fn answer(&self, speech: Speech, id: &RequestId) -> Answer {
        let mut answer = match speech.dialect() {
            Some(dialect) => {
                let message = match &self.hint {
                    Some(hint) => format!("{}; {hint}", self.message),
                    None => self.message.clone(),
                };
                let reply = Fault::new(self.kind, message).reply(dialect, id.as_str());
                let mut answer = bytes_as(self.status, "application/json", reply.body);
                add(&mut answer, reply.headers);
                answer
            }
            None => {
                json(self.status, &json!({"error": {"code": self.code, "message": self.message, "hint": self.hint}}))
            }
        };
        add(&mut answer, self.headers.iter().cloned());
        answer
    }
}

/// The status of this number; 500 where it is none.
fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Puts the headers into the answer; a value that is no header is left out.
pub(in crate::gateway) fn add(answer: &mut Answer, headers: impl IntoIterator<Item = (&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}
