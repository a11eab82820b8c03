//! An answer as it arrives: status and headers first, then bytes, each awaited no longer than its phase may take.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::plain;
use super::sim::Play;
use crate::base::secret::Secret;
use crate::route::Timeouts;
use crate::wire::{Fault, FaultKind};

/// The most of an error's body that is read: an error page does not fill the memory.
const LONGEST_ERROR: usize = 256 * 1024;
/// The most of a document that is read: Ollama describes a model with all its layers.
const LONGEST_DOCUMENT: usize = 8 * 1024 * 1024;
/// Nobody waits longer than a month; a larger number would leave the clock's range.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 86_400);
/// Keys of fewer characters are words, and are not searched for.
const SHORTEST_KEY: usize = 8;

/// An answer of which the head is there.
#[derive(Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) waits: Waits,
    pub(super) key: Option<Secret>,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(super) enum Body {
    Plain(plain::Answer),
    Http(reqwest::Response),
    Sim(Play),
}

impl Body {
    async fn chunk(&mut self, host: &str) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Plain(body) => body.chunk().await.transpose().map_err(|error| broken(host, &error)),
            Self::Http(response) => response.chunk().await.map_err(|error| broken(host, &error.without_url())),
            Self::Sim(play) => play.chunk().await,
        }
    }
}

impl Reply {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the vendor took the request: its body is an answer, or claims to be.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's value by its lower-case name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The vendor's own id of the request, to tell its support.
    pub fn request_id(&self) -> Option<&str> {
        ["request-id", "x-request-id", "x-goog-request-id", "x-log-id"].iter().find_map(|name| self.header(name))
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let Self { body, waits, .. } = self;
        let chunk = waits.bound(body.chunk(&waits.host)).await??;
        waits.heard(chunk.is_some());
        Ok(chunk)
    }

    /// The next bytes where they are there already; `None` where they are not.
    pub async fn ready_chunk(&mut self) -> Option<Result<Option<Bytes>, Fault>> {
        let Self { body, waits, .. } = self;
        let ready = {
            let mut next = pin!(body.chunk(&waits.host));
            poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await
        };
        match ready {
            Poll::Ready(chunk) => {
                waits.heard(matches!(chunk, Ok(Some(_))));
                Some(chunk)
            }
            Poll::Pending => None,
        }
    }

    /// Reads the body of an answer that is no success, to its end if it is not too long, so that the connection can
    /// be used again. `now` is what a date in `Retry-After` is counted from.
    pub async fn fault(mut self, now: Timestamp) -> Fault {
        let mut body = Vec::new();
        // Whatever ends the body early: the status is known, and says more.
        while let Ok(Some(chunk)) = self.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ERROR {
                break;
            }
        }
        if (300..400).contains(&self.status) {
            let message = format!("{} answers from another address (HTTP {})", self.waits.host, self.status);
            return Fault { status: Some(self.status), ..Fault::new(FaultKind::NotFound, message) };
        }
        let fault = Fault::read(self.status, |name| self.header(name), &body, now);
        self.clean(fault)
    }

    /// All of a body that is a document.
    pub(super) async fn document(mut self) -> Result<serde_json::Value, Fault> {
        if !self.is_success() {
            // Nobody waits for what it says of another time.
            return Err(self.fault(Timestamp::UNIX_EPOCH).await);
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_DOCUMENT {
                return Err(Fault::new(FaultKind::Malformed, format!("{} says too much", self.waits.host)));
            }
        }
        serde_json::from_slice(&body)
            .map_err(|_error| Fault::new(FaultKind::Malformed, format!("what {} says is not JSON", self.waits.host)))
    }

    /// The fault without the key that was sent, should the vendor have repeated it.
    pub fn clean(&self, mut fault: Fault) -> Fault {
        if let Some(key) = self.key.as_ref().map(Secret::expose).filter(|key| key.len() >= SHORTEST_KEY) {
            fault.message = fault.message.replace(key, "[redacted]");
            fault.code = fault.code.map(|code| code.replace(key, "[redacted]").into());
            fault.reset = fault.reset.map(|reset| reset.replace(key, "[redacted]").into());
        }
        fault
    }

    /// Why the answer's bytes cannot be read although the status is good: it is compressed, which nobody asked for.
    pub fn unreadable(&self) -> Option<Fault> {
        let encoding = self.header("content-encoding").filter(|name| !name.eq_ignore_ascii_case("identity"))?;
        let message = format!("{} compressed the answer ({encoding}), which it was asked not to do", self.waits.host);
        Some(Fault::new(FaultKind::Malformed, message))
    }
}

/// How long the phases of one request may still take.
#[derive(Debug)]
pub(super) struct Waits {
    host: Arc<str>,
    timeouts: Timeouts,
    started: Instant,
    /// When the last bytes of the body came.
    last: Option<Instant>,
}

impl Waits {
    /// The clock starts now.
    pub(super) fn new(host: &Arc<str>, timeouts: Timeouts) -> Self {
        Self { host: Arc::clone(host), timeouts, started: Instant::now(), last: None }
    }

    fn heard(&mut self, bytes: bool) {
        if bytes {
            self.last = Some(Instant::now());
        }
    }

    /// Waits for `next` no longer than the phase and the whole may take.
    pub(super) async fn bound<T>(&self, next: impl Future<Output = T>) -> Result<T, Fault> {
        let Timeouts { first_byte, idle, total, .. } = self.timeouts;
        let after = |from: Instant, wait: Duration| from + wait.min(LONGEST_WAIT);
        let end = after(self.started, total);
        let (phase_end, late) = match self.last {
            None => (after(self.started, first_byte), ("did not begin to answer within", first_byte, "first_byte")),
            Some(last) => (after(last, idle), ("went silent in its answer for", idle, "idle")),
        };
        let (by, late) =
            if end <= phase_end { (end, ("was not done within", total, "total")) } else { (phase_end, late) };
        timeout_at(by, next).await.map_err(|_elapsed| {
            let (what, limit, phase) = late;
            Fault::new(FaultKind::Timeout, format!("{} {what} {} (timeout {phase})", self.host, seconds(limit)))
        })
    }
}

/// `120 s`, `1.5 s`, `20 ms`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs_f64())
    }
}

/// The connection broke while the answer came.
fn broken(host: &str, error: &(dyn Error + 'static)) -> Fault {
    Fault::new(FaultKind::Cut, format!("{host} broke off its answer: {}", innermost(error)))
}

/// The system's own reason.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The error and what it comes from.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_the_unit_that_fits() {
        for (millis, told) in [(20, "20 ms"), (1_000, "1 s"), (1_500, "1.5 s"), (120_000, "120 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), told);
        }
    }
}
