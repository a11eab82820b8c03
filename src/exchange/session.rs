//! A conversation: one turn at a time (R-STA-001), loaded from the journal, made short where the model changes
//! (AC-006), and written down after the answer.
//!
//! ```text
//! let _turn = session::hold(&place.dir, &id, session::PATIENCE, &world.interrupt, || say("another turn is under way"))?;
//! let mut talk = Conversation::load(books.journal()?, &id)?;
//! let decision = decide(Ask { session_model: talk.model(), … })?;
//! let finished = drive(…).await; // each model of the plan is asked `talk.prompt(model, text, system)`
//! talk.save(books.journal()?, project, text, &answer, answering_model, now)?;
//! ```

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::finished::Answer;
use crate::base::disk::{DiskError, PassingLock};
use crate::base::failure::{Explain, Kind};
use crate::base::interrupt::Interrupt;
use crate::journal::{Journal, JournalError, Message};
use crate::model::SessionId;
use crate::route::Model;
use crate::route::compress::{self, Compressed, Size, Turn};
use crate::wire::hub::{self, Block, Prompt, Role};

/// How long a turn is waited for: as long as an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// How often a turn is tried for: at first, and after a while.
const FIRST_STEP: Duration = Duration::from_millis(10);
const LONGEST_STEP: Duration = Duration::from_millis(200);

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
            Self::Busy(_) => Some("session-busy"),
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

/// Takes the turn. `journal` is the journal's directory; `waiting` is called once if somebody else has the turn, and
/// Ctrl-C ends the wait.
pub fn hold(
    journal: &Path,
    id: &SessionId,
    patience: Duration,
    interrupt: &Interrupt,
    waiting: impl FnOnce(),
) -> Result<Held, SessionError> {
    let path = journal.join("turns").join(format!("{id}.lock"));
    match PassingLock::take(&path, patience, interrupt, waiting) {
        Ok(lock) => Ok(Held { _lock: lock }),
        Err(DiskError::Locked { .. }) => Err(SessionError::Busy(id.clone())),
        Err(error) => Err(error.into()),
    }
}

/// Takes the turn as [`hold`] does, for who waits beside others: no thread is held, and the wait ends where this is
/// dropped.
pub async fn held(journal: &Path, id: &SessionId, patience: Duration) -> Result<Held, SessionError> {
    let nobody = Interrupt::default();
    let until = Instant::now() + patience;
    let mut step = FIRST_STEP;
    loop {
        match hold(journal, id, Duration::ZERO, &nobody, || {}) {
            Err(SessionError::Busy(_)) if Instant::now() < until => {}
            held => return held,
        }
        sleep(step).await;
        step = (step * 2).min(LONGEST_STEP);
    }
}

/// A conversation as it stands before a turn.
#[derive(Debug, Clone)]
pub struct Conversation {
    id: SessionId,
    messages: Vec<Message>,
    model: Option<String>,
    short: Option<Short>,
}

/// What the person says next.
#[derive(Debug, Clone, Copy)]
pub struct Next<'a> {
    /// The words.
    pub text: &'a str,
    /// The system prompt of this turn.
    pub system: Option<&'a str>,
}

