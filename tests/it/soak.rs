//! Ten thousand requests on 64 connections, of which the vendor spoils five percent in every way it knows: everyone is
//! answered, the journal has them all, and the memory stays what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use moai::wire::Dialect;
use serde_json::json;

use crate::scratch::{KEY, Scratch};
use crate::serve::{Connection, Reply, Served};
use crate::upstream::{Answer, Spoken, Vendor};

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 64;
/// One request in so many is spoiled.
const SPOILED: usize = 20;
/// Before the memory counts, everything that is kept is filled.
const WARM: usize = REQUESTS / 2;
/// So often is looked before growing memory is a leak, each time over as many requests.
const LOOKS: usize = 4;
const TEXT: &str = "All of it is here, 전부 있습니다.";

/// Everything that goes wrong at vendors.
fn faults(wire: Dialect) -> Vec<Answer> {
    let said = || Answer::said(wire, TEXT);
    vec![
        Answer::error(wire, 429).header("retry-after", "0"),
        Answer::error(wire, 500),
        Answer::error(wire, 503),
        Answer::error(wire, 529),
        Answer::error(wire, 400),
        Answer::error(wire, 200),
        Answer::page(200),
        Answer::page(502),
        Answer::empty(wire),
        Answer::silence(),
        said().cut_after(1),
        said().cut_after(9),
        said().reset_after(1),
        said().reset_after(9),
        said().hangs_after(1),
        said().hangs_after(9),
        said().header("content-encoding", "br"),
    ]
}

fn world(vendor: &Vendor) -> Scratch {
    let mut scratch = Scratch::new();
    scratch.set_env("PLAYED_KEY", KEY);
    let mut config = String::from(
        "[retry]\nfirst_wait = 0\n[timeouts]\nfirst_byte = 2\nidle = 2\n\
         [tiers]\nplan = [\"a\", \"b\"]\nimplement = [\"a\", \"b\"]\n",
    );
    for (name, wire) in [("a", Dialect::Anthropic), ("b", Dialect::Chat)] {
        write!(
            config,
            "[providers.{name}]\nbase_url = \"{}/{name}\"\nwire = \"{wire}\"\nkey_env = \"PLAYED_KEY\"\n\
             [models.{name}]\nprovider = \"{name}\"\ntier = 2\n",
            vendor.url()
        )
        .unwrap();
        let path = format!("/{name}/*");
        let good = Spoken::text(TEXT).answer(wire);
        // The first request ends nowhere, the last answer is given for ever.
        for fault in faults(wire).iter().cycle().take(REQUESTS / SPOILED) {
            drop((1..SPOILED).fold(vendor.on(&path), |script, _| script.answer(good.clone())));
            vendor.on(&path).answer(fault.clone());
        }
        vendor.on(&path).answer(good);
    }
    scratch.write_home(".moai/config.toml", config);
    scratch
}

