//! A client's request through a relay: real sockets, both dialects of clients, every fault that vendors have, before
//! the first content and after it.

use std::time::Duration;

use moai::exchange::{Board, By, End, Finished, Head, Query, RelayOrder, count_tokens, outlet, relay};
use moai::journal::Outcome;
use moai::model::RequestId;
use moai::route::{Decision, Engine, Provider, SimScript, SimStep, Timeouts};
use moai::wire::{Dialect, FaultKind, Quirks, Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::exchange::{PATIENT, RULES, SOON, STEADY, decision, lines, provider};
use crate::scratch::{KEY, NOW};
use crate::upstream::{Answer, Spoken, Vendor};

const TEXT: &str = "안녕하세요, wörld 🌍";
const PING: Duration = Duration::from_secs(10);
const HOLD: Duration = Duration::from_secs(20);
/// The dialects that clients speak.
const CLIENTS: [Dialect; 2] = [Dialect::Anthropic, Dialect::Chat];

/// What a client saw.
#[derive(Debug)]
struct Seen {
    head: Option<Head>,
    body: Vec<u8>,
    /// The body had an end.
    ended: bool,
}

impl Seen {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    fn head(&self) -> &Head {
        self.head.as_ref().expect("a head")
    }

    /// The data of each event of a stream, in the client's dialect.
    #[track_caller]
    fn events(&self, dialect: Dialect) -> Vec<Value> {
        assert!(self.text().is_empty() || self.text().ends_with("\n\n"), "half an event: {}", self.text());
        let mut events = Vec::new();
        for event in self.text().split_terminator("\n\n").filter(|event| !event.starts_with(':')) {
            let (name, data) = match event.strip_prefix("event: ") {
                Some(named) => named.split_once('\n').map(|(name, data)| (Some(name), data)).unwrap(),
                None => (None, event),
            };
            let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event}"));
            if data == "[DONE]" {
                events.push(json!("[DONE]"));
                continue;
            }
            let data: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
            if dialect == Dialect::Anthropic {
                assert_eq!(data["type"].as_str(), name, "{event}");
            }
            events.push(data);
        }
        events
    }

    /// The blocks that a client of Anthropic's dialect puts together and sends back.
    #[track_caller]
    fn blocks(&self) -> Value {
        if let Ok(whole) = serde_json::from_str::<Value>(self.text()) {
            return whole["content"].clone();
        }
        let mut blocks: Vec<Value> = Vec::new();
        for event in self.events(Dialect::Anthropic) {
            match event["type"].as_str() {
                Some("content_block_start") => blocks.push(event["content_block"].clone()),
                Some("content_block_delta") => {
                    let block = blocks.last_mut().unwrap();
                    for key in ["text", "thinking", "signature"] {
                        if let Some(piece) = event["delta"][key].as_str() {
                            block[key] = format!("{}{piece}", block[key].as_str().unwrap()).into();
                        }
                    }
                }
                _ => {}
            }
        }
        blocks.into()
    }

    /// The text that a client puts together.
    #[track_caller]
    fn said(&self, dialect: Dialect) -> String {
        let pointer = if dialect == Dialect::Anthropic { "/delta/text" } else { "/choices/0/delta/content" };
        self.events(dialect).iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
    }
}

fn body(dialect: Dialect, stream: bool) -> Value {
    let mut body = json!({"model": "asked", "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": "hello"}]});
    if dialect == Dialect::Chat {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

fn query(dialect: Dialect, body: &Value) -> Query {
    let request = Request::peek(body.to_string().into_bytes()).unwrap();
    Query::new(request, dialect, &reqwest::header::HeaderMap::new(), None)
}

const fn is_send<T: Send>(future: T) -> T {
    future
}

/// Relays; the client goes away after so many pieces.
fn relayed(decision: &Decision, query: &Query, pieces: usize) -> (Finished, Seen) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    on(&runtime, decision, query, pieces)
}

