//! Runs told step by step, and what holds for any of them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::route::{Model, Plan, Roster, fixture};
use crate::wire::fault::Tokens;
use crate::wire::{Fault, FaultKind};

const ALL: [&str; 6] = ["claude-opus", "glm-4.7", "claude-haiku", "gemini-pro", "qwen2.5-coder", "llama3.3"];

fn plan(names: &[&str]) -> Plan {
    let roster = fixture::roster(&["anthropic", "zai", "gemini", "ollama"]);
    let mut ready = names.iter().map(|name| roster.ready(name).unwrap());
    Plan::new(ready.next().unwrap(), ready)
}

fn run(names: &[&str], rules: Rules) -> Run {
    Run::new(&plan(names), rules, 7)
}

fn failed(kind: FaultKind) -> Outcome {
    Outcome::Failed { fault: Fault::new(kind, "no"), shown: false, took: Duration::ZERO }
}

fn asks_to_wait(seconds: u64) -> Outcome {
    let fault = Fault { retry_after: Some(Duration::from_secs(seconds)), ..Fault::new(FaultKind::RateLimit, "slow") };
    Outcome::Failed { fault, shown: false, took: Duration::ZERO }
}

/// The names that are tried while every request fails like this, with a `.` for each wait; and the account.
fn told(run: &mut Run, outcome: &Outcome) -> (String, Tally) {
    let mut words: Vec<String> = Vec::new();
    let mut fed = None;
    for _ in 0..100 {
        match run.next(fed.take()) {
            Step::Try(attempt) => {
                words.push(attempt.ready.name().into());
                fed = Some(outcome.clone());
            }
            Step::Wait(_) => words.push(".".into()),
            Step::Give(tally) => return (words.join(" "), tally),
        }
    }
    panic!("the run does not end: {words:?}");
}

fn story(names: &[&str], outcome: &Outcome) -> String {
    told(&mut run(names, Rules::default()), outcome).0
}

/// AC-005, scenario 3: 지수 백오프로 재시도하고, 최대 3회 재시도 후 Fallback.
#[test]
fn a_429_is_retried_three_times_with_growing_waits_and_then_falls_back() {
    let mut run = run(&["claude-opus", "glm-4.7"], Rules::default());
    let mut step = run.next(None);
    for retry in 0..3 {
        assert!(matches!(&step, Step::Try(attempt) if attempt.ready.name() == "claude-opus" && attempt.retry == retry));
        let Step::Wait(wait) = run.next(Some(failed(FaultKind::RateLimit))) else { panic!("no wait before {retry}") };
        let ceiling = Duration::from_secs(1 << retry);
        assert!(ceiling / 2 <= wait && wait <= ceiling, "{wait:?}");
        step = run.next(None);
    }
    let Step::Try(last) = &step else { panic!("{step:?}") };
    assert_eq!((last.ready.name(), last.number, last.retry, last.fallback), ("claude-opus", 4, 3, false));
    let Step::Try(other) = run.next(Some(failed(FaultKind::RateLimit))) else { panic!("no fallback") };
    assert_eq!((other.ready.name(), other.number, other.retry, other.fallback), ("glm-4.7", 5, 0, true));
    let Step::Give(tally) = run.next(Some(Outcome::Answered { took: Duration::from_secs(2) })) else { panic!() };
    assert_eq!(tally.answered().unwrap().name(), "glm-4.7");
    assert_eq!((tally.sends(), tally.took), (5, Duration::from_secs(2)));
    assert_eq!((tally.trials[0].sends, tally.trials[0].waited), (4, tally.waited));
}

#[test]
fn the_ceiling_of_the_waits_doubles_and_the_waits_are_spread_below_it() {
    let rules = Rules::default();
    assert_eq!([0, 1, 2, 3, 4, 40].map(|retry| rules.ceiling(retry).as_secs()), [1, 2, 4, 8, 10, 10]);
    let sum = |retry: u64| -> u128 {
        let first = |seed| {
            let mut run = Run::new(&plan(&["glm-4.7"]), Rules::default(), seed);
            run.next(None);
            let mut waits = Vec::new();
            for _ in 0..3 {
                let Step::Wait(wait) = run.next(Some(failed(FaultKind::RateLimit))) else { panic!() };
                waits.push(wait.as_millis());
                run.next(None);
            }
            waits[usize::try_from(retry).unwrap()]
        };
        (0..400).map(first).sum::<u128>() / 400
    };
    for (retry, mean) in [(0, 750), (1, 1500), (2, 3000)] {
        assert!(sum(retry).abs_diff(mean) < mean / 16, "{retry}: {}", sum(retry));
    }
}

