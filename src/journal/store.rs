//! Opening a journal: unlock it, look whether it is one, bring it up to date after a backup.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::sort;

use super::error::JournalError;
use super::hours;
use super::key::{self, JournalKey, Source};
use super::schema::{APPLICATION_ID, CURRENT, HOURS, STEPS};

/// How long one process waits for another's write.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long somebody who only looks waits.
const BLINK: Duration = Duration::from_millis(100);
/// How many backups of older versions are kept.
const BACKUPS: usize = 3;

/// The directory of a journal, usually `~/.moai/journal`, and what lies in it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The directory, 0700.
    pub dir: PathBuf,
    /// Further directories for the spool, on other file systems, for the day the first is full or read-only: the first
    /// that can be written takes it, and all are looked into.
    pub refuges: Vec<PathBuf>,
}

impl Place {
    /// A journal in this directory, without a second place for the spool.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), refuges: Vec::new() }
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.dir.join("journal.db")
    }

    /// Whether anything was ever recorded here: a database, or rows that wait in a spool.
    pub fn exists(&self) -> bool {
        self.database().exists() || super::spool::waits(self)
    }

    /// Backups made before migrations.
    pub fn backups(&self) -> PathBuf {
        self.dir.join("backups")
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    pub(super) zone: TimeZone,
    /// The numbers of names that were looked up before.
    pub(super) names: HashMap<String, i64>,
    /// A row up to which the rows are known to be summed by hour.
    pub(super) summed: i64,
}

impl Journal {
    /// Opens the journal, making it when there is none. `zone` is where a day begins and ends; `now` decides what is
    /// too old to keep.
    pub fn open(
        place: &Place,
        key: &JournalKey,
        from: Source,
        zone: TimeZone,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let mut journal = Self::unlock(place, key, from, zone)?;
        let version = journal.version()?;
        if version > CURRENT {
            return Err(JournalError::Newer { path: journal.path, found: version, known: CURRENT });
        }
        if version < CURRENT {
            let _lock = Lock::take(&place.dir.join("migrate.lock"), PATIENCE, || {})?;
            journal.migrate(place, key, now, CURRENT)?;
        }
        journal.check_application()?;
        // On a full or busy disk the next run deletes them; reports have to work today.
        drop(journal.forget_sessions(now));
        Ok(journal)
    }

    /// Opens the journal to look at it; `None` where it is not of this version. Nothing is written, and nothing waits
    /// for longer than a blink.
    pub(super) fn look(
        place: &Place,
        key: &JournalKey,
        from: Source,
        zone: TimeZone,
    ) -> Result<Option<Self>, JournalError> {
        let journal = Self::unlock(place, key, from, zone)?;
        if journal.version()? != CURRENT {
            return Ok(None);
        }
        let set = "PRAGMA query_only = ON;";
        let looking = journal.db.busy_timeout(BLINK).and_then(|()| journal.db.execute_batch(set));
        looking.map_err(JournalError::sql(&journal.path))?;
        Ok(Some(journal))
    }

    /// Opens the file and proves that the key fits.
    fn unlock(place: &Place, key: &JournalKey, from: Source, zone: TimeZone) -> Result<Self, JournalError> {
        disk::create_dirs(&place.dir, Access::Private)?;
        let path = place.database();
        let touch = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        drop(touch.map_err(DiskError::io("write", &path))?);
        let db = connect(&path, key).map_err(JournalError::sql(&path))?;
        let journal = Self { db, path, zone, names: HashMap::new(), summed: 0 };
        match journal.version() {
            Ok(_) => {}
            // The key is checked against the note before, so a key that passed there and fails here means damage.
            Err(JournalError::Damaged { path, source }) => {
                return Err(match (is_plain_sqlite(&path), key::matches_note(&place.dir, key)) {
                    (true, _) => JournalError::Foreign(path),
                    (false, Some(true)) => JournalError::Damaged { path, source },
                    (false, _) => JournalError::WrongKey { path, from },
                });
            }
            Err(error) => return Err(error),
        }
        // Only a key that has opened it: a wrong one would be believed from then on.
        key::note(&place.dir, key, from)?;
        let set = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -2000;";
        journal.db.execute_batch(set).map_err(JournalError::sql(&journal.path))?;
        Ok(journal)
    }

    fn version(&self) -> Result<u32, JournalError> {
        self.db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(JournalError::sql(&self.path))
    }

    fn check_application(&self) -> Result<(), JournalError> {
        let id: i32 =
            self.db.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(JournalError::sql(&self.path))?;
        if id == APPLICATION_ID { Ok(()) } else { Err(JournalError::Foreign(self.path.clone())) }
    }

