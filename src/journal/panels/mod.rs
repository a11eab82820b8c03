//! What people look at: tiles, curves by hour or day, response times, the health of the providers, the last decisions.
//! All of it is read from sums (and the few rows that are in none yet), so a year of rows answers as fast as a day of
//! them; and it is the same money as in `moai costs`, because both count every row once.
//!
//! ```text
//! let window = Window::hours(24, now);                    // or Window::days(30, today)
//! let tiles = journal.tiles(Days::only(today))?;          // spent, saved, tiers, rates
//! let series = journal.series(window, Split::Model)?;     // requests, cost, tokens by model and slot
//! let times = journal.times(window)?;                     // p50, p95, p99, by model and slot
//! let health = journal.health(window)?;                   // ok and errors by kind, by provider and slot
//! let last = journal.recent(20)?;                         // what was asked, who answered, and why
//! ```

mod health;
mod kpi;
mod now;
mod recent;
mod series;
mod times;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Transaction;

use crate::base::sort;
use crate::cost::percentages;
use crate::model::Usd;

use super::days::{self, Days, Period};
use super::document::rate;
use super::error::JournalError;
use super::hours::HOUR;
use super::query::{By, Totals};
use super::store::Journal;

pub use health::{Errors, ProviderHealth, Pulse};
pub use kpi::{Kpis, Provided};
pub use now::LastHour;
pub use recent::Recent;
pub use series::{Series, SeriesLine, Split};
pub use times::{Measured, TimesLine};

/// How finely a window is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// Hours of UTC: in a zone that is half an hour off they begin at half past.
    Hour,
    /// Local days.
    Day,
}

/// The time that a panel is about, cut into slots. A window is short where it is fine: hours for a month, days for ten
/// years; so every panel is fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    grain: Grain,
    /// The first and the last hour or day since 1970, both included.
    first: i64,
    last: i64,
}

impl Window {
    /// The most slots there are of a grain.
    pub const fn most(grain: Grain) -> u16 {
        match grain {
            Grain::Hour => 31 * 24,
            Grain::Day => 3660,
        }
    }

    /// The last `count` hours, the running one included.
    pub fn hours(count: u16, now: Timestamp) -> Self {
        Self::ending(Grain::Hour, now.as_millisecond().div_euclid(HOUR), count)
    }

    /// The last `count` days, today included.
    pub fn days(count: u16, today: Date) -> Self {
        Self::ending(Grain::Day, days::number(today), count)
    }

    /// From one day to another, both included; the latest days, where that is too long.
    pub fn between(since: Date, until: Date) -> Self {
        let (first, last) = (days::number(since), days::number(until));
        let count = u16::try_from(last.saturating_sub(first).saturating_add(1).max(1)).unwrap_or(u16::MAX);
        Self::ending(Grain::Day, last, count)
    }

    fn ending(grain: Grain, last: i64, count: u16) -> Self {
        let count = i64::from(count.clamp(1, Self::most(grain)));
        Self { grain, first: last - count + 1, last }
    }

    /// How it is cut.
    pub const fn grain(self) -> Grain {
        self.grain
    }

    /// How many slots it has.
    pub fn len(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(1)
    }

    /// Never: a window has at least one slot.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// When the slots begin.
    pub fn starts(self, zone: &TimeZone) -> Vec<Timestamp> {
        (self.first..=self.last).map(|number| self.start(number, zone)).collect()
    }

    /// When it ends: the beginning of the slot after its last one.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        self.start(self.last + 1, zone)
    }

    fn start(self, number: i64, zone: &TimeZone) -> Timestamp {
        let utc = |millis: i64| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.grain {
            Grain::Hour => utc(number.saturating_mul(HOUR)),
            Grain::Day => {
                let day = days::day(number).at(0, 0, 0, 0);
                zone.to_ambiguous_zoned(day).compatible().map_or_else(|_| utc(0), |zoned| zoned.timestamp())
            }
        }
    }

    /// The days of a window that is cut into days.
    fn whole_days(self) -> Days {
        Days { since: Some(days::day(self.first)), until: Some(days::day(self.last)) }
    }

    /// The hours that it touches.
    fn touched(self, zone: &TimeZone) -> (i64, i64) {
        let hour = |at: Timestamp| at.as_millisecond().div_euclid(HOUR);
        match self.grain {
            Grain::Hour => (self.first, self.last),
            Grain::Day => (hour(self.start(self.first, zone)), hour(self.end(zone)) - 1),
        }
    }

    /// The slot of an hour, from 0.
    fn slot_of_hour(self, hour: i64, zone: &TimeZone) -> Option<usize> {
        let number = match self.grain {
            Grain::Hour => hour,
            Grain::Day => days::number(zone.to_datetime(Timestamp::from_millisecond(hour * HOUR).ok()?).date()),
        };
        self.slot(number)
    }

    /// The slot of an hour or a day, from 0.
    fn slot(self, number: i64) -> Option<usize> {
        (self.first..=self.last).contains(&number).then(|| usize::try_from(number - self.first).ok()).flatten()
    }
}

