//! The figures by which seed 003 measures success, as far as a journal knows them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::base::sort;

use super::super::days::{Days, Period};
use super::super::document::rate;
use super::super::error::JournalError;
use super::super::hours::{Fold, HOUR};
use super::super::keep::Opinion;
use super::super::query::{By, Totals};
use super::super::store::Journal;

/// A model's or a vendor's part of the work.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Provided {
    /// The model.
    pub model: String,
    /// Its attempts.
    pub attempts: u64,
    /// Its part of all attempts, from 0 to 1.
    pub share: f64,
}

/// Figures of some days, and what the days before them say beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis {
    /// All sums.
    pub totals: Totals,
    /// The mean response time of whole answers in milliseconds; right to 1.6 %.
    pub mean_ms: Option<u64>,
    /// Requests that were answered, whoever answered them, among those that nobody stopped: from 0 to 1.
    pub availability: Option<f64>,
    /// Requests of the busiest hour, and when it began.
    pub busiest: Option<(Timestamp, u64)>,
    /// Requests of as many days before these.
    pub requests_before: u64,
    /// Opinions of answers in these days: good ones and bad ones.
    pub opinions: (u64, u64),
    /// The models that gave whole answers or were asked for them, the most used first.
    pub models: Vec<Provided>,
}

impl Totals {
    /// Requests that were answered (also from the cache), whoever answered them, among those that nobody stopped.
    pub fn availability(&self) -> Option<f64> {
        let answered = self.attempts.saturating_sub(self.errors).saturating_sub(self.cancelled);
        let wanted = self.requests.saturating_sub(self.cancelled);
        (wanted > 0).then(|| rate(answered.min(wanted), wanted))
    }
}

impl Journal {
    /// The figures from one day to another, both included.
    pub fn kpis(&self, since: Date, until: Date) -> Result<Kpis, JournalError> {
        let days = Days { since: Some(since), until: Some(until) };
        let lines = self.report(Period::All, Some(By::Model), days)?;
        let totals = lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.totals));
        let mut models: Vec<Provided> = lines
            .into_iter()
            .filter_map(|line| {
                let attempts = line.totals.attempts;
                Some(Provided { model: line.value?, attempts, share: rate(attempts, totals.attempts) })
            })
            .collect();
        sort::by(&mut models, |a, b| b.attempts.cmp(&a.attempts).then(a.model.cmp(&b.model)));
        Ok(Kpis {
            mean_ms: self.mean_ms(days)?,
            availability: totals.availability(),
            busiest: self.busiest_hour(days)?,
            requests_before: self.before(since, until)?.requests,
            opinions: self.opinions(days)?,
            models,
            totals,
        })
    }

    /// As many days before.
    fn before(&self, since: Date, until: Date) -> Result<Totals, JournalError> {
        let length = i64::from(since.until(until).map_or(0, |span| span.get_days())) + 1;
        let first = since.checked_sub(length.days()).unwrap_or(since);
        let last = since.yesterday().unwrap_or(since);
        self.totals(Days { since: Some(first), until: Some(last) })
    }

    fn busiest_hour(&self, days: Days) -> Result<Option<(Timestamp, u64)>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let db = self.snapshot()?;
        let midnight = |day: Date| {
            let zoned = self.zone.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible();
            zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond().div_euclid(HOUR))
        };
        let first = days.since.map_or(i64::MIN, midnight);
        let last = days.until.and_then(|day| day.tomorrow().ok()).map_or(i64::MAX, |day| midnight(day) - 1);
        let mut hours: BTreeMap<i64, i64> = BTreeMap::new();
        let mut query = db
            .prepare_cached("SELECT hour, sum(requests) FROM hours WHERE hour BETWEEN ?1 AND ?2 GROUP BY hour")
            .map_err(&sql)?;
        let mut rows = query.query([first, last]).map_err(&sql)?;
        while let Some(row) = rows.next().map_err(&sql)? {
            hours.insert(row.get(0).map_err(&sql)?, row.get(1).map_err(&sql)?);
        }
        for ([hour, ..], (sums, _)) in Fold::waiting(&db).map_err(&sql)?.hours {
            if (first..=last).contains(&hour) {
                *hours.entry(hour).or_default() += sums.first().copied().unwrap_or(0);
            }
        }
        // Of equals the latest.
        let busiest = hours.into_iter().max_by_key(|(hour, requests)| (*requests, *hour));
        Ok(busiest.filter(|(_, requests)| *requests > 0).and_then(|(hour, requests)| {
            Some((Timestamp::from_millisecond(hour.checked_mul(HOUR)?).ok()?, u64::try_from(requests).ok()?))
        }))
    }

    fn opinions(&self, days: Days) -> Result<(u64, u64), JournalError> {
        let mut counts = (0, 0);
        for one in self.feedback()?.iter().filter(|one| one.undone.is_none()) {
            let day = self.zone.to_datetime(one.at).date();
            if days.since.is_some_and(|since| day < since) || days.until.is_some_and(|until| day > until) {
                continue;
            }
            match one.opinion {
                Opinion::Good => counts.0 += 1,
                Opinion::Bad => counts.1 += 1,
                Opinion::Plan | Opinion::Implement => {}
            }
        }
        Ok(counts)
    }
}