fn on(runtime: &Runtime, decision: &Decision, query: &Query, pieces: usize) -> (Finished, Seen) {
    let (ping, hold) = (PING, HOLD);
    let id: RequestId = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
    let now = || NOW.parse().unwrap();
    let lines = lines();
    let order = RelayOrder {
        decision,
        query,
        rules: RULES,
        id: &id,
        lines: &lines,
        board: None,
        now: &now,
        affords: None,
        ping,
        hold,
        gist: None,
    };
    let (out, mut answering) = outlet();
    let client = async move {
        let mut seen = Seen { head: answering.head().await.ok(), body: Vec::new(), ended: false };
        if let Some(whole) = seen.head.as_ref().and_then(|head| head.whole.clone()) {
            seen.body.extend_from_slice(&whole);
        }
        for _ in 0..pieces {
            match answering.piece().await {
                Some(Ok(bytes)) => seen.body.extend_from_slice(&bytes),
                Some(Err(_torn)) => break,
                None => {
                    seen.ended = true;
                    break;
                }
            }
        }
        seen
    };
    let (finished, seen) = runtime.block_on(async { tokio::join!(is_send(relay(&order, out)), client) });
    assert!(!format!("{finished:?}{seen:?}").contains("SeCrEt"), "{finished:?}");
    (finished, seen)
}

/// One request of a client to a vendor that answers `one` by these and `two` by a good answer of the client's dialect.
fn ask(
    client: Dialect,
    stream: bool,
    dialect: Dialect,
    timeouts: Timeouts,
    answers: impl IntoIterator<Item = Answer>,
) -> (Finished, Seen, Vendor, Vendor) {
    let (vendor, spare) = (Vendor::start(), Vendor::start());
    answers.into_iter().fold(vendor.on("/*"), crate::upstream::Script::answer);
    spare.on("/*").answer(Answer::said(client, "the spare"));
    let first = Provider { timeouts, ..provider("one", dialect, &vendor.url()) };
    let decision = decision(&[first, provider("two", client, &spare.url())]);
    let (finished, seen) = relayed(&decision, &query(client, &body(client, stream)), usize::MAX);
    (finished, seen, vendor, spare)
}

fn trials(finished: &Finished) -> Vec<(Outcome, Option<FaultKind>)> {
    finished.trials.iter().map(|trial| (trial.outcome, trial.fault.as_ref().map(|fault| fault.kind))).collect()
}

#[test]
fn every_vendor_answers_every_client() {
    for client in CLIENTS {
        for dialect in Dialect::ALL {
            let (finished, seen, vendor, _spare) = ask(client, true, dialect, PATIENT, [Answer::said(dialect, TEXT)]);
            let name = format!("{client} asks {dialect}: {seen:?}");
            assert_eq!(seen.said(client), TEXT, "{name}");
            assert!(seen.ended, "{name}");
            assert_eq!(trials(&finished), [(Outcome::Ok, None)], "{name}");
            let usage = finished.trials[0].usage.unwrap();
            assert_eq!((usage.input, usage.output), (12, 7), "{name}");
            let head = seen.head();
            assert_eq!((head.status, head.attempts), (200, 1), "{name}");
            let by = By {
                model: "one".into(),
                provider: "one".into(),
                deployment: None,
                tier: moai::model::Tier::Two,
                fallback: false,
            };
            assert_eq!(head.by, Some(by));
            assert_eq!(vendor.seen().len(), 1);
        }
    }
}