/// AC-005, scenarios 1 and 2.
#[test]
fn every_kind_of_failure_has_its_own_way() {
    use FaultKind as K;
    let table = [
        (K::RateLimit, "claude-opus . claude-opus . claude-opus . claude-opus glm-4.7 . glm-4.7 . glm-4.7 . glm-4.7"),
        (K::Overloaded, "claude-opus . claude-opus glm-4.7 . glm-4.7"),
        (K::Server, "claude-opus . claude-opus glm-4.7 . glm-4.7"),
        (K::Unreachable, "claude-opus . claude-opus glm-4.7 . glm-4.7"),
        (K::Cut, "claude-opus . claude-opus glm-4.7 . glm-4.7"),
        (K::Malformed, "claude-opus . claude-opus glm-4.7 . glm-4.7"),
        (K::Timeout, "claude-opus glm-4.7"),
        (K::Auth, "claude-opus glm-4.7"),
        (K::Permission, "claude-opus glm-4.7"),
        (K::NoModel, "claude-opus glm-4.7"),
        (K::NotLoaded, "claude-opus glm-4.7"),
        (K::NotFound, "claude-opus glm-4.7"),
        (K::Quota, "claude-opus glm-4.7"),
        (K::BadRequest, "claude-opus"),
        (K::TooLarge, "claude-opus"),
        (K::TooLong, "claude-opus"),
        (K::OutputTooLong, "claude-opus"),
        (K::ContentPolicy, "claude-opus"),
    ];
    assert_eq!(table.len(), K::ALL.len());
    for (kind, expected) in table {
        assert_eq!(story(&["claude-opus", "glm-4.7"], &failed(kind)), expected, "{kind:?}");
    }
}

#[test]
fn the_tally_names_every_model_and_why() {
    let (_, tally) =
        told(&mut run(&["claude-opus", "claude-haiku", "glm-4.7"], Rules::default()), &failed(FaultKind::Auth));
    let lines: Vec<String> = tally.trials.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["claude-opus: no", "claude-haiku: not asked: anthropic did not take the key", "glm-4.7: no"]);
    assert_eq!(tally.last_fault().unwrap().kind, FaultKind::Auth);
    let (_, tally) = told(&mut run(&["claude-opus"], Rules::default()), &failed(FaultKind::Overloaded));
    assert_eq!(tally.trials[0].to_string(), "claude-opus: no (asked 2 times)");
}

