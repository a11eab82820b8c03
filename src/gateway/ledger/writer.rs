//! The thread that owns the journal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use jiff::civil::Date;

use crate::base::world::World;
use crate::journal::{Attempt, Decided, JournalError, Recorded, Recorder};

use super::sums::{self, Learn, Telling, Told};
use super::{Counts, Item, Logs, Noted, Question, Shared, Wishes};

/// The shortest time between two transactions: what comes within it shares one.
const SPACING: Duration = Duration::from_millis(10);
/// The longest, under load.
const LONGEST_SPACING: Duration = Duration::from_millis(200);
/// A transaction is followed by a pause of so many times what it took: under load the rows of the longest spacing share
/// one. Most of what a transaction costs is the encryption of its pages, which are the same few for one row and for a
/// thousand; and no answer of a busy gateway has to wait for more than five of them a second to leave its core.
const PAUSES: u32 = 100;
/// By how much the thread gives way to others (`nice`): a third of their share of a core that is wanted by all. With
/// less it would fall behind under load.
#[cfg(target_os = "linux")]
const GENTLENESS: i32 = 5;
/// How many things are written together at most.
const BATCH: usize = 1000;
/// After how long a journal that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often the spool, what others have written and what is wished for are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The journal and the logs, as one thread has them.
pub(super) struct Writer {
    recorder: Recorder,
    logs: Logs,
    world: World,
    shared: Arc<Shared>,
    /// Who is told the sums.
    told: Option<Told>,
    learn: Option<Learn>,
    /// The requests that are in the journal, and nobody was told so.
    written: Vec<u64>,
    /// Those that are in the spool, as far as we know.
    spooled: Vec<u64>,
    /// What was told last.
    last_told: Last,
    /// The journal is not tried before.
    not_before: Option<Instant>,
    /// When the last transaction began, and how long after it the next one may.
    last: Option<(Instant, Duration)>,
    /// When was looked around.
    looked: Option<Instant>,
}

/// What was told last of the journal: nothing is told again while that is the same.
#[derive(Default, PartialEq)]
struct Last {
    /// The sums' day; `None`: they have to be told.
    day: Option<Date>,
    /// The journal as others had left it; `None`: it was not open.
    changes: Option<i64>,
    /// The opinions.
    opinions: Option<(i64, i64)>,
}

/// What is written together.
#[derive(Default)]
struct Batch {
    rows: Vec<Attempt>,
    /// The numbers of their requests.
    numbers: Vec<u64>,
    decided: Vec<Decided>,
    decisions: String,
    failures: String,
    /// There is something to see.
    wake: bool,
    /// What ends the batch.
    then: Option<Then>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.then.is_some() || self.rows.len() >= BATCH || self.decided.len() >= BATCH
    }
}

enum Then {
    Ask(Question),
    Close,
}

impl Writer {
    pub(super) fn new(recorder: Recorder, logs: Logs, world: World, shared: Arc<Shared>) -> Self {
        Self {
            recorder,
            logs,
            world,
            shared,
            told: None,
            learn: None,
            written: Vec::new(),
            spooled: Vec::new(),
            last_told: Last::default(),
            not_before: None,
            last: None,
            looked: None,
        }
    }

    /// Writes until the books are closed, or everybody who could write is gone.
    pub(super) fn run(mut self, items: &Receiver<Item>) {
        give_way();
        loop {
            let first = match items.recv_timeout(self.patience()) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let Some(first) = first else {
                self.look_around();
                continue;
            };
            let waits = matches!(first, Item::Rows(..) | Item::Note(_) | Item::Failure(_));
            let due = self.last.filter(|_| waits).map(|(last, spacing)| last + spacing);
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            self.gather(items, due, &mut batch);
            if self.write(batch) {
                return;
            }
        }
    }