/// What goes wrong before the first content is another vendor's chance.
#[test]
fn nobody_notices_what_fails_before_the_first_content() {
    type Answers = fn(Dialect) -> Vec<Answer>;
    let rows: &[(&str, Timeouts, Answers)] = &[
        ("429", PATIENT, |d| vec![Answer::error(d, 429)]),
        ("401", PATIENT, |d| vec![Answer::error(d, 401)]),
        ("403", PATIENT, |d| vec![Answer::error(d, 403)]),
        ("404", PATIENT, |d| vec![Answer::error(d, 404)]),
        ("500", PATIENT, |d| vec![Answer::error(d, 500)]),
        ("529", PATIENT, |d| vec![Answer::error(d, 529)]),
        ("an error with 200", PATIENT, |d| vec![Answer::error(d, 529).status(200)]),
        ("a page with 200", PATIENT, |_| vec![Answer::page(200)]),
        ("nothing with 200", PATIENT, |d| vec![Answer::said(d, TEXT).keep(0)]),
        ("garbage", PATIENT, |d| vec![Answer::garbage(d)]),
        ("a cut before anything", PATIENT, |d| vec![Answer::said(d, TEXT).cut_after(0)]),
        ("a cut after the start", PATIENT, |d| vec![Answer::said(d, TEXT).cut_after(1).before_content(d)]),
        ("a reset", PATIENT, |d| vec![Answer::said(d, TEXT).reset_after(0)]),
        ("silence", SOON, |_| vec![Answer::silence()]),
        ("a stall after the start", STEADY, |d| vec![Answer::said(d, TEXT).before_content(d).hangs_after(2)]),
    ];
    for (name, timeouts, answers) in rows {
        for client in CLIENTS {
            for (dialect, stream) in [(Dialect::Anthropic, true), (Dialect::Chat, true), (client, false)] {
                let (finished, seen, ..) = ask(client, stream, dialect, *timeouts, answers(dialect));
                let name = format!("{name}: {client} asks {dialect}: {seen:?}: {:#?}", finished.trials);
                assert_eq!(finished.end, End::Answered, "{name}");
                assert_eq!(seen.head().status, 200, "{name}");
                assert!(seen.head().by.as_ref().is_some_and(|by| by.fallback && by.model == "two"), "{name}");
                if stream {
                    assert_eq!(seen.said(client), "the spare", "{name}");
                    assert!(!seen.text().contains("error"), "{name}");
                } else {
                    assert!(seen.text().contains("the spare"), "{name}");
                }
                let (last, failed) = finished.trials.split_last().unwrap();
                assert_eq!(last.outcome, Outcome::Ok, "{name}");
                assert!(!failed.is_empty() && failed.iter().all(|trial| trial.outcome == Outcome::Failed), "{name}");
            }
        }
    }
}

/// Claude ends a turn without a word where a tool's answer leaves nothing to say; Claude Code knows what to do with it.
#[test]
fn an_end_without_a_word_that_is_meant_goes_on() {
    let thought = |answer: Answer| answer.replacing("text_delta\",\"text", "thinking_delta\",\"thinking");
    for client in CLIENTS {
        for stream in [true, false] {
            let mut answers = vec![Answer::empty(Dialect::Anthropic)];
            if stream {
                let block = r#""content_block":{"type":"text","text":""}"#;
                let thinks = r#""content_block":{"type":"thinking","thinking":"","signature":""}"#;
                answers.push(thought(Answer::said(Dialect::Anthropic, "hm")).replacing(block, thinks));
            } else if client == Dialect::Anthropic {
                let text = r#"{"type":"text","text":""}"#;
                answers = vec![Answer::whole(client, "").replacing(text, "")];
            }
            for answer in answers {
                let kept = answer.bytes();
                let (finished, seen, vendor, spare) = ask(client, stream, Dialect::Anthropic, PATIENT, [answer]);
                let name = format!("{client}, stream {stream}: {seen:?}: {:#?}", finished.trials);
                assert_eq!(trials(&finished), [(Outcome::Ok, None)], "{name}");
                assert_eq!((vendor.seen().len(), spare.seen().len()), (1, 0), "{name}");
                assert_eq!(seen.head().status, 200, "{name}");
                assert!(seen.ended && !seen.text().contains("\"error\""), "{name}");
                if client == Dialect::Anthropic {
                    let same = seen.text() == String::from_utf8_lossy(&kept);
                    assert!(same || !stream, "{name}");
                    assert!(seen.text().contains("\"end_turn\""), "{name}");
                } else {
                    assert!(seen.text().contains("\"stop\""), "{name}");
                }
            }
        }
    }
}

/// In other dialects, and where nothing was generated, it is more often a failure: it is asked for once more, and whoever
/// says the same again is believed.
#[test]
fn an_end_without_a_word_is_doubted_once() {
    let nothing = || Answer::empty(Dialect::Anthropic).replacing("\"output_tokens\":7", "\"output_tokens\":0");
    let nothing = || nothing().replacing("\"output_tokens\":1", "\"output_tokens\":0");
    for client in CLIENTS {
        for dialect in Dialect::ALL {
            for stream in [true, false] {
                let empty = || if dialect == Dialect::Anthropic { nothing() } else { Answer::empty(dialect) };
                let name = format!("{client} asks {dialect}, stream {stream}");
                let failed = (Outcome::Failed, Some(FaultKind::Malformed));
                let (finished, seen, _vendor, spare) = ask(client, stream, dialect, PATIENT, [empty()]);
                assert_eq!(trials(&finished), [failed, (Outcome::Ok, None)], "{name}: {seen:?}");
                assert_eq!((seen.head().status, seen.head().attempts, spare.seen().len()), (200, 2, 0), "{name}");
                assert!(seen.ended && !seen.text().contains("\"error\""), "{name}: {seen:?}");
                let (finished, seen, ..) =
                    ask(client, stream, dialect, PATIENT, [empty(), Answer::said(dialect, TEXT)]);
                assert_eq!(trials(&finished), [failed, (Outcome::Ok, None)], "{name}: {seen:?}");
                assert!(seen.text().contains('🌍'), "{name}: {seen:?}");
            }
        }
    }
}

