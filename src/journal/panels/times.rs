//! Response times over time: percentiles to the first token and to the end, of whole answers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::days::Days;
use super::super::error::JournalError;
use super::super::histogram::Percentiles;
use super::super::hours::{Fold, Times};
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
        let mut all = vec![Times::default(); window.len()];
        for slots in models.values() {
            for (all, times) in all.iter_mut().zip(slots) {
                all.merge(times);
            }
        }
        let line = |model: Option<String>, slots: &Slots| {
            let mut whole = Times::default();
            for times in slots {
                whole.merge(times);
            }
            TimesLine { model, whole: Measured::of(&whole), slots: slots.iter().map(Measured::of).collect() }
        };
        let mut lines = vec![line(None, &all)];
        lines.extend(models.iter().map(|(model, slots)| line(Some(model.clone()), slots)));
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
        let mut models: BTreeMap<String, Times> = BTreeMap::new();
        self.each_day(days.numbers(), |_, model, merge| merge(models.entry(model).or_default()))?;
        Ok(models)
    }

    fn slots_of_times(&self, window: Window) -> Result<BTreeMap<String, Slots>, JournalError> {
        let mut models: BTreeMap<String, Slots> = BTreeMap::new();
        let into = |slot: Option<usize>, model: String, merge: Merge<'_>| {
            let slots = models.entry(model).or_insert_with(|| vec![Times::default(); window.len()]);
            match slot.and_then(|slot| slots.get_mut(slot)) {
                Some(times) => merge(times),
                None => Ok(()),
            }
        };
        self.each_slot(window, into)?;
        Ok(models)
    }

    fn each_slot(
        &self,
        window: Window,
        mut into: impl FnMut(Option<usize>, String, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let range = (window.first, window.last);
        match window.grain() {
            Grain::Hour => self.each_hour(range, |hour, model, merge| into(window.slot(hour), model, merge)),
            Grain::Day => self.each_day(range, |day, model, merge| into(window.slot(day), model, merge)),
        }
    }

    fn each_hour(
        &self,
        range: (i64, i64),
        into: impl FnMut(i64, String, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let waiting =
            |fold: Fold| fold.hours.into_iter().map(|([hour, model, ..], (_, times))| ([hour, model], times)).collect();
        self.each("SELECT hour, model, first, total FROM hours WHERE hour BETWEEN ?1 AND ?2", range, waiting, into)
    }

    fn each_day(
        &self,
        range: (i64, i64),
        into: impl FnMut(i64, String, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let waiting = |fold: Fold| fold.times.into_iter().collect();
        self.each("SELECT day, model, first, total FROM times WHERE day BETWEEN ?1 AND ?2", range, waiting, into)
    }

    /// Everything that was measured from the first to the last hour or day, packed and waiting.
    fn each(
        &self,
        packed: &str,
        (first, last): (i64, i64),
        waiting: impl FnOnce(Fold) -> Vec<([i64; 2], Times)>,
        mut into: impl FnMut(i64, String, Merge<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let db = self.snapshot()?;
        let mut names = Names::of(&db);
        let mut query = db.prepare_cached(packed).map_err(&sql)?;
        let mut rows = query.query([first, last]).map_err(&sql)?;
        while let Some(row) = rows.next().map_err(&sql)? {
            let model = row.get(1).and_then(|model| names.name(model));
            let number = row.get(0).map_err(&sql)?;
            into(number, model.map_err(&sql)?, &mut |times| times.merge_row(row, 2)).map_err(&sql)?;
        }
        for ([number, model], times) in waiting(Fold::waiting(&db).map_err(&sql)?) {
            if (first..=last).contains(&number) {
                let model = names.name(model).map_err(&sql)?;
                into(number, model, &mut |sum| {
                    sum.merge(&times);
                    Ok(())
                })
                .map_err(&sql)?;
            }
        }
        Ok(())
    }
}

/// Adds what was measured to a sum.
type Merge<'a> = &'a mut dyn FnMut(&mut Times) -> rusqlite::Result<()>;