    /// Takes what has come until the batch is due. Asleep, not waiting for the queue: nobody who writes wakes this
    /// thread.
    fn gather(&self, items: &Receiver<Item>, due: Option<Instant>, batch: &mut Batch) {
        loop {
            while !batch.is_full() {
                match items.try_recv() {
                    Ok(item) => self.take(item, batch),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            let left = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            if left.is_zero() || batch.is_full() {
                return;
            }
            std::thread::sleep(left.min(SPACING));
        }
    }

    fn patience(&self) -> Duration {
        let listens = self.told.is_some() || self.learn.is_some();
        if listens || self.shared.spool.waits() { LOOK } else { Duration::from_secs(60) }
    }

    fn take(&self, item: Item, batch: &mut Batch) {
        self.shared.counts.queued.fetch_sub(1, Ordering::Relaxed);
        match item {
            Item::Rows(mut rows, number) => {
                self.shared.tally(&rows);
                // Money that nobody has counted under a number is known from the sums alone.
                batch.wake |= number.is_none() && self.told.is_some() && rows.iter().any(Attempt::is_paid);
                batch.numbers.extend(number);
                batch.rows.append(&mut rows);
            }
            Item::Note(note) => {
                // Whatever is wrong with one, the books go on.
                let Ok(Noted { line, decided }) = catch_unwind(AssertUnwindSafe(note)) else { return };
                batch.decisions.push_str(&line.unwrap_or_default());
                batch.decided.extend(decided);
            }
            Item::Failure(line) => batch.failures.push_str(&line),
            Item::Ask(question) => batch.then = Some(Then::Ask(question)),
            Item::Wake => batch.wake = true,
            Item::Close => {
                // It came without being counted.
                self.shared.counts.queued.fetch_add(1, Ordering::Relaxed);
                batch.then = Some(Then::Close);
            }
        }
    }

    /// Writes a batch; `true` where it was the last.
    fn write(&mut self, batch: Batch) -> bool {
        if !batch.rows.is_empty() || !batch.decided.is_empty() {
            let begun = Instant::now();
            self.rows(&batch.rows, batch.numbers, &batch.decided);
            let spacing = (begun.elapsed() * PAUSES).clamp(SPACING, LONGEST_SPACING);
            self.last = Some((begun, spacing));
        }
        // A log that cannot be written is no reason to lose anything else.
        for (log, lines) in [(&self.logs.decisions, &batch.decisions), (&self.logs.errors, &batch.failures)] {
            if !lines.is_empty() {
                drop(log.add_lines(lines));
            }
        }
        match batch.then {
            Some(Then::Ask(question)) => self.ask(question),
            Some(Then::Close) => return true,
            None => {}
        }
        if batch.wake || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.look_around();
        }
        false
    }

    /// Every now and then: rows that wait in the spool have their turn, and whoever wants to know it is told what has
    /// changed.
    fn look_around(&mut self) {
        self.looked = Some(Instant::now());
        let Wishes { told, learn } = self.shared.take_wishes();
        if let Some(told) = told {
            self.told = Some(told).filter(|told| !told.budgets.is_empty());
            self.last_told.day = None;
        }
        if learn.is_some() {
            self.learn = learn;
            self.last_told.opinions = None;
        }
        if self.shared.spool.waits() && self.may_try() {
            self.recorder.close();
            drop(self.open());
        }
        self.count_spooled();
        if self.told.is_some() || self.learn.is_some() {
            self.tell();
        }
    }

    /// What was in the spool is in the journal once the spool is empty, whoever has put it there.
    fn count_spooled(&mut self) {
        let mut spooled = std::mem::take(&mut self.spooled);
        spooled.append(&mut self.shared.take_overflow());
        if self.told.is_none() {
            self.written.clear();
        } else if spooled.is_empty() || self.shared.spool.waits() {
            self.spooled = spooled;
        } else {
            self.written.append(&mut spooled);
            self.last_told.day = None;
        }
    }

    fn may_try(&self) -> bool {
        self.not_before.is_none_or(|time| Instant::now() >= time)
    }

    /// Opens the journal where it is not open, and counts what came out of the spool.
    fn open(&mut self) -> Result<(), JournalError> {
        let now = self.world.now();
        let was_open = self.recorder.is_open();
        if let Err(why) = self.recorder.journal(now) {
            self.failed(&why);
            return Err(why);
        }
        if !was_open {
            self.not_before = None;
            self.shared.set_trouble(None);
            // Others may have written while it was closed.
            self.last_told = Last::default();
            if let Ok((rows, _)) = self.recorder.replayed() {
                Counts::add(&self.shared.counts.replayed, rows);
            }
        }
        Ok(())
    }

    fn failed(&mut self, why: &JournalError) {
        self.shared.set_trouble(Some(why));
        self.not_before = Some(Instant::now() + RETRY);
        self.recorder.close();
    }

    fn rows(&mut self, rows: &[Attempt], numbers: Vec<u64>, decided: &[Decided]) {
        let opened = self.may_try() && self.open().is_ok();
        let recorded = if opened && !rows.is_empty() {
            self.recorder.record_all(rows, self.world.now())
        } else {
            Recorded::Written
        };
        let written = opened && matches!(recorded, Recorded::Written);
        let counts = &self.shared.counts;
        // The numbers of what is lost are never told: it counts as long as its day lasts.
        match recorded {
            Recorded::Written if written => {
                Counts::add(&counts.written, rows.len());
                Counts::add(&counts.commits, 1);
                self.written.extend(numbers);
                self.last_told.day = None;
            }
            Recorded::Written => {
                if self.shared.spool(rows) {
                    self.spooled.extend(numbers);
                }
            }
            Recorded::Spooled { why, .. } => {
                Counts::add(&counts.spooled, rows.len());
                self.spooled.extend(numbers);
                self.failed(&why);
            }
            Recorded::Lost { why, .. } => {
                Counts::add(&counts.lost, rows.len());
                self.failed(&why);
            }
        }
        if written && !decided.is_empty() {
            // What cannot be remembered can only not be learned from.
            drop(self.recorder.journal(self.world.now()).and_then(|journal| journal.decisions_put(decided)));
        }
    }

    fn ask(&mut self, question: Question) {
        if !self.recorder.place().exists() {
            return question(Ok(None));
        }
        match self.open() {
            Err(why) => question(Err(why)),
            Ok(()) => question(self.recorder.journal(self.world.now()).map(Some)),
        }
    }

    /// Tells who wants to know the sums and the lessons, where they are not what was told last.
    fn tell(&mut self) {
        let day = self.recorder.zone().to_datetime(self.world.now()).date();
        if !self.recorder.place().exists() {
            // Nothing was ever spent.
            return self.tell_sums(day, Some(Vec::new()));
        }
        if !self.may_try() || self.open().is_err() {
            return self.tell_sums(day, None);
        }
        let Ok(journal) = self.recorder.journal(self.world.now()) else { return };
        let Ok(changes) = journal.foreign_changes() else { return };
        let others = self.last_told.changes != Some(changes);
        if let Some(learn) = self.learn.as_ref().filter(|_| others || self.last_told.opinions.is_none())
            && let Ok(opinions) = journal.feedback_mark()
            && self.last_told.opinions != Some(opinions)
            && let Ok(lessons) = journal.lessons()
        {
            learn(lessons);
            self.last_told.opinions = Some(opinions);
        }
        self.last_told.changes = Some(changes);
        if let Some(told) = self.told.as_ref().filter(|_| others || self.last_told.day != Some(day))
            && let Ok(books) = sums::booked(journal, day, &told.budgets)
        {
            self.tell_sums(day, Some(books));
        }
    }

    fn tell_sums(&mut self, day: Date, books: Option<Vec<crate::cost::Booked>>) {
        let Some(told) = &self.told else { return };
        let known = books.is_some();
        let taken = (told.tell)(Telling { day, books, written: &self.written });
        self.last_told.day = Some(day).filter(|_| taken && known);
        if taken && known {
            self.written.clear();
        }
    }
}

/// Who writes down gives way to who answers, where both want the same core: an answer would wait for a transaction
/// otherwise. Linux takes the calling thread for "the process", and nobody else does.
fn give_way() {
    #[cfg(target_os = "linux")]
    rustix::process::nice(GENTLENESS).ok();
}
