//! Several deployments of a provider, over real sockets: which one is asked, which is left alone, what the client sees
//! of it all (nothing).

use std::net::TcpListener;
use std::time::Duration;

use moai::base::interrupt::Interrupted;
use moai::base::secret::Secret;
use moai::classify::{Options, classify};
use moai::exchange::{Board, End, Finished, Health, Lines, Order, drive};
use moai::model::{RequestId, Tier};
use moai::route::balance::{Balance, Limits};
use moai::route::retry::Rules;
use moai::route::{
    Ask, Auth, Decision, Deployment, Engine, Facts, KeyNeed, Model, Policy, Provider, Roster, Timeouts, decide,
};
use moai::wire::hub::Prompt;
use moai::wire::{Dialect, FaultKind, Quirks};
use serde_json::json;

use crate::scratch::{KEY, NOW, Scratch};
use crate::upstream::{Answer, Vendor};

const PATH: &str = "/v1/messages";

const RULES: Rules = Rules {
    rate_limit: 3,
    server: 1,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(2),
    longest_retry_after: Duration::from_millis(20),
    most_attempts: 12,
    total: Duration::from_secs(60),
    deadline: None,
};

/// Nothing that is left alone is tried again within a test.
const LONG: Limits = Limits {
    failures: 3.0,
    memory: Duration::from_secs(60),
    failing: Duration::from_secs(3_600),
    longest_failing: Duration::from_secs(3_600),
    busy: Duration::from_secs(3_600),
    longest_busy: Duration::from_secs(3_600),
    longest_asked: Duration::from_secs(3_600),
    dead: Duration::from_secs(3_600),
};

/// What is left alone may be tried again at once.
const AT_ONCE: Limits = Limits { failing: Duration::ZERO, longest_failing: Duration::ZERO, ..LONG };

fn provider(name: &str, base_url: &str) -> Provider {
    Provider {
        name: name.into(),
        base_url: base_url.into(),
        wire: Dialect::Anthropic,
        auth: Auth::ApiKey,
        quirks: Quirks::preset("anthropic").unwrap(),
        headers: Vec::new(),
        key: KeyNeed::None,
        timeouts: Timeouts::default(),
        engine: Engine::Http,
        balance: Balance::default(),
        deployments: Vec::new(),
        health: None,
    }
}

/// A world of deployments of one provider, in the order of their priority, and a spare provider behind it.
struct Stage {
    decision: Decision,
    roster: Roster,
    lines: Lines,
    board: Board,
    spare: Vendor,
}

impl Stage {
    fn new(urls: &[&str], balance: Balance, limits: Limits) -> Self {
        let names = ["a", "b", "c"];
        let deployment = |(at, (url, name)): (usize, (&&str, &str))| Deployment {
            name: name.to_owned(),
            at: provider(&format!("many/{name}"), url),
            weight: 1,
            priority: u32::try_from(at).unwrap(),
        };
        let deployments = urls.iter().zip(names).enumerate().map(deployment).collect();
        let many = Provider { balance, deployments, ..provider("many", "http://127.0.0.1:9") };
        let spare = said("the spare");
        let model = |name: &str, provider: &str| Model {
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
        };
        let models = vec![model("one", "many"), model("two", "spare")];
        let roster = Roster::new(models, vec![many, provider("spare", &spare.url())], |_| true);
        let policy = Policy { tier2: vec!["one".into()], tier1: vec!["two".into()], ..Policy::default() };
        let seen = classify("/moai:2-run SPEC-AUTH-001", Options::default());
        let decision = decide(&Ask::default(), &seen, &policy, &roster, &Facts::default()).unwrap();
        let keys = names.map(|name| (format!("many/{name}"), Secret::new(format!("{KEY}-{name}"))));
        Self { decision, roster, lines: Lines::new(keys), board: Board::new(limits), spare }
    }

