//! What a request uses: opens the journal when it is first needed, and never lets an answer fail because its row
//! could not be written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::base::failure::Explain as _;
use crate::base::secret::Secret;

use super::attempt::Attempt;
use super::error::JournalError;
use super::key::{self, JournalKey, Lookup};
use super::spool;
use super::store::{Journal, Place};

/// Where a row went.
#[derive(Debug)]
pub enum Recorded {
    /// Into the journal.
    Written,
    /// Into the spool; the next run writes it.
    Spooled {
        /// Why not into the journal.
        why: JournalError,
        /// The spool file.
        path: PathBuf,
    },
    /// Nowhere.
    Lost {
        /// Why not into the journal.
        why: JournalError,
        /// Why not into the spool.
        spool: JournalError,
    },
}

impl Recorded {
    /// What to tell the person, with hints; `None` when all is well.
    pub fn warning(&self) -> Option<(String, Vec<String>)> {
        match self {
            Self::Written => None,
            Self::Spooled { why, path } => Some((
                format!("{why}; the cost waits in {} and is written by the next run", path.display()),
                why.hints(),
            )),
            Self::Lost { why, spool } => {
                Some((format!("{why}; and {spool}: the cost of this request is not recorded"), why.hints()))
            }
        }
    }
}

/// The spool of a journal, for whoever cannot wait for the journal itself: many may add to it at once.
#[derive(Clone)]
pub struct Spool {
    place: Place,
    /// The key as it was found last.
    key: Arc<Mutex<Option<JournalKey>>>,
}

impl Spool {
    /// Adds rows, all or none, and returns the file that holds them now. They are safe when this returns, also from a
    /// power cut.
    pub fn add(&self, attempts: &[Attempt]) -> Result<PathBuf, JournalError> {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spool::add(&self.place, key.as_ref(), attempts)
    }

    /// The directory of the journal.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Whether rows wait in it.
    pub fn waits(&self) -> bool {
        spool::waits(&self.place)
    }
}

/// A journal that opens itself.
pub struct Recorder {
    spool: Spool,
    lookup: Lookup,
    zone: TimeZone,
    journal: Option<Journal>,
    replayed: Result<spool::Replayed, JournalError>,
}

impl Recorder {
    /// A recorder for the journal at `place`. Nothing is opened yet.
    pub fn new(place: Place, lookup: Lookup, zone: TimeZone) -> Self {
        let spool = Spool { place, key: Arc::default() };
        Self { spool, lookup, zone, journal: None, replayed: Ok(spool::Replayed::default()) }
    }

    /// Where the journal is.
    pub fn place(&self) -> &Place {
        &self.spool.place
    }

    /// The zone in which days begin and end.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A way into the spool beside the recorder.
    pub fn spool(&self) -> Spool {
        self.spool.clone()
    }

    /// The journal, opened (and the spool replayed) if it was not.
    pub fn journal(&mut self, now: Timestamp) -> Result<&mut Journal, JournalError> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => self.open(now)?,
        };
        Ok(self.journal.insert(journal))
    }

    fn open(&mut self, now: Timestamp) -> Result<Journal, JournalError> {
        let (key, from) = key::find(&self.spool.place.dir, &self.lookup)?;
        let opened = Journal::open(&self.spool.place, &key, from, self.zone.clone(), now);
        // What is sealed with a key that does not open the journal, nobody could read again.
        let seals = !matches!(opened, Err(JournalError::WrongKey { .. }));
        *self.spool.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone()).filter(|_| seals);
        let mut journal = opened?;
        // What cannot be replayed now waits on; the journal itself is fine.
        self.replayed = spool::replay(&self.spool.place, &key, &mut journal);
        Ok(journal)
    }

    /// The journal to look at, on a connection of its own that writes nothing and waits for nobody; `None` where there
    /// is none, or an older moai's, which nobody brings up to date for a look.
    pub fn look(&self) -> Result<Option<Journal>, JournalError> {
        if !self.spool.place.database().exists() {
            return Ok(None);
        }
        let (key, from) = key::find(&self.spool.place.dir, &self.lookup)?;
        Journal::look(&self.spool.place, &key, from, self.zone.clone())
    }

    /// Rows of earlier runs that came out of the spool, and lines of it that could not be read; or why it still waits.
    pub fn replayed(&self) -> Result<(usize, usize), &JournalError> {
        self.replayed.as_ref().map(|replayed| (replayed.rows, replayed.unread))
    }

    /// Writes the row, or spools it. The answer is never at stake.
    pub fn record(&mut self, attempt: &Attempt, now: Timestamp) -> Recorded {
        self.record_all(std::slice::from_ref(attempt), now)
    }

    /// Writes rows in one transaction, or spools them all.
    pub fn record_all(&mut self, attempts: &[Attempt], now: Timestamp) -> Recorded {
        let written = self.journal(now).and_then(|journal| journal.append_all(attempts));
        let Err(why) = written else { return Recorded::Written };
        match self.spool.add(attempts) {
            Ok(path) => Recorded::Spooled { why, path },
            Err(spool) => Recorded::Lost { why, spool },
        }
    }

    /// Copies the journal as it is now into a new file, and returns the key that opens the copy and the number of
    /// its rows.
    pub fn copy_to(&mut self, path: &Path, now: Timestamp) -> Result<(Secret, u64), JournalError> {
        self.journal(now)?;
        let (key, _) = key::find(&self.spool.place.dir, &self.lookup)?;
        let rows = self.journal(now)?.copy_to(path, &key)?;
        Ok((key.to_secret(), rows))
    }

    /// Whether the journal is open.
    pub fn is_open(&self) -> bool {
        self.journal.is_some()
    }

    /// Closes the journal; it is opened anew, and its spool replayed, when it is next needed.
    pub fn close(&mut self) {
        self.journal = None;
    }
}
