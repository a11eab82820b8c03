//! Writing rows: the row and all its sums in one transaction, so that no reader and no crash sees one without the
//! other. A row that is there already is left alone, which makes replaying harmless.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Transaction, TransactionBehavior, params_from_iter};

use crate::model::{TaskKind, Usage, Usd};

use super::attempt::{Attempt, Outcome};
use super::days;
use super::error::JournalError;
use super::hours::{self, Sums};
use super::query::By;
use super::schema::{SUMS, TOKENS};
use super::shadow::SHADOWS;
use super::store::Journal;

/// More than any real row holds, and few enough that sums never leave 64 bits.
const MOST: u64 = 1_000_000_000_000_000;
/// How many names are kept in memory; conversations end and their names are needed no more.
const MOST_NAMES: usize = 10_000;

static UPSERT_DAY: LazyLock<String> = LazyLock::new(|| upsert("days", ["day", "tier", "model"]));
static UPSERT_DIM: LazyLock<String> = LazyLock::new(|| upsert("dims", ["day", "dim", "value"]));

fn upsert(table: &str, keys: [&str; 3]) -> String {
    let columns = keys.join(", ");
    let sums = SUMS.join(", ");
    let marks = vec!["?"; keys.len() + SUMS.len() + 2].join(", ");
    let adds: Vec<String> = SUMS.iter().map(|sum| format!("{sum} = {sum} + excluded.{sum}")).collect();
    format!(
        "INSERT INTO {table} ({columns}, {sums}, first_at, last_at) VALUES ({marks})
         ON CONFLICT ({columns}) DO UPDATE SET {},
         first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
        adds.join(", ")
    )
}

impl Journal {
    /// Writes one row with its sums; `false` where the row was there already.
    pub fn append(&mut self, attempt: &Attempt) -> Result<bool, JournalError> {
        Ok(self.append_all(std::slice::from_ref(attempt))? == 1)
    }

    /// Writes rows in one transaction: all or none. Says how many were new.
    ///
    /// What the rows add to the same sum is added up first, so that a row among hundreds costs little more than its own
    /// insertion. The sums by hour take a few hundred rows at a time (`hours`).
    pub fn append_all(&mut self, attempts: &[Attempt]) -> Result<usize, JournalError> {
        let sql = JournalError::sql(&self.path);
        let zone = self.zone.clone();
        let writing = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sql)?;
        let mut batch = Batch::new(&self.names);
        for attempt in attempts {
            let day = days::number(zone.to_datetime(attempt.at).date());
            batch.add(&writing, attempt, day).map_err(&sql)?;
        }
        batch.write_sums(&writing).map_err(&sql)?;
        let (rows, last, new) = (batch.rows, batch.last, batch.names.new);
        let summed = hours::keep_up(&writing, last, self.summed).map_err(&sql)?;
        writing.commit().map_err(&sql)?;
        self.summed = summed;
        if self.names.len() > MOST_NAMES {
            self.names.clear();
        }
        self.names.extend(new);
        Ok(rows)
    }
}

/// Rows that are written together, and what they add to the sums.
struct Batch<'a> {
    names: Names<'a>,
    rows: usize,
    /// The last row that was inserted.
    last: i64,
    /// By day, tier and model.
    days: BTreeMap<[i64; 3], Sums>,
    /// By day, dimension and value.
    dims: BTreeMap<[i64; 3], Sums>,
}

impl<'a> Batch<'a> {
    fn new(known: &'a HashMap<String, i64>) -> Self {
        let names = Names { known, new: HashMap::new() };
        Self { names, rows: 0, last: 0, days: BTreeMap::new(), dims: BTreeMap::new() }
    }