/// The error that ends a stream, in the client's dialect.
fn is_error(client: Dialect, event: &Value) -> bool {
    match client {
        Dialect::Anthropic => event["type"] == "error" && event["error"]["message"].is_string(),
        _ => event["error"]["message"].is_string(),
    }
}

/// What goes wrong after it is told, and is no end.
#[test]
fn what_fails_after_the_first_content_is_an_error_and_no_end() {
    type Answers = fn(Dialect) -> Answer;
    let rows: &[(&str, Timeouts, Answers, FaultKind)] = &[
        ("a cut", PATIENT, |d| Answer::said(d, TEXT).cut_after(5), FaultKind::Cut),
        ("a reset", PATIENT, |d| Answer::said(d, TEXT).cut_after(6), FaultKind::Cut),
        ("an end too early", PATIENT, |d| Answer::said(d, TEXT).keep(5), FaultKind::Cut),
        ("a stall", STEADY, |d| Answer::said(d, TEXT).hangs_after(5), FaultKind::Timeout),
        ("half an event", PATIENT, |d| Answer::said(d, TEXT).keep(6).ending("data: {\"type\":\"cont"), FaultKind::Cut),
        (
            "garbage",
            PATIENT,
            |d| Answer::said(d, TEXT).keep(6).ending("event: error\ndata: {\"type\": \"error\n\n"),
            FaultKind::Malformed,
        ),
        (
            "an overload",
            PATIENT,
            |d| {
                let error = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \
                             \"message\": \"SeCrEt busy\"}}\n\n";
                Answer::said(d, TEXT).keep(6).ending(error)
            },
            FaultKind::Overloaded,
        ),
    ];
    for (name, timeouts, answer, kind) in rows {
        for client in CLIENTS {
            for dialect in [Dialect::Anthropic, Dialect::Chat] {
                let answer = answer(dialect);
                let key = name.contains("overload");
                let answer = if key { answer.replacing("SeCrEt", KEY) } else { answer };
                let (finished, seen, _vendor, spare) = ask(client, true, dialect, *timeouts, [answer]);
                let name = format!("{name}: {client} asks {dialect}: {seen:?}");
                assert!(matches!(&finished.end, End::Cut(fault) if fault.kind == *kind), "{name}: {:?}", finished.end);
                assert_eq!(trials(&finished), [(Outcome::Cut, Some(*kind))], "{name}");
                assert!(finished.trials[0].billed && finished.trials[0].estimated, "{name}");
                assert_eq!(seen.head().status, 200, "{name}");
                let events = seen.events(client);
                let (last, others) = events.split_last().unwrap();
                assert!(is_error(client, last) && !others.iter().any(|event| is_error(client, event)), "{name}");
                assert!(!seen.text().contains("message_stop") && !seen.text().contains("[DONE]"), "{name}");
                let said = seen.said(client);
                assert!(!said.is_empty() && TEXT.starts_with(&said), "{name}");
                assert!(seen.ended, "{name}");
                assert_eq!(spare.seen().len(), 0, "{name}");
            }
        }
    }
}

