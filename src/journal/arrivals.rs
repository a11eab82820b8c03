//! What was written of late, row by row, in the order in which it was written, by whatever process: what alerts look at.

use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::model::Usd;

use super::attempt::Outcome;
use super::error::JournalError;
use super::sessions::time;
use super::store::Journal;

/// An attempt, as far as alerts want to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its row: later ones have higher numbers.
    pub row: i64,
    /// When it began.
    pub at: Timestamp,
    /// Who was asked.
    pub model: String,
    /// What it cost; `None`: nobody knows.
    pub cost: Option<Usd>,
    /// Milliseconds to the first token.
    pub first_ms: Option<u64>,
    /// Milliseconds to the end.
    pub total_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
}

const COLUMNS: &str = "SELECT a.id, a.at, m.text, a.cost, a.first_ms, a.total_ms, o.text FROM attempts a
    JOIN names m ON m.id = a.model JOIN names o ON o.id = a.outcome";

impl Journal {
    /// The attempts that began at `since` or later, at most so many: those after a row where one is known.
    pub fn arrivals(&self, after: Option<i64>, since: Timestamp, most: u32) -> Result<Vec<Arrived>, JournalError> {
        let sql = JournalError::sql(&self.path);
        // Each of the two has its index.
        let found = match after {
            Some(row) => self
                .db
                .prepare_cached(&format!("{COLUMNS} WHERE a.id > ? ORDER BY a.id LIMIT ?"))
                .and_then(|mut query| query.query_map(params![row, most], read)?.collect()),
            None => self
                .db
                .prepare_cached(&format!("{COLUMNS} WHERE a.at >= ? ORDER BY a.id LIMIT ?"))
                .and_then(|mut query| query.query_map(params![since.as_millisecond(), most], read)?.collect()),
        };
        found.map_err(sql)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Arrived> {
    let word: String = row.get(6)?;
    let count =
        |at: usize| row.get::<_, Option<i64>>(at).map(|count| count.and_then(|count| u64::try_from(count).ok()));
    Ok(Arrived {
        row: row.get(0)?,
        at: time(row, 1)?,
        model: row.get(2)?,
        cost: row.get::<_, Option<i64>>(3)?.map(Usd::from_nanos),
        first_ms: count(4)?,
        total_ms: count(5)?.unwrap_or_default(),
        outcome: Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word).unwrap_or(Outcome::Cancelled),
    })
}
