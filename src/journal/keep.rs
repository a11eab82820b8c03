//! What is kept beside the rows: answers for the day when nobody answers, and people's opinions of decisions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::model::{RequestId, Usage};

use super::error::JournalError;
use super::sessions::time;
use super::store::Journal;

/// How many answers are kept.
const ANSWERS: i64 = 500;

/// An answer from before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The model that gave it.
    pub model: String,
    /// Its text.
    pub content: String,
    /// What it used then.
    pub usage: Option<Usage>,
    /// When.
    pub at: Timestamp,
}

/// What a person thinks of a decision or an answer (R-OPT-001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Opinion {
    /// It should have gone to the planner.
    Plan,
    /// It should have gone to the implementer.
    Implement,
    /// The answer was good.
    Good,
    /// The answer was bad.
    Bad,
}

/// A word that is no opinion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown opinion `{0}`: expected plan, implement, good or bad")]
pub struct UnknownOpinion(pub String);

impl Opinion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Implement, Self::Good, Self::Bad];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Implement => "implement",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Opinion {
    type Err = UnknownOpinion;

    fn from_str(text: &str) -> Result<Self, UnknownOpinion> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownOpinion(text.into()))
    }
}

/// An opinion that was given.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Feedback {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The request.
    pub request: String,
    /// The opinion.
    pub opinion: Opinion,
    /// What the caller keeps with it, such as the evidence to learn from.
    pub note: Option<String>,
    /// When it was taken back.
    pub undone: Option<Timestamp>,
}

const FEEDBACK: &str = "SELECT id, at, request, opinion, note, undone FROM feedback";

impl Journal {
    /// Keeps the answer to exactly this question; the oldest go when there are more than 500.
    pub fn answer_put(&mut self, question: &str, answer: &Answer) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let usage = answer.usage.and_then(|usage| serde_json::to_string(&usage).ok());
        let adding = self.db.transaction().map_err(&sql)?;
        adding
            .execute(
                "INSERT INTO answers (question, at, model, content, usage) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (question) DO UPDATE SET at = excluded.at, model = excluded.model,
                 content = excluded.content, usage = excluded.usage",
                params![digest(question), answer.at.as_millisecond(), answer.model, answer.content, usage],
            )
            .map_err(&sql)?;
        adding
            .execute(
                "DELETE FROM answers WHERE at < (SELECT at FROM answers ORDER BY at DESC LIMIT 1 OFFSET ?)",
                [ANSWERS - 1],
            )
            .map_err(&sql)?;
        adding.commit().map_err(&sql)
    }

    /// The answer that exactly this question got before.
    pub fn answer(&self, question: &str) -> Result<Option<Answer>, JournalError> {
        let found = self.db.query_row(
            "SELECT model, content, usage, at FROM answers WHERE question = ?",
            [digest(question)],
            |row| {
                let usage: Option<String> = row.get(2)?;
                let usage = usage.and_then(|usage| serde_json::from_str(&usage).ok());
                Ok(Answer { model: row.get(0)?, content: row.get(1)?, usage, at: time(row, 3)? })
            },
        );
        found.optional().map_err(JournalError::sql(&self.path))
    }

    /// Writes an opinion down and returns its number.
    pub fn feedback_add(
        &mut self,
        request: &RequestId,
        opinion: Opinion,
        note: Option<&str>,
        now: Timestamp,
    ) -> Result<i64, JournalError> {
        self.db
            .query_row(
                "INSERT INTO feedback (at, request, opinion, note) VALUES (?1, ?2, ?3, ?4) RETURNING id",
                params![now.as_millisecond(), request.as_str(), opinion.as_str(), note],
                |row| row.get(0),
            )
            .map_err(JournalError::sql(&self.path))
    }

    /// Takes the last opinion back that still stands, and returns it.
    pub fn feedback_undo(&mut self, now: Timestamp) -> Result<Option<Feedback>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let undone = self.db.query_row(
            "UPDATE feedback SET undone = ?1 WHERE id = (SELECT max(id) FROM feedback WHERE undone IS NULL)
             RETURNING id, at, request, opinion, note, undone",
            [now.as_millisecond()],
            feedback,
        );
        undone.optional().map_err(sql)
    }

    /// All opinions in the order in which they were given, those taken back too.
    pub fn feedback(&self) -> Result<Vec<Feedback>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self.db.prepare_cached(&format!("{FEEDBACK} ORDER BY id")).map_err(&sql)?;
        let rows = query.query_map([], feedback).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }

    /// What changes with every opinion that is given or taken back: how many there are, and how many stand no more.
    pub fn feedback_mark(&self) -> Result<(i64, i64), JournalError> {
        let mut query = self
            .db
            .prepare_cached("SELECT count(*), count(undone) FROM feedback")
            .map_err(JournalError::sql(&self.path))?;
        query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(JournalError::sql(&self.path))
    }

    /// A number that is another one when anybody else has written since: as long as the journal stays open.
    pub fn foreign_changes(&self) -> Result<i64, JournalError> {
        let mut query = self.db.prepare_cached("PRAGMA data_version").map_err(JournalError::sql(&self.path))?;
        query.query_row([], |row| row.get(0)).map_err(JournalError::sql(&self.path))
    }

    /// The ids of the requests that begin so, the newest first, at most ten: what a person types of an id.
    pub fn requests_like(&self, prefix: &str) -> Result<Vec<RequestId>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self
            .db
            .prepare_cached(
                "SELECT request FROM attempts WHERE request >= ?1 AND request < ?2
                 UNION SELECT request FROM decisions WHERE request >= ?1 AND request < ?2 ORDER BY 1 DESC LIMIT 10",
            )
            .map_err(&sql)?;
        let prefix = prefix.to_ascii_lowercase();
        let end = format!("{prefix}\u{7f}");
        let rows = query.query_map([&prefix, &end], |row| row.get::<_, String>(0)).map_err(&sql)?;
        let texts: Vec<String> = rows.collect::<Result<_, _>>().map_err(&sql)?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

fn feedback(row: &Row<'_>) -> rusqlite::Result<Feedback> {
    let opinion: String = row.get(3)?;
    let opinion = opinion.parse().map_err(|error: UnknownOpinion| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
    })?;
    let undone: Option<i64> = row.get(5)?;
    Ok(Feedback {
        id: row.get(0)?,
        at: time(row, 1)?,
        request: row.get(2)?,
        opinion,
        note: row.get(4)?,
        undone: undone.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    })
}

fn digest(question: &str) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, question.as_bytes()).as_ref().to_vec()
}
