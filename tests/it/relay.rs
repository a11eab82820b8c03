//! A client's request through a relay: real sockets, both dialects of clients, every fault that vendors have, before
//! the first content and after it.

use std::time::Duration;

use moai::exchange::{By, End, Finished, Head, Query, RelayOrder, outlet, relay};
use moai::journal::Outcome;
use moai::model::RequestId;
use moai::route::{Decision, Provider, Timeouts};
use moai::wire::{Dialect, FaultKind, Request};
use serde_json::{Value, json};

use crate::exchange::{PATIENT, RULES, SOON, STEADY, decision, lines, provider};
use crate::scratch::NOW;
use crate::upstream::{Answer, Vendor};

const TEXT: &str = "안녕하세요, wörld 🌍";
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
    timed(decision, query, pieces, RelayOrder::PING, RelayOrder::HOLD)
}

fn timed(decision: &Decision, query: &Query, pieces: usize, ping: Duration, hold: Duration) -> (Finished, Seen) {
    let id: RequestId = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
    let now = || NOW.parse().unwrap();
    let lines = lines();
    let order =
        RelayOrder { decision, query, rules: RULES, id: &id, lines: &lines, board: None, now: &now, ping, hold };
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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
        ("an empty answer", PATIENT, |d| vec![Answer::empty(d)]),
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