    /// Takes the steps up to version `to` in one transaction, after a backup. The caller holds the lock; another
    /// process may have been faster.
    pub(super) fn migrate(
        &mut self,
        place: &Place,
        key: &JournalKey,
        now: Timestamp,
        to: u32,
    ) -> Result<(), JournalError> {
        let path = self.path.clone();
        let sql = JournalError::sql(&path);
        let version = self.version()?;
        if version == 0 {
            let tables: u32 =
                self.db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(&sql)?;
            if tables > 0 {
                return Err(JournalError::Foreign(path.clone()));
            }
            self.db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(&sql)?;
        } else if version < to {
            self.check_application()?;
            self.back_up(place, key, version, now)?;
        }
        let steps = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
        let taken: u32 = steps.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&sql)?;
        for step in STEPS.iter().take(to as usize).skip(taken as usize) {
            steps.execute_batch(step).map_err(&sql)?;
        }
        if taken < HOURS && HOURS <= to {
            hours::catch_up(&steps).map_err(&sql)?;
        }
        steps.pragma_update(None, "application_id", APPLICATION_ID).map_err(&sql)?;
        steps.pragma_update(None, "user_version", taken.max(to)).map_err(&sql)?;
        steps.commit().map_err(&sql)
    }

    /// Copies the journal, page by page and encrypted with the same key, into `backups/`.
    fn back_up(&self, place: &Place, key: &JournalKey, version: u32, now: Timestamp) -> Result<(), JournalError> {
        let dir = place.backups();
        disk::create_dirs(&dir, Access::Private)?;
        let stamp = now.strftime("%Y%m%dT%H%M%SZ");
        let path = dir.join(format!("journal-v{version}-{stamp}.db"));
        if path.exists() {
            return Ok(());
        }
        let part = dir.join(format!("journal-v{version}-{stamp}.part"));
        disk::remove(&part)?;
        self.copy_to(&part, key)?;
        std::fs::rename(&part, &path).map_err(DiskError::io("write", &path))?;
        prune_backups(&dir);
        Ok(())
    }

    /// Copies the journal as it is at this moment into a new file, encrypted with the same key. Others may go on
    /// writing meanwhile: it is one step, so what they write is not in it.
    /// Returns the number of rows in the copy.
    pub(super) fn copy_to(&self, path: &Path, key: &JournalKey) -> Result<u64, JournalError> {
        let sql = JournalError::sql(path);
        let touch = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path);
        drop(touch.map_err(DiskError::io("write", path))?);
        let mut copy = connect(path, key).map_err(&sql)?;
        let backup = rusqlite::backup::Backup::new(&self.db, &mut copy).map_err(&sql)?;
        backup.run_to_completion(i32::MAX, Duration::ZERO, None).map_err(&sql)?;
        drop(backup);
        let rows: i64 = copy.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0)).map_err(&sql)?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    /// Reads every page, which verifies every page's checksum, and checks the structure. Slow on large journals.
    pub fn check(&self) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let verdict: String = self.db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(&sql)?;
        if verdict == "ok" { Ok(()) } else { Err(JournalError::Row(verdict)) }
    }

    /// How many rows there are, counted one by one.
    pub fn rows(&self) -> Result<u64, JournalError> {
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM attempts", [], |row| row.get(0))
            .map_err(JournalError::sql(&self.path))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn connect(path: &Path, key: &JournalKey) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    db.execute_batch(&key.pragma("main"))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

fn is_plain_sqlite(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}

/// Keeps the newest few; names sort by version and time. What cannot be removed stays.
fn prune_backups(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .collect();
    sort::by(&mut found, Ord::cmp);
    let surplus = found.len().saturating_sub(BACKUPS);
    for old in found.iter().take(surplus) {
        drop(disk::remove(old));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::journal::panels::{Split, Window};
    use crate::journal::{By, Days, Period};

    const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/journal/v1.db");
    const NOW: &str = "2026-01-09T12:00:00Z";

    fn fixture_key() -> JournalKey {
        JournalKey::parse(&Secret::new("11".repeat(32)), Source::Env).unwrap()
    }

    fn open(place: &Place) -> Result<Journal, JournalError> {
        Journal::open(place, &fixture_key(), Source::Env, TimeZone::UTC, NOW.parse().unwrap())
    }

    /// A row as the first version wrote it, with its sums.
    fn old_row(db: &Connection, number: i64) {
        let request = format!("019ba2c0-0000-7000-8000-{number:012x}");
        let columns =
            "requests, attempts, errors, cancelled, cached, fallbacks, retries, unpriced, unmetered, uncompared,
             input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, searches, cost, compared, baseline,
             first_at, last_at";
        let sums = "1,1,0,0,0,0,0,0,0,0, 1000,0,0,0,500,0,0, 1700000,1700000,17500000, 1767960000000,1767960000000";
        let adds: Vec<String> =
            crate::journal::schema::SUMS.iter().map(|sum| format!("{sum} = {sum} + excluded.{sum}")).collect();
        let adds = adds.join(", ");
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             INSERT OR IGNORE INTO names (id, text) VALUES (1, 'laptop'), (2, 'classifier'), (3, 'glm-4.7'), (4, 'zai'),
                 (5, 'list'), (6, '2026-01-01+0'), (7, 'ok');
             INSERT INTO attempts (request, number, at, day, machine, decided_by, model, model_id, provider, tier, metered,
                 input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, searches, cost, baseline, book,
                 book_version, total_ms, outcome, fallback, retries)
             VALUES ('{request}', 1, 1767960000000, 20462, 1, 2, 3, 3, 4, 2, 1, 1000, 0, 0, 0, 500, 0, 0, 1700000, 17500000,
                 5, 6, 1200, 7, 0, 0);
             INSERT INTO days (day, tier, model, {columns}) VALUES (20462, 2, 3, {sums})
                 ON CONFLICT DO UPDATE SET {adds};
             COMMIT;"
        ))
        .unwrap();
    }

    /// Makes the fixture anew: `cargo test --lib write_the_v1_fixture -- --ignored`. Only for a new first version.
    #[test]
    #[ignore = "it writes the committed fixture"]
    fn write_the_v1_fixture() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path());
        let mut journal = Journal::unlock(&place, &fixture_key(), Source::Env, TimeZone::UTC).unwrap();
        journal.migrate(&place, &fixture_key(), NOW.parse().unwrap(), 1).unwrap();
        (1..=3).for_each(|number| old_row(&journal.db, number));
        journal.db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
        journal.db.execute_batch("VACUUM").unwrap();
        drop(journal);
        std::fs::create_dir_all(Path::new(FIXTURE).parent().unwrap()).unwrap();
        std::fs::copy(place.database(), FIXTURE).unwrap();
    }

    fn fixture() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path());
        std::fs::copy(FIXTURE, place.database()).unwrap();
        (dir, place)
    }

    #[test]
    fn a_journal_of_the_first_version_is_backed_up_and_brought_up_to_date() {
        let (_dir, place) = fixture();
        let journal = open(&place).unwrap();
        assert_eq!(journal.version().unwrap(), CURRENT);
        assert_eq!(journal.totals(Days::default()).unwrap().usage.input, 3000);
        for by in [By::Key, By::Deployment] {
            let lines = journal.report(Period::All, Some(by), Days::default()).unwrap();
            assert_eq!(lines.iter().map(|line| line.totals.usage.input).sum::<u64>(), 3000, "by {by}");
        }
        let window = Window::hours(3, NOW.parse().unwrap());
        assert_eq!(journal.series(window, Split::Model).unwrap().whole.total, journal.totals(Days::default()).unwrap());
        let times = journal.stats(Days::default()).unwrap().first().and_then(|one| one.total_ms);
        assert!(times.is_some_and(|times| times.p50.abs_diff(1200) * 60 < 1200), "{times:?}");
        let backup = place.backups().join("journal-v1-20260109T120000Z.db");
        let old = connect(&backup, &fixture_key()).unwrap();
        let version: u32 = old.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let rows: u32 = old.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0)).unwrap();
        assert_eq!((version, rows), (1, 3));
        assert!(!is_plain_sqlite(&backup), "the backup is encrypted too");
    }

    #[test]
    fn an_old_writer_goes_on_beside_a_new_reader() {
        let (_dir, place) = fixture();
        let old = connect(&place.database(), &fixture_key()).unwrap();
        old_row(&old, 4);
        let new = open(&place).unwrap();
        old_row(&old, 5);
        let lines = new.report(Period::Day, None, Days::default()).unwrap();
        assert_eq!(lines.first().unwrap().totals.attempts, 5);
        let series = new.series(Window::hours(3, NOW.parse().unwrap()), Split::Provider).unwrap();
        assert_eq!(series.whole.total, lines.first().unwrap().totals, "what it wrote is summed by hour, too");
        let variant: String =
            new.db.query_row("SELECT variant FROM attempts ORDER BY id DESC", [], |row| row.get(0)).unwrap();
        assert_eq!(variant, "standard");
    }

    #[test]
    fn a_journal_of_the_future_is_left_alone() {
        let (_dir, place) = fixture();
        let db = connect(&place.database(), &fixture_key()).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        let before = std::fs::read(place.database()).unwrap();
        assert!(matches!(open(&place), Err(JournalError::Newer { found: 99, known: CURRENT, .. })));
        assert_eq!(std::fs::read(place.database()).unwrap(), before);
    }

    #[test]
    fn every_step_gives_the_same_tables_as_all_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let tables = |journal: &Journal| -> Vec<String> {
            let mut query =
                journal.db.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").unwrap();
            query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let fresh = open(&Place::new(dir.path())).unwrap();
        let (_dir, place) = fixture();
        assert_eq!(tables(&open(&place).unwrap()), tables(&fresh));
    }

    #[test]
    fn sums_and_rows_are_the_tables_columns() {
        let dir = tempfile::tempdir().unwrap();
        let journal = open(&Place::new(dir.path())).unwrap();
        for table in ["days", "dims"] {
            let mut query = journal.db.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
            let columns: Vec<String> =
                query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(columns[3..columns.len() - 2], crate::journal::schema::SUMS);
        }
    }
}