/// A conversation goes from Z.AI to Claude and back. Both sign their thinking, each in its own way, and answer 400 to what
/// the other one signed; the client sends it all back.
#[test]
fn thinking_goes_back_only_to_whoever_thought_it() {
    let thinks = |text: &str, thinking| Spoken { thinking: Some(thinking), ..Spoken::text(text) };
    for stream in [true, false] {
        let (zai, claude) = (Vendor::start(), Vendor::start());
        zai.on("/*").answer(thinks("from GLM", "glm's").answer(Dialect::Anthropic));
        claude.on("/*").answer(thinks("from Claude", "claude's").answer(Dialect::Anthropic));
        let other = Quirks { origin: "zai".into(), ..Quirks::preset("anthropic-compatible").unwrap() };
        let zais = Provider { quirks: other, ..provider("one", Dialect::Anthropic, &zai.url()) };
        let to_zai = decision(&[zais.clone(), provider("two", Dialect::Anthropic, &claude.url())]);
        let to_claude = decision(&[provider("one", Dialect::Anthropic, &claude.url()), zais]);
        let mut asked = body(Dialect::Anthropic, stream);
        // What the client was told, sent back with its next words.
        let mut turn = |decision: &Decision| {
            let (finished, seen) = relayed(decision, &query(Dialect::Anthropic, &asked), usize::MAX);
            assert_eq!(trials(&finished), [(Outcome::Ok, None)], "{seen:?}");
            let blocks = seen.blocks();
            let messages = asked["messages"].as_array_mut().unwrap();
            messages.push(json!({"role": "assistant", "content": blocks}));
            messages.push(json!({"role": "user", "content": "go on"}));
            let dropped = seen.head().dropped.iter().map(|dropped| dropped.field.to_string()).collect::<Vec<_>>();
            (blocks, dropped)
        };
        let thought =
            |signature: &str, thinking: &str| json!({"type": "thinking", "thinking": thinking, "signature": signature});
        let text = |text: &str| json!({"type": "text", "text": text});
        let (blocks, _) = turn(&to_zai);
        assert_eq!(blocks, json!([thought("moai-zai-v1:c2VhbA==", "glm's"), text("from GLM")]));
        let (blocks, dropped) = turn(&to_claude);
        assert_eq!(blocks, json!([thought("c2VhbA==", "claude's"), text("from Claude")]), "Claude's own is untouched");
        assert_eq!(dropped, ["thinking"]);
        turn(&to_zai);
        turn(&to_claude);
        let sent = |vendor: &Vendor, at: usize| {
            let messages = vendor.seen()[at].json()["messages"].clone();
            let said = messages.as_array().unwrap().iter().filter(|message| message["role"] == "assistant");
            said.map(|message| message["content"].clone()).collect::<Vec<_>>()
        };
        let (glms, claudes) = (json!([text("from GLM")]), json!([text("from Claude")]));
        let glms_own = json!([thought("c2VhbA==", "glm's"), text("from GLM")]);
        let claudes_own = json!([thought("c2VhbA==", "claude's"), text("from Claude")]);
        assert_eq!(sent(&claude, 0), std::slice::from_ref(&glms));
        assert_eq!(sent(&zai, 1), [glms_own, claudes], "as it was signed");
        assert_eq!(sent(&claude, 1), [glms.clone(), claudes_own, glms]);
    }
}

#[test]
fn an_answer_that_is_not_streamed_fails_over_to_its_end() {
    for client in CLIENTS {
        let half = |d: Dialect| Answer::whole(d, TEXT).split(40).keep(3);
        for (dialect, answer) in [
            (client, half(client)),
            (client, half(client).cut_after(2)),
            (client, Answer::said(client, TEXT).cut_after(6)),
            (Dialect::Gemini, Answer::said(Dialect::Gemini, TEXT).cut_after(6)),
        ] {
            let (finished, seen, ..) = ask(client, false, dialect, PATIENT, [answer]);
            assert_eq!(finished.end, End::Answered, "{client} asks {dialect}: {:#?}", finished.trials);
            assert!(seen.text().contains("the spare") && !seen.text().contains("안녕"), "{seen:?}");
            assert!(seen.head().by.as_ref().is_some_and(|by| by.fallback));
        }
    }
}

