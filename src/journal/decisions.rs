//! What was decided, for a month: enough to learn from an opinion of it, and nothing of the prompt's text. Also which
//! warnings of its budget a day has had.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension as _, Row, TransactionBehavior, params};

use crate::cost::{Budget, Level};
use crate::model::{RequestId, Tier};
use crate::route::learn::evidence::{Past, PastAnswer};

use super::attempt::Outcome;
use super::days;
use super::error::JournalError;
use super::sessions::time;
use super::store::Journal;

/// For how long a decision can be found again.
const KEPT_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

/// A decision on a prompt, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The request.
    pub request: RequestId,
    /// When.
    pub at: Timestamp,
    /// The prompt's fingerprint (`route::learn::fingerprint`).
    pub fingerprint: String,
    /// The tier that the text was classified as.
    pub tier: Tier,
    /// The names of what was seen in the prompt that can be learned from.
    pub evidence: Vec<String>,
    /// What the prompt's own words scored, without what was learned, in thousandths of a logit.
    pub score: Option<i32>,
}

/// How a request was answered, by its last attempt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Answered {
    /// The model.
    pub model: String,
    /// What decided on it.
    pub decided_by: String,
    /// How it ended: `ok`, `failed`, …
    pub outcome: String,
}

const DECISION: &str = "SELECT request, at, fingerprint, tier, evidence, score FROM decisions";

impl Journal {
    /// Keeps decisions in one transaction, and forgets those that are older than 30 days.
    pub fn decisions_put(&mut self, decisions: &[Decided]) -> Result<(), JournalError> {
        let Some(last) = decisions.iter().map(|one| one.at.as_millisecond()).max() else { return Ok(()) };
        let sql = JournalError::sql(&self.path);
        let writing = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
        for one in decisions {
            let evidence = one.evidence.join("\n");
            let row = params![
                one.request.as_str(),
                one.at.as_millisecond(),
                one.fingerprint,
                i64::from(one.tier.number()),
                evidence,
                one.score
            ];
            writing
                .prepare_cached(
                    "INSERT OR REPLACE INTO decisions (request, at, fingerprint, tier, evidence, score)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )
                .and_then(|mut insert| insert.execute(row))
                .map_err(&sql)?;
        }
        writing.execute("DELETE FROM decisions WHERE at < ?", [last.saturating_sub(KEPT_MILLIS)]).map_err(&sql)?;
        writing.commit().map_err(&sql)
    }

    /// The decision on this request, where it is still kept.
    pub fn decision(&self, request: &RequestId) -> Result<Option<Decided>, JournalError> {
        let found = self.db.query_row(&format!("{DECISION} WHERE request = ?"), [request.as_str()], decided).optional();
        found.map_err(JournalError::sql(&self.path))
    }

    /// The last decision that was made.
    pub fn decision_last(&self) -> Result<Option<Decided>, JournalError> {
        let last = format!("{DECISION} ORDER BY at DESC, request DESC LIMIT 1");
        self.db.query_row(&last, [], decided).optional().map_err(JournalError::sql(&self.path))
    }

    /// Every decision that is kept, in the order of time, with how it was answered: what is learned from.
    pub fn past(&self) -> Result<Vec<Past>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self
            .db
            .prepare_cached(
                "SELECT decisions.request, decisions.at, fingerprint, decisions.tier, evidence, score,
                 (SELECT text FROM names WHERE id = session), (SELECT text FROM names WHERE id = decided_by),
                 attempts.tier, (SELECT text FROM names WHERE id = outcome)
                 FROM decisions LEFT JOIN attempts ON attempts.request = decisions.request
                 AND number = (SELECT max(number) FROM attempts WHERE request = decisions.request)
                 ORDER BY decisions.at, decisions.request",
            )
            .map_err(&sql)?;
        let rows = query.query_map([], past).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }

    /// How a request was answered; `None` where nothing was sent.
    pub fn answered(&self, request: &RequestId) -> Result<Option<Answered>, JournalError> {
        let found = self.db.query_row(
            "SELECT (SELECT text FROM names WHERE id = model), (SELECT text FROM names WHERE id = decided_by),
             (SELECT text FROM names WHERE id = outcome) FROM attempts WHERE request = ? ORDER BY number DESC LIMIT 1",
            [request.as_str()],
            |row| Ok(Answered { model: row.get(0)?, decided_by: row.get(1)?, outcome: row.get(2)? }),
        );
        found.optional().map_err(JournalError::sql(&self.path))
    }

    /// Notes that a day has been warned at this level of its budget; `true` the first time. Of many processes exactly
    /// one is told `true`.
    pub fn budget_told(&mut self, day: Date, budget: Budget, level: Level) -> Result<bool, JournalError> {
        let level = match level {
            Level::Within => return Ok(false),
            Level::Near => 1,
            Level::Over => 2,
        };
        let row = params![days::number(day), budget.limit.nanos(), level];
        let sql = JournalError::sql(&self.path);
        // Looks first, because a look needs no write lock.
        let known: bool = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM budget_told WHERE day = ?1 AND amount = ?2 AND level >= ?3)")
            .and_then(|mut query| query.query_row(row, |row| row.get(0)))
            .map_err(&sql)?;
        if known {
            return Ok(false);
        }
        let new = self.db.execute("INSERT OR IGNORE INTO budget_told VALUES (?1, ?2, ?3)", row);
        new.map(|rows| rows == 1).map_err(&sql)
    }
}

fn past(row: &Row<'_>) -> rusqlite::Result<Past> {
    let decided = decided(row)?;
    let (by, tier, outcome): (Option<String>, Option<i64>, Option<String>) = (row.get(7)?, row.get(8)?, row.get(9)?);
    let answer = by.zip(tier).zip(outcome).map(|((decided_by, tier), outcome)| PastAnswer {
        decided_by,
        tier: if tier == 1 { Tier::One } else { Tier::Two },
        whole: outcome == Outcome::Ok.as_str(),
    });
    Ok(Past {
        request: decided.request.as_str().to_owned(),
        at: decided.at.as_millisecond(),
        session: row.get(6)?,
        fingerprint: decided.fingerprint,
        evidence: decided.evidence,
        tier: decided.tier,
        score: decided.score,
        answer,
    })
}

fn decided(row: &Row<'_>) -> rusqlite::Result<Decided> {
    let text = |column, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let request: String = row.get(0)?;
    let tier: i64 = row.get(3)?;
    let evidence: String = row.get(4)?;
    Ok(Decided {
        request: request.parse().map_err(|error| text(0, Box::new(error)))?,
        at: time(row, 1)?,
        fingerprint: row.get(2)?,
        tier: if tier == 1 { Tier::One } else { Tier::Two },
        evidence: evidence.lines().map(str::to_owned).collect(),
        score: row.get(5)?,
    })
}
