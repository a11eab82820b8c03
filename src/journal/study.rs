//! The rows of a span of days, for who compares models. Read one by one: it is asked for by hand, never by a request.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::Row;

use crate::model::{Tier, Usd};
use crate::route::optimize::{Seen, Study};

use super::attempt::Outcome;
use super::days::Days;
use super::error::JournalError;
use super::store::Journal;

/// A local day begins at most so many milliseconds away from the same day in UTC.
const AWAY: i64 = 86_400_000;

impl Journal {
    /// Everything that was tried on these days, gathered for comparisons. What a person stopped, and what came from
    /// the cache, says nothing of a model.
    pub fn study(&self, days: Days) -> Result<Study, JournalError> {
        let sql = JournalError::sql(&self.path);
        let known = Known { names: self.all_names()?, bad: self.called_bad()? };
        let (first, last) = days.numbers();
        let mut query = self
            .db
            .prepare(
                "SELECT request, session, agent, decided_by, model, tier, fallback, outcome, cost, metered,
                 input + cache_read + cache_write_5m + cache_write_1h, total_ms, at, day
                 FROM attempts WHERE at >= ?3 AND day BETWEEN ?1 AND ?2 ORDER BY id",
            )
            .map_err(&sql)?;
        let since = first.saturating_mul(AWAY).saturating_sub(AWAY);
        let mut rows = query.query([first, last, since]).map_err(&sql)?;
        let mut study = Study::default();
        while let Some(row) = rows.next().map_err(&sql)? {
            known.add(row, &self.zone, &mut study).map_err(&sql)?;
        }
        Ok(study)
    }

    fn all_names(&self) -> Result<HashMap<i64, String>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self.db.prepare("SELECT id, text FROM names").map_err(&sql)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }

    fn called_bad(&self) -> Result<HashSet<String>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let standing = "SELECT request FROM feedback WHERE opinion = 'bad' AND undone IS NULL";
        let mut query = self.db.prepare(standing).map_err(&sql)?;
        let rows = query.query_map([], |row| row.get(0)).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }
}

/// What the rows refer to.
struct Known {
    names: HashMap<i64, String>,
    bad: HashSet<String>,
}

impl Known {
    fn add(&self, row: &Row<'_>, zone: &TimeZone, study: &mut Study) -> rusqlite::Result<()> {
        let named = |id: Option<i64>| id.and_then(|id| self.names.get(&id)).map(String::as_str);
        let outcome = named(row.get(7)?).unwrap_or_default();
        if [Outcome::Cancelled, Outcome::Cached, Outcome::Shadow].iter().any(|one| one.as_str() == outcome) {
            return Ok(());
        }
        let request: String = row.get(0)?;
        let well = outcome == Outcome::Ok.as_str();
        let cost: Option<i64> = row.get(8)?;
        let metered: bool = row.get(9)?;
        let count = |column: usize| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or_default());
        let at: i64 = row.get(12)?;
        let hour = Timestamp::from_millisecond(at).map_or(0, |at| zone.to_datetime(at).hour());
        study.add(&Seen {
            group: named(row.get(1)?).unwrap_or(&request),
            agent: named(row.get(2)?),
            decided_by: named(row.get(3)?).unwrap_or_default(),
            model: named(row.get(4)?).unwrap_or_default(),
            tier: if row.get::<_, i64>(5)? == 1 { Tier::One } else { Tier::Two },
            fallback: row.get(6)?,
            well: well && !self.bad.contains(&request),
            cost: cost.map(|nanos| Usd::from_nanos(nanos).as_f64()),
            prompt: if metered { Some(count(10)?) } else { None },
            millis: if well { Some(count(11)?) } else { None },
            at: (row.get(13)?, hour),
        });
        Ok(())
    }
}
