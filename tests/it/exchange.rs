//! The whole way of a request but for the command line: real sockets, real dialects, every fault that vendors have.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use moai::base::interrupt::Interrupted;
use moai::base::secret::Secret;
use moai::catalog::Prices;
use moai::classify::{Options, classify};
use moai::exchange::book::Page;
use moai::exchange::{Audience, End, Finished, Lines, Note, Order, drive, question};
use moai::journal::{Attempt, Outcome};
use moai::model::{RequestId, Tier, Usd};
use moai::route::balance::Balance;
use moai::route::retry::Rules;
use moai::route::{
    Ask, Auth, Decision, Engine, Facts, KeyNeed, Model, Policy, Provider, Roster, SimScript, SimStep, Timeouts, decide,
};
use moai::wire::hub::Prompt;
use moai::wire::{Delta, Dialect, Event, FaultKind, Quirks};

use crate::scratch::{KEY, NOW};
use crate::upstream::{Answer, Vendor};

const TEXT: &str = "안녕하세요, wörld 🌍";

/// Patience that no fault here outlasts, and that a slow machine does not exceed.
pub(crate) const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(30),
    first_byte: Duration::from_secs(30),
    idle: Duration::from_secs(30),
    total: Duration::from_secs(60),
};
pub(crate) const SHORT: Duration = Duration::from_millis(60);
/// For a vendor that does not begin.
pub(crate) const SOON: Timeouts = Timeouts { first_byte: SHORT, ..PATIENT };
/// For a vendor that does not go on.
pub(crate) const STEADY: Timeouts = Timeouts { idle: SHORT, ..PATIENT };

pub(crate) const RULES: Rules = Rules {
    rate_limit: 3,
    server: 1,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(2),
    longest_retry_after: Duration::from_millis(20),
    most_attempts: 12,
    total: Duration::from_secs(60),
    deadline: None,
};

pub(crate) fn provider(name: &str, dialect: Dialect, base_url: &str) -> Provider {
    let (auth, preset) = match dialect {
        Dialect::Anthropic => (Auth::ApiKey, "anthropic"),
        Dialect::Chat | Dialect::Responses => (Auth::Bearer, "openai"),
        Dialect::Gemini => (Auth::GoogApiKey, "gemini"),
        Dialect::Ollama => (Auth::None, "ollama"),
    };
    Provider {
        name: name.into(),
        base_url: base_url.into(),
        wire: dialect,
        auth,
        quirks: Quirks::preset(preset).unwrap(),
        headers: Vec::new(),
        key: KeyNeed::None,
        timeouts: PATIENT,
        engine: Engine::Http,
        balance: Balance::default(),
        deployments: Vec::new(),
        health: None,
    }
}

pub(crate) fn model(name: &str, provider: &str) -> Model {
    Model {
        name: name.into(),
        aliases: Vec::new(),
        provider: provider.into(),
        id: format!("{name}-id"),
        tier: Tier::Two,
        kinds: Vec::new(),
        context: None,
        most_output: None,
        memory: None,
        quality: 50,
        speed: 50,
        named_only: false,
    }
}

/// A decision for the models `one` and `two` of these providers, in this order.
pub(crate) fn decision(providers: &[Provider; 2]) -> Decision {
    let models = vec![model("one", &providers[0].name), model("two", &providers[1].name)];
    let roster = Roster::new(models, providers.to_vec(), |_| true);
    let policy = Policy { tier2: vec!["one".into()], tier1: vec!["two".into()], ..Policy::default() };
    let seen = classify("/moai:2-run SPEC-AUTH-001", Options::default());
    decide(&Ask::default(), &seen, &policy, &roster, &Facts::default()).unwrap()
}

/// Writes down what it hears.
#[derive(Default)]
struct Pen {
    text: String,
    events: Vec<Event>,
    notes: Vec<Note>,
    /// Pulled at the first piece of text, or at the first wait.
    stop: Option<Stop>,
    stops_waiting: bool,
}

impl Audience for Pen {
    fn event(&mut self, event: &Event) {
        if let Event::Delta { delta: Delta::Text(text), .. } = event {
            self.text.push_str(text);
            if let Some(stop) = self.stop.as_ref().filter(|_| !self.stops_waiting) {
                stop.pull();
            }
        }
        self.events.push(event.clone());
    }

