//! Local days, and the weeks and months they add up to.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday, date};

/// A range of local days, both ends included; an open end goes as far as there are rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Days {
    /// The first day.
    pub since: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

impl Days {
    /// One day.
    pub const fn only(day: Date) -> Self {
        Self { since: Some(day), until: Some(day) }
    }

    /// The numbers of the first and the last day.
    pub(super) fn numbers(self) -> (i64, i64) {
        (self.since.map_or(i64::MIN, number), self.until.map_or(i64::MAX, number))
    }
}

/// What rows are added up over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A month.
    Month,
    /// Everything.
    All,
}

impl Period {
    /// The first day of the period that holds `day`.
    pub fn start(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => {
                let back = i64::from(day.weekday().since(Weekday::Monday));
                day.checked_sub(back.days()).unwrap_or(day)
            }
            Self::Month => day.first_of_month(),
            Self::All => EPOCH,
        }
    }
}

/// The day that a person means, as seen from `today`: 2026-01-31, `today`, `yesterday`, or so many days, weeks or
/// months ago. `7d` is seven days, today included.
pub fn day_said(text: &str, today: Date) -> Option<Date> {
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

const EPOCH: Date = date(1970, 1, 1);

/// Days since 1970-01-01.
pub(super) fn number(day: Date) -> i64 {
    EPOCH.until(day).map_or(0, |span| i64::from(span.get_days()))
}

/// The day of that number.
pub(super) fn day(number: i64) -> Date {
    EPOCH.checked_add(number.clamp(-1_000_000, 2_900_000).days()).unwrap_or(EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_numbers_and_numbers_days() {
        for (text, count) in [("1970-01-01", 0), ("1969-12-31", -1), ("2026-01-09", 20_462), ("2024-02-29", 19_782)] {
            let date: Date = text.parse().unwrap();
            assert_eq!((number(date), day(count)), (count, date));
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let friday = date(2026, 1, 9);
        assert_eq!(Period::Week.start(friday), date(2026, 1, 5));
        assert_eq!(Period::Week.start(date(2026, 1, 5)), date(2026, 1, 5));
        assert_eq!(Period::Week.start(date(2026, 1, 11)), date(2026, 1, 5));
        assert_eq!(Period::Month.start(friday), date(2026, 1, 1));
    }

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
            assert_eq!(day_said(text, today), expected, "{text}");
        }
    }
}