/// The client's bytes but for the model, and the vendor's bytes but for nothing.
#[test]
fn bytes_of_the_same_dialect_go_on_and_come_back_as_they_are() {
    for (client, path) in [(Dialect::Anthropic, "/v1/messages"), (Dialect::Chat, "/chat/completions")] {
        for stream in [true, false] {
            let sent = format!(
                "{{ \"x-unknown\" : [1.0, 1e5, 0.10] ,\"model\":\"asked\", \"zeta\":{{\"b\":1,\"a\":2}},\"stream\":{stream},\
                 \"stream_options\":{{\"include_usage\":true}}, \"max_tokens\": 1e2,\
                 \"messages\":[{{\"content\":\"\\ud55c\\uae00 \\/ é\",\"role\":\"user\"}}]\n}}"
            );
            let answer =
                if stream { Answer::said(client, TEXT).split(11) } else { Answer::whole(client, TEXT).split(7) };
            let vendor = Vendor::start();
            let kept = answer.bytes();
            vendor.on("/*").answer(answer);
            let decision = decision(&[provider("one", client, &vendor.url()), provider("two", client, &vendor.url())]);
            let query = Query::new(
                Request::peek(sent.clone().into_bytes()).unwrap(),
                client,
                &reqwest::header::HeaderMap::new(),
                None,
            );
            let (finished, seen) = relayed(&decision, &query, usize::MAX);
            assert_eq!(vendor.count(path), 1);
            let went = String::from_utf8(vendor.seen()[0].body.clone()).unwrap();
            assert_eq!(went, sent.replace("\"asked\"", "\"one-id\""));
            assert_eq!(seen.text(), String::from_utf8_lossy(&kept));
            let usage = finished.trials[0].usage.unwrap();
            assert_eq!((usage.input, usage.output, finished.trials[0].estimated), (12, 7, false));
            let kind = seen.head().headers["content-type"].to_str().unwrap();
            assert!(kind.starts_with(if stream { "text/event-stream" } else { "application/json" }));
        }
    }
}

#[test]
fn the_usage_is_asked_for_and_told_to_nobody_who_did_not_ask() {
    let vendor = Vendor::start();
    vendor.on("/*").answer(Answer::said(Dialect::Chat, TEXT));
    let decision =
        decision(&[provider("one", Dialect::Chat, &vendor.url()), provider("two", Dialect::Chat, &vendor.url())]);
    let asked = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let (finished, seen) = relayed(&decision, &query(Dialect::Chat, &asked), usize::MAX);
    assert_eq!(vendor.seen()[0].json()["stream_options"]["include_usage"], true);
    assert_eq!(finished.trials[0].usage.map(|usage| usage.output), Some(7));
    assert_eq!(seen.said(Dialect::Chat), TEXT);
    assert!(!seen.text().contains("prompt_tokens") && seen.text().ends_with("data: [DONE]\n\n"), "{seen:?}");
}

#[test]
fn a_client_that_goes_cancels_the_vendor_and_what_was_said_is_accounted() {
    for client in CLIENTS {
        for dialect in [Dialect::Anthropic, Dialect::Chat] {
            let vendor = Vendor::start();
            vendor.on("/*").answer(Answer::said(dialect, TEXT).hangs_after(8));
            let decision =
                decision(&[provider("one", dialect, &vendor.url()), provider("two", dialect, &vendor.url())]);
            let (finished, seen) = relayed(&decision, &query(client, &body(client, true)), 1);
            assert!(matches!(finished.end, End::Stopped(_)), "{client} asks {dialect}: {:?}", finished.end);
            assert!(!seen.said(client).is_empty());
            let [trial] = &finished.trials[..] else { panic!("{:#?}", finished.trials) };
            assert_eq!((trial.outcome, trial.billed, trial.estimated), (Outcome::Cancelled, true, true));
            let usage = trial.usage.unwrap();
            assert!(usage.input > 0 && usage.output > 0, "{usage:?}");
            vendor.is_left(1);
            assert_eq!(vendor.seen().len(), 1);
        }
    }
}

#[test]
fn a_client_that_goes_before_the_answer_begins_cancels_too() {
    let vendor = Vendor::start();
    vendor.on("/*").answer(Answer::silence());
    let decision = decision(&[
        provider("one", Dialect::Anthropic, &vendor.url()),
        provider("two", Dialect::Anthropic, &vendor.url()),
    ]);
    let query = query(Dialect::Anthropic, &body(Dialect::Anthropic, true));
    let id: RequestId = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
    let (now, lines) = (|| NOW.parse().unwrap(), lines());
    let (ping, hold) = (PING, HOLD);
    let order = RelayOrder {
        decision: &decision,
        query: &query,
        rules: RULES,
        id: &id,
        lines: &lines,
        board: None,
        now: &now,
        affords: None,
        ping,
        hold,
        gist: None,
    };
    let (out, answering) = outlet();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let finished = runtime.block_on(async {
        let client = async {
            // The request is on its way once the vendor has seen it.
            while vendor.seen().is_empty() {
                tokio::task::yield_now().await;
            }
            drop(answering);
        };
        tokio::join!(relay(&order, out), client).0
    });
    assert!(matches!(finished.end, End::Stopped(_)));
    assert_eq!(trials(&finished), [(Outcome::Cancelled, None)]);
    drop(runtime);
    vendor.is_left(1);
}

