//! Experiments: conversations split among the models of a tier, or the words that a model is given, and what may be said of the difference while they run.
//!
//! A conversation has its arm for good: a hash of its name decides, by the arms' weights. Whoever looks at an
//! experiment looks as often as they like, so means are compared by confidence sequences, which hold at every size of
//! the sample at once ([`crate::statistics::sequences_apart`]); the error is shared among all arms and measures
//! (Bonferroni). Values are those of conversations, not of requests, because conversations are what was split.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Tier, Usd};
use crate::statistics::{Interval, Sample, float, sequences_apart};

/// How often an experiment may say that there is a difference where there is none, however often it is looked at.
pub const ALPHA: f64 = 0.05;
/// Fewer conversations than this in an arm say nothing: the sequences are right for means of many.
pub const FEWEST: u64 = 30;
/// The sequences are narrowest at so many conversations of an arm.
const TUNED: u64 = 200;

/// Words of a person that a program carries and nobody is to read in a log: `Debug` says how long they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Text(Arc<str>);

impl Text {
    /// The words, for whoever sends them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.as_ref().into()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// What an arm says at the end of the system prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// What it is called.
    pub name: String,
    /// The words.
    pub text: Text,
}

/// A model that an experiment tries, with its own end of the system prompt where that is what is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Moai's name of the model.
    pub model: String,
    /// How many conversations it gets, in proportion to the others' weights.
    pub weight: u32,
    /// What it says at the end of the system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Addition>,
}

impl Arm {
    /// What it is called in the experiment: `glm-4.7`, `glm-4.7+terse`.
    pub fn name(&self) -> String {
        match &self.prompt {
            None => self.model.clone(),
            Some(added) => format!("{}+{}", self.model, added.name),
        }
    }
}

/// Models of a tier against each other; the first is what they are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// The tier whose work is split: 1 or 2.
    pub tier: u8,
    /// The models.
    pub arms: Vec<Arm>,
    /// What it is about.
    pub measure: Measure,
    /// What it does with the conversations.
    #[serde(default, skip_serializing_if = "Form::is_split")]
    pub form: Form,
    /// When it was started.
    pub started: String,
    /// When it was stopped; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// What an experiment does with the conversations of its tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Form {
    /// Splits them among its arms, by their weights.
    #[default]
    Split,
    /// Gives each to the arm that seems worth it, and tries the others ([`super::bandit`]).
    Bandit {
        /// What the dearest arm has to be better by, in hundredths of a success.
        cost_weight: u32,
    },
    /// Answers them as without it, and sends a copy of some requests to its one arm ([`super::shadow`]).
    Shadow {
        /// Of a hundred requests so many.
        share: u32,
        /// What the copies of a day may cost.
        #[serde(rename = "budget_usd", with = "dollars")]
        budget: Usd,
    },
}

impl Form {
    /// Whether it only splits.
    pub const fn is_split(&self) -> bool {
        matches!(self, Self::Split)
    }
}

/// Money as a number of dollars, as a person would write it.
mod dollars {
    use super::{Deserialize, Serialize, Usd};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over like this")]
    pub(super) fn serialize<S: serde::Serializer>(value: &Usd, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Usd, D::Error> {
        f64::deserialize(from)?.to_string().parse().map_err(serde::de::Error::custom)
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Dollars a request.
    Cost,
    /// Seconds to the end of an answer.
    Latency,
    /// The share of attempts that failed.
    Errors,
    /// The share of attempts that were sent again.
    Retries,
    /// Good opinions less bad ones, for a request.
    Feedback,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cost, Self::Latency, Self::Errors, Self::Retries, Self::Feedback];

    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Retries => "retries",
            Self::Feedback => "feedback",
        }
    }

    /// Whether less of it is better.
    pub const fn less_is_better(self) -> bool {
        !matches!(self, Self::Feedback)
    }
}

impl Experiment {
    /// Whether it splits the conversations of this tier now.
    pub fn runs_on(&self, tier: Tier) -> bool {
        self.is_on(tier) && !self.is_shadow()
    }

    /// Whether it copies requests of this tier now.
    pub fn shadows(&self, tier: Tier) -> bool {
        self.is_on(tier) && self.is_shadow()
    }

    /// Whether it learns whom to give conversations to.
    pub const fn is_bandit(&self) -> bool {
        matches!(self.form, Form::Bandit { .. })
    }

    /// Whether it is beside the answers.
    pub const fn is_shadow(&self) -> bool {
        matches!(self.form, Form::Shadow { .. })
    }