/// One request, the `number`th; some stream, some do not, some are in `OpenAI`'s words.
#[track_caller]
fn ask(connection: &mut Connection, key: &str, number: usize) -> Reply {
    let text = format!("write the tests of part {number}");
    let chat = number.is_multiple_of(5);
    let (path, model) = if chat { ("/v1/chat/completions", "auto") } else { ("/v1/messages", "claude-sonnet-5-5") };
    let body = json!({"model": model, "max_tokens": 100, "stream": !number.is_multiple_of(3),
        "messages": [{"role": "user", "content": text}]});
    let headers = [("x-api-key", key), ("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    connection.ask("POST", path, &headers, body.to_string().as_bytes());
    connection.try_reply().unwrap_or_else(|| panic!("request {number} has no answer, or half of one"))
}

/// Whether it is an answer; it is that or an error that says so.
#[track_caller]
fn is_answered(number: usize, reply: &Reply) -> bool {
    let text = reply.text();
    if reply.status == 200 && reply.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let ends = text.contains("event: message_stop") || text.trim_end().ends_with("data: [DONE]");
        assert!(ends != text.contains("\"error\""), "request {number}: a stream has an end or an error: {text}");
        return ends;
    }
    let body = reply.json();
    assert_eq!(reply.status != 200, body["error"].is_object(), "request {number}: {text}");
    // Claude may end without a word, and a vendor that does so twice is believed.
    let said = || body["choices"][0]["message"]["content"].as_str().is_some_and(|said| !said.is_empty());
    let wordless = body["content"].as_array().map_or_else(|| !said(), Vec::is_empty);
    assert!(reply.status != 200 || text.contains(TEXT) || wordless, "request {number}: {text}");
    reply.status == 200
}

/// What came of the requests so far.
#[derive(Default)]
struct Tally {
    asked: usize,
    answered: AtomicUsize,
    ids: Mutex<BTreeSet<String>>,
    errors: Mutex<BTreeMap<String, usize>>,
}

impl Tally {
    /// `requests` more on all connections; gives the resident memory in KiB, taken a hundred times on the way.
    fn ask(&mut self, served: &Served, requests: usize) -> Vec<u64> {
        let (next, end, memory) = (AtomicUsize::new(self.asked), self.asked + requests, Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| {
                    let mut connection = served.connect();
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= end {
                            return;
                        }
                        let reply = ask(&mut connection, &served.key, number);
                        self.count(number, &reply);
                        if reply.header("connection") == Some("close") {
                            connection = served.connect();
                        }
                        if number.is_multiple_of(requests / 100) {
                            memory.lock().unwrap().push(resident(served.pid()));
                        }
                    }
                });
            }
        });
        self.asked = end;
        memory.into_inner().unwrap()
    }

    fn count(&self, number: usize, reply: &Reply) {
        if is_answered(number, reply) {
            self.answered.fetch_add(1, Ordering::SeqCst);
        } else {
            *self.errors.lock().unwrap().entry(error(reply)).or_default() += 1;
        }
        let id = reply.header("x-moai-request-id").unwrap().to_owned();
        assert!(self.ids.lock().unwrap().insert(id.clone()), "two requests of one name: {id}");
    }
}

#[test]
fn ten_thousand_requests_lose_nothing() {
    let vendor = Vendor::start();
    let scratch = world(&vendor);
    let mut served = Served::start(&scratch, &[]);
    let mut tally = Tally::default();
    drop(tally.ask(&served, WARM));
    // An allocator takes a new arena once in a while, which is no leak; a leak grows every time one looks.
    let mut looks = vec![tally.ask(&served, REQUESTS - WARM)];
    while !stays(&looks[looks.len() - 1]) {
        assert!(looks.len() < LOOKS, "the memory grows, in KiB: {looks:?}");
        looks.push(tally.ask(&served, WARM));
    }
    assert_eq!(tally.ids.lock().unwrap().len(), tally.asked);
    let (asked, answered) = (tally.asked, tally.answered.into_inner());
    let errors = tally.errors.into_inner().unwrap();
    assert!(answered * 100 >= asked * 98, "only {answered} of {asked} were answered: {errors:#?}");
    served.signal("TERM");
    assert!(served.ended().success(), "{}", served.talk());
    let costs = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!((&costs["requests"], &costs["attempts"]), (&json!(asked), &json!(vendor.seen().len())), "{costs:#}");
}

/// The error that an answer is, with its status.
fn error(reply: &Reply) -> String {
    let text = reply.text();
    let said = text.rsplit_once("\"message\"").map_or("", |(_, said)| said.split("\"}").next().unwrap_or(said));
    format!("{} {}", reply.status, said.chars().filter(|c| !c.is_ascii_digit()).collect::<String>())
}

/// A process's resident memory in KiB.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Whether the memory of the last quarter is that of the first, within one percent.
fn stays(memory: &[u64]) -> bool {
    let quarter = memory.len() / 4;
    let middle = |part: &[u64]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (before, after) = (middle(&memory[..quarter]), middle(&memory[memory.len() - quarter..]));
    after * 100 <= before * 101
}
