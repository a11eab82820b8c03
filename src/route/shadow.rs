//! Shadows: a copy of a request goes to one model more, beside the answer. Which requests may be copied, and what the
//! copies show.

use serde::Serialize;

use super::trial::Experiment;
use super::{DecidedBy, Decision, Ready};
use crate::statistics::{Interval, float, rate};
use crate::wire::{Dialect, StopReason};

/// How often the interval of the agreement is wrong.
const ALPHA: f64 = 0.05;

/// What of an answer can be compared with another's for nothing: why it ended, and which tool it called first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gist {
    /// Why it ended.
    pub stop: Option<StopReason>,
    /// The tool that it called first.
    pub tool: Option<String>,
}

/// How a copy's answer compares with the one that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// It ended for the same reason, and called the same tool first.
    Same,
    /// It called another tool first.
    OtherTool,
    /// It ended for another reason.
    OtherEnd,
    /// There was no answer.
    Failed,
}

impl Agreement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Same, Self::OtherTool, Self::OtherEnd, Self::Failed];

    /// The word in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::OtherTool => "other-tool",
            Self::OtherEnd => "other-end",
            Self::Failed => "failed",
        }
    }

    /// How an answer that is whole compares with the one that was given.
    pub fn of(copy: &Gist, given: &Gist) -> Self {
        if copy.stop != given.stop {
            Self::OtherEnd
        } else if copy.tool != given.tool {
            Self::OtherTool
        } else {
            Self::Same
        }
    }
}

impl Experiment {
    /// A decision that sends a copy of what was decided to this model, and to nobody else; `None` where it may not go
    /// there. Whoever named a model, forced one, or works with one of this machine has not asked for another vendor.
    pub fn copy(&self, decision: &Decision, to: Ready) -> Option<Decision> {
        let free = matches!(
            decision.decided_by(),
            DecidedBy::Command
                | DecidedBy::Session
                | DecidedBy::Experiment
                | DecidedBy::Classifier
                | DecidedBy::Default
        );
        let first = decision.plan().first();
        let is_here = |ready: &Ready| ready.provider().wire == Dialect::Ollama;
        let own = first.model().named_only || (is_here(first) && !is_here(&to));
        let same = decision.plan().first().name() == to.name();
        let arm = self.arms.first()?;
        (free && !own && !same).then(|| decision.copied(to, self.mark(arm)))
    }
}

/// A copy that was sent, and the request beside which it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// How it compares.
    pub agreement: Agreement,
    /// What it cost in dollars; `None`: nobody knows.
    pub cost: Option<f64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What the answer cost that was given.
    pub given_cost: Option<f64>,
    /// How long that took.
    pub given_seconds: Option<f64>,
}

/// What the copies of an experiment show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Copies that were sent.
    pub copies: u64,
    /// Those without an answer.
    pub failed: u64,
    /// Answers that called another tool first.
    pub other_tool: u64,
    /// Answers that ended for another reason.
    pub other_end: u64,
    /// The share of answers that agreed; `None` of none.
    pub agreement: Option<Interval>,
    /// What all of them cost, as far as it is known.
    pub cost: f64,
    /// The means of a copy, and of the answer that was given beside it.
    pub mean_cost: [Option<f64>; 2],
    /// The same of the time, in seconds; copies without an answer are left out.
    pub mean_seconds: [Option<f64>; 2],
}