    fn note(&mut self, note: &Note) {
        if let Some(stop) = self.stop.as_ref().filter(|_| matches!(note, Note::Waiting { .. })) {
            stop.pull();
        }
        self.notes.push(note.clone());
    }
}

/// Ctrl-C, pulled by hand.
#[derive(Clone, Default)]
struct Stop(Rc<RefCell<(bool, Option<Waker>)>>);

impl Stop {
    fn pull(&self) {
        let mut state = self.0.borrow_mut();
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

impl Future for Stop {
    type Output = Interrupted;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Interrupted> {
        let mut state = self.0.borrow_mut();
        state.1 = Some(context.waker().clone());
        if state.0 { Poll::Ready(Interrupted(2)) } else { Poll::Pending }
    }
}

pub(crate) fn lines() -> Lines {
    Lines::new(["one", "two"].map(|provider| (provider.to_owned(), Secret::new(KEY))))
}

fn run(decision: &Decision, prompt: &Prompt, lines: &Lines, pen: &mut Pen) -> Finished {
    run_by(decision, prompt, lines, pen, RULES)
}

fn run_by(decision: &Decision, prompt: &Prompt, lines: &Lines, pen: &mut Pen, rules: Rules) -> Finished {
    let id: RequestId = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
    let now = || NOW.parse().unwrap();
    let order = Order { decision, prompt, rules, id: &id, lines, board: None, session: None, now: &now, affords: None };
    let stop = pen.stop.clone().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(drive(&order, pen, stop))
}

/// One request to a vendor that answers `one` by these and `two` by a good answer.
fn ask(
    dialect: Dialect,
    timeouts: Timeouts,
    answers: impl IntoIterator<Item = Answer>,
) -> (Finished, Pen, Vendor, Vendor) {
    let (vendor, spare) = (Vendor::start(), Vendor::start());
    answers.into_iter().fold(vendor.on("/*"), crate::upstream::Script::answer);
    spare.on("/*").answer(Answer::said(Dialect::Anthropic, "the spare"));
    let first = Provider { timeouts, ..provider("one", dialect, &vendor.url()) };
    let decision = decision(&[first, provider("two", Dialect::Anthropic, &spare.url())]);
    let mut pen = Pen::default();
    let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut pen);
    assert!(!format!("{finished:?}{:?}{:?}", pen.events, pen.notes).contains("SeCrEt"), "{finished:?}");
    (finished, pen, vendor, spare)
}

/// What is expected of a request: the outcome and fault of each attempt, and how it ends.
struct Row {
    name: &'static str,
    timeouts: Timeouts,
    answers: fn(Dialect) -> Vec<Answer>,
    trials: &'static [(Outcome, Option<FaultKind>)],
    text: &'static str,
    estimated: bool,
}

const OK: (Outcome, Option<FaultKind>) = (Outcome::Ok, None);

const fn failed(kind: FaultKind) -> (Outcome, Option<FaultKind>) {
    (Outcome::Failed, Some(kind))
}

const PLAIN: Row =
    Row { name: "", timeouts: PATIENT, answers: |_| Vec::new(), trials: &[OK], text: TEXT, estimated: false };

/// Every fault, for every dialect alike.
const ROWS: &[Row] = &[
    Row { name: "an answer", answers: |d| vec![Answer::said(d, TEXT)], ..PLAIN },
    Row { name: "an answer whose letters are split", answers: |d| vec![Answer::said(d, TEXT).split(1)], ..PLAIN },
    Row {
        name: "too many requests, twice",
        answers: |d| {
            let busy = || Answer::error(d, 429).header("retry-after", "0.002");
            vec![busy(), busy(), Answer::said(d, TEXT)]
        },
        trials: &[failed(FaultKind::RateLimit), failed(FaultKind::RateLimit), OK],
        ..PLAIN
    },
    Row {
        name: "too many requests, and a date that is far away",
        answers: |d| vec![Answer::error(d, 429).header("retry-after", "Fri, 09 Jan 2026 13:00:00 GMT")],
        trials: &[failed(FaultKind::RateLimit), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "too many requests, for ever",
        answers: |d| vec![Answer::error(d, 429)],
        trials: &[
            failed(FaultKind::RateLimit),
            failed(FaultKind::RateLimit),
            failed(FaultKind::RateLimit),
            failed(FaultKind::RateLimit),
            OK,
        ],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "503, once",
        answers: |d| vec![Answer::error(d, 503), Answer::said(d, TEXT)],
        trials: &[failed(FaultKind::Overloaded), OK],
        ..PLAIN
    },
    Row {
        name: "529, for ever",
        answers: |d| vec![Answer::error(d, 529)],
        trials: &[failed(FaultKind::Overloaded), failed(FaultKind::Overloaded), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "500 with a web page",
        answers: |d| vec![Answer::page(500), Answer::said(d, TEXT)],
        trials: &[failed(FaultKind::Server), OK],
        ..PLAIN
    },
    Row {
        name: "a web page instead of an answer",
        answers: |_| vec![Answer::page(200)],
        trials: &[failed(FaultKind::Malformed), failed(FaultKind::Malformed), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "silence",
        timeouts: SOON,
        answers: |_| vec![Answer::silence()],
        trials: &[failed(FaultKind::Timeout), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "a head and then silence",
        timeouts: SOON,
        answers: |d| vec![Answer::said(d, TEXT).hangs_after(0)],
        trials: &[failed(FaultKind::Timeout), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "a connection that breaks before the answer",
        answers: |d| vec![Answer::said(d, TEXT).cut_after(0), Answer::said(d, TEXT)],
        trials: &[failed(FaultKind::Cut), OK],
        ..PLAIN
    },
    Row {
        name: "no report of usage",
        answers: |d| vec![Answer::said_without_usage(d, TEXT)],
        estimated: true,
        ..PLAIN
    },
    Row {
        name: "an answer of no words",
        answers: |d| vec![Answer::empty(d)],
        trials: &[failed(FaultKind::Malformed), failed(FaultKind::Malformed), OK],
        text: "the spare",
        ..PLAIN
    },
    Row {
        name: "a key that is not accepted",
        answers: |d| vec![Answer::error(d, 401)],
        trials: &[failed(FaultKind::Auth), OK],
        text: "the spare",
        ..PLAIN
    },
];

#[test]
fn every_fault_in_every_dialect() {
    for row in ROWS {
        for dialect in Dialect::ALL {
            let (finished, pen, ..) = ask(dialect, row.timeouts, (row.answers)(dialect));
            let name = format!("{dialect}: {}: {:#?}", row.name, finished.trials);
            let seen: Vec<_> =
                finished.trials.iter().map(|trial| (trial.outcome, trial.fault.as_ref().map(|f| f.kind))).collect();
            assert_eq!(seen, row.trials, "{name}");
            assert_eq!(finished.end, End::Answered, "{name}");
            finished.check().unwrap();
            let answer = finished.answer.unwrap();
            assert_eq!((answer.text.as_str(), pen.text.as_str()), (row.text, row.text), "{name}");
            let fell_back = row.text == "the spare";
            assert_eq!((answer.fallback, answer.model == "two"), (fell_back, fell_back), "{name}");
            assert_eq!(answer.estimated, row.estimated, "{name}");
            let usage = answer.usage.unwrap();
            assert!(if row.estimated { usage.output > 7 } else { (usage.input, usage.output) == (12, 7) }, "{name}");
            let fallbacks = pen.notes.iter().filter(|note| matches!(note, Note::Fallback { .. })).count();
            let waits = pen.notes.iter().filter(|note| matches!(note, Note::Waiting { .. })).count();
            let retried = row.trials.len() - 1 - usize::from(fell_back);
            assert_eq!((fallbacks, waits), (usize::from(fell_back), retried), "{name}");
        }
    }
}

/// Once something was shown nobody else answers: the part is kept, and the failure is told.
#[test]
fn an_answer_that_breaks_off_is_kept_and_not_replaced() {
    type Break = (&'static str, Timeouts, fn(Answer) -> Answer, FaultKind);
    let breaks: [Break; 4] = [
        ("cut", PATIENT, |answer| answer.cut_after(6), FaultKind::Cut),
        ("cut within a letter", PATIENT, |answer| answer.split(700).cut_after(1), FaultKind::Cut),
        ("reset", PATIENT, |answer| answer.reset_after(6), FaultKind::Cut),
        ("hang", STEADY, |answer| answer.hangs_after(6), FaultKind::Timeout),
    ];
    for (name, timeouts, break_it, kind) in breaks {
        for dialect in Dialect::ALL {
            let (finished, pen, vendor, spare) = ask(dialect, timeouts, [break_it(Answer::said(dialect, TEXT))]);
            let name = format!("{dialect}: {name}: {finished:#?}");
            assert!(matches!(&finished.end, End::Cut(fault) if fault.kind == kind), "{name}");
            assert_eq!((vendor.seen().len(), spare.seen().len()), (1, 0), "{name}");
            let answer = finished.answer.as_ref().unwrap();
            assert!(!answer.text.is_empty() && TEXT.starts_with(&answer.text) && answer.text != TEXT, "{name}");
            assert_eq!((&answer.text, &answer.stop), (&pen.text, &None), "{name}");
            assert!(matches!(pen.events.last(), Some(Event::Error(fault)) if fault.kind == kind), "{name}");
            let trial = &finished.trials[0];
            assert_eq!((trial.outcome, trial.estimated, trial.billed), (Outcome::Cut, true, true), "{name}");
            assert!(trial.usage.unwrap().output > 0, "{name}");
            assert!(finished.check().unwrap_err().to_string().contains("one is not whole"), "{name}");
        }
    }
}

/// What the client did wrong is wrong everywhere.
#[test]
fn a_bad_request_is_asked_of_nobody_else() {
    for dialect in Dialect::ALL {
        let (mut finished, pen, vendor, spare) = ask(dialect, PATIENT, [Answer::error(dialect, 400)]);
        assert_eq!((vendor.seen().len(), spare.seen().len()), (1, 0), "{dialect}");
        assert_eq!((&finished.end, pen.text.as_str()), (&End::Failed, ""), "{dialect}");
        let error = finished.check().unwrap_err();
        assert!(error.to_string().contains("one") && error.to_string().contains("played failure 400"), "{error}");
        finished.or_cached(&Prompt::new("", "hello"), &mut (), |_| panic!("a wrong request wants no cache"));
    }
}

/// Errors that vendors hide in an answer that looks well.
#[test]
fn an_error_inside_a_200_is_an_error() {
    for dialect in Dialect::ALL {
        let (finished, _, vendor, spare) = ask(dialect, PATIENT, [Answer::error(dialect, 529).status(200)]);
        let name = format!("{dialect}: {finished:#?}");
        assert_eq!(finished.trials[0].outcome, Outcome::Failed, "{name}");
        assert!(finished.trials[0].fault.as_ref().unwrap().message.contains("played failure"), "{name}");
        assert_eq!((vendor.seen().len(), spare.seen().len()), (2, 1), "{name}");
        assert_eq!(finished.answer.unwrap().text, "the spare");
    }
}

#[test]
fn a_key_goes_into_its_header_and_nowhere_else() {
    for (dialect, header, value, path) in [
        (Dialect::Anthropic, "x-api-key", KEY.to_owned(), "/v1/messages"),
        (Dialect::Chat, "authorization", format!("Bearer {KEY}"), "/chat/completions"),
        (Dialect::Responses, "authorization", format!("Bearer {KEY}"), "/responses"),
        (Dialect::Gemini, "x-goog-api-key", KEY.to_owned(), "/models/one-id:streamGenerateContent?alt=sse"),
    ] {
        let (_, _, vendor, _) = ask(dialect, PATIENT, [Answer::said(dialect, TEXT)]);
        let [seen] = &vendor.seen()[..] else { panic!("{dialect}: {:?}", vendor.seen()) };
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", path));
        assert_eq!(seen.header(header), Some(value.as_str()), "{dialect}");
        let carriers: Vec<_> = seen.headers.iter().filter(|(_, value)| value.contains(KEY)).collect();
        assert_eq!(carriers.len(), 1, "{dialect}: {carriers:?}");
        assert!(!String::from_utf8_lossy(&seen.body).contains(KEY));
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
    }
    let (_, _, vendor, _) = ask(Dialect::Ollama, PATIENT, [Answer::said(Dialect::Ollama, TEXT)]);
    let [seen] = &vendor.seen()[..] else { panic!("{:?}", vendor.seen()) };
    assert!(seen.headers.iter().all(|(_, value)| !value.contains(KEY)));
    assert_eq!((seen.path.as_str(), seen.json()["options"]["num_ctx"].as_u64()), ("/api/chat", Some(65_536)));
}

/// Some vendors repeat the key that they do not like.
#[test]
fn a_vendor_that_repeats_the_key_is_not_quoted_with_it() {
    let key = "an-unusual-key-of-somebody";
    let told = serde_json::json!({"error": {"type": key, "message": format!("no account for ({key})")}});
    for status in [401, 200] {
        let vendor = Vendor::start();
        vendor.on("/*").answer(Answer::json(status, &told));
        let decision = decision(&["one", "two"].map(|name| provider(name, Dialect::Chat, &vendor.url())));
        let lines = Lines::new(["one", "two"].map(|provider| (provider.to_owned(), Secret::new(key))));
        let finished = run(&decision, &Prompt::new("", "hello"), &lines, &mut Pen::default());
        let text = format!("{finished:?} {}", finished.check().unwrap_err());
        assert!(text.contains("no account for ([redacted])") && !text.contains(key), "{text}");
    }
}

#[test]
fn a_redirect_is_not_followed_with_the_key() {
    let other = Vendor::start();
    let to = format!("{}/v1/messages", other.url());
    let moved = Answer::json(307, &serde_json::json!({})).header("location", &to);
    let (finished, _, vendor, _) = ask(Dialect::Anthropic, PATIENT, [moved]);
    assert_eq!((vendor.seen().len(), other.seen().len()), (1, 0));
    assert_eq!(finished.trials[0].fault.as_ref().unwrap().kind, FaultKind::NotFound);
    assert_eq!(finished.answer.unwrap().text, "the spare");
}

#[test]
fn a_host_that_cannot_be_reached_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // It takes connections and never says a word of TLS.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_address = mute.local_addr().unwrap();
    let mut slow = provider("two", Dialect::Chat, &format!("https://{mute_address}"));
    slow.timeouts.connect = SHORT;
    let decision = decision(&[provider("one", Dialect::Anthropic, &format!("http://{closed}")), slow]);
    let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut Pen::default());
    let faults: Vec<String> = finished.trials.iter().map(|trial| trial.fault.as_ref().unwrap().to_string()).collect();
    assert!(finished.trials.iter().all(|trial| trial.fault.as_ref().unwrap().kind == FaultKind::Unreachable));
    assert!(faults[0].starts_with(&format!("{closed} cannot be reached: ")), "{faults:?}");
    let late = format!("{mute_address} could not be reached within 60 ms (timeout connect)");
    assert_eq!(faults.last(), Some(&late), "{faults:?}");
    assert!(finished.trials.iter().all(|trial| !trial.billed));
    let error = finished.check().unwrap_err().to_string();
    assert!(error.contains("one: ") && error.contains("two: "), "{error}");
}

#[test]
fn time_limits_name_the_host_and_the_phase() {
    let said = |hasty: Timeouts, answer: Answer| {
        let vendor = Vendor::start();
        vendor.on("/*").answer(answer);
        let host = vendor.url().replace("http://", "");
        let providers = ["one", "two"]
            .map(|name| Provider { timeouts: hasty, ..provider(name, Dialect::Anthropic, &vendor.url()) });
        let finished = run(&decision(&providers), &Prompt::new("", "hello"), &lines(), &mut Pen::default());
        finished.trials[0].fault.as_ref().unwrap().to_string().replace(&host, "HOST")
    };
    assert_eq!(said(SOON, Answer::silence()), "HOST did not begin to answer within 60 ms (timeout first_byte)");
    let hangs = || Answer::said(Dialect::Anthropic, TEXT).hangs_after(4);
    assert_eq!(said(STEADY, hangs()), "HOST went silent in its answer for 60 ms (timeout idle)");
    let total = Timeouts { total: SHORT, ..PATIENT };
    assert_eq!(said(total, hangs()), "HOST was not done within 60 ms (timeout total)");
}

/// `--timeout` bounds all of it, also the attempt that is under way when it runs out.
#[test]
fn no_attempt_outlasts_the_deadline() {
    let vendor = Vendor::start();
    vendor.on("/*").answer(Answer::error(Dialect::Anthropic, 401)).answer(Answer::silence());
    let decision = decision(&["one", "two"].map(|name| provider(name, Dialect::Anthropic, &vendor.url())));
    let rules = Rules { deadline: Some(SHORT), ..RULES };
    let finished = run_by(&decision, &Prompt::new("", "hello"), &lines(), &mut Pen::default(), rules);
    let last = finished.trials.last().unwrap().fault.as_ref().unwrap();
    assert_eq!((finished.trials.len(), last.kind), (2, FaultKind::Timeout), "{finished:#?}");
    assert!(last.message.contains("(timeout total)"), "{last}");
}

#[test]
fn one_connection_serves_all_attempts() {
    let (finished, _, vendor, _) = ask(
        Dialect::Anthropic,
        PATIENT,
        [
            Answer::error(Dialect::Anthropic, 429),
            Answer::error(Dialect::Anthropic, 429),
            Answer::said(Dialect::Anthropic, TEXT),
        ],
    );
    assert_eq!(finished.trials.len(), 3);
    assert_eq!((vendor.count("/v1/messages"), vendor.connections()), (3, 1));
    let decision = decision(&["one", "two"].map(|name| provider(name, Dialect::Chat, &vendor.url())));
    vendor.on("/chat/completions").answer(Answer::said(Dialect::Chat, TEXT));
    let lines = lines();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (id, now) = ("0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap(), || NOW.parse().unwrap());
    let prompt = Prompt::new("", "hello");
    let order = Order {
        decision: &decision,
        prompt: &prompt,
        rules: RULES,
        id: &id,
        lines: &lines,
        board: None,
        session: None,
        now: &now,
        affords: None,
    };
    for _ in 0..3 {
        runtime.block_on(drive(&order, &mut (), std::future::pending())).check().unwrap();
    }
    let connections: Vec<usize> = vendor.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 1, 1, 2, 2, 2], "an answer's connection is used again");
}

#[test]
fn whole_answers_and_recorded_streams_are_read_too() {
    let mut prompt = Prompt::new("", "hello");
    prompt.stream = false;
    for dialect in Dialect::ALL {
        for (name, stream) in [("whole", false), ("stream", true)] {
            let vendor = Vendor::start();
            vendor.on("/*").answer(Answer::recorded(&format!("{dialect}-{name}")));
            prompt.stream = stream;
            let decision = decision(&["one", "two"].map(|name| provider(name, dialect, &vendor.url())));
            let finished = run(&decision, &prompt, &lines(), &mut Pen::default());
            assert_eq!(finished.answer.as_ref().unwrap().text, "안녕하세요, world.", "{dialect} {finished:#?}");
            let path = vendor.seen()[0].path.clone();
            let streams = if dialect == Dialect::Gemini {
                path.contains(":streamGenerateContent")
            } else {
                vendor.seen()[0].json()["stream"] == true
            };
            assert_eq!(streams, stream, "{dialect} {path}");
        }
    }
}

#[test]
fn ctrl_c_keeps_what_was_said() {
    for dialect in Dialect::ALL {
        let vendor = Vendor::start();
        vendor.on("/*").answer(Answer::said(dialect, TEXT).hangs_after(6));
        let decision = decision(&["one", "two"].map(|name| provider(name, dialect, &vendor.url())));
        let mut pen = Pen { stop: Some(Stop::default()), ..Pen::default() };
        let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut pen);
        assert_eq!(finished.end, End::Stopped(Interrupted(2)), "{dialect}");
        let [trial] = &finished.trials[..] else { panic!("{finished:#?}") };
        assert_eq!((trial.outcome, &trial.fault, trial.billed), (Outcome::Cancelled, &None, true));
        let answer = finished.answer.as_ref().unwrap();
        assert!(!answer.text.is_empty() && TEXT.starts_with(&answer.text), "{answer:?}");
        let failure = moai::base::failure::Failure::from(finished.check().unwrap_err());
        assert_eq!(failure.kind().exit_code(), 130);
    }
}

#[test]
fn ctrl_c_before_the_answer_and_between_attempts() {
    let vendor = Vendor::start();
    vendor.on("/*").answer(Answer::error(Dialect::Chat, 503).header("retry-after", "0.02"));
    let decision = decision(&["one", "two"].map(|name| provider(name, Dialect::Chat, &vendor.url())));
    let stop = Stop::default();
    stop.pull();
    let mut pen = Pen { stop: Some(stop), ..Pen::default() };
    let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut pen);
    assert_eq!((&finished.end, vendor.seen().len()), (&End::Stopped(Interrupted(2)), 0));

    let mut pen = Pen { stop: Some(Stop::default()), stops_waiting: true, ..Pen::default() };
    let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut pen);
    assert_eq!((&finished.end, vendor.seen().len()), (&End::Stopped(Interrupted(2)), 1), "{:?}", pen.notes);
    assert_eq!(finished.trials[0].outcome, Outcome::Failed);
}

#[test]
fn an_answer_from_before_stands_in_when_nobody_answers() {
    let (vendor, prompt) = (Vendor::start(), Prompt::new("", "hello"));
    vendor.on("/*").answer(Answer::error(Dialect::Chat, 503));
    let decision = decision(&["one", "two"].map(|name| provider(name, Dialect::Chat, &vendor.url())));
    let mut pen = Pen::default();
    let mut finished = run(&decision, &prompt, &lines(), &mut pen);
    assert_eq!(finished.end, End::Failed);
    finished.or_cached(&prompt, &mut pen, |_| None);
    assert!(finished.check().is_err());
    let kept = moai::journal::Answer {
        model: "one".into(),
        content: "from before".into(),
        usage: None,
        at: NOW.parse().unwrap(),
    };
    finished.or_cached(&prompt, &mut pen, |asked| (asked == question(&prompt)).then_some(kept));
    finished.check().unwrap();
    let answer = finished.answer.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.cached, pen.text.as_str()),
        ("from before", NOW.parse().ok(), "from before")
    );
    assert!(matches!(pen.notes.last(), Some(Note::Cached { .. })));
}

