//! A bandit: an experiment that gives a conversation to the model that seems worth it, and tries the others as often as
//! they may be better than they seem (Thompson sampling; Thompson, Biometrika 25, 1933; the bounds for rewards between
//! 0 and 1: Agrawal and Goyal, COLT 2012).
//!
//! What is believed is made of the journal's rows each time, and kept nowhere. By tier and kind, and for each model:
//!
//! - its success, a beta distribution over the share of a conversation's requests that went well: answered by the model
//!   itself, not called bad, and not asked again in the same words within ten minutes. A good opinion outweighs the
//!   last. A conversation is one observation, because its requests are alike;
//! - its cost, the mean of a request's;
//! - both with half the weight for each [`HALF_LIFE`], so that a world that changes is noticed (discounted Thompson
//!   sampling: Raj and Kalyani, arXiv:1707.09727).
//!
//! A conversation gets the model whose utility is highest: a success drawn as it is believed, less the cost weight times
//! its cost as a part of the dearest's. That is a price on a resource as in bandits with knapsacks (Badanidiyuru,
//! Kleinberg, Slivkins, FOCS 2013), fixed by the person. A draw is made of the conversation's name, so asking
//! again draws the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::trial::{Experiment, Form, hash};
use crate::model::{TaskKind, Usd};
use crate::statistics::beta::Beta;
use crate::statistics::dice::Dice;
use crate::statistics::{Interval, float};

/// After so many milliseconds an observation counts half: a week.
pub const HALF_LIFE: i64 = 7 * 24 * 60 * 60 * 1000;
/// So many draws say what share of the conversations a model gets.
const DRAWS: u32 = 2000;

/// A conversation's requests of one kind, as they ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The conversation.
    pub unit: String,
    /// The model that it was given to.
    pub arm: String,
    /// What its requests were about.
    pub kind: Option<TaskKind>,
    /// When the last one began, in milliseconds since 1970.
    pub at: i64,
    /// Its requests.
    pub requests: u64,
    /// Those that went well.
    pub well: u64,
    /// What those with a known price cost.
    pub cost: Usd,
    /// How many those are.
    pub priced: u64,
}

/// What is believed of a model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Belief {
    success: Beta,
    conversations: u64,
    /// What requests cost, and how many they are; each with its weight.
    cost: f64,
    priced: f64,
    /// Requests, whether their price is known or not.
    requests: u64,
}

/// What is believed of the models of an experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beliefs {
    /// By kind, arm by arm.
    kinds: BTreeMap<Option<TaskKind>, Vec<Belief>>,
    /// Conversations of the last day: when each was seen last, and the arm that it has.
    kept: BTreeMap<String, (i64, usize)>,
}

/// What a bandit shows of a model, for one kind of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The kind; `None` where nobody said.
    pub kind: Option<&'static str>,
    /// The model.
    pub arm: String,
    /// Conversations that count.
    pub conversations: u64,
    /// The success, and what it lies in with nine chances of ten.
    pub success: Interval,
    /// What a request costs; `None` where nobody knows.
    pub cost: Option<f64>,
    /// The mean success less the price put on its cost.
    pub utility: f64,
    /// The share of the next conversations that it gets.
    pub share: f64,
}

/// For how long a conversation is sure to keep its arm, in milliseconds.
const KEPT: i64 = 24 * 60 * 60 * 1000;

impl Beliefs {
    /// What these cases say at `now`, in milliseconds since 1970.
    pub fn of(experiment: &Experiment, cases: &[Case], now: i64) -> Self {
        let mut beliefs = Self::default();
        for case in cases {
            let Some(at) = experiment.arms.iter().position(|arm| arm.name() == case.arm) else { continue };
            let age = now.saturating_sub(case.at).max(0);
            if age < KEPT {
                let kept = beliefs.kept.entry(case.unit.clone()).or_default();
                *kept = (case.at, at).max(*kept);
            }
            let of_kind = beliefs.kinds.entry(case.kind).or_default();
            of_kind.resize(experiment.arms.len(), Belief::default());
            let Some(belief) = of_kind.get_mut(at).filter(|_| case.requests > 0) else { continue };
            let halves = float(age.unsigned_abs()) / float(HALF_LIFE.unsigned_abs());
            let weight = (-halves).exp2();
            belief.conversations += 1;
            belief.requests += case.requests;
            belief.success.add(float(case.well) / float(case.requests), weight);
            belief.cost += case.cost.as_f64() * weight;
            belief.priced += float(case.priced) * weight;
        }
        beliefs
    }

