//! The books of the gateway: what requests leave behind goes through a bounded queue to one thread, which owns the
//! journal. No answer waits for it, and none is at stake.
//!
//! The thread writes what has come as soon as it has come, but not more than a hundred times a second, and under load
//! five times: many rows share one transaction then. So a process that is killed (`kill -9`) loses at most the rows of
//! requests that ended in its last 10 to 200 milliseconds, and of the one transaction that was being written. Where the
//! queue is full, or the journal cannot be written (a missing key, a full disk), rows go to the spool beside the
//! journal, and come back from it when it can. Whatever is asked of the journal is answered by the same thread, after
//! the rows that came before.

mod sums;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::base::failure::{Explain, Kind};
use crate::base::world::World;
use crate::journal::{Attempt, Decided, Journal, JournalError, Recorder, Spool};
use crate::log::{self, FailureLine, Log};

use super::metrics::Tally;

pub(in crate::gateway) use sums::{Learn, Telling, Told};
use writer::Writer;

/// How many things may wait to be written.
const ROOM: usize = 4096;

/// The files of the logs.
pub struct Logs {
    /// `decisions.jsonl`.
    pub decisions: Log,
    /// `errors.jsonl`.
    pub errors: Log,
}

/// The way into the books. It closes them when it is dropped.
pub struct Ledger {
    queue: SyncSender<Item>,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What both sides of the queue see.
pub(super) struct Shared {
    spool: Spool,
    counts: Counts,
    /// What the rows come to.
    tally: Mutex<Tally>,
    /// The requests that went into the spool past the queue.
    overflow: Mutex<Vec<u64>>,
    /// Who wants to be told of what from now on. Not in the queue: it may be full.
    wishes: Mutex<Wishes>,
    /// Why the journal cannot be written, while it cannot.
    trouble: Mutex<Option<Trouble>>,
}

/// What the thread has not heard of yet.
#[derive(Default)]
pub(super) struct Wishes {
    told: Option<Told>,
    learn: Option<Learn>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    queued: AtomicU64,
    written: AtomicU64,
    commits: AtomicU64,
    spooled: AtomicU64,
    overflowed: AtomicU64,
    replayed: AtomicU64,
    lost: AtomicU64,
}

/// Why the journal cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The stable name.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// How the books are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Things that wait to be written now.
    pub queued: u64,
    /// Rows that went into the journal.
    pub written: u64,
    /// The transactions they went in.
    pub commits: u64,
    /// Rows that went into the spool.
    pub spooled: u64,
    /// Those of them for which the queue had no room.
    pub overflowed: u64,
    /// Rows that came back from the spool, also those of other processes.
    pub replayed: u64,
    /// Rows that could be written nowhere.
    pub lost: u64,
    /// Why the journal cannot be written, while it cannot.
    pub trouble: Option<Trouble>,
}

/// What is asked of the journal; told `None` where nothing was ever recorded.
type Question = Box<dyn FnOnce(Result<Option<&mut Journal>, JournalError>) + Send>;

/// What is kept of a decision.
pub struct Noted {
    /// The line of the log.
    pub line: Option<String>,
    /// What is needed to learn from an opinion of it.
    pub decided: Option<Decided>,
}

/// Puts it into words: on the thread, because no answer is to wait for that.
type Note = Box<dyn FnOnce() -> Noted + Send>;

/// What waits in the queue.
pub(super) enum Item {
    /// The attempts of a request, and its number where somebody waits to hear that it is written down.
    Rows(Vec<Attempt>, Option<u64>),
    Note(Note),
    /// A line of the log of errors.
    Failure(String),
    Ask(Question),
    /// There is something to see.
    Wake,
    Close,
}

/// Why the books did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The journal said why.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The system gives no thread.
    #[error("the journal's thread does not start")]
    Thread(#[from] std::io::Error),
    /// The queue is full, or the books are closed.
    #[error("the journal has too much to do")]
    Busy,
}

