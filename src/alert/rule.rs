//! What is watched, and where it becomes an alert.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Usd;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// What the last hour cost.
    CostPerHour,
    /// How long a model lets people wait for its first word.
    SlowResponse,
    /// How many attempts fail.
    ErrorRate,
    /// How much of a budget is spent.
    Budget,
    /// A provider of which no model can be asked.
    ProviderDown,
    /// Attempts whose price nobody knows: they are in no sum.
    Unpriced,
    /// The journal cannot be written: costs wait in the spool, and the other rules do not see.
    Journal,
}

/// A word that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no alert `{0}`")]
pub struct UnknownRule(pub String);

impl Rule {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CostPerHour,
        Self::SlowResponse,
        Self::ErrorRate,
        Self::Budget,
        Self::ProviderDown,
        Self::Unpriced,
        Self::Journal,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CostPerHour => "cost-per-hour",
            Self::SlowResponse => "slow-response",
            Self::ErrorRate => "error-rate",
            Self::Budget => "budget",
            Self::ProviderDown => "provider-down",
            Self::Unpriced => "unpriced",
            Self::Journal => "journal",
        }
    }

    /// The unit of its values in documents.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::CostPerHour => "usd",
            Self::SlowResponse => "seconds",
            Self::ErrorRate | Self::Budget => "ratio",
            Self::ProviderDown => "providers",
            Self::Unpriced => "attempts",
            Self::Journal => "journals",
        }
    }

    /// A value in its unit: money is counted in nano-dollars here, times in milliseconds, ratios in hundredths of a
    /// percent.
    #[expect(clippy::cast_precision_loss, reason = "it is shown to people, and only above 2^53 not to the last digit")]
    pub fn in_unit(self, value: i64) -> f64 {
        match self {
            Self::CostPerHour => Usd::from_nanos(value).as_f64(),
            Self::SlowResponse => value as f64 / 1e3,
            Self::ErrorRate | Self::Budget => value as f64 / 1e4,
            Self::ProviderDown | Self::Unpriced | Self::Journal => value as f64,
        }
    }

    /// How bad it is, at this step: `info`, `warning`, `critical` (seed 003: the error rate is critical).
    pub const fn severity(self, step: usize) -> &'static str {
        match (self, step) {
            (Self::Budget, 1) => "info",
            (Self::Budget, 3..) | (Self::ErrorRate | Self::ProviderDown | Self::Journal, _) => "critical",
            _ => "warning",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    /// Reads a name, also in the spelling of the settings: `cost_per_hour`.
    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let plain = text.trim().replace('_', "-");
        Self::ALL.into_iter().find(|rule| rule.as_str() == plain).ok_or_else(|| UnknownRule(text.into()))
    }
}

/// A value, of whom, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What was measured.
    pub rule: Rule,
    /// Of whom: a model, a provider, a budget; empty where it is of everything.
    pub subject: String,
    /// How much ([`Rule::in_unit`]).
    pub value: i64,
    /// The same for a person.
    pub text: String,
}

/// Where a value becomes an alert, and where it is none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// It is one from here on; where there are several steps, each is told.
    pub steps: Vec<i64>,
    /// Below this it is none.
    pub clear: i64,
    /// For so long it has to be there, or gone.
    pub hold: Duration,
}

impl Threshold {
    /// How many steps a value has reached.
    pub(super) fn step(&self, value: i64) -> usize {
        self.steps.iter().filter(|step| value >= **step).count()
    }
}

/// The rules of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Those that are not watched.
    pub off: Vec<Rule>,
    /// `cost_per_hour.above`.
    pub cost_per_hour: Usd,
    /// `cost_per_hour.for`.
    pub cost_hold: Duration,
    /// `slow_response.above`.
    pub slow_response: Duration,
    /// `slow_response.for`.
    pub slow_hold: Duration,
    /// `error_rate.above`, in hundredths of a percent.
    pub error_rate: i64,
    /// `error_rate.for`.
    pub error_hold: Duration,
    /// `provider_down.for`.
    pub down_hold: Duration,
    /// Over how long response times and errors are counted.
    pub window: Duration,
    /// Fewer attempts than these say nothing of times and errors.
    pub least: u64,
    /// An alert ends when its value is so far below its threshold, in hundredths of a percent of it.
    pub margin: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            off: Vec::new(),
            cost_per_hour: Usd::from_nanos(100_000_000_000),
            cost_hold: Duration::ZERO,
            slow_response: Duration::from_secs(10),
            slow_hold: Duration::from_secs(60),
            error_rate: 500,
            error_hold: Duration::from_secs(60),
            down_hold: Duration::from_secs(30),
            window: Duration::from_secs(300),
            least: 10,
            margin: 2_000,
        }
    }
}

impl Rules {
    /// Whether a rule is watched.
    pub fn is_on(&self, rule: Rule) -> bool {
        !self.off.contains(&rule)
    }

    /// Where a rule's value becomes an alert. Of what is there or not there is no margin.
    pub fn threshold(&self, rule: Rule) -> Threshold {
        let at = |step: i64, hold| {
            let margin = i128::from(step) * i128::from(10_000 - self.margin) / 10_000;
            Threshold { steps: vec![step], clear: i64::try_from(margin).unwrap_or(step), hold }
        };
        let there = |hold| Threshold { steps: vec![1], clear: 1, hold };
        match rule {
            Rule::CostPerHour => at(self.cost_per_hour.nanos(), self.cost_hold),
            Rule::SlowResponse => at(i64::try_from(self.slow_response.as_millis()).unwrap_or(i64::MAX), self.slow_hold),
            Rule::ErrorRate => at(self.error_rate, self.error_hold),
            Rule::Budget => Threshold { steps: vec![5_000, 8_000, 10_000], clear: 5_000, hold: Duration::ZERO },
            Rule::ProviderDown => there(self.down_hold),
            Rule::Unpriced | Rule::Journal => there(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_both_spellings() {
        for rule in Rule::ALL {
            assert_eq!(rule.as_str().parse(), Ok(rule));
            assert_eq!(rule.as_str().replace('-', "_").parse(), Ok(rule));
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
        assert!("budgets".parse::<Rule>().is_err());
    }

    #[test]
    fn an_alert_ends_below_where_it_began() {
        let rules = Rules::default();
        for rule in Rule::ALL {
            let Threshold { steps, clear, .. } = rules.threshold(rule);
            assert!(clear <= steps[0] && clear > 0, "{rule}");
        }
        assert_eq!(rules.threshold(Rule::ErrorRate).clear, 400);
    }
}