#[test]
fn a_retry_after_is_honoured_and_one_that_is_too_long_is_not_waited_for() {
    let mut patient = run(&["claude-opus", "glm-4.7"], Rules::default());
    patient.next(None);
    let Step::Wait(wait) = patient.next(Some(asks_to_wait(20))) else { panic!() };
    assert!((20..=21).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(story(&["claude-opus", "glm-4.7"], &asks_to_wait(31)), "claude-opus glm-4.7");
    assert_eq!(story(&["claude-opus"], &asks_to_wait(3600)), "claude-opus");
}

#[test]
fn nobody_is_asked_again_once_something_was_shown_or_the_person_has_stopped_it() {
    for kind in FaultKind::ALL {
        let mut run = run(&["claude-opus", "glm-4.7"], Rules::default());
        run.next(None);
        let cut = Outcome::Failed { fault: Fault::new(kind, "no"), shown: true, took: Duration::ZERO };
        let Step::Give(tally) = run.next(Some(cut)) else { panic!("{kind:?}") };
        assert_eq!(tally.trials[0].end, End::Cut);
        assert!(matches!(run.next(None), Step::Give(_)), "over is over");
    }
    let mut waiting = run(&["claude-opus", "glm-4.7"], Rules::default());
    waiting.next(None);
    waiting.next(Some(failed(FaultKind::RateLimit)));
    let Step::Give(tally) = waiting.next(Some(Outcome::Stopped { took: Duration::ZERO })) else { panic!() };
    assert_eq!((&tally.trials[0].end, tally.sends()), (&End::Stopped, 1));
}

#[test]
fn a_prompt_that_is_too_long_goes_only_where_there_is_more_room() {
    let context = |name: &str, context| Model {
        context,
        ..fixture::model(name, "anthropic", name, crate::model::Tier::One, &[])
    };
    let models = vec![
        context("small", Some(100)),
        context("same", Some(100)),
        context("unknown", None),
        context("wide", Some(1000)),
    ];
    let roster = Roster::new(models, fixture::providers(), |_| true);
    let plan = Plan::new(roster.ready("small").unwrap(), roster.all_ready());
    let too_long = |input| {
        let tokens = Some(Tokens { input, output: 0, limit: 100 });
        Outcome::Failed {
            fault: Fault { tokens, ..Fault::new(FaultKind::TooLong, "long") },
            shown: false,
            took: Duration::ZERO,
        }
    };
    let story = |outcome| told(&mut Run::new(&plan, Rules::default(), 1), &outcome).0;
    assert_eq!(story(too_long(500)), "small wide");
    assert_eq!(story(too_long(5000)), "small");
    assert_eq!(story(failed(FaultKind::TooLong)), "small wide");
}

#[test]
fn the_limits_of_a_run() {
    let few = Rules { most_attempts: 2, ..Rules::default() };
    let (words, tally) = told(&mut run(&["claude-opus", "glm-4.7", "llama3.3"], few), &failed(FaultKind::Timeout));
    assert_eq!(words, "claude-opus glm-4.7");
    assert_eq!(tally.trials[2].end, End::PassedOver("2 requests were sent, and no more are allowed".into()));
    let slow =
        Outcome::Failed { fault: Fault::new(FaultKind::Server, "no"), shown: false, took: Duration::from_secs(301) };
    assert_eq!(story(&["claude-opus", "glm-4.7"], &slow), "claude-opus");
    let eager = Rules { rate_limit: 99, ..Rules::default() };
    let (words, _) = told(&mut run(&["glm-4.7"], eager), &failed(FaultKind::RateLimit));
    assert_eq!(words.matches("glm").count(), 4, "never more than three retries");
}

/// A key that is not taken is no better after another vendor was asked.
#[test]
fn what_a_failure_has_shown_holds_for_the_rest_of_the_plan() {
    let mut run = run(&["claude-opus", "glm-4.7", "claude-haiku", "gemini-pro"], Rules::default());
    let mut outcomes = [FaultKind::Auth, FaultKind::Timeout, FaultKind::Timeout].into_iter().map(failed);
    let mut asked = Vec::new();
    let mut outcome = None;
    let tally = loop {
        match run.next(outcome.take()) {
            Step::Try(attempt) => {
                asked.push(attempt.ready.name().to_owned());
                outcome = outcomes.next();
            }
            Step::Wait(wait) => panic!("waited {wait:?}"),
            Step::Give(tally) => break tally,
        }
    };
    assert_eq!(asked, ["claude-opus", "glm-4.7", "gemini-pro"]);
    assert_eq!(tally.trials[2].end, End::PassedOver("anthropic did not take the key".into()));
}

#[test]
fn no_request_outlasts_the_deadline() {
    let rules = Rules { deadline: Some(Duration::from_secs(10)), ..Rules::default() };
    let mut run = run(&["claude-opus", "glm-4.7", "llama3.3"], rules);
    let mut left = Vec::new();
    let mut outcome = None;
    let tally = loop {
        match run.next(outcome.take()) {
            Step::Try(attempt) => {
                left.push(attempt.left.map(|left| left.as_secs()));
                let fault = Fault::new(FaultKind::Timeout, "no");
                outcome = Some(Outcome::Failed { fault, shown: false, took: Duration::from_secs(6) });
            }
            Step::Wait(wait) => panic!("waited {wait:?}"),
            Step::Give(tally) => break tally,
        }
    };
    assert_eq!(left, [Some(10), Some(4)]);
    assert_eq!(tally.trials[2].end, End::PassedOver("the 10.0 s that all of it may take are over".into()));
}

/// Outcomes of all sorts, also ones that a driver should not give.
fn outcome() -> impl Strategy<Value = Option<Outcome>> {
    let millis = || (0_u64..400_000).prop_map(Duration::from_millis);
    let fault = (proptest::sample::select(FaultKind::ALL.to_vec()), proptest::option::of(millis()));
    prop_oneof![
        1 => Just(None),
        1 => millis().prop_map(|took| Some(Outcome::Answered { took })),
        1 => millis().prop_map(|took| Some(Outcome::Stopped { took })),
        20 => (fault, proptest::bool::weighted(0.1), millis()).prop_map(|((kind, retry_after), shown, took)| {
            Some(Outcome::Failed { fault: Fault { retry_after, ..Fault::new(kind, "no") }, shown, took })
        }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    (0_u32..9, 0_u32..9, 0_u64..90_000, 0_u64..90_000, 0_u64..90_000, 1_u32..30, 0_u64..900_000).prop_map(
        |(rate_limit, server, first, longest, after, most_attempts, total)| Rules {
            rate_limit,
            server,
            first_wait: Duration::from_millis(first),
            longest_wait: Duration::from_millis(longest),
            longest_retry_after: Duration::from_millis(after),
            most_attempts,
            total: Duration::from_millis(total),
            deadline: None,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_is_bounded_and_stays_in_its_plan(
        names in proptest::sample::subsequence(ALL.to_vec(), 1..=ALL.len()),
        rules in rules(),
        seed in any::<u64>(),
        outcomes in proptest::collection::vec(outcome(), 32),
    ) {
        let mut run = Run::new(&plan(&names), rules, seed);
        let mut outcomes = outcomes.into_iter();
        let (mut sends, mut waited, mut started, mut last) = (0, Duration::ZERO, Duration::ZERO, None);
        let mut fed = None;
        let tally = loop {
            let shown = matches!(&fed, Some(Outcome::Failed { shown: true, .. } | Outcome::Answered { .. } | Outcome::Stopped { .. }));
            match run.next(fed.take()) {
                Step::Give(tally) => break tally,
                _ if shown => prop_assert!(false, "something was done after the end"),
                Step::Wait(wait) => {
                    prop_assert!(wait <= rules.longest_wait.max(rules.longest_retry_after), "{wait:?}");
                    waited += wait;
                    started += wait;
                    prop_assert!(started < rules.total);
                }
                Step::Try(attempt) => {
                    let at = names.iter().position(|name| *name == attempt.ready.name());
                    prop_assert!(at.is_some() && at >= last, "out of the plan, or back in it");
                    last = at;
                    sends += 1;
                    prop_assert_eq!(attempt.number, sends);
                    prop_assert!(attempt.retry <= rules.server.max(Rules::MOST_RATE_LIMIT));
                    fed = outcomes.next().flatten();
                    if let Some(Outcome::Failed { took, .. }) = &fed {
                        started += *took;
                    }
                }
            }
            prop_assert!(sends <= rules.most_attempts);
        };
        prop_assert_eq!((tally.sends(), tally.waited), (sends, waited));
        let listed: Vec<&str> = tally.trials.iter().map(|trial| trial.ready.name()).collect();
        prop_assert_eq!(&listed[..], &names[..listed.len()]);
        prop_assert!(matches!(run.next(None), Step::Give(again) if again == tally));
    }
}

#[test]
fn another_deployment_is_asked_at_once_and_costs_no_retry() {
    let mut run = run(&["claude-opus", "glm-4.7"], Rules { rate_limit: 1, ..Rules::default() });
    let limited = || Fault::new(FaultKind::RateLimit, "slow");
    let elsewhere = || Some(Outcome::Elsewhere { fault: limited(), took: Duration::from_secs(1) });
    let mut numbers = Vec::new();
    let mut step = run.next(None);
    for _ in 0..3 {
        let Step::Try(attempt) = &step else { panic!("{step:?}") };
        numbers.push((attempt.ready.name().to_owned(), attempt.number, attempt.fallback));
        step = run.next(elsewhere());
    }
    assert_eq!(numbers, [1, 2, 3].map(|number| ("claude-opus".to_owned(), number, false)));
    // The last of them has failed too: now it is the model that failed, and has its one retry.
    step = run.next(Some(failed(FaultKind::RateLimit)));
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert!(matches!(run.next(None), Step::Try(attempt) if attempt.number == 5));
    step = run.next(Some(failed(FaultKind::RateLimit)));
    assert!(matches!(&step, Step::Try(attempt) if attempt.ready.name() == "glm-4.7" && attempt.fallback), "{step:?}");
    let Step::Give(tally) = run.next(Some(Outcome::Answered { took: Duration::ZERO })) else { panic!() };
    assert_eq!((tally.sends(), tally.trials[0].faults.len(), tally.took), (6, 5, Duration::from_secs(3)));
}

#[test]
fn deployments_are_bounded_by_the_same_limits() {
    let mut run = run(&["claude-opus"], Rules { most_attempts: 4, ..Rules::default() });
    let mut fed = None;
    for _ in 0..4 {
        let step = run.next(fed.take());
        assert!(matches!(step, Step::Try(_)), "{step:?}");
        fed = Some(Outcome::Elsewhere { fault: Fault::new(FaultKind::Auth, "no"), took: Duration::ZERO });
    }
    let Step::Give(tally) = run.next(fed) else { panic!("a fifth request") };
    assert_eq!(tally.sends(), 4);
}

#[test]
fn models_that_are_known_to_fail_come_last() {
    let names = ["claude-opus", "glm-4.7", "gemini-pro"];
    let around = |shut: &[&str]| {
        let mut run = Run::around(&plan(&names), |ready| shut.contains(&ready.name()), Rules::default(), 7);
        let Step::Try(first) = run.next(None) else { panic!() };
        assert_eq!(first.fallback, first.ready.name() != "claude-opus", "{shut:?}");
        let mut run = Run::around(&plan(&names), |ready| shut.contains(&ready.name()), Rules::default(), 7);
        told(&mut run, &failed(FaultKind::Permission)).0
    };
    assert_eq!(around(&[]), "claude-opus glm-4.7 gemini-pro");
    assert_eq!(around(&["claude-opus"]), "glm-4.7 gemini-pro claude-opus");
    assert_eq!(around(&["claude-opus", "gemini-pro"]), "glm-4.7 claude-opus gemini-pro");
    assert_eq!(around(&names), "claude-opus glm-4.7 gemini-pro", "then they are as good as each other");
}
