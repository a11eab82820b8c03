//! Budgets: a word of warning at 80 % and at 100 %, and on it goes (R-STA-003). A verdict never
//! stops anything; whoever wishes a budget to stop requests has `reserve`.

use crate::model::Usd;

/// How much of a budget is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Less than 80 %.
    Within,
    /// 80 % or more.
    Near,
    /// 100 % or more.
    Over,
}

/// A limit in dollars for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit; zero is spent from the start.
    pub limit: Usd,
}

/// What a budget says to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// How much is gone.
    pub level: Level,
    /// Spent so far.
    pub spent_usd: Usd,
    /// The limit.
    pub limit_usd: Usd,
    /// Attempts of the day whose price is unknown: they are not in `spent_usd`.
    pub unpriced: u64,
}

impl Budget {
    /// What `spent` means, with this many attempts of unknown price beside it.
    pub fn verdict(self, spent: Usd, unpriced: u64) -> Verdict {
        Verdict { level: self.level(spent), spent_usd: spent, limit_usd: self.limit, unpriced }
    }

    /// The level that was reached by going from `before` to `after`, where a new one was: warn once per step.
    pub fn crossed(self, before: Usd, after: Usd) -> Option<Level> {
        let level = self.level(after);
        (level > self.level(before)).then_some(level)
    }

    fn level(self, spent: Usd) -> Level {
        let (spent, limit) = (i128::from(spent.nanos()), i128::from(self.limit.nanos()));
        if spent >= limit {
            Level::Over
        } else if spent * 100 >= limit * 80 {
            Level::Near
        } else {
            Level::Within
        }
    }
}

impl Verdict {
    /// `$85.50 of $100.00`.
    pub fn sums(&self) -> String {
        // Of a budget of cents, cents would not tell much.
        let digits = if self.limit_usd.nanos() < 1_000_000_000 { 4 } else { 2 };
        let (spent, limit) = (self.spent_usd, self.limit_usd);
        format!("${spent:.digits$} of ${limit:.digits$}")
    }

    /// The warning for a person, `None` while there is nothing to warn of.
    pub fn warning(&self) -> Option<String> {
        let percent = self.spent_usd.share_of(self.limit_usd).map_or(100, |share| share / 100);
        let spent = format!("{percent} % of today's budget is spent ({})", self.sums());
        let unpriced = match self.unpriced {
            0 => String::new(),
            1 => ", and one attempt of unknown price beside it".into(),
            many => format!(", and {many} attempts of unknown price beside it"),
        };
        match self.level {
            Level::Within => None,
            Level::Near => Some(format!("{spent}{unpriced}")),
            Level::Over => Some(format!("{spent}{unpriced}; going on")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn it_warns_at_eighty_and_at_a_hundred_percent_and_goes_on() {
        let budget = Budget { limit: usd("100.0") };
        for (spent, level) in [
            ("0", Level::Within),
            ("79.999999999", Level::Within),
            ("80", Level::Near),
            ("100", Level::Over),
            ("5000", Level::Over),
        ] {
            assert_eq!(budget.verdict(usd(spent), 0).level, level, "{spent}");
        }
        assert_eq!(budget.verdict(usd("79"), 0).warning(), None);
        assert_eq!(
            budget.verdict(usd("85.5"), 2).warning().as_deref(),
            Some("85 % of today's budget is spent ($85.50 of $100.00), and 2 attempts of unknown price beside it")
        );
        assert!(budget.verdict(usd("120"), 0).warning().unwrap().ends_with("; going on"));
    }

    #[test]
    fn each_step_is_told_once() {
        let budget = Budget { limit: usd("10") };
        assert_eq!(budget.crossed(usd("1"), usd("7.9")), None);
        assert_eq!(budget.crossed(usd("7.9"), usd("8")), Some(Level::Near));
        assert_eq!(budget.crossed(usd("8"), usd("9")), None);
        assert_eq!(budget.crossed(usd("7"), usd("12")), Some(Level::Over));
        assert_eq!(budget.crossed(usd("12"), usd("13")), None);
        assert_eq!(Budget { limit: Usd::ZERO }.verdict(Usd::ZERO, 0).level, Level::Over);
    }
}
