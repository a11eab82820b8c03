//! The sums that panels read: by hour, model, provider and tier, with response times; response times by day and model;
//! what came of the requests of every provider. They are made of the rows, in steps: every row up to one (`summed.row`)
//! is in them, and whoever reads adds the few after it, in the same snapshot. So they cost an append next to nothing,
//! they cannot disagree with the rows, and a row that an older moai wrote beside this one counts like any other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params, params_from_iter};

use super::histogram::Histogram;
use super::schema::SUMS;

/// So many rows wait at most before whoever writes the next one sums them.
const WAITING: i64 = 256;
/// So many rows are summed in memory at once: a migration has all of them to do.
const AT_ONCE: i64 = 50_000;
/// Milliseconds of an hour.
pub(super) const HOUR: i64 = 3_600_000;

/// A row's share of every sum, in the order of [`SUMS`], then its time twice.
pub(super) type Sums = [i64; SUMS.len() + 2];

/// The shares of a row in the order of [`SUMS`], as `append` counts them for the days.
const SHARES: [&str; SUMS.len()] = [
    "number = 1 AND outcome.text <> 'shadow'",
    "outcome.text <> 'shadow'",
    "outcome.text IN ('failed', 'cut')",
    "outcome.text = 'cancelled'",
    "outcome.text = 'cached'",
    "fallback",
    "retries",
    "cost IS NULL",
    "metered = 0 AND cost IS NOT 0 AND outcome.text <> 'cached'",
    "cost IS NULL OR baseline IS NULL",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "searches",
    "coalesce(cost, 0)",
    "iif(baseline IS NULL, 0, coalesce(cost, 0))",
    "iif(cost IS NULL, 0, coalesce(baseline, 0))",
];

static ROWS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT attempts.id, at, day, model, provider, tier, outcome.text, coalesce(error, outcome), first_ms, total_ms,
         {}, at, at FROM attempts JOIN names AS outcome ON outcome.id = attempts.outcome
         WHERE attempts.id > ?1 ORDER BY attempts.id LIMIT ?2",
        SHARES.join(", ")
    )
});

/// The columns of [`ROWS`] before the shares.
const BEFORE_SHARES: usize = 10;

static PUT: LazyLock<String> = LazyLock::new(|| {
    let marks = vec!["?"; 4 + SUMS.len() + 4].join(", ");
    let sums = SUMS.join(", ");
    format!(
        "INSERT OR REPLACE INTO hours (hour, model, provider, tier, {sums}, first_at, last_at, first, total)
         VALUES ({marks})"
    )
});

static KNOWN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, first_at, last_at, first, total FROM hours
         WHERE hour = ? AND model = ? AND provider = ? AND tier = ?",
        SUMS.join(", ")
    )
});

/// Times to the first token and to the end, of whole answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Times {
    pub(super) first: Histogram,
    pub(super) total: Histogram,
}

impl Times {
    pub(super) fn merge(&mut self, other: &Self) {
        self.first.merge(&other.first);
        self.total.merge(&other.total);
    }

    /// Adds the packed columns `from` and the next of a row.
    pub(super) fn merge_row(&mut self, row: &Row<'_>, from: usize) -> rusqlite::Result<()> {
        for (histogram, column) in [(&mut self.first, from), (&mut self.total, from + 1)] {
            histogram.merge_packed(row.get_ref(column)?.as_blob().unwrap_or_default());
        }
        Ok(())
    }
}

/// Rows, summed.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// By hour since 1970, model, provider and tier.
    pub(super) hours: BTreeMap<[i64; 4], (Sums, Times)>,
    /// By local day and model.
    pub(super) times: BTreeMap<[i64; 2], Times>,
    /// By hour, provider and what came of it: 0 is an answer, else the name of the error.
    pub(super) health: BTreeMap<[i64; 3], i64>,
    /// The last row.
    last: i64,
    rows: i64,
}

impl Fold {
    /// The rows that are in no table of sums yet.
    pub(super) fn waiting(db: &Connection) -> rusqlite::Result<Self> {
        Self::after(db, summed(db)?, i64::MAX)
    }

