//! Conversations: kept encrypted, forgotten a day after they were last used.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, TransactionBehavior, params};

use crate::model::SessionId;

use super::error::JournalError;
use super::store::Journal;

/// How long a conversation is kept after its last message (SPEC-MODEL-001: session data is deleted after 24 hours).
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// The text.
    pub content: String,
    /// The model that wrote it.
    pub model: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a list of conversations shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SessionHead {
    /// Its id.
    pub id: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used.
    pub touched: Timestamp,
    /// The project in which it was last used.
    pub project: Option<String>,
    /// The model that answered last.
    pub model: Option<String>,
    /// How many messages it has.
    pub messages: u64,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Session {
    /// The head.
    pub head: SessionHead,
    /// What the caller keeps beside the messages, such as the compressed context.
    pub state: Option<String>,
    /// The messages, in order.
    pub messages: Vec<Message>,
}

const HEAD: &str = "SELECT id, created, touched, project, model, state,
    (SELECT count(*) FROM messages WHERE session = sessions.id) FROM sessions";

impl Journal {
    /// Adds messages to a conversation, which begins with its first ones. Two processes may add at once: both are kept.
    pub fn session_add(
        &mut self,
        id: &SessionId,
        project: Option<&str>,
        messages: &[Message],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let adding = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
        let model = messages.iter().rev().find_map(|message| message.model.as_deref());
        adding
            .execute(
                "INSERT INTO sessions (id, created, touched, project, model) VALUES (?1, ?2, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET touched = max(touched, excluded.touched),
                 project = coalesce(excluded.project, project), model = coalesce(excluded.model, model)",
                params![id.as_str(), now.as_millisecond(), project, model],
            )
            .map_err(&sql)?;
        for message in messages {
            adding
                .execute(
                    "INSERT INTO messages (session, number, role, content, model, at)
                     SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5 FROM messages WHERE session = ?1",
                    params![id.as_str(), message.role, message.content, message.model, message.at.as_millisecond()],
                )
                .map_err(&sql)?;
        }
        adding.commit().map_err(&sql)
    }

    /// Keeps the caller's own state of a conversation, which has to exist; says whether it does.
    pub fn session_state(&mut self, id: &SessionId, state: Option<&str>) -> Result<bool, JournalError> {
        let changed = self.db.execute("UPDATE sessions SET state = ?2 WHERE id = ?1", params![id.as_str(), state]);
        changed.map(|rows| rows == 1).map_err(JournalError::sql(&self.path))
    }

    /// The conversation with all its messages.
    pub fn session(&self, id: &SessionId) -> Result<Option<Session>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let found = self
            .db
            .query_row(&format!("{HEAD} WHERE id = ?1"), [id.as_str()], |row| Ok((head(row)?, row.get(5)?)))
            .optional()
            .map_err(&sql)?;
        let Some((head, state)) = found else { return Ok(None) };
        let mut query = self
            .db
            .prepare_cached("SELECT role, content, model, at FROM messages WHERE session = ? ORDER BY number")
            .map_err(&sql)?;
        let messages = query
            .query_map([id.as_str()], |row| {
                Ok(Message { role: row.get(0)?, content: row.get(1)?, model: row.get(2)?, at: time(row, 3)? })
            })
            .map_err(&sql)?;
        let messages = messages.collect::<Result<_, _>>().map_err(&sql)?;
        Ok(Some(Session { head, state, messages }))
    }

    /// All conversations, the last used first.
    pub fn sessions(&self) -> Result<Vec<SessionHead>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self.db.prepare(&format!("{HEAD} ORDER BY touched DESC, id")).map_err(&sql)?;
        let heads = query.query_map([], head).map_err(&sql)?;
        heads.collect::<Result<_, _>>().map_err(&sql)
    }

    /// Deletes one conversation; says whether there was one.
    pub fn session_clear(&mut self, id: &SessionId) -> Result<bool, JournalError> {
        let gone = self.db.execute("DELETE FROM sessions WHERE id = ?", [id.as_str()]);
        gone.map(|rows| rows == 1).map_err(JournalError::sql(&self.path))
    }

    /// Deletes all conversations; says how many there were.
    pub fn sessions_clear(&mut self) -> Result<usize, JournalError> {
        self.db.execute("DELETE FROM sessions", []).map_err(JournalError::sql(&self.path))
    }

    /// Deletes what was last used more than a day before `now`. Looks first, because a look needs no write lock.
    pub(super) fn forget_sessions(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let limit = now.as_millisecond().saturating_sub(KEPT_MILLIS);
        let old: bool = self
            .db
            .query_row("SELECT EXISTS (SELECT 1 FROM sessions WHERE touched <= ?)", [limit], |row| row.get(0))
            .map_err(&sql)?;
        if old {
            self.db.execute("DELETE FROM sessions WHERE touched <= ?", [limit]).map_err(&sql)?;
        }
        Ok(())
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<SessionHead> {
    let messages: i64 = row.get(6)?;
    Ok(SessionHead {
        id: row.get(0)?,
        created: time(row, 1)?,
        touched: time(row, 2)?,
        project: row.get(3)?,
        model: row.get(4)?,
        messages: u64::try_from(messages).unwrap_or(0),
    })
}

/// The time in a column of milliseconds.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let millis: i64 = row.get(column)?;
    Timestamp::from_millisecond(millis).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Integer, Box::new(error))
    })
}
