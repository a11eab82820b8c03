//! An opinion of a decision, from the words that a person gives to the lesson that is kept (R-OPT-001).

use jiff::Timestamp;

use crate::base::failure::{Explain, Kind};
use crate::model::{RequestId, Tier};
use crate::route::learn::Lesson;

use super::decisions::{Answered, Decided};
use super::error::JournalError;
use super::keep::{Feedback, Opinion};
use super::store::Journal;

/// Why no request is meant.
#[derive(Debug, thiserror::Error)]
pub enum NoRequest {
    /// No request is called so, or none was ever made.
    #[error("there is no request {}", plain(.0))]
    Unknown(String),
    /// Several begin so.
    #[error("{} is the beginning of several requests", plain(wanted))]
    Ambiguous {
        /// What was given.
        wanted: String,
        /// The requests.
        requests: Vec<RequestId>,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What was given, without what a terminal would obey.
fn plain(wanted: &str) -> String {
    wanted.chars().filter(|c| !c.is_control()).take(64).collect()
}

impl Explain for NoRequest {
    fn kind(&self) -> Kind {
        match self {
            Self::Journal(error) => error.kind(),
            _ => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown(_) => {
                vec!["`moai route --json` prints the id as `request_id`; `last` is the last one".into()]
            }
            Self::Ambiguous { requests, .. } => {
                let ids: Vec<&str> = requests.iter().map(RequestId::as_str).collect();
                vec![format!("one of {}", ids.join(", "))]
            }
            Self::Journal(error) => error.hints(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(_) => Some("no-request"),
            Self::Ambiguous { .. } => Some("ambiguous"),
            Self::Journal(error) => error.code(),
        }
    }
}

/// An opinion that was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its number.
    pub id: i64,
    /// The request.
    pub request: RequestId,
    /// What is learned from it, where what was seen in the prompt is still kept.
    pub lesson: Option<Lesson>,
    /// What was decided, likewise.
    pub decided: Option<Decided>,
    /// How it was answered.
    pub answered: Option<Answered>,
}

impl Journal {
    /// The request that a person means: its id, the beginning of it, or `last`.
    pub fn request(&self, wanted: &str) -> Result<RequestId, NoRequest> {
        let wanted = wanted.trim();
        let unknown = || NoRequest::Unknown(wanted.to_owned());
        if wanted == "last" {
            return self.decision_last()?.map(|last| last.request).ok_or_else(unknown);
        }
        if wanted.is_empty() || !wanted.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(unknown());
        }
        let mut found = self.requests_like(wanted)?;
        match found.len() {
            1 => found.pop().ok_or_else(unknown),
            0 => Err(unknown()),
            _ => Err(NoRequest::Ambiguous { wanted: wanted.to_owned(), requests: found }),
        }
    }

    /// Writes an opinion of a request down, with what is learned from it.
    pub fn judge(&mut self, request: &RequestId, opinion: Opinion, now: Timestamp) -> Result<Judged, JournalError> {
        let decided = self.decision(request)?;
        let answered = self.answered(request)?;
        let lesson = decided.as_ref().and_then(|decided| lesson(decided, opinion));
        let note = lesson.as_ref().and_then(|lesson| serde_json::to_string(lesson).ok());
        let id = self.feedback_add(request, opinion, note.as_deref(), now)?;
        Ok(Judged { id, request: request.clone(), lesson, decided, answered })
    }

    /// What feedback that still stands has taught, in the order in which it was given.
    pub fn lessons(&self) -> Result<Vec<Lesson>, JournalError> {
        let standing = self.feedback()?.into_iter().filter(|one| one.undone.is_none());
        let lesson = |one: Feedback| {
            let mut lesson: Lesson = serde_json::from_str(one.note.as_deref()?).ok()?;
            lesson.opinion = one.id;
            Some(lesson)
        };
        Ok(standing.filter_map(lesson).collect())
    }
}

/// What an opinion teaches; `bad` says nothing of the tier.
fn lesson(decided: &Decided, opinion: Opinion) -> Option<Lesson> {
    let (tier, corrects) = match opinion {
        Opinion::Plan => (Tier::One, true),
        Opinion::Implement => (Tier::Two, true),
        Opinion::Good => (decided.tier, false),
        Opinion::Bad => return None,
    };
    Some(Lesson::new(decided.fingerprint.clone(), decided.evidence.clone(), tier, corrects))
}