    fn is_on(&self, tier: Tier) -> bool {
        self.stopped.is_none() && self.tier == tier.number()
    }

    /// Whether this request is copied: a hash of its name decides.
    pub fn copies(&self, request: &str) -> bool {
        match self.form {
            Form::Shadow { share, .. } => hash(&self.name, request) % 100 < u64::from(share),
            Form::Split | Form::Bandit { .. } => false,
        }
    }

    /// The arm of a conversation that is split by weights: always the same one.
    pub fn arm(&self, unit: &str) -> Option<&Arm> {
        if !self.form.is_split() {
            return None;
        }
        let all: u64 = self.arms.iter().map(|arm| u64::from(arm.weight)).sum();
        let mut at = hash(&self.name, unit).checked_rem(all)?;
        self.arms.iter().find(|arm| {
            let weight = u64::from(arm.weight);
            let here = at < weight;
            at = at.saturating_sub(weight);
            here
        })
    }

    /// What an attempt is marked with: `faster-tests/glm-4.7`.
    pub fn mark(&self, arm: &Arm) -> String {
        format!("{}/{}", self.name, arm.name())
    }
}

/// Of the experiment's name too, so that two experiments do not split alike.
pub(super) fn hash(name: &str, unit: &str) -> u64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{name}\0{unit}").as_bytes());
    digest.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A conversation of an experiment, as it ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unit {
    /// Its arm's name.
    pub arm: String,
    /// Its requests.
    pub requests: u64,
    /// Its attempts.
    pub attempts: u64,
    /// What they cost in dollars; those of unknown price are left out.
    pub cost: f64,
    /// Attempts with a known price.
    pub priced: u64,
    /// Seconds of whole answers.
    pub seconds: f64,
    /// Whole answers.
    pub answers: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// Attempts that were sent again.
    pub retries: u64,
    /// Good opinions less bad ones.
    pub opinions: i64,
}

impl Unit {
    /// Its value of a measure; `None` where it has none.
    fn value(&self, measure: Measure) -> Option<f64> {
        let part = |sum: f64, count: u64| (count > 0).then(|| sum / float(count));
        match measure {
            Measure::Cost => part(self.cost, self.priced),
            Measure::Latency => part(self.seconds, self.answers),
            Measure::Errors => part(float(self.errors), self.attempts),
            Measure::Retries => part(float(self.retries), self.attempts),
            Measure::Feedback => {
                let opinions = float(self.opinions.unsigned_abs());
                part(if self.opinions < 0 { -opinions } else { opinions }, self.requests)
            }
        }
    }
}

/// An arm with what it has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub arm: String,
    /// The model.
    pub model: String,
    /// Its conversations.
    pub conversations: u64,
    /// Its requests.
    pub requests: u64,
    /// The mean of each measure over conversations; `None` where there is nothing to measure.
    pub means: BTreeMap<&'static str, Option<f64>>,
    /// Each measure less that of the first arm; of the first arm, and where there is too little, nothing.
    pub differences: BTreeMap<&'static str, Interval>,
}

/// What an experiment shows by now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Arm by arm.
    pub arms: Vec<Outcome>,
    /// The arm that is better by the experiment's measure than the first, or the first where all others are worse: then
    /// it may be stopped.
    pub winner: Option<String>,
}

/// What the conversations of an experiment show, looked at as often as one likes.
pub fn standing(experiment: &Experiment, units: &[Unit]) -> Standing {
    let others = float((experiment.arms.len().max(2) - 1) as u64);
    let alpha = ALPHA / (others * float(Measure::ALL.len() as u64));
    let sample = |arm: &str, measure: Measure| -> Sample {
        units.iter().filter(|unit| unit.arm == arm).filter_map(|unit| unit.value(measure)).collect()
    };
    let first = experiment.arms.first().map(Arm::name).unwrap_or_default();
    let mut arms = Vec::new();
    for arm in &experiment.arms {
        let name = arm.name();
        let mine = || units.iter().filter(|unit| unit.arm == name);
        let (mut means, mut differences) = (BTreeMap::new(), BTreeMap::new());
        for measure in Measure::ALL {
            let here = sample(&name, measure);
            means.insert(measure.as_str(), (here.count() > 0).then(|| here.mean()));
            let there = sample(&first, measure);
            if name != first && here.count() >= FEWEST && there.count() >= FEWEST {
                differences.insert(measure.as_str(), sequences_apart(&here, &there, TUNED, alpha));
            }
        }
        let requests = mine().map(|unit| unit.requests).sum();
        let conversations = mine().count() as u64;
        arms.push(Outcome { arm: name, model: arm.model.clone(), conversations, requests, means, differences });
    }
    let winner = winner(experiment.measure, &first, &arms);
    Standing { arms, winner }
}