    async fn ask(&self, session: Option<&str>, stop: impl Future<Output = Interrupted>) -> Finished {
        let id: RequestId = "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01".parse().unwrap();
        let now = || NOW.parse().unwrap();
        let prompt = Prompt { stream: true, ..Prompt::new("", "hello") };
        let order = Order {
            decision: &self.decision,
            prompt: &prompt,
            rules: RULES,
            id: &id,
            lines: &self.lines,
            board: Some(&self.board),
            session,
            now: &now,
            affords: None,
        };
        drive(&order, &mut (), stop).await
    }

    /// So many requests, one after the other, all of which are answered by the provider itself; for each the
    /// deployments that were asked.
    fn all_answered(&self, count: usize, session: Option<&str>) -> Vec<String> {
        let one = || {
            let finished = block_on(self.ask(session, std::future::pending()));
            assert_eq!((&finished.end, finished.fell_back()), (&End::Answered, false), "{finished:?}");
            assert_eq!(finished.tally.waited, Duration::ZERO, "{finished:?}");
            let numbers: Vec<u32> = finished.trials.iter().map(|trial| trial.number).collect();
            assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(), "a row for each");
            assert!(finished.trials.iter().all(|trial| trial.provider == "many"));
            asked(&finished)
        };
        (0..count).map(|_| one()).collect()
    }

    /// How a deployment stands.
    fn health(&self, deployment: &str) -> Health {
        let all = self.board.health(&self.roster);
        all.into_iter().find(|health| health.deployment.as_deref() == Some(deployment)).unwrap()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `a b`: the deployments of a request's attempts; the name of the model where its provider has none.
fn asked(finished: &Finished) -> String {
    let names = finished.trials.iter().map(|trial| trial.deployment.clone().unwrap_or_else(|| trial.model.clone()));
    names.collect::<Vec<_>>().join(" ")
}

fn said(text: &str) -> Vendor {
    let vendor = Vendor::start();
    vendor.on(PATH).answer(Answer::said(Dialect::Anthropic, text));
    vendor
}

/// A vendor that fails like this, every time.
fn failing(status: u16) -> Vendor {
    let vendor = Vendor::start();
    vendor.on(PATH).answer(Answer::error(Dialect::Anthropic, status));
    vendor
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_dead_first_deployment_is_not_noticed_and_soon_not_asked() {
    let good = said("hi");
    let stage = Stage::new(&[&nobody(), &good.url()], Balance::Priority, LONG);
    assert_eq!(stage.all_answered(6, None), ["a b", "a b", "a b", "b", "b", "b"]);
    let (a, b) = (stage.health("a"), stage.health("b"));
    assert_eq!((a.state, a.failed, a.answered, a.in_flight), ("open", 3, 0, 0));
    assert!(a.reason.as_ref().is_some_and(|why| why.contains("cannot be reached")) && a.left.is_some(), "{a:?}");
    assert_eq!((b.state, b.failed, b.answered, b.in_flight, b.reason), ("closed", 0, 6, 0, None));
    assert!(b.latency.is_some_and(|latency| latency > Duration::ZERO));
}

#[test]
fn every_kind_of_failure_before_the_first_content_is_another_deployments_chance() {
    let begins = |answer: Answer| answer.before_content(Dialect::Anthropic);
    for (name, answer) in [
        ("5xx", Answer::error(Dialect::Anthropic, 500)),
        ("overloaded", Answer::error(Dialect::Anthropic, 529)),
        ("an error inside of a 200", Answer::error(Dialect::Anthropic, 529).status(200)),
        ("429", Answer::error(Dialect::Anthropic, 429)),
        ("401", Answer::error(Dialect::Anthropic, 401)),
        ("404", Answer::json(404, &json!({"error": {"message": "nothing here"}}))),
        ("a web page", Answer::page(200)),
        ("cut", begins(Answer::said(Dialect::Anthropic, "x")).cut_after(1)),
        ("reset", Answer::said(Dialect::Anthropic, "x").reset_after(0)),
        ("garbage", Answer::garbage(Dialect::Anthropic)),
        ("an empty answer", Answer::empty(Dialect::Anthropic)),
    ] {
        let (bad, good) = (Vendor::start(), said("hi"));
        bad.on(PATH).answer(answer);
        let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, LONG);
        assert_eq!(stage.all_answered(1, None), ["a b"], "{name}");
        assert_eq!((stage.health("a").failed, stage.health("b").answered), (1, 1), "{name}");
    }
}

#[test]
fn one_that_is_killed_in_the_middle_of_a_run_is_not_noticed() {
    for balance in [Balance::RoundRobin, Balance::HealthBased, Balance::LeastLoaded] {
        let (first, second) = (said("hi"), said("hi"));
        let stage = Stage::new(&[&first.url(), &second.url()], balance, LONG);
        stage.all_answered(8, None);
        drop(first);
        let after = stage.all_answered(40, None);
        assert!(after.iter().all(|asked| asked.ends_with('b')), "{after:?}");
        assert!(after.iter().filter(|asked| asked.starts_with('a')).count() <= 3, "{balance}: {after:?}");
    }
}

#[test]
fn turns_are_spread_evenly_and_each_key_goes_to_its_own_host() {
    let vendors = [said("a"), said("b"), said("c")];
    let urls = vendors.each_ref().map(Vendor::url);
    let stage = Stage::new(&urls.each_ref().map(String::as_str), Balance::RoundRobin, LONG);
    stage.all_answered(30, None);
    for (vendor, name) in vendors.iter().zip(["a", "b", "c"]) {
        assert_eq!(vendor.count(PATH), 10);
        let key = format!("{KEY}-{name}");
        assert!(vendor.seen().iter().all(|seen| seen.header("x-api-key") == Some(&key)));
    }
    assert!(stage.spare.seen().is_empty());
}

#[test]
fn a_conversation_stays_at_its_deployment_as_long_as_that_works() {
    let vendors = [said("a"), said("b")];
    let stage = Stage::new(&[&vendors[0].url(), &vendors[1].url()], Balance::RoundRobin, LONG);
    let home = stage.all_answered(1, Some("mine")).remove(0);
    assert_ne!(stage.all_answered(1, Some("yours")).remove(0), home);
    assert!(stage.all_answered(5, Some("mine")).iter().all(|asked| *asked == home));
    let [first, second] = vendors;
    let (gone, left) = if home == "a" { (first, second) } else { (second, first) };
    drop(gone);
    let after = stage.all_answered(5, Some("mine"));
    let other = if home == "a" { "b" } else { "a" };
    assert_eq!(after[0], format!("{home} {other}"));
    assert!(after[1..].iter().all(|asked| asked == other), "{after:?}: it has moved");
    drop(left);
}

#[test]
fn recovery_is_tried_by_one_single_request() {
    let (bad, good) = (Vendor::start(), said("hi"));
    let failure = || Answer::error(Dialect::Anthropic, 500);
    let hangs_then_works = [failure(), failure(), failure(), Answer::silence(), Answer::said(Dialect::Anthropic, "hi")];
    hangs_then_works.into_iter().fold(bad.on(PATH), crate::upstream::Script::answer);
    let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, AT_ONCE);
    assert_eq!(stage.all_answered(3, None), ["a b", "a b", "a b"]);
    assert_eq!(stage.health("a").state, "half-open");
    block_on(async {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let probe = stage.ask(None, async {
            drop(stopped.await);
            Interrupted(2)
        });
        let others = async {
            while bad.count(PATH) < 4 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let health = stage.health("a");
            assert_eq!((health.state, health.in_flight), ("half-open", 1));
            for _ in 0..5 {
                assert_eq!(asked(&stage.ask(None, std::future::pending()).await), "b", "the probe is still out");
            }
            drop(stop);
        };
        let (probe, ()) = tokio::join!(probe, others);
        assert_eq!(probe.end, End::Stopped(Interrupted(2)));
    });
    // Nobody is to blame for a person who did not wait: the next one tries.
    assert_eq!((stage.health("a").in_flight, stage.health("a").failed), (0, 3));
    assert_eq!(stage.all_answered(3, None), ["a", "a", "a"]);
    assert_eq!(stage.health("a").state, "closed");
}