impl Next<'_> {
    /// The prompt of a conversation that begins here, streamed.
    pub fn prompt(self) -> Prompt {
        Prompt { system: self.system.map(Block::text).into_iter().collect(), ..Prompt::new("", self.text) }
    }

    /// About how many tokens of `model`'s window what was said before may fill.
    fn room(self, model: &Model) -> u64 {
        let Some(context) = model.context else { return u64::MAX };
        let next = tokens(self.text).saturating_add(self.system.map_or(0, tokens));
        (context.saturating_mul(WINDOW_SHARE) / 100).min(context.saturating_sub(next))
    }
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
    /// A conversation in which nothing was said.
    pub fn new(id: SessionId) -> Self {
        Self { id, messages: Vec::new(), model: None, short: None }
    }

    /// The conversation; an empty one where there is none of this name.
    pub fn load(journal: &Journal, id: &SessionId) -> Result<Self, JournalError> {
        let found = journal.session(id)?;
        let (messages, model, state) =
            found.map_or_else(Default::default, |found| (found.messages, found.head.model, found.state));
        // A state that cannot be read, or of other messages, only costs its tokens.
        let short = state
            .and_then(|state| serde_json::from_str::<Short>(&state).ok())
            .filter(|short| short.version == VERSION && short.messages <= messages.len());
        Ok(Self { id: id.clone(), messages, model, short })
    }

    /// The same conversation as its client remembers it: its messages instead of those that are kept.
    #[must_use]
    pub fn told(self, messages: Vec<Message>) -> Self {
        let last = messages.iter().rev().find_map(|message| message.model.clone());
        Self { messages, model: last.or(self.model), short: None, id: self.id }
    }

    /// Its name.
    pub fn id(&self) -> &SessionId {
        &self.id
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

    /// The size of what was said before, in tokens, as AC-006 wants it kept where the model changes: what any model
    /// that goes on with the conversation must have room for.
    pub fn least_tokens(&self) -> u64 {
        compress::budget(&self.turns()).as_tokens()
    }

    /// The next prompt, streamed, as `model` is asked it: what was said before, and `next`. Where that is another
    /// model than the one that answered last, also a stand-in inside one request, or where the conversation has
    /// outgrown its window, what was said is made short first (R-EVT-003).
    pub fn prompt(&self, model: &Model, next: Next<'_>) -> Prompt {
        let mut prompt = next.prompt();
        let short = self.short_for(model, next);
        if let Some(digest) = short.as_ref().map(|short| &short.text.digest).filter(|digest| !digest.is_empty()) {
            prompt.system.push(Block::text(format!("{}{digest}", compress::OPENING)));
        }
        let mut before = self.turns_after(short.as_deref());
        // APIs want the user to begin.
        if before.first().is_some_and(|turn| turn.role == Role::Assistant) {
            before.insert(0, Turn::new(Role::User, "(the beginning is left out)"));
        }
        let before = before.into_iter().map(|turn| hub::Message::text(turn.role, turn.text));
        prompt.messages.splice(0..0, before);
        prompt
    }

    /// The next prompt with all that was said before: what an answer is kept under, whoever gives it.
    pub fn whole(&self, next: Next<'_>) -> Prompt {
        let mut prompt = next.prompt();
        let before = self.turns().into_iter().map(|turn| hub::Message::text(turn.role, turn.text));
        prompt.messages.splice(0..0, before);
        prompt
    }

    /// What [`Conversation::prompt`] makes the conversation short to; `None` where it goes over as `model` knows it.
    pub fn made_short(&self, model: &Model, next: Next<'_>) -> Option<Compressed> {
        match self.short_for(model, next)? {
            Cow::Owned(short) => Some(short.text),
            Cow::Borrowed(_) => None,
        }
    }

    fn turns(&self) -> Vec<Turn> {
        self.messages.iter().map(turn).collect()
    }

    /// The turns to send: all of them, or the last ones, where the others are in a digest.
    fn turns_after(&self, short: Option<&Short>) -> Vec<Turn> {
        let Some(short) = short else { return self.turns() };
        let since = self.messages.iter().skip(short.messages).map(turn);
        short.text.tail.iter().cloned().chain(since).collect()
    }

    /// The beginning as `model` gets it: the one that it knows, where that still fits, or a new one.
    fn short_for(&self, model: &Model, next: Next<'_>) -> Option<Cow<'_, Short>> {
        let room = next.room(model);
        let changes = self.model.as_deref().is_some_and(|last| last != model.name);
        let known = self.short.as_ref().filter(|short| !changes || short.model == model.name);
        let sent: u64 = self.turns_after(known).iter().map(|turn| tokens(&turn.text)).sum();
        let digest = known.map_or(0, |short| tokens(&short.text.digest));
        if (known.is_some() || !changes) && sent.saturating_add(digest) <= room {
            return known.map(Cow::Borrowed);
        }
        let turns = self.turns();
        // Half of the room, so that the next turns fit without doing this again.
        let half = || compress::compress(&turns, Size::tokens(room / 2));
        let text = if changes { compress::compress(&turns, compress::budget(&turns)) } else { half() };
        let text = if text.tokens <= room { text } else { half() };
        if text.digest.is_empty() && text.tail == turns {
            return None;
        }
        Some(Cow::Owned(Short { version: VERSION, model: model.name.clone(), messages: turns.len(), text }))
    }

    /// Writes the turn down: what was asked, and the answer of `model`, with the beginning as that model was told it.
    /// What was made short for a model that did not answer is forgotten. A part of an answer is not worth going on
    /// from: save whole answers.
    pub fn save(
        &mut self,
        journal: &mut Journal,
        project: Option<&str>,
        next: Next<'_>,
        (model, answer): (&Model, &Answer),
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let message = |role: &str, content: &str, model: Option<&str>| Message {
            role: role.to_owned(),
            content: content.to_owned(),
            model: model.map(str::to_owned),
            at: now,
        };
        let new = [message("user", next.text, None), message("assistant", &answer.text, Some(&answer.model))];
        journal.session_add(&self.id, project, &new, now)?;
        if let Some(Cow::Owned(short)) = self.short_for(model, next) {
            if let Ok(state) = serde_json::to_string(&short) {
                journal.session_state(&self.id, Some(&state))?;
            }
            self.short = Some(short);
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
            memory: None,
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
        }
    }

    const GO_ON: Next<'_> = Next { text: "go on", system: None };

    fn answer(by: &str) -> Answer {
        Answer {
            text: "done".into(),
            stop: None,
            model: by.into(),
            model_id: by.into(),
            provider: "p".into(),
            tier: None,
            usage: None,
            estimated: false,
            fallback: false,
            cached: None,
        }
    }

    fn journal(dir: &Path) -> Journal {
        let (key, from) = crate::journal::key::find(dir, &crate::journal::key::Lookup::default()).unwrap();
        let place = crate::journal::Place::new(dir);
        Journal::open(&place, &key, from, jiff::tz::TimeZone::UTC, NOW.parse().unwrap()).unwrap()
    }

    fn size(prompt: &Prompt) -> usize {
        format!("{:?}{:?}", prompt.system, prompt.messages).len()
    }

    #[test]
    fn a_conversation_goes_on_as_it_was_with_the_same_model() {
        let talk = talk(50, "claude-opus");
        let (opus, next) = (model("claude-opus", Some(200_000)), Next { text: "go on", system: Some("be brief") });
        let prompt = talk.prompt(&opus, next);
        assert_eq!((prompt.messages.len(), prompt.system.len(), talk.made_short(&opus, next)), (51, 1, None));
        let last = prompt.messages.last().unwrap();
        assert_eq!((last.role, &last.content), (Role::User, &vec![Block::text("go on")]));
    }

    #[test]
    fn a_change_of_model_makes_it_short_and_the_model_that_answered_last_gets_all() {
        let talk = talk(50, "claude-opus");
        let (opus, glm) = (model("claude-opus", None), model("glm-4.7", None));
        let (long, short) = (talk.prompt(&opus, GO_ON), talk.prompt(&glm, GO_ON));
        let made = talk.made_short(&glm, GO_ON).unwrap();
        assert!(made.tokens * 10 <= made.tokens_before * 3, "{} of {}", made.tokens, made.tokens_before);
        assert!(size(&short) * 2 < size(&long));
        assert_eq!(short.messages.first().map(|message| message.role), Some(Role::User));
        assert_eq!((talk.prompt(&opus, GO_ON), talk.made_short(&opus, GO_ON)), (long, None));
    }

    #[test]
    fn what_was_made_short_stays_with_the_model_that_answered() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path());
        let mut talk = talk(50, "claude-opus");
        let (opus, glm, qwen) = (model("claude-opus", None), model("glm-4.7", None), model("qwen", None));
        let now: Timestamp = NOW.parse().unwrap();
        // GLM was asked first and failed; Opus stood in, and knows all of it.
        assert!(talk.made_short(&glm, GO_ON).is_some());
        talk.save(&mut journal, None, GO_ON, (&opus, &answer("claude-opus")), now).unwrap();
        assert_eq!(talk.short, None);
        // GLM answers: from here on it goes on from what it was told, and another model is told anew.
        talk.save(&mut journal, None, GO_ON, (&glm, &answer("glm-4.7")), now).unwrap();
        assert_eq!(talk.short.as_ref().map(|short| (&*short.model, short.messages)), Some(("glm-4.7", 52)));
        assert_eq!(talk.made_short(&glm, GO_ON), None);
        assert!(talk.made_short(&qwen, GO_ON).is_some_and(|made| made.turns == 54));
        let kept = journal.session(&talk.id).unwrap().unwrap().state.unwrap();
        assert!(kept.contains("\"model\":\"glm-4.7\""), "{kept}");
    }

    #[test]
    fn a_conversation_that_outgrows_its_window_is_made_short_too() {
        let talk = talk(50, "qwen");
        assert!(talk.made_short(&model("qwen", Some(500)), GO_ON).unwrap().tokens <= 300);
        // A long question leaves less of the window.
        let long = "word ".repeat(360);
        let made = talk.made_short(&model("qwen", Some(500)), Next { text: &long, system: None }).unwrap();
        assert!(made.tokens <= 50, "{}", made.tokens);
    }

    #[test]
    fn one_process_at_a_time_has_the_turn() {
        let dir = tempfile::tempdir().unwrap();
        let id: SessionId = "auth:1".parse().unwrap();
        let go = Interrupt::default();
        let held = hold(dir.path(), &id, Duration::ZERO, &go, || {}).unwrap();
        let mut told = false;
        let busy = hold(dir.path(), &id, Duration::from_millis(30), &go, || told = true).unwrap_err();
        assert!(told && matches!(&busy, SessionError::Busy(_)), "{busy:?}");
        hold(dir.path(), &"other".parse().unwrap(), Duration::ZERO, &go, || {}).unwrap();
        drop(held);
        hold(dir.path(), &id, Duration::ZERO, &go, || {}).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join("turns")).unwrap().count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_beside_others_waits_no_longer_than_it_says_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let id: SessionId = "s".parse().unwrap();
        let first = held(dir.path(), &id, PATIENCE).await.unwrap();
        let given_up = tokio::time::timeout(Duration::from_secs(5), held(dir.path(), &id, PATIENCE)).await;
        assert!(given_up.is_err(), "two at once");
        let late = held(dir.path(), &id, PATIENCE).await.unwrap_err();
        assert!(matches!(late, SessionError::Busy(_)), "{late:?}");
        let (next, ()) = tokio::join!(held(dir.path(), &id, PATIENCE), async { drop(first) });
        drop(next.unwrap());
        assert_eq!(std::fs::read_dir(dir.path().join("turns")).unwrap().count(), 0);
    }
}