    fn after(db: &Connection, row: i64, most: i64) -> rusqlite::Result<Self> {
        let mut fold = Self { last: row, ..Self::default() };
        let mut query = db.prepare_cached(&ROWS)?;
        let mut rows = query.query([row, most])?;
        while let Some(row) = rows.next()? {
            fold.add(row)?;
        }
        Ok(fold)
    }

    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let [id, at, day, model, provider, tier] = numbers(row, 0)?;
        let outcome = row.get_ref(6)?.as_str().unwrap_or_default();
        (self.last, self.rows) = (id, self.rows + 1);
        let hour = at.div_euclid(HOUR);
        let sums: Sums = numbers(row, BEFORE_SHARES)?;
        let (_, times) = match self.hours.entry([hour, model, provider, tier]) {
            Entry::Vacant(new) => new.insert((sums, Times::default())),
            Entry::Occupied(old) => {
                let old = old.into_mut();
                add(&mut old.0, &sums);
                old
            }
        };
        match outcome {
            "ok" => {
                *self.health.entry([hour, provider, 0]).or_default() += 1;
                let day = self.times.entry([day, model]).or_default();
                let millis =
                    |column| row.get(column).map(|millis: Option<i64>| millis.and_then(|ms| u64::try_from(ms).ok()));
                if let Some(total) = millis(9)? {
                    times.total.count(total);
                    day.total.count(total);
                }
                if let Some(first) = millis(8)? {
                    times.first.count(first);
                    day.first.count(first);
                }
            }
            "failed" | "cut" => *self.health.entry([hour, provider, row.get(7)?]).or_default() += 1,
            // What a person stopped, or nobody was asked for, says nothing of the provider.
            _ => {}
        }
        Ok(())
    }

    /// Adds this to the tables.
    fn write(self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut known = db.prepare_cached(&KNOWN)?;
        let mut put = db.prepare_cached(&PUT)?;
        for (key, (mut sums, mut times)) in self.hours {
            let before = known.query_row(key, |row| {
                times.merge_row(row, SUMS.len() + 2)?;
                numbers(row, 0)
            });
            if let Some(before) = before.optional()? {
                add(&mut sums, &before);
            }
            let numbers = key.iter().chain(&sums).map(|number| Value::from(*number));
            let packed = [times.first, times.total].map(|histogram| Value::from(histogram.packed()));
            put.execute(params_from_iter(numbers.chain(packed)))?;
        }
        let mut known = db.prepare_cached("SELECT first, total FROM times WHERE day = ? AND model = ?")?;
        let mut put = db.prepare_cached("INSERT OR REPLACE INTO times VALUES (?, ?, ?, ?)")?;
        for (key, mut times) in self.times {
            known.query_row(key, |row| times.merge_row(row, 0)).optional()?;
            put.execute(params![key[0], key[1], times.first.packed(), times.total.packed()])?;
        }
        let mut count = db.prepare_cached(
            "INSERT INTO health VALUES (?, ?, ?, ?)
             ON CONFLICT (hour, provider, what) DO UPDATE SET count = count + excluded.count",
        )?;
        for ([hour, provider, what], times) in &self.health {
            count.execute([hour, provider, what, times])?;
        }
        db.prepare_cached("UPDATE summed SET row = ?")?.execute([self.last])?;
        Ok(())
    }
}

/// Adds sums to sums; the two times are the earliest and the latest.
pub(super) fn add(known: &mut Sums, new: &Sums) {
    for (at, (known, new)) in known.iter_mut().zip(new).enumerate() {
        *known = match at.checked_sub(SUMS.len()) {
            None => known.saturating_add(*new),
            Some(0) => (*known).min(*new),
            Some(_) => (*known).max(*new),
        };
    }
}

/// The numbers of a row from a column on.
pub(super) fn numbers<const COUNT: usize>(row: &Row<'_>, from: usize) -> rusqlite::Result<[i64; COUNT]> {
    let mut numbers = [0; COUNT];
    for (number, column) in numbers.iter_mut().zip(from..) {
        *number = row.get(column)?;
    }
    Ok(numbers)
}

/// The last row that is in the tables of sums.
fn summed(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT row FROM summed")?.query_row([], |row| row.get(0))
}

/// Sums the rows that wait, where there are many of them: what a writer does after `last`, its last row. `known` is a
/// row up to which all are summed; another one is returned.
pub(super) fn keep_up(db: &Transaction<'_>, last: i64, known: i64) -> rusqlite::Result<i64> {
    if last - known < WAITING {
        return Ok(known);
    }
    let known = summed(db)?;
    if last - known < WAITING {
        return Ok(known);
    }
    catch_up(db)?;
    Ok(last)
}

/// Sums all rows that wait.
pub(super) fn catch_up(db: &Transaction<'_>) -> rusqlite::Result<()> {
    loop {
        let fold = Fold::after(db, summed(db)?, AT_ONCE)?;
        let rows = fold.rows;
        if rows == 0 {
            return Ok(());
        }
        fold.write(db)?;
        if rows < AT_ONCE {
            return Ok(());
        }
    }
}