/// A simulated vendor, in paused time.
fn simulated(script: SimScript, stream: bool) -> (Finished, Seen) {
    let sim = Provider { engine: Engine::Sim(script), ..provider("one", Dialect::Anthropic, "") };
    let spare = Provider { engine: Engine::Sim(SimScript::default()), ..provider("two", Dialect::Anthropic, "") };
    let decision = decision(&[sim, spare]);
    let query = query(Dialect::Anthropic, &body(Dialect::Anthropic, stream));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    on(&runtime, &decision, &query, usize::MAX)
}

#[test]
fn a_vendor_that_takes_long_is_held_for_and_then_stood_in_for_by_pings() {
    let seconds = Duration::from_secs;
    let pings = |seen: &Seen| seen.text().matches("event: ping").count();
    // The hold is 20 s, a ping comes every 10 s.
    for (first_byte, expected) in [(19, 0), (21, 1), (29, 1)] {
        let (finished, seen) = simulated(SimScript { first_byte: seconds(first_byte), ..SimScript::default() }, true);
        assert_eq!((finished.end, pings(&seen)), (End::Answered, expected), "{first_byte} s");
        assert_eq!(seen.said(Dialect::Anthropic), "hello");
    }
    // In the middle of an answer, of which each piece takes 15 s.
    let script = SimScript { piece: 3, between: seconds(15), ..SimScript::default() };
    let (finished, seen) = simulated(script, true);
    assert_eq!((finished.end, seen.said(Dialect::Anthropic).as_str()), (End::Answered, "hello"));
    assert_eq!(pings(&seen), 2, "{seen:?}");
    // Whoever does not stream hears nothing until all is there.
    let (_, seen) = simulated(SimScript { first_byte: seconds(29), ..SimScript::default() }, false);
    assert_eq!(serde_json::from_str::<Value>(seen.text()).unwrap()["content"][0]["text"], "hello");
}

#[test]
fn pings_do_not_cost_the_failover() {
    let (finished, seen) = simulated(SimScript { steps: vec![SimStep::Hang], ..SimScript::default() }, true);
    assert_eq!(trials(&finished), [(Outcome::Failed, Some(FaultKind::Timeout)), (Outcome::Ok, None)]);
    assert!(seen.text().starts_with("event: ping") && seen.ended, "{seen:?}");
    assert_eq!(seen.said(Dialect::Anthropic), "hello");
    assert_eq!(seen.text().matches("message_start").count(), 2, "its name and its type, once: {seen:?}");
}

/// Nobody answers: an error with its status; after the pings have begun, an error in the stream.
#[test]
fn a_failure_of_all_is_told_in_the_clients_words() {
    for client in CLIENTS {
        for stream in [true, false] {
            let vendor = Vendor::start();
            vendor.on("/*").answer(Answer::error(client, 429).header("retry-after", "40"));
            let decision = decision(&[provider("one", client, &vendor.url()), provider("two", client, &vendor.url())]);
            let (finished, seen) = relayed(&decision, &query(client, &body(client, stream)), usize::MAX);
            assert_eq!(finished.end, End::Failed);
            let head = seen.head();
            assert_eq!((head.status, head.headers["retry-after"].to_str().unwrap()), (429, "40"), "{seen:?}");
            assert_eq!(head.headers["content-type"], "application/json");
            let told: Value = serde_json::from_str(seen.text()).unwrap();
            assert_eq!(told["error"]["type"], "rate_limit_error");
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains("one:") && message.contains("two:"), "{message}");
        }
    }
    let never = SimScript { first_byte: Duration::from_secs(25), steps: vec![SimStep::Hang], ..SimScript::default() };
    let sim = |name: &str| Provider { engine: Engine::Sim(never.clone()), ..provider(name, Dialect::Anthropic, "") };
    let decision = decision(&[sim("one"), sim("two")]);
    let query = query(Dialect::Anthropic, &body(Dialect::Anthropic, true));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (finished, seen) = on(&runtime, &decision, &query, usize::MAX);
    assert_eq!((finished.end, seen.head().status), (End::Failed, 200));
    assert!(seen.events(Dialect::Anthropic).last().is_some_and(|event| is_error(Dialect::Anthropic, event)));
}