    /// The arm of a conversation whose work is of this kind, by its number in the experiment: the one that it has, else
    /// that of the model that answered it last, else the one that is drawn.
    pub fn arm(&self, experiment: &Experiment, unit: &str, last: Option<&str>, kind: TaskKind) -> Option<usize> {
        let last = || experiment.arms.iter().position(|arm| Some(&*arm.model) == last);
        self.kept(unit).or_else(last).or_else(|| {
            let nothing = vec![Belief::default(); experiment.arms.len()];
            let of_kind = self.kinds.get(&Some(kind)).unwrap_or(&nothing);
            best(of_kind, weight(experiment), &mut Dice(hash(&experiment.name, unit)))
        })
    }

    /// The arm that a conversation of the last day has, by its number.
    pub fn kept(&self, unit: &str) -> Option<usize> {
        self.kept.get(unit).map(|(_, at)| *at)
    }

    /// What is believed, by kind and arm.
    pub fn shown(&self, experiment: &Experiment) -> Vec<Shown> {
        let mut shown = Vec::new();
        for (kind, of_kind) in &self.kinds {
            let mut dice = Dice(0x5eed);
            let mut taken = vec![0_u32; of_kind.len()];
            for _ in 0..DRAWS {
                let drawn = best(of_kind, weight(experiment), &mut dice);
                if let Some(taken) = drawn.and_then(|at| taken.get_mut(at)) {
                    *taken += 1;
                }
            }
            let parts = parts(of_kind);
            for (((arm, belief), part), taken) in experiment.arms.iter().zip(of_kind).zip(parts).zip(taken) {
                shown.push(Shown {
                    kind: kind.map(TaskKind::as_str),
                    arm: arm.name(),
                    conversations: belief.conversations,
                    success: belief.success.interval(0.1),
                    cost: belief.mean_cost(),
                    utility: belief.success.mean() - weight(experiment) * part,
                    share: f64::from(taken) / f64::from(DRAWS),
                });
            }
        }
        shown
    }
}

impl Belief {
    fn mean_cost(&self) -> Option<f64> {
        (self.priced > 0.0).then(|| self.cost / self.priced)
    }
}

/// The price that the experiment puts on the dearest model.
fn weight(experiment: &Experiment) -> f64 {
    match experiment.form {
        Form::Bandit { cost_weight } => f64::from(cost_weight) / 100.0,
        Form::Split | Form::Shadow { .. } => 0.0,
    }
}

/// What each costs as a part of the dearest. Who was never asked costs nothing yet, so that it is tried; whose price
/// nobody knows is as dear as the dearest.
fn parts(of_kind: &[Belief]) -> Vec<f64> {
    let dearest = of_kind.iter().filter_map(Belief::mean_cost).fold(0.0, f64::max);
    let part = |belief: &Belief| match belief.mean_cost() {
        Some(cost) if dearest > 0.0 => cost / dearest,
        None if belief.requests > 0 => 1.0,
        _ => 0.0,
    };
    of_kind.iter().map(part).collect()
}