    /// Inserts the row, and counts it unless it was there already.
    fn add(&mut self, db: &Transaction<'_>, attempt: &Attempt, day: i64) -> rusqlite::Result<()> {
        let model = self.names.number(db, &attempt.model)?;
        if !insert(db, &mut self.names, attempt, day, model)? {
            return Ok(());
        }
        self.rows += 1;
        self.last = db.last_insert_rowid();
        let sums = sums(attempt);
        count_into(&mut self.days, [day, i64::from(attempt.tier.number()), model], &sums);
        for (dim, text) in dimensions(attempt) {
            let value = text.map_or(Ok(0), |text| self.names.number(db, text))?;
            count_into(&mut self.dims, [day, dim.number(), value], &sums);
        }
        if let Some((experiment, _)) = attempt.shadowed() {
            let value = self.names.number(db, experiment)?;
            count_into(&mut self.dims, [day, SHADOWS, value], &sums);
        }
        Ok(())
    }

    fn write_sums(&self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        for (table, upsert) in [(&self.days, &UPSERT_DAY), (&self.dims, &UPSERT_DIM)] {
            let mut upsert = db.prepare_cached(upsert)?;
            for (keys, sums) in table {
                upsert.execute(params_from_iter(keys.iter().chain(sums)))?;
            }
        }
        Ok(())
    }
}

fn count_into(table: &mut BTreeMap<[i64; 3], Sums>, keys: [i64; 3], sums: &Sums) {
    match table.get_mut(&keys) {
        Some(known) => hours::add(known, sums),
        None => drop(table.insert(keys, *sums)),
    }
}

/// The numbers of names. What is new counts for others when it is committed.
struct Names<'a> {
    known: &'a HashMap<String, i64>,
    new: HashMap<String, i64>,
}

impl Names<'_> {
    /// The number of a name; a new name gets the next.
    fn number(&mut self, db: &Transaction<'_>, text: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.known.get(text).or_else(|| self.new.get(text)) {
            return Ok(*number);
        }
        let found = db.prepare_cached("SELECT id FROM names WHERE text = ?")?.query_row([text], |row| row.get(0));
        let number = match found {
            Err(rusqlite::Error::QueryReturnedNoRows) => db
                .prepare_cached("INSERT INTO names (text) VALUES (?) RETURNING id")?
                .query_row([text], |row| row.get(0))?,
            other => other?,
        };
        self.new.insert(text.to_owned(), number);
        Ok(number)
    }
}

/// What reports can be made by, beside tier and model. A row without a value counts under none, so that every
/// dimension sums to the whole.
fn dimensions(attempt: &Attempt) -> [(By, Option<&str>); 8] {
    [
        (By::Kind, attempt.kind.map(TaskKind::as_str)),
        (By::Agent, attempt.agent.as_deref()),
        (By::Project, attempt.project.as_deref()),
        (By::Worktree, attempt.worktree.as_deref()),
        (By::Spec, attempt.spec.as_deref()),
        (By::Session, attempt.session.as_deref()),
        (By::Key, attempt.key.as_deref()),
        (By::Deployment, attempt.deployment.as_deref()),
    ]
}

fn sums(attempt: &Attempt) -> Sums {
    let [input, read, five_minutes, one_hour, output, reasoning, searches] = tokens(attempt.usage.unwrap_or_default());
    let at = attempt.at.as_millisecond();
    let compared = attempt.cost.zip(attempt.baseline);
    // A copy is nobody's request and no attempt to answer one.
    let asked = attempt.outcome != Outcome::Shadow;
    [
        i64::from(attempt.number == 1 && asked),
        i64::from(asked),
        i64::from(attempt.outcome.is_error()),
        i64::from(attempt.outcome == Outcome::Cancelled),
        i64::from(attempt.outcome == Outcome::Cached),
        i64::from(attempt.fallback),
        i64::from(attempt.retries),
        i64::from(attempt.cost.is_none()),
        i64::from(attempt.is_unmetered()),
        i64::from(compared.is_none()),
        input,
        read,
        five_minutes,
        one_hour,
        output,
        reasoning,
        searches,
        money(attempt.cost).unwrap_or(0),
        compared.and_then(|(cost, _)| money(Some(cost))).unwrap_or(0),
        compared.and_then(|(_, baseline)| money(Some(baseline))).unwrap_or(0),
        at,
        at,
    ]
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens.min(MOST)).unwrap_or(i64::MAX)
}

