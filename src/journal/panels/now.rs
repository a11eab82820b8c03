//! The last hour, row by row: what seed 003 calls the current metrics.

use jiff::{SignedDuration, Timestamp};

use crate::model::Usd;

use super::super::document::rate;
use super::super::error::JournalError;
use super::super::store::Journal;

/// The hour before a moment. A shadow's copies are in what it cost, and are no attempts to answer anybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastHour {
    /// The models that were asked, by name.
    pub models: Vec<String>,
    /// Requests.
    pub requests: u64,
    /// Attempts.
    pub attempts: u64,
    /// Those that failed or were cut.
    pub errors: u64,
    /// What it cost, as far as that is known.
    pub cost: Usd,
    /// Attempts of unknown price.
    pub unpriced: u64,
    /// Whole answers, and the milliseconds that they took together.
    pub answered: (u64, u64),
}

const HOUR: &str = "
SELECT (SELECT text FROM names WHERE id = model), sum(number = 1 AND outcome.text <> 'shadow'),
    sum(outcome.text <> 'shadow'), sum(outcome.text IN ('failed', 'cut')),
    coalesce(sum(cost), 0), sum(cost IS NULL), sum(outcome.text = 'ok'), sum(iif(outcome.text = 'ok', total_ms, 0))
FROM attempts JOIN names AS outcome ON outcome.id = attempts.outcome
WHERE at > ?1 AND at <= ?2 GROUP BY model ORDER BY 1";

impl LastHour {
    /// The mean time of whole answers, in milliseconds.
    pub fn mean_ms(&self) -> Option<u64> {
        self.answered.1.checked_div(self.answered.0)
    }

    /// Failed and cut attempts, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        rate(self.errors, self.attempts)
    }
}

impl Journal {
    /// The hour before `now`.
    pub fn last_hour(&self, now: Timestamp) -> Result<LastHour, JournalError> {
        let sql = JournalError::sql(&self.path);
        let since = now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        let mut query = self.db.prepare_cached(HOUR).map_err(&sql)?;
        let mut rows = query.query([since.as_millisecond(), now.as_millisecond()]).map_err(&sql)?;
        let mut hour = LastHour::default();
        while let Some(row) = rows.next().map_err(&sql)? {
            let [requests, attempts, errors, cost, unpriced, answered, millis] =
                super::super::hours::numbers(row, 1).map_err(&sql)?;
            let count = |count: i64| u64::try_from(count).unwrap_or(0);
            hour.models.push(row.get(0).map_err(&sql)?);
            hour.requests += count(requests);
            hour.attempts += count(attempts);
            hour.errors += count(errors);
            hour.cost = hour.cost.saturating_add(Usd::from_nanos(cost));
            hour.unpriced += count(unpriced);
            hour.answered = (hour.answered.0 + count(answered), hour.answered.1 + count(millis));
        }
        Ok(hour)
    }
}
