//! The conversations of an experiment, out of the rows that are marked with its arms.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Row;

use crate::base::sort;
use crate::model::Usd;
use crate::route::trial::Unit;
use crate::statistics::float;

use super::attempt::Outcome;
use super::error::JournalError;
use super::store::Journal;

/// A conversation that was touched less than so long ago may go on, and does not count yet.
const SETTLED: i64 = 30 * 60 * 1000;

impl Journal {
    /// The conversations of the experiment that are over, in the order in which they began. Stand-ins count into the
    /// arm that was asked first.
    pub fn trial(&self, experiment: &str, now: Timestamp) -> Result<Vec<Unit>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self
            .db
            .prepare_cached(
                "SELECT (SELECT text FROM names WHERE id = arm), coalesce((SELECT text FROM names WHERE id = session), request),
                 number, cost, total_ms, (SELECT text FROM names WHERE id = outcome), retries, at,
                 (SELECT sum((opinion = 'good') - (opinion = 'bad')) FROM feedback
                  WHERE feedback.request = attempts.request AND undone IS NULL)
                 FROM attempts WHERE arm IN (SELECT id FROM names WHERE substr(text, 1, length(?1)) = ?1) ORDER BY at",
            )
            .map_err(&sql)?;
        let prefix = format!("{experiment}/");
        let mut rows = query.query([&prefix]).map_err(&sql)?;
        let mut found: BTreeMap<String, (i64, i64, Unit)> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            add(row, &mut found).map_err(&sql)?;
        }
        let last = now.as_millisecond().saturating_sub(SETTLED);
        let mut units: Vec<(i64, i64, Unit)> = found.into_values().filter(|(_, touched, _)| *touched <= last).collect();
        sort::by_key(&mut units, |(begun, ..)| *begun);
        Ok(units.into_iter().map(|(_, _, unit)| unit).collect())
    }
}

/// Adds a row to its conversation: when it began, when it was touched last, what it came to.
fn add(row: &Row<'_>, found: &mut BTreeMap<String, (i64, i64, Unit)>) -> rusqlite::Result<()> {
    let mark: String = row.get(0)?;
    let conversation: String = row.get(1)?;
    let (number, cost, millis): (i64, Option<i64>, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let outcome: String = row.get(5)?;
    let (retries, at, opinions): (i64, i64, Option<i64>) = (row.get(6)?, row.get(7)?, row.get(8)?);
    let (begun, touched, unit) = found.entry(conversation).or_insert_with(|| {
        let arm = mark.split_once('/').map_or("", |(_, arm)| arm).to_owned();
        (at, at, Unit { arm, ..Unit::default() })
    });
    *begun = (*begun).min(at);
    *touched = (*touched).max(at.saturating_add(millis));
    if outcome == Outcome::Cancelled.as_str() || outcome == Outcome::Cached.as_str() {
        return Ok(());
    }
    let failed = outcome == Outcome::Failed.as_str() || outcome == Outcome::Cut.as_str();
    unit.attempts += 1;
    unit.errors += u64::from(failed);
    unit.answers += u64::from(!failed);
    unit.retries += u64::from(retries > 0);
    unit.seconds += float(u64::try_from(millis).unwrap_or_default()) / 1000.0;
    if let Some(cost) = cost {
        unit.priced += 1;
        unit.cost += Usd::from_nanos(cost).as_f64();
    }
    // An opinion is of the request, and counts once.
    if number == 1 {
        unit.requests += 1;
        unit.opinions += opinions.unwrap_or_default();
    }
    Ok(())
}
