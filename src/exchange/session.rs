//! A conversation: one turn at a time (R-STA-001), loaded from the journal, made short where the model changes
//! (AC-006), and written down after the answer.
//!
//! ```text
//! let _turn = session::hold(&place.dir, &id, session::PATIENCE, || say("another turn is under way"))?;
//! let mut talk = Conversation::load(books.journal()?, &id)?;
//! let decision = decide(Ask { session_model: talk.model(), … })?;
//! let prompt = talk.prompt(decision.plan().first().model(), text, system);
//! let finished = drive(…).await;
//! talk.save(books.journal()?, project, text, &answer, now)?;
//! ```

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finished::Answer;
use crate::base::disk::{DiskError, PassingLock};
use crate::base::failure::{Explain, Kind};
use crate::journal::{Journal, JournalError, Message};
use crate::model::SessionId;
use crate::route::Model;
use crate::route::compress::{self, Compressed, Size, Turn};
use crate::wire::hub::{self, Block, Prompt, Role};

/// How long a turn is waited for: as long as an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// The share of a model's window, in percent, that a conversation may fill before it is made short: the rest is for
/// the question and the answer.
const WINDOW_SHARE: u64 = 60;

/// Why a conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Another process holds the conversation for longer than we wait.
    #[error("the session {0} is in use by another process")]
    Busy(SessionId),
    /// Its lock cannot be taken.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Explain for SessionError {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy(_) => Kind::Expected,
            Self::Disk(error) => error.kind(),
            Self::Journal(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Busy(_) => vec!["wait for the other answer, or name another session with `--session`".into()],
            Self::Disk(error) => error.hints(),
            Self::Journal(error) => error.hints(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Busy(_) => Some("session_busy"),
            Self::Disk(error) => error.code(),
            Self::Journal(error) => error.code(),
        }
    }
}

/// A turn of a conversation: while it is held, every other process waits. Ends when it is dropped.
#[derive(Debug)]
pub struct Held {
    _lock: PassingLock,
}

/// Takes the turn. `journal` is the journal's directory; `waiting` is called once if somebody else has the turn.
pub fn hold(journal: &Path, id: &SessionId, patience: Duration, waiting: impl FnOnce()) -> Result<Held, SessionError> {
    let path = journal.join("turns").join(format!("{id}.lock"));
    match PassingLock::take(&path, patience, waiting) {
        Ok(lock) => Ok(Held { _lock: lock }),
        Err(DiskError::Locked { .. }) => Err(SessionError::Busy(id.clone())),
        Err(error) => Err(error.into()),
    }
}

/// A conversation as it stands before a turn.
#[derive(Debug, Clone)]
pub struct Conversation {
    id: SessionId,
    messages: Vec<Message>,
    model: Option<String>,
    short: Option<Short>,
    /// [`Conversation::short`] is not in the journal yet.
    changed: bool,
}

/// The beginning of a conversation, made short. Kept as the session's state, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Short {
    version: u32,
    /// The model that it was made short for.
    model: String,
    /// How many messages it stands for.
    messages: usize,
    text: Compressed,
}

/// The form of [`Short`] that this program writes.
const VERSION: u32 = 1;

impl Conversation {
    /// The conversation; an empty one where there is none of this name.
    pub fn load(journal: &Journal, id: &SessionId) -> Result<Self, JournalError> {
        let found = journal.session(id)?;
        let (messages, model, state) =
            found.map_or_else(Default::default, |found| (found.messages, found.head.model, found.state));
        // A state that cannot be read, or of other messages, only costs its tokens.
        let short = state
            .and_then(|state| serde_json::from_str::<Short>(&state).ok())
            .filter(|short| short.version == VERSION && short.messages <= messages.len());
        Ok(Self { id: id.clone(), messages, model, short, changed: false })
    }

    /// The model that answered last: where the conversation stays if a text asks for nothing.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The next prompt, streamed: what was said before, and `text`. Where another model than the last one is asked,
    /// or the conversation has outgrown its window, what was said is made short first; then what came of that is
    /// returned too.
    pub fn prompt(&mut self, model: &Model, text: &str, system: Option<&str>) -> (Prompt, Option<Compressed>) {
        let made = self.make_short(model);
        let mut prompt = Prompt::new("", text);
        prompt.system.extend(system.map(Block::text));
        let mut before = self.turns_before(&mut prompt);
        // APIs want the user to begin.
        if before.first().is_some_and(|turn| turn.role == Role::Assistant) {
            before.insert(0, Turn::new(Role::User, "(the beginning is left out)"));
        }
        let before = before.into_iter().map(|turn| hub::Message::text(turn.role, turn.text));
        prompt.messages.splice(0..0, before);
        (prompt, made)
    }

    /// The turns to send: all of them, or the last ones with a digest of the others in the system prompt.
    fn turns_before(&self, prompt: &mut Prompt) -> Vec<Turn> {
        let Some(short) = &self.short else { return self.messages.iter().map(turn).collect() };
        if !short.text.digest.is_empty() {
            prompt.system.push(Block::text(format!("{}{}", compress::OPENING, short.text.digest)));
        }
        let since = self.messages.iter().skip(short.messages).map(turn);
        short.text.tail.iter().cloned().chain(since).collect()
    }