fn winner(measure: Measure, first: &str, arms: &[Outcome]) -> Option<String> {
    let sign = if measure.less_is_better() { 1.0 } else { -1.0 };
    let gain = |arm: &Outcome| arm.differences.get(measure.as_str()).map(|apart| apart.times_signed(-sign));
    let best = arms.iter().filter_map(|arm| Some((arm, gain(arm)?))).filter(|(_, gain)| gain.low > 0.0);
    if let Some((best, _)) = best.max_by(|a, b| a.1.point.total_cmp(&b.1.point)) {
        return Some(best.arm.clone());
    }
    let mut others = arms.iter().filter(|arm| arm.arm != first).peekable();
    others.peek()?;
    others.all(|arm| gain(arm).is_some_and(|gain| gain.high < 0.0)).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify;
    use crate::route::{Ask, Decision, Facts, Hold, Policy, decide, fixture};
    use crate::statistics::dice::Dice;

    fn experiment(weights: &[(&str, u32)]) -> Experiment {
        Experiment {
            name: "price".into(),
            tier: 2,
            arms: weights
                .iter()
                .map(|(model, weight)| Arm { model: (*model).into(), weight: *weight, prompt: None })
                .collect(),
            measure: Measure::Cost,
            form: Form::Split,
            started: "2026-01-09T12:00:00Z".into(),
            stopped: None,
        }
    }

    #[test]
    fn a_conversation_keeps_its_arm_and_the_arms_get_their_shares() {
        let experiment = experiment(&[("a", 1), ("b", 3)]);
        let share = (0..10_000).filter(|unit| experiment.arm(&unit.to_string()).unwrap().model == "a").count();
        assert!((2_300..2_700).contains(&share), "{share}");
        for unit in ["s1", "s2", "쇼핑"] {
            assert_eq!(experiment.arm(unit), experiment.clone().arm(unit));
        }
        let other = Experiment { name: "other".into(), ..experiment.clone() };
        let alike =
            (0..10_000).filter(|unit| experiment.arm(&unit.to_string()) == other.arm(&unit.to_string())).count();
        assert!((5_900..6_600).contains(&alike), "two experiments split independently: {alike}");
        assert_eq!(Experiment { arms: Vec::new(), ..experiment }.arm("s"), None);
    }

    fn unit(dice: &mut Dice, arm: &str, cost: f64) -> Unit {
        Unit {
            arm: arm.into(),
            requests: 3,
            attempts: 3,
            cost: 3.0 * cost * dice.skewed(),
            priced: 3,
            seconds: 6.0 * dice.skewed(),
            answers: 3,
            errors: u64::from(dice.next() < 0.1),
            ..Unit::default()
        }
    }

    /// The first moment at which anything is said to differ, looked at after every tenth conversation.
    fn said(dice: &mut Dice, cost: f64) -> Option<Standing> {
        let experiment = experiment(&[("a", 1), ("b", 1)]);
        let mut units = Vec::new();
        (0..60).find_map(|_| {
            for _ in 0..10 {
                units.push(unit(dice, "a", 0.01));
                units.push(unit(dice, "b", cost));
            }
            let now = standing(&experiment, &units);
            let differs = now.arms.iter().flat_map(|arm| arm.differences.values()).any(|apart| apart.excludes_zero());
            (now.winner.is_some() || differs).then_some(now)
        })
    }

    #[test]
    fn who_peeks_is_fooled_less_than_one_time_in_twenty() {
        let fooled = (0..100_u64).filter(|run| said(&mut Dice(run * 15_485_863 + 3), 0.01).is_some()).count();
        assert!(fooled <= 5, "{fooled} of 100");
    }

    #[test]
    fn a_difference_that_is_there_is_found_and_the_better_arm_named() {
        let found: Vec<Standing> = (0..20).filter_map(|run| said(&mut Dice(run + 11), 0.03)).collect();
        assert!(found.len() >= 18, "{}", found.len());
        let first = found.iter().filter(|now| now.winner.as_deref() == Some("a")).count();
        assert!(first >= 17, "the dearer arm never wins: {first}");
        assert!(found.iter().all(|now| now.winner.as_deref() != Some("b")));
        let cheaper = said(&mut Dice(5), 0.002).unwrap();
        assert_eq!(cheaper.winner.as_deref(), Some("b"));
    }

    #[test]
    fn few_conversations_say_nothing() {
        let mut dice = Dice(1);
        let units: Vec<Unit> = (0..29).flat_map(|_| [unit(&mut dice, "a", 1.0), unit(&mut dice, "b", 0.001)]).collect();
        let now = standing(&experiment(&[("a", 1), ("b", 1)]), &units);
        assert!(now.winner.is_none() && now.arms.iter().all(|arm| arm.differences.is_empty()));
        assert_eq!((now.arms[0].conversations, now.arms[0].requests), (29, 87));
    }

    const PLAN: &str = "API 설계해줘";
    const CODE: &str = "코드 구현해줘";

    fn decided(ask: &Ask, text: &str, policy: &Policy) -> Decision {
        let roster = fixture::roster(&["anthropic", "zai", "gemini"]);
        decide(ask, &classify(text, policy.options()), policy, &roster, &Facts::default()).unwrap()
    }

    fn told(decision: &Decision) -> String {
        decision.because().iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join(" | ")
    }

    /// `decided_by model tier`.
    fn short(decision: &Decision) -> String {
        format!("{} {} {}", decision.decided_by(), decision.plan().first().name(), decision.tier())
    }

    /// Whoever has a say of their own has it in an experiment, too; its arm comes before the tier's list alone.
    #[test]
    fn an_experiment_splits_what_the_text_decides_and_nothing_else() {
        let arm = |model: &str| Arm { model: model.into(), weight: 1, prompt: None };
        let experiment = Experiment {
            name: "cheap".into(),
            tier: 2,
            arms: vec![arm("gemini-pro"), arm("claude-haiku")],
            measure: Measure::Cost,
            form: Form::Split,
            started: "2026-01-09T12:00:00Z".into(),
            stopped: None,
        };
        let policy = Policy { experiments: vec![experiment.clone()], ..fixture::policy() };
        let of = |ask: &Ask, text: &str| {
            let decision = decided(ask, text, &policy);
            (short(&decision), decision.arm().map(str::to_owned), told(&decision))
        };
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..40 {
            let ask = Ask { unit: Some(format!("s{number}")), ..Ask::default() };
            let (short, mark, why) = of(&ask, CODE);
            let model = experiment.arm(&format!("s{number}")).unwrap().model.clone();
            assert_eq!((short, mark), (format!("experiment {model} 2"), Some(format!("cheap/{model}"))));
            assert!(why.contains(&format!("the experiment cheap gives this conversation {model}")), "{why}");
            seen.insert(model);
        }
        assert_eq!(seen.len(), 2);
        let unit = Ask { unit: Some("s1".into()), ..Ask::default() };
        let model = experiment.arm("s1").unwrap().model.clone();
        let other = if model == "gemini-pro" { "claude-haiku" } else { "gemini-pro" };
        for (ask, text, expected) in [
            (Ask { force_model: Some("glm-4.7".into()), ..unit.clone() }, CODE, "force glm-4.7 2"),
            (Ask { force_tier: Some(Tier::Two), ..unit.clone() }, CODE, "force glm-4.7 2"),
            (unit.clone(), "/moai:2-run SPEC-001", "command glm-4.7 2"),
            (unit.clone(), "/tdd the parser", "command glm-4.7 2"),
            (Ask { worktree_model: Some("claude-opus".into()), ..unit.clone() }, CODE, "worktree claude-opus 1"),
            (Ask { background: true, ..unit.clone() }, CODE, "background glm-4.7 2"),
            (unit.clone(), PLAN, "classifier claude-opus 1"),
            (Ask::default(), CODE, "classifier glm-4.7 2"),
        ] {
            let (short, mark, _) = of(&ask, text);
            assert_eq!((short.as_str(), mark), (expected, None), "{ask:?}");
        }
        let held = |model: &str, hold| Ask { session_model: Some(model.into()), hold, ..unit.clone() };
        assert_eq!(
            of(&held(&model, Hold::Firm), CODE).1,
            Some(format!("cheap/{model}")),
            "its turn goes on in its arm"
        );
        assert_eq!(of(&held(other, Hold::Firm), CODE).1, None);
        assert_eq!(of(&held(other, Hold::Warm), CODE).1, None, "what began before is not moved");
        let stopped = Experiment { stopped: Some("2026-01-10T12:00:00Z".into()), ..experiment };
        let policy = Policy { experiments: vec![stopped], ..fixture::policy() };
        assert_eq!(short(&decided(&unit, CODE, &policy)), "classifier glm-4.7 2");
    }
}
