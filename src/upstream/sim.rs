//! The provider inside moai that needs no key and no network: it plays its script, in the bytes that a vendor would
//! send, so that everything behind it is the real thing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;

use crate::model::Usage;
use crate::route::{SimScript, SimStep};
use crate::wire::write::{Answer, AnthropicSse};
use crate::wire::{Delta, Event, Fault, FaultKind, Opened, Request, StopReason, estimate_tokens};

/// How many calls each simulated provider has had in this process.
#[derive(Debug, Default)]
pub(super) struct Played(Mutex<BTreeMap<String, usize>>);

impl Played {
    /// The number of this call, from 0.
    fn next(&self, provider: &str) -> usize {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry(provider.to_owned()).or_default();
        *calls += 1;
        *calls - 1
    }
}

/// An answer that is being played.
#[derive(Debug)]
pub(super) struct Play {
    status: u16,
    headers: HeaderMap,
    pieces: VecDeque<Bytes>,
    /// Before each piece but the first.
    between: Duration,
    begun: bool,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    Cut,
    Hang,
}

/// What the next call of `provider` meets.
pub(super) async fn open(script: &SimScript, provider: &str, body: &[u8], played: &Played) -> Result<Play, Fault> {
    let step = script.step(played.next(provider));
    if *step == SimStep::Refuse {
        return Err(Fault::new(FaultKind::Unreachable, format!("{provider} cannot be reached: connection refused")));
    }
    tokio::time::sleep(script.first_byte).await;
    let mut play = Play {
        status: 200,
        headers: HeaderMap::new(),
        pieces: VecDeque::new(),
        between: script.between,
        begun: false,
        end: End::Whole,
    };
    match step {
        SimStep::Answer | SimStep::Refuse => play.say(script, body),
        SimStep::Cut(after) => {
            play.say(script, body);
            // The start of the message and of its block come before the first piece of text.
            play.pieces.truncate(after.saturating_add(1));
            play.end = End::Cut;
        }
        SimStep::Hang => play.end = End::Hang,
        SimStep::Garbage => play.pieces.push_back(Bytes::from_static(b"data: {\"type\": \"message_sta\n\n")),
        SimStep::Status { status, retry_after, body } => {
            play.status = *status;
            if let Some(wait) = retry_after.and_then(|wait| HeaderValue::from_str(&wait.as_secs_f64().to_string()).ok())
            {
                play.headers.insert("retry-after", wait);
            }
            let body = body.clone().unwrap_or_else(|| error_body(*status));
            play.pieces.push_back(body.into());
        }
    }
    Ok(play)
}

impl Play {
    /// The answer, as a stream where the request wants one.
    fn say(&mut self, script: &SimScript, body: &[u8]) {
        // Who sends no messages, or no JSON, is told what vendors say.
        let request = Request::peek(Bytes::copy_from_slice(body)).ok().filter(|request| request.head().messages > 0);
        let Some(request) = request else {
            self.status = 400;
            self.pieces.push_back(error_body(400).into());
            return;
        };
        // A client's own notes behind the user's words are nothing to repeat.
        let said = script.answer.clone().or_else(|| request.last_user_text()).filter(|said| !said.is_empty());
        let said = said.unwrap_or_else(|| "nothing was said".to_owned());
        let content = if request.head().stream { "text/event-stream" } else { "application/json" };
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        self.pieces = pieces(split(&said, script.piece), &request);
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.begun && !self.pieces.is_empty() {
            tokio::time::sleep(self.between).await;
        }
        self.begun = true;
        match (self.pieces.pop_front(), self.end) {
            (Some(piece), _) => Ok(Some(piece)),
            (None, End::Whole) => Ok(None),
            (None, End::Cut) => Err(Fault::new(FaultKind::Cut, "the simulated provider broke off its answer")),
            (None, End::Hang) => std::future::pending().await,
        }
    }
}

fn error_body(status: u16) -> String {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": "simulated failure"}}).to_string()
}

