//! What the breaker and the choice promise.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::wire::{Fault, FaultKind};

const LIMITS: Limits = Limits {
    failures: 3.0,
    memory: Duration::from_secs(60),
    failing: Duration::from_secs(5),
    longest_failing: Duration::from_secs(300),
    busy: Duration::from_secs(1),
    longest_busy: Duration::from_secs(60),
    longest_asked: Duration::from_secs(300),
    dead: Duration::from_secs(1_800),
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn lane() -> Lane {
    Lane::new(LIMITS, Duration::ZERO)
}

/// One request, sent and ended at the same moment.
fn ask(lane: &mut Lane, blame: Blame, now: Duration) {
    let pass = lane.begin(now);
    lane.end(pass, blame, Some(Duration::from_millis(100)), now);
}

/// Opens the lane at `now` by failures.
fn break_down(lane: &mut Lane, now: Duration) {
    (0..3).for_each(|_| ask(lane, Blame::Failed, now));
    assert!(matches!(lane.breaker().state(now), State::Open(Cause::Failing, _)));
}

#[test]
fn the_right_party_is_blamed() {
    for kind in FaultKind::ALL {
        let fault = Fault { retry_after: Some(at(7)), ..Fault::new(kind, "no") };
        let expected = match kind {
            FaultKind::BadRequest
            | FaultKind::TooLarge
            | FaultKind::TooLong
            | FaultKind::OutputTooLong
            | FaultKind::ContentPolicy => Blame::Nobody,
            FaultKind::RateLimit | FaultKind::Overloaded => Blame::Busy(Some(at(7))),
            FaultKind::Auth | FaultKind::Quota => Blame::Dead(Some(at(7))),
            _ => Blame::Failed,
        };
        assert_eq!(Blame::of(Some(&fault)), expected, "{kind:?}");
    }
    assert_eq!(Blame::of(None), Blame::Fine);
}

#[test]
fn failures_close_together_open_it_and_others_do_not() {
    let mut failing = lane();
    ask(&mut failing, Blame::Failed, at(0));
    ask(&mut failing, Blame::Failed, at(1));
    assert_eq!(failing.breaker().state(at(1)), State::Closed);
    ask(&mut failing, Blame::Failed, at(2));
    assert_eq!(failing.breaker().state(at(2)), State::Open(Cause::Failing, at(5)));
    let mut seldom = lane();
    (0..50).for_each(|hour| ask(&mut seldom, Blame::Failed, at(hour * 60)));
    assert_eq!(seldom.breaker().state(at(3_000)), State::Closed, "one failure a minute");
    let mut mixed = lane();
    for _ in 0..50 {
        ask(&mut mixed, Blame::Failed, at(0));
        ask(&mut mixed, Blame::Fine, at(0));
    }
    assert_eq!(mixed.breaker().state(at(0)), State::Closed, "every other one is answered");
}

#[test]
fn a_client_that_is_wrong_a_thousand_times_opens_nothing() {
    let mut lane = lane();
    (0..1_000).for_each(|_| ask(&mut lane, Blame::Nobody, at(0)));
    assert_eq!((lane.breaker().state(at(0)), lane.failed(), lane.in_flight()), (State::Closed, 0, 0));
}

#[test]
fn a_limit_waits_as_long_as_it_asks_within_reason_and_a_dead_key_for_long() {
    let wait = |blame| {
        let mut lane = lane();
        ask(&mut lane, blame, at(0));
        match lane.breaker().state(at(0)) {
            State::Open(cause, wait) => (cause, wait.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(Blame::Busy(None)), (Cause::Busy, 1));
    assert_eq!(wait(Blame::Busy(Some(at(20)))), (Cause::Busy, 20));
    assert_eq!(wait(Blame::Busy(Some(at(86_400)))), (Cause::Busy, 300));
    assert_eq!(wait(Blame::Dead(None)), (Cause::Dead, 1_800));
}

#[test]
fn one_single_request_tries_a_half_open_lane_and_each_failure_doubles_the_wait() {
    let mut lane = lane();
    break_down(&mut lane, at(0));
    let mut now = at(5);
    for wait in [10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(lane.breaker().state(now), State::HalfOpen(Cause::Failing, false));
        let probe = lane.begin(now);
        assert!(probe.is_probe() && !lane.breaker().state(now).admits());
        let other = lane.begin(now);
        assert!(!other.is_probe());
        lane.end(other, Blame::Failed, None, now);
        assert_eq!(lane.breaker().state(now), State::HalfOpen(Cause::Failing, true), "only the probe's failure counts");
        lane.end(probe, Blame::Failed, None, now);
        assert_eq!(lane.breaker().state(now), State::Open(Cause::Failing, at(wait)));
        now += at(wait);
    }
    ask(&mut lane, Blame::Fine, now);
    assert_eq!(lane.breaker().state(now), State::Closed);
    break_down(&mut lane, now);
    assert_eq!(lane.breaker().state(now), State::Open(Cause::Failing, at(5)), "an answer starts the waits anew");
}

#[test]
fn a_probe_that_nobody_waited_for_leaves_its_place_to_the_next() {
    let mut lane = lane();
    break_down(&mut lane, at(0));
    let probe = lane.begin(at(5));
    lane.end(probe, Blame::Nobody, None, at(6));
    assert_eq!(lane.breaker().state(at(6)), State::HalfOpen(Cause::Failing, false));
    assert!(lane.begin(at(6)).is_probe());
}

#[test]
fn a_lane_is_well_again_with_the_first_piece_of_an_answer() {
    let mut lane = lane();
    break_down(&mut lane, at(0));
    let straggler = lane.begin(at(1));
    let probe = lane.begin(at(5));
    let goes_on = lane.speaks(probe, at(6));
    assert_eq!((lane.breaker().state(at(6)), lane.in_flight(), lane.answered()), (State::Closed, 2, 0));
    assert!(!lane.begin(at(6)).is_probe());
    // The rest takes ten minutes, and is accounted then.
    lane.end(goes_on, Blame::Fine, Some(at(1)), at(600));
    assert_eq!((lane.in_flight(), lane.answered(), lane.latency(at(600))), (2, 1, Some(at(1))));
    // One that was sent before says nothing any more, however it goes on.
    assert_eq!(lane.speaks(straggler, at(601)), straggler);
    lane.end(straggler, Blame::Dead(None), None, at(602));
    assert_eq!(lane.breaker().state(at(602)), State::Closed);
    // What breaks off after the first piece is a failure like any other.
    break_down(&mut lane, at(700));
    for _ in 0..3 {
        let probe = lane.begin(at(705));
        let goes_on = lane.speaks(probe, at(705));
        lane.end(goes_on, Blame::Failed, None, at(705));
    }
    assert_eq!(lane.breaker().state(at(705)).as_str(), "open");
    // One that was sent because there was nobody better shows it as well.
    let sent = lane.begin(at(706));
    let _goes_on = lane.speaks(sent, at(706));
    assert_eq!(lane.breaker().state(at(706)), State::Closed);
}

#[test]
fn what_was_sent_before_says_nothing_about_the_state_after() {
    let mut lane = lane();
    let early: Vec<Pass> = (0..50).map(|_| lane.begin(at(0))).collect();
    let straggler = lane.begin(at(0));
    for pass in early {
        lane.end(pass, Blame::Failed, None, at(1));
    }
    assert_eq!(lane.breaker().state(at(1)), State::Open(Cause::Failing, at(5)), "a burst opens it once");
    lane.end(straggler, Blame::Fine, None, at(2));
    assert_eq!(lane.breaker().state(at(2)), State::Open(Cause::Failing, at(4)));
    // Sent while it was open, because there was nobody better: an answer is an answer.
    ask(&mut lane, Blame::Fine, at(3));
    assert_eq!((lane.breaker().state(at(3)), lane.in_flight()), (State::Closed, 0));
}

#[test]
fn a_check_that_is_well_says_nothing_of_a_dead_key() {
    let (mut broken, mut dead) = (lane(), lane());
    break_down(&mut broken, at(0));
    ask(&mut dead, Blame::Dead(None), at(0));
    broken.check(Blame::Fine, at(1));
    dead.check(Blame::Fine, at(1));
    assert_eq!(broken.breaker().state(at(1)), State::Closed);
    assert_eq!(dead.breaker().state(at(1)).as_str(), "hard-down");
    let mut failing = lane();
    (0..3).for_each(|_| failing.check(Blame::Failed, at(2)));
    assert_eq!((failing.breaker().state(at(2)).as_str(), failing.failed(), failing.in_flight()), ("open", 0, 0));
}

#[test]
fn the_latency_rises_at_once_falls_slowly_and_fades() {
    let mut lane = lane();
    let observe = |lane: &mut Lane, millis, now| {
        let pass = lane.begin(now);
        lane.end(pass, Blame::Fine, Some(Duration::from_millis(millis)), now);
    };
    assert_eq!(lane.latency(at(0)), None);
    observe(&mut lane, 100, at(0));
    observe(&mut lane, 2_000, at(1));
    assert_eq!(lane.latency(at(1)), Some(at(2)));
    observe(&mut lane, 100, at(2));
    let after = lane.latency(at(2)).unwrap().as_secs_f64();
    assert!((1.7..1.9).contains(&after), "{after}");
    assert!(lane.latency(at(60)).unwrap() < Duration::from_millis(10), "it is worth another try");
}

/// So many choices; how often each lane was chosen. Every request is answered at once unless `hold`.
fn shares(balance: Balance, lanes: &mut [Lane], weights: &[u32], count: u64, hold: bool) -> Vec<u32> {
    let mut chosen = vec![0; lanes.len()];
    for seed in 0..count {
        let now = Duration::from_millis(seed);
        let mut entries = entries(lanes, weights);
        let pick = choose(balance, &mut entries, None, now, seed).unwrap();
        chosen[pick] += 1;
        let pass = lanes[pick].begin(now);
        if !hold {
            lanes[pick].end(pass, Blame::Fine, Some(Duration::from_millis(50)), now);
        }
    }
    chosen
}

fn entries<'a>(lanes: &'a mut [Lane], weights: &[u32]) -> Vec<Entry<'a>> {
    let weights = weights.iter().copied().chain(std::iter::repeat(1));
    let entry = |(lane, weight)| Entry { lane, weight, priority: 0, tried: false };
    lanes.iter_mut().zip(weights).map(entry).collect()
}

#[test]
fn turns_are_fair_and_weights_hold() {
    let three = || vec![lane(), lane(), lane()];
    assert_eq!(shares(Balance::RoundRobin, &mut three(), &[5, 1, 1], 300, false), [100, 100, 100]);
    assert_eq!(shares(Balance::Weighted, &mut three(), &[5, 1, 0], 700, false), [500, 100, 100]);
    assert_eq!(shares(Balance::LeastLoaded, &mut three(), &[], 300, true), [100, 100, 100]);
    // Evenly mixed: no five in a row.
    let mut lanes = three();
    let row: Vec<usize> = (0..7)
        .map(|seed| choose(Balance::Weighted, &mut entries(&mut lanes, &[5, 1, 1]), None, at(0), seed).unwrap())
        .collect();
    assert_eq!(row, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn one_that_comes_back_is_not_paid_for_the_turns_that_it_missed() {
    let mut lanes = vec![lane(), lane()];
    break_down(&mut lanes[1], at(0));
    assert_eq!(shares(Balance::RoundRobin, &mut lanes, &[], 100, false), [100, 0]);
    lanes[1].check(Blame::Fine, at(1));
    assert_eq!(shares(Balance::RoundRobin, &mut lanes, &[], 100, false), [50, 50]);
}

#[test]
fn the_faster_one_gets_most_and_the_slower_one_some() {
    let mut lanes = vec![lane(), lane(), lane()];
    for (lane, millis) in lanes.iter_mut().zip([50, 500, 500]) {
        let pass = lane.begin(at(0));
        lane.end(pass, Blame::Fine, Some(Duration::from_millis(millis)), at(0));
    }
    let mut chosen = [0; 3];
    for seed in 0..3_000 {
        chosen[choose(Balance::HealthBased, &mut entries(&mut lanes, &[]), None, at(0), seed).unwrap()] += 1;
    }
    // Drawn into two of three pairs, and better in both.
    assert!((1_850..2_150).contains(&chosen[0]), "{chosen:?}");
    assert!(chosen[1] > 300 && chosen[2] > 300, "{chosen:?}");
}

#[test]
fn the_first_place_is_asked_until_it_cannot_be() {
    let mut lanes = vec![lane(), lane(), lane()];
    let pick = |lanes: &mut [Lane], tried: Option<usize>, now| {
        let mut entries = entries(lanes, &[]);
        for (at, entry) in entries.iter_mut().enumerate() {
            entry.priority = [2, 1, 3][at];
            entry.tried = tried == Some(at);
        }
        choose(Balance::Priority, &mut entries, None, now, 7)
    };
    assert_eq!(pick(&mut lanes, None, at(0)), Some(1));
    assert_eq!(pick(&mut lanes, Some(1), at(0)), Some(0));
    break_down(&mut lanes[1], at(0));
    assert_eq!(pick(&mut lanes, None, at(0)), Some(0));
    assert_eq!(pick(&mut lanes, None, at(5)), Some(1), "half-open: it is tried");
}

#[test]
fn a_conversation_stays_where_its_prompts_are_cached() {
    let mut lanes = vec![lane(), lane(), lane()];
    for balance in Balance::ALL {
        for seed in 0..20 {
            assert_eq!(choose(balance, &mut entries(&mut lanes, &[]), Some(2), at(0), seed), Some(2));
        }
    }
    break_down(&mut lanes[2], at(0));
    for balance in Balance::ALL {
        assert_ne!(choose(balance, &mut entries(&mut lanes, &[]), Some(2), at(0), 1), Some(2));
    }
}

#[test]
fn when_all_are_left_alone_the_least_bad_one_is_asked() {
    let mut lanes = vec![lane(), lane(), lane()];
    ask(&mut lanes[0], Blame::Dead(None), at(0));
    break_down(&mut lanes[1], at(0));
    break_down(&mut lanes[2], at(1));
    let pick = |lanes: &mut [Lane], now| choose(Balance::RoundRobin, &mut entries(lanes, &[]), None, now, 0);
    assert_eq!(pick(&mut lanes, at(2)), Some(1), "its time is over first");
    ask(&mut lanes[2], Blame::Dead(None), at(2));
    ask(&mut lanes[1], Blame::Dead(None), at(2));
    assert_eq!(pick(&mut lanes, at(3)), Some(0));
    let mut tried = entries(&mut lanes, &[]);
    tried[0].tried = true;
    assert_eq!(choose(Balance::RoundRobin, &mut tried, None, at(3), 0), None, "for another chance there is the plan");
}

/// Something that happens to a lane.
#[derive(Debug, Clone)]
enum Happens {
    Begin,
    End(usize, Blame),
    Later(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let blame = prop_oneof![
        Just(Blame::Fine),
        Just(Blame::Nobody),
        Just(Blame::Failed),
        Just(Blame::Failed),
        (0_u64..60).prop_map(|wait| Blame::Busy(Some(Duration::from_secs(wait)))),
        Just(Blame::Dead(None)),
    ];
    prop_oneof![
        4 => Just(Happens::Begin),
        4 => (0_usize..64, blame).prop_map(|(at, blame)| Happens::End(at, blame)),
        1 => (0_u64..2_000_000).prop_map(Happens::Later),
    ]
}

proptest! {
    /// Whatever happens: no more than one probe is out at a lane, nothing under way is lost, and a lane that is left
    /// alone is never chosen beside one that may be asked.
    #[test]
    fn the_rules_hold_whatever_happens(steps in prop::collection::vec(happens(), 1..200), seed in any::<u64>()) {
        let mut lanes = vec![lane(), lane(), lane(), lane()];
        let mut out: Vec<(usize, Pass)> = Vec::new();
        let mut now = Duration::ZERO;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Happens::Begin => {
                    let balance = Balance::ALL[number % Balance::ALL.len()];
                    let admitting: Vec<bool> = lanes.iter().map(|lane| lane.breaker().state(now).admits()).collect();
                    let pick = choose(balance, &mut entries(&mut lanes, &[]), None, now, seed ^ number as u64).unwrap();
                    prop_assert!(admitting[pick] || !admitting.contains(&true));
                    let pass = lanes[pick].begin(now);
                    let probing = |(lane, pass): &&(usize, Pass)| *lane == pick && pass.is_probe();
                    let state = lanes[pick].breaker().state(now);
                    if pass.is_probe() {
                        prop_assert!(matches!(state, State::HalfOpen(_, true)));
                    } else if matches!(state, State::HalfOpen(_, true)) {
                        prop_assert!(out.iter().any(|it| probing(&it)));
                    }
                    out.push((pick, pass));
                }
                Happens::End(at, blame) if !out.is_empty() => {
                    let (lane, pass) = out.remove(at % out.len());
                    lanes[lane].end(pass, blame, Some(Duration::from_millis(10)), now);
                }
                Happens::End(..) => {}
                Happens::Later(millis) => now += Duration::from_millis(millis),
            }
            for (at, lane) in lanes.iter().enumerate() {
                prop_assert_eq!(lane.in_flight() as usize, out.iter().filter(|(lane, _)| *lane == at).count());
            }
        }
        // Nobody is left alone for ever.
        let later = now + Duration::from_secs(3_600);
        for (lane, pass) in out {
            lanes[lane].end(pass, Blame::Nobody, None, now);
        }
        for lane in &lanes {
            prop_assert!(lane.breaker().state(later).admits(), "{:?}", lane.breaker());
        }
    }
}
