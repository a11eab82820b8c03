//! Worlds in which something is to be proposed, and many in which nothing is.

use super::*;
use crate::route::Agent;
use crate::statistics::dice::Dice;
use crate::statistics::float;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of an answer")]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

fn policy() -> Policy {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let mut policy = Policy {
        tier1: names(&["claude-opus", "gemini-pro"]),
        tier2: names(&["glm-4.7", "claude-sonnet"]),
        chain: names(&["gemini-flash", "command-a"]),
        ..Policy::default()
    };
    policy.agents.insert("coder".into(), Agent { primary: Some("claude-opus".into()), ..Agent::default() });
    policy
}

/// So many attempts of an agent on a model, in conversations of two, at a cost that is skewed as costs are.
fn work(study: &mut Study, dice: &mut Dice, model: &str, attempts: u64, cost: f64, success: f64) {
    let mut worth = 0.0;
    for number in 0..attempts {
        if number % 2 == 0 {
            worth = dice.normal();
        }
        let group = format!("{model}-{}", number / 2);
        let at = (i64::try_from(number % 20).unwrap(), i8::try_from(number % 24).unwrap());
        study.add(&Seen {
            group: &group,
            agent: Some("coder"),
            decided_by: "agent",
            model,
            tier: Tier::One,
            fallback: false,
            well: dice.next() < success,
            cost: Some(cost * (0.8 * worth + 0.3 * dice.normal()).exp()),
            prompt: Some(4_000),
            millis: Some(2_000 + whole(dice.next() * 1_000.0)),
            at,
        });
    }
}

fn found(study: &Study) -> Vec<Proposal> {
    proposals(study, &policy(), 30.0).0
}

#[test]
fn the_same_work_for_less_is_proposed_with_what_it_spares() {
    let mut study = Study::default();
    let dice = &mut Dice(1);
    work(&mut study, dice, "claude-opus", 300, 0.10, 0.97);
    work(&mut study, dice, "glm-4.7", 300, 0.01, 0.97);
    let all = found(&study);
    let [one] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!((one.id.as_str(), one.what), ("agents.coder.primary_model=glm-4.7", What::AgentModel));
    let change = one.change.as_ref().unwrap();
    assert_eq!(
        (change.from.as_slice(), change.to.as_slice()),
        (&["claude-opus".to_owned()][..], &["glm-4.7".to_owned()][..])
    );
    assert_eq!((one.now.attempts, one.now.groups, one.other.attempts), (300, 150, 300));
    let saving = one.saving_usd.unwrap();
    // 0.09 a request, times the mean of the skew (e^0.365), times 300 requests.
    assert!(saving.low > 20.0 && saving.low < saving.point && saving.point < 60.0, "{saving:?}");
}

#[test]
fn what_answers_less_often_or_is_dearer_or_does_other_work_is_not_proposed() {
    let dice = &mut Dice(2);
    for (cost, success) in [(0.01, 0.80), (0.20, 0.97)] {
        let mut study = Study::default();
        work(&mut study, dice, "claude-opus", 300, 0.10, 0.97);
        work(&mut study, dice, "glm-4.7", 300, cost, success);
        assert_eq!(found(&study), [], "{cost} {success}");
    }
    let mut study = Study::default();
    work(&mut study, dice, "claude-opus", 300, 0.10, 0.97);
    for number in 0..300 {
        let group = number.to_string();
        study.add(&Seen {
            group: &group,
            agent: Some("coder"),
            decided_by: "agent",
            model: "glm-4.7",
            tier: Tier::Two,
            fallback: false,
            well: true,
            cost: Some(0.01),
            prompt: Some(400),
            millis: None,
            at: (0, 0),
        });
    }
    assert_eq!(found(&study), [], "prompts of a tenth of the length are other work");
}

#[test]
fn few_attempts_and_few_conversations_prove_nothing() {
    let dice = &mut Dice(3);
    let mut few = Study::default();
    work(&mut few, dice, "claude-opus", 300, 0.10, 1.0);
    work(&mut few, dice, "glm-4.7", 29, 0.001, 1.0);
    assert_eq!(found(&few), []);
    let mut one = Study::default();
    work(&mut one, dice, "claude-opus", 300, 0.10, 1.0);
    for _ in 0..300 {
        let group = "one long conversation";
        one.add(&Seen {
            group,
            agent: Some("coder"),
            decided_by: "agent",
            model: "glm-4.7",
            tier: Tier::Two,
            fallback: false,
            well: true,
            cost: Some(0.001),
            prompt: Some(4_000),
            millis: None,
            at: (0, 0),
        });
    }
    assert_eq!(found(&one), []);
}

#[test]
fn a_stand_in_that_fails_goes_behind_the_one_that_answers() {
    let mut study = Study::default();
    for number in 0..100_u64 {
        let group = number.to_string();
        for (model, well) in [("gemini-flash", number % 5 == 0), ("command-a", number % 20 != 0)] {
            study.add(&Seen {
                group: &group,
                agent: None,
                decided_by: "force",
                model,
                tier: Tier::Two,
                fallback: true,
                well,
                cost: None,
                prompt: None,
                millis: None,
                at: (0, 0),
            });
        }
    }
    let all = found(&study);
    let [one] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!(one.what, What::FallbackOrder);
    assert_eq!(one.change.as_ref().unwrap().to, ["command-a", "gemini-flash"]);
    assert!(one.difference.low > 0.5, "{one:?}");
}

#[test]
fn an_hour_at_which_a_model_is_slow_every_day_is_said_and_one_bad_day_is_not() {
    let times = |slow: &dyn Fn(i64, i8) -> bool| {
        let (mut study, mut dice) = (Study::default(), Dice(4));
        for (day, hour) in (0..20).flat_map(|day| (8..18).map(move |hour| (day, hour))) {
            for _ in 0..3 {
                let base = if slow(day, hour) { 8.0 } else { 2.0 };
                let millis = whole(base * 1_000.0 * (0.3 * dice.normal()).exp());
                let group = format!("{day}-{hour}");
                study.add(&Seen {
                    group: &group,
                    agent: None,
                    decided_by: "force",
                    model: "glm-4.7",
                    tier: Tier::Two,
                    fallback: false,
                    well: true,
                    cost: None,
                    prompt: None,
                    millis: Some(millis),
                    at: (day, hour),
                });
            }
        }
        found(&study).into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(times(&|_, hour| hour == 15), ["slow:glm-4.7@15"]);
    assert_eq!(times(&|day, hour| hour == 15 && day == 3), Vec::<String>::new());
}

/// Six hundred months in which both models cost and answer the same.
#[test]
fn where_nothing_differs_a_run_proposes_something_less_than_one_time_in_twenty() {
    let runs = 600;
    let wrong = (0..runs).filter(|run| {
        let (mut study, mut dice) = (Study::default(), Dice(run * 104_729 + 7));
        work(&mut study, &mut dice, "claude-opus", 120, 0.05, 0.97);
        work(&mut study, &mut dice, "glm-4.7", 120, 0.05, 0.97);
        !found(&study).is_empty()
    });
    let share = float(wrong.count() as u64) / float(runs);
    assert!(share <= ALPHA, "{share}");
}