/// The answer in pieces: its start, one for each bit of text, its end; all in one where it is no stream.
fn pieces(texts: Vec<String>, request: &Request) -> VecDeque<Bytes> {
    let (model, input) = (request.head().model.as_str(), estimate_tokens(request.bytes()));
    let usage = Usage::new(input, estimate_tokens(texts.concat().as_bytes()));
    let begin = Event::Start { id: "msg_sim".into(), model: model.to_owned(), usage: Some(Usage::new(input, 0)) };
    let stop = Event::Stop { reason: StopReason::EndTurn, sequence: None, usage: Some(usage) };
    let start = vec![begin, Event::Open { index: 0, block: Opened::Text }];
    let deltas = texts.into_iter().map(|text| vec![Event::Delta { index: 0, delta: Delta::Text(text) }]);
    let end = vec![Event::Close { index: 0 }, stop, Event::End];
    let all = std::iter::once(start).chain(deltas).chain([end]);
    if !request.head().stream {
        let mut whole = Answer::default();
        all.flatten().for_each(|event| whole.take(event));
        return VecDeque::from([whole.anthropic(model, input).to_string().into()]);
    }
    let mut sse = AnthropicSse::new(model, input);
    let mut written = |events: Vec<Event>| {
        let mut out = Vec::new();
        for event in &events {
            sse.write(event, &mut out);
        }
        Bytes::from(out)
    };
    all.map(&mut written).collect()
}

/// The text in pieces of so many characters; 0 is all of it.
fn split(text: &str, size: usize) -> Vec<String> {
    if size == 0 {
        return vec![text.to_owned()];
    }
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    async fn all(script: &SimScript, body: &Value) -> (u16, Result<String, Fault>) {
        let mut play = open(script, "sim", body.to_string().as_bytes(), &Played::default()).await.unwrap();
        let mut text = String::new();
        loop {
            match play.chunk().await {
                Ok(Some(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Ok(None) => return (play.status(), Ok(text)),
                Err(fault) => return (play.status(), Err(fault)),
            }
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn the_prompt_comes_back_in_pieces_and_the_same_each_time() {
        let script = SimScript { piece: 3, ..SimScript::default() };
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        let body = json!({"model": "sim", "stream": true, "messages": [
            {"role": "user", "content": text("old")}, {"role": "assistant", "content": text("x")},
            {"role": "user", "content": text("한글 네 글자")},
            {"role": "user", "content": text("<system-reminder>a client's note</system-reminder>")},
        ]});
        let (status, once) = run(all(&script, &body));
        let once = once.unwrap();
        assert_eq!(status, 200);
        assert!(once.contains(r#""text":"한글 ""#) && once.contains(r#""text":"네 글""#), "{once}");
        assert_eq!(Ok(once), run(all(&script, &body)).1);
        let plain = json!({"model": "sim", "messages": [{"role": "user", "content": "plain"}]});
        assert!(run(all(&SimScript::default(), &plain)).1.unwrap().contains(r#""text":"plain""#));
    }

    #[test]
    fn who_wants_no_stream_gets_one_document() {
        let body = json!({"model": "sim", "messages": [{"role": "user", "content": "say hi"}]});
        let (status, said) = run(all(&SimScript { piece: 1, ..SimScript::default() }, &body));
        let said: Value = serde_json::from_str(&said.unwrap()).unwrap();
        assert_eq!((status, &said["content"][0]["text"]), (200, &json!("say hi")));
        let cut = SimScript { steps: vec![SimStep::Cut(1)], ..SimScript::default() };
        assert_eq!(run(all(&cut, &body)).1.unwrap_err().kind, FaultKind::Cut);
    }

    #[test]
    fn faults_come_as_vendors_send_them() {
        let script = |step| SimScript { steps: vec![step], ..SimScript::default() };
        let busy = SimStep::Status { status: 429, retry_after: Some(Duration::from_millis(1500)), body: None };
        let play = run(open(&script(busy), "sim", b"{}", &Played::default())).unwrap();
        assert_eq!((play.status(), play.headers().get("retry-after").unwrap().to_str().unwrap()), (429, "1.5"));
        let body = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "abc"}]}]});
        assert_eq!(run(all(&script(SimStep::Cut(1)), &body)).1.unwrap_err().kind, FaultKind::Cut);
        let refused = run(open(&script(SimStep::Refuse), "sim", b"", &Played::default())).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Unreachable);
    }
}
