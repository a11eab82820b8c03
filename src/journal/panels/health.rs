//! How the providers did over time: answers, and errors by kind. What a person stopped says nothing of a provider.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::base::sort;

use super::super::document::rate;
use super::super::error::JournalError;
use super::super::hours::Fold;
use super::super::store::Journal;
use super::{Names, Window};

/// Errors by their stable names, the most frequent first.
pub type Errors = Vec<(String, u64)>;

/// One slot of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Pulse {
    /// Whole answers.
    pub ok: u64,
    /// Failed and cut attempts.
    pub errors: u64,
}

impl Pulse {
    /// Answers among all, from 0 to 1; `None` where nothing was asked.
    pub fn availability(self) -> Option<f64> {
        let all = self.ok.saturating_add(self.errors);
        (all > 0).then(|| rate(self.ok, all))
    }
}

/// How a provider did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderHealth {
    /// Its name.
    pub provider: String,
    /// Over the whole window.
    pub whole: Pulse,
    /// What its errors were.
    pub errors: Errors,
    /// In each slot.
    pub slots: Vec<Pulse>,
}

impl Journal {
    /// How the providers did over time: when the slots begin, and each provider, by name.
    pub fn health(&self, window: Window) -> Result<(Vec<Timestamp>, Vec<ProviderHealth>), JournalError> {
        let sql = JournalError::sql(&self.path);
        let db = self.snapshot()?;
        let (first, last) = window.touched(&self.zone);
        let mut found = Found { window, providers: BTreeMap::new() };
        {
            let mut query = db
                .prepare_cached("SELECT hour, provider, what, count FROM health WHERE hour BETWEEN ?1 AND ?2")
                .map_err(&sql)?;
            let mut rows = query.query([first, last]).map_err(&sql)?;
            // Hours come in order, and a day has many: its slot is found once.
            let mut slot = (i64::MIN, None);
            while let Some(row) = rows.next().map_err(&sql)? {
                let [hour, provider, what, count] = super::super::hours::numbers(row, 0).map_err(&sql)?;
                if slot.0 != hour {
                    slot = (hour, window.slot_of_hour(hour, &self.zone));
                }
                found.add(slot.1, [provider, what, count]);
            }
        }
        for ([hour, provider, what], count) in Fold::waiting(&db).map_err(&sql)?.health {
            found.add(window.slot_of_hour(hour, &self.zone), [provider, what, count]);
        }
        let mut names = Names::of(&db);
        let mut health = found.named(&mut names).map_err(&sql)?;
        sort::by(&mut health, |a, b| a.provider.cmp(&b.provider));
        Ok((window.starts(&self.zone), health))
    }
}

struct Found {
    window: Window,
    /// The slots of every provider, and what its errors were.
    providers: BTreeMap<i64, (Vec<Pulse>, BTreeMap<i64, u64>)>,
}

impl Found {
    fn add(&mut self, slot: Option<usize>, [provider, what, count]: [i64; 3]) {
        let Some(slot) = slot else { return };
        let len = self.window.len();
        let (slots, errors) =
            self.providers.entry(provider).or_insert_with(|| (vec![Pulse::default(); len], BTreeMap::new()));
        let Some(pulse) = slots.get_mut(slot) else { return };
        let count = u64::try_from(count).unwrap_or(0);
        if what == 0 {
            pulse.ok = pulse.ok.saturating_add(count);
        } else {
            pulse.errors = pulse.errors.saturating_add(count);
            *errors.entry(what).or_default() += count;
        }
    }

    fn named(self, names: &mut Names<'_>) -> rusqlite::Result<Vec<ProviderHealth>> {
        let mut health = Vec::new();
        for (provider, (slots, counted)) in self.providers {
            let mut errors = Errors::new();
            for (what, count) in counted {
                errors.push((names.name(what)?, count));
            }
            sort::by(&mut errors, |a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            let whole = slots.iter().fold(Pulse::default(), |sum, pulse| Pulse {
                ok: sum.ok.saturating_add(pulse.ok),
                errors: sum.errors.saturating_add(pulse.errors),
            });
            health.push(ProviderHealth { provider: names.name(provider)?, whole, errors, slots });
        }
        Ok(health)
    }
}
