//! `--since` and `--until`: days as people say them.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::base::failure::Failure;
use crate::journal::Days;

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
            day(text, today).map(Some).ok_or_else(wrong)
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

/// `7d` is seven days, today included.
fn day(text: &str, today: Date) -> Option<Date> {
    let text = text.trim();
    match text {
        "today" => return Some(today),
        "yesterday" => return today.yesterday().ok(),
        _ => {}
    }
    if let Ok(day) = text.parse() {
        return Some(day);
    }
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = count.parse().ok().filter(|count| (1..=10_000).contains(count))?;
    match unit {
        "d" => today.checked_sub((count - 1).days()).ok(),
        "w" => today.checked_sub((count * 7 - 1).days()).ok(),
        "m" => today.checked_sub(count.months()).ok()?.tomorrow().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_as_people_say_them() {
        let today = date(2026, 1, 9);
        for (text, expected) in [
            ("2025-12-31", Some(date(2025, 12, 31))),
            ("today", Some(today)),
            ("yesterday", Some(date(2026, 1, 8))),
            ("1d", Some(today)),
            ("7d", Some(date(2026, 1, 3))),
            ("2w", Some(date(2025, 12, 27))),
            ("1m", Some(date(2025, 12, 10))),
            ("0d", None),
            ("7", None),
            ("d", None),
            ("", None),
            ("한", None),
            ("2026-13-01", None),
        ] {
            assert_eq!(day(text, today), expected, "{text}");
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let range = Range { since: Some("today".into()), until: Some("yesterday".into()) };
        assert!(range.days(date(2026, 1, 9)).is_err());
    }
}