/// The first row of a dashboard.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Tiles {
    /// All sums of these days.
    #[serde(skip)]
    pub totals: Totals,
    /// What was paid, as far as it is known; a budget is asked with it and `totals.unpriced`.
    #[serde(rename = "spent_usd")]
    pub spent: Usd,
    /// The part of it that shadows cost, which no budget of the person's counts.
    #[serde(rename = "shadows_usd")]
    pub shadows: Usd,
    /// What was saved against Claude alone; negative where routing was dearer.
    #[serde(rename = "saved_usd")]
    pub saved: Usd,
    /// The same in percent of Claude alone; `None` where there is nothing to compare.
    pub saved_percent: Option<f64>,
    /// Tier 1's share of the cost in percent.
    pub tier1_percent: f64,
    /// Tier 2's; the two sum to 100.
    pub tier2_percent: f64,
    /// Attempts that stood in for another model, from 0 to 1.
    pub fallback_rate: f64,
    /// Failed and cut attempts, from 0 to 1.
    pub error_rate: f64,
    /// Prompt tokens that came from a cache, from 0 to 1.
    pub cache_hit_rate: f64,
}

impl Totals {
    /// What was saved against Claude alone, where both amounts are known.
    pub fn saved(&self) -> Usd {
        self.baseline.saturating_sub(self.compared)
    }

    /// The same in percent of Claude alone.
    pub fn saved_percent(&self) -> Option<f64> {
        let share = self.saved().share_of(self.baseline)?;
        Some(f64::from(i32::try_from(share).unwrap_or(i32::MAX)) / 100.0)
    }

    /// Failed and cut attempts, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        rate(self.errors, self.attempts)
    }

    /// Attempts that stood in for another model, from 0 to 1.
    pub fn fallback_rate(&self) -> f64 {
        rate(self.fallbacks, self.attempts)
    }

    /// Prompt tokens that came from a cache, from 0 to 1.
    pub fn cache_hit_rate(&self) -> f64 {
        rate(self.usage.cache_read, self.usage.prompt())
    }
}

impl Journal {
    /// The tiles of these days.
    pub fn tiles(&self, days: Days) -> Result<Tiles, JournalError> {
        let lines = self.report(Period::All, Some(By::Tier), days)?;
        let tier = |name: &str| {
            let line = lines.iter().find(|line| line.value.as_deref() == Some(name));
            line.map_or((Usd::ZERO, 0), |line| (line.totals.cost, line.totals.requests))
        };
        let (tier1_percent, tier2_percent) = percentages(tier("1"), tier("2"));
        let totals = lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.totals));
        Ok(Tiles {
            spent: totals.cost,
            shadows: self.shadowed(days)?.cost,
            saved: totals.saved(),
            saved_percent: totals.saved_percent(),
            tier1_percent,
            tier2_percent,
            fallback_rate: totals.fallback_rate(),
            error_rate: totals.error_rate(),
            cache_hit_rate: totals.cache_hit_rate(),
            totals,
        })
    }

    /// The conversations that were used last in these days.
    pub fn sessions_used(&self, days: Days, count: usize) -> Result<Vec<super::query::Line>, JournalError> {
        let mut lines = self.report(Period::All, Some(By::Session), days)?;
        lines.retain(|line| line.value.is_some());
        sort::by_key(&mut lines, |line| std::cmp::Reverse(line.totals.last_at));
        lines.truncate(count);
        for line in &mut lines {
            line.start = line.totals.last_at.map_or(line.start, |at| self.zone.to_datetime(at).date());
        }
        Ok(lines)
    }

    /// A view of the journal that does not change while a panel is read.
    fn snapshot(&self) -> Result<Transaction<'_>, JournalError> {
        self.db.unchecked_transaction().map_err(JournalError::sql(&self.path))
    }
}

/// The names of numbers, each looked up once.
struct Names<'a> {
    db: &'a Transaction<'a>,
    known: HashMap<i64, String>,
}

impl<'a> Names<'a> {
    fn of(db: &'a Transaction<'a>) -> Self {
        Self { db, known: HashMap::new() }
    }

    fn name(&mut self, number: i64) -> rusqlite::Result<String> {
        if let Some(name) = self.known.get(&number) {
            return Ok(name.clone());
        }
        let name: String =
            self.db.prepare_cached("SELECT text FROM names WHERE id = ?")?.query_row([number], |row| row.get(0))?;
        self.known.insert(number, name.clone());
        Ok(name)
    }
}
