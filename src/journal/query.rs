//! Reports, read from the sums and never from the rows.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Row;

use crate::base::sort;
use crate::cost::CostSummary;
use crate::model::{Usage, Usd};

use super::days::{self, Days, Period};
use super::error::JournalError;
use super::hours::Sums;
use super::schema::SUMS;
use super::store::Journal;

/// What a report is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The model that was tried.
    Model,
    /// Its tier.
    Tier,
    /// What the prompt is about.
    Kind,
    /// The agent.
    Agent,
    /// The project.
    Project,
    /// The worktree.
    Worktree,
    /// The SPEC.
    Spec,
    /// The conversation.
    Session,
    /// The gateway's access key.
    Key,
    /// The deployment of the provider.
    Deployment,
}

/// A word that no report is split by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown split `{0}`: expected model, tier, kind, agent, project, worktree, spec, session, key or deployment")]
pub struct UnknownBy(pub String);

impl By {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Model,
        Self::Tier,
        Self::Kind,
        Self::Agent,
        Self::Project,
        Self::Worktree,
        Self::Spec,
        Self::Session,
        Self::Key,
        Self::Deployment,
    ];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Tier => "tier",
            Self::Kind => "kind",
            Self::Agent => "agent",
            Self::Project => "project",
            Self::Worktree => "worktree",
            Self::Spec => "spec",
            Self::Session => "session",
            Self::Key => "key",
            Self::Deployment => "deployment",
        }
    }

    /// Its number in the table of dimensions. Part of the file format: never changes.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Model => 1,
            Self::Tier => 2,
            Self::Kind => 3,
            Self::Agent => 4,
            Self::Project => 5,
            Self::Worktree => 6,
            Self::Spec => 7,
            Self::Session => 8,
            Self::Key => 9,
            Self::Deployment => 10,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for By {
    type Err = UnknownBy;

    fn from_str(text: &str) -> Result<Self, UnknownBy> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| UnknownBy(text.into()))
    }
}

/// Everything that is summed over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    /// Requests of people: first attempts.
    pub requests: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that failed or were cut.
    pub errors: u64,
    /// Attempts that the person stopped.
    pub cancelled: u64,
    /// Answers from the cache.
    pub cached: u64,
    /// Attempts that stood in for another model.
    pub fallbacks: u64,
    /// Times that something was sent again.
    pub retries: u64,
    /// Attempts of unknown price: not in `cost_usd`.
    pub unpriced: u64,
    /// Attempts for which the vendor reported no tokens.
    pub unmetered: u64,
    /// Attempts that cannot be compared with Claude alone.
    pub uncompared: u64,
    /// Tokens.
    pub usage: Usage,
    /// What was paid, as far as it is known.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// The part of it that can be compared with Claude alone.
    #[serde(rename = "compared_cost_usd")]
    pub compared: Usd,
    /// What that part would have cost on Claude alone.
    #[serde(rename = "baseline_cost_usd")]
    pub baseline: Usd,
    /// The first attempt's time.
    pub first_at: Option<Timestamp>,
    /// The last attempt's time.
    pub last_at: Option<Timestamp>,
}

impl Totals {
    /// The sums of both.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            attempts: self.attempts.saturating_add(other.attempts),
            errors: self.errors.saturating_add(other.errors),
            cancelled: self.cancelled.saturating_add(other.cancelled),
            cached: self.cached.saturating_add(other.cached),
            fallbacks: self.fallbacks.saturating_add(other.fallbacks),
            retries: self.retries.saturating_add(other.retries),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            unmetered: self.unmetered.saturating_add(other.unmetered),
            uncompared: self.uncompared.saturating_add(other.uncompared),
            usage: self.usage + other.usage,
            cost: self.cost.saturating_add(other.cost),
            compared: self.compared.saturating_add(other.compared),
            baseline: self.baseline.saturating_add(other.baseline),
            first_at: [self.first_at, other.first_at].into_iter().flatten().min(),
            last_at: self.last_at.max(other.last_at),
        }
    }
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// The first day of the period.
    pub start: Date,
    /// The model, tier, agent, … of the line; `None` where rows have none, or the report is not split.
    pub value: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub totals: Totals,
}

/// What routing saved against Claude alone, over the attempts for which both amounts are known.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Savings {
    /// Paid for the attempts that can be compared.
    pub cost_usd: Usd,
    /// The same tokens on Claude alone.
    pub baseline_usd: Usd,
    /// The difference; negative where routing was dearer.
    pub saved_usd: Usd,
    /// The difference in percent of the baseline; `None` where there is nothing to compare.
    pub saved_percent: Option<f64>,
    /// Attempts behind these numbers.
    pub attempts: u64,
    /// Attempts that are left out because an amount is unknown.
    pub left_out: u64,
}

impl Journal {
    /// The report over `days`, one line per period and value, in the order of time and then of falling cost.
    pub fn report(&self, period: Period, by: Option<By>, days: Days) -> Result<Vec<Line>, JournalError> {
        let mut lines: BTreeMap<(Date, Option<String>), Totals> = BTreeMap::new();
        for (day, value, totals) in self.sums(period, by, days)? {
            let start = period.start(days::day(day));
            let line = lines.entry((start, value)).or_default();
            *line = line.plus(&totals);
        }
        let mut lines: Vec<Line> =
            lines.into_iter().map(|((start, value), totals)| Line { start, value, totals }).collect();
        sort::by(&mut lines, |a, b| a.start.cmp(&b.start).then(b.totals.cost.cmp(&a.totals.cost)));
        Ok(lines)
    }