#[test]
fn the_simulated_provider_goes_the_same_way() {
    let script = |steps: Vec<SimStep>| {
        Engine::Sim(SimScript { answer: Some(TEXT.into()), piece: 2, steps, ..SimScript::default() })
    };
    let go = |steps: Vec<SimStep>, timeouts: Timeouts| {
        let sim = Provider { engine: script(steps), timeouts, ..provider("sim", Dialect::Chat, "") };
        let spare = Provider { engine: script(Vec::new()), ..provider("spare", Dialect::Chat, "") };
        run(&decision(&[sim, spare]), &Prompt::new("", "hello"), &Lines::default(), &mut Pen::default())
    };
    let kinds = |finished: &Finished| -> Vec<Option<FaultKind>> {
        finished.trials.iter().map(|trial| trial.fault.as_ref().map(|fault| fault.kind)).collect()
    };
    let busy = SimStep::Status { status: 429, retry_after: Some(Duration::from_millis(1)), body: None };
    let (limit, unreachable) = (Some(FaultKind::RateLimit), Some(FaultKind::Unreachable));
    let answered = go(vec![busy, SimStep::Refuse, SimStep::Answer], PATIENT);
    assert_eq!(answered.answer.as_ref().unwrap().text, TEXT);
    assert_eq!(kinds(&answered), [limit, unreachable, None], "{answered:#?}");
    assert!(answered.answer.unwrap().usage.unwrap().output > 0);
    assert_eq!(kinds(&go(vec![SimStep::Hang], SOON)), [Some(FaultKind::Timeout), None]);
    let malformed = Some(FaultKind::Malformed);
    assert_eq!(kinds(&go(vec![SimStep::Garbage], PATIENT)), [malformed, malformed, None]);
    let cut = go(vec![SimStep::Cut(2)], PATIENT);
    assert!(matches!(&cut.end, End::Cut(fault) if fault.kind == FaultKind::Cut));
    assert_eq!(cut.answer.unwrap().text, TEXT.chars().take(4).collect::<String>());
}