/// What these copies show.
pub fn shown(copies: &[Copy]) -> Shown {
    let count = |which| copies.iter().filter(|copy| copy.agreement == which).count() as u64;
    let (all, failed) = (copies.len() as u64, count(Agreement::Failed));
    let answered = || copies.iter().filter(|copy| copy.agreement != Agreement::Failed);
    Shown {
        copies: all,
        failed,
        other_tool: count(Agreement::OtherTool),
        other_end: count(Agreement::OtherEnd),
        agreement: (all > failed).then(|| rate(count(Agreement::Same), all - failed, ALPHA)),
        // The sum of nothing is -0.0.
        cost: copies.iter().filter_map(|copy| copy.cost).sum::<f64>() + 0.0,
        mean_cost: [
            mean(copies.iter().filter_map(|copy| copy.cost)),
            mean(copies.iter().filter_map(|copy| copy.given_cost)),
        ],
        mean_seconds: [
            mean(answered().map(|copy| copy.seconds)),
            mean(answered().filter_map(|copy| copy.given_seconds)),
        ],
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / float(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify;
    use crate::model::{Tier, Usd};
    use crate::route::trial::{Arm, Form, Measure};
    use crate::route::{Ask, Facts, Policy, decide, fixture};

    fn experiment(share: u32) -> Experiment {
        Experiment {
            name: "look".into(),
            tier: 2,
            arms: vec![Arm { model: "gemini-pro".into(), weight: 1, prompt: None }],
            measure: Measure::Cost,
            form: Form::Shadow { share, budget: Usd::from_nanos(2_000_000_000) },
            started: "2026-01-09T12:00:00Z".into(),
            stopped: None,
        }
    }

    #[test]
    fn a_share_of_the_requests_is_copied_and_nobody_is_answered_by_a_shadow() {
        let experiment = experiment(10);
        let copied = (0..10_000).filter(|number| experiment.copies(&number.to_string())).count();
        assert!((850..1150).contains(&copied), "{copied}");
        assert!(experiment.shadows(Tier::Two) && !experiment.shadows(Tier::One) && !experiment.runs_on(Tier::Two));
        assert_eq!(experiment.arm("s1"), None);
        let text = serde_json::to_string(&experiment).unwrap();
        assert!(text.contains(r#""form":{"shadow":{"share":10,"budget_usd":2.0}}"#), "{text}");
        assert_eq!(serde_json::from_str::<Experiment>(&text).unwrap(), experiment);
    }

    #[test]
    fn who_has_named_a_model_is_not_copied_to_another_vendor() {
        let experiment = experiment(100);
        let policy = Policy { experiments: vec![experiment.clone()], ..fixture::policy() };
        let roster = fixture::roster(&["anthropic", "zai", "gemini"]);
        let copy = |ask: &Ask, to: &str| {
            let seen = classify("코드 구현해줘", policy.options());
            let decision = decide(ask, &seen, &policy, &roster, &Facts::default()).unwrap();
            assert_eq!(decision.arm(), None);
            experiment.copy(&decision, roster.ready(to).unwrap())
        };
        let ask = Ask { unit: Some("s1".into()), ..Ask::default() };
        let copied = copy(&ask, "gemini-pro").unwrap();
        let plan: Vec<&str> = copied.plan().iter().map(Ready::name).collect();
        assert_eq!((plan, copied.arm(), copied.is_fallback()), (vec!["gemini-pro"], Some("look/gemini-pro"), false));
        assert_eq!(copy(&ask, "glm-4.7"), None, "it has answered already");
        for pinned in [
            Ask { force_model: Some("glm-4.7".into()), ..ask.clone() },
            Ask { force_tier: Some(Tier::Two), ..ask.clone() },
            Ask { worktree_model: Some("glm-4.7".into()), ..ask.clone() },
            Ask { background: true, ..ask },
        ] {
            assert_eq!(copy(&pinned, "gemini-pro"), None, "{pinned:?}");
        }
    }

    #[test]
    fn copies_are_counted_by_how_they_compare() {
        let gist = |stop, tool: Option<&str>| Gist { stop: Some(stop), tool: tool.map(str::to_owned) };
        let (call, end) = (gist(StopReason::ToolUse, Some("Read")), gist(StopReason::EndTurn, None));
        let other = gist(StopReason::ToolUse, Some("Bash"));
        assert_eq!(Agreement::of(&call, &call), Agreement::Same);
        assert_eq!(Agreement::of(&other, &call), Agreement::OtherTool);
        assert_eq!(Agreement::of(&end, &call), Agreement::OtherEnd);
        let copy = |agreement, cost, seconds| Copy {
            agreement,
            cost,
            seconds,
            given_cost: Some(0.5),
            given_seconds: Some(2.0),
        };
        let shown = shown(&[
            copy(Agreement::Same, Some(0.25), 1.0),
            copy(Agreement::OtherTool, None, 3.0),
            copy(Agreement::Failed, Some(0.0), 99.0),
        ]);
        assert_eq!((shown.copies, shown.failed, shown.other_tool, shown.other_end), (3, 1, 1, 0));
        assert_eq!((shown.mean_cost, shown.mean_seconds), ([Some(0.125), Some(0.5)], [Some(2.0), Some(2.0)]));
        assert!((shown.agreement.unwrap().point - 0.5).abs() < 1e-9);
        let nothing = super::shown(&[]);
        assert_eq!((nothing.agreement, format!("{:.4}", nothing.cost)), (None, "0.0000".to_owned()));
    }
}
