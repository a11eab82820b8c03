//! How the models did: their sums, their response times, how often they failed.

use crate::base::sort;

use super::days::Days;
use super::days::Period;
use super::document::rate;
use super::error::JournalError;
use super::histogram::Percentiles;
use super::query::{By, Totals};
use super::store::Journal;

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
        let mut measured = self.times_of_days(days)?;
        let lines = self.report(Period::All, Some(By::Model), days)?;
        let mut stats: Vec<ModelStats> = lines
            .into_iter()
            .filter_map(|line| {
                let model = line.value?;
                let totals = line.totals;
                let times = measured.remove(&model).unwrap_or_default();
                Some(ModelStats {
                    first_ms: times.first.percentiles(),
                    total_ms: times.total.percentiles(),
                    error_rate: rate(totals.errors, totals.attempts),
                    fallback_rate: rate(totals.fallbacks, totals.attempts),
                    model,
                    totals,
                })
            })
            .collect();
        sort::by(&mut stats, |a, b| b.totals.attempts.cmp(&a.totals.attempts).then(a.model.cmp(&b.model)));
        Ok(stats)
    }
}
