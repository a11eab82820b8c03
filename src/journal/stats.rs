//! Response times: counted in buckets when rows are written, so that a percentile over a year reads a few hundred
//! numbers. A bucket is at most a thirty-second of its value wide; a percentile is right to 1.6 %.

use std::collections::BTreeMap;

use super::days::Days;
use super::days::Period;
use super::document::rate;
use super::error::JournalError;
use super::query::{By, Totals};
use super::store::Journal;

/// What is counted: milliseconds to the first token.
pub(super) const FIRST: i64 = 1;
/// What is counted: milliseconds to the end.
pub(super) const TOTAL: i64 = 2;

/// The milliseconds within which so many percent of the answers came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
}

/// How one model did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelStats {
    /// The model.
    pub model: String,
    /// Its sums.
    #[serde(flatten)]
    pub totals: Totals,
    /// Failed and cut attempts, from 0 to 1.
    pub error_rate: f64,
    /// Attempts that stood in for another model, from 0 to 1.
    pub fallback_rate: f64,
    /// Time to the first token of whole answers, where it was measured.
    pub first_ms: Option<Percentiles>,
    /// Time to the end of whole answers.
    pub total_ms: Option<Percentiles>,
}

impl Journal {
    /// How every model did over `days`, the most used first.
    pub fn stats(&self, days: Days) -> Result<Vec<ModelStats>, JournalError> {
        let mut latencies = self.latencies(days)?;
        let lines = self.report(Period::All, Some(By::Model), days)?;
        let mut stats: Vec<ModelStats> = lines
            .into_iter()
            .filter_map(|line| {
                let model = line.value?;
                let totals = line.totals;
                let mut times = |what| latencies.remove(&(model.clone(), what)).map(|counts| percentiles(&counts));
                Some(ModelStats {
                    first_ms: times(FIRST),
                    total_ms: times(TOTAL),
                    error_rate: rate(totals.errors, totals.attempts),
                    fallback_rate: rate(totals.fallbacks, totals.attempts),
                    model,
                    totals,
                })
            })
            .collect();
        stats.sort_by(|a, b| b.totals.attempts.cmp(&a.totals.attempts).then(a.model.cmp(&b.model)));
        Ok(stats)
    }

    #[expect(clippy::type_complexity, reason = "buckets and their counts, by model and what was measured")]
    fn latencies(&self, days: Days) -> Result<BTreeMap<(String, i64), Vec<(i64, u64)>>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let (first, last) = days.numbers();
        let mut query = self
            .db
            .prepare_cached(
                "SELECT (SELECT text FROM names WHERE id = model), what, bucket, sum(count) FROM latency
                 WHERE day BETWEEN ?1 AND ?2 GROUP BY model, what, bucket ORDER BY bucket",
            )
            .map_err(&sql)?;
        let mut rows = query.query([first, last]).map_err(&sql)?;
        let mut found: BTreeMap<(String, i64), Vec<(i64, u64)>> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let key = (row.get(0).map_err(&sql)?, row.get(1).map_err(&sql)?);
            let count: i64 = row.get(3).map_err(&sql)?;
            found.entry(key).or_default().push((row.get(2).map_err(&sql)?, u64::try_from(count).unwrap_or(0)));
        }
        Ok(found)
    }
}

/// The bucket of a number of milliseconds: exact below 64, then 32 buckets for every doubling.
pub(super) fn bucket(millis: u64) -> i64 {
    if millis < 64 {
        return i64::try_from(millis).unwrap_or(0);
    }
    let power = millis.ilog2();
    let step = (millis >> (power - 5)) & 31;
    64 + i64::from(power - 6) * 32 + i64::try_from(step).unwrap_or(0)
}

/// The middle of a bucket.
fn middle(bucket: i64) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    if bucket < 64 {
        return bucket;
    }
    let (power, step) = ((bucket - 64) / 32 + 6, (bucket - 64) % 32);
    let Some(width) = 1_u64.checked_shl(u32::try_from(power - 5).unwrap_or(63)) else { return u64::MAX };
    (32 + step).saturating_mul(width).saturating_add(width / 2)
}

/// The nearest ranks over buckets in rising order.
fn percentiles(counts: &[(i64, u64)]) -> Percentiles {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let rank = |percent: u64| {
        let wanted = (all.saturating_mul(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let found = counts.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map_or(0, |(bucket, _)| middle(*bucket))
    };
    Percentiles { p50: rank(50), p95: rank(95), p99: rank(99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_rise_and_hold_their_values_to_a_sixtieth() {
        let mut last = -1;
        for millis in (0..5000).chain((5000..4_000_000).step_by(997)) {
            let found = bucket(millis);
            assert!(found >= last, "{millis}");
            last = found;
            let off = middle(found).abs_diff(millis);
            assert!(off * 62 <= millis, "{millis} became {}", middle(found));
        }
        assert!(middle(bucket(u64::MAX)) > u64::MAX / 2);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let counts: Vec<(i64, u64)> = (1..=50).map(|millis| (millis, 2)).collect();
        assert_eq!(percentiles(&counts), Percentiles { p50: 25, p95: 48, p99: 50 });
        assert_eq!(percentiles(&[(7, 1)]), Percentiles { p50: 7, p95: 7, p99: 7 });
    }
}
