//! Shadows in the books: what they cost beside the answers, and how they compare with them.

use jiff::civil::Date;
use rusqlite::{Row, params};

use crate::model::Usd;
use crate::route::shadow::{Agreement, Copy};
use crate::statistics::float;

use super::attempt::Outcome;
use super::days::Days;
use super::error::JournalError;
use super::store::Journal;

/// The dimension in which shadows alone are summed, by their experiment. Part of the file format: never changes.
pub(super) const SHADOWS: i64 = 11;

/// What shadows cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shadowed {
    /// As far as it is known.
    pub cost: Usd,
    /// Copies of unknown price, which are not in it.
    pub unpriced: u64,
}

impl Journal {
    /// What all shadows have cost on these days: a part of what everything has.
    pub fn shadowed(&self, days: Days) -> Result<Shadowed, JournalError> {
        let (first, last) = days.numbers();
        // Day by day: what is kept of a day is kept together, and all of it is many times what is asked for.
        let sums = "SELECT coalesce(sum(dims.cost), 0), coalesce(sum(dims.unpriced), 0)
                    FROM (SELECT DISTINCT day FROM days WHERE day BETWEEN ?2 AND ?3) AS worked
                    CROSS JOIN dims ON dims.day = worked.day WHERE dims.dim = ?1";
        let read =
            self.db.prepare_cached(sums).and_then(|mut query| query.query_row(params![SHADOWS, first, last], sum));
        read.map_err(JournalError::sql(&self.path))
    }

    /// The same of one experiment and one day.
    pub fn shadowed_by(&self, experiment: &str, day: Date) -> Result<Shadowed, JournalError> {
        let (day, _) = Days::only(day).numbers();
        let sums = "SELECT coalesce(sum(cost), 0), coalesce(sum(unpriced), 0) FROM dims
                    WHERE dim = ?1 AND day = ?2 AND value = (SELECT id FROM names WHERE text = ?3)";
        let query = self.db.prepare_cached(sums);
        let read = query.and_then(|mut query| query.query_row(params![SHADOWS, day, experiment], sum));
        read.map_err(JournalError::sql(&self.path))
    }

    /// The copies of an experiment, each with the request beside which it was sent.
    pub fn copies(&self, experiment: &str) -> Result<Vec<Copy>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self
            .db
            .prepare_cached(
                "SELECT copy.decision, copy.cost, copy.total_ms, given.cost, given.total_ms FROM attempts AS copy
                 LEFT JOIN (SELECT request, iif(count(cost) = count(*), sum(cost), NULL) AS cost, max(total_ms) AS total_ms
                            FROM attempts GROUP BY request) AS given
                 ON given.request = substr(copy.decision, instr(copy.decision, ' ') + 1)
                 WHERE copy.arm IN (SELECT id FROM names WHERE substr(text, 1, length(?1)) = ?1)
                 AND copy.outcome = (SELECT id FROM names WHERE text = ?2) ORDER BY copy.id",
            )
            .map_err(&sql)?;
        let prefix = format!("{experiment}/");
        let rows = query.query_map(params![prefix, Outcome::Shadow.as_str()], copy).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }
}

fn sum(row: &Row<'_>) -> rusqlite::Result<Shadowed> {
    let unpriced: i64 = row.get(1)?;
    Ok(Shadowed { cost: Usd::from_nanos(row.get(0)?), unpriced: u64::try_from(unpriced).unwrap_or_default() })
}

fn copy(row: &Row<'_>) -> rusqlite::Result<Copy> {
    let told: Option<String> = row.get(0)?;
    let word = told.as_deref().and_then(|told| told.split(' ').next()).unwrap_or_default().to_owned();
    let money = |column| row.get(column).map(|nanos: Option<i64>| nanos.map(|nanos| Usd::from_nanos(nanos).as_f64()));
    let seconds = |column| {
        let millis = row.get(column).map(|millis: Option<i64>| millis.and_then(|millis| u64::try_from(millis).ok()));
        millis.map(|millis| millis.map(|millis| float(millis) / 1000.0))
    };
    Ok(Copy {
        agreement: Agreement::ALL.into_iter().find(|one| one.as_str() == word).unwrap_or(Agreement::Failed),
        cost: money(1)?,
        seconds: seconds(2)?.unwrap_or_default(),
        given_cost: money(3)?,
        given_seconds: seconds(4)?,
    })
}
