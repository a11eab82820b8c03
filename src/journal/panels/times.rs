//! Response times over time: percentiles to the first token and to the end, of whole answers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::days::Days;
use super::super::error::JournalError;
use super::super::histogram::Percentiles;
use super::super::hours::{Fold, Times, numbers};
use super::super::store::Journal;
use super::{Grain, Names, Window};

/// Percentiles to the first token and to the end; `None` where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Measured {
    /// To the first token.
    pub first_ms: Option<Percentiles>,
    /// To the end.
    pub total_ms: Option<Percentiles>,
}

/// The response times of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimesLine {
    /// The model; `None` for all of them together, which come first.
    pub model: Option<String>,
    /// Over the whole window.
    pub whole: Measured,
    /// In each slot.
    pub slots: Vec<Measured>,
}

/// The times of a line, slot by slot.
type Slots = Vec<Times>;

impl Measured {
    fn of(times: &Times) -> Self {
        Self { first_ms: times.first.percentiles(), total_ms: times.total.percentiles() }
    }
}

impl Journal {
    /// Response times over time: when the slots begin, all models together, then each model.
    pub fn times(&self, window: Window) -> Result<(Vec<Timestamp>, Vec<TimesLine>), JournalError> {
        let models = self.slots_of_times(window)?;
        let mut all = (Times::default(), vec![Times::default(); window.len()]);
        let mut lines = Vec::with_capacity(models.len() + 1);
        for (model, slots) in models {
            let mut whole = Times::default();
            for (all, times) in all.1.iter_mut().zip(&slots) {
                all.merge(times);
                whole.merge(times);
            }
            all.0.merge(&whole);
            lines.push(line(Some(model), &whole, &slots));
        }
        lines.insert(0, line(None, &all.0, &all.1));
        Ok((window.starts(&self.zone), lines))
    }

    /// The mean response time of whole answers over these days, in milliseconds; right to 1.6 %.
    pub fn mean_ms(&self, days: Days) -> Result<Option<u64>, JournalError> {
        let mut all = Times::default();
        for times in self.times_of_days(days)?.values() {
            all.merge(times);
        }
        Ok(all.total.mean())
    }

    /// The response times of the models over these days.
    pub(in crate::journal) fn times_of_days(&self, days: Days) -> Result<BTreeMap<String, Times>, JournalError> {
        self.each_day(days.numbers(), |_, times: &mut Times, merge| merge(times))
    }

    fn slots_of_times(&self, window: Window) -> Result<BTreeMap<String, Slots>, JournalError> {
        let range = (window.first, window.last);
        let into = |number: i64, slots: &mut Slots, merge: Merge<'_>| {
            slots.resize_with(window.len(), Times::default);
            window.slot(number).and_then(|slot| slots.get_mut(slot)).map_or(Ok(()), merge)
        };
        match window.grain() {
            Grain::Hour => self.each_hour(range, into),
            Grain::Day => self.each_day(range, into),
        }
    }

    fn each_hour<T: Default>(
        &self,
        range: (i64, i64),
        into: impl FnMut(i64, &mut T, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<BTreeMap<String, T>, JournalError> {
        let waiting =
            |fold: Fold| fold.hours.into_iter().map(|([hour, model, ..], (_, times))| ([hour, model], times)).collect();
        self.each("SELECT hour, model, first, total FROM hours WHERE hour BETWEEN ?1 AND ?2", range, waiting, into)
    }

    fn each_day<T: Default>(
        &self,
        range: (i64, i64),
        into: impl FnMut(i64, &mut T, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<BTreeMap<String, T>, JournalError> {
        let waiting = |fold: Fold| fold.times.into_iter().collect();
        self.each("SELECT day, model, first, total FROM times WHERE day BETWEEN ?1 AND ?2", range, waiting, into)
    }

    /// What becomes of each model by everything that was measured from the first to the last hour or day, packed and
    /// waiting.
    fn each<T: Default>(
        &self,
        packed: &str,
        (first, last): (i64, i64),
        waiting: impl FnOnce(Fold) -> Vec<([i64; 2], Times)>,
        mut into: impl FnMut(i64, &mut T, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<BTreeMap<String, T>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let db = self.snapshot()?;
        let mut models: BTreeMap<i64, T> = BTreeMap::new();
        let mut query = db.prepare_cached(packed).map_err(&sql)?;
        let mut rows = query.query([first, last]).map_err(&sql)?;
        while let Some(row) = rows.next().map_err(&sql)? {
            let [number, model] = numbers(row, 0).map_err(&sql)?;
            into(number, models.entry(model).or_default(), &mut |times| times.merge_row(row, 2)).map_err(&sql)?;
        }
        for ([number, model], times) in waiting(Fold::waiting(&db).map_err(&sql)?) {
            if (first..=last).contains(&number) {
                let merge: Merge<'_> = &mut |sum| {
                    sum.merge(&times);
                    Ok(())
                };
                into(number, models.entry(model).or_default(), merge).map_err(&sql)?;
            }
        }
        let mut names = Names::of(&db);
        let told = models.into_iter().map(|(model, one)| Ok((names.name(model)?, one)));
        told.collect::<rusqlite::Result<_>>().map_err(&sql)
    }
}

fn line(model: Option<String>, whole: &Times, slots: &Slots) -> TimesLine {
    TimesLine { model, whole: Measured::of(whole), slots: slots.iter().map(Measured::of).collect() }
}

/// Adds what was measured to a sum.
type Merge<'a> = &'a mut dyn FnMut(&mut Times) -> rusqlite::Result<()>;