#[test]
fn with_the_first_piece_of_an_answer_a_deployment_is_well_again() {
    let (bad, good) = (Vendor::start(), said("hi"));
    let failure = || Answer::error(Dialect::Anthropic, 500);
    let long = Answer::said(Dialect::Anthropic, "an answer that takes long").hangs_after(5);
    let answers = [failure(), failure(), failure(), long, Answer::said(Dialect::Anthropic, "hi")];
    answers.into_iter().fold(bad.on(PATH), crate::upstream::Script::answer);
    let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, AT_ONCE);
    assert_eq!(stage.all_answered(3, None), ["a b", "a b", "a b"]);
    block_on(async {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let probe = stage.ask(None, async {
            drop(stopped.await);
            Interrupted(2)
        });
        let others = async {
            for _ in 0..10_000 {
                if stage.health("a").state == "closed" {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let health = stage.health("a");
            assert_eq!((health.state, health.in_flight, health.answered), ("closed", 1, 0), "its answer is under way");
            for _ in 0..5 {
                assert_eq!(asked(&stage.ask(None, std::future::pending()).await), "a");
            }
            drop(stop);
        };
        let (probe, ()) = tokio::join!(probe, others);
        assert_eq!(probe.end, End::Stopped(Interrupted(2)));
    });
    assert_eq!((stage.health("a").in_flight, stage.health("a").answered, stage.health("a").failed), (0, 5, 3));
}

#[test]
fn a_key_that_is_not_taken_is_tried_once() {
    let (bad, good) = (failing(401), said("hi"));
    let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, LONG);
    assert_eq!(stage.all_answered(5, None), ["a b", "b", "b", "b", "b"]);
    assert_eq!(stage.health("a").state, "hard-down");
    // With another key it is another deployment.
    let same = Lines::new([("many/a", KEY), ("many/b", KEY)].map(|(way, key)| (way.to_owned(), Secret::new(key))));
    stage.board.renew(&stage.roster, &same);
    stage.board.renew(&stage.roster, &same);
    assert_eq!(stage.all_answered(1, None), ["a b"]);
    stage.board.renew(&stage.roster, &same);
    assert_eq!(stage.health("a").state, "hard-down", "the same configuration again changes nothing");
    let fresh =
        Lines::new([("many/a", "another"), ("many/b", KEY)].map(|(way, key)| (way.to_owned(), Secret::new(key))));
    stage.board.renew(&stage.roster, &fresh);
    assert_eq!((stage.health("a").state, stage.health("b").answered), ("closed", 6));
}