    /// Everything over `days` in one line.
    pub fn totals(&self, days: Days) -> Result<Totals, JournalError> {
        let lines = self.report(Period::All, None, days)?;
        Ok(lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.totals)))
    }

    /// The seeds' summary of a day.
    pub fn summary(&self, day: Date) -> Result<CostSummary, JournalError> {
        let lines = self.report(Period::Day, Some(By::Tier), Days::only(day))?;
        let tier = |tier: &str| {
            let line = lines.iter().find(|line| line.value.as_deref() == Some(tier));
            line.map_or((Usd::ZERO, 0), |line| (line.totals.cost, line.totals.requests))
        };
        Ok(CostSummary::new(day, tier("1"), tier("2")))
    }

    /// What the day has cost so far, and how many attempts of unknown price there are beside it: what a budget asks.
    /// Shadows have budgets of their own, and are not in it.
    pub fn spent(&self, day: Date) -> Result<(Usd, u64), JournalError> {
        let totals = self.totals(Days::only(day))?;
        let beside = self.shadowed(Days::only(day))?;
        Ok((totals.cost.saturating_sub(beside.cost), totals.unpriced.saturating_sub(beside.unpriced)))
    }

    /// What routing saved over `days`.
    pub fn savings(&self, days: Days) -> Result<Savings, JournalError> {
        let totals = self.totals(days)?;
        let saved = totals.baseline.saturating_sub(totals.compared);
        let percent = |share: i64| f64::from(i32::try_from(share).unwrap_or(i32::MAX)) / 100.0;
        Ok(Savings {
            cost_usd: totals.compared,
            baseline_usd: totals.baseline,
            saved_usd: saved,
            saved_percent: saved.share_of(totals.baseline).map(percent),
            attempts: totals.attempts.saturating_sub(totals.uncompared),
            left_out: totals.uncompared,
        })
    }

    fn sums(
        &self,
        period: Period,
        by: Option<By>,
        days: Days,
    ) -> Result<Vec<(i64, Option<String>, Totals)>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let sums: Vec<String> = SUMS.iter().map(|sum| format!("sum({sum})")).collect();
        let (table, value, filter) = match by {
            None => ("days", "NULL", "0 IS ?3"),
            Some(By::Tier) => ("days", "tier", "0 IS ?3"),
            Some(By::Model) => ("days", "model", "0 IS ?3"),
            Some(_) => ("dims", "value", "dim = ?3"),
        };
        let day = if period == Period::All { "0" } else { "day" };
        // Named after summing: the name of a model is looked up once per line, not once per row.
        let named = match by {
            None => "NULL",
            Some(By::Tier) => "CAST(value AS TEXT)",
            Some(_) => "(SELECT text FROM names WHERE id = value)",
        };
        let statement = format!(
            "SELECT day, {named}, sums.* FROM (
                SELECT {day} AS day, {value} AS value, {}, min(first_at), max(last_at) FROM {table}
                WHERE day BETWEEN ?1 AND ?2 AND {filter} GROUP BY 1, 2) AS sums",
            sums.join(", ")
        );
        let (first, last) = days.numbers();
        let dim = by.map_or(0, |by| if table == "dims" { by.number() } else { 0 });
        let mut query = self.db.prepare_cached(&statement).map_err(&sql)?;
        let rows =
            query.query_map([first, last, dim], |row| Ok((row.get(0)?, row.get(1)?, totals(row, 4)?))).map_err(&sql)?;
        rows.collect::<Result<_, _>>().map_err(&sql)
    }
}

/// The sums of a row that starts at column `from`, followed by the first and the last time.
pub(super) fn totals(row: &Row<'_>, from: usize) -> rusqlite::Result<Totals> {
    let mut sums: Sums = [0; SUMS.len() + 2];
    for (sum, column) in sums.iter_mut().zip(from..) {
        *sum = row.get::<_, Option<i64>>(column)?.unwrap_or(0);
    }
    Ok(of_sums(&sums))
}

/// Sums in the order of [`SUMS`], with their names.
pub(super) fn of_sums(sums: &Sums) -> Totals {
    let mut rest = sums.iter().copied();
    let mut next = || rest.next().unwrap_or(0);
    let mut count = || u64::try_from(next()).unwrap_or(0);
    let mut totals = Totals {
        requests: count(),
        attempts: count(),
        errors: count(),
        cancelled: count(),
        cached: count(),
        fallbacks: count(),
        retries: count(),
        unpriced: count(),
        unmetered: count(),
        uncompared: count(),
        usage: Usage {
            input: count(),
            cache_read: count(),
            cache_write_5m: count(),
            cache_write_1h: count(),
            output: count(),
            reasoning: count(),
            web_searches: count(),
        },
        ..Totals::default()
    };
    totals.cost = Usd::from_nanos(next());
    totals.compared = Usd::from_nanos(next());
    totals.baseline = Usd::from_nanos(next());
    totals.first_at = Timestamp::from_millisecond(next()).ok();
    totals.last_at = Timestamp::from_millisecond(next()).ok();
    totals
}