/// The arm whose utility is highest in this draw.
fn best(of_kind: &[Belief], weight: f64, dice: &mut Dice) -> Option<usize> {
    let drawn = of_kind.iter().zip(parts(of_kind)).map(|(belief, part)| belief.success.draw(dice) - weight * part);
    drawn.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::classify::classify;
    use crate::route::trial::{Arm, Measure};
    use crate::route::{Ask, Facts, Hold, Policy, decide, fixture};

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn experiment(cost_weight: u32) -> Experiment {
        let arm = |model: &str| Arm { model: model.into(), weight: 1, prompt: None };
        Experiment {
            name: "learns".into(),
            tier: 2,
            arms: vec![arm("a"), arm("b")],
            measure: Measure::Cost,
            form: Form::Bandit { cost_weight },
            started: "2026-01-09T12:00:00Z".into(),
            stopped: None,
        }
    }

    fn dollars(cost: f64) -> Usd {
        format!("{cost:.9}").parse().unwrap()
    }

    /// Thirty days of twenty conversations each; which of them `b` got, day by day.
    fn live(experiment: &Experiment, seed: u64, rates: impl Fn(i64) -> [f64; 2], costs: [f64; 2]) -> Vec<u32> {
        let (mut dice, mut cases, mut days) = (Dice(seed), Vec::new(), Vec::new());
        for day in 0..30 {
            let beliefs = Beliefs::of(experiment, &cases, day * DAY);
            let mut taken = 0;
            for number in 0..20 {
                let unit = format!("{seed}-{day}-{number}");
                let at = beliefs.arm(experiment, &unit, None, TaskKind::Coding).unwrap();
                taken += u32::from(at == 1);
                let well = (0..3).filter(|_| dice.next() < rates(day)[at]).count() as u64;
                let cost = dollars(3.0 * costs[at] * dice.skewed());
                let arm = experiment.arms[at].name();
                let kind = Some(TaskKind::Coding);
                cases.push(Case { unit, arm, kind, at: day * DAY, requests: 3, well, cost, priced: 3 });
            }
            days.push(taken);
        }
        days
    }

    fn part(days: &[u32]) -> f64 {
        f64::from(days.iter().sum::<u32>()) / (20.0 * float(days.len() as u64))
    }

    #[test]
    fn the_better_model_gets_most_of_the_traffic() {
        let experiment = experiment(0);
        for seed in 1..=20 {
            let days = live(&experiment, seed * 7919, |_| [0.6, 0.9], [1.0, 1.0]);
            assert!(part(&days[10..]) > 0.8, "{seed}: {days:?}");
        }
    }

    #[test]
    fn of_two_that_do_as_well_the_cheaper_one_does_and_a_dear_one_must_be_worth_it() {
        for seed in 1..=20 {
            let equal = live(&experiment(30), seed * 104_729, |_| [0.85, 0.85], [1.0, 0.1]);
            assert!(part(&equal[10..]) > 0.85, "{seed}: {equal:?}");
            let worth = live(&experiment(30), seed * 104_729, |_| [0.95, 0.4], [1.0, 0.1]);
            assert!(part(&worth[10..]) < 0.2, "{seed}: {worth:?}");
        }
    }

    #[test]
    fn a_world_that_changes_is_noticed() {
        let experiment = experiment(0);
        for seed in 1..=20 {
            let turned = |day: i64| if day < 10 { [0.9, 0.5] } else { [0.3, 0.9] };
            let days = live(&experiment, seed * 15_485_863, turned, [1.0, 1.0]);
            assert!(part(&days[5..10]) < 0.35, "{seed}: {days:?}");
            assert!(part(&days[22..]) > 0.7, "{seed}: {days:?}");
        }
    }

    #[test]
    fn a_conversation_keeps_its_model_and_kinds_are_told_apart() {
        let experiment = experiment(0);
        let case = |number: i64, arm: &str, kind, well| Case {
            unit: format!("{arm}{number}"),
            arm: arm.into(),
            kind: Some(kind),
            at: 0,
            requests: 4,
            well,
            cost: Usd::ZERO,
            priced: 0,
        };
        let (code, plan) = (TaskKind::Coding, TaskKind::Reasoning);
        let cases: Vec<Case> = (0..30)
            .flat_map(|n| {
                [case(n, "a", code, 4), case(n, "b", code, 0), case(n + 99, "a", plan, 0), case(n + 99, "b", plan, 4)]
            })
            .collect();
        let beliefs = Beliefs::of(&experiment, &cases, DAY / 2);
        let of = |unit: &str, kind| beliefs.arm(&experiment, unit, None, kind).unwrap();
        for number in 0..50 {
            let unit = format!("new-{number}");
            assert_eq!((of(&unit, code), of(&unit, plan)), (0, 1));
            assert_eq!(of(&unit, code), of(&unit, code));
        }
        assert_eq!((of("b3", code), of("a99", plan)), (1, 0), "whoever has begun goes on");
        let later = Beliefs::of(&experiment, &cases, 2 * DAY);
        assert_eq!(later.arm(&experiment, "b3", None, code), Some(0), "but not for ever");
        assert_eq!(later.arm(&experiment, "b3", Some("b"), code), Some(1), "unless somebody remembers it");
        assert_eq!(later.arm(&experiment, "b3", Some("c"), code), Some(0));
        let shown = beliefs.shown(&experiment);
        assert_eq!(shown.len(), 4);
        for one in &shown {
            let good = (one.kind == Some(code.as_str())) == (one.arm == "a");
            assert!(if good { one.share > 0.99 } else { one.share < 0.01 }, "{one:?}");
            assert!(one.success.low <= one.success.point && one.success.point <= one.success.high);
            assert_eq!((one.conversations, one.cost), (30, None));
        }
    }

    #[test]
    fn work_of_another_tier_is_only_its_own_where_the_conversation_is() {
        let experiment = experiment(0);
        let arm = |model: &str| Arm { model: model.into(), weight: 1, prompt: None };
        let experiment = Experiment { arms: vec![arm("claude-opus"), arm("glm-4.7")], ..experiment };
        let case = Case {
            unit: "s".into(),
            arm: "claude-opus".into(),
            kind: None,
            at: 0,
            requests: 0,
            well: 0,
            cost: Usd::ZERO,
            priced: 0,
        };
        let roster = fixture::roster(&["anthropic", "zai"]);
        let mark = |cases: &[Case], text: &str| {
            let beliefs = BTreeMap::from([(experiment.name.clone(), Beliefs::of(&experiment, cases, 0))]);
            let experiments = vec![experiment.clone()];
            let policy = Policy { experiments, beliefs: Arc::new(beliefs), ..fixture::policy() };
            let (unit, session_model) = (Some("s".into()), Some("claude-opus".into()));
            let ask = Ask { unit, session_model, hold: Hold::Firm, ..Ask::default() };
            let decision =
                decide(&ask, &classify(text, policy.options()), &policy, &roster, &Facts::default()).unwrap();
            assert_eq!(decision.plan().first().name(), "claude-opus");
            decision.arm().map(str::to_owned)
        };
        let (code, plan) = ("코드 구현해줘", "이 시스템의 아키텍처를 설계해줘");
        assert_eq!(mark(&[], code).as_deref(), Some("learns/claude-opus"));
        assert_eq!(mark(&[], plan), None);
        assert_eq!(mark(&[case], plan).as_deref(), Some("learns/claude-opus"));
    }

    #[test]
    fn who_is_not_known_is_tried_and_an_unknown_price_is_not_free() {
        let experiment = experiment(100);
        let nobody = Beliefs::default();
        let first =
            (0..200).filter(|n| nobody.arm(&experiment, &n.to_string(), None, TaskKind::Coding) == Some(0)).count();
        assert!((70..130).contains(&first), "{first}");
        let kind = Some(TaskKind::Coding);
        let case = |arm: &str, priced| Case {
            unit: arm.into(),
            arm: arm.into(),
            kind,
            at: 0,
            requests: 9,
            well: 9,
            cost: dollars(1.0),
            priced,
        };
        let beliefs = Beliefs::of(&experiment, &[case("a", 9), case("b", 0)], 0);
        let costs: Vec<f64> = beliefs.shown(&experiment).iter().map(|one| one.success.point - one.utility).collect();
        assert!((costs[0] - 1.0).abs() < 1e-9 && (costs[1] - 1.0).abs() < 1e-9, "{costs:?}");
    }
}