#[test]
fn what_one_request_may_not_do_or_does_not_find_closes_nothing() {
    let refused = |status, kind: &str, message: &str| {
        Answer::json(status, &json!({"type": "error", "error": {"type": kind, "message": message}}))
    };
    let (bad, good) = (Vendor::start(), said("hi"));
    let refusals = [
        refused(403, "permission_error", "Your API key does not have permission to use the specified resource"),
        refused(404, "not_found_error", "File not found: file_011CNha8iCJcU1wXNR6q4V8w"),
        refused(404, "not_found_error", "model: one-id"),
    ];
    let script = refusals.clone().into_iter().flat_map(|refusal| [refusal, Answer::said(Dialect::Anthropic, "hi")]);
    script.fold(bad.on(PATH), crate::upstream::Script::answer);
    let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, LONG);
    assert_eq!(stage.all_answered(6, None), ["a b", "a", "a b", "a", "a b", "a"]);
    assert_eq!((stage.health("a").state, stage.health("a").failed), ("closed", 3));
    // One that refuses whatever is asked is found out, and tried again soon: only a dead key is left alone for long.
    for refusal in refusals {
        let bad = Vendor::start();
        bad.on(PATH).answer(refusal);
        let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, LONG);
        assert_eq!(stage.all_answered(4, None), ["a b", "a b", "a b", "b"]);
        assert_eq!(stage.health("a").state, "open");
    }
    let dead = Vendor::start();
    dead.on(PATH).answer(refused(403, "permission_error", "OAuth token has been revoked. Please obtain a new token."));
    let stage = Stage::new(&[&dead.url(), &good.url()], Balance::Priority, LONG);
    assert_eq!(stage.all_answered(2, None), ["a b", "b"]);
    assert_eq!(stage.health("a").state, "hard-down");
}

