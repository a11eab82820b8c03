//! Sums over time: requests, cost, tokens, errors of every slot, by model, tier or provider.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::base::sort;

use super::super::days::{self, Period};
use super::super::error::JournalError;
use super::super::hours::{Fold, numbers};
use super::super::query::{By, Totals, of_sums, totals};
use super::super::schema::SUMS;
use super::super::store::Journal;
use super::{Grain, Names, Window};

/// What a series is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The model that was tried.
    Model,
    /// Its tier.
    Tier,
    /// The vendor. Made of hours also where the slots are days.
    Provider,
}

/// Sums over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// When the slots begin.
    pub starts: Vec<Timestamp>,
    /// The whole.
    pub whole: SeriesLine,
    /// The lines, the dearest first, then the most used.
    pub lines: Vec<SeriesLine>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesLine {
    /// The model, the tier, the vendor.
    pub name: String,
    /// The sums of all slots.
    pub total: Totals,
    /// Those of each slot.
    pub slots: Vec<Totals>,
}

impl SeriesLine {
    fn empty(name: String, slots: usize) -> Self {
        Self { name, total: Totals::default(), slots: vec![Totals::default(); slots] }
    }

    fn add(&mut self, slot: usize, totals: &Totals) {
        self.total = self.total.plus(totals);
        if let Some(sum) = self.slots.get_mut(slot) {
            *sum = sum.plus(totals);
        }
    }
}

static BY_HOUR: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT hour, model, provider, tier, {}, first_at, last_at FROM hours WHERE hour BETWEEN ?1 AND ?2",
        SUMS.join(", ")
    )
});

impl Journal {
    /// Sums over time.
    pub fn series(&self, window: Window, split: Split) -> Result<Series, JournalError> {
        let mut lines = Lines { slots: window.len(), lines: BTreeMap::new() };
        match (window.grain(), split) {
            (Grain::Day, Split::Model) => self.by_days(window, By::Model, &mut lines)?,
            (Grain::Day, Split::Tier) => self.by_days(window, By::Tier, &mut lines)?,
            _ => self.by_hours(window, split, &mut lines)?,
        }
        let mut whole = SeriesLine::empty(String::new(), window.len());
        for line in lines.lines.values() {
            for (slot, totals) in line.slots.iter().enumerate() {
                whole.add(slot, totals);
            }
        }
        let mut lines: Vec<SeriesLine> = lines.lines.into_values().collect();
        sort::by_key(&mut lines, |line| std::cmp::Reverse((line.total.cost, line.total.attempts)));
        Ok(Series { starts: window.starts(&self.zone), whole, lines })
    }

    fn by_days(&self, window: Window, by: By, lines: &mut Lines) -> Result<(), JournalError> {
        for line in self.report(Period::Day, Some(by), window.whole_days())? {
            if let Some((slot, name)) = window.slot(days::number(line.start)).zip(line.value) {
                lines.add(slot, name, &line.totals);
            }
        }
        Ok(())
    }

    fn by_hours(&self, window: Window, split: Split, lines: &mut Lines) -> Result<(), JournalError> {
        let sql = JournalError::sql(&self.path);
        let db = self.snapshot()?;
        let mut found: BTreeMap<i64, SeriesLine> = BTreeMap::new();
        // Hours come in order, and a day has many: its slot is found once.
        let mut last = (i64::MIN, None);
        let mut add = |[hour, model, provider, tier]: [i64; 4], totals: &Totals| {
            if last.0 != hour {
                last = (hour, window.slot_of_hour(hour, &self.zone));
            }
            let of = match split {
                Split::Model => model,
                Split::Tier => tier,
                Split::Provider => provider,
            };
            if let Some(slot) = last.1 {
                let line = found.entry(of).or_insert_with(|| SeriesLine::empty(String::new(), lines.slots));
                line.add(slot, totals);
            }
        };
        let (first, last) = window.touched(&self.zone);
        let mut query = db.prepare_cached(&BY_HOUR).map_err(&sql)?;
        let mut rows = query.query([first, last]).map_err(&sql)?;
        while let Some(row) = rows.next().map_err(&sql)? {
            add(numbers(row, 0).map_err(&sql)?, &totals(row, 4).map_err(&sql)?);
        }
        for (key, (sums, _)) in Fold::waiting(&db).map_err(&sql)?.hours {
            add(key, &of_sums(&sums));
        }
        let mut names = Names::of(&db);
        for (of, line) in found {
            let name = if split == Split::Tier { of.to_string() } else { names.name(of).map_err(&sql)? };
            lines.lines.insert(name.clone(), SeriesLine { name, ..line });
        }
        Ok(())
    }
}

struct Lines {
    slots: usize,
    lines: BTreeMap<String, SeriesLine>,
}

impl Lines {
    fn add(&mut self, slot: usize, name: String, totals: &Totals) {
        let line = self.lines.entry(name).or_insert_with_key(|name| SeriesLine::empty(name.clone(), self.slots));
        line.add(slot, totals);
    }
}