/// Anthropic is told what the client says to it; nobody else is, and nobody gets the client's key.
#[test]
fn headers_go_only_where_they_belong() {
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer of-the-gateway"),
        ("x-api-key", "of-the-gateway"),
        ("cookie", "a=b"),
        ("x-app", "cli"),
        ("anthropic-version", "2099-01-01"),
        ("anthropic-beta", "effort-2025-11-24"),
        ("anthropic-new-thing", "7"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    headers.append("anthropic-beta", "second".parse().unwrap());
    for preset in ["anthropic", "anthropic-compatible"] {
        let vendor = Vendor::start();
        vendor.on("/*").answer(Answer::said(Dialect::Anthropic, TEXT).header("anthropic-ratelimit-x", "1"));
        let quirks = Quirks::preset(preset).unwrap();
        let one = Provider { quirks, ..provider("one", Dialect::Anthropic, &vendor.url()) };
        let decision = decision(&[one, provider("two", Dialect::Anthropic, &vendor.url())]);
        let bytes = body(Dialect::Anthropic, true).to_string().into_bytes();
        let query = Query::new(Request::peek(bytes).unwrap(), Dialect::Anthropic, &headers, Some("beta=true"));
        let (_, seen) = relayed(&decision, &query, usize::MAX);
        let sent = &vendor.seen()[0];
        let of = |name: &str| {
            let all = sent.headers.iter().filter(|(own, _)| own == name);
            all.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
        };
        let own = preset == "anthropic";
        assert_eq!(of("anthropic-version"), if own { "2099-01-01" } else { "2023-06-01" });
        assert_eq!(of("anthropic-beta"), if own { "effort-2025-11-24, second" } else { "" });
        assert_eq!(of("anthropic-new-thing"), if own { "7" } else { "" });
        assert_eq!(sent.path, if own { "/v1/messages?beta=true" } else { "/v1/messages" });
        assert_eq!((of("cookie"), of("x-app"), of("x-api-key")), (String::new(), String::new(), KEY.to_owned()));
        assert!(!format!("{:?}", sent.headers).contains("of-the-gateway"));
        assert!(seen.head().headers.keys().all(|name| !name.as_str().starts_with("anthropic-")), "{seen:?}");
    }
}

#[test]
fn tokens_are_counted_where_somebody_can() {
    let vendor = Vendor::start();
    let counted = "{\"input_tokens\": 4711, \"more\": 1}";
    vendor.on("/v1/messages/count_tokens").answer(Answer::json(200, &serde_json::from_str(counted).unwrap()));
    let count = |preset: &str, url: &str| {
        let one = Provider { quirks: Quirks::preset(preset).unwrap(), ..provider("one", Dialect::Anthropic, url) };
        let decision = decision(&[one, provider("two", Dialect::Anthropic, url)]);
        let query = query(Dialect::Anthropic, &body(Dialect::Anthropic, false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let count =
            runtime.block_on(is_send(count_tokens(&query, decision.plan().first(), &lines(), &Board::default())));
        let told: Value = serde_json::from_slice(&count.body).unwrap();
        (told["input_tokens"].as_u64().unwrap(), count.estimated)
    };
    assert_eq!(count("anthropic", &vendor.url()), (4711, false));
    assert_eq!(vendor.seen()[0].json()["model"], "one-id");
    let (tokens, estimated) = count("anthropic-compatible", &vendor.url());
    assert!(estimated && (20..60).contains(&tokens), "{tokens}");
    assert_eq!(vendor.seen().len(), 1);
    vendor.on("/broken/*").answer(Answer::error(Dialect::Anthropic, 500));
    assert!(count("anthropic", &format!("{}/broken", vendor.url())).1);
}
