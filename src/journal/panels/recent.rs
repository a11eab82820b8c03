//! The last requests: what was asked, who answered, and why that one.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension as _, Row};

use crate::model::Usd;

use super::super::days;
use super::super::error::JournalError;
use super::super::query::By;
use super::super::sessions::time;
use super::super::store::Journal;

/// A request as it ended, by its last attempt.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Recent {
    /// Its id.
    pub request: String,
    /// When its last attempt started.
    pub at: Timestamp,
    /// How many attempts it took.
    pub attempts: u32,
    /// The model that was asked for, where somebody asked for one.
    pub model_asked: Option<String>,
    /// The model that was tried last.
    pub model: String,
    /// Its vendor.
    pub provider: String,
    /// Its tier.
    pub tier: u8,
    /// What the prompt is about.
    pub kind: Option<String>,
    /// How sure the classification was, from 0 to 1.
    pub confidence: Option<f64>,
    /// What decided: `classifier`, `force`, `agent`, …
    pub decided_by: String,
    /// Why, in a few words; never the prompt's.
    pub decision: Option<String>,
    /// How it ended: `ok`, `failed`, `cut`, `cancelled`, `cached`.
    pub outcome: String,
    /// The error's stable name.
    pub error: Option<String>,
    /// It stands in for another model.
    pub fallback: bool,
    /// What all its attempts cost; `None` where a price is unknown.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    /// Milliseconds to the first token.
    pub first_ms: Option<u64>,
    /// Milliseconds to the end.
    pub total_ms: u64,
    /// Tokens of its last attempt: the prompt's.
    pub prompt_tokens: u64,
    /// And the answer's.
    pub output_tokens: u64,
    /// The conversation.
    pub session: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The agent.
    pub agent: Option<String>,
}

/// Rows, the last first; of each request only its last one. A request that asks again does so within the hour.
const LAST: &str = "
SELECT request, at, number,
    (SELECT text FROM names WHERE id = model_asked), (SELECT text FROM names WHERE id = model),
    (SELECT text FROM names WHERE id = provider), tier, (SELECT text FROM names WHERE id = kind), confidence,
    (SELECT text FROM names WHERE id = decided_by), decision, (SELECT text FROM names WHERE id = outcome),
    (SELECT text FROM names WHERE id = error), fallback,
    (SELECT iif(count(cost) = count(*), sum(cost), NULL) FROM attempts AS all_of WHERE all_of.request = one.request),
    first_ms, total_ms, input + cache_read + cache_write_5m + cache_write_1h, output,
    (SELECT text FROM names WHERE id = session), (SELECT text FROM names WHERE id = project),
    (SELECT text FROM names WHERE id = agent)
FROM attempts AS one
WHERE NOT EXISTS (SELECT 1 FROM attempts AS later WHERE later.request = one.request AND later.number > one.number)
    AND outcome IS NOT (SELECT id FROM names WHERE text = 'shadow')
    AND (?2 IS NULL OR (at = ?2 AND session = ?3))
ORDER BY at DESC, id DESC LIMIT ?1";

/// When a conversation was used last, on one day.
const USED: &str = "
SELECT last_at, value FROM dims WHERE day = ?1 AND dim = ?2 AND value = (SELECT id FROM names WHERE text = ?3)";

impl Journal {
    /// The last requests, the last one first.
    pub fn recent(&self, count: u32) -> Result<Vec<Recent>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self.db.prepare_cached(LAST).map_err(&sql)?;
        let rows = query.query_map((count, None::<i64>, None::<i64>), recent).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }

    /// The last request of a conversation, where it was used today or yesterday.
    pub fn recent_of(&self, session: &str, today: Date) -> Result<Option<Recent>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let today = days::number(today);
        let mut used = self.db.prepare_cached(USED).map_err(&sql)?;
        for day in [today, today - 1] {
            let found: Option<(i64, i64)> = used
                .query_row((day, By::Session.number(), session), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(&sql)?;
            if let Some((at, session)) = found {
                let mut query = self.db.prepare_cached(LAST).map_err(&sql)?;
                return query.query_row((1, at, session), recent).optional().map_err(&sql);
            }
        }
        Ok(None)
    }
}

fn recent(row: &Row<'_>) -> rusqlite::Result<Recent> {
    let count = |column| row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0));
    let cost: Option<i64> = row.get(14)?;
    let first: Option<i64> = row.get(15)?;
    Ok(Recent {
        request: row.get(0)?,
        at: time(row, 1)?,
        attempts: row.get(2)?,
        model_asked: row.get(3)?,
        model: row.get(4)?,
        provider: row.get(5)?,
        tier: row.get(6)?,
        kind: row.get(7)?,
        confidence: row.get(8)?,
        decided_by: row.get(9)?,
        decision: row.get(10)?,
        outcome: row.get(11)?,
        error: row.get(12)?,
        fallback: row.get(13)?,
        cost: cost.map(Usd::from_nanos),
        first_ms: first.and_then(|millis| u64::try_from(millis).ok()),
        total_ms: count(16)?,
        prompt_tokens: count(17)?,
        output_tokens: count(18)?,
        session: row.get(19)?,
        project: row.get(20)?,
        agent: row.get(21)?,
    })
}