/// What came of each attempt as rows of the journal: only what somebody bills costs money, and unknown is not free.
#[test]
fn attempts_become_rows_with_their_cost() {
    let rows_of = |vendor_name: &str, dialect: Dialect, timeouts: Timeouts, answers: Vec<Answer>, name: &str| {
        let vendor = Vendor::start();
        answers.into_iter().fold(vendor.on("/*"), crate::upstream::Script::answer);
        let zai = Provider { timeouts, ..provider(vendor_name, dialect, &vendor.url()) };
        let glm = Model { id: name.into(), ..model("glm-4.7", vendor_name) };
        let roster = Roster::new(vec![glm], vec![zai], |_| true);
        let policy = Policy { tier2: vec!["glm-4.7".into()], ..Policy::default() };
        let seen = classify("/moai:2-run SPEC-AUTH-001", Options::default());
        let decision = decide(&Ask::default(), &seen, &policy, &roster, &Facts::default()).unwrap();
        let finished = run(&decision, &Prompt::new("", "hello"), &lines(), &mut Pen::default());
        let request = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
        let prices = Prices::named("spec-model-001").unwrap();
        let page = Page {
            request: &request,
            decision: &decision,
            machine: "here",
            session: None,
            project: Some("demo"),
            worktree: None,
            spec: Some("SPEC-AUTH-001"),
            agent: None,
            task: None,
            key: None,
            asked: None,
            prices: &prices,
        };
        finished.trials.iter().map(|trial| page.row(trial)).collect::<Vec<Attempt>>()
    };
    let rows = |dialect, timeouts, answers, name: &str| rows_of("zai", dialect, timeouts, answers, name);
    let usd = |text: &str| Some(text.parse::<Usd>().unwrap());
    let chat = Dialect::Chat;
    let [busy, answered] =
        &rows(chat, PATIENT, vec![Answer::error(chat, 429), Answer::said(chat, TEXT)], "glm-4.7")[..]
    else {
        panic!()
    };
    assert_eq!((busy.outcome, busy.cost, busy.baseline), (Outcome::Failed, usd("0"), usd("0")));
    assert_eq!((busy.error.as_deref(), busy.retries, busy.is_unmetered()), (Some("rate_limit"), 0, false));
    assert_eq!((answered.outcome, answered.cost), (Outcome::Ok, usd("0.000026")));
    assert_eq!((answered.baseline, answered.price_key.as_deref()), (usd("0.000705"), Some("zai/glm-4.7")));
    assert_eq!((answered.number, answered.retries, answered.decided_by.as_str()), (2, 1, "command"));
    assert_eq!((answered.book.as_str(), answered.spec.as_deref()), ("spec-model-001", Some("SPEC-AUTH-001")));
    assert!(answered.first_ms.is_some() && answered.first_ms <= Some(answered.total_ms));
    let [silent] = &rows(chat, SOON, vec![Answer::silence()], "glm-4.7")[..] else { panic!() };
    assert_eq!((silent.cost, silent.is_unmetered()), (None, true), "the vendor may have worked on it");
    let [free] = &rows_of("ollama", chat, SOON, vec![Answer::silence()], "qwen2.5-coder:32b")[..] else { panic!() };
    assert_eq!((free.outcome, free.cost, free.is_unmetered()), (Outcome::Failed, usd("0"), false), "nobody bills it");
    let [unknown] = &rows(chat, PATIENT, vec![Answer::said(chat, TEXT)], "glm-9000")[..] else { panic!() };
    assert_eq!((unknown.cost, unknown.is_unmetered()), (None, false));
    let [cut] = &rows(chat, PATIENT, vec![Answer::said(chat, TEXT).cut_after(6)], "glm-4.7")[..] else { panic!() };
    assert_eq!((cut.outcome, cut.estimated, cut.cost > usd("0")), (Outcome::Cut, true, true));
}