#[test]
fn the_clients_own_mistakes_are_nobody_elses() {
    let (strict, good) = (failing(400), said("hi"));
    let stage = Stage::new(&[&strict.url(), &good.url()], Balance::Priority, LONG);
    for _ in 0..5 {
        let finished = block_on(stage.ask(None, std::future::pending()));
        assert_eq!(asked(&finished), "a");
        assert_eq!(finished.trials[0].fault.as_ref().map(|fault| fault.kind), Some(FaultKind::BadRequest));
    }
    let health = stage.health("a");
    assert_eq!((health.state, health.failed, health.answered), ("closed", 0, 0));
    assert!(good.seen().is_empty() && stage.spare.seen().is_empty());
}

#[test]
fn only_when_all_deployments_have_failed_is_waited_and_then_another_model_asked() {
    let (first, second) = (failing(429), failing(429));
    let stage = Stage::new(&[&first.url(), &second.url()], Balance::Priority, LONG);
    let finished = block_on(stage.ask(None, std::future::pending()));
    assert_eq!((&finished.end, finished.fell_back()), (&End::Answered, true));
    // Both at once; then a wait before each of the three retries, for which there is only the least bad one.
    assert_eq!(asked(&finished), "a b a a a two");
    assert!(finished.tally.waited > Duration::ZERO);
    let numbers: Vec<u32> = finished.trials.iter().map(|trial| trial.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_provider_that_is_known_to_be_dead_is_passed_over_for_the_next_model() {
    let (first, second) = (failing(500), failing(500));
    let stage = Stage::new(&[&first.url(), &second.url()], Balance::RoundRobin, LONG);
    let mut last = String::new();
    for _ in 0..6 {
        let finished = block_on(stage.ask(None, std::future::pending()));
        assert_eq!((&finished.end, finished.fell_back()), (&End::Answered, true), "{finished:?}");
        last = asked(&finished);
    }
    assert_eq!(last, "two", "nobody waits for what is known to fail");
    // Where the other one fails as well, it has its chance.
    stage.spare.on(PATH).answer(Answer::error(Dialect::Anthropic, 401)).answer(Answer::error(Dialect::Anthropic, 401));
    block_on(stage.ask(None, std::future::pending()));
    let finished = block_on(stage.ask(None, std::future::pending()));
    assert!(asked(&finished).starts_with("two ") && finished.end == End::Failed, "{finished:?}");
}

#[test]
fn a_check_beside_the_requests_finds_what_is_broken_and_what_is_well_again() {
    let (bad, good) = (Vendor::start(), said("hi"));
    bad.on("/health").answer(Answer::json(503, &json!({}))).answer(Answer::json(500, &json!({})));
    let stage = Stage::new(&[&bad.url(), &good.url()], Balance::Priority, LONG);
    let mut way = stage.roster.ready("one").unwrap().provider().deployments[0].at.clone();
    way.health = Some(moai::route::Health { path: "/health".into(), every: Duration::from_secs(1) });
    stage.board.renew(&stage.roster, &stage.lines);
    let check = |stage: &Stage| block_on(stage.board.check(&way, &stage.lines, NOW.parse().unwrap()));
    (0..4).for_each(|_| check(&stage));
    assert_eq!((stage.health("a").state, stage.health("a").failed), ("open", 0), "before any request met it");
    assert_eq!(stage.all_answered(2, None), ["b", "b"]);
    let seen = bad.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/health"));
    assert_eq!(seen[0].header("x-api-key"), Some(format!("{KEY}-a").as_str()));
    bad.on("/health").answer(Answer::json(200, &json!({})));
    bad.on(PATH).answer(Answer::said(Dialect::Anthropic, "hi"));
    check(&stage);
    check(&stage);
    assert_eq!((stage.health("a").state, stage.health("a").reason), ("closed", None));
    assert_eq!(stage.all_answered(1, None), ["a"]);
    // A path that is not there, or not for this key, says nothing about the deployment.
    for status in [404, 403, 405, 429] {
        bad.on("/health").answer(Answer::json(status, &json!({}))).answer(Answer::json(status, &json!({})));
        (0..5).for_each(|_| check(&stage));
        assert_eq!(stage.health("a").state, "closed", "{status}");
    }
}

#[test]
fn moai_route_asks_the_deployments_of_the_configuration() {
    let (bad, good) = (failing(529), Vendor::start());
    good.on("/v1/messages").answer(Answer::said(Dialect::Anthropic, "fn main() {}"));
    let mut scratch = Scratch::repository();
    scratch.set_env("ZAI_FIRST", &format!("{KEY}-first"));
    scratch.set_env("ZAI_SECOND", &format!("{KEY}-second"));
    let config = format!(
        "[providers.zai]\nwire = \"anthropic\"\nbalance = \"priority\"\n\
         [providers.zai.deployments.first]\nbase_url = \"{}\"\nkey_env = \"ZAI_FIRST\"\npriority = 1\n\
         [providers.zai.deployments.second]\nbase_url = \"{}\"\nkey_env = \"ZAI_SECOND\"\npriority = 2\n\
         [providers.zai.deployments.third]\nkey_env = \"ZAI_THIRD\"\n",
        bad.url(),
        good.url()
    );
    let file = scratch.home().join(".moai/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, config).unwrap();
    let said = scratch.moai(["route", "코드 구현해줘", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&answer["model_used"], &answer["content"]), (&json!("glm-4.7"), &json!("fn main() {}")), "{said:#?}");
    assert_eq!((&answer["attempts"], &answer["fallback"]), (&json!(2), &json!(false)));
    assert!(said.stderr.contains("the deployment zai/third is left out: $ZAI_THIRD is not set"), "{said:#?}");
    let key = |vendor: &Vendor| vendor.seen()[0].header("x-api-key").unwrap().to_owned();
    assert_eq!((key(&bad), key(&good)), (format!("{KEY}-first"), format!("{KEY}-second")));
    let explained = scratch.moai(["config", "explain", "providers.zai.deployments.first.base_url"]);
    assert!(explained.stdout.contains(&bad.url()) && explained.stdout.contains("config.toml:5"), "{explained:#?}");
    assert!(!format!("{said:?}{explained:?}").contains(KEY));
    // Both are in the books, each under its own name.
    let costs = scratch.moai(["costs", "today", "--by", "deployment", "--json"]).json();
    let lines = costs["lines"].as_array().unwrap();
    let line = |name: &str| lines.iter().find(|line| line["value"] == name).unwrap_or_else(|| panic!("{costs:#}"));
    assert_eq!((&line("zai/first")["attempts"], &line("zai/first")["errors"]), (&json!(1), &json!(1)));
    assert_eq!((&line("zai/second")["attempts"], &line("zai/second")["errors"]), (&json!(1), &json!(0)));
}