fn money(amount: Option<Usd>) -> Option<i64> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    amount.map(|amount| amount.nanos().clamp(0, most))
}

/// The columns of a row before its tokens, in the order in which [`insert`] fills them.
const COLUMNS: [&str; 36] = [
    "request",
    "number",
    "at",
    "day",
    "machine",
    "session",
    "project",
    "worktree",
    "spec",
    "agent",
    "task",
    "access",
    "arm",
    "decided_by",
    "decision",
    "model_asked",
    "model",
    "model_id",
    "provider",
    "deployment",
    "tier",
    "kind",
    "confidence",
    "metered",
    "variant",
    "cost",
    "baseline",
    "book",
    "book_version",
    "price_key",
    "first_ms",
    "total_ms",
    "outcome",
    "error",
    "fallback",
    "retries",
];

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = COLUMNS.iter().chain(SUMS.get(TOKENS).unwrap_or_default()).copied().collect();
    format!(
        "INSERT INTO attempts ({}) VALUES ({}) ON CONFLICT (request, number) DO NOTHING",
        columns.join(", "),
        vec!["?"; columns.len()].join(", ")
    )
});

fn insert(
    db: &Transaction<'_>,
    numbers: &mut Names<'_>,
    attempt: &Attempt,
    day: i64,
    model: i64,
) -> rusqlite::Result<bool> {
    let numbers = RefCell::new(numbers);
    let known = |text: &str| numbers.borrow_mut().number(db, text).map(Value::from);
    let named = |text: &Option<String>| text.as_deref().map_or(Ok(Value::Null), known);
    let metered = match (attempt.usage, attempt.estimated) {
        (None, _) => 0,
        (Some(_), false) => 1,
        (Some(_), true) => 2,
    };
    let row: [Value; COLUMNS.len()] = [
        attempt.request.as_str().to_owned().into(),
        i64::from(attempt.number).into(),
        attempt.at.as_millisecond().into(),
        day.into(),
        known(&attempt.machine)?,
        named(&attempt.session)?,
        named(&attempt.project)?,
        named(&attempt.worktree)?,
        named(&attempt.spec)?,
        named(&attempt.agent)?,
        named(&attempt.task)?,
        named(&attempt.key)?,
        named(&attempt.arm)?,
        known(&attempt.decided_by)?,
        attempt.decision.clone().into(),
        named(&attempt.model_asked)?,
        model.into(),
        known(&attempt.model_id)?,
        known(&attempt.provider)?,
        named(&attempt.deployment)?,
        i64::from(attempt.tier.number()).into(),
        attempt.kind.map_or(Ok(Value::Null), |kind| known(kind.as_str()))?,
        attempt.confidence.filter(|one| one.is_finite()).into(),
        metered.into(),
        attempt.variant.as_str().to_owned().into(),
        money(attempt.cost).into(),
        money(attempt.baseline).into(),
        known(&attempt.book)?,
        known(&attempt.book_version)?,
        named(&attempt.price_key)?,
        attempt.first_ms.map(count).into(),
        count(attempt.total_ms).into(),
        known(attempt.outcome.as_str())?,
        named(&attempt.error)?,
        i64::from(attempt.fallback).into(),
        i64::from(attempt.retries).into(),
    ];
    let tokens = tokens(attempt.usage.unwrap_or_default()).map(Value::from);
    Ok(db.prepare_cached(&INSERT)?.execute(params_from_iter(row.into_iter().chain(tokens)))? == 1)
}

/// The token counts in the order of [`TOKENS`].
fn tokens(usage: Usage) -> [i64; 7] {
    let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches } = usage;
    [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches].map(count)
}