impl Explain for LedgerError {
    fn kind(&self) -> Kind {
        match self {
            Self::Journal(error) => error.kind(),
            Self::Thread(_) | Self::Busy => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Journal(error) => error.hints(),
            Self::Thread(_) => Vec::new(),
            Self::Busy => vec!["ask again".into()],
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Journal(error) => error.code(),
            Self::Thread(_) => None,
            Self::Busy => Some("journal-busy"),
        }
    }
}

impl Ledger {
    /// Opens the books: starts the thread. The journal itself is opened when it is first needed.
    pub fn open(recorder: Recorder, logs: Logs, world: World) -> Result<Self, LedgerError> {
        let (queue, items) = sync_channel(ROOM);
        let shared = Arc::new(Shared {
            spool: recorder.spool(),
            counts: Counts::default(),
            tally: Mutex::default(),
            overflow: Mutex::default(),
            wishes: Mutex::default(),
            trouble: Mutex::default(),
        });
        let writer = Writer::new(recorder, logs, world, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("ledger".into()).spawn(move || writer.run(&items))?;
        Ok(Self { queue, shared, writer: Mutex::new(Some(thread)) })
    }

    /// Writes the attempts of a request down. Returns at once, unless the queue is full: then they are in the spool
    /// when it returns. Who counts the request under a `number` is told that number with the sums it is in.
    pub fn record(&self, rows: Vec<Attempt>, number: Option<u64>) {
        if rows.is_empty() {
            return;
        }
        if let Err(Item::Rows(rows, number)) = self.put(Item::Rows(rows, number)) {
            Counts::add(&self.shared.counts.overflowed, rows.len());
            self.shared.tally(&rows);
            // First into the spool: a number that is known to have been there is in the journal once the spool is empty.
            if self.shared.spool(&rows) {
                self.shared.overflow.lock().unwrap_or_else(PoisonError::into_inner).extend(number);
            }
        }
    }

    /// Notes a decision. One that finds no room is forgotten: it is not worth a wait.
    pub fn note(&self, note: impl FnOnce() -> Noted + Send + 'static) {
        drop(self.put(Item::Note(Box::new(note))));
    }

    /// Adds a request that nobody answered to the log of errors.
    pub fn log_failure(&self, line: &FailureLine<'_>) {
        if let Ok(text) = log::text(line) {
            drop(self.put(Item::Failure(text)));
        }
    }

    /// Asks the journal, after everything that was recorded before; `None` where there is none, because nothing was
    /// ever recorded.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<Option<T>, LedgerError> {
        Ok(self.asked(question)?.await.ok().ok_or(LedgerError::Busy)??)
    }

    /// The same for a thread of its own, which may wait.
    pub(in crate::gateway) fn ask_waiting<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<Option<T>, LedgerError> {
        Ok(self.asked(question)?.blocking_recv().ok().ok_or(LedgerError::Busy)??)
    }

    fn asked<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<Option<T>, JournalError>>, LedgerError> {
        let (answer, answered) = oneshot::channel();
        let ask = Box::new(move |journal: Result<Option<&mut Journal>, JournalError>| {
            let told = journal.and_then(|journal| journal.map(question).transpose());
            drop(answer.send(told));
        });
        self.put(Item::Ask(ask)).ok().ok_or(LedgerError::Busy)?;
        Ok(answered)
    }

    /// Keeps `told` informed of the sums, from now on, and nobody else.
    pub(in crate::gateway) fn watch(&self, told: Told) {
        self.shared.wishes.lock().unwrap_or_else(PoisonError::into_inner).told = Some(told);
        self.wake();
    }

    /// Keeps `learn` informed of what is learned, from now on, and nobody else.
    pub(in crate::gateway) fn teach(&self, learn: Learn) {
        self.shared.wishes.lock().unwrap_or_else(PoisonError::into_inner).learn = Some(learn);
        self.wake();
    }

    /// Where the queue is full the thread looks without being told to.
    fn wake(&self) {
        drop(self.put(Item::Wake));
    }

