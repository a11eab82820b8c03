//! `--since` and `--until`: days as people say them.

use jiff::civil::Date;

use crate::base::failure::Failure;
use crate::journal::{Days, day_said};

/// The days that a report is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct Range {
    /// The first day: 2026-01-31, `today`, `yesterday`, or so many days, weeks or months ago (`7d`, `2w`, `3m`)
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// The last day, in the same forms
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

impl Range {
    /// Whether an end of it was given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// The days, as seen from `today`.
    pub(in crate::cli) fn days(&self, today: Date) -> Result<Days, Failure> {
        let read = |name: &str, text: &Option<String>| -> Result<Option<Date>, Failure> {
            let Some(text) = text else { return Ok(None) };
            let wrong = || {
                Failure::usage(format!("--{name}: `{text}` is no day"))
                    .with_code("usage")
                    .hint("a day looks like 2026-01-31, today, yesterday, 7d, 2w or 3m")
            };
            day_said(text, today).map(Some).ok_or_else(wrong)
        };
        let days = Days { since: read("since", &self.since)?, until: read("until", &self.until)? };
        match (days.since, days.until) {
            (Some(since), Some(until)) if since > until => {
                Err(Failure::usage(format!("--since {since} is after --until {until}")).with_code("usage"))
            }
            _ => Ok(days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let range = Range { since: Some("today".into()), until: Some("yesterday".into()) };
        assert!(range.days(jiff::civil::date(2026, 1, 9)).is_err());
    }
}