    fn make_short(&mut self, model: &Model) -> Option<Compressed> {
        let changes = self.model.as_deref().is_some_and(|last| last != model.name);
        let known = self.short.as_ref().is_some_and(|short| short.model == model.name);
        let room = model.context.map_or(u64::MAX, |context| context.saturating_mul(WINDOW_SHARE) / 100);
        let sent: u64 = self.turns_before(&mut Prompt::default()).iter().map(|turn| tokens(&turn.text)).sum();
        if (known || !changes) && sent <= room {
            return None;
        }
        let turns: Vec<Turn> = self.messages.iter().map(turn).collect();
        // Half of the room, so that the next turns fit without doing this again.
        let half = || compress::compress(&turns, Size::tokens(room / 2));
        let text = if changes { compress::compress(&turns, compress::budget(&turns)) } else { half() };
        let text = if text.tokens <= room { text } else { half() };
        if text.digest.is_empty() && text.tail == turns {
            return None;
        }
        let short = Short { version: VERSION, model: model.name.clone(), messages: turns.len(), text: text.clone() };
        self.short = Some(short);
        self.changed = true;
        Some(text)
    }

    /// Writes the turn down: what was asked, and the answer. A part of an answer is not worth going on from: save
    /// whole answers.
    pub fn save(
        &mut self,
        journal: &mut Journal,
        project: Option<&str>,
        text: &str,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let message = |role: &str, content: &str, model: Option<&str>| Message {
            role: role.to_owned(),
            content: content.to_owned(),
            model: model.map(str::to_owned),
            at: now,
        };
        let new = [message("user", text, None), message("assistant", &answer.text, Some(&answer.model))];
        journal.session_add(&self.id, project, &new, now)?;
        if self.changed
            && let Some(state) = self.short.as_ref().and_then(|short| serde_json::to_string(short).ok())
        {
            journal.session_state(&self.id, Some(&state))?;
            self.changed = false;
        }
        self.messages.extend(new);
        self.model = Some(answer.model.clone());
        Ok(())
    }
}

fn tokens(text: &str) -> u64 {
    Size::of(text).as_tokens()
}

fn turn(message: &Message) -> Turn {
    let role = match message.role.as_str() {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::User,
    };
    Turn::new(role, message.content.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tier;

    const NOW: &str = "2026-01-09T12:00:00Z";

    fn model(name: &str, context: Option<u64>) -> Model {
        Model {
            name: name.into(),
            aliases: Vec::new(),
            provider: "p".into(),
            id: name.into(),
            tier: Tier::One,
            kinds: Vec::new(),
            context,
            most_output: None,
            quality: 50,
            speed: 50,
            named_only: false,
        }
    }

    fn talk(messages: usize, by: &str) -> Conversation {
        let message = |at: usize| Message {
            role: if at.is_multiple_of(2) { "user" } else { "assistant" }.into(),
            content: format!("message {at}: a few words about something that fills a line or two of this conversation"),
            model: (!at.is_multiple_of(2)).then(|| by.to_owned()),
            at: NOW.parse().unwrap(),
        };
        Conversation {
            id: "auth".parse().unwrap(),
            messages: (0..messages).map(message).collect(),
            model: Some(by.into()),
            short: None,
            changed: false,
        }
    }

    fn size(prompt: &Prompt) -> usize {
        format!("{:?}{:?}", prompt.system, prompt.messages).len()
    }

    #[test]
    fn a_conversation_goes_on_as_it_was_with_the_same_model() {
        let mut talk = talk(50, "claude-opus");
        let (prompt, made) = talk.prompt(&model("claude-opus", Some(200_000)), "go on", Some("be brief"));
        assert_eq!((prompt.messages.len(), prompt.system.len(), made), (51, 1, None));
        let last = prompt.messages.last().unwrap();
        assert_eq!((last.role, &last.content), (Role::User, &vec![Block::text("go on")]));
    }

    #[test]
    fn a_change_of_model_makes_it_short_once() {
        let mut talk = talk(50, "claude-opus");
        let (long, _) = talk.clone().prompt(&model("claude-opus", None), "go on", None);
        let glm = model("glm-4.7", None);
        let (short, made) = talk.prompt(&glm, "go on", None);
        let made = made.unwrap();
        assert!(made.tokens * 10 <= made.tokens_before * 3, "{} of {}", made.tokens, made.tokens_before);
        assert!(size(&short) * 2 < size(&long));
        assert_eq!(short.messages.first().map(|message| message.role), Some(Role::User));
        let (again, made) = talk.prompt(&glm, "go on", None);
        assert_eq!((again, made), (short, None));
    }

    #[test]
    fn a_conversation_that_outgrows_its_window_is_made_short_too() {
        let mut talk = talk(50, "qwen");
        let (_, made) = talk.prompt(&model("qwen", Some(500)), "go on", None);
        assert!(made.unwrap().tokens <= 300);
    }

    #[test]
    fn one_process_at_a_time_has_the_turn() {
        let dir = tempfile::tempdir().unwrap();
        let id: SessionId = "auth:1".parse().unwrap();
        let held = hold(dir.path(), &id, Duration::ZERO, || {}).unwrap();
        let mut told = false;
        let busy = hold(dir.path(), &id, Duration::from_millis(30), || told = true).unwrap_err();
        assert!(told && matches!(&busy, SessionError::Busy(_)), "{busy:?}");
        hold(dir.path(), &"other".parse().unwrap(), Duration::ZERO, || {}).unwrap();
        drop(held);
        hold(dir.path(), &id, Duration::ZERO, || {}).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join("turns")).unwrap().count(), 0);
    }
}