    /// What the rows since the start come to, those that still wait to be written left out.
    pub(in crate::gateway) fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The directory of the journal.
    pub fn dir(&self) -> &Path {
        self.shared.spool.dir()
    }

    /// How the books are.
    pub fn condition(&self) -> Condition {
        let counts = &self.shared.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Condition {
            queued: read(&counts.queued),
            written: read(&counts.written),
            commits: read(&counts.commits),
            spooled: read(&counts.spooled),
            overflowed: read(&counts.overflowed),
            replayed: read(&counts.replayed),
            lost: read(&counts.lost),
            trouble: self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Writes everything that has come and closes the books. What is recorded after it goes to the spool.
    pub fn close(&self) {
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The thread empties the queue, so there will be room.
        if self.queue.send(Item::Close).is_ok() {
            drop(thread.join());
        }
    }

    fn put(&self, item: Item) -> Result<(), Item> {
        let queued = &self.shared.counts.queued;
        queued.fetch_add(1, Ordering::Relaxed);
        let put = self.queue.try_send(item);
        put.map_err(|error| {
            queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(item) | TrySendError::Disconnected(item) => item,
            }
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Puts rows into the spool; `false` where they are lost.
    fn spool(&self, rows: &[Attempt]) -> bool {
        let kept = self.spool.add(rows).is_ok();
        Counts::add(if kept { &self.counts.spooled } else { &self.counts.lost }, rows.len());
        kept
    }

    fn tally(&self, rows: &[Attempt]) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(rows);
    }

    fn take_overflow(&self) -> Vec<u64> {
        std::mem::take(&mut *self.overflow.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_wishes(&self) -> Wishes {
        std::mem::take(&mut *self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_trouble(&self, why: Option<&JournalError>) {
        let trouble = why.map(|why| Trouble {
            code: why.code().unwrap_or("journal"),
            message: why.to_string(),
            hints: why.hints(),
        });
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

impl Counts {
    fn add(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("condition", &self.condition()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::base::secret::Secret;
    use crate::base::world::{Clock, Env};
    use crate::catalog::Variant;
    use crate::cost::{Budgets, Scope};
    use crate::journal::key::Lookup;
    use crate::journal::{Opinion, Outcome, Place};
    use crate::model::{RequestId, Tier, Usage, Usd};

    fn lookup(digits: &str) -> Lookup {
        Lookup { env: Some(Secret::new(digits.repeat(32))), ..Lookup::default() }
    }

    fn open(dir: &Path, lookup: Lookup) -> Ledger {
        let logs = Logs { decisions: Log::decisions(dir, 1 << 20), errors: Log::errors(dir, 1 << 20) };
        let recorder = Recorder::new(Place::new(dir.join("journal")), lookup, TimeZone::UTC);
        let mut world = World::scratch(dir, dir, Env::default());
        world.clock = Clock::Fixed("2026-01-09T12:00:00Z".parse().unwrap());
        Ledger::open(recorder, logs, world).unwrap()
    }

    fn row(number: u8) -> Attempt {
        let at = "2026-01-09T12:00:00Z".parse().unwrap();
        Attempt {
            request: RequestId::new(at, [number; 10]),
            number: 1,
            at,
            machine: "here".into(),
            session: None,
            project: None,
            worktree: None,
            spec: None,
            agent: None,
            task: None,
            key: Some("first".into()),
            arm: None,
            decided_by: "classifier".into(),
            decision: None,
            model_asked: None,
            model: "glm-4.7".into(),
            model_id: "glm-4.7".into(),
            provider: "zai".into(),
            deployment: None,
            tier: Tier::Two,
            kind: None,
            confidence: None,
            usage: Some(Usage::new(1000, 500)),
            estimated: false,
            variant: Variant::Standard,
            cost: Some(Usd::from_nanos(2_000_000)),
            baseline: None,
            book: "list".into(),
            book_version: "1".into(),
            price_key: None,
            first_ms: None,
            total_ms: 10,
            outcome: Outcome::Ok,
            error: None,
            fallback: false,
            retries: 0,
        }
    }

    fn rows(dir: &Path) -> u64 {
        Recorder::new(Place::new(dir.join("journal")), lookup("11"), TimeZone::UTC)
            .journal("2026-01-09T12:00:00Z".parse().unwrap())
            .unwrap()
            .rows()
            .unwrap()
    }

    #[tokio::test]
    async fn what_is_asked_knows_what_was_recorded_before_and_asking_makes_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        assert_eq!(ledger.ask(|journal| journal.rows()).await.unwrap(), None);
        assert!(!dir.path().join("journal").exists());
        ledger.record((1..=3).map(row).collect(), None);
        ledger.record(vec![row(4)], None);
        assert_eq!(ledger.ask(|journal| journal.rows()).await.unwrap(), Some(4));
        let condition = ledger.condition();
        assert_eq!((condition.written, condition.queued, condition.trouble), (4, 0, None));
    }

    /// Sums of a day as they were told, and the requests that are in them.
    type Heard = (Option<Vec<(Scope, Usd)>>, Vec<u64>);

    /// Has the sums of the day told to a test, which takes them or not.
    fn listen(ledger: &Ledger, takes: bool) -> mpsc::Receiver<Heard> {
        let (hear, heard) = mpsc::channel();
        let tell = move |telling: Telling<'_>| {
            assert_eq!(telling.day, "2026-01-09".parse().unwrap());
            let sums = telling.books.map(|books| books.into_iter().map(|one| (one.scope, one.spent)).collect());
            drop(hear.send((sums, telling.written.to_vec())));
            takes
        };
        let budgets =
            Budgets { day: Some(Usd::from_nanos(1)), session: Some(Usd::from_nanos(1)), ..Budgets::default() };
        ledger.watch(Told { budgets, tell: Box::new(tell) });
        heard
    }

    fn sums(usd: i64, written: &[u64]) -> Heard {
        (Some(vec![(Scope::Day, Usd::from_nanos(usd))]), written.to_vec())
    }

    #[test]
    fn the_sums_are_told_with_what_is_in_them_whoever_has_written_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        let heard = listen(&ledger, true);
        assert_eq!(heard.recv().unwrap(), (Some(Vec::new()), vec![]), "there is no journal");
        // One that was under way when nobody counted has no number: it is in the sums at once.
        ledger.record(vec![row(1)], None);
        assert_eq!(heard.recv().unwrap(), sums(2_000_000, &[]));
        ledger.record(vec![row(2)], Some(7));
        ledger.record(vec![row(3)], Some(8));
        ledger.wake();
        let mut told = heard.recv().unwrap();
        while told.0 != sums(6_000_000, &[]).0 {
            let (books, more) = heard.recv().unwrap();
            told = (books, [told.1, more].concat());
        }
        assert_eq!(told.1, [7, 8]);
        let mut other = Recorder::new(Place::new(dir.path().join("journal")), lookup("11"), TimeZone::UTC);
        other.record(&row(4), row(4).at);
        assert_eq!(heard.recv().unwrap(), sums(8_000_000, &[]));
        // Who does not take them is told again.
        let heard = listen(&ledger, false);
        ledger.record(vec![row(5)], Some(9));
        while heard.recv().unwrap() != sums(10_000_000, &[9]) {}
        assert_eq!(heard.recv().unwrap(), sums(10_000_000, &[9]));
    }

    #[test]
    fn who_is_to_be_told_is_not_lost_where_the_queue_is_full_nor_is_what_found_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        let (go, held) = mpsc::channel::<()>();
        ledger.record(vec![row(0)], None);
        let first = listen(&ledger, true);
        while first.recv().unwrap() != sums(2_000_000, &[]) {}
        let question = Box::new(move |_: Result<Option<&mut Journal>, JournalError>| held.recv().unwrap());
        assert!(ledger.put(Item::Ask(question)).is_ok());
        while ledger.put(Item::Failure(String::new())).is_ok() {}
        ledger.record(vec![row(1)], Some(1));
        let second = listen(&ledger, true);
        go.send(()).unwrap();
        let mut told = Vec::new();
        loop {
            let (books, written) = second.recv().unwrap();
            told.extend(written);
            if books == sums(4_000_000, &[]).0 && told == [1] {
                break;
            }
        }
        assert!(first.recv().is_err(), "the one before hears no more");
    }

    #[test]
    fn what_others_teach_is_heard_without_being_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        let (hear, heard) = mpsc::channel();
        ledger.record(vec![row(1)], None);
        ledger.teach(Box::new(move |lessons| hear.send(lessons.len()).unwrap_or_default()));
        assert_eq!(heard.recv().unwrap(), 0);
        let mut other = Recorder::new(Place::new(dir.path().join("journal")), lookup("11"), TimeZone::UTC);
        let at = row(1).at;
        let journal = other.journal(at).unwrap();
        let decided = Decided {
            request: row(1).request,
            at,
            fingerprint: "f".into(),
            tier: Tier::Two,
            evidence: vec!["fix".into()],
            score: None,
        };
        journal.decisions_put(&[decided]).unwrap();
        journal.judge(&row(1).request, Opinion::Plan, at).unwrap();
        assert_eq!(heard.recv().unwrap(), 1);
        journal.feedback_undo(at).unwrap();
        assert_eq!(heard.recv().unwrap(), 0);
    }

    #[test]
    fn what_finds_no_room_goes_to_the_spool_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        ledger.record(vec![row(0)], None);
        // The thread is held up in the middle of a question, and the queue fills.
        let (go, held) = mpsc::channel::<()>();
        let (in_it, arrived) = mpsc::channel();
        let question = Box::new(move |_: Result<Option<&mut Journal>, JournalError>| {
            in_it.send(()).unwrap();
            held.recv().unwrap();
        });
        assert!(ledger.put(Item::Ask(question)).is_ok());
        arrived.recv().unwrap();
        for _ in 0..ROOM {
            assert!(ledger.put(Item::Failure(String::new())).is_ok());
        }
        ledger.record(vec![row(1), row(2)], None);
        ledger.record(vec![row(3)], None);
        let condition = ledger.condition();
        assert_eq!((condition.overflowed, condition.spooled, condition.lost), (3, 3, 0));
        go.send(()).unwrap();
        ledger.close();
        assert_eq!(ledger.condition().queued, 0);
        assert_eq!(rows(dir.path()), 4, "the next run writes what waited");
    }

    #[test]
    fn a_journal_that_does_not_open_stops_nobody_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop({
            let ledger = open(dir.path(), lookup("11"));
            ledger.record(vec![row(1)], None);
            ledger
        });
        let wrong = open(dir.path(), lookup("22"));
        wrong.record(vec![row(2)], None);
        wrong.record(vec![row(3)], None);
        wrong.close();
        let condition = wrong.condition();
        assert_eq!((condition.written, condition.spooled, condition.lost), (0, 2, 0));
        let trouble = condition.trouble.unwrap();
        assert!(trouble.code.starts_with("journal") && !trouble.hints.is_empty(), "{trouble:?}");
        wrong.record(vec![row(4)], None);
        assert_eq!(wrong.condition().spooled, 3, "also after it was closed");
        assert_eq!(rows(dir.path()), 4);
    }

    #[test]
    fn the_logs_get_their_lines_whole() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), lookup("11"));
        let id = RequestId::new("2026-01-09T12:00:00Z".parse().unwrap(), [7; 10]);
        for _ in 0..3 {
            ledger.log_failure(&FailureLine::new(&id, "2026-01-09T12:00:00Z".parse().unwrap(), "cut", Vec::new()));
        }
        ledger.close();
        let text = std::fs::read_to_string(dir.path().join("errors.jsonl")).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains(id.as_str()) && line.ends_with('}')).count(), 3);
    }
}
