//! The thread that owns the journal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use crate::base::world::World;
use crate::journal::{Attempt, Decided, JournalError, Recorded, Recorder};

use super::sums::{self, Own, Told};
use super::{Counts, Item, Logs, Question, Shared};

/// The shortest time between two transactions: what comes within it shares one.
const SPACING: Duration = Duration::from_millis(10);
/// The longest, under load.
const LONGEST_SPACING: Duration = Duration::from_millis(200);
/// A transaction is followed by a pause of so many times what it took, so that the writer takes a small part of one
/// core, however many requests there are.
const PAUSES: u32 = 20;
/// How many things are written together at most.
const BATCH: usize = 1000;
/// After how long a journal that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often the spool and others' spending are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The journal and the logs, as one thread has them.
pub(super) struct Writer {
    recorder: Recorder,
    logs: Logs,
    world: World,
    shared: Arc<Shared>,
    watch: Option<Told>,
    /// What we wrote into the journal.
    own: Own,
    /// What we put into the spool, and what is not in the journal yet.
    spooled: Own,
    /// The journal is not tried before.
    not_before: Option<Instant>,
    /// When the last transaction began, and how long after it the next one may.
    last: Option<(Instant, Duration)>,
    /// When the spool and others' spending were looked at.
    looked: Option<Instant>,
}

/// What is written together.
#[derive(Default)]
struct Batch {
    rows: Vec<Attempt>,
    decided: Vec<Decided>,
    decisions: String,
    failures: String,
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
    Watch(Box<Told>),
    Close,
}

impl Writer {
    pub(super) fn new(recorder: Recorder, logs: Logs, world: World, shared: Arc<Shared>) -> Self {
        Self {
            recorder,
            logs,
            world,
            shared,
            watch: None,
            own: Own::default(),
            spooled: Own::default(),
            not_before: None,
            last: None,
            looked: None,
        }
    }

    /// Writes until the books are closed, or everybody who could write is gone.
    pub(super) fn run(mut self, items: &Receiver<Item>) {
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
            let waits = matches!(first, Item::Rows(_) | Item::Decided(_) | Item::Decision(_) | Item::Failure(_));
            let due = self.last.filter(|_| waits).map(|(last, spacing)| last + spacing);
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            self.gather(items, due, &mut batch);
            if self.write(batch) {
                return;
            }
        }
    }

    /// Takes what has come until the batch is due. Asleep, not waiting for the queue: nobody who writes wakes this thread.
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
        if self.watch.is_some() || self.shared.spool.waits() { LOOK } else { Duration::from_secs(60) }
    }

    fn take(&self, item: Item, batch: &mut Batch) {
        self.shared.counts.queued.fetch_sub(1, Ordering::Relaxed);
        match item {
            Item::Rows(mut rows) => batch.rows.append(&mut rows),
            Item::Decided(decided) => batch.decided.push(*decided),
            Item::Decision(line) => batch.decisions.push_str(&line),
            Item::Failure(line) => batch.failures.push_str(&line),
            Item::Ask(question) => batch.then = Some(Then::Ask(question)),
            Item::Watch(told) => batch.then = Some(Then::Watch(told)),
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
            self.rows(&batch.rows, &batch.decided);
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
            Some(Then::Watch(told)) => self.begin_watch(*told),
            Some(Then::Close) => return true,
            None => {}
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.look_around();
        }
        false
    }

    /// Every now and then: rows that wait in the spool have their turn, and what others have spent is looked up.
    fn look_around(&mut self) {
        self.looked = Some(Instant::now());
        if self.shared.spool.waits() && self.may_try() {
            self.recorder.close();
            drop(self.open());
        }
        if self.watch.is_some() {
            self.look();
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
            if let Ok((rows, _)) = self.recorder.replayed() {
                Counts::add(&self.shared.counts.replayed, rows);
                self.own.absorb(std::mem::take(&mut self.spooled));
                self.own.absorb(self.shared.take_overflow());
            }
        }
        Ok(())
    }

    fn failed(&mut self, why: &JournalError) {
        self.shared.set_trouble(Some(why));
        self.not_before = Some(Instant::now() + RETRY);
        self.recorder.close();
    }

    fn rows(&mut self, rows: &[Attempt], decided: &[Decided]) {
        let opened = self.may_try() && self.open().is_ok();
        let recorded = if opened && !rows.is_empty() {
            self.recorder.record_all(rows, self.world.now())
        } else {
            Recorded::Written
        };
        let written = opened && matches!(recorded, Recorded::Written);
        let counts = &self.shared.counts;
        match recorded {
            Recorded::Written if written => {
                Counts::add(&counts.written, rows.len());
                Counts::add(&counts.commits, 1);
            }
            Recorded::Written => self.shared.spool(rows),
            Recorded::Spooled { why, .. } => {
                Counts::add(&counts.spooled, rows.len());
                self.failed(&why);
            }
            Recorded::Lost { why, .. } => {
                Counts::add(&counts.lost, rows.len());
                self.failed(&why);
            }
        }
        let own = if written { &mut self.own } else { &mut self.spooled };
        let zone = self.recorder.zone();
        for row in rows {
            own.add(zone.to_datetime(row.at).date(), row);
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

    /// From now on counts what we write ourselves: the sums that are told are those of others.
    fn begin_watch(&mut self, told: Told) {
        (self.own, self.spooled) = (Own::default(), Own::default());
        self.shared.take_overflow();
        self.watch = Some(told).filter(|told| !told.budgets.is_empty());
        self.look();
    }

    fn look(&mut self) {
        let day = self.recorder.zone().to_datetime(self.world.now()).date();
        self.own.forget_before(day);
        if !self.recorder.place().exists() || !self.may_try() || self.open().is_err() {
            return;
        }
        let Some(told) = self.watch.as_ref() else { return };
        let spent = self
            .recorder
            .journal(self.world.now())
            .and_then(|journal| sums::others(journal, day, &told.budgets, &self.own));
        if let Ok(spent) = spent {
            (told.tell)(day, spent);
        }
    }
}
